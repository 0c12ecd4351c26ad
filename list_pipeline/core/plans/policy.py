"""The figures of carrying plans out: when something is tried again, taken back, or put before people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """The attempts and the unexplained drop are those of the product's specification; the others are our own."""

    attempts_per_step: int = 3
    """A step that a job left undone is posted this often altogether, then a person is asked."""
    rollback_percent: int = 10
    """A rebalancing of which more than this share of its contacts failed is taken back; single ones are put before people."""
    unexplained_drop_percent: float = 5.0
    """A list that lost more than this beyond what the journal explains is an alert."""
    away_after: timedelta = timedelta(hours=24)
    """After longer without a sign of life, which the hourly sync gives, the journal may be behind the lists: changes stop."""


EXECUTION = ExecutionPolicy()
