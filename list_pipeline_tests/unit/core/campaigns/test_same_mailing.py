"""Which sends were one mailing: the rounds of a cycle, and a content that was split over two cycles."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, SentRound
from list_pipeline.core.campaigns.same_mailing import earlier_rounds, later_rounds
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole

ONE, TWO, THREE = CAMPAIGN_LISTS
START = datetime(2025, 3, 3, 9, tzinfo=UTC)
OPEN = None
CUT_SHORT = [reason for reason in ClosedReason if reason is not ClosedReason.COMPLETE]


def cycle(number: int, reason: ClosedReason | None, **sends: tuple[int, float, str]) -> Cycle:
    """A cycle of sends by their lists, each with id, day and content."""
    sent = {
        ListRole(role): SentRound(mailjet_id, START + timedelta(days=day), content)
        for role, (mailjet_id, day, content) in sends.items()
    }
    opened = min(one.at for one in sent.values())
    return Cycle(number, sent, opened, START + timedelta(days=90) if reason else None, reason)


def split(reason: ClosedReason | None, next_reason: ClosedReason | None, day: float = 3.0) -> list[Cycle]:
    """A sale was taken for the first round of a cycle, so that the letter of the second is in the next one again."""
    return [
        cycle(1, reason, campaign_3=(11, 0, "sale"), campaign_1=(12, 1, "letter")),
        cycle(2, next_reason, campaign_3=(13, 1 + day, "letter")),
    ]


def test_the_earlier_rounds_of_a_cycle_are_the_same_mailing() -> None:
    known = [cycle(1, OPEN, campaign_1=(11, 0, ""), campaign_2=(12, 7, "a"), campaign_3=(13, 14, "b"))]
    assert earlier_rounds(known, 13) == {11, 12}
    assert earlier_rounds(known, 12) == {11}
    assert earlier_rounds(known, 11) == frozenset()
    assert later_rounds(known, 11) == {12, 13}
    assert later_rounds(known, 13) == frozenset()


def test_of_sends_at_the_same_instant_the_one_with_the_higher_id_is_the_later_one() -> None:
    known = [cycle(1, OPEN, campaign_1=(12, 0, "a"), campaign_2=(11, 0, "a"))]
    assert earlier_rounds(known, 12) == {11}
    assert earlier_rounds(known, 11) == frozenset()


@pytest.mark.parametrize("reason", CUT_SHORT)
def test_a_content_that_was_split_over_two_cycles_is_the_same_mailing(reason: ClosedReason) -> None:
    for known in (split(reason, OPEN), split(reason, ClosedReason.COMPLETE), split(OPEN, reason)):
        assert earlier_rounds(known, 13) == {12}
        assert later_rounds(known, 12) == {13}
        assert later_rounds(known, 11) == {12}


@pytest.mark.parametrize("reason", CUT_SHORT)
def test_a_content_whose_cycle_was_cut_short_goes_on_in_the_next(reason: ClosedReason) -> None:
    known = [cycle(1, reason, campaign_1=(11, 0, "letter")), cycle(2, OPEN, campaign_2=(12, 1, "letter"))]
    assert earlier_rounds(known, 12) == {11}


@pytest.mark.parametrize("reason", [OPEN, ClosedReason.COMPLETE])
@pytest.mark.parametrize("other", [OPEN, ClosedReason.COMPLETE])
def test_a_content_that_plain_cycles_have_in_common_says_nothing(
    reason: ClosedReason | None, other: ClosedReason | None
) -> None:
    known = [
        cycle(1, reason, campaign_3=(11, 0, "letter"), campaign_1=(12, 1, "letter")),
        cycle(2, other, campaign_3=(13, 4, "letter")),
    ]
    assert earlier_rounds(known, 13) == frozenset()


@pytest.mark.parametrize("reason", [OPEN, ClosedReason.COMPLETE])
@pytest.mark.parametrize("other", [OPEN, ClosedReason.COMPLETE])
def test_a_content_that_is_in_a_cycle_of_two_and_in_another_cycle_is_the_same_mailing(
    reason: ClosedReason | None, other: ClosedReason | None
) -> None:
    assert earlier_rounds(split(reason, other), 13) == {12}
    turned = [
        cycle(1, reason, campaign_3=(11, 0, "letter")),
        cycle(2, other, campaign_1=(12, 3, "letter"), campaign_2=(13, 4, "sale")),
    ]
    assert earlier_rounds(turned, 12) == {11}


def test_another_content_or_one_that_is_not_known_is_not_the_same_mailing() -> None:
    for content in ("other", ""):
        first, second = split(ClosedReason.NEXT_STARTED, OPEN)
        changed = {role: replace(sent, content=content) for role, sent in second.sent.items()}
        assert earlier_rounds([first, replace(second, sent=changed)], 13) == frozenset()
    unknown = [
        cycle(1, ClosedReason.OVERDUE, campaign_1=(11, 0, "")),
        cycle(2, OPEN, campaign_2=(12, 1, "")),
    ]
    assert earlier_rounds(unknown, 12) == frozenset()


def test_the_same_list_again_is_asked_about_and_not_compared() -> None:
    known = [
        cycle(1, ClosedReason.NEXT_STARTED, campaign_1=(11, 0, "letter")),
        cycle(2, OPEN, campaign_1=(12, 1, "letter")),
    ]
    assert earlier_rounds(known, 12) == frozenset()


@pytest.mark.parametrize(("days", "same"), [(20.99, True), (21.0, False)])
def test_what_was_sent_longer_ago_than_a_cycle_waits_is_another_mailing(days: float, same: bool) -> None:
    assert bool(earlier_rounds(split(ClosedReason.NEXT_STARTED, OPEN, days), 13)) is same


def test_a_send_in_no_cycle_is_no_part_of_any_mailing() -> None:
    assert earlier_rounds(split(ClosedReason.NEXT_STARTED, OPEN), 99) == frozenset()
    assert later_rounds(split(ClosedReason.NEXT_STARTED, OPEN), 99) == frozenset()
