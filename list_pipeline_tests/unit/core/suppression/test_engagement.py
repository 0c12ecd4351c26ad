"""An open or click protects from disputed and soft evidence, at every boundary, and from nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, ContactFacts, SuppressionRule, Verdict
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CONTACT,
    HOLD,
    MONITOR,
    POLICY,
    SENT,
    SUPPRESS,
    context,
    delivered,
    failed,
    failure,
    incident,
    judge,
    rule_of,
)

ENGAGED = (MONITOR, SuppressionRule.ENGAGED_SINCE)
FULL, INACTIVE, UNKNOWN_USER, PREBLOCKED = 3, 2, 1, 14
FIRST = SENT - timedelta(days=20)
"""When the first of the failures below happened."""
STREAK = (failed(FULL, 10), failed(FULL, 20))
SECOND = timedelta(seconds=1)


def opened(at: datetime | None, count: int = 3, complaining: bool = False) -> ContactFacts:
    return ContactFacts(campaigns_count=count, address_worked_at=at, is_complaining=complaining)


class TestASecondDisputedHit:
    @pytest.mark.parametrize(
        "at", [FIRST + SECOND, SENT - SECOND, SENT, SENT + SECOND, AS_OF, AS_OF + timedelta(days=3)]
    )
    def test_an_open_after_the_first_hit_protects(self, at: datetime) -> None:
        verdict = judge(failure(INACTIVE), failed(INACTIVE, 20), facts=opened(at))
        assert rule_of(verdict) == ENGAGED
        assert verdict.explanation == (
            f"Watched: opened or clicked on {at.date()}, after these failures began, so the address works."
        )
        assert verdict.confidence is None

    @pytest.mark.parametrize("at", [None, FIRST, FIRST - SECOND, SENT - timedelta(days=90)])
    def test_one_in_the_second_of_the_first_hit_or_before_does_not(self, at: datetime | None) -> None:
        verdict = judge(failure(INACTIVE), failed(INACTIVE, 20), facts=opened(at))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)

    def test_where_it_counts_from_is_the_hit_that_makes_it_a_second_one(self) -> None:
        history = (failed(INACTIVE, 10), failed(INACTIVE, 20))
        after_older = opened(SENT - timedelta(days=15))
        assert rule_of(judge(failure(INACTIVE), *history, facts=after_older)) == (SUPPRESS, SuppressionRule.SECOND_HIT)
        after_newer = opened(SENT - timedelta(days=10) + SECOND)
        assert rule_of(judge(failure(INACTIVE), *history, facts=after_newer)) == ENGAGED

    def test_it_protects_from_being_held_too(self) -> None:
        history: dict[int, tuple[Attempt, ...]] = {CONTACT: (failed(INACTIVE, 20),)}
        held = context()
        held = type(held)(held.campaign_id, held.recipients, held.domain_of, held.sent_at, (incident(CONTACT),))

        def verdict(at: datetime | None) -> Verdict:
            (found,) = decide([failure(INACTIVE)], history, {CONTACT: opened(at)}, held, POLICY, AS_OF)
            return found

        assert rule_of(verdict(None)) == (HOLD, SuppressionRule.SECOND_HIT)
        assert rule_of(verdict(SENT)) == ENGAGED

    def test_a_first_disputed_hit_stays_what_it_is(self) -> None:
        assert rule_of(judge(failure(INACTIVE), facts=opened(SENT))) == (MONITOR, SuppressionRule.FIRST_DISPUTED_HIT)


class TestASoftPattern:
    @pytest.mark.parametrize("at", [FIRST + SECOND, SENT, AS_OF + timedelta(days=1)])
    def test_an_open_since_the_streak_began_protects(self, at: datetime) -> None:
        assert rule_of(judge(failure(FULL), *STREAK, facts=opened(at))) == ENGAGED

    @pytest.mark.parametrize("at", [None, FIRST, FIRST - SECOND])
    def test_one_in_the_second_it_began_or_before_does_not(self, at: datetime | None) -> None:
        verdict = judge(failure(FULL), *STREAK, facts=opened(at))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SOFT_PATTERN)

    def test_a_streak_that_is_no_pattern_stays_what_it_is(self) -> None:
        verdict = judge(failure(FULL), failed(FULL, 10), facts=opened(SENT))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.SOFT_STREAK)

    def test_a_new_contact_stays_called_new(self) -> None:
        verdict = judge(failure(FULL), *STREAK, facts=opened(SENT, count=1))
        assert rule_of(verdict) == (MONITOR, SuppressionRule.NEW_CONTACT)


class TestWhatNoOpenAnswers:
    def test_an_undisputed_hard_bounce(self) -> None:
        verdict = judge(failure(UNKNOWN_USER), facts=opened(AS_OF))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    def test_an_undisputed_second_hit_after_one_with_grace(self) -> None:
        history = (failed(UNKNOWN_USER, 20, permanent=True), delivered(30))
        verdict = judge(failure(UNKNOWN_USER), *history, facts=opened(AS_OF))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.SECOND_HIT)

    def test_an_undisputed_hard_bounce_behind_a_block(self) -> None:
        verdict = judge(failure(PREBLOCKED), failed(UNKNOWN_USER, 20, permanent=True), facts=opened(AS_OF))
        assert rule_of(verdict) == (SUPPRESS, SuppressionRule.HARD_BOUNCE)

    def test_a_complaint_in_either_form(self) -> None:
        complained = judge(failure(None, status=MessageStatus.SPAM), facts=opened(AS_OF))
        flagged = judge(None, facts=opened(AS_OF, complaining=True))
        assert rule_of(complained) == rule_of(flagged) == (SUPPRESS, SuppressionRule.COMPLAINT)


@given(
    st.sampled_from([UNKNOWN_USER, INACTIVE, FULL, PREBLOCKED, 7, 5]),
    st.booleans(),
    st.lists(st.tuples(st.sampled_from([UNKNOWN_USER, INACTIVE, FULL, 7]), st.integers(1, 300)), max_size=5,
             unique_by=lambda one: one[1]),
    st.integers(-300, 30),
)  # fmt: skip
def test_an_open_only_ever_makes_a_verdict_milder(
    state: int, permanent: bool, past: list[tuple[int, int]], days: int
) -> None:
    history = tuple(failed(its, ago) for its, ago in past)
    at = SENT + timedelta(days=days)
    silent = judge(failure(state, permanent), *history, facts=opened(None, count=9))
    engaged = judge(failure(state, permanent), *history, facts=opened(at, count=9))
    if engaged != silent:
        assert silent.action in (SUPPRESS, HOLD)
        assert rule_of(engaged) == ENGAGED
