"""When a digest is due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.digest.periods import Period, last_due

FRIDAY = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)


def test_a_day_s_digest_is_due_at_its_hour_and_not_a_moment_before() -> None:
    assert last_due(Period.DAY, FRIDAY, 7, 1) == FRIDAY
    assert last_due(Period.DAY, FRIDAY - MOMENT, 7, 1) == FRIDAY - timedelta(days=1)
    assert last_due(Period.DAY, FRIDAY + timedelta(hours=16, minutes=59), 7, 1) == FRIDAY


def test_the_hour_is_one_of_utc() -> None:
    there = datetime(2026, 11, 20, 8, 30, tzinfo=timezone(timedelta(hours=2)))
    assert last_due(Period.DAY, there, 7, 1) == FRIDAY - timedelta(days=1)
    assert last_due(Period.DAY, there, 6, 1) == FRIDAY - timedelta(hours=1)


@pytest.mark.parametrize(("weekday", "day"), [(5, 20), (4, 19), (3, 18), (2, 17), (1, 16), (0, 15), (6, 14)])
def test_a_week_s_digest_is_due_on_its_day_0_is_sunday(weekday: int, day: int) -> None:
    assert last_due(Period.WEEK, FRIDAY, 7, weekday) == FRIDAY.replace(day=day)


def test_on_its_day_before_the_hour_a_week_s_digest_is_that_of_the_week_before() -> None:
    assert last_due(Period.WEEK, FRIDAY - MOMENT, 7, 5) == FRIDAY - timedelta(days=7)


def test_spans_are_a_day_and_seven() -> None:
    assert (Period.DAY.span, Period.WEEK.span) == (timedelta(days=1), timedelta(days=7))


@given(
    hours=st.floats(0, 40_000),
    hour=st.integers(0, 23),
    weekday=st.integers(0, 6),
    period=st.sampled_from(Period),
)
def test_spans_touch_and_never_overlap(hours: float, hour: int, weekday: int, period: Period) -> None:
    now = FRIDAY + timedelta(hours=hours)
    due = last_due(period, now, hour, weekday)
    assert due <= now < due + period.span
    assert last_due(period, due - MOMENT, hour, weekday) == due - period.span
