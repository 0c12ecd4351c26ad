"""Who is kept from mail, until when, and whether that needs a person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem
from list_pipeline.core.quarantine.gate import QuarantineGateFacts, judge_quarantine
from list_pipeline.core.quarantine.judgement import end_after, is_worth_it, quarantine_items, reason_for, wanted
from list_pipeline.core.quarantine.life import QUARANTINE_LIFE, QuarantineReason, QuarantineState
from list_pipeline.core.quarantine.policy import QUARANTINE, QuarantinePolicy
from list_pipeline.core.reviews.policy import REVIEWS
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.past import days_between
from list_pipeline.core.suppression.policy import SuppressionPolicy

SENT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
HELD = PlanItem(1, ItemAction.SUPPRESS, "hard_bounce", to_role=ListRole.SUPPRESSION, is_held=True)
CERTAIN = PlanItem(2, ItemAction.SUPPRESS, "hard_bounce", to_role=ListRole.SUPPRESSION)
DISPUTED = PlanItem(3, ItemAction.MONITOR, "first_disputed_hit")
STREAK = PlanItem(4, ItemAction.MONITOR, "soft_streak")
TESTED = PlanItem(6, ItemAction.MONITOR, "tested_first")
KEPT = PlanItem(5, ItemAction.KEEP, "first_disputed_hit")


def test_the_end_is_six_hours_before_the_first_day_whose_mailings_count() -> None:
    assert end_after(SENT, QUARANTINE) == datetime(2026, 12, 7, 18, 0, tzinfo=UTC)
    first = end_after(SENT, QUARANTINE) + timedelta(hours=QUARANTINE.release_hours_before)
    assert days_between(SENT, first) == SuppressionPolicy().second_hit_days
    assert days_between(SENT, first - timedelta(microseconds=1)) == SuppressionPolicy().second_hit_days - 1


@pytest.mark.parametrize("hour", [0, 23])
def test_the_end_depends_on_the_utc_date_of_the_send_alone(hour: int) -> None:
    assert end_after(SENT.replace(hour=hour, minute=59), QUARANTINE) == end_after(SENT, QUARANTINE)


def test_the_days_are_those_after_which_a_failure_is_another_occasion() -> None:
    assert QUARANTINE.days == SuppressionPolicy().second_hit_days == REVIEWS.incident_answered_after.days


def test_less_than_a_day_is_not_begun() -> None:
    end = end_after(SENT, QUARANTINE)
    assert is_worth_it(end - timedelta(hours=24), end, QUARANTINE)
    assert not is_worth_it(end - timedelta(hours=24) + timedelta(microseconds=1), end, QUARANTINE)


def test_held_suppressions_and_disputed_first_hits_have_a_reason_and_nobody_else() -> None:
    found = {item.contact_id: reason_for(item) for item in (HELD, CERTAIN, DISPUTED, STREAK, KEPT, TESTED)}
    assert found == {
        1: QuarantineReason.INCIDENT,
        2: None,
        3: QuarantineReason.DISPUTED_FIRST_HIT,
        4: None,
        5: None,
        6: QuarantineReason.TESTED_SAMPLE,
    }


def test_only_what_is_switched_on_is_wanted_and_nobody_twice() -> None:
    items = (HELD, CERTAIN, DISPUTED, STREAK)
    assert wanted(items, {QuarantineReason.INCIDENT}) == {1: QuarantineReason.INCIDENT}
    assert wanted(items, QuarantineReason, besides={1}) == {3: QuarantineReason.DISPUTED_FIRST_HIT}
    assert wanted(items, ()) == {}


def test_the_items_say_until_when() -> None:
    (first, second) = quarantine_items({7: QuarantineReason.BY_HAND, 5: QuarantineReason.INCIDENT}, SENT)
    assert (first.contact_id, first.action, first.rule, first.reason) == (
        5,
        ItemAction.QUARANTINE,
        "incident",
        "incident",
    )
    assert first.explanation == "Kept from mail until 2026-12-01 09:30 UTC, on its list."
    assert (second.contact_id, second.rule, second.to_role) == (7, "by_hand", None)


ITEMS = quarantine_items(dict.fromkeys(range(1, 11), QuarantineReason.INCIDENT), SENT)


def facts(
    recipients: int = 100, mode: Mode = Mode.AUTO, flag_enabled: bool = True, **more: object
) -> QuarantineGateFacts:
    return QuarantineGateFacts(recipients, 0, mode, flag_enabled, **more)  # type: ignore[arg-type]


def test_up_to_the_cap_it_begins_by_itself_and_above_a_person_is_asked() -> None:
    begun = judge_quarantine(ITEMS, facts(), QUARANTINE)
    assert (begun.outcome, begun.may_run, begun.waiting) == (GateOutcome.APPROVED, tuple(range(1, 11)), ())
    assert not begun.alert
    asked = judge_quarantine(ITEMS, facts(recipients=99), QUARANTINE)
    assert (asked.outcome, asked.may_run, asked.waiting) == (GateOutcome.NEEDS_REVIEW, (), tuple(range(1, 11)))
    assert asked.alert
    assert [check.words for check in asked.failed_checks] == [
        "10 to be kept from mail are 10.1 % of 99 recipients; the cap is 10 %."
    ]


def test_the_other_looks_count_towards_the_cap_and_alone_ask_nobody() -> None:
    before = QuarantineGateFacts(100, 1, Mode.AUTO, flag_enabled=True)
    (check,) = judge_quarantine(ITEMS, before, QUARANTINE).failed_checks
    assert (
        check.words == "10 to be kept from mail and 1 of its other looks are 11 % of 100 recipients; the cap is 10 %."
    )
    assert judge_quarantine((), QuarantineGateFacts(100, 90, Mode.AUTO, flag_enabled=True), QUARANTINE).approved


def test_a_person_who_let_the_suppressions_through_is_not_asked_again() -> None:
    careful = facts(mode=Mode.APPROVAL_REQUIRED)
    asked = judge_quarantine(ITEMS, careful, QUARANTINE)
    assert (asked.outcome, asked.alert) == (GateOutcome.NEEDS_REVIEW, False)
    for known in (facts(mode=Mode.APPROVAL_REQUIRED, approved_by="ada"), facts(recipients=20, approved_by="ada")):
        assert judge_quarantine(ITEMS, known, QUARANTINE).outcome is GateOutcome.APPROVED


def test_an_old_campaign_needs_a_person() -> None:
    late = judge_quarantine(ITEMS, facts(untimely="it was sent long ago"), QUARANTINE)
    assert late.outcome is GateOutcome.NEEDS_REVIEW


def test_nothing_begins_while_nothing_may_be_changed() -> None:
    looked = judge_quarantine(ITEMS, facts(mode=Mode.READ_ONLY, approved_by="ada"), QUARANTINE)
    assert (looked.outcome, looked.may_run, looked.waiting, looked.alert) == (GateOutcome.READ_ONLY, (), (), False)
    assert judge_quarantine(ITEMS, facts(recipients=10, mode=Mode.READ_ONLY), QUARANTINE).alert
    off = judge_quarantine(ITEMS, facts(flag_enabled=False, approved_by="ada"), QUARANTINE)
    assert (off.outcome, off.may_run, off.waiting, off.alert) == (GateOutcome.REFUSED, (), (), False)


def test_every_state_has_a_way_and_only_what_goes_on_or_waits_is_left() -> None:
    assert QUARANTINE_LIFE.table.keys() == set(QuarantineState)
    left = {state for state, following in QUARANTINE_LIFE.table.items() if following}
    assert left == {QuarantineState.PLANNED, QuarantineState.ACTIVE}


def test_every_reason_has_words() -> None:
    assert len({reason.words for reason in QuarantineReason}) == len(QuarantineReason)


def test_other_figures_lead_to_another_end() -> None:
    policy = QuarantinePolicy(days=1, release_hours_before=0)
    assert end_after(SENT, policy) == datetime(2026, 12, 2, tzinfo=UTC)
