"""Commands that take back or correct: undo a maintenance, take that back, reinstate or suppress one contact, continue a
correction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import (
    By,
    Contact,
    DryRun,
    Yes,
    confirm,
    contact_id_of,
    give,
    opened_services,
    progress,
    say,
)
from list_pipeline.cli.correction_output import show_corrections
from list_pipeline.cli.verdict_imports import suppress_file, undo_import
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.wording import count_text, ids_text

if TYPE_CHECKING:
    from list_pipeline.operations.plans.corrections import Correction
    from list_pipeline.operations.plans.previews import Preview
    from list_pipeline.operations.plans.taken_back import Stands

SweepName = Annotated[
    str,
    typer.Option(
        "--sweep", help="Which look at the campaign: 24h, 72h or 7d.", autocompletion=lambda: [*map(str, Sweep)]
    ),
]
Override = Annotated[
    bool,
    typer.Option("--despite-complaint", help="Also take back what a complaint led to. Be sure that they want mail."),
]
_ASKED_BY = "Who asks for it: a name, and no address. Needed, but with --dry-run."


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(undo)
    app.command()(redo)
    app.command()(reinstate)
    app.command()(suppress)
    app.command("undo-import")(undo_import)
    app.command()(resubscribed)
    app.command("carry-out")(carry_out)
    app.command("job-is-dead")(job_is_dead)


def undo(
    key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")],
    by: Annotated[str, typer.Option(help=_ASKED_BY)] = "",
    note: Annotated[str, typer.Option(help="Why.")] = "",
    sweep: SweepName = "24h",
    despite_complaint: Override = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take back what a campaign's maintenance changed, and say what stays and why; asks first. `redo` takes an undo back."""
    from list_pipeline.operations.plans.previews import preview_undo
    from list_pipeline.operations.plans.taken_back import state_of
    from list_pipeline.operations.plans.undo import undo_maintenance
    from list_pipeline.operations.safety.modes import note_flag

    which = _sweep(sweep)
    _need_name(by, dry_run)
    with opened_services() as services:
        if dry_run:
            _show_preview(preview_undo(services, key, sweep=which, despite_complaint=despite_complaint))
            return
        confirm(
            f"Undoing the maintenance of {key}",
            "what it changed at Mailjet is taken back, suppressions too; --dry-run shows what",
            yes=yes,
        )
        note_flag(services, by="command")
        done = undo_maintenance(
            services, key, by=by, note=note, sweep=which, despite_complaint=despite_complaint, progress=progress
        )
        stands = state_of(services, key, which)
    _show_all(done, stands, nothing="There is nothing to take back.")


