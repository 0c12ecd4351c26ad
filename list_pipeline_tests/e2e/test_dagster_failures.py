"""What does not go well: services that fail, plans that only wait, messages that do not arrive, services that are missing."""

from __future__ import annotations

import dagster as dg
import pytest

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures, materialized, metadata
from list_pipeline_tests.e2e.rehearsals import ANCHOR, LIST_1, Rehearsal

pytestmark = pytest.mark.long

MAINTENANCES = "select attempt, status, run_id, errors from list_maintenance_log order by id"


# Failures


def _send_another(account: Rehearsal) -> int:
    """A second campaign, due 25 hours later together with the first."""
    campaign_id = account.control.send(LIST_1, "Client letter 4")
    account.pass_time(hours=25)
    account.synchronise()
    return campaign_id


def test_due_campaigns_run_oldest_first_and_one_that_fails_does_not_stop_the_others(
    account: Rehearsal, home: DagsterHome
) -> None:
    younger = _send_another(account)
    (first,) = home.requests()
    assert str(first.partition_key) < account.key_of(younger)
    # One row of the first campaign's bounces is missing: fewer than Mailjet counts.
    account.control.add_fault("short_page", path="REST/message$", rows=3, count=None)
    digest = account.control.digest()
    failed = home.execute(first)
    assert not failed.success
    assert set(failures(failed)) == {"bounce_data"}
    assert account.control.digest() == digest
    account.control.clear_faults()
    (second,) = home.requests()
    assert second.partition_key == account.key_of(younger)
    assert home.execute(second).success
    rows = account.rows("select campaign_key, l.status from list_maintenance_log l join campaign_schedule c"
                        " on c.id = campaign_schedule_id order by l.id")  # fmt: skip
    assert [(row["campaign_key"], row["status"]) for row in rows] == [
        (first.partition_key, "failed"),
        (second.partition_key, "success"),
    ]
    # The failed one comes back by itself and then finds everything.
    account.pass_time(minutes=16)
    (again,) = home.requests()
    assert (again.partition_key, again.run_key) == (first.partition_key, f"{first.partition_key}:24h:2")
    assert home.execute(again).success


def test_a_failing_campaign_is_tried_again_with_growing_pauses_and_new_run_keys_and_then_reported(
    account: Rehearsal, home: DagsterHome, due: dg.RunRequest
) -> None:
    account.control.add_fault("short_page", path="REST/message$", rows=3, count=None)
    keys = [due.run_key]
    assert not home.execute(due).success
    for pause in (15, 30):
        account.pass_time(minutes=pause - 1)
        assert home.requests() == [], f"tried again before {pause} minutes were over"
        account.pass_time(minutes=2)
        (again,) = home.requests()
        keys.append(again.run_key)
        assert not home.execute(again).success
    account.pass_time(days=2)
    assert home.requests() == [], "after the last attempt only a person starts it again"
    assert keys == [f"{due.partition_key}:24h:{attempt}" for attempt in (1, 2, 3)]
    assert [row["status"] for row in account.rows("select status from list_maintenance_log")] == ["failed"] * 3
    (request,) = home.requests("maintenances_to_report")
    assert home.execute(request, "maintenance_reporting").success
    (message,) = account.slack_messages()
    assert "fail" in str(message).lower()
    assert home.requests("maintenances_to_report") == []


def test_wrong_credentials_are_said_and_nothing_is_changed(home: DagsterHome, due: dg.RunRequest) -> None:
    account = home.rehearsal
    digest = account.control.digest()
    home.settings = {"mailjet_secret_key": "wrong-secret-of-somebody"}
    result = home.execute(due)
    assert not result.success
    said = " ".join(failures(result).values())
    assert "MAILJET_" in said
    assert "wrong-secret-of-somebody" not in said
    assert account.control.digest() == digest
    assert account.changing_requests() == {}


