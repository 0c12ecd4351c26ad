"""Drift between our rows and Mailjet: every difference has a kind, every broken rule a repair, ordinary life neither."""

from __future__ import annotations

from dataclasses import replace

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
        standing({MASTER, SUPPRESSION}, {MASTER}),
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
        standing({ONE}, set(), excluded_ours=True, excluded_theirs=True),
        standing({MASTER, ONE}, {MASTER, ONE, TWO}),
        standing({SUPPRESSION}, {SUPPRESSION}),
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


def words(one: Finding) -> tuple[str, str, str]:
    return one.ours, one.theirs, one.explanation


@pytest.mark.parametrize(
    ("kind", "role", "is_erased", "is_told"),
    [
        (DriftKind.MISSING_AT_MAILJET, ONE, False, True),
        (DriftKind.MISSING_AT_MAILJET, ONE, True, False),
        (DriftKind.MISSING_AT_MAILJET, MASTER, False, False),
        (DriftKind.UNKNOWN_TO_US, ONE, False, False),
        (DriftKind.UNSUBSCRIBED_DIFFERS, ONE, False, False),
        (DriftKind.EXCLUSION_DIFFERS, None, False, True),
        (DriftKind.SUPPRESSED_BY_OTHERS, SUPPRESSION, False, True),
        (DriftKind.IN_TWO_CAMPAIGN_LISTS, ONE, False, True),
    ],
)
def test_people_are_told_what_is_no_ordinary_life(
    kind: DriftKind, role: ListRole | None, is_erased: bool, is_told: bool
) -> None:
    assert Finding(7, kind, role, "here", "there", "why", is_erased=is_erased).is_told is is_told


def test_the_broken_rules_are_alerts_and_the_differences_are_not() -> None:
    assert {kind for kind in DriftKind if kind.is_alert} == {
        DriftKind.IN_TWO_CAMPAIGN_LISTS,
        DriftKind.SUPPRESSED_AND_LISTED,
        DriftKind.SUPPRESSION_UNDONE,
        DriftKind.UNSUBSCRIBED_AND_LISTED,
    }


@pytest.mark.parametrize(
    "one",
    [
        standing({ONE}, {ONE, MASTER}),
        standing({ONE}, {ONE}, unsubscribed_theirs=frozenset({ONE})),
        standing({ONE}, {ONE}, excluded_ours=True),
    ],
)
def test_our_rows_follow_each_difference_but_not_while_a_change_of_ours_is_under_way(one: Standing) -> None:
    assert differs(one)
    assert not differs(replace(one, is_under_way=True))


@pytest.mark.parametrize(
    ("exists", "why"),
    [(True, "Taken off by somebody else."), (None, "Taken off by somebody else."), (False, "The contact was erased.")],
)
def test_a_place_that_went_says_whether_the_contact_was_erased(exists: bool | None, why: str) -> None:
    (found,) = find(standing({ONE}, set(), exists=exists))
    assert words(found) == ("on the List 1", "not on the List 1", f"{why} Our rows follow Mailjet.")
    assert found.is_erased is (exists is False)


def test_a_suppression_by_others_is_told_from_one_that_our_journal_knows() -> None:
    (foreign,) = find(standing(set(), {SUPPRESSION}))
    assert words(foreign) == (
        "not on the Suppression list",
        "on the Suppression list",
        "Somebody else suppressed the contact; it stays suppressed, and our rows follow Mailjet.",
    )
    (own,) = find(standing(set(), {SUPPRESSION}, confirmed_adds=frozenset({SUPPRESSION})))
    assert own.kind is DriftKind.UNKNOWN_TO_US
    assert own.explanation == "Came since our last look; our rows follow Mailjet."


def test_an_undone_suppression_is_told_once_and_other_places_that_went_beside_it() -> None:
    assert kinds(standing({MASTER, SUPPRESSION}, {MASTER}, was_suppressed=True)) == [DriftKind.SUPPRESSION_UNDONE]
    both = standing({MASTER, ONE, SUPPRESSION}, {MASTER}, was_suppressed=True)
    assert kinds(both) == [DriftKind.MISSING_AT_MAILJET, DriftKind.SUPPRESSION_UNDONE]


def test_an_undone_suppression_says_on_which_lists_the_contact_stands() -> None:
    for theirs, where in (({MASTER}, ""), ({MASTER, TWO}, ", and stands on List 2")):
        found = only(standing(theirs, theirs, was_suppressed=True), DriftKind.SUPPRESSION_UNDONE)
        assert found.explanation == (
            f"Somebody else took the contact off the suppression list{where}. Proposed: suppress it again."
        )


