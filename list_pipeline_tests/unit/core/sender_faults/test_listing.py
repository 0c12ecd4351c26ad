"""What there is to repair: who refuses and why, most contacts first, and whether it grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import BounceReason, advice_for
from list_pipeline.core.incidents.operators import OPERATORS
from list_pipeline.core.sender_faults.listing import (
    CAMPAIGNS_COMPARED,
    CampaignFaults,
    FaultCount,
    FaultTrend,
    listed_faults,
)

POLICY, BLOCKED = BounceReason.POLICY_ISSUE, BounceReason.SENDER_BLOCKED
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


def campaign(number: int, recipients: int, *faults: tuple[str | None, BounceReason, int]) -> CampaignFaults:
    return CampaignFaults(START + timedelta(weeks=number), recipients, [FaultCount(*each) for each in faults])


def trend_of(now: int, *before: int, recipients: int = 1_000) -> FaultTrend:
    (only,) = listed_faults(
        campaign(9, recipients, ("gmail.com", POLICY, now)),
        [campaign(place, recipients, ("gmail.com", POLICY, count)) for place, count in enumerate(before)],
        OPERATORS,
    )
    return only.trend


def test_faults_are_by_operator_and_cause_with_most_contacts_first() -> None:
    found = listed_faults(
        campaign(
            1,
            1_000,
            ("outlook.com", BLOCKED, 20),
            ("hotmail.fr", BLOCKED, 5),
            ("hotmail.fr", POLICY, 2),
            ("gmail.com", BLOCKED, 2),
            ("acme.example", BLOCKED, 3),
            ("other.example", BLOCKED, 4),
            (None, BLOCKED, 1),
        ),
        [],
        OPERATORS,
    )
    assert [(one.operator, one.reason, one.contacts) for one in found] == [
        ("Microsoft (Outlook.com)", BLOCKED, 25),
        ("other domains", BLOCKED, 8),
        ("Google", BLOCKED, 2),
        ("Microsoft (Outlook.com)", POLICY, 2),
    ]
    assert found[0].advice == advice_for(BLOCKED) != ""
    assert found[0].before == ()


@pytest.mark.parametrize(
    ("now", "before", "trend"),
    [
        (5, (), FaultTrend.UNKNOWN),
        (5, (0, 0), FaultTrend.NEW),
        (1, (0,), FaultTrend.NEW),
        (30, (2, 1, 3), FaultTrend.MORE),
        (5, (3, 4, 2), FaultTrend.AS_BEFORE),
        (2, (40, 30, 50), FaultTrend.LESS),
        (0, (40, 30, 50), FaultTrend.GONE),
    ],
)
def test_a_change_is_called_where_it_can_be_shown(now: int, before: tuple[int, ...], trend: FaultTrend) -> None:
    assert trend_of(now, *before) is trend


def test_the_ends_of_the_intervals_decide() -> None:
    # 10 of 1,000 is 0.54 to 1.83 %, and 32 of 1,000 begins at 2.28 %; 28 begins at 1.95 %, 26 at 1.78 %.
    assert trend_of(28, 10) is FaultTrend.MORE
    assert trend_of(26, 10) is FaultTrend.AS_BEFORE
    assert trend_of(10, 28) is FaultTrend.LESS
    assert trend_of(10, 26) is FaultTrend.AS_BEFORE


def test_a_fault_that_the_campaign_does_not_know_any_more_is_gone() -> None:
    (found,) = listed_faults(campaign(2, 1_000), [campaign(1, 1_000, ("gmail.com", POLICY, 40))], OPERATORS)
    assert (found.operator, found.contacts, found.before, found.trend) == ("Google", 0, (40,), FaultTrend.GONE)


def test_a_rare_fault_that_did_not_strike_this_time_is_not_listed() -> None:
    before = [campaign(1, 1_000, ("gmail.com", POLICY, 1))]
    assert listed_faults(campaign(2, 1_000), before, OPERATORS) == ()


def test_the_latest_campaigns_are_compared_oldest_first_and_those_that_nobody_received_are_not() -> None:
    before = [campaign(place, 1_000, ("gmail.com", POLICY, place)) for place in (8, 3, 5, 1, 7, 2, 4, 6)]
    nobody = campaign(9, 0, ("gmail.com", POLICY, 99))
    (found,) = listed_faults(campaign(10, 1_000, ("gmail.com", POLICY, 5)), [nobody, *before], OPERATORS)
    assert found.before == (3, 4, 5, 6, 7, 8)
    assert len(found.before) == CAMPAIGNS_COMPARED


def test_shares_are_compared_and_not_numbers() -> None:
    (found,) = listed_faults(
        campaign(2, 10_000, ("gmail.com", POLICY, 100)), [campaign(1, 100, ("gmail.com", POLICY, 1))], OPERATORS
    )
    assert found.trend is FaultTrend.AS_BEFORE


def test_a_campaign_whose_recipients_are_not_known_is_listed_without_a_change() -> None:
    (found,) = listed_faults(campaign(2, 0, ("gmail.com", POLICY, 7)), [campaign(1, 1_000)], OPERATORS)
    assert (found.contacts, found.trend, found.before) == (7, FaultTrend.UNKNOWN, (0,))


def test_more_faults_than_recipients_are_as_many_as_all() -> None:
    assert trend_of(12, 1, recipients=10) is FaultTrend.MORE
    assert trend_of(1, 12, recipients=10) is FaultTrend.LESS


_FAULT = st.tuples(
    st.sampled_from(["gmail.com", "outlook.com", "acme.example", None]),
    st.sampled_from([POLICY, BLOCKED, BounceReason.CONTENT_BLOCKED]),
    st.integers(1, 60),
)


@given(st.lists(_FAULT, max_size=8), st.lists(st.lists(_FAULT, max_size=5), max_size=9))
def test_every_contact_is_listed_once(
    now: list[tuple[str | None, BounceReason, int]], before: list[list[tuple]]
) -> None:
    found = listed_faults(
        campaign(99, 1_000, *now), [campaign(place, 1_000, *each) for place, each in enumerate(before)], OPERATORS
    )
    assert sum(one.contacts for one in found) == sum(count for _, _, count in now)
    assert len({(one.operator, one.reason) for one in found}) == len(found)
    assert all(one.contacts or one.trend is FaultTrend.GONE for one in found)
    assert all(len(one.before) == min(len(before), CAMPAIGNS_COMPARED) for one in found)
