"""Old runs of Dagster, with their events. Ticks have a setting of their own in dagster.yaml; events have none.

``DagsterInstance.delete_run`` is the supported way: it takes a run's events and its row. Materializations of a partition go
with the run that made them, so those runs are kept longer.
"""

from datetime import datetime, timedelta

import dagster as dg

from list_pipeline.core.retention import RETENTION, RetentionPolicy
from list_pipeline.defs.partitions import partition_of

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_PAGE = 500


def old_runs(
    instance: dg.DagsterInstance, now: datetime, kept_for: timedelta, policy: RetentionPolicy = RETENTION
) -> list[str]:
    """Ids of runs that ended long ago, oldest first, as many as one clean-up deletes.

    The newest of each job stay, so that the UI has something to show of every job and asset.

    Args:
        now: by Dagster's clock, which is the machine's also in a rehearsal.
        kept_for: how long runs without a partition are kept.
    """
    found: list[str] = []
    newest: dict[str, set[str]] = {}
    cursor: str | None = None
    while len(found) < policy.runs_at_once:
        page = instance.get_runs(
            dg.RunsFilter(statuses=_ENDED, updated_before=now - kept_for), cursor=cursor, limit=_PAGE, ascending=True
        )
        if not page:
            break
        cursor = page[-1].run_id
        for run in page:
            if run.job_name not in newest:
                kept = instance.get_runs(dg.RunsFilter(job_name=run.job_name), limit=policy.newest_runs)
                newest[run.job_name] = {one.run_id for one in kept}
            if run.run_id not in newest[run.job_name] and _is_old(instance, run, now, policy):
                found.append(run.run_id)
    return found[: policy.runs_at_once]


def _is_old(instance: dg.DagsterInstance, run: dg.DagsterRun, now: datetime, policy: RetentionPolicy) -> bool:
    if partition_of(run) is None:
        return True
    record = instance.get_run_record_by_id(run.run_id)
    return (
        record is not None
        and record.end_time is not None
        and record.end_time < (now - policy.partition_runs).timestamp()
    )


def delete_runs(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Delete runs with their events, one after the other; killed midway, the rest is found again."""
    for run_id in run_ids:
        instance.delete_run(run_id)
