"""Who left a list is told by its entries, on lists of many pages: no size, and nothing that our rows say, is a proof.

With lists that fit on one page, every entry is read anyway, and nobody would notice a page that is not asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import RecipientSeen
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.operations.plans import read_back
from list_pipeline.operations.plans.read_back import ReadBack
from list_pipeline.storage.membership.members import PlaceInOrder
from list_pipeline.storage.plans.journal import Step

PAGE = 8
LIST, LIST_ID, SUPPRESSION_ID = ListRole.CAMPAIGN_1, 77, 78
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
ERASED = 666


SERVICES: Any = SimpleNamespace(
    list_ids={LIST: LIST_ID, ListRole.SUPPRESSION: SUPPRESSION_ID},
    clock=SimpleNamespace(now=lambda: NOW),
    database=SimpleNamespace(begin=lambda: nullcontext(None)),
)


@dataclass
class AList:
    """A list of a hundred contacts at Mailjet, whose entries bear their contacts' numbers, and our older rows of it."""

    entries: dict[int, int] = field(default_factory=lambda: {number: number for number in range(1, 101)})
    ours: dict[int, int] = field(default_factory=lambda: {number: number for number in range(1, 101)})
    cut_at: int | None = None
    longest: int = PAGE
    asked: list[str] = field(default_factory=list)
    removed: list[int] = field(default_factory=list)
    added: set[int] = field(default_factory=set)
    refreshed: list[int] = field(default_factory=list)
    counted: int | None = None
    """How many entries Mailjet counts, where that is not how many there are."""
    unsubscribed: set[int] = field(default_factory=set)
    excluded: set[int] = field(default_factory=set)
    """Who is excluded from campaigns at Mailjet; ``excluded_here``: in our rows."""
    excluded_here: set[int] = field(default_factory=set)
    shows_all: bool = False
    """Asked for those in a state, Mailjet counts them, and shows everybody."""
    unknown_here: set[int] = field(default_factory=set)
    """Of whom our rows have no contact."""
    unreadable: set[int] = field(default_factory=set)
    """Whose rows do not say whose they are."""
    shown: int | None = None
    """So many of those in a state are shown, whatever their number."""
    ignores_exclusion: bool = False
    """Mailjet does not understand that it is asked for excluded ones only."""
    disturbed: int = 0
    """So many readings of the whole list that somebody disturbs."""

    def take_off(self, *contacts: int) -> None:
        self.entries = {entry: contact for entry, contact in self.entries.items() if contact not in contacts}

    def put_on(self, contact: int) -> None:
        self.entries[max(self.entries) + 1] = contact

    def _seen(self, entry: int) -> RecipientSeen:
        contact = self.entries[entry]
        if contact in self.unreadable:
            return RecipientSeen(entry, 0, LIST_ID, False, None, None, problem="no contact")
        return RecipientSeen(entry, contact, LIST_ID, contact in self.unsubscribed, NOW, None)

    # What is asked of Mailjet's client.
    def _in_state(self, excluded: bool | None) -> list[int]:
        if excluded is None or self.ignores_exclusion:
            return sorted(self.entries)
        return sorted(entry for entry, contact in self.entries.items() if (contact in self.excluded) is excluded)

    def count_recipients(self, list_id: int, *, excluded: bool) -> int:
        assert list_id == LIST_ID
        self.asked.append("number")
        return len(self._in_state(excluded))

    def recipients_page(self, list_id: int, offset: int) -> tuple[tuple[RecipientSeen, ...], bool]:
        assert list_id == LIST_ID
        self.asked.append(f"page from {offset}")
        found = sorted(self.entries)[offset : offset + self.longest]
        if self.cut_at is not None:
            found = [entry for entry in found if entry <= self.cut_at]
        return tuple(self._seen(entry) for entry in found), len(found) < PAGE

    def recipients(self, list_id: int, *, offset: int = 0, excluded: bool | None = None) -> list[RecipientSeen]:
        assert list_id == LIST_ID
        self.asked.append(f"all from {offset}" if excluded is None else "excluded")
        state = None if self.shows_all else excluded
        found = [self._seen(entry) for entry in self._in_state(state)[offset:]]
        return found if excluded is None else found[: self.shown]

    def read_all_recipients(self, list_id: int) -> list[RecipientSeen]:
        assert list_id == LIST_ID
        self.asked.append("all")
        if self.disturbed:
            self.disturbed -= 1
            raise IncompleteDataError("Reading a list", "somebody left it", "Run it again")
        return [self._seen(entry) for entry in sorted(self.entries)]

    def recipient(self, list_id: int, contact_id: int) -> RecipientSeen | None:
        self.asked.append(f"contact {contact_id}")
        return next((self._seen(entry) for entry, contact in self.entries.items() if contact == contact_id), None)

    # What is asked of our rows.
    def places_in_order(self, _: Any, role: ListRole, ids: Sequence[int]) -> list[PlaceInOrder]:
        rows = sorted(self.ours)
        places = [PlaceInOrder(self.ours[row], row, rank) for rank, row in enumerate(rows) if self.ours[row] in ids]
        assert role is LIST
        return places

    def note_removed(self, _: Any, role: ListRole, gone: Sequence[int], now: datetime) -> None:
        assert (role, now) == (LIST, NOW)
        self.removed += gone


