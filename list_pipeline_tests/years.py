"""Years of history: copies of a campaign that was maintained, each a while before the last, with all that was written of it.

Belongs here: rows, straight into the tables. Does not belong here: what is expected of a product that has them. The copies lie
before everything that Mailjet is asked about, so what happens now is the same with ten of them and with ten thousand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

_STEP = 100_000
"""Between the numbers of a copy and those of the next; numbers of older ones are smaller."""
_EVERY = "(interval '100 days' + interval '8 hours' * n)"
"""How long before the original a copy lies: past the 90 days for which Mailjet is asked."""


@dataclass(frozen=True)
class _Copied:
    """A table of which rows are copied.

    Attributes:
        chosen: SQL that chooses the rows of the original, of ``t``.
        numbers: columns with numbers of copied rows. texts: other columns, as SQL.
        most: rows of the original at most.
    """

    name: str
    chosen: str
    numbers: Collection[str] = ()
    texts: Mapping[str, str] = field(default_factory=dict)
    most: int = 20


def _numbered(column: str) -> str:
    """A key whose first number is one of a copied row."""
    return f"regexp_replace(t.{column}, '\\d+', cast(cast(substring(t.{column} from '\\d+') as bigint) - {_STEP} * n as text))"


_OF_CAMPAIGN, _OF_PLAN = (
    "t.campaign_id = :campaign",
    "t.plan_id in (select plan_id from plan where campaign_id = :campaign)",
)
_FEW = "t.plan_id in (select plan_id from plan where campaign_id = :campaign) and t.contact_id = any(:contacts)"
_TABLES = (
    _Copied(
        "campaign_schedule",
        "t.id = :campaign",
        ("id",),
        {
            "campaign_key": f"to_char(t.send_start_at - {_EVERY}, 'YYYY-MM-DD') || '-r' || 3 - n % 3 || '-' || "
            "1000000 - n",
            "mailjet_campaign_id": "1000000 - n",
            "mailjet_draft_id": "null",
            "round_number": "3 - n % 3",
            "cycle_id": "-1 - n / 3",
            "status": "'COMPLETED'",
        },
    ),
    _Copied("campaign_metrics", "t.campaign_schedule_id = :campaign", ("id", "campaign_schedule_id")),
    _Copied(
        "campaign_stage", _OF_CAMPAIGN, ("campaign_stage_id", "campaign_id"), {"message_key": _numbered("message_key")}
    ),
    _Copied("list_maintenance_log", "t.campaign_schedule_id = :campaign", ("id", "campaign_schedule_id")),
    _Copied("list_snapshot", _OF_CAMPAIGN, ("campaign_id",)),
    _Copied("list_health_assessment", _OF_CAMPAIGN, ("assessment_id", "campaign_id")),
    _Copied(
        "list_state_history", _OF_CAMPAIGN, ("history_id", "campaign_id"), {"event_key": "t.event_key || '~' || n"}
    ),
    _Copied("agent_record", _OF_CAMPAIGN, ("record_id", "campaign_id")),
    _Copied("bounce_fetch", _OF_CAMPAIGN, ("campaign_id",)),
    _Copied("bounce_event", f"{_OF_CAMPAIGN} and t.contact_id = any(:contacts)", ("campaign_id",)),
    _Copied("campaign_recipient", f"{_OF_CAMPAIGN} and t.contact_id = any(:contacts)", ("campaign_id",)),
    _Copied("incident_count", _OF_CAMPAIGN, ("campaign_id",), most=10),
    _Copied("plan", _OF_CAMPAIGN, ("plan_id", "campaign_id")),
    _Copied("plan_item", _FEW, ("plan_id",)),
    _Copied("change", _FEW, ("change_id", "plan_id")),
    _Copied("mailjet_job", _OF_PLAN, ("job_id", "plan_id"), {"mailjet_job_id": "t.mailjet_job_id - n"}),
    _Copied(
        "change_step",
        f"t.change_id in (select t.change_id from change t where {_FEW})",
        ("change_id", "job_id"),
    ),
    _Copied("review_item", _OF_CAMPAIGN, ("review_id", "campaign_id", "plan_id")),
    _Copied(
        "notification",
        _OF_CAMPAIGN,
        ("notification_id", "campaign_id", "log_id"),
        {"message_key": _numbered("message_key"), "thread_key": _numbered("thread_key")},
    ),
    _Copied(
        "work_timing",
        "t.campaign_key = :key",
        ("timing_id", "log_id"),
        {"campaign_key": "t.campaign_key || '~' || n", "run_id": "t.run_id || '~' || n"},
    ),
    _Copied("job_run", "t.partition_key = :key", (), {"run_id": "t.run_id || '~' || n", "partition_key": "t.run_id"}),
    _Copied("sync_run", "true", ("sync_run_id",), most=4),
    _Copied("alarm", "t.reference = :key", ("alarm_id",)),
    _Copied("alarm_delivery", "t.alarm_id in (select alarm_id from alarm where reference = :key)", ("alarm_id",)),
    _Copied("launch_change", _OF_CAMPAIGN, ("launch_id", "campaign_id", "mailjet_draft_id")),
    _Copied(
        "run_request", "t.partition_key = :key", ("request_id", "log_id"), {"partition_key": "t.partition_key || n"}
    ),
)

_AS_LIVED = r"""
    -- What a person and the later looks add to a campaign whose first look was made.
    insert into list_maintenance_log (campaign_schedule_id, maintenance_type, sweep, attempt, executed_at, touched_at,
        finished_at, run_id, status, execution_time_ms, ai_assessments, before_state, after_state)
    select campaign_schedule_id, maintenance_type, look, 1, executed_at + pause, touched_at + pause, finished_at + pause,
           run_id || look, 'success', 2000, '{}', before_state, after_state
    from list_maintenance_log l cross join (values ('72h', interval '2 days'), ('7d', interval '6 days')) as later (look, pause)
    where l.campaign_schedule_id = :campaign and l.sweep = '24h'
    on conflict do nothing;
    insert into notification (message_key, campaign_id, log_id, text, blocks, state, message_ts, channel, attempts, created_at,
        sent_at, thread_key)
    select 'maintenance:' || id || ':' || status || '\:0', campaign_schedule_id, id, 'Report', '[]', 'sent', '1.1', 'C1', 1,
           finished_at, finished_at, 'campaign:' || campaign_schedule_id
    from list_maintenance_log where campaign_schedule_id = :campaign on conflict (message_key) do update
        set state = 'sent', message_ts = '1.1', channel = 'C1', attempts = 1, sent_at = excluded.sent_at, last_error = null;
    update notification set state = 'sent', message_ts = '1.1', channel = 'C1', attempts = 1, sent_at = created_at,
        last_error = null where campaign_id = :campaign and state = 'skipped';
    insert into campaign_stage (campaign_id, stage, launch_at, due_at, state, message_key, noted_at)
    select s.id, stage, s.send_start_at, s.send_start_at, 'told', 'stage:' || s.id || ':' || stage, s.send_start_at
    from campaign_schedule s cross join unnest(array['prelaunch', 'preflight', 'launch_warning', 'launch_confirmation',
        'wrapup']) as stage where s.id = :campaign on conflict do nothing;
    update list_maintenance_log set told_as = status where campaign_schedule_id = :campaign;
    update review_item set status = 'rejected', decided_at = created_at + interval '1 hour', decided_by = 'A Person'
    where campaign_id = :campaign and status = 'open';
    insert into job_run (run_id, job, started_by, partition_key, noted_at, status)
    select :key || '/' || each, 'post_campaign_maintenance', 'campaigns_due_for_maintenance', :key, l.finished_at, 'success'
    from list_maintenance_log l, generate_series(1, 4) each where l.campaign_schedule_id = :campaign and l.sweep = '24h'
    on conflict do nothing;
    insert into alarm (kind, reference, summary, raised_at, resolved_at)
    select 'runs_fail', :key, 'A job fails', l.executed_at, l.finished_at + interval '1 second'
    from list_maintenance_log l where l.campaign_schedule_id = :campaign and l.sweep = '24h';
    insert into run_request (kind, partition_key, attempt, log_id, requested_at, requested_by, started_at)
    select 'maintenance', :key, 1, l.id, l.executed_at, 'A Person', l.executed_at
    from list_maintenance_log l where l.campaign_schedule_id = :campaign and l.sweep = '24h';
