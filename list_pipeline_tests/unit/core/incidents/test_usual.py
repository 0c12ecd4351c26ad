"""What is usual for an account and its groups: the decay, who is left out, and how much rates differ between campaigns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from list_pipeline.core.incidents.groups import POOL, Group, GroupKind, domain_group
from list_pipeline.core.incidents.operators import Operators
from list_pipeline.core.incidents.policy import INCIDENTS, IncidentPolicy
from list_pipeline.core.incidents.usual import PastCount, Usual, Weighted, usual_of

GOOGLE, APPLE = Group(GroupKind.OPERATOR, "Google"), Group(GroupKind.OPERATOR, "Apple")
GMAIL = domain_group("gmail.com")
COMPANY, OTHER = domain_group("a.example"), domain_group("b.example")


def usual(*past: Sequence[PastCount], policy: IncidentPolicy = INCIDENTS) -> Usual:
    return usual_of(past, Operators(), policy)


def close(attempted: float, hard: float) -> object:
    return pytest.approx((attempted, hard))


def figures(history: Weighted) -> tuple[float, float]:
    return history.attempted, history.hard


class TestHistory:
    def test_the_last_campaign_counts_whole_and_each_earlier_one_a_tenth_less(self) -> None:
        found = usual([PastCount(GOOGLE, 100, 1)], [PastCount(GOOGLE, 200, 4)], [PastCount(GOOGLE, 300, 2)])
        assert figures(found.groups[GOOGLE]) == close(0.81 * 100 + 0.9 * 200 + 300, 0.81 * 1 + 0.9 * 4 + 2)
        assert figures(found.account) == figures(found.groups[GOOGLE])

    def test_a_campaign_without_a_group_makes_its_history_older(self) -> None:
        found = usual([PastCount(GOOGLE, 100, 10)], [PastCount(APPLE, 50, 0)], [])
        assert figures(found.groups[GOOGLE]) == close(81, 8.1)
        assert figures(found.groups[APPLE]) == close(45, 0)
        assert figures(found.account) == close(0.81 * 100 + 0.9 * 50, 8.1)

    def test_a_contact_counts_once_for_the_account_although_it_is_in_two_groups(self) -> None:
        found = usual(
            [PastCount(GOOGLE, 100, 2), PastCount(GMAIL, 80, 1), PastCount(POOL, 10, 1), PastCount(COMPANY, 5, 1)]
        )
        assert figures(found.account) == (110, 3)
        assert figures(found.groups[GMAIL]) == (80, 1)

    def test_a_flagged_operator_is_left_out_with_all_of_its_domains(self) -> None:
        found = usual(
            [PastCount(GOOGLE, 100, 60, is_flagged=True), PastCount(GMAIL, 80, 40), PastCount(APPLE, 50, 1)],
        )
        assert set(found.groups) == {APPLE}
        assert figures(found.account) == (50, 1)

    def test_a_flagged_pool_and_a_flagged_operator_take_nothing_from_each_other(self) -> None:
        pool, google = PastCount(POOL, 60, 2), PastCount(GOOGLE, 50, 1)
        assert set(usual([replace(pool, is_flagged=True), google]).groups) == {GOOGLE}
        assert figures(usual([pool, replace(google, is_flagged=True)]).groups[POOL]) == (60, 2)

    def test_a_flagged_domain_is_left_out_of_its_operator_or_pool_too(self) -> None:
        found = usual(
            [
                PastCount(POOL, 60, 12),
                PastCount(COMPANY, 10, 10, is_flagged=True),
                PastCount(OTHER, 5, 1),
                PastCount(GOOGLE, 100, 2),
            ],
        )
        assert figures(found.groups[POOL]) == (50, 2)
        assert figures(found.groups[OTHER]) == (5, 1)
        assert COMPANY not in found.groups
        assert figures(found.account) == (150, 4)

    def test_two_flagged_domains_are_both_taken_out(self) -> None:
        flagged = [PastCount(one, 10, 9, is_flagged=True) for one in (COMPANY, OTHER)]
        assert figures(usual([PastCount(POOL, 60, 20), *flagged]).groups[POOL]) == (40, 2)

    def test_a_domain_that_came_to_an_operator_since_leaves_it_no_fewer_than_nobody(self) -> None:
        known = Operators({"a.example": "aspmx.l.google.com"})
        for attempted, hard, left in ((100, 1, (90, 0)), (6, 3, (0, 0)), (12, 11, (2, 1))):
            flagged = PastCount(COMPANY, 10, 10, is_flagged=True)
            found = usual_of([[PastCount(GOOGLE, attempted, hard), flagged]], known, INCIDENTS)
            assert figures(found.groups[GOOGLE]) == left

    def test_an_earlier_history_stays_while_its_group_is_flagged_and_only_fades(self) -> None:
        found = usual([PastCount(GOOGLE, 100, 2)], [PastCount(GOOGLE, 100, 50, is_flagged=True)])
        assert figures(found.groups[GOOGLE]) == close(90, 1.8)


class TestRates:
    def test_without_any_history_they_are_what_is_assumed(self) -> None:
        assert Usual().account_rate(INCIDENTS) == INCIDENTS.starting_rate == 0.005
        assert Usual().rate(GOOGLE, INCIDENTS) == pytest.approx(0.005)

    def test_the_own_history_of_an_account_soon_outweighs_what_is_assumed(self) -> None:
        account = Usual(account=Weighted(9000, 18))
        assert account.account_rate(INCIDENTS) == pytest.approx((18 + 5) / 10_000)

    def test_a_group_is_expected_to_do_as_it_did_and_a_new_one_as_the_account(self) -> None:
        known = Usual(account=Weighted(9000, 25), groups={GOOGLE: Weighted(1500, 16.5)})
        rate = known.account_rate(INCIDENTS)
        assert rate == pytest.approx(0.003)
        assert known.rate(APPLE, INCIDENTS) == pytest.approx(0.003)
        assert known.rate(GOOGLE, INCIDENTS) == pytest.approx((16.5 + 500 * 0.003) / 2000)

    def test_a_rate_is_never_none_or_all_of_the_contacts(self) -> None:
        calm = Usual(Weighted(1e6, 0), {GOOGLE: Weighted(1e6, 0)})
        assert 0 < calm.rate(GOOGLE, INCIDENTS) < 1e-5
        worst = Usual(Weighted(100, 100), {GOOGLE: Weighted(100, 100)})
        assert 0.1 < worst.rate(GOOGLE, INCIDENTS) < 1


def campaigns(number: int, overdispersion: float, seed: int = 7, contacts: int = 4000) -> list[list[PastCount]]:
    """Campaigns whose operators have rates about 0.5 %, that differ so much."""
    random = np.random.default_rng(seed)
    size = (1 - overdispersion) / overdispersion
    operators = [Group(GroupKind.OPERATOR, name) for name in ("Google", "Apple", "Yahoo", "Free", "Orange")]
    return [
        [
            PastCount(one, contacts, int(random.binomial(contacts, random.beta(0.005 * size, 0.995 * size))))
            for one in operators
        ]
        for _ in range(number)
    ]


class TestOverdispersion:
    def test_of_fewer_than_ten_campaigns_nothing_is_estimated(self) -> None:
        assert Usual().overdispersion == INCIDENTS.overdispersion == 0.002
        assert usual().overdispersion == 0.002
        assert usual(*campaigns(9, 0.02)).overdispersion == 0.002
        assert usual(*campaigns(10, 0.02)).overdispersion != 0.002

    @pytest.mark.parametrize("true", [0.001, 0.002, 0.005])
    def test_many_campaigns_of_a_large_account_show_the_true_one(self, true: float) -> None:
        assert usual(*campaigns(200, true)).overdispersion == pytest.approx(true, rel=0.35)

    def test_campaigns_that_differ_less_than_by_chance_end_at_the_least_one(self) -> None:
        same = [[PastCount(GOOGLE, 10_000, 50)]] * 40
        assert usual(*same).overdispersion == INCIDENTS.overdispersion_least == 0.0005

    def test_a_small_account_shows_little_and_stays_near_what_is_assumed(self) -> None:
        wild = [[PastCount(GOOGLE, 20, 3 if number == 5 else 0)] for number in range(12)]
        assert usual(*wild).overdispersion == pytest.approx(0.002, rel=0.2)
        tiny = [[PastCount(GOOGLE, 2, 1)]] * 12
        assert usual(*tiny).overdispersion == pytest.approx(0.002)

    def test_an_estimate_with_the_same_error_counts_half(self) -> None:
        past = campaigns(30, 0.01)
        sure, unsure = (
            usual(*past, policy=replace(INCIDENTS, overdispersion_error=error)).overdispersion for error in (0.5, 1e-6)
        )
        assert unsure == pytest.approx(0.002, abs=1e-5)
        assert unsure < usual(*past).overdispersion < sure

    def test_it_is_the_weighted_mean_of_what_each_operator_and_campaign_shows(self) -> None:
        counts = [
            (400, 3),
            (3, 0),
            (90, 4),
            (1000, 2),
            (250, 0),
            (2, 1),
            (700, 9),
            (60, 0),
            (500, 1),
            (120, 2),
            (800, 6),
        ]
        past = [[PastCount(GOOGLE, attempted, hard)] for attempted, hard in counts]
        shown = [(0.002, 1e6)]
        for number, (attempted, hard) in enumerate(counts):
            if attempted < 3:
                continue
            rate = usual(*past[:number]).rate(GOOGLE, INCIDENTS)
            variance = attempted * rate * (1 - rate)
            error = 2 * (1 + (attempted - 1) * 0.002) ** 2 + 1 / variance
            value = ((hard - attempted * rate) ** 2 / variance - 1) / (attempted - 1)
            shown.append((value, (attempted - 1) ** 2 / error))
        mean = sum(value * weight for value, weight in shown) / sum(weight for _, weight in shown)
        assert usual(*past).overdispersion == pytest.approx(mean, rel=1e-9)
        assert abs(mean - 0.002) > 1e-5

    def test_domains_add_nothing_to_their_operators(self) -> None:
        past = campaigns(20, 0.004)
        with_domains = [[*one, PastCount(GMAIL, 1000, 300)] for one in past]
        assert usual(*with_domains).overdispersion == usual(*past).overdispersion

    def test_it_has_an_end(self) -> None:
        absurd = [[PastCount(GOOGLE, 10_000, 10_000 if number % 2 else 0)] for number in range(30)]
        assert usual(*absurd).overdispersion == 0.5


@pytest.mark.parametrize(
    "figures",
    [
        {"decay": 1.0},
        {"decay": 0.0},
        {"false_share": 1.5},
        {"starting_rate": 0.0},
        {"overdispersion_error": 0.0},
        {"operator_itself": 1.0},
        {"overdispersion": 0.0001},
        {"overdispersion_least": 0.0},
        {"prior_contacts": 0},
        {"overdispersion_campaigns": 0},
        {"least_attempted": 0},
        {"least_hard": 0},
        {"starting_contacts": 0},
    ],
)
def test_figures_that_make_no_sense_are_refused(figures: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"between|at least 1|below"):
        replace(INCIDENTS, **figures)  # type: ignore[arg-type]


def test_figures_at_their_limits_are_taken() -> None:
    edge = replace(INCIDENTS, overdispersion=0.0005, prior_contacts=1, overdispersion_campaigns=1, starting_contacts=1)
    assert replace(edge, least_attempted=1, least_hard=1).overdispersion == edge.overdispersion_least
