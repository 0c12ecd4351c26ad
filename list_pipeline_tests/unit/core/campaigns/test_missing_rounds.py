"""A round that does not come: skipped, or late for the account's rhythm; not what is scheduled, and not without a rhythm."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, SentRound
from list_pipeline.core.campaigns.missing_rounds import missing_round, usual_pause
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole

ONE, TWO, THREE = CAMPAIGN_LISTS
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def cycle(number: int, first: float, pauses: Sequence[float], roles: Sequence[ListRole] = CAMPAIGN_LISTS) -> Cycle:
    """A cycle that began on a day, with days between its rounds; complete with three."""
    days = [first + sum(pauses[:n]) for n in range(len(roles))]
    sent = {role: SentRound(10 * number + n, START + days[n] * DAY) for n, role in enumerate(roles)}
    if len(roles) < 3:
        return Cycle(number, sent, START + first * DAY)
    return Cycle(number, sent, START + first * DAY, START + days[-1] * DAY, ClosedReason.COMPLETE)


WEEKLY = (cycle(1, 0, (7, 7)), cycle(2, 21, (7, 7)))


def test_the_usual_pause_is_the_median_of_four_pauses_at_least() -> None:
    assert usual_pause([]) is None
    assert usual_pause(WEEKLY[:1]) is None
    assert usual_pause(WEEKLY) == 7 * DAY
    assert usual_pause([cycle(1, 0, (3, 5)), cycle(2, 21, (7, 30))]) == 6 * DAY


def test_only_the_latest_six_complete_cycles_make_the_rhythm() -> None:
    old = [cycle(n, 10 * n, (3, 3)) for n in range(1, 5)]
    new = [cycle(n, 10 * n, (7, 7)) for n in range(5, 11)]
    assert usual_pause([*reversed(new), *old]) == 7 * DAY
    cut_short = [cycle(n, 20 * n, (1,), (ONE, TWO)) for n in range(11, 15)]
    assert usual_pause([*cut_short, *WEEKLY]) == 7 * DAY


def test_a_round_is_missing_as_soon_as_a_later_one_was_sent() -> None:
    odd = cycle(3, 42, (7,), (ONE, THREE))
    found = missing_round([odd], (), START + 49 * DAY)
    assert found is not None
    assert (found.cycle, found.missing) == (odd, (TWO,))
    assert found.words == "Cycle 3 was sent to List 1 and List 3, and not to List 2"
    only_last = missing_round([cycle(3, 42, (), (THREE,))], (), START + 43 * DAY)
    assert only_last is not None
    assert only_last.missing == (ONE, TWO)
    assert only_last.words == "Cycle 3 was sent to List 3, and not to List 1 and List 2"


def test_what_is_scheduled_is_coming_and_what_is_doubted_is_asked_about_first() -> None:
    odd = [cycle(3, 42, (7,), (ONE, THREE))]
    assert missing_round(odd, {TWO}, START + 49 * DAY) is None
    assert missing_round(odd, {ONE}, START + 49 * DAY) is not None
    assert missing_round(odd, (), START + 49 * DAY, doubted=True) is None


@pytest.mark.parametrize(("roles", "missing"), [((ONE,), (TWO, THREE)), ((ONE, TWO), (THREE,))])
def test_the_next_round_is_late_after_one_and_a_half_of_the_usual_pause(
    roles: tuple[ListRole, ...], missing: tuple[ListRole, ...]
) -> None:
    cycles = [*WEEKLY, cycle(3, 42, (7,), roles)]
    due = cycles[-1].last_sent_at + 10.5 * DAY
    assert missing_round(cycles, (), due) is None
    found = missing_round(cycles, (), due + SECOND)
    assert found is not None
    assert found.missing == missing
    names = "List 2 and List 3" if len(missing) == 2 else "List 3"
    sent = cycles[-1].last_sent_at
    assert found.words == (
        f"Cycle 3 waits for {names}: its last round was sent at {sent:%Y-%m-%d} 09:00 UTC, 10 days 12 h ago, and the usual "
        "pause is 7 days"
    )
    assert missing_round(cycles, {THREE}, due + SECOND) is None


def test_of_rounds_within_days_the_next_is_late_a_day_after_the_usual_pause() -> None:
    cycles = [cycle(1, 0, (1, 1)), cycle(2, 21, (1, 1)), cycle(3, 42, (), (ONE,))]
    due = START + 44 * DAY
    assert missing_round(cycles, (), due) is None
    assert missing_round(cycles, (), due + SECOND) is not None


def test_without_a_rhythm_or_an_open_cycle_nothing_is_late() -> None:
    assert missing_round([cycle(3, 42, (), (ONE,))], (), START + 60 * DAY) is None
    assert missing_round(WEEKLY, (), START + 60 * DAY) is None
    assert missing_round([], (), START) is None
