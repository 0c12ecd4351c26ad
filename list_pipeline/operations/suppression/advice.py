"""The question to the advisor about the verdicts of a campaign, and the verdicts after its opinion.

Belongs here: groups, borderline contacts and who is behind each reference. Does not belong here: asking
(``agents.optimization``), and gathering and storing (``plan_and_execute``). Everything here is a function of its
arguments; it is not in ``core`` because it speaks the words of both sides, the verdicts' and the advisor's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from list_pipeline.agents.optimization import Opinion
from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.bounces.domains import domain_kind
from list_pipeline.core.suppression.past import days_between
from list_pipeline.core.suppression.plan import SuppressionSummary
from list_pipeline.core.suppression.plan_summary import (
    MAX_BORDERLINE,
    BorderlineItem,
    PlanGroup,
    PlanSummary,
    position,
)
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
    PastInAll,
    Verdict,
)

_POLICY = SuppressionPolicy()
_NO_HISTORY: Mapping[int, Sequence[Attempt]] = MappingProxyType({})
_NOT_IN_ALL: Mapping[int, PastInAll] = MappingProxyType({})
_UNKNOWN = ContactFacts(is_known=False)


@dataclass(frozen=True, slots=True)
class AdviceQuestion:
    """A question about verdicts, and who is behind its references.

    Attributes:
        contacts: reference of a contact (``c1``) to its id; only those that are asked about singly.
        groups: reference of a group (``g1``) to the ids of all its contacts.
    """

    summary: PlanSummary
    contacts: Mapping[str, int]
    groups: Mapping[str, tuple[int, ...]]


def ask_about(
    verdicts: Sequence[Verdict],
    facts: Mapping[int, ContactFacts],
    context: CampaignContext,
    *,
    history: Mapping[int, Sequence[Attempt]] = _NO_HISTORY,
    in_all: Mapping[int, PastInAll] = _NOT_IN_ALL,
    as_of: datetime | None = None,
    policy: SuppressionPolicy = _POLICY,
) -> AdviceQuestion:
    """Make the question about the policy's verdicts; it does not depend on their order.

    Borderline groups come first, then the largest. Borderline contacts come with the most doubtful first: the lowest
    confidence, then those that were reached most often before, then those with the fewest failures.

    Args:
        verdicts: one a contact.
        facts: what our rows know about each contact.
        context: the campaign.
        history: the other campaigns of each contact, at least back to its last delivery.
        in_all: what all of them together were, for borderline contacts whose ``history`` goes back no further.
        as_of: the moment that is judged for (UTC); None: the last failure of all.
    """
    last = as_of or max((event.occurred_at for one in verdicts for event in one.events), default=None)
    case = _CampaignVerdicts(facts, context, history, in_all, last)
    grouped: dict[tuple[str, str, str, str], list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda one: one.contact_id):
        grouped.setdefault(_key(verdict), []).append(verdict)
    ordered = sorted(grouped.items(), key=lambda pair: (not pair[1][0].is_borderline, -len(pair[1]), pair[0]))
    place = {key: number for number, (key, _) in enumerate(ordered)}
    items = [(verdict, case.item(verdict, place[_key(verdict)])) for verdict in verdicts if verdict.is_borderline]
    items.sort(key=lambda pair: (pair[1].confidence, -pair[1].deliveries_before, pair[1].hits, pair[0].contact_id))
    summary = PlanSummary(
        context.recipients, [case.group(members) for _, members in ordered], [item for _, item in items], policy
    )
    return AdviceQuestion(
        summary,
        {f"c{number}": verdict.contact_id for number, (verdict, _) in enumerate(items[:MAX_BORDERLINE], start=1)},
        {
            f"g{number}": tuple(one.contact_id for one in members)
            for number, (_, members) in enumerate(ordered, start=1)
        },
    )


def after_opinion(verdicts: Sequence[Verdict], asked: AdviceQuestion, opinion: Opinion) -> tuple[Verdict, ...]:
    """The verdicts after an opinion: none suppresses that did not before, and no confidence rises.

    A contact that was judged singly follows that judgement; the others of its group follow the group's.
    """
    by_contact = {contact_id: reference for reference, contact_id in asked.contacts.items()}
    by_group = {
        contact_id: confidence
        for reference, confidence in opinion.doubted.items()
        for contact_id in asked.groups[reference]
    }
    softened = []
    for verdict in verdicts:
        reference = by_contact.get(verdict.contact_id)
        if reference is not None and reference in opinion.judged:
            verdict = verdict.more_careful(
                confidence=opinion.lowered.get(reference),
                monitor=reference in opinion.monitored,
                said=opinion.reasons.get(reference, ""),
            )
        elif verdict.contact_id in by_group:
            verdict = verdict.more_careful(confidence=by_group[verdict.contact_id])
        softened.append(verdict)
    return tuple(softened)


def opinion_as_json(asked: AdviceQuestion, opinion: Opinion) -> dict[str, object]:
    """The effect of an opinion by contact and by rule, for the advisor's record: no address in it."""
    return {
        "rationale": opinion.rationale,
        "expected_impact": opinion.expected_impact,
        "concerns": list(opinion.concerns),
        "monitored": sorted(asked.contacts[reference] for reference in opinion.monitored),
        "lowered": {str(asked.contacts[reference]): value for reference, value in opinion.lowered.items()},
        "doubted_groups": [
            {
                "rule": asked.summary.groups[position(reference)].rule,
                "reason": asked.summary.groups[position(reference)].reason,
                "contacts": len(asked.groups[reference]),
                "confidence": value,
            }
            for reference, value in opinion.doubted.items()
        ],
        "judged": len(opinion.judged),
        "disagreements": opinion.disagreements,
        "unjudged": opinion.unjudged,
    }


