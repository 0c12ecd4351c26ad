"""Commands about quarantine: who is kept from mail, keeping somebody from it, and ending that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import (
    By,
    Contact,
    Whole,
    contact_id_of,
    give,
    opened_services,
    progress,
    say,
    show_table,
)
from list_pipeline.cli.correction_output import show_corrections
from list_pipeline.core.quarantine.policy import QUARANTINE

if TYPE_CHECKING:
    from list_pipeline.storage.quarantine import Quarantine


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(quarantined)
    app.command()(quarantine)
    app.command()(release)


def quarantined() -> None:
    """Show who is in quarantine or waits for it, why, and until when; changes nothing."""
    from list_pipeline.core.wording import utc_text
    from list_pipeline.operations.quarantine.release import quarantined as found_now

    with opened_services() as services:
        found = found_now(services)
    if not found:
        say("Nobody is in quarantine.")
    else:
        show_table(
            (Whole("contact"), "because", "state", "since (UTC)", "until (UTC)", "after", Whole("plan")),
            (
                (
                    str(one.contact_id),
                    one.reason.value.replace("_", " "),
                    one.state.value,
                    utc_text(one.started_at, "-"),
                    utc_text(one.ends_at),
                    one.campaign or "-",
                    str(one.plan_id),
                )
                for one in found
            ),
        )
    give({"quarantined": [_plain(one) for one in found]})


def _plain(one: Quarantine) -> dict[str, object]:
    return {
        "contact_id": one.contact_id,
        "reason": one.reason.value,
        "state": one.state.value,
        "since": one.started_at,
        "until": one.ends_at,
        "campaign": one.campaign,
        "plan": one.plan_id,
    }


def quarantine(
    contact: Contact,
    by: By,
    note: Annotated[str, typer.Option(help="Why: somebody will ask.")],
    days: Annotated[
        int, typer.Option(help=f"For how many days, {QUARANTINE.most_days} at the most.")
    ] = QUARANTINE.days,
) -> None:
    """Keep one contact from mail for some days: it stays on its list, counts there, and is mailed again by itself. `release`
    ends it at once."""
    from list_pipeline.operations.quarantine.begin import quarantine_by_hand
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        contact_id = contact_id_of(services, contact)
        note_flag(services, by="command")
        done = quarantine_by_hand(services, [contact_id], days=days, by=by, note=note, progress=progress)
    show_corrections([done])


def release(
    contact: Contact,
    by: By,
    note: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """End the quarantine of one contact: it is mailed again at once. Of everybody whose time is over it ends by itself."""
    from list_pipeline.operations.quarantine.release import release_by_hand
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        contact_id = contact_id_of(services, contact)
        note_flag(services, by="command")
        done = release_by_hand(services, contact_id, by=by, note=note, progress=progress)
    show_corrections([done])
