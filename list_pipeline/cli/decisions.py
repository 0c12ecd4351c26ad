"""The command about past decisions: a day's review, and the days before. Contacts by id and masked; no address is shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import Whole, day_of, give, opened_services, say, show_table
from list_pipeline.core.wording import confidence_text, dollars_text, percent_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from list_pipeline.core.monitoring.decision_review import AdvisorFigures
    from list_pipeline.operations.monitoring.decision_review import DecisionReview
    from list_pipeline.storage.monitoring.decision_review import KeptReview


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(decisions)


def decisions(
    day: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC); yesterday when left out.")
    ] = None,
    days: Annotated[
        int | None, typer.Option(min=1, max=3660, help="Instead: one line for each of so many days that were reviewed.")
    ] = None,
) -> None:
    """Show what was decided on a day, by which rule, what the advisors made of it, and whether people agreed."""
    from list_pipeline.operations.monitoring import decision_review

    wanted = day_of(day)
    with opened_services() as services:
        if days is not None:
            _show_history(decision_review.history(services, days, until=wanted), days)
            return
        review = decision_review.review_day(services, wanted or decision_review.yesterday(services))
    _show(review)


def _show(review: DecisionReview) -> None:
    figures = review.figures
    say(f"{figures.day} (UTC)")
    for words in review.findings:
        say(f"- {words}")
    if figures.rules:
        show_table(
            ("plan", "rule", "action", "contacts", "mean confidence"),
            (
                (
                    rule.kind,
                    rule.rule,
                    rule.action,
                    f"{rule.contacts:,}",
                    confidence_text(rule.mean_confidence, unknown="-"),
                )
                for rule in figures.rules
            ),
        )
    if figures.advisors:
        _show_advisors(figures.advisors)
    if review.decisions:
        show_table(
            (Whole("contact"), "address", Whole("plan"), "action", "rule", "confidence", "advisor", "decided by"),
            (
                (
                    str(shown.item.contact_id),
                    shown.masked,
                    str(shown.item.plan_id),
                    shown.item.action,
                    shown.item.rule,
                    confidence_text(shown.item.confidence, unknown="-"),
                    shown.item.advice.value,
                    shown.item.decided_by or shown.item.decider.value,
                )
                for shown in review.decisions
            ),
        )
        if figures.contacts > len(review.decisions):
            say(f"{len(review.decisions)} contacts are listed; the figures count all of them.")
    give(
        {
            "day": figures.day,
            "is_over": review.is_over,
            "findings": review.findings,
            "figures": figures,
            "decisions": review.decisions,
        }
    )


def _show_advisors(used: Sequence[AdvisorFigures]) -> None:
    show_table(
        ("advisor", "questions", "outcomes", "could not be read", "mean confidence", "tokens", "cost", "p95 ms"),
        (
            (
                one.agent,
                str(one.questions),
                ", ".join(f"{count} {name}" for name, count in one.outcomes.items() if count),
                percent_text(one.parse_failure_percent, unknown="-"),
                confidence_text(one.mean_confidence, unknown="-"),
                f"{one.tokens:,}",
                dollars_text(one.cost_usd),
                "-" if one.latency_p95_ms is None else f"{one.latency_p95_ms:,}",
            )
            for one in used
        ),
    )


def _show_history(kept: tuple[KeptReview, ...], days: int) -> None:
    give({"reviews": [{"day": one.day, "reviewed_at": one.reviewed_at, "figures": one.figures} for one in kept]})
    if not kept:
        say(f"None of the last {days} days was reviewed.")
        return
    show_table(
        ("day", "contacts", "automatic", "answers unread", "approved", "rejected", "expired", "with policy", "with advisor",
         "taken back"),
        (
            (
                one.day.isoformat(),
                f"{one.figures.contacts:,}",
                percent_text(one.figures.automatic_percent, unknown="-"),
                f"{one.figures.all_advisors.unreadable} of {one.figures.all_advisors.answered}",
                str(one.figures.people.approved),
                str(one.figures.people.rejected),
                str(one.figures.people.expired),
                percent_text(one.figures.people.policy_percent, unknown="-"),
                percent_text(one.figures.people.advisor_percent, unknown="-"),
                f"{one.figures.suppressions.reinstated} of {one.figures.suppressions.suppressed:,}",
            )
            for one in kept
        ),
    )  # fmt: skip
    if len(kept) < days:
        say(f"{len(kept)} of the {days} days were reviewed; the others are missing here.")
