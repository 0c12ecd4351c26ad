"""Twenty thousand newcomers are counted and planned by sets: no statement is repeated for a contact."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from sqlalchemy import event

from list_pipeline.operations.audience.splitting import Wanted, audience_now, propose, split
from list_pipeline_tests.integration.accounts import Installation

MANY = 20_000


def test_a_large_audience_is_planned_in_few_statements(
    small: Installation, record_property: Callable[[str, object], None]
) -> None:
    small.query(
        """
        with new as (
            insert into contact_list_membership (contact_id, email, in_master_list, queued_at, is_unsubscribed, last_updated)
            select 10000000 + n, 'new-' || n || '@example.org', true, now() - n * interval '1 second', n % 10 = 0, now()
            from generate_series(1, :many) n returning contact_id)
        select count(*) from new
        """,
        many=MANY,
    )
    seen: list[str] = []
    engine = small.services.database._engine
    event.listen(engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    began = perf_counter()
    assert audience_now(small.services).contacts == MANY * 9 // 10 + 2
    counted = perf_counter()
    proposal = propose(small.services)
    proposed = perf_counter()
    made = split(small.services, Wanted(), by="ada", note="an import")
    planned = perf_counter()
    record_property("seconds", (counted - began, proposed - counted, planned - proposed))
    assert len(seen) < 200
    assert len(proposal.items) == MANY * 9 // 10 + 2
    assert small.query("select count(*) from plan_item where plan_id = :plan", plan=made.plan_id) == [
        (MANY * 9 // 10 + 2,)
    ]
    ranges = small.query("select planned from audience_batch where plan_id = :plan order by number", plan=made.plan_id)
    assert [count for (count,) in ranges] == [6001, 6001, 6000]
