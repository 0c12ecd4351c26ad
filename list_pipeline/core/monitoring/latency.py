"""Durations of workflows: percentiles over runs, and the runs that took too long.

Belongs here: counting of timings that somebody measured. Does not belong here: measuring and keeping them
(``operations.monitoring.figures``, ``storage.monitoring.metrics``).

Time in which a maintenance waits for a person is nobody's latency: what goes on after a decision is another run, and only the
time that a run worked is added up.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.monitoring.policy import MONITORING

WHOLE_RUN = "run"
"""The stage of a timing that stands for a whole run, its stages included."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One measured piece of work, in milliseconds (``duration_ms``, ``waited_ms``) and requests to Mailjet.

    Attributes:
        stage: of the workflow, or ``WHOLE_RUN``.
        log_id: the maintenance it belongs to, which can have several runs.
        waited_ms: for the request limiter.
        rate_peak: requests of all processes in the busiest 60 s; ``rate_limit`` are allowed.
        pool_peak: most database connections of the process in use at once; it may have ``pool_limit``.
    """

    workflow: str
    stage: str
    run_id: str
    campaign_key: str | None
    sweep: str | None
    log_id: int | None
    started_at: datetime
    finished_at: datetime
    duration_ms: int
    outcome: str
    by_resource: Mapping[str, int]
    waited_ms: int
    rate_peak: int
    rate_limit: int
    pool_peak: int
    pool_limit: int

    @property
    def requests(self) -> int:
        """All requests, repetitions included."""
        return sum(self.by_resource.values())

    @property
    def rate_percent(self) -> float:
        """The largest used part of the allowed request rate, in percent."""
        return 100.0 * self.rate_peak / self.rate_limit

    @property
    def pool_percent(self) -> float:
        """The largest used part of the connection pool, in percent."""
        return 100.0 * self.pool_peak / self.pool_limit


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Nearest rank: each is a duration that was measured, in milliseconds."""

    count: int
    p50_ms: int
    p95_ms: int
    p99_ms: int
    longest_ms: int


@dataclass(frozen=True, slots=True)
class Work:
    """One maintenance, or one run of another workflow: everything that was measured about it."""

    workflow: str
    run_ids: tuple[str, ...]
    campaign_key: str | None
    finished_at: datetime
    worked_ms: int
    stages_ms: Mapping[str, int]
    by_resource: Mapping[str, int]
    waited_ms: int
    rate_percent: float
    pool_percent: float

    @property
    def requests(self) -> int:
        """All requests to Mailjet, repetitions included."""
        return sum(self.by_resource.values())

    @property
    def is_long(self) -> bool:
        """Whether it worked for longer than a minute."""
        return self.worked_ms > MONITORING.long_ms


@dataclass(frozen=True, slots=True)
class WorkflowFigures:
    """One workflow over a window. ``stages``: of each stage, by the time that one run spent in it."""

    workflow: str
    worked: Percentiles
    stages: Mapping[str, Percentiles]
    requests: int
    by_resource: Mapping[str, int]
    waited_ms: int
    rate_percent: float
    pool_percent: float
    long: int


def percentiles(durations_ms: Iterable[int]) -> Percentiles | None:
    """P50, P95, P99 by nearest rank; None without any duration. Unlike an interpolated one, no figure is invented."""
    ordered = sorted(durations_ms)
    return _percentiles(ordered) if ordered else None


def _percentiles(ordered: Sequence[int]) -> Percentiles:
    def at(percent: int) -> int:
        return ordered[math.ceil(percent * len(ordered) / 100) - 1]

    return Percentiles(len(ordered), at(50), at(95), at(99), ordered[-1])


def works(timings: Sequence[Timing]) -> tuple[Work, ...]:
    """Timings put together by run and by maintenance. The latest to end come last."""
    runs: dict[tuple[str, str, int | None], list[Timing]] = defaultdict(list)
    log_of = {(one.workflow, one.run_id): one.log_id for one in timings if one.log_id is not None}
    for one in timings:
        # The timing of the whole run does not know the maintenance; its stages do.
        log_id = one.log_id if one.log_id is not None else log_of.get((one.workflow, one.run_id))
        runs[one.workflow, one.run_id, log_id].append(one)
    grouped: dict[tuple[str, str], list[list[Timing]]] = defaultdict(list)
    for (workflow, run_id, log_id), found in runs.items():
        grouped[workflow, f"log {log_id}" if log_id is not None else run_id].append(found)
    made = (_work(workflow, found) for (workflow, _), found in grouped.items())
    return tuple(sorted(made, key=lambda one: (one.finished_at, one.workflow, one.run_ids)))


def _work(workflow: str, runs: Sequence[Sequence[Timing]]) -> Work:
    stages: Counter[str] = Counter()
    by_resource: Counter[str] = Counter()
    worked_ms = waited_ms = 0
    for run in runs:
        whole = [one for one in run if one.stage == WHOLE_RUN]
        parts = [one for one in run if one.stage != WHOLE_RUN]
        # A whole run counted what its stages counted.
        for one in whole or parts:
            by_resource.update(one.by_resource)
            waited_ms += one.waited_ms
        for one in parts:
            stages[one.stage] += one.duration_ms
        # From the first to the last that was measured: what lies between two stages is time that people wait, too.
        span = max(one.finished_at for one in run) - min(one.started_at for one in run)
        worked_ms += round(span.total_seconds() * 1000)
    every = [one for run in runs for one in run]
    latest = max(every, key=lambda one: one.finished_at)
    return Work(
        workflow=workflow,
        run_ids=tuple(dict.fromkeys(one.run_id for one in sorted(every, key=lambda one: one.started_at))),
        campaign_key=next((one.campaign_key for one in every if one.campaign_key), None),
        finished_at=latest.finished_at,
        worked_ms=worked_ms,
        stages_ms=dict(stages),
        by_resource=dict(by_resource),
        waited_ms=waited_ms,
        rate_percent=max(one.rate_percent for one in every),
        pool_percent=max(one.pool_percent for one in every),
    )


def figures(found: Sequence[Work]) -> tuple[WorkflowFigures, ...]:
    """Each workflow that worked at all, by name."""
    by_workflow: dict[str, list[Work]] = defaultdict(list)
    for one in found:
        by_workflow[one.workflow].append(one)
    made = []
    for workflow, ones in sorted(by_workflow.items()):
        stages: dict[str, list[int]] = defaultdict(list)
        by_resource: Counter[str] = Counter()
        for one in ones:
            by_resource.update(one.by_resource)
            for stage, duration in one.stages_ms.items():
                stages[stage].append(duration)
        made.append(
            WorkflowFigures(
                workflow=workflow,
                worked=_percentiles(sorted(one.worked_ms for one in ones)),
                stages={stage: spent for stage, all_of in stages.items() if (spent := percentiles(all_of))},
                requests=sum(one.requests for one in ones),
                by_resource=dict(by_resource),
                waited_ms=sum(one.waited_ms for one in ones),
                rate_percent=max(one.rate_percent for one in ones),
                pool_percent=max(one.pool_percent for one in ones),
                long=sum(1 for one in ones if one.is_long),
            )
        )
    return tuple(made)
