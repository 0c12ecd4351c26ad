"""What a job did is told by who is there: while it ran, somebody else changed the same list, and the numbers agree."""

from __future__ import annotations

from typing import Any

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.plans.test_concurrent_edits import at_job, mover, removals

SUPPRESSED = (*HARD, COMPLAINED)
JOB = "contact/managemanycontacts$"
BYSTANDERS = (47, 48)
"""People (by number) on list 3 whom nothing is planned for."""


def test_who_was_left_behind_is_not_hidden_by_others_who_left_the_list(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    # The job takes two of four off, and a person two others: the list is four shorter, as it should be.
    small.control.add_fault("job_half_applied", path=JOB, method="POST", nth=2)
    left = [small.account.people[number] for number in BYSTANDERS]
    at_job(monkeypatch, 2, lambda: [small.take_off(ListRole.CAMPAIGN_3, contact) for contact in left])
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_who_was_not_excluded_is_not_hidden_by_others_who_were(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    small.control.add_fault("job_half_applied", path=JOB, method="POST", nth=1)
    others = [small.account.people[number] for number in BYSTANDERS]
    at_job(monkeypatch, 1, lambda: [small.exclude(contact) for contact in others])
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_a_mover_whose_old_entry_stays_is_not_hidden_by_somebody_else_who_left_that_list(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    contact, home, _ = mover(small)
    assert home is not None
    bystander = min(small.members(home) - {contact})
    small.control.add_fault("job_without_effect", path=JOB, method="POST", nth=removals(small), count=1)
    at_job(monkeypatch, removals(small), lambda: small.take_off(home, bystander))
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1
    assert {step.state for step in small.steps(PlanKind.REBALANCING) if step.contact_id == contact} == {"confirmed"}


def test_a_mover_who_is_taken_off_and_put_back_in_the_same_moment_is_still_seen_on_the_old_list(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    contact, home, _ = mover(small)
    assert home is not None

    def give_a_new_entry() -> None:
        small.take_off(home, contact)
        small.put_on(home, contact)

    small.control.add_fault("job_without_effect", path=JOB, method="POST", nth=removals(small), count=1)
    at_job(monkeypatch, removals(small), give_a_new_entry)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1


def test_a_moved_contact_whom_somebody_exchanged_for_another_is_not_taken_for_being_where_it_was_moved(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    contact, _, new = mover(small)
    assert new is not None
    real = rebalancing.carry_out

    def then_exchanged(*given: Any) -> None:
        real(*given)
        small.take_off(new, contact)
        small.put_on(new, small.account.people[45])

    monkeypatch.setattr(rebalancing, "carry_out", then_exchanged)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    # It is on no list, so the rebalancing did not end well, and is taken back.
    assert small.query("select count(*) from plan where kind = 'rollback'") == [(1,)]
