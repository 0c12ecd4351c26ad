"""The rules by which the five lists are judged, at their boundaries."""

from __future__ import annotations

from dataclasses import replace

import pytest

from list_pipeline.core.five_lists.confirmation import NamedList, differences, fingerprint, waiting_words
from list_pipeline.core.five_lists.plausibility import (
    PAIRS,
    FiveListsFacts,
    ListFacts,
    ListsRule,
    is_plausible,
    judge_lists,
)
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole

MASTER, ONE, TWO, THREE, SUPPRESSION = ALL_LISTS
SIZES = {MASTER: 4000, ONE: 1000, TWO: 1000, THREE: 1000, SUPPRESSION: 400}


def facts(**changes: object) -> FiveListsFacts:
    """An account as it should be; every send of a round is known."""
    lists = {
        role: ListFacts(
            number,
            role.label,
            SIZES[role],
            0 if role is SUPPRESSION else SIZES[role],
            3 if role in CAMPAIGN_LISTS else 0,
        )
        for number, role in enumerate(ALL_LISTS, start=1)
    }
    overlaps = {(one, other): SIZES[other] if one is MASTER else 0 for one, other in PAIRS}
    found = FiveListsFacts(lists, overlaps, suppressed_listed=0, suppressed_explained=400, suppressed_reached=0)
    return replace(found, **changes)  # type: ignore[arg-type]


def with_list(role: ListRole, **changes: object) -> FiveListsFacts:
    found = facts()
    return replace(found, lists={**found.lists, role: replace(found.lists[role], **changes)})  # type: ignore[arg-type]


def sharing(one: ListRole, other: ListRole, count: int) -> FiveListsFacts:
    found = facts()
    return replace(found, overlaps={**found.overlaps, (one, other): count})


def broken(found: FiveListsFacts) -> set[ListsRule]:
    return {verdict.rule for verdict in judge_lists(found) if not verdict.holds}


def test_an_account_as_it_should_be_is_plausible_and_every_rule_has_its_words() -> None:
    verdicts = judge_lists(facts())
    assert is_plausible(verdicts)
    assert [verdict.rule for verdict in verdicts] == list(ListsRule)
    assert all(verdict.words.endswith(".") for verdict in verdicts)


def with_raw(role: ListRole, raw: int) -> FiveListsFacts:
    return with_list(role, raw=raw)


@pytest.mark.parametrize(
    ("fits", "too_far", "rule"),
    [
        (with_raw(SUPPRESSION, 4000), with_raw(SUPPRESSION, 4001), ListsRule.SIZES),
        (with_raw(ONE, 1), with_raw(ONE, 0), ListsRule.SIZES),
        (sharing(MASTER, TWO, 950), sharing(MASTER, TWO, 949), ListsRule.MASTER_HOLDS_ALL),
        (sharing(MASTER, SUPPRESSION, 380), sharing(MASTER, SUPPRESSION, 379), ListsRule.MASTER_HOLDS_ALL),
        (sharing(ONE, THREE, 20), sharing(ONE, THREE, 21), ListsRule.ROUNDS_ARE_DISJOINT),
        (with_list(TWO, mailable=500), with_list(TWO, mailable=499), ListsRule.ROUNDS_ARE_COMPARABLE),
        (with_list(TWO, recent_sends=1), with_list(TWO, recent_sends=0), ListsRule.ROUNDS_ARE_SENT_TO),
        (facts(), with_list(SUPPRESSION, recent_sends=1), ListsRule.SUPPRESSED_ARE_NOT_SENT_TO),
        (facts(suppressed_reached=20), facts(suppressed_reached=21), ListsRule.SUPPRESSED_ARE_NOT_REACHED),
        (facts(suppressed_explained=200), facts(suppressed_explained=199), ListsRule.SUPPRESSED_ARE_EXPLAINED),
        (facts(suppressed_listed=20), facts(suppressed_listed=21), ListsRule.SUPPRESSED_ARE_OFF_THE_ROUNDS),
    ],
)
def test_each_rule_holds_up_to_its_figure(fits: FiveListsFacts, too_far: FiveListsFacts, rule: ListsRule) -> None:
    assert rule not in broken(fits)
    assert rule in broken(too_far)


def test_ten_contacts_in_the_wrong_place_are_single_cases_on_a_small_list() -> None:
    small = with_list(SUPPRESSION, raw=20)
    for name in ("suppressed_listed", "suppressed_reached"):
        assert broken(replace(small, **{name: 10})) == set()
        assert len(broken(replace(small, **{name: 11}))) == 1


def test_an_empty_suppression_list_is_an_account_that_never_suppressed_anybody() -> None:
    found = with_list(SUPPRESSION, raw=0)
    assert broken(replace(found, suppressed_explained=0)) == set()


def test_an_account_without_any_send_is_not_judged_by_its_sends() -> None:
    found = facts()
    assert (
        broken(replace(found, lists={role: replace(one, recent_sends=0) for role, one in found.lists.items()})) == set()
    )


def test_lists_differ_by_id_and_by_name_and_an_unknown_name_says_nothing() -> None:
    confirmed = {role: NamedList(number, role.label) for number, role in enumerate(ALL_LISTS)}
    assert differences(confirmed, confirmed) == ()
    assert differences(confirmed, {**confirmed, ONE: NamedList(1, None)}) == ()
    assert differences({**confirmed, ONE: NamedList(1, None)}, confirmed) == ()
    (by_name,) = differences(confirmed, {**confirmed, ONE: NamedList(1, "Old")})
    assert by_name == "List 1 (list 1) is called 'Old' and was confirmed as 'List 1'"
    (by_id,) = differences(confirmed, {**confirmed, ONE: NamedList(9, "List 1")})
    assert by_id == "List 1 is Mailjet's list 9 and was confirmed as 1"
    assert "nobody has confirmed" in waiting_words(differences(None, confirmed))
    assert fingerprint(confirmed) != fingerprint({**confirmed, ONE: NamedList(1, "Old")})
