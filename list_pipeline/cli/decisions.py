"""The command about past decisions: a day's review, and the days before. Contacts by id and masked; no address is shown."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.wording import confidence_text, dollars_text, percent_text

if TYPE_CHECKING:
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
        int | None, typer.Option(min=1, help="Instead: one line for each of so many days that were reviewed.")
    ] = None,
) -> None:
    """Show what was decided on a day, by which rule, what the advisors made of it, and whether people agreed."""
    from list_pipeline.operations.monitoring import decision_review

    wanted: date | None = day.date() if day is not None else None
    with opened_services() as services:
        if days is not None:
            _show_history(decision_review.history(services, days, until=wanted), days)
            return
        review = decision_review.review_day(services, wanted or decision_review.yesterday(services))
    _show(review)


def _show(review: DecisionReview) -> None:
    figures = review.figures
    console.print(f"{figures.day} (UTC)")
    for words in review.findings:
        console.print(f"- {words}", markup=False)
    if figures.rules:
        table = Table("plan", "rule", "action", "contacts", "mean confidence")
        for rule in figures.rules:
            sure = confidence_text(rule.mean_confidence, unknown="-")
            table.add_row(rule.kind, rule.rule, rule.action, f"{rule.contacts:,}", sure)
        console.print(table)
    if figures.advisors:
        table = Table(
            "advisor", "questions", "outcomes", "could not be read", "mean confidence", "tokens", "cost", "p95 ms"
        )
        for one in figures.advisors:
            outcomes = ", ".join(f"{count} {name}" for name, count in one.outcomes.items() if count)
            latency = "-" if one.latency_p95_ms is None else f"{one.latency_p95_ms:,}"
            table.add_row(
                one.agent,
                str(one.questions),
                outcomes,
                percent_text(one.parse_failure_percent, unknown="-"),
                confidence_text(one.mean_confidence, unknown="-"),
                f"{one.tokens:,}",
                dollars_text(one.cost_usd),
                latency,
            )
        console.print(table)
    if review.decisions:
        table = Table("contact", "address", "plan", "action", "rule", "confidence", "advisor", "decided by")
        for shown in review.decisions:
            item = shown.item
            table.add_row(
                str(item.contact_id),
                shown.masked,
                str(item.plan_id),
                item.action,
                item.rule,
                confidence_text(item.confidence, unknown="-"),
                item.advice.value,
                item.decided_by or item.decider.value,
            )
        console.print(table)
        if figures.contacts > len(review.decisions):
            console.print(f"{len(review.decisions)} contacts are listed; the figures count all of them.")


def _show_history(kept: tuple[KeptReview, ...], days: int) -> None:
    if not kept:
        console.print(f"None of the last {days} days was reviewed.")
        return
    table = Table(
        "day", "contacts", "automatic", "answers unread", "approved", "rejected", "expired", "with policy", "with advisor",
        "taken back",
    )  # fmt: skip
    for one in kept:
        figures = one.figures
        table.add_row(
            one.day.isoformat(),
            f"{figures.contacts:,}",
            percent_text(figures.automatic_percent, unknown="-"),
            f"{figures.all_advisors.unreadable} of {figures.all_advisors.answered}",
            str(figures.people.approved),
            str(figures.people.rejected),
            str(figures.people.expired),
            percent_text(figures.people.policy_percent, unknown="-"),
            percent_text(figures.people.advisor_percent, unknown="-"),
            f"{figures.suppressions.reinstated} of {figures.suppressions.suppressed:,}",
        )
    console.print(table)
    if len(kept) < days:
        console.print(f"{len(kept)} of the {days} days were reviewed; the others are missing here.")
