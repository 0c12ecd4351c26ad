"""First figures of sends for the tests of their assessment, and hypothesis' own.

Belongs here: figures. Does not belong here: expectations.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from list_pipeline.core.campaign_stages.assessment import FirstFigures
from list_pipeline.core.campaign_stages.wrapup import Earlier, Other, SendCounts, compare

NEXT = datetime(2026, 11, 27, 9, tzinfo=UTC)
CLEAN = SendCounts(
    processed=4_000,
    delivered=3_980,
    hard_bounced=8,
    soft_bounced=12,
    blocked=0,
    deferred=0,
    queued=0,
    opened=400,
    clicked=30,
    unsubscribed=4,
    complained=0,
    collected_at=datetime(2026, 11, 20, 9, 45, tzinfo=UTC),
    is_early=True,
)
"""A large send without anything to say against it."""


def counts(**changes: Any) -> SendCounts:
    """That send with other counts; what does not bounce, wait or fail is delivered, unless it is said otherwise."""
    found = replace(CLEAN, **{name: value for name, value in changes.items() if name != "delivered"})
    lost = found.hard_bounced + found.soft_bounced + found.blocked + found.deferred + found.queued
    return replace(found, delivered=changes.get("delivered", max(found.processed - lost, 0)))


def figures(
    before: SendCounts | None = None, same_list: SendCounts | None = None, *, sending: bool = False, **changes: Any
) -> FirstFigures:
    """The first figures of a send with these counts, held against earlier ones."""
    now = counts(**changes)
    others = ((Other.ROUND_BEFORE, before), (Other.SAME_LIST, same_list))
    compared = [compare(now, Earlier(other, "Autumn Letter", each)) for other, each in others if each is not None]
    return FirstFigures("List 1", now, compared, sending, NEXT)


_FEW = st.one_of(st.just(0), st.integers(0, 60), st.integers(0, 3_000))
ANY_COUNTS = st.builds(
    SendCounts,
    processed=st.integers(0, 5_000),
    delivered=st.integers(0, 5_000),
    hard_bounced=_FEW,
    soft_bounced=_FEW,
    blocked=_FEW,
    deferred=_FEW,
    queued=_FEW,
    opened=_FEW,
    clicked=_FEW,
    unsubscribed=_FEW,
    complained=_FEW,
    collected_at=st.just(CLEAN.collected_at),
    is_early=st.booleans(),
)


@st.composite
def any_figures(draw: st.DrawFn) -> FirstFigures:
    """First figures of whatever send, also of counters that contradict each other."""
    now = draw(ANY_COUNTS)
    others = draw(st.lists(st.sampled_from(list(Other)), unique=True))
    compared = [compare(now, Earlier(other, "Autumn Letter", draw(ANY_COUNTS))) for other in others]
    return FirstFigures("List 2", now, compared, draw(st.booleans()), draw(st.sampled_from([None, NEXT])))
