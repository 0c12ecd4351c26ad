"""A new audience and a maintenance that enrols newcomers: neither takes whom the other has planned, in either order."""

from __future__ import annotations

from list_pipeline.core.audience.audience import NotTaken
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.operations.audience.splitting import Wanted, audience_now, look_first
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.audience.audiences import let_through, on_lists, plan, sign_up


def enrolled_by(made: Installation, plan_id: int) -> set[int]:
    with made.services.database.begin() as connection:
        return {item.contact_id for item in plan_rows.plan_items(connection, plan_id, [ItemAction.ENROL])}


def on_one_list_each(made: Installation, contact_ids: set[int]) -> bool:
    return all(len(places) == 1 for places in on_lists(made, *contact_ids))


def test_a_maintenance_leaves_the_contacts_of_a_waiting_division_to_it(small: Installation) -> None:
    sign_up(small, 5)
    one = plan(small, Wanted(total=3))
    divided = enrolled_by(small, one.plan_id)
    assert len(divided) == 3
    # Its suppressions make list 3 short, so that newcomers are needed.
    small.maintain()
    by_maintenance = enrolled_by(small, small.plan(PlanKind.REBALANCING).plan_id)
    assert by_maintenance
    assert not by_maintenance & divided
    assert on_one_list_each(small, by_maintenance)
    done = let_through(small, one)
    assert done.facts.is_complete
    assert done.facts.done == 3
    assert on_one_list_each(small, by_maintenance | divided)


def test_a_division_leaves_the_newcomers_of_a_waiting_rebalancing_to_it(small: Installation) -> None:
    sign_up(small, 5)
    careful = small.another(list_management_mode="approval_required")
    small.maintain(careful)
    suppression = small.plan(PlanKind.SUPPRESSION)
    approve(careful, suppression.plan_id, by="ada", content_hash=suppression.content_hash)
    small.maintain(careful, run_id="second")
    waiting = small.plan(PlanKind.REBALANCING)
    planned = enrolled_by(small, waiting.plan_id)
    assert planned
    look_first(small.services)
    found = audience_now(small.services)
    assert found.left[NotTaken.PLANNED] == len(planned)
    one = plan(small)
    divided = enrolled_by(small, one.plan_id)
    assert divided
    assert not divided & planned
    assert let_through(small, one).facts.done == len(divided)
    approve(careful, waiting.plan_id, by="ada", content_hash=waiting.content_hash)
    small.maintain(careful, run_id="third")
    assert on_one_list_each(small, planned | divided)


def test_whoever_stands_in_a_rejected_division_is_a_newcomer_again(small: Installation) -> None:
    one = plan(small)
    with small.services.database.begin() as connection:
        assert queue.count_newcomers(connection) == 0
    reject(small.services, one.plan_id, by="bob", note="not now")
    with small.services.database.begin() as connection:
        assert queue.count_newcomers(connection) == 2