@pytest.mark.parametrize("effect", ["truncated_json", "wrong_json", "broken_body"])
def test_an_answer_that_cannot_be_read_ends_the_run_in_words_and_changes_nothing(
    account: Rehearsal, home: DagsterHome, due: dg.RunRequest, effect: str
) -> None:
    digest = account.control.digest()
    account.control.add_fault(effect, path="bouncestatistics", count=None)
    result = home.execute(due)
    assert not result.success
    assert "bounce_data" in failures(result)
    assert "Traceback" not in failures(result)["bounce_data"].split("Stack Trace")[0]
    assert account.control.digest() == digest
    assert account.scalar("select status from list_maintenance_log") == "failed"


# One of each kind: no answer, an answer that cannot be read, one that talks nonsense. All of them: the tests of the client.
@pytest.mark.parametrize("behaviour", ["off", "truncated", "invented_references"])
def test_a_model_that_fails_or_talks_nonsense_costs_nothing_but_its_words(
    account: Rehearsal, home: DagsterHome, due: dg.RunRequest, behaviour: str
) -> None:
    account.control.gemini_behaviour(behaviour, times=None)
    result = home.execute(due)
    assert result.success
    assert metadata(result, "suppression_result")["confirmed"] > 40
    assert len(account.slack_messages()) == 1


# What is optional


def test_without_a_model_the_policy_explains_itself(home: DagsterHome, due: dg.RunRequest) -> None:
    home.settings = {"gemini_api_key": None}
    result = home.execute(due)
    assert result.success
    assert metadata(result, "suppression_result")["confirmed"] > 40
    assert metadata(result, "maintenance_report")["executive summary"]
    account = home.rehearsal
    sources = {row["source"] for row in account.rows("select source from agent_record")}
    assert sources == {"policy"}
    assert [name for name in account.control.requests() if "generatecontent" in name] == []


def test_without_slack_the_report_stays_in_the_database(home: DagsterHome, due: dg.RunRequest) -> None:
    home.settings = {"slack_bot_token": None}
    result = home.execute(due)
    assert result.success
    assert metadata(result, "maintenance_notification")["state"] == "skipped"
    assert "SLACK_BOT_TOKEN" in metadata(result, "maintenance_notification")["problem"]
    account = home.rehearsal
    assert account.slack_messages() == []
    # The report, and the details below it.
    assert account.scalar("select count(*) from notification where state = 'skipped'") == 2


def test_a_slack_that_is_down_does_not_fail_the_maintenance_and_the_message_comes_later(
    account: Rehearsal, home: DagsterHome, due: dg.RunRequest
) -> None:
    account.control.slack_scenario("server_error")
    result = home.execute(due)
    assert result.success
    assert metadata(result, "maintenance_notification")["state"] in ("failed", "unknown")
    account.control.clear_slack()
    assert home.run(str(due.partition_key)).success
    assert len(account.slack_messages()) == 1


def test_a_mailjet_that_is_down_at_the_first_step_leaves_a_failed_row_and_the_sensor_asks_again(
    account: Rehearsal, home: DagsterHome, due: dg.RunRequest
) -> None:
    digest = account.control.digest()
    account.control.add_fault("status", path="REST/", status=503, count=None)
    result = home.execute(due)
    assert set(failures(result)) == {"membership_sync"}
    assert materialized(result) == set()
    (row,) = account.rows(MAINTENANCES)
    assert (row["attempt"], row["status"], row["run_id"]) == (1, "failed", result.run_id)
    assert [error["stage"] for error in row["errors"]] == ["membership_sync"]
    assert "Mailjet" in row["errors"][0]["error"]
    assert account.scalar("select count(*) from plan") == 0

    # It is down still: the sensor asks for what is due all the same, under a key that was not used up.
    account.pass_time(minutes=14 - (account.clock.now() - ANCHOR).total_seconds() / 60)
    assert home.requests() == []
    account.pass_time(minutes=20)
    (again,) = home.requests()
    assert (due.run_key, again.run_key) == (f"{due.partition_key}:24h:1", f"{due.partition_key}:24h:2")
    account.control.clear_faults()
    assert account.control.digest() == digest
    result = home.execute(again)
    assert result.success
    rows = account.rows(MAINTENANCES)
    assert [(row["attempt"], row["status"]) for row in rows] == [(1, "failed"), (2, "success")]
    assert rows[1]["run_id"] == result.run_id
    assert not rows[1]["errors"]
    assert len(account.slack_messages()) == 1


