"""The suppression rules: who is suppressed and on what evidence, contact by contact.

Belongs here: the verdict on each contact that a campaign's bounces concern. Does not belong here: reading the sources
(``core.bounces.sources``), what a contact's earlier campaigns say (``past``), the values themselves (``verdicts``), writing the
verdicts down (``plan``) and letting a plan through (``gate``).

What is not known never suppresses. An attempt whose outcome is unknown is neither a failure nor a delivery. What Mailjet did
not attempt at all is stepped over; only a hard bounce that we read before it speaks through a preblock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from list_pipeline.core.bounces.classes import SENDER_CLASSES, BounceClass, FailureEvent
from list_pipeline.core.incidents.contacts import Incident, IncidentCause
from list_pipeline.core.suppression.past import Hit, Past, days_between
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.unreachable import lasting_streak, unanswered
from list_pipeline.core.suppression.verdicts import (
    AskedAbout,
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    SuppressionRule,
    Verdict,
    VerdictAction,
)
from list_pipeline.core.wording import date_text


def decide(
    events: Sequence[FailureEvent],
    history: Mapping[int, Sequence[Attempt]],
    facts: Mapping[int, ContactFacts],
    campaign: CampaignContext,
    policy: SuppressionPolicy,
    as_of: datetime,
) -> tuple[Verdict, ...]:
    """One verdict for every contact with an event in this campaign, or flagged as complaining, by contact id.

    Args:
        events: this campaign's failures, one a contact; the same event twice is one event.
        history: the other campaigns that each contact was a recipient of; one attempt a campaign.
        facts: what our rows know; a contact without facts is kept.
        campaign: the campaign itself.
        policy: the figures.
        as_of: the moment that the decision is made for (UTC). What happened later was not known then and is left out.

    Raises:
        ValueError: two different events for one contact, two attempts for one campaign, or
            an event of another campaign.
    """
    by_contact = _one_event_each(events, campaign.campaign_id)
    complaining = {
        contact_id
        for contact_id, known in facts.items()
        if known.is_complaining and known.is_known and known.is_recipient
    }
    incident_of = {contact_id: incident for incident in campaign.incidents for contact_id in incident.contact_ids}
    verdicts = []
    for contact_id in sorted(by_contact.keys() | complaining):
        known = facts.get(contact_id, ContactFacts(is_known=False))
        past = _past(contact_id, history.get(contact_id, ()), campaign.campaign_id, as_of)
        event, incident = by_contact.get(contact_id), incident_of.get(contact_id)
        case = _Case(
            contact_id=contact_id,
            past=None
            if event is None
            else Past(
                Hit(campaign.sent_at, event),
                past,
                incident.group.kind if incident else None,
                known.domain_reached_at,
                known.deliveries,
            ),
            facts=known,
            has_domain=contact_id in campaign.domain_of,
            incident=incident,
            policy=policy,
            as_of=as_of,
        )
        verdicts.append(_judge(case))
    return tuple(verdicts)


def unanswered_since(
    events: Iterable[FailureEvent],
    history: Mapping[int, Sequence[Attempt]],
    campaign: CampaignContext,
    policy: SuppressionPolicy,
    as_of: datetime,
) -> dict[int, datetime]:
    """The contacts whose domain gave no answer for so long that it matters how others there were answered, each with the start
    of the first of these sends (UTC). The arguments are those of ``decide``."""
    found = {}
    for event in events:
        attempts = _past(event.contact_id, history.get(event.contact_id, ()), campaign.campaign_id, as_of)
        streak = lasting_streak(Past(Hit(campaign.sent_at, event), attempts), policy)
        if streak and event.occurred_at <= as_of:
            found[event.contact_id] = streak[0].sent_at
    return found


def keep_delivered(then: Iterable[Verdict], now: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts for a past moment, with those replaced whose contact a later campaign reached, as the present ones say.

    What became known after the moment that is judged for suppresses nobody; that an address works still protects it.
    """
    reached = {verdict.contact_id: verdict for verdict in now if verdict.rule is SuppressionRule.DELIVERED_SINCE}
    return tuple(
        reached.get(verdict.contact_id, verdict)
        if verdict.action in (VerdictAction.SUPPRESS, VerdictAction.HOLD)
        and verdict.rule is not SuppressionRule.COMPLAINT
        else verdict
        for verdict in then
    )


