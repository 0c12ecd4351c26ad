"""The validation of a campaign's list before it is sent."""

from collections.abc import Iterator

import dagster as dg

from list_pipeline.core.errors import OvertakenError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.wording import instant_text
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import product_asset
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.partitions import CAMPAIGNS
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.validate import Validation, validate


@product_asset(
    partitions_def=CAMPAIGNS,
    group="plan",
    kinds={"mailjet", "postgres", "gemini"},
    description=(
        "Is a scheduled campaign fit to be sent? Its list is read thoroughly; list, set-up and the sender's domain are judged "
        "by rules, each of them a check. A critical finding blocks the campaign until it is gone or a person lets the campaign "
        "go; a warning reports. "
        "From here to the end of sending the list is frozen."
    ),
    output_required=False,
)
def pre_campaign_validation(
    context: dg.AssetExecutionContext, services: dg.ResourceParam[Services]
) -> Iterator[dg.MaterializeResult[None]]:
    with clear_failures():
        try:
            found = validate(services, context.partition_key, run_id=context.run.run_id)
        except OvertakenError as error:
            if not _was_asked_for_by_a_sensor(context.run):
                raise
            # Sent or taken back between the sensor's look and this run: nobody has anything to repair.
            context.log.warning(redact_addresses(str(error)))
            return
    yield dg.MaterializeResult(metadata=validation_metadata(found))


def _was_asked_for_by_a_sensor(run: dg.DagsterRun) -> bool:
    return "dagster/sensor_name" in run.tags


def validation_metadata(found: Validation) -> dict[str, dg.MetadataValue]:
    """Every rule with what it found and what to do, the figures behind them, and what Mailjet will do."""
    figures = {name: value for result in found.results for name, value in result.details.items()}
    shown = {
        "verdict": md.text(found.stored.verdict.value),
        "blocked": md.text("yes" if found.stored.is_blocking else "no"),
        "at Mailjet": md.text(found.fate),
        "scheduled for": md.text(instant_text(found.stored.scheduled_at)),
        "list": md.text(found.stored.list_role.label),
        "rules": md.table(
            [
                {
                    "rule": result.rule.value.replace("_", " "),
                    "result": result.severity.value,
                    "found": result.words,
                    "to do": result.action or "-",
                }
                for result in found.results
            ]
        ),
    }
    counted = ("actual", "expected", "discrepancy", "tolerance", "contacts", "waiting", "held", "unsubscribed", "excluded",
               "deviation_percent", "rate_percent")  # fmt: skip
    return shown | md.counts({name: figures[name] for name in counted if figures.get(name) is not None})