@pytest.mark.parametrize(
    "one",
    [
        standing({SUPPRESSION}, {SUPPRESSION}, was_suppressed=True),
        standing({MASTER}, {MASTER}, was_suppressed=True, is_under_way=True),
    ],
)
def test_who_is_suppressed_or_about_to_be_was_not_put_back_by_others(one: Standing) -> None:
    assert find(one) == ()


def test_each_flag_says_both_sides() -> None:
    (left,) = find(standing({ONE}, {ONE}, unsubscribed_theirs=frozenset({ONE})))
    assert words(left)[:2] == ("subscribed", "unsubscribed")
    assert (left.is_like_our_work, left.is_erased, left.is_excluded_now) == (False, False, False)
    (back,) = find(standing({ONE}, {ONE}, excluded_ours=True))
    assert words(back)[:2] == ("excluded from campaigns", "not excluded from campaigns")
    assert not back.is_excluded_now


def test_no_flags_are_compared_of_who_is_erased_or_on_a_list_that_it_left() -> None:
    assert find(standing({MASTER}, {MASTER}, excluded_ours=True, exists=False)) == ()
    left = standing({ONE}, set(), unsubscribed_ours=frozenset({ONE}))
    assert kinds(left) == [DriftKind.MISSING_AT_MAILJET]


def test_a_move_that_stopped_half_way_is_told_and_nothing_is_proposed_beside_it() -> None:
    half = standing({TWO}, {ONE, TWO}, open_removals=frozenset({TWO}), is_under_way=True, is_stopped=True)
    (found,) = find(half)
    assert (found.kind, found.list_role, found.repair) == (DriftKind.IN_TWO_CAMPAIGN_LISTS, TWO, None)
    assert words(found) == (
        "on List 2",
        "on List 1 and List 2",
        "Half moved: a campaign to each of List 1 and List 2 reaches the contact. The move goes on as soon as lists may be "
        "changed; do not send to these lists before.",
    )
    assert find(replace(half, is_stopped=False)) == ()


def test_a_stopped_change_is_no_half_move_where_the_contact_is_on_one_list_or_leaves_another() -> None:
    alone = standing({ONE}, {ONE}, open_removals=frozenset({ONE}), is_under_way=True, is_stopped=True)
    assert find(alone) == ()
    elsewhere = standing({ONE}, {ONE, TWO}, open_removals=frozenset({THREE}), is_under_way=True, is_stopped=True)
    (found,) = find(elsewhere)
    assert found.repair is not None


def test_of_a_suppressed_contact_on_two_lists_only_the_suppression_is_repaired() -> None:
    one = standing({MASTER}, {MASTER, SUPPRESSION, ONE, TWO}, is_under_way=True, has_unsubscribed=True)
    suppressed, twice = find(replace(one, has_unsubscribed=False))
    assert find(replace(one, is_under_way=False))[-2:] == (suppressed, twice)
    assert (suppressed.kind, suppressed.list_role) == (DriftKind.SUPPRESSED_AND_LISTED, ONE)
    assert words(suppressed) == (
        "on no campaign list",
        "on List 1 and List 2",
        "Suppressed, and still on List 1 and List 2. Proposed: take it off.",
    )
    assert twice.explanation == "On List 1 and List 2; the repair of its suppression takes it off all of them."


def test_of_an_unsubscriber_on_two_lists_the_words_say_that_the_other_repair_comes_first() -> None:
    found = only(standing({ONE, TWO}, {ONE, TWO}, has_unsubscribed=True), DriftKind.IN_TWO_CAMPAIGN_LISTS)
    assert found.explanation == (
        "On List 1 and List 2; it unsubscribed, and the repair of that takes it off them one after the other."
    )


@pytest.mark.parametrize(
    ("fitting", "last", "first", "stays", "leaves", "why"),
    [
        ({TWO}, ONE, ONE, "List 2", ONE, "there it gets the open cycle once"),
        ({ONE, TWO}, TWO, ONE, "List 2", ONE, "our journal put the contact there last"),
        ({ONE, TWO}, None, ONE, "List 1", TWO, "it was there first"),
        ({THREE}, TWO, ONE, "List 2", ONE, "our journal put the contact there last"),
        (set(), None, TWO, "List 2", ONE, "it was there first"),
    ],
)
def test_of_two_lists_the_one_that_mails_the_open_cycle_once_is_kept_first_and_the_words_say_why(
    fitting: set[ListRole], last: ListRole | None, first: ListRole, stays: str, leaves: ListRole, why: str
) -> None:
    one = standing({ONE, TWO}, {ONE, TWO}, one_mail_on=frozenset(fitting), last_added_to=last, first_on=first)
    (found,) = find(one)
    assert found.list_role is leaves
    assert found.explanation == (
        f"A campaign to each of List 1 and List 2 reaches the contact. Proposed: leave it on the {stays} ({why}), and take "
        f"it off the {leaves.label}."
    )
