"""The figures by which the product's own work is judged: speed, rollback triggers, alerts about failures, the daily review."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class MonitoringPolicy:
    """The limits are those of the product's specification and of its rollout plan. The least numbers and the pauses are our
    own: a share of too few says nothing, and a job that fails every 30 s must not fill the channel."""

    long_ms: int = 60_000
    """Milliseconds: the goal for the 95th percentile of a workflow; a run above it is worth a warning."""

    latency_limit_ms: int = 5 * 60_000
    """P95 of the maintenances above this asks for a rollback; waits for people are not in it."""
    wrong_limit_percent: float = 20.0
    """More rejected decisions, or suppressions that people took back, ask for a rollback."""
    failed_limit_percent: float = 10.0
    """More failed runs, of those that schedules and sensors started, ask for a rollback."""
    least_maintenances: int = 5
    least_decisions: int = 20
    least_suppressions: int = 20
    least_runs: int = 10
    window_days: int = 7
    """Latency and failed runs are judged over these days; decisions over the days of the review's look back."""
    review_valid_days: int = 3
    """An older daily review is not the present any more."""

    first_pause: timedelta = timedelta(minutes=4)
    """Between the first message about a failing job and the second. With the sensor's own minute it is within five."""
    longest_pause: timedelta = timedelta(hours=4)
    memory: timedelta = timedelta(hours=24)
    """Older messages are forgotten: a job that failed last week fails for the first time again."""

    band_automatic: float = 0.85
    """The confidence bands of the review: those of ``SuppressionPolicy``."""
    band_review: float = 0.70
    valid_json_percent: float = 99.0
    """Goal: at least so many of the advisors' answers are valid JSON."""
    false_suppressions_percent: float = 5.0
    """Goal: fewer suppressions than this are wrong, shown at 95 %."""
    mean_confidence: float = 0.85
    """Goal: the advisors' mean confidence is above this."""
    trend_days: int = 30
    """Days that the daily review looks back."""

    transaction_silent_s: float = 60.0
    """Whoever counts a request, or writes a line of the journal, does so within milliseconds: a session that does nothing for
    so long in the middle of it is stuck, and is ended."""
    holder_silent: timedelta = timedelta(minutes=15)
    """The same of all other locks. Longer than any pause at work: a request of 30 s is repeated with pauses of 30 s, and a
    limit of Mailjet is waited for two minutes at a time."""

    cache_hits_percent: float = 60.0
    """Goal: Redis serves more than so many of the reads ..."""
    cache_hits_days: int = 7
    """... of these days."""


MONITORING = MonitoringPolicy()
