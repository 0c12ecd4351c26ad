"""The safety rules as asset checks, so that they show in the UI with what they saw.

They report. What stops a plan is the gate, which judges before anything is changed; a check that blocked would stop its own
run only.
"""

from collections.abc import Callable

import dagster as dg

from list_pipeline.defs.common import JudgedPartition, check_result, partition_check
from list_pipeline.defs.maintenance.rebalancing import rebalancing_plan, rebalancing_result
from list_pipeline.defs.maintenance.snapshots import list_snapshot_after
from list_pipeline.defs.maintenance.suppression import LIST_HEALTH, SUPPRESSION_PLAN, suppression_result
from list_pipeline.defs.maintenance.sweeps import sweep_of_earlier
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
    suppression_result.key: (checks.suppression_is_carried_out,),
    rebalancing_plan.key: (checks.moves_are_few, checks.moves_are_minimal),
    rebalancing_result.key: (checks.rebalancing_is_carried_out,),
    list_snapshot_after.key: (
        checks.sizes_are_explained,
        checks.nobody_is_lost,
        checks.nobody_is_in_two_lists,
        checks.nobody_is_suppressed_and_listed,
    ),
}


def _check(asset: dg.AssetKey, rule: Rule) -> dg.AssetChecksDefinition:
    def judge(services: Services, judged: JudgedPartition) -> dg.AssetCheckResult:
        return check_result(rule(services, current(services, judged.key, sweep=sweep_of_earlier(judged.run))))

    return partition_check(asset, rule.__name__, rule.__doc__ or "", "campaign", judge)


ASSET_CHECKS = [_check(asset, rule) for asset, rules in _RULES.items() for rule in rules]
