"""Drift between our rows and Mailjet: every difference has a kind, every broken rule a repair, ordinary life neither."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.drift.findings import ALERTS, DriftKind, Finding, Standing, differs, find, looks_like_our_work
from list_pipeline.core.drift.message import drift_message
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import problems
from list_pipeline.core.plans.plan import ItemAction, PlanKind, content_hash

MASTER, ONE, TWO, THREE, SUPPRESSION = ListRole
NO_ROLES: frozenset[ListRole] = frozenset()


def standing(ours: set[ListRole], theirs: set[ListRole], **more: object) -> Standing:
    return Standing(7, frozenset(ours), frozenset(theirs), **more)  # type: ignore[arg-type]


def kinds(one: Standing) -> list[DriftKind]:
    return [finding.kind for finding in find(one)]


def only(one: Standing, kind: DriftKind) -> Finding:
    (found,) = [finding for finding in find(one) if finding.kind is kind]
    return found


roles = st.frozensets(st.sampled_from(list(ListRole)))
maybe_list = st.none() | st.sampled_from(CAMPAIGN_LISTS)
standings = st.builds(
    Standing,
    contact_id=st.just(7),
    ours=roles,
    theirs=roles,
    is_known=st.booleans(),
    unsubscribed_ours=roles,
    unsubscribed_theirs=roles,
    excluded_ours=st.booleans(),
    excluded_theirs=st.booleans(),
    open_removals=roles,
    is_under_way=st.booleans(),
    confirmed_adds=roles,
    was_suppressed=st.booleans(),
    suppressed_as=st.none() | st.just(8),
    last_added_to=maybe_list,
    first_on=maybe_list,
    exists=st.sampled_from([True, False, None]),
)


def test_who_stands_the_same_on_both_sides_is_no_finding() -> None:
    one = standing({MASTER, ONE}, {MASTER, ONE})
    assert find(one) == ()
    assert not differs(one)


@pytest.mark.parametrize("role", list(ListRole))
def test_a_place_that_went_and_one_that_came_are_told_apart(role: ListRole) -> None:
    assert kinds(standing({role}, set(), exists=True)) == [DriftKind.MISSING_AT_MAILJET]
    came = DriftKind.SUPPRESSED_BY_OTHERS if role is SUPPRESSION else DriftKind.UNKNOWN_TO_US
    assert kinds(standing(set(), {role})) == [came]


def test_flags_that_differ_are_findings_of_their_own() -> None:
    assert kinds(standing({ONE}, {ONE}, unsubscribed_theirs=frozenset({ONE}))) == [DriftKind.UNSUBSCRIBED_DIFFERS]
    assert kinds(standing({ONE}, {ONE}, excluded_theirs=True)) == [DriftKind.EXCLUSION_DIFFERS]


@pytest.mark.parametrize(
    ("last", "first", "leaves"),
    [(ONE, TWO, TWO), (TWO, ONE, ONE), (None, ONE, TWO), (None, TWO, ONE), (THREE, TWO, ONE), (None, None, TWO)],
)
def test_of_two_lists_the_one_that_our_journal_put_the_contact_on_last_is_kept_else_the_first(
    last: ListRole | None, first: ListRole | None, leaves: ListRole
) -> None:
    one = standing({ONE, TWO}, {ONE, TWO}, last_added_to=last, first_on=first)
    repair = only(one, DriftKind.IN_TWO_CAMPAIGN_LISTS).repair
    assert repair is not None
    assert (repair.action, repair.from_role) == (ItemAction.REMOVE, leaves)


def test_two_lists_are_legal_while_a_removal_is_open() -> None:
    one = standing({ONE}, {ONE, TWO}, open_removals=frozenset({ONE}), is_under_way=True)
    assert find(one) == ()


def test_two_lists_stay_an_alert_when_only_something_else_is_under_way() -> None:
    assert kinds(standing({ONE, TWO}, {ONE, TWO}, is_under_way=True)) == [DriftKind.IN_TWO_CAMPAIGN_LISTS]


def test_a_suppressed_contact_in_one_list_only_leaves_it() -> None:
    one = standing({SUPPRESSION}, {SUPPRESSION, TWO}, excluded_ours=True, excluded_theirs=True)
    repair = only(one, DriftKind.SUPPRESSED_AND_LISTED).repair
    assert repair is not None
    assert (repair.action, repair.from_role) == (ItemAction.REMOVE, TWO)


@pytest.mark.parametrize(
    "one",
    [
        standing({SUPPRESSION}, {SUPPRESSION, TWO}),
        standing({SUPPRESSION}, {SUPPRESSION, TWO, ONE}, excluded_theirs=True),
        standing(set(), {TWO}, suppressed_as=3),
    ],
)
def test_a_suppressed_contact_that_could_be_mailed_is_suppressed_whole(one: Standing) -> None:
    repair = only(one, DriftKind.SUPPRESSED_AND_LISTED).repair
    assert repair is not None
    assert (repair.action, repair.to_role, repair.reason) == (ItemAction.SUPPRESS, SUPPRESSION, "manual")


def test_who_unsubscribed_and_could_be_mailed_is_taken_off() -> None:
    one = standing({MASTER}, {MASTER, TWO}, has_unsubscribed=True)
    repair = only(one, DriftKind.UNSUBSCRIBED_AND_LISTED).repair
    assert repair is not None
    assert (repair.action, repair.from_role) == (ItemAction.REMOVE, TWO)


def test_an_unsubscriber_on_two_lists_is_taken_off_one_after_the_other() -> None:
    one = standing({ONE, TWO}, {ONE, TWO}, has_unsubscribed=True)
    assert kinds(one) == [DriftKind.UNSUBSCRIBED_AND_LISTED, DriftKind.IN_TWO_CAMPAIGN_LISTS]
    assert [found.repair.from_role for found in find(one) if found.repair is not None] == [ONE]


@pytest.mark.parametrize(
    "one",
    [
        standing(
            {TWO},
            {TWO},
            has_unsubscribed=True,
            unsubscribed_ours=frozenset({TWO}),
            unsubscribed_theirs=frozenset({TWO}),
        ),
        standing({TWO}, {TWO}, has_unsubscribed=True, excluded_ours=True, excluded_theirs=True),
        standing({TWO}, {TWO}, has_unsubscribed=True, is_under_way=True),
        standing({MASTER}, {MASTER}, has_unsubscribed=True),
        standing({TWO}, {TWO}),
    ],
)
def test_who_unsubscribed_and_cannot_be_mailed_is_no_finding(one: Standing) -> None:
    assert DriftKind.UNSUBSCRIBED_AND_LISTED not in kinds(one)


def test_a_suppression_that_somebody_undid_is_proposed_again_also_when_our_rows_know() -> None:
    for ours in ({MASTER, SUPPRESSION}, {MASTER}):
        found = only(standing(ours, {MASTER}, was_suppressed=True), DriftKind.SUPPRESSION_UNDONE)
        assert found.repair is not None
        assert found.repair.action is ItemAction.SUPPRESS


@pytest.mark.parametrize("exists", [False, None])
def test_who_was_erased_or_is_not_known_to_exist_is_never_suppressed_again(exists: bool | None) -> None:
    found = find(standing({MASTER, SUPPRESSION}, set(), was_suppressed=True, exists=exists))
    assert {one.kind for one in found} == {DriftKind.MISSING_AT_MAILJET}


@pytest.mark.parametrize(
    "one",
    [
        standing(set(), {SUPPRESSION}),
        standing({ONE}, {SUPPRESSION, MASTER}, excluded_theirs=True),
        standing({MASTER, ONE}, {MASTER}, excluded_theirs=True),
        standing({ONE}, {TWO}),
        standing({MASTER}, {MASTER, THREE}),
        standing({MASTER, SUPPRESSION}, {MASTER, ONE}),
    ],
)
def test_what_this_product_does_to_contacts_is_recognised(one: Standing) -> None:
    assert looks_like_our_work(one)


@pytest.mark.parametrize(
    "one",
    [
        standing(set(), {MASTER}, is_known=False),
        standing(set(), {MASTER, ONE}, is_known=False),
        standing({MASTER, ONE}, {MASTER, ONE}, unsubscribed_theirs=frozenset({ONE})),
        standing({MASTER, ONE}, {MASTER}),
        standing({MASTER, ONE, SUPPRESSION}, set(), exists=False),
        standing({MASTER, ONE}, {MASTER, ONE}, excluded_theirs=True),
        standing({ONE}, {TWO}, confirmed_adds=frozenset({TWO})),
        standing(set(), {SUPPRESSION}, confirmed_adds=frozenset({SUPPRESSION})),
        standing({ONE}, {TWO}, is_under_way=True),
    ],
)
def test_ordinary_life_and_what_the_journal_explains_are_not_our_unknown_work(one: Standing) -> None:
    assert not looks_like_our_work(one)


@given(standings)
def test_every_difference_is_a_finding_and_no_difference_is_invented(one: Standing) -> None:
    found = find(one)
    places = {f.list_role for f in found if f.kind in (DriftKind.MISSING_AT_MAILJET, DriftKind.UNKNOWN_TO_US,
              DriftKind.SUPPRESSED_BY_OTHERS)}  # fmt: skip
    undone = {SUPPRESSION} if any(f.kind is DriftKind.SUPPRESSION_UNDONE for f in found) else set()
    differing = NO_ROLES if one.is_under_way else one.ours ^ one.theirs
    assert places | (undone & differing) == differing


@given(standings)
def test_a_contact_gets_one_repair_at_the_most_and_it_fits_a_plan(one: Standing) -> None:
    repairs = [finding.repair for finding in find(one) if finding.repair is not None]
    assert len(repairs) <= 1
    assert len(content_hash(None, PlanKind.REPAIR, None, "v", repairs)) == 64
    for repair in repairs:
        assert repair.action in (ItemAction.REMOVE, ItemAction.SUPPRESS)
        # A contact is never taken off the only list that it is on.
        assert repair.action is ItemAction.SUPPRESS or one.theirs - {repair.from_role}


@given(standings)
def test_only_alerts_carry_repairs_and_all_words_are_there(one: Standing) -> None:
    for finding in find(one):
        assert finding.kind in ALERTS or finding.repair is None
        assert finding.ours
        assert finding.theirs
        assert finding.explanation
        assert finding.kind.is_alert is (finding.kind in ALERTS)


@given(st.lists(standings, max_size=80), st.none() | st.text(max_size=200))
def test_the_message_keeps_slacks_limits_however_much_drifted(many: list[Standing], because: str | None) -> None:
    found = [finding for one in many for finding in find(one)]
    message = drift_message(found, [(number, "0" * 64) for number in range(len(many))], because)
    assert problems(message.text, message.blocks) == ()


def test_the_message_names_contacts_repairs_and_how_to_accept() -> None:
    found = find(standing({ONE, TWO}, {ONE, TWO}))
    text = str(drift_message(found, [(12, "abcdef0123456789")], "the machine was away").blocks)
    for words in ("Contact 7", "list-pipeline approve 12 abcdef012345", "--accept --by NAME", "the machine was away"):
        assert words in text
