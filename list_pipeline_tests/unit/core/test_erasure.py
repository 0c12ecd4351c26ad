"""What names a person within a text or a value of JSON, and what is left when the person is taken out."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.erasure import (
    DELETION_LIFE,
    ERASED,
    DeletionState,
    ErasureReport,
    KeptOff,
    Person,
    TableErasure,
    joined,
    kept_off,
)

JANE = Person(254_510_515, -77, "Jane.Doe@shop.example.com")


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe@shop.example.com",
        "<JANE.DOE@SHOP.EXAMPLE.COM>",
        "bounces+jane.doe=shop.example.com@mail.test",
        "jane.doe%40shop.example.com",
        "jane.doe%2540shop.example.com",
        "jane.doe=40shop.example.com",
        "jane.doe (at) shop.example.com",
        "jane.doe at shop.example.com",
        "jane.doe &#64; shop.example.com",
        "jane.doe@shop.example.com.",
        "contact 254510515",
        "contacts 12, 254510515 and 16",
        '{"contact_id": 254510515}',
        "erased-254510515@domain.invalid",
        "contact-254510515",
        "1,254510515",
        "12,254510515,13",
        "254510515.5",
    ],
)
def test_every_spelling_of_address_and_id_names_the_person_and_is_taken_out(text: str) -> None:
    assert JANE.is_in(text)
    rest = JANE.taken_out_of(text)
    assert not JANE.is_in(rest)
    assert "doe" not in rest.casefold()
    assert "254510515" not in rest


@pytest.mark.parametrize(
    "text",
    [
        "mary-jane.doe@shop.example.com",
        "jane.doe@shop.example.com.au",
        "jane.doe@shop.example.community",
        "janetdoe@shop.example.com",
        "1254510515",
        "2545105150",
        "12-254510515",
        "contact --254510515",
        "-254510515",
        "",
    ],
)
def test_another_person_and_another_number_are_left_alone(text: str) -> None:
    assert not JANE.is_in(text)
    assert JANE.taken_out_of(text) == text


def test_the_masked_form_goes_with_the_id_and_stays_where_nobody_is_named() -> None:
    assert JANE.taken_out_of("254510515 (J***@s***.com)") == f"-77 ({ERASED})"
    assert JANE.taken_out_of("J***@s***.com") == "J***@s***.com"


def test_a_small_number_is_an_id_only_where_contacts_are_named() -> None:
    small = Person(41, -77, None)
    assert small.taken_out_of("41 of 90 contacts, contact 41") == "41 of 90 contacts, contact -77"
    assert small.taken_out_of("contact-41, contact 41.5, contact 410, unit-41") == (
        "contact--77, contact 41.5, contact 410, unit-41"
    )
    assert small.taken_out_of_json({"count": 41, "contact_id": 41, "contact_ids": [41, 410]}) == {
        "count": 41,
        "contact_id": -77,
        "contact_ids": [-77, 410],
    }
    assert not small.is_number(41, of_contact=False)
    assert JANE.is_number(254_510_515, of_contact=False)


@pytest.mark.parametrize(("number", "is_taken_for_an_id"), [(1_000_000, True), (999_999, False)])
def test_a_number_from_a_million_on_is_taken_for_the_id_wherever_it_stands(
    number: int, is_taken_for_an_id: bool
) -> None:
    person = Person(number, -77, None)
    assert person.is_in(f"count {number}") is is_taken_for_an_id
    assert person.is_number(number, of_contact=False) is is_taken_for_an_id


def test_a_small_id_in_json_is_taken_out_where_contacts_are_named_and_nowhere_else() -> None:
    small = Person(41, -77, None)
    named = {"contact_id": "41", "contacts": {"41": "gone", "42": "41"}}
    assert small.is_in_json({"contact_id": "41"})
    assert small.is_in_json({"contacts": {"41": 1}})
    assert small.taken_out_of_json(named) == {"contact_id": "-77", "contacts": {"-77": "gone", "42": "41"}}
    other = {"count": "41", "rounds": {"41": 1}, "contact_id": "410", "contacts": {"410": 1}}
    assert not small.is_in_json(other)
    assert small.taken_out_of_json(other) == other


def test_truth_is_no_number_of_a_contact() -> None:
    first = Person(1, -77, None)
    assert not first.is_in_json({"contact_known": True})
    assert first.taken_out_of_json({"contact_known": True}) == {"contact_known": True}


@pytest.mark.parametrize("address", ["@shop.example.com", "jane@", "@", None])
def test_half_an_address_names_nobody(address: str | None) -> None:
    assert not Person(None, -77, address).is_in("jane@shop.example.com, @shop.example.com, jane@ and @")


def test_keys_of_json_are_searched_too() -> None:
    value = {
        "contacts": {"254510515": 1, "7": 2},
        "jane.doe@shop.example.com": True,
        "n": 254_510_515,
        "s": "254510515",
    }
    assert JANE.is_in_json(value)
    assert JANE.taken_out_of_json(value) == {"contacts": {"-77": 1, "7": 2}, ERASED: True, "n": -77, "s": "-77"}


def test_without_an_id_only_the_address_is_taken_out() -> None:
    assert Person(None, -77, JANE.address).taken_out_of("contact 254510515, jane.doe@shop.example.com") == (
        f"contact 254510515, {ERASED}"
    )
    assert not Person(None, -77, None).is_in_json({"contact_id": None, "text": "anything", "n": 7})
    assert not Person(None, -77, "no address").is_in("no address")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**9) | st.text(max_size=20)
    | st.sampled_from(["jane.doe@shop.example.com", "contact 254510515", "254510515"]) | st.just(254_510_515),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.sampled_from(["contact_ids", "n", "254510515", "jane.doe@shop.example.com"]), inner, max_size=3),
    max_leaves=20,
)  # fmt: skip


@given(VALUES)
def test_nobody_is_found_in_what_is_left_and_a_value_without_the_person_stays_as_it_is(value: Any) -> None:
    left = JANE.taken_out_of_json(value)
    assert not JANE.is_in_json(left)
    if not JANE.is_in_json(value):
        assert left == value
    json.dumps(left)


_AROUND = st.text("05,.-_ @[aZé²", max_size=3)


@given(st.lists(st.tuples(_AROUND, st.just("254510515"), _AROUND).map("".join), max_size=3).map("".join))
def test_the_id_is_found_wherever_it_is_a_number_of_its_own_without_a_sign(text: str) -> None:
    def named(words: str) -> bool:
        before = (words[: one.start()] for one in re.finditer(r"\d+", words) if one[0] == "254510515")
        return any(not one.endswith("-") or one[-2:-1] in set("aZé²") for one in before)

    person = Person(254_510_515, -77, None)
    left = person.taken_out_of(text)
    assert person.is_in(text) is named(text)
    assert not person.is_in(left)
    assert not named(left)


def test_a_person_shows_no_address_in_its_repr() -> None:
    assert "shop" not in repr(JANE)


def test_the_reasons_to_stay_off_are_those_that_held() -> None:
    flags = {"suppressed": False, "complained": False, "unsubscribed": False, "excluded": False, "hard_bounced": False}
    assert kept_off(**flags) == ()
    for name in flags:
        assert [one.value for one in kept_off(**{**flags, name: True})] == [name]


def test_a_report_counts_the_rows_of_all_tables() -> None:
    report = ErasureReport(-7, (TableErasure("a", 3, 1, 2), TableErasure("b", 2, 0, 2)), 30, 200)
    assert (report.rows, report.cached) == (5, 0)
    assert report.as_json()["tables"] == {
        "a": {"before": 3, "removed": 1, "rewritten": 2},
        "b": {"before": 2, "removed": 0, "rewritten": 2},
    }


def test_the_reports_of_one_person_are_summed() -> None:
    first = ErasureReport(
        -7, (TableErasure("a", 3, 1, 2), TableErasure("b", 1, 0, 1)), 30, 200, (KeptOff.EXCLUDED,), (5, 2)
    )
    last = ErasureReport(-8, (TableErasure("a", 1, 0, 1),), 30, 200, (KeptOff.SUPPRESSED,), (2,))
    assert joined([first, last]) == ErasureReport(
        -8,
        (TableErasure("a", 4, 1, 3), TableErasure("b", 1, 0, 1)),
        30,
        200,
        (KeptOff.SUPPRESSED, KeptOff.EXCLUDED),
        (2, 5),
    )
    assert joined([last]) == last


def test_a_deletion_may_be_asked_for_again_until_it_is_confirmed_and_then_is_final() -> None:
    assert DELETION_LIFE.table == {
        DeletionState.PLANNED: {DeletionState.SUBMITTING, DeletionState.CONFIRMED, DeletionState.FAILED},
        DeletionState.SUBMITTING: {DeletionState.CONFIRMED, DeletionState.FAILED},
        DeletionState.FAILED: {DeletionState.SUBMITTING, DeletionState.CONFIRMED},
        DeletionState.CONFIRMED: set(),
    }
