"""Rounds that do not come: one that was skipped, and one that is late for the account's usual rhythm.

Belongs here: when people are told of it, and how late is late. Does not belong here: closing a cycle (``cycles``,
``operations.reviews.closed_cycles``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, open_cycle
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.wording import duration_text, instant_text, lists_text


@dataclass(frozen=True, slots=True)
class MissingRound:
    """What an open cycle misses. ``missing``: its lists, in the order of the rotation. ``words``: a sentence with figures,
    without a full stop."""

    cycle: Cycle
    missing: tuple[ListRole, ...]
    words: str


def usual_pause(cycles: Iterable[Cycle]) -> timedelta | None:
    """The account's usual pause between two rounds of a cycle: the median of its latest complete cycles. None: too few are
    known to call it a rhythm."""
    complete = sorted((c for c in cycles if c.closed_reason is ClosedReason.COMPLETE), key=lambda c: c.opened_at)
    pauses: list[float] = []
    for cycle in complete[-CAMPAIGNS.rhythm_cycles :]:
        at = sorted(sent.at for sent in cycle.sent.values())
        pauses += [(later - earlier).total_seconds() for earlier, later in pairwise(at)]
    return timedelta(seconds=median(pauses)) if len(pauses) >= CAMPAIGNS.rhythm_pauses else None


def missing_round(
    cycles: Collection[Cycle], scheduled: Collection[ListRole], now: datetime, doubted: bool = False
) -> MissingRound | None:
    """The round that people are to be told of, or None.

    A round is missing when a later one of its cycle was sent, or when the next one is late for the usual rhythm. What is
    scheduled at Mailjet is coming.

    Args:
        scheduled: campaign lists for which a campaign is scheduled.
        doubted: it is asked what one of the sends is; the answer says what is missing.
    """
    cycle = open_cycle(cycles, now)
    if cycle is None or doubted:
        return None
    missing = tuple(role for role in cycle.missing if role not in scheduled)
    latest = max(CAMPAIGN_LISTS.index(role) for role in cycle.sent)
    skipped = tuple(role for role in CAMPAIGN_LISTS[:latest] if role in missing)
    if skipped:
        sent = lists_text(cycle.sent)
        words = f"Cycle {cycle.number} was sent to {sent}, and not to {lists_text(skipped)}"
        return MissingRound(cycle, skipped, words)
    usual, waited = usual_pause(cycles), now - cycle.last_sent_at
    # Another round that is scheduled is the one that comes next.
    if usual is None or missing != cycle.missing:
        return None
    if waited <= max(usual * CAMPAIGNS.late_percent / 100, usual + CAMPAIGNS.late_at_least):
        return None
    words = (
        f"Cycle {cycle.number} waits for {lists_text(missing)}: its last round was sent at "
        f"{instant_text(cycle.last_sent_at)}, {duration_text(waited)} ago, and the usual pause is {duration_text(usual)}"
    )
    return MissingRound(cycle, missing, words)
