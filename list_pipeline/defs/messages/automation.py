"""Messages that wait in the outbox, and how delivery fares: a sensor that sends, a job and a schedule that measure.

The sensor sends by itself instead of asking for a run: a run takes longer to begin than a message to arrive. What to send is
in the database; during an outage a turn ends with the first message that meets it, so a turn stays within its minute.
"""

import dagster as dg

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.defs.common import SCHEDULE_STATUS, SENSOR_STATUS, asset_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.messages.assets import notification_delivery
from list_pipeline.operations.messages.outbox import send_waiting
from list_pipeline.operations.reviews.message_updates import update_messages
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 30
"""A message is to arrive within half a minute."""

notification_delivery_job = asset_job(
    "notification_delivery_job",
    notification_delivery,
    description="Whether the messages of the last 24 hours reached people, and how fast.",
)


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Sends messages that did not arrive at their first attempt: oldest first, with growing pauses, for a day, never one "
        "twice. What is important and Slack does not take is e-mailed. Those with buttons say what was decided. Starts no run."
    ),
)
@clear_failures()
def messages_to_send(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        done = send_waiting(services)
        updated = update_messages(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if updated:
        context.log.info(f"Messages that say by now what was decided: {updated}")
    if not done:
        return dg.SkipReason("Every message arrived, or waits for its next attempt.")
    for one in done:
        context.log.info(f"{one.key}: {one.state}{f' ({one.error})' if one.error else ''}")
    counts = {state: sum(1 for one in done if one.state == state) for state in sorted({one.state for one in done})}
    return dg.SkipReason("Messages: " + ", ".join(f"{count} {state}" for state, count in counts.items()) + ".")


@dg.schedule(
    job=notification_delivery_job,
    cron_schedule="40 5 * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Daily: how the messages of the last 24 hours fared.",
)
def daily_delivery_figures(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%d"))
