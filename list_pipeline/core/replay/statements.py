"""A replay in words, for people: the headline, a line a rule set, and what no replay can know.

Does not belong here: the figures (``comparison``).
"""

from __future__ import annotations

from collections.abc import Mapping

from list_pipeline.core.replay.comparison import Comparison, Difference, Figures, Position
from list_pipeline.core.wording import count_text, date_text

LIMITS = (
    "Whom a rule set keeps longer than we really did was sent nothing more, so what would have become of that contact is not "
    "known, and further failures are missing.",
    "Decisions of people, the gate with its cap, and advisors are left out: these are the rules alone.",
    "A delivery is a recipient without a failure in a complete reading; opens are not looked at.",
    "Failures are taken as they were classified when they were read, and a contact's domain as it is today.",
)
"""What a replay cannot know, or leaves out."""


def headline(comparison: Comparison) -> str:
    """How much was replayed, and that nothing changed."""
    if not comparison.campaigns:
        return "No campaign can be replayed: none of that time was read whole, with its recipients known."
    first, last = comparison.campaigns[0], comparison.campaigns[-1]
    span = date_text(first.sent_at.date())
    if first is not last:
        span = f"{span} to {date_text(last.sent_at.date())}"
    return (
        f"{count_text(len(comparison.campaigns), 'campaign')} of {span}, {count_text(len(comparison.figures), 'rule set')}; "
        f"they differ about {count_text(len(comparison.differences), 'contact')}. Nothing was changed."
    )


def figures_line(one: Figures) -> str:
    """A rule set in one sentence."""
    return (
        f"{one.name} ({one.title}): {one.removed:,} removed, of them {one.reached_later:,} good (alive later), "
        f"{one.failed_later:,} failed again, {one.not_known:,} not known; {one.held:,} held for an incident; "
        f"{one.hard_again:,} kept and failed hard again."
    )


def position_text(position: Position | None) -> str:
    """Where a contact stands with a rule set."""
    if position is None:
        return "not judged"
    return f"{position.judgement.reason} ({'after' if position.is_removed else 'last in'} {position.campaign})"


def good_text(is_good: bool | None) -> str:
    """Whether a contact was good."""
    if is_good is None:
        return "not known"
    return "yes, alive later" if is_good else "no, failed again"


def difference_rows(comparison: Comparison, differences: tuple[Difference, ...]) -> list[Mapping[str, str]]:
    """A row a contact, a column a rule set."""
    return [
        {
            "contact": str(one.contact_id),
            "good": good_text(one.is_good),
            **{each.name: position_text(one.positions.get(each.name)) for each in comparison.figures},
        }
        for one in differences
    ]
