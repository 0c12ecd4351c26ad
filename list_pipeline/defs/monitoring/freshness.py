"""The freshness of scheduled assets, read where Dagster's daemon keeps it, for the operation that tells people.

Belongs here: whose staleness people are told of. Does not belong here: how old a result may become, which is the freshness
policy of the asset itself.
"""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, TimeWindowFreshnessPolicy

from list_pipeline.core.monitoring.freshness import Freshness
from list_pipeline.defs.drift.assets import list_reconciliation
from list_pipeline.defs.drift.automation import list_reconciliation_job
from list_pipeline.defs.weekly.assets import list_health_check
from list_pipeline.defs.weekly.automation import weekly_health_check

_TOLD = (
    ("daily reconciliation", list_reconciliation, list_reconciliation_job.name),
    ("weekly health check", list_health_check, weekly_health_check.name),
)
"""What nobody would miss on the day it stays away. The others are looked at in the UI, or are noticed by what they make."""


def judged_freshness(instance: dg.DagsterInstance) -> tuple[Freshness, ...]:
    """What the daemon judged at its last look, half a minute ago at most."""
    states = instance.get_freshness_state_records([asset.key for _, asset, _ in _TOLD])
    found = []
    for name, asset, job in _TOLD:
        policy = asset.get_asset_spec(asset.key).freshness_policy
        assert isinstance(policy, TimeWindowFreshnessPolicy), f"{name} has no limit"
        made = instance.get_latest_materialization_event(asset.key)
        found.append(
            Freshness(
                name,
                job,
                policy.fail_window.to_timedelta(),
                None if made is None else datetime.fromtimestamp(made.timestamp, UTC),
                is_overdue=asset.key in states and states[asset.key].freshness_state is FreshnessState.FAIL,
            )
        )
    return tuple(found)