# What only waits


def test_a_campaign_of_the_first_day_is_only_looked_at_and_maintained_when_the_mode_allows_changes(
    account: Rehearsal, home: DagsterHome
) -> None:
    home.settings = {"list_management_mode": "graduated"}
    keys: list[str | None] = []

    def run() -> dg.ExecuteInProcessResult:
        (request,) = home.requests()
        keys.append(request.run_key)
        return home.execute(request)

    digest = account.control.digest()
    assert run().success
    assert account.scalar("select status from list_maintenance_log") == "read_only"
    assert home.requests() == []
    account.pass_time(hours=23)
    assert home.requests() == [], "a first start only looks for 24 hours"
    assert account.control.digest() == digest

    # A day after the first start: the same attempt goes on, each time under another key, and asks a person twice.
    account.pass_time(hours=2)
    with account.other_services(**home.settings) as services:
        for asked in ("suppression", "rebalancing"):
            assert run().success
            assert account.scalar("select status from list_maintenance_log") == "pending_review"
            assert home.requests() == []
            (plan,) = account.rows(
                "select plan_id, kind, content_hash from plan where status = 'pending_review' and kind <> 'repair'"
            )
            assert plan["kind"] == asked
            decided = reviews.approve(services, plan["plan_id"], by="A. Person", content_hash=plan["content_hash"])
            assert decided.status is PlanStatus.APPROVED
    done = run()
    assert done.success
    assert metadata(done, "maintenance_report")["status"] == "success"
    assert len(keys) == len(set(keys)) == 4
    assert [key.split(":")[3] for key in keys[1:] if key] == [
        "approval_required",
        *(
            f"plan-{row['plan_id']}"
            for row in account.rows("select plan_id from plan where kind in ('suppression', 'rebalancing') order by 1")
        ),
    ]
    (row,) = account.rows(MAINTENANCES)
    assert (row["attempt"], row["status"]) == (1, "success")
    assert account.scalar("select count(*) from contact_suppression_history") > 40
    assert account.control.digest() != digest


# Messages


def test_a_report_that_slack_refused_is_asked_for_again_until_it_arrives_and_then_no_more(
    account: Rehearsal, home: DagsterHome, due: dg.RunRequest
) -> None:
    account.control.slack_scenario("error", error="channel_not_found", times=99)
    result = home.execute(due)
    assert result.success
    assert metadata(result, "maintenance_notification")["state"] == "failed"
    (first,) = home.requests("maintenances_to_report")
    assert metadata(home.execute(first, "maintenance_reporting"), "maintenance_notification")["state"] == "failed"
    assert home.requests("maintenances_to_report") == [first], "Dagster drops it: its key was used"
    account.pass_time(minutes=11)
    (second,) = home.requests("maintenances_to_report")
    assert second.run_key != first.run_key
    assert account.slack_messages() == []
    account.control.clear_slack()
    assert metadata(home.execute(second, "maintenance_reporting"), "maintenance_notification")["state"] == "sent"
    assert len(account.slack_messages()) == 1
    account.pass_time(hours=2)
    assert home.requests("maintenances_to_report") == []
    assert home.execute(second, "maintenance_reporting").success
    assert len(account.slack_messages()) == 1
    assert account.scalar("select count(*) from notification") == 2, "the report, and the details below it"
