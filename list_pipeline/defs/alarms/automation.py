"""The sensor that looks for alarms each minute and tells what waits. It starts no run: a run takes longer to begin than an
alarm may take. While no daemon runs nobody looks, which a monitor tells (``deploy/prometheus/alerts.yml``)."""

import dagster as dg

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.defs.common import SENSOR_STATUS
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.alarms.look import look_for_alarms
from list_pipeline.operations.alarms.tell import tell_waiting
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 60
"""Whoever is on call is told within five minutes."""


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Looks what is wrong, opens and closes alarms, and tells PagerDuty and a webhook, each once, until it arrives. "
        "Starts no run."
    ),
)
@clear_failures()
def alarms_to_tell(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SkipReason:
    try:
        found = look_for_alarms(services)
        done = tell_waiting(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    for one in done:
        context.log.info(
            f"alarm {one.alarm_id}, {one.receiver} {one.action}: {one.state}{f' ({one.error})' if one.error else ''}"
        )
    return dg.SkipReason(f"Raised {len(found.raised)}, over {len(found.resolved)}, told {len(done)}.")
