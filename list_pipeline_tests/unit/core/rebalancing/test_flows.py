"""When lists are rebalanced, how many contacts go where, and what is said about it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import Sizes, band, deviation, even_split, is_balanced, is_reachable
from list_pipeline.core.rebalancing.flows import EnrolNewcomers, FlowPlan, RebalancingPolicy, plan_flows

ONE, TWO, THREE = CAMPAIGN_LISTS
NOBODY: frozenset[ListRole] = frozenset()
FIVE_TO_FIVE = RebalancingPolicy(trigger_percent=5, repair_percent=5)
OFF = RebalancingPolicy(enrol=EnrolNewcomers.OFF)
ALL = RebalancingPolicy(enrol=EnrolNewcomers.ALL)

sizes_of = st.tuples(*[st.integers(0, 3_000)] * 3)
roles_of = st.frozensets(st.sampled_from(CAMPAIGN_LISTS))
policies = st.sampled_from([RebalancingPolicy(), OFF, ALL, FIVE_TO_FIVE, RebalancingPolicy(20, 10)])


def applied(plan: FlowPlan) -> Sizes:
    sizes = dict(zip(CAMPAIGN_LISTS, plan.sizes, strict=True))
    for (donor, receiver), count in plan.moves.items():
        sizes[donor] -= count
        sizes[receiver] += count
    for role, count in plan.enrolments.items():
        sizes[role] += count
    return sizes[ONE], sizes[TWO], sizes[THREE]


@pytest.mark.parametrize(
    ("sizes", "policy", "moves"),
    [
        ((731, 1000, 1000), FIVE_TO_FIVE, 134),
        ((1000, 731, 1000), FIVE_TO_FIVE, 134),
        ((942, 1120, 1057), FIVE_TO_FIVE, 46),
        ((942, 1120, 1057), RebalancingPolicy(), 77),
        ((300, 1000, 1700), FIVE_TO_FIVE, 650),
    ],
)
def test_known_cases_need_the_known_number_of_moves(sizes: Sizes, policy: RebalancingPolicy, moves: int) -> None:
    plan = plan_flows(sizes, 0, policy=policy)
    assert plan.move_count == moves
    assert plan.certificate is not None
    assert plan.certificate.lower_bound == moves
    assert is_balanced(plan.target_sizes, policy.repair_percent)


@pytest.mark.parametrize(
    ("sizes", "policy", "newcomers"),
    [
        ((731, 1000, 1000), FIVE_TO_FIVE, 196),
        ((942, 1120, 1057), FIVE_TO_FIVE, 81),
        ((942, 1120, 1057), RebalancingPolicy(), 176),
    ],
)
def test_newcomers_come_first_and_no_more_of_them_than_make_moves_unnecessary(
    sizes: Sizes, policy: RebalancingPolicy, newcomers: int
) -> None:
    plan = plan_flows(sizes, 5_000, policy=policy)
    assert (plan.enrolment_count, plan.move_count) == (newcomers, 0)
    one_less = plan_flows(sizes, newcomers - 1, policy=policy)
    assert one_less.move_count == 1


def test_the_certificate_says_in_words_why_fewer_moves_are_impossible() -> None:
    certificate = plan_flows((731, 1000, 1000), 0, policy=FIVE_TO_FIVE).certificate
    assert certificate is not None
    assert certificate.sentence == (
        "surplus 90, deficit 134, newcomers 0: at least 134 moves are needed; 134 are planned"
    )
    assert (certificate.surplus, certificate.deficit, certificate.lo, certificate.hi) == (90, 134, 865, 955)
    assert certificate.restriction is None


def test_lists_exactly_on_the_tolerance_are_left_alone() -> None:
    plan = plan_flows((13, 13, 14), 100)
    assert not plan.triggered
    assert not plan.required
    assert plan.changes_nothing
    assert plan.certificate is None
    assert plan.target_sizes == (13, 13, 14)
    assert plan.reasons == ("the lists deviate by 5 % from their mean; only above 5 % is it repaired",)


def test_between_the_goal_and_the_trigger_nothing_moves() -> None:
    assert deviation((970, 1000, 1030)) == Fraction(3, 100)
    plan = plan_flows((970, 1000, 1030), 500)
    assert plan.changes_nothing
    assert not plan.required


def test_empty_lists_are_said_to_be_empty_and_newcomers_wait_unless_all_are_wanted() -> None:
    plan = plan_flows((0, 0, 0), 10)
    assert plan.deviation_before is None
    assert plan.deviation_after is None
    assert plan.changes_nothing
    assert not plan.triggered
    assert "empty" in plan.reasons[0]
    assert plan_flows((0, 0, 0), 10, policy=ALL).target_sizes == (4, 3, 3)
    assert plan_flows((0, 0, 0), 10, frozen=frozenset({TWO}), policy=ALL).changes_nothing


@pytest.mark.parametrize("sizes", [(1, 0, 0), (0, 1, 1), (1, 1, 0), (13, 13, 12), (13, 12, 13)])
def test_tiny_lists_that_are_as_even_as_possible_require_nothing(sizes: Sizes) -> None:
    plan = plan_flows(sizes, 0)
    assert plan.triggered
    assert not plan.required
    assert plan.changes_nothing
    assert plan.is_repaired
    assert any("as even as possible" in reason for reason in plan.reasons)


def test_one_newcomer_makes_a_tiny_total_divisible() -> None:
    plan = plan_flows((13, 13, 12), 5)
    assert plan.target_sizes == (13, 13, 13)
    assert dict(plan.enrolments) == {THREE: 1}
    assert plan.required


def test_an_empty_list_is_filled_from_the_others() -> None:
    plan = plan_flows((0, 40, 40), 0)
    assert plan.target_sizes == (26, 27, 27)
    assert plan.move_count == 26


def test_all_newcomers_are_spread_evenly_without_a_move_when_nothing_is_triggered() -> None:
    plan = plan_flows((1000, 990, 1010), 100, policy=ALL)
    assert plan.enrolment_count == 100
    assert not plan.moves
    assert not plan.required
    assert max(plan.target_sizes) - min(plan.target_sizes) <= 1


def test_all_newcomers_are_enrolled_when_a_rebalancing_is_triggered() -> None:
    plan = plan_flows((731, 1000, 1000), 3_000, policy=ALL)
    assert plan.enrolment_count == 3_000
    assert not plan.moves
    assert is_balanced(plan.target_sizes, 2)


def test_newcomers_wait_for_a_frozen_list_rather_than_unbalance_the_others() -> None:
    plan = plan_flows((1000, 1000, 1000), 4_000, frozen=frozenset({TWO}), policy=ALL)
    assert plan.target_sizes[1] == 1000
    assert is_balanced(plan.target_sizes, 2)
    assert 0 < plan.enrolment_count < 100
    assert any("wait" in reason for reason in plan.reasons)


def test_nobody_is_enrolled_when_enrolling_is_off() -> None:
    plan = plan_flows((731, 1000, 1000), 500, policy=OFF)
    assert not plan.enrolments
    assert plan.move_count == 162


def test_an_open_cycle_keeps_moves_between_lists_of_the_same_state_and_defers_the_rest() -> None:
    plan = plan_flows((1000, 731, 1000), 0, sent_in_open_cycle=frozenset({ONE}))
    assert set(plan.moves) == {(THREE, TWO)}
    # List 1 cannot change, so that its own distance is the smallest reachable one.
    assert plan.deviation_after == Fraction(3 * 1000 - 2731, 2731)
    assert not plan.is_repaired
    assert plan.is_above_trigger_after
    assert set(plan.deferred_moves) == {(ONE, TWO)}
    assert plan.certificate is not None
    assert "already sent to List 1 and not yet to List 2 and List 3" in str(plan.certificate.restriction)
    assert plan.certificate.sentence.startswith("List 2 and List 3: surplus 0, deficit 90, newcomers 0: at least 90")
    assert any("still above 5 %" in reason for reason in plan.reasons)


def test_newcomers_join_the_lists_that_are_still_to_be_sent_in_an_open_cycle() -> None:
    behind = plan_flows((1000, 731, 1000), 500, sent_in_open_cycle=frozenset({ONE}))
    assert dict(behind.enrolments) == {TWO: 240}
    assert behind.is_repaired
    ahead = plan_flows((731, 1000, 1000), 500, sent_in_open_cycle=frozenset({ONE}))
    assert ahead.changes_nothing
    assert dict(ahead.deferred_enrolments) == {ONE: 240}
    assert "newcomers join lists still to be sent" in " ".join(ahead.reasons)


def test_a_restriction_that_leaves_nothing_to_do_still_records_what_is_deferred() -> None:
    plan = plan_flows((731, 1000, 1000), 0, sent_in_open_cycle=frozenset({ONE}))
    assert plan.changes_nothing
    assert plan.required
    assert sum(plan.deferred_moves.values()) == 162


def test_a_cycle_sent_to_all_lists_restricts_nothing() -> None:
    assert plan_flows((731, 1000, 1000), 0, frozenset(CAMPAIGN_LISTS)) == plan_flows((731, 1000, 1000), 0)


def test_with_every_list_frozen_nothing_changes_and_everything_is_deferred() -> None:
    plan = plan_flows((731, 1000, 1000), 500, frozen=frozenset(CAMPAIGN_LISTS))
    assert plan.changes_nothing
    assert dict(plan.deferred_enrolments) == {ONE: 240}
    assert "List 1, List 2 and List 3 may not be changed now" in " ".join(plan.reasons)
    assert "or an entry of it names nobody)" in " ".join(plan.reasons)


@pytest.mark.parametrize(
    ("sizes", "needs_review"), [((700, 1000, 1300), False), ((650, 1000, 1350), True), ((649, 1000, 1351), True)]
)
def test_moves_of_a_tenth_of_the_contacts_need_a_person(sizes: Sizes, needs_review: bool) -> None:
    policy = RebalancingPolicy(5, 5)
    plan = plan_flows(sizes, 0, policy=policy)
    assert (plan.move_count >= 300) is needs_review
    assert (plan.review_reason is not None) is needs_review
    if needs_review:
        assert "a person decides" in plan.reasons[-1]


def test_exactly_the_largest_share_of_moves_needs_a_person() -> None:
    plan = plan_flows((650, 1000, 1350), 0, policy=RebalancingPolicy(5, 5))
    assert plan.move_count == 300
    assert plan.review_reason == (
        "300 moves and 0 enrolments (10 %) among the 3,000 contacts in the three lists; from 10 % on a person decides"
    )


def test_a_policy_that_contradicts_itself_names_its_settings() -> None:
    with pytest.raises(ConfigurationError, match="LIST_BALANCE_TARGET"):
        RebalancingPolicy(trigger_percent=2, repair_percent=5)
    with pytest.raises(ConfigurationError, match="percentage"):
        RebalancingPolicy(trigger_percent=float("nan"))
    with pytest.raises(ConfigurationError, match="negative"):
        RebalancingPolicy(max_changed_share_percent=-1)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(ValueError, match="newcomers"):
        plan_flows((1, 1, 1), -1)
    with pytest.raises(ValueError, match="zero or more"):
        plan_flows((-1, 1, 1), 0)
    with pytest.raises(ValueError, match="not a campaign list"):
        plan_flows((1, 1, 1), 0, frozen=frozenset({ListRole.MASTER}))


@settings(deadline=None)
@given(sizes_of, st.integers(0, 400), roles_of, roles_of, policies)
def test_every_plan_keeps_everybody_and_respects_cycle_and_freeze(
    sizes: Sizes, newcomers: int, sent: frozenset[ListRole], frozen: frozenset[ListRole], policy: RebalancingPolicy
) -> None:
    plan = plan_flows(sizes, newcomers, sent, frozen, policy)
    assert applied(plan) == plan.target_sizes
    assert sum(plan.target_sizes) == sum(sizes) + plan.enrolment_count
    assert plan.enrolment_count <= newcomers
    assert all(count > 0 for count in (*plan.moves.values(), *plan.enrolments.values()))
    for donor, receiver in plan.moves:
        assert (donor in sent) == (receiver in sent)
        assert not frozen & {donor, receiver}
    assert not frozen & set(plan.enrolments)
    assert not sent & set(plan.enrolments) or sent == set(CAMPAIGN_LISTS)
    if not plan.triggered:
        assert not plan.moves
        assert policy.enrol is EnrolNewcomers.ALL or plan.changes_nothing
    elif plan.deviation_before is not None and plan.deviation_after is not None:
        assert plan.certificate is not None
        assert plan.certificate.lower_bound == plan.certificate.moves == plan.move_count
        assert plan.deviation_after <= max(plan.deviation_before, policy.repair) or policy.enrol is EnrolNewcomers.ALL
    if policy.enrol is EnrolNewcomers.OFF:
        assert not plan.enrolments
        assert not plan.deferred_enrolments


@settings(deadline=None)
@given(sizes_of.filter(any), st.integers(0, 400), policies)
def test_without_a_restriction_every_triggered_plan_reaches_the_goal_or_the_even_split(
    sizes: Sizes, newcomers: int, policy: RebalancingPolicy
) -> None:
    plan = plan_flows(sizes, newcomers, policy=policy)
    if plan.triggered:
        assert plan.is_repaired
        total = sum(plan.target_sizes)
        if is_reachable(total, policy.repair_percent):
            assert is_balanced(plan.target_sizes, policy.repair_percent)
        else:
            assert sorted(plan.target_sizes) == sorted(even_split(total))


@settings(deadline=None)
@given(st.tuples(*[st.integers(100, 3_000)] * 3), st.integers(0, 400))
def test_without_a_restriction_the_moves_are_what_the_theorem_says(sizes: Sizes, newcomers: int) -> None:
    def bound(enrolled: int) -> int:
        limits = band(sum(sizes) + enrolled, 2)
        surplus = sum(max(0, size - limits.hi) for size in sizes)
        deficit = sum(max(0, limits.lo - size) for size in sizes)
        return max(surplus, deficit - enrolled, 0)

    plan = plan_flows(sizes, newcomers)
    if plan.triggered:
        moves, enrolled = min((bound(enrolled), enrolled) for enrolled in range(newcomers + 1))
        assert (plan.move_count, plan.enrolment_count) == (moves, enrolled)


@settings(deadline=None)
@given(sizes_of, roles_of, st.integers(0, 300))
def test_the_plan_that_follows_a_repair_changes_nothing(
    sizes: Sizes, sent: frozenset[ListRole], newcomers: int
) -> None:
    plan = plan_flows(sizes, newcomers, sent)
    again = plan_flows(plan.target_sizes, newcomers - plan.enrolment_count, sent)
    assert not again.moves


@settings(deadline=None)
@given(sizes_of, roles_of, roles_of, st.integers(0, 300))
def test_what_is_deferred_repairs_the_lists_once_nothing_is_restricted(
    sizes: Sizes, sent: frozenset[ListRole], frozen: frozenset[ListRole], newcomers: int
) -> None:
    plan = plan_flows(sizes, newcomers, sent, frozen)
    after = dict(zip(CAMPAIGN_LISTS, plan.target_sizes, strict=True))
    for (donor, receiver), count in plan.deferred_moves.items():
        after[donor] -= count
        after[receiver] += count
    for role, count in plan.deferred_enrolments.items():
        after[role] += count
    final = (after[ONE], after[TWO], after[THREE])
    assert min(final) >= 0
    if plan.triggered:
        assert is_balanced(final, 2) or max(final) - min(final) <= 1


@pytest.mark.parametrize(
    ("changed", "contacts", "many"),
    [(0, 0, False), (0, 100, False), (1, 0, True), (1, 10, True), (1, 11, False), (29, 300, False), (30, 300, True)],
)
def test_from_a_tenth_of_the_contacts_on_many_change_lists(changed: int, contacts: int, many: bool) -> None:
    assert RebalancingPolicy().are_many(changed, contacts) is many


def test_newcomers_count_with_the_moves_towards_what_a_person_has_to_see() -> None:
    assert plan_flows((100, 100, 100), 30, policy=ALL).review_reason
    assert plan_flows((100, 100, 100), 27, policy=ALL).review_reason is None


def test_what_was_not_triggered_is_neither_repaired_nor_proved_nor_put_off() -> None:
    quiet = plan_flows((104, 96, 100), 3, frozenset({ONE}), policy=ALL)
    assert (quiet.triggered, quiet.required, quiet.is_repaired, quiet.certificate) == (False, False, False, None)
    assert quiet.enrolment_count > 0
    assert (dict(quiet.deferred_moves), plan_flows((104, 96, 100), 0, frozenset({ONE})).deferred_moves) == ({}, {})


@pytest.mark.parametrize(("sizes", "above"), [((105, 95, 100), False), ((106, 94, 100), True), ((0, 0, 0), False)])
def test_exactly_on_the_trigger_the_lists_are_not_above_it(sizes: Sizes, above: bool) -> None:
    plan = plan_flows(sizes, 0, frozen=frozenset(CAMPAIGN_LISTS))
    assert (plan.triggered, plan.is_above_trigger_after) == (above, above)
