"""What a migration leaves behind when it is taken back: nothing that an earlier version would ask for or do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from list_pipeline.core.observations import ContactSeen
from list_pipeline.storage.database import Database
from list_pipeline.storage.membership import sync
from list_pipeline.storage.migrations import migrate, pending, rollback


@pytest.fixture
def made(empty_database: str) -> Iterator[Database]:
    database = Database(empty_database)
    migrate(database)
    yield database
    database.close()


@pytest.fixture
def query(made: Database) -> Iterator[Callable[..., list[Any]]]:
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("set search_path to list_pipeline")

        def run(statement: str) -> list[Any]:
            found = connection.execute(statement)
            return found.fetchall() if found.description else []

        yield run


def before(database: Database, migration: str) -> None:
    """The schema as it was before a migration."""
    while migration not in pending(database):
        rollback(database)


def test_the_question_about_a_repair_of_a_mass_change_ends_with_its_plan(
    made: Database, query: Callable[..., list[Any]]
) -> None:
    for plan, kind in ((1, "left"), (2, "missing_at_mailjet")):
        query(
            "insert into plan (plan_id, kind, content_hash, policy_version, status, summary, created_at) overriding system"
            f" value values ({plan}, 'repair', repeat('{plan}', 64), 'v', 'pending_review',"
            f""" '{{"kind": "{kind}", "contacts": 1}}', now())"""
        )
        query(
            "insert into review_item (plan_id, kind, summary, details, created_at)"
            f""" values ({plan}, 'plan', 'put back', '{{"matter": 1}}', now())"""
        )
    before(made, "0035_mass_changes")
    assert query("select plan_id, status, decided_by from review_item order by plan_id") == [
        (1, "resolved", "migration"),
        (2, "open", None),
    ]
    assert query("select plan_id, status from plan order by plan_id") == [(1, "withdrawn"), (2, "pending_review")]


def test_a_contact_that_was_never_read_is_marked_as_nobody_and_loses_nothing_else(
    made: Database, query: Callable[..., list[Any]]
) -> None:
    query(
        "insert into contact_list_membership (contact_id, email, queued_at, last_updated) values"
        " (7, 'unreadable-7@domain.invalid', now(), now()), (8, 'unreadable-7@domain.invalid', now(), now()),"
        " (9, 'jane@example.com', now(), now())"
    )
    query(
        "insert into list_membership (list_role, contact_id, recipient_id, is_unsubscribed, first_seen_at, left_at)"
        " values ('campaign_1', 7, 1, true, now(), now())"
    )
    query("insert into kept_unsubscription (contact_id, list_role, kept_at) values (7, 'campaign_1', now())")
    marked = "select contact_id, is_anonymised from contact_list_membership order by contact_id"
    before(made, "0033_unreadable_rows")
    assert query(marked) == [(7, True), (8, False), (9, False)]
    assert query("select contact_id from list_membership join kept_unsubscription using (contact_id)") == [(7,)]
    assert query("select * from erasure_due") == []
    # Applied again, nobody is taken for erased at Mailjet; and the first reading that succeeds takes the mark away.
    before(made, "0031_erasure")
    migrate(made)
    assert query("select * from erasure_due") == []
    with made.begin() as connection:
        sync.SyncStaging(connection).add_contacts([ContactSeen(7, "ada@example.com", False, False, None)])
        sync.merge_contacts(connection, datetime(2026, 11, 20, tzinfo=UTC))
    assert query("select email, is_anonymised from contact_list_membership where contact_id = 7") == [
        ("ada@example.com", False)
    ]
