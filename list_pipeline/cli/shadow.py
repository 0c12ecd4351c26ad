"""The commands about a changed policy that judges beside the present one. Nothing of it is carried out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from list_pipeline.cli.common import By, Whole, give, opened_services, say, show_table
from list_pipeline.cli.replay import Set, changes_of

if TYPE_CHECKING:
    from list_pipeline.operations.suppression.shadow import ShadowState

shadow_app = typer.Typer(help="Let a changed policy judge beside the present one, and see where they differ.")

Note = Annotated[str, typer.Option(help="Why, for the record.")]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(shadow_app, name="shadow")


@shadow_app.command()
def show(
    latest: Annotated[int, typer.Option(min=1, max=100, help="So many of the latest ones.")] = 1,
    contacts: Annotated[
        bool, typer.Option("--contacts", help="Also contact by contact, where the two differ.")
    ] = False,
) -> None:
    """Show the changed policy that runs beside the present one, or ran last: what it would have done otherwise so far."""
    from list_pipeline.operations.suppression.shadow import shadows

    with opened_services() as services:
        found = shadows(services, latest)
    if not found:
        say("No changed policy ever ran beside the present one.")
    for one in found:
        _say(one, contacts=contacts)
    give({"shadows": [_as_document(one) for one in found]})


@shadow_app.command()
def start(
    change: Set = None,
    campaigns: Annotated[int, typer.Option(min=1, help="After so many campaigns it ends by itself.")] = 12,
    by: By = "",
    note: Note = "",
) -> None:
    """Let the policy with other figures judge beside the present one from the next plan on. No list is changed by it."""
    from list_pipeline.operations.suppression.plan_and_execute import policy_of
    from list_pipeline.operations.suppression.shadow import shadows, start_shadow

    with opened_services() as services:
        start_shadow(services, policy_of(services), changes_of(change or []), campaigns=campaigns, by=by, note=note)
        (found,) = shadows(services, 1)
    _say(found)
    give({"shadows": [_as_document(found)]})


@shadow_app.command()
def stop(by: By = "", note: Note = "") -> None:
    """End the changed policy that runs beside the present one. What it found stays."""
    from list_pipeline.operations.suppression.shadow import stop_shadow

    with opened_services() as services:
        found = stop_shadow(services, by=by, note=note)
    _say(found)
    give({"shadows": [_as_document(found)]})


def _say(state: ShadowState, *, contacts: bool = False) -> None:
    for line in state.lines:
        say(line)
    say(f"Started by {state.shadow.started_by}: {state.shadow.reason}")
    if contacts and state.differences:
        show_table(
            (Whole("contact"), "campaign", "present policy", "shadow policy"),
            (
                (
                    str(one.difference.contact_id),
                    one.campaign,
                    f"{one.difference.present_action} ({one.difference.present_rule.replace('_', ' ')})",
                    f"{one.difference.shadow_action} ({one.difference.shadow_rule.replace('_', ' ')})",
                )
                for one in state.differences
            ),
        )


def _as_document(state: ShadowState) -> dict[str, Any]:
    return {
        "shadow": state.shadow,
        "figures": state.figures,
        "differences": [{"campaign": one.campaign, "difference": one.difference} for one in state.differences],
    }
