"""Which groups are flagged, and who is held because of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.incidents.beta_binomial import tail
from list_pipeline.core.incidents.groups import (
    POOL,
    DomainCount,
    Group,
    GroupCount,
    GroupKind,
    count_groups,
    domain_group,
)
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import INCIDENTS
from list_pipeline.core.incidents.strata import TestedGroup, examine, flagged_groups, holding_group, remembered
from list_pipeline.core.incidents.usual import PastCount, Usual, Weighted

GOOGLE = Group(GroupKind.OPERATOR, "Google")
KNOWN = Usual(Weighted(60_000, 180), {GOOGLE: Weighted(20_000, 60), POOL: Weighted(15_000, 45)})
"""An account of 10,000 recipients that bounces with 0.3 %."""


def flagged(*counts: DomainCount, usual: Usual = KNOWN, operators: Operators | None = None) -> frozenset[Group]:
    known = operators or Operators()
    return flagged_groups(examine(count_groups(counts, known, INCIDENTS), usual, known, INCIDENTS))


class TestFlags:
    def test_a_fifth_of_a_large_operator_is_flagged_and_an_ordinary_campaign_is_not(self) -> None:
        assert flagged(DomainCount("gmail.com", 3000, 600), DomainCount("icloud.com", 400, 1)) == {GOOGLE}
        assert flagged(DomainCount("gmail.com", 3000, 12), DomainCount("icloud.com", 400, 1)) == frozenset()

    def test_a_company_that_closes_is_flagged_by_itself_and_the_pool_is_not(self) -> None:
        others = [DomainCount(f"company{number}.example", 4, 0) for number in range(50)]
        found = flagged(DomainCount("closed.example", 6, 6), *others)
        assert found == {domain_group("closed.example")}

    def test_an_outage_at_an_unknown_host_of_many_companies_shows_in_the_pool(self) -> None:
        struck = [DomainCount(f"company{number}.example", 4, 1 if number < 20 else 0) for number in range(100)]
        assert POOL in flagged(*struck)

    def test_beside_a_closed_company_the_pool_is_still_flagged_for_its_other_bounces(self) -> None:
        struck = [DomainCount(f"company{number}.example", 4, 1 if number < 20 else 0) for number in range(100)]
        found = flagged(*struck, DomainCount("closed.example", 6, 6))
        assert {POOL, domain_group("closed.example")} <= found

    def test_a_domain_that_is_flagged_itself_does_not_flag_the_pool(self) -> None:
        others = [DomainCount(f"company{number}.example", 2, 0) for number in range(50)]
        struck = DomainCount("struck.example", 30, 15)
        assert flagged(struck, *others) == {domain_group("struck.example")}
        many = [DomainCount(f"company{number}.example", 4, 1 if number < 20 else 0) for number in range(100)]
        assert {POOL, domain_group("struck.example")} <= flagged(struck, *many)

    def test_a_domain_that_is_not_flagged_itself_stays_in_the_pool(self) -> None:
        others = [DomainCount(f"company{number}.example", 2, 0) for number in range(50)]
        some = [DomainCount(f"struck{number}.example", 2, 1) for number in range(12)]
        assert flagged(*some, *others) == {POOL}

    def test_a_hosted_domain_that_closed_is_not_taken_out_of_its_operator(self) -> None:
        known = Operators({"closed.example": "aspmx.l.google.com"})
        counts = (
            DomainCount("closed.example", 12, 12),
            DomainCount("gmail.com", 60, 1),
            DomainCount("a.example", 40, 0),
        )
        assert flagged(*counts, operators=known) == {GOOGLE, domain_group("closed.example")}

    def test_beside_an_outage_an_ordinary_group_stays_free(self) -> None:
        assert flagged(DomainCount("gmail.com", 3000, 600), DomainCount("icloud.com", 1200, 4)) == {GOOGLE}

    @pytest.mark.parametrize(
        "elsewhere",
        [(DomainCount("icloud.com", 6, 6),), (DomainCount("googlemail.com", 6, 6), DomainCount("gmail.com", 60, 0))],
        ids=["an operator", "a domain of an operator"],
    )
    def test_what_bounced_whole_elsewhere_is_not_taken_out_of_the_pool(self, elsewhere: Sequence[DomainCount]) -> None:
        struck = [DomainCount(f"company{number}.example", 4, 1 if number < 10 else 0) for number in range(100)]
        assert POOL not in flagged(*struck[6:])
        assert POOL in flagged(*struck, *elsewhere)

    def test_the_contacts_of_a_closed_company_are_taken_out_of_the_pool_with_their_bounces(self) -> None:
        struck = [DomainCount(f"company{number}.example", 4, 1 if number < 6 else 0) for number in range(25)]
        assert POOL in flagged(*struck, DomainCount("closed.example", 1000, 1000))
        assert POOL not in flagged(*struck, *(DomainCount(f"open{number}.example", 4, 0) for number in range(500)))

    def test_a_chance_that_is_exactly_on_the_limit_is_unusual(self) -> None:
        (one,) = examine([GroupCount(GOOGLE, 400, 5)], KNOWN, Operators(), INCIDENTS)
        for share, is_flagged in ((one.chance, True), (one.chance * 0.999, False)):
            policy = replace(INCIDENTS, false_share=share)
            assert bool(flagged_groups(examine([one.count], KNOWN, Operators(), policy))) is is_flagged

    @pytest.mark.parametrize(("hard", "is_flagged"), [(2, False), (3, True)])
    def test_nothing_is_flagged_for_fewer_than_three_hard_bounces(self, hard: int, is_flagged: bool) -> None:
        calm = Usual(Weighted(1e6, 0))
        assert bool(flagged(DomainCount("icloud.com", 3, hard), usual=calm)) is is_flagged

    @pytest.mark.parametrize(("attempted", "tested"), [(2, 0), (3, 1)])
    def test_groups_of_fewer_than_three_contacts_are_not_tested(self, attempted: int, tested: int) -> None:
        counts = [GroupCount(domain_group("a.example"), attempted, 1)]
        assert len(examine(counts, KNOWN, Operators(), INCIDENTS)) == tested

    def test_the_more_groups_there_are_the_more_unusual_one_has_to_be(self) -> None:
        one = DomainCount("icloud.com", 400, 6)
        chance = tail(6, 400, KNOWN.rate(Group(GroupKind.OPERATOR, "Apple"), INCIDENTS), KNOWN.overdispersion)
        assert INCIDENTS.false_share / 300 < chance < INCIDENTS.false_share
        assert flagged(one)
        assert not flagged(one, *(DomainCount(f"company{number}.example", 3, 0) for number in range(300)))

    def test_only_what_is_usual_for_the_group_itself_counts(self) -> None:
        counts = DomainCount("gmail.com", 3000, 60)
        worse = Usual(Weighted(60_000, 180), {GOOGLE: Weighted(20_000, 400)})
        assert flagged(counts, DomainCount("icloud.com", 50, 0))
        assert not flagged(counts, DomainCount("icloud.com", 50, 0), usual=worse)
        assert not flagged(counts, DomainCount("icloud.com", 50, 0), usual=replace(KNOWN, overdispersion=0.05))

    def test_each_group_bears_its_figures(self) -> None:
        (one,) = examine([GroupCount(GOOGLE, 3000, 30)], KNOWN, Operators(), INCIDENTS)
        assert one.group == GOOGLE
        assert one.expected_rate == KNOWN.rate(GOOGLE, INCIDENTS)
        assert one.chance == tail(30, 3000, one.expected_rate, KNOWN.overdispersion)
        assert TestedGroup(one.count, 0.1, -1.0).is_flagged is False

    def test_a_campaign_of_nobody_flags_nothing(self) -> None:
        assert examine([], KNOWN, Operators(), INCIDENTS) == ()
        assert flagged() == frozenset()

    @given(st.integers(3, 400), st.data())
    def test_one_more_hard_bounce_never_takes_a_flag_away(self, attempted: int, data: st.DataObject) -> None:
        hard = data.draw(st.integers(0, attempted - 1))
        other = DomainCount("icloud.com", 200, 1)
        fewer, more = (flagged(DomainCount("gmail.com", attempted, each), other) for each in (hard, hard + 1))
        assert (GOOGLE in fewer) <= (GOOGLE in more)


class TestRemembered:
    def test_operators_are_kept_whatever_their_size_and_domains_that_can_be_tested(self) -> None:
        counts = [
            GroupCount(GOOGLE, 1, 0),
            GroupCount(POOL, 2, 0),
            GroupCount(domain_group("a.example"), 3, 3),
            GroupCount(domain_group("b.example"), 2, 2),
        ]
        tested = examine(counts, KNOWN, Operators(), INCIDENTS)
        assert remembered(counts, tested, INCIDENTS) == (
            PastCount(GOOGLE, 1, 0),
            PastCount(POOL, 2, 0),
            PastCount(domain_group("a.example"), 3, 3, is_flagged=True),
        )

    def test_a_campaign_without_established_contacts_is_remembered_too(self) -> None:
        assert remembered([], [], INCIDENTS) == (PastCount(POOL, 0, 0),)


class TestHolding:
    def test_the_operator_holds_before_the_domain_and_nobody_else_is_held(self) -> None:
        gmail, known = domain_group("gmail.com"), Operators()
        assert holding_group("gmail.com", {GOOGLE, gmail}, known) == GOOGLE
        assert holding_group("gmail.com", {gmail}, known) == gmail
        assert holding_group("googlemail.com", {gmail}, known) is None
        assert holding_group("a.example", {POOL}, known) == POOL
        assert holding_group("a.example", frozenset(), known) is None


def test_ten_thousand_groups_and_a_million_contacts_are_no_work() -> None:
    counts = [
        GroupCount(domain_group(f"company{number}.example"), 100, number % 100 // 97 * 4) for number in range(10_000)
    ]
    began = time.perf_counter()
    tested = examine([*counts, GroupCount(POOL, 1_000_000, 9000)], KNOWN, Operators(), INCIDENTS)
    assert len(tested) == 10_001
    # Some tenths of a second; the rest is for a busy machine.
    assert time.perf_counter() - began < 5
