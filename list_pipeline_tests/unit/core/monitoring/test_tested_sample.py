"""What mailings show of would-be suppressions that were drawn at random."""

from __future__ import annotations

import pytest

from list_pipeline.core.monitoring.clopper_pearson import upper_bound
from list_pipeline.core.monitoring.decision_review import FalseSuppressions, GoalState
from list_pipeline.core.monitoring.decision_review_text import suppression_text
from list_pipeline.core.monitoring.decision_review_text import tested_text as sample_text
from list_pipeline.core.wording import Rate

NONE = FalseSuppressions(suppressed=200, reviewed=0, reinstated=0, undone=0)


def found(tested: int, delivered: int) -> FalseSuppressions:
    return FalseSuppressions(200, 0, 0, 0, tested=tested, tested_delivered=delivered)


def test_the_tested_are_judged_and_the_delivered_of_them_wrong() -> None:
    seen = found(40, 1)
    assert (seen.judged, seen.wrong) == (40, 0)
    assert seen.bound_percent == pytest.approx(100 * upper_bound(1, 40))
    assert seen.tested_rate == Rate(1, 40)


def test_59_that_all_failed_again_show_the_goal_and_58_do_not() -> None:
    assert found(59, 0).proof is GoalState.SHOWN
    assert found(58, 0).proof is GoalState.NOT_SHOWN_YET
    assert NONE.proof is GoalState.NOT_SHOWN_YET


def test_nobody_suppressed_is_wrong_because_somebody_who_was_not_is() -> None:
    assert found(40, 40).proof is GoalState.NOT_SHOWN_YET


def test_the_share_is_told_with_its_interval() -> None:
    assert sample_text(NONE) == ""
    told = sample_text(found(40, 1))
    assert told.startswith("Of 40 would-be suppressions drawn at random and mailed instead, 1 was delivered: 2.5 % (")
    assert "2 were delivered: 5 % (" in sample_text(found(40, 2))
    assert sample_text(found(1, 0)).startswith("Of 1 would-be suppression drawn")


def test_that_no_person_reviewed_any_is_not_said_where_some_are_known() -> None:
    assert "no person reviewed any" in suppression_text(NONE)
    assert "of 40 of whom it is known at most" in suppression_text(found(40, 1))
