"""Two who decide on the same plan or question at the same moment: the first one's word stands, and the second is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from list_pipeline.core.errors import IllegalTransitionError, StateChangedError
from list_pipeline.core.plans.gate import GateOutcome, GateRecord
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.database import Database, fetch_all, fetch_scalar
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.races import Write, lose_race
from list_pipeline_tests.integration.storage.test_schema_constraints import A_CAMPAIGN, A_PLAN

LET_THROUGH = GateRecord(GateOutcome.APPROVED, alert=False, may_run=1, waiting=(), checks=())

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
PLANNED, WAITS, APPROVED, REJECTED, EXPIRED, EXECUTED, *_ = PlanStatus


@pytest.fixture
def database(copy_of: Callable[[str], str], migrated: str) -> Iterator[Database]:
    """A plan that waits for a person, with a question about one of its contacts."""
    opened = Database(copy_of(migrated))
    with opened.begin() as connection:
        # An undo, whose summary may be empty.
        for statement in (A_CAMPAIGN, A_PLAN.replace("'suppression'", "'undo'")):
            connection.execute(text(statement))
        connection.execute(text("update plan set status = 'pending_review'"))
        ask(connection, ReviewKind.PLAN, 7)
    yield opened
    opened.close()


def ask(connection: Connection, kind: ReviewKind, contact_id: int | None = None) -> None:
    plan_rows.add_review_item(
        connection,
        campaign_id=None,
        plan_id=plan_of(connection),
        kind=kind,
        contact_id=contact_id,
        summary="may it?",
        details={},
        now=NOW,
    )


def plan_of(connection: Connection) -> int:
    return int(fetch_scalar(connection, "select plan_id from plan"))


def only(connection: Connection) -> int:
    return int(fetch_scalar(connection, "select review_id from review_item"))


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.begin() as connection:
        return [tuple(row.values()) for row in fetch_all(connection, statement)]


def plan(database: Database) -> tuple[Any, ...]:
    return rows(database, "select status, decided_by, executed_at from plan")[0]


def decide(seen: PlanStatus, wanted: PlanStatus, by: str) -> Write:
    return lambda connection: plan_rows.decide(connection, plan_of(connection), seen, wanted, by, NOW)


def answer(status: ReviewStatus, by: str) -> Write:
    return lambda connection: review_rows.decide_review(connection, only(connection), status, by, None, NOW)


def executed(at: datetime) -> Write:
    return lambda connection: plan_rows.mark_executed(connection, plan_of(connection), at)


def approved(database: Database) -> None:
    with database.begin() as connection:
        decide(WAITS, APPROVED, "ada")(connection)


def test_of_two_decisions_on_a_plan_the_first_stands(database: Database) -> None:
    raised = lose_race(database, decide(WAITS, APPROVED, "ada"), decide(WAITS, REJECTED, "bob"))
    assert isinstance(raised, StateChangedError)
    assert "somebody else was faster" in str(raised)
    assert plan(database) == ("approved", "ada", None)


def test_what_may_not_follow_is_refused_before_anything_is_written(database: Database) -> None:
    with database.begin() as connection, pytest.raises(IllegalTransitionError, match="Making a plan executed"):
        decide(WAITS, EXECUTED, "ada")(connection)
    assert plan(database) == ("pending_review", None, None)


def test_a_plan_that_was_taken_back_while_it_was_carried_out_does_not_count_as_executed(database: Database) -> None:
    approved(database)
    withdrawn = text("update plan set status = 'withdrawn', withdrawn_at = created_at, withdrawn_by = 'bob'")
    raised = lose_race(database, lambda c: c.execute(withdrawn), executed(LATER))
    assert isinstance(raised, StateChangedError)
    assert plan(database) == ("withdrawn", "ada", None)


def test_a_plan_that_two_found_settled_is_marked_once(database: Database) -> None:
    approved(database)
    assert lose_race(database, executed(NOW), executed(LATER)) is None
    assert plan(database) == ("executed", "ada", NOW)


def test_a_person_who_decides_while_the_gate_does_is_not_overruled(database: Database) -> None:
    with database.begin() as connection:
        seen = plan_rows.plan_by_id(connection, plan_of(connection))
    assert seen is not None
    raised = lose_race(
        database,
        decide(WAITS, REJECTED, "ada"),
        lambda c: plan_rows.set_gate(c, seen, APPROVED, LET_THROUGH, NOW, "gate"),
    )
    assert isinstance(raised, StateChangedError)
    assert rows(database, "select status, decided_by, gate from plan") == [("rejected", "ada", {})]


def test_of_two_answers_to_a_question_the_first_stands(database: Database) -> None:
    raised = lose_race(database, answer(ReviewStatus.APPROVED, "ada"), answer(ReviewStatus.REJECTED, "bob"))
    assert isinstance(raised, StateChangedError)
    assert rows(database, "select status, decided_by from review_item") == [("approved", "ada")]


def test_an_approval_that_was_withdrawn_is_not_noted_as_carried_out(database: Database) -> None:
    with database.begin() as connection:
        answer(ReviewStatus.APPROVED, "ada")(connection)
    raised = lose_race(
        database,
        lambda c: review_rows.close_questions(c, plan_of(c), ReviewStatus.REJECTED, "bob", None, NOW),
        lambda c: review_rows.mark_executed(c, [only(c)], LATER),
    )
    assert isinstance(raised, StateChangedError)
    found = rows(database, "select status, decided_by, withdrawn_by, executed_at from review_item")
    assert found == [("withdrawn", "ada", "bob", None)]


def test_a_question_that_was_answered_does_not_lapse(database: Database) -> None:
    approved(database)
    lapsed: list[tuple[int, ...]] = []
    raised = lose_race(
        database,
        answer(ReviewStatus.APPROVED, "ada"),
        lambda c: lapsed.append(review_rows.expire_questions(c, LATER, LATER, LATER)),
    )
    assert (raised, lapsed) == (None, [()])
    assert rows(database, "select status, decided_by from review_item") == [("approved", "ada")]


def test_a_note_about_drift_is_closed_once(database: Database) -> None:
    with database.begin() as connection:
        connection.execute(text("delete from review_item"))
        drift_rows.add_drift_item(connection, "drift", {}, NOW)
        ids = [only(connection)]
    raised = lose_race(
        database,
        lambda c: drift_rows.close_drift_items(c, ids, ReviewStatus.APPROVED, "ada", None, NOW),
        lambda c: drift_rows.close_drift_items(c, ids, ReviewStatus.RESOLVED, "nobody", None, LATER),
    )
    assert isinstance(raised, StateChangedError)
    assert rows(database, "select status, decided_by from review_item") == [("approved", "ada")]
