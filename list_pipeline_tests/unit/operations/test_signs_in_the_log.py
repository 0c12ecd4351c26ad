"""Opens and clicks that the message log shows, from rows that are read anyway."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from list_pipeline.core.observations import NOBODY, MessageSeen, MessageStatus
from list_pipeline.core.told_events.events import EventKind
from list_pipeline.operations.campaigns.recipients import signs_of
from list_pipeline.storage.engagement import Sign

BEGAN = datetime(2026, 11, 14, 8, tzinfo=UTC)
ARRIVED = BEGAN + timedelta(minutes=5)


def message(
    status: MessageStatus, contact_id: int = 7, arrived: datetime | None = ARRIVED, problem: str = ""
) -> MessageSeen:
    return MessageSeen(1, 70, contact_id, status, None, arrived, problem)


def test_an_open_and_a_click_are_dated_by_the_arrival_of_their_message() -> None:
    found = list(signs_of([message(MessageStatus.OPENED), message(MessageStatus.CLICKED, 8)], BEGAN))
    assert found == [
        Sign(7, 70, EventKind.OPEN, ARRIVED),
        Sign(8, 70, EventKind.OPEN, ARRIVED),
        Sign(8, 70, EventKind.CLICK, ARRIVED),
    ]


def test_a_message_without_a_date_is_dated_by_the_send() -> None:
    (found,) = signs_of([message(MessageStatus.OPENED, arrived=None)], BEGAN)
    assert found.occurred_at == BEGAN


def test_nothing_else_is_a_sign_and_neither_is_what_nobody_can_be_held_to() -> None:
    others = [
        message(status) for status in MessageStatus if status not in (MessageStatus.OPENED, MessageStatus.CLICKED)
    ]
    nameless = message(MessageStatus.OPENED, NOBODY)
    spoilt = message(MessageStatus.OPENED, problem="Status is no text")
    assert list(signs_of([*others, nameless, spoilt], BEGAN)) == []
