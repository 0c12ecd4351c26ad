"""What grows with history: an account that stays as it is, behind which a quarter or ten quarters lie.

The account has 3,000 contacts in three lists. Behind it lie 39 or 390 campaigns, three a week, to a tenth of the
contacts each, with failures in two readings, plans, ledger and states, written straight into the tables, a year in each
partition as the product makes them. Then the product does what its clocks do: each hour, each five minutes, each day, each
week, and a maintenance.
Counted are CPU seconds of this process and of PostgreSQL, the least of three runs where it can be repeated, and statements. The
exponent says how a figure grows from the shortest to the longest history: 0 is flat, 1 is linear. What takes less than 20 ms is
taken for 20 ms: less cannot be told apart.

Nothing is summarised before the last step, which does it to all of that history: what is measured is what an installation would
have to bear that keeps history for good, and the cost of the summary is linear in the rows it looks at.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Engine, event, text

from bench.account import ANCHOR, Account, account, quiet
from bench.figures import Figure, Unit, exponent
from bench.meter import PostgresMeter, metered, peak_mb
from list_pipeline.operations import setup
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.monitoring.decision_review import review_day
from list_pipeline.operations.retention.old_records import remove_old_records
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.storage import history
from list_pipeline.storage.history import Span

PART = "growth"
CONTACTS = 3_000
FACTORS = (1, 10)
CAMPAIGNS = 39
"""Of a quarter; three a week."""
FLAT, LINEAR = 0.1, 1.1
_LEAST_S = 0.02


@dataclass
class _Counted:
    """CPU seconds and statements of each thing that was done."""

    cpu_s: dict[str, float] = field(default_factory=dict)
    statements: dict[str, int] = field(default_factory=dict)
    mailings: int = 0


def measure(server_url: str, scale: float = 1.0) -> list[Figure]:
    """Everything that the clocks start, with each history.

    Args:
        scale: times the length of the histories.
    """
    postgres = PostgresMeter(server_url)
    found = {factor: _with_history(server_url, postgres, max(int(CAMPAIGNS * factor * scale), 3)) for factor in FACTORS}
    first, last = found[FACTORS[0]], found[FACTORS[-1]]
    factor = last.mailings / first.mailings
    method = "least CPU seconds of product and PostgreSQL, from the shortest history to the longest"
    figures = []
    for name, goal in GOALS.items():
        grown = exponent(max(last.cpu_s[name], _LEAST_S), max(first.cpu_s[name], _LEAST_S), factor)
        words = " / ".join(f"{found[one].cpu_s[name]:.2f}" for one in FACTORS)
        figures.append(Figure(PART, f"{name}, {words} s", grown, Unit.EXPONENT, method, goal=goal))
        figures.append(
            Figure(
                PART,
                f"statements of {name}",
                last.statements[name],
                Unit.STATEMENTS,
                "statements with the longest history",
                reference=first.statements[name],
                against="the shortest",
            )
        )
    figures.append(Figure(PART, "memory with the longest history", peak_mb(), Unit.MEGABYTES, "peak so far", goal=512))
    return figures


HOURLY, DISCOVERY, DUE = "hourly sync, nothing new", "discovery, nothing new", "what is due"
DAILY, REVIEW, WEEKLY, MAINTENANCE = "daily clean-up", "daily review", "weekly check", "maintenance of a small campaign"
SUMMARY = "summary of all but the last quarter"
GOALS = {
    HOURLY: FLAT,
    DISCOVERY: FLAT,
    DUE: FLAT,
    DAILY: FLAT,
    REVIEW: LINEAR,
    WEEKLY: FLAT,
    MAINTENANCE: FLAT,
    SUMMARY: LINEAR,
}


def _with_history(server_url: str, postgres: PostgresMeter, campaigns: int) -> _Counted:
    counted = _Counted()
    seed = {"last_send_failures": "constant", "balance": "even"}
    with account(CONTACTS, server_url, seed=seed, history_kept_months=0) as made:
        services = made.services
        setup.prepare(services)
        _write_campaigns(services, campaigns)
        synchronise(services, progress=quiet)
        confirm_lists(services, by="bench")
        counted.mailings = _write_mailings(services)
        print(f"growth: {campaigns:,} campaigns, {counted.mailings:,} mailings", file=sys.stderr, flush=True)
        (one,) = due(services)

        def note(name: str, work: Callable[[], object], runs: int = 3) -> None:
            costs, statements = [], 0
            for _ in range(runs):
                with _watched() as seen, metered(postgres) as cost:
                    work()
                costs.append(cost.cpu_s)
                statements = len(seen)
            counted.cpu_s[name], counted.statements[name] = min(costs), statements
            print(f"growth:   {name}: {min(costs):.2f} CPU s, {statements} statements", file=sys.stderr, flush=True)

        note(HOURLY, lambda: synchronise(services, progress=quiet))
        note(DISCOVERY, lambda: discover(services))
        note(DUE, lambda: due(services))
        note(DAILY, lambda: remove_old_records(services))
        note(MAINTENANCE, lambda: workflow.maintain(services, one.campaign_key, run_id="bench", progress=quiet), 1)
        made.clock.advance(timedelta(days=1))
        note(REVIEW, lambda: review_day(services, ANCHOR.date()))
        made.clock.set(ANCHOR + timedelta(days=(7 - ANCHOR.weekday()) % 7, hours=2))
        note(WEEKLY, lambda: check_week(services, progress=quiet), 1)
        note(SUMMARY, lambda: _summarise(made), 1)
    return counted


@contextmanager
def _watched() -> Iterator[list[str]]:
    """The statements that SQLAlchemy runs meanwhile."""
    seen: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def _summarise(made: Account) -> None:
    with made.services.database.begin() as connection:
        newest = history.spans(connection)[-1] if history.spans(connection) else None
        if newest is None:
            newest = Span(None, int(connection.execute(text(_END)).scalar_one()))
            history.close_span(connection, newest)
        if newest is not None:
            history.summarise(connection, newest.end, made.clock.now())


def _write_campaigns(services: Services, campaigns: int) -> None:
    """Campaigns long before those of the account, numbered below them, in closed cycles of three."""
    with services.database.begin() as connection:
        connection.execute(text(_CAMPAIGNS), {"campaigns": campaigns, "until": ANCHOR - timedelta(days=400)})
        connection.execute(
            text("select setval(pg_get_serial_sequence('campaign_schedule', 'id'), :next)"), {"next": campaigns + 1}
        )


def _write_mailings(services: Services) -> int:
    """Who was mailed by these campaigns and what failed, and close the years as the product would have done."""
    with services.database.begin() as connection:
        for statement in _MAILINGS:
            connection.execute(text(statement))
    while True:
        with services.database.begin() as connection:
            now = services.clock.now()
            span = history.span_to_close(connection, now - timedelta(days=365), now - timedelta(days=548))
            if span is None:
                break
            history.close_span(connection, span)
    with services.database.session() as session:
        session.execute(text("vacuum analyze"))
    with services.database.begin() as connection:
        return int(connection.execute(text("select count(*) from campaign_recipient")).scalar_one())


_END = "select max(id) + 1 from campaign_schedule where mailjet_campaign_id between 1000000 and 1999999"
_CAMPAIGNS = """
    with cycles as (
        insert into cycle (number, opened_at, closed_at, closed_reason)
        select n, cast(:until as timestamptz) - (:campaigns - 3 * n + 2) * interval '56 hours',
               cast(:until as timestamptz) - (:campaigns - 3 * n) * interval '56 hours' + interval '1 hour', 'complete'
        from generate_series(1, :campaigns / 3) n returning cycle_id, number)
    insert into campaign_schedule (id, campaign_key, campaign_name, round_number, scheduled_date, scheduled_time, list_name,
           list_id, mailjet_campaign_id, status, send_start_at, send_end_at, recipients_source, recipients_known_at,
           recipients_proven_at, recipient_count, created_at, updated_at, cycle_id)
    overriding system value
    select n, 'past-' || n, 'Past ' || n, 1 + (n - 1) % 3, at::date, at::time, 'list', 10503497 + (n - 1) % 3, 1000000 + n,
           'COMPLETED', at, at + interval '1 hour', 'messages', at, at, 300, at, at, cycle_id
    from generate_series(1, :campaigns) n left join cycles c on c.number = (n + 2) / 3
    cross join lateral (select cast(:until as timestamptz) - (:campaigns - n) * interval '56 hours' as at) t
