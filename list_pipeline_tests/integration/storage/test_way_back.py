"""What a migration leaves behind when it is taken back: nothing that an earlier version would ask for or do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from list_pipeline.storage.database import Database
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
