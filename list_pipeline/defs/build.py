"""The one place where the code location is put together; tests build it with other resources."""

from __future__ import annotations

import dagster as dg

from list_pipeline.defs.assets import (
    bounces,
    campaigns,
    decision_review,
    list_cache,
    list_states,
    membership,
    notifications,
    rebalancing,
    reconciliation,
    reports,
    snapshots,
    suppression,
    validation,
    weekly,
    workflow_metrics,
)
from list_pipeline.defs.cache_runs import CACHE_CHECKS, CACHE_JOBS, CACHE_SCHEDULES
from list_pipeline.defs.checks import ASSET_CHECKS
from list_pipeline.defs.corrections import CORRECTION_JOBS, CORRECTION_SENSORS
from list_pipeline.defs.decision_review_runs import (
    DECISION_REVIEW_CHECKS,
    DECISION_REVIEW_JOBS,
    DECISION_REVIEW_SCHEDULES,
)
from list_pipeline.defs.decisions import DECISION_JOBS, DECISION_SENSORS
from list_pipeline.defs.jobs import JOBS
from list_pipeline.defs.metrics_runs import METRICS_CHECKS, METRICS_JOBS, METRICS_SCHEDULES
from list_pipeline.defs.notification_runs import NOTIFICATION_JOBS, NOTIFICATION_SCHEDULES, NOTIFICATION_SENSORS
from list_pipeline.defs.reconciliation_runs import (
    RECONCILIATION_CHECKS,
    RECONCILIATION_JOBS,
    RECONCILIATION_SCHEDULES,
)
from list_pipeline.defs.resources import ServicesResource
from list_pipeline.defs.run_failures import RUN_FAILURE_SENSORS
from list_pipeline.defs.sensors import SCHEDULES, SENSORS
from list_pipeline.defs.validation_runs import VALIDATION_CHECKS, VALIDATION_JOBS, VALIDATION_SENSORS
from list_pipeline.defs.weekly_runs import WEEKLY_CHECKS, WEEKLY_JOBS, WEEKLY_SCHEDULES, WEEKLY_SENSORS


def build_defs(services: dg.ResourceDefinition | None = None) -> dg.Definitions:
    """Everything that exists in this code location.

    Args:
        services: a resource that yields ``Services`` made of other settings than the environment's.
    """
    return dg.Definitions(
        assets=dg.load_assets_from_modules(
            [
                membership,
                campaigns,
                bounces,
                snapshots,
                suppression,
                rebalancing,
                reports,
                reconciliation,
                decision_review,
                notifications,
                weekly,
                workflow_metrics,
                list_cache,
                list_states,
                validation,
            ]
        ),
        asset_checks=[
            *ASSET_CHECKS,
            *CACHE_CHECKS,
            *list_states.LIST_STATE_CHECKS,
            *RECONCILIATION_CHECKS,
            *DECISION_REVIEW_CHECKS,
            *VALIDATION_CHECKS,
            *WEEKLY_CHECKS,
            *METRICS_CHECKS,
        ],
        jobs=[
            *JOBS,
            *CACHE_JOBS,
            *DECISION_JOBS,
            *CORRECTION_JOBS,
            *RECONCILIATION_JOBS,
            *DECISION_REVIEW_JOBS,
            *NOTIFICATION_JOBS,
            *VALIDATION_JOBS,
            *WEEKLY_JOBS,
            *METRICS_JOBS,
        ],
        sensors=[
            *SENSORS,
            *DECISION_SENSORS,
            *CORRECTION_SENSORS,
            *NOTIFICATION_SENSORS,
            *VALIDATION_SENSORS,
            *WEEKLY_SENSORS,
            *RUN_FAILURE_SENSORS,
        ],
        schedules=[
            *SCHEDULES,
            *CACHE_SCHEDULES,
            *RECONCILIATION_SCHEDULES,
            *DECISION_REVIEW_SCHEDULES,
            *NOTIFICATION_SCHEDULES,
            *WEEKLY_SCHEDULES,
            *METRICS_SCHEDULES,
        ],
        resources={"services": services or ServicesResource()},
        executor=dg.in_process_executor,
    )
