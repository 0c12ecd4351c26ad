"""The figures of carrying plans out: when something is tried again, taken back, or put before people."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class ExecutionPolicy:
    """The attempts and the unexplained drop are those of the product's specification; the others are our own."""

    attempts_per_step: int = 3
    """A step that a job left undone is posted this often altogether, then a person is asked."""
    posts_without_answer: int = 3
    """After so many bulk jobs in a row whose answer was lost a run ends, and a later one looks again."""
    jobs_in_flight: int = 10
    """So many bulk jobs are handed in before the first of them is waited for, and the lists are read back once for all."""
    lists_looked_at_again: timedelta = timedelta(seconds=5)
    """Before the next bulk job the lists' sizes are asked for again, and whoever unsubscribed, where that was so long ago."""
    job_may_run: timedelta = timedelta(hours=6)
    """A bulk job of which nothing is known may take effect for this long: until then nobody is given up because of it."""
    sends_asked_again: timedelta = timedelta(minutes=2)
    """Before the next bulk job Mailjet is asked about sends again, where it was last asked so long ago."""
    single_questions: int = 5
    """So many contacts that could not be changed are asked about one by one, more of them in one question."""
    rollback_percent: int = 10
    """A rebalancing of which more than this share of its contacts failed is taken back; single ones are put before people."""
    unexplained_drop_percent: float = 5.0
    """A list that lost more than this beyond what the journal explains is an alert."""
    away_after: timedelta = timedelta(hours=24)
    """After longer without a sign of life, which the hourly sync gives, the journal may be behind the lists: changes stop."""


EXECUTION = ExecutionPolicy()
