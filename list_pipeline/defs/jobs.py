"""The jobs: named selections of assets. Steps run in one process, which takes seconds instead of half a minute."""

from __future__ import annotations

import dagster as dg

from list_pipeline.defs.assets import (
    bounces,
    campaigns,
    list_states,
    membership,
    rebalancing,
    reports,
    snapshots,
    suppression,
)

_TAGS = {"dagster/max_retries": "0"}

post_campaign_maintenance = dg.define_asset_job(
    "post_campaign_maintenance",
    selection=dg.AssetSelection.assets(
        membership.membership_sync,
        campaigns.campaign_metrics,
        bounces.bounce_data,
        snapshots.list_snapshot_before,
        bounces.bounce_analysis,
        suppression.analysis,
        suppression.approved_suppression_plan,
        suppression.suppression_result,
        rebalancing.rebalancing_plan,
        rebalancing.rebalancing_result,
        snapshots.list_snapshot_after,
        snapshots.cache_refreshed,
        reports.maintenance_report,
        reports.maintenance_notification,
        list_states.list_states,
    ),
    executor_def=dg.in_process_executor,
    tags=_TAGS,
    description="Everything after a send: read, plan, gate, suppress, rebalance, record, report. One campaign a run.",
)

maintenance_reporting = dg.define_asset_job(
    "maintenance_reporting",
    selection=dg.AssetSelection.assets(
        reports.maintenance_report, reports.maintenance_notification, list_states.list_states
    ),
    executor_def=dg.in_process_executor,
    tags=_TAGS,
    description="The report of a campaign whose maintenance waits for a person or failed.",
)

membership_synchronisation = dg.define_asset_job(
    "membership_synchronisation",
    selection=dg.AssetSelection.assets(membership.membership_sync),
    executor_def=dg.in_process_executor,
    tags=_TAGS,
    description="Members, sends and recipients, brought up to date.",
)

JOBS = [post_campaign_maintenance, maintenance_reporting, membership_synchronisation]
