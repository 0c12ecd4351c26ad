"""Old runs of Dagster, and those that name somebody, with their events.

Ticks have a setting of their own in dagster.yaml; events have none.

``DagsterInstance.delete_run`` is the supported way: it takes a run's events and its row. Materializations of a partition go
with the run that made them, so those runs are kept longer.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg

from list_pipeline.core.masking import redact_addresses
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


def runs_that_name_somebody(instance: dg.DagsterInstance, policy: RetentionPolicy = RETENTION) -> list[str]:
    """Ids of ended runs for which somebody typed an address, as many as one clean-up deletes; whatever their age.

    Dagster keeps the configuration and the tags of a launched run as they were typed, and offers no way to change them. What
    the run did stands in our own tables, with the note redacted.
    """
    found = (run.run_id for run in _ended_runs(instance) if _names_somebody(run))
    return [run_id for run_id, _ in zip(found, range(policy.runs_at_once), strict=False)]


def _ended_runs(instance: dg.DagsterInstance) -> Iterator[dg.DagsterRun]:
    cursor: str | None = None
    while page := instance.get_runs(dg.RunsFilter(statuses=_ENDED), cursor=cursor, limit=_PAGE):
        yield from page
        cursor = page[-1].run_id


def _names_somebody(run: dg.DagsterRun) -> bool:
    # What Dagster and its launchers note names their parts in the form of addresses: __repository__@list_pipeline.definitions,
    # and images by their digests.
    tags = {name: value for name, value in run.tags.items() if not name.startswith((".dagster", "dagster"))}
    typed = json.dumps([run.run_config, tags], ensure_ascii=False, default=str).replace("@sha256:", ":")
    return redact_addresses(typed) != typed


def delete_runs(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Delete runs with their events, one after the other; killed midway, the rest is found again."""
    for run_id in run_ids:
        instance.delete_run(run_id)