"""
_MAILINGS = (
    # A tenth of the list gets each.
    """insert into campaign_recipient
       select s.id, m.contact_id from campaign_schedule s join (
           select contact_id, row_number() over (order by contact_id) as place from contact_list_membership) m
       on m.place % 10 = s.id % 10 where s.mailjet_campaign_id between 1000000 and 1999999""",
    """insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)
       select s.id, sweep, s.send_end_at + days * interval '1 day', true, 6
       from campaign_schedule s cross join (values ('24h', 1), ('72h', 3)) f (sweep, days)
       where s.mailjet_campaign_id between 1000000 and 1999999""",
    """insert into bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason, decided_by, state_id,
           is_permanent, message_status, in_bounce_log, in_message_log)
       select r.campaign_id, f.sweep, r.contact_id, f.fetched_at, 'soft', 'mailbox_full', 'state', 3, false, 'softbounced',
              true, true
       from campaign_recipient r join bounce_fetch f using (campaign_id) join campaign_schedule s on s.id = r.campaign_id
       where s.mailjet_campaign_id between 1000000 and 1999999 and (r.contact_id * 7919 + r.campaign_id * 104729) % 50 = 0""",
    """insert into list_maintenance_log (campaign_schedule_id, maintenance_type, sweep, status, executed_at, touched_at,
           finished_at, execution_time_ms, ai_assessments, before_state, after_state)
       select id, 'post_campaign', '24h', 'success', send_end_at + interval '1 day', send_end_at + interval '1 day',
              send_end_at + interval '1 day', 1, '{}', '{}', '{}'
       from campaign_schedule where mailjet_campaign_id between 1000000 and 1999999""",
    """insert into list_state_history (list_role, machine, from_state, to_state, event, event_key, campaign_id, sweep, at,
           noted_at)
       select l.list_role, l.machine, l.state, l.state, 'monitored', 'past:' || s.id, s.id, '24h', s.send_end_at, s.send_end_at
       from campaign_schedule s join list_state l on l.list_role = 'campaign_' || s.round_number
       where s.mailjet_campaign_id between 1000000 and 1999999
         and l.machine = (select min(machine) from list_state)""",
    """insert into plan (campaign_id, kind, sweep, content_hash, policy_version, status, created_at, executed_at)
       select id, 'suppression', '24h', md5(id::text) || md5(id::text), 'v', 'executed', send_end_at + interval '1 day',
              send_end_at + interval '1 day'
       from campaign_schedule where mailjet_campaign_id between 1000000 and 1999999""",
    """insert into plan_item (plan_id, contact_id, action, reason, bounce_class, rule)
       select p.plan_id, e.contact_id, 'keep', 'soft', e.bounce_class, 'soft_too_few' from plan p
       join bounce_event e on e.campaign_id = p.campaign_id and e.sweep = '24h'
       join campaign_schedule s on s.id = p.campaign_id and s.mailjet_campaign_id between 1000000 and 1999999""",
)
