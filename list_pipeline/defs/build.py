"""The one place where the code location is put together; tests build it with other resources."""

from __future__ import annotations

import dagster as dg

from list_pipeline.defs.assets import (
    bounces,
    campaigns,
    decision_review,
    membership,
    rebalancing,
    reconciliation,
    reports,
    snapshots,
    suppression,
)
from list_pipeline.defs.checks import ASSET_CHECKS
from list_pipeline.defs.corrections import CORRECTION_JOBS, CORRECTION_SENSORS
from list_pipeline.defs.decision_review_runs import (
    DECISION_REVIEW_CHECKS,
    DECISION_REVIEW_JOBS,
    DECISION_REVIEW_SCHEDULES,
)
from list_pipeline.defs.decisions import DECISION_JOBS, DECISION_SENSORS
from list_pipeline.defs.jobs import JOBS
from list_pipeline.defs.reconciliation_runs import (
    RECONCILIATION_CHECKS,
    RECONCILIATION_JOBS,
    RECONCILIATION_SCHEDULES,
)
from list_pipeline.defs.resources import ServicesResource
from list_pipeline.defs.sensors import SCHEDULES, SENSORS


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
            ]
        ),
        asset_checks=[*ASSET_CHECKS, *RECONCILIATION_CHECKS, *DECISION_REVIEW_CHECKS],
        jobs=[*JOBS, *DECISION_JOBS, *CORRECTION_JOBS, *RECONCILIATION_JOBS, *DECISION_REVIEW_JOBS],
        sensors=[*SENSORS, *DECISION_SENSORS, *CORRECTION_SENSORS],
        schedules=[*SCHEDULES, *RECONCILIATION_SCHEDULES, *DECISION_REVIEW_SCHEDULES],
        resources={"services": services or ServicesResource()},
        executor=dg.in_process_executor,
    )
