"""The summary of a suppression plan that its advisor gets: groups and borderline contacts, with nothing that identifies one.

Belongs here: the figures of a plan, frozen. Does not belong here: who is behind a reference
(``operations.suppression.advice``), what can be said of a plan (``statements``), and what an answer may change
(``agents.optimization``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import BORDERLINE_RULES, SuppressionRule, VerdictAction

MAX_BORDERLINE = 60
"""Contacts in one question. Further ones follow their group."""
MAX_GROUPS = 24
"""Groups in one question. Further ones, the smallest, keep the policy's decision."""

Sorting = Literal["suppress_now", "monitor_closely", "keep_in_list"]
_SORTED_BY_POLICY: Mapping[VerdictAction, Sorting] = {
    VerdictAction.SUPPRESS: "suppress_now",
    # Held contacts are not suppressed until a person looked.
    VerdictAction.HOLD: "monitor_closely",
    VerdictAction.MONITOR: "monitor_closely",
    VerdictAction.KEEP: "keep_in_list",
}


@dataclass(frozen=True, slots=True)
class PlanGroup:
    """Contacts that the policy treats alike for the same reason.

    Attributes:
        rule: the rule that decided.
        reason: why their messages failed, e.g. ``mailbox_full``.
        contacts: how many; ``domains``: at how many domains.
        confidence: the rule's own, a share from 0 to 1; None where nothing would be changed.
        hits: fewest and most failures that count of one contact.
        days_since_last_hit: fewest and most.
        delivered_before: contacts of them that an earlier campaign reached.
        domain_kinds: contacts by category of their domain.
    """

    action: VerdictAction
    rule: str
    bounce_class: str
    reason: str
    contacts: int
    domains: int
    confidence: float | None = None
    hits: tuple[int, int] = (0, 0)
    days_since_last_hit: tuple[int, int] = (0, 0)
    delivered_before: int = 0
    domain_kinds: Mapping[str, int] = field(default_factory=dict)

    @property
    def is_borderline(self) -> bool:
        """Whether its contacts were decided by degree rather than by a fact."""
        return self.action is VerdictAction.SUPPRESS and self.rule in BORDERLINE_RULES

    @property
    def sorting(self) -> Sorting:
        """The action that the policy chose."""
        return _SORTED_BY_POLICY[self.action]


@dataclass(frozen=True, slots=True)
class BorderlineItem:
    """One contact that the policy suppresses with some doubt. It has no id on purpose: its place in the list names it.

    Attributes:
        group: place, from 0, of its group in ``PlanSummary.groups``.
        hits: failures that count.
        campaigns: campaigns it was in, this one included.
        span_days: from the first of these failures to the last.
        days_since_last_hit: from the last of them to the moment that is judged for.
        deliveries_before: earlier campaigns that reached it.
        days_known: from the first campaign that it was in.
        is_same_reason: whether all these failures had the same reason.
        domain_kind: category of its domain, e.g. ``freemail`` or ``company``; never the domain.
        server_words: what is left of the receiver's words (``core.bounces.smtp_vocabulary``).
    """

    group: int
    hits: int
    campaigns: int
    span_days: int
    days_since_last_hit: int
    confidence: float
    deliveries_before: int = 0
    days_known: int = 0
    is_same_reason: bool = True
    domain_kind: str = "unknown"
    server_words: str = ""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """The summary of a plan that the advisor gets.

    Attributes:
        groups: borderline ones first, then the largest; only the first ``MAX_GROUPS`` are asked about.
        borderline: the most doubtful first; only the first ``MAX_BORDERLINE`` are asked about.

    Raises:
        ValueError: a borderline contact has no borderline group among those that are asked about.
    """

    recipients: int
    groups: Sequence[PlanGroup]
    borderline: Sequence[BorderlineItem] = ()
    policy: SuppressionPolicy = field(default_factory=SuppressionPolicy)

    def __post_init__(self) -> None:
        known = self.offered_groups
        if not all(0 <= item.group < len(known) and known[item.group].is_borderline for item in self.borderline):
            raise ValueError("a borderline contact belongs to a borderline group that is asked about")

    @property
    def offered(self) -> Sequence[BorderlineItem]:
        """The contacts that are asked about singly."""
        return self.borderline[:MAX_BORDERLINE]

    @property
    def offered_groups(self) -> Sequence[PlanGroup]:
        """The groups that are asked about."""
        return self.groups[:MAX_GROUPS]

    def references(self) -> tuple[str, ...]:
        """``c1`` to ``cn``: the names of the offered contacts, in order."""
        return tuple(f"c{number}" for number in range(1, len(self.offered) + 1))

    def group_references(self) -> tuple[str, ...]:
        """``g1`` to ``gn``: the names of the offered groups, in order."""
        return tuple(f"g{number}" for number in range(1, len(self.offered_groups) + 1))

    def breakdown(self) -> dict[str, int]:
        """Planned suppressions of the policy alone. Second hits are hard bounces; held contacts are not counted."""
        planned = [group for group in self.groups if group.action is VerdictAction.SUPPRESS]
        hard = sum(
            group.contacts
            for group in planned
            if group.rule in (SuppressionRule.HARD_BOUNCE, SuppressionRule.SECOND_HIT)
        )
        soft = sum(group.contacts for group in planned if group.rule == SuppressionRule.SOFT_PATTERN)
        return {
            "hard_bounces": hard,
            "soft_bounce_patterns": soft,
            "total": sum(group.contacts for group in planned),
        }


def position(reference: str) -> int:
    """The place, from 0, of a reference's contact or group in the summary."""
    return int(reference[1:]) - 1


def in_words(code: str) -> str:
    """A code as people read it."""
    return code.replace("_", " ")
