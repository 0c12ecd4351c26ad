"""When a run counts as dead, when it is tried again, and when it is given up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.runs.limits import MAINTENANCE_RUNS, VALIDATION_RUNS, WEEKLY_RUNS, Outlook, RunLimits, RunSeen
from list_pipeline.core.runs.status import RunStatus

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECOND = timedelta(seconds=1)
THREE_ATTEMPTS = replace(MAINTENANCE_RUNS, most_attempts=3)


def running(attempt: int = 1) -> RunSeen:
    return RunSeen(RunStatus.RUNNING, attempt, AT)


def failed(attempt: int = 1) -> RunSeen:
    return RunSeen(RunStatus.FAILED, attempt, AT, AT)


def test_what_never_began_is_said_so() -> None:
    assert WEEKLY_RUNS.outlook(None, AT) is Outlook.NEVER_BEGAN


@pytest.mark.parametrize(
    ("limits", "after"),
    [
        (MAINTENANCE_RUNS, timedelta(hours=1)),
        (WEEKLY_RUNS, timedelta(hours=1)),
        (VALIDATION_RUNS, timedelta(minutes=15)),
    ],
)
def test_a_run_without_a_sign_of_life_is_dead_to_the_second(limits: RunLimits, after: timedelta) -> None:
    assert limits.outlook(running(), AT + after - SECOND) is Outlook.AT_WORK
    assert limits.outlook(running(), AT + after) is Outlook.DIED


@pytest.mark.parametrize(("attempt", "minutes"), [(1, 15), (2, 30)])
def test_the_pauses_of_a_maintenance_grow(attempt: int, minutes: int) -> None:
    due_at = AT + timedelta(minutes=minutes)
    assert THREE_ATTEMPTS.outlook(failed(attempt), due_at - SECOND) is Outlook.PAUSES
    assert THREE_ATTEMPTS.outlook(failed(attempt), due_at) is Outlook.DUE_AGAIN


def test_the_last_attempt_is_the_last() -> None:
    assert THREE_ATTEMPTS.outlook(failed(3), AT + timedelta(days=9)) is Outlook.GAVE_UP
    assert WEEKLY_RUNS.outlook(failed(3), AT) is Outlook.GAVE_UP
    assert WEEKLY_RUNS.outlook(failed(2), AT) is Outlook.DUE_AGAIN


def test_a_dead_attempt_that_a_person_began_beyond_the_last_is_left_to_people() -> None:
    dead = AT + timedelta(hours=2)
    assert WEEKLY_RUNS.outlook(running(3), dead) is Outlook.DIED
    assert WEEKLY_RUNS.outlook(running(4), dead) is Outlook.GAVE_UP


def test_a_validation_is_tried_as_often_as_it_takes() -> None:
    assert VALIDATION_RUNS.outlook(failed(40), AT + timedelta(minutes=5) - SECOND) is Outlook.PAUSES
    assert VALIDATION_RUNS.outlook(failed(40), AT + timedelta(minutes=5)) is Outlook.DUE_AGAIN


@pytest.mark.parametrize("status", sorted(set(RunStatus) - {RunStatus.RUNNING, RunStatus.FAILED}))
def test_what_ended_or_waits_is_not_begun_again_by_its_limits(status: RunStatus) -> None:
    assert WEEKLY_RUNS.outlook(RunSeen(status, 1, AT), AT + timedelta(days=9)) is Outlook.ENDED


def test_a_weekly_check_that_failed_is_due_at_once() -> None:
    assert [WEEKLY_RUNS.next_attempt_at(AT, attempt) for attempt in (1, 2)] == [AT, AT]


@pytest.mark.parametrize(
    ("waits", "minutes"), [(0, 15), (1, 15), (2, 30), (3, 60), (4, 120), (5, 120), (12, 120), (10_000, 120)]
)
def test_a_service_that_is_away_is_looked_for_less_and_less_often_up_to_every_two_hours(
    waits: int, minutes: int
) -> None:
    assert MAINTENANCE_RUNS.next_look_at(AT, waits) == AT + timedelta(minutes=minutes)


def test_the_pauses_grow_up_to_a_thousandfold_and_no_further() -> None:
    # Without an end the product would leave what a computer can hold as a time.
    patient = replace(MAINTENANCE_RUNS, first_pause=SECOND, longest_wait=timedelta(days=1))
    assert [patient.next_look_at(AT, waits) - AT for waits in (10, 11, 12, 99)] == [
        512 * SECOND,
        1024 * SECOND,
        1024 * SECOND,
        1024 * SECOND,
    ]


def test_a_pause_counts_from_the_failure_or_else_from_the_last_sign_of_life() -> None:
    later = AT + timedelta(minutes=5)
    told_late = RunSeen(RunStatus.FAILED, 1, touched_at=later, failed_at=AT)
    assert THREE_ATTEMPTS.outlook(told_late, AT + timedelta(minutes=15)) is Outlook.DUE_AGAIN
    not_told = RunSeen(RunStatus.FAILED, 1, touched_at=later)
    assert THREE_ATTEMPTS.outlook(not_told, AT + timedelta(minutes=15)) is Outlook.PAUSES
    assert THREE_ATTEMPTS.outlook(not_told, later + timedelta(minutes=15)) is Outlook.DUE_AGAIN
