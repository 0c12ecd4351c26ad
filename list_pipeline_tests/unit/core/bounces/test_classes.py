"""What each failure means: all 21 states, with and without the permanence flag, and the receiver's own words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import (
    COUNTING_CLASSES,
    SENDER_CLASSES,
    BounceClass,
    BounceReason,
    Classification,
    DecidedBy,
    FailureEvent,
    RelatedTo,
    advice_for,
    classify,
    restore_classification,
)
from list_pipeline.core.observations import MessageStatus

HARD, SOFT, BLOCK = BounceClass.HARD, BounceClass.SOFT, BounceClass.BLOCK
CONTENT, NOTHING, COMPLAINT = BounceClass.CONTENT, BounceClass.NOT_EVIDENCE, BounceClass.COMPLAINT

# state, class, reason, disputed with the permanence flag, disputed without it
STATES = [
    (1, HARD, "user_unknown", False, True),
    (2, HARD, "mailbox_inactive", True, True),
    (3, SOFT, "mailbox_full", False, False),
    (4, HARD, "invalid_domain", False, True),
    (5, HARD, "no_mail_host", True, True),
    (6, BLOCK, "access_denied", False, False),
    (7, BLOCK, "sender_blocked", False, False),
    (8, CONTENT, "content_blocked", False, False),
    (9, BLOCK, "policy_issue", False, False),
    (10, BLOCK, "system_issue", False, False),
    (11, BLOCK, "protocol_issue", False, False),
    (12, BLOCK, "connection_issue", False, False),
    (13, BLOCK, "greylisted", False, False),
    (14, NOTHING, "preblocked", False, False),
    (15, NOTHING, "duplicate_in_campaign", False, False),
    (16, CONTENT, "spam_preblocked", False, False),
    (17, CONTENT, "bad_template", False, False),
    (18, CONTENT, "template_error", False, False),
    (19, HARD, "typofix", False, True),
    (20, NOTHING, "blacklisted", False, False),
    (21, COMPLAINT, "spam_reporter", False, False),
]
NO_SUCH_USER = "550 5.1.1 <someone@example.com>: Recipient address rejected: User unknown in virtual mailbox table"
OUR_FAULT = "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent: on our block list (S3150). User unknown"


@pytest.mark.parametrize(("state", "bounce_class", "reason", "with_flag", "without"), STATES)
def test_every_state_has_its_class_and_the_flag_only_settles_a_dispute(
    state: int, bounce_class: BounceClass, reason: str, with_flag: bool, without: bool
) -> None:
    for is_permanent, disputed in ((True, with_flag), (False, without), (None, without)):
        found = classify(state, is_permanent, MessageStatus.BOUNCE)
        assert (found.bounce_class, found.reason.value, found.is_disputed) == (bounce_class, reason, disputed)
        assert found.counts == (bounce_class in {HARD, SOFT, COMPLAINT})


WITHOUT_STATE = [None, 0, -1, 22, 99, 10**12]


@pytest.mark.parametrize("state", WITHOUT_STATE)
@pytest.mark.parametrize("is_permanent", [True, False, None])
@pytest.mark.parametrize("text", [None, "", "550 transaction failed", "451 try again later"])
def test_a_state_outside_the_table_is_unknown_where_no_words_stand_in_for_it(
    state: int | None, is_permanent: bool | None, text: str | None
) -> None:
    found = classify(state, is_permanent, MessageStatus.HARD_BOUNCED, text)
    assert found.bounce_class is BounceClass.UNKNOWN
    assert not found.counts


@pytest.mark.parametrize("state", WITHOUT_STATE)
@pytest.mark.parametrize(
    ("text", "bounce_class", "reason"),
    [
        ("550 5.1.1 user unknown", HARD, BounceReason.USER_UNKNOWN),
        ("550 host unknown", HARD, BounceReason.INVALID_DOMAIN),
        ("550 mailbox disabled", HARD, BounceReason.MAILBOX_INACTIVE),
        ("550 mailbox unavailable", HARD, BounceReason.USER_UNKNOWN),
        ("552 mailbox full", SOFT, BounceReason.MAILBOX_FULL),
        ("550 user unknown, blacklisted", BounceClass.BLOCK, BounceReason.SENDER_BLOCKED),
    ],
)
def test_where_no_state_is_known_words_count_and_certain_ones_only_beside_the_permanence_flag(
    state: int | None, text: str, bounce_class: BounceClass, reason: BounceReason
) -> None:
    for is_permanent in (True, False, None):
        found = classify(state, is_permanent, MessageStatus.BOUNCE, text)
        # A sentence alone takes a second one, and so does a number that may stand for anything.
        is_plain = text in ("550 5.1.1 user unknown", "550 host unknown")
        is_disputed = bounce_class is HARD and not (is_plain and state in (None, 0) and is_permanent)
        assert (found.bounce_class, found.reason, found.is_disputed) == (bounce_class, reason, is_disputed)
        assert found.decided_by is DecidedBy.RECEIVERS_WORDS


@pytest.mark.parametrize("state", [1, 4, 19])
@pytest.mark.parametrize("is_permanent", [True, False, None])
@pytest.mark.parametrize(
    ("text", "bounce_class", "reason", "is_disputed"),
    [
        ("Requested mail action aborted: exceeded storage allocation", SOFT, BounceReason.MAILBOX_FULL, False),
        ("554 Message not allowed - [299]", BounceClass.BLOCK, BounceReason.SENDER_BLOCKED, False),
        ("550 account suspended", HARD, BounceReason.MAILBOX_INACTIVE, True),
        ("550 mailbox unavailable, please try again later", HARD, None, True),
    ],
)
def test_words_beat_a_hard_state_towards_keeping_the_contact(
    state: int,
    is_permanent: bool | None,
    text: str,
    bounce_class: BounceClass,
    reason: BounceReason | None,
    is_disputed: bool,
) -> None:
    found = classify(state, is_permanent, MessageStatus.BOUNCE, text)
    expected = reason or classify(state, is_permanent).reason
    assert (found.bounce_class, found.reason, found.is_disputed) == (bounce_class, expected, is_disputed)
    # Without the flag such a failure is disputed anyway.
    is_decided = reason is not None or is_permanent is True
    assert found.decided_by is (DecidedBy.RECEIVERS_WORDS if is_decided else DecidedBy.STATE)


@pytest.mark.parametrize("is_permanent", [True, False, None])
@pytest.mark.parametrize(
    ("text", "reason", "is_disputed"),
    [
        ("550 user unknown", BounceReason.USER_UNKNOWN, False),
        ("550 5.4.1 Recipient address rejected: Access denied", BounceReason.USER_UNKNOWN, True),
        ("550 mailbox disabled", BounceReason.MAILBOX_INACTIVE, True),
    ],
)
def test_a_refused_access_that_was_the_recipients_is_told_by_its_words(
    is_permanent: bool | None, text: str, reason: BounceReason, is_disputed: bool
) -> None:
    found = classify(6, is_permanent, MessageStatus.BOUNCE, text)
    assert (found.bounce_class, found.reason, found.is_disputed) == (HARD, reason, is_disputed)
    for other in ("550 access denied", "550 host unknown", "552 mailbox full", "451 try again later", None):
        assert classify(6, is_permanent, MessageStatus.BOUNCE, other).bounce_class is BounceClass.BLOCK


@given(st.integers(-5, 40) | st.none(), st.sampled_from([*MessageStatus, None]))
def test_the_permanence_flag_never_changes_the_class(state: int | None, status: MessageStatus | None) -> None:
    flagged, plain = classify(state, True, status), classify(state, False, status)
    assert flagged.bounce_class is plain.bounce_class


@given(st.integers(1, 21), st.sampled_from([True, False, None]), st.text(max_size=200))
def test_a_text_never_makes_anything_of_what_is_not_the_recipients(
    state: int, is_permanent: bool | None, text: str
) -> None:
    silent = classify(state, is_permanent)
    if silent.bounce_class in SENDER_CLASSES | {NOTHING, SOFT} and silent.reason is not BounceReason.ACCESS_DENIED:
        assert classify(state, is_permanent, None, text + " user unknown") == silent


@pytest.mark.parametrize("state", [None, 1, 7, 14, 99])
def test_a_message_that_was_reported_as_spam_is_a_complaint_whatever_its_state(state: int | None) -> None:
    assert classify(state, False, MessageStatus.SPAM).bounce_class is COMPLAINT


@pytest.mark.parametrize("status", [MessageStatus.DEFERRED, MessageStatus.QUEUED])
def test_a_message_that_is_still_being_tried_is_neither_failure_nor_delivery(status: MessageStatus) -> None:
    found = classify(1, True, status)
    assert (found.bounce_class, found.reason) == (BounceClass.UNKNOWN, BounceReason.STILL_TRYING)


@pytest.mark.parametrize("state", [1, 2])
def test_the_receivers_words_settle_a_dispute_about_a_mailbox(state: int) -> None:
    found = classify(state, False, None, NO_SUCH_USER)
    assert (found.bounce_class, found.is_disputed, found.decided_by) == (HARD, False, DecidedBy.RECEIVERS_WORDS)


@pytest.mark.parametrize("is_permanent", [True, False, None])
def test_words_that_say_what_the_state_says_change_nothing(is_permanent: bool | None) -> None:
    assert classify(2, is_permanent, None, "550 mailbox disabled") == classify(2, is_permanent)
    for state in (2, 5):
        assert classify(state, is_permanent, None, "550 please try again later") == classify(state, is_permanent)


def test_a_text_about_a_mailbox_says_nothing_about_a_missing_mail_host() -> None:
    assert classify(5, True, None, NO_SUCH_USER).is_disputed
    assert not classify(5, True, None, "DNS answer: NXDOMAIN for example.invalid").is_disputed


def test_access_denied_is_ours_unless_the_receiver_says_that_there_is_no_such_user() -> None:
    assert classify(6, True, None, "550 relay access denied").bounce_class is BLOCK
    assert classify(6, True).bounce_class is BLOCK
    found = classify(6, False, None, NO_SUCH_USER)
    assert (found.bounce_class, found.reason, found.is_disputed) == (HARD, BounceReason.USER_UNKNOWN, False)


def test_a_reputation_block_that_is_coded_as_user_unknown_stays_our_fault() -> None:
    found = classify(1, True, MessageStatus.HARD_BOUNCED, OUR_FAULT)
    assert (found.bounce_class, found.reason) == (BLOCK, BounceReason.SENDER_BLOCKED)


@pytest.mark.parametrize("state", [3, 7, 8, 14, 20, 21])
@pytest.mark.parametrize("text", [OUR_FAULT, "452 4.2.2 mailbox full", NO_SUCH_USER])
def test_no_text_makes_anything_else_of_what_is_not_hard(state: int, text: str) -> None:
    assert classify(state, True, None, text) == classify(state, True)


def test_a_full_mailbox_that_is_coded_as_user_unknown_is_soft() -> None:
    assert classify(1, True, None, "552 5.1.1 Recipient overquota").bounce_class is SOFT


@pytest.mark.parametrize("reason", list(BounceReason))
def test_people_are_told_what_to_do_exactly_where_it_is_not_about_the_contact(reason: BounceReason) -> None:
    states = {row[2]: row[1] for row in STATES}
    ours = states.get(reason.value) in {BLOCK, CONTENT, NOTHING}
    assert bool(advice_for(reason)) == ours


@pytest.mark.parametrize("state", range(1, 22))
def test_a_stored_classification_comes_back_as_it_was(state: int) -> None:
    found = classify(state, None)
    assert restore_classification(found.bounce_class, found.reason, found.is_disputed, found.decided_by) == found


@pytest.mark.parametrize("status", [MessageStatus.SPAM, MessageStatus.DEFERRED, MessageStatus.UNKNOWN])
def test_what_mailjet_has_no_state_for_comes_back_as_it_was_too(status: MessageStatus) -> None:
    found = classify(None, None, status)
    assert restore_classification(found.bounce_class, found.reason, found.is_disputed, found.decided_by) == found


def test_a_stored_class_is_not_judged_again_by_todays_table() -> None:
    assert restore_classification(SOFT, BounceReason.GREYLISTED, False, DecidedBy.STATE).bounce_class is SOFT


def test_only_three_classes_can_ever_count() -> None:
    assert frozenset({HARD, SOFT, COMPLAINT}) == COUNTING_CLASSES
    assert frozenset({BLOCK, CONTENT}) == SENDER_CLASSES


class TestFailureEvent:
    def event(self, **changes: object) -> FailureEvent:
        values: dict[str, object] = {
            "contact_id": 7,
            "campaign_id": 3,
            "occurred_at": datetime(2026, 11, 2, 9, tzinfo=UTC),
            "state_id": 1,
            "is_permanent": True,
            "status": MessageStatus.HARD_BOUNCED,
            "classification": Classification(HARD, BounceReason.USER_UNKNOWN, RelatedTo.RECIPIENT),
            "in_bounce_log": True,
            "in_message_log": True,
        }
        return FailureEvent(**{**values, **changes})  # type: ignore[arg-type]

    def test_an_instant_without_a_zone_is_refused(self) -> None:
        with pytest.raises(ValueError, match="timezone-aware"):
            self.event(occurred_at=datetime(2026, 11, 2, 9))  # noqa: DTZ001

    def test_an_event_that_nobody_saw_is_refused(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            self.event(in_bounce_log=False, in_message_log=False)

    def test_a_contradictory_event_does_not_count(self) -> None:
        assert self.event().counts
        assert not self.event(is_contradictory=True).counts

    def test_a_failure_that_is_not_the_contacts_does_not_count(self) -> None:
        assert not self.event(classification=classify(7, True)).counts
        assert not self.event(classification=classify(None, True)).counts

    def test_a_hard_bounce_that_mailjet_calls_permanent_or_the_receiver_settles_leaves_no_doubt(self) -> None:
        assert self.event().is_permanent_hard
        assert not self.event(is_permanent=False).is_permanent_hard
        assert self.event(is_permanent=False, classification=classify(1, False, None, NO_SUCH_USER)).is_permanent_hard
        disabled = classify(1, False, None, "550 mailbox disabled")
        assert not self.event(is_permanent=False, classification=disabled).is_permanent_hard
        assert not self.event(classification=classify(3, True)).is_permanent_hard
        assert not self.event(is_contradictory=True).is_permanent_hard


@pytest.mark.parametrize(
    ("found", "decided_by"),
    [
        (classify(1, True), DecidedBy.PERMANENCE_FLAG),
        (classify(1, False), DecidedBy.STATE),
        (classify(2, True), DecidedBy.STATE),
        (classify(3, True), DecidedBy.STATE),
        (classify(1, True, None, NO_SUCH_USER), DecidedBy.PERMANENCE_FLAG),
        (classify(1, True, None, OUR_FAULT), DecidedBy.RECEIVERS_WORDS),
        (classify(6, True, None, NO_SUCH_USER), DecidedBy.RECEIVERS_WORDS),
        (classify(1, True, MessageStatus.SPAM), DecidedBy.MESSAGE_STATUS),
        (classify(1, True, MessageStatus.DEFERRED), DecidedBy.MESSAGE_STATUS),
        (classify(None, None), DecidedBy.STATE),
    ],
)
def test_a_classification_says_what_settled_it(found: Classification, decided_by: DecidedBy) -> None:
    assert found.decided_by is decided_by
