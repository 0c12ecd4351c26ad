"""The suppression plan: the verdicts of one campaign and sweep, put together for people and the gate to judge.

Belongs here: plan items, sums, the repair list, what was not evidence, incidents. Does not belong here: the verdicts
(``rules``), and whether the plan may run (``gate``).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from list_pipeline.core.advice import AdvisedSummary
from list_pipeline.core.bounces.classes import (
    SENDER_CLASSES,
    BounceClass,
    BounceReason,
    FailureEvent,
    advice_for,
    count_by_class,
)
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.complaints import complaints_of
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, Sweep, content_hash
from list_pipeline.core.suppression.verdicts import SuppressionRule, Verdict, VerdictAction

_ACTIONS = {
    VerdictAction.SUPPRESS: ItemAction.SUPPRESS,
    VerdictAction.HOLD: ItemAction.SUPPRESS,
    VerdictAction.MONITOR: ItemAction.MONITOR,
    VerdictAction.KEEP: ItemAction.KEEP,
}


@dataclass(frozen=True, slots=True)
class SenderFault:
    """A reason that concerns us or Mailjet rather than the contacts: how many, and what people can do about it."""

    reason: BounceReason
    contacts: int
    advice: str


@dataclass(frozen=True, slots=True)
class SuppressionBreakdown:
    """Planned suppressions by reason. Held contacts are not among them."""

    hard_bounces: int
    second_hits: int
    soft_bounce_patterns: int
    complaints: int
    total: int


@dataclass(frozen=True, slots=True)
class IncidentFigures:
    """An incident without the contacts it holds.

    ``attempted``: the group's established contacts that the campaign was sent to; ``hard_bounces`` of them, where ``expected``
    were usual (None in a plan of before that was known).
    """

    kind: GroupKind
    name: str
    hard_bounces: int
    attempted: int
    expected: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionSummary(AdvisedSummary):
    """A suppression plan in figures, as it is stored with the plan: no address and no contact id is in it.

    Attributes:
        contacts: all items; ``held``, ``monitor`` and ``keep`` are those that are not suppressed.
        suppress: what is left to suppress after the advice; ``breakdown``: the policy's own, before it.
        complaint_rate_percent: complaints in percent of the recipients; None without recipients.
        disagreements: what the advisor sorted less carefully than the policy, and was ignored.
        as_of: the moment that was judged for (UTC); None in a plan of before that was noted.
        is_backfill: the campaign was a past one, judged as of the time at which it would have been due.
    """

    recipients: int
    contacts: int
    suppress: SuppressionBreakdown
    held: int
    monitor: int
    keep: int
    by_class: Mapping[BounceClass, int]
    by_rule: Mapping[SuppressionRule, int]
    sender_faults: tuple[SenderFault, ...]
    not_evidence: tuple[SenderFault, ...]
    incidents: tuple[IncidentFigures, ...]
    complaint_rate_percent: float | None
    breakdown: Mapping[str, int] = field(default_factory=dict)
    disagreements: int = 0
    as_of: datetime | None = None
    is_backfill: bool = False


@dataclass(frozen=True, slots=True)
class SuppressionPlan:
    """The intentions after one sweep of one campaign. Immutable; ``content_hash`` is its identity.

    ``items``: one a contact, by contact id. ``by_class``: contacts per class, contradictory events left out.
    ``sender_faults``: what to repair. ``not_evidence``: what to release. ``incidents``: groups whose contacts wait.
    ``complaints``: contacts who reported this campaign itself.
    ``complaint_rate_percent``: complaints of this campaign in percent of its recipients, None without recipients.
    """

    campaign_id: int
    sweep: Sweep
    policy_version: str
    content_hash: str
    items: tuple[PlanItem, ...]
    verdicts: tuple[Verdict, ...]
    recipients: int
    by_class: tuple[tuple[BounceClass, int], ...]
    by_rule: tuple[tuple[SuppressionRule, int], ...]
    sender_faults: tuple[SenderFault, ...]
    not_evidence: tuple[SenderFault, ...]
    incidents: tuple[Incident, ...]
    complaints: int

    def with_action(self, action: VerdictAction) -> tuple[Verdict, ...]:
        """The verdicts with this action."""
        return tuple(verdict for verdict in self.verdicts if verdict.action is action)

    @property
    def suppressed_count(self) -> int:
        """Contacts to be suppressed, complaints included, held ones not."""
        return len(self.with_action(VerdictAction.SUPPRESS))

    @property
    def held_count(self) -> int:
        """Contacts that would be suppressed and wait because of an incident."""
        return len(self.with_action(VerdictAction.HOLD))

    @property
    def complaint_rate_percent(self) -> float | None:
        """Complaints about this campaign in percent of its recipients."""
        return 100 * self.complaints / self.recipients if self.recipients > 0 else None

    def breakdown(self) -> SuppressionBreakdown:
        """Planned suppressions by reason, and their total. Held contacts are not among them."""
        planned = Counter(verdict.rule for verdict in self.with_action(VerdictAction.SUPPRESS))
        return SuppressionBreakdown(
            hard_bounces=planned[SuppressionRule.HARD_BOUNCE],
            second_hits=planned[SuppressionRule.SECOND_HIT],
            soft_bounce_patterns=planned[SuppressionRule.SOFT_PATTERN],
            complaints=planned[SuppressionRule.COMPLAINT],
            total=planned.total(),
        )

    def summary(self) -> SuppressionSummary:
        """The plan's own figures; what an advisor said and when it was judged for is the caller's to add."""
        return SuppressionSummary(
            recipients=self.recipients,
            contacts=len(self.items),
            suppress=self.breakdown(),
            held=self.held_count,
            monitor=len(self.with_action(VerdictAction.MONITOR)),
            keep=len(self.with_action(VerdictAction.KEEP)),
            by_class=dict(self.by_class),
            by_rule=dict(self.by_rule),
            sender_faults=self.sender_faults,
            not_evidence=self.not_evidence,
            incidents=tuple(
                IncidentFigures(one.group.kind, one.group.name, one.hard_bounces, one.attempted, one.expected)
                for one in self.incidents
            ),
            complaint_rate_percent=self.complaint_rate_percent,
        )


def assemble(
    verdicts: Iterable[Verdict],
    events: Iterable[FailureEvent],
    incidents: Iterable[Incident],
    *,
    campaign_id: int,
    sweep: Sweep,
    policy_version: str,
    recipients: int,
) -> SuppressionPlan:
    """The plan out of its verdicts, whatever order they come in.

    Args:
        verdicts: one a contact, already softened by advisors where they did.
        events: the events that the verdicts were made of.
        incidents: the groups whose contacts are held.
        campaign_id: our number of the campaign.
        sweep: which look at the campaign this is.
        policy_version: the version of the policy that decided.
        recipients: how many the campaign was sent to.

    Raises:
        ValueError: a contact has two verdicts.
    """
    ordered = tuple(sorted(verdicts, key=lambda one: one.contact_id))
    items = tuple(_item(verdict) for verdict in ordered)
    failed = {event.contact_id: event for event in events}.values()
    rules = Counter(verdict.rule for verdict in ordered)
    suppressed = {verdict.contact_id for verdict in ordered if verdict.action is VerdictAction.SUPPRESS}
    return SuppressionPlan(
        campaign_id=campaign_id,
        sweep=sweep,
        policy_version=policy_version,
        content_hash=content_hash(campaign_id, PlanKind.SUPPRESSION, sweep, policy_version, items),
        items=items,
        verdicts=ordered,
        recipients=recipients,
        by_class=tuple(count_by_class(failed).items()),
        by_rule=tuple((rule, rules[rule]) for rule in SuppressionRule if rules[rule]),
        sender_faults=_findings(failed, SENDER_CLASSES),
        # Who is suppressed for an earlier hard bounce is not to be released at Mailjet.
        not_evidence=_findings(
            (event for event in failed if event.contact_id not in suppressed), frozenset({BounceClass.NOT_EVIDENCE})
        ),
        incidents=tuple(sorted(incidents, key=lambda one: one.group)),
        complaints=complaints_of(failed),
    )


def _item(verdict: Verdict) -> PlanItem:
    action = _ACTIONS[verdict.action]
    return PlanItem(
        contact_id=verdict.contact_id,
        action=action,
        rule=verdict.rule.value,
        to_role=ListRole.SUPPRESSION if action is ItemAction.SUPPRESS else None,
        is_held=verdict.action is VerdictAction.HOLD,
        reason=verdict.rule.value,
        bounce_class=verdict.bounce_class.value if verdict.bounce_class else None,
        bounce_type=verdict.bounce_type,
        bounce_count=verdict.bounce_count,
        confidence=verdict.confidence,
        has_evidence=verdict.has_evidence,
        is_permanent_hard=verdict.is_permanent_hard,
        evidence=verdict.evidence,
        explanation=verdict.explanation,
    )


def _findings(events: Iterable[FailureEvent], classes: frozenset[BounceClass]) -> tuple[SenderFault, ...]:
    """Contacts per reason, the most frequent first."""
    contacts: dict[BounceReason, int] = defaultdict(int)
    for event in events:
        if event.bounce_class in classes:
            contacts[event.reason] += 1
    ordered = sorted(contacts.items(), key=lambda pair: (-pair[1], pair[0].value))
    return tuple(SenderFault(reason, count, advice_for(reason)) for reason, count in ordered)
