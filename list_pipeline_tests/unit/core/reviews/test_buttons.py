"""Buttons: what they carry comes back as it was, nothing else does, and what was decided stands in their place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.messages.alert import alert
from list_pipeline.core.messages.slack_blocks import Mrkdwn, SlackMessage, as_text, mention, problems
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.reviews.buttons import (
    LONGEST_REASON,
    MOST_QUESTIONS,
    ButtonAction,
    Page,
    Standing,
    Subject,
    SubjectKind,
    action_of,
    decision_buttons,
    reason_modal,
    subject_of,
    subjects_in,
    waiting_section,
    with_buttons,
    with_standing,
)
from list_pipeline.core.reviews.messages import Questions, SingleQuestion, WaitingPlan, review_block

HASH = "0123456789abcdef" * 4  # pragma: allowlist secret
PLAN = Subject(SubjectKind.PLAN, 17, HASH)
QUESTION = Subject(SubjectKind.QUESTION, 23, HASH)
PAGES = (Page("Decide in Dagster", "https://dagster.example/run"), Page("View Details", "https://app.example/1"))

subjects = st.builds(
    Subject,
    st.sampled_from(SubjectKind),
    st.integers(1, 2**31 - 1),
    st.text("0123456789abcdef", min_size=64, max_size=64),
)


def labels(blocks: list[Any]) -> list[str]:
    return [one["text"]["text"] for block in blocks if block["type"] == "actions" for one in block["elements"]]


@given(subjects)
def test_what_a_button_carries_comes_back_as_it_was(subject: Subject) -> None:
    assert subject_of(subject.value) == subject
    assert subjects_in(decision_buttons(subject)) == (subject,)


@given(st.text(max_size=120))
def test_whatever_else_comes_back_is_nothing(value: str) -> None:
    assert subject_of(value) is None


@pytest.mark.parametrize(
    "value",
    [
        f"plan.0.{HASH}", f"plan.17.{HASH[:-1]}", f"plan.17.{HASH}0", f"plan.17.{HASH}\n", f" plan.17.{HASH}",
        f"plan.2147483648.{HASH}", f"plan.017.{HASH}", f"plan.17.{HASH.upper()}", f"PLAN.17.{HASH}", f"item.17.{HASH}",
    ],
)  # fmt: skip
def test_what_is_nearly_right_is_nothing_either(value: str) -> None:
    assert subject_of(value) is None
    assert subject_of(f"plan.2147483647.{HASH}") is not None


def test_a_plan_can_be_shown_and_a_question_cannot() -> None:
    assert labels(decision_buttons(PLAN)) == ["Approve", "Reject", "Show me"]
    assert labels(decision_buttons(QUESTION)) == ["Approve", "Reject"]
    (block,) = decision_buttons(PLAN)
    assert [one.get("style", "plain") for one in block["elements"]] == ["primary", "danger", "plain"]
    assert {one["value"] for one in block["elements"]} == {PLAN.value}
    assert [action_of(one["action_id"]) for one in block["elements"]] == [*ButtonAction][:3]


def test_where_nobody_listens_there_are_links_or_nothing() -> None:
    assert decision_buttons(PLAN, is_heard=False) == []
    (block,) = decision_buttons(PLAN, PAGES, is_heard=False)
    assert [one["url"] for one in block["elements"]] == [page.url for page in PAGES]
    assert not [one for one in block["elements"] if "value" in one]
    assert [action_of(one["action_id"]) for one in block["elements"]] == [ButtonAction.OPEN] * 2
    assert len({one["action_id"] for one in block["elements"]}) == 2
    assert subjects_in([block]) == ()
    assert labels(decision_buttons(PLAN, PAGES)) == [
        "Approve",
        "Reject",
        "Show me",
        "Decide in Dagster",
        "View Details",
    ]


def test_a_link_that_slack_would_refuse_is_left_out() -> None:
    long = Page("Long", "https://app.example/" + "x" * 3_000)
    assert decision_buttons(PLAN, [long], is_heard=False) == []
    exact = Page("Exact", "https://a.example/".ljust(3_000, "x"))
    assert labels(decision_buttons(PLAN, [exact], is_heard=False)) == ["Exact"]


@pytest.mark.parametrize("name", ["", "approve_all", "Approve", "decide"])
def test_an_action_that_there_is_not_is_none(name: str) -> None:
    assert action_of(name) is None


def test_labels_are_cut_at_what_slack_takes() -> None:
    (block,) = decision_buttons(
        PLAN, [Page("x" * 75, "https://a.example"), Page("y" * 76, "https://a.example")], is_heard=False
    )
    assert [len(label) for label in labels([block])] == [75, 75]
    assert labels([block])[0] == "x" * 75


def test_only_buttons_carry_something() -> None:
    assert subjects_in([{"type": "context", "elements": [{"type": "mrkdwn", "text": "x", "value": PLAN.value}]}]) == ()


def test_the_modal_asks_for_a_reason_of_one_to_five_hundred_characters() -> None:
    view = reason_modal(PLAN, "x" * 300, "m")
    assert view["blocks"][0]["text"]["text"] == "x" * 300
    assert len(reason_modal(PLAN, "x" * 301, "m")["blocks"][0]["text"]["text"]) == 300
    field = view["blocks"][1]
    assert (field["element"]["min_length"], field["element"]["max_length"]) == (1, LONGEST_REASON) == (1, 500)
    assert field["element"]["multiline"] is True
    longest = Subject(SubjectKind.QUESTION, 2**31 - 1, HASH)
    assert reason_modal(longest, "x", "m")["title"] == {
        "type": "plain_text", "text": "Reject question 2147483…", "emoji": True,
    }  # fmt: skip
    assert (field["block_id"], field["element"]["action_id"], view["callback_id"]) == ("reason", "reason", "rejection")


@given(st.text(max_size=500), st.sampled_from([PLAN, QUESTION, Subject(SubjectKind.QUESTION, 2**31 - 1, HASH)]))
def test_the_modal_keeps_to_what_slack_takes_whatever_it_is_about(about: str, subject: Subject) -> None:
    view = reason_modal(subject, about, "m")
    assert 0 < len(view["title"]["text"]) <= 24
    assert 0 < len(view["blocks"][0]["text"]["text"]) <= 300
    assert view["private_metadata"] == "m"
    assert view["blocks"][1]["element"]["max_length"] == 500


def test_a_short_message_gets_its_buttons_below_what_is_to_be_done() -> None:
    message = alert(
        "A Plan Waits", [Mrkdwn("It is a lot.")], what_to_do=[Mrkdwn("Decide.")], small_print=[Mrkdwn("log 1")]
    )
    asked = with_buttons(message, PLAN, PAGES)
    assert [block["type"] for block in asked.blocks] == ["header", "section", "section", "actions", "context"]
    assert [block.get("block_id") for block in asked.blocks] == [None, None, "waits:plan:17", "decide:plan:17", None]
    assert problems(asked.text, asked.blocks) == ()
    assert "Decide in Dagster: https://dagster.example/run" in as_text(asked)
    assert "Approve" not in as_text(asked)
    assert with_buttons(message, PLAN, is_heard=False) == message
    assert labels(with_buttons(message, PLAN).blocks) == ["Approve", "Reject", "Show me"]


def asked() -> list[Any]:
    return [
        waiting_section(PLAN, [Mrkdwn("Plan 17, 12 changes")]),
        *decision_buttons(PLAN),
        waiting_section(QUESTION, [Mrkdwn("Question 23")]),
        *decision_buttons(QUESTION),
    ]


def test_what_is_over_stands_in_place_of_the_buttons_and_the_rest_stays() -> None:
    shown = with_standing(asked(), {PLAN.key: Standing(Mrkdwn("approved"), is_over=True)})
    assert [block.get("block_id") for block in shown] == ["waits:plan:17", "waits:question:23", "decide:question:23"]
    assert shown[0]["text"]["text"] == "approved"
    assert shown[1:] == asked()[2:]
    assert subjects_in(shown) == (QUESTION,)
    assert problems("t", shown) == ()


def test_what_goes_on_is_said_beside_the_buttons() -> None:
    shown = with_standing(asked(), {PLAN.key: Standing(Mrkdwn("one of two"), is_over=False)})
    assert [block.get("block_id") for block in shown] == [
        "waits:plan:17", "so-far:plan:17", "decide:plan:17", "waits:question:23", "decide:question:23",
    ]  # fmt: skip
    assert shown[1]["text"]["text"] == "one of two"
    assert problems("t", shown) == ()


def test_what_is_not_asked_about_changes_nothing() -> None:
    assert with_standing(asked(), {}) == asked()
    other = [{"type": "section", "block_id": "about:plan:17", "text": {"type": "mrkdwn", "text": "x"}}]
    assert with_standing(other, {PLAN.key: Standing(Mrkdwn("x"), is_over=True)}) == other
    assert with_standing(asked(), {"plan:18": Standing(Mrkdwn("x"), is_over=True)}) == asked()


def test_few_questions_have_buttons_and_many_have_not() -> None:
    assert MOST_QUESTIONS == 3
    few = [SingleQuestion(one, HASH, "<!channel> may it?") for one in range(1, MOST_QUESTIONS + 1)]
    blocks = review_block([], Questions(3, 3), 72, single=few, is_heard=True)
    assert labels(blocks) == ["Approve", "Reject"] * MOST_QUESTIONS
    assert "<!channel>" not in str(blocks)
    many = [*few, SingleQuestion(99, HASH, "one more")]
    assert labels(review_block([], Questions(4, 4), 72, single=many, is_heard=True)) == []
    assert labels(review_block([], Questions(3, 3), 72, single=few)) == []


def test_each_plan_that_waits_has_its_own_section_and_buttons() -> None:
    waiting = [
        WaitingPlan(
            number, PlanKind.SUPPRESSION, HASH, 12, approvals="Approved by ada; one person more has to approve."
        )
        for number in (17, 18)
    ]
    blocks = review_block(waiting, Questions(), 72, is_heard=True)
    assert [block["block_id"] for block in blocks] == [
        "waits:plan:17", "decide:plan:17", "waits:plan:18", "decide:plan:18",
    ]  # fmt: skip
    assert "one person more has to approve" in blocks[0]["text"]["text"]
    assert "lapses after 72 hours" in blocks[2]["text"]["text"]
    assert problems("t", blocks) == ()
    assert as_text(SlackMessage("t", blocks)).count("*Your decision*") == 0


@pytest.mark.parametrize(
    ("name", "words"), [("U0ADA", "<@U0ADA>"), ("W0ADA", "<@W0ADA>"), ("S0TEAM", "<!subteam^S0TEAM>")]
)
def test_a_mention_is_of_a_user_or_a_group(name: str, words: str) -> None:
    assert mention(name) == words


@pytest.mark.parametrize("name", ["", "U", "channel", "U0ADA>", "u0ada", "B0BOT", "U0ADA|x", "U0ADA\n", "!here"])
def test_nothing_else_is_mentioned(name: str) -> None:
    with pytest.raises(ValueError, match="mention"):
        mention(name)
