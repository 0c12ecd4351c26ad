"""Everything that a dashboard shows of a window: what runs now, advisors, bounces, balance, changes, errors, messages, regret.

Belongs here: gathering it from stored rows; nothing outside is asked. Does not belong here: pictures
(``core.pictures``) and pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.messages.delivery import DeliveryFigures
from list_pipeline.core.monitoring.decision_review_text import kept_text, suppression_text, tested_text
from list_pipeline.core.rebalancing.balance import deviation_percent
from list_pipeline.core.wording import Rate
from list_pipeline.operations.access import Deciding
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage.monitoring import decision_review, job_runs, metrics, present, series
from list_pipeline.storage.monitoring.decision_review import Span
from list_pipeline.storage.monitoring.metrics import AdvisorUse
from list_pipeline.storage.monitoring.present import Queue, Waiting
from list_pipeline.storage.monitoring.series import AdvisorAnswers, BouncesOfCampaign, ChangedByCampaign

MOST_DAYS = 366
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Present:
    """What is so now: what waits and since when, when each job last ended well, attempts by status."""

    queues: Mapping[Queue, Waiting]
    last_successes: Mapping[str, datetime]
    attempts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BouncePoint:
    """A campaign's bounces as a rate with its interval."""

    bounces: BouncesOfCampaign
    rate: Rate


@dataclass(frozen=True, slots=True)
class BalancePoint:
    """How far the campaign lists were apart at a snapshot (UTC), in percent of their mean, and their sizes."""

    at: datetime
    sizes: tuple[int, int, int]
    percent: float


@dataclass(frozen=True, slots=True)
class JobRuns:
    """Runs of a job that ended in the window, and how many of them failed."""

    job: str
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """The figures of a window (UTC), ``end`` being now.

    ``errors``: errors of maintenances by stage. ``regret``: what became of suppressions and of those who were
    kept, in sentences.
    """

    start: datetime
    end: datetime
    present: Present
    jobs: tuple[JobRuns, ...]
    advisors: tuple[AdvisorUse, ...]
    answers: Mapping[str, AdvisorAnswers]
    bounces: tuple[BouncePoint, ...]
    balance: tuple[BalancePoint, ...]
    changed: tuple[ChangedByCampaign, ...]
    errors: Mapping[str, int]
    messages: DeliveryFigures
    regret: tuple[str, ...]


def present_now(services: Deciding) -> Present:
    """What is so now."""
    with services.database.begin() as connection:
        return Present(present.queues(connection), present.last_successes(connection), present.maintenances(connection))


def dashboard(services: Deciding, days: int) -> Dashboard:
    """The figures of the last days, up to now.

    Raises:
        RefusedError: fewer days than one, or more than a year.
    """
    if not 1 <= days <= MOST_DAYS:
        raise RefusedError("Showing the dashboard", f"{days} days are asked for", f"Ask for 1 to {MOST_DAYS}")
    now = services.clock.now()
    start = now - timedelta(days=days)
    shown_now = present_now(services)
    with services.database.begin() as connection:
        # One state of all tables: a run in progress may write between the statements.
        connection.exec_driver_sql("set transaction isolation level repeatable read")
        wrong, kept = (
            decision_review.false_suppressions(connection, Span(_BEGINNING, now)),
            decision_review.kept_failures(connection, now),
        )
        return Dashboard(
            start,
            now,
            shown_now,
            tuple(JobRuns(job, *counts) for job, counts in job_runs.failures_by_job(connection, start, now).items()),
            metrics.advisor_use(connection, start, now),
            {one.agent: one for one in series.answers(connection, start, now)},
            tuple(
                BouncePoint(one, Rate(min(one.bounced, one.processed), one.processed))
                for one in series.bounces(connection, start, now)
            ),
            tuple(
                BalancePoint(one.at, one.sizes, percent)
                for one in series.sizes(connection, start, now)
                if (percent := deviation_percent(one.sizes)) is not None
            ),
            series.changed(connection, start, now),
            series.failed_stages(connection, start, now),
            message_rows.delivery_figures(connection, start, now),
            tuple(words for words in (suppression_text(wrong), tested_text(wrong), kept_text(kept)) if words),
        )
