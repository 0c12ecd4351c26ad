"""Life cycles: what may follow what, for every status that a row carries."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from list_pipeline.core.errors import IllegalTransitionError
from list_pipeline.core.launches.changes import LAUNCH_LIFE
from list_pipeline.core.life_cycles import LifeCycle
from list_pipeline.core.plans.journal import JOB_LIFE, STEP_LIFE, StepState
from list_pipeline.core.plans.plan import PLAN_LIFE
from list_pipeline.core.runs.status import RUN_LIFE, RunStatus
from list_pipeline.core.validation.schedule_changes import SCHEDULE_LIFE
from list_pipeline_tests.life_cycle_triggers import LIVES

EVERY_LIFE = pytest.mark.parametrize("life", LIVES.values(), ids=[f"{table}.{column}" for table, column in LIVES])


@EVERY_LIFE
def test_whatever_is_not_in_the_table_is_refused(life: LifeCycle[Any]) -> None:
    for current, wanted in itertools.product(life.table, repeat=2):
        if wanted in life.table[current]:
            assert life.advance(current, wanted) is wanted
        else:
            with pytest.raises(IllegalTransitionError, match=f"Making {life.what} {wanted}: it is {current}"):
                life.advance(current, wanted)


def test_a_refused_change_says_what_is_left_to_become() -> None:
    with pytest.raises(IllegalTransitionError, match=r"From there it may become planned\.$"):
        STEP_LIFE.advance(StepState.FAILED, StepState.CONFIRMED)
    with pytest.raises(IllegalTransitionError, match="From there it may become nothing: it is final"):
        STEP_LIFE.advance(StepState.COMPENSATED, StepState.PLANNED)


@EVERY_LIFE
def test_every_word_has_a_row_that_others_lead_to_and_only_a_run_may_come_to_the_same_again(
    life: LifeCycle[Any],
) -> None:
    first, *others = life.table
    assert set(life.table) == set(type(first))
    again = {status for status, following in life.table.items() if status in following}
    assert again == ({RunStatus.PENDING_REVIEW, RunStatus.READ_ONLY} if life is RUN_LIFE else set())
    assert set().union(*life.table.values()) >= set(others), "a status that nothing leads to"


@EVERY_LIFE
def test_a_statement_may_leave_only_what_leads_to_where_it_wants(life: LifeCycle[Any]) -> None:
    for wanted in life.table:
        assert set(life.leaving(wanted)) == {status for status in life.table if wanted in life.table[status]}
        for current in life.table:
            if life.allows(current, wanted):
                assert life.leaving(wanted, current) == (current,)
            else:
                with pytest.raises(IllegalTransitionError):
                    life.leaving(wanted, current)


@EVERY_LIFE
def test_a_table_cannot_be_changed(life: LifeCycle[Any]) -> None:
    with pytest.raises(TypeError):
        life.table[next(iter(life.table))] = frozenset()  # type: ignore[index]


@pytest.mark.parametrize(
    ("life", "written"),
    [
        (
            STEP_LIFE,
            """
            planned: confirmed failed skipped submitting
            submitting: confirmed failed planned skipped submitted
            submitted: confirmed failed planned skipped
            confirmed: compensated skipped
            failed: planned
            skipped: planned
            compensated:
            """,
        ),
        (
            JOB_LIFE,
            """
            submitting: failed lost submitted
            submitted: failed finished lost
            lost: failed
            finished:
            failed:
            """,
        ),
        (
            PLAN_LIFE,
            """
            planned: approved pending_review superseded withdrawn
            pending_review: approved expired rejected superseded withdrawn
            approved: executed pending_review planned superseded withdrawn
            rejected: superseded
            expired: superseded
            executed:
            superseded:
            withdrawn:
            """,
        ),
        (
            RUN_LIFE,
            f"""
            running: failed partial_success partly_rolled_back pending_review read_only rejected rolled_back success
            success: partly_rolled_back rolled_back
            partial_success: partly_rolled_back rolled_back running
            failed: partly_rolled_back rolled_back running
            pending_review: {" ".join(sorted(RunStatus))}
            rejected: partly_rolled_back rolled_back
            rolled_back: failed partial_success partly_rolled_back rejected success
            partly_rolled_back: failed partial_success rejected rolled_back success
            read_only: {" ".join(sorted(RunStatus))}
            """,
        ),
        (
            SCHEDULE_LIFE,
            """
            planned: skipped submitting
            submitting: confirmed failed skipped
            confirmed:
            failed:
            skipped:
            """,
        ),
        (
            LAUNCH_LIFE,
            """
            waiting: approved expired rejected
            approved: expired refused rejected submitting
            rejected:
            expired:
            refused:
            submitting: confirmed failed
            confirmed:
            failed:
            """,
        ),
    ],
    ids=["step", "job", "plan", "run", "schedule", "launch"],
)
def test_runs_plans_steps_jobs_changes_of_schedules_and_launches_go_these_ways_and_no_other(
    life: LifeCycle[Any], written: str
) -> None:
    ways = {current: " ".join(sorted(following)) for current, following in life.table.items()}
    assert ways == {
        current: following.strip()
        for current, _, following in (line.strip().partition(":") for line in written.strip().splitlines())
    }
