"""Corrections in Dagster: undo a maintenance and take that back, reinstate or suppress one contact, and what carries approved
repairs out.

The same operations as behind the command line. Configuration names campaigns and contacts by key and id, never an address:
Dagster keeps and shows it.
"""

from collections.abc import Sequence

import dagster as dg
from pydantic import Field

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.defs.common import POOL, SENSOR_STATUS, launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.plans import corrections, redo, single_contacts, undo, waiting_repairs
from list_pipeline.operations.plans.corrections import Correction
from list_pipeline.operations.plans.taken_back import Stands, state_of
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 30
_BY = "Who asks for it: your name, and no address."
_NOTE = "Why, in a few words and without addresses."
_DESPITE = "Also take back what a complaint led to. Be sure that these people want mail."


class RedoMaintenance(dg.Config):
    """Which undo is taken back."""

    campaign_key: str = Field(description="The campaign's partition key.")
    by: str = Field(description=_BY)
    note: str = Field(default="", description=_NOTE)
    sweep: Sweep = Field(
        default=Sweep.H24, description="Which look at the campaign: H24, the main one, or H72 or D7 for late bounces."
    )


class UndoMaintenance(RedoMaintenance):
    """Which maintenance is taken back."""

    despite_complaint: bool = Field(default=False, description=_DESPITE)


class ReinstateContact(dg.Config):
    """Whose suppression is taken back."""

    contact_id: int = Field(description="The contact's number at Mailjet.")
    by: str = Field(description=_BY)
    note: str = Field(default="", description=_NOTE)
    despite_complaint: bool = Field(default=False, description=_DESPITE)


class SuppressContact(dg.Config):
    """Who is suppressed by hand."""

    contact_id: int = Field(description="The contact's number at Mailjet.")
    by: str = Field(description=_BY)
    reason: str = Field(description=_NOTE)


class TakeBackUnsubscription(dg.Config):
    """Who wants mail again."""

    contact_id: int = Field(description="The contact's number at Mailjet.")
    by: str = Field(description=_BY)
    note: str = Field(description="How you know that the subscriber wants mail again, without addresses.")


class CarryOutCorrection(dg.Config):
    """Which correction is carried out."""

    plan_id: int = Field(description="Number of the approved correction.")


def say_correction(context: dg.OpExecutionContext, done: Correction) -> None:
    """What was done and what was not, by ids; a correction that is not complete fails its run, so that people look."""
    facts = done.facts
    plan = f"{done.plan_id} ({facts.content_hash[:12]})" if facts.content_hash else str(done.plan_id or "-")
    context.log.info(f"Plan {plan}: {facts.what}. {facts.done} of {facts.planned} changes confirmed.")
    for reason, ids in done.refused.items():
        context.log.warning(f"{len(ids)} left as they are, {reason.words}: {ids[:20]}")
    if not facts.is_complete:
        raise dg.Failure(
            description=f"{facts.what} is not complete: {facts.failed} failed, {facts.open} open, "
            f"{len(facts.differs)} not where they were before. Look at the lists, then run it again.",
            metadata={"differs": list(facts.differs[:50])},
            allow_retries=False,
        )


def _say_all(context: dg.OpExecutionContext, done: Sequence[Correction], stands: Stands, nothing: str) -> None:
    if not done:
        context.log.info(nothing)
    for words in stands.lines:
        context.log.info(words)
    for one in done:
        say_correction(context, one)


