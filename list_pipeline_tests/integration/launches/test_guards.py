"""Two processes at one launch change, and a second send of one draft: the rows themselves hold them off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from list_pipeline.core.errors import LockHeldError, StateChangedError
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.launches.rules import LaunchContent
from list_pipeline.core.lists import ListRole
from list_pipeline.storage import launches as rows
from list_pipeline.storage.database import Database, fetch_all
from list_pipeline.storage.database_errors import StatementFailedError
from list_pipeline.storage.launches import NewLaunch
from list_pipeline_tests.integration.races import Write, lose_race

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
DRAFT = 5


@pytest.fixture
def database(copy_of: Callable[[str], str], migrated: str) -> Iterator[Database]:
    """A send that a reviewer approved."""
    opened = Database(copy_of(migrated))
    with opened.begin() as connection:
        approved_send(connection)
    yield opened
    opened.close()


def approved_send(connection: Connection) -> int:
    content = LaunchContent(LaunchAction.SEND, DRAFT, 4, None, "Letter", "s", "b", None, None)
    wanted = NewLaunch(content, None, ListRole.CAMPAIGN_1, 4, "News", 10, (), "Ana", "why", NOW + timedelta(hours=2))
    number = rows.add(connection, wanted, NOW)
    assert number is not None
    rows.decide(connection, number, LaunchState.APPROVED, "Rea", "", None, NOW)
    return number


def submit(attempts: int, number: int = 1) -> Write:
    return lambda c: rows.submitting(c, number, attempts, NOW)


def end(state: LaunchState) -> Write:
    return lambda c: rows.end(c, 1, state, "", NOW)


def reject() -> Write:
    return lambda c: rows.decide(c, 1, LaunchState.REJECTED, "Rea", "no", None, NOW)


def stored(database: Database) -> list[tuple[Any, ...]]:
    with database.begin() as connection:
        found = fetch_all(connection, "select state, attempts from launch_change order by launch_id")
        return [tuple(row.values()) for row in found]


def test_a_send_is_posted_by_one_of_two_and_never_a_second_time(database: Database) -> None:
    assert isinstance(lose_race(database, submit(0), submit(0)), StateChangedError)
    assert stored(database) == [("submitting", 1)]
    with database.begin() as connection, pytest.raises(StateChangedError):
        submit(1)(connection)
    assert stored(database) == [("submitting", 1)]


def test_another_send_of_the_draft_is_held_off_whatever_became_of_the_first(database: Database) -> None:
    with database.begin() as connection:
        submit(0)(connection)
        end(LaunchState.FAILED)(connection)
        second = approved_send(connection)
    with pytest.raises(StatementFailedError), database.begin() as connection:
        submit(0, second)(connection)
    assert stored(database) == [("failed", 1), ("approved", 0)]


def test_who_rejects_and_who_posts_at_the_same_moment_do_not_both(database: Database) -> None:
    assert isinstance(lose_race(database, reject(), submit(0)), StateChangedError)
    assert stored(database) == [("rejected", 0)]


def test_what_is_being_asked_of_mailjet_cannot_be_rejected_or_expire(database: Database) -> None:
    assert isinstance(lose_race(database, submit(0), reject()), StateChangedError)
    with database.begin() as connection, pytest.raises(StateChangedError):
        end(LaunchState.EXPIRED)(connection)
    assert stored(database) == [("submitting", 1)]


def test_a_draft_has_one_launch_change_at_a_time(database: Database) -> None:
    with database.begin() as connection:
        assert rows.open_of_draft(connection, DRAFT) == 1
        content = LaunchContent(LaunchAction.SEND, DRAFT, 4, None, "Letter", "s", "b", None, None)
        wanted = NewLaunch(content, None, ListRole.CAMPAIGN_1, 4, "News", 10, (), "Ana", "why", NOW)
        assert rows.add(connection, wanted, NOW) is None
    assert len(stored(database)) == 1


def test_one_process_at_a_time_carries_it_out_and_a_dead_one_frees_it(database: Database) -> None:
    with rows.launch_lock(database, 1) as lock:
        lock.check()
        with pytest.raises(LockHeldError, match="another process does so now"), rows.launch_lock(database, 1):
            raise AssertionError("two at once")
        with rows.launch_lock(database, 2):
            pass
    with rows.launch_lock(database, 1):
        pass
