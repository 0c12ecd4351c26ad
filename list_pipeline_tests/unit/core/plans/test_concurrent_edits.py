"""What the journal does about people who unsubscribe or are erased while a plan is carried out."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.observations import ANONYMISED_DOMAIN, ContactSeen
from list_pipeline.core.plans.concurrent_edits import (
    ChangeNow,
    FollowUp,
    StepNow,
    added_to,
    erased,
    is_created_again,
    late_unsubscription,
    may_hide_erasure,
    reversal,
    settlement,
)
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, ItemAction

ONE, TWO, _ = CAMPAIGN_LISTS
ADD, REMOVE, _, _, UNSUB = StepAction
PLANNED, _, SUBMITTED, CONFIRMED, FAILED, SKIPPED, _ = StepState
UNSUBSCRIBED, WAS_THERE_ALREADY = StepNote.UNSUBSCRIBED_MEANWHILE, StepNote.WAS_THERE_ALREADY


def moving(add: StepState = CONFIRMED, remove: StepState = PLANNED, **facts: object) -> ChangeNow:
    """A move from list 1 to list 2 of a contact that unsubscribed on list 1."""
    steps = (StepNow(1, ADD, TWO, add), StepNow(2, REMOVE, ONE, remove))
    entries = {ONE: True, TWO: False} if remove == PLANNED else {TWO: False}
    return replace(ChangeNow(7, ItemAction.MOVE, steps, True, entries=entries, contact_id=1), **facts)  # type: ignore[arg-type]


def test_a_mover_that_unsubscribed_stays_on_its_old_list() -> None:
    change = moving()
    assert reversal(change) == FollowUp(7, (change.steps[1],), ((REMOVE, TWO),))
    assert late_unsubscription(change) is None


def test_a_mover_that_unsubscribed_too_late_is_unsubscribed_on_its_new_list() -> None:
    change = moving(remove=CONFIRMED)
    assert reversal(change) is None
    assert late_unsubscription(change) == FollowUp(7, added=((UNSUB, TWO),))


def test_a_newcomer_that_unsubscribed_is_taken_off_its_first_list_again() -> None:
    newcomer = ChangeNow(
        8,
        ItemAction.ENROL,
        (StepNow(1, ADD, TWO, CONFIRMED),),
        is_unsubscribed=True,
        entries={ListRole.MASTER: True, TWO: False},
        contact_id=1,
    )
    assert reversal(newcomer) == FollowUp(8, added=((REMOVE, TWO),))
    # Off the master list, it has no other entry that remembers.
    left_master = replace(newcomer, entries={TWO: False})
    assert reversal(left_master) is None
    assert late_unsubscription(left_master) == FollowUp(8, added=((UNSUB, TWO),))


@pytest.mark.parametrize("state", [state for state in StepState if state is not CONFIRMED])
def test_only_what_was_added_is_taken_off_again(state: StepState) -> None:
    assert reversal(moving(add=state)) is None
    assert late_unsubscription(moving(add=state, remove=CONFIRMED)) is None


def test_an_entry_that_stood_before_is_not_ours_to_take_off() -> None:
    there = replace(moving().steps[0], note=WAS_THERE_ALREADY)
    assert reversal(moving(steps=(there, moving().steps[1]))) is None
    # Unsubscribed there it is all the same once the old entry is gone.
    late = moving(remove=CONFIRMED)
    assert late_unsubscription(replace(late, steps=(there, late.steps[1]))) is not None


def test_a_restored_contact_is_unsubscribed_on_each_list_that_it_came_back_to() -> None:
    steps = (StepNow(1, ADD, ONE, CONFIRMED), StepNow(2, ADD, TWO, CONFIRMED))
    change = ChangeNow(9, ItemAction.RESTORE, steps, True, entries={ONE: False, TWO: False}, contact_id=1)
    assert late_unsubscription(change) == FollowUp(9, added=((UNSUB, ONE), (UNSUB, TWO)))


def test_whoever_is_unsubscribed_there_already_is_left_alone() -> None:
    assert late_unsubscription(moving(remove=CONFIRMED, entries={TWO: True})) is None


def test_an_anonymised_contact_has_no_address_to_unsubscribe() -> None:
    assert late_unsubscription(moving(remove=CONFIRMED, is_anonymised=True)) is None


def test_what_was_added_and_taken_off_again_is_neither_done_nor_failed() -> None:
    steps = (
        StepNow(1, ADD, TWO, CONFIRMED),
        StepNow(2, REMOVE, ONE, SKIPPED, UNSUBSCRIBED),
        StepNow(3, REMOVE, TWO, CONFIRMED, UNSUBSCRIBED),
    )
    assert settlement(moving(steps=steps)) == FollowUp(7, (steps[0], steps[2]))
    failed = (*steps[:2], replace(steps[2], state=FAILED))
    assert settlement(moving(steps=failed)) is None
    assert settlement(moving(remove=CONFIRMED)) is None


changes = st.builds(
    ChangeNow,
    change_id=st.just(1),
    kind=st.sampled_from(sorted(CHANGING_ACTIONS)),
    steps=st.lists(
        st.builds(
            StepNow,
            ordinal=st.integers(1, 9),
            action=st.sampled_from([ADD, REMOVE, UNSUB]),
            list_role=st.sampled_from([*ListRole]),
            state=st.sampled_from([PLANNED, SUBMITTED, CONFIRMED, FAILED, SKIPPED]),
            note=st.sampled_from([None, WAS_THERE_ALREADY]),
        ),
        max_size=5,
        unique_by=lambda step: step.ordinal,
    ).map(tuple),
    is_unsubscribed=st.booleans(),
    is_anonymised=st.booleans(),
    entries=st.dictionaries(st.sampled_from([*ListRole]), st.booleans()),
    contact_id=st.just(1),
)


def followed(change: ChangeNow, follow_up: FollowUp) -> ChangeNow:
    """A change as the journal has it afterwards."""
    kept = [
        replace(step, state=SKIPPED, note=UNSUBSCRIBED) if step in follow_up.skipped else step for step in change.steps
    ]
    last = max(step.ordinal for step in change.steps)
    added = [
        StepNow(last + n, action, role, PLANNED, UNSUBSCRIBED)
        for n, (action, role) in enumerate(follow_up.added, start=1)
    ]
    return replace(change, steps=(*kept, *added))


@given(changes)
def test_suppressions_and_subscribed_contacts_go_on(change: ChangeNow) -> None:
    if change.kind == ItemAction.SUPPRESS or not change.is_unsubscribed:
        assert reversal(change) is late_unsubscription(change) is None


@given(changes)
def test_an_unsubscription_is_followed_once(change: ChangeNow) -> None:
    for rule in (reversal, late_unsubscription):
        if (follow_up := rule(change)) is not None:
            after = followed(change, follow_up)
            assert reversal(after) is late_unsubscription(after) is None


@given(changes)
def test_a_change_that_is_turned_back_takes_off_only_what_it_added(change: ChangeNow) -> None:
    if (follow_up := reversal(change)) is not None:
        ours = {s.list_role for s in change.steps if (s.action, s.state, s.note) == (ADD, CONFIRMED, None)}
        planned = [step for step in followed(change, follow_up).steps if step.state == PLANNED]
        assert planned
        assert all(step.action == REMOVE and step.list_role in ours for step in planned)


@dataclass
class Contact:
    """A contact at Mailjet with its change: entries on lists, each with whether it is unsubscribed there; our rows' memory."""

    kind: ItemAction
    entries: dict[ListRole, bool]
    steps: list[StepNow]
    is_unsubscribed: bool = False

    def unsubscribe(self, at: Collection[ListRole]) -> None:
        self.entries |= {role: True for role in at if role in self.entries}

    def look(self) -> None:
        """Our rows learn of an unsubscription while some entry says so."""
        self.is_unsubscribed = self.is_unsubscribed or any(self.entries.values())

    def carry_out(self, wanted: StepAction) -> None:
        """The planned steps with an action."""
        for at, step in enumerate(self.steps):
            if step.state == PLANNED and step.action == wanted and step.list_role is not None:
                self.steps[at] = replace(step, state=CONFIRMED)
                if wanted == REMOVE:
                    self.entries.pop(step.list_role, None)
                elif wanted == UNSUB or step.list_role not in self.entries:
                    self.entries[step.list_role] = wanted == UNSUB

    def follow(self, rule: Callable[[ChangeNow], FollowUp | None]) -> None:
        change = ChangeNow(
            1, self.kind, tuple(self.steps), self.is_unsubscribed, entries=dict(self.entries), contact_id=1
        )
        if (follow_up := rule(change)) is not None:
            self.steps = list(followed(change, follow_up).steps)


