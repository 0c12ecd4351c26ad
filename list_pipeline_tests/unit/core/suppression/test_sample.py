"""A random share of would-be suppressions is tested by a mailing first."""

from __future__ import annotations

import math

import pytest

from list_pipeline.core.suppression.sample import draw, is_drawn, watch_drawn
from list_pipeline.core.suppression.verdicts import SuppressionRule, Verdict, VerdictAction

EVERYBODY = 100.0
TENTH = [3, 4, 7, 8, 12, 20, 26, 33, 45, 59, 63, 71, 77, 88, 89, 94]
"""Of the first hundred contacts after campaign 7, at ten percent."""


def verdict(
    contact_id: int = 1,
    action: VerdictAction = VerdictAction.SUPPRESS,
    rule: SuppressionRule = SuppressionRule.HARD_BOUNCE,
) -> Verdict:
    return Verdict(contact_id, action, rule, "v", "Suppressed: the address cannot receive mail.", confidence=0.99)


@pytest.mark.parametrize("percent", [1, 5, 20])
def test_the_share_is_the_one_asked_for_and_always_the_same(percent: float) -> None:
    count = 20_000
    drawn = [contact for contact in range(count) if is_drawn(contact, 7, percent)]
    wanted, share = count * percent / 100, percent / 100
    assert abs(len(drawn) - wanted) < 4 * math.sqrt(count * share * (1 - share))
    assert drawn == [contact for contact in range(count) if is_drawn(contact, 7, percent)]
    assert drawn != [contact for contact in range(count) if is_drawn(contact, 8, percent)]


def test_nobody_and_everybody_are_exact() -> None:
    assert not any(is_drawn(contact, 7, 0) for contact in range(1_000))
    assert all(is_drawn(contact, 7, EVERYBODY) for contact in range(1_000))


def test_the_draw_is_fixed_for_good() -> None:
    assert [contact for contact in range(100) if is_drawn(contact, 7, 10)] == TENTH


@pytest.mark.parametrize(
    "rule", [SuppressionRule.HARD_BOUNCE, SuppressionRule.SECOND_HIT, SuppressionRule.SOFT_PATTERN]
)
def test_evidence_of_failures_is_drawn(rule: SuppressionRule) -> None:
    assert draw([verdict(rule=rule)], 7, EVERYBODY, ()) == {1}


def test_complaints_what_is_not_suppressed_and_who_was_tested_are_not_drawn() -> None:
    assert draw([verdict(rule=SuppressionRule.COMPLAINT)], 7, EVERYBODY, ()) == frozenset()
    assert draw([verdict()], 7, EVERYBODY, {1}) == frozenset()
    for action in set(VerdictAction) - {VerdictAction.SUPPRESS}:
        assert draw([verdict(action=action)], 7, EVERYBODY, ()) == frozenset()
    assert draw([verdict()], 7, 0, ()) == frozenset()


def test_who_is_drawn_is_watched_with_the_reason_kept() -> None:
    (found,) = watch_drawn([verdict()], {1})
    assert (found.action, found.rule, found.confidence) == (
        VerdictAction.MONITOR,
        SuppressionRule.TESTED_FIRST,
        None,
    )
    assert found.explanation == (
        "Tested first, drawn at random to see how many suppressions are right: the address cannot receive mail."
    )


def test_who_was_not_drawn_complains_or_is_kept_anyway_stays_as_it_is() -> None:
    others = (verdict(2), verdict(1, rule=SuppressionRule.COMPLAINT), verdict(1, VerdictAction.HOLD))
    for one in others:
        assert watch_drawn([one], {1}) == (one,)
