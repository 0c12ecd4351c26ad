"""Two processes at the same journal: whoever comes second finds out, and overwrites nothing.

The lock of the lists keeps processes apart; these guards hold where it was lost without being noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from list_pipeline.core.errors import IllegalTransitionError, StateChangedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import JobState, StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction
from list_pipeline.storage.database import Database, fetch_all, fetch_scalar
from list_pipeline.storage.plans import bulk_jobs, journal
from list_pipeline.storage.plans.journal import NewChange, NewStep, Step
from list_pipeline_tests.integration.races import lose_race
from list_pipeline_tests.integration.storage.test_schema_constraints import A_CAMPAIGN, A_PLAN

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
Job = tuple[int, tuple[Step, ...]]


@pytest.fixture
def database(copy_of: Callable[[str], str], migrated: str) -> Iterator[Database]:
    """A plan that suppresses one contact and moves another, nothing of it begun."""
    opened = Database(copy_of(migrated))
    with opened.begin() as connection:
        for statement in (A_CAMPAIGN, A_PLAN):
            connection.execute(text(statement))
        journal.open_changes(
            connection,
            plan_of(connection),
            [
                NewChange(7, ItemAction.SUPPRESS, {}, [NewStep(StepAction.ADD, ListRole.SUPPRESSION)]),
                NewChange(8, ItemAction.MOVE, {}, [NewStep(StepAction.ADD, ListRole.CAMPAIGN_1)]),
            ],
            NOW,
        )
    yield opened
    opened.close()


def plan_of(connection: Connection) -> int:
    return int(fetch_scalar(connection, "select plan_id from plan"))


def read(database: Database) -> tuple[Step, ...]:
    with database.begin() as connection:
        return journal.steps_of(connection, plan_of(connection))


def stored(database: Database) -> list[tuple[Any, ...]]:
    statement = "select state, note, attempts, job_id is not null from change_step order by change_id"
    with database.begin() as connection:
        return [tuple(row.values()) for row in fetch_all(connection, statement)]


def begin(connection: Connection, steps: tuple[Step, ...]) -> Job:
    return bulk_jobs.begin_job(connection, plan_of(connection), steps, {}, 2, {}, 1, NOW)


def begun(database: Database) -> Job:
    with database.begin() as connection:
        return begin(connection, journal.steps_of(connection, plan_of(connection)))


def submitted(database: Database) -> Job:
    job_id, steps = begun(database)
    with database.begin() as connection:
        bulk_jobs.job_submitted(connection, job_id, steps, 77, NOW)
    return job_id, read(database)


def settle(steps: tuple[Step, ...], state: StepState, note: StepNote | None = None) -> Callable[[Connection], None]:
    return lambda connection: journal.settle_steps(connection, steps, state, LATER, note)


def test_one_of_two_jobs_for_the_same_steps_is_begun(database: Database) -> None:
    steps = read(database)
    raised = lose_race(database, lambda c: begin(c, steps), lambda c: begin(c, steps))
    assert isinstance(raised, StateChangedError)
    assert stored(database) == [("submitting", None, 1, True)] * 2
    with database.begin() as connection:
        assert fetch_scalar(connection, "select count(*) from mailjet_job") == 1


def test_a_step_that_somebody_settled_is_not_settled_otherwise(database: Database) -> None:
    _, steps = submitted(database)
    raised = lose_race(database, settle(steps, StepState.CONFIRMED), settle(steps, StepState.FAILED))
    assert isinstance(raised, StateChangedError)
    assert [row[0] for row in stored(database)] == ["confirmed"] * 2


def test_none_of_many_steps_is_settled_when_somebody_moved_one_of_them_on(database: Database) -> None:
    _, steps = submitted(database)
    winner, loser = settle(steps[:1], StepState.PLANNED, StepNote.HAD_NO_EFFECT), settle(steps, StepState.CONFIRMED)
    raised = lose_race(database, winner, loser)
    assert isinstance(raised, StateChangedError)
    assert "1 of 2 were moved on by somebody else" in str(raised)
    assert [row[0] for row in stored(database)] == ["planned", "submitted"]


def test_what_a_person_took_back_is_not_begun(database: Database) -> None:
    steps = read(database)
    raised = lose_race(database, settle(steps, StepState.SKIPPED, StepNote.UNDONE), lambda c: begin(c, steps))
    assert isinstance(raised, StateChangedError)
    assert stored(database) == [("skipped", "undone", 0, False)] * 2


def test_a_job_that_somebody_ended_gets_no_id_of_mailjet(database: Database) -> None:
    job_id, steps = begun(database)
    raised = lose_race(
        database,
        lambda c: bulk_jobs.job_ended(c, job_id, JobState.FAILED, "lost", LATER),
        lambda c: bulk_jobs.job_submitted(c, job_id, steps, 77, LATER),
    )
    assert isinstance(raised, StateChangedError)
    with database.begin() as connection:
        found = fetch_all(connection, "select state, mailjet_job_id, error from mailjet_job")
    assert [tuple(row.values()) for row in found] == [("failed", None, "lost")]


def test_a_job_ends_once(database: Database) -> None:
    job_id, _ = submitted(database)
    raised = lose_race(
        database,
        lambda c: bulk_jobs.job_ended(c, job_id, JobState.FINISHED, None, NOW),
        lambda c: bulk_jobs.job_ended(c, job_id, JobState.FAILED, "late", LATER),
    )
    assert isinstance(raised, StateChangedError)
    with database.begin() as connection:
        found = fetch_all(connection, "select state, error, finished_at from mailjet_job")
    assert [tuple(row.values()) for row in found] == [("finished", None, NOW)]


def test_steps_that_were_settled_meanwhile_are_not_given_back(database: Database) -> None:
    _, steps = begun(database)
    raised = lose_race(database, settle(steps, StepState.CONFIRMED), lambda c: journal.give_back(c, steps, LATER))
    assert isinstance(raised, StateChangedError)
    assert stored(database) == [("confirmed", None, 1, True)] * 2


def test_a_note_is_written_only_to_steps_that_stand_as_they_were_read(database: Database) -> None:
    steps = read(database)
    raised = lose_race(
        database,
        settle(steps, StepState.SKIPPED, StepNote.UNDONE),
        lambda c: journal.note_steps(c, steps, StepNote.WAS_THERE_ALREADY),
    )
    assert isinstance(raised, StateChangedError)
    assert [row[1] for row in stored(database)] == ["undone"] * 2


def test_what_was_given_back_counts_no_attempt_and_may_be_begun_again(database: Database) -> None:
    _, steps = begun(database)
    with database.begin() as connection:
        journal.give_back(connection, steps, LATER)
    assert stored(database) == [("planned", None, 0, False)] * 2
    begun(database)


def test_a_step_that_is_over_is_not_moved_on_at_all(database: Database) -> None:
    with database.begin() as connection:
        settle(journal.steps_of(connection, plan_of(connection)), StepState.SKIPPED)(connection)
    steps = read(database)
    with database.begin() as connection, pytest.raises(IllegalTransitionError, match="Making a step confirmed"):
        settle(steps, StepState.CONFIRMED)(connection)
