"""Commands that take back or correct: undo a maintenance, take that back, reinstate or suppress one contact, continue a
correction."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import structlog
import typer

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.wording import ids_text

if TYPE_CHECKING:
    from list_pipeline.core.plans.plan import Sweep
    from list_pipeline.operations.plans.corrections import Correction
    from list_pipeline.operations.plans.taken_back import Stands

log = structlog.get_logger(__name__)

Contact = Annotated[str, typer.Argument(help="The contact's id, or its address (which is not shown or logged).")]
By = Annotated[str, typer.Option(help="Who asks for it: a name, and no address.")]
SweepName = Annotated[str, typer.Option("--sweep", help="Which look at the campaign: 24h, 72h or 7d.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON object for machines, with contact ids and no addresses.")
]
Override = Annotated[
    bool,
    typer.Option("--despite-complaint", help="Also take back what a complaint led to. Be sure that they want mail."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(undo)
    app.command()(redo)
    app.command()(reinstate)
    app.command()(suppress)
    app.command()(resubscribed)
    app.command("carry-out")(carry_out)
    app.command("job-is-dead")(job_is_dead)


def undo(
    key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    sweep: SweepName = "24h",
    despite_complaint: Override = False,
    as_json: AsJson = False,
) -> None:
    """Take back what a campaign's maintenance changed, and say what stays and why. `redo` takes an undo back."""
    from list_pipeline.operations.plans.taken_back import state_of
    from list_pipeline.operations.plans.undo import undo_maintenance
    from list_pipeline.operations.safety.modes import note_flag

    which = _sweep(sweep)
    with opened_services() as services:
        note_flag(services, by="command")
        done = undo_maintenance(
            services,
            key,
            by=by,
            note=note,
            sweep=which,
            despite_complaint=despite_complaint,
            progress=log.info if as_json else console.print,
        )
        stands = state_of(services, key, which)
    _show_all(done, stands, as_json, nothing="There is nothing to take back.")


def redo(
    key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    sweep: SweepName = "24h",
    as_json: AsJson = False,
) -> None:
    """Take the undo of a campaign's maintenance back: do again what it took back, and say what stays and why."""
    from list_pipeline.operations.plans.redo import redo_maintenance
    from list_pipeline.operations.plans.taken_back import state_of
    from list_pipeline.operations.safety.modes import note_flag

    which = _sweep(sweep)
    with opened_services() as services:
        note_flag(services, by="command")
        done = redo_maintenance(
            services, key, by=by, note=note, sweep=which, progress=log.info if as_json else console.print
        )
        stands = state_of(services, key, which)
    _show_all(done, stands, as_json, nothing="There is nothing to do again.")


def reinstate(
    contact: Contact,
    by: By,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    despite_complaint: Override = False,
) -> None:
    """Take the suppression of one contact back: onto its list again, mailable, at its old place in the queue."""
    from list_pipeline.operations.plans.single_contacts import contact_of
    from list_pipeline.operations.plans.single_contacts import reinstate as take_back
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        note_flag(services, by="command")
        contact_id = contact_of(services, contact)
        done = take_back(services, contact_id, by=by, note=note, despite_complaint=despite_complaint)
    _show([done])


def suppress(
    contact: Contact,
    reason: Annotated[str, typer.Option(help="Why: somebody will ask.")],
    by: By,
) -> None:
    """Suppress one contact by hand: off the campaign lists, excluded, onto the suppression list."""
    from list_pipeline.operations.plans.single_contacts import contact_of
    from list_pipeline.operations.plans.single_contacts import suppress as take_off
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        note_flag(services, by="command")
        done = take_off(services, contact_of(services, contact), by=by, note=reason)
    _show([done])


def resubscribed(
    contact: Contact,
    by: By,
    note: Annotated[str, typer.Option(help="How you know that the subscriber wants mail again.")],
) -> None:
    """Note that a contact that unsubscribed once wants mail again; no list is changed."""
    from list_pipeline.operations.plans.single_contacts import contact_of, take_back_unsubscription

    with opened_services() as services:
        contact_id = contact_of(services, contact)
        take_back_unsubscription(services, contact_id, by=by, note=note)
    console.print(f"Contact {contact_id} counts as subscribed where its lists say so.")


def carry_out(plan_id: Annotated[int, typer.Argument(help="Number of an approved correction.")]) -> None:
    """Carry an approved repair out, or continue a correction that died midway; the sensor does it by itself too."""
    from list_pipeline.operations.plans.corrections import carry_out_correction
    from list_pipeline.operations.safety.modes import note_flag

    with opened_services() as services:
        note_flag(services, by="command")
        done = carry_out_correction(services, plan_id, progress=console.print)
    _show([done])


def _sweep(named: str) -> Sweep:
    from list_pipeline.core.plans.plan import Sweep

    if named not in tuple(Sweep):
        raise typer.BadParameter("24h, 72h or 7d")
    return Sweep(named)


def _show_all(done: Sequence[Correction], stands: Stands, as_json: bool, nothing: str) -> None:
    """The corrections of a whole maintenance, and how it stands after them."""
    if as_json:
        found = {"corrections": [one.as_json() for one in done], "maintenance": stands.as_json()}
        sys.stdout.write(json.dumps(found) + "\n")
        _require_complete(done)
        return
    if not done:
        console.print(nothing)
    for words in stands.lines:
        console.print(words, markup=False)
    _show(done)


def _show(done: Sequence[Correction]) -> None:
    for one in done:
        facts = one.facts
        plan = f"Plan {one.plan_id} ({facts.content_hash[:12]})" if facts.content_hash else f"Plan {one.plan_id or '-'}"
        console.print(
            f"{plan}: {facts.what}. {facts.done} of {facts.planned} changes confirmed, "
            f"{facts.failed} failed, {facts.open} open.",
            markup=False,
        )
        for reason, ids in one.refused.items():
            console.print(f"- {len(ids)} left as they are, {reason.words}: {ids_text(ids, most=20)}", markup=False)
        if facts.differs:
            console.print(f"- not where they were before: {ids_text(facts.differs, most=20)}", markup=False)
    _require_complete(done)


def _require_complete(done: Sequence[Correction]) -> None:
    if not all(one.facts.is_complete for one in done):
        raise typer.Exit(1)


def job_is_dead(
    job: Annotated[int, typer.Argument(help="Mailjet's number of the bulk job, as `reviews` names it.")],
    by: By,
    note: Annotated[str, typer.Option(help="How you know that it will do nothing any more.")],
) -> None:
    """Say that a bulk job never ends at Mailjet, so that the rest of its plan goes on; what it did is read from the lists."""
    from list_pipeline.operations.plans.dead_jobs import declare_dead

    with opened_services() as services:
        plan_id = declare_dead(services, job, by=by, note=note)
    console.print(f"Bulk job {job} is ended. Plan {plan_id} goes on with its next run.")
