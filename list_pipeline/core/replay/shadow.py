"""A changed policy beside the present one: where the two differ on the same contacts, and in words.

Belongs here: comparing verdicts, adding up what was compared. Does not belong here: the verdicts (``core.suppression.rules``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.suppression.verdicts import Verdict, VerdictAction
from list_pipeline.core.wording import count_text

_STAYS = frozenset({VerdictAction.KEEP, VerdictAction.MONITOR})


@dataclass(frozen=True, slots=True)
class ShadowDifference:
    """A contact that the present policy and its shadow judge differently: each with its action and rule."""

    contact_id: int
    present_action: VerdictAction
    present_rule: str
    shadow_action: VerdictAction
    shadow_rule: str


def judged_by_both(
    present: Iterable[Verdict], shadow: Iterable[Verdict], gone: Collection[int]
) -> tuple[int, tuple[ShadowDifference, ...]]:
    """The number of contacts that both policies judged, and those that they judge differently.

    Watching and keeping count as one: the contact stays either way.

    Args:
        gone: contacts that the shadow would have suppressed after an earlier campaign; it is asked about them no more.
    """
    others = {one.contact_id: one for one in shadow}
    both = [(one, others[one.contact_id]) for one in present if one.contact_id in others and one.contact_id not in gone]
    return len(both), tuple(
        ShadowDifference(one.contact_id, one.action, one.rule.value, other.action, other.rule.value)
        for one, other in both
        if one.action is not other.action and not {one.action, other.action} <= _STAYS
    )


@dataclass(frozen=True, slots=True)
class Shadow:
    """A changed policy beside the present one. ``figures``: the changed ones, as they were typed. ``ended_by``: None: it runs,
    or ended by itself."""

    shadow_id: int
    figures: Mapping[str, str]
    campaigns: int
    started_at: datetime
    started_by: str
    reason: str
    ended_at: datetime | None = None
    ended_by: str | None = None
    ended_why: str | None = None

    @property
    def words(self) -> str:
        """The changed figures for people."""
        return ", ".join(f"{name} {value}" for name, value in self.figures.items())


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """What was compared, in contacts; each counts once, by the last campaign in which it differed.

    Attributes:
        campaigns: those that were compared so far.
        judged: verdicts that both gave.
        more: the shadow suppresses them, the present policy does not; of them ``more_good``: alive afterwards.
        fewer: the present policy suppresses them, the shadow does not.
        held: one of the two only holds them, or only one does.
    """

    campaigns: int = 0
    judged: int = 0
    more: int = 0
    more_good: int = 0
    fewer: int = 0
    held: int = 0


def figures_of(
    campaigns: int, judged: int, differences: Iterable[ShadowDifference], reached_since: Collection[int]
) -> ShadowFigures:
    """Add up differences.

    Args:
        differences: in the order in which they were found.
        reached_since: contacts that a send after their difference reached.
    """
    last = {one.contact_id: one for one in differences}.values()
    more = {one.contact_id for one in last if one.shadow_action is VerdictAction.SUPPRESS}
    fewer = {one.contact_id for one in last if one.present_action is VerdictAction.SUPPRESS}
    return ShadowFigures(
        campaigns, judged, len(more), len(more & set(reached_since)), len(fewer), len(last) - len(more) - len(fewer)
    )


def shadow_line(shadow: Shadow, found: ShadowFigures) -> str:
    """How the two compare over some campaigns, as one sentence."""
    if not found.campaigns:
        return f"With {shadow.words} nothing was compared yet."
    good = f" ({found.more_good:,} of them alive since)" if found.more_good else ""
    held = f", and holds or releases {found.held:,} otherwise" if found.held else ""
    return (
        f"With {shadow.words} the policy suppresses {count_text(found.more, 'contact')} more{good} and {found.fewer:,} fewer"
        f"{held}, of {count_text(found.judged, 'verdict')} in {count_text(found.campaigns, 'campaign')}."
    )


def place_text(shadow: Shadow, compared: int) -> str:
    """Where a shadow is in its life."""
    if shadow.ended_at is None:
        return f"Shadow policy, campaign {compared} of {shadow.campaigns}: nothing of it is carried out."
    if shadow.ended_by is not None:
        return f"Shadow policy, ended by {shadow.ended_by} after {compared} of {shadow.campaigns} campaigns: {shadow.ended_why}"
    return f"Shadow policy, ended by itself after {count_text(compared, 'campaign')}."
