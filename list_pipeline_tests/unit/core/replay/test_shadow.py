"""A changed policy beside the present one: where their verdicts differ, added up and in words."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.replay.shadow import (
    Shadow,
    ShadowDifference,
    ShadowFigures,
    figures_of,
    judged_by_both,
    place_text,
    shadow_line,
)
from list_pipeline.core.suppression.verdicts import SuppressionRule, Verdict, VerdictAction
from list_pipeline_tests.unit.core.suppression.suppression_cases import AS_OF, HOLD, KEEP, MONITOR, SENT, SUPPRESS

ACTIONS = st.sampled_from(VerdictAction)
SHADOW = Shadow(1, {"grace_days": "0", "soft_attempts": "4"}, 3, SENT, "A. Person", "a try")


def verdict(contact: int, action: VerdictAction) -> Verdict:
    return Verdict(contact, action, SuppressionRule.HARD_BOUNCE, "v", "because")


def difference(contact: int, present: VerdictAction, shadow: VerdictAction) -> ShadowDifference:
    return ShadowDifference(contact, present, "hard_bounce", shadow, "hard_bounce")


@pytest.mark.parametrize(
    ("present", "shadow", "differ"),
    [
        (SUPPRESS, KEEP, True),
        (MONITOR, SUPPRESS, True),
        (HOLD, KEEP, True),
        (SUPPRESS, HOLD, True),
        (SUPPRESS, SUPPRESS, False),
        # The contact stays either way.
        (MONITOR, KEEP, False),
        (KEEP, MONITOR, False),
    ],
)
def test_two_verdicts_differ_where_something_else_becomes_of_the_contact(
    present: VerdictAction, shadow: VerdictAction, differ: bool
) -> None:
    judged, found = judged_by_both([verdict(1, present)], [verdict(1, shadow)], ())
    assert judged == 1
    assert found == ((difference(1, present, shadow),) if differ else ())


def test_who_is_judged_by_one_alone_or_gone_with_the_shadow_is_not_compared() -> None:
    present = [verdict(1, KEEP), verdict(2, KEEP), verdict(4, KEEP)]
    shadow = [verdict(2, SUPPRESS), verdict(3, SUPPRESS), verdict(4, SUPPRESS)]
    assert judged_by_both(present, shadow, {4}) == (1, (difference(2, KEEP, SUPPRESS),))


@given(st.lists(st.tuples(st.integers(1, 9), ACTIONS, ACTIONS), max_size=20))
def test_each_contact_counts_once_and_in_one_place(found: list[tuple[int, VerdictAction, VerdictAction]]) -> None:
    differences = [difference(*one) for one in found if one[1] is not one[2]]
    figures = figures_of(3, 50, differences, range(1, 5))
    assert figures.more + figures.fewer + figures.held == len({one.contact_id for one in differences})
    assert 0 <= figures.more_good <= min(figures.more, 4)


def test_the_last_difference_of_a_contact_counts() -> None:
    found = [difference(1, KEEP, HOLD), difference(2, SUPPRESS, KEEP), difference(1, KEEP, SUPPRESS)]
    assert figures_of(2, 7, found, {1, 2}) == ShadowFigures(2, 7, more=1, more_good=1, fewer=1, held=0)


def test_it_is_told_in_one_sentence() -> None:
    assert shadow_line(SHADOW, ShadowFigures()) == "With grace_days 0, soft_attempts 4 nothing was compared yet."
    assert shadow_line(SHADOW, ShadowFigures(1, 1, more=1)) == (
        "With grace_days 0, soft_attempts 4 the policy suppresses 1 contact more and 0 fewer, of 1 verdict in 1 campaign."
    )
    assert shadow_line(SHADOW, ShadowFigures(3, 1_200, more=2, more_good=1, fewer=4, held=5)) == (
        "With grace_days 0, soft_attempts 4 the policy suppresses 2 contacts more (1 of them alive since) and 4 fewer, and "
        "holds or releases 5 otherwise, of 1,200 verdicts in 3 campaigns."
    )


def test_where_it_is_in_its_life_is_told() -> None:
    assert place_text(SHADOW, 2) == "Shadow policy, campaign 2 of 3: nothing of it is carried out."
    assert place_text(replace(SHADOW, ended_at=AS_OF), 3) == "Shadow policy, ended by itself after 3 campaigns."
    stopped = replace(SHADOW, ended_at=AS_OF, ended_by="B. Person", ended_why="seen enough")
    assert place_text(stopped, 1) == "Shadow policy, ended by B. Person after 1 of 3 campaigns: seen enough"
