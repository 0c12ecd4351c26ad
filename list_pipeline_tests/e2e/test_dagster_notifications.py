"""The outbox in Dagster: a sensor sends what did not arrive, and an asset measures."""

from __future__ import annotations

import dagster as dg

from list_pipeline.core.messages.slack_blocks import SlackMessage, header
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline_tests.e2e.dagster_runs import DagsterHome
from list_pipeline_tests.e2e.rehearsals import Rehearsal


def test_the_sensor_sends_what_waits_without_a_run_and_the_asset_measures(
    account: Rehearsal, home: DagsterHome
) -> None:
    account.control.slack_scenario("outage", seconds=3600)
    with account.other_services() as services:
        assert deliver(services, "report", SlackMessage("Report", [header("Report")])).state == "unknown"
    account.pass_time(hours=2)

    found = home.ask("messages_to_send")
    assert isinstance(found, dg.SkipReason)
    assert "1 sent" in str(found.skip_message)
    assert "arrived" in str(home.ask("messages_to_send"))
    assert [message["text"] for message in account.slack_messages()] == ["Report"]

    result = home.defs.resolve_job_def("notification_delivery_job").execute_in_process(instance=home.instance)
    (event,) = result.asset_materializations_for_node("notification_delivery")
    assert event.metadata["delivered"].value == 1
    assert event.metadata["later_than_30_s"].value == 1
    assert "took longer" in str(event.metadata["needs attention"].value)
