"""Writing and reading rows on a real PostgreSQL: COPY, transactions, and where addresses are allowed to be."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.foreign_text import storable
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import ContactSeen, RecipientSeen
from list_pipeline.storage import reviews, safety
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.database import (
    COPIED_NULL,
    Database,
    MissingRowError,
    copied_text,
    copy_lines,
    copy_rows,
    execute,
    fetch_all,
    fetch_scalar,
    to_json,
)
from list_pipeline.storage.database_errors import StatementFailedError
from list_pipeline.storage.membership import data_versions, members
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.runs import ledger
from list_pipeline_tests.integration.accounts import Installation

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
AWKWARD = ["", "\\N", "tab\there", "line\nbreak", "back\\slash", "jürgen \u2603 \U0001f600", '"quoted"', "NULL", "\\."]


def test_copy_brings_back_what_was_written(database: Database) -> None:
    with database.session() as session:
        session.execute(
            text(
                "create temporary table thing (n bigint, words text, at timestamptz, yes boolean, tags jsonb, share float8)"
            )
        )
        written: list[tuple[Any, ...]] = [
            (2**62 + number, words, NOW + timedelta(microseconds=number), number % 2 == 0, {"key": words}, number / 3)
            for number, words in enumerate(AWKWARD)
        ]
        written.append((0, None, None, None, None, None))
        columns = ("n", "words", "at", "yes", "tags", "share")
        given = [(*row[:4], to_json(row[4]) if row[4] is not None else None, row[5]) for row in written]
        assert copy_rows(session, "thing", columns, given) == len(written)
        found: list[tuple[Any, ...]] = [
            tuple(row.values()) for row in fetch_all(session, "select * from thing order by n = 0, n")
        ]
    assert found == written


def test_lines_of_a_copy_bring_back_the_texts_that_were_written(database: Database) -> None:
    texts = [*AWKWARD, "carriage\rreturn", "\\N and more", "\x01", "no \x00 at all"]
    with database.session() as session:
        session.execute(text("create temporary table thing (n bigint, words text)"))
        lines = [f"{number}\t{copied_text(words)}\n" for number, words in enumerate(texts)]
        assert copy_lines(session, "thing", ("n", "words"), [*lines, f"99\t{COPIED_NULL}\n"]) == len(texts) + 1
        assert copy_lines(session, "thing", ("n", "words"), []) == 0
        found = [row["words"] for row in fetch_all(session, "select words from thing order by n")]
    assert found == [*map(storable, texts), None]


def test_copy_of_nothing_writes_nothing(database: Database) -> None:
    with database.begin() as connection:
        assert copy_rows(connection, "campaign_recipient", ("campaign_id", "contact_id"), []) == 0


def test_a_row_that_must_be_there_and_is_not_is_an_error_that_says_what_to_do(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("delete from data_version"))
        with pytest.raises(MissingRowError, match=r"Reading the versions of our rows: .* Run `list-pipeline migrate`"):
            data_versions.data_versions(connection)
        with pytest.raises(MissingRowError, match="Reading plan 4711"):
            plan_rows.existing_plan(connection, 4711)
        with pytest.raises(MissingRowError, match="Reading plan 4711"):
            reviews.campaign_key_of(connection, 4711)
        with pytest.raises(MissingRowError, match="Reading row 4711 of the ledger"):
            ledger.touch_log(connection, 4711, None, NOW)


def _write_and_fail(database: Database) -> None:
    with database.begin() as connection:
        safety.begin_mode(connection, NOW)
        connection.execute(text("update mode_state set set_mode = 'auto', set_by = 'x', set_at = now()"))
        copy_rows(connection, "campaign_recipient", ("campaign_id", "contact_id"), [(999, 1)])


def test_a_copy_that_fails_leaves_nothing_of_its_transaction(database: Database) -> None:
    with pytest.raises(StatementFailedError, match="23503"):
        _write_and_fail(database)
    with database.begin() as connection:
        assert fetch_scalar(connection, "select count(*) from campaign_recipient") == 0
        assert fetch_scalar(connection, "select count(*) from mode_state where set_mode is not null") == 0


def test_names_of_tables_and_columns_are_quoted(database: Database) -> None:
    with database.session() as session:
        session.execute(text('create temporary table "odd ""name" ("a b" int)'))
        assert copy_rows(session, 'odd "name', ("a b",), [(1,)]) == 1


def test_a_session_leaves_no_temporary_table_behind(database: Database) -> None:
    with database.session() as session:
        sync_rows.SyncStaging(session).add_contacts([ContactSeen(5, "a@example.com", False, False, NOW)])
    with database.session() as session:
        sync_rows.SyncStaging(session).finish_reading()
        assert fetch_scalar(session, "select count(*) from seen_contact") == 0


def test_instants_come_back_in_utc(database: Database) -> None:
    with database.begin() as connection:
        safety.begin_mode(connection, NOW)
        found = fetch_scalar(connection, "select first_started_at from mode_state")
    assert found.utcoffset() == timedelta(0)


def test_of_a_contact_that_is_seen_twice_the_last_look_counts(database: Database) -> None:
    with database.session() as session:
        staging = sync_rows.SyncStaging(session)
        first = ContactSeen(5, "a@example.com", False, False, NOW)
        staging.add_contacts([first, ContactSeen(5, "a@example.com", True, False, NOW)])
        staging.add_recipients(ListRole.MASTER, [RecipientSeen(1, 5, 9, False, NOW, None)] * 2)
        assert staging.recipients_of(ListRole.MASTER) == 1
        sync_rows.merge_contacts(session, NOW)
    with database.begin() as connection:
        assert members.excluded_contacts(connection) == 1


def test_the_place_in_the_queue_is_the_earliest_subscription_and_never_changes(database: Database) -> None:
    for days in (0, 5):
        with database.session() as session:
            staging = sync_rows.SyncStaging(session)
            staging.add_contacts([ContactSeen(5, f"a{days}@example.com", False, False, NOW - timedelta(days=40))])
            staging.add_recipients(
                ListRole.MASTER, [RecipientSeen(1, 5, 9, False, NOW - timedelta(days=30 - days), None)]
            )
            staging.add_recipients(
                ListRole.SUPPRESSION, [RecipientSeen(2, 5, 10, False, NOW - timedelta(days=90), None)]
            )
            sync_rows.merge_contacts(session, NOW)
    with database.begin() as connection:
        assert fetch_scalar(connection, "select queued_at from contact_list_membership") == NOW - timedelta(days=30)
        assert fetch_scalar(connection, "select email from contact_list_membership") == "a5@example.com"


@pytest.mark.parametrize(("told", "kept"), [((3, 8), (3, 0)), ((0, 8), (0, 0)), ((None, 8), (None, None))])
def test_mailjets_count_of_deliveries_is_kept_of_the_first_sight_with_its_moment(
    database: Database, told: tuple[int | None, int], kept: tuple[int | None, int | None]
) -> None:
    for days, count in enumerate(told):
        with database.session() as session:
            staging = sync_rows.SyncStaging(session)
            seen = ContactSeen(5, f"a{days}@example.com", False, False, NOW, delivered_count=count)
            staging.add_contacts([seen])
            sync_rows.merge_contacts(session, NOW + timedelta(days=days))
    with database.begin() as connection:
        found = members.facts_of(connection, [5])[5]
    at = None if kept[1] is None else NOW + timedelta(days=kept[1])
    assert (found["delivered_count"], found["delivered_counted_at"]) == (kept[0], at)


def test_an_unknown_campaign_is_named(database: Database) -> None:
    with pytest.raises(NotFoundError, match="2020-01-01-r1-1"), database.begin() as connection:
        sent_campaigns.campaign_by_key(connection, "2020-01-01-r1-1")


def test_only_known_columns_of_the_ledger_can_be_filled(database: Database) -> None:
    with pytest.raises(ValueError, match="status"), database.begin() as connection:
        ledger.fill_log(connection, 1, status="success")


def test_outcomes_are_counted_by_known_columns_only(database: Database) -> None:
    with pytest.raises(ValueError, match="by reason or by action"), database.begin() as connection:
        outcome_rows.outcomes_by(connection, 1, "email")


def test_an_error_stands_in_the_ledger_once(small: Installation) -> None:
    run = small.begin()
    for _ in range(3):
        with small.services.database.begin() as connection:
            ledger.add_error(connection, run.log.log_id, "suppression", "went wrong", 2)
    ((errors,),) = small.query("select errors from list_maintenance_log")
    assert errors == [{"stage": "suppression", "error": "went wrong", "count": 2}]


def columns_with_words(database_url: str) -> list[tuple[str, str]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'list_pipeline'"
            " and (data_type in ('text', 'json', 'jsonb', 'character varying') or data_type = 'ARRAY')"
        ).fetchall()


def test_addresses_are_stored_in_two_tables_only(seeded: Installation) -> None:
    with_model = seeded.another(gemini_api_key="k", gemini_base_url=seeded.server.url)
    seeded.control.add_fault("job_error", path="contact/managemanycontacts$", method="POST")
    seeded.maintain(with_model)
    columns = columns_with_words(seeded.database_url)
    assert len(columns) > 80
    holding = set()
    with psycopg.connect(seeded.database_url) as connection:
        for table, column in columns:
            statement = psycopg.sql.SQL("select count(*) from list_pipeline.{} where {}::text like '%@%'").format(
                psycopg.sql.Identifier(table), psycopg.sql.Identifier(column)
            )
            row = connection.execute(statement).fetchone()
            if row is not None and row[0]:
                holding.add((table, column))
    assert holding == {
        ("contact_list_membership", "email"),
        ("contact_suppression_history", "email"),
        ("campaign_schedule", "sender_email"),  # the sender's own
    }


def test_no_local_part_of_an_address_is_in_a_message_or_an_opinion(seeded: Installation) -> None:
    seeded.maintain()
    emails = [row[0] for row in seeded.query("select email from contact_suppression_history")]
    assert emails
    shown = json.dumps(
        [
            seeded.query("select text, blocks from notification"),
            seeded.query("select prompt, answer, opinion from agent_record"),
            seeded.query("select summary, details from review_item"),
            seeded.query("select explanation, evidence from plan_item"),
        ],
        default=str,
    )
    assert not [email for email in emails if email.partition("@")[0] in shown]


@pytest.mark.parametrize("typed", ["a\x00b", "half \ud83d", "\udcff typed as a broken byte"])
def test_no_text_that_somebody_typed_or_answered_makes_a_statement_fail(database: Database, typed: str) -> None:
    kept = storable(typed)
    with database.begin() as connection:
        execute(connection, "create temporary table said (words text, parts jsonb)")
        copy_rows(connection, "said", ("words", "parts"), [(typed, to_json({typed: [typed, {"deep": typed}]}))])
        execute(
            connection, "insert into said values (:words, cast(:parts as jsonb))", words=typed, parts=to_json([typed])
        )
        found = fetch_all(connection, "select words, parts from said where words = :words", words=typed)
        everybody = fetch_all(connection, "select words from said where words = any(:all)", all=[typed])
    assert [row["words"] for row in found] == [kept, kept]
    assert [row["parts"] for row in found] == [{kept: [kept, {"deep": kept}]}, [kept]]
    assert len(everybody) == 2
