"""Launch changes carried out at Mailjet: each confirmed by what Mailjet shows, none without an approval, no send twice."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from list_pipeline.core.errors import (
    AuthenticationError,
    ChangesStoppedError,
    LockHeldError,
    RefusedError,
    TransientError,
)
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.observations import DraftStatus
from list_pipeline.operations.launches.carrying_out import carry_out, to_carry_out
from list_pipeline.operations.launches.deciding import launch_of, reject_launch
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Dying, Installation, Killed
from list_pipeline_tests.integration.drafts import unschedule
from list_pipeline_tests.integration.interception import intercept, named
from list_pipeline_tests.integration.launches.asked import (
    approved,
    asked,
    draft_of,
    edit,
    follow,
    in_hours,
    posts,
    programmed,
    write,
)


def schedule_of(made: Installation, draft: int) -> tuple[object, ...]:
    """Time, whether it is retired, and status of a draft's campaign in our schedule."""
    (found,) = made.query(
        """select (scheduled_date + scheduled_time) at time zone 'UTC', retired_at is not null, status
           from campaign_schedule where mailjet_draft_id = :draft""",
        draft=draft,
    )
    return found


def odd(made: Installation) -> list[str]:
    """What was noted as otherwise than scheduled."""
    return [str(words) for (words,) in made.query("select summary from review_item where kind = 'finding'")]


def titles(made: Installation) -> list[str]:
    return [str(text) for (text,) in made.query("select text from notification order by notification_id")]


def test_a_draft_is_scheduled_moved_cancelled_and_scheduled_again_and_nobody_is_told_that_somebody_did_it(
    small: Installation, on: Services
) -> None:
    draft, first, second = draft_of(small), in_hours(small, 5), in_hours(small, 9)
    launch = approved(on, LaunchAction.SCHEDULE, draft, first)
    assert posts(small, draft, "schedule") == 0
    done = carry_out(on, launch.launch_id)
    assert (done.state, done.campaign is not None) == (LaunchState.CONFIRMED, True)
    assert on.mailjet.drafts.scheduled_for(draft) == first
    assert schedule_of(small, draft) == (first, False, "SCHEDULED")
    key = str(done.campaign)
    moved = carry_out(on, approved(on, LaunchAction.MOVE, key, second).launch_id)
    assert (moved.state, moved.words) == (LaunchState.CONFIRMED, f"Mailjet sends it at {second:%Y-%m-%d %H:%M} UTC.")
    assert on.mailjet.drafts.scheduled_for(draft) == second
    assert schedule_of(small, draft) == (second, False, "SCHEDULED")
    small.clock.advance(timedelta(minutes=1))
    assert follow(on).changed == []
    cancelled = carry_out(on, approved(on, LaunchAction.CANCEL, key).launch_id)
    assert cancelled.state is LaunchState.CONFIRMED
    assert on.mailjet.drafts.one(draft).status == DraftStatus.DRAFT
    assert schedule_of(small, draft) == (second, True, "SCHEDULED")
    small.clock.advance(timedelta(minutes=1))
    assert follow(on).retired == []
    again = carry_out(on, approved(on, LaunchAction.SCHEDULE, key, first).launch_id)
    assert (again.state, again.campaign) == (LaunchState.CONFIRMED, key)
    assert schedule_of(small, draft) == (first, False, "SCHEDULED")
    small.clock.advance(timedelta(minutes=1))
    assert follow(on).changed == []
    assert odd(small) == []
    assert [title for title in titles(small) if "Launch Change" in title] != []
    # Each of the four was one request.
    assert posts(small, draft, "schedule") == 4


def test_somebody_elses_change_is_still_told(small: Installation, on: Services) -> None:
    draft, key, _ = programmed(small, on, 5)
    carry_out(on, approved(on, LaunchAction.MOVE, key, in_hours(small, 9)).launch_id)
    small.clock.advance(timedelta(minutes=1))
    unschedule(small, draft)
    follow(on)
    assert any("is not scheduled any more" in words for words in odd(small))


