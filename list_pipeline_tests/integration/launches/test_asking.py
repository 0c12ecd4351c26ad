"""Asking for a launch change and deciding on it: off by default, exactly what was shown, by whom may, in time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from list_pipeline.core.campaign_stages.calendar import EntryKind, EntryState
from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import DraftStatus
from list_pipeline.operations.campaign_stages.calendar import calendar, campaign_calendar_of
from list_pipeline.operations.launches.asking import ask_for_launch
from list_pipeline.operations.launches.carrying_out import carry_out, to_carry_out
from list_pipeline.operations.launches.deciding import approve_launch, expire_overdue, launch_of, reject_launch
from list_pipeline.operations.launches.looking import Wanted, look
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.views.campaign_story import campaign_story
from list_pipeline.storage.audit import entries
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.launches.asked import (
    WHY,
    approved,
    asked,
    draft_of,
    edit,
    follow,
    in_hours,
    programmed,
    write,
)


def launches(made: Installation) -> int:
    ((count,),) = made.query("select count(*) from launch_change")
    return int(count)


def test_launch_changes_are_off_unless_somebody_switches_them_on(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    waits = asked(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    off = small.services
    small.control.reset_requests()
    for action in LaunchAction:
        at = in_hours(small, 8)
        with pytest.raises(
            RefusedError, match=r"LAUNCHES_FROM_HERE is off. Do it at Mailjet, or have an administrator"
        ):
            look(off, Wanted(action, str(draft), at))
        with pytest.raises(RefusedError, match="LAUNCHES_FROM_HERE is off"):
            ask_for_launch(
                off, Wanted(action, str(draft), at), by="Ana", note=WHY, content_hash="0" * 64, may_decide=True
            )
    with pytest.raises(RefusedError, match="LAUNCHES_FROM_HERE is off"):
        approve_launch(off, waits.launch_id, by="Rea", content_hash=waits.content_hash)
    assert to_carry_out(off) == []
    assert small.control.requests() == {}
    assert launches(small) == 1
    # Stopping is always possible.
    assert reject_launch(off, waits.launch_id, by="Rea", note=WHY).state is LaunchState.REJECTED


def test_what_is_asked_is_shown_first_with_list_recipients_validation_and_collisions(
    small: Installation, on: Services
) -> None:
    _, other, at = programmed(small, on, 5)
    draft = draft_of(small)
    small.control.reset_requests()
    shown = look(on, Wanted(LaunchAction.SCHEDULE, str(draft), at + timedelta(hours=1)))
    assert (shown.role, shown.sender) == (ListRole.CAMPAIGN_1, "News, at sender.example")
    assert shown.expected is not None
    assert shown.expected > 0
    assert shown.refusal is None
    assert any("never validated" in note for note in shown.notes)
    assert any(note.startswith(f"{other} goes to {ListRole.CAMPAIGN_1.label} as well") for note in shown.notes)
    assert launches(small) == 0
    validate(on, other)
    again = look(on, Wanted(LaunchAction.CANCEL, other))
    assert any(note.startswith("Its last validation, at") for note in again.notes)
    assert small.changing_requests() == {}


def nothing(made: Installation, services: Services) -> object:
    return 999_999


def deleted(made: Installation, services: Services) -> object:
    return with_status(made, DraftStatus.DELETED)


def archived(made: Installation, services: Services) -> object:
    return with_status(made, DraftStatus.ARCHIVED)


def ab_test(made: Installation, services: Services) -> object:
    return with_status(made, DraftStatus.AX_TESTED)


def with_status(made: Installation, status: DraftStatus) -> int:
    draft = draft_of(made)
    made.server.account.store.execute("UPDATE draft SET status = ? WHERE id = ?", (int(status), draft))
    return draft


def part_of_a_test(made: Installation, services: Services) -> object:
    draft = draft_of(made)
    made.server.account.store.execute("UPDATE draft SET ax_testing_id = 5 WHERE id = ?", (draft,))
    return draft


def unreadable(made: Installation, services: Services) -> object:
    draft = draft_of(made)
    made.control.add_fault("poisoned_row", path=f"/campaigndraft/{draft}$", field="Status", value={}, count=None)
    return draft


def other_list(made: Installation, services: Services) -> object:
    return draft_of(made, ListRole.MASTER)


def segment(made: Installation, services: Services) -> object:
    return draft_of(made, SegmentationID=4)


def scheduled(made: Installation, services: Services) -> object:
    return programmed(made, services)[1]


def blocked(made: Installation, services: Services) -> object:
    draft, key, _ = programmed(made, services, 6)
    write(made, draft, "<p>No way out of here.</p>")
    assert validate(services, key).stored.is_blocking
    return key


def sent(made: Installation, services: Services) -> object:
    draft, _, at = programmed(made, services, 1)
    made.clock.set(at + timedelta(hours=2))
    follow(services)
    return draft


def asked_for_before(made: Installation, services: Services) -> object:
    draft = draft_of(made)
    asked(services, LaunchAction.SCHEDULE, draft, in_hours(made, 9))
    return draft


AT_8 = 8.0
REFUSED: list[tuple[LaunchAction, Callable[[Installation, Services], object], float | None, str]] = [
    (LaunchAction.SCHEDULE, draft_of, None, "no instant is named"),  # type: ignore[list-item]
    (LaunchAction.SCHEDULE, draft_of, -2.0, "has passed"),  # type: ignore[list-item]
    (LaunchAction.SCHEDULE, draft_of, 24.0 * 400, "more than 366 days ahead"),  # type: ignore[list-item]
    (LaunchAction.SCHEDULE, nothing, AT_8, "there is no such draft at Mailjet"),
    (LaunchAction.SCHEDULE, deleted, AT_8, "it is deleted"),
    (LaunchAction.SEND, archived, None, "it is archived"),
    (LaunchAction.SEND, ab_test, None, "neither draft nor programmed"),
    (LaunchAction.SEND, part_of_a_test, None, "A/B test"),
    (LaunchAction.SEND, unreadable, None, "cannot be read"),
    (LaunchAction.SCHEDULE, other_list, AT_8, "none of the three campaign lists"),
    (LaunchAction.SEND, segment, None, "a segment of a list"),
    (LaunchAction.SCHEDULE, scheduled, AT_8, "it is scheduled already"),
    (LaunchAction.SEND, scheduled, None, "Move it to an earlier time, or cancel it first"),
    (LaunchAction.MOVE, scheduled, 30.0, "already. Nothing needs to be done"),
    (LaunchAction.MOVE, draft_of, AT_8, "it is not scheduled"),  # type: ignore[list-item]
    (LaunchAction.CANCEL, draft_of, None, "it is not scheduled"),  # type: ignore[list-item]
    (LaunchAction.MOVE, blocked, 40.0, "its campaign is blocked"),
    (LaunchAction.CANCEL, sent, None, "sent it"),
    (LaunchAction.SCHEDULE, asked_for_before, AT_8, "launch change 1 of this draft is open"),
]


@pytest.mark.parametrize(("action", "prepare", "hours", "words"), REFUSED)
def test_what_a_rule_forbids_is_refused_at_once_in_words(
    small: Installation,
    on: Services,
    action: LaunchAction,
    prepare: Callable[[Installation, Services], object],
    hours: float | None,
    words: str,
) -> None:
    target = draft_of(small) if prepare is draft_of else prepare(small, on)
    before = launches(small)
    at = in_hours(small, hours) if hours is not None else None
    small.control.reset_requests()
    with pytest.raises(RefusedError, match=words):
        asked(on, action, target, at)
    assert launches(small) == before
    assert small.changing_requests() == {}


def test_an_instant_is_refused_until_half_an_hour_ahead(small: Installation, on: Services) -> None:
    draft, now = draft_of(small), small.clock.now().replace(microsecond=0)
    with pytest.raises(RefusedError, match="is nearer than 30"):
        asked(on, LaunchAction.SCHEDULE, draft, now + timedelta(minutes=29))
    assert asked(on, LaunchAction.SCHEDULE, draft, now + timedelta(minutes=31)).state is LaunchState.WAITING


def test_a_blocked_campaign_can_be_cancelled(small: Installation, on: Services) -> None:
    key = blocked(small, on)
    assert carry_out(on, approved(on, LaunchAction.CANCEL, key).launch_id).state is LaunchState.CONFIRMED


def test_an_unknown_campaign_is_not_found(on: Services) -> None:
    with pytest.raises(NotFoundError, match="no campaign has this key"):
        asked(on, LaunchAction.CANCEL, "2026-01-01-r1-d1")


@pytest.mark.parametrize("by", ["", "gate", "ana@example.com"])
def test_a_person_has_to_be_named_and_a_reason_given(small: Installation, on: Services, by: str) -> None:
    wanted = Wanted(LaunchAction.SCHEDULE, str(draft_of(small)), in_hours(small, 8))
    shown = look(on, wanted).content.hash
    with pytest.raises(RefusedError, match="a person has to be named"):
        ask_for_launch(on, wanted, by=by, note=WHY, content_hash=shown, may_decide=False)
    with pytest.raises(RefusedError, match="no reason is given"):
        ask_for_launch(on, wanted, by="Ana", note="  ", content_hash=shown, may_decide=False)
    assert launches(small) == 0


def test_what_changed_since_it_was_shown_is_not_asked_for(small: Installation, on: Services) -> None:
    draft = draft_of(small)
    wanted = Wanted(LaunchAction.SCHEDULE, str(draft), in_hours(small, 8))
    shown = look(on, wanted).content.hash
    edit(small, draft, Subject="Another letter")
    with pytest.raises(RefusedError, match="is not what the given content hash was shown for"):
        ask_for_launch(on, wanted, by="Ana", note=WHY, content_hash=shown, may_decide=False)
    with pytest.raises(RefusedError, match="is not what the given content hash was shown for"):
        ask_for_launch(on, wanted, by="Ana", note=WHY, content_hash="", may_decide=False)
    later = Wanted(LaunchAction.SCHEDULE, str(draft), in_hours(small, 9))
    with pytest.raises(RefusedError, match="is not what the given content hash was shown for"):
        ask_for_launch(on, later, by="Ana", note=WHY, content_hash=look(on, wanted).content.hash, may_decide=False)
    assert launches(small) == 0


def test_an_approval_is_of_exactly_the_launch_change_that_was_shown(small: Installation, on: Services) -> None:
    launch = asked(on, LaunchAction.SCHEDULE, draft_of(small), in_hours(small, 8))
    for wrong in ("", launch.content_hash[:7], "0" * 64):
        with pytest.raises(RefusedError, match="its content hash is another"):
            approve_launch(on, launch.launch_id, by="Rea", content_hash=wrong)
        with pytest.raises(RefusedError, match="its content hash is another"):
            reject_launch(on, launch.launch_id, by="Rea", note=WHY, content_hash=wrong)
    done = approve_launch(on, launch.launch_id, by="Rea", content_hash=launch.content_hash[:12], note="fine")
    assert (done.state, done.decided_by, done.decision_note) == (LaunchState.APPROVED, "Rea", "fine")
    with pytest.raises(RefusedError, match="it is approved, by Rea at"):
        approve_launch(on, launch.launch_id, by="Bob", content_hash=launch.content_hash)
    with pytest.raises(NotFoundError):
        approve_launch(on, 99, by="Rea", content_hash=launch.content_hash)


@pytest.mark.parametrize("mode", ["auto", "approval_required"])
@pytest.mark.parametrize("action", [LaunchAction.SCHEDULE, LaunchAction.MOVE, LaunchAction.SEND])
def test_what_sends_mail_always_waits_for_a_reviewer_whatever_the_mode_and_whoever_asks(
    small: Installation, action: LaunchAction, mode: str
) -> None:
    services = small.another(launches_from_here=True, list_management_mode=mode)
    follow(services)
    target = programmed(small, services)[1] if action is LaunchAction.MOVE else draft_of(small)
    at = in_hours(small, 40) if action is not LaunchAction.SEND else None
    assert asked(services, action, target, at, may_decide=True).state is LaunchState.WAITING


def test_a_cancellation_is_its_own_approval_where_a_reviewer_asks(small: Installation, on: Services) -> None:
    _, key, _ = programmed(small, on)
    listed = small.another(launches_from_here=True, list_reviewers="Rea")
    # Ana may decide by her role, and LIST_REVIEWERS does not name her.
    first = asked(listed, LaunchAction.CANCEL, key, may_decide=True)
    assert first.state is LaunchState.WAITING
    reject_launch(listed, first.launch_id, by="Rea", note=WHY)
    second = asked(on, LaunchAction.CANCEL, key, may_decide=False)
    assert second.state is LaunchState.WAITING
    reject_launch(on, second.launch_id, by="Rea", note=WHY)
    third = asked(on, LaunchAction.CANCEL, key, may_decide=True)
    assert (third.state, third.decided_by) == (LaunchState.APPROVED, "Ana")
    assert [one.launch_id for one in to_carry_out(on)] == [third.launch_id]


def test_only_reviewers_decide(small: Installation, on: Services) -> None:
    launch = asked(on, LaunchAction.SCHEDULE, draft_of(small), in_hours(small, 8))
    listed = small.another(launches_from_here=True, list_reviewers="Rea")
    for decide in (
        lambda: approve_launch(listed, launch.launch_id, by="Ana", content_hash=launch.content_hash),
        lambda: reject_launch(listed, launch.launch_id, by="Ana", note=WHY),
    ):
        with pytest.raises(NotAReviewerError):
            decide()
    assert launch_of(on, launch.launch_id).state is LaunchState.WAITING
    assert approve_launch(listed, launch.launch_id, by="rea", content_hash=launch.content_hash).decided_by == "rea"


def test_nothing_is_approved_while_changes_are_stopped(small: Installation, on: Services) -> None:
    launch = asked(on, LaunchAction.SCHEDULE, draft_of(small), in_hours(small, 8))
    _, key, _ = programmed(small, on)
    for settings in ({"list_management_mode": "read_only"}, {"list_management_enabled": False}):
        stopped = small.another(launches_from_here=True, **settings)
        with pytest.raises(ChangesStoppedError):
            approve_launch(stopped, launch.launch_id, by="Rea", content_hash=launch.content_hash)
        with pytest.raises(ChangesStoppedError):
            asked(stopped, LaunchAction.CANCEL, key, may_decide=True)
        assert look(stopped, Wanted(LaunchAction.CANCEL, key)).stopped_because
    assert launch_of(on, launch.launch_id).state is LaunchState.WAITING
    assert launches(small) == 1
    assert reject_launch(stopped, launch.launch_id, by="Rea", note=WHY).state is LaunchState.REJECTED


@pytest.mark.parametrize(
    ("action", "hours", "expires_in"),
    [
        (LaunchAction.SEND, None, timedelta(hours=2)),
        (LaunchAction.SCHEDULE, 200.0, timedelta(hours=24)),
        (LaunchAction.SCHEDULE, 3.0, None),
    ],
)
def test_what_nobody_decides_on_expires_and_cannot_be_approved_any_more(
    small: Installation, on: Services, action: LaunchAction, hours: float | None, expires_in: timedelta | None
) -> None:
    draft = draft_of(small)
    at: datetime | None = in_hours(small, hours) if hours is not None else None
    launch = asked(on, action, draft, at)
    # Near the instant it expires five minutes before it.
    assert launch.expires_at == (
        launch.asked_at + expires_in if expires_in is not None else at and at - timedelta(minutes=5)
    )
    small.clock.set(launch.expires_at - timedelta(seconds=1))
    assert expire_overdue(on) == []
    small.clock.set(launch.expires_at)
    with pytest.raises(RefusedError, match="it is expired"):
        approve_launch(on, launch.launch_id, by="Rea", content_hash=launch.content_hash)
    assert launch_of(on, launch.launch_id).state is LaunchState.EXPIRED
    assert any(
        "Expired: Launch Change" in str(text) for (text,) in small.query("select text from notification order by 1")
    )
    # The draft is free for another one.
    assert asked(on, LaunchAction.SCHEDULE, draft, in_hours(small, 50)).state is LaunchState.WAITING


def test_people_are_told_what_waits_what_was_decided_and_what_became_of_it_once_each(
    small: Installation, on: Services
) -> None:
    small.control.clear_slack()
    launch = approved(on, LaunchAction.SCHEDULE, draft_of(small), in_hours(small, 8))
    carry_out(on, launch.launch_id)
    carry_out(on, launch.launch_id)
    texts = [card["text"] for card in small.cards()]
    assert [text.split(" (")[0] for text in texts] == [
        "📮 A Launch Change Waits",
        "✅ Approved: Launch Change",
        "📅 Done: Launch Change",
    ]
    assert launch.content_hash[:12] in str(small.cards()[0]["blocks"])
    assert not any("@" in text for text in texts)


def test_who_asked_and_who_decided_stands_in_the_audit_and_in_the_campaigns_story(
    small: Installation, on: Services
) -> None:
    _, key, _ = programmed(small, on)
    launch = approved(on, LaunchAction.MOVE, key, in_hours(small, 40))
    small.clock.advance(timedelta(seconds=5))
    carry_out(on, launch.launch_id)
    told = [(one.what, one.by) for one in campaign_story(on, key).timeline if one.what.startswith("launch")]
    assert told == [("launch_asked", "Ana"), ("launch_decided", "Rea"), ("launch_ended", None)]
    with on.database.begin() as connection:
        found = entries(connection, before=None, most=20, campaign=key)
    assert {(one.what, one.by, one.note) for one in found} == {
        ("launch_move_asked", "Ana", WHY),
        ("launch_move_approved", "Rea", None),
    }


def test_until_when_it_can_be_decided_stands_in_the_calendar(small: Installation, on: Services) -> None:
    _, key, _ = programmed(small, on)
    launch = asked(on, LaunchAction.MOVE, key, in_hours(small, 40))
    (entry,) = [one for one in campaign_calendar_of(on, key) if one.name == f"launch-{launch.launch_id}"]
    assert (entry.kind, entry.state, entry.at) == (EntryKind.REVIEW, EntryState.PLANNED, launch.expires_at)
    assert "without an answer it expires" in entry.words
    small.clock.set(launch.expires_at)
    assert [one.state for one in calendar(on).late if one.name == entry.name] == [EntryState.LATE]
    reject_launch(on, launch.launch_id, by="Rea", note=WHY)
    assert not [one for one in campaign_calendar_of(on, key) if one.name == entry.name]