@pytest.mark.parametrize("moment", ["first", "before removal", "removal handed in"])
@pytest.mark.parametrize("kind", [ItemAction.MOVE, ItemAction.ENROL])
@pytest.mark.parametrize("everywhere", [True, False])
def test_whoever_unsubscribes_during_an_execution_is_not_mailable_after_it(
    kind: ItemAction, moment: str, everywhere: bool
) -> None:
    home = ONE if kind == ItemAction.MOVE else ListRole.MASTER
    steps = [StepNow(1, ADD, TWO, PLANNED), StepNow(2, REMOVE, ONE, PLANNED)]
    contact = Contact(kind, {ListRole.MASTER: False, home: False}, steps if kind == ItemAction.MOVE else steps[:1])

    def perhaps(now: str) -> None:
        # On the master list alone it is seen up to the look at the enrolments; later it is an ordinary unsubscription.
        if now == moment:
            contact.unsubscribe(
                [home] if not everywhere and (kind, now) != (ItemAction.ENROL, "removal handed in") else ListRole
            )

    perhaps("first")
    contact.carry_out(ADD)
    perhaps("before removal")
    contact.look()
    contact.follow(reversal)
    perhaps("removal handed in")
    contact.look()
    contact.carry_out(REMOVE)
    contact.follow(late_unsubscription)
    contact.carry_out(UNSUB)
    contact.follow(settlement)

    on_campaign_lists = contact.entries.keys() & set(CAMPAIGN_LISTS)
    assert all(contact.entries[role] for role in on_campaign_lists)
    assert len(on_campaign_lists) == 1 or (kind == ItemAction.ENROL and not on_campaign_lists)
    assert not [step for step in contact.steps if step.state == PLANNED]


