"""Buttons in Slack over a real socket: each click is answered in words, and decides only what the record lets it decide."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.messages import Questions, SingleQuestion, review_block
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.reviewers import link_reviewer, unlink_reviewer
from list_pipeline.operations.reviews.decisions import approve, expire_overdue, reject
from list_pipeline.operations.reviews.message_updates import update_messages
from list_pipeline.storage.database_errors import DatabaseUnavailableError
from list_pipeline_tests.integration.desks import ALICE, BOB, STRANGER, Desk
from list_pipeline_tests.integration.offices import suppress_items


@pytest.fixture
def here(slack_desk: Desk) -> Iterator[Desk]:
    """One office for all tests of the module; each has plans of its own."""
    yield slack_desk
    slack_desk.slack.control("scenarios/clear", {})


def test_a_click_approves_exactly_what_was_shown_under_the_persons_name(here: Desk) -> None:
    plan, ts = here.asked()
    assert here.buttons(ts) == ["Approve", "Reject", "Show me"]
    (answer,) = here.press(ts, "approve")
    assert f"✅ Suppression plan {plan.plan_id} was approved by *Ada* in Slack at 2026-11-20 09:00 UTC." in answer
    decided = here.office.stored(plan.plan_id)
    assert (decided.status, decided.decided_by, decided.decided_via) == (PlanStatus.APPROVED, "Ada", Way.SLACK)
    rows = "select status, decided_by, decided_via from review_item where plan_id = :id"
    assert here.office.query(rows, id=plan.plan_id) == [("approved", "Ada", "slack")]


def test_the_message_says_what_was_decided_in_place_of_the_buttons(here: Desk) -> None:
    plan, ts = here.asked()
    assert f"list-pipeline approve {plan.plan_id}" in here.words(ts)
    here.press(ts, "approve")
    assert here.buttons(ts) == []
    assert "was approved by Ada in Slack" in here.words(ts)
    assert "list-pipeline approve" not in here.words(ts)
    assert here.message(ts)["text"].startswith(f"✅ Suppression plan {plan.plan_id} was approved")
    assert "It is a lot." in here.words(ts)


def test_whoever_decides_elsewhere_the_message_says_it_too_and_once(here: Desk) -> None:
    (plan, ts), (other, second) = here.asked(), here.asked()
    approve(here.office.services, plan.plan_id, by="Grace", content_hash=plan.content_hash, way=Way.COMMAND)
    reject(here.office.services, other.plan_id, by="Grace", note="no", way=Way.DAGSTER)
    assert "was approved by Grace on the command line" in here.words(ts)
    assert "was rejected by Grace in Dagster" in here.words(second)
    assert here.buttons(ts) == here.buttons(second) == []
    edited = here.message(ts)["edited"]
    assert update_messages(here.office.services) == 0
    assert here.message(ts)["edited"] == edited


def test_a_plan_that_lapsed_says_so_in_its_message(here: Desk) -> None:
    plan, ts = here.asked()
    with here.office.services.database.begin() as connection:
        connection.execute(
            text("update review_item set created_at = created_at - interval '4 days' where plan_id = :id"),
            {"id": plan.plan_id},
        )
    expire_overdue(here.office.services)
    assert f"⌛ Suppression plan {plan.plan_id} lapsed by itself at" in here.words(ts)
    assert here.buttons(ts) == []


def test_a_rejection_asks_for_a_reason_and_keeps_it(here: Desk) -> None:
    plan, ts = here.asked()
    assert here.press(ts, "reject") == []
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW
    (view,) = here.views()
    assert view["title"]["text"] == f"Reject plan {plan.plan_id}"
    for nothing in ("", "   ", "...", "\u200b", None):
        (refused,) = here.submit(nothing)
        assert "errors" in refused
        assert "Say why in a few words" in refused
    assert here.views() == [view]
    (answer,) = here.submit("one provider; ask jane.doe@example.com <!channel>")
    assert "was rejected by *Ada* in Slack" in answer
    assert here.views() == []
    notes = here.office.query("select note from review_item where plan_id = :id", id=plan.plan_id)
    assert "one provider" in str(notes)
    assert "jane" not in str(notes)
    assert here.office.stored(plan.plan_id).decided_via is Way.SLACK
    assert "<!channel>" not in str([one["text"] for one in here.slack.control("messages")])


def test_show_me_shows_one_person_masked_items_bounded(here: Desk) -> None:
    plan = here.office.plan(items=suppress_items(*range(1_000, 1_040)))
    with here.office.services.database.begin() as connection:
        connection.execute(
            text(
                "insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
                " values (1000, 'jane.doe@example.com', now(), now())"
            )
        )
    ts = here.ask(plan)
    (answer,) = here.press(ts, "show", BOB)
    assert here.ephemerals()[-1]["user"] == BOB
    assert f"*Suppression plan {plan.plan_id}*: 40 items" in answer
    assert "1000 " in answer
    assert "jane.doe" not in answer
    assert "j***" in answer
    assert "1019 " in answer
    assert "1020 " not in answer
    assert "and 20 more" in answer
    assert len(answer) < 3_000
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_a_second_click_is_told_who_decided_when_and_how(here: Desk) -> None:
    plan, ts = here.asked()
    before = here.message(ts)
    here.press(ts, "approve")
    # As an old client still shows them.
    for action, user in (("approve", BOB), ("reject", BOB), ("approve", ALICE)):
        (answer,) = press_as_it_was(here, before, action, user)
        assert "was approved by *Ada* in Slack at 2026-11-20 09:00 UTC. Your click changes nothing." in answer
        assert ("That was you." in answer) == (user == ALICE)
    assert here.office.stored(plan.plan_id).decided_by == "Ada"
    assert here.views() == []


def press_as_it_was(here: Desk, message: dict[str, Any], action: str, user: str, **more: Any) -> list[str]:
    """Somebody presses a button that the message does not have any more."""
    (button,) = [
        one
        for block in message["blocks"]
        if block["type"] == "actions"
        for one in block["elements"]
        if one["action_id"] == action
    ]
    _, other = here.asked()
    payload = {"container": {"message_ts": message["ts"]}, "actions": [{**button, **more}]}
    return here.press(other, action, user, payload=payload)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (PlanStatus.EXECUTED, "was approved, and is carried out"),
        (PlanStatus.SUPERSEDED, "was replaced by a newer one"),
        (PlanStatus.WITHDRAWN, "its maintenance was taken back"),
        (PlanStatus.EXPIRED, "lapsed"),
    ],
)
def test_what_is_over_is_said_as_it_is(here: Desk, status: PlanStatus, words: str) -> None:
    plan, ts = here.asked()
    before = here.message(ts)
    steps = (PlanStatus.APPROVED, status) if status is PlanStatus.EXECUTED else (status,)
    for step in steps:
        move_on(here, plan.plan_id, step)
    (answer,) = press_as_it_was(here, before, "approve", ALICE)
    assert words in answer
    assert "Your click changes nothing." in answer
    assert here.office.stored(plan.plan_id).status is status


def move_on(here: Desk, plan_id: int, status: PlanStatus) -> None:
    with here.office.services.database.begin() as connection:
        connection.execute(
            text(
                "update plan set status = :status, decided_by = 'Grace', decided_at = now(),"
                " executed_at = case when :status = 'executed' then now() end,"
                " withdrawn_at = case when :status = 'withdrawn' then now() end,"
                " withdrawn_by = case when :status = 'withdrawn' then 'Grace' end where plan_id = :id"
            ),
            {"status": status.value, "id": plan_id},
        )


def test_a_plan_that_changed_since_is_not_decided(here: Desk) -> None:
    plan, ts = here.asked()
    stale = f"plan.{plan.plan_id}.{'0' * 64}"
    for action in ("approve", "reject", "show"):
        (answer,) = press_as_it_was(here, here.message(ts), action, ALICE, value=stale)
        assert f"Plan {plan.plan_id} is not what this message shows any more" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_somebody_unknown_is_told_whom_to_ask_and_decides_once_linked(here: Desk) -> None:
    plan, ts = here.asked()
    for action in ("approve", "reject", "show"):
        (answer,) = here.press(ts, action, STRANGER)
        assert "I do not know yet who you are" in answer
        assert f"list-pipeline reviewers link {STRANGER}" in answer
    assert here.views() == []
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW
    link_reviewer(here.office.services, STRANGER, "Grace", by="Ada")
    assert "was approved by *Grace* in Slack" in here.press(ts, "approve", STRANGER)[0]
    unlink_reviewer(here.office.services, STRANGER, by="Ada", note="left the company")
    _, again = here.asked()
    assert "I do not know yet who you are" in here.press(again, "approve", STRANGER)[0]


def test_an_envelope_that_slack_repeats_is_acknowledged_and_heard_once(here: Desk) -> None:
    plan, ts = here.asked(over_cap=True)
    answers = here.press(ts, "approve", times=3)
    assert len(answers) == 1
    assert here.office.query("select person from plan_approval where plan_id = :id", id=plan.plan_id) == [("Ada",)]


def test_over_the_cap_two_people_decide_and_the_message_says_how_far_it_is(here: Desk) -> None:
    plan, ts = here.asked(over_cap=True)
    (first,) = here.press(ts, "approve")
    assert "Approved by Ada; one person more has to approve." in first
    assert here.buttons(ts) == ["Approve", "Reject", "Show me"]
    assert "Approved by Ada; one person more has to approve." in here.words(ts)
    (again,) = here.press(ts, "approve")
    assert "another person has to approve it as well" in again
    (second,) = here.press(ts, "approve", BOB)
    assert "was approved by *Ada and Bob* in Slack" in second
    assert here.buttons(ts) == []
    assert here.office.stored(plan.plan_id).status is PlanStatus.APPROVED


def test_a_token_and_a_slack_user_of_one_name_are_one_person(here: Desk) -> None:
    plan, ts = here.asked(over_cap=True)
    approve(here.office.services, plan.plan_id, by="ada", content_hash=plan.content_hash, way=Way.HTTP)
    (answer,) = here.press(ts, "approve", ALICE)
    assert "another person has to approve it as well" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_of_two_who_press_at_once_one_decides_and_the_other_is_told_who(here: Desk) -> None:
    plan, ts = here.asked()
    before = len(here.ephemerals())
    with ThreadPoolExecutor(2) as two:
        for pressed in [two.submit(here.press, ts, "approve", user) for user in (ALICE, BOB)]:
            pressed.result()
    answers = here.ephemerals()[before:]
    by = here.office.stored(plan.plan_id).decided_by
    assert {one["user"] for one in answers} == {ALICE, BOB}
    assert all(f"was approved by *{by}*" in one["text"] for one in answers)
    assert sum("Your click changes nothing." in one["text"] for one in answers) == 1
    told = "select count(*) from notification where message_key like :key"
    assert here.office.query(told, key=f"decision:{plan.plan_id}:%") == [(1,)]


def test_what_cannot_be_recorded_now_is_said_and_can_be_pressed_again(
    here: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, ts = here.asked()
    with monkeypatch.context() as away:
        away.setattr(here.office.services.database, "begin", _unavailable)
        (answer,) = here.press(ts, "approve")
    assert "I cannot reach the record right now" in answer
    assert "Press again in a minute" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW
    assert "was approved by *Ada*" in here.press(ts, "approve")[0]


def _unavailable() -> Any:
    raise DatabaseUnavailableError("Reaching the database", "no connection", "Try again later")


def test_a_modal_that_slack_does_not_open_any_more_is_asked_for_again(here: Desk) -> None:
    plan, ts = here.asked()
    (answer,) = here.press(ts, "reject", payload={"trigger_id": "1.2.gone"})
    assert "Press Reject again" in answer
    assert here.office.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_a_decision_stands_also_where_whoever_clicked_cannot_be_answered(here: Desk) -> None:
    plan, ts = here.asked()
    here.slack.control("scenarios", {"kind": "error", "error": "channel_not_found", "method": "chat.postEphemeral"})
    assert here.press(ts, "approve") == []
    assert here.office.stored(plan.plan_id).status is PlanStatus.APPROVED
    assert here.buttons(ts) == []


def test_a_question_about_single_contacts_has_buttons_of_its_own(here: Desk) -> None:
    plan = here.office.plan(PlanKind.SUPPRESSION, PlanStatus.APPROVED, items=suppress_items(5, 6))
    numbers = [here.office.ask(plan, ReviewKind.INCIDENT, contact_ids=[one]) for one in (5, 6)]
    single = [SingleQuestion(one, plan.content_hash, f"Hold {one}?") for one in numbers]
    blocks = review_block([], Questions(2, 2), 72, single=single, is_heard=True)
    ts = str(deliver(here.office.services, MessageKey(f"card:{plan.plan_id}"), SlackMessage("Card", blocks)).ts)
    assert here.buttons(ts) == ["Approve", "Reject"] * 2
    first, second = (f"question.{one}.{plan.content_hash}" for one in numbers)
    (answer,) = here.press(ts, "approve", value=first)
    assert f"Question {numbers[0]} was approved by *Ada* in Slack" in answer
    assert here.buttons(ts) == ["Approve", "Reject"]
    assert here.press(ts, "reject", value=second) == []
    (answer,) = here.submit("they answer")
    assert f"Question {numbers[1]} was rejected by *Ada* in Slack" in answer
    assert here.buttons(ts) == []
    assert here.office.query(
        "select status, decided_via from review_item where plan_id = :id and kind = 'incident' order by review_id",
        id=plan.plan_id,
    ) == [("approved", "slack"), ("rejected", "slack")]


def test_the_clock_moves_on(here: Desk) -> None:
    """A click after a while is dated by then."""
    _, ts = here.asked()
    here.office.clock.advance(timedelta(minutes=5))
    assert "at 2026-11-20 09:05 UTC" in here.press(ts, "approve")[0]
