"""Two bounce sources that know different things, and counters that say whether the reading is whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, DecidedBy, FailureEvent, count_by_class
from list_pipeline.core.bounces.sources import ReconciledBounces, reconcile
from list_pipeline.core.observations import BounceSeen, MessageSeen, MessageStatus, SendCounters

SENT = datetime(2026, 11, 2, 9, tzinfo=UTC)
MAILJET_ID = 8_000_000_001
Status = MessageStatus


def bounce(
    contact_id: int, state_id: int | None = 1, permanent: bool = True, row_id: int = 1, campaign: int = MAILJET_ID,
    at: datetime | None = SENT + timedelta(minutes=5),
) -> BounceSeen:  # fmt: skip
    return BounceSeen(row_id, campaign, contact_id, state_id, permanent, False, at)


def message(
    contact_id: int, status: MessageStatus = Status.HARD_BOUNCED, state_id: int | None = 1,
    message_id: int | None = None, campaign: int = MAILJET_ID, at: datetime | None = SENT,
) -> MessageSeen:  # fmt: skip
    return MessageSeen(message_id or 1000 + contact_id, campaign, contact_id, status, state_id, at)


def counters(hard: int = 0, soft: int = 0, blocked: int = 0, spam: int = 0, deferred: int = 0) -> SendCounters:
    return SendCounters(100, 90, 0, 0, hard, soft, blocked, deferred, 0, spam, 0)


def counted(messages: Sequence[MessageSeen]) -> SendCounters:
    def of(status: MessageStatus) -> int:
        return len({row.message_id for row in messages if row.status is status})

    return counters(of(Status.HARD_BOUNCED), of(Status.SOFT_BOUNCED), of(Status.BLOCKED), of(Status.SPAM))


def read(
    bounces: Sequence[BounceSeen], messages: Sequence[MessageSeen], shown: SendCounters | None = None,
    texts: dict[int, str] | None = None,
) -> ReconciledBounces:  # fmt: skip
    return reconcile(
        bounces, messages, shown or counted(messages), campaign_id=5, mailjet_campaign_id=MAILJET_ID, sent_at=SENT,
        texts=texts or {},
    )  # fmt: skip


def only(reading: ReconciledBounces) -> FailureEvent:
    (event,) = reading.events
    return event


def test_a_hard_bounce_in_both_sources_is_certain() -> None:
    event = only(read([bounce(7)], [message(7)]))
    assert (event.bounce_class, event.classification.is_disputed, event.is_contradictory) == (
        BounceClass.HARD,
        False,
        False,
    )
    assert (event.campaign_id, event.in_bounce_log, event.in_message_log, event.is_permanent) == (5, True, True, True)
    assert event.occurred_at == SENT + timedelta(minutes=5)


def test_a_whole_reading_without_any_doubt_says_nothing() -> None:
    reading = read([bounce(7)], [message(7)])
    assert (reading.problems, reading.warnings, reading.late_log) == ((), (), "")
    assert (reading.duplicates, reading.contradictions, reading.rows_read) == ((), (), 2)
    assert read([], [message(7, Status.SOFT_BOUNCED, 3)]).warnings == ()


@pytest.mark.parametrize(
    ("bounces", "messages"),
    [
        ([bounce(7)], []),
        ([], [message(7)]),
        ([bounce(7)], [message(7, Status.BLOCKED, 7)]),
        ([bounce(7, 7)], [message(7)]),
        ([bounce(7)], [message(7, Status.SOFT_BOUNCED, 3)]),
        ([bounce(7, None)], [message(7)]),
        ([bounce(7)], [message(7, Status.HARD_BOUNCED, 99)]),
    ],
)
def test_a_hard_bounce_that_one_source_claims_alone_is_a_contradiction(
    bounces: list[BounceSeen], messages: list[MessageSeen]
) -> None:
    reading = read(bounces, messages)
    assert only(reading).is_contradictory
    assert not only(reading).counts
    assert only(reading).bounce_class is BounceClass.HARD
    assert reading.contradictions == reading.events
    assert reading.is_complete
    assert any("one source" in sentence for sentence in reading.warnings)
    assert set(count_by_class(reading.events).values()) == {0}


@pytest.mark.parametrize(
    ("bounces", "messages", "bounce_class"),
    [
        ([bounce(7, 3, False)], [message(7, Status.HARD_BOUNCED, None)], BounceClass.SOFT),
        ([], [message(7, Status.HARD_BOUNCED, 99)], BounceClass.UNKNOWN),
    ],
)
def test_a_message_that_ended_hard_for_no_reason_that_says_so_is_a_contradiction(
    bounces: list[BounceSeen], messages: list[MessageSeen], bounce_class: BounceClass
) -> None:
    event = only(read(bounces, messages))
    assert (event.bounce_class, event.is_contradictory, event.counts) == (bounce_class, True, False)


def test_a_state_that_nobody_knows_in_both_sources_is_unknown_and_no_contradiction() -> None:
    for messages in ([message(7, Status.HARD_BOUNCED, 99)], []):
        event = only(read([bounce(7, 99)], messages))
        assert (event.bounce_class, event.is_contradictory) == (BounceClass.UNKNOWN, False)


def test_a_permanent_block_of_the_sender_is_a_block_in_both_sources_even_when_it_ended_as_a_hard_bounce() -> None:
    event = only(read([bounce(7, 7, permanent=True)], [message(7, Status.HARD_BOUNCED, 7)]))
    assert (event.bounce_class, event.is_contradictory) == (BounceClass.BLOCK, False)


@pytest.mark.parametrize(
    ("bounces", "messages"),
    [
        ([bounce(7, 7)], []),
        ([], [message(7, Status.BLOCKED, 14)]),
        ([bounce(7, 8)], [message(7, Status.BLOCKED, None)]),
    ],
)
def test_a_block_may_be_in_one_source(bounces: list[BounceSeen], messages: list[MessageSeen]) -> None:
    assert not only(read(bounces, messages)).is_contradictory


def test_a_soft_bounce_counts_when_the_message_ended_so_and_not_when_only_the_bounce_log_shows_it() -> None:
    ended = only(read([], [message(7, Status.SOFT_BOUNCED, 3)]))
    assert (ended.bounce_class, ended.counts) == (BounceClass.SOFT, True)
    retried = only(read([bounce(7, 3, False)], [message(7, Status.SENT, None)]))
    assert (retried.bounce_class, retried.counts) == (BounceClass.SOFT, False)


def test_the_two_sources_agree_on_hard_but_not_on_why_so_it_is_disputed() -> None:
    event = only(read([bounce(7, 1)], [message(7, Status.HARD_BOUNCED, 2)]))
    assert (event.bounce_class, event.classification.is_disputed) == (BounceClass.HARD, True)


def test_a_message_that_ended_softly_leaves_a_permanent_bounce_disputed() -> None:
    event = only(read([bounce(7, 1)], [message(7, Status.SOFT_BOUNCED, 1)]))
    assert (event.bounce_class, event.classification.is_disputed) == (BounceClass.HARD, True)


def test_a_message_without_a_state_lends_its_status_to_the_bounce_log() -> None:
    for status in (Status.HARD_BOUNCED, Status.BOUNCE):
        hard = only(read([bounce(7, 1)], [message(7, status, None)]))
        assert (hard.reason, hard.classification.is_disputed, hard.counts) == (BounceReason.USER_UNKNOWN, False, True)
    soft = only(read([bounce(7, 3, False)], [message(7, Status.SOFT_BOUNCED, None)]))
    assert (soft.reason, soft.is_contradictory) == (BounceReason.MAILBOX_FULL, False)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [
        (Status.BOUNCE, 3, BounceReason.MAILBOX_FULL),
        (Status.BLOCKED, 7, BounceReason.SENDER_BLOCKED),
        (Status.BLOCKED, 8, BounceReason.CONTENT_BLOCKED),
        (Status.BLOCKED, 14, BounceReason.PREBLOCKED),
    ],
)
def test_the_log_says_why_a_message_without_a_state_ended_as_it_did(
    status: MessageStatus, state: int, reason: BounceReason
) -> None:
    event = only(read([bounce(7, state, False)], [message(7, status, None)]))
    assert (event.reason, event.is_contradictory) == (reason, False)


def test_of_the_log_only_what_fits_the_end_of_a_message_says_why() -> None:
    event = only(read([bounce(7, 3, False), bounce(7, 7, False, 2)], [message(7, Status.BLOCKED, None)]))
    assert event.reason is BounceReason.SENDER_BLOCKED


def test_a_message_that_shows_why_it_ended_is_not_asked_of_the_log() -> None:
    assert only(read([bounce(7, 7)], [message(7, Status.BLOCKED, 8)])).reason is BounceReason.CONTENT_BLOCKED


def test_a_status_that_does_not_say_hard_or_soft_supports_the_log_without_a_dispute() -> None:
    event = only(read([bounce(7)], [message(7, Status.BOUNCE, 1)]))
    assert (event.bounce_class, event.classification.is_disputed, event.counts) == (BounceClass.HARD, False, True)


def test_several_rows_of_a_contact_become_one_event_with_the_worst_that_both_support() -> None:
    rows = [bounce(7, 13, False, 1), bounce(7, 1, True, 2), bounce(7, 1, True, 3)]
    reading = read(rows, [message(7)])
    assert only(reading).reason is BounceReason.USER_UNKNOWN
    assert reading.duplicates == ((7, 2),)
    assert reading.duplicates_count == 2


def test_the_row_that_is_shown_is_one_of_the_reason_that_was_chosen() -> None:
    later = SENT + timedelta(hours=1)
    rows = [bounce(7, 3, False, 1), bounce(7, 1, False, 2, at=later)]
    ended = [message(7, Status.BLOCKED, 7, 1), message(7, Status.HARD_BOUNCED, 1, 2)]
    event = only(read(rows, ended))
    assert (event.reason, event.state_id, event.is_permanent) == (BounceReason.USER_UNKNOWN, 1, False)
    assert (event.status, event.occurred_at) == (Status.HARD_BOUNCED, later)


def test_of_several_rows_of_a_reason_the_permanent_one_is_shown_then_the_earliest_with_a_date() -> None:
    def at(minutes: int) -> datetime:
        return SENT + timedelta(minutes=minutes)

    rows = [
        bounce(7, 1, False, 1, at=at(1)),
        bounce(7, 1, True, 2, at=None),
        bounce(7, 1, True, 3, at=at(9)),
        bounce(7, 1, True, 4, at=at(5)),
    ]
    event = only(read(rows, [message(7)]))
    assert (event.is_permanent, event.occurred_at) == (True, at(5))


@pytest.mark.parametrize("states", [(None, 0), (50, 99)])
def test_of_rows_that_differ_in_an_unknown_state_alone_the_same_is_shown_in_any_order(
    states: tuple[int | None, int],
) -> None:
    rows = [bounce(7, state) for state in states]
    assert {only(read(order, [])).state_id for order in (rows, rows[::-1])} == {states[0]}


def test_where_one_source_alone_shows_a_failure_its_state_and_date_are_taken() -> None:
    logged = only(read([bounce(7, 7)], []))
    assert (logged.state_id, logged.status) == (7, None)
    late, later = SENT + timedelta(hours=1), SENT + timedelta(hours=2)
    ended = only(read([], [message(7, Status.BLOCKED, 14, 1, at=later), message(7, Status.BLOCKED, 14, 2, at=late)]))
    assert (ended.state_id, ended.is_permanent, ended.occurred_at) == (14, None, late)


def test_what_the_state_and_the_words_say_alike_is_put_down_to_the_state() -> None:
    said = {7: "550 blocked, see our blacklist"}
    for rows in ([bounce(7, 7), bounce(7, 1, True, 2)], [bounce(7, 1), bounce(7, 7, True, 2)]):
        found = only(read(rows, [], texts=said)).classification
        assert (found.reason, found.decided_by) == (BounceReason.SENDER_BLOCKED, DecidedBy.STATE)


def test_what_both_agree_on_is_kept_when_one_row_claims_more() -> None:
    event = only(read([bounce(7, 3, False), bounce(7, 1, True, 2)], [message(7, Status.SOFT_BOUNCED, 3)]))
    assert (event.bounce_class, event.is_contradictory) == (BounceClass.SOFT, True)


def test_a_complaint_needs_one_source_and_outweighs_everything() -> None:
    event = only(read([bounce(7, 1)], [message(7, Status.SPAM, None)]))
    assert (event.bounce_class, event.is_contradictory) == (BounceClass.COMPLAINT, False)
    assert only(read([bounce(7, 21)], [])).counts


def test_a_message_that_is_still_being_tried_is_no_failure_yet() -> None:
    event = only(read([bounce(7, 3, False)], [message(7, Status.DEFERRED, 3)]))
    assert (event.bounce_class, event.reason) == (BounceClass.UNKNOWN, BounceReason.STILL_TRYING)


def test_the_receivers_words_reach_the_classification_in_both_sources() -> None:
    said = {7: "550 5.1.1 no such user"}
    event = only(read([bounce(7, 2, False)], [message(7, Status.HARD_BOUNCED, 2)], texts=said))
    assert (event.classification.is_disputed, event.classification.decided_by) == (False, DecidedBy.RECEIVERS_WORDS)
    ours = only(read([bounce(7)], [message(7)], texts={7: "550 blocked, see our blacklist"}))
    assert (ours.bounce_class, ours.is_contradictory) == (BounceClass.BLOCK, False)


@pytest.mark.parametrize(
    ("shown", "words"),
    [
        (counters(hard=2), "bounced hard"),
        (counters(hard=1, soft=1), "bounced softly"),
        (counters(hard=1, blocked=3), "blocked"),
        (counters(hard=1, spam=1), "spam"),
    ],
)
def test_fewer_rows_than_counted_is_an_incomplete_reading(shown: SendCounters, words: str) -> None:
    reading = read([bounce(7)], [message(7)], shown)
    assert not reading.is_complete
    assert any(words in sentence for sentence in reading.problems)


def test_more_rows_than_counted_is_a_late_counter_and_only_warns() -> None:
    reading = read([bounce(7)], [message(7)], counters())
    assert reading.is_complete
    assert reading.warnings == ("1 messages bounced hard, the counters show 0: they are late.",)


def test_messages_that_are_still_being_tried_are_told() -> None:
    told = "2 messages are still being tried: a later sweep sees how they end."
    assert read([bounce(7)], [message(7)], counters(hard=1, deferred=2)).warnings == (told,)


def test_nothing_read_although_the_counters_show_failures_is_not_an_empty_campaign() -> None:
    assert not read([], [], counters(hard=3)).is_complete
    assert read([], [], counters()).is_complete


def test_the_same_page_read_twice_does_not_hide_a_missing_message() -> None:
    assert not read([bounce(7)], [message(7), message(7)], counters(hard=2)).is_complete


def test_two_messages_of_one_contact_are_two_for_the_counters_and_one_event() -> None:
    rows = [message(7, Status.BLOCKED, 15, 1), message(7, Status.BLOCKED, 15, 2)]
    reading = read([], rows, counters(blocked=2))
    assert reading.is_complete
    assert reading.duplicates == ((7, 1),)
    assert len(reading.events) == 1


def test_a_status_that_does_not_say_hard_or_soft_is_compared_with_the_sum_of_both() -> None:
    assert read([bounce(7)], [message(7, Status.BOUNCE)], counters(hard=1)).is_complete
    assert not read([bounce(7)], [message(7, Status.BOUNCE)], counters(hard=1, soft=1)).is_complete
    all_three = [message(7, Status.BOUNCE), message(8, Status.SOFT_BOUNCED, 3), message(9)]
    reading = read([bounce(7), bounce(9)], all_three, counters(hard=2, soft=1))
    assert (reading.problems, reading.warnings) == ((), ())


def test_rows_of_another_campaign_make_the_reading_unusable_and_are_not_counted() -> None:
    reading = read([bounce(7), bounce(8, campaign=1)], [message(7), message(9, campaign=1)], counters(hard=1))
    assert not reading.is_complete
    assert [event.contact_id for event in reading.events] == [7]
    assert "2 rows of another campaign" in reading.problems[0]


def test_a_row_without_a_contact_is_reported_and_held_against_nobody() -> None:
    reading = read([bounce(0)], [])
    assert reading.events == ()
    assert any("of erased contacts" in sentence for sentence in reading.warnings)


def test_the_message_of_an_erased_contact_is_counted_like_any_other() -> None:
    reading = read([bounce(7), bounce(0)], [message(7), message(0)], counters(hard=2))
    assert reading.is_complete
    assert [event.contact_id for event in reading.events] == [7]


def test_an_empty_bounce_log_beside_hard_messages_is_said_aloud() -> None:
    assert any("bounce log shows nothing" in sentence for sentence in read([], [message(7)]).warnings)


def test_a_failure_without_any_date_is_dated_by_the_sending_and_said_so() -> None:
    reading = read([bounce(7, at=None)], [message(7, at=None)])
    assert only(reading).occurred_at == SENT
    assert any("no date" in sentence for sentence in reading.warnings)


def test_deliveries_among_the_messages_are_no_failures() -> None:
    assert read([], [message(7, Status.SENT, None), message(8, Status.CLICKED, None)], counters()).events == ()


ROWS = st.lists(
    st.builds(
        bounce,
        st.integers(1, 4),
        st.integers(0, 23) | st.none(),
        st.booleans(),
        st.integers(1, 9),
        at=st.sampled_from([None, SENT, SENT + timedelta(hours=1)]),
    ),
    max_size=12,
)
MESSAGES = st.lists(
    st.builds(
        message,
        st.integers(1, 4),
        st.sampled_from(list(MessageStatus)),
        st.integers(0, 23) | st.none(),
        st.integers(1, 9),
        at=st.sampled_from([None, SENT]),
    ),
    max_size=8,
)


@given(ROWS, MESSAGES, st.randoms(use_true_random=False))
def test_neither_order_nor_duplicates_change_the_events(bounces, messages, random) -> None:  # type: ignore[no-untyped-def]
    expected = read(bounces, messages, counters()).events
    more_bounces, more_messages = bounces + bounces[:3], messages + messages[:2]
    random.shuffle(more_bounces)
    random.shuffle(more_messages)
    assert read(more_bounces, more_messages, counters()).events == expected


@given(ROWS, MESSAGES)
def test_no_hard_bounce_counts_without_both_sources(bounces, messages) -> None:  # type: ignore[no-untyped-def]
    for event in read(bounces, messages, counters()).events:
        if event.bounce_class is BounceClass.HARD and event.counts:
            assert event.in_bounce_log
            assert event.in_message_log
            assert any(
                row.contact_id == event.contact_id and row.status not in (Status.SENT, Status.OPENED, Status.CLICKED)
                for row in messages
            )


@pytest.mark.parametrize(
    ("missing", "shown", "late"), [(3, 0, True), (2, 0, False), (3, 9, True), (3, 10, False), (20, 20, True)]
)
def test_many_hard_bounces_that_one_source_lacks_are_a_late_log_and_few_are_contradictions(
    missing: int, shown: int, late: bool
) -> None:
    messages = [message(number) for number in range(1, missing + shown + 1)]
    reading = read([bounce(number, row_id=number) for number in range(missing + 1, missing + shown + 1)], messages)
    assert bool(reading.late_log) is late
    if late:
        assert reading.late_log.startswith(f"{missing} of {missing + shown} hard bounces")


def test_bounces_of_the_log_that_no_message_and_no_counter_shows_yet_are_a_late_log_too() -> None:
    assert read([bounce(number, row_id=number) for number in range(1, 5)], []).late_log


def test_messages_that_ended_softly_beside_hard_rows_are_no_late_log() -> None:
    numbers = range(1, 9)
    messages = [message(number, Status.SOFT_BOUNCED, 3) for number in numbers]
    assert not read([bounce(number, row_id=number) for number in numbers], messages).late_log


def test_softer_failures_do_not_make_a_late_log_look_whole() -> None:
    soft = [message(number, Status.SOFT_BOUNCED, 3) for number in range(10, 20)]
    assert read([], [message(1), message(2), message(3), *soft]).late_log


def test_a_log_is_late_too_beside_messages_that_do_not_say_hard_or_soft() -> None:
    assert read([], [message(number, Status.BOUNCE) for number in range(1, 4)]).late_log


def test_counters_of_fewer_messages_than_contacts_were_mailed_prove_nothing() -> None:
    def of(recipients: int) -> ReconciledBounces:
        return reconcile(
            [], [], counters(), campaign_id=5, mailjet_campaign_id=MAILJET_ID, sent_at=SENT, recipients=recipients
        )

    assert of(100).is_complete
    assert not of(101).is_complete
    empty = SendCounters(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    for bounces, messages in (([bounce(7)], []), ([], [message(7)])):
        assert "counters are not whole" in " ".join(read(bounces, messages, empty).problems)
    assert read([], [], empty).is_complete


# Rows that cannot be read

CONTACTS = st.integers(1, 6)
BOUNCES = st.lists(st.builds(bounce, CONTACTS, st.sampled_from([1, 2, 4, 13, 21, 99, None]), st.booleans()), max_size=6)
NOT_DELIVERED = [one for one in Status if one not in (Status.SENT, Status.OPENED, Status.CLICKED, Status.UNSUBSCRIBED)]
MESSAGES = st.lists(
    st.builds(message, CONTACTS, st.sampled_from(NOT_DELIVERED), st.sampled_from([1, 4, 13, None])), max_size=6
)


@given(bounces=BOUNCES, messages=MESSAGES, data=st.data())
def test_a_row_that_cannot_be_read_makes_its_contact_unknown_and_changes_nobody_else(
    bounces: list[BounceSeen], messages: list[MessageSeen], data: st.DataObject
) -> None:
    rows: list[BounceSeen | MessageSeen] = [*bounces, *messages]
    if not rows:
        return
    spoilt = data.draw(st.integers(0, len(rows) - 1))
    whole = read(bounces, messages)
    rows[spoilt] = replace(rows[spoilt], problem="StateID is a number that is too large")
    found = read(
        [row for row in rows if isinstance(row, BounceSeen)], [row for row in rows if isinstance(row, MessageSeen)],
        counted(messages),
    )  # fmt: skip
    about = rows[spoilt].contact_id
    assert found.problems == whole.problems
    assert [event for event in found.events if event.contact_id != about] == [
        event for event in whole.events if event.contact_id != about
    ]
    assert all(event.bounce_class is BounceClass.UNKNOWN for event in found.events if event.contact_id == about)
    assert {event.contact_id for event in found.events} == {event.contact_id for event in whole.events}
    assert any("cannot be read" in warning for warning in found.warnings)


def test_a_row_that_does_not_say_whose_it_is_is_counted_and_held_against_nobody() -> None:
    nameless = replace(message(5), contact_id=-77, problem="ContactID should be a whole number and is str")
    found = read([bounce(5)], [nameless])
    assert found.is_complete
    assert not any("erased" in warning for warning in found.warnings)
    assert only(found).is_contradictory
    assert only(found).contact_id == 5


def test_an_event_of_rows_that_cannot_be_read_is_dated_by_what_could_be_read() -> None:
    later = SENT + timedelta(hours=2)
    dated = read([replace(bounce(5, at=later), problem="x")], [message(5, at=None)])
    undated = read([replace(bounce(5, at=None), problem="x")], [])
    assert (only(dated).occurred_at, only(undated).occurred_at) == (later, SENT)
    assert (only(undated).in_bounce_log, only(undated).in_message_log) == (True, False)
