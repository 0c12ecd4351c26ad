"""Who left a list is told by its entries, on lists of many pages: no size, and nothing that our rows say, is a proof.

With lists that fit on one page, every entry is read anyway, and nobody would notice a page that is not asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import RecipientSeen
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.operations.plans import read_back
from list_pipeline.operations.plans.read_back import ReadBack
from list_pipeline.storage.membership.members import PlaceInOrder
from list_pipeline.storage.plans.journal import Step

PAGE = 8
LIST, LIST_ID = ListRole.CAMPAIGN_1, 77
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)


SERVICES: Any = SimpleNamespace(
    list_ids={LIST: LIST_ID},
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

    def take_off(self, *contacts: int) -> None:
        self.entries = {entry: contact for entry, contact in self.entries.items() if contact not in contacts}

    def put_on(self, contact: int) -> None:
        self.entries[max(self.entries) + 1] = contact

    def _seen(self, entry: int) -> RecipientSeen:
        return RecipientSeen(entry, self.entries[entry], LIST_ID, False, NOW, None)

    # What is asked of Mailjet's client.
    def recipients_page(self, list_id: int, offset: int) -> tuple[tuple[RecipientSeen, ...], bool]:
        assert list_id == LIST_ID
        self.asked.append(f"page from {offset}")
        found = sorted(self.entries)[offset : offset + self.longest]
        if self.cut_at is not None:
            found = [entry for entry in found if entry <= self.cut_at]
        return tuple(self._seen(entry) for entry in found), len(found) < PAGE

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
        stored_sizes=lambda _: {LIST: SimpleNamespace(raw=len(made.ours))},
        note_removed=made.note_removed,
        note_added=lambda *_: None,
    )
    monkeypatch.setattr(read_back, "members", rows)
    monkeypatch.setattr(read_back, "PAGE", PAGE)
    monkeypatch.setattr(read_back, "list_sizes", lambda _: {LIST: len(made.entries)})
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


def test_who_was_put_on_again_meanwhile_is_found_at_the_end_because_the_size_does_not_fit(a_list: AList) -> None:
    a_list.take_off(40, 41)
    a_list.put_on(41)
    assert confirmed_off(a_list, 40, 41) == {40}


def test_where_the_size_fits_the_end_of_the_list_costs_no_request(a_list: AList) -> None:
    a_list.take_off(40)
    assert confirmed_off(a_list, 40) == {40}
    assert [one for one in a_list.asked if "page from 9" in one] == []


def test_each_is_looked_for_where_it_stands_after_those_before_it_left(a_list: AList) -> None:
    leaving = range(2, 100, 3)
    a_list.take_off(*leaving[:-1])
    assert confirmed_off(a_list, *leaving) == set(leaving[:-1])


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


@dataclass
class Contacts:
    """Those who are excluded from campaigns at Mailjet; ``cut_at``: its pages end there."""

    excluded: set[int]
    longest: int = PAGE
    cut_at: int = 1_000
    asked: list[str] = field(default_factory=list)

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
        return SimpleNamespace(is_excluded=contact_id in self.excluded)


def confirmed(
    made: Contacts,
    action: StepAction,
    wanted: Sequence[int],
    monkeypatch: pytest.MonkeyPatch,
    among_excluded: Sequence[int] = range(1_000),
) -> set[int]:
    """Of whom it is believed that a job excluded them, or lifted their exclusion. Our rows are those of before the job, with
    these contacts among the excluded ones, or to be among them."""
    noted: list[int] = []
    is_lifted = action is StepAction.INCLUDE
    rows = SimpleNamespace(
        places_among_excluded=lambda _, ids: [
            PlaceInOrder(contact, contact, contact - 1 if is_lifted else 0)
            for contact in sorted(ids)
            if contact in among_excluded
        ],
        facts_of=lambda _, ids: {contact: {"is_excluded": is_lifted} for contact in ids},
        note_excluded=lambda _, ids, now, excluded: noted.extend(ids),
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
    assert confirmed(made, action, [10, 900], monkeypatch, among_excluded=()) == expected
    assert made.asked.count("contact") == 2
