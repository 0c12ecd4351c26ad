"""Sends that do not fit: doubted, and put where a person says they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.campaigns.cycles import (
    NEVER_A_ROUND_BY_ITSELF,
    CampaignSend,
    ClosedReason,
    Cycle,
    RoundDoubt,
    RoundRuling,
    assign_again,
    assign_sends,
    content_of,
    segment_doubt,
)
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole

ONE, TWO, THREE = CAMPAIGN_LISTS
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def on(day: float) -> datetime:
    return START + timedelta(days=day)


def send(number: int, role: ListRole, day: float, content: str, ruling: RoundRuling | None = None) -> CampaignSend:
    return CampaignSend(number, role, on(day), on(day) + timedelta(hours=2), content, ruling)


def rounds(cycles: Sequence[Cycle]) -> list[list[int]]:
    """The sends of each cycle, in the order of the lists."""
    return [[one.mailjet_campaign_id for one in cycle.sent.values()] for cycle in cycles]


PLAIN = [send(1, ONE, 0, "a"), send(2, TWO, 3, "a"), send(3, THREE, 6, "a")]
EXTRA = send(9, ONE, 4, "sale")
LATER = [send(4, ONE, 20, "b"), send(5, TWO, 23, "b"), send(6, THREE, 26, "b")]


@pytest.mark.parametrize(
    ("sends", "doubts"),
    [
        (PLAIN, {}),
        ([*PLAIN, *LATER], {}),
        ([PLAIN[0], PLAIN[1], EXTRA], {9: RoundDoubt.SAME_LIST}),
        ([PLAIN[0], send(9, TWO, 3, "sale")], {9: RoundDoubt.OTHER_CONTENT}),
        ([PLAIN[0], send(9, ONE, 1, "a")], {9: RoundDoubt.RESENT}),
        ([PLAIN[0], send(9, ONE, 0, "a")], {9: RoundDoubt.RESENT}),
        ([*PLAIN, send(9, ONE, 8, "a")], {9: RoundDoubt.RESENT}),
        # The parts and the winner of an A/B test to the last list, with subjects of their own.
        ([*PLAIN, send(9, THREE, 6.1, "b")], {9: RoundDoubt.AT_ONCE}),
        ([*PLAIN, send(9, THREE, 6 + 20 / 24 - 1e-6, "b")], {9: RoundDoubt.AT_ONCE}),
        ([*PLAIN, send(9, THREE, 6 + 20 / 24, "b")], {}),
        ([*PLAIN, send(9, TWO, 6.1, "b")], {}),
        ([*PLAIN, send(9, THREE, 6.1, "b", RoundRuling.BEGINS)], {}),
        ([PLAIN[0], send(9, ONE, 0.1, "b")], {9: RoundDoubt.SAME_LIST}),
        # Nothing is known of the contents: only the lists can speak against a send.
        ([replace(one, content="") for one in PLAIN], {}),
        ([*(replace(one, content="") for one in PLAIN), send(9, ONE, 8, "")], {}),
        ([PLAIN[0], send(9, TWO, 3, "")], {}),
        ([replace(PLAIN[0], content=""), send(9, TWO, 3, "b")], {}),
        ([send(1, ONE, 0, "a", RoundRuling.FITS), send(9, TWO, 3, "sale", RoundRuling.FITS)], {}),
    ],
)
def test_a_send_that_does_not_fit_is_doubted(sends: list[CampaignSend], doubts: dict[int, RoundDoubt]) -> None:
    as_of = max(one.at for one in sends) + timedelta(days=1)
    assert dict(assign_sends([], sends, as_of).doubts) == doubts


def test_what_is_older_than_a_cycle_waits_is_not_asked_about() -> None:
    assert not assign_sends([], [*PLAIN[:2], EXTRA], on(4 + 21)).doubts
    assert assign_sends([], [*PLAIN[:2], EXTRA], on(4 + 20)).doubts


def test_one_extra_send_shifts_no_cycle_once_a_person_says_that_it_is_no_round() -> None:
    found = assign_sends([], [PLAIN[0], PLAIN[1], EXTRA, PLAIN[2], *LATER], on(27)).cycles
    assert rounds(found) != [[1, 2, 3], [4, 5, 6]]
    ruled = replace(EXTRA, ruling=RoundRuling.NOT_A_ROUND)
    again, kept = assign_again(found, [PLAIN[0], PLAIN[1], ruled, PLAIN[2], *LATER], ruled, on(27))
    assert rounds(again.cycles) == [[1, 2, 3], [4, 5, 6]]
    assert not again.doubts
    assert kept == frozenset()


def test_what_was_before_a_ruling_stays_as_it_was() -> None:
    later = [replace(one, mailjet_campaign_id=one.mailjet_campaign_id + 10) for one in LATER[:2]]
    extra = send(9, ONE, 24, "sale")
    sends = [*PLAIN, *later, extra]
    found = assign_sends([], sends, on(27)).cycles
    ruled = replace(extra, ruling=RoundRuling.NOT_A_ROUND)
    again, kept = assign_again(found, [*PLAIN, *later, ruled], ruled, on(27))
    assert again.cycles[0] == found[0]
    assert kept == {found[0].number}
    assert rounds(again.cycles) == [[1, 2, 3], [14, 15]]


def test_a_cycle_is_split_where_a_person_says_that_the_next_one_begins_and_merged_again() -> None:
    odd = send(2, TWO, 3, "b")
    sends = [PLAIN[0], odd, send(3, THREE, 6, "b")]
    found = assign_sends([], sends, on(8)).cycles
    assert rounds(found) == [[1, 2, 3]]
    begins = replace(odd, ruling=RoundRuling.BEGINS)
    split, _ = assign_again(found, [sends[0], begins, sends[2]], begins, on(8))
    assert rounds(split.cycles) == [[1], [2, 3]]
    joins = replace(odd, ruling=RoundRuling.JOINS)
    merged, _ = assign_again(split.cycles, [sends[0], joins, sends[2]], joins, on(8))
    assert rounds(merged.cycles) == [[1, 2, 3]]


def test_a_send_cannot_join_a_cycle_in_which_its_list_was_sent() -> None:
    found = assign_sends([], [PLAIN[0], PLAIN[1], EXTRA], on(8)).cycles
    joins = replace(EXTRA, ruling=RoundRuling.JOINS)
    with pytest.raises(RefusedError, match="List 1 was sent in that cycle already"):
        assign_again(found, [PLAIN[0], PLAIN[1], joins], joins, on(8))


def test_a_send_that_becomes_known_late_is_no_repetition_of_a_later_one() -> None:
    found = assign_sends([], [*PLAIN, *LATER], on(27)).cycles
    assert not assign_sends(found, [send(9, ONE, 10, "b")], on(27)).doubts


def test_a_send_cannot_join_where_no_cycle_is_before_it() -> None:
    joins = send(1, ONE, 0, "a", RoundRuling.JOINS)
    with pytest.raises(RefusedError, match="there is no cycle before it"):
        assign_sends([], [joins], on(1))


def test_a_send_that_begins_a_cycle_ends_the_open_one_and_leaves_a_complete_one_as_it_is() -> None:
    begins = send(9, TWO, 8, "b", RoundRuling.BEGINS)
    first, second = assign_sends([], [PLAIN[0], begins], on(9)).cycles
    assert (first.closed_at, first.closed_reason) == (on(8), ClosedReason.NEXT_STARTED)
    assert second.closed_at is None
    complete, _ = assign_sends([], [*PLAIN, begins], on(9)).cycles
    assert (complete.closed_at, complete.closed_reason) == (on(6), ClosedReason.COMPLETE)
    assert rounds(assign_sends([], [begins], on(9)).cycles) == [[9]]


def test_subjects_are_the_same_content_but_for_case_and_spaces() -> None:
    assert content_of("  Client  letter 3 ") == content_of("client letter 3")
    assert content_of("Client letter 3") != content_of("Client letter 4")


OPEN = assign_sends([], PLAIN[:2], on(4)).cycles
CLOSED = assign_sends([], PLAIN, on(7)).cycles
PART = replace(send(9, THREE, 4, "a"), is_segment=True)


@pytest.mark.parametrize(
    ("cycles", "part", "doubt"),
    [
        (OPEN, PART, RoundDoubt.SEGMENT),
        (OPEN, replace(PART, content="sale"), None),
        (OPEN, replace(PART, content=""), None),
        (OPEN, replace(PART, ruling=RoundRuling.NOT_A_ROUND), None),
        (CLOSED, PART, None),
        ((), PART, None),
    ],
)
def test_a_send_to_a_part_of_a_list_is_doubted_while_its_content_goes_round(
    cycles: Sequence[Cycle], part: CampaignSend, doubt: RoundDoubt | None
) -> None:
    assert segment_doubt(cycles, part, on(7)) is doubt


def test_a_part_that_was_mailed_longer_ago_than_a_cycle_waits_is_not_asked_about() -> None:
    wait = timedelta(days=2)
    assert segment_doubt(OPEN, PART, on(6) - timedelta(seconds=1), wait) is RoundDoubt.SEGMENT
    assert segment_doubt(OPEN, PART, on(6), wait) is None


def test_a_send_without_content_is_doubted_by_no_content_that_is_not_known_either() -> None:
    unknown = assign_sends([], [replace(one, content="") for one in PLAIN[:2]], on(4)).cycles
    assert segment_doubt(unknown, replace(PART, content=""), on(7)) is None


def test_a_send_to_a_part_of_a_list_is_a_round_only_where_a_person_says_so() -> None:
    assert rounds(assign_sends([], [*PLAIN[:2], PART], on(7)).cycles) == [[1, 2]]
    ruled = replace(PART, ruling=RoundRuling.JOINS)
    assert rounds(assign_sends([], [*PLAIN[:2], ruled], on(7)).cycles) == [[1, 2, 9]]


@pytest.mark.parametrize("oddity", sorted(NEVER_A_ROUND_BY_ITSELF))
@pytest.mark.parametrize("content", ["a", "sale", ""])
@pytest.mark.parametrize("cycles", [OPEN, CLOSED, ()])
def test_what_mailjet_says_of_a_send_is_asked_about_whatever_its_content_and_the_cycle(
    cycles: Sequence[Cycle], content: str, oddity: RoundDoubt
) -> None:
    odd = replace(PART, content=content, oddity=oddity)
    assert segment_doubt(cycles, odd, on(7)) is oddity
    assert segment_doubt(cycles, replace(odd, ruling=RoundRuling.NOT_A_ROUND), on(7)) is None
    assert segment_doubt(cycles, odd, on(4 + 21)) is None
    assert rounds(assign_sends([], [*PLAIN[:2], odd], on(7)).cycles) == [[1, 2]]
    assert rounds(assign_sends([], [*PLAIN[:2], replace(odd, ruling=RoundRuling.JOINS)], on(7)).cycles) == [[1, 2, 9]]


def test_only_what_mailjet_says_of_a_part_of_a_list_is_an_oddity() -> None:
    assert {RoundDoubt.AB_TEST, RoundDoubt.UNKNOWN_TYPE} == NEVER_A_ROUND_BY_ITSELF
    with pytest.raises(ValueError, match="campaign 9: ab_test does not say"):
        replace(PART, is_segment=False, oddity=RoundDoubt.AB_TEST)
    for doubt in set(RoundDoubt) - NEVER_A_ROUND_BY_ITSELF:
        with pytest.raises(ValueError, match=f"campaign 9: {doubt.value} does not say"):
            replace(PART, oddity=doubt)


def test_every_doubt_has_words_of_its_own() -> None:
    words = [doubt.words for doubt in RoundDoubt]
    assert len(set(words)) == len(words)
    assert "A/B test" in RoundDoubt.AB_TEST.words
    assert RoundDoubt.UNKNOWN_TYPE.words == (
        "Mailjet does not say what it is: its type is neither a campaign's nor a transactional mail's, or its draft, which "
        "tells whether it is part of an A/B test, cannot be read"
    )
    assert "shortly before" in RoundDoubt.AT_ONCE.words
