"""What a told failure means by its own words: one source, so a hard bounce stays in dispute."""

from __future__ import annotations

import csv
from datetime import UTC, datetime

import pytest

from list_pipeline.core.bounces.classes import BounceClass, BounceReason
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.told_events.events import EventKind, ToldEvent
from list_pipeline.core.told_events.failures import classification_of, state_of, status_of
from list_pipeline_tests.paths import CHECKOUT

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
STATES = CHECKOUT.parent / "shared" / "data" / "mailjet_states.csv"


def bounce(state: int | None, permanent: bool | None = True, comment: str = "") -> ToldEvent:
    return ToldEvent(EventKind.BOUNCE, AT, is_permanent=permanent, state_id=state, comment=comment)


@pytest.mark.parametrize(
    ("error", "related_to", "state"),
    [
        ("user unknown", "recipient", 1),
        ("relay/access denied", "domain", 6),
        ("spam preblocked", "mailjet", 16),
        ("  Quota   Exceeded ", "recipient", 3),
        # A real one of 2023.
        ("", "policy issue", 9),
        ("", "", None),
        ("something new", "mailjet", None),
    ],
)
def test_a_state_is_known_by_its_words_in_either_field(error: str, related_to: str, state: int | None) -> None:
    assert state_of(error, related_to) == state


@pytest.mark.parametrize("state", [1, 4, 19])
def test_a_hard_bounce_that_is_only_told_is_disputed_however_sure_it_sounds(state: int) -> None:
    found = classification_of(bounce(state, permanent=True, comment="550 5.1.1 no such user here"))
    assert (found.bounce_class, found.is_disputed) == (BounceClass.HARD, True)


def test_greylisting_comes_as_a_bounce_and_is_the_senders_matter() -> None:
    found = classification_of(bounce(13, permanent=False))
    assert (found.bounce_class, found.reason) == (BounceClass.BLOCK, BounceReason.GREYLISTED)


def test_a_soft_bounce_is_not_disputed() -> None:
    found = classification_of(bounce(3, permanent=False))
    assert (found.bounce_class, found.is_disputed) == (BounceClass.SOFT, False)


def test_the_receivers_words_are_judged_and_only_known_ones_are_kept() -> None:
    found = classification_of(bounce(1, comment="550 blocked by spamhaus, ask jane@example.com"))
    assert found.bounce_class is BounceClass.BLOCK
    assert "jane" not in found.server_words


def test_spam_is_a_complaint_whatever_else_it_says() -> None:
    found = classification_of(ToldEvent(EventKind.SPAM, AT, state_id=1))
    assert found.bounce_class is BounceClass.COMPLAINT


def test_a_failure_of_a_state_that_nobody_knows_is_unknown() -> None:
    assert classification_of(bounce(None)).bounce_class is BounceClass.UNKNOWN


@pytest.mark.parametrize(
    ("kind", "permanent", "status"),
    [
        (EventKind.SPAM, None, MessageStatus.SPAM),
        (EventKind.BLOCKED, True, MessageStatus.BLOCKED),
        (EventKind.BOUNCE, True, MessageStatus.HARD_BOUNCED),
        (EventKind.BOUNCE, False, MessageStatus.SOFT_BOUNCED),
        (EventKind.BOUNCE, None, MessageStatus.SOFT_BOUNCED),
    ],
)
def test_the_end_of_the_message_follows_from_kind_and_permanence(
    kind: EventKind, permanent: bool | None, status: MessageStatus
) -> None:
    assert status_of(ToldEvent(kind, AT, is_permanent=permanent)) is status


@pytest.mark.parametrize("kind", [EventKind.OPEN, EventKind.CLICK, EventKind.SENT, EventKind.UNSUB])
def test_what_is_no_failure_has_no_class(kind: EventKind) -> None:
    with pytest.raises(ValueError, match="no failure"):
        classification_of(ToldEvent(kind, AT))


def test_an_event_needs_an_aware_instant() -> None:
    with pytest.raises(ValueError, match="timezone-aware"):
        ToldEvent(EventKind.OPEN, AT.replace(tzinfo=None))


def test_an_event_is_told_from_others_by_kind_message_address_and_second() -> None:
    one = ToldEvent(EventKind.OPEN, AT, message_id=7, address="Jane@example.com")
    same = ToldEvent(EventKind.OPEN, AT, message_id=7, address="jane@EXAMPLE.com", agent="another")
    assert one.identity == same.identity
    others = [
        ToldEvent(EventKind.CLICK, AT, message_id=7, address="jane@example.com"),
        ToldEvent(EventKind.OPEN, AT, message_id=8, address="jane@example.com"),
        ToldEvent(EventKind.OPEN, AT, message_id=7, address="joe@example.com"),
        ToldEvent(EventKind.OPEN, AT.replace(second=1), message_id=7, address="jane@example.com"),
    ]
    assert len({one.identity, *(other.identity for other in others)}) == 5


def test_nothing_that_a_stranger_wrote_is_in_the_repr_of_an_event() -> None:
    shown = repr(ToldEvent(EventKind.BOUNCE, AT, address="jane@example.com", comment="secret words", agent="odd agent"))
    assert not any(words in shown for words in ("jane", "secret", "odd agent"))


@pytest.mark.skipif(not STATES.is_file(), reason="the table of states is not on this machine (../shared/data)")
def test_every_state_of_mailjets_table_is_known_by_its_words() -> None:
    with STATES.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 21
    for row in rows:
        assert state_of(row["webhook_error"], row["error_related_to"]) == int(row["StateID"])
