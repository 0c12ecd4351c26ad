"""How the product comes to act by itself, and what of it is left for a campaign outside its age."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.safety.modes import Mode, ModeState, chosen_mode, graduate, mode_at_age

START = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "approvals", "mode"),
    [
        (timedelta(0), 99, Mode.READ_ONLY),
        (timedelta(hours=24, seconds=-1), 99, Mode.READ_ONLY),
        (timedelta(hours=24), 99, Mode.APPROVAL_REQUIRED),
        (timedelta(days=14, seconds=-1), 5, Mode.APPROVAL_REQUIRED),
        (timedelta(days=14), 4, Mode.APPROVAL_REQUIRED),
        (timedelta(days=14), 5, Mode.AUTO),
    ],
)
def test_it_graduates_by_age_and_by_approvals(age: timedelta, approvals: int, mode: Mode) -> None:
    assert graduate(ModeState(START, approvals), START + age) is mode


@pytest.mark.parametrize("mode", list(Mode))
def test_a_mode_that_a_person_set_stays(mode: Mode) -> None:
    assert graduate(ModeState(START, 0, mode), START) is mode


def test_a_clock_that_went_backwards_only_makes_it_careful() -> None:
    assert graduate(ModeState(START, 9), START - timedelta(days=1)) is Mode.READ_ONLY


@pytest.mark.parametrize("mode", list(Mode))
def test_outside_its_age_nothing_runs_by_itself_and_no_mode_gets_laxer(mode: Mode) -> None:
    assert mode_at_age(mode, is_timely=True) is mode
    careful = Mode.APPROVAL_REQUIRED if mode is Mode.AUTO else mode
    assert mode_at_age(mode, is_timely=False) is careful


@pytest.mark.parametrize("by_setting", [None, *Mode])
def test_a_person_who_says_stop_is_heard_whatever_the_setting_says(by_setting: Mode | None) -> None:
    assert chosen_mode(by_setting, Mode.READ_ONLY, must_wait=False) is Mode.READ_ONLY


@pytest.mark.parametrize("by_setting", [None, *Mode])
@pytest.mark.parametrize("by_person", [None, *Mode])
def test_nothing_is_changed_while_a_person_has_to_look_first(by_setting: Mode | None, by_person: Mode | None) -> None:
    assert chosen_mode(by_setting, by_person, must_wait=True) is Mode.READ_ONLY


@pytest.mark.parametrize("by_person", [None, Mode.AUTO, Mode.APPROVAL_REQUIRED])
def test_the_setting_decides_before_a_person_who_does_not_say_stop(by_person: Mode | None) -> None:
    assert chosen_mode(Mode.APPROVAL_REQUIRED, by_person, must_wait=False) is Mode.APPROVAL_REQUIRED
    assert chosen_mode(None, by_person, must_wait=False) is by_person
