"""What surrounds every stage of a run: it is measured, seen to live, its failure written down, and what follows it may fail.

Belongs here: durations, requests and waits of a stage, kept as a row and logged; the heartbeat of a run while it asks
Mailjet; keeping a fault in what follows from undoing the step. Does not belong here: what a kind of run writes (each
has a ``RunRecord``), what follows which step (the workflows say so themselves), and figures over many runs
(``operations.monitoring``).

Measuring never fails what is measured: a timing that cannot be kept is named in the log.
"""

from __future__ import annotations

import contextvars
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

import structlog
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars

from list_pipeline.core.errors import ChangesStoppedError, ConfigurationError, LockHeldError, TransientError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.monitoring.exported import WORK, Increments
from list_pipeline.core.monitoring.latency import (
    WHOLE_RUN,
    Timing,
)
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.operations.access import Measured
from list_pipeline.operations.services import Services
from list_pipeline.storage.database_errors import StatementFailedError
from list_pipeline.storage.monitoring import metrics, totals

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

MAINTENANCE = "post_campaign_maintenance"
"""The workflow of a maintenance's stages: the job's name, also where they run without Dagster."""


@contextmanager
def logged_with(**facts: object) -> Iterator[None]:
    """Log entries of this thread carry these facts until the block ends; those that are None are left out.

    What was bound before is put back. Without tokens on purpose: Dagster may end a resource in another context.
    """
    bound = {name: value for name, value in facts.items() if value is not None}
    before = {name: value for name, value in get_contextvars().items() if name in bound}
    bind_contextvars(**bound)
    try:
        yield
    finally:
        unbind_contextvars(*bound)
        bind_contextvars(**before)


def carrying_context(function: Callable[P, T]) -> Callable[P, T]:
    """A function whose log entries carry the facts of this thread, in whichever thread it runs."""
    context = contextvars.copy_context()

    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        # A copy for each call: a context cannot be entered by two threads at once.
        return context.copy().run(function, *args, **kwargs)

    return run


@contextmanager
def timed(
    services: Measured,
    workflow: str,
    stage: str,
    *,
    campaign: str | None = None,
    sweep: str | None = None,
    log_id: int | None = None,
) -> Iterator[None]:
    """Measure a stage of a workflow, or a whole run (``WHOLE_RUN``), and bind what it is about to the log.

    Kept whether it is done, failed or was stopped by a person or for another run; a process that dies leaves none.

    Args:
        workflow: the job's name. campaign: its key. log_id: the row of the ledger.
    """
    facts = {"run_id": services.run_id, "workflow": workflow, "campaign": campaign, "sweep": sweep, "log_id": log_id}
    if stage != WHOLE_RUN:
        facts["stage"] = stage
    with logged_with(**facts):
        started_at, before = _beginning(services), _Spent.so_far(services)

        def keep(outcome: str) -> None:
            if started_at is None:
                return
            try:
                _keep(services, workflow, stage, outcome, started_at, before, campaign, sweep, log_id)
            except (StatementFailedError, TransientError) as error:
                log.warning("a timing was not kept", error=type(error).__name__)

        try:
            yield
        except (LockHeldError, ChangesStoppedError):
            keep("stopped")
            raise
        except Exception:
            keep("failed")
            raise
        keep("done")


def _beginning(services: Measured) -> datetime | None:
    """The present instant. None where nobody can say it: what is measured meets the same, and says better what is missing."""
    try:
        return services.clock.now()
    except (ConfigurationError, TransientError) as error:
        log.warning("a timing is not kept", error=type(error).__name__)
        return None


@dataclass(frozen=True, slots=True)
class _Spent:
    by_resource: Mapping[str, int]
    waited_s: float

    @classmethod
    def so_far(cls, services: Measured) -> _Spent:
        return cls(services.requests_so_far(), services.waited_s)


def _keep(
    services: Measured,
    workflow: str,
    stage: str,
    outcome: str,
    started_at: datetime,
    before: _Spent,
    campaign: str | None,
    sweep: str | None,
    log_id: int | None,
) -> None:
    after, finished_at = _Spent.so_far(services), max(services.clock.now(), started_at)
    by_resource = dict(Counter(after.by_resource) - Counter(before.by_resource))
    pool = services.database.pool
    with services.database.begin() as connection:
        timing = Timing(
            workflow=workflow,
            stage=stage,
            run_id=services.run_id,
            campaign_key=campaign,
            sweep=sweep,
            log_id=log_id,
            started_at=started_at,
            finished_at=finished_at,
            duration_ms=round((finished_at - started_at) / timedelta(milliseconds=1)),
            outcome=outcome,
            by_resource=by_resource,
            waited_ms=round(1000 * max(after.waited_s - before.waited_s, 0.0)),
            rate_peak=metrics.busiest_minute(connection, started_at, finished_at) if by_resource else 0,
            rate_limit=services.settings.mailjet_requests_per_minute,
            pool_peak=min(pool.peak, pool.most),
            pool_limit=pool.most,
        )
        metrics.keep_timing(connection, timing)
        told = Increments()
        told.observe(WORK, timing.duration_ms / 1000, workflow, stage, outcome)
        totals.add(connection, told)
    logged = {
        "outcome": outcome,
        "duration_ms": timing.duration_ms,
        "requests": timing.requests,
        "waited_ms": timing.waited_ms,
        "rate_percent": round(timing.rate_percent, 1),
    }
    if stage == WHOLE_RUN:
        log.info("run finished", **logged)
        if timing.duration_ms > MONITORING.long_ms:
            log.warning("a workflow took long", duration_ms=timing.duration_ms, limit_ms=MONITORING.long_ms)
    else:
        log.info("stage finished", **logged)


def follow_up(what: str, action: Callable[[], object], **facts: object) -> str:
    """Do what follows a finished step. Whatever fails in it is logged with its trace and not raised.

    Args:
        what: what is done, for people: "noting the states of the lists". ``facts``: what it is about, for the log.

    Returns:
        Why it failed, without addresses; empty when it is done.
    """
    try:
        action()
    except Exception as error:
        why = redact_addresses(f"{what}: {error}")[:1000]
        log.exception("what follows a step failed", what=what, **facts)
        return why
    return ""


HEARTBEAT_EVERY = timedelta(minutes=1)
"""A run that asks Mailjet for something notes this often that it lives."""


class RunRecord(Protocol):
    """Where a run of some kind writes down how it fares."""

    def heartbeat(self) -> None:
        """The run lives."""

    def failed(self, stage: str, error: Exception) -> None:
        """A stage of it failed, or was stopped."""


@contextmanager
def recorded(services: Services, record: RunRecord, stage: str) -> Iterator[None]:
    """A stage: as long as it asks Mailjet for something, its run is seen to live; what fails in it is written down and raised
    again. A record that cannot be written hides no error of the stage, and makes no failure of a success."""
    around, services.heartbeat = services.heartbeat, _now_and_then(services, record)
    try:
        yield
    except Exception as error:
        follow_up("writing a failure down", partial(record.failed, stage, error), stage=stage)
        raise
    finally:
        services.heartbeat = around
    follow_up("noting a sign of life", record.heartbeat, stage=stage)


def _now_and_then(services: Services, record: RunRecord) -> Callable[[], None]:
    last = services.clock.now()

    def beat() -> None:
        nonlocal last
        if services.clock.now() - last >= HEARTBEAT_EVERY:
            last = services.clock.now()
            follow_up("noting a sign of life", record.heartbeat)

    return beat
