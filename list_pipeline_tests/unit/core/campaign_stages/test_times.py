"""Each stage has its time, whatever the hour of the launch, and is skipped where it is too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaign_stages.times import (
    Stage,
    StageTime,
    Timing,
    confirmation,
    stages_before,
    why_skipped,
)

LAUNCH = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_a_launch_at_a_quarter_past_nine_has_the_times_of_the_specification() -> None:
    assert stages_before(LAUNCH) == (
        StageTime(Stage.PRELAUNCH, at(19, 15), at(20, 6)),
        StageTime(Stage.PREFLIGHT, at(20, 6), LAUNCH),
        StageTime(Stage.LAUNCH_WARNING, at(20, 9), LAUNCH),
    )
    assert confirmation(LAUNCH) == StageTime(Stage.LAUNCH_CONFIRMATION, LAUNCH, at(20, 9, 45))


@pytest.mark.parametrize(
    ("launch", "preflight"),
    [
        (at(20, 9, 14), at(20, 5, 59)),
        (at(20, 20), at(20, 6)),
        (at(20, 0, 30), at(19, 21, 15)),
        (datetime(2026, 11, 20, 0, 30, tzinfo=timezone(timedelta(hours=2))), at(19, 6)),
    ],
)
def test_the_preflight_leaves_people_three_and_a_quarter_hours(launch: datetime, preflight: datetime) -> None:
    prelaunch, found, _ = stages_before(launch)
    assert found.due_at == preflight
    assert prelaunch.useful_until == preflight
    assert prelaunch.due_at == datetime.combine(
        launch.astimezone(UTC).date() - timedelta(days=1), datetime.min.time(), UTC
    ) + timedelta(hours=15)


@given(st.integers(0, 10 * 366 * 24 * 60))
def test_every_stage_is_due_before_it_is_too_late_and_before_its_launch(minutes: int) -> None:
    launch = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    found = stages_before(launch)
    assert all(one.due_at < one.useful_until <= launch for one in found)
    assert [one.due_at for one in found] == sorted(one.due_at for one in found)
    assert len({one.stage for one in found}) == 3


def test_a_stage_is_due_from_its_instant_until_the_last_of_use() -> None:
    (prelaunch, _, _) = stages_before(LAUNCH)
    assert prelaunch.timing(prelaunch.due_at - SECOND) is Timing.NOT_YET
    assert prelaunch.timing(prelaunch.due_at) is Timing.DUE
    assert prelaunch.timing(prelaunch.useful_until - SECOND) is Timing.DUE
    assert prelaunch.timing(prelaunch.useful_until) is Timing.TOO_LATE


def test_what_was_skipped_says_why() -> None:
    prelaunch, _, warning = stages_before(LAUNCH)
    assert why_skipped(prelaunch, at(20, 6), None) == (
        "the campaign was scheduled at 2026-11-20 06:00 UTC, too late for it"
    )
    away = "it was due at 2026-11-19 15:00 UTC, and nothing of ours ran until 2026-11-20 06:00 UTC"
    assert why_skipped(prelaunch, at(20, 6) - SECOND, None) == away
    assert why_skipped(prelaunch, None, None) == away
    # Whoever launches by hand before the warning is due misses nothing; begun afterwards, it was missed.
    assert why_skipped(warning, at(1, 0), at(20, 9) - SECOND) == (
        "Mailjet began to send at 2026-11-20 08:59 UTC, before it was due (2026-11-20 09:00 UTC)"
    )
    assert "nothing of ours ran" in why_skipped(warning, at(1, 0), at(20, 9))
