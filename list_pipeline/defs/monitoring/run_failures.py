"""Failed runs reach people: a sensor that copies how runs ended into our table, from which they are told.

Not Dagster's run-failure sensor: that one reads events one by one behind a cursor of its own, cannot group, and knows nothing
about what people were told already. Here a look-back that overlaps decides what is read, and our table what is new.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from list_pipeline.core.errors import ConfigurationError, TransientError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.defs.common import SENSOR_STATUS
from list_pipeline.defs.failures import IS_REFUSAL, clear_failures
from list_pipeline.defs.partitions import partition_of
from list_pipeline.operations.monitoring import alerts
from list_pipeline.operations.monitoring.stuck_sessions import watch_locks
from list_pipeline.operations.services import Services
from list_pipeline.storage.monitoring.job_runs import EndedRun

SENSOR_SECONDS = 60
OVERLAP = timedelta(minutes=10)
"""Runs are read again for so long: a run's row may change in another order than its time says."""
MOST_RUNS = 500
_ERROR_LENGTH = 500
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Tells people about failed runs of every job within minutes: the first failure at once, further ones of the same job "
        "in groups. A maintenance that has a report is told by that. Ends sessions that hang with a lock. Starts no run."
    ),
)
@clear_failures()
def failed_runs_to_report(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        cursor = _note_ended(context, services)
        told = [*alerts.tell_failures(services), *watch_locks(services)]
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    except TransientError as error:
        # Without the database there is no outbox either; the sensor looks again in a minute, from the same place.
        context.log.error(redact_addresses(str(error)))
        return dg.SkipReason("The database does not answer; failures stand in the log until it does.")
    for one in told:
        context.log.info(f"Message {one.key}: {one.state}.")
    found = f"{len(told)} messages about failed runs and sessions that hung." if told else "Nothing new."
    return dg.SensorResult(cursor=cursor, skip_reason=dg.SkipReason(found))


def _note_ended(context: dg.SensorEvaluationContext, services: Services) -> str | None:
    """Copy what ended since the last look, oldest first, and return where the next look begins."""
    # By the times that Dagster wrote: its clock runs on while a rehearsal's jumps. Without a place to begin at, the latest.
    since = datetime.fromisoformat(context.cursor) - OVERLAP if context.cursor else None
    found = context.instance.get_run_records(
        dg.RunsFilter(statuses=_ENDED, updated_after=since),
        limit=MOST_RUNS,
        order_by="update_timestamp",
        ascending=since is not None,
    )
    records = sorted(found, key=lambda one: _utc(one.update_timestamp))
    new = alerts.unknown_among(services, [record.dagster_run.run_id for record in records])
    alerts.note_ended(
        services,
        [
            ended(context.instance, one.dagster_run)
            for one in records
            # One that Dagster starts again is told when the last attempt fails.
            if one.dagster_run.run_id in new and one.dagster_run.tags.get("dagster/will_retry") != "true"
        ],
    )
    return _utc(records[-1].update_timestamp).isoformat() if records else context.cursor


def _utc(instant: datetime) -> datetime:
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def ended(instance: dg.DagsterInstance, run: dg.DagsterRun) -> EndedRun:
    """A run of Dagster's that ended, as it is kept: its error in one line, without addresses."""
    tags = run.tags
    started_by = tags.get("dagster/schedule_name") or tags.get("dagster/sensor_name")
    error, is_refusal = None, False
    if run.status is dg.DagsterRunStatus.FAILURE:
        why, is_refusal = _why(instance, run.run_id)
        error = redact_addresses(" ".join(why.split()))[:_ERROR_LENGTH]
    return EndedRun(run.run_id, run.job_name, started_by, partition_of(run), error, is_refusal)


def _why(instance: dg.DagsterInstance, run_id: str) -> tuple[str, bool]:
    """What the first step that failed said, else what Dagster says about the run; and whether that was a refusal."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    events: Sequence[dg.EventLogEntry] = instance.all_logs(run_id, of_type=kinds)
    said = ""
    for entry in events:
        event = entry.dagster_event
        if event is None:
            continue
        if event.event_type is dg.DagsterEventType.STEP_FAILURE:
            failure = event.step_failure_data
            if failure.user_failure_data is not None and failure.user_failure_data.description:
                metadata = failure.user_failure_data.metadata
                return f"{event.step_key}: {failure.user_failure_data.description}", IS_REFUSAL in metadata
            error = failure.error
            cause = error.cause if error is not None and error.cause is not None else error
            return f"{event.step_key}: {cause.message if cause is not None else 'no error was recorded'}", False
        said = said or event.message or ""
    return said or "no error was recorded; see the run's log", False
