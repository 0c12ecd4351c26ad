"""The decision review as Dagster runs it: what people see of a day, its goals as checks, and when it starts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from list_pipeline.core.masking import redact_addresses
from list_pipeline.defs.build import build_defs
from list_pipeline.defs.monitoring.decision_review_assets import DAYS
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation


def definitions(made: Installation) -> dg.Definitions:
    @dg.resource
    def services(_: dg.InitResourceContext) -> Iterator[Services]:
        yield made.services

    return build_defs(services)


def test_a_materialized_day_shows_figures_tables_and_the_days_contacts_masked(small: Installation) -> None:
    small.maintain()
    day = small.clock.now().date().isoformat()
    small.clock.advance(timedelta(days=1))
    small.control.reset_requests()
    with dg.DagsterInstance.ephemeral() as instance:
        job = definitions(small).resolve_job_def("decision_review_job")
        result = job.execute_in_process(instance=instance, partition_key=day)
    assert result.success
    (event,) = result.asset_materializations_for_node("decision_review")
    assert event.partition == day
    shown: dict[str, Any] = {name: getattr(value, "value", value) for name, value in event.metadata.items()}
    assert (shown["action_suppress"], shown["automatic_percent"], shown["suppressions_taken_back"]) == (4, 100.0, 0)
    assert "people_approved" in shown
    assert "agreement_with_policy_30_days_percent" not in shown, "of nothing decided there is no share"
    assert "not shown yet" in shown["findings"]
    assert r"hard\_bounce" in shown["by rule"]
    assert "optimization" in shown["by advisor"]
    assert day in shown["agreement day by day"]
    table = event.metadata["decisions"]
    assert isinstance(table, dg.TableMetadataValue)
    records = [record.data for record in table.records]
    suppressed = {one["contact"] for one in records if one["action"] == "suppress"}
    assert suppressed == small.account.ids(*HARD, COMPLAINED)
    assert all("***@" in str(one["address"]) for one in records)
    for text in (*(str(value) for value in shown.values()), *(str(one) for one in records)):
        assert redact_addresses(text) == text
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert set(checks) == {"answers_are_valid_json", "false_suppressions_are_few", "advisors_are_confident"}
    assert all(one.passed for one in checks.values())
    assert "not shown yet" in str(checks["false_suppressions_are_few"].description)
    assert small.query("select day::text, run_id from decision_review") == [(day, result.run_id)]
    assert small.control.requests() == {}, "stored rows are enough"


@pytest.mark.parametrize("hour", [0, 5])
def test_the_schedule_asks_for_yesterday_by_utc(hour: int) -> None:
    schedule = build_defs().resolve_schedule_def("daily_decision_review")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("20 5 * * *", "UTC")
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 11, 1, hour, 20, tzinfo=UTC))
    request = schedule(context)
    assert isinstance(request, dg.RunRequest)
    assert (request.partition_key, request.run_key) == ("2026-10-31", "2026-10-31")
    assert DAYS.get_partition_keys(context.scheduled_execution_time)[-1] == request.partition_key
