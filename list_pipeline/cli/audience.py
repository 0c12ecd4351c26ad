"""The commands about a new audience: seeing it, having it divided over the campaign lists, and taking a division back."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from list_pipeline.cli.common import By, DryRun, Yes, confirm, day_of, give, opened_services, progress, say
from list_pipeline.cli.correction_output import show_corrections

if TYPE_CHECKING:
    from list_pipeline.operations.audience.splitting import Proposal

audience_app = typer.Typer(
    help="The new audience: contacts of the master list that were on no campaign list; how it is divided over the three lists.",
    invoke_without_command=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.add_typer(audience_app, name="audience")


@audience_app.callback()
def audience(context: typer.Context) -> None:
    """Show the new audience: how many, since when, who is not taken and why, and the plans that divide one. Mailjet is read
    first."""
    if context.invoked_subcommand is None:
        show()


@audience_app.command()
def show() -> None:
    """Show the new audience, as `audience` alone does."""
    from list_pipeline.operations.audience.shown import lines_of, not_taken_shown, split_shown
    from list_pipeline.operations.audience.splitting import audience_now, look_first, splits

    with opened_services() as services:
        look_first(services)
        found, plans = audience_now(services), [split_shown(one) for one in splits(services)]
    for line in lines_of(found):
        say(line)
    for one in plans:
        say(f"Plan {one.plan} ({one.content_hash[:12]}), {one.status.value.replace('_', ' ')}:")
        for batch in one.batches:
            say(f"- {batch.words}")
    give(
        {
            "contacts": found.contacts,
            "oldest_at": found.oldest_at,
            "newest_at": found.newest_at,
            "not_taken": list(not_taken_shown(found.left)),
            "plans": plans,
        }
    )


@audience_app.command()
def split(
    by: By = "",
    note: Annotated[str, typer.Option(help="Why; needed unless it is a dry run.")] = "",
    total: Annotated[int | None, typer.Option(help="How many, the oldest first; all when left out.")] = None,
    start: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="The first day (UTC) to propose for a first mail where no campaign is scheduled; tomorrow when left out.",
        ),
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Divide the new audience over the campaign lists: as a plan, which waits for a person in every mode. Mailjet is read
    first."""
    from list_pipeline.operations.audience.splitting import Wanted, look_first, propose
    from list_pipeline.operations.audience.splitting import split as divide

    wanted = Wanted(total, day_of(start))
    with opened_services() as services:
        look_first(services)
        if dry_run:
            _show(propose(services, wanted), None, "")
            say("Nothing was planned.")
            return
        made = divide(services, wanted, by=by, note=note)
    _show(made.proposal, made.plan_id, made.content_hash)
    say(f"Plan {made.plan_id} waits: `list-pipeline approve {made.plan_id} {made.content_hash[:12]} --by NAME`")


@audience_app.command("take-back")
def take_back(
    plan_id: Annotated[int, typer.Argument(help="Number of the plan, as `audience` shows it.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")],
    yes: Yes = False,
) -> None:
    """Take a division back: whoever joined a list by it leaves it, as far as that is right by now. Asks first."""
    from list_pipeline.operations.audience.splitting import take_back as back
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        confirm(f"Taking the division of plan {plan_id} back", "everybody who joined a list by it leaves it", yes=yes)
        note_flag(services, by="command")
        done = back(services, plan_id, by=by, note=note, progress=progress)
    show_corrections([done])


def _show(proposal: Proposal, plan_id: int | None, content_hash: str) -> None:
    from list_pipeline.operations.audience.shown import lines_of_proposal, not_taken_shown, proposal_shown

    for line in lines_of_proposal(proposal):
        say(line)
    shown = proposal_shown(proposal)
    document: dict[str, Any] = {
        "dry_run": plan_id is None,
        "plan": plan_id,
        "content_hash": content_hash or None,
        "audience": proposal.audience.contacts,
        "asked": shown.asked,
        "divided": shown.divided,
        "waiting": shown.waiting,
        "restriction": shown.restriction,
        "sizes": list(shown.sizes),
        "target_sizes": list(shown.target_sizes),
        "pause_days": shown.pause_days,
        "is_usual_pause": shown.is_usual_pause,
        "batches": list(shown.batches),
        "not_taken": list(not_taken_shown(proposal.summary.left)),
        "checks": {check.name: check.words for check in proposal.gate.checks},
        "refused_because": shown.refused_because,
    }
    give(document)