def test_a_send_is_validated_posted_once_and_followed_to_its_launch(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    done = carry_out(on, launch.launch_id)
    assert done.state is LaunchState.CONFIRMED, done.words
    assert posts(small, draft, "send") == 1
    assert small.query("select count(*) from campaign_validation") == [(1,)]
    small.clock.advance(timedelta(minutes=2))
    follow(on)
    assert small.query(
        "select mailjet_campaign_id is not null, campaign_key from campaign_schedule where mailjet_draft_id = :d",
        d=draft,
    ) == [(True, done.campaign)]
    assert odd(small) == []
    # Whoever asks again to carry it out finds it done; another send of this draft is never posted.
    assert carry_out(on, launch.launch_id).state is LaunchState.CONFIRMED
    with pytest.raises(RefusedError, match="sent"):
        asked(on, LaunchAction.SEND, draft)
    assert posts(small, draft, "send") == 1


def test_a_send_whose_validation_blocks_is_not_made_and_can_be_asked_for_again_once_it_is_repaired(
    small: Installation, on: Services
) -> None:
    draft = draft_of(small)
    write(small, draft, "<p>No way out of here.</p>")
    refused = carry_out(on, approved(on, LaunchAction.SEND, draft).launch_id)
    assert refused.state is LaunchState.REFUSED
    assert "no link to unsubscribe" in refused.words
    assert posts(small, draft, "send") == 0
    assert schedule_of(small, draft)[1:] == (True, "BLOCKED")
    write(small, draft, '<p>Letter. <a href="[[UNSUB_LINK_EN]]">Unsubscribe</a></p>')
    assert carry_out(on, approved(on, LaunchAction.SEND, draft).launch_id).state is LaunchState.CONFIRMED
    assert posts(small, draft, "send") == 1


def change_subject(made: Installation, draft: int) -> None:
    edit(made, draft, Subject="Another letter")


def change_sender(made: Installation, draft: int) -> None:
    edit(made, draft, SenderName="Somebody else")


def change_list(made: Installation, draft: int) -> None:
    edit(made, draft, ContactsListID=made.account.lists.campaign_2)


def change_segment(made: Installation, draft: int) -> None:
    edit(made, draft, SegmentationID=4)


def change_content(made: Installation, draft: int) -> None:
    write(made, draft, "<p>Other words</p>")


@pytest.mark.parametrize(
    ("change", "named_as"),
    [
        (change_subject, "The subject"),
        (change_sender, "The sender"),
        (change_list, "The list"),
        (change_segment, "The segment"),
        (change_content, "The content of the mail"),
        (unschedule, "Its schedule at Mailjet"),
    ],
)
@pytest.mark.parametrize("action", [LaunchAction.MOVE, LaunchAction.CANCEL])
def test_what_was_edited_after_the_approval_is_not_carried_out(
    small: Installation, on: Services, change: object, named_as: str, action: LaunchAction
) -> None:
    draft, key, _ = programmed(small, on)
    launch = approved(on, action, key, in_hours(small, 40) if action is LaunchAction.MOVE else None)
    assert callable(change)
    change(small, draft)
    small.control.reset_requests()
    refused = carry_out(on, launch.launch_id)
    assert refused.state is LaunchState.REFUSED
    assert "changed since it was asked for" in refused.words
    assert named_as.casefold() in refused.words.casefold()
    assert small.changing_requests() == {}
    # The draft is free for another one.
    assert not refused.is_open


def test_content_that_changes_while_a_send_is_validated_is_not_sent(
    small: Installation, on: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    seen = []

    def handle(request, send):  # type: ignore[no-untyped-def]
        if named(request).endswith("/detailcontent") and request.method == "GET":
            seen.append(named(request))
            if len(seen) == 2:
                # The validation reads the content as the second one who does.
                answer = send()
                small.server.account.store.execute("UPDATE draft SET html = 'other' WHERE id = ?", (draft,))
                return answer
        return send()

    intercept(monkeypatch, handle)
    refused = carry_out(on, launch.launch_id)
    assert refused.state is LaunchState.REFUSED
    assert "The content of the mail changed" in refused.words
    assert posts(small, draft, "send") == 0


@pytest.mark.parametrize("effect", ["drop_after", "truncated_json", "broken_body"])
def test_a_send_whose_answer_is_lost_after_its_effect_is_confirmed_by_reading_back(
    small: Installation, on: Services, effect: str
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    small.control.add_fault(effect, method="POST", path=f"/campaigndraft/{draft}/send")
    assert carry_out(on, launch.launch_id).state is LaunchState.CONFIRMED
    assert posts(small, draft, "send") == 1


def test_a_send_that_is_lost_before_its_effect_ends_failed_and_critical_and_is_never_posted_again(
    small: Installation, on: Services
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    small.control.add_fault("drop_before", method="POST", path=f"/campaigndraft/{draft}/send")
    before = small.clock.now()
    failed = carry_out(on, launch.launch_id)
    assert failed.state is LaunchState.FAILED
    assert small.clock.now() - before >= timedelta(seconds=60)
    assert "Look at Mailjet" in failed.words
    assert any(title.startswith("🚨") and "Look at draft" in title for title in titles(small))
    assert posts(small, draft, "send") == 1
    assert carry_out(on, launch.launch_id).state is LaunchState.FAILED
    with pytest.raises(RefusedError, match="a draft is sent from here once at most"):
        asked(on, LaunchAction.SEND, draft)
    assert posts(small, draft, "send") == 1


@pytest.mark.parametrize(
    ("effect", "parts", "words"),
    [
        ("status", {"status": 400}, "400"),
        ("status", {"status": 401}, "401"),
        ("status", {"status": 403}, "403"),
        ("rate_limited", {}, "429"),
    ],
)
def test_a_send_that_mailjet_refuses_is_told_in_words_and_not_repeated(
    small: Installation, on: Services, effect: str, parts: dict[str, int], words: str
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    small.control.add_fault(effect, method="POST", path=f"/campaigndraft/{draft}/send", **parts)
    failed = carry_out(on, launch.launch_id)
    assert (failed.state, posts(small, draft, "send")) == (LaunchState.FAILED, 1)
    assert "It was not sent" in failed.words
    assert words in failed.words


def test_a_server_error_of_a_send_is_read_back_and_not_repeated(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    small.control.add_fault("status", method="POST", path=f"/campaigndraft/{draft}/send", status=503)
    assert carry_out(on, launch.launch_id).state is LaunchState.FAILED
    assert posts(small, draft, "send") == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_send_that_was_killed_around_its_request_is_only_read_back(
    small: Installation, on: Services, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    with monkeypatch.context() as patched:
        Dying(1, when, counting=f"POST /v3/REST/campaigndraft/{draft}/send").install(patched)
        with pytest.raises(Killed):
            carry_out(on, launch.launch_id)
    assert launch_of(on, launch.launch_id).state is LaunchState.SUBMITTING
    small.clock.advance(timedelta(minutes=5))
    fresh = small.another(launches_from_here=True)
    assert [one.launch_id for one in to_carry_out(fresh)] == [launch.launch_id]
    ended = carry_out(fresh, launch.launch_id)
    assert ended.state is (LaunchState.CONFIRMED if when == "after" else LaunchState.FAILED)
    assert posts(small, draft, "send") == (1 if when == "after" else 0)
    assert to_carry_out(fresh) == []


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("action", [LaunchAction.SCHEDULE, LaunchAction.MOVE, LaunchAction.CANCEL])
def test_a_change_of_a_schedule_that_was_killed_around_its_request_is_continued(
    small: Installation, on: Services, monkeypatch: pytest.MonkeyPatch, when: str, action: LaunchAction
) -> None:
    if action is LaunchAction.SCHEDULE:
        draft = draft_of(small)
        at = in_hours(small, 8)
    else:
        draft, _, _ = programmed(small, on)
        at = in_hours(small, 40)
    launch = approved(on, action, draft, at if action is not LaunchAction.CANCEL else None)
    method = {LaunchAction.SCHEDULE: "POST", LaunchAction.MOVE: "PUT", LaunchAction.CANCEL: "DELETE"}[action]
    with monkeypatch.context() as patched:
        Dying(1, when, counting=f"{method} /v3/REST/campaigndraft/{draft}/schedule").install(patched)
        with pytest.raises(Killed):
            carry_out(on, launch.launch_id)
    # Whoever looks at Mailjet meanwhile does not take it for somebody else's doing.
    follow(small.another(launches_from_here=True))
    small.control.reset_requests()
    ended = carry_out(small.another(launches_from_here=True), launch.launch_id)
    assert ended.state is LaunchState.CONFIRMED, ended.words
    assert posts(small, draft, "schedule") == (0 if when == "after" else 1)
    follow(on)
    assert odd(small) == []
    if action is LaunchAction.CANCEL:
        assert on.mailjet.drafts.one(draft).status == DraftStatus.DRAFT
    else:
        assert on.mailjet.drafts.scheduled_for(draft) == at


def test_a_schedule_whose_answer_is_lost_is_posted_again_until_it_shows(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    small.control.add_fault("drop_before", method="POST", path=f"/campaigndraft/{draft}/schedule", count=2)
    assert carry_out(on, launch.launch_id).state is LaunchState.CONFIRMED
    assert posts(small, draft, "schedule") == 3


def test_a_schedule_that_never_shows_ends_failed_after_three_attempts(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    small.control.add_fault("drop_before", method="POST", path=f"/campaigndraft/{draft}/schedule", count=None)
    failed = carry_out(on, launch.launch_id)
    assert (failed.state, failed.attempts, posts(small, draft, "schedule")) == (LaunchState.FAILED, 3, 3)


def test_a_schedule_that_mailjet_refuses_ends_failed_at_once(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    small.control.add_fault("status", method="POST", path=f"/campaigndraft/{draft}/schedule", status=400)
    failed = carry_out(on, launch.launch_id)
    assert failed.state is LaunchState.FAILED
    assert "It was not done: 400" in failed.words


def test_mailjet_that_answers_nothing_leaves_it_open_for_the_next_run(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    small.control.add_fault("status", method="GET", path=f"/campaigndraft/{draft}", status=503, count=None)
    with pytest.raises(TransientError):
        carry_out(on, launch.launch_id)
    assert launch_of(on, launch.launch_id).state is LaunchState.APPROVED
    small.control.clear_faults()
    small.clock.advance(timedelta(minutes=2))
    assert carry_out(small.another(launches_from_here=True), launch.launch_id).state is LaunchState.CONFIRMED


def test_credentials_that_mailjet_refuses_are_no_end_while_nothing_was_asked(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    small.control.add_fault("status", method="GET", path=f"/campaigndraft/{draft}", status=401)
    with pytest.raises(AuthenticationError):
        carry_out(on, launch.launch_id)
    assert launch_of(on, launch.launch_id).state is LaunchState.APPROVED


def test_nothing_is_carried_out_while_changes_are_stopped(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    small.control.reset_requests()
    for stopped in (
        small.another(launches_from_here=True, list_management_mode="read_only"),
        small.another(launches_from_here=True, list_management_enabled=False),
    ):
        assert to_carry_out(stopped) == []
        with pytest.raises(ChangesStoppedError):
            carry_out(stopped, launch.launch_id)
    with pytest.raises(RefusedError, match="LAUNCHES_FROM_HERE is off"):
        carry_out(small.services, launch.launch_id)
    assert small.changing_requests() == {}
    assert launch_of(on, launch.launch_id).state is LaunchState.APPROVED
    assert carry_out(on, launch.launch_id).state is LaunchState.CONFIRMED


def test_a_mode_that_stops_changes_right_before_the_request_of_a_send_ends_it_unsent(
    small: Installation, on: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    stopping = small.another(launches_from_here=True)
    calls = []

    def reason(_: object) -> str | None:
        calls.append(1)
        # The last look is that of the client, right before it sends.
        return "the mode is read_only" if launch_of(on, launch.launch_id).attempts else None

    monkeypatch.setattr("list_pipeline.operations.launches.carrying_out.change_block_reason", reason)
    failed = carry_out(stopping, launch.launch_id)
    assert (failed.state, posts(small, draft, "send")) == (LaunchState.FAILED, 0)
    assert "the mode is read_only" in failed.words
    assert len(calls) >= 3


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_was_killed_around_its_request_is_read_back_and_not_asked_again_while_changes_are_stopped(
    small: Installation, on: Services, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    with monkeypatch.context() as patched:
        Dying(1, when, counting=f"POST /v3/REST/campaigndraft/{draft}/schedule").install(patched)
        with pytest.raises(Killed):
            carry_out(on, launch.launch_id)
    small.control.reset_requests()
    off = small.services
    assert [one.launch_id for one in to_carry_out(off)] == [launch.launch_id]
    ended = carry_out(off, launch.launch_id)
    assert ended.state is (LaunchState.CONFIRMED if when == "after" else LaunchState.FAILED), ended.words
    assert (when == "after") or "LAUNCHES_FROM_HERE is off" in ended.words
    assert small.changing_requests() == {}


def test_nobody_carries_out_what_nobody_approved(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = asked(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    with pytest.raises(RefusedError, match="nobody has approved it"):
        carry_out(on, launch.launch_id)
    reject_launch(on, launch.launch_id, by="Rea", note="not yet")
    assert carry_out(on, launch.launch_id).state is LaunchState.REJECTED
    assert posts(small, draft, "schedule") == 0


def test_what_was_approved_and_is_not_carried_out_in_time_expires(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    small.clock.advance(timedelta(hours=2))
    assert carry_out(on, launch.launch_id).state is LaunchState.EXPIRED
    assert posts(small, draft, "send") == 0


def test_of_two_processes_one_carries_it_out(
    small: Installation, on: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft = draft_of(small)
    launch = approved(on, LaunchAction.SEND, draft)
    other = small.another(launches_from_here=True)
    raised: list[BaseException] = []

    def second() -> None:
        try:
            carry_out(other, launch.launch_id)
        except Exception as error:  # noqa: BLE001
            raised.append(error)

    def handle(request, send):  # type: ignore[no-untyped-def]
        if named(request).endswith(f"{draft}/send"):
            thread = threading.Thread(target=second)
            thread.start()
            thread.join(30)
        return send()

    with monkeypatch.context() as patched:
        intercept(patched, handle)
        assert carry_out(on, launch.launch_id).state is LaunchState.CONFIRMED
    assert [type(error) for error in raised] == [LockHeldError]
    assert posts(small, draft, "send") == 1
    assert carry_out(other, launch.launch_id).state is LaunchState.CONFIRMED
