"""The weekly check as Dagster runs it: caught up by its sensor, one row, checks that stop nothing, a second run that shows."""

from __future__ import annotations

from datetime import UTC, datetime

import dagster as dg
import pytest

from list_pipeline.defs.weekly.automation import weekly_on_its_day
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures, materialized, metadata

ASSETS = {
    "weekly_list_snapshot",
    "list_metrics",
    "weekly_list_health",
    "weekly_report",
    "list_health_check",
    "weekly_notification",
}


@pytest.mark.long
def test_a_missed_monday_is_caught_up_once_and_shown_afterwards(home: DagsterHome) -> None:
    home.requests()  # The first start.
    assert isinstance(home.ask("weekly_checks_missed"), dg.SkipReason)
    home.rehearsal.pass_time(days=3, hours=3)
    (request,) = home.requests("weekly_checks_missed")
    assert request.partition_key == "2026-11-23"
    home.rehearsal.control.reset_requests()
    result = home.run_past_the_ui(str(request.partition_key), "weekly_health_check")
    assert failures(result) == {}
    assert result.success
    assert materialized(result) == ASSETS
    asked = home.rehearsal.control.requests()
    changing = [name for name in asked if name.startswith(("POST ", "PUT ", "DELETE "))]
    assert not [name for name in changing if "api/" not in name and "generatecontent" not in name]

    sizes, figures = metadata(result, "weekly_list_snapshot"), metadata(result, "list_metrics")
    assert sizes["campaign_1_mailable"] > 0
    assert figures["campaigns_sent"] == 2
    assert "data:image/svg+xml" in metadata(result, "weekly_report")["chart"]
    assert "Weekly List Health Check" in metadata(result, "weekly_report")["report"]
    assert metadata(result, "weekly_notification")["state"] == "sent"
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert checks.keys() == {"lists_are_balanced", "no_list_is_urgent", "averages_are_known", "every_size_is_known"}
    assert {one.severity for one in checks.values()} == {dg.AssetCheckSeverity.WARN}
    assert checks["every_size_is_known"].passed
    # Nobody has maintained the last campaign.
    assert not checks["averages_are_known"].passed

    rows = home.rehearsal.rows("select * from list_health_check")
    assert [(row["week"].isoformat(), row["status"]) for row in rows] == [("2026-11-23", "success")]
    assert isinstance(home.ask("weekly_checks_missed"), dg.SkipReason)
    home.rehearsal.control.reset_requests()
    again = home.run_past_the_ui(str(request.partition_key), "weekly_health_check")
    assert again.success
    assert not [name for name in home.rehearsal.control.requests() if "api/" not in name]
    assert home.rehearsal.rows("select * from list_health_check") == rows
    assert metadata(again, "weekly_report")["report"] == metadata(result, "weekly_report")["report"]


def test_the_schedule_asks_for_the_monday_of_its_tick() -> None:
    assert (weekly_on_its_day.cron_schedule, weekly_on_its_day.execution_timezone) == (
        "0 10 * * 1",
        "UTC",
    )
    tick = datetime(2026, 11, 16, 10, tzinfo=UTC)
    found = weekly_on_its_day(dg.build_schedule_context(scheduled_execution_time=tick))
    assert isinstance(found, dg.RunRequest)
    assert (found.partition_key, found.run_key) == ("2026-11-16", "2026-11-16")
