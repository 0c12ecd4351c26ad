"""What a click is answered: who decided, when and how; whom to ask; and nothing that anybody else could make of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.messages.slack_blocks import Mrkdwn, link
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews import clicks
from list_pipeline.core.reviews.approvals import Approval, Approvals, Way
from list_pipeline.core.reviews.buttons import Standing, Subject, SubjectKind
from list_pipeline.core.reviews.questions import ReviewStatus

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
NONE = Approvals((), 1)


def standing(
    status: PlanStatus, by: str | None = "Ada", approvals: Approvals = NONE, way: Way | None = Way.SLACK
) -> str:
    found = clicks.plan_standing("suppression plan 7", status, by, AT, way, approvals)
    assert found is not None
    assert found.is_over
    return found.words


def test_a_plan_that_waits_says_nothing_until_somebody_approved_it() -> None:
    assert clicks.plan_standing("plan 7", PlanStatus.PENDING_REVIEW, None, None, None, Approvals((), 2)) is None
    one = Approvals((Approval("ada", AT),), 2)
    found = clicks.plan_standing("plan 7", PlanStatus.PENDING_REVIEW, None, None, None, one)
    assert found == Standing(Mrkdwn("☑️ Approved by ada; one person more has to approve."), is_over=False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (PlanStatus.APPROVED, "✅ Suppression plan 7 was approved by *Ada* in Slack at 2026-11-20 09:00 UTC."),
        (PlanStatus.EXECUTED, "✅ Suppression plan 7 was approved, and is carried out by *Ada* in Slack at"),
        (PlanStatus.REJECTED, "🚫 Suppression plan 7 was rejected by *Ada* in Slack at"),
        (PlanStatus.EXPIRED, "⌛ Suppression plan 7 lapsed by *Ada* in Slack at"),
        (PlanStatus.SUPERSEDED, "♻️ Suppression plan 7 was replaced by a newer one"),
        (PlanStatus.WITHDRAWN, "↩️ Suppression plan 7 was withdrawn: its maintenance was taken back"),
        (PlanStatus.PLANNED, "⏸️ Suppression plan 7 does not wait any more"),
    ],
)
def test_what_became_of_a_plan_is_said_with_who_when_and_how(status: PlanStatus, words: str) -> None:
    assert standing(status).startswith(words)


def test_every_status_of_a_plan_and_a_question_has_words() -> None:
    for status in set(PlanStatus) - {PlanStatus.PENDING_REVIEW}:
        assert standing(status)
    for one in set(ReviewStatus) - {ReviewStatus.OPEN}:
        assert clicks.question_standing("question 3", one, "Ada", AT, None) is not None
    assert clicks.question_standing("question 3", ReviewStatus.OPEN, None, None, None) is None


def test_both_who_approved_are_named_and_nobody_is_not() -> None:
    two = Approvals((Approval("ada", AT), Approval("bob", AT)), 2)
    assert "by *ada and bob* in Slack" in standing(PlanStatus.APPROVED, "bob", two)
    assert "by *ada and bob*" in standing(PlanStatus.EXECUTED, "bob", two)
    assert "by *grace*" in standing(PlanStatus.REJECTED, "grace", two)
    # One who counts, and who decided: the setting changed in between.
    assert "by *bob*" in standing(PlanStatus.APPROVED, "bob", Approvals((Approval("ada", AT),), 1))
    assert "lapsed by itself at" in standing(PlanStatus.EXPIRED, "nobody", way=None)
    for nobody in ("gate", "maintenance", "", None):
        said = standing(PlanStatus.APPROVED, nobody)
        assert said == "✅ Suppression plan 7 was approved at 2026-11-20 09:00 UTC."
    found = clicks.question_standing("question 3", ReviewStatus.REJECTED, "Ada", None, None)
    assert found == Standing(Mrkdwn("🚫 Question 3 was rejected by *Ada*."), is_over=True)


@pytest.mark.parametrize(("name", "own"), [("ada", True), ("Ada", True), ("bob", False)])
def test_whoever_clicks_on_what_is_over_is_told_whether_it_was_them(name: str, own: bool) -> None:
    words = clicks.over_already(Standing(Mrkdwn("Approved."), is_over=True), name, "Ada")
    assert words == "Approved. Your click changes nothing." + (" That was you." if own else "")
    assert "you." not in clicks.over_already(Standing(Mrkdwn("Over."), is_over=True), name, None)


def test_somebody_unknown_is_told_whom_to_ask_and_what_they_need() -> None:
    words = clicks.unknown_person("U0EVE", ["Ada", "Bob"])
    assert "Ask Ada or Bob to run `list-pipeline reviewers link U0EVE" in words
    assert "Ask whoever runs list_pipeline to run" in clicks.unknown_person("U0EVE", [])
    many = clicks.unknown_person("U0EVE", list("abcdefgh"))
    assert "a or b or c or d or e to run" in many
    assert "Ask Ada." in clicks.not_allowed("Eve", ["Ada"])
    assert "Ask one of them." in clicks.not_allowed("Eve", [])
    assert clicks.not_allowed("Eve", list("abcdefgh")).endswith("Ask a or b or c or d or e.")


def test_a_refusal_says_what_happened_and_what_to_do() -> None:
    assert clicks.refused("it is over", "Look again") == "Nothing was done: it is over. Look again."
    words = clicks.another_content(Subject(SubjectKind.PLAN, 7, "0" * 64))
    assert words.startswith("Plan 7 is not what this message shows any more, so nothing was done.")


def items(count: int) -> list[clicks.ShownContact]:
    return [
        clicks.ShownContact(1_000 + one, "j***@e***.com", "suppress", "hard_bounce", one == 0) for one in range(count)
    ]


def test_a_plan_is_shown_bounded_and_says_what_is_left() -> None:
    words = clicks.plan_shown("suppression plan 7", items(25), 245, [link("https://app.example/1", "View Details")])
    assert words.startswith("*Suppression plan 7*: 245 items")
    assert "1000  j***@e***.com  suppress  hard_bounce (waits by itself)" in words
    assert "1019 " in words
    assert "1020 " not in words
    assert "and 225 more" in words
    assert words.count("waits by itself") == 1
    assert "and 1 more" in clicks.plan_shown("plan 7", items(20), 21, [])
    assert "more" not in clicks.plan_shown("plan 7", items(20), 20, [link("https://app.example/1", "View")])
    assert words.endswith("<https://app.example/1|View Details>")


def test_a_plan_that_is_shown_whole_has_nothing_left() -> None:
    words = clicks.plan_shown("rebalancing plan 7", items(2), 2, [])
    assert "more" not in words
    assert "list-pipeline export" in words
    assert clicks.plan_shown("repair 7", [], 0, []).startswith("*Repair 7*: 0 items")


def test_an_answer_keeps_to_what_a_section_takes() -> None:
    assert clicks.LONGEST_ANSWER == 2_900
    long = [clicks.ShownContact(one, "m" * 290, "suppress", "hard_bounce", False) for one in range(20)]
    words = clicks.plan_shown("plan 7", long, 20, [])
    assert len(words) <= clicks.LONGEST_ANSWER
    assert "more lines" in words


@given(st.text(max_size=300), st.text(max_size=300))
def test_no_text_of_anybody_mentions_or_fakes_a_link(one: str, other: str) -> None:
    for words in (
        clicks.unknown_person(one, [other]),
        clicks.not_allowed(one, [other]),
        clicks.refused(one, other),
        clicks.plan_shown(one or "x", [clicks.ShownContact(1, other, one, other, False)], 1, []),
        standing(PlanStatus.APPROVED, one or "x"),
    ):
        assert "<" not in words
        assert ">" not in words
