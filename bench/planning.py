"""Planning on years of history and on large lists, held against DuckDB asking the same of the same rows.

What is measured, each in a process of its own so that its memory is known:

- *Suppression*: an account of 300 thousand contacts with three years of campaigns to its three lists in turn, 22 million rows
  of recipients and 10 million of failures; planned is the last campaign, with 15 thousand failures. What is asked of the data
  is the attempts of each failed contact back to its last delivery, in how many campaigns it was, whom of the recipients any
  campaign reached before, by domain, and whether the domains without an answer gave one to anybody.
- *Rebalancing*: a million contacts in master, on three lists that are out of balance and on none. What is asked is the sizes,
  who is new, who was taken off a list, and both ends of the queues that give.

Counted are the CPU seconds of the product and of PostgreSQL together, and of DuckDB with two threads, whose rows are in memory.
Both have the same rows and their answers are compared: where they differ the measurement ends with an error. The whole
operation (``plan_suppression``, and the draft of a rebalancing) is measured after its questions, with everything that it
decides, explains and writes; DuckDB does nothing of that, so that it stands for itself.

What forbids the ratio of rebalancing: 48 thousand contacts on no list and 52 thousand at the ends of queues are each looked up
in up to three indexes, 250 thousand times some 6 microseconds of PostgreSQL, most pages outside of its own memory: 1.5 CPU s.
DuckDB has everybody's rows in its memory and joins all of them, .1 microseconds a row, for 7 million rows .5 CPU s. That grows
with the years that are kept, and is even at some 20 million recipients; the look-ups stay what they are.
"""

from __future__ import annotations

import logging
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

import duckdb
import structlog
from sqlalchemy import Connection

from bench.account import ANCHOR, database, settings_for
from bench.figures import Figure, Unit
from bench.meter import Cost, PostgresMeter, metered, peak_mb
from bench.planning_rows import Members, Past, copy_to, member_rows, past_rows
from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.suppression.unreachable import UNANSWERED
from list_pipeline.operations import setup
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.rebalancing.plan_and_execute import draft_plan
from list_pipeline.operations.runs.run import begin
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import plan_suppression
from list_pipeline.storage import bounces, incidents, migrations
from list_pipeline.storage.database import Database, fetch_scalar
from list_pipeline.storage.membership import members, queue
from list_pipeline_tests.virtual_clock import VirtualClock

PART = "planning"
PAST = Past(contacts=300_000, cycles=78, healthy=97)
MEMBERS = Members(contacts=1_000_000)
RATIO, MEMORY_MB = 1.5, 512.0
FROM_EACH_END = 10_000
"""Contacts that are asked of both ends of a queue, and newcomers that enter."""
_NOWHERE = "http://127.0.0.1:9"
"""Nothing is asked of Mailjet here."""


@dataclass(frozen=True)
class Measured:
    """What a process measured: the questions, the whole operation after them, and the most memory that it held."""

    asked: Cost
    answers: tuple[object, ...]
    whole: Cost
    peak_mb: float
    words: str


def measure(server_url: str, scale: float = 1.0) -> list[Figure]:
    """The figures of planning; ``scale`` multiplies the contacts."""
    past = Past(max(int(PAST.contacts * scale), 3_000), PAST.cycles, PAST.healthy)
    listed = Members(max(int(MEMBERS.contacts * scale), 3_000))
    found = []
    for name, rows, work, ask in (
        ("suppression", lambda: past_rows(past, ANCHOR), _suppression, _ask_duckdb_of_failures),
        ("rebalancing", lambda: member_rows(listed, ANCHOR), _rebalancing, _ask_duckdb_of_lists),
    ):
        found += _measured(server_url, name, rows, work, ask)
    return found


