"""How much of a list may change within a day without anybody being asked, and what is said where more does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.drift.mass_change_message import (
    can_be_repaired,
    change_text,
    ended_message,
    frozen_text,
    mass_change_message,
    question_text,
    repair_message,
)
from list_pipeline.core.drift.mass_changes import (
    KEEPS_FROM_REBALANCING,
    MASS_CHANGE_LIFE,
    MASS_CHANGES,
    UNDOES,
    ListEdit,
    MassChangeFigures,
    MassChangeKind,
    MassChangeStatus,
    candidates,
    figures,
    frozen_for_rebalancing,
    is_mass,
    ordinary_change,
    together,
    usual_churn,
    with_history,
)
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole

ONE, TWO, _ = CAMPAIGN_LISTS
LEFT, GONE, CAME = MassChangeKind.LEFT, MassChangeKind.GONE, MassChangeKind.CAME

sizes = st.integers(min_value=0, max_value=2_000_000)
counts = st.integers(min_value=0, max_value=2_000_000)
days = st.lists(st.integers(min_value=1, max_value=100_000), max_size=28)


def left(contacts: int, size: int) -> MassChangeFigures:
    return MassChangeFigures(TWO, LEFT, contacts, size)


def test_a_fifth_of_a_list_is_a_mass() -> None:
    (one,) = candidates([left(196, 983)])
    assert with_history(one, [one], (), 1) == replace(one, ordinary=49)


@pytest.mark.parametrize(("contacts", "size", "is_one"), [(50, 1_000, False), (51, 1_000, True), (50, 999, True)])
def test_the_limit_is_five_percent_of_the_list_before_and_exactly_five_is_ordinary(
    contacts: int, size: int, is_one: bool
) -> None:
    assert bool(candidates([left(contacts, size)])) is is_one


def test_who_was_taken_off_and_who_was_deleted_are_missing_together() -> None:
    found = [left(26, 1_000), MassChangeFigures(TWO, GONE, 25, 1_000)]
    assert candidates(found) == tuple(found)
    assert [with_history(one, found, (), 1) for one in found] == [replace(one, ordinary=50) for one in found]
    assert [with_history(one, found, [40] * 3, 1) for one in found] == [None, None]
    assert [together(found, one) for one in found] == [51, 51]
    for other in (
        MassChangeFigures(ONE, GONE, 25, 1_000),
        MassChangeFigures(TWO, CAME, 25, 1_000),
        MassChangeFigures(TWO, GONE, 24, 1_000),
    ):
        assert candidates([left(26, 1_000), other]) == ()
    limits = [str(block) for block in mass_change_message(1, [replace(one, ordinary=50) for one in found]).blocks]
    assert sum("up to 50" in block for block in limits) == 1
    assert "".join(limits).count("up to 50") == 1


@pytest.mark.parametrize(("contacts", "size"), [(1, 10), (9, 9), (9, 20)])
def test_few_contacts_are_never_a_mass_however_short_the_list(contacts: int, size: int) -> None:
    assert candidates([left(contacts, size)]) == ()
    assert candidates([left(10, size)])


def test_what_three_days_reached_is_usual_and_what_two_did_is_not() -> None:
    assert usual_churn([100, 100]) == 0
    assert usual_churn([7, 100, 3, 90]) == 7
    assert usual_churn([]) == 0


def test_half_more_than_usual_is_still_ordinary() -> None:
    one = left(150, 1_000)
    assert with_history(one, [one], [100, 100, 100], 1) is None
    more = replace(one, contacts=151)
    assert with_history(more, [more], [100, 100, 100], 1) == replace(more, ordinary=150, usual=100)


def test_after_an_absence_the_usual_of_all_these_days_is_ordinary_and_the_share_is_not_multiplied() -> None:
    assert ordinary_change(1_000, usual=20, days=10) == 300
    assert ordinary_change(1_000, usual=0, days=10) == 50
    assert ordinary_change(1_000, usual=40, days=0) == 60
    assert ordinary_change(1_000, usual=40) == 60


def test_the_size_before_counts_back_what_left_and_came() -> None:
    found = figures(
        {(TWO, LEFT): 196, (TWO, GONE): 4, (TWO, CAME): 10, (ONE, MassChangeKind.EXCLUDED): 3}, {TWO: 787, ONE: 9}
    )
    assert {(one.role, one.kind): one.size_before for one in found} == {
        (ONE, MassChangeKind.EXCLUDED): 9,
        (TWO, LEFT): 977,
        (TWO, GONE): 977,
        (TWO, CAME): 977,
    }


@pytest.mark.parametrize(
    ("counts", "size", "before"),
    [
        ({(TWO, LEFT): 5}, 20, 25),
        ({(TWO, GONE): 5}, 20, 25),
        ({(TWO, CAME): 5}, 20, 15),
        ({(TWO, LEFT): 5}, None, 5),
        ({(TWO, CAME): 5}, None, 0),
        ({(TWO, MassChangeKind.EXCLUDED): 5, (TWO, LEFT): 3}, 20, 20),
    ],
)
def test_the_size_before_is_known_of_each_kind_alone_and_never_below_nobody(
    counts: dict[tuple[ListRole, MassChangeKind], int], size: int | None, before: int
) -> None:
    found = figures(counts, {} if size is None else {TWO: size})
    ((role, kind), contacts), *_ = counts.items()
    assert MassChangeFigures(role, kind, contacts, before, ordinary=0, usual=0) in found


def test_an_import_onto_an_empty_list_is_growth_beyond_any_share() -> None:
    (one,) = candidates(figures({(TWO, CAME): 500}, {TWO: 500}))
    assert one.size_before == 0
    assert change_text(one) == "500 contacts came onto List 2, which had 0"


@given(contacts=counts, size=sizes, history=days, absent=st.integers(min_value=1, max_value=60))
def test_more_contacts_are_never_less_of_a_mass_and_a_busier_history_never_more(
    contacts: int, size: int, history: list[int], absent: int
) -> None:
    ordinary = ordinary_change(size, usual_churn(history), absent)
    assert is_mass(contacts, ordinary) <= is_mass(contacts + 1, ordinary)
    busier = ordinary_change(size, usual_churn([*history, 100_000]), absent)
    assert busier >= ordinary
    assert ordinary * 100 >= (size - 20) * MASS_CHANGES.percent


@given(contacts=counts, size=sizes, history=days)
def test_who_is_no_candidate_without_a_history_is_none_with_one(contacts: int, size: int, history: list[int]) -> None:
    one = left(contacts, size)
    if not candidates([one]):
        assert with_history(one, [one], history, 1) is None


@given(total=st.integers(min_value=20, max_value=400), parts=st.integers(min_value=1, max_value=24))
def test_split_over_a_day_a_removal_is_the_same_mass_as_at_once(total: int, parts: int) -> None:
    size, gone, found = 1_000, 0, False
    for part in range(parts):
        gone += total // parts + (part < total % parts)
        found |= bool(candidates(figures({(TWO, LEFT): gone}, {TWO: size - gone})))
    assert found is bool(candidates(figures({(TWO, LEFT): total}, {TWO: size - total})))


@given(st.sets(st.sampled_from(ALL_LISTS)))
def test_only_lists_that_a_rebalancing_takes_from_or_gives_to_are_frozen(lists: set[ListRole]) -> None:
    frozen = frozen_for_rebalancing(lists)
    assert frozen == lists - {ListRole.SUPPRESSION}
    assert frozen <= KEEPS_FROM_REBALANCING


def test_every_edit_is_undone_by_another_and_that_by_it() -> None:
    assert all(UNDOES[UNDOES[edit]] is edit is not UNDOES[edit] for edit in ListEdit)
    assert {kind.edit for kind in MassChangeKind} == {*ListEdit, None}


def test_what_is_closed_stays_closed() -> None:
    for status in MassChangeStatus:
        follows = MASS_CHANGE_LIFE.table[status]
        assert follows == (set(MassChangeStatus) - {status} if status is MassChangeStatus.OPEN else set())


# Words


def test_the_question_says_what_happened_what_is_frozen_and_how_to_answer() -> None:
    words = question_text(7, [replace(left(196, 983), ordinary=49)])
    assert words == (
        "Mass change 7: 196 of 983 contacts (19.9 %) were taken off List 2; it was not this product. Until you decide, nobody "
        "is moved from or to List 2. It was meant: `list-pipeline mass-changes --accept 7 --by NAME --note WHY`. Put back who "
        "was taken off: `list-pipeline mass-changes --repair 7 --by NAME --note WHY`."
    )


@pytest.mark.parametrize("kind", MassChangeKind)
@pytest.mark.parametrize("role", ALL_LISTS)
def test_every_kind_on_every_list_has_words_and_a_message_with_its_figures(
    kind: MassChangeKind, role: ListRole
) -> None:
    one = MassChangeFigures(role, kind, 1_196, 4_983, 249, 12)
    message = mass_change_message(3, [one])
    assert "1,196" in message.text
    assert role.label in message.text
    assert ("--repair" in message.text) is can_be_repaired(one) is (kind is LEFT and role in CAMPAIGN_LISTS)
    assert ("--accept 3" in message.text) is (kind is not MassChangeKind.LIST_GONE)
    assert bool(frozen_text([one])) is (role is not ListRole.SUPPRESSION)
    assert change_text(one)[0].isdigit()


def test_a_frozen_master_list_is_said_to_enrol_nobody() -> None:
    found = [MassChangeFigures(ListRole.MASTER, CAME, 500, 900), left(100, 300), replace(left(100, 300), role=ONE)]
    assert (
        frozen_text(found)
        == "nobody is moved from or to List 1 and List 2, and nobody is enrolled out of the Master list"
    )


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (MassChangeStatus.ACCEPTED, "ada: it was meant"),
        (MassChangeStatus.REPAIRED, "is back"),
        (MassChangeStatus.RESOLVED, "taken back at Mailjet"),
    ],
)
def test_the_end_says_what_became_of_it(status: MassChangeStatus, word: str) -> None:
    message = ended_message(3, [(left(100, 300), status)], "ada", "by *mistake*")
    assert word in message.text
    assert "100 of 300" in message.text
    assert ("mistake" in message.text) is (status is MassChangeStatus.ACCEPTED)


def test_a_repair_that_waits_names_its_plan_and_who_stays_off() -> None:
    message = repair_message(3, 12, "a" * 64, 190, 6)
    assert "list-pipeline approve 12 aaaaaaaaaaaa --by NAME" in message.text
    assert "190 contacts" in message.text
    assert "6 contacts stay off" in message.text
    assert "stay off" not in repair_message(3, 12, "a" * 64, 190, 0).text
    assert "enter automations" not in message.text
    entering = "190 contacts would enter automations at Mailjet, and may be mailed at once: 190 of List 2."
    assert entering in repair_message(3, 12, "a" * 64, 190, 6, entering).text
