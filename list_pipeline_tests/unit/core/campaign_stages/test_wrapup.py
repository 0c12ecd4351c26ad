"""First figures are held against others of the same age, and a difference is called only where it is shown."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaign_stages.assessment import FirstFigures
from list_pipeline.core.campaign_stages.assessment_report import policy_report
from list_pipeline.core.campaign_stages.wrapup import (
    Compared,
    Delta,
    Direction,
    Earlier,
    Figure,
    Other,
    SendCounts,
    compare,
    difference,
    runs_away,
)
from list_pipeline.core.campaign_stages.wrapup_message import WrapupFacts, wrapup_message
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.campaigns.next_campaign import NextCampaign
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import as_text, problems
from list_pipeline.core.wording import Rate

NOW = datetime(2026, 11, 20, 9, 45, tzinfo=UTC)
COUNTS = SendCounts(
    processed=1_000,
    delivered=960,
    hard_bounced=12,
    soft_bounced=8,
    blocked=5,
    deferred=15,
    queued=0,
    opened=120,
    clicked=9,
    unsubscribed=2,
    complained=0,
    collected_at=NOW,
    is_early=True,
)


def earlier(counts: SendCounts, other: Other = Other.ROUND_BEFORE) -> Earlier:
    return Earlier(other, "Letter 3", counts)


def test_rates_are_of_what_was_tried() -> None:
    sending = replace(COUNTS, queued=400, delivered=570)
    assert sending.attempted == 600
    assert sending.rate(Figure.DELIVERY) == Rate(570, 600)
    assert sending.rate(Figure.BOUNCE) == Rate(20, 600)
    assert sending.rate(Figure.HARD_BOUNCE) == Rate(12, 600)
    assert sending.rate(Figure.OPEN) == Rate(120, 600)
    assert sending.rate(Figure.CLICK) == Rate(9, 600)
    assert sending.rate(Figure.UNSUBSCRIPTION) == Rate(2, 600)
    assert sending.rate(Figure.COMPLAINT) == Rate(0, 600)


def test_counters_that_run_ahead_of_others_give_no_impossible_rate() -> None:
    odd = replace(COUNTS, queued=990, delivered=12)
    assert odd.rate(Figure.DELIVERY) == Rate(10, 10)
    assert replace(COUNTS, queued=1_001).attempted == 0
    assert compare(replace(COUNTS, queued=1_000), earlier(COUNTS)).deltas == []


def test_the_interval_of_a_difference_is_that_of_newcombe() -> None:
    # Newcombe 1998, table II, (a): 56/70 against 48/80, method 10: 0.0524 to 0.3339.
    found = difference(Figure.OPEN, Rate(56, 70), Rate(48, 80))
    assert found is not None
    assert found.points == pytest.approx(20.0)
    assert found.low == pytest.approx(5.24, abs=0.005)
    assert found.high == pytest.approx(33.39, abs=0.005)
    assert found.direction is Direction.HIGHER
    back = difference(Figure.OPEN, Rate(48, 80), Rate(56, 70))
    assert back is not None
    assert (back.low, back.high) == pytest.approx((-found.high, -found.low))
    assert back.direction is Direction.LOWER


def test_a_difference_that_chance_explains_is_none() -> None:
    assert Delta(Figure.OPEN, 1.0, 0.0, 2.0).direction is Direction.CANNOT_TELL
    assert Delta(Figure.OPEN, -1.0, -2.0, 0.0).direction is Direction.CANNOT_TELL
    assert Delta(Figure.OPEN, 1.0, 0.001, 2.0).direction is Direction.HIGHER
    assert Delta(Figure.OPEN, -1.0, -2.0, -0.001).direction is Direction.LOWER
    assert difference(Figure.OPEN, Rate(0, 0), Rate(1, 2)) is None
    assert difference(Figure.OPEN, Rate(1, 2), Rate(0, 0)) is None


@given(st.integers(0, 500), st.integers(500, 900), st.integers(0, 500), st.integers(500, 900))
def test_a_difference_lies_within_its_interval(a: int, n: int, b: int, m: int) -> None:
    found = difference(Figure.BOUNCE, Rate(a, n), Rate(b, m))
    assert found is not None
    assert found.low <= found.points <= found.high
    assert found.low >= -100.000001
    assert found.high <= 100.000001
    assert not math.isnan(found.points)


def test_figures_of_the_day_after_are_compared_where_half_an_hour_shows_as_much() -> None:
    same = compare(COUNTS, earlier(COUNTS))
    assert [one.figure for one in same.deltas] == list(Figure)
    day_after = compare(COUNTS, earlier(replace(COUNTS, is_early=False)))
    assert [one.figure for one in day_after.deltas] == [Figure.DELIVERY, Figure.BOUNCE, Figure.HARD_BOUNCE]
    assert day_after.of(Figure.OPEN) is None
    assert day_after.of(Figure.BOUNCE) == day_after.deltas[1]


@pytest.mark.parametrize(
    ("bounced", "tried", "expected"),
    [(5, 50, False), (6, 50, True), (49, 49, False), (101, 1_000, True), (100, 1_000, False)],
)
def test_bounces_run_away_beyond_ten_percent_of_at_least_fifty(bounced: int, tried: int, expected: bool) -> None:
    counts = replace(COUNTS, processed=tried + 7, queued=7, hard_bounced=bounced - 1, soft_bounced=1)
    assert runs_away(counts) is expected


FACTS = WrapupFacts(
    campaign_key="2026-11-20-r1-d7",
    name="Letter 3",
    list_label="List 1",
    began_at=datetime(2026, 11, 20, 9, 15, tzinfo=UTC),
    is_sending=False,
    counts=COUNTS,
    expected=1_003,
    compared=[compare(COUNTS, earlier(replace(COUNTS, opened=40)))],
    next_campaign=NextCampaign(
        "2026-11-27-r2-d8", ListRole.CAMPAIGN_2, datetime(2026, 11, 27, 9, 15, tzinfo=UTC), CampaignStatus.READY
    ),
)


def whole(facts: WrapupFacts) -> str:
    return as_text(wrapup_message(facts))


def card(facts: WrapupFacts) -> str:
    return as_text(wrapup_message(facts)._replace(details=None))


def test_the_report_has_the_first_figures_and_what_is_shown_against_the_round_before() -> None:
    said = card(FACTS)
    assert "🏁 Campaign Wrap-Up" in said
    assert "begun at 2026-11-20 09:15 UTC, 1,000 messages sent." in said
    assert "Delivered: 96 % (94.6 to 97.0 %)" in said
    assert "Against the round before of this cycle: opened 8.0 points" in said
    assert "higher" in said
    against = next(line for line in said.splitlines() if line.startswith("Against"))
    assert "bounced" not in against
    details = whole(FACTS)
    assert "Recipients: 1,000, expected 1,003" in details
    assert "Bounced: cannot tell" in details
    assert "Being tried again: 15" in details
    assert "Blocked by our fault or Mailjet: 5" in details


def test_nothing_to_compare_with_is_no_comparison() -> None:
    alone = replace(FACTS, compared=[], expected=None)
    assert "Against" not in whole(alone)
    assert "expected" not in whole(alone)
    same = replace(FACTS, compared=[compare(COUNTS, earlier(COUNTS, Other.SAME_LIST))])
    assert "Against" not in card(same)
    assert "Against the last send to the same list (Letter 3)" in whole(same).replace("*", "")


def test_older_figures_say_of_when_they_are() -> None:
    old = replace(FACTS, compared=[compare(COUNTS, earlier(replace(COUNTS, is_early=False)))])
    assert "counted a day after it or later" in whole(old)
    assert "counted a day after it or later" not in whole(FACTS)


def test_bounces_that_run_away_name_the_next_round_and_how_to_stop_it() -> None:
    many = replace(COUNTS, hard_bounced=150, delivered=800, queued=10)
    said = card(replace(FACTS, counts=many, is_sending=True, compared=[]))
    assert "🚨 Bounces Run Away" in said
    assert "tried so far" in said
    assert "10 still to be tried" in said
    assert "2026-11-27-r2-d8 is to be launched at 2026-11-27 09:15 UTC" in said
    assert "Mailjet is still sending" in said
    ended = card(replace(FACTS, counts=replace(many, queued=0), next_campaign=None, compared=[]))
    assert "still sending" not in ended
    assert "to be launched" not in ended


def test_the_summary_stands_on_the_card_and_the_assessments_in_the_thread() -> None:
    report = policy_report(FirstFigures("List 1", COUNTS, FACTS.compared))
    told = replace(FACTS, report=report)
    assert report.summary in card(told)
    assert len(report.summary) < 400
    assert "Recommendations" not in card(told)
    below = whole(told).replace("*", "")
    for title in ("List Quality: good", "Delivery: good", "Trend: cannot tell", "Recommendations"):
        assert title in below
    assert all(sentence in below for each in report.assessments for sentence in each.sentences)


def test_slack_takes_the_longest_report() -> None:
    worst = replace(
        FACTS,
        name="<!channel> " * 60,
        compared=[
            Compared(Earlier(other, "<!here> " * 60, COUNTS), compare(COUNTS, earlier(COUNTS)).deltas)
            for other in Other
        ],
        report=policy_report(FirstFigures("List 1", replace(COUNTS, hard_bounced=200, queued=9), FACTS.compared, True)),
    )
    message = wrapup_message(worst)
    assert problems(message.text, message.blocks) == ()
    assert message.details is not None
    assert problems(message.details.text, message.details.blocks) == ()
    assert "<!" not in str(message)