def _measured(
    server_url: str,
    name: str,
    make_rows: Callable[[], duckdb.DuckDBPyConnection],
    work: Callable[[str, str], Measured],
    ask: Callable[[duckdb.DuckDBPyConnection], tuple[object, ...]],
) -> list[Figure]:
    with database(server_url) as database_url, tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        own = Database(database_url)
        migrations.migrate(own)
        own.close()
        rows = make_rows()
        counts = copy_to(rows, database_url, Path(folder))
        most = ", ".join(f"{count:,} {table}" for table, count in counts.items() if count > 1_000)
        _say(f"{name}: rows made in {time.perf_counter() - began:.0f} s: {most}")
        found = _in_a_process(work, server_url, database_url)
        _say(f"{name}: {found.words}")
        reference_s, answers = _duckdb_s(rows, ask)
        rows.close()
    if answers != found.answers:
        raise RuntimeError(f"{name}: DuckDB answers {answers}, the product {found.answers}")
    _say(f"{name}: DuckDB took {reference_s:.2f} CPU s and answers the same")
    sizes = f"{counts.get('bounce_event') or counts['contact_list_membership']:,}"
    of = "failures" if "bounce_event" in counts else "contacts"
    return [
        Figure(
            PART,
            f"{name}, what is asked of {sizes} {of}",
            found.asked.cpu_s,
            Unit.CPU_SECONDS,
            "CPU seconds of the product and PostgreSQL for the questions that planning asks, rows as objects included",
            reference=reference_s,
            against="DuckDB, rows in memory",
            goal=RATIO,
        ),
        Figure(
            PART,
            f"{name}, the whole operation",
            found.whole.cpu_s,
            Unit.CPU_SECONDS,
            "CPU seconds of the product and PostgreSQL, with deciding, explaining and writing the plan",
        ),
        Figure(
            PART,
            f"{name}, peak memory",
            found.peak_mb,
            Unit.MEGABYTES,
            "the most memory that the planning process held",
            goal=MEMORY_MB,
        ),
    ]


def _say(words: str) -> None:
    print(f"planning: {words}", file=sys.stderr, flush=True)


def _duckdb_s(
    rows: duckdb.DuckDBPyConnection, ask: Callable[[duckdb.DuckDBPyConnection], tuple[object, ...]]
) -> tuple[float, tuple[object, ...]]:
    """The CPU seconds of DuckDB, the better of two times, and its answers."""
    seconds = []
    answers: tuple[object, ...] = ()
    for _ in range(2):
        began = time.process_time()
        answers = ask(rows)
        seconds.append(time.process_time() - began)
    return min(seconds), answers


def _in_a_process(work: Callable[[str, str], Measured], server_url: str, database_url: str) -> Measured:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_send, args=(work, server_url, database_url, there))
    process.start()
    there.close()
    try:
        return here.recv()  # type: ignore[no-any-return]
    finally:
        process.join()


def _send(work: Callable[[str, str], Measured], server_url: str, database_url: str, pipe: Pipe) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with pipe:
        pipe.send(work(server_url, database_url))


def _better(postgres: PostgresMeter, ask: Callable[[], tuple[object, ...]]) -> tuple[Cost, tuple[object, ...]]:
    """The cost of the questions, the better of two times as that of DuckDB, and their answers."""
    costs = []
    answers: tuple[object, ...] = ()
    for _ in range(2):
        with metered(postgres) as cost:
            answers = ask()
        costs.append(cost)
    return min(costs, key=lambda one: one.cpu_s), answers


def _words(asked: Cost, whole: Cost) -> str:
    return (
        f"asked in {asked.product_s:.2f} + {asked.postgres_s:.2f} CPU s, planned in {whole.product_s:.2f} + "
        f"{whole.postgres_s:.2f} CPU s and {whole.wall_s:.1f} s on the wall"
    )


def _suppression(server_url: str, database_url: str) -> Measured:
    postgres, clock = PostgresMeter(server_url), VirtualClock(ANCHOR)
    with Services(settings_for(database_url, _NOWHERE), clock) as services:
        setup.prepare(services)
        with services.database.begin() as connection:
            number = int(fetch_scalar(connection, "select max(id) from campaign_schedule"))
            key = connection.exec_driver_sql(
                "select campaign_key from campaign_schedule order by id desc limit 1"
            ).scalar_one()
            events = bounces.events_of(connection, number, "24h")
            asked, answers = _better(postgres, lambda: _asked_of_failures(connection, number, events))
        run = begin(services, key)
        with metered(postgres) as whole:
            plan = plan_suppression(services, run)
    suppressed = plan.suppression_summary.suppress.total
    words = f"{len(events):,} failures; {_words(asked, whole)}, {suppressed:,} to suppress"
    return Measured(asked, answers, whole, peak_mb(), words)


def _last_key(connection: Connection) -> str:
    return str(fetch_scalar(connection, "select campaign_key from campaign_schedule order by id desc limit 1"))


