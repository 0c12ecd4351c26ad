"""The two state machines of a campaign list: what is legal, what is not, and that nothing is ever stuck or lost."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import IllegalTransitionError
from list_pipeline.core.list_states import machines
from list_pipeline.core.list_states.bounce_rate_alert import Bounced, bounce_message
from list_pipeline.core.list_states.imbalance_alert import Imbalance, imbalance_message
from list_pipeline.core.list_states.machines import (
    HEALTH,
    LIFECYCLE,
    MACHINES,
    HealthState,
    LifecycleState,
    ListEvent,
    StateChange,
    advance,
    balance_event,
    bounce_event,
    broken_transitions,
    machine_of,
    next_state,
    target_of,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.messages.slack_blocks import as_text

E, H, L = ListEvent, HealthState, LifecycleState
ENDS = {"health": H.MONITORED.value, "lifecycle": L.READY.value}


def walk(machine: str, start: str, *events: ListEvent) -> str:
    state = start
    for event in events:
        state = target_of(machine, state, event)
    return state


def steps(machine: str, events: list[ListEvent]) -> list[StateChange]:
    state, found = MACHINES[machine].initial.value, []
    for event in events:
        found.append(advance(machine, state, event))
        state = found[-1].to_state
    return found


def reachable(machine: str, start: str, without: Collection[ListEvent] = ()) -> set[str]:
    found, waiting = {start}, [start]
    rows = {state.value: row for state, row in MACHINES[machine].table.items()}
    while waiting:
        for event, state in rows[waiting.pop()].items():
            if event not in without and state.value not in found:
                found.add(state.value)
                waiting.append(state.value)
    return found


class TestHealth:
    def test_few_bounces_leave_a_list_healthy_until_the_next_campaign(self) -> None:
        state = walk("health", "monitored", E.SENT, E.BEGUN, E.BOUNCES_LOW)
        assert state == "healthy"
        assert walk("health", state, E.NOTHING_TO_CLEAN, E.BALANCED, E.COMPLETED) == "maintenance_complete"
        assert walk("health", "maintenance_complete", E.CACHE_UPDATED, E.MONITORED) == "monitored"

    def test_two_to_ten_percent_are_a_warning_with_a_clean_up_of_the_hard_bounces(self) -> None:
        assert walk("health", "checking", E.BOUNCES_ELEVATED) == "warning"
        assert walk("health", "warning", E.CLEANUP_NEEDED, E.CLEANING_BEGUN, E.CLEANED) == "cleaned"

    @pytest.mark.parametrize("imbalance", [E.IMBALANCE_FOUND, E.SEVERE_IMBALANCE_FOUND])
    def test_where_both_are_needed_the_clean_up_comes_first(self, imbalance: ListEvent) -> None:
        for state in (H.NEEDS_CLEANUP, H.CLEANING):
            with pytest.raises(IllegalTransitionError):
                next_state(HEALTH, state, imbalance)
        assert next_state(HEALTH, H.CLEANED, imbalance) is H.NEEDS_REBALANCING

    def test_many_bounces_of_which_none_may_be_suppressed_are_a_warning(self) -> None:
        assert walk("health", "checking", E.BOUNCES_HIGH, E.NOTHING_TO_CLEAN) == "warning"

    def test_a_person_who_rejects_both_plans_ends_the_maintenance(self) -> None:
        refused = (E.CLEANUP_NEEDED, E.CLEANUP_WAITS, E.CLEANUP_REFUSED, E.IMBALANCE_FOUND, E.REBALANCING_WAITS)
        ended = (E.REBALANCING_REFUSED, E.COMPLETED, E.CACHE_UPDATED)
        assert walk("health", "healthy", *refused, *ended) == "monitored"

    def test_an_undone_maintenance_does_not_hide_that_a_campaign_was_sent_since(self) -> None:
        assert walk("health", "monitored", E.UNDONE) == "monitored"
        assert walk("health", "monitored", E.SENT, E.UNDONE) == "checking"


class TestLifecycle:
    def test_the_states_follow_each_other_as_described_and_begin_again(self) -> None:
        events = {
            E.POPULATED: L.POPULATED,
            E.VALIDATED: L.VALIDATED,
            E.SENT: L.IN_USE,
            E.BEGUN: L.ANALYZING,
            E.CLEANUP_NEEDED: L.NEEDS_CLEANUP,
            E.CLEANED: L.CLEANED,
            E.IMBALANCE_FOUND: L.NEEDS_REBALANCING,
            E.REBALANCED: L.REBALANCED,
            E.CACHE_UPDATED: L.READY,
        }
        state = LIFECYCLE.initial
        for event, expected in events.items():
            state = next_state(LIFECYCLE, state, event)
            assert state is expected
        assert next_state(LIFECYCLE, state, E.VALIDATED) is L.VALIDATED

    def test_a_blocked_list_is_left_by_a_valid_one_an_override_or_a_send_all_the_same(self) -> None:
        blocked = walk("lifecycle", "ready", E.VALIDATION_FAILED)
        assert blocked == "blocked"
        assert walk("lifecycle", blocked, E.VALIDATED) == "validated"
        assert walk("lifecycle", blocked, E.OVERRIDDEN) == "validated"
        assert walk("lifecycle", blocked, E.SENT) == "in_use"

    def test_a_list_that_others_were_rebalanced_with_has_to_be_validated_again(self) -> None:
        assert walk("lifecycle", "validated", E.REBALANCED_ALONG) == "ready"
        assert walk("lifecycle", "in_use", E.REBALANCED_ALONG) == "in_use"


@pytest.mark.parametrize("machine", MACHINES)
class TestBothMachines:
    def test_after_a_failed_run_only_a_run_that_succeeds_leads_out(self, machine: str) -> None:
        for state in MACHINES[machine].states:
            assert target_of(machine, state.value, E.FAILED) == "needs_attention"
        for event in MACHINES[machine].events - {E.COMPLETED}:
            assert target_of(machine, "needs_attention", event) == "needs_attention"
        assert walk(machine, "needs_attention", E.COMPLETED, E.CACHE_UPDATED) == ENDS[machine]

    def test_every_state_is_reachable_and_has_a_way_back(self, machine: str) -> None:
        one = MACHINES[machine]
        everything = {state.value for state in one.states}
        assert reachable(machine, one.initial.value) == everything == {state.value for state in type(one.initial)}
        for state in everything:
            assert ENDS[machine] in reachable(machine, state), f"no way back from {state}"

    def test_the_way_back_needs_nothing_unexpected(self, machine: str) -> None:
        for state in MACHINES[machine].states:
            assert ENDS[machine] in reachable(machine, state.value, without={E.UNEXPECTED, E.FAILED, E.ROLLED_BACK})

    def test_an_illegal_event_is_refused_by_name_and_leads_to_attention_when_followed(self, machine: str) -> None:
        state = MACHINES[machine].initial.value
        with pytest.raises(IllegalTransitionError, match=f"Noting cleaned.*the state is {state}.*Legal there: begun"):
            target_of(machine, state, E.CLEANED)
        step = advance(machine, state, E.CLEANED)
        assert (step.from_state, step.to_state, step.event) == (state, "needs_attention", E.UNEXPECTED)
        assert "cleaned" in step.reason
        assert state in step.reason

    @given(data=st.data())
    def test_no_event_is_lost_whatever_comes_in_whatever_order(self, machine: str, data: st.DataObject) -> None:
        events = data.draw(st.lists(st.sampled_from(sorted(MACHINES[machine].events)), max_size=30))
        found = steps(machine, events)
        assert len(found) == len(events)
        for event, step in zip(events, found, strict=True):
            assert step.event is event or (step.event is E.UNEXPECTED and event.value in step.reason)
        present = {("campaign_1", machine): found[-1].to_state} if found else {}
        assert broken_transitions([("campaign_1", step) for step in found], present) == []


class TestWhatTheFiguresSay:
    @pytest.mark.parametrize(
        ("bounced", "recipients", "event"),
        [
            (0, 1000, E.BOUNCES_LOW),
            (19, 1000, E.BOUNCES_LOW),
            (20, 1000, E.BOUNCES_ELEVATED),
            (100, 1000, E.BOUNCES_ELEVATED),
            (101, 1000, E.BOUNCES_HIGH),
            (0, 0, E.BOUNCES_UNKNOWN),
            (0, 1, E.BOUNCES_LOW),
        ],
    )
    def test_bounces_are_judged_at_two_and_ten_percent(self, bounced: int, recipients: int, event: ListEvent) -> None:
        assert bounce_event(bounced, recipients) is event

    @pytest.mark.parametrize(
        ("triggered", "deviation", "event"),
        [
            (False, 4.9, E.BALANCED),
            (True, 5.1, E.IMBALANCE_FOUND),
            (True, 15.0, E.IMBALANCE_FOUND),
            (True, 15.1, E.SEVERE_IMBALANCE_FOUND),
            (True, None, E.IMBALANCE_FOUND),
        ],
    )
    def test_people_are_told_above_fifteen_percent(
        self, triggered: bool, deviation: float | None, event: ListEvent
    ) -> None:
        assert balance_event(triggered, deviation) is event


class TestTheHistory:
    LEGAL = StateChange("health", "monitored", "checking", E.SENT)

    def test_a_transition_that_the_table_does_not_know_is_named(self) -> None:
        wrong = StateChange("health", "checking", "monitored", E.CLEANED)
        (words,) = broken_transitions([("list", self.LEGAL), ("list", wrong)], {})
        assert "cleaned is not legal in checking" in words

    def test_a_target_that_the_table_does_not_name_is_named(self) -> None:
        wrong = StateChange("health", "checking", "healthy", E.BOUNCES_HIGH)
        (words,) = broken_transitions([("list", self.LEGAL), ("list", wrong)], {})
        assert "to needs_cleanup, not to healthy" in words

    def test_a_missing_transition_in_between_is_seen(self) -> None:
        (words,) = broken_transitions(
            [("list", StateChange("health", "healthy", "maintenance_complete", E.COMPLETED))], {}
        )
        assert "the list was monitored" in words

    def test_a_state_that_was_set_without_a_transition_is_seen(self) -> None:
        (words,) = broken_transitions([("list", self.LEGAL)], {("list", "health"): "monitored"})
        assert "its last transition led to checking" in words

    def test_a_state_that_does_not_exist_is_seen(self) -> None:
        wrong = StateChange("health", "gone", "checking", E.SENT)
        assert len(broken_transitions([("list", wrong)], {})) == 2


class Door(StrEnum):
    OPEN = "open"
    SHUT = "shut"


class Push(StrEnum):
    PUSH = "push"


def test_any_table_makes_a_machine_and_staying_is_legal_only_where_it_says_so() -> None:
    door = machine_of("door", Door.OPEN, {Door.OPEN: {Push.PUSH: Door.SHUT}})
    assert next_state(door, Door.OPEN, Push.PUSH) is Door.SHUT
    with pytest.raises(IllegalTransitionError, match="nothing: it is final"):
        next_state(door, Door.SHUT, Push.PUSH)
    assert door.states == {Door.OPEN, Door.SHUT}
    assert door.events == {Push.PUSH}


def test_the_alert_says_how_far_apart_the_lists_are_and_what_is_planned() -> None:
    sizes = dict(zip(CAMPAIGN_LISTS, (1_200, 1_000, 800), strict=True))
    found = Imbalance("letter-<!channel>", 20.0, sizes, moves=180, enrolments=12, deferred=20, waits=True)
    said = as_text(imbalance_message(found))
    assert "deviate by 20 % from their mean" in said
    assert "180 moves and 12 enrolments, and waits for a person" in said
    assert "20 more are deferred" in said
    assert "800 mailable" in said
    assert "<!channel>" not in str(imbalance_message(found))


def test_an_imbalance_that_waits_for_nobody_and_defers_nothing_says_neither() -> None:
    sizes = dict(zip(CAMPAIGN_LISTS, (1_200, 1_000, 800), strict=True))
    said = as_text(
        imbalance_message(Imbalance("letter", 20.0, sizes, moves=180, enrolments=12, deferred=0, waits=False))
    )
    assert "180 moves and 12 enrolments." in said
    assert "deferred" not in said


def test_the_alert_about_bounces_counts_hard_and_soft_ones_among_the_recipients() -> None:
    said = as_text(bounce_message(Bounced("letter", "List 2", 1_000, hard=90, soft=31)))
    assert "12.1 % of the recipients of letter bounced on List 2; people are told above 10 %." in said.replace("*", "")


def test_a_rule_leads_to_its_target_or_lets_a_state_stay_and_attention_is_left_by_success_alone() -> None:
    rules = (((E.SENT, E.BEGUN), (H.MONITORED, H.HEALTHY), H.CHECKING), ((E.BEGUN,), (H.CHECKING,), None))
    made = machines._machine("small", H.MONITORED, rules, H.NEEDS_ATTENTION, H.REBALANCED)
    assert {state: dict(row) for state, row in made.table.items() if row} == {
        H.MONITORED: {E.SENT: H.CHECKING, E.BEGUN: H.CHECKING},
        H.HEALTHY: {E.SENT: H.CHECKING, E.BEGUN: H.CHECKING},
        H.CHECKING: {E.BEGUN: H.CHECKING},
        H.NEEDS_ATTENTION: {
            E.SENT: H.NEEDS_ATTENTION,
            E.BEGUN: H.NEEDS_ATTENTION,
            E.COMPLETED: H.REBALANCED,
        },
    }


def test_a_send_leads_a_list_without_work_to_its_check_and_hides_no_work_that_an_earlier_one_left() -> None:
    for state in (H.MONITORED, H.MAINTENANCE_COMPLETE, H.HEALTHY, H.WARNING, H.CHECKING):
        assert next_state(HEALTH, state, E.SENT) is H.CHECKING
    for state in (H.NEEDS_CLEANUP, H.CLEANING, H.CLEANED, H.NEEDS_REBALANCING, H.REBALANCING, H.REBALANCED):
        assert next_state(HEALTH, state, E.SENT) is state
