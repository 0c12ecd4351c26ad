"""The rollback triggers on what was measured: latency of maintenances, wrong decisions, failed runs.

Belongs here: gathering the figures. Does not belong here: the limits (``core.monitoring.rollback_triggers``) and
telling people (``alerts``).
"""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.rollback_triggers import (
    TriggerFacts,
    TriggerResult,
    judge,
)
from list_pipeline.operations.monitoring.decision_review import history
from list_pipeline.operations.monitoring.figures import Metrics, measured
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import MAINTENANCE
from list_pipeline.storage.monitoring import job_runs


def facts_now(services: Services, figures: Metrics | None = None) -> TriggerFacts:
    """The figures that the triggers are judged on; decisions as the latest daily review counted them.

    Args:
        figures: of the last seven days, where somebody has them already.
    """
    figures = figures or measured(services, MONITORING.window_days)
    maintenance = figures.workflow(MAINTENANCE)
    reviews = history(services, MONITORING.review_valid_days)
    people, suppressions = (
        (reviews[-1].figures.people_lately, reviews[-1].figures.suppressions_lately) if reviews else (None, None)
    )
    now = services.clock.now()
    with services.database.begin() as connection:
        runs, failed = job_runs.scheduled(
            connection, now - timedelta(days=MONITORING.window_days), now + timedelta(microseconds=1)
        )
    return TriggerFacts(
        maintenances=maintenance.worked.count if maintenance else 0,
        maintenance_p95_ms=maintenance.worked.p95_ms if maintenance else None,
        decisions=people.decided if people else 0,
        rejected=people.rejected if people else 0,
        suppressed=suppressions.suppressed if suppressions else 0,
        taken_back=suppressions.reinstated if suppressions else 0,
        runs=runs,
        failed_runs=failed,
    )


def triggers(services: Services, figures: Metrics | None = None) -> tuple[TriggerResult, ...]:
    """Every trigger, judged now."""
    return judge(facts_now(services, figures))
