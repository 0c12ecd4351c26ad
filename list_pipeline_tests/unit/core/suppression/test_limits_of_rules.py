"""Instants that meet exactly, figures that differ from each other, and what is said where nothing is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, ContactFacts, SuppressionRule, Verdict
from list_pipeline_tests.unit.core.suppression.suppression_cases import (
    AS_OF,
    CONTACT,
    KEEP,
    POLICY,
    SENT,
    SUPPRESS,
    context,
    failed,
    failure,
    judge,
    plan_of,
    rule_of,
)

FULL = failure(3, False)


def at_the_same_instant(state: int | None, campaign_id: int = 60, permanent: bool = False) -> Attempt:
    """Another campaign, sent in the moment of the failure that is judged; delivered without a state."""
    if state is None:
        return Attempt(campaign_id, SENT, AttemptOutcome.DELIVERED)
    return Attempt(campaign_id, SENT, AttemptOutcome.FAILED, failure(state, permanent, campaign_id=campaign_id))


def test_a_delivery_of_the_same_instant_is_no_later_one_and_ends_what_came_before() -> None:
    assert judge(failure(1), at_the_same_instant(None)).rule is SuppressionRule.FIRST_HIT
    assert judge(failure(2), failed(2, 7), at_the_same_instant(None)).rule is SuppressionRule.FIRST_DISPUTED_HIT
    streak = judge(FULL, failed(3, 7), at_the_same_instant(None), at_the_same_instant(3, 61))
    assert (streak.rule, "2 times" in streak.explanation) == (SuppressionRule.SOFT_STREAK, True)


def test_a_failure_of_the_same_instant_counts() -> None:
    assert judge(failure(14), at_the_same_instant(1, permanent=True)).rule is SuppressionRule.HARD_BOUNCE
    assert judge(FULL, at_the_same_instant(3)).rule is SuppressionRule.SOFT_STREAK


def test_an_earlier_failure_that_becomes_known_in_the_moment_of_judging_is_known() -> None:
    known_now = Attempt(1, SENT - timedelta(days=7), AttemptOutcome.FAILED, failure(3, False, campaign_id=1, at=AS_OF))
    assert judge(FULL, failed(3, 14), known_now).rule is SuppressionRule.SOFT_PATTERN


def test_a_pattern_needs_its_attempts_and_its_campaigns_each() -> None:
    history, facts = {CONTACT: (failed(3, 14), failed(3, 7))}, {CONTACT: ContactFacts(campaigns_count=3)}
    for figures, rule in (
        ({}, SuppressionRule.SOFT_PATTERN),
        ({"soft_attempts": 4}, SuppressionRule.SOFT_STREAK),
        ({"soft_campaigns": 4}, SuppressionRule.SOFT_STREAK),
    ):
        (verdict,) = decide([FULL], history, facts, context(), replace(POLICY, **figures), AS_OF)
        assert verdict.rule is rule, figures


def test_a_verdict_bears_the_latest_failure_and_one_that_keeps_bears_its_own() -> None:
    second = judge(failure(2), failed(1, 7))
    assert rule_of(second) == (SUPPRESS, SuppressionRule.SECOND_HIT)
    assert second.bounce_type == failure(2).reason.value != failure(1).reason.value
    kept = judge(failure(7))
    assert (kept.events, kept.bounce_type) == ((failure(7),), failure(7).reason.value)
    erased = judge(None, facts=ContactFacts(is_complaining=True, is_anonymised=True))
    assert (rule_of(erased), erased.events) == ((KEEP, SuppressionRule.ANONYMISED), ())


def test_an_opinion_lowers_nothing_where_there_is_no_confidence() -> None:
    unsure = replace(judge(failure(2), failed(2, 7)), confidence=None)
    assert unsure.more_careful(0.5, monitor=True) == unsure


def test_what_nobody_says_is_the_harmless_thing() -> None:
    assert ContactFacts() == ContactFacts(True, True, False, False, False, False, False, False, 1)
    verdict = Verdict(CONTACT, KEEP, SuppressionRule.UNKNOWN, "version", "words")
    assert (verdict.flagged_as_complaining, verdict.bounce_count) == (False, 0)
    summary = plan_of([failure(1)], {}).summary()
    assert (summary.is_backfill, summary.disagreements) == (False, 0)
