"""Two processes at the same message, because the connection that held it for one of them died unnoticed: what the first one
wrote stands, and the second posts nothing that it need not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.messages.delivery import DELIVERY_LIFE, Channel, DeliveryState
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import header
from list_pipeline.operations.messages.outbox import leave_out, post, send_waiting
from list_pipeline.storage import messages as message_rows
from list_pipeline.storage.messages import Outgoing, StoredMessage
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.races import Write, lose_race

KEY = MessageKey("report")


@pytest.fixture
def queued(new_here: Installation) -> StoredMessage:
    now = new_here.clock.now()
    with new_here.services.database.begin() as connection:
        return message_rows.queue(connection, Outgoing(KEY, "Report", [header("Report")]), now, now)


def arrived(made: Installation, ts: str = "1.0") -> Write:
    now = made.clock.now()
    return lambda c: message_rows.sent(c, KEY, Channel.SLACK, "C1", ts, None, now)


def ended(state: DeliveryState) -> Write:
    return lambda c: message_rows.not_sent(c, KEY, state, "why", None)


def stored(made: Installation) -> tuple[Any, ...]:
    return made.query("select state, message_ts, attempts, last_error from notification")[0]


@pytest.mark.usefixtures("queued")
class TestRows:
    def test_a_message_arrives_once(self, new_here: Installation) -> None:
        raised = lose_race(new_here.services.database, arrived(new_here), arrived(new_here, "2.0"))
        assert isinstance(raised, StateChangedError)
        assert stored(new_here) == ("sent", "1.0", 0, None)

    @pytest.mark.parametrize("state", sorted(DELIVERY_LIFE.table[DeliveryState.PENDING] - {DeliveryState.SENT}))
    def test_what_arrived_is_not_noted_otherwise(self, new_here: Installation, state: DeliveryState) -> None:
        raised = lose_race(new_here.services.database, arrived(new_here), ended(state))
        assert isinstance(raised, StateChangedError)
        assert stored(new_here) == ("sent", "1.0", 0, None)

    @pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.UNKNOWN, DeliveryState.SKIPPED])
    def test_what_was_given_up_stays_so(self, new_here: Installation, state: DeliveryState) -> None:
        raised = lose_race(new_here.services.database, ended(DeliveryState.EXPIRED), ended(state))
        assert isinstance(raised, StateChangedError)
        assert stored(new_here)[0] == "expired"

    def test_a_message_that_arrived_is_not_tried_again(self, new_here: Installation) -> None:
        now = new_here.clock.now()
        raised = lose_race(
            new_here.services.database, arrived(new_here), lambda c: message_rows.attempted(c, KEY, None, now)
        )
        assert isinstance(raised, StateChangedError)
        assert stored(new_here) == ("sent", "1.0", 0, None)

    def test_a_failure_may_be_noted_again(self, new_here: Installation) -> None:
        assert lose_race(new_here.services.database, ended(DeliveryState.FAILED), ended(DeliveryState.FAILED)) is None

    def test_a_message_that_arrived_is_not_left_out(self, new_here: Installation) -> None:
        with new_here.services.database.begin() as connection:
            arrived(new_here)(connection)
        with new_here.services.database.begin() as connection:
            assert not leave_out(connection, KEY, "no news")
        assert stored(new_here)[0] == "sent"


@pytest.fixture
def held_in_vain(new_here: Installation, queued: StoredMessage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process holds the message as it was queued, while another one has posted it."""

    @contextmanager
    def held(*_: object) -> Iterator[StoredMessage]:
        yield queued

    with new_here.services.database.begin() as connection:
        arrived(new_here)(connection)
    monkeypatch.setattr(message_rows, "held", held)


@pytest.mark.usefixtures("held_in_vain")
def test_a_message_that_another_process_posted_is_not_posted_a_second_time(
    new_here: Installation, queued: StoredMessage
) -> None:
    done = post(new_here.services, queued)
    assert (done.state, done.ts) == (DeliveryState.SENT, "1.0")
    assert new_here.cards() == []
    assert stored(new_here) == ("sent", "1.0", 0, None)


@pytest.mark.usefixtures("held_in_vain")
def test_a_message_that_arrived_at_the_last_moment_is_not_given_up(
    new_here: Installation, queued: StoredMessage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_rows, "too_old", lambda *_: (queued,))
    new_here.clock.advance(timedelta(days=2))
    (done,) = send_waiting(new_here.services)
    assert done.state is DeliveryState.SENT
    assert stored(new_here)[0] == "sent"
