"""What Mailjet shows of a draft after a launch change was posted, and what that means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.launches.changes import WITH_INSTANT, LaunchAction, LaunchState
from list_pipeline.core.launches.effects import Effect, effect_of, no_effect
from list_pipeline.core.launches.policy import LAUNCHES
from list_pipeline.core.observations import DraftStatus

POSTED = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
WANTED = POSTED + timedelta(hours=8)
BEFORE = POSTED + timedelta(hours=3)
NOT_SENT = [status for status in DraftStatus if status is not DraftStatus.SENT]
NOT_PROGRAMMED = [status for status in NOT_SENT if status is not DraftStatus.PROGRAMMED]


@pytest.mark.parametrize("action", WITH_INSTANT)
@pytest.mark.parametrize("status", NOT_SENT)
def test_a_schedule_is_confirmed_by_the_wanted_instant_and_by_no_other(
    action: LaunchAction, status: DraftStatus
) -> None:
    found = effect_of(action, WANTED, POSTED, status, WANTED)
    assert found == Effect(LaunchState.CONFIRMED, "Mailjet sends it at 2026-11-30 17:00 UTC.")
    for shown in (None, BEFORE, WANTED - timedelta(seconds=1), WANTED + timedelta(seconds=1)):
        assert effect_of(action, WANTED, POSTED, status, shown) is None


@pytest.mark.parametrize("action", WITH_INSTANT)
def test_no_instant_at_mailjet_confirms_nothing_also_where_none_was_wanted(action: LaunchAction) -> None:
    assert effect_of(action, None, POSTED, DraftStatus.DRAFT, None) is None


@pytest.mark.parametrize("status", NOT_PROGRAMMED)
def test_a_cancellation_is_confirmed_by_a_draft_that_is_not_scheduled(status: DraftStatus) -> None:
    found = effect_of(LaunchAction.CANCEL, None, POSTED, status, None)
    assert found == Effect(LaunchState.CONFIRMED, "It is not scheduled at Mailjet any more.")


@pytest.mark.parametrize("status", NOT_SENT)
def test_a_cancellation_has_no_effect_while_an_instant_is_shown(status: DraftStatus) -> None:
    assert effect_of(LaunchAction.CANCEL, None, POSTED, status, BEFORE) is None


def test_a_cancellation_has_no_effect_while_the_draft_counts_as_programmed() -> None:
    assert effect_of(LaunchAction.CANCEL, None, POSTED, DraftStatus.PROGRAMMED, None) is None


@pytest.mark.parametrize(
    ("action", "is_critical"),
    [(LaunchAction.SCHEDULE, False), (LaunchAction.MOVE, True), (LaunchAction.CANCEL, True)],
)
@pytest.mark.parametrize("shown", [None, WANTED])
def test_a_draft_that_is_being_sent_failed_and_is_critical_where_people_get_it_when_they_should_not(
    action: LaunchAction, is_critical: bool, shown: datetime | None
) -> None:
    found = effect_of(action, WANTED, POSTED, DraftStatus.SENT, shown)
    assert found is not None
    assert (found.state, found.is_critical) == (LaunchState.FAILED, is_critical)
    assert "has begun to send it" in found.words


@pytest.mark.parametrize("shown", [None, POSTED, WANTED])
def test_a_send_is_confirmed_by_a_draft_that_is_being_sent(shown: datetime | None) -> None:
    found = effect_of(LaunchAction.SEND, None, POSTED, DraftStatus.SENT, shown)
    assert found == Effect(LaunchState.CONFIRMED, "Mailjet has begun to send it.")


@pytest.mark.parametrize("status", NOT_SENT)
def test_a_send_has_no_effect_while_nothing_is_programmed(status: DraftStatus) -> None:
    assert effect_of(LaunchAction.SEND, None, POSTED, status, None) is None


def test_a_send_is_taken_by_mailjet_up_to_ten_minutes_ahead_and_anything_later_is_somebody_elses() -> None:
    last = POSTED + LAUNCHES.begins_within
    for shown in (POSTED - timedelta(minutes=1), POSTED, last):
        found = effect_of(LaunchAction.SEND, None, POSTED, DraftStatus.PROGRAMMED, shown)
        assert found is not None
        assert (found.state, found.is_critical) == (LaunchState.CONFIRMED, False)
        assert "Mailjet took it" in found.words
    found = effect_of(LaunchAction.SEND, None, POSTED, DraftStatus.PROGRAMMED, last + timedelta(seconds=1))
    assert found is not None
    assert (found.state, found.is_critical) == (LaunchState.FAILED, True)
    assert "Somebody scheduled it for" in found.words


@pytest.mark.parametrize("action", LaunchAction)
@pytest.mark.parametrize("refused_because", ["", "400 Bad Request."])
def test_what_has_no_effect_failed_and_is_critical_where_it_may_be_sent_or_was_not_stopped(
    action: LaunchAction, refused_because: str
) -> None:
    end = no_effect(action, 3, refused_because)
    assert end.state is LaunchState.FAILED
    assert end.is_critical == (action in (LaunchAction.SEND, LaunchAction.CANCEL))


@pytest.mark.parametrize("action", [action for action in LaunchAction if action is not LaunchAction.SEND])
def test_a_schedule_without_effect_says_why_or_how_often_it_was_tried(action: LaunchAction) -> None:
    assert no_effect(action, 3, "400 Bad Request.").words == "It was not done: 400 Bad Request."
    assert "no effect after 3 attempts" in no_effect(action, 3).words


def test_a_send_without_effect_says_why_or_that_it_was_posted_once() -> None:
    refused, lost = no_effect(LaunchAction.SEND, 1, "400 Bad Request."), no_effect(LaunchAction.SEND, 1)
    assert "It was not sent: 400 Bad Request. It is not posted again" in refused.words
    assert "It was posted once" in lost.words
    assert "It may still be sent" in lost.words
