"""Two processes at the same change of a campaign's schedule: it is posted and settled by one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.validation.schedule_changes import OwnSchedule, ScheduleAction, ScheduleNote, ScheduleState
from list_pipeline.storage.database import Database, fetch_all, fetch_scalar
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline_tests.integration.races import Write, lose_race
from list_pipeline_tests.integration.storage.test_schema_constraints import A_CAMPAIGN

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SEND_AT = NOW + timedelta(hours=1)


@pytest.fixture
def database(copy_of: Callable[[str], str], migrated: str) -> Iterator[Database]:
    """A campaign whose schedule is to be cancelled."""
    opened = Database(copy_of(migrated))
    with opened.begin() as connection:
        connection.execute(text(A_CAMPAIGN))
        block_rows.plan_schedule_change(connection, campaign(connection), 5, ScheduleAction.CANCEL, SEND_AT, NOW)
    yield opened
    opened.close()


def campaign(connection: Connection) -> int:
    return int(fetch_scalar(connection, "select id from campaign_schedule"))


def only(connection: Connection) -> int:
    return int(fetch_scalar(connection, "select schedule_change_id from schedule_change"))


def stored(database: Database) -> tuple[Any, ...]:
    with database.begin() as connection:
        return tuple(fetch_all(connection, "select state, attempts, note from schedule_change")[0].values())


def submit(attempts: int) -> Write:
    return lambda c: block_rows.submitting(c, only(c), attempts, SEND_AT, NOW)


def settle(state: ScheduleState, note: str | None = None) -> Write:
    return lambda c: block_rows.settle_schedule_change(c, only(c), state, note, NOW)


def test_a_change_is_posted_by_one_of_two(database: Database) -> None:
    assert isinstance(lose_race(database, submit(0), submit(0)), StateChangedError)
    assert stored(database) == ("submitting", 1, None)
    with database.begin() as connection:
        submit(1)(connection)
    assert stored(database) == ("submitting", 2, None)


def test_what_was_settled_is_not_posted(database: Database) -> None:
    winner = settle(ScheduleState.SKIPPED, ScheduleNote.NOT_SCHEDULED)
    assert isinstance(lose_race(database, winner, submit(0)), StateChangedError)
    assert stored(database) == ("skipped", 0, "not_scheduled")


def test_what_was_settled_is_not_settled_otherwise(database: Database) -> None:
    with database.begin() as connection:
        submit(0)(connection)
    raised = lose_race(database, settle(ScheduleState.CONFIRMED), settle(ScheduleState.FAILED, "no effect"))
    assert isinstance(raised, StateChangedError)
    assert stored(database) == ("confirmed", 1, None)


def test_our_own_schedules_are_those_being_changed_and_those_whose_cancellation_stands(database: Database) -> None:
    def own() -> list[OwnSchedule]:
        with database.begin() as connection:
            return list(block_rows.own_schedules(connection).values())

    assert own() == [OwnSchedule.CHANGING]
    for write in (submit(0), settle(ScheduleState.CONFIRMED)):
        with database.begin() as connection:
            write(connection)
    assert own() == [OwnSchedule.CANCELLED]
    with database.begin() as connection:
        block_rows.reverse_cancellation(connection, campaign(connection), NOW)
    assert own() == []