def _asked_of_failures(connection: Connection, number: int, events: Sequence[FailureEvent]) -> tuple[object, ...]:
    failed_at = {one.contact_id: one.occurred_at for one in events}
    past = bounces.attempts_since_delivery(connection, failed_at, except_campaign=number, as_of=ANCHOR)
    campaigns = bounces.campaigns_of(connection, list(failed_at), except_campaign=number, as_of=ANCHOR)
    established = incidents.established_by_domain(connection, number, "24h", ANCHOR)
    silent = {one.contact_id for one in events if one.reason in UNANSWERED}
    domains = set(members.domains_of(connection, sorted(silent)).values())
    answered = incidents.last_answered(
        connection, domains, [one.value for one in UNANSWERED], ANCHOR - timedelta(days=400), ANCHOR
    )
    return (
        sum(len(tries) for tries in past.values()),
        sum(one.failure is not None for tries in past.values() for one in tries),
        sum(campaigns.values()),
        (len(established), sum(one.attempted for one in established), sum(one.hard for one in established)),
        (len(answered), max(answered.values()).isoformat()),
    )


_SENDS = """sends as materialized (
    select s.id as campaign_id, s.send_start_at as sent_at, arg_max(f.sweep, f.fetched_at) as sweep
    from campaign_schedule s join bounce_fetch f on f.campaign_id = s.id where f.is_complete group by all),
    now as materialized (select max(id) as id from campaign_schedule),
    failed as materialized (select contact_id, occurred_at as until, reason, bounce_class from bounce_event
                            where campaign_id = (select id from now) and sweep = '24h')"""


