"""How many messages surely reached a contact before a send, by a count that Mailjet gave at another moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.suppression.verdicts import CountedDeliveries

SENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize("age", [timedelta(), HOUR])
def test_what_was_counted_until_the_send_is_all_older(age: timedelta) -> None:
    assert CountedDeliveries(3, SENT - age).before(SENT, [SENT + HOUR]) == 3


def test_of_a_later_count_one_may_be_the_sends_own() -> None:
    assert CountedDeliveries(3, SENT + HOUR).before(SENT) == 2


@pytest.mark.parametrize(("other", "left"), [(-HOUR, 2), (timedelta(), 2), (HOUR / 2, 1), (HOUR, 1), (HOUR * 2, 2)])
def test_another_send_between_the_send_and_the_count_takes_one_off(other: timedelta, left: int) -> None:
    assert CountedDeliveries(3, SENT + HOUR).before(SENT, [SENT + other]) == left


@pytest.mark.parametrize("count", [0, 1])
def test_there_are_never_fewer_than_none(count: int) -> None:
    assert CountedDeliveries(count, SENT + HOUR).before(SENT, [SENT + HOUR / 2] * 3) == 0
