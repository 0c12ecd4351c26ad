"""What every asset says of itself to Dagster: what makes it out of date, and how a backfill runs it."""

from __future__ import annotations

import dagster as dg
import pytest

from list_pipeline.agents import optimization
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.defs.build import build_defs

GRAPH = build_defs().resolve_asset_graph()
KEYS = sorted(GRAPH.materializable_asset_keys)
DECIDED = {
    "approved_suppression_plan",
    "bounce_analysis",
    "list_health_assessments",
    "list_reconciliation",
    "maintenance_report",
    "policy_replay",
    "rebalancing_plan",
    "suppression_plan",
    "weekly_list_health",
    "weekly_report",
}
"""What rests on rules or on an advisor's question. The others record facts, which newer code does not make out of date."""


def test_what_was_decided_carries_the_version_of_its_rules_and_facts_carry_none() -> None:
    versions = {key.to_user_string(): GRAPH.get(key).code_version for key in KEYS}
    assert {name for name, version in versions.items() if version is not None} == DECIDED
    policy = SuppressionPolicy()
    assert versions["approved_suppression_plan"] == policy.version
    assert versions["suppression_plan"] == f"{policy.version} {optimization.PROMPT_VERSION}"
    assert policy.version != SuppressionPolicy(cap_percent=policy.cap_percent + 1).version


@pytest.mark.parametrize("key", KEYS, ids=dg.AssetKey.to_user_string)
def test_a_backfill_runs_each_partition_by_itself(key: dg.AssetKey) -> None:
    node = GRAPH.get(key)
    expected = dg.BackfillPolicy.multi_run(max_partitions_per_run=1) if node.is_partitioned else None
    assert node.backfill_policy == expected
