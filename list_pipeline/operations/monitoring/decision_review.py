"""The daily review of decisions: a day counted from the stored rows, kept, and shown beside the days before.

Belongs here: which day may be reviewed, what is kept, and its goals as checks. Does not belong here: what is counted
(``storage.monitoring.decision_review``) and how (``core.monitoring.decision_review``). Nothing at Mailjet is read or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import structlog

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.masking import mask_address
from list_pipeline.core.monitoring.decision_review import (
    DayFigures,
    GoalState,
    figures_of,
)
from list_pipeline.core.monitoring.decision_review_text import (
    answer_text,
    findings,
    mean_confidence_text,
    suppression_text,
)
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.suppression.verdicts import SuppressionRule
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.storage.membership import members
from list_pipeline.storage.monitoring import decision_review as decision_review_rows
from list_pipeline.storage.monitoring.decision_review import Cuts, DecidedItem, KeptReview, Span

log = structlog.get_logger(__name__)

LISTED_MAX = 200
"""Contacts that a review lists; the figures count all of them."""

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ShownDecision:
    """One contact of a review, as people may see it."""

    item: DecidedItem
    masked: str


@dataclass(frozen=True, slots=True)
class DecisionReview:
    """The review of a day (UTC). ``is_over``: False while the day still runs; then nothing is kept.

    ``decisions``: the day's contacts one by one, at most ``LISTED_MAX``, suppressions first.
    """

    figures: DayFigures
    decisions: tuple[ShownDecision, ...]
    is_over: bool

    @property
    def findings(self) -> tuple[str, ...]:
        """The review in a few sentences."""
        told = findings(self.figures)
        return told if self.is_over else (*told, "The day is not over; these figures are not kept.")


def yesterday(services: Services) -> date:
    """The last day (UTC) that is over."""
    return services.clock.now().astimezone(UTC).date() - timedelta(days=1)


def review_day(services: Services, day: date, *, run_id: str | None = None) -> DecisionReview:
    """Count a day's decisions and keep the figures. The same rows give the same figures, whenever it is asked.

    Raises:
        RefusedError: the day has not begun.
    """
    now, span = services.clock.now(), _span(day)
    if span.start > now:
        raise RefusedError(f"Reviewing {day}", "the day has not begun (UTC)", "Review a day that is over")
    cuts, lately = _cuts(services), _span(day, MONITORING.trend_days)
    is_over = span.end <= now
    with services.database.begin() as connection:
        # One state of all tables: a run in progress may write between the statements.
        connection.exec_driver_sql("set transaction isolation level repeatable read")
        figures = figures_of(
            day,
            decision_review_rows.decided_groups(connection, span, cuts),
            decision_review_rows.consulted(connection, span),
            decision_review_rows.peoples_decisions(connection, span, cuts),
            decision_review_rows.peoples_decisions(connection, lately, cuts),
            decision_review_rows.false_suppressions(connection, Span(_BEGINNING, span.end)),
            decision_review_rows.false_suppressions(connection, lately),
            decision_review_rows.kept_failures(connection, span.end),
        )
        items = decision_review_rows.decided_items(connection, span, cuts, LISTED_MAX)
        addresses = members.addresses_of(connection, [item.contact_id for item in items])
    if is_over:
        with services.database.begin() as connection:
            decision_review_rows.keep(connection, figures, run_id, now)
    log.info(
        "decisions reviewed",
        day=day.isoformat(),
        contacts=figures.contacts,
        automatic=figures.automatic,
        by_people=figures.by_people,
        unreadable=figures.all_advisors.unreadable,
    )
    return DecisionReview(figures, tuple(_shown(item, addresses) for item in items), is_over)


def history(services: Services, days: int, *, until: date | None = None) -> tuple[KeptReview, ...]:
    """The reviews of the last days (up to yesterday, or ``until``), oldest first; days that nobody reviewed are missing.

    Raises:
        RefusedError: fewer days than one.
    """
    if days < 1:
        raise RefusedError("Looking at past reviews", f"{days} days are none", "Ask for one day or more")
    last = until or yesterday(services)
    with services.database.begin() as connection:
        return tuple(decision_review_rows.kept(connection, last - timedelta(days=days - 1), last))


def figures_kept(services: Services, day: date) -> DayFigures:
    """The figures of a day as they were kept.

    Raises:
        NotFoundError: it was not reviewed.
    """
    found = history(services, 1, until=day)
    if not found:
        raise NotFoundError(
            f"Looking for the review of {day}", "there is none", f"`list-pipeline decisions --day {day}` makes it"
        )
    return found[0].figures


def answers_are_valid_json(figures: DayFigures) -> CheckResult:
    """At least 99 percent of the answers that came from advisors on the day are valid JSON."""
    share = figures.all_advisors.valid_json_percent
    passed = share is None or share >= MONITORING.valid_json_percent
    return CheckResult(passed, answer_text(figures.all_advisors))


def false_suppressions_are_few(figures: DayFigures) -> CheckResult:
    """Fewer than 5 percent of all suppressions by rule were taken back; whether that is shown is said beside it."""
    found = figures.suppressions
    return CheckResult(
        found.proof is not GoalState.MISSED, suppression_text(found), is_serious=found.is_certainly_missed
    )


def advisors_are_confident(figures: DayFigures) -> CheckResult:
    """The advisors' mean confidence of the day is above 0.85."""
    mean = figures.all_advisors.mean_confidence
    passed = mean is None or mean > MONITORING.mean_confidence
    return CheckResult(passed, mean_confidence_text(figures.all_advisors), is_serious=False)


RULES: tuple[Callable[[DayFigures], CheckResult], ...] = (
    answers_are_valid_json,
    false_suppressions_are_few,
    advisors_are_confident,
)


def _span(day: date, days: int = 1) -> Span:
    end = datetime.combine(day, time(), tzinfo=UTC) + timedelta(days=1)
    return Span(end - timedelta(days=days), end)


def _cuts(services: Services) -> Cuts:
    policy = policy_of(services)
    own = {
        SuppressionRule.SECOND_HIT.value: policy.confidence_second_hit,
        SuppressionRule.SOFT_PATTERN.value: policy.confidence_soft_pattern,
    }
    return Cuts(own, MONITORING.band_review)


def _shown(item: DecidedItem, addresses: Mapping[int, str]) -> ShownDecision:
    masked = mask_address(addresses[item.contact_id]) if item.contact_id in addresses else "erased"
    return ShownDecision(item, masked)
