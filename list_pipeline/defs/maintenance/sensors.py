"""What starts runs by itself. Everything is decided from the database, never from the partitions that exist.

Partitions and runs are returned together, so that a crash in between loses neither.
"""

from dataclasses import dataclass

import dagster as dg

from list_pipeline.core.errors import ConfigurationError, ListPipelineError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.wording import count_text
from list_pipeline.defs.common import SCHEDULE_STATUS, SENSOR_STATUS
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance import jobs
from list_pipeline.defs.maintenance.sweeps import ATTEMPT_TAG, SWEEP_TAG
from list_pipeline.defs.partitions import adding
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.runs.attempts import fail_stale_runs, given_up
from list_pipeline.operations.runs.run import Due, due_by_look, unreported_by_look
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.services import Services
from list_pipeline.storage.campaigns import sent_campaigns

CAMPAIGN_SENSOR_SECONDS = 300
"""Maintenance has to start within the hour; a look costs one request, or two where there are many sends."""


DECISION_SENSOR_SECONDS = 30
"""Who decided looks at the screen; a look costs no request."""


def _oldest_first(context: dg.SensorEvaluationContext, found: list[Due]) -> list[Due]:
    """The oldest that can still be started, and nobody while the run of an older one is on its way: each is planned on the
    state that the one before left. The others follow with the next ticks.

    A run key that was used up and led to nothing holds nobody up; it is replaced later. What only goes on is started by
    ``maintenances_to_resume``, within a minute.
    """
    for one in found:
        runs = context.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": one.run_key}), limit=1)
        if not runs:
            return [] if one.goes_on else [one]
        if not runs[0].is_finished:
            return []
    return []


def _requests(found: list[Due], sweep: Sweep) -> list[dg.RunRequest]:
    return [
        dg.RunRequest(
            run_key=one.run_key,
            partition_key=one.campaign_key,
            tags={
                SWEEP_TAG: sweep.value,
                ATTEMPT_TAG: str(one.attempt),
                "list_pipeline/why": one.why[:200],
            },
        )
        for one in found
    ]


@dg.sensor(
    job=jobs.post_campaign_maintenance,
    minimum_interval_seconds=CAMPAIGN_SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Finds sends at Mailjet, and starts the maintenance of campaigns that ended 24 h ago or more: oldest first, one after "
        "the other, failed ones and those whose run died again after a pause; late bounces once more after 72 h and 7 days."
    ),
)
@clear_failures()
def campaigns_due_for_maintenance(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    notes: list[str] = []
    try:
        note_flag(services, by="sensor")
        if not services.settings.list_management_enabled:
            return dg.SkipReason("List management is switched off (LIST_MANAGEMENT_ENABLED).")
        sends = discovery.discover(services)
        notes = [*sends.ignored, *sends.alerts]
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    except ListPipelineError as error:
        # What is due already does not wait until Mailjet answers again.
        notes.append(redact_addresses(str(error)))
    notes += [f"The run of {key} died; it is tried again." for key in fail_stale_runs(services)]
    for note in notes:
        context.log.warning(note)
    found = [
        request
        for sweep, due in due_by_look(services).items()
        for request in _requests(_oldest_first(context, due), sweep)
    ]
    left = given_up(services)
    known, keys = _new_campaigns(services, context.cursor)
    return dg.SensorResult(
        run_requests=found,
        dynamic_partitions_requests=adding(context.instance, [*keys, *(str(each.partition_key) for each in found)]),
        skip_reason=None if found else dg.SkipReason(_nothing_due(known.count, left, notes)),
        cursor=known.cursor,
    )


@dataclass(frozen=True, slots=True)
class _Known:
    """The campaigns that were looked at for their partitions: until which id, how many, and the day of the last look at all."""

    until: int
    count: int
    day: str

    @property
    def cursor(self) -> str:
        return f"{self.until}/{self.count}/{self.day}"

    @classmethod
    def of(cls, cursor: str | None, day: str) -> "_Known":
        """What a cursor says; nothing is known where it says something else, or on another day: what was added or restored
        behind it gets its partition then."""
        until, count, of_day = [*(cursor or "").split("/"), "", "", ""][:3]
        if of_day == day and until.isdecimal() and count.isdecimal():
            return cls(int(until), int(count), day)
        return cls(0, 0, day)


def _new_campaigns(services: Services, cursor: str | None) -> tuple[_Known, list[str]]:
    """The campaigns that were added since the last tick, all of them once a day; so a tick costs the same with ten thousand."""
    known = _Known.of(cursor, services.clock.now().date().isoformat())
    with services.database.begin() as connection:
        found = sent_campaigns.keys_after(connection, known.until)
    return _Known(max([known.until, *found.values()]), known.count + len(found), known.day), list(found)


_MOST_NAMED = 10


def _nothing_due(known: int, given_up: list[str], notes: list[str]) -> str:
    words = [f"{count_text(known, 'known campaign')}, none to be started now."]
    if given_up:
        named = ", ".join(given_up[-_MOST_NAMED:])
        words.append(
            f"{len(given_up)} failed in every attempt and only a person starts them again, the latest: {named}."
        )
    return " ".join([*words, *notes[:1]])


@dg.sensor(
    job=jobs.post_campaign_maintenance,
    minimum_interval_seconds=DECISION_SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Goes on with maintenances as soon as a person decided on the plan that they waited for, or lists may be changed again."
    ),
)
@clear_failures()
def maintenances_to_resume(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        note_flag(services, by="sensor")
        found = [
            request
            for sweep, due in due_by_look(services).items()
            for request in _requests([one for one in due if one.goes_on], sweep)
        ]
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("No maintenance waits that could go on.")
    return dg.SensorResult(run_requests=found)


@dg.sensor(
    job=jobs.maintenance_reporting,
    minimum_interval_seconds=30,
    default_status=SENSOR_STATUS,
    description="Reports maintenances that failed, and messages that did not arrive: news must not depend on one run.",
)
@clear_failures()
def maintenances_to_report(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    try:
        note_flag(services, by="sensor")
        found = [request for sweep, left in unreported_by_look(services).items() for request in _requests(left, sweep)]
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    if not found:
        return dg.SkipReason("Every maintenance that ended was reported.")
    return dg.SensorResult(run_requests=found)


@dg.schedule(
    job=jobs.membership_sync_job,
    cron_schedule="20 * * * *",
    execution_timezone="UTC",
    default_status=SCHEDULE_STATUS,
    description="Hourly: who came, left or unsubscribed, and who was mailed by a new send.",
)
def hourly_membership_sync(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    return dg.RunRequest(run_key=context.scheduled_execution_time.strftime("%Y-%m-%dT%H"))
