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
    return_home,
    way_on,
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
    return ChangeNow(8, ItemAction.REMOVE, (StepNow(1, REMOVE, OLD, PLANNED),), False, entries={OLD: False, NEW: False})


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


@pytest.mark.parametrize(
    ("sent", "unrecorded", "received", "back"),
    [
        ({OLD}, set(), True, True),
        ({OLD}, {OLD}, False, True),
        ({OLD}, set(), False, False),
        ({NEW}, set(), True, False),
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
