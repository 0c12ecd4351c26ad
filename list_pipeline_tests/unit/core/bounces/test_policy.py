"""How long a late bounce log is waited for, and from how many missing bounces on it is late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.bounces.policy import BOUNCES

SINCE = datetime(2026, 11, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("late_since", "ended_at", "waits"),
    [
        (None, None, False),
        (None, SINCE, False),
        (SINCE, None, False),
        (SINCE, SINCE, True),
        (SINCE, SINCE + timedelta(hours=24, seconds=-1), True),
        (SINCE, SINCE + timedelta(hours=24), False),
        (SINCE, SINCE + timedelta(days=3), False),
    ],
)
def test_an_attempt_waits_for_a_late_log_for_a_day(
    late_since: datetime | None, ended_at: datetime | None, waits: bool
) -> None:
    assert BOUNCES.still_waits(late_since, ended_at) is waits


@pytest.mark.parametrize(
    ("one_sided", "hard", "late"),
    [(2, 2, False), (3, 3, True), (3, 12, True), (3, 13, False), (25, 100, True), (25, 101, False)],
)
def test_three_bounces_and_a_quarter_of_all_have_to_be_missing(one_sided: int, hard: int, late: bool) -> None:
    assert BOUNCES.is_late(one_sided, hard) is late
