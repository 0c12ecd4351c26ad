"""The sensor that sends digests. Starts no run: a digest is one row and one message."""

import dagster as dg

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.defs.common import SENSOR_STATUS
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.digest.send import send_digests, wanted
from list_pipeline.operations.services import Services

SENSOR_SECONDS = 300


@dg.sensor(
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description="Sends the digest of a day or a week when it is due, once (DIGESTS). Starts no run.",
)
@clear_failures()
def digests_to_send(context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]) -> dg.SkipReason:
    if not wanted(services.settings):
        return dg.SkipReason("No digest is asked for (DIGESTS).")
    try:
        sent = send_digests(services)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    for one in sent:
        context.log.info(f"{one.key}: {one.state}{f' ({one.error})' if one.error else ''}")
    return dg.SkipReason(f"Sent {len(sent)}.")