@pytest.fixture
def a_list(monkeypatch: pytest.MonkeyPatch) -> AList:
    made = AList()
    rows = SimpleNamespace(
        places_in_order=made.places_in_order,
        raw_size=lambda _connection, _role: len(made.ours),
        note_removed=made.note_removed,
        note_added=lambda _, role, rows, now: made.added.update(row.contact_id for row in rows),
        refresh_flags=lambda _, now, ids: made.refreshed.extend(ids),
        iterate=list,
        facts_of=lambda _, ids: {
            one: {"is_excluded": one in made.excluded_here} for one in ids if one not in made.unknown_here
        },
    )
    monkeypatch.setattr(read_back, "members", rows)
    monkeypatch.setattr(read_back, "PAGE", PAGE)
    monkeypatch.setattr(read_back, "list_sizes", lambda _: {LIST: made.counted or len(made.entries)})
    return made


def confirmed_off(made: AList, *contacts: int, before: int = 100) -> set[int]:
    """Who of these is believed to have left the list, which had so many entries before."""
    mailjet: Any = made
    steps = [
        Step(number, 1, number, ItemAction.MOVE, StepAction.REMOVE, LIST, StepState.SUBMITTED, 1, 1)
        for number in contacts
    ]
    effect = ReadBack(SERVICES, mailjet).effect_of(steps, {LIST.value: before})
    found = {step.contact_id for step in effect.confirmed}
    assert {step.contact_id for step in effect.missing} == set(contacts) - found
    assert set(made.removed) == found
    return found


def test_who_left_is_believed_from_the_page_on_which_the_entry_stood(a_list: AList) -> None:
    a_list.take_off(40, 41)
    assert confirmed_off(a_list, 40, 41) == {40, 41}
    assert len(a_list.asked) == 1


def test_who_is_still_there_is_not_believed_because_as_many_others_left(a_list: AList) -> None:
    a_list.take_off(40, 90, 91)
    assert confirmed_off(a_list, 40, 41) == {40}
    assert a_list.added == {41}


def test_who_was_put_on_again_meanwhile_is_found_at_the_end_because_the_size_does_not_fit(a_list: AList) -> None:
    a_list.take_off(40, 41)
    a_list.put_on(41)
    assert confirmed_off(a_list, 40, 41) == {40}
    assert len(a_list.asked) == 2


def test_where_the_size_fits_the_end_of_the_list_costs_no_request(a_list: AList) -> None:
    a_list.take_off(40)
    assert confirmed_off(a_list, 40) == {40}
    assert [one for one in a_list.asked if "page from 9" in one] == []


