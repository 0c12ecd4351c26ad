"""The partitions: one key per campaign, made by discovery and never deleted; and one per week."""

import dagster as dg

CAMPAIGNS = dg.DynamicPartitionsDefinition(name="campaigns")

WEEKS = dg.WeeklyPartitionsDefinition(start_date="2026-01-05", day_offset=1, end_offset=1, timezone="UTC")
"""Weeks by their Monday. A key means the check that is due in that week, on Monday unless WEEKLY_HEALTH_CHECK_DAY says
otherwise, and that looks at the seven days *before* it is due. The current week is there from its Monday on."""
