"""The command that says why a contact is where it is. No address is shown."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated

import typer

from list_pipeline.cli.common import Contact, give, opened_services, say


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(why)


def why(
    contact: Contact,
    full: Annotated[
        bool, typer.Option("--full", help="Everything that is stored, not the latest of each kind.")
    ] = False,
) -> None:
    """Say why a contact is where it is: its last verdict, what that rests on, what would have changed it, and who decided
    what. The address is masked; nothing is changed, and Mailjet is not asked."""
    from list_pipeline.operations.evidence_card.card import evidence_card
    from list_pipeline.operations.evidence_card.document import document_of

    with opened_services() as services:
        card = document_of(evidence_card(services, contact), full=full)
    say(card.headline)
    for line in card.answer:
        say(line)
    for section in card.sections:
        say("")
        say(section.title)
        for line in section.lines:
            say(f"- {line}")
    stored = card.stored
    everything = {one.name: getattr(stored, one.name) for one in fields(stored)} if stored is not None else {}
    give({"contact_id": card.contact_id, "answer": card.answer, "erased": card.erased, **everything})
