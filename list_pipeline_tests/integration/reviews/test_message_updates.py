"""Messages with buttons are brought up to date, whatever Slack does meanwhile: once, after any crash, and never in a loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from list_pipeline.core.messages.delivery import DELIVERY
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import SlackMessage, header
from list_pipeline.core.messages.slack_charts import sizes_chart
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.buttons import Subject, SubjectKind, decision_buttons
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.reviews.message_updates import MOST_A_TURN, update_messages
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.desks import Desk, slack_settings
from list_pipeline_tests.integration.offices import office


@pytest.fixture
def here(slack_desk: Desk) -> Iterator[Desk]:
    """One office for all tests of the module; each has plans of its own."""
    update_messages(slack_desk.office.services, most=1_000)
    yield slack_desk
    slack_desk.slack.control("scenarios/clear", {})
    slack_desk.office.clock.advance(timedelta(hours=1))
    update_messages(slack_desk.office.services, most=1_000)


def quietly(here: Desk, plan: StoredPlan, monkeypatch: pytest.MonkeyPatch) -> None:
    """A decision whose process dies before it tells anybody."""
    with monkeypatch.context() as killed:
        killed.setattr(decisions, "tell_decision", lambda *_, **__: None)
        approve(here.office.services, plan.plan_id, by="Ada", content_hash=plan.content_hash)


def rows(here: Desk, plan: StoredPlan) -> list[tuple[Any, ...]]:
    return here.office.query(
        "select shown, attempts, given_up_why from message_button where plan_id = :id", id=plan.plan_id
    )


def test_what_a_killed_process_decided_is_told_by_the_sensor(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, ts = here.asked()
    quietly(here, plan, monkeypatch)
    assert here.buttons(ts) == ["Approve", "Reject", "Show me"]
    assert update_messages(here.office.services) == 1
    assert here.buttons(ts) == []
    assert rows(here, plan) == [("approved", 0, None)]
    assert update_messages(here.office.services) == 0


def test_a_message_that_somebody_deleted_is_given_up_and_not_tried_again(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, ts = here.asked()
    here.slack.control("delete", {"ts": ts})
    quietly(here, plan, monkeypatch)
    assert update_messages(here.office.services) == 0
    assert rows(here, plan) == [("waits:0", 1, "message_not_found")]
    asked = counted(here, monkeypatch)
    here.office.clock.advance(timedelta(days=1))
    assert update_messages(here.office.services) == 0
    assert asked == []


def counted(here: Desk, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The changes that are asked for from now on, by timestamp."""
    found: list[str] = []
    slack = here.office.services.slack
    assert slack is not None
    update = slack.update
    monkeypatch.setattr(slack, "update", lambda place, *rest: (found.append(place.ts), update(place, *rest)))
    return found


