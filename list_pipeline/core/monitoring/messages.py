"""Messages about runs that failed, work that is overdue or slow, and figures that ask for a rollback.

Belongs here: the words. Does not belong here: what is found (``rollback_triggers``, ``freshness``, ``latency``) and posting.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, compose, link, untrusted
from list_pipeline.core.monitoring.freshness import Freshness
from list_pipeline.core.monitoring.latency import WorkflowFigures
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.rollback_triggers import TriggerResult
from list_pipeline.core.wording import duration_text

_MOST_RUNS = 8
_ONCE_A_DAY = "This is said once a day for as long as it is so."

ROLLBACK_STEPS = (
    "Stop changes now: `list-pipeline mode read_only --by NAME`; a run in progress stops before its next change.",
    "Keep them stopped: set LIST_MANAGEMENT_ENABLED=false and restart; sensors, schedules and commands then change nothing.",
    "Tell the channel what happened and when you expect to be back.",
    "To take back what a maintenance did: `list-pipeline undo KEY --by NAME`.",
)
"""What to do within five minutes."""


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run that failed. ``error`` in one line without addresses; ``url`` of the run in Dagster, where one is known."""

    run_id: str
    job: str
    partition_key: str | None
    error: str
    url: str | None = None


def failure_message(job: str, failed: Sequence[FailedRun]) -> SlackMessage:
    """The failures of one job since the last message about it, the latest last.

    Raises:
        ValueError: there are none.
    """
    if not failed:
        raise ValueError("a message about failures needs one")
    lines = [_run_line(run) for run in failed[-_MOST_RUNS:]]
    if len(failed) > _MOST_RUNS:
        lines.insert(0, compose("… {earlier} earlier ones, and then:", earlier=len(failed) - _MOST_RUNS))
    return alert(
        f"{job} Failed" if len(failed) == 1 else f"{job} Failed {len(failed)} Times",
        lines,
        level=AlertLevel.CRITICAL,
        small_print=[
            compose("Further failures of this job are gathered and told together, less often the more there are.")
        ],
        summary=failed[-1].error,
    )


def _run_line(one: FailedRun) -> Mrkdwn:
    name = one.run_id[:8]
    shown = link(one.url, name) if one.url else compose("{name}", name=name)
    where = compose(" ({partition})", partition=one.partition_key) if one.partition_key else Mrkdwn("")
    return Mrkdwn(f"• {shown}{where}: {untrusted(one.error, 400)}")


def trigger_message(result: TriggerResult) -> SlackMessage:
    """A figure that asks for a rollback, with what to do."""
    return alert(
        "A Rollback Trigger Was Hit",
        [compose("*{name}*: {words}", name=result.trigger.value.replace("_", " "), words=result.words)],
        level=AlertLevel.CRITICAL,
        what_to_do=[compose("If you decide to roll back:"), *(compose(f"• {step}") for step in ROLLBACK_STEPS)],
        small_print=[compose("Nothing was stopped by itself. {once}", once=_ONCE_A_DAY)],
    )


def overdue_message(freshness: Freshness) -> SlackMessage:
    """Something scheduled that was not done."""
    return alert(
        f"The {freshness.name.capitalize()} Is Overdue",
        [compose("{words}", words=freshness.words)],
        level=AlertLevel.WARNING,
        what_to_do=[
            compose("Look at the runs of `{job}` and at Dagster's daemon, then start the job.", job=freshness.job)
        ],
        small_print=[compose(_ONCE_A_DAY)],
    )


def slow_message(slow: Sequence[WorkflowFigures], days: int) -> SlackMessage:
    """Workflows of which runs took longer than a minute without waiting for a person.

    Raises:
        ValueError: there are none.
    """
    if not slow:
        raise ValueError("a message about slow workflows needs one")
    lines = [
        compose(
            "• {name}: {long} of {count} took longer than {limit} (P95 {p95}, longest {longest})",
            name=one.workflow,
            long=one.long,
            count=one.worked.count,
            limit=duration_text(MONITORING.long_ms / 1000),
            p95=duration_text(one.worked.p95_ms / 1000),
            longest=duration_text(one.worked.longest_ms / 1000),
        )
        for one in slow
    ]
    span = "since yesterday" if days == 1 else f"in the last {days} days"
    return alert(
        "Workflows That Took Longer Than a Minute",
        lines,
        level=AlertLevel.WARNING,
        small_print=[
            compose("Work {span}; waits for people are not counted. `list-pipeline metrics` shows stages.", span=span)
        ],
    )
