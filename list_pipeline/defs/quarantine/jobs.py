"""Quarantine in Dagster: keep one contact from mail, end a quarantine, and what ends those that are over by themselves.

The same operations as behind the command line. Configuration names contacts by id, never an address: Dagster keeps and shows
it.
"""

import dagster as dg
from pydantic import Field

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.quarantine.policy import QUARANTINE
from list_pipeline.core.runs import run_keys
from list_pipeline.core.wording import count_text
from list_pipeline.defs.common import POOL, SENSOR_STATUS, launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.reviews.corrections import say_correction
from list_pipeline.operations.quarantine import begin, release
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 300


class QuarantineContact(dg.Config):
    """Who is kept from mail by hand."""

    contact_id: int = Field(description="The contact's number at Mailjet.")
    days: int = Field(default=QUARANTINE.days, description=f"For how many days, {QUARANTINE.most_days} at the most.")
    by: str = Field(description="Who asks for it: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")


class ReleaseQuarantine(dg.Config):
    """Whose quarantine ends: one contact's by hand, or that of everybody whose time is over."""

    contact_id: int = Field(default=0, description="The contact's number at Mailjet; 0: everybody whose time is over.")
    by: str = Field(default="", description="Who asks for it, where a contact is named: your name, and no address.")
    note: str = Field(default="", description="Why, in a few words and without addresses.")


@dg.op(pool=POOL, description="Excludes one contact from campaigns for some days; it stays on its list.")
def keep_from_mail(
    context: dg.OpExecutionContext, config: QuarantineContact, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        done = begin.quarantine_by_hand(
            services,
            [config.contact_id],
            days=config.days,
            by=config.by,
            note=config.note,
            progress=context.log.info,
        )
    say_correction(context, done)


@launched_job(
    description=(
        "Keep one contact from mail for some days: it stays on its list, counts there, and is mailed again by itself. Open the "
        "Launchpad, fill in the contact, your name and why."
    ),
)
def quarantine_contact() -> None:
    keep_from_mail()


@dg.op(pool=POOL, description="Lifts the exclusion of contacts whose quarantine is over, or of one by hand.")
def mail_again(context: dg.OpExecutionContext, config: ReleaseQuarantine, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        if config.contact_id:
            done = release.release_by_hand(
                services, config.contact_id, by=config.by, note=config.note, progress=context.log.info
            )
        else:
            found = release.release_due(services, context.log.info)
            if found is None:
                context.log.info("Nobody's quarantine is over, or no list may be changed now.")
                return
            done = found
    say_correction(context, done)


@launched_job(
    description=(
        "End a quarantine: of one contact, with your name, or of everybody whose time is over, which a sensor does by itself."
    ),
)
def release_quarantine() -> None:
    mail_again()


@dg.sensor(
    job_name=release_quarantine.name,  # with the job itself, Dagster warns at each start of a parameter in beta
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description="Ends quarantines whose time is over. It reads our rows only.",
)
@clear_failures()
def quarantines_that_are_over(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        found = release.due_now(services)
        blocked = change_block_reason(services) if found.contacts else None
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if blocked:
        return dg.SkipReason(
            f"{count_text(len(found.contacts), 'contact')} to be mailed again, and no list may be changed: {blocked}."
        )
    if not found.contacts:
        return dg.SkipReason(f"No quarantine is over{f' but of {said}' if (said := found.refused_text) else ''}.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=run_keys.release(services.clock.now()),
                run_config=dg.RunConfig(ops={"mail_again": ReleaseQuarantine()}),
            )
        ]
    )
