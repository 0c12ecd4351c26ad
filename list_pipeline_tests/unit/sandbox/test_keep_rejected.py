"""A suppression that a person rejected is not proposed again after the same campaign."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.suppression.rules import keep_rejected
from list_pipeline.core.suppression.verdicts import SuppressionRule, Verdict, VerdictAction


def verdict(contact_id: int, action: VerdictAction, rule: SuppressionRule = SuppressionRule.HARD_BOUNCE) -> Verdict:
    return Verdict(
        contact_id=contact_id,
        action=action,
        rule=rule,
        policy_version="v",
        explanation="said by a rule",
        bounce_class=None,
        bounce_type=None,
        bounce_count=1,
        confidence=0.99,
        events=(),
    )


VERDICTS = st.lists(
    st.builds(verdict, st.integers(1, 9), st.sampled_from(VerdictAction), st.sampled_from(SuppressionRule)), max_size=9
)


@pytest.mark.parametrize("action", [VerdictAction.SUPPRESS, VerdictAction.HOLD])
def test_what_a_person_rejected_is_kept_with_that_as_the_reason(action: VerdictAction) -> None:
    before = verdict(7, action)
    (kept,) = keep_rejected([before], {7})
    assert (kept.action, kept.rule, kept.confidence) == (VerdictAction.KEEP, SuppressionRule.REJECTED_BY_PERSON, None)
    assert "a person rejected" in kept.explanation
    assert replace(before, action=kept.action, rule=kept.rule, confidence=None, explanation=kept.explanation) == kept


def test_a_complaint_is_suppressed_although_a_person_rejected_it() -> None:
    complaint = verdict(7, VerdictAction.SUPPRESS, SuppressionRule.COMPLAINT)
    assert keep_rejected([complaint], {7}) == (complaint,)


@pytest.mark.parametrize("action", [VerdictAction.KEEP, VerdictAction.MONITOR])
def test_what_would_not_be_suppressed_keeps_its_own_reason(action: VerdictAction) -> None:
    before = verdict(7, action, SuppressionRule.SENDER_FAULT)
    assert keep_rejected([before], {7}) == (before,)


@given(VERDICTS, st.frozensets(st.integers(1, 9)))
def test_nobody_is_added_and_only_rejected_contacts_change(verdicts: list[Verdict], rejected: frozenset[int]) -> None:
    after = keep_rejected(verdicts, rejected)
    assert [one.contact_id for one in after] == [one.contact_id for one in verdicts]
    for one, other in zip(verdicts, after, strict=True):
        assert one == other or one.contact_id in rejected
        still = other.action in (VerdictAction.SUPPRESS, VerdictAction.HOLD)
        assert not still or one.contact_id not in rejected or one.rule is SuppressionRule.COMPLAINT
