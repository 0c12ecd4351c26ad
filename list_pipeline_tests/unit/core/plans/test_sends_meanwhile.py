"""Which way a half-done change goes on when a list was sent meanwhile: the one on which its contact gets the cycle once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.concurrent_edits import ChangeNow, FollowUp, StepNow, late_unsubscription, settlement
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.core.plans.sends_meanwhile import (
    Way,
    follow_up,
    goes_back,
    is_between_lists,
    is_over,
    is_to_begin,
    not_begun,
    not_to_begin,
    return_home,
    way_on,
    why_not_begun,
)

OLD, NEW, OTHER = CAMPAIGN_LISTS
ADD, REMOVE = StepAction.ADD, StepAction.REMOVE
PLANNED, CONFIRMED, SKIPPED = StepState.PLANNED, StepState.CONFIRMED, StepState.SKIPPED
ADDED_AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
REMOVED_AT = ADDED_AT + timedelta(minutes=5)
MINUTE = timedelta(minutes=1)


def moving(add: StepState = CONFIRMED, remove: StepState = PLANNED, kind: ItemAction = ItemAction.MOVE) -> ChangeNow:
    """A move from the old list to the new one."""
    steps = (
        StepNow(1, ADD, NEW, add, changed_at=ADDED_AT),
        StepNow(2, REMOVE, OLD, remove, changed_at=REMOVED_AT),
    )
    entries = {NEW: False} if remove is CONFIRMED else {OLD: False, NEW: False} if add is CONFIRMED else {OLD: False}
    return ChangeNow(7, kind, steps, is_unsubscribed=False, entries=entries, contact_id=1)


def surplus() -> ChangeNow:
    """A repair that takes a contact on two lists off the old one."""
    steps, entries = (StepNow(1, REMOVE, OLD, PLANNED),), {OLD: False, NEW: False}
    return ChangeNow(8, ItemAction.REMOVE, steps, is_unsubscribed=False, entries=entries, contact_id=2)


@pytest.mark.parametrize(
    ("sent", "received", "way"),
    [
        ((), False, Way.ON),
        ((NEW,), True, Way.ON),
        # On the new list too late for its send.
        ((NEW,), False, Way.BACK),
        ((OLD,), True, Way.BACK),
        # Both reached it: wherever it is now, no further mail comes.
        ((OLD, NEW), True, Way.ON),
        ((OTHER,), False, Way.ON),
    ],
)
def test_a_mover_goes_where_it_gets_the_cycle_once(sent: tuple[ListRole, ...], received: bool, way: Way) -> None:
    assert way_on(moving(), OpenCycle(7, frozenset(sent)), received=received) is way


def test_without_an_open_cycle_it_just_goes_on() -> None:
    assert way_on(moving(), OpenCycle(), received=False) is Way.ON


@pytest.mark.parametrize(
    ("role", "began", "way"),
    [
        (OLD, ADDED_AT - MINUTE, Way.BACK),
        (OLD, ADDED_AT + MINUTE, Way.BACK),
        # The removal is only planned: until then it stands on its old list.
        (OLD, REMOVED_AT + MINUTE, Way.BACK),
        (NEW, ADDED_AT + MINUTE, Way.ON),
        # Mailjet tells whole seconds.
        (NEW, ADDED_AT, Way.ON),
        (NEW, ADDED_AT - MINUTE, Way.WAIT),
    ],
)
def test_before_it_is_known_who_was_mailed_the_time_says_it_or_it_is_waited_for(
    role: ListRole, began: datetime, way: Way
) -> None:
    cycle = OpenCycle(7, frozenset({role}), frozenset({role}), {role: began})
    assert way_on(moving(), cycle, received=False) is way


def test_what_is_the_same_either_way_is_not_waited_for() -> None:
    sent = frozenset({OLD, NEW})
    cycle = OpenCycle(7, sent, frozenset({NEW}), {OLD: ADDED_AT - MINUTE, NEW: ADDED_AT - MINUTE})
    assert way_on(moving(), cycle, received=False) is Way.ON


@pytest.mark.parametrize(("sent", "way"), [((), Way.ON), ((OLD,), Way.NOWHERE), ((NEW,), Way.ON)])
def test_a_repair_that_would_leave_its_contact_with_two_mails_is_not_made(sent: tuple[ListRole, ...], way: Way) -> None:
    assert is_between_lists(surplus())
    found = way_on(surplus(), OpenCycle(7, frozenset(sent)), received=bool(sent))
    assert found is way
    assert follow_up(surplus(), Way.NOWHERE) == FollowUp(8, surplus().steps, note=StepNote.CYCLE_CHANGED)


def test_what_goes_back_leaves_the_new_list_and_stays_on_the_old_one() -> None:
    back = follow_up(moving(), Way.BACK)
    assert back == FollowUp(7, (moving().steps[1],), ((REMOVE, NEW),), StepNote.CYCLE_CHANGED)
    assert follow_up(moving(), Way.ON) is follow_up(moving(), Way.WAIT) is None


@pytest.mark.parametrize(
    "change",
    [
        replace(moving(), kind=ItemAction.SUPPRESS),
        moving(add=PLANNED),
        moving(remove=CONFIRMED),
        replace(moving(), entries={**moving().entries, ListRole.SUPPRESSION: False}),
        replace(moving(), steps=(*moving().steps, StepNow(3, REMOVE, NEW, PLANNED, StepNote.CYCLE_CHANGED))),
        replace(surplus(), entries={OLD: False}),
        # A contact that a job created out of an erased one leaves everything.
        replace(surplus(), steps=(StepNow(1, StepAction.EXCLUDE, None, PLANNED), *surplus().steps)),
    ],
)
def test_sends_decide_about_nothing_else(change: ChangeNow) -> None:
    assert not is_between_lists(change)


def test_what_was_not_begun_is_not_begun_to_or_from_a_list_that_is_sent_soon() -> None:
    change, cycle = moving(add=PLANNED), OpenCycle()
    assert is_to_begin(change)
    assert not is_to_begin(moving())
    assert not_begun(change, cycle, frozenset({OTHER}), received=False) is None
    for role in (OLD, NEW):
        assert not_begun(change, cycle, frozenset({role}), received=False) is StepNote.LIST_BEING_SENT
    sent = OpenCycle(7, frozenset({NEW}))
    assert not_begun(change, sent, frozenset(), received=False) is StepNote.CYCLE_CHANGED
    unknown = replace(sent, unrecorded=frozenset({NEW}))
    assert not_begun(change, unknown, frozenset(), received=False) is StepNote.RECIPIENTS_UNKNOWN


def test_what_was_not_begun_is_not_begun_to_or_from_a_list_that_was_frozen_meanwhile() -> None:
    change, quiet, still = moving(add=PLANNED), OpenCycle(), frozenset[ListRole]()
    for role in (OLD, NEW):
        assert not_begun(change, quiet, still, frozenset({role}), received=False) is StepNote.LIST_FROZEN
    assert not_begun(change, quiet, still, frozenset({OTHER, ListRole.MASTER}), received=False) is None
    # Why a send forbids it is told first: that goes away by itself.
    both = frozenset({NEW})
    assert not_begun(change, quiet, both, both, received=False) is StepNote.LIST_BEING_SENT


def test_nobody_is_enrolled_out_of_a_master_list_that_was_frozen_meanwhile() -> None:
    joins = ChangeNow(7, ItemAction.ENROL, (StepNow(1, ADD, NEW, PLANNED),), is_unsubscribed=False, contact_id=1)
    for role, note in ((ListRole.MASTER, StepNote.LIST_FROZEN), (NEW, StepNote.LIST_FROZEN), (OLD, None)):
        assert not_begun(joins, OpenCycle(), frozenset(), frozenset({role}), received=False) is note


def test_what_must_not_be_begun_is_skipped_with_its_reason() -> None:
    change = moving(add=SKIPPED)
    assert not_to_begin(moving(add=PLANNED), StepNote.LIST_FROZEN) == FollowUp(
        7, moving(add=PLANNED).steps, note=StepNote.LIST_FROZEN
    )
    assert not_to_begin(change, StepNote.LIST_FROZEN) == FollowUp(7, change.steps[1:], note=StepNote.LIST_FROZEN)


def test_what_a_lost_job_may_still_do_is_not_skipped() -> None:
    add, remove = moving(add=PLANNED).steps
    lost = replace(add, note=StepNote.ANSWER_LOST)
    assert not_to_begin(replace(moving(), steps=(lost, remove)), StepNote.LIST_FROZEN) is None
    # It took effect, or is known to have had none.
    for known in (replace(lost, state=CONFIRMED), replace(add, note=StepNote.HAD_NO_EFFECT)):
        assert not_to_begin(replace(moving(), steps=(known, remove)), StepNote.LIST_FROZEN) is not None


@pytest.mark.parametrize(
    ("sent", "unrecorded", "received", "back"),
    [
        ({OLD}, set(), True, True),
        ({OLD}, {OLD}, False, True),
        ({OLD}, set(), False, False),
        ({NEW}, set(), True, False),
        # Too late on the new list for its send, and the old one is still to be sent.
        ({NEW}, set(), False, True),
        # It got the cycle elsewhere: on either list it would get it again.
        ({OTHER}, set(), True, False),
        ({OLD, NEW}, set(), True, False),
        (set(), set(), False, False),
    ],
)
def test_who_was_mailed_while_leaving_its_list_returns_if_its_new_list_is_still_to_be_sent(
    sent: set[ListRole], unrecorded: set[ListRole], received: bool, back: bool
) -> None:
    done = moving(remove=CONFIRMED)
    began = dict.fromkeys(sent, REMOVED_AT - MINUTE)
    cycle = OpenCycle(7, frozenset(sent), frozenset(unrecorded), began)
    assert is_over(done, REMOVED_AT)
    assert not is_over(done, REMOVED_AT + MINUTE)
    assert goes_back(done, cycle, received=received) is back


def test_who_unsubscribes_while_it_returns_is_unsubscribed_on_its_old_list() -> None:
    done = moving(remove=CONFIRMED)
    assert not is_over(replace(done, is_unsubscribed=True), REMOVED_AT)
    steps = [
        StepNow(3 + n, action, role, CONFIRMED, StepNote.CYCLE_CHANGED)
        for n, (action, role) in enumerate(return_home(done).added)
    ]
    returned = replace(done, steps=(*done.steps, *steps), entries={OLD: False}, is_unsubscribed=True)
    assert late_unsubscription(returned) == FollowUp(7, added=((StepAction.UNSUB, OLD),))


def test_a_send_that_began_after_the_removal_sends_nobody_back() -> None:
    cycle = OpenCycle(7, frozenset({OLD}), frozenset({OLD}), {OLD: REMOVED_AT + MINUTE})
    assert not goes_back(moving(remove=CONFIRMED), cycle, received=False)


def test_who_returned_counts_neither_as_moved_nor_as_failed() -> None:
    done = moving(remove=CONFIRMED)
    home = return_home(done)
    assert home == FollowUp(7, (), ((ADD, OLD), (REMOVE, NEW)), StepNote.CYCLE_CHANGED)
    backwards = [
        StepNow(3 + n, action, role, CONFIRMED, StepNote.CYCLE_CHANGED) for n, (action, role) in enumerate(home.added)
    ]
    returned = replace(done, steps=(*done.steps, *backwards))
    assert settlement(returned) == FollowUp(7, returned.steps, note=StepNote.CYCLE_CHANGED)
    halfway = replace(returned, steps=(*returned.steps[:-1], replace(returned.steps[-1], state=PLANNED)))
    assert settlement(halfway) is None


@given(st.frozensets(st.sampled_from(CAMPAIGN_LISTS)), st.booleans())
def test_no_way_gives_another_number_of_mails_than_one_where_the_other_way_gives_one(
    sent: frozenset[ListRole], received: bool
) -> None:
    cycle = OpenCycle(7, sent)
    ends_on, other = {Way.ON: (NEW, OLD), Way.BACK: (OLD, NEW)}[way_on(moving(), cycle, received=received)]
    is_once = cycle.gives_one_mail([ends_on], received=received)
    assert is_once or not cycle.gives_one_mail([other], received=received)


THERE_ALREADY = replace(moving().steps[0], note=StepNote.WAS_THERE_ALREADY)
"""An addition that found the contact on the new list."""


def test_a_mover_between_its_lists_depends_on_sends_and_one_that_was_on_the_new_list_before_does_not() -> None:
    assert is_between_lists(moving())
    assert not is_between_lists(replace(moving(), steps=(THERE_ALREADY, moving().steps[1])))


def test_leaving_the_suppression_list_depends_on_no_send() -> None:
    steps = (StepNow(1, ADD, OLD, CONFIRMED), StepNow(2, REMOVE, ListRole.SUPPRESSION, PLANNED))
    assert not is_between_lists(replace(moving(), kind=ItemAction.RESTORE, steps=steps, entries={OLD: False}))


def test_who_was_on_its_new_list_before_is_not_taken_off_it() -> None:
    there = replace(moving(), steps=(THERE_ALREADY, moving().steps[1]))
    # The new list was sent without it: leaving the old one would leave it without the cycle.
    assert way_on(there, OpenCycle(7, frozenset({NEW})), received=False) is Way.NOWHERE
    assert follow_up(there, Way.BACK) == FollowUp(7, (there.steps[1],), (), StepNote.CYCLE_CHANGED)
    done = replace(moving(remove=CONFIRMED), steps=(THERE_ALREADY, moving(remove=CONFIRMED).steps[1]))
    assert not is_over(done, REMOVED_AT)
    assert return_home(done).added == ((ADD, OLD),)


def test_a_repair_is_made_where_the_contact_gets_nothing_of_the_cycle_either_way() -> None:
    assert way_on(surplus(), OpenCycle(7, frozenset({OLD, NEW})), received=False) is Way.ON


@pytest.mark.parametrize(
    ("kind", "note"), [(ItemAction.RESTORE, None), (ItemAction.MOVE, StepNote.CYCLE_CHANGED)], ids=str
)
def test_only_a_return_may_leave_a_contact_without_the_cycle_that_it_would_not_get_either_way(
    kind: ItemAction, note: StepNote | None
) -> None:
    cycle = OpenCycle(7, frozenset({OLD, NEW}))
    assert why_not_begun(kind, [OLD], [NEW], [NEW], cycle, frozenset(), received=False) is note


def test_a_return_is_judged_by_the_lists_it_ends_on() -> None:
    sent_to_new = OpenCycle(7, frozenset({NEW}))
    for received, note in ((True, StepNote.CYCLE_CHANGED), (False, None)):
        assert (
            why_not_begun(ItemAction.RESTORE, [OLD], [NEW], [NEW], sent_to_new, frozenset(), received=received) is note
        )


@pytest.mark.parametrize(
    ("change", "is_one"),
    [
        (moving(add=PLANNED, remove=SKIPPED), True),
        (replace(moving(add=PLANNED), kind=ItemAction.SUPPRESS), False),
        (surplus(), False),
        (replace(moving(add=PLANNED), steps=(StepNow(1, ADD, OTHER, CONFIRMED), StepNow(2, ADD, NEW, PLANNED))), False),
    ],
)
def test_to_begin_is_what_adds_to_a_campaign_list_and_of_which_nothing_was_done(
    change: ChangeNow, is_one: bool
) -> None:
    assert is_to_begin(change) is is_one


def over(**changes: StepNow) -> ChangeNow:
    """A move that is over, with other steps in the place of ``add`` and ``remove``, and further ones."""
    add, remove = moving(remove=CONFIRMED).steps
    steps = {"add": add, "remove": remove, **changes}
    return replace(moving(remove=CONFIRMED), steps=tuple(steps.values()))


ADDED, REMOVED = moving(remove=CONFIRMED).steps


@pytest.mark.parametrize(
    ("change", "since"),
    [
        # Only the removal says when it was over.
        (over(add=replace(ADDED, changed_at=REMOVED_AT + 2 * MINUTE)), REMOVED_AT + MINUTE),
        (over(remove=replace(REMOVED, state=SKIPPED)), REMOVED_AT),
        (over(remove=replace(REMOVED, list_role=ListRole.SUPPRESSION)), REMOVED_AT),
        (over(remove=replace(REMOVED, action=ADD, list_role=OTHER, note=StepNote.WAS_THERE_ALREADY)), REMOVED_AT),
        (over(remove=replace(REMOVED, changed_at=None)), REMOVED_AT),
        (over(further=StepNow(3, REMOVE, OTHER, PLANNED)), REMOVED_AT),
        (over(further=StepNow(3, REMOVE, NEW, StepState.FAILED, StepNote.CYCLE_CHANGED)), REMOVED_AT),
        (replace(over(), entries={NEW: False, OTHER: False}), REMOVED_AT),
        (replace(over(), steps=(ADDED,)), ADDED_AT),
    ],
)
def test_what_is_not_a_finished_move_since_then_is_not_over(change: ChangeNow, since: datetime) -> None:
    assert is_over(over(), REMOVED_AT)
    assert not is_over(change, since)


def test_a_send_that_began_when_the_removal_was_confirmed_did_not_reach_it() -> None:
    cycle = OpenCycle(7, frozenset({OLD}), frozenset({OLD}), {OLD: REMOVED_AT})
    assert not goes_back(moving(remove=CONFIRMED), cycle, received=False)


def test_a_send_to_a_list_that_the_contact_was_never_on_did_not_reach_it() -> None:
    cycle = OpenCycle(7, frozenset({NEW, OTHER}), frozenset({OTHER}), {OTHER: ADDED_AT})
    assert way_on(moving(), cycle, received=False) is Way.BACK


def test_each_send_is_looked_at_also_after_one_that_did_not_reach_it() -> None:
    steps = (*moving(remove=CONFIRMED).steps, StepNow(3, REMOVE, OTHER, PLANNED))
    change = replace(moving(), steps=steps, entries={NEW: False, OTHER: False})
    sent = frozenset({OLD, OTHER})
    cycle = OpenCycle(7, sent, sent, dict.fromkeys(sent, REMOVED_AT + MINUTE))
    assert way_on(change, cycle, received=False) is Way.BACK


def test_who_left_its_list_after_the_send_began_was_mailed_for_certain() -> None:
    cycle = OpenCycle(7, frozenset({OLD}), frozenset({OLD}), {OLD: REMOVED_AT - MINUTE})
    assert way_on(moving(remove=CONFIRMED), cycle, received=False) is Way.BACK


def test_only_additions_and_removals_say_when_a_contact_was_on_a_list() -> None:
    unsubscribed = StepNow(3, StepAction.UNSUB, NEW, CONFIRMED, changed_at=ADDED_AT + MINUTE)
    change = replace(moving(), steps=(*moving().steps, unsubscribed))
    cycle = OpenCycle(7, frozenset({NEW}), frozenset({NEW}), {NEW: ADDED_AT + 2 * MINUTE})
    assert way_on(change, cycle, received=False) is Way.ON


def test_who_was_on_the_new_list_before_was_mailed_by_its_send_whenever_it_began() -> None:
    there = replace(moving(), steps=(THERE_ALREADY, moving().steps[1]))
    cycle = OpenCycle(7, frozenset({NEW}), frozenset({NEW}), {NEW: ADDED_AT - MINUTE})
    assert way_on(there, cycle, received=False) is Way.ON