def test_each_is_looked_for_where_it_stands_after_those_before_it_left(a_list: AList) -> None:
    leaving = range(2, 100, 3)
    a_list.take_off(*leaving[:-1])
    assert confirmed_off(a_list, *leaving) == set(leaving[:-1])
    assert len(a_list.asked) == 11


def test_whom_our_rows_do_not_have_on_the_list_is_looked_up_and_not_believed_to_have_left(a_list: AList) -> None:
    a_list.ours = {row: contact for row, contact in a_list.ours.items() if contact not in (40, 41)}
    a_list.take_off(41)
    assert confirmed_off(a_list, 40, 41) == {41}
    assert a_list.asked == ["contact 40", "contact 41"]


def test_whom_our_rows_have_on_the_list_and_its_page_shows_is_not_looked_up_too(a_list: AList) -> None:
    assert confirmed_off(a_list, 40) == set()
    assert not [one for one in a_list.asked if one.startswith("contact")]


def test_a_page_that_was_cut_proves_of_nobody_that_they_left(a_list: AList) -> None:
    a_list.take_off(40)
    a_list.cut_at = 39
    with pytest.raises(IncompleteDataError, match="Reading back who is on the List 1"):
        confirmed_off(a_list, 40, 41)
    assert a_list.removed == []


@pytest.mark.parametrize("longest", [3, 5, 7])
def test_on_pages_shorter_than_asked_for_those_behind_their_end_are_read_too(a_list: AList, longest: int) -> None:
    a_list.longest = longest
    leaving = (2, 5, 40, 43, 44, 46, 98, 100)
    a_list.take_off(*(set(leaving) - {5, 44, 100}))
    assert confirmed_off(a_list, *leaving) == set(leaving) - {5, 44, 100}


LEAVING = tuple(range(2, 100, 3))
"""So many, and so far apart, that looking at each place reads the whole list."""
ONE_LOOK = ["number", "excluded", "number"]


@pytest.fixture
def suppressed(a_list: AList) -> AList:
    """Those who are to leave are excluded from campaigns."""
    a_list.excluded = set(LEAVING)
    a_list.excluded_here = set(LEAVING)
    return a_list


def test_many_excluded_ones_have_left_where_none_of_the_list_is_excluded(suppressed: AList) -> None:
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert suppressed.asked == ONE_LOOK


def test_other_excluded_ones_on_the_list_do_not_hide_that_these_have_left(suppressed: AList) -> None:
    suppressed.excluded |= {1, 4}
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert suppressed.asked == ONE_LOOK


def test_an_excluded_one_who_is_still_there_is_seen_although_another_left_instead(suppressed: AList) -> None:
    suppressed.take_off(*LEAVING[1:], 1)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING[1:])
    assert len(suppressed.asked) > len(ONE_LOOK)


def test_where_the_size_does_not_fit_each_place_is_looked_at(suppressed: AList) -> None:
    suppressed.take_off(*LEAVING, 1)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert "excluded" not in suppressed.asked


def test_where_one_of_them_is_not_excluded_here_each_place_is_looked_at(suppressed: AList) -> None:
    suppressed.excluded_here -= {LEAVING[3]}
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert "excluded" not in suppressed.asked


def test_a_filter_that_mailjet_does_not_understand_proves_nothing(suppressed: AList) -> None:
    suppressed.ignores_exclusion = True
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert len([one for one in suppressed.asked if one.startswith("page")]) > 1


def test_a_cut_page_of_excluded_ones_proves_nothing(suppressed: AList) -> None:
    suppressed.excluded |= {1, 4}
    suppressed.take_off(*LEAVING[:-1], 100)
    suppressed.shown = 2
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING[:-1])


def test_as_many_excluded_ones_as_fill_a_few_pages_are_not_read(suppressed: AList) -> None:
    suppressed.excluded |= set(range(1, 101))
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert "excluded" not in suppressed.asked