def _ask_duckdb_of_failures(rows: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    tries = rows.execute(
        f"""
        with {_SENDS}, tries as (
            select r.contact_id, s.campaign_id, s.sent_at, f.until, e.occurred_at, e.bounce_class, e.reason, e.is_disputed
            from campaign_recipient r join failed f using (contact_id) join sends s using (campaign_id)
            left join bounce_event e on e.campaign_id = s.campaign_id and e.sweep = s.sweep and e.contact_id = r.contact_id
            where s.campaign_id <> (select id from now))
        select * from (select *, max(case when occurred_at is null and sent_at <= until then sent_at end)
                                 over (partition by contact_id) as reached_at from tries)
        where reached_at is null or sent_at >= reached_at
        """
    ).fetchall()
    campaigns = rows.execute(
        f"""with {_SENDS} select r.contact_id, count(*) from campaign_recipient r join failed using (contact_id)
            where r.campaign_id <> (select id from now) group by 1"""
    ).fetchall()
    established = rows.execute(
        f"""
        with {_SENDS}, recipients as (select contact_id from campaign_recipient where campaign_id = (select id from now)),
        established as (
            select distinct r.contact_id
            from campaign_recipient r join recipients using (contact_id) join sends s using (campaign_id)
            anti join bounce_event e on e.campaign_id = s.campaign_id and e.sweep = s.sweep and e.contact_id = r.contact_id
            where r.campaign_id <> (select id from now))
        select lower(split_part(c.email, '@', 2)) as domain, count(*), count(*) filter (where f.bounce_class = 'hard')
        from established join contact_list_membership c using (contact_id) left join failed f using (contact_id)
        where f.bounce_class is distinct from 'not_evidence' group by 1
        """
    ).fetchall()
    answered = rows.execute(
        f"""
        with {_SENDS}, domains as (
            select distinct lower(split_part(c.email, '@', 2)) as domain
            from failed f join contact_list_membership c using (contact_id)
            where f.reason in ('connection_issue', 'no_mail_host'))
        select d.domain, max(s.sent_at)
        from (select contact_id, lower(split_part(email, '@', 2)) as domain from contact_list_membership) c
        join domains d using (domain) join campaign_recipient r using (contact_id) join sends s using (campaign_id)
        left join bounce_event e on e.campaign_id = s.campaign_id and e.sweep = s.sweep and e.contact_id = r.contact_id
        where s.sent_at >= $since and (e.contact_id is null or (e.bounce_class not in ('not_evidence', 'unknown')
                                       and e.reason not in ('connection_issue', 'no_mail_host')))
        group by 1
        """,
        {"since": ANCHOR - timedelta(days=400)},
    ).fetchall()
    return (
        len(tries),
        sum(row[4] is not None for row in tries),
        sum(row[1] for row in campaigns),
        (len(established), sum(row[1] for row in established), sum(row[2] for row in established)),
        (len(answered), _iso(max(row[1] for row in answered))),
    )


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()


def _rebalancing(server_url: str, database_url: str) -> Measured:
    postgres, clock = PostgresMeter(server_url), VirtualClock(ANCHOR)
    with Services(settings_for(database_url, _NOWHERE), clock) as services:
        setup.prepare(services)
        with services.database.begin() as connection:
            cycle = cycle_now(connection, ANCHOR)
            asked, answers = _better(postgres, lambda: _asked_of_lists(connection, cycle))
            key = connection.exec_driver_sql(
                "select campaign_key from campaign_schedule order by id desc limit 1"
            ).scalar_one()
        run = begin(services, key)
        with metered(postgres) as whole, services.database.begin() as connection:
            draft = draft_plan(services, connection, run, None)
    words = f"{_words(asked, whole)}, {draft.flows.move_count:,} moves and {draft.flows.enrolment_count:,} enrolments"
    return Measured(asked, answers, whole, peak_mb(), words)


def _asked_of_lists(connection: Connection, cycle: OpenCycle) -> tuple[object, ...]:
    sizes = queue.balance_sizes(connection)
    counts = queue.count_enrollable(connection)
    waiting = queue.newcomers(connection, FROM_EACH_END)
    first, second = (
        queue.queue_ends(connection, role, FROM_EACH_END, FROM_EACH_END, cycle)
        for role in (ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2)
    )
    return (sizes, counts, *(_sum(one.contact_id for one in found) for found in (waiting, first, second)))


def _sum(ids: Any) -> tuple[int, int]:
    """How many, and their sum: two answers with the same are taken for the same."""
    found = list(ids)
    return len(found), sum(found)


_KEPT_OFF = """exists (
    from contact_suppression_history h where h.added_to_suppression_list and h.address_key = c.address_key)"""
_ENROLLABLE = f"""from contact_list_membership c
    where not in_campaign_list_1 and not in_campaign_list_2 and not in_campaign_list_3 and not in_suppression_list
      and not is_unsubscribed and not is_excluded and not {_KEPT_OFF}
      and not exists (from contact_list_membership o where o.in_suppression_list and o.address_key = c.address_key)"""
_WAS_LISTED = """(exists (from campaign_recipient r where r.contact_id = c.contact_id)
    or exists (from list_membership l where l.contact_id = c.contact_id))"""


def _ask_duckdb_of_lists(rows: duckdb.DuckDBPyConnection) -> tuple[object, ...]:
    (sizes,) = rows.execute(
        """select count(*) filter (where in_campaign_list_1), count(*) filter (where in_campaign_list_2),
                  count(*) filter (where in_campaign_list_3)
           from contact_list_membership where not is_unsubscribed and not is_excluded"""
    ).fetchall()
    (counts,) = rows.execute(
        f"""select count(*) filter (where not listed), count(*) filter (where listed)
            from (select {_WAS_LISTED} as listed {_ENROLLABLE})"""
    ).fetchall()
    waiting = rows.execute(
        f"select contact_id, queued_at {_ENROLLABLE} and not {_WAS_LISTED} order by queued_at, contact_id limit {FROM_EACH_END}"
    ).fetchall()
    ends = [_queue_of(rows, role) for role in CAMPAIGN_LISTS[:2]]
    return (sizes, counts, *(_sum(row[0] for row in found) for found in (waiting, *ends)))


def _queue_of(rows: duckdb.DuckDBPyConnection, role: ListRole) -> list[tuple[Any, ...]]:
    others = " and ".join(
        f"not in_{one.value.replace('campaign_', 'campaign_list_')}" for one in CAMPAIGN_LISTS if one is not role
    )
    members = f"""
        select contact_id, queued_at from contact_list_membership c
        where in_{role.value.replace("campaign_", "campaign_list_")} and {others} and not is_unsubscribed and not is_excluded
          and not in_suppression_list and not {_KEPT_OFF}
          and exists (from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
                      where s.cycle_id = (select max(cycle_id) from cycle) and r.contact_id = c.contact_id)"""
    return rows.execute(
        f"""with members as materialized ({members})
            (from members order by queued_at, contact_id limit {FROM_EACH_END})
            union (from members order by queued_at desc, contact_id desc limit {FROM_EACH_END})"""
    ).fetchall()
