"""What was left half done, above all a contact that was added to one list and not yet taken off another, is finished first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.plans import corrections, single_contacts, waiting_repairs
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline_tests.integration.accounts import Installation, Killed, quietly
from list_pipeline_tests.integration.plans.test_concurrent_edits import mover


def _dies_before_removing(words: str) -> None:
    if "remove" in words:
        raise Killed


def left_half_done(made: Installation) -> int:
    """A rebalancing that died when its contacts were on two lists; one of them."""
    run = made.decide_rebalancing()
    contact, _, _ = mover(made)
    with pytest.raises(Killed):
        rebalancing.execute_rebalancing(made.services, run, _dies_before_removing)
    assert len(made.places(contact) & set(CAMPAIGN_LISTS)) == 2
    return contact


def test_whoever_changes_something_next_finishes_first_what_was_left_half_done(small: Installation) -> None:
    contact = left_half_done(small)
    again = small.another()
    told: list[str] = []
    other = small.account.people[47]
    single_contacts.suppress(again, other, by="Ada", note="asked us to", progress=told.append)
    assert "finishing" in told[0]
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1
    small.assert_suppressed({other})


def test_an_undo_of_another_maintenance_finishes_first_what_was_left_half_done(small: Installation) -> None:
    ((earlier,),) = small.query(
        "select campaign_key from campaign_schedule order by send_start_at desc limit 1 offset 1"
    )
    workflow.maintain(small.services, earlier, run_id="earlier", progress=quietly)
    contact = left_half_done(small)
    undo_maintenance(small.another(), earlier, by="Ada", progress=quietly)
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1


def test_what_nobody_works_on_is_finished_by_the_sensor_after_an_hour(small: Installation) -> None:
    contact = left_half_done(small)
    plan_id = small.plan(PlanKind.REBALANCING).plan_id
    assert waiting_repairs.to_carry_out(small.services) == []
    small.clock.sleep(timedelta(hours=1, minutes=1).total_seconds())
    assert [one.plan_id for one in waiting_repairs.to_carry_out(small.services)] == [plan_id]
    corrections.carry_out_correction(small.another(), plan_id, quietly)
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1
    assert waiting_repairs.to_carry_out(small.services) == []
