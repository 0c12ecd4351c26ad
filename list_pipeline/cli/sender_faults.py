"""The command that lists what to repair on the sender's side."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import give, opened_services, say, show_table
from list_pipeline.core.wording import count_text


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("sender-faults")(sender_faults)


def sender_faults(
    key: Annotated[
        str | None,
        typer.Argument(help="The campaign's key, as `campaigns` lists it; without one, the last that was read."),
    ] = None,
) -> None:
    """List who refused us and why, how many contacts were kept because of that, whether it grows, and what to do."""
    from list_pipeline.operations.sender_faults.listing import faults_listed

    with opened_services() as services:
        found = faults_listed(services, key)
    if not found.faults:
        say(f"Nothing to repair after {found.campaign_key}: no operator refused us.")
    else:
        say(
            f"{count_text(found.contacts, 'contact')} kept after {found.campaign_key}: the failures are ours, not theirs."
        )
        show_table(
            ("mail operator", "cause", "contacts", "campaigns before", "change"),
            (
                (
                    one.operator,
                    one.reason.value.replace("_", " "),
                    f"{one.contacts:,}",
                    ", ".join(f"{count:,}" for count in one.before) or "-",
                    one.trend.value,
                )
                for one in found.faults
            ),
        )
        for reason, advice in {one.reason: one.advice for one in found.faults if one.advice and one.contacts}.items():
            say(f"{reason.value.replace('_', ' ').capitalize()}: {advice}")
    give({"campaign": found.campaign_key, "contacts": found.contacts, "faults": found.faults})