def test_an_erasure_shortens_the_master_list() -> None:
    assert may_hide_erasure(100, 99)
    assert not may_hide_erasure(100, 100)
    assert not may_hide_erasure(100, 101)


def test_erased_is_who_is_anonymised_and_whoever_has_no_row_left() -> None:
    assert erased([1, 2, 3], {1: False, 2: True}) == {2, 3}


def test_another_contact_at_the_address_of_an_erased_one_was_created_by_the_job() -> None:
    again = ContactSeen(2, "a@example.com", is_excluded=False, is_complaining=False, created_at=None)
    assert is_created_again(1, again)
    assert not is_created_again(2, again)
    assert not is_created_again(1, replace(again, email="x@" + ANONYMISED_DOMAIN))


def test_a_suppression_and_a_contact_that_is_still_subscribed_are_not_turned_back() -> None:
    assert reversal(moving(kind=ItemAction.SUPPRESS)) is None
    assert late_unsubscription(moving(remove=CONFIRMED, kind=ItemAction.SUPPRESS)) is None
    assert reversal(moving(is_unsubscribed=False)) is None
    assert late_unsubscription(moving(remove=CONFIRMED, is_unsubscribed=False)) is None


def test_what_was_turned_back_for_the_open_cycle_is_not_turned_back_again() -> None:
    change = moving()
    back = StepNow(3, REMOVE, TWO, PLANNED, StepNote.CYCLE_CHANGED)
    assert reversal(replace(change, steps=(*change.steps, back))) is None


def test_a_mover_has_no_entry_that_remembers_on_the_master_list() -> None:
    moved = moving(remove=CONFIRMED, entries={ListRole.MASTER: True, TWO: False})
    assert reversal(moved) is None


def test_a_planned_addition_is_no_old_entry() -> None:
    steps = (StepNow(1, ADD, ONE, CONFIRMED), StepNow(2, ADD, TWO, PLANNED))
    change = ChangeNow(9, ItemAction.RESTORE, steps, True, entries={ONE: False}, contact_id=1)
    assert reversal(change) is None
    assert late_unsubscription(change) == FollowUp(9, added=((UNSUB, ONE),))


def test_only_additions_to_campaign_lists_can_make_a_contact_mailable() -> None:
    steps = (StepNow(1, ADD, ListRole.SUPPRESSION, CONFIRMED), StepNow(2, ADD, TWO, CONFIRMED))
    assert added_to(moving(steps=steps)) == (TWO,)


def test_an_unsubscription_on_the_new_list_takes_back_nothing() -> None:
    moved = moving(remove=CONFIRMED)
    unsubscribed = StepNow(3, UNSUB, TWO, CONFIRMED, UNSUBSCRIBED)
    assert settlement(replace(moved, steps=(*moved.steps, unsubscribed))) is None


def test_of_what_was_taken_back_only_what_had_been_done_is_settled_with_the_first_reason() -> None:
    steps = (
        StepNow(1, ADD, TWO, CONFIRMED),
        StepNow(2, ADD, TWO, FAILED),
        StepNow(3, REMOVE, TWO, CONFIRMED, StepNote.CYCLE_CHANGED),
        StepNow(4, REMOVE, TWO, CONFIRMED, UNSUBSCRIBED),
    )
    assert settlement(moving(steps=steps)) == FollowUp(7, (steps[0], *steps[2:]), note=StepNote.CYCLE_CHANGED)
