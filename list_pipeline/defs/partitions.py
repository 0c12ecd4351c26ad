"""The partitions: one key per campaign, made by discovery and never deleted; and one per week."""

from collections.abc import Iterable, Sequence

import dagster as dg

CAMPAIGNS_NAME = "campaigns"
CAMPAIGNS = dg.DynamicPartitionsDefinition(name=CAMPAIGNS_NAME)

_ASKED_SINGLY = 10
"""So many keys cost less asked one by one than all that exist."""

WEEKS = dg.WeeklyPartitionsDefinition(start_date="2026-01-05", day_offset=1, end_offset=1, timezone="UTC")
"""Weeks by their Monday. A key means the check that is due in that week, on Monday unless WEEKLY_HEALTH_CHECK_DAY says
otherwise, and that looks at the seven days *before* it is due. The current week is there from its Monday on."""


def adding(instance: dg.DagsterInstance, keys: Iterable[str]) -> Sequence[dg.AddDynamicPartitionsRequest]:
    """The request of a sensor that adds the partitions of campaigns that have none yet; none where all are there.

    Dagster's daemon asks its storage about each key of a request, at every tick: with a thousand campaigns 700 statements.
    """
    wanted = list(dict.fromkeys(keys))
    if len(wanted) > _ASKED_SINGLY:
        there = set(instance.get_dynamic_partitions(CAMPAIGNS_NAME))
        missing = [key for key in wanted if key not in there]
    else:
        # Most ticks want none, or the one of the run that they ask for.
        missing = [key for key in wanted if not instance.has_dynamic_partition(CAMPAIGNS_NAME, key)]
    return [CAMPAIGNS.build_add_request(missing)] if missing else []


def partition_of(run: dg.DagsterRun) -> str | None:
    """The key of the partition that a run is about, None for a run without.

    Sensors, schedules and people name it in a tag. A backfill of assets names it as a range of one, because these have a
    backfill policy of their own.
    """
    start, end = run.tags.get("dagster/asset_partition_range_start"), run.tags.get("dagster/asset_partition_range_end")
    return run.tags.get("dagster/partition") or (start if start == end else None)
