"""What every job, sensor, schedule and rule of this code location has in common.

Belongs here: whether automation starts switched on, jobs out of assets, rules as asset checks. Does not belong here: any one
job, sensor, schedule or rule.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import dagster as dg

from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.services import Services

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# Needed when the code location loads; read by itself, so that no other setting can keep it from loading.
_ON = os.environ.get("SCHEDULES_ENABLED", "true").strip().casefold() not in ("false", "0", "no", "off")

SENSOR_STATUS = dg.DefaultSensorStatus.RUNNING if _ON else dg.DefaultSensorStatus.STOPPED
SCHEDULE_STATUS = dg.DefaultScheduleStatus.RUNNING if _ON else dg.DefaultScheduleStatus.STOPPED
"""Whether sensors and schedules start switched on (SCHEDULES_ENABLED); the UI turns each by itself."""

NO_RETRIES = {"dagster/max_retries": "0"}
"""Dagster repeats nothing: a failed attempt is repeated by our own sensors, which know what was done."""


def asset_job(name: str, *assets: dg.AssetsDefinition, description: str) -> UnresolvedAssetJobDefinition:
    """A job that materializes these assets in one process, which takes seconds instead of half a minute."""
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*assets),
        executor_def=dg.in_process_executor,
        tags=NO_RETRIES,
        description=description,
    )


def check_result(result: CheckResult, metadata: Mapping[str, dg.MetadataValue] | None = None) -> dg.AssetCheckResult:
    """What a rule saw, as Dagster shows it: an invariant is an error, a figure to look at a warning."""
    return dg.AssetCheckResult(
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if result.is_serious else dg.AssetCheckSeverity.WARN,
        description=result.words,
        metadata=metadata,
    )


def rule_checks(
    asset: dg.AssetsDefinition, rules: Iterable[Callable[[Services], CheckResult]]
) -> list[dg.AssetChecksDefinition]:
    """Rules about stored rows as checks of an asset without partitions."""
    return [_rule_check(asset, rule) for rule in rules]


def _rule_check(asset: dg.AssetsDefinition, rule: Callable[[Services], CheckResult]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset, name=rule.__name__, description=rule.__doc__)
    def run_check(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
        with clear_failures():
            result = rule(services)
        return check_result(result)

    return run_check


OWNERS = ["team:deliverability"]


POOL = "mailjet_lists"
"""Everything that changes lists shares this pool, whose limit is one."""