"""


def live_through(connection: Connection, campaign_id: int) -> None:
    """Bring a campaign whose first look was made to its end: the later looks, its stages, its messages, a person's answers."""
    key = connection.execute(
        text("select campaign_key from campaign_schedule where id = :id"), {"id": campaign_id}
    ).scalar_one()
    for statement in _AS_LIVED.split(";"):
        if statement.strip():
            connection.execute(text(statement), {"campaign": campaign_id, "key": key})


def add_years(connection: Connection, campaigns: int, *, like: int) -> list[str]:
    """Add so many past campaigns that went as one did, three to a cycle and three to a day. Returns their keys.

    Args:
        like: the id of a campaign that was lived through to its end.
    """
    key = connection.execute(
        text("select campaign_key from campaign_schedule where id = :id"), {"id": like}
    ).scalar_one()
    contacts = connection.execute(
        text(
            "select distinct contact_id from change join plan using (plan_id) where campaign_id = :id order by 1 limit 2"
        ),
        {"id": like},
    ).scalars()
    values = {"campaign": like, "key": key, "contacts": list(contacts), "copies": campaigns}
    connection.execute(text("set local session_replication_role = replica"))
    connection.execute(
        text(
            f"""
            insert into cycle (cycle_id, number, opened_at, closed_at, closed_reason) overriding system value
            select -1 - n / 3, 1000000 - n / 3, s.send_start_at - {_EVERY}, s.send_end_at - {_EVERY} + interval '16 hours',
                   'complete'
            from campaign_schedule s, generate_series(0, :copies) n where s.id = :campaign and n % 3 = 2
            """
        ),
        values,
    )
    for table in _TABLES:
        _copy(connection, table, values)
    connection.execute(text("set local session_replication_role = origin"))
    return list(
        connection.execute(text("select campaign_key from campaign_schedule where id < 0 order by id")).scalars()
    )


def _copy(connection: Connection, table: _Copied, values: Mapping[str, object]) -> None:
    columns = connection.execute(
        text(
            """select column_name, udt_name from information_schema.columns
               where table_schema = 'list_pipeline' and table_name = :name and is_generated = 'NEVER'
               order by ordinal_position"""
        ),
        {"name": table.name},
    ).all()
    chosen = []
    for name, kind in columns:
        if name in table.texts:
            chosen.append(table.texts[name])
        elif name in table.numbers:
            chosen.append(f"t.{name} - {_STEP} * n")
        elif kind == "timestamptz":
            chosen.append(f"t.{name} - {_EVERY}")
        elif kind == "date":
            chosen.append(f"cast(t.{name} - {_EVERY} as date)")
        else:
            chosen.append(f"t.{name}")
    names = ", ".join(name for name, _ in columns)
    connection.execute(
        text(
            f"""insert into {table.name} ({names}) overriding system value select {", ".join(chosen)}
                from (select * from {table.name} t where {table.chosen} limit {table.most}) t, generate_series(1, :copies) n"""
        ),
        values,
    )