def with_advice(summary: SuppressionSummary, asked: AdviceQuestion, opinion: Opinion) -> SuppressionSummary:
    """A plan's summary with the advice, whether a model or the policy gave it."""
    return replace(
        summary,
        rationale=opinion.rationale,
        expected_impact=opinion.expected_impact,
        advised_by=opinion.source,
        advisor_confidence=opinion.confidence,
        concerns=tuple(opinion.concerns),
        breakdown=asked.summary.breakdown(),
        disagreements=opinion.disagreements,
        advice=opinion.recorded.summary(),
    )


def _key(verdict: Verdict) -> tuple[str, str, str, str]:
    return (
        verdict.action.value,
        verdict.rule.value,
        str(verdict.bounce_class or "unknown"),
        verdict.bounce_type or verdict.rule.value,
    )


@dataclass(frozen=True, slots=True)
class _CampaignVerdicts:
    """The verdicts of a campaign with the facts about its contacts."""

    facts: Mapping[int, ContactFacts]
    context: CampaignContext
    history: Mapping[int, Sequence[Attempt]]
    in_all: Mapping[int, PastInAll]
    as_of: datetime | None

    def group(self, members: Sequence[Verdict]) -> PlanGroup:
        """The contacts of one key."""
        first = members[0]
        _, rule, bounce_class, reason = _key(first)
        hits = [sum(event.counts for event in one.events) for one in members]
        days = [self._days_since(one) for one in members]
        domains = [self.context.domain_of.get(one.contact_id) for one in members]
        return PlanGroup(
            action=first.action,
            rule=rule,
            bounce_class=bounce_class,
            reason=reason,
            contacts=len(members),
            domains=len(set(domains) - {None}),
            confidence=first.confidence,
            hits=(min(hits), max(hits)),
            days_since_last_hit=(min(days), max(days)),
            delivered_before=sum(self._deliveries(one) > 0 for one in members),
            domain_kinds=Counter(domain_kind(domain).value for domain in domains),
        )

    def item(self, verdict: Verdict, group: int) -> BorderlineItem:
        """One borderline contact."""
        events = verdict.events
        past = self.history.get(verdict.contact_id, ())
        known = self.in_all.get(verdict.contact_id)
        if known is None:
            known = PastInAll(self._deliveries(verdict), min((one.sent_at for one in past), default=None))
        begun = known.first_sent_at
        sends = {one.campaign_id: one.sent_at for one in past} | {self.context.campaign_id: self.context.sent_at}

        def sent_at(event: FailureEvent) -> datetime:
            return sends.get(event.campaign_id, event.occurred_at)

        return BorderlineItem(
            group=group,
            hits=sum(event.counts for event in events),
            campaigns=self.facts.get(verdict.contact_id, _UNKNOWN).campaigns_count,
            span_days=days_between(sent_at(events[0]), sent_at(events[-1])) if events else 0,
            days_since_last_hit=self._days_since(verdict),
            confidence=verdict.confidence or 0.0,
            deliveries_before=known.deliveries,
            days_known=(self.as_of - begun).days if self.as_of is not None and begun is not None else 0,
            is_same_reason=len({event.reason for event in events}) <= 1,
            domain_kind=domain_kind(self.context.domain_of.get(verdict.contact_id)).value,
            server_words=events[-1].server_words if events else "",
        )

    def _days_since(self, verdict: Verdict) -> int:
        if not verdict.events or self.as_of is None:
            return 0
        return max(0, (self.as_of - verdict.events[-1].occurred_at).days)

    def _deliveries(self, verdict: Verdict) -> int:
        past = self.history.get(verdict.contact_id, ())
        return sum(one.outcome is AttemptOutcome.DELIVERED for one in past)
