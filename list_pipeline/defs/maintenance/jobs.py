"""The jobs: named selections of assets. Steps run in one process, which takes seconds instead of half a minute."""

from __future__ import annotations

from list_pipeline.defs.common import asset_job
from list_pipeline.defs.maintenance import (
    bounces,
    campaigns,
    list_states,
    membership,
    rebalancing,
    reports,
    snapshots,
    suppression,
)
from list_pipeline.defs.maintenance.campaign_assets import REPORTING_JOB

post_campaign_maintenance = asset_job(
    "post_campaign_maintenance",
    membership.membership_sync,
    campaigns.campaign_metrics,
    bounces.bounce_data,
    snapshots.list_snapshot_before,
    bounces.bounce_analysis,
    suppression.suppression_plan_and_list_health,
    suppression.approved_suppression_plan,
    suppression.suppression_result,
    rebalancing.rebalancing_plan,
    rebalancing.rebalancing_result,
    snapshots.list_snapshot_after,
    snapshots.cache_refreshed,
    reports.maintenance_report,
    reports.maintenance_notification,
    list_states.list_states,
    description="Everything after a send: read, plan, gate, suppress, rebalance, record, report. One campaign a run.",
)

maintenance_reporting = asset_job(
    REPORTING_JOB,
    reports.maintenance_report,
    reports.maintenance_notification,
    list_states.list_states,
    description="The report of a maintenance that failed, or whose message did not arrive.",
)

membership_sync_job = asset_job(
    "membership_sync_job",
    membership.membership_sync,
    description="Members, sends and recipients, brought up to date.",
)
