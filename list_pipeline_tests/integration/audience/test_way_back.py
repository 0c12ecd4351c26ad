"""An earlier version gets its schema back although audiences were divided: what was done stands as done by a person."""

from __future__ import annotations

from list_pipeline.operations.reviews.decisions import reject
from list_pipeline.storage import migrations
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.audience.audiences import let_through, plan, sign_up


def test_the_migration_is_taken_back_with_plans_of_every_kind_and_made_again(small: Installation) -> None:
    done = plan(small)
    let_through(small, done)
    sign_up(small, 4)
    rejected = plan(small)
    reject(small.services, rejected.plan_id, by="bob", note="not now")
    waiting = plan(small)
    taken_back: list[str] = []
    while not any(name.startswith("0089") for name in taken_back):
        taken_back += migrations.rollback(small.services.database)
    kept = small.query("select plan_id, kind, summary ->> 'what' from plan order by plan_id")
    assert kept == [
        (done.plan_id, "manual", "New audience divided over the lists"),
        (rejected.plan_id, "manual", "New audience divided over the lists"),
    ]
    assert small.query("select 1 from review_item where plan_id = :plan", plan=waiting.plan_id) == []
    migrations.migrate(small.services.database)
    assert small.query("select 1 from audience_batch") == []
