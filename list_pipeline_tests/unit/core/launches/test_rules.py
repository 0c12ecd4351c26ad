"""What is refused of a launch change, what its content hash covers, and what Mailjet shows says of it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.launches.changes import (
    LAUNCH_LIFE,
    OPEN_LAUNCHES,
    TO_CARRY_OUT,
    WITH_INSTANT,
    LaunchAction,
    LaunchState,
)
from list_pipeline.core.launches.effects import effect_of, no_effect
from list_pipeline.core.launches.messages import LaunchNews, ended_message, waiting_message
from list_pipeline.core.launches.policy import LAUNCHES
from list_pipeline.core.launches.rules import (
    Circumstances,
    LaunchContent,
    collision_words,
    expires_at,
    hash_of_body,
    hash_of_sender,
    instant_of,
    sender_words,
    utc_second,
    what_changed,
    why_refused,
    why_stale,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import DraftSeen, DraftStatus
from list_pipeline.core.validation.mail_body import MailBody

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=8)
DRAFT = DraftSeen(12, 4, None, "Letter", "Letter 3", "News", "news@sender.example", DraftStatus.DRAFT)
CONTENT = LaunchContent(LaunchAction.SCHEDULE, 12, 4, None, "Letter 3", "s", "b", None, LATER)
BESIDE = Circumstances(ListRole.CAMPAIGN_1)

texts = st.text(max_size=20)
_FIRST = NOW.replace(tzinfo=None)
instants = st.datetimes(
    min_value=_FIRST - timedelta(days=300), max_value=_FIRST + timedelta(days=300), timezones=st.just(UTC)
).map(utc_second)
contents = st.builds(
    LaunchContent,
    action=st.sampled_from(LaunchAction),
    draft_id=st.integers(1, 50),
    list_id=st.integers(1, 5),
    segmentation_id=st.none() | st.integers(1, 3),
    subject=texts,
    sender_hash=texts,
    body_hash=texts,
    programmed_for=st.none() | instants,
    wanted_at=st.none() | instants,
)


@given(contents, contents)
def test_the_hash_is_the_same_exactly_for_the_same_content(first: LaunchContent, second: LaunchContent) -> None:
    assert (first.hash == second.hash) == (first == second)
    assert len(first.hash) == 64


@given(contents, contents)
def test_whatever_a_person_changes_at_mailjet_is_named(before: LaunchContent, now: LaunchContent) -> None:
    now = replace(now, action=before.action, draft_id=before.draft_id, wanted_at=before.wanted_at)
    assert bool(what_changed(before, now)) == (before.hash != now.hash)


@given(contents, instants)
def test_nothing_can_be_decided_after_the_instant_that_it_is_about(content: LaunchContent, asked: datetime) -> None:
    until = expires_at(content, asked)
    assert until <= asked + LAUNCHES.decided_within
    if content.action in WITH_INSTANT and content.wanted_at is not None:
        assert until <= content.wanted_at - LAUNCHES.latest_before
    if content.programmed_for is not None:
        assert until <= content.programmed_for
    if content.action is LaunchAction.SEND:
        assert until <= asked + LAUNCHES.send_within


@given(st.lists(st.sampled_from(LaunchState), max_size=12))
def test_whatever_is_tried_nothing_is_posted_without_an_approval_and_nothing_follows_an_end(
    steps: list[LaunchState],
) -> None:
    state, was_approved = LaunchState.WAITING, False
    for wanted in steps:
        if not LAUNCH_LIFE.allows(state, wanted):
            continue
        assert state in OPEN_LAUNCHES
        state = wanted
        was_approved = was_approved or state is LaunchState.APPROVED
        if state in (LaunchState.SUBMITTING, LaunchState.CONFIRMED, LaunchState.FAILED, LaunchState.REFUSED):
            assert was_approved
    assert (state in OPEN_LAUNCHES) == bool(LAUNCH_LIFE.table[state])
    assert set(TO_CARRY_OUT) == set(OPEN_LAUNCHES) - {LaunchState.WAITING}


@given(
    st.sampled_from(LaunchAction),
    instants,
    instants,
    st.sampled_from([int(status) for status in DraftStatus]),
    st.none() | instants,
)
def test_only_what_mailjet_shows_confirms(
    action: LaunchAction, wanted_at: datetime, posted_at: datetime, status: int, shown: datetime | None
) -> None:
    shown = shown if status == DraftStatus.PROGRAMMED else None
    found = effect_of(action, wanted_at if action in WITH_INSTANT else None, posted_at, status, shown)
    is_confirmed = found is not None and found.state is LaunchState.CONFIRMED
    if action in WITH_INSTANT:
        assert is_confirmed == (shown == wanted_at)
    elif action is LaunchAction.CANCEL:
        assert is_confirmed == (status not in (DraftStatus.PROGRAMMED, DraftStatus.SENT))
    else:
        begins = shown is not None and shown <= posted_at + LAUNCHES.begins_within
        assert is_confirmed == (status == DraftStatus.SENT or begins)


def test_a_send_without_effect_says_to_look_at_mailjet_and_is_critical() -> None:
    lost, refused = no_effect(LaunchAction.SEND, 1), no_effect(LaunchAction.SEND, 1, "400 Bad Request.")
    assert lost.is_critical
    assert "It may still be sent. Look at Mailjet now" in lost.words
    assert refused.is_critical
    assert refused.words == ("It was not sent: 400 Bad Request. It is not posted again from here: send it at Mailjet.")
    assert no_effect(LaunchAction.CANCEL, 3).is_critical
    assert not no_effect(LaunchAction.MOVE, 3).is_critical


def test_a_draft_that_somebody_scheduled_for_later_is_no_effect_of_a_send() -> None:
    found = effect_of(LaunchAction.SEND, None, NOW, DraftStatus.PROGRAMMED, LATER)
    assert found is not None
    assert (found.state, found.is_critical) == (LaunchState.FAILED, True)


def test_a_clean_draft_may_be_asked_for() -> None:
    assert why_refused(CONTENT, DRAFT, BESIDE, NOW) is None
    assert why_stale(CONTENT, DRAFT, BESIDE, NOW) is None


@pytest.mark.parametrize("minutes", [-1, 0, 29])
def test_an_instant_that_is_past_or_too_near_is_refused(minutes: int) -> None:
    content = replace(CONTENT, wanted_at=NOW + timedelta(minutes=minutes))
    assert why_refused(content, DRAFT, BESIDE, NOW) is not None


@pytest.mark.parametrize(("minutes", "is_stale"), [(4, True), (5, False), (29, False)])
def test_what_was_approved_may_be_carried_out_until_five_minutes_before(minutes: int, is_stale: bool) -> None:
    content = replace(CONTENT, wanted_at=NOW + timedelta(minutes=minutes))
    assert (why_stale(content, DRAFT, BESIDE, NOW) is not None) == is_stale


def test_a_send_that_was_posted_once_is_refused_for_ever() -> None:
    content = replace(CONTENT, action=LaunchAction.SEND, wanted_at=None)
    posted = replace(BESIDE, send_posted_at=NOW - timedelta(days=300))
    for why in (why_refused, why_stale):
        refusal = why(content, DRAFT, posted, NOW)
        assert refusal is not None
        assert "once at most" in refusal.happened
    assert why_refused(CONTENT, DRAFT, posted, NOW) is None


def test_a_schedule_that_a_block_changes_is_left_to_it() -> None:
    refusal = why_refused(CONTENT, DRAFT, replace(BESIDE, is_changing=True), NOW)
    assert refusal is not None
    assert "being changed by a block" in refusal.happened


def test_neither_address_nor_mail_can_be_read_off_what_is_kept() -> None:
    assert hash_of_sender(DRAFT) != hash_of_sender(replace(DRAFT, sender_email="else@sender.example"))
    assert hash_of_body(MailBody("a", "b")) != hash_of_body(MailBody("", "ab"))
    assert sender_words(DRAFT) == "News, at sender.example"
    assert "@" not in sender_words(replace(DRAFT, sender_name="me@here.example"))


@pytest.mark.parametrize(
    "text", ["2026-12-01T09:00", "2026-12-01T09:00Z", "2026-12-01T10:00+01:00", " 2026-12-01 09:00 "]
)
def test_an_instant_is_read_in_utc(text: str) -> None:
    assert instant_of(text, "Moving it") == datetime(2026, 12, 1, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-13-01T09:00", "99999-01-01T00:00", "²"])
def test_what_is_no_instant_is_refused_in_words(text: str) -> None:
    with pytest.raises(RefusedError, match="that is no instant"):
        instant_of(text, "Moving it")


@pytest.mark.parametrize("text", ["0001-01-01T00:00+23:59", "9999-12-31T23:59-23:59"])
def test_an_instant_at_the_ends_of_the_calendar_is_refused_by_the_rules(text: str) -> None:
    content = replace(CONTENT, wanted_at=instant_of(text, "Moving it"))
    assert why_refused(content, DRAFT, BESIDE, NOW) is not None


MOVE = replace(CONTENT, action=LaunchAction.MOVE, programmed_for=NOW + timedelta(hours=3))
CANCEL = replace(MOVE, action=LaunchAction.CANCEL, wanted_at=None)
SEND = replace(CONTENT, action=LaunchAction.SEND, wanted_at=None)
PROGRAMMED = replace(DRAFT, status=DraftStatus.PROGRAMMED)
A_SECOND = timedelta(seconds=1)


def _happened(content: LaunchContent, draft: DraftSeen = DRAFT, beside: Circumstances = BESIDE) -> str:
    refusal = why_refused(content, draft, beside, NOW)
    return refusal.happened if refusal is not None else ""


def _stale(content: LaunchContent, draft: DraftSeen = DRAFT, beside: Circumstances = BESIDE) -> str:
    refusal = why_stale(content, draft, beside, NOW)
    return refusal.happened if refusal is not None else ""


@pytest.mark.parametrize(
    ("content", "draft"), [(CONTENT, DRAFT), (SEND, DRAFT), (MOVE, PROGRAMMED), (CANCEL, PROGRAMMED)]
)
def test_each_action_may_be_asked_for_and_carried_out_on_the_draft_that_it_is_for(
    content: LaunchContent, draft: DraftSeen
) -> None:
    assert why_refused(content, draft, BESIDE, NOW) is None
    assert why_stale(content, draft, BESIDE, NOW) is None


def test_a_draft_has_one_open_launch_change_at_a_time() -> None:
    refusal = why_refused(CONTENT, DRAFT, replace(BESIDE, open_launch=41), NOW)
    assert refusal is not None
    assert "launch change 41 of this draft is open" in refusal.happened
    assert "launch show 41" in refusal.next_step
    assert _stale(CONTENT, beside=replace(BESIDE, open_launch=41)) == "", "it may be the one that is carried out"


@pytest.mark.parametrize(
    ("draft", "beside", "words"),
    [
        (replace(DRAFT, status=DraftStatus.SENT), BESIDE, "Mailjet has begun to send it"),
        (replace(DRAFT, status=DraftStatus.DELETED), BESIDE, "deleted"),
        (replace(DRAFT, status=DraftStatus.ARCHIVED), BESIDE, "archived"),
        (replace(DRAFT, status=DraftStatus.AX_TESTED), BESIDE, "is 3, which is neither draft nor programmed"),
        (replace(DRAFT, status=99), BESIDE, "is 99, which is neither draft nor programmed"),
        (DRAFT, Circumstances(None), "none of the three campaign lists"),
        (DRAFT, Circumstances(ListRole.MASTER), "none of the three campaign lists"),
        (DRAFT, Circumstances(ListRole.SUPPRESSION), "none of the three campaign lists"),
        (replace(DRAFT, segmentation_id=3), BESIDE, "a segment of a list"),
        (replace(DRAFT, is_ab_test=True), BESIDE, "an A/B test"),
        (DRAFT, replace(BESIDE, is_changing=True), "being changed by a block"),
    ],
)
@pytest.mark.parametrize("content", [CONTENT, MOVE, CANCEL, SEND])
def test_a_draft_that_is_no_round_to_come_is_neither_asked_for_nor_carried_out(
    content: LaunchContent, draft: DraftSeen, beside: Circumstances, words: str
) -> None:
    assert words in _happened(content, draft, beside)
    assert words in _stale(content, draft, beside)


def test_what_is_so_already_is_refused_with_what_to_do_instead() -> None:
    at = NOW + timedelta(hours=3)
    for content, happened, next_step in (
        (replace(MOVE, programmed_for=None), "not scheduled at Mailjet", "Schedule it"),
        (replace(CANCEL, programmed_for=None), "not scheduled at Mailjet", "Schedule it"),
        (replace(CONTENT, programmed_for=at), "scheduled already, for 2026-11-30 12:00 UTC", "Move it instead"),
        (replace(SEND, programmed_for=at), "scheduled for 2026-11-30 12:00 UTC", "cancel it first"),
        (replace(MOVE, wanted_at=at), "scheduled for 2026-11-30 12:00 UTC already", "Nothing needs to be done"),
    ):
        refusal = why_refused(content, PROGRAMMED, BESIDE, NOW)
        assert refusal is not None
        assert happened in refusal.happened
        assert next_step in refusal.next_step


def test_a_move_by_a_second_is_a_move_and_one_by_less_is_none() -> None:
    at = NOW + timedelta(hours=3)
    assert _happened(replace(MOVE, wanted_at=at + A_SECOND), PROGRAMMED) == ""
    assert "already" in _happened(replace(MOVE, wanted_at=at + timedelta(milliseconds=900)), PROGRAMMED)


def test_a_cancellation_asks_for_no_instant_so_none_stands_against_it() -> None:
    for wanted_at in (CANCEL.programmed_for, NOW - A_SECOND):
        assert _happened(replace(CANCEL, wanted_at=wanted_at), PROGRAMMED) == ""


@pytest.mark.parametrize("content", [CONTENT, MOVE, SEND])
def test_a_blocked_campaign_is_not_launched(content: LaunchContent) -> None:
    blocked = replace(BESIDE, is_blocked=True)
    assert "blocked" in _happened(content, beside=blocked)
    assert "blocked" in _stale(content, beside=blocked)


def test_a_blocked_campaign_may_be_cancelled() -> None:
    blocked = replace(BESIDE, is_blocked=True)
    assert _happened(CANCEL, PROGRAMMED, blocked) == _stale(CANCEL, PROGRAMMED, blocked) == ""


@pytest.mark.parametrize("wanted_at", [None, LATER.replace(tzinfo=None)])
def test_a_schedule_without_an_instant_or_without_its_zone_is_refused(wanted_at: datetime | None) -> None:
    assert "no instant is named" in _happened(replace(CONTENT, wanted_at=wanted_at))


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (-A_SECOND, "has passed"),
        (timedelta(0), "has passed"),
        (A_SECOND, "is nearer than 30 min"),
        (timedelta(minutes=30) - A_SECOND, "is nearer than 30 min"),
        (timedelta(minutes=30), ""),
        (timedelta(days=366), ""),
        (timedelta(days=366) + A_SECOND, "is more than 366 days ahead"),
    ],
)
def test_an_instant_is_asked_for_from_thirty_minutes_to_366_days_ahead(ahead: timedelta, words: str) -> None:
    happened = _happened(replace(CONTENT, wanted_at=NOW + ahead))
    assert words in happened
    assert bool(happened) == bool(words)


def test_what_was_approved_is_stale_a_second_less_than_five_minutes_before() -> None:
    assert _stale(replace(CONTENT, wanted_at=NOW + timedelta(minutes=5))) == ""
    assert "is nearer than 5 min" in _stale(replace(CONTENT, wanted_at=NOW + timedelta(minutes=5) - A_SECOND))


@pytest.mark.parametrize(
    ("content", "until"),
    [
        (replace(CONTENT, wanted_at=NOW + timedelta(days=3)), NOW + timedelta(hours=24)),
        (CONTENT, LATER - timedelta(minutes=5)),
        (MOVE, NOW + timedelta(hours=3)),
        (replace(MOVE, wanted_at=NOW + timedelta(hours=1)), NOW + timedelta(minutes=55)),
        (CANCEL, NOW + timedelta(hours=3)),
        (replace(CANCEL, programmed_for=NOW + timedelta(days=3)), NOW + timedelta(hours=24)),
        (replace(CANCEL, wanted_at=NOW + timedelta(hours=1)), NOW + timedelta(hours=3)),
        (SEND, NOW + timedelta(hours=2)),
    ],
)
def test_a_launch_change_expires_at_the_first_of_its_ends(content: LaunchContent, until: datetime) -> None:
    assert expires_at(content, NOW) == until


def test_what_was_approved_under_one_version_of_this_code_has_the_same_hash_under_the_next() -> None:
    content = replace(CONTENT, subject="Grüße", wanted_at=None)
    hashed = "a93dc842615399c8a3078f990c1a403eda0f6aee2a6dc59e4ec38fa7e2f54fff"  # pragma: allowlist secret
    assert content.hash == hashed


def test_no_segment_is_told_in_two_ways_that_are_the_same_content() -> None:
    assert CONTENT.hash == replace(CONTENT, segmentation_id=0).hash


def test_the_hash_covers_every_field() -> None:
    others = [
        replace(CONTENT, action=LaunchAction.MOVE),
        replace(CONTENT, draft_id=13),
        replace(CONTENT, list_id=5),
        replace(CONTENT, list_id=None),
        replace(CONTENT, segmentation_id=1),
        replace(CONTENT, subject="Letter 4"),
        replace(CONTENT, sender_hash="t"),
        replace(CONTENT, body_hash="c"),
        replace(CONTENT, programmed_for=LATER),
        replace(CONTENT, wanted_at=LATER + A_SECOND),
        replace(CONTENT, wanted_at=None),
    ]
    assert len({CONTENT.hash, *(other.hash for other in others)}) == len(others) + 1


def test_an_instant_without_a_zone_is_meant_in_utc_wherever_the_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "America/New_York")
        time.tzset()
        found = utc_second(datetime(2026, 12, 1, 9, 0, 7, 900_000))  # noqa: DTZ001
    time.tzset()
    assert found == datetime(2026, 12, 1, 9, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00.5+23:59", "9999-12-31T23:59:00.5-23:59", "2026-12-01T09:00:00.5Z"]
)
def test_an_instant_has_whole_seconds_also_at_the_ends_of_the_calendar(text: str) -> None:
    found = utc_second(datetime.fromisoformat(text))
    assert (found.microsecond, found.tzinfo) == (0, UTC)


def test_campaigns_to_the_same_list_within_a_day_collide_and_no_others() -> None:
    day = timedelta(hours=24)
    others = [
        ("before", ListRole.CAMPAIGN_1, NOW - day),
        ("after", ListRole.CAMPAIGN_1, NOW + day),
        ("too early", ListRole.CAMPAIGN_1, NOW - day - A_SECOND),
        ("too late", ListRole.CAMPAIGN_1, NOW + day + A_SECOND),
        ("elsewhere", ListRole.CAMPAIGN_2, NOW),
    ]
    assert collision_words(others, ListRole.CAMPAIGN_1, NOW) == (
        "before goes to List 1 as well, at 2026-11-29 09:00 UTC: 1 day before it.",
        "after goes to List 1 as well, at 2026-12-01 09:00 UTC: 1 day after it.",
    )


NEWS = LaunchNews(
    7,
    LaunchAction.MOVE,
    12,
    "2026-11-30-r1-d12",
    "Letter 3",
    ListRole.CAMPAIGN_1,
    1164,
    NOW,
    LATER,
    "0badc0de" * 8,
    "Ana",
    "the page is late",
    LATER,
    decided_by="Rea",
)


def test_a_message_names_what_waits_who_asked_and_how_to_decide() -> None:
    told = str(waiting_message(NEWS).blocks)
    for words in (
        "Move draft 12 from 2026-11-30 09:00 UTC to 2026-11-30 17:00 UTC",
        "Ana",
        "the page is late",
        "1,164",
        "list-pipeline launch approve 7 0badc0de0bad --by NAME",
    ):
        assert words in told


@pytest.mark.parametrize(
    "state", [state for state in LaunchState if state not in (LaunchState.WAITING, LaunchState.SUBMITTING)]
)
def test_every_end_has_a_message(state: LaunchState) -> None:
    assert "launch change 7" in ended_message(NEWS, state).text


def test_a_critical_end_says_to_look_at_mailjet_now() -> None:
    message = ended_message(replace(NEWS, words="It may still be sent.", is_critical=True), LaunchState.FAILED)
    assert message.text.startswith("🚨")
    assert "Look at draft 12 at Mailjet now" in str(message.blocks)
