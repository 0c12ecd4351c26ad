"""The commands that show what Mailjet's Event API told, and of whom it told nothing."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import Whole, give, opened_services, say, show_table
from list_pipeline.core.wording import count_text, instant_text, utc_text


def register(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("told-events")(told_events)
    app.command()(silent)


def told_events(
    days: Annotated[int, typer.Option(min=1, max=3660, help="Days to look back, today included.")] = 7,
) -> None:
    """Show which events Mailjet told, what became of them, and which wait for their contact or campaign."""
    from list_pipeline.operations.told_events.status import status

    with opened_services() as services:
        found = status(services, days)
        is_set = services.settings.event_webhook_password is not None
    show_table(
        ("kind", "outcome", "events", "last (UTC)"),
        ((one.kind, one.outcome, f"{one.events:,}", utc_text(one.last_at)) for one in found.counts),
    )
    if not is_set:
        say("EVENT_WEBHOOK_PASSWORD is not set: no events are received.")
    elif not found.counts:
        say("No event came. Register the URL at Mailjet: docs/operations.md says how.")
    if found.aside.since is not None:
        waits = count_text(found.aside.events, "event")
        say(
            f"Kept aside, since contact or campaign are not known here: {waits}, since {instant_text(found.aside.since)}."
        )
    if not found.has_signs:
        say("Opens and clicks are not known: none was ever told.")
    give(
        {
            "is_set": is_set,
            "counts": [
                {"kind": one.kind, "outcome": one.outcome, "events": one.events, "last_at": one.last_at}
                for one in found.counts
            ],
            "aside": {"events": found.aside.events, "since": found.aside.since},
            "has_signs": found.has_signs,
        }
    )


def silent(
    after: Annotated[int, typer.Option(min=0, help="Show contacts from this id on.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Contacts to show.")] = 100,
) -> None:
    """List the contacts that opened and clicked nothing for NO_SIGN_OF_LIFE_DAYS. Nobody is suppressed for it."""
    from list_pipeline.core.weekly.silence import silence_text
    from list_pipeline.operations.weekly.silence import silent_now

    with opened_services() as services:
        found = silent_now(services, after=after, limit=limit)
    say(f"{silence_text(found.silence)}.")
    if found.shown:
        show_table(
            (Whole("contact"), "delivered to meanwhile"),
            ((str(contact_id), "yes" if reached else "no") for contact_id, reached in found.shown),
        )
    give({"silence": found.silence, "contacts": [contact_id for contact_id, _ in found.shown]})