def test_a_filter_that_is_understood_where_they_are_counted_alone_proves_nothing(suppressed: AList) -> None:
    suppressed.shows_all = True
    suppressed.take_off(*LEAVING[:-1], 1)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING[:-1])


def test_whom_our_rows_do_not_have_is_not_taken_for_excluded(suppressed: AList) -> None:
    suppressed.unknown_here = {LEAVING[3]}
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert "excluded" not in suppressed.asked


def test_an_entry_that_does_not_say_whose_it_is_is_still_there(suppressed: AList) -> None:
    suppressed.unreadable = {LEAVING[3]}
    suppressed.take_off(*(set(LEAVING) - {LEAVING[3]}), 1)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING) - {LEAVING[3]}


def test_an_entry_of_few_that_does_not_say_whose_it_is_is_still_there(a_list: AList) -> None:
    a_list.unreadable = {41}
    a_list.take_off(40)
    assert confirmed_off(a_list, 40, 41) == {40}


@pytest.mark.parametrize(("places", "is_by_list"), [((1, 11, 21, 31), False), ((1, 11, 21, 31, 41), True)])
def test_those_on_up_to_four_pages_are_looked_at_by_place_and_more_by_who_of_the_list_is_excluded(
    a_list: AList, places: tuple[int, ...], is_by_list: bool
) -> None:
    a_list.excluded = a_list.excluded_here = set(places)
    a_list.take_off(*places)
    assert confirmed_off(a_list, *places) == set(places)
    assert ("excluded" in a_list.asked) is is_by_list


@pytest.mark.parametrize(("others", "is_read"), [(31, True), (32, False)])
def test_others_who_are_excluded_are_read_while_they_fit_on_four_pages(
    suppressed: AList, others: int, is_read: bool
) -> None:
    suppressed.excluded |= set([one for one in range(1, 101) if one not in LEAVING][:others])
    suppressed.take_off(*LEAVING)
    assert confirmed_off(suppressed, *LEAVING) == set(LEAVING)
    assert ("excluded" in suppressed.asked) is is_read


def confirmed_on(made: AList, *contacts: int, action: StepAction = StepAction.ADD) -> set[int]:
    """Who of these is believed to have been put on the list, which had a hundred entries before, or unsubscribed there."""
    mailjet: Any = made
    steps = [Step(number, 1, number, ItemAction.MOVE, action, LIST, StepState.SUBMITTED, 1, 1) for number in contacts]
    found = {step.contact_id for step in ReadBack(SERVICES, mailjet).effect_of(steps, {LIST.value: 100}).confirmed}
    assert made.added & set(contacts) == found
    return found


def test_who_was_put_on_a_list_is_seen_behind_those_who_were_there(a_list: AList) -> None:
    for contact in (201, 202):
        a_list.put_on(contact)
    assert confirmed_on(a_list, 201, 202) == {201, 202}
    assert a_list.asked == ["all from 100"]


def test_who_was_not_put_on_is_not_believed_because_as_many_others_came(a_list: AList) -> None:
    for contact in (201, 300):
        a_list.put_on(contact)
    assert confirmed_on(a_list, 201, 202) == {201}
    assert a_list.added == {201}


def test_who_stood_on_the_list_before_is_looked_up(a_list: AList) -> None:
    assert confirmed_on(a_list, 40, 41, 202) == {40, 41}
    assert a_list.asked == ["all from 100", "contact 40", "contact 41", "contact 202"]


def test_who_was_unsubscribed_is_told_by_the_entry_and_not_by_its_absence(a_list: AList) -> None:
    a_list.unsubscribed = {40}
    a_list.take_off(42)
    assert confirmed_on(a_list, 40, 41, 42, action=StepAction.UNSUB) == {40}


