"""The validation before a campaign: its job, its sensor, its rules as checks. It waits for no other run: a send does not."""

from datetime import datetime, timedelta

import dagster as dg

from list_pipeline.core.errors import ConfigurationError, ListPipelineError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.validation.checklist import Severity, ValidationRule
from list_pipeline.core.wording import count_text
from list_pipeline.defs.common import SENSOR_STATUS, JudgedPartition, asset_job, partition_check
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.partitions import adding
from list_pipeline.defs.validation.assets import pre_campaign_validation
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import (
    ToValidate,
    discover_upcoming,
    to_validate,
    upcoming_campaigns,
)
from list_pipeline.operations.drift.odd_sends import watch_sends
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.validate import stored_validation

SENSOR_SECONDS = 30
"""A validation begins within a minute of its time; that needs our rows only."""
LOOK_SECONDS = 300
"""What is scheduled at short notice is found within minutes; a look costs two requests, and one a scheduled campaign."""

pre_campaign_validation_job = asset_job(
    "pre_campaign_validation_job",
    pre_campaign_validation,
    description="The list of one scheduled campaign, validated before it is sent.",
)


def _request(one: ToValidate) -> dg.RunRequest:
    return dg.RunRequest(run_key=one.run_key, partition_key=one.campaign_key, tags={"list_pipeline/why": one.why[:200]})


def _looks_now(cursor: str | None, now: datetime) -> bool:
    """Whether Mailjet is looked at now. ``cursor``: when it was last; a clock that was put back is no reason to wait."""
    last = datetime.fromisoformat(cursor) if cursor else None
    return last is None or not timedelta() <= now - last < timedelta(seconds=LOOK_SECONDS)


@dg.sensor(
    job=pre_campaign_validation_job,
    minimum_interval_seconds=SENSOR_SECONDS,
    default_status=SENSOR_STATUS,
    description=(
        "Finds campaigns among Mailjet's programmed drafts, and validates their lists at 06:00 UTC on the day of the send, "
        "never later than 3.25 h before it; at once what is scheduled at short notice, failed, or was not settled. "
        "Tells people what was sent otherwise than scheduled, or not at all, and which round is missing."
    ),
)
@clear_failures()
def campaigns_to_validate(
    context: dg.SensorEvaluationContext, services: dg.ResourceParam[Services]
) -> dg.SensorResult | dg.SkipReason:
    note = ""
    try:
        note_flag(services, by="sensor")
        now = services.clock.now()
        if _looks_now(context.cursor, now):
            # Whatever comes of it: where Mailjet is away, it is not asked more often.
            context.update_cursor(now.isoformat())
            # What began to be sent is no draft any more: without the sends it would look taken back.
            discover(services)
            discover_upcoming(services)
            watch_sends(services, asks_mailjet=True)
    except ConfigurationError as error:
        return dg.SkipReason(str(error))
    except ListPipelineError as error:
        # What is due is asked for all the same: a validation that cannot read says so to people.
        note = redact_addresses(str(error))
        context.log.warning(note)
    keys = [campaign.key for campaign, _ in upcoming_campaigns(services)]
    found = [_request(one) for one in to_validate(services)]
    quiet = f"{count_text(len(keys), 'scheduled campaign')}, none to be validated now. {note}".rstrip()
    return dg.SensorResult(
        run_requests=found,
        dynamic_partitions_requests=adding(context.instance, keys),
        skip_reason=None if found else dg.SkipReason(quiet),
    )


_SEVERITY = {Severity.CRITICAL: dg.AssetCheckSeverity.ERROR, Severity.WARNING: dg.AssetCheckSeverity.WARN}


def _check(rule: ValidationRule) -> dg.AssetChecksDefinition:
    def judge(services: Services, judged: JudgedPartition) -> dg.AssetCheckResult:
        found = stored_validation(services, judged.key)
        results = {result.rule: result for result in found.results} if found is not None else {}
        if (result := results.get(rule)) is None:
            return dg.AssetCheckResult(
                passed=False, severity=dg.AssetCheckSeverity.ERROR, description="This rule was not judged yet."
            )
        return dg.AssetCheckResult(
            passed=result.severity is Severity.PASSED,
            severity=_SEVERITY.get(result.severity, dg.AssetCheckSeverity.WARN),
            description=f"{result.words} {result.action}".rstrip(),
        )

    return partition_check(pre_campaign_validation, rule.value, rule.question, "campaign", judge)


VALIDATION_CHECKS = [_check(rule) for rule in ValidationRule]