def keep_rejected(verdicts: Iterable[Verdict], rejected: Collection[int]) -> tuple[Verdict, ...]:
    """The verdicts, with those kept whose suppression a person rejected after the same campaign.

    A later look at the same campaign brings no new occasion. Complaints are exempt: nobody may be mailed after one.
    """
    words = "Kept: a person rejected this suppression after an earlier look at the same campaign."
    return tuple(
        _kept(verdict, SuppressionRule.REJECTED_BY_PERSON, words)
        if verdict.contact_id in rejected and verdict.rule is not SuppressionRule.COMPLAINT
        else verdict
        for verdict in verdicts
    )


def keep_taken_back(verdicts: Iterable[Verdict], taken_back: Collection[int]) -> tuple[Verdict, ...]:
    """The verdicts, with those kept whose suppression after the same campaign a person took back.

    Complaints too: one is taken back only by an explicit override.
    """
    words = "Kept: a person took this suppression back after an earlier look at the same campaign."
    return tuple(
        _kept(verdict, SuppressionRule.TAKEN_BACK_BY_PERSON, words) if verdict.contact_id in taken_back else verdict
        for verdict in verdicts
    )


def keep_asked(
    verdicts: Iterable[Verdict], asked: Mapping[int, AskedAbout], incidents: Iterable[Incident]
) -> tuple[Verdict, ...]:
    """The verdicts, with those kept about which a person was asked after an earlier look at the same campaign and has not
    decided yet: nobody is asked the same twice. What is decided by another rule now is asked about anew, and so is an incident
    that more contacts belong to: all of its contacts then, with the new figures.
    """
    ordered = tuple(verdicts)
    held = {verdict.contact_id for verdict in ordered if verdict.action is VerdictAction.HOLD}
    grown = {
        contact_id
        for incident in incidents
        if (held & set(incident.contact_ids)) - asked.keys()
        for contact_id in incident.contact_ids
    }
    words = (
        "Kept: a person was asked about this suppression after an earlier look at the same campaign, and decides there."
    )
    return tuple(
        _kept(verdict, SuppressionRule.ASKED_ALREADY, words)
        if verdict.contact_id not in grown
        and asked.get(verdict.contact_id) == AskedAbout(verdict.rule, verdict.action is VerdictAction.HOLD)
        else verdict
        for verdict in ordered
    )


def _kept(verdict: Verdict, rule: SuppressionRule, words: str) -> Verdict:
    if verdict.action not in (VerdictAction.SUPPRESS, VerdictAction.HOLD):
        return verdict
    return replace(verdict, action=VerdictAction.KEEP, rule=rule, confidence=None, explanation=words)


def _one_event_each(events: Iterable[FailureEvent], campaign_id: int) -> dict[int, FailureEvent]:
    by_contact: dict[int, FailureEvent] = {}
    for event in events:
        if event.campaign_id != campaign_id:
            raise ValueError(f"an event of campaign {event.campaign_id} among those of campaign {campaign_id}")
        if by_contact.setdefault(event.contact_id, event) != event:
            raise ValueError(f"two different events of contact {event.contact_id}: reconcile them first")
    return by_contact


def _past(contact_id: int, attempts: Iterable[Attempt], campaign_id: int, as_of: datetime) -> tuple[Attempt, ...]:
    """The attempts of other campaigns as they were known at ``as_of``, oldest first.

    A failure that became known later leaves an attempt whose outcome was unknown then.
    """
    by_campaign: dict[int, Attempt] = {}
    for attempt in attempts:
        if attempt.event is not None and attempt.event.contact_id != contact_id:
            raise ValueError(f"an attempt of contact {attempt.event.contact_id} among those of contact {contact_id}")
        if by_campaign.setdefault(attempt.campaign_id, attempt) != attempt:
            raise ValueError(f"two different attempts of contact {contact_id} in campaign {attempt.campaign_id}")
    known = []
    for attempt in by_campaign.values():
        if attempt.campaign_id == campaign_id or attempt.sent_at > as_of:
            continue
        if attempt.event is not None and attempt.event.occurred_at > as_of:
            attempt = Attempt(attempt.campaign_id, attempt.sent_at, AttemptOutcome.UNKNOWN)
        known.append(attempt)
    return tuple(sorted(known, key=lambda one: (one.sent_at, one.campaign_id)))


