"""The assessments of list health, rule by rule, in words: for people to look at, nothing stops for them."""

from __future__ import annotations

from collections.abc import Sequence

from list_pipeline.core.health.assessment import HealthPolicy, HealthStatus
from list_pipeline.core.health.figures import BounceTrend
from list_pipeline.core.wording import limit_text, names_text
from list_pipeline.operations.access import Storing
from list_pipeline.operations.advice.advisors import partition_of
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.health.assessments import stored_assessments
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.storage.health import StoredAssessment


def no_list_is_critical(services: Storing, run: Maintenance) -> CheckResult:
    """No campaign list is in a critical state."""
    found = stored_assessments(services, partition_of(run))
    critical = [each for each in found if each.assessment.status is HealthStatus.CRITICAL]
    return _result(found, critical, "is critical", "are critical")


def every_list_is_healthy(services: Storing, run: Maintenance) -> CheckResult:
    """Every campaign list is healthy."""
    found = stored_assessments(services, partition_of(run))
    worse = [each for each in found if each.assessment.status is not HealthStatus.HEALTHY]
    return _result(found, worse, "is not healthy", "are not healthy")


def bounces_do_not_degrade(services: Storing, run: Maintenance) -> CheckResult:
    """The bounce rate of the three lists together does not rise by more than chance and a margin."""
    found = stored_assessments(services, partition_of(run))
    if not found:
        return _result(found, [], "", "")
    trend = found[0].figures.bounce_trend_of_all_lists
    return CheckResult(trend != BounceTrend.DEGRADING.value, f"Trend of the bounce rate: {trend}.", is_serious=False)


def no_list_shrinks_fast(services: Storing, run: Maintenance) -> CheckResult:
    """No campaign list loses more contacts a month than the limit."""
    found = stored_assessments(services, partition_of(run))
    limit = HealthPolicy().shrinkage
    fast_text = f"{limit_text(limit)} a month"
    fast = [each for each in found if (each.figures.size_change_a_month_percent or 0.0) < -limit]
    if found and all(each.figures.size_change_a_month_percent is None for each in found):
        return CheckResult(True, "Where the sizes go cannot be told yet.", is_serious=False)
    return _result(found, fast, f"shrinks by more than {fast_text}", f"shrink by more than {fast_text}")


def _result(
    found: Sequence[StoredAssessment], worse: Sequence[StoredAssessment], one: str, several: str
) -> CheckResult:
    if not found:
        return CheckResult(False, "The lists were not assessed.", is_serious=False)
    names = names_text([each.assessment.role.label for each in worse])
    if not worse:
        return CheckResult(True, f"None of {len(found)} lists {one}.", is_serious=False)
    return CheckResult(False, f"{names} {one if len(worse) == 1 else several}.", is_serious=False)
