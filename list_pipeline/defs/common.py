"""What every asset, job, sensor, schedule and rule of this code location has in common.

Belongs here: whether automation starts switched on, how assets are made, jobs out of assets, rules as asset checks. Does not
belong here: any one asset, job, sensor, schedule or rule.
"""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.metadata import text
from list_pipeline.defs.partitions import partition_of
from list_pipeline.defs.pool_waiting import sleep_while_waiting
from list_pipeline.operations.check_result import CheckResult
from list_pipeline.operations.services import Services

if TYPE_CHECKING:
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

# Needed when the code location loads; read by itself, so that no other setting can keep it from loading.
_ON = os.environ.get("SCHEDULES_ENABLED", "true").strip().casefold() not in ("false", "0", "no", "off")

SENSOR_STATUS = dg.DefaultSensorStatus.RUNNING if _ON else dg.DefaultSensorStatus.STOPPED
SCHEDULE_STATUS = dg.DefaultScheduleStatus.RUNNING if _ON else dg.DefaultScheduleStatus.STOPPED
"""Whether sensors and schedules start switched on (SCHEDULES_ENABLED); the UI turns each by itself."""


def whole_number(name: str, default: int, most: int) -> int:
    """A setting that is needed when the code location loads; read by itself, so that no other can keep it from loading.

    What is no such number is refused where settings are read as a whole; until then the default holds.
    """
    given = os.environ.get(name, "").strip()
    return int(given) if given.isdecimal() and int(given) <= most else default


def executor_of(step_processes: int) -> dg.ExecutorDefinition:
    """How the steps of a run are executed: all in its one process, or each in a process of its own, so many at a time."""
    if not step_processes:
        return dg.in_process_executor
    # Forked from a process that loaded the code location once: started anew, each step would load it for seconds.
    forked = {"forkserver": {"preload_modules": ["list_pipeline.definitions"]}}
    return dg.multiprocess_executor.configured({"max_concurrent": step_processes, "start_method": forked})


EXECUTOR = executor_of(whole_number("STEP_PROCESSES", 0, 8))
"""How the steps of every run are executed (STEP_PROCESSES)."""

OWNERS = ["team:deliverability"]

POOL = "mailjet_lists"
"""Everything that changes lists shares this pool, whose limit is one."""
sleep_while_waiting()

NO_RETRIES = {"dagster/max_retries": "0"}
"""Dagster repeats nothing: a failed attempt is repeated by our own sensors, which know what was done."""


def asset_job(name: str, *assets: dg.AssetsDefinition, description: str) -> "UnresolvedAssetJobDefinition":
    """A job that materializes these assets, in one process unless it is said otherwise (``EXECUTOR``)."""
    return dg.define_asset_job(
        name,
        selection=dg.AssetSelection.assets(*assets),
        executor_def=EXECUTOR,
        tags=NO_RETRIES,
        description=description,
    )


def launched_job(*, description: str) -> Callable[[Callable[[], None]], dg.JobDefinition]:
    """A job out of ops that a person or a sensor launches, executed as ``asset_job``; named after its function."""
    return dg.job(executor_def=EXECUTOR, tags=NO_RETRIES, description=description)


_GRACE = timedelta(hours=2)
"""Scheduled work has so long to end after its time; catching up after an outage is included."""

HOURLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=1) + _GRACE)
DAILY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=1) + _GRACE)
WEEKLY = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=7) + _GRACE)
"""How old the result of scheduled work may become. The UI shows it on the asset; Slack tells what matters
(``monitoring.freshness``)."""

ONE_RUN_A_PARTITION = dg.BackfillPolicy.multi_run(max_partitions_per_run=1)
"""Each campaign, week and day is read, judged and told by itself, and one that fails holds no other up. Said explicitly,
so that the UI does not offer to put several into one run."""