@dataclass(frozen=True, slots=True)
class _Case:
    """Everything about one contact."""

    contact_id: int
    past: Past | None
    facts: ContactFacts
    has_domain: bool
    incident: Incident | None
    policy: SuppressionPolicy
    as_of: datetime

    @property
    def event(self) -> FailureEvent | None:
        """The failure that is judged; None: there is none, the contact is flagged as complaining."""
        return self.past.now.event if self.past is not None else None

    def sign_since(self, instant: datetime) -> datetime | None:
        """When the contact opened or clicked after an instant; None: it did not, as far as is known. It protects also where it
        became known after the moment that is judged for: that an address works is no less true then."""
        at = self.facts.address_worked_at
        return at if at is not None and at > instant else None

    def keep(self, rule: SuppressionRule, explanation: str, action: VerdictAction = VerdictAction.KEEP) -> Verdict:
        return self._verdict(action, rule, explanation, (self.event,) if self.event else (), None)

    def suppress(
        self,
        rule: SuppressionRule,
        explanation: str,
        events: tuple[FailureEvent, ...],
        confidence: float,
        flagged: bool = False,
    ) -> Verdict:
        verdict = self._verdict(VerdictAction.SUPPRESS, rule, explanation, events, confidence)
        return replace(verdict, flagged_as_complaining=flagged)

    def _verdict(
        self,
        action: VerdictAction,
        rule: SuppressionRule,
        explanation: str,
        events: tuple[FailureEvent, ...],
        confidence: float | None,
    ) -> Verdict:
        shown = events[-1] if events else None
        return Verdict(
            contact_id=self.contact_id,
            action=action,
            rule=rule,
            policy_version=self.policy.version,
            explanation=explanation,
            bounce_class=shown.bounce_class if shown else None,
            bounce_type=shown.reason.value if shown else None,
            bounce_count=sum(event.counts for event in events),
            confidence=confidence,
            events=events,
        )


def _judge(case: _Case) -> Verdict:
    """The rules in their order: first what forbids a change, then complaints, then what the failure says."""
    facts, event = case.facts, case.event
    if not facts.is_known:
        return case.keep(
            SuppressionRule.FACTS_UNKNOWN, "Kept: we have no row for this contact, so nothing is certain about it."
        )
    if not facts.is_recipient:
        return case.keep(SuppressionRule.NOT_A_RECIPIENT, "Kept: this contact was not a recipient of the campaign.")
    if facts.is_anonymised:
        return case.keep(
            SuppressionRule.ANONYMISED, "Kept: the contact was erased at Mailjet; a change would create it again."
        )
    if facts.is_unreadable:
        return case.keep(
            SuppressionRule.UNREADABLE_ROW,
            "Kept: what Mailjet shows of this contact cannot be read, so nothing is certain about it.",
        )
    if facts.in_suppression_list:
        return case.keep(SuppressionRule.ALREADY_SUPPRESSED, "Nothing to do: already suppressed.")
    known_event = event if event is not None and event.occurred_at <= case.as_of else None
    if facts.is_complaining or (known_event and known_event.bounce_class is BounceClass.COMPLAINT):
        complaints = (known_event,) if known_event and known_event.bounce_class is BounceClass.COMPLAINT else ()
        return case.suppress(
            SuppressionRule.COMPLAINT,
            "Suppressed: this person reported a message as spam.",
            complaints,
            case.policy.confidence_complaint,
            flagged=facts.is_complaining,
        )
    if known_event is None or case.past is None:
        return case.keep(
            SuppressionRule.NOT_KNOWN_YET, "Kept: the failure happened after the moment this is judged for."
        )
    if known_event.is_contradictory:
        return case.keep(SuppressionRule.CONTRADICTION, "Kept: Mailjet's two records of this message do not agree.")
    if known_event.bounce_class is BounceClass.HARD:
        return _with_silence(case, case.past, _judge_hard(case, case.past))
    if known_event.bounce_class is BounceClass.SOFT:
        return _with_silence(case, case.past, _judge_soft(case, case.past))
    if known_event.bounce_class in SENDER_CLASSES:
        return _judge_unreachable(case, case.past) or case.keep(
            SuppressionRule.SENDER_FAULT, "Kept: the receiver refused us, not this contact."
        )
    if known_event.bounce_class is BounceClass.NOT_EVIDENCE:
        return _judge_not_tried(case, case.past)
    return case.keep(SuppressionRule.UNKNOWN, "Kept: the reason for this failure is not known to us.")


