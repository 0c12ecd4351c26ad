"""The sensor that tells the stages of campaigns in their time and starts the wrap-up. What is due stands in the database."""

import dagster as dg

from list_pipeline.core.campaign_stages.times import StageState
from list_pipeline.core.errors import ConfigurationError, ListPipelineError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.defs.campaign_stages.assets import campaign_wrapup
from list_pipeline.defs.common import SENSOR_STATUS, asset_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.partitions import adding
from list_pipeline.operations.campaign_stages.follow import follow_stages, look_at_launches, to_wrap_up
from list_pipeline.operations.drift.odd_sends import tell_about_sends
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 30
"""A message is to arrive within a minute of its time."""

campaign_wrapup_job = asset_job(
    "campaign_wrapup_job",
    campaign_wrapup,
    description="The first figures of one campaign, half an hour after Mailjet began to send it.",
)


@dg.sensor(
    job=campaign_wrapup_job,
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Tells people of each campaign at 15:00 UTC on the day before it, 15 minutes before it, and when Mailjet has begun to "
        "send: once for each launch time; starts the wrap-up half an hour after it. What it is too late for is skipped, with "
        "the reason. It reads our rows; Mailjet right before it tells of a launch, and while one should begin."
    ),
)
@clear_failures()
def campaign_stages(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        try:
            if look_at_launches(services):
                # What was just found to be moved or taken back is told before the rest.
                tell_about_sends(services)
        except ConfigurationError:
            raise
        except ListPipelineError as error:
            # A warning that may be out of date is worth more than none.
            context.log.warning(redact_addresses(str(error)))
        done, due = follow_stages(services), to_wrap_up(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    for one in done:
        context.log.info(f"{one.campaign_key}: {one.stage.label} {one.state.value}{f', {one.why}' if one.why else ''}")
    if due:
        keys = [one.campaign_key for one in due]
        return dg.SensorResult(
            run_requests=[dg.RunRequest(run_key=one.run_key, partition_key=one.campaign_key) for one in due],
            dynamic_partitions_requests=adding(context.instance, keys),
        )
    told = sum(one.state is StageState.TOLD for one in done)
    return dg.SkipReason(f"{told} told, {len(done) - told} skipped." if done else "No stage of a campaign is due.")