def product_asset(
    *,
    group: str,
    kinds: set[str],
    description: str,
    deps: Sequence[dg.AssetsDefinition | str] = (),
    partitions_def: dg.PartitionsDefinition | None = None,
    code_version: str | None = None,
    **more: Any,
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """An asset with what all of them have in common.

    Args:
        code_version: the versions of the rules and questions that its content rests on (``versions``). What records a fact,
            e.g. sizes or a sent message, has none: newer code makes no fact out of date.
    """
    with warnings.catch_warnings():
        # Of backfill_policy, a parameter in beta.
        warnings.simplefilter("ignore", dg.BetaWarning)
        decorate: Callable[[Callable[..., Any]], dg.AssetsDefinition] = dg.asset(
            group_name=group,
            owners=OWNERS,
            kinds=kinds,
            description=description,
            deps=deps,
            partitions_def=partitions_def,
            backfill_policy=ONE_RUN_A_PARTITION if partitions_def is not None else None,
            code_version=code_version,
            **more,
        )
    return decorate


def versions(*parts: str) -> str:
    """A code version made of the versions of rules and questions; each is changed by whoever changes what it stands for."""
    return " ".join(parts)


def check_result(result: CheckResult) -> dg.AssetCheckResult:
    """What a rule saw, as Dagster shows it: an invariant is an error, a figure to look at a warning."""
    return dg.AssetCheckResult(
        passed=result.passed,
        severity=dg.AssetCheckSeverity.ERROR if result.is_serious else dg.AssetCheckSeverity.WARN,
        description=result.words,
    )


def rule_checks(
    asset: dg.AssetsDefinition, rules: Iterable[Callable[[Services], CheckResult]]
) -> list[dg.AssetChecksDefinition]:
    """Rules about stored rows as checks of an asset without partitions."""
    return [_rule_check(asset, rule) for rule in rules]


def _rule_check(asset: dg.AssetsDefinition, rule: Callable[[Services], CheckResult]) -> dg.AssetChecksDefinition:
    @dg.asset_check(asset=asset, name=rule.__name__, description=rule.__doc__)
    def run_check(services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
        with clear_failures():
            result = rule(services)
        return check_result(result)

    return run_check


@dataclass(frozen=True, slots=True)
class JudgedPartition:
    """The partition that a check judges. ``run``: the run that made it, None when Dagster no longer knows that run."""

    key: str
    run: dg.DagsterRun | None


def partition_check(
    asset: dg.AssetsDefinition | dg.AssetKey,
    name: str,
    description: str,
    noun: str,
    judge: Callable[[Services, JudgedPartition], dg.AssetCheckResult],
) -> dg.AssetChecksDefinition:
    """A check of one partition of an asset: of the run's own, or, started alone from the UI, of the newest one.

    The check itself has no partitions, because partitioned checks may change with any release of this version of Dagster;
    the partition stands in the metadata.

    Args:
        noun: what a partition is, e.g. ``campaign``; the metadata has its key under this name.
    """

    @dg.asset_check(asset=asset, name=name, description=f"{description} Started alone, it judges the newest {noun}.")
    def run_check(context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]) -> dg.AssetCheckResult:
        (check,) = context.selected_asset_check_keys
        key = partition_of(context.run)
        judged = (
            JudgedPartition(key, context.run) if key else _newest_partition(context.instance, check.asset_key, noun)
        )
        with clear_failures():
            result = judge(services, judged)
        chosen = {} if key else {"judged": text(f"the newest {noun}, because the check was started alone")}
        return dg.AssetCheckResult(
            passed=result.passed,
            severity=result.severity,
            description=result.description,
            metadata={noun: text(judged.key), **chosen},
        )

    return run_check


def _newest_partition(instance: dg.DagsterInstance, asset: dg.AssetKey, noun: str) -> JudgedPartition:
    """The newest partition that was materialized, by its key: those of campaigns, weeks and days begin with their date."""
    known = instance.get_materialized_partitions(asset)
    if not known:
        raise dg.Failure(
            description=(
                f"No {noun} of {asset.to_user_string()} was materialized yet, so there is nothing to judge. Materialize one: "
                "its checks run with it."
            ),
            allow_retries=False,
        )
    key = max(known)
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[key]), limit=1)
    return JudgedPartition(key, instance.get_run_by_id(found.records[0].run_id) if found.records else None)
