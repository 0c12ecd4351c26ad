"""Commands that take back or correct: undo a maintenance, reinstate or suppress one contact, continue a correction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from list_pipeline.cli.common import console, opened_services
from list_pipeline.core.wording import ids_text

if TYPE_CHECKING:
    from list_pipeline.operations.plans.corrections import Correction

Contact = Annotated[str, typer.Argument(help="The contact's id, or its address (which is not shown or logged).")]
By = Annotated[str, typer.Option(help="Who asks for it: a name, and no address.")]
Override = Annotated[
    bool,
    typer.Option("--despite-complaint", help="Also take back what a complaint led to. Be sure that they want mail."),
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(undo)
    app.command()(reinstate)
    app.command()(suppress)
    app.command()(resubscribed)
    app.command("carry-out")(carry_out)
    app.command("job-is-dead")(job_is_dead)


def undo(
    key: Annotated[str, typer.Argument(help="The campaign's key, as `campaigns` lists it.")],
    by: By,
    note: Annotated[str, typer.Option(help="Why.")] = "",
    sweep: Annotated[str, typer.Option(help="Which look at the campaign: 24h, 72h or 7d.")] = "24h",
    despite_complaint: Override = False,
) -> None:
    """Take back everything that a campaign's maintenance changed, and say what stays and why."""
    from list_pipeline.core.plans.plan import Sweep
    from list_pipeline.operations.plans.undo import undo_maintenance
    from list_pipeline.operations.safety.modes import note_flag

    if sweep not in tuple(Sweep):
        raise typer.BadParameter("24h, 72h or 7d")
    with opened_services() as services:
        note_flag(services, by="command")
        done = undo_maintenance(
            services,
            key,
            by=by,
            note=note,
            sweep=Sweep(sweep),
            despite_complaint=despite_complaint,
            progress=console.print,
        )
    _show(done)


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


def _show(done: Sequence[Correction]) -> None:
    if not done:
        console.print("There is nothing to take back.")
    for one in done:
        facts = one.facts
        console.print(
            f"Plan {one.plan_id}: {facts.what}. {facts.done} of {facts.planned} changes confirmed, "
            f"{facts.failed} failed, {facts.open} open.",
            markup=False,
        )
        for reason, ids in one.refused.items():
            console.print(f"- {len(ids)} left as they are, {reason.words}: {ids_text(ids, most=20)}", markup=False)
        if facts.differs:
            console.print(f"- not where they were before: {ids_text(facts.differs, most=20)}", markup=False)
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
