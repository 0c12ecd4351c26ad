"""The plausibility of the five lists: whether what each one holds fits its role, rule by rule, in plain words.

Belongs here: the rules. Does not belong here: what follows from a rule that does not hold, which a person decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

from list_pipeline.core.five_lists.policy import FIVE_LISTS, FiveListsPolicy
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.wording import exceeds_percent, names_text, reaches_percent, share_percent_text


class ListsRule(StrEnum):
    """What fits the roles of the five lists."""

    SIZES = "sizes"
    MASTER_HOLDS_ALL = "master_holds_all"
    ROUNDS_ARE_DISJOINT = "rounds_are_disjoint"
    ROUNDS_ARE_COMPARABLE = "rounds_are_comparable"
    ROUNDS_ARE_SENT_TO = "rounds_are_sent_to"
    SUPPRESSED_ARE_NOT_SENT_TO = "suppressed_are_not_sent_to"
    SUPPRESSED_ARE_NOT_REACHED = "suppressed_are_not_reached"
    SUPPRESSED_ARE_EXPLAINED = "suppressed_are_explained"
    SUPPRESSED_ARE_OFF_THE_ROUNDS = "suppressed_are_off_the_rounds"


@dataclass(frozen=True, slots=True)
class ListFacts:
    """One list: its id and name at Mailjet, its members as they were read last, and the recent sends to it.

    ``name``: None until it was read.
    """

    list_id: int
    name: str | None
    raw: int
    mailable: int
    recent_sends: int


Overlaps = Mapping[tuple[ListRole, ListRole], int]
"""Members that two lists share, by the pair in the order of ``ALL_LISTS``."""

PAIRS: tuple[tuple[ListRole, ListRole], ...] = tuple(combinations(ALL_LISTS, 2))
"""All pairs of lists, in the order of ``ALL_LISTS``."""


@dataclass(frozen=True, slots=True)
class FiveListsFacts:
    """What the five lists hold.

    Attributes:
        suppressed_listed: members of the suppression list that stand on a campaign list.
        suppressed_explained: those who are excluded or unsubscribed, complained or bounced.
        suppressed_reached: those who may be mailed and whom a recent send reached.
    """

    lists: Mapping[ListRole, ListFacts]
    overlaps: Overlaps
    suppressed_listed: int
    suppressed_explained: int
    suppressed_reached: int

    def shared(self, one: ListRole, other: ListRole) -> int:
        """Members that two lists share."""
        return self.overlaps[(one, other) if (one, other) in self.overlaps else (other, one)]


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """Whether a rule holds, and what was seen, in a sentence."""

    rule: ListsRule
    holds: bool
    words: str


def judge_lists(facts: FiveListsFacts, policy: FiveListsPolicy = FIVE_LISTS) -> tuple[RuleVerdict, ...]:
    """Every rule with its verdict, in the order of ``ListsRule``. What is empty or unknown speaks against nothing by itself,
    but for an empty master or campaign list."""
    return (
        _sizes(facts),
        _master_holds_all(facts, policy),
        _rounds_are_disjoint(facts, policy),
        _rounds_are_comparable(facts, policy),
        _rounds_are_sent_to(facts, policy),
        _suppressed_are_not_sent_to(facts, policy),
        *_suppressed(facts, policy),
    )


def is_plausible(verdicts: tuple[RuleVerdict, ...]) -> bool:
    """Whether every rule holds."""
    return all(verdict.holds for verdict in verdicts)


def _sizes(facts: FiveListsFacts) -> RuleVerdict:
    rule, master = ListsRule.SIZES, facts.lists[ListRole.MASTER]
    empty = [role.label for role in (ListRole.MASTER, *CAMPAIGN_LISTS) if not facts.lists[role].raw]
    if empty:
        return RuleVerdict(rule, False, f"Nobody is on {names_text(empty)}.")
    larger = [role.label for role in ALL_LISTS if facts.lists[role].raw > master.raw]
    if larger:
        return RuleVerdict(rule, False, f"More are on {names_text(larger)} than on the Master list.")
    return RuleVerdict(rule, True, f"The Master list is the largest, with {master.raw:,} contacts.")


def _master_holds_all(facts: FiveListsFacts, policy: FiveListsPolicy) -> RuleVerdict:
    others = [role for role in ALL_LISTS if role is not ListRole.MASTER]
    missing = [
        f"{share_percent_text(facts.shared(ListRole.MASTER, role), facts.lists[role].raw)} of {role.label}"
        for role in others
        if facts.lists[role].raw - facts.shared(ListRole.MASTER, role) > policy.single_contacts
        and not reaches_percent(facts.shared(ListRole.MASTER, role), facts.lists[role].raw, policy.master_holds_percent)
    ]
    words = (
        f"The Master list holds only {names_text(missing)}; it should hold nearly everybody of each list."
        if missing
        else "The Master list holds nearly everybody of the other lists."
    )
    return RuleVerdict(ListsRule.MASTER_HOLDS_ALL, not missing, words)


def _rounds_are_disjoint(facts: FiveListsFacts, policy: FiveListsPolicy) -> RuleVerdict:
    found = [
        f"{facts.shared(one, other):,} contacts are on {one.label} and on {other.label}"
        for one, other in combinations(CAMPAIGN_LISTS, 2)
        if _is_more(
            facts.shared(one, other),
            min(facts.lists[one].raw, facts.lists[other].raw),
            policy.rounds_overlap_percent,
            policy,
        )
    ]
    words = f"{names_text(found)}." if found else "The three campaign lists have nearly nobody in common."
    return RuleVerdict(ListsRule.ROUNDS_ARE_DISJOINT, not found, words)


def _rounds_are_comparable(facts: FiveListsFacts, policy: FiveListsPolicy) -> RuleVerdict:
    by_size = sorted(CAMPAIGN_LISTS, key=lambda role: facts.lists[role].mailable)
    small, large = by_size[0], by_size[-1]
    least, most = facts.lists[small].mailable, facts.lists[large].mailable
    holds = reaches_percent(least, most, policy.rounds_comparable_percent)
    words = (
        f"The campaign lists are of comparable size ({least:,} to {most:,} mailable)."
        if holds
        else f"{small.label} has {least:,} mailable contacts and {large.label} {most:,}: they are not of comparable size."
    )
    return RuleVerdict(ListsRule.ROUNDS_ARE_COMPARABLE, holds, words)


def _rounds_are_sent_to(facts: FiveListsFacts, policy: FiveListsPolicy) -> RuleVerdict:
    rule, days = ListsRule.ROUNDS_ARE_SENT_TO, policy.recent.days
    if not any(one.recent_sends for one in facts.lists.values()):
        return RuleVerdict(rule, True, f"No send of the last {days} days is known, so none tells the lists apart.")
    without = [role.label for role in CAMPAIGN_LISTS if not facts.lists[role].recent_sends]
    words = (
        f"No send of the last {days} days went to {names_text(without)}."
        if without
        else f"Sends of the last {days} days went to each campaign list."
    )
    return RuleVerdict(rule, not without, words)


def _suppressed_are_not_sent_to(facts: FiveListsFacts, policy: FiveListsPolicy) -> RuleVerdict:
    sends, days = facts.lists[ListRole.SUPPRESSION].recent_sends, policy.recent.days
    words = (
        f"{sends} sends of the last {days} days went to the Suppression list, which is never sent to."
        if sends
        else f"No send of the last {days} days went to the Suppression list."
    )
    return RuleVerdict(ListsRule.SUPPRESSED_ARE_NOT_SENT_TO, not sends, words)


def _suppressed(facts: FiveListsFacts, policy: FiveListsPolicy) -> tuple[RuleVerdict, RuleVerdict, RuleVerdict]:
    members = facts.lists[ListRole.SUPPRESSION].raw
    rules = (
        ListsRule.SUPPRESSED_ARE_NOT_REACHED,
        ListsRule.SUPPRESSED_ARE_EXPLAINED,
        ListsRule.SUPPRESSED_ARE_OFF_THE_ROUNDS,
    )
    if not members:
        reached, explained, listed = (RuleVerdict(rule, True, "The Suppression list is empty.") for rule in rules)
        return reached, explained, listed
    return (
        RuleVerdict(
            rules[0],
            not _is_more(facts.suppressed_reached, members, policy.suppressed_reached_percent, policy),
            f"Recent sends reached {_of(facts.suppressed_reached, members)} who may be mailed.",
        ),
        RuleVerdict(
            rules[1],
            reaches_percent(facts.suppressed_explained, members, policy.suppressed_explained_percent),
            f"Excluded, unsubscribed, complained or bounced: {_of(facts.suppressed_explained, members)}.",
        ),
        RuleVerdict(
            rules[2],
            not _is_more(facts.suppressed_listed, members, policy.suppressed_listed_percent, policy),
            f"On a campaign list too: {_of(facts.suppressed_listed, members)}.",
        ),
    )


def _is_more(part: int, whole: int, percent: float, policy: FiveListsPolicy) -> bool:
    return part > policy.single_contacts and exceeds_percent(part, whole, percent)


def _of(part: int, members: int) -> str:
    return f"{part:,} of the {members:,} on the Suppression list"
