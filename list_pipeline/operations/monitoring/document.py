"""The figures of a window as a document for machines: what ``list-pipeline metrics`` and the HTTP service show.

Does not belong here: gathering them (``figures``), and what a monitor collects (``exported``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.monitoring.latency import WorkflowFigures
from list_pipeline.core.monitoring.rollback_triggers import TriggerResult
from list_pipeline.core.request_rate import rate_text
from list_pipeline.operations.monitoring.figures import Metrics, measured
from list_pipeline.operations.monitoring.rollback_triggers import triggers
from list_pipeline.operations.services import Services
from list_pipeline.storage.monitoring.metrics import AdvisorUse


@dataclass(frozen=True, slots=True)
class MessagesShown:
    """Messages of the window. ``delivered``: a share from 0 to 1; ``p95_s``: seconds; None: nothing arrived."""

    messages: int
    delivered: float | None
    p95_s: float | None
    late: int


@dataclass(frozen=True, slots=True)
class RunsShown:
    """Runs of one job that ended, and how many of them failed."""

    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class ConnectionsShown:
    """Connections at the database server now."""

    used: int
    allowed: int


@dataclass(frozen=True, slots=True)
class MetricsDocument:
    """The figures of a window (UTC). ``requests``: the allowance of requests to Mailjet, in words."""

    start: datetime
    end: datetime
    workflows: tuple[WorkflowFigures, ...]
    advisors: tuple[AdvisorUse, ...]
    messages: MessagesShown
    jobs: Mapping[str, RunsShown]
    requests: str
    connections: ConnectionsShown
    rollback_triggers: tuple[TriggerResult, ...]


def document_of(services: Services, found: Metrics) -> MetricsDocument:
    """The document of measured figures, with the rollback triggers as they are judged now."""
    messages = found.messages
    return MetricsDocument(
        found.start,
        found.end,
        found.workflows,
        found.advisors,
        MessagesShown(messages.messages, messages.delivery_rate, messages.p95_s, messages.late),
        {job: RunsShown(runs, failed) for job, (runs, failed) in found.jobs.items()},
        rate_text(services.settings.mailjet_requests_per_minute, found.learned_rate, found.end),
        ConnectionsShown(*found.connections),
        triggers(services),
    )


def metrics_shown(services: Services, days: int) -> MetricsDocument:
    """The figures of the last days, up to now.

    Raises:
        RefusedError: fewer days than one.
    """
    return document_of(services, measured(services, days))
