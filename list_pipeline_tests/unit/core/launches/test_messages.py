"""What a channel reads of a launch change: by where it is in its life, and by what Mailjet did."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.launches.messages import LaunchNews, ended_message, waiting_message, what_is_asked
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.alert import WHAT_TO_DO, AlertLevel
from list_pipeline.core.messages.slack_blocks import SlackMessage

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=8)
NEWS = LaunchNews(
    launch_id=7,
    action=LaunchAction.MOVE,
    draft_id=12,
    about="2026-11-30-r1-d12",
    subject="Letter 3",
    role=ListRole.CAMPAIGN_1,
    expected=1164,
    programmed_for=NOW,
    wanted_at=LATER,
    content_hash="0badc0de" * 8,
    asked_by="Ana",
    note="the page is late",
    expires_at=LATER,
    decided_by="Rea",
    decision_note="the page is up",
)
DECIDED = (LaunchState.APPROVED, LaunchState.REJECTED)
ENDS = [state for state in LaunchState if state not in (LaunchState.WAITING, LaunchState.SUBMITTING)]


def _title(message: SlackMessage) -> str:
    return str(message.blocks[0]["text"]["text"])


def _happened(message: SlackMessage) -> list[str]:
    return str(message.blocks[1]["text"]["text"]).split("\n")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (LaunchAction.SCHEDULE, "Schedule draft 12 for 2026-11-30 17:00 UTC"),
        (LaunchAction.MOVE, "Move draft 12 from 2026-11-30 09:00 UTC to 2026-11-30 17:00 UTC"),
        (LaunchAction.CANCEL, "Cancel the schedule of draft 12 for 2026-11-30 09:00 UTC"),
        (LaunchAction.SEND, "Send draft 12 now"),
    ],
)
def test_what_is_asked_names_the_draft_and_the_instants_that_it_is_about(action: LaunchAction, words: str) -> None:
    assert what_is_asked(action, 12, NOW, LATER) == words


def test_what_waits_shows_what_was_found_beside_it_and_says_so_where_the_recipients_are_not_known() -> None:
    told = str(waiting_message(replace(NEWS, expected=None, notes=("Letter 4 goes to List 1 as well.",))).blocks)
    assert "not known" in told
    assert "Letter 4 goes to List 1 as well." in told
    assert "not known" not in str(waiting_message(NEWS).blocks)


@pytest.mark.parametrize(
    ("state", "title"),
    [
        (LaunchState.APPROVED, "✅ Approved: Launch Change"),
        (LaunchState.REJECTED, "🚫 Rejected: Launch Change"),
        (LaunchState.EXPIRED, "⌛ Expired: Launch Change"),
        (LaunchState.REFUSED, "✋ Not Carried Out: Launch Change"),
        (LaunchState.CONFIRMED, "📅 Done: Launch Change"),
    ],
)
def test_news_has_a_mark_of_its_own_and_asks_for_nobody(state: LaunchState, title: str) -> None:
    message = ended_message(replace(NEWS, is_critical=True), state)
    assert _title(message) == title
    assert WHAT_TO_DO not in str(message.blocks)


def test_a_failure_is_a_warning_and_only_a_critical_one_says_what_to_do() -> None:
    warning, critical = (ended_message(news, LaunchState.FAILED) for news in (NEWS, replace(NEWS, is_critical=True)))
    assert _title(warning) == f"{AlertLevel.WARNING.value} Launch Change Failed"
    assert WHAT_TO_DO not in str(warning.blocks)
    assert _title(critical) == f"{AlertLevel.CRITICAL.value} Launch Change Failed"
    assert "Look at draft 12 at Mailjet now." in str(critical.blocks)


@pytest.mark.parametrize("state", ENDS)
def test_who_decided_and_why_is_told_of_a_decision_only(state: LaunchState) -> None:
    told = str(ended_message(NEWS, state).blocks)
    assert ("Rea approved it. the page is up" in told) == (state is LaunchState.APPROVED)
    assert ("Rea rejected it. the page is up" in told) == (state is LaunchState.REJECTED)
    assert ("Rea" in told) == (state in DECIDED)


@pytest.mark.parametrize("state", ENDS)
def test_only_what_expired_was_not_carried_out_in_time(state: LaunchState) -> None:
    told = str(ended_message(NEWS, state).blocks)
    assert ("It was not carried out in time." in told) == (state is LaunchState.EXPIRED)


@pytest.mark.parametrize("state", ENDS)
def test_what_became_of_it_is_a_line_of_its_own_and_none_where_nothing_is_known(state: LaunchState) -> None:
    without = _happened(ended_message(NEWS, state))
    told = _happened(ended_message(replace(NEWS, words="Mailjet sends it."), state))
    assert all(without)
    assert told == [*without, "Mailjet sends it."]
