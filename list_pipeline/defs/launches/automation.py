"""What carries approved launch changes out, or continues one that was interrupted, and ends what nobody decided on in time.

Does not belong here: asking and deciding, which people do at the command line, on pages, over HTTP and MCP.
"""

import dagster as dg
from pydantic import Field

from list_pipeline.core.errors import ChangesStoppedError, ConfigurationError, LockHeldError
from list_pipeline.core.launches.changes import LaunchState
from list_pipeline.defs.common import SENSOR_STATUS, launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.launches import carrying_out
from list_pipeline.operations.launches.deciding import expire_overdue
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 30
"""Who approved looks at the screen; a look costs no request."""


class CarryOutLaunch(dg.Config):
    """Which launch change is carried out."""

    launch_id: int = Field(description="Number of the launch change that was approved.")


# In no pool: a maintenance may hold that for an hour, and a send does not wait.
@dg.op(description="Carries an approved launch change out at Mailjet, or continues one; a send is posted once at most.")
def carry_out_launch(
    context: dg.OpExecutionContext, config: CarryOutLaunch, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        try:
            done = carrying_out.carry_out(services, config.launch_id)
        except (LockHeldError, ChangesStoppedError) as error:
            # Somebody else does it, or it goes on when changes may: nothing is broken.
            context.log.warning(str(error))
            return
    level = context.log.info if done.state is LaunchState.CONFIRMED else context.log.warning
    level(f"Launch change {done.launch_id} ({done.action.value}): {done.state.value}. {done.words}")


@launched_job(
    description=(
        "Carries out a launch change that a reviewer approved, or continues one that was interrupted. A sensor starts it."
    ),
)
def launch_change() -> None:
    carry_out_launch()


@dg.sensor(
    job_name=launch_change.name,  # with the job itself, Dagster warns at each start of a parameter in beta
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description="Carries out launch changes that a reviewer approved, and ends those that nobody decided on in time.",
)
@clear_failures()
def launches_to_carry_out(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        note_flag(services, by="sensor")
        for number in expire_overdue(services):
            context.log.info(f"Launch change {number} expired.")
        found = carrying_out.to_carry_out(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("No launch change is left to carry out, or none may be made now.")
    return dg.SensorResult(
        run_requests=[
            dg.RunRequest(
                run_key=one.run_key,
                run_config=dg.RunConfig(ops={"carry_out_launch": CarryOutLaunch(launch_id=one.launch_id)}),
            )
            for one in found
        ]
    )
