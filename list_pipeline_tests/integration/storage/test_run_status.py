"""The status of a run in the database: the words it may have, who may change it, and rows of before it had columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from list_pipeline.core.errors import IllegalTransitionError, StateChangedError
from list_pipeline.core.runs.status import WEEKLY_STATUSES, RunStatus
from list_pipeline.storage.database import Database
from list_pipeline.storage.migrations import migrate, rollback
from list_pipeline.storage.runs import ledger, life

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
CAMPAIGN = """insert into list_pipeline.campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date,
    scheduled_time, list_name, list_id, created_at, updated_at)
    values ('2026-11-20-r1-7', 'name', 1, '2026-11-20', '09:00', 'list', 1, now(), now()) returning id"""


@pytest.fixture
def database(empty_database: str) -> Iterator[Database]:
    opened = Database(empty_database)
    migrate(opened)
    yield opened
    opened.close()


def rows(database: Database, statement: str) -> list[dict[str, Any]]:
    with psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as connection:
        return connection.execute(statement).fetchall()


def begun(database: Database) -> int:
    """The row of an attempt at work."""
    ((campaign),) = rows(database, CAMPAIGN)
    with database.begin() as connection:
        row = ledger.begin_log(connection, campaign["id"], "24h", 1, "first", NOW)
    return row.log_id


# The words


@pytest.mark.parametrize(
    ("table", "statuses"), [("list_maintenance_log", set(RunStatus)), ("list_health_check", WEEKLY_STATUSES)]
)
def test_the_database_knows_the_same_statuses(database: Database, table: str, statuses: set[RunStatus]) -> None:
    (found,) = rows(
        database,
        f"""select pg_get_constraintdef(oid) as words from pg_constraint
            where conrelid = 'list_pipeline.{table}'::regclass and conname = '{table}_status_check'""",
    )
    assert set(re.findall(r"'(\w+)'::text", found["words"])) == {status.value for status in statuses}


# Who may change it


def lose_the_race(database: Database, log_id: int) -> None:
    """End an attempt that another connection ends between the look at it and the write."""
    with database.begin() as slow:
        seen = ledger.attempt_of(slow, log_id)
        with database.begin() as fast:
            ledger.end_log(fast, log_id, seen.status, RunStatus.SUCCESS, NOW)
        ledger.add_error(slow, log_id, "suppression", "went wrong")
        ledger.end_log(slow, log_id, seen.status, RunStatus.FAILED, NOW + timedelta(minutes=1))


def test_who_loses_a_race_gets_an_error_and_overwrites_nothing(database: Database) -> None:
    log_id = begun(database)
    with pytest.raises(StateChangedError, match="not running any more"):
        lose_the_race(database, log_id)
    (row,) = rows(database, "select status, finished_at, errors from list_pipeline.list_maintenance_log")
    assert row == {"status": "success", "finished_at": NOW, "errors": None}


def test_an_attempt_that_another_run_began_at_the_same_moment_stays(database: Database) -> None:
    log_id = begun(database)
    with database.begin() as connection:
        assert ledger.begin_log(connection, 1, "24h", 1, "second", NOW).log_id == log_id
    assert [row["run_id"] for row in rows(database, "select run_id from list_pipeline.list_maintenance_log")] == [
        "first"
    ]


def begin_validation(database: Database) -> None:
    with database.begin() as connection:
        ledger.begin_validation(connection, 1, "24h", 1, None, NOW)


def test_of_two_that_begin_the_same_validation_one_has_it(database: Database) -> None:
    rows(database, CAMPAIGN)
    begin_validation(database)
    with pytest.raises(StateChangedError, match="at the same moment"):
        begin_validation(database)


def test_a_status_that_may_not_follow_is_refused(database: Database) -> None:
    log_id = begun(database)
    with database.begin() as connection:
        ledger.end_log(connection, log_id, RunStatus.RUNNING, RunStatus.SUCCESS, NOW)
    with pytest.raises(IllegalTransitionError), database.begin() as connection:
        ledger.end_log(connection, log_id, RunStatus.SUCCESS, RunStatus.FAILED, NOW)


def test_what_is_taken_back_keeps_its_end(database: Database) -> None:
    log_id = begun(database)
    for minutes in (5, 90):
        with database.begin() as connection:
            if minutes == 5:
                ledger.end_log(
                    connection, log_id, RunStatus.RUNNING, RunStatus.SUCCESS, NOW + timedelta(minutes=minutes)
                )
            else:
                for _ in range(2):
                    seen = ledger.attempt_of(connection, log_id)
                    at = NOW + timedelta(minutes=minutes)
                    ledger.note_taken_back(connection, seen, RunStatus.ROLLED_BACK, 3, {}, at)
    (row,) = rows(database, "select status, finished_at, execution_time_ms from list_pipeline.list_maintenance_log")
    assert row == {"status": "rolled_back", "finished_at": NOW + timedelta(minutes=5), "execution_time_ms": 300_000}


def test_what_is_done_again_stands_as_before_and_says_nothing_of_an_undo_any_more(database: Database) -> None:
    log_id = begun(database)
    with database.begin() as connection:
        ledger.end_log(connection, log_id, RunStatus.RUNNING, RunStatus.SUCCESS, NOW)
        for status, left in ((RunStatus.PARTLY_ROLLED_BACK, {"unsubscribed": 2}), (RunStatus.ROLLED_BACK, {})):
            ledger.note_taken_back(connection, ledger.attempt_of(connection, log_id), status, 3, left, NOW)
        seen = ledger.attempt_of(connection, log_id)
        assert (seen.status_before_undo, seen.changes_taken_back, seen.left_because) == (RunStatus.SUCCESS, 3, {})
        ledger.note_taken_back(connection, seen, RunStatus.SUCCESS, 0, {"done_again": 3}, NOW + timedelta(hours=1))
    (row,) = rows(
        database,
        """select status, finished_at, status_before_undo, changes_taken_back, changes_left, left_because
           from list_pipeline.list_maintenance_log""",
    )
    assert list(row.values()) == ["success", NOW, None, None, None, None]


def test_a_sign_of_life_leaves_what_ended_alone(database: Database) -> None:
    log_id = begun(database)
    with database.begin() as connection:
        ledger.end_log(connection, log_id, RunStatus.RUNNING, RunStatus.FAILED, NOW)
        assert not life.touch(connection, life.LEDGER, log_id, NOW + timedelta(hours=1))
        ledger.touch_log(connection, log_id, "late", NOW + timedelta(hours=1))
    (row,) = rows(database, "select status, run_id from list_pipeline.list_maintenance_log")
    assert row == {"status": "failed", "run_id": "first"}


def test_a_sign_of_life_does_not_outdate_what_is_cached(database: Database) -> None:
    log_id = begun(database)
    before = rows(database, "select campaigns from list_pipeline.data_version")
    with database.begin() as connection:
        ledger.touch_log(connection, log_id, None, NOW + timedelta(minutes=1))
    assert rows(database, "select campaigns from list_pipeline.data_version") == before
    with database.begin() as connection:
        ledger.end_log(connection, log_id, RunStatus.RUNNING, RunStatus.SUCCESS, NOW)
    assert rows(database, "select campaigns from list_pipeline.data_version") != before


# Rows of before there were columns

DIED = {"stage": "run", "error": "its run died", "count": 1}
GAVE_UP = {"stage": "attempts", "error": "the last attempt failed; nothing more happens by itself", "count": 3}
LATE = {"stage": "rebalancing", "error": "the deadline of 30 minutes passed", "count": 1}
BROKEN = {"stage": "suppression", "error": "went wrong", "count": 2}
OLD = {
    1: ("success", None),
    2: ("failed", [BROKEN]),
    3: ("failed", [DIED, GAVE_UP]),
    4: ("partial_success", [BROKEN, GAVE_UP, LATE]),
    5: ("partial_success", [LATE]),
    6: ("running", [BROKEN]),
    7: ("rolled_back", [GAVE_UP]),
}


def test_what_was_an_error_becomes_a_column_and_the_way_back_makes_it_one_again(database: Database) -> None:
    while rollback(database) != ["0017_run_life"]:
        pass
    ((campaign),) = rows(database, CAMPAIGN)
    with psycopg.connect(database.url, autocommit=True) as connection:
        for attempt, (status, errors) in OLD.items():
            connection.execute(
                """insert into list_pipeline.list_maintenance_log (campaign_schedule_id, maintenance_type, attempt,
                       executed_at, touched_at, finished_at, execution_time_ms, ai_assessments, before_state, after_state,
                       status, errors) values (%s, 'post_campaign', %s, %s, %s, %s, 1, '{}', '{}', '{}', %s, %s)""",
                (
                    campaign["id"], attempt, NOW, NOW, None if status == "running" else NOW + timedelta(hours=1), status,
                    None if errors is None else psycopg.types.json.Jsonb(errors),
                ),
            )  # fmt: skip
    before = rows(database, "select * from list_pipeline.list_maintenance_log order by attempt")
    migrate(database)
    with database.begin() as connection:
        found = {row["attempt"]: ledger.attempt_of(connection, row["id"]) for row in before}
    end = NOW + timedelta(hours=1)
    assert {number for number, row in found.items() if row.gave_up_at == end} == {3, 4, 7}
    assert {number for number, row in found.items() if row.timed_out_at == end} == {3}
    assert {number for number, row in found.items() if row.deadline_passed_at == end} == {4, 5}
    assert {number: list(row.errors) for number, row in found.items()} == {
        1: [], 2: [BROKEN], 3: [DIED], 4: [BROKEN, LATE], 5: [LATE], 6: [BROKEN], 7: [],
    }  # fmt: skip
    while rollback(database) != ["0017_run_life"]:
        pass
    after = rows(database, "select * from list_pipeline.list_maintenance_log order by attempt")
    for old, new in zip(before, after, strict=True):
        given = [{**one, "count": old["attempt"]} if one["stage"] == "attempts" else one for one in old["errors"] or ()]
        assert sorted(new["errors"] or (), key=str) == sorted(given, key=str)
        assert {**new, "errors": None} == {**old, "errors": None}