@dg.op(pool=POOL, description="Takes back what a maintenance changed: moves and enrolments first, then suppressions.")
def take_maintenance_back(
    context: dg.OpExecutionContext, config: UndoMaintenance, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        done = undo.undo_maintenance(
            services,
            config.campaign_key,
            by=config.by,
            note=config.note,
            sweep=config.sweep,
            despite_complaint=config.despite_complaint,
            progress=context.log.info,
        )
        stands = state_of(services, config.campaign_key, config.sweep)
    _say_all(context, done, stands, nothing="There is nothing to take back.")


@launched_job(
    description=(
        "Undo the whole maintenance of a campaign: every contact goes back to where it was, but for those who complained, "
        "unsubscribed, or whom somebody changed since; these are named. Open the Launchpad, fill in the campaign and your name."
    ),
)
def undo_maintenance() -> None:
    take_maintenance_back()


@dg.op(pool=POOL, description="Does again what an undo took back: suppressions first, then moves and enrolments.")
def do_maintenance_again(
    context: dg.OpExecutionContext, config: RedoMaintenance, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        done = redo.redo_maintenance(
            services,
            config.campaign_key,
            by=config.by,
            note=config.note,
            sweep=config.sweep,
            progress=context.log.info,
        )
        stands = state_of(services, config.campaign_key, config.sweep)
    _say_all(context, done, stands, nothing="There is nothing to do again.")


@launched_job(
    description=(
        "Take the undo of a campaign's maintenance back: what it took back is done again, but for those who left or whom "
        "somebody changed or reinstated since; these are named. Open the Launchpad, fill in the campaign and your name."
    ),
)
def redo_maintenance() -> None:
    do_maintenance_again()


@dg.op(pool=POOL, description="Takes one suppression back: list, exclusion and entry; the place in the queue was kept.")
def take_suppression_back(
    context: dg.OpExecutionContext, config: ReinstateContact, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        done = single_contacts.reinstate(
            services,
            config.contact_id,
            by=config.by,
            note=config.note,
            despite_complaint=config.despite_complaint,
            progress=context.log.info,
        )
    say_correction(context, done)


@launched_job(
    description="Reinstate one contact that was suppressed by mistake. Refused for who complained or unsubscribed.",
)
def reinstate_contact() -> None:
    take_suppression_back()


@dg.op(pool=POOL, description="Suppresses one contact by hand, with the reason `manual`.")
def suppress_by_hand(
    context: dg.OpExecutionContext, config: SuppressContact, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        done = single_contacts.suppress(
            services, config.contact_id, by=config.by, note=config.reason, progress=context.log.info
        )
    say_correction(context, done)


@launched_job(
    description="Suppress one contact by hand: off the campaign lists, excluded, onto the suppression list.",
)
def suppress_contact() -> None:
    suppress_by_hand()


@dg.op(description="Notes that a contact that unsubscribed once wants mail again. No list is changed.")
def note_wish_for_mail(
    context: dg.OpExecutionContext, config: TakeBackUnsubscription, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        single_contacts.take_back_unsubscription(services, config.contact_id, by=config.by, note=config.note)
    context.log.info(f"Contact {config.contact_id} counts as subscribed where its lists say so.")


@launched_job(
    description=(
        "Note that a contact that unsubscribed once wants mail again; from now on its lists say whether it is subscribed. No "
        "list is changed."
    ),
)
def take_back_unsubscription() -> None:
    note_wish_for_mail()


@dg.op(pool=POOL, description="Carries an approved repair out, or continues a correction that died midway.")
def carry_out(context: dg.OpExecutionContext, config: CarryOutCorrection, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        done = corrections.carry_out_correction(services, config.plan_id, context.log.info)
    say_correction(context, done)


@launched_job(
    description="Carries out an approved repair, or continues a correction that died midway. A sensor starts it.",
)
def carry_out_correction() -> None:
    carry_out()


@dg.sensor(
    job_name=carry_out_correction.name,  # with the job itself, Dagster warns at each start of a parameter in beta
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description="Carries out repairs that a person approved, and corrections that died midway.",
)
@clear_failures()
def corrections_to_carry_out(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        found = waiting_repairs.to_carry_out(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("No correction is left to carry out, or none may be made now.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=one.run_key,
                run_config=dg.RunConfig(ops={"carry_out": CarryOutCorrection(plan_id=one.plan_id)}),
            )
            for one in found
        ]
    )
