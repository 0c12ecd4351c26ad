"""The command about drift: comparing Mailjet's lists with our rows, and accepting what was found. No address is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import (
    By,
    Whole,
    Yes,
    confirm,
    give,
    opened_services,
    progress,
    say,
    show_table,
    working,
)
from list_pipeline.core.wording import count_text

if TYPE_CHECKING:
    from list_pipeline.operations.drift.reconciliation import Reconciliation

_MOST_ROWS = 50


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(reconcile)


def reconcile(
    accept: Annotated[
        bool, typer.Option("--accept", help="Accept what the last reconciliation found; changes may go on.")
    ] = False,
    by: By = "",
    note: Annotated[str | None, typer.Option(help="Why.")] = None,
    yes: Yes = False,
) -> None:
    """Compare Mailjet's lists with our rows and show what differs; changes nothing at Mailjet. Accepting asks first: what is
    accepted is not asked about again."""
    from list_pipeline.operations.drift.reconciliation import reconcile as compare
    from list_pipeline.operations.plans.dead_jobs import look_for_lost_jobs
    from list_pipeline.operations.safety import restore_guard

    with opened_services() as services:
        if accept:
            confirm(
                "Accepting what Mailjet shows",
                "changes may go on, and what was found is not asked about again",
                yes=yes,
            )
            closed = restore_guard.accept(services, by=by, note=note)
            say(f"Accepted by {by}: changes may go on; {count_text(closed, 'note')} about drift closed.")
            give({"accepted_by": by, "notes_closed": closed})
            return
        with working("Reading Mailjet"):
            look_for_lost_jobs(services, progress)
            found = compare(services, progress=progress)
    _show(found)


def _show(found: Reconciliation) -> None:
    if found.findings:
        show_table(
            (Whole("contact"), "list", "what", "in our rows", "at Mailjet", "explanation"),
            (
                (
                    str(finding.contact_id),
                    finding.list_role.label if finding.list_role else "-",
                    finding.kind.words,
                    finding.ours,
                    finding.theirs,
                    finding.explanation,
                )
                for finding in found.findings[:_MOST_ROWS]
            ),
        )
    if len(found.findings) > _MOST_ROWS:
        say(f"... and {len(found.findings) - _MOST_ROWS} more, in the table reconciliation_finding.")
    for plan_id, content_hash in found.proposals:
        say(f"Plan {plan_id} ({content_hash[:12]}) proposes a repair and waits for a decision.")
    if found.stopped_because:
        say(f"No list is changed: {found.stopped_because}.")
        say("Accept with: list-pipeline reconcile --accept --by NAME")
    elif not found.findings:
        say(f"{found.contacts_compared:,} contacts compared; Mailjet and our rows agree.")
    give(
        {
            "reconciliation_id": found.reconciliation_id,
            "contacts_compared": found.contacts_compared,
            "findings": [
                {
                    "contact_id": finding.contact_id,
                    "kind": finding.kind,
                    "list": finding.list_role,
                    "ours": finding.ours,
                    "theirs": finding.theirs,
                    "explanation": finding.explanation,
                }
                for finding in found.findings
            ],
            "proposals": [{"plan": plan_id, "content_hash": content} for plan_id, content in found.proposals],
            "stopped_because": found.stopped_because,
        }
    )
