"""Verdicts that do not stand: what a person rejected or took back, and what a later delivery speaks against."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.incidents.groups import domain_group
from list_pipeline.core.suppression.rules import keep_asked, keep_delivered, keep_rejected, keep_taken_back
from list_pipeline.core.suppression.verdicts import AskedAbout, SuppressionRule, Verdict, VerdictAction
from list_pipeline_tests.unit.core.suppression.suppression_cases import incident


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


@pytest.mark.parametrize("rule", [SuppressionRule.HARD_BOUNCE, SuppressionRule.COMPLAINT])
@pytest.mark.parametrize("action", [VerdictAction.SUPPRESS, VerdictAction.HOLD])
def test_what_a_person_took_back_is_kept_a_complaint_too(action: VerdictAction, rule: SuppressionRule) -> None:
    kept, other = keep_taken_back([verdict(7, action, rule), verdict(8, action, rule)], {7})
    assert (kept.action, kept.rule, kept.confidence) == (
        VerdictAction.KEEP,
        SuppressionRule.TAKEN_BACK_BY_PERSON,
        None,
    )
    assert other == verdict(8, action, rule)


@pytest.mark.parametrize("action", [VerdictAction.KEEP, VerdictAction.MONITOR])
def test_taking_back_gives_no_other_reason_to_what_is_kept_anyway(action: VerdictAction) -> None:
    before = verdict(7, action, SuppressionRule.SENDER_FAULT)
    assert keep_taken_back([before], {7}) == (before,)


@pytest.mark.parametrize("action", [VerdictAction.SUPPRESS, VerdictAction.HOLD])
def test_a_later_delivery_protects_from_what_was_judged_for_a_past_moment(action: VerdictAction) -> None:
    reached = verdict(7, VerdictAction.MONITOR, SuppressionRule.DELIVERED_SINCE)
    assert keep_delivered([verdict(7, action)], [reached]) == (reached,)


def test_what_became_known_later_suppresses_nobody_and_protects_from_no_complaint() -> None:
    complaint = verdict(1, VerdictAction.SUPPRESS, SuppressionRule.COMPLAINT)
    dead = verdict(2, VerdictAction.SUPPRESS)
    watched = verdict(3, VerdictAction.MONITOR, SuppressionRule.FIRST_DISPUTED_HIT)
    now = [
        verdict(1, VerdictAction.MONITOR, SuppressionRule.DELIVERED_SINCE),
        verdict(2, VerdictAction.KEEP, SuppressionRule.SENDER_FAULT),
        verdict(3, VerdictAction.MONITOR, SuppressionRule.DELIVERED_SINCE),
    ]
    assert keep_delivered([complaint, dead, watched], now) == (complaint, dead, watched)


@pytest.mark.parametrize(("action", "is_held"), [(VerdictAction.SUPPRESS, False), (VerdictAction.HOLD, True)])
def test_what_people_were_asked_about_is_kept_and_asked_about_once(action: VerdictAction, is_held: bool) -> None:
    before, other = verdict(7, action), verdict(8, action)
    kept, still = keep_asked([before, other], {7: AskedAbout(SuppressionRule.HARD_BOUNCE, is_held)}, [])
    assert (kept.action, kept.rule, kept.confidence) == (VerdictAction.KEEP, SuppressionRule.ASKED_ALREADY, None)
    assert kept.explanation == (
        "Kept: a person was asked about this suppression after an earlier look at the same campaign, and decides there."
    )
    assert still == other


@pytest.mark.parametrize(
    "asked", [AskedAbout(SuppressionRule.SECOND_HIT, False), AskedAbout(SuppressionRule.HARD_BOUNCE, True)]
)
def test_what_another_rule_decides_now_is_asked_about_anew(asked: AskedAbout) -> None:
    before = verdict(7, VerdictAction.SUPPRESS)
    assert keep_asked([before], {7: asked}, []) == (before,)


@pytest.mark.parametrize("action", [VerdictAction.KEEP, VerdictAction.MONITOR])
def test_what_nobody_is_asked_about_any_more_keeps_its_own_reason(action: VerdictAction) -> None:
    before = verdict(7, action)
    assert keep_asked([before], {7: AskedAbout(SuppressionRule.HARD_BOUNCE, False)}, []) == (before,)


def test_an_incident_is_asked_about_anew_with_all_its_contacts_when_more_belong_to_it() -> None:
    held = [verdict(number, VerdictAction.HOLD) for number in (1, 2, 3, 4)]
    asked = {number: AskedAbout(SuppressionRule.HARD_BOUNCE, True) for number in (1, 2, 4)}
    grown, same = incident(1, 2, 3), incident(4, group=domain_group("b.example"))
    after = keep_asked(held, asked, [grown, same])
    assert [one.action for one in after] == [VerdictAction.HOLD] * 3 + [VerdictAction.KEEP]
    # Contacts of an incident who are not held do not make it larger.
    watched = [*held[:2], verdict(3, VerdictAction.MONITOR)]
    assert [one.action for one in keep_asked(watched, asked, [grown])] == [
        VerdictAction.KEEP,
        VerdictAction.KEEP,
        VerdictAction.MONITOR,
    ]
