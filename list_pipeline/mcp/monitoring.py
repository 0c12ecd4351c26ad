"""Tools about the product itself: whether its services answer, how its work fares, and how its decisions turned out."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import Field

from list_pipeline.core.monitoring.decision_review import DayFigures
from list_pipeline.core.monitoring.decision_review_text import findings
from list_pipeline.mcp.arguments import Arguments, Nothing
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.monitoring.decision_review import history
from list_pipeline.operations.monitoring.dependencies import Health
from list_pipeline.operations.monitoring.document import MetricsDocument, metrics_shown

MOST_DAYS = 366


class DependencyShown(Result):
    """A service. ``latency_ms`` None: it did not answer."""

    name: str
    status: Health
    is_required: bool
    latency_ms: int | None
    details: dict[str, Any]


class SystemShown(Result):
    """All services, as of half a minute ago at the most."""

    status: Health
    looked_at: datetime
    services: tuple[DependencyShown, ...]


class WindowWanted(Arguments):
    """Which window."""

    days: Annotated[int, Field(ge=1, le=MOST_DAYS, description="Days up to now.")] = 7


class Metrics(Result):
    """The figures of a window."""

    metrics: MetricsDocument


class DaysWanted(Arguments):
    """Which days."""

    days: Annotated[int, Field(ge=1, le=60, description="Days up to yesterday.")] = 7


class DayReviewed(Result):
    """The decisions of a day, in words and figures."""

    day: date
    words: tuple[str, ...]
    automatic: int
    by_people: int
    approved: int
    rejected: int
    expired: int
    suppressed_in_all: int
    taken_back_in_all: int
    worked_after_all: int


class DaysReviewed(Result):
    """Days, the oldest first; days that nobody reviewed are missing."""

    days: tuple[DayReviewed, ...]


def system_health(call: Call, asked: Nothing) -> SystemShown:
    """Ask whether the services that the product uses answer: database and schema, Redis, Mailjet, Slack, Gemini. For the health
    of the lists, use `weekly_checks` and `lists`."""
    del asked
    found = call.look.latest()
    return SystemShown(
        status=found.status,
        looked_at=found.timestamp,
        services=tuple(
            DependencyShown(
                name=name,
                status=one.status,
                is_required=one.is_required,
                latency_ms=one.latency_ms,
                details=dict(one.details),
            )
            for name, one in found.checks.items()
        ),
    )


def metrics(call: Call, asked: WindowWanted) -> Metrics:
    """Show figures of the last days: how long the workflows took, requests to Mailjet, the advisors' questions and cost,
    messages delivered, failed runs, and the triggers that would call for a roll-back of the product."""
    return Metrics(metrics=metrics_shown(call.services, asked.days))


def decision_reviews(call: Call, asked: DaysWanted) -> DaysReviewed:
    """Show how decisions turned out, day by day: how many contacts were decided on automatically and by people, how often
    people agreed, and how many suppressions were taken back or proved wrong because the address worked after all."""
    return DaysReviewed(days=tuple(_day(one.figures) for one in history(call.services, asked.days)))


def _day(figures: DayFigures) -> DayReviewed:
    people, suppressions = figures.people, figures.suppressions
    return DayReviewed(
        day=figures.day,
        words=tuple(findings(figures)),
        automatic=figures.automatic,
        by_people=figures.by_people,
        approved=people.approved,
        rejected=people.rejected,
        expired=people.expired,
        suppressed_in_all=suppressions.suppressed,
        taken_back_in_all=suppressions.reinstated,
        worked_after_all=suppressions.worked,
    )


TOOLS = (
    reading(system_health, "Whether the services answer"),
    reading(metrics, "Figures"),
    reading(decision_reviews, "How decisions turned out"),
)
