"""When a rate that refusals had lowered is the configured one again, and stays it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.request_rate import LearnedRate, is_recovered

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def test_a_service_that_never_refused_restricts_nothing() -> None:
    assert is_recovered(300, None, NOW)


@pytest.mark.parametrize(
    ("since", "expected"), [(20 * MINUTE, True), (20 * MINUTE - SECOND, False), (0 * MINUTE, False)]
)
def test_a_refusal_restricts_until_each_minute_gave_one_request_back(since: timedelta, expected: bool) -> None:
    assert is_recovered(40, LearnedRate(20, NOW - since), NOW) is expected


@pytest.mark.parametrize(("left", "expected"), [(0 * SECOND, True), (SECOND, False), (timedelta(days=2), False)])
def test_a_pause_restricts_until_it_is_over_also_one_that_is_too_long_to_hold_yet(
    left: timedelta, expected: bool
) -> None:
    assert is_recovered(40, LearnedRate(20, NOW - 30 * MINUTE, NOW + left), NOW) is expected


@pytest.mark.parametrize("ahead", [SECOND, timedelta(days=365)])
def test_a_refusal_that_a_wrong_clock_wrote_down_ahead_of_now_may_restrict_yet(ahead: timedelta) -> None:
    assert not is_recovered(40, LearnedRate(40, NOW + ahead), NOW)
