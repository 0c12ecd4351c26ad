"""The command about mass changes: seeing them, saying that one was meant, and having those who were taken off put back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import By, Whole, Yes, confirm, give, opened_services, say, show_table
from list_pipeline.core.errors import RefusedError

if TYPE_CHECKING:
    from list_pipeline.storage.mass_changes import MassChange

_SHOWN_FOR = timedelta(days=30)


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("mass-changes")(mass_changes)


def mass_changes(
    accept: Annotated[
        int | None, typer.Option(help="The number of one that was meant; its lists are rebalanced again.")
    ] = None,
    repair: Annotated[
        int | None, typer.Option(help="The number of one whose contacts are to be put back; makes a plan for approval.")
    ] = None,
    by: By = "",
    note: Annotated[str, typer.Option(help="Why; needed to accept and to repair.")] = "",
    yes: Yes = False,
) -> None:
    """Show what others changed at large in the lists, and decide on it; changes nothing at Mailjet. Accepting asks first: what
    is accepted is not asked about again."""
    from list_pipeline.operations.reviews import mass_changes as answers
    from list_pipeline.storage import mass_changes as rows

    if accept is not None and repair is not None:
        raise RefusedError("Deciding on mass changes", "it is either accepted or repaired", "Give one of both")
    with opened_services() as services:
        if accept is not None:
            confirm(
                f"Accepting mass change {accept}",
                "its lists are rebalanced again, and nobody is asked about it again",
                yes=yes,
            )
            answers.accept(services, accept, by=by, note=note)
            say(f"Mass change {accept} is accepted by {by}.")
            give({"accepted": accept, "accepted_by": by})
        elif repair is not None:
            made = answers.repair(services, repair, by=by, note=note)
            say(
                f"Plan {made.plan_id} puts {made.contacts:,} contacts back, {made.left:,} stay off. "
                + (f"{made.entering} " if made.entering else "")
                + f"It waits: list-pipeline approve {made.plan_id} {made.content_hash[:12]} --by NAME"
            )
            give(
                {
                    "plan_id": made.plan_id,
                    "content_hash": made.content_hash,
                    "contacts": made.contacts,
                    "left": made.left,
                }
            )
        else:
            with services.database.begin() as connection:
                found = rows.mass_changes(connection, since=services.clock.now() - _SHOWN_FOR)
            _show(found)


def _show(found: Iterable[MassChange]) -> None:
    from list_pipeline.core.drift.mass_change_message import change_text
    from list_pipeline.core.wording import utc_text

    changes = list(found)
    if not changes:
        say("Nobody changed a list at large in the last 30 days.")
    else:
        show_table(
            (Whole("number"), "found (UTC)", "what", "still so", "ordinary", "state"),
            (
                (
                    str(one.matter),
                    utc_text(one.found_at),
                    change_text(one.figures),
                    f"{one.remaining:,}",
                    f"{one.figures.ordinary:,}",
                    _state(one),
                )
                for one in changes
            ),
        )
    give(
        {
            "mass_changes": [
                {
                    "number": one.matter,
                    "found_at": one.found_at,
                    "what": change_text(one.figures),
                    "remaining": one.remaining,
                    "ordinary": one.figures.ordinary,
                    "status": one.status,
                    "repair_plan": one.repair_plan_id,
                    "closed_by": one.closed_by,
                    "note": one.note,
                }
                for one in changes
            ]
        }
    )


def _state(change: MassChange) -> str:
    from list_pipeline.core.drift.mass_changes import MassChangeStatus

    if change.status is MassChangeStatus.OPEN and change.repair_plan_id is not None:
        return f"open, plan {change.repair_plan_id}"
    if change.closed_by:
        return f"{change.status.value} by {change.closed_by}: {change.note or ''}".rstrip(": ")
    return change.status.value
