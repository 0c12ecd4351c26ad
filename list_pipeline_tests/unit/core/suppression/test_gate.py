"""What runs by itself, what waits for a person, and what must not run at all."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.automations import Automations
from list_pipeline.core.plans.gate import GateDecision, GateOutcome
from list_pipeline.core.plans.plan import ItemAction, PlanItem, Sweep
from list_pipeline.core.rebalancing.flows import RebalancingPolicy
from list_pipeline.core.rebalancing.gate import RebalancingGateFacts, TakenOff, judge_rebalancing
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.gate import (
    GateItem,
    SuppressionGateFacts,
    concentration,
    gate_items,
    judge_suppression,
)
from list_pipeline.core.suppression.plan import assemble
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import decide
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, CampaignContext, ContactFacts

POLICY = SuppressionPolicy()
START = datetime(2026, 11, 1, tzinfo=UTC)


def hard(contact_id: int = 1, **changes: object) -> GateItem:
    item = GateItem(contact_id, False, 0.99, True, False, True, True, "user_unknown", "one.example")
    return replace(item, **changes)  # type: ignore[arg-type]


def complaint(contact_id: int) -> GateItem:
    return hard(contact_id, is_complaint=True, confidence=1.0, is_permanent_hard=False)


def facts(*items: GateItem, **changes: object) -> SuppressionGateFacts:
    return replace(SuppressionGateFacts(100, 0, items, True, Mode.AUTO, True), **changes)  # type: ignore[arg-type]


def judge(*items: GateItem, **changes: object) -> GateDecision:
    return judge_suppression(facts(*items, **changes), POLICY)


def many(count: int, first: int = 1, **changes: object) -> tuple[GateItem, ...]:
    return tuple(hard(number, **changes) for number in range(first, first + count))


def failed(decision: GateDecision) -> set[str]:
    return {check.name for check in decision.failed_checks}


def test_a_plan_with_somebody_who_was_no_recipient_is_refused() -> None:
    refused = judge(hard(1), hard(2, was_recipient=False))
    assert (refused.outcome, failed(refused), refused.alert) == (GateOutcome.REFUSED, {"recipients"}, True)


def test_automations_make_all_but_complaints_wait_without_an_alert() -> None:
    waits = judge(hard(1), complaint(2), automations=Automations(frozenset({ListRole.SUPPRESSION})))
    assert (waits.outcome, waits.may_run, waits.waiting) == (GateOutcome.NEEDS_REVIEW, (2,), (1,))
    assert (failed(waits), waits.alert) == ({"automations"}, False)


def test_a_plan_that_waits_for_its_mode_alone_alerts_nobody() -> None:
    waits = judge(hard(1), mode=Mode.APPROVAL_REQUIRED)
    assert (waits.outcome, waits.alert) == (GateOutcome.NEEDS_REVIEW, False)
    assert judge(*many(11), mode=Mode.APPROVAL_REQUIRED).alert
    assert not judge(hard(1), mode=Mode.READ_ONLY).alert
    assert judge(*many(11), mode=Mode.READ_ONLY).alert


class TestCap:
    def test_exactly_ten_percent_of_the_recipients_runs_and_one_more_waits_altogether(self) -> None:
        assert judge(*many(10)).approved
        over = judge(*many(11))
        assert (over.outcome, over.may_run, len(over.waiting), over.alert) == (GateOutcome.NEEDS_REVIEW, (), 11, True)
        assert failed(over) == {"cap"}

    def test_it_is_cumulative_over_the_sweeps_of_a_campaign(self) -> None:
        assert judge(*many(4), executed_before=6).approved
        assert judge(*many(4), executed_before=7).outcome is GateOutcome.NEEDS_REVIEW

    def test_complaints_are_not_counted_and_run_while_the_rest_waits(self) -> None:
        assert judge(*many(10), *(complaint(number) for number in range(50, 80))).approved
        over = judge(*many(11), complaint(50), complaint(51))
        assert over.may_run == (50, 51)
        assert set(over.waiting) == set(range(1, 12))

    def test_contacts_that_are_held_are_not_counted_because_they_do_not_run(self) -> None:
        decision = judge(*many(10), *many(30, first=20, is_held=True))
        assert decision.approved
        assert set(decision.waiting) == set(range(20, 50))

    def test_what_an_advisor_would_rather_watch_counts_so_that_an_opinion_lets_nothing_through(self) -> None:
        assert judge(*many(9), softened=1).approved
        over = judge(*many(9), softened=2)
        assert (over.outcome, over.may_run) == (GateOutcome.NEEDS_REVIEW, ())
        words = {check.name: check.words for check in over.checks}["cap"]
        assert "9 planned, 2 watched instead on the advisor's word and 0 executed before are 11 %" in words

    def test_whom_people_were_asked_about_after_another_look_count_like_those_of_this_plan(self) -> None:
        assert judge(*many(9), asked_before=1).approved
        over = judge(*many(8), softened=1, asked_before=2)
        assert (over.outcome, over.may_run) == (GateOutcome.NEEDS_REVIEW, ())
        words = {check.name: check.words for check in over.checks}["cap"]
        assert words.startswith(
            "8 planned, 1 watched instead on the advisor's word, 2 waiting after another look and 0 executed before are 11 %"
        )
        assert judge(complaint(1), asked_before=50).approved

    def test_a_campaign_without_recipients_lets_nobody_through(self) -> None:
        assert judge(hard(), recipients=0).outcome is GateOutcome.NEEDS_REVIEW
        assert judge(recipients=0).approved

    def test_earlier_sweeps_over_the_cap_do_not_stop_a_sweep_that_adds_nothing(self) -> None:
        assert judge(complaint(1), executed_before=50).approved

    def test_it_says_where_the_suppressions_are_concentrated(self) -> None:
        spread = [hard(number, group=f"d{number}.example", reason=f"r{number}") for number in range(11)]
        words = {check.name: check.words for check in judge(*spread).checks}["cap"]
        assert "11 planned and 0 executed before are 11 % of 100 recipients" in words
        assert words.count("no single cause") == 2
        words = {check.name: check.words for check in judge(*many(11)).checks}["cap"]
        assert "one.example with 11 of 11 (one cause is likely)" in words

    @pytest.mark.parametrize(
        ("groups", "words"),
        [
            (("b", "b", "a", "a"), "largest domain: a with 2 of 4 (no single cause)"),
            (("b", "b", "b", "a"), "largest domain: b with 3 of 4 (one cause is likely)"),
            ((None, None, "b", "b"), "largest domain: b with 2 of 4 (no single cause)"),
            ((None, None, None, ""), ""),
        ],
    )
    def test_more_than_half_in_one_place_is_one_cause(self, groups: tuple[str | None, ...], words: str) -> None:
        said = concentration(hard(number, group=group) for number, group in enumerate(groups))
        assert words in said
        assert "largest reason: user_unknown with 4 of 4" in said
        assert said.count("largest domain") == bool(words)

    def test_where_nothing_is_known_no_cause_is_named(self) -> None:
        assert concentration([hard(1, group=None, reason="")]) == "Concentration: not known."

    def test_what_is_within_the_cap_needs_no_cause(self) -> None:
        assert "Concentration" not in {check.name: check.words for check in judge(*many(10)).checks}["cap"]

    def test_a_cap_that_no_binary_number_hits_is_still_exact(self) -> None:
        tight = SuppressionPolicy(cap_percent=0.7)
        assert judge_suppression(facts(*many(7), recipients=1000), tight).approved
        assert not judge_suppression(facts(*many(8), recipients=1000), tight).approved


class TestConfidence:
    @pytest.mark.parametrize(
        ("confidence", "permanent", "runs"),
        [(0.85, False, True), (0.849, False, False), (0.849, True, True), (0.70, True, True), (0.70, False, False)],
    )
    def test_between_the_bands_only_permanent_hard_bounces_run(
        self, confidence: float, permanent: bool, runs: bool
    ) -> None:
        doubtful = hard(2, confidence=confidence, is_permanent_hard=permanent)
        decision = judge(hard(1), doubtful)
        assert decision.approved
        assert decision.may_run == ((1, 2) if runs else (1,))
        assert decision.waiting == (() if runs else (2,))
        assert not decision.alert

    def test_one_item_below_the_review_band_makes_the_whole_plan_wait_with_an_alert(self) -> None:
        decision = judge(hard(1), hard(2, confidence=0.699), complaint(3))
        assert (decision.outcome, decision.alert) == (GateOutcome.NEEDS_REVIEW, True)
        assert (decision.may_run, decision.waiting) == ((3,), (1, 2))

    def test_the_lowest_confidence_and_the_domains_that_wait_are_told(self) -> None:
        held = hard(3, is_held=True), hard(4, is_held=True, group=None)
        words = {check.name: check.words for check in judge(hard(1), hard(2, confidence=0.9), *held).checks}
        assert words["confidence"] == "0 of 2 are below 0.70; the lowest confidence is 0.90."
        assert words["incidents"].startswith("2 contacts at 1 domain are held")
        assert "none to judge" in {check.name: check.words for check in judge().checks}["confidence"]

    def test_a_complaint_is_exempt(self) -> None:
        assert judge(replace(complaint(1), confidence=0.1)).approved

    def test_a_held_item_is_not_judged_by_its_confidence_yet(self) -> None:
        assert judge(hard(1, confidence=0.1, is_held=True)).approved


class TestInvariants:
    @pytest.mark.parametrize(
        ("decision", "name"),
        [
            (judge(hard(1), hard(2, has_evidence=False)), "evidence"),
            (judge(hard(1), hard(2, was_recipient=False)), "recipients"),
            (judge(hard(1), hard(2, was_recipient=False, is_held=True)), "recipients"),
            (judge(replace(complaint(1), has_evidence=False)), "evidence"),
            (judge(hard(1), fetch_complete=False), "fetch"),
        ],
    )
    def test_a_broken_one_refuses_the_plan_for_everybody(self, decision: GateDecision, name: str) -> None:
        assert (decision.outcome, decision.refused, decision.alert) == (GateOutcome.REFUSED, True, True)
        assert (decision.may_run, decision.waiting) == ((), ())
        assert failed(decision) - {"incidents"} == {name}

    def test_bounces_that_were_not_read_completely_refuse_it_too(self) -> None:
        decision = judge(hard(1), fetch_complete=False)
        assert (decision.outcome, decision.alert, decision.may_run) == (GateOutcome.REFUSED, True, ())

    def test_the_switch_refuses_without_crying_wolf(self) -> None:
        decision = judge(hard(1), complaint(2), flag_enabled=False)
        assert (decision.refused, decision.alert, decision.may_run) == (True, False, ())

    @pytest.mark.parametrize("mode", list(Mode))
    def test_the_switch_is_stronger_than_every_mode(self, mode: Mode) -> None:
        assert judge(hard(1), flag_enabled=False, mode=mode).outcome is GateOutcome.REFUSED


class TestModes:
    def test_read_only_executes_nothing_not_even_complaints(self) -> None:
        decision = judge(hard(1), complaint(2), mode=Mode.READ_ONLY)
        assert (decision.outcome, decision.refused, decision.may_run) == (GateOutcome.READ_ONLY, True, ())

    @pytest.mark.parametrize("mode", [Mode.READ_ONLY, Mode.APPROVAL_REQUIRED])
    @pytest.mark.parametrize(
        ("items", "alert"),
        [(many(10), False), (many(11), True), ((hard(1, confidence=0.69),), True), ((hard(1, is_held=True),), False)],
        ids=["within the cap", "over the cap", "in doubt", "held"],
    )
    def test_what_would_wait_in_any_mode_is_an_alert_in_each(
        self, mode: Mode, items: tuple[GateItem, ...], alert: bool
    ) -> None:
        decision = judge(*items, mode=mode)
        assert (decision.alert, decision.may_run) == (alert, ())

    def test_with_approval_everything_waits_complaints_too(self) -> None:
        decision = judge(hard(1), complaint(2), mode=Mode.APPROVAL_REQUIRED)
        assert (decision.outcome, decision.may_run, decision.waiting) == (GateOutcome.NEEDS_REVIEW, (), (1, 2))

    def test_an_empty_plan_needs_nobodys_approval(self) -> None:
        decision = judge(mode=Mode.APPROVAL_REQUIRED)
        assert decision.approved
        assert not decision.waiting

    @pytest.mark.parametrize("items", [(hard(1), complaint(2)), ()])
    def test_outside_its_age_a_plan_waits_and_the_age_is_named(self, items: tuple[GateItem, ...]) -> None:
        decision = judge(*items, untimely="it was sent at 2026-11-01 10:00 UTC, more than 4 days ago")
        assert decision.approved is (not items)
        assert decision.waiting == tuple(item.contact_id for item in items)
        (check,) = (check for check in decision.checks if check.name == "mode")
        assert check.passed is (not items)
        assert "more than 4 days ago" in check.words

    def test_a_mode_that_is_more_careful_is_the_cause_that_is_named(self) -> None:
        (check,) = (one for one in judge(hard(1), mode=Mode.READ_ONLY, untimely="too old").checks if one.name == "mode")
        assert check.words.startswith("Read-only")


def test_the_record_of_a_decision_has_a_sentence_for_every_check() -> None:
    decision = judge(*many(11))
    record = decision.record
    assert (record.outcome, record.may_run, record.waiting) == (
        GateOutcome.NEEDS_REVIEW,
        len(decision.may_run),
        decision.waiting,
    )
    assert all(check.words.endswith(".") for check in record.checks)


ITEMS = st.lists(
    st.builds(
        GateItem,
        st.integers(1, 500),
        st.booleans(),
        st.floats(0, 1),
        st.booleans(),
        st.booleans(),
        st.just(True) | st.booleans(),
        st.just(True) | st.booleans(),
    ),
    max_size=40,
    unique_by=lambda item: item.contact_id,
)


@given(ITEMS, st.integers(0, 300), st.integers(0, 40), st.booleans(), st.sampled_from(list(Mode)), st.booleans())
def test_whatever_is_planned_nothing_unsafe_runs(  # type: ignore[no-untyped-def]
    items, recipients, before, complete, mode, enabled
) -> None:
    shown = SuppressionGateFacts(recipients, before, tuple(items), complete, mode, enabled)
    decision = judge_suppression(shown, POLICY)
    by_id = {item.contact_id: item for item in items}
    running = [by_id[contact_id] for contact_id in decision.may_run]
    ordinary = [item for item in running if not item.is_complaint]
    assert not ordinary or 10 * (len(ordinary) + before) <= recipients
    assert not running or (complete and enabled and mode is Mode.AUTO)
    assert all(item.has_evidence and item.was_recipient and not item.is_held for item in running)
    assert all(item.confidence >= 0.85 or (item.is_permanent_hard and item.confidence >= 0.70) for item in ordinary)
    assert not set(decision.may_run) & set(decision.waiting)
    if not decision.refused:
        assert set(decision.may_run) | set(decision.waiting) == set(by_id)


def test_who_is_tested_by_a_mailing_first_counts_towards_the_cap() -> None:
    assert judge(*many(9), tested=1).approved
    over = judge(*many(9), tested=2)
    assert failed(over) == {"cap"}
    (check,) = over.failed_checks
    assert check.words.startswith(
        "9 planned, 2 tested by a mailing first and 0 executed before are 11 % of 100 recipients"
    )


def planned(*events: FailureEvent, complaining: bool = False) -> tuple[PlanItem, ...]:
    *past, last = events
    campaign = CampaignContext(1, 100, {7: "one.example"}, last.occurred_at)
    known = {7: ContactFacts(is_complaining=complaining, campaigns_count=9)}
    history = [Attempt(one.campaign_id, one.occurred_at, AttemptOutcome.FAILED, one) for one in past]
    verdicts = decide([last], {7: history}, known, campaign, POLICY, START + timedelta(days=9))
    return assemble(
        verdicts, [last], (), campaign_id=1, sweep=Sweep.H24, policy_version=POLICY.version, recipients=100
    ).items


def failure(state_id: int, permanent: bool, campaign_id: int = 1, days: int = 8) -> FailureEvent:
    at, found = START + timedelta(days=days), classify(state_id, permanent)
    return FailureEvent(7, campaign_id, at, state_id, permanent, MessageStatus.HARD_BOUNCED, found, True, True)


class TestReadingAPlan:
    def test_it_judges_what_was_written_and_asks_again_who_was_a_recipient(self) -> None:
        items = planned(failure(1, True))
        (item,) = gate_items(items, {7}, {7: "one.example"})
        assert (item.confidence, item.is_permanent_hard, item.has_evidence, item.was_recipient) == (
            0.99,
            True,
            True,
            True,
        )
        assert (item.reason, item.group) == ("user_unknown", "one.example")
        (item,) = gate_items(items, frozenset(), {})
        assert not item.was_recipient

    def test_an_item_without_a_confidence_is_in_doubt_and_one_without_a_bounce_is_named_by_its_rule(self) -> None:
        (item,) = planned(failure(1, True))
        (item,) = gate_items([replace(item, confidence=None, bounce_type=None)], {7}, {})
        assert (item.confidence, item.reason) == (0.0, "hard_bounce")
        assert judge(item).outcome is GateOutcome.NEEDS_REVIEW

    @pytest.mark.parametrize("permanent", [True, False])
    def test_a_second_hit_runs_by_itself_only_when_mailjet_calls_it_permanent(self, permanent: bool) -> None:
        (item,) = gate_items(planned(failure(2, False, 2, days=1), failure(2, permanent)), {7}, {})
        assert (item.confidence, item.is_permanent_hard) == (0.80, permanent)
        assert judge(item).may_run == ((7,) if permanent else ())

    def test_a_soft_pattern_is_never_a_permanent_hard_bounce(self) -> None:
        old = [failure(3, True, campaign_id=2, days=-20), failure(3, True, campaign_id=3, days=-10)]
        (item,) = gate_items(planned(*old, failure(3, True)), {7}, {})
        assert (item.confidence, item.is_permanent_hard, item.has_evidence) == (0.90, False, True)

    def test_a_flag_on_the_contact_is_evidence_of_a_complaint(self) -> None:
        (item,) = gate_items(planned(failure(7, True), complaining=True), {7}, {})
        assert (item.is_complaint, item.has_evidence) == (True, True)

    def test_an_item_without_evidence_that_counts_has_none(self) -> None:
        (item,) = planned(failure(1, True))
        (item,) = gate_items([replace(item, has_evidence=False, is_permanent_hard=False)], {7}, {})
        assert (item.has_evidence, item.is_permanent_hard) == (False, False)
        assert judge(item).refused

    def test_what_is_only_watched_or_kept_is_no_planned_suppression(self) -> None:
        assert gate_items(planned(failure(2, True)), {7}, {}) == ()
        assert gate_items(planned(failure(7, True)), {7}, {}) == ()


class TestRebalancing:
    RULES = RebalancingPolicy()

    def moves(self, count: int, first: int = 1) -> tuple[PlanItem, ...]:
        return tuple(
            PlanItem(number, ItemAction.MOVE, "minimal", ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2)
            for number in range(first, first + count)
        )

    def given(self, items: tuple[PlanItem, ...], **changes: object) -> RebalancingGateFacts:
        moved = sum(item.action is ItemAction.MOVE for item in items)
        plain = RebalancingGateFacts(
            items, (1100, 900, 1000), (1100 - moved, 900 + moved, 1000), frozenset(), False, Mode.AUTO, True
        )
        return replace(plain, **changes)  # type: ignore[arg-type]

    def test_a_repair_within_all_limits_runs(self) -> None:
        decision = judge_rebalancing(self.given(self.moves(80)), self.RULES)
        assert decision.approved
        assert len(decision.may_run) == 80
        assert failed(decision) == set()

    def test_a_repair_that_stops_short_of_its_goal_waits_unless_nothing_better_exists(self) -> None:
        short = self.given(self.moves(40))
        assert failed(judge_rebalancing(short, self.RULES)) == {"balance"}
        best = replace(short, is_best_reachable=True, restriction="the open cycle was sent to list 1")
        decision = judge_rebalancing(best, self.RULES)
        assert decision.approved
        assert any("the open cycle" in check.words for check in decision.checks)

    def test_a_plan_that_makes_it_worse_waits_whatever_its_certificate_says(self) -> None:
        worse = self.given(self.moves(10), sizes_before=(900, 1100, 1000), sizes_after=(890, 1110, 1000))
        assert "balance" in failed(judge_rebalancing(replace(worse, is_best_reachable=True), self.RULES))

    def test_ten_percent_of_the_contacts_is_already_too_many(self) -> None:
        before, after = (60, 20, 20), (50, 30, 20)
        small = self.given(self.moves(10), sizes_before=before, sizes_after=after, is_best_reachable=True)
        decision = judge_rebalancing(small, self.RULES)
        assert (decision.outcome, failed(decision), decision.alert) == (GateOutcome.NEEDS_REVIEW, {"moves"}, True)
        fewer = self.given(self.moves(9), sizes_before=before, sizes_after=(51, 29, 20), is_best_reachable=True)
        assert judge_rebalancing(fewer, self.RULES).approved

    def test_enrolments_count_with_the_moves(self) -> None:
        joined = tuple(
            PlanItem(number, ItemAction.ENROL, "newcomer", to_role=ListRole.CAMPAIGN_2) for number in range(1, 21)
        )
        many = self.given(joined, sizes_before=(40, 20, 40), sizes_after=(40, 40, 40))
        decision = judge_rebalancing(many, self.RULES)
        assert (decision.outcome, failed(decision), decision.alert) == (GateOutcome.NEEDS_REVIEW, {"moves"}, True)
        few = self.given(joined, sizes_before=(80, 61, 80), sizes_after=(80, 81, 80))
        assert judge_rebalancing(few, self.RULES).approved

    def test_a_list_that_somebody_else_emptied_is_filled_by_a_person_only(self) -> None:
        def given(taken_off: int, size_before: int) -> GateDecision:
            seen = {ListRole.CAMPAIGN_2: TakenOff(taken_off, size_before)}
            plan = self.given(
                self.moves(9), sizes_before=(60, 20, 20), sizes_after=(51, 29, 20), is_best_reachable=True
            )
            return judge_rebalancing(replace(plan, taken_off=seen), self.RULES)

        assert given(5, 100).approved
        decision = given(6, 100)
        assert (decision.outcome, failed(decision), decision.alert) == (GateOutcome.NEEDS_REVIEW, {"taken_off"}, True)
        assert "6 of 100 off List 2" in decision.failed_checks[0].words

    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"sizes_after": (1020, 981, 1000)}, "sizes"),
            ({"never_move": frozenset({5})}, "never_moved"),
        ],
    )
    def test_what_does_not_add_up_or_touches_the_wrong_people_is_refused(
        self, changes: dict[str, object], name: str
    ) -> None:
        decision = judge_rebalancing(self.given(self.moves(80), **changes), self.RULES)
        assert (decision.outcome, failed(decision), decision.may_run) == (GateOutcome.REFUSED, {name}, ())

    def test_nobody_is_moved_twice(self) -> None:
        items = (*self.moves(79), *self.moves(1))
        assert failed(judge_rebalancing(self.given(items), self.RULES)) == {"once"}

    def test_a_list_cannot_lose_more_than_it_has(self) -> None:
        plan = self.given(self.moves(80), sizes_before=(10, 900, 1000), sizes_after=(-70, 980, 1000))
        assert "sizes" in failed(judge_rebalancing(plan, self.RULES))

    def test_a_suppression_among_the_moves_is_refused(self) -> None:
        stray = PlanItem(999, ItemAction.SUPPRESS, "hard_bounce", to_role=ListRole.SUPPRESSION)
        decision = judge_rebalancing(self.given((*self.moves(80), stray)), self.RULES)
        assert decision.outcome is GateOutcome.REFUSED
        assert "actions" in failed(decision)

    def test_mode_and_switch_hold_here_too(self) -> None:
        plan = self.given(self.moves(80))
        outcomes = [
            judge_rebalancing(replace(plan, mode=mode), self.RULES).outcome
            for mode in (Mode.READ_ONLY, Mode.APPROVAL_REQUIRED)
        ]
        assert outcomes == [GateOutcome.READ_ONLY, GateOutcome.NEEDS_REVIEW]
        assert judge_rebalancing(replace(plan, flag_enabled=False), self.RULES).outcome is GateOutcome.REFUSED

    def test_uneven_lists_without_anything_to_do_leave_nothing_to_approve(self) -> None:
        decision = judge_rebalancing(self.given((), mode=Mode.APPROVAL_REQUIRED), self.RULES)
        assert decision.approved
        assert failed(decision) == {"balance"}

    def test_empty_lists_are_nobodys_problem(self) -> None:
        empty = self.given((), sizes_before=(0, 0, 0), sizes_after=(0, 0, 0))
        assert failed(judge_rebalancing(empty, self.RULES)) == set()
