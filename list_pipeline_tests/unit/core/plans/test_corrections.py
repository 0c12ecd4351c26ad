"""Taking a change back: only what we did, never against somebody's newer decision, never into an unsafe state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import problems
from list_pipeline.core.plans.corrections import (
    ContactNow,
    CorrectionFacts,
    DoneChange,
    Refusal,
    correction_message,
    is_back,
    reverse,
)
from list_pipeline.core.plans.journal import StepAction, StepOnList
from list_pipeline.core.plans.plan import ItemAction

MASTER, ONE, TWO, THREE, SUPPRESSION = ListRole
ADD, REMOVE, EXCLUDE, INCLUDE, _ = StepAction
SUPPRESSED = DoneChange(
    change_id=1,
    contact_id=7,
    kind=ItemAction.SUPPRESS,
    done=frozenset({(ADD, SUPPRESSION), (EXCLUDE, None), (REMOVE, THREE)}),
    before=frozenset({MASTER, THREE}),
    was_excluded=False,
)
MOVED = DoneChange(2, 7, ItemAction.MOVE, frozenset({(ADD, TWO), (REMOVE, ONE)}), frozenset({MASTER, ONE}), False)
ENROLLED = DoneChange(3, 7, ItemAction.ENROL, frozenset({(ADD, ONE)}), frozenset({MASTER}), False)


def after(change: DoneChange) -> ContactNow:
    """The contact right after a change."""
    lists = set(change.before)
    for action, role in change.done:
        if role is not None:
            lists = lists | {role} if action is ADD else lists - {role}
    return ContactNow(frozenset(lists), is_excluded=change.was_excluded or (EXCLUDE, None) in change.done)


def carried_out(now: ContactNow, steps: tuple[StepOnList, ...]) -> list[ContactNow]:
    """The contact after each step in turn."""
    states = []
    for action, role in steps:
        if action is INCLUDE:
            now = replace(now, is_excluded=False)
        elif role is not None:
            now = replace(now, lists=now.lists | {role} if action is ADD else now.lists - {role})
        states.append(now)
    return states


@pytest.mark.parametrize("change", [SUPPRESSED, MOVED, ENROLLED])
def test_the_steps_of_a_reversal_lead_back_to_where_the_contact_was(change: DoneChange) -> None:
    found = reverse(change, after(change))
    assert found.refused is None
    assert is_back(change, carried_out(after(change), found.steps)[-1])
    assert not is_back(change, after(change))


def test_a_suppression_is_taken_back_in_an_order_in_which_nobody_is_suppressed_and_mailable() -> None:
    assert reverse(SUPPRESSED, after(SUPPRESSED)).steps == (
        (ADD, THREE),
        (REMOVE, SUPPRESSION),
        (INCLUDE, None),
    )


def test_what_stood_before_us_is_not_lifted() -> None:
    excluded = replace(SUPPRESSED, was_excluded=True)
    assert (INCLUDE, None) not in reverse(excluded, after(excluded)).steps
    listed = replace(SUPPRESSED, done=SUPPRESSED.done - {(ADD, SUPPRESSION)}, before=frozenset({THREE, SUPPRESSION}))
    assert (REMOVE, SUPPRESSION) not in reverse(listed, after(listed)).steps


@pytest.mark.parametrize(
    ("change", "now", "refused"),
    [
        (SUPPRESSED, replace(after(SUPPRESSED), is_gone=True), Refusal.CONTACT_GONE),
        (SUPPRESSED, replace(after(SUPPRESSED), is_unreadable=True), Refusal.UNREADABLE_ROW),
        (MOVED, replace(after(MOVED), is_unreadable=True, is_complaining=True), Refusal.UNREADABLE_ROW),
        (SUPPRESSED, replace(after(SUPPRESSED), is_unsubscribed=True), Refusal.UNSUBSCRIBED),
        (SUPPRESSED, replace(after(SUPPRESSED), is_complaining=True), Refusal.COMPLAINT),
        (replace(SUPPRESSED, is_complaint=True), after(SUPPRESSED), Refusal.COMPLAINT),
        (SUPPRESSED, replace(after(SUPPRESSED), lists=frozenset({MASTER, ONE, SUPPRESSION})), Refusal.CHANGED_SINCE),
        (SUPPRESSED, ContactNow(SUPPRESSED.before), Refusal.ALREADY_SO),
        (MOVED, ContactNow(frozenset({MASTER, THREE})), Refusal.CHANGED_SINCE),
        (MOVED, ContactNow(frozenset({MASTER})), Refusal.CHANGED_SINCE),
        (MOVED, ContactNow(frozenset({MASTER, SUPPRESSION}), is_excluded=True), Refusal.SUPPRESSED_SINCE),
        (ENROLLED, ContactNow(frozenset({ONE})), Refusal.CHANGED_SINCE),
    ],
)
def test_a_change_is_not_taken_back_against_a_newer_state(
    change: DoneChange, now: ContactNow, refused: Refusal
) -> None:
    found = reverse(change, now)
    assert (found.refused, found.steps) == (refused, ())
    assert refused.words


def test_a_move_is_not_taken_back_across_the_rounds_of_an_open_cycle() -> None:
    sent_to_two, sent_to_both = OpenCycle(3, frozenset({TWO})), OpenCycle(3, frozenset({ONE, TWO}))
    assert reverse(MOVED, after(MOVED), cycle=sent_to_two, received=True).refused is Refusal.CYCLE_CHANGED
    assert reverse(MOVED, after(MOVED), cycle=sent_to_both, received=True).refused is None


def test_a_suppression_is_not_taken_back_onto_a_list_where_the_contact_would_get_the_cycle_twice() -> None:
    cycle = OpenCycle(3, frozenset({ONE}))
    assert reverse(SUPPRESSED, after(SUPPRESSED), cycle=cycle, received=True).refused is Refusal.CYCLE_CHANGED
    assert reverse(SUPPRESSED, after(SUPPRESSED), cycle=cycle, received=False).refused is None
    # Its list was sent while it was suppressed: it gets nothing of this cycle either way, and is back for the next one.
    gone_by = OpenCycle(3, frozenset({THREE}))
    assert reverse(SUPPRESSED, after(SUPPRESSED), cycle=gone_by, received=False).refused is None


def test_an_enrolment_is_taken_back_whatever_was_sent_and_a_return_waits_until_it_is_known_who_was_mailed() -> None:
    unknown = OpenCycle(3, frozenset({TWO}), unrecorded=frozenset({TWO}))
    assert reverse(ENROLLED, after(ENROLLED), cycle=unknown).refused is None
    for change in (MOVED, SUPPRESSED):
        assert reverse(change, after(change), cycle=unknown).refused is Refusal.RECIPIENTS_UNKNOWN


def test_a_list_that_is_being_sent_is_left_alone() -> None:
    for change, role in ((SUPPRESSED, THREE), (MOVED, ONE), (MOVED, TWO), (ENROLLED, ONE)):
        assert reverse(change, after(change), frozen={role}).refused is Refusal.LIST_BEING_SENT


def test_a_half_done_move_is_taken_back_by_leaving_the_new_list() -> None:
    half = replace(MOVED, done=frozenset({(ADD, TWO)}))
    assert reverse(half, after(half)).steps == ((REMOVE, TWO),)


ROLES = st.sampled_from(list(ListRole))
NOW = st.builds(
    ContactNow,
    lists=st.frozensets(ROLES),
    is_unsubscribed=st.booleans(),
    is_excluded=st.booleans(),
    is_complaining=st.booleans(),
    is_gone=st.booleans(),
)


@given(
    change=st.sampled_from([SUPPRESSED, MOVED, ENROLLED, replace(SUPPRESSED, is_complaint=True)]),
    now=NOW,
    sent=st.frozensets(st.sampled_from(CAMPAIGN_LISTS)),
    received=st.booleans(),
    frozen=st.frozensets(st.sampled_from(CAMPAIGN_LISTS)),
    override=st.booleans(),
)
def test_whatever_happened_since_a_reversal_leaves_nobody_listless_or_suppressed_and_mailable(
    change: DoneChange,
    now: ContactNow,
    sent: frozenset[ListRole],
    received: bool,
    frozen: frozenset[ListRole],
    override: bool,
) -> None:
    cycle = OpenCycle(3, sent)
    found = reverse(change, now, cycle=cycle, received=received, frozen=frozen, despite_complaint=override)
    assert bool(found.steps) is (found.refused is None)
    was_reachable = SUPPRESSION in now.lists and bool(now.campaign_lists) and not now.is_excluded
    for state in carried_out(now, found.steps):
        assert state.lists
        reachable = SUPPRESSION in state.lists and bool(state.campaign_lists) and not state.is_excluded
        assert was_reachable or not reachable
    if now.is_unsubscribed or now.is_gone:
        assert not found.steps
    assert all(role not in frozen for _, role in found.steps)


def test_lists_that_a_reversal_leaves_alone_count_for_the_open_cycle() -> None:
    both = replace(
        SUPPRESSED,
        done=frozenset({(ADD, SUPPRESSION), (EXCLUDE, None), (REMOVE, ONE), (REMOVE, THREE)}),
        before=frozenset({MASTER, ONE, THREE}),
    )
    # Somebody put it back on list 1: on list 3 too, it would get the cycle twice.
    now = ContactNow(frozenset({MASTER, SUPPRESSION, ONE}), is_excluded=True)
    assert reverse(both, now, cycle=OpenCycle(1)).refused is Refusal.CYCLE_CHANGED


def test_the_message_says_how_many_were_added_where_automations_begin() -> None:
    facts = CorrectionFacts("Maintenance undone", "ada", "", 5, 5, 0, 0, (), {})
    plain = correction_message(facts, automatic=False)
    assert plain.text.endswith("*5 of 5 changes* carried out and read back.")
    assert plain.blocks[1]["text"]["text"] == "*5 of 5 changes* carried out and read back."
    entered = correction_message(replace(facts, entered={ONE: 3}), automatic=False)
    assert "3 contacts were added where automations begin" in entered.text


def test_the_message_says_what_is_left_and_keeps_slacks_limits() -> None:
    facts = CorrectionFacts(
        "Maintenance undone", "ada <!channel>", "x" * 900, 5, 3, 1, 1, tuple(range(400)), {Refusal.COMPLAINT: 2}
    )
    message = correction_message(facts, automatic=False)
    assert problems(*message[:2]) == ()
    assert "Critical" in message.text
    assert "<!channel>" not in str(message.blocks)
    assert "2 left as they are: complained" in message.text
    named = correction_message(facts, automatic=False, left={Refusal.COMPLAINT: [41, 42]})
    assert "explicit override (contacts 41 and 42)." in named.text
    done = correction_message(
        CorrectionFacts("Rebalancing rolled back", "rule", "", 5, 5, 0, 0, (), {}), automatic=True
    )
    assert "Critical" not in done.text
    assert "Manual review needed" in done.text


@pytest.mark.parametrize(
    ("planned", "refused", "empty"),
    [
        (0, {Refusal.CHANGED_SINCE: 3}, True),
        (0, {Refusal.CHANGED_SINCE: 0}, False),
        (0, {}, False),
        (1, {Refusal.CHANGED_SINCE: 3}, False),
    ],
)
def test_a_correction_is_empty_handed_where_everybody_is_left(
    planned: int, refused: dict[Refusal, int], empty: bool
) -> None:
    facts = CorrectionFacts("Rebalancing rolled back", "rule", "", planned, planned, 0, 0, (), refused)
    assert facts.is_empty_handed is empty
    by_itself, asked_for = (correction_message(facts, automatic=automatic).text for automatic in (True, False))
    assert ("Critical: Rebalancing rolled back is not complete" in by_itself) is empty
    assert ("Manual fix required: compare the lists" in by_itself) is empty
    assert "Critical" not in asked_for
    assert "Manual fix" not in asked_for


def test_a_person_is_told_what_is_open_after_what_they_asked_for() -> None:
    told = correction_message(CorrectionFacts("Undo", "ada", "", 2, 1, 0, 1, (), {}), automatic=False).text
    assert "Manual fix required: look at what is open" in told