def _judge_not_tried(case: _Case, past: Past) -> Verdict:
    """That Mailjet did not try says nothing. But it stops trying after a hard bounce, and then no later campaign can show again
    that the address is dead: a hard bounce that we read ourselves keeps its weight, however old it is."""
    hit = past.hit_behind_block(case.policy) if case.has_domain else None
    if hit is None and case.has_domain and (blocked := past.hit_blocked_for_long(case.policy)) is not None:
        return _judge_blocked(case, past, blocked)
    if hit is None:
        return case.keep(
            SuppressionRule.NOT_EVIDENCE, "Kept: Mailjet did not try to deliver, so the address is not in question."
        )
    if past.delivered_after():
        return _delivered_since(case)
    words = hit.reason.value.replace("_", " ")
    return case.suppress(
        SuppressionRule.HARD_BOUNCE,
        f"Suppressed: the address cannot receive mail ({words} on {date_text(hit.occurred_at.date())}), and Mailjet no longer "
        "tries.",
        (hit,),
        case.policy.confidence_hard,
    )


def _judge_blocked(case: _Case, past: Past, hit: FailureEvent) -> Verdict:
    """A hard bounce that leaves a doubt, and Mailjet has not tried for long: nothing will ever settle it."""
    if past.delivered_after():
        return _delivered_since(case)
    words = hit.reason.value.replace("_", " ")
    return case.suppress(
        SuppressionRule.SECOND_HIT,
        f"Suppressed: {words} on {date_text(hit.occurred_at.date())}, and Mailjet has not tried to deliver since.",
        (hit,),
        case.policy.confidence_second_hit,
    )


def _judge_unreachable(case: _Case, past: Past) -> Verdict | None:
    """The verdict where the contact's domain gave no answer for long; None: that is not shown."""
    events = unanswered(past, case.facts.reach, case.policy) if case.has_domain else ()
    if not events:
        return None
    return case.suppress(
        SuppressionRule.SECOND_HIT,
        f"Suppressed: no mail server of its domain answered in {len(events)} campaigns, and nobody else was reached there.",
        events,
        case.policy.confidence_second_hit,
    )


def _delivered_since(case: _Case) -> Verdict:
    return case.keep(
        SuppressionRule.DELIVERED_SINCE,
        "Watched: a later campaign reached this contact, so the address works.",
        VerdictAction.MONITOR,
    )


def _engaged_since(case: _Case, sign: datetime) -> Verdict:
    """Neither an undisputed hard bounce nor a complaint is answered so: a message of before may be opened from an archive long
    after the address is gone, and whoever complained has opened it."""
    return case.keep(
        SuppressionRule.ENGAGED_SINCE,
        f"Watched: opened or clicked on {date_text(sign)}, after these failures began, so the address works.",
        VerdictAction.MONITOR,
    )