@pytest.mark.parametrize("disturbed", [0, 1, 2])
def test_many_who_are_not_at_the_end_are_looked_for_in_the_whole_list(a_list: AList, disturbed: int) -> None:
    a_list.disturbed = disturbed
    a_list.take_off(1, 2)
    assert confirmed_on(a_list, *range(1, 22)) == set(range(3, 22))
    assert a_list.asked[1:] == ["all"] * (disturbed + 1)
    assert a_list.added == set(range(3, 22))


def test_a_list_that_is_disturbed_each_time_it_is_read_proves_nothing(a_list: AList) -> None:
    a_list.disturbed = 3
    with pytest.raises(IncompleteDataError):
        confirmed_on(a_list, *range(1, 22))
    assert a_list.added == set()


def test_up_to_twenty_are_looked_up_one_by_one(a_list: AList) -> None:
    assert confirmed_on(a_list, *range(1, 21)) == set(range(1, 21))
    assert "all" not in a_list.asked


@pytest.mark.parametrize(("counted", "many", "is_singly"), [(25_000, 26, True), (25_974, 27, False)])
def test_of_a_long_list_more_are_looked_up_one_by_one_than_of_a_short_one(
    a_list: AList, counted: int, many: int, is_singly: bool
) -> None:
    a_list.counted = counted
    confirmed_on(a_list, *range(1, many + 1))
    assert ("all" not in a_list.asked) is is_singly


def test_our_rows_of_whom_somebody_took_off_or_put_on_anew_are_brought_up_to_date(a_list: AList) -> None:
    a_list.take_off(40, 41)
    a_list.put_on(41)
    mailjet: Any = a_list
    ReadBack(SERVICES, mailjet).look_again(LIST, [40, 41, 42])
    assert (a_list.removed, a_list.added, a_list.refreshed) == ([40], {41, 42}, [40, 41, 42])


@dataclass
class Contacts:
    """Those who are excluded from campaigns at Mailjet; ``cut_at``: its pages end there."""

    excluded: set[int]
    longest: int = PAGE
    cut_at: int = 1_000
    asked: list[str] = field(default_factory=list)
    listed: set[int] = field(default_factory=set)
    """Who is on the suppression list, at Mailjet and in our rows."""
    known: int = 0
    """So many are excluded in our rows."""

    def count_recipients(self, list_id: int, *, excluded: bool) -> int:
        assert (list_id, excluded) == (SUPPRESSION_ID, False)
        self.asked.append("number on the list")
        return len(self.listed - self.excluded)

    def recipients(self, list_id: int, *, excluded: bool) -> list[RecipientSeen]:
        assert (list_id, excluded) == (SUPPRESSION_ID, False)
        self.asked.append("the list")
        return [RecipientSeen(one, one, list_id, False, NOW, None) for one in sorted(self.listed - self.excluded)]

    def places_in_order(self, _: Any, role: ListRole, ids: Sequence[int]) -> list[PlaceInOrder]:
        assert role is ListRole.SUPPRESSION
        return [PlaceInOrder(one, one, 0) for one in ids if one in self.listed]

    def excluded_page(self, offset: int) -> tuple[tuple[Any, ...], bool]:
        self.asked.append("page")
        found = sorted(self.excluded)[offset : offset + self.longest]
        found = [contact for contact in found if contact <= self.cut_at]
        return tuple(SimpleNamespace(contact_id=contact) for contact in found), len(found) < PAGE

    def count_contacts(self, *, excluded: bool) -> int:
        assert excluded
        self.asked.append("number")
        return len(self.excluded)

    def contact(self, contact_id: int) -> Any:
        self.asked.append("contact")
        if contact_id == ERASED:
            raise RemoteNotFoundError("Looking at a contact", "there is none", "Nothing is to be done")
        return SimpleNamespace(is_excluded=contact_id in self.excluded)