def redo(
    key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")],
    by: Annotated[str, typer.Option(help=_ASKED_BY)] = "",
    note: Annotated[str, typer.Option(help="Why.")] = "",
    sweep: SweepName = "24h",
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take the undo of a campaign's maintenance back: do again what it took back, and say what stays and why; asks first."""
    from list_pipeline.operations.plans.previews import preview_redo
    from list_pipeline.operations.plans.redo import redo_maintenance
    from list_pipeline.operations.plans.taken_back import state_of
    from list_pipeline.operations.safety.modes import note_flag

    which = _sweep(sweep)
    _need_name(by, dry_run)
    with opened_services() as services:
        if dry_run:
            _show_preview(preview_redo(services, key, sweep=which))
            return
        confirm(
            f"Taking back the undo of {key}",
            "its contacts are suppressed, moved and enrolled again; --dry-run shows which",
            yes=yes,
        )
        note_flag(services, by="command")
        done = redo_maintenance(services, key, by=by, note=note, sweep=which, progress=progress)
        stands = state_of(services, key, which)
    _show_all(done, stands, nothing="There is nothing to do again.")


def reinstate(
    contact: Contact,
    by: Annotated[str, typer.Option(help=_ASKED_BY)] = "",
    note: Annotated[str, typer.Option(help="Why.")] = "",
    despite_complaint: Override = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take the suppression of one contact back: onto its list again, mailable, at its old place in the queue. In spite of a
    complaint it asks first."""
    from list_pipeline.operations.plans.previews import preview_reinstatement
    from list_pipeline.operations.plans.single_contacts import reinstate as take_back
    from list_pipeline.operations.safety.modes import note_flag

    _need_name(by, dry_run)
    with opened_services() as services:
        contact_id = contact_id_of(services, contact)
        if dry_run:
            _show_preview(preview_reinstatement(services, contact_id, despite_complaint=despite_complaint))
            return
        if despite_complaint:
            confirm(f"Reinstating contact {contact_id}", "somebody who complained may be mailed again", yes=yes)
        note_flag(services, by="command")
        done = take_back(services, contact_id, by=by, note=note, despite_complaint=despite_complaint, progress=progress)
    show_corrections([done])


def suppress(
    by: Annotated[str, typer.Option(help=_ASKED_BY)] = "",
    reason: Annotated[str, typer.Option(help="Why: somebody will ask. Needed, but with --dry-run.")] = "",
    contact: Annotated[
        str | None, typer.Argument(help="The contact's id, or its address (which is not shown or logged).")
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="A table of contacts, or an address verifier's results; - reads standard input."),
    ] = None,
    verdict_column: Annotated[
        str | None, typer.Option(help="Name of the column with the verifier's results, where it is not a usual one.")
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Suppress one contact by hand, or those of a file: off the campaign lists, excluded, onto the suppression list. A file
    becomes a plan with a gate; `undo-import` takes it back."""
    from list_pipeline.operations.plans.single_contacts import suppress as take_off
    from list_pipeline.operations.safety.modes import note_flag

    _need_name(by, dry_run)
    if (contact is None) is (file is None):
        raise typer.BadParameter("name either one contact, or a file with --file")
    if file is not None:
        suppress_file(file, verdict_column, by=by, reason=reason, dry_run=dry_run)
        return
    if contact is None or dry_run or verdict_column:
        raise typer.BadParameter("--dry-run and --verdict-column are for --file")
    with opened_services() as services:
        note_flag(services, by="command")
        done = take_off(services, contact_id_of(services, contact), by=by, note=reason, progress=progress)
    show_corrections([done])


def resubscribed(
    contact: Contact,
    by: By,
    note: Annotated[str, typer.Option(help="How you know that the subscriber wants mail again.")],
    yes: Yes = False,
) -> None:
    """Note that a contact that unsubscribed once wants mail again; no list is changed. Asks first: nothing takes it back."""
    from list_pipeline.operations.plans.single_contacts import take_back_unsubscription

    with opened_services() as services:
        contact_id = contact_id_of(services, contact)
        confirm(
            f"Taking back that contact {contact_id} unsubscribed",
            "it gets mail again where its lists say so, and no command takes this back",
            yes=yes,
        )
        take_back_unsubscription(services, contact_id, by=by, note=note)
    say(f"Contact {contact_id} counts as subscribed where its lists say so.")
    give({"contact_id": contact_id, "is_subscribed": True})


def carry_out(plan_id: Annotated[int, typer.Argument(help="Number of an approved correction.")]) -> None:
    """Carry an approved repair out, or continue a correction that died midway; the sensor does it by itself too."""
    from list_pipeline.operations.plans.corrections import carry_out_correction
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        note_flag(services, by="command")
        done = carry_out_correction(services, plan_id, progress=progress)
    show_corrections([done])


def job_is_dead(
    job: Annotated[int, typer.Argument(help="Mailjet's number of the bulk job, as `reviews` names it.")],
    by: By,
    note: Annotated[str, typer.Option(help="How you know that it will do nothing any more.")],
    yes: Yes = False,
) -> None:
    """Say that a bulk job never ends at Mailjet, so that the rest of its plan goes on; what it did is read from the lists. Asks
    first: a job that is alive after all does its work beside the new one."""
    from list_pipeline.operations.plans.dead_jobs import declare_dead

    with opened_services() as services:
        confirm(
            f"Declaring bulk job {job} dead",
            "the rest of its plan is sent to Mailjet again, and the job may still be alive",
            yes=yes,
        )
        plan_id = declare_dead(services, job, by=by, note=note)
    say(f"Bulk job {job} is ended. Plan {plan_id} goes on with its next run.")
    give({"job": job, "plan": plan_id})


def _need_name(by: str, dry_run: bool) -> None:
    if not by and not dry_run:
        raise typer.BadParameter("--by is missing: who asks for it")


def _sweep(named: str) -> Sweep:
    if named not in tuple(Sweep):
        raise typer.BadParameter("24h, 72h or 7d")
    return Sweep(named)


def _show_preview(found: Preview) -> None:
    kinds = Counter(one.kind.value for one in found.changes)
    words = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
    say(f"{found.what}, as it would be now. Nothing was changed.")
    say(f"{count_text(len(found.changes), 'change')} would be made{f' ({words})' if words else ''}.")
    for kind in sorted(kinds):
        say(f"- {kind}: {ids_text([one.contact_id for one in found.changes if one.kind.value == kind], most=20)}")
    for reason, ids in found.refused.items():
        say(f"- {len(ids)} would be left as they are, {reason.words}: {ids_text(ids, most=20)}")
    if found.withdrawn:
        say(f"{count_text(found.withdrawn, 'plan')} not carried out to the end would be withdrawn.")
    if found.blocked_because:
        say(f"It would be refused now: {found.blocked_because}.")
    give(found.as_json())


def _show_all(done: Sequence[Correction], stands: Stands, nothing: str) -> None:
    """The corrections of a whole maintenance, and how it stands after them."""
    if not done:
        say(nothing)
    for words in stands.lines:
        say(words)
    give({"maintenance": stands.as_json()})
    show_corrections(done)
