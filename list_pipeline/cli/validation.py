"""The commands about campaigns before they are sent: validating one, letting a blocked one go, saying that a test was seen."""

from __future__ import annotations

from typing import Annotated

import typer

from list_pipeline.cli.common import By, Whole, Yes, confirm, give, opened_services, say, show_table, working
from list_pipeline.cli.program import ExitCode
from list_pipeline.core.wording import utc_text
from list_pipeline.operations.services import Services


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(validate)
    app.command()(unblock)
    app.command("test-seen")(seen_test)


def validate(
    key: Annotated[str | None, typer.Argument(help="The campaign's key; nothing to list what is scheduled.")] = None,
) -> None:
    """Validate the list of a scheduled campaign now. A critical finding blocks the campaign: exit code 3."""
    from list_pipeline.operations.validation.validate import validate as run

    with opened_services() as services:
        if key is None:
            _list(services)
            return
        with working("Reading Mailjet"):
            found = run(services, key)
    show_table(
        ("rule", "result", "found", "to do"),
        (
            (result.rule.value.replace("_", " "), result.severity.value, result.words, result.action)
            for result in found.results
        ),
    )
    if found.is_continued:
        say("An earlier validation was not settled: it was continued. Repeat the command to judge anew.")
    say(("Blocked. " if found.stored.is_blocking else "") + found.fate)
    give(
        {
            "key": found.campaign.key,
            "verdict": found.stored.verdict,
            "is_blocked": found.stored.is_blocking,
            "fate": found.fate,
            "is_continued": found.is_continued,
            "validated_at": found.stored.validated_at,
            "rules": [
                {"rule": one.rule, "result": one.severity, "found": one.words, "to_do": one.action}
                for one in found.results
            ],
        }
    )
    if found.stored.is_blocking:
        raise typer.Exit(ExitCode.BLOCKED)


def _list(services: Services) -> None:
    from list_pipeline.operations.campaigns.discovery import discover
    from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming, upcoming_campaigns

    discover(services)
    discover_upcoming(services)
    known = list(upcoming_campaigns(services))
    show_table(
        (Whole("key"), "campaign", "list", "scheduled (UTC)", "expected", "status", "validated"),
        (
            (
                campaign.key,
                campaign.name,
                campaign.list_role.label,
                utc_text(campaign.scheduled_at),
                f"{campaign.expected:,}" if campaign.expected is not None else "-",
                campaign.status,
                f"{validation.verdict.value}, {utc_text(validation.validated_at)}" if validation else "-",
            )
            for campaign, validation in known
        ),
    )
    give(
        {
            "scheduled": [
                {
                    "key": campaign.key,
                    "name": campaign.name,
                    "list": campaign.list_role,
                    "scheduled_at": campaign.scheduled_at,
                    "expected": campaign.expected,
                    "status": campaign.status,
                    "verdict": validation.verdict if validation else None,
                    "validated_at": validation.validated_at if validation else None,
                }
                for campaign, validation in known
            ]
        }
    )


def unblock(
    key: Annotated[str, typer.Argument(help="The campaign's key.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why it may go all the same: somebody will ask.")],
    yes: Yes = False,
) -> None:
    """Let a blocked campaign go; a schedule that the block cancelled is set again for the same time. Asks first: mail that was
    sent cannot be called back."""
    from list_pipeline.operations.validation.campaign_block import override

    with opened_services() as services:
        confirm(f"Letting {key} go", "Mailjet may send it in spite of what its validation found", yes=yes)
        done = override(services, key, by=by, note=note)
    say(f"{key} was let go by {by}. {done.fate}")
    give({"key": key, "by": by, "fate": done.fate, "override_id": done.override_id})


def seen_test(
    key: Annotated[str, typer.Argument(help="The campaign's key.")],
    by: By,
    note: Annotated[str, typer.Option(help="What else is to be kept of it.")] = "",
) -> None:
    """Say that you saw a test of a scheduled campaign with the content that it has now. A later change counts as new."""
    from list_pipeline.operations.validation.campaign_setup import keep_test

    with opened_services() as services, working("Reading Mailjet"):
        keep_test(services, key, by=by, note=note)
    say(f"{by} saw a test of {key}, with the content that it has now.")
    give({"key": key, "by": by})
