"""The schema on a real PostgreSQL: forward, back and forward again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from yoyo.backends.base import DatabaseBackend

from list_pipeline.core.errors import LockHeldError
from list_pipeline.storage import database as database_module
from list_pipeline.storage import lock_numbers
from list_pipeline.storage import migrations as migrations_module
from list_pipeline.storage.database import Database
from list_pipeline.storage.database_errors import StatementFailedError
from list_pipeline.storage.migrations import migrate, migrations_folder, pending, rollback

TABLES = {
    "agent_record", "bounce_event", "bounce_fetch", "campaign_metrics", "campaign_override", "campaign_recipient",
    "campaign_schedule", "campaign_validation", "campaign_validation_rule", "change", "change_step",
    "contact_list_membership", "contact_suppression_history", "cycle", "data_touched", "data_version",
    "decision_review", "ignored_send", "job_run", "limiter_state", "list_health_assessment", "list_health_check",
    "list_maintenance_log", "list_membership", "list_snapshot", "list_state", "list_state_history", "mailjet_job",
    "mailjet_request", "mode_state", "notification", "plan", "plan_item", "reconciliation", "reconciliation_finding",
    "review_item", "schedule_change", "sync_run", "sync_state", "weekly_list_metrics", "weekly_list_snapshot",
    "work_timing", "kept_unsubscription",
    "list_confirmation", "confirmed_list", "mode_change",
    "erasure", "erasure_due", "erasure_key", "erased_person",
    "stuck_session",
    "mass_change", "mass_change_contact", "list_edit",
    "unreadable_row",
    "cycle_closing",
    "unreadable_ruling",
    "incident_count",
    "mail_host",
    "monitor_total",
    "told_event", "told_count", "contact_engagement",
    "shadow_policy", "shadow_comparison", "shadow_difference",
    "quarantine",
    "backup", "restoration", "alarm", "alarm_delivery", "digest",
    "api_token", "api_caller", "api_answer", "run_request",
    "campaign_stage", "campaign_test", "wrapup_report",
    "early_incident_look", "past_metrics_attempt",
    "plan_approval", "slack_reviewer", "message_button", "plan_escalation",
    "page_session",
    "plan_edit",
    "list_size_delta",
    "audience_batch",
    "launch_change",
    "campaign_recipient_newest", "bounce_event_newest", "contact_history", "summarised_campaign",
}  # fmt: skip
INDEXES = {
    "contact_by_address_key_idx", "contact_suppression_history_address_key_idx", "erased_person_address_idx",
    "erasure_pseudonym_idx",
    "audience_batch_campaign_idx",
    "agent_record_asked_at_idx", "agent_record_campaign_idx", "agent_record_question_idx", "bounce_event_contact_idx",
    "campaign_metrics_mailjet_campaign_idx", "campaign_override_campaign_idx", "campaign_recipient_by_contact_idx",
    "campaign_schedule_cycle_idx", "campaign_schedule_date_round_idx", "campaign_schedule_draft_idx",
    "campaign_schedule_status_idx", "campaign_validation_campaign_idx", "change_contact_idx", "change_reverses_idx",
    "change_step_open_idx", "contact_list_membership_email_idx", "contact_list_membership_last_updated_idx",
    "contact_newcomer_idx", "contact_queue_1_idx", "contact_queue_2_idx", "contact_queue_3_idx",
    "contact_suppression_history_contact_id_idx", "contact_suppression_history_email_idx",
    "contact_suppression_history_maintenance_log_id_idx", "contact_suppression_history_reason_idx",
    "contact_suppression_history_suppressed_at_idx", "job_run_noted_at_idx", "job_run_untold_idx",
    "list_health_check_executed_at_idx", "list_health_check_urgency_idx",
    "list_maintenance_log_campaign_schedule_id_idx", "list_maintenance_log_executed_at_idx",
    "list_maintenance_log_maintenance_type_idx", "list_maintenance_log_status_idx", "list_membership_contact_idx",
    "list_membership_order_idx", "list_state_history_campaign_idx", "mailjet_job_plan_idx",
    "mailjet_request_allowed_at_idx", "notification_created_at_idx", "notification_thread_idx",
    "notification_waiting_idx", "plan_status_idx", "reconciliation_finding_contact_idx",
    "reconciliation_finding_run_idx", "review_item_once_idx", "review_item_status_idx", "schedule_change_open_idx",
    "work_timing_finished_at_idx", "work_timing_log_idx",
    "mass_change_open_idx", "mass_change_contact_idx", "list_edit_seen_at_idx", "list_edit_unjudged_idx",
    "list_edit_mass_change_idx",
    "unreadable_row_open_idx", "unreadable_row_contact_idx",
    "told_event_aside_idx", "told_event_campaign_idx",
    "backup_taken_at_idx",
    "slack_reviewer_now_idx", "message_button_plan_idx", "message_button_review_idx",
    "run_request_open_idx", "run_request_asked_idx", "run_request_unended_idx",
    "alarm_open_idx", "alarm_delivery_waiting_idx",
    "launch_change_open_idx", "launch_change_sent_once_idx", "launch_change_campaign_idx",
    "page_session_token_idx",
    "shadow_policy_running_idx", "shadow_comparison_campaign_idx",
    "quarantine_contact_idx", "quarantine_open_idx", "quarantine_campaign_idx",
    "list_membership_unsubscribed_idx", "list_membership_left_idx", "contact_excluded_idx", "contact_anonymised_idx",
    "campaign_recipient_newest_by_contact_idx", "bounce_event_newest_contact_idx",
    "contact_domain_idx", "contact_spelling_idx", "contact_in_two_lists_idx", "contact_suppressed_and_mailable_idx",
    "contact_on_suppression_list_idx",
    "campaign_schedule_unlooked_idx", "campaign_schedule_no_figures_idx", "list_maintenance_log_open_idx",
    "list_maintenance_log_gave_up_idx", "list_maintenance_log_untold_idx", "campaign_schedule_launch_idx",
    "campaign_schedule_round_sent_idx", "campaign_schedule_sent_idx", "campaign_schedule_send_end_idx",
    "campaign_schedule_frozen_idx", "campaign_schedule_doubt_idx", "cycle_opened_at_idx", "cycle_open_idx",
    "cycle_closed_at_idx", "cycle_complete_idx", "plan_approved_idx", "review_item_campaign_idx",
    "review_item_finding_idx", "work_timing_run_idx",
}  # fmt: skip
# Table, columns, table referred to, what happens on delete and on update (a: nothing, r: refused, c: cascade, n: null).
FOREIGN_KEYS = {
    ("message_button", "notification_id", "notification", "c", "a"),
    ("message_button", "plan_id", "plan", "c", "a"),
    ("message_button", "review_id", "review_item", "c", "a"),
    ("plan_escalation", "plan_id", "plan", "c", "a"),
    ("plan_approval", "plan_id", "plan", "c", "a"),
    ("alarm_delivery", "alarm_id", "alarm", "c", "a"),
    ("page_session", "token_id", "api_token", "c", "a"),
    ("plan_edit", "plan_id", "plan", "c", "a"),
    ("plan_edit", "edited_plan_id", "plan", "c", "a"),
    ("audience_batch", "plan_id", "plan", "c", "a"),
    ("audience_batch", "campaign_id", "campaign_schedule", "n", "a"),
    ("run_request", "log_id", "list_maintenance_log", "c", "c"),
    ("run_request", "check_id", "list_health_check", "c", "a"),
    ("list_edit", "mass_change_id", "mass_change", "n", "a"),
    ("mass_change", "repair_plan_id", "plan", "n", "a"),
    ("mass_change_contact", "mass_change_id", "mass_change", "c", "a"),
    ("quarantine", "campaign_id", "campaign_schedule", "c", "a"),
    ("campaign_stage", "campaign_id", "campaign_schedule", "c", "a"),
    ("wrapup_report", "campaign_id", "campaign_schedule", "c", "a"),
    ("early_incident_look", "campaign_id", "campaign_schedule", "c", "a"),
    ("past_metrics_attempt", "campaign_id", "campaign_schedule", "c", "a"),
    ("quarantine", "plan_id", "plan", "c", "a"),
    ("agent_record", "campaign_id", "campaign_schedule", "c", "a"),
    ("bounce_event", "campaign_id,sweep", "bounce_fetch", "c", "a"),
    ("bounce_fetch", "campaign_id", "campaign_schedule", "c", "a"),
    ("incident_count", "campaign_id", "campaign_schedule", "c", "a"),
    ("shadow_comparison", "campaign_id", "campaign_schedule", "c", "a"),
    ("shadow_comparison", "shadow_id", "shadow_policy", "c", "a"),
    ("shadow_difference", "shadow_id,campaign_id,sweep", "shadow_comparison", "c", "a"),
    ("campaign_metrics", "campaign_schedule_id", "campaign_schedule", "c", "a"),
    ("campaign_recipient", "campaign_id", "campaign_schedule", "c", "a"),
    ("campaign_schedule", "cycle_id", "cycle", "n", "a"),
    ("campaign_override", "campaign_id", "campaign_schedule", "c", "a"),
    ("campaign_test", "campaign_id", "campaign_schedule", "c", "a"),
    ("campaign_validation", "campaign_id", "campaign_schedule", "c", "a"),
    ("campaign_validation", "log_id", "list_maintenance_log", "n", "c"),
    ("campaign_validation_rule", "validation_id", "campaign_validation", "c", "a"),
    ("change", "reverses_change_id", "change", "r", "a"),
    ("change", "plan_id", "plan", "r", "a"),
    ("change_step", "change_id", "change", "r", "a"),
    ("change_step", "job_id", "mailjet_job", "r", "a"),
    ("confirmed_list", "confirmation_id", "list_confirmation", "c", "a"),
    ("contact_suppression_history", "change_id", "change", "n", "a"),
    ("contact_suppression_history", "maintenance_log_id", "list_maintenance_log", "n", "c"),
    ("kept_unsubscription", "contact_id", "contact_list_membership", "c", "c"),
    ("list_health_assessment", "campaign_id", "campaign_schedule", "c", "a"),
    ("list_maintenance_log", "campaign_schedule_id", "campaign_schedule", "n", "c"),
    ("launch_change", "campaign_id", "campaign_schedule", "n", "a"),
    ("list_snapshot", "campaign_id", "campaign_schedule", "c", "a"),
    ("list_state_history", "campaign_id", "campaign_schedule", "n", "a"),
    ("list_state_history", "list_role,machine", "list_state", "c", "a"),
    ("mailjet_job", "plan_id", "plan", "r", "a"),
    ("notification", "campaign_id", "campaign_schedule", "n", "a"),
    ("notification", "health_check_id", "list_health_check", "n", "a"),
    ("notification", "log_id", "list_maintenance_log", "n", "a"),
    ("plan", "campaign_id", "campaign_schedule", "r", "a"),
    ("plan_item", "plan_id", "plan", "c", "a"),
    ("reconciliation_finding", "plan_id", "plan", "n", "a"),
    ("reconciliation_finding", "reconciliation_id", "reconciliation", "c", "a"),
    ("review_item", "campaign_id", "campaign_schedule", "c", "a"),
    ("review_item", "plan_id", "plan", "c", "a"),
    ("schedule_change", "campaign_id", "campaign_schedule", "c", "a"),
    ("work_timing", "log_id", "list_maintenance_log", "n", "a"),
    ("bounce_event_newest", "campaign_id,sweep", "bounce_fetch", "c", "a"),
    ("campaign_recipient_newest", "campaign_id", "campaign_schedule", "c", "a"),
    ("summarised_campaign", "campaign_id", "campaign_schedule", "c", "a"),
}

Rows = list[tuple[Any, ...]]


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    opened = Database(empty_database)
    yield opened
    opened.close()


def query(database: Database, statement: str) -> Rows:
    with psycopg.connect(database.url, autocommit=True) as connection:
        return connection.execute(statement).fetchall()


def tables(database: Database) -> set[str]:
    found = query(database, "select tablename from pg_tables where schemaname = 'list_pipeline'")
    return {row[0] for row in found if not row[0].startswith("_yoyo") and not row[0].startswith("yoyo")}


def indexes(database: Database) -> set[str]:
    """Indexes that are not there for a key."""
    found = query(
        database,
        "select c.relname from pg_index i join pg_class c on c.oid = i.indexrelid"
        " join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'list_pipeline'"
        " and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u'))",
    )
    return {row[0] for row in found}


def foreign_keys(database: Database) -> set[tuple[str, ...]]:
    found = query(
        database,
        "select s.relname, (select string_agg(a.attname, ',' order by u.n) from unnest(k.conkey) with ordinality u(a, n)"
        " join pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.a), t.relname, k.confdeltype::text,"
        " k.confupdtype::text from pg_constraint k join pg_class s on s.oid = k.conrelid"
        " join pg_class t on t.oid = k.confrelid join pg_namespace n on n.oid = s.relnamespace"
        " where k.contype = 'f' and n.nspname = 'list_pipeline'",
    )
    return set(found)


def shape(database: Database) -> tuple[Rows, ...]:
    """Columns, constraints and indexes, in words that do not depend on when they were made."""
    return (
        query(
            database,
            "select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns"
            " where table_schema = 'list_pipeline' and table_name not like '%yoyo%' order by 1, ordinal_position",
        ),
        query(
            database,
            "select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint"
            " where connamespace = 'list_pipeline'::regnamespace and conrelid::regclass::text not like '%yoyo%' order by 1, 2",
        ),
        query(
            database,
            "select indexname, indexdef from pg_indexes where schemaname = 'list_pipeline'"
            " and tablename not like '%yoyo%' order by 1",
        ),
    )


def test_migrating_an_empty_database_makes_every_table_index_and_reference(database: Database) -> None:
    files = sorted(path.stem for path in migrations_folder().glob("*.sql") if ".rollback" not in path.name)
    assert pending(database) == files
    assert migrate(database) == files
    assert pending(database) == []
    assert tables(database) == TABLES
    assert indexes(database) == INDEXES
    assert foreign_keys(database) == FOREIGN_KEYS


def test_migrating_again_does_nothing(database: Database) -> None:
    migrate(database)
    before = shape(database)
    assert migrate(database) == []
    assert shape(database) == before


def test_everything_can_be_taken_back_and_applied_again(database: Database) -> None:
    applied = migrate(database)
    before = shape(database)
    assert rollback(database, everything=True) == applied[::-1]
    assert tables(database) == set()
    assert query(database, "select sequencename from pg_sequences where schemaname = 'list_pipeline'"
                 " and sequencename not like '%yoyo%'") == []  # fmt: skip
    assert migrate(database) == applied
    assert shape(database) == before


def test_each_migration_can_be_taken_back_alone(database: Database) -> None:
    applied = migrate(database)
    for expected in applied[::-1]:
        assert rollback(database) == [expected]
        assert expected in pending(database)
    assert tables(database) == set()
    assert rollback(database) == []


def test_nothing_outside_our_schema_is_touched(database: Database) -> None:
    query_all = (
        "select schemaname, tablename from pg_tables where schemaname not in ('pg_catalog', 'information_schema')"
    )
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute("create table public.plan (kept text)")
        connection.execute("create table public.cycle (kept text)")
        connection.execute("insert into public.plan values ('still here')")
    before = {row for row in query(database, query_all) if row[0] != "list_pipeline"}
    migrate(database)
    rollback(database, everything=True)
    assert {row for row in query(database, query_all) if row[0] != "list_pipeline"} == before
    assert query(database, "select kept from public.plan") == [("still here",)]


def test_two_processes_that_migrate_at_once_apply_everything_once(empty_database: str) -> None:
    applied: list[list[str]] = []
    failures: list[Exception] = []
    ready = threading.Barrier(2)

    def work() -> None:
        own = Database(empty_database)
        try:
            ready.wait(10)
            applied.append(migrate(own))
        except Exception as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            own.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert failures == []
    assert sorted(map(len, applied)) == [0, len(list(migrations_folder().glob("*[!k].sql")))]
    final = Database(empty_database)
    assert tables(final) == TABLES
    final.close()


def test_rows_of_a_renamed_job_count_on_under_its_new_name_and_go_back(database: Database) -> None:
    migrate(database)
    while "0019_job_names" not in pending(database):
        rollback(database)
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            "insert into list_pipeline.job_run (run_id, job, noted_at, status) values"
            " ('r1', 'reconciliation_of_lists', now(), 'success'), ('r2', 'undo_maintenance', now(), 'success')"
        )
        connection.execute(
            "insert into list_pipeline.work_timing (workflow, stage, run_id, started_at, finished_at, duration_ms, outcome,"
            " rate_limit, pool_limit) values ('membership_synchronisation', 'run', 'r3', now(), now(), 0, 'done', 1, 1)"
        )
        connection.execute(
            "insert into list_pipeline.notification (message_key, text, blocks, state, created_at, sent_at)"
            " values ('overdue:reconciliation_of_lists:2026-11-20', 'It is late.', '[]', 'sent', now(), now())"
        )
    names = (
        "select job from list_pipeline.job_run union all select workflow from list_pipeline.work_timing"
        " union all select message_key from list_pipeline.notification order by 1"
    )
    before = query(database, names)
    migrate(database)
    assert [name for (name,) in query(database, names)] == [
        "list_reconciliation_job",
        "membership_sync_job",
        "overdue:list_reconciliation_job:2026-11-20",
        "undo_maintenance",
    ]
    while "0019_job_names" not in pending(database):
        rollback(database)
    assert query(database, names) == before


def test_a_migration_that_was_killed_keeps_nobody_from_the_next_one(database: Database) -> None:
    migrate(database)
    query_nothing(database, "insert into list_pipeline.yoyo_lock values (1, now(), 999999)")
    assert migrate(database) == []
    query_nothing(database, "insert into list_pipeline.yoyo_lock values (1, now() + interval '1 year', 999999)")
    assert len(rollback(database)) == 1


def test_the_note_of_a_killed_migration_of_this_version_is_taken_away_without_a_look(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted: list[object] = []
    apply = DatabaseBackend.apply_migrations

    def look(backend: DatabaseBackend, pending: Any) -> None:
        noted.extend(query(database, "select pid < 0 from list_pipeline.yoyo_lock"))
        apply(backend, pending)

    monkeypatch.setattr(DatabaseBackend, "apply_migrations", look)
    migrate(database)
    assert noted == [(True,)]
    assert query(database, "select 1 from list_pipeline.yoyo_lock") == []
    query_nothing(database, "insert into list_pipeline.yoyo_lock values (1, now(), -999999)")
    monkeypatch.setattr(migrations_module, "_is_somebody_at_it", lambda _: pytest.fail("looked"))
    assert migrate(database) == []


@pytest.mark.parametrize(
    "at_work",
    [
        "alter table list_pipeline.notification add column added integer",
        "create table list_pipeline.added (x integer)",
        "insert into list_pipeline._yoyo_version values (7, now())",
    ],
)
def test_an_older_version_that_migrates_keeps_its_note_and_is_waited_for(database: Database, at_work: str) -> None:
    migrate(database)
    newest = rollback(database)
    query_nothing(database, "insert into list_pipeline.yoyo_lock values (1, now(), 999999)")
    with psycopg.connect(database.url) as older:
        older.execute(at_work)
        with pytest.raises(LockHeldError, match="another program is changing the schema"):
            migrate(database)
        with pytest.raises(LockHeldError, match="another program is changing the schema"):
            rollback(database)
        older.rollback()
    assert query(database, "select pid from list_pipeline.yoyo_lock") == [(999999,)]
    assert migrate(database) == newest


def test_who_migrates_beside_another_is_told_so_and_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = re.sub(r"lock_timeout=\S+", "lock_timeout=200ms", database_module._CONNECTION["options"])
    monkeypatch.setitem(database_module._CONNECTION, "options", options)
    with closing(Database(database.url)) as impatient, psycopg.connect(database.url) as other:
        other.execute("select pg_advisory_xact_lock(%s)", [lock_numbers.SCHEMA])
        with pytest.raises(LockHeldError, match="another program is changing the schema"):
            migrate(impatient)
    assert query(database, "select 1 from pg_namespace where nspname = 'list_pipeline'") == []
    assert migrate(database)


def test_who_may_not_change_the_schema_is_told_so(database: Database) -> None:
    migrate(database)
    rollback(database)
    parts = urlsplit(database.url)
    query_nothing(database, "create role list_pipeline_reader login password 'reader'")  # pragma: allowlist secret
    try:
        query_nothing(database, "grant all on schema list_pipeline to list_pipeline_reader")
        query_nothing(database, "grant all on all tables in schema list_pipeline to list_pipeline_reader")
        query_nothing(database, f'grant all on database "{parts.path[1:]}" to list_pipeline_reader')
        own = parts._replace(netloc=f"list_pipeline_reader:reader@{parts.hostname}:{parts.port}").geturl()
        with (
            closing(Database(own)) as reader,
            pytest.raises(StatementFailedError, match="own the schema"),
        ):
            rollback(reader)
    finally:
        query_nothing(database, "drop owned by list_pipeline_reader")
        query_nothing(database, "drop role list_pipeline_reader")


def query_nothing(database: Database, statement: str) -> None:
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(statement)