def confirmed(
    made: Contacts,
    action: StepAction,
    wanted: Sequence[int],
    monkeypatch: pytest.MonkeyPatch,
    among_excluded: Sequence[int] = range(1_000),
    ranks: Mapping[int, int] | None = None,
) -> set[int]:
    """Of whom it is believed that a job excluded them, or lifted their exclusion. Our rows are those of before the job, with
    these contacts among the excluded ones, or to be among them; ``ranks``: how many of these stood in front of each."""
    noted: list[int] = []
    is_lifted = action is StepAction.INCLUDE
    rows = SimpleNamespace(
        places_among_excluded=lambda _, ids: [
            PlaceInOrder(contact, contact, ranks[contact] if ranks else contact - 1 if is_lifted else 0)
            for contact in sorted(ids)
            if contact in among_excluded
        ],
        facts_of=lambda _, ids: {contact: {"is_excluded": is_lifted} for contact in ids},
        note_excluded=lambda _, ids, now, excluded: noted.extend(ids),
        places_in_order=made.places_in_order,
        excluded_contacts=lambda _: made.known,
        iterate=list,
    )
    monkeypatch.setattr(read_back, "members", rows)
    monkeypatch.setattr(read_back, "PAGE", PAGE)
    monkeypatch.setattr(read_back, "list_sizes", lambda _: {})
    mailjet: Any = made
    steps = [Step(number, 1, number, ItemAction.RESTORE, action, None, StepState.SUBMITTED, 1, 1) for number in wanted]
    found = {step.contact_id for step in ReadBack(SERVICES, mailjet).effect_of(steps, {}).confirmed}
    assert set(noted) == found
    return found


@pytest.mark.parametrize("longest", [PAGE, 5, 3])
def test_many_who_were_excluded_are_found_on_short_pages_too(longest: int, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(range(1, 61)), longest)
    assert confirmed(made, StepAction.EXCLUDE, range(1, 71), monkeypatch) == set(range(1, 61))


def test_a_few_who_are_not_shown_as_excluded_are_looked_up_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(range(1, 61)))
    assert confirmed(made, StepAction.EXCLUDE, [10, 11, 900], monkeypatch) == {10, 11}
    assert made.asked.count("contact") == 1
    assert "number" not in made.asked


def test_up_to_twenty_who_are_not_shown_as_excluded_are_looked_up_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts({500})
    assert confirmed(made, StepAction.EXCLUDE, range(1, 21), monkeypatch) == set()
    assert made.asked.count("contact") == 20
    assert "number" not in made.asked


