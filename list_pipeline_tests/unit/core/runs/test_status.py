"""How a run stands."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import list_pipeline
from list_pipeline.core.errors import IllegalTransitionError
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.runs.status import (
    FINAL,
    OPEN,
    RUN_LIFE,
    TAKEN_BACK,
    WEEKLY_STATUSES,
    RunStatus,
    run_status,
    status_after_undo,
)


class TestRunStatus:
    @pytest.mark.parametrize(
        ("numbers", "status"),
        [
            ({"planned": 0, "confirmed": 0}, RunStatus.SUCCESS),
            ({"planned": 5, "confirmed": 5}, RunStatus.SUCCESS),
            ({"planned": 5, "confirmed": 3, "skipped": 2}, RunStatus.SUCCESS),
            ({"planned": 5, "confirmed": 4, "rejected": 1}, RunStatus.SUCCESS),
            ({"planned": 245, "confirmed": 200, "failed": 45}, RunStatus.PARTIAL_SUCCESS),
            ({"planned": 5, "confirmed": 3, "waiting": 2}, RunStatus.PARTIAL_SUCCESS),
            ({"planned": 5, "confirmed": 3}, RunStatus.PARTIAL_SUCCESS),
            ({"planned": 5, "confirmed": 0, "failed": 5}, RunStatus.FAILED),
            ({"planned": 5, "confirmed": 0, "failed": 1, "waiting": 4}, RunStatus.FAILED),
            ({"planned": 5, "confirmed": 0}, RunStatus.FAILED),
            ({"planned": 5, "confirmed": 0, "waiting": 5}, RunStatus.PENDING_REVIEW),
            ({"planned": 5, "confirmed": 0, "rejected": 5}, RunStatus.REJECTED),
            ({"planned": 5, "confirmed": 0, "read_only": True}, RunStatus.READ_ONLY),
            ({"planned": 0, "confirmed": 0, "read_only": True}, RunStatus.SUCCESS),
            ({"planned": 5, "confirmed": 5, "rolled_back": True}, RunStatus.ROLLED_BACK),
        ],
    )
    def test_it_says_what_really_happened(self, numbers: dict[str, int], status: RunStatus) -> None:
        assert run_status(**numbers) is status  # type: ignore[arg-type]

    @given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
    def test_a_failed_item_is_never_a_success(self, confirmed: int, skipped: int, failed: int, waiting: int) -> None:
        planned = confirmed + skipped + failed + waiting
        status = run_status(planned=planned, confirmed=confirmed, skipped=skipped, failed=failed, waiting=waiting)
        assert (status is RunStatus.SUCCESS) == (not failed and not waiting)

    @pytest.mark.parametrize(
        "numbers",
        [{"planned": 1, "confirmed": 2}, {"planned": 1, "confirmed": -1}, {"planned": 5, "confirmed": 5, "failed": -1}],
    )
    def test_numbers_that_do_not_fit_are_refused(self, numbers: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="do not fit"):
            run_status(**numbers)  # type: ignore[arg-type]


class TestTransitions:
    def test_every_status_has_its_row_in_the_table(self) -> None:
        assert set(RUN_LIFE.table) == set(RunStatus)
        assert set().union(*RUN_LIFE.table.values()) == set(RunStatus)

    def test_a_status_is_open_final_or_failed(self) -> None:
        assert OPEN | FINAL | {RunStatus.FAILED} == set(RunStatus)
        assert not OPEN & FINAL
        for status in RunStatus:
            assert status.is_open is (status in OPEN)
            assert status.is_final is (status in FINAL)

    def test_a_weekly_check_waits_for_nobody_and_takes_nothing_back(self) -> None:
        assert {RunStatus.RUNNING, RunStatus.SUCCESS, RunStatus.FAILED} == WEEKLY_STATUSES

    @pytest.mark.parametrize("final", sorted(FINAL | {RunStatus.FAILED}))
    def test_what_ended_is_at_most_taken_back_done_again_or_works_again(self, final: RunStatus) -> None:
        ends = FINAL | {RunStatus.FAILED}
        assert RUN_LIFE.table[final] <= (ends if final in TAKEN_BACK else TAKEN_BACK | {RunStatus.RUNNING})


class TestAfterAnUndo:
    @pytest.mark.parametrize(
        ("numbers", "status"),
        [
            ({"taken_back": 5, "left": 0}, RunStatus.ROLLED_BACK),
            ({"taken_back": 5, "left": 1}, RunStatus.PARTLY_ROLLED_BACK),
            ({"taken_back": 0, "left": 5}, RunStatus.SUCCESS),
            ({"taken_back": 0, "left": 0, "withdrawn": 1}, RunStatus.ROLLED_BACK),
            ({"taken_back": 0, "left": 2, "withdrawn": 1}, RunStatus.PARTLY_ROLLED_BACK),
        ],
    )
    def test_only_what_left_nothing_is_rolled_back(self, numbers: dict[str, int], status: RunStatus) -> None:
        assert status_after_undo(RunStatus.SUCCESS, **numbers) is status

    @pytest.mark.parametrize("before", [*RunStatus])
    def test_what_was_done_again_ends_as_before_or_has_another_attempt(self, before: RunStatus) -> None:
        after = status_after_undo(before, taken_back=0, left=3)
        assert after is (before if before in FINAL - TAKEN_BACK else RunStatus.FAILED)
        assert RUN_LIFE.allows(RunStatus.ROLLED_BACK, after)


class TestStaying:
    def test_a_success_never_fails_afterwards(self) -> None:
        with pytest.raises(IllegalTransitionError, match="it is success"):
            RUN_LIFE.advance(RunStatus.SUCCESS, RunStatus.FAILED)

    def test_a_legal_step_is_taken(self) -> None:
        assert RUN_LIFE.advance(RunStatus.RUNNING, RunStatus.PENDING_REVIEW) is RunStatus.PENDING_REVIEW


class TestWords:
    def test_no_sql_about_runs_spells_a_status(self) -> None:
        # What a plan can be too is not told apart in a text that asks about both.
        words = {status.value for status in RunStatus} - {status.value for status in PlanStatus}
        spelled = re.compile("|".join(f"'{word}'" for word in words))
        package = Path(list_pipeline.__file__).parent
        found = {
            f"{path.relative_to(package)}:{node.lineno}"
            for path in package.rglob("*.py")
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            if ("list_maintenance_log" in node.value or "list_health_check" in node.value)
            and spelled.search(node.value)
        }
        assert found == set()
