"""When an installation may go live."""

from __future__ import annotations

import pytest

from list_pipeline.core.preflight.checks import (
    Check,
    CheckState,
    Finding,
    advised,
    is_ready,
    missing,
    not_tried,
    passed,
)

ALL = [passed(check, "fine") for check in Check]


def test_it_may_go_live_when_every_check_was_made_and_none_stops_it() -> None:
    assert is_ready(ALL)
    assert is_ready([advised(ALL[0].check, "without it", "do it"), *ALL[1:]])


@pytest.mark.parametrize("number", [0, 7, len(ALL) - 1])
def test_one_check_that_is_missing_or_could_not_be_made_stops_it(number: int) -> None:
    check = ALL[number].check
    for stopping in (missing(check, "not there", "do it"), not_tried(check, "no answer")):
        assert not is_ready([*ALL[:number], stopping, *ALL[number + 1 :]])


def test_a_check_that_nobody_made_does_not_pass() -> None:
    assert not is_ready(ALL[:-1])
    assert not is_ready([])


def test_a_finding_carries_its_state_its_words_and_what_to_do() -> None:
    assert passed(Check.REDIS, "answers") == Finding(Check.REDIS, CheckState.PASSED, "answers", "")
    assert advised(Check.REDIS, "a", "b") == Finding(Check.REDIS, CheckState.ADVISED, "a", "b")
    assert missing(Check.REDIS, "a", "b") == Finding(Check.REDIS, CheckState.MISSING, "a", "b")
    untold = not_tried(Check.REDIS, "a")
    assert untold.state is CheckState.NOT_TRIED
    assert "preflight" in untold.next_step