@pytest.mark.parametrize("lifted", [set(), set(range(1, 31))])
def test_many_whose_exclusion_was_to_be_lifted_are_told_by_the_pages_alone(
    lifted: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Contacts(set(range(1, 61)) - lifted)
    assert confirmed(made, StepAction.INCLUDE, range(1, 31), monkeypatch) == lifted
    assert made.asked.count("number") == 1


@pytest.mark.parametrize("action", [StepAction.EXCLUDE, StepAction.INCLUDE])
def test_each_is_looked_for_where_it_stands_after_those_before_it_were_excluded_or_not_any_more(
    action: StepAction, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = [*range(101, 141, 2), *range(501, 541, 2), *range(901, 941, 2)]
    others = range(0, 1_000, 2)
    is_lifted = action is StepAction.INCLUDE
    made = Contacts({*others, *([] if is_lifted else changed)})
    before = sorted({*others, *(changed if is_lifted else [])})
    rank = {contact: sum(one < contact for one in before) for contact in changed}
    assert confirmed(made, action, changed, monkeypatch, ranks=rank) == set(changed)
    # Three blocks: of twenty who came between others, or of the twenty others that they stood between.
    assert made.asked.count("page") == (12 if is_lifted else 21)


def test_a_job_that_excluded_nobody_is_told_by_their_number_and_confirms_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Contacts({500})
    assert confirmed(made, StepAction.EXCLUDE, range(1, 31), monkeypatch) == set()
    assert made.asked.count("number") == 1
    assert "contact" not in made.asked


@pytest.mark.parametrize("longest", [PAGE, 5])
def test_an_exclusion_is_believed_to_be_lifted_of_whom_the_excluded_ones_do_not_show(
    longest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Contacts(set(range(1, 61)) - {20, 21, 40}, longest)
    assert confirmed(made, StepAction.INCLUDE, [20, 21, 22, 40, 41], monkeypatch) == {20, 21, 40}
    assert "contact" not in made.asked


def test_a_page_that_was_cut_makes_nobody_mailable(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(range(1, 61)) - {20}, cut_at=19)
    with pytest.raises(IncompleteDataError, match="who is excluded from campaigns"):
        confirmed(made, StepAction.INCLUDE, [20, 21, 22], monkeypatch)


def test_a_page_that_ends_where_the_number_says_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    assert confirmed(Contacts(set(range(1, 60))), StepAction.INCLUDE, [59, 60], monkeypatch) == {60}


def test_of_a_page_that_was_cut_those_who_are_shown_are_excluded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(range(1, 61)), cut_at=25)
    assert confirmed(made, StepAction.EXCLUDE, range(1, 61), monkeypatch) == set(range(1, 26))


@pytest.mark.parametrize("action", [StepAction.EXCLUDE, StepAction.INCLUDE])
def test_of_whom_our_rows_have_no_place_each_is_looked_up(action: StepAction, monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(range(1, 61)))
    expected = {10} if action is StepAction.EXCLUDE else {900}
    assert confirmed(made, action, [10, ERASED, 900], monkeypatch, among_excluded=()) == expected
    assert made.asked.count("contact") == 3


# Many who are on the suppression list

MANY = range(1, 61)


def test_many_on_the_suppression_list_are_excluded_where_nobody_on_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(MANY), listed=set(MANY))
    assert confirmed(made, StepAction.EXCLUDE, MANY, monkeypatch) == set(MANY)
    assert made.asked == ["number", "number on the list", "the list", "number on the list"]


def test_one_on_the_suppression_list_who_is_not_excluded_is_seen_although_another_was_instead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Contacts({*MANY, 500} - {30}, listed=set(MANY))
    assert confirmed(made, StepAction.EXCLUDE, MANY, monkeypatch) == set(MANY) - {30}


def test_another_on_the_suppression_list_who_is_not_excluded_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Contacts(set(MANY), listed={*MANY, 700, 701})
    assert confirmed(made, StepAction.EXCLUDE, MANY, monkeypatch) == set(MANY)
    assert "page" not in made.asked


@pytest.mark.parametrize(("known", "listed"), [(1, set(MANY)), (0, set(MANY) - {30}), (0, set())])
def test_where_the_number_or_the_list_does_not_fit_each_place_is_looked_at(
    known: int, listed: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Contacts(set(MANY), listed=listed, known=known)
    assert confirmed(made, StepAction.EXCLUDE, MANY, monkeypatch) == set(MANY)
    assert "page" in made.asked
    assert "the list" not in made.asked


def test_that_nobody_on_the_suppression_list_is_included_says_of_nobody_that_the_exclusion_was_lifted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    everybody, lifted = set(range(1, 301)), range(1, 301, 5)
    made = Contacts(everybody, listed=everybody, known=len(everybody) - len(lifted))
    assert confirmed(made, StepAction.INCLUDE, lifted, monkeypatch) == set()


@pytest.mark.parametrize(("contacts", "is_by_list"), [(4, False), (5, True)])
def test_excluded_ones_on_up_to_four_pages_are_looked_at_by_place(
    contacts: int, is_by_list: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = range(1, contacts + 1)
    made = Contacts({*wanted, *range(100, 140)}, listed=set(wanted), known=40)
    confirmed(made, StepAction.EXCLUDE, wanted, monkeypatch, ranks={one: 10 * (one - 1) for one in wanted})
    assert ("the list" in made.asked) is is_by_list
