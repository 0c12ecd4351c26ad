"""What would have changed a verdict: the rules are asked again with one fact changed.

Belongs here: which single facts are changed, and their words. Does not belong here: any rule. Whatever follows from a fact is
what ``core.suppression.rules`` says about it, also where the rules change.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent, classify
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import Group, GroupKind
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import (
    decide,
    keep_asked,
    keep_delivered,
    keep_rejected,
    keep_taken_back,
)
from list_pipeline.core.suppression.verdicts import (
    AskedAbout,
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    Verdict,
    VerdictAction,
)
from list_pipeline.core.wording import count_text, date_text

_STAYS = frozenset({VerdictAction.KEEP, VerdictAction.MONITOR})
_INVENTED = -1_000_000
"""Campaigns and contacts that are made up here are numbered from this one down. Real campaigns have positive numbers, and of
contacts none but the judged one matters."""
_MOST_MORE = 6
_LONGEST_PAUSE = 30
"""The furthest that is looked ahead: so many more failures, so many days apart. Longer ones are no single fact any more."""
_A_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Judged:
    """What the rules were told about one contact in one campaign.

    Attributes:
        event: its failure; None: it is flagged as complaining.
        attempts: its other campaigns.
        facts: as the rules saw them, not as they are since.
        campaign: with the incident that the contact was part of, if it was.
        as_of: the moment that was judged for. ``read_at``: when the failures were read, which is later in a backfill.
        is_rejected, is_taken_back: a person had said no after an earlier look at the campaign, or taken it back.
        asked: the question that was open then.
        is_reached_since: a campaign after the failure reached the contact, as far as is known by now.
    """

    contact_id: int
    event: FailureEvent | None
    attempts: tuple[Attempt, ...]
    facts: ContactFacts
    campaign: CampaignContext
    policy: SuppressionPolicy
    as_of: datetime
    read_at: datetime
    is_rejected: bool = False
    is_taken_back: bool = False
    asked: AskedAbout | None = None
    is_reached_since: bool = False

    def verdict(self) -> Verdict | None:
        """What the rules say; None: nothing, because there is neither a failure nor a complaint."""
        then, now = (self._decided(moment) for moment in (self.as_of, self.read_at))
        verdicts = keep_delivered(then, now) if self.as_of < self.read_at else then
        own = {self.contact_id}
        verdicts = keep_rejected(verdicts, own if self.is_rejected else ())
        verdicts = keep_taken_back(verdicts, own if self.is_taken_back else ())
        if self.asked is not None:
            verdicts = keep_asked(verdicts, {self.contact_id: self.asked}, self.campaign.incidents)
        return next(iter(verdicts), None)

    def _decided(self, moment: datetime) -> tuple[Verdict, ...]:
        events = (self.event,) if self.event else ()
        history, facts = {self.contact_id: self.attempts}, {self.contact_id: self.facts}
        return decide(events, history, facts, self.campaign, self.policy, moment)


@dataclass(frozen=True, slots=True)
class OtherVerdict:
    """A verdict that would have been another one. ``change``: what would have had to be different, as the beginning of a
    sentence; ``action``: the verdict then, None where nothing would have been judged."""

    change: str
    action: VerdictAction | None


def would_have_changed(judged: Judged) -> tuple[OtherVerdict, ...]:
    """The single facts with which the verdict would have been another one, the likeliest questions first.

    Watching and keeping count as one: the contact stays either way.
    """
    real = _group(judged.verdict())
    found: dict[str, OtherVerdict] = {}
    for words, other in _changes(judged):
        verdict = other.verdict()
        if _group(verdict) != real:
            found.setdefault(words, OtherVerdict(words, verdict.action if verdict else None))
    return tuple(found.values())


def would_change(judged: Judged) -> tuple[OtherVerdict, ...]:
    """What from now on would make a contact that stays a suppressed one: so many more of the same failure."""
    if _group(judged.verdict()) is not None or judged.event is None:
        return ()
    for more in range(1, _MOST_MORE + 1):
        for days in range(1, _LONGEST_PAUSE + 1):
            verdict = _with_more(judged, judged.event, more, days).verdict()
            if verdict is not None and verdict.action is VerdictAction.SUPPRESS:
                times = "the same failure once more" if more == 1 else f"the same failure {more} more times"
                apart = f"at least {count_text(days, 'day')} {'later' if more == 1 else 'apart'}"
                return (OtherVerdict(f"{times}, {apart} and with no further delivery before it", verdict.action),)
    return ()


def _group(verdict: Verdict | None) -> VerdictAction | None:
    """None: the contact stays."""
    return None if verdict is None or verdict.action in _STAYS else verdict.action


def _changes(judged: Judged) -> Iterator[tuple[str, Judged]]:
    yield from _people(judged)
    yield from _deliveries(judged)
    yield from _signs(judged)
    yield from _incidents(judged)
    yield from _earlier_failures(judged)
    yield from _failure(judged)
    yield from _facts(judged)


def _people(judged: Judged) -> Iterator[tuple[str, Judged]]:
    if judged.is_rejected:
        yield "without a person's rejection", replace(judged, is_rejected=False)
    if judged.is_taken_back:
        yield "had nobody taken the suppression back", replace(judged, is_taken_back=False)
    if judged.asked is not None:
        yield "without the question that was open", replace(judged, asked=None)


def _deliveries(judged: Judged) -> Iterator[tuple[str, Judged]]:
    event = judged.event
    if event is None:
        return
    if event.occurred_at + _A_MOMENT <= judged.as_of and not judged.is_reached_since:
        delivered = _delivered(event.occurred_at + _A_MOMENT)
        yield f"a delivery since {date_text(event.occurred_at)}", _told(judged, *judged.attempts, delivered)
    earlier = [
        one for one in judged.attempts if one.event and one.event.counts and one.sent_at < judged.campaign.sent_at
    ]
    if earlier:
        last = max(earlier, key=lambda one: one.sent_at)
        between = _delivered(last.sent_at + (judged.campaign.sent_at - last.sent_at) / 2)
        words = f"a delivery between {date_text(last.sent_at)} and {date_text(judged.campaign.sent_at)}"
        yield words, _told(judged, *judged.attempts, between)
    reached = [one for one in judged.attempts if one.outcome is AttemptOutcome.DELIVERED]
    for name, some in (
        ("later", [one for one in reached if one.sent_at > event.occurred_at]),
        ("earlier", [one for one in reached if one.sent_at <= event.occurred_at]),
    ):
        if some:
            which = f"the {name} delivery on {date_text(some[-1].sent_at)}" if len(some) == 1 else f"{name} deliveries"
            yield f"without {which}", _told(judged, *(one for one in judged.attempts if one not in some))
    if judged.facts.deliveries is not None and judged.facts.deliveries.count:
        uncounted = replace(judged.facts, deliveries=None)
        yield "without the deliveries of before that Mailjet counts", replace(judged, facts=uncounted)


def _signs(judged: Judged) -> Iterator[tuple[str, Judged]]:
    event, at = judged.event, judged.facts.address_worked_at
    if event is None:
        return
    if at is not None:
        silent = replace(judged.facts, address_worked_at=None)
        yield f"without the open or click on {date_text(at)}", replace(judged, facts=silent)
    else:
        opened = replace(judged.facts, address_worked_at=event.occurred_at + _A_MOMENT)
        yield f"an open or click since {date_text(event.occurred_at)}", replace(judged, facts=opened)


def _incidents(judged: Judged) -> Iterator[tuple[str, Judged]]:
    event = judged.event
    if event is None or judged.contact_id not in judged.campaign.domain_of:
        return
    day = date_text(event.occurred_at)
    if judged.campaign.incidents:
        where = "its domain" if judged.campaign.incidents[0].group.kind is GroupKind.DOMAIN else "its mail operator"
        yield f"without the incident at {where} on {day}", _in_incidents(judged)
    else:
        made_up = Incident(Group(GroupKind.OPERATOR, "its own"), 0, 0, 0.0, (judged.contact_id,))
        yield f"an incident at its mail operator on {day}", _in_incidents(judged, made_up)


def _in_incidents(judged: Judged, *incidents: Incident) -> Judged:
    return replace(judged, campaign=replace(judged.campaign, incidents=incidents))


def _earlier_failures(judged: Judged) -> Iterator[tuple[str, Judged]]:
    for one in sorted(judged.attempts, key=lambda each: each.sent_at, reverse=True):
        if one.event is None or not one.event.counts:
            continue
        day, others = date_text(one.event.occurred_at), [each for each in judged.attempts if each is not one]
        told_otherwise = replace(one, held_by=GroupKind.OPERATOR if one.held_by is None else None)
        words = (
            f"had the failure on {day} been no part of an incident"
            if one.held_by is not None
            else f"an incident at its mail operator on {day}"
        )
        yield words, _told(judged, *others, told_otherwise)
        yield f"without the failure on {day}", _told(judged, *others)


def _failure(judged: Judged) -> Iterator[tuple[str, Judged]]:
    event = judged.event
    if event is None:
        return
    found = event.classification
    if event.is_contradictory:
        yield "had Mailjet's two records agreed", replace(judged, event=replace(event, is_contradictory=False))
    elif found.bounce_class is BounceClass.HARD:
        words = "had the receiver left no doubt" if found.is_disputed else "had the receiver's words left a doubt"
        other = replace(found, is_disputed=not found.is_disputed)
        yield words, replace(judged, event=replace(event, classification=other))
    elif not event.counts:
        dead = replace(event, classification=classify(1, True), is_permanent=True)
        yield "had the receiver said that there is no such user", replace(judged, event=dead)
    if found.bounce_class is BounceClass.COMPLAINT:
        facts = replace(judged.facts, is_complaining=False)
        yield "had this person not complained", replace(judged, event=None, facts=facts)


def _facts(judged: Judged) -> Iterator[tuple[str, Judged]]:
    facts = judged.facts
    for words, other in (
        ("had it been a recipient of the campaign", replace(facts, is_recipient=True)),
        ("had it not been suppressed already", replace(facts, in_suppression_list=False)),
        ("had this person not complained", replace(facts, is_complaining=False)),
    ):
        if other != facts:
            yield words, replace(judged, facts=other)
    with_domain = replace(judged.campaign, domain_of={judged.contact_id: "known.invalid", **judged.campaign.domain_of})
    if not facts.is_known:
        row = replace(facts, is_known=True)
        yield "had it been known whose address it is", replace(judged, facts=row, campaign=with_domain)
    elif facts.is_unreadable:
        # The address, and with it the domain, is a part of the row.
        readable = replace(facts, is_unreadable=False)
        yield "had its row at Mailjet been readable", replace(judged, facts=readable, campaign=with_domain)
    elif with_domain != judged.campaign:
        yield "had its domain been known", replace(judged, campaign=with_domain)


def _told(judged: Judged, *attempts: Attempt) -> Judged:
    """The same with other campaigns in its past."""
    count = judged.facts.campaigns_count + len(attempts) - len(judged.attempts)
    return replace(judged, attempts=attempts, facts=replace(judged.facts, campaigns_count=count))


def _delivered(at: datetime) -> Attempt:
    return Attempt(_INVENTED, at, AttemptOutcome.DELIVERED)


def _with_more(judged: Judged, event: FailureEvent, more: int, days: int) -> Judged:
    """Judged after so many more campaigns in which the contact fails in the same way, so many days apart and after its last."""
    campaign = judged.campaign
    begun = max([campaign.sent_at, *(one.sent_at for one in judged.attempts)]) - campaign.sent_at
    failed = [Attempt(campaign.campaign_id, campaign.sent_at, AttemptOutcome.FAILED, event)]
    for number in range(1, more + 1):
        later = begun + timedelta(days=number * days)
        again = replace(event, campaign_id=_INVENTED - number, occurred_at=event.occurred_at + later)
        failed.append(Attempt(again.campaign_id, campaign.sent_at + later, AttemptOutcome.FAILED, again))
    *past, last = failed
    looked_at = event.occurred_at + begun + timedelta(days=more * days + 1)
    then = replace(
        judged,
        event=last.event,
        campaign=replace(campaign, campaign_id=last.campaign_id, sent_at=last.sent_at, incidents=()),
        as_of=looked_at,
        read_at=looked_at,
        is_rejected=False,
        is_taken_back=False,
        asked=None,
    )
    return _told(then, *judged.attempts, *past)