@pytest.mark.parametrize("error", ["cant_update_message", "edit_window_closed"])
def test_a_message_that_slack_changes_no_more_is_given_up(
    here: Desk, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    plan, _ = here.asked()
    quietly(here, plan, monkeypatch)
    here.slack.control("scenarios", {"kind": "error", "error": error, "method": "chat.update"})
    assert update_messages(here.office.services) == 0
    assert rows(here, plan) == [("waits:0", 1, error)]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "server_error"},
        {"kind": "html"},
        {"kind": "error", "error": "internal_error"},
        {"kind": "error", "error": "invalid_auth"},
        {"kind": "rate_limited", "retry_after": 100},
    ],
)
def test_a_failure_of_slack_is_tried_again_later_and_the_decision_stands(
    here: Desk, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    plan, ts = here.asked()
    quietly(here, plan, monkeypatch)
    here.slack.control("scenarios", {**fault, "method": "chat.update"})
    assert update_messages(here.office.services) == 0
    assert here.office.stored(plan.plan_id).status is PlanStatus.APPROVED
    # Not at once.
    assert update_messages(here.office.services) == 0
    here.office.clock.advance(timedelta(seconds=101))
    assert update_messages(here.office.services) == 1
    assert here.buttons(ts) == []


def test_a_lost_answer_is_repeated_and_changes_nothing_more(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, ts = here.asked()
    quietly(here, plan, monkeypatch)
    here.slack.control("scenarios", {"kind": "lost_answer", "method": "chat.update"})
    assert update_messages(here.office.services) == 0
    words = here.words(ts)
    assert here.buttons(ts) == []
    here.office.clock.advance(timedelta(minutes=1))
    assert update_messages(here.office.services) == 1
    assert here.words(ts) == words


def test_after_half_a_day_of_failures_a_message_is_left_as_it_is(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    plan, _ = here.asked()
    quietly(here, plan, monkeypatch)
    here.slack.control(
        "scenarios", {"kind": "error", "error": "invalid_auth", "method": "chat.update", "times": 10_000}
    )
    for _ in range(DELIVERY.update_attempts + 5):
        update_messages(here.office.services)
        here.office.clock.advance(DELIVERY.longest_pause)
    assert rows(here, plan) == [("waits:0", DELIVERY.update_attempts, "invalid_auth")]


def test_a_turn_changes_a_bounded_number_and_ends_with_an_outage(here: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(MOST_A_TURN + 1):
        quietly(here, here.asked()[0], monkeypatch)
    asked = counted(here, monkeypatch)
    here.slack.control("scenarios", {"kind": "server_error", "method": "chat.update"})
    assert update_messages(here.office.services) == 0
    assert len(asked) == 1
    assert update_messages(here.office.services) == MOST_A_TURN
    here.office.clock.advance(timedelta(minutes=1))
    assert update_messages(here.office.services) == 1


def test_while_another_process_is_at_it_a_message_is_left_to_that_one(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, ts = here.asked()
    quietly(here, plan, monkeypatch)
    services = here.office.services
    ((number,),) = here.office.query("select notification_id from message_button where plan_id = :id", id=plan.plan_id)
    with message_rows.held(services.database, number) as held:
        assert held is not None
        assert update_messages(services) == 0
    assert here.buttons(ts) == ["Approve", "Reject", "Show me"]
    assert update_messages(services) == 1


def test_a_message_with_a_chart_that_slack_refuses_is_changed_without_it(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = here.waiting()
    subject = Subject(SubjectKind.PLAN, plan.plan_id, plan.content_hash)
    chart = sizes_chart("Sizes", {"List 1": 20, "List 2": 21})
    assert chart is not None
    message = SlackMessage("A card", [header("A card"), chart, *decision_buttons(subject)])
    ts = str(deliver(here.office.services, MessageKey(f"card:{plan.plan_id}"), message).ts)
    quietly(here, plan, monkeypatch)
    here.slack.control("scenarios", {"kind": "charts_refused", "method": "chat.update"})
    assert update_messages(here.office.services) == 1
    assert "data_visualization" not in str(here.message(ts)["blocks"])
    assert here.buttons(ts) == []


def test_several_messages_about_one_plan_are_all_changed(here: Desk) -> None:
    plan, first = here.asked()
    message = SlackMessage("Again", decision_buttons(Subject(SubjectKind.PLAN, plan.plan_id, plan.content_hash)))
    second = str(deliver(here.office.services, MessageKey(f"again:{plan.plan_id}"), message).ts)
    here.press(first, "approve")
    assert here.buttons(first) == here.buttons(second) == []


def test_a_message_that_never_arrived_in_slack_is_not_changed(here: Desk) -> None:
    plan = here.waiting()
    here.slack.control("scenarios", {"kind": "error", "error": "channel_not_found"})
    with pytest.raises(AssertionError):
        here.ask(plan)
    approve(here.office.services, plan.plan_id, by="Ada", content_hash=plan.content_hash)
    assert rows(here, plan) == [("waits:0", 0, None)]


def test_without_a_token_for_the_socket_there_are_links_and_no_buttons_that_decide(
    copy_of: Callable[[str], str], migrated: str, here: Desk, tmp_path: Path
) -> None:
    settings = slack_settings(
        here.slack, slack_app_token=None, dagster_url="https://dagster.example", app_url="https://app.example"
    )
    with office(copy_of(migrated), **settings) as plain:
        quiet = Desk(plain, here.slack, here.heard)
        plan, ts = quiet.asked()
        assert quiet.buttons(ts) == ["Look at the plan", "Decide in Dagster"]
        assert "Decide in Dagster: https://dagster.example/locations/" in quiet.words(ts)
        assert plain.query("select 1 from message_button") == []
        approve(plain.services, plan.plan_id, by="Ada", content_hash=plan.content_hash)
