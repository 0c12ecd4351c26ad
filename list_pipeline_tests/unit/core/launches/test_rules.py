"""What is refused of a launch change, what its content hash covers, and what Mailjet shows says of it."""

from __future__ import annotations

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
