"""The figures of a window: how long workflows took, how often they failed, what advisors and messages cost and did.

Belongs here: gathering them from what was measured. Does not belong here: the measuring (``operations.stages``), the
arithmetic (``core.monitoring.latency``), and what follows from figures (``rollback_triggers``, ``alerts``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.messages.delivery import DeliveryFigures
from list_pipeline.core.monitoring.latency import Work, WorkflowFigures, figures, works
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.request_rate import LearnedRate
from list_pipeline.operations.access import Storing
from list_pipeline.storage.limiter import learned_rate
from list_pipeline.storage.messages import delivery_figures
from list_pipeline.storage.monitoring import job_runs, metrics
from list_pipeline.storage.monitoring.metrics import AdvisorUse

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Metrics:
    """The figures of a window (UTC). ``jobs``: runs that ended and how many failed, by job; ``connections``: used and allowed
    at the database server now. ``learned_rate``: what Mailjet's refusals taught about requests a minute."""

    start: datetime
    end: datetime
    works: tuple[Work, ...]
    workflows: tuple[WorkflowFigures, ...]
    advisors: tuple[AdvisorUse, ...]
    messages: DeliveryFigures
    jobs: Mapping[str, tuple[int, int]]
    connections: tuple[int, int]
    learned_rate: LearnedRate | None

    @property
    def slow(self) -> tuple[WorkflowFigures, ...]:
        """Workflows of which a run worked for longer than a minute."""
        return tuple(one for one in self.workflows if one.long)

    def workflow(self, name: str) -> WorkflowFigures | None:
        """The figures of one workflow; None when it did not work in the window."""
        return next((one for one in self.workflows if one.workflow == name), None)


def measured(services: Storing, days: int = MONITORING.window_days) -> Metrics:
    """The figures of the last days, up to now.

    Raises:
        RefusedError: fewer days than one.
    """
    if days < 1:
        raise RefusedError("Looking at metrics", f"{days} days are none", "Ask for one day or more")
    end = services.clock.now()
    start = end - timedelta(days=days)
    until = end + timedelta(microseconds=1)
    with services.database.begin() as connection:
        found = works(metrics.timings(connection, start, until))
        return Metrics(
            start=start,
            end=end,
            works=found,
            workflows=figures(found),
            advisors=metrics.advisor_use(connection, start, until),
            messages=delivery_figures(connection, start, end),
            jobs=job_runs.failures_by_job(connection, start, until),
            connections=metrics.server_connections(connection),
            learned_rate=learned_rate(connection),
        )
