"""Measurements of the product's own work: timings, requests, advisors, connections.

Belongs here: SQL over those rows. Does not belong here: measuring (``operations.monitoring.figures``), percentiles over
runs (``core.monitoring.latency``), messages (``storage.messages``), and the runs that Dagster ended (``job_runs``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.monitoring.latency import Timing
from list_pipeline.core.request_rate import WINDOW
from list_pipeline.storage.database import execute, fetch_all, fetch_row, fetch_scalar, to_json


@dataclass(frozen=True, slots=True)
class AdvisorUse:
    """One advisor over a window. Latency in milliseconds, waits between attempts included; None when it was never asked.

    ``cost_usd``: of the questions whose price is known; ``without_price`` were asked and have none.
    """

    agent: str
    questions: int
    requests: int
    tokens: int
    cost_usd: float
    without_price: int
    p50_ms: int | None
    p95_ms: int | None
    p99_ms: int | None


def busiest_minute(connection: Connection, start: datetime, end: datetime) -> int:
    """Requests to Mailjet of all processes in the busiest 60 s that ended in a span. As for the limiter, what was exactly
    60 s ago is no longer in it."""
    found = fetch_scalar(
        connection,
        """
        select max(many) from (
            select allowed_at, count(*) over (order by allowed_at range between interval '59.999999 seconds' preceding
                                              and current row) as many
            from mailjet_request where allowed_at > :before and allowed_at <= :end) counted
        where allowed_at >= :start
        """,
        before=start - WINDOW,
        start=start,
        end=end,
    )
    return int(found or 0)


def keep_timing(connection: Connection, timing: Timing) -> None:
    """Write a timing down."""
    values = asdict(timing) | {"by_resource": to_json(dict(timing.by_resource)), "requests": timing.requests}
    execute(
        connection,
        """
        insert into work_timing (workflow, stage, run_id, campaign_key, sweep, log_id, started_at, finished_at, duration_ms,
               outcome, requests, by_resource, waited_ms, rate_peak, rate_limit, pool_peak, pool_limit)
        values (:workflow, :stage, :run_id, :campaign_key, :sweep, :log_id, :started_at, :finished_at, :duration_ms,
               :outcome, :requests, cast(:by_resource as jsonb), :waited_ms, :rate_peak, :rate_limit, :pool_peak, :pool_limit)
        """,
        **values,
    )


def timings(connection: Connection, start: datetime, end: datetime) -> tuple[Timing, ...]:
    """The timings that ended in a span, with earlier ones of the same maintenance or run; in the order of their ends."""
    found = fetch_all(
        connection,
        """
        select workflow, stage, run_id, campaign_key, sweep, log_id, started_at, finished_at, duration_ms, outcome,
               by_resource, waited_ms, rate_peak, rate_limit, pool_peak, pool_limit
        from work_timing
        where finished_at < :end and timing_id = any(array(
            with lately as materialized (
                select timing_id, log_id, run_id from work_timing where finished_at >= :start and finished_at < :end)
            select timing_id from lately
            union select timing_id from work_timing
                  where log_id = any(array(select log_id from lately where log_id is not null))
            union select timing_id from work_timing
                  where run_id = any(array(select run_id from lately where run_id is not null))))
        order by finished_at, timing_id
        """,
        start=start,
        end=end,
    )
    return tuple(Timing(**row) for row in found)


def advisor_use(connection: Connection, start: datetime, end: datetime) -> tuple[AdvisorUse, ...]:
    """The questions to each advisor in a span, their cost and their duration."""
    found = fetch_all(
        connection,
        """
        with asked as (
            select a.*, (select coalesce(sum(value::bigint), 0) from jsonb_each_text(a.tokens)) as many_tokens
            from agent_record a where a.requests > 0 and a.asked_at >= :start and a.asked_at < :end)
        select agent, count(*) as questions, sum(requests) as requests, sum(many_tokens) as tokens,
               coalesce(sum(cost_usd), 0) as cost_usd, count(*) filter (where cost_usd is null) as without_price,
               percentile_disc(0.5) within group (order by latency_ms) as p50_ms,
               percentile_disc(0.95) within group (order by latency_ms) as p95_ms,
               percentile_disc(0.99) within group (order by latency_ms) as p99_ms
        from asked group by agent order by agent
        """,
        start=start,
        end=end,
    )
    return tuple(
        AdvisorUse(
            agent=row["agent"],
            questions=int(row["questions"]),
            requests=int(row["requests"]),
            tokens=int(row["tokens"]),
            cost_usd=float(row["cost_usd"]),
            without_price=int(row["without_price"]),
            p50_ms=row["p50_ms"],
            p95_ms=row["p95_ms"],
            p99_ms=row["p99_ms"],
        )
        for row in found
    )


def server_connections(connection: Connection) -> tuple[int, int]:
    """Client connections of the whole server, and how many it allows."""
    row = fetch_row(
        connection,
        "the server's connections",
        """select (select count(*) from pg_stat_activity where backend_type = 'client backend') as used,
                  current_setting('max_connections')::integer as most""",
    )
    return int(row["used"]), int(row["most"])
