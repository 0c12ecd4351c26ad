"""How often the incident test is wrong in simulated accounts: false holds, missed outages, good contacts suppressed.

The seeds are fixed, so each figure is what it was until something changes the test. More: ``python -m bench incidents``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest

from list_pipeline.core.incidents.groups import domain_group
from list_pipeline.core.incidents.strata import flagged_groups
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline_tests.incident_measures import (
    Account,
    Struck,
    Where,
    is_suppressed,
    outages,
    quiet_together,
    strike,
)
from list_pipeline_tests.incident_worlds import IMPORT_EVERY

SMALL, LARGE = 1000, 10_000


@cache
def struck(contacts: int, percent: int, where: Where = Where.OPERATOR) -> Sequence[Struck]:
    return outages(contacts, percent / 100, 80 if contacts == SMALL else 30, seed=1, where=where)


def missed(contacts: int, percent: int, where: Where = Where.OPERATOR) -> float:
    """Of the outages, in percent."""
    found = struck(contacts, percent, where)
    return 100 * sum(one.is_missed for one in found) / len(found)


def lost(contacts: int, percent: int) -> float:
    """Good contacts suppressed in a campaign with an outage, on average."""
    found = struck(contacts, percent)
    return sum(one.lost for one in found) / len(found)


@pytest.mark.parametrize(("contacts", "campaigns"), [(SMALL, 200), (LARGE, 50)])
def test_at_most_two_percent_of_quiet_campaigns_have_a_false_hold(contacts: int, campaigns: int) -> None:
    found = quiet_together(contacts, campaigns, seed=1)
    assert found.campaigns == campaigns
    assert 100 * found.false_holds <= 2 * campaigns
    assert 100 * found.wrongly_held <= 2 * found.bouncers


@pytest.mark.long
@pytest.mark.parametrize(("contacts", "campaigns"), [(SMALL, 1600), (3000, 800), (LARGE, 400)])
def test_nor_have_more_of_many_quiet_campaigns(contacts: int, campaigns: int) -> None:
    found = quiet_together(contacts, campaigns, seed=101)
    assert 100 * found.false_holds <= 2 * campaigns
    assert 100 * found.wrongly_held <= found.bouncers


def test_an_outage_of_a_fifth_is_hardly_ever_missed() -> None:
    assert missed(SMALL, 20) <= 2.5
    assert missed(LARGE, 20) == 0


def test_a_smaller_outage_is_missed_more_often_and_a_larger_account_misses_less() -> None:
    small, large = ([missed(contacts, percent) for percent in (3, 5, 20)] for contacts in (SMALL, LARGE))
    assert small == sorted(small, reverse=True)
    assert large == sorted(large, reverse=True)
    assert all(one <= other for one, other in zip(large, small, strict=True))
    assert small[0] <= 60
    assert small[1] <= 35
    assert large[0] <= 20
    assert large[1] <= 5


@pytest.mark.parametrize("where", [Where.HOSTED, Where.POOLED])
def test_an_outage_at_a_host_of_companies_is_seen_also_where_nobody_knows_the_host(where: Where) -> None:
    assert missed(SMALL, 20, where) <= 15
    assert missed(LARGE, 20, where) == 0


def test_with_both_parts_an_outage_of_a_tenth_or_more_costs_nearly_no_good_contact() -> None:
    assert max(lost(LARGE, percent) for percent in (10, 20)) == 0
    assert max(lost(SMALL, percent) for percent in (10, 20)) <= 0.05


def test_with_both_parts_a_small_outage_costs_a_few_new_contacts() -> None:
    assert max(lost(SMALL, percent) for percent in (1, 3, 5)) <= 0.5
    assert max(lost(LARGE, percent) for percent in (1, 3)) <= 1.7
    assert lost(LARGE, 5) <= 0.1


def test_neither_part_does_it_alone() -> None:
    small = struck(LARGE, 1)
    both, without_grace, neither = (
        sum(getattr(one, name) for one in small) for name in ("lost", "lost_without_grace", "lost_without_both")
    )
    assert 10 * both < without_grace <= neither
    large = struck(LARGE, 20)
    assert sum(one.lost_without_both for one in large) > 300 * len(large)
    assert sum(one.lost_without_grace for one in large) == 0


def test_grace_is_for_who_was_reached_before() -> None:
    assert [is_suppressed(is_established, SuppressionPolicy()) for is_established in (True, False)] == [False, True]


def test_a_dirty_import_is_no_incident() -> None:
    account = Account.of(seed=5, contacts=LARGE)
    # The next campaign but some carries an import: a fifth more contacts, a quarter of them dead.
    sent = next(one for one in (account.world.send() for _ in range(IMPORT_EVERY)) if sum(one.new) > 0.15 * LARGE)
    assert sum(sent.hard_new) > 0.02 * LARGE
    assert flagged_groups(account.test(sent)) == frozenset()


def test_a_company_that_closes_holds_only_itself() -> None:
    account = Account.of(seed=6, contacts=LARGE)
    sent = next(one for one in (account.world.send() for _ in range(200)) if died(account, one.dead))
    flagged = flagged_groups(account.test(sent))
    large = {domain_group(name) for name in died(account, sent.dead)}
    assert flagged == large


def died(account: Account, dead: frozenset[str]) -> list[str]:
    """Of the domains that died with a campaign, those large enough to be seen."""
    sizes = dict(zip(account.world.domains, account.world.sizes, strict=True))
    return [name for name in dead if sizes[name] >= 5]


def test_what_an_account_forgets_is_no_part_of_its_history() -> None:
    account = Account.of(seed=7, contacts=SMALL)
    before = account.usual()
    strike(account, 0.2, account.world.an_operators_domains())
    assert account.usual() == before
