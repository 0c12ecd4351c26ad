"""The rules about the product's own work, each looked at on what was measured."""

from __future__ import annotations

from collections.abc import Callable

from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.rollback_triggers import Trigger
from list_pipeline.core.wording import duration_text
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.monitoring.figures import measured
from list_pipeline.operations.monitoring.rollback_triggers import triggers
from list_pipeline.operations.services import Services


def workflows_are_fast(services: Services) -> CheckResult:
    """No run of the last day worked for longer than a minute; waits for people are not counted."""
    slow = measured(services, 1).slow
    if not slow:
        return CheckResult(
            True, f"No run worked for longer than {duration_text(MONITORING.long_ms / 1000)}", is_serious=False
        )
    found = ", ".join(f"{one.workflow} ({one.long} of {one.worked.count})" for one in slow)
    return CheckResult(False, f"Longer than {duration_text(MONITORING.long_ms / 1000)}: {found}", is_serious=False)


def maintenance_latency_is_bounded(services: Services) -> CheckResult:
    """The 95th percentile of the maintenances is at most five minutes of work; above it is a reason to roll back."""
    return _trigger(services, Trigger.LATENCY)


def decisions_are_right(services: Services) -> CheckResult:
    """At most 20 percent of the decisions were rejected or taken back by people; above it is a reason to roll back."""
    return _trigger(services, Trigger.WRONG_DECISIONS)


def scheduled_runs_succeed(services: Services) -> CheckResult:
    """At most 10 percent of the scheduled runs of seven days failed; above it is a reason to roll back."""
    return _trigger(services, Trigger.FAILED_RUNS)


def _trigger(services: Services, trigger: Trigger) -> CheckResult:
    (found,) = (one for one in triggers(services) if one.trigger is trigger)
    return CheckResult(not found.is_hit, found.words)


RULES: tuple[Callable[[Services], CheckResult], ...] = (
    workflows_are_fast,
    maintenance_latency_is_bounded,
    decisions_are_right,
    scheduled_runs_succeed,
)
