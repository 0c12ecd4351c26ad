"""The partitions: one key per campaign, made by discovery and never deleted; and one per week."""

import dagster as dg

CAMPAIGNS = dg.DynamicPartitionsDefinition(name="campaigns")

WEEKS = dg.WeeklyPartitionsDefinition(start_date="2026-01-05", day_offset=1, end_offset=1, timezone="UTC")
"""Weeks by their Monday. A key means the check that is due in that week, on Monday unless WEEKLY_HEALTH_CHECK_DAY says
otherwise, and that looks at the seven days *before* it is due. The current week is there from its Monday on."""


def partition_of(run: dg.DagsterRun) -> str | None:
    """The key of the partition that a run is about, None for a run without.

    Sensors, schedules and people name it in a tag. A backfill of assets names it as a range of one, because these have a
    backfill policy of their own.
    """
    start, end = run.tags.get("dagster/asset_partition_range_start"), run.tags.get("dagster/asset_partition_range_end")
    return run.tags.get("dagster/partition") or (start if start == end else None)