def _judge_hard(case: _Case, past: Past) -> Verdict:
    event = past.now.event
    words = event.reason.value.replace("_", " ")
    if not case.has_domain:
        # Without the domain an incident of the provider cannot be told from a dead address.
        return case.keep(
            SuppressionRule.FACTS_UNKNOWN, "Kept: the contact's domain is not known, so an incident is possible."
        )
    if past.delivered_after():
        return _delivered_since(case)
    incident = None if past.is_domain_gone(case.policy) else case.incident
    if not event.classification.is_disputed and (incident or not past.has_grace(case.policy)):
        verdict = case.suppress(
            SuppressionRule.HARD_BOUNCE,
            f"Suppressed: the address cannot receive mail ({words}).",
            (event,),
            case.policy.confidence_hard,
        )
        return _held(verdict, incident)
    earlier = past.earlier_hit(case.policy)
    if earlier is None and not event.classification.is_disputed:
        return case.keep(
            SuppressionRule.FIRST_HIT,
            f"Watched: {words}, at an address that worked until lately; a second failure counts.",
            VerdictAction.MONITOR,
        )
    if earlier is None:
        if (gone := _judge_unreachable(case, past)) is not None:
            return _held(gone, incident)
        return case.keep(
            SuppressionRule.FIRST_DISPUTED_HIT,
            f"Watched: first report of {words}, which is often temporary; a second one counts.",
            VerdictAction.MONITOR,
        )
    if event.classification.is_disputed and (sign := case.sign_since(earlier.event.occurred_at)):
        return _engaged_since(case, sign)
    days = days_between(earlier.sent_at, past.now.sent_at)
    verdict = case.suppress(
        SuppressionRule.SECOND_HIT,
        f"Suppressed: {words}, the second failure in two campaigns {days} days apart with no delivery between.",
        (earlier.event, event),
        case.policy.confidence_second_hit,
    )
    return _held(verdict, incident)


_HELD = {
    IncidentCause.GROUP: "more contacts of its mail operator or domain bounced at once than dead addresses explain",
    IncidentCause.SENDER: "the refusals of its mail operator or domain that were read refuse us, not the contacts",
}


def _held(verdict: Verdict, incident: Incident | None) -> Verdict:
    """The verdict, that waits where the failure is part of an incident."""
    if incident is None:
        return verdict
    words = _HELD[incident.cause]
    return replace(verdict, action=VerdictAction.HOLD, explanation=f"Held: {words}.")


def _judge_soft(case: _Case, past: Past) -> Verdict:
    policy, streak = case.policy, past.soft_streak(case.policy)
    words = past.now.event.reason.value.replace("_", " ")
    campaigns = len({one.event.campaign_id for one in streak})
    days = days_between(streak[0].sent_at, past.now.sent_at)
    is_pattern = (
        len(streak) >= policy.soft_attempts
        and campaigns >= policy.soft_campaigns
        and days >= policy.soft_span_days
        and days_between(past.now.sent_at, case.as_of) <= policy.soft_recency_days
    )
    if is_pattern and case.facts.campaigns_count < policy.min_campaigns:
        return case.keep(
            SuppressionRule.NEW_CONTACT,
            "Watched: too new to be suppressed for temporary failures.",
            VerdictAction.MONITOR,
        )
    if is_pattern and (sign := case.sign_since(streak[0].event.occurred_at)):
        return _engaged_since(case, sign)
    if is_pattern:
        return case.suppress(
            SuppressionRule.SOFT_PATTERN,
            f"Suppressed: {words} {len(streak)} times with no delivery between, over {days} days.",
            tuple(one.event for one in streak),
            policy.confidence_soft_pattern,
        )
    if len(streak) > 1:
        return case.keep(
            SuppressionRule.SOFT_STREAK,
            f"Watched: {words} {len(streak)} times in a row, not enough to act on.",
            VerdictAction.MONITOR,
        )
    return case.keep(SuppressionRule.SINGLE_SOFT, f"Kept: a single temporary failure ({words}).")


def _with_silence(case: _Case, past: Past, verdict: Verdict) -> Verdict:
    """The verdict, that names a long time without any mail: people who are mailed again after a year moved on meanwhile."""
    days = past.days_without_attempt()
    if days is None or days < case.policy.silence_days:
        return verdict
    return replace(verdict, explanation=f"{verdict.explanation} The contact had not been mailed for {days} days.")
