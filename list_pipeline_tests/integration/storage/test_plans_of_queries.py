"""No statement compares each row with each, whatever PostgreSQL's statistics say: they are of before a campaign's rows came."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from list_pipeline.core.plans.journal import StepState
from list_pipeline.storage import incidents
from list_pipeline.storage.database import execute
from list_pipeline.storage.plans import outcomes

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CONTACTS = 3_000
FAILED = 1_000
BEFORE = json.dumps({"places": [], "is_excluded": False})


def compared(connection: Connection, ask: Callable[[], object]) -> int:
    """Pairs of rows that the statements of a question looked at and that did not belong together: the most of one step."""
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Mapping[str, Any], *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask()
    event.remove(connection, "before_cursor_execute", note)
    assert asked
    return max(_removed(_plan_of(connection, *one)) for one in asked)


def _plan_of(connection: Connection, statement: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    plans = connection.exec_driver_sql(f"explain (analyze, format json) {statement}", dict(parameters)).scalar_one()
    return plans[0]["Plan"]  # type: ignore[no-any-return]


def _removed(plan: Mapping[str, Any]) -> int:
    own = plan.get("Rows Removed by Join Filter", 0) + plan.get("Rows Removed by Filter", 0)
    parts: Sequence[Mapping[str, Any]] = plan.get("Plans", ())
    return max([int(own * plan["Actual Loops"]), *(_removed(part) for part in parts)])


def campaigns(connection: Connection, count: int) -> None:
    """Campaigns to everybody, a day between them; of all but the last the failures were read."""
    execute(
        connection,
        """
        insert into contact_list_membership (contact_id, email, queued_at, last_updated)
        select c, 'c' || c || '@company-' || c % 40 || '.example', :now, :now from generate_series(1, :contacts) c
        """,
        now=NOW,
        contacts=CONTACTS,
    )
    for number in range(1, count + 1):
        execute(
            connection,
            """
            insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                   list_name, list_id, send_start_at, send_end_at, status, mailjet_campaign_id, created_at, updated_at)
            values (:key, 'name', 1, :day, '09:00', 'list', 1, :at, :at, 'COMPLETED', :number, :at, :at)
            """,
            key=f"campaign-{number}",
            day=NOW.date(),
            at=NOW - timedelta(days=count - number + 2),
            number=number,
        )
    for number in range(1, count):
        read(connection, number)


def read(connection: Connection, number: int) -> None:
    """Who a campaign was sent to, and whom it did not reach."""
    execute(
        connection,
        "insert into campaign_recipient (campaign_id, contact_id) select :number, c from generate_series(1, :contacts) c",
        number=number,
        contacts=CONTACTS,
    )
    execute(
        connection,
        """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
           values (:number, '24h', :now, true, 0)""",
        number=number,
        now=NOW,
    )
    execute(
        connection,
        """
        insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, is_disputed, state_id,
               in_bounce_log, in_message_log, is_contradictory)
        select :number, '24h', c * (:contacts / :failed), :now, 'hard', 'user_unknown', false, 1, true, true, false
        from generate_series(1, :failed) c
        """,
        number=number,
        now=NOW - timedelta(days=1),
        contacts=CONTACTS,
        failed=FAILED,
    )


def analyse(connection: Connection) -> None:
    connection.exec_driver_sql("analyze")


@pytest.mark.parametrize("ask", [incidents.established_by_domain, incidents.new_contacts])
@pytest.mark.parametrize("past", [1, 4])
def test_counting_who_is_established(connection: Connection, ask: Callable[..., object], past: int) -> None:
    campaigns(connection, past)
    analyse(connection)
    read(connection, past)
    assert compared(connection, lambda: ask(connection, past, "24h", NOW)) <= 3 * CONTACTS


def plan(connection: Connection, number: int, kind: str, state: StepState = StepState.CONFIRMED) -> None:
    """A plan of as many contacts as failed, all of whose steps are in a state."""
    values = {"number": number, "now": NOW, "failed": FAILED, "kind": kind, "before": BEFORE, "state": state}
    for statement in (
        """insert into plan (campaign_id, kind, sweep, content_hash, policy_version, status, created_at, decided_at, decided_by)
           values (1, :kind, '24h', repeat('a', 64), 'v', 'executed', :now, :now, 'policy')""",
        """insert into plan_item (plan_id, contact_id, action, to_role, reason, rule)
           select :number, c, 'suppress', 'suppression', 'hard_bounce', 'permanent_hard' from generate_series(1, :failed) c""",
        """insert into change (plan_id, contact_id, kind, before, created_at)
           select :number, c, 'suppress', :before, :now from generate_series(1, :failed) c""",
        """insert into change_step (change_id, ordinal, action, list_role, state, changed_at)
           select change_id, o, case o when 1 then 'add' else 'remove' end,
                  case o when 1 then 'suppression' else 'campaign_1' end, :state, :now
           from change, generate_series(1, 2) o where plan_id = :number""",
    ):
        execute(connection, statement, **{name: value for name, value in values.items() if f":{name}" in statement})


@pytest.mark.parametrize(
    "ask",
    [
        outcomes.outcomes,
        lambda connection, number: outcomes.outcomes_by(connection, number, "reason"),
        outcomes.done_changes,
    ],
    ids=["outcomes", "outcomes_by", "done_changes"],
)
@pytest.mark.parametrize("seen", ["before it was made", "before it was carried out"])
def test_what_became_of_a_plan(connection: Connection, ask: Callable[[Connection, int], object], seen: str) -> None:
    campaigns(connection, 1)
    plan(connection, 1, "suppression")
    if seen == "before it was made":
        analyse(connection)
    plan(connection, 2, "rebalancing", StepState.PLANNED)
    if seen == "before it was carried out":
        analyse(connection)
    execute(connection, "update change_step set state = 'confirmed' where state = 'planned'")
    assert compared(connection, lambda: ask(connection, 2)) <= 10 * FAILED
