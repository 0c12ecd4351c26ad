"""The safety rules as asset checks, so that they show in the UI with what they saw.

They report. What stops a plan is the gate, which judges before anything is changed; a check that blocked would stop its own
run only. The partition stands in the metadata, because partitioned checks are not stable in this version of Dagster.
"""

from collections.abc import Callable

import dagster as dg

from list_pipeline.defs.common import check_result
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.maintenance.campaign_assets import sweep_of
from list_pipeline.defs.maintenance.rebalancing import rebalancing_plan
from list_pipeline.defs.maintenance.snapshots import list_snapshot_after
from list_pipeline.defs.maintenance.suppression import LIST_HEALTH, SUPPRESSION_PLAN
from list_pipeline.defs.metadata import text
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.health import checks as health_checks
from list_pipeline.operations.maintenance import checks
from list_pipeline.operations.runs.run import Maintenance, current
from list_pipeline.operations.services import Services

Rule = Callable[[Services, Maintenance], CheckResult]

_RULES: dict[dg.AssetKey, tuple[Rule, ...]] = {
    LIST_HEALTH: (
        health_checks.no_list_is_critical,
        health_checks.every_list_is_healthy,
        health_checks.bounces_do_not_degrade,
        health_checks.no_list_shrinks_fast,
    ),
    SUPPRESSION_PLAN: (
        checks.suppressions_within_cap,
        checks.suppressions_rest_on_evidence,
        checks.suppressed_were_recipients,
    ),
    rebalancing_plan.key: (checks.moves_are_few, checks.moves_are_minimal),
    list_snapshot_after.key: (
        checks.sizes_are_explained,
        checks.nobody_is_lost,
        checks.nobody_is_in_two_lists,
        checks.nobody_is_suppressed_and_listed,
    ),
}


def _check(asset: dg.AssetKey, rule: Rule) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset, name=rule.__name__, description=rule.__doc__)
    def run_check(context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
        key = context.run.tags["dagster/partition"]
        with clear_failures():
            result = rule(services, current(services, key, sweep=sweep_of(context)))
        return check_result(result, {"campaign": text(key)})

    return run_check


ASSET_CHECKS = [_check(asset, rule) for asset, rules in _RULES.items() for rule in rules]
