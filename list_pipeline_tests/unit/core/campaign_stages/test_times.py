"""Each stage has its time, whatever the hour of the launch, and is skipped where it is too late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

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
    wrapup,
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
    assert why_skipped(prelaunch, at(19, 14), None) == away
    assert why_skipped(prelaunch, None, None) == away
    # Whoever launches by hand before the warning is due misses nothing; begun afterwards, it was missed.
    assert why_skipped(warning, at(1, 0), at(20, 9) - SECOND) == (
        "Mailjet began to send at 2026-11-20 08:59 UTC, before it was due (2026-11-20 09:00 UTC)"
    )
    assert "nothing of ours ran" in why_skipped(warning, at(1, 0), at(20, 9))


def test_what_was_missed_for_another_reason_than_a_standstill_is_not_called_one() -> None:
    _, preflight, warning = stages_before(LAUNCH)
    assert why_skipped(preflight, at(1, 0), None) == (
        "it was due at 2026-11-20 06:00 UTC, and no validation of its list had ended until 2026-11-20 09:15 UTC"
    )
    assert why_skipped(confirmation(LAUNCH), at(1, 0), LAUNCH) == (
        "it was due at 2026-11-20 09:15 UTC, and nothing of ours had seen that Mailjet began until 2026-11-20 09:45 UTC"
    )
    assert why_skipped(wrapup(LAUNCH), at(1, 0), LAUNCH) == (
        "it was due at 2026-11-20 09:45 UTC, and no wrap-up could be made until 2026-11-21 09:15 UTC"
    )
    # Launched by hand ten minutes before its time: from then on no warning was of use, whatever ran.
    assert why_skipped(warning, at(1, 0), at(20, 9, 5)).endswith("nothing of ours ran until 2026-11-20 09:05 UTC")


def test_what_was_moved_into_a_time_that_had_passed_was_due_when_it_was_moved() -> None:
    _, preflight, _ = stages_before(LAUNCH)
    assert why_skipped(preflight, at(20, 8), None).startswith("it was due at 2026-11-20 08:00 UTC, and no validation")


BERLIN = ZoneInfo("Europe/Berlin")
CLOCK_CHANGES = [(2026, 10, 25), (2027, 3, 28), (2027, 10, 31), (2028, 3, 26)]
"""The last Sundays of March and October, on which Central European time changes at 01:00 UTC."""


@pytest.mark.parametrize(("day", "minutes"), [(day, minutes) for day in CLOCK_CHANGES for minutes in (-1440, 0, 1440)])
def test_a_launch_in_local_time_has_the_stages_of_its_instant_whenever_clocks_change(
    day: tuple[int, int, int], minutes: int
) -> None:
    launch = datetime(*day, 9, 15, tzinfo=BERLIN) + timedelta(minutes=minutes)
    instant = launch.astimezone(UTC)
    assert stages_before(launch) == stages_before(instant)
    prelaunch, preflight, warning = stages_before(launch)
    assert (prelaunch.due_at.hour, prelaunch.due_at.tzinfo) == (15, UTC)
    assert prelaunch.due_at.date() == instant.date() - timedelta(days=1)
    # A quarter past nine is 07:15 UTC in summer and 08:15 UTC in winter, both too early for 06:00 UTC.
    assert instant - preflight.due_at == timedelta(hours=3, minutes=15)
    assert instant - warning.due_at == timedelta(minutes=15)


@pytest.mark.parametrize("fold", [0, 1])
def test_an_hour_that_a_clock_shows_twice_is_two_launches(fold: int) -> None:
    launch = datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold)
    _, preflight, warning = stages_before(launch)
    # 02:30 comes at 00:30 and at 01:30 UTC.
    began = datetime(2026, 10, 25, fold, 30, tzinfo=UTC)
    assert (warning.due_at, warning.useful_until) == (began - timedelta(minutes=15), began)
    assert preflight.due_at == began - timedelta(hours=3, minutes=15)


@pytest.mark.parametrize(
    ("launch", "prelaunch", "preflight"),
    [
        # At midnight, and until 03:15, the preflight is on the day before.
        (at(20, 0), at(19, 15), at(19, 20, 45)),
        (at(20, 3, 14), at(19, 15), at(19, 23, 59)),
        (at(20, 3, 15), at(19, 15), at(20, 0)),
        (at(20, 23, 59), at(19, 15), at(20, 6)),
        (at(1, 0), datetime(2026, 10, 31, 15, tzinfo=UTC), datetime(2026, 10, 31, 20, 45, tzinfo=UTC)),
        (datetime(2027, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, 15, tzinfo=UTC), datetime(2026, 12, 31, 20, 45, tzinfo=UTC)),
        (datetime(2028, 3, 1, 9, 15, tzinfo=UTC), datetime(2028, 2, 29, 15, tzinfo=UTC), datetime(2028, 3, 1, 6, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_around_midnight_and_the_ends_of_months(launch: datetime, prelaunch: datetime, preflight: datetime) -> None:
    found = stages_before(launch)
    assert (found[0].due_at, found[1].due_at) == (prelaunch, preflight)
    assert found[2].due_at == launch - timedelta(minutes=15)


@given(st.integers(0, 10 * 366 * 24 * 60), st.timezones(), st.integers(0, 3 * 24 * 60))
def test_found_late_each_stage_is_due_or_too_late_at_once_and_what_was_skipped_says_why(
    minutes: int, zone: ZoneInfo, minutes_ahead: int
) -> None:
    launch = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)).astimezone(zone)
    known_since = launch.astimezone(UTC) - timedelta(minutes=minutes_ahead)
    for one in stages_before(launch):
        timing = one.timing(known_since)
        assert (timing is Timing.TOO_LATE) == (known_since >= one.useful_until)
        if timing is Timing.TOO_LATE:
            assert why_skipped(one, known_since, None).endswith("too late for it")
    warned = stages_before(launch)[-1].timing(known_since)
    expected = Timing.TOO_LATE if minutes_ahead == 0 else Timing.DUE if minutes_ahead <= 15 else Timing.NOT_YET
    assert warned is expected
