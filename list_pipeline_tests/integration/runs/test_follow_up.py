"""What follows a stage, a check or a validation may fail: the work stays done, and the fault is seen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from list_pipeline.core.errors import TransientError
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.plans import undo
from list_pipeline.operations.runs import run as runs
from list_pipeline.operations.runs.run import begin, stage
from list_pipeline.operations.views import cache_warming
from list_pipeline.operations.weekly import report as weekly_report
from list_pipeline.storage import list_states as state_rows
from list_pipeline.storage.runs import ledger as ledger_rows
from list_pipeline_tests.integration.accounts import Installation

pytestmark = pytest.mark.long

GONE = OperationalError("select", {}, Exception("the server is gone; it told jane.doe@example.com"))


def errors(made: Installation) -> list[tuple[str, str]]:
    ((found,),) = made.query("select errors from list_maintenance_log order by attempt desc limit 1")
    return [(entry["stage"], entry["error"]) for entry in found or ()]


def break_it(*_: object, **__: object) -> None:
    raise GONE


def test_a_fault_in_deriving_list_states_leaves_a_maintenance_successful_and_is_seen(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(state_rows, "seen_maintenance", break_it)
        assert small.maintain().report.facts.status is RunStatus.SUCCESS
    assert small.query("select attempt, status from list_maintenance_log") == [(1, "success")]
    assert {name for name, _ in errors(small)} == {"list_states"}
    assert "jane.doe" not in str(errors(small))
    seen = [entry for entry in logs if entry["event"] == "what follows a step failed"]
    assert {entry["log_level"] for entry in seen} == {"error"}
    assert {entry["what"] for entry in seen} == {"noting the states of the lists"}
    # What was not noted is made up for.
    state_history.catch_up(small.services)
    noted = {each.event.value for each in state_history.history(small.services)}
    assert "completed" in noted


def test_a_fault_in_telling_about_lists_leaves_a_stage_successful(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_history, "_queue_alerts", lambda *_: [{"message_key": "one"}])
    monkeypatch.setattr(state_history, "post", break_it)
    run = begin(small.services, small.key, run_id="first")
    with stage(small.services, run, "fetch_bounces"):
        pass
    workflow.note_list_states(small.services, run)
    assert small.query("select status from list_maintenance_log") == [("running",)]
    assert [name for name, _ in errors(small)] == ["list_states"]


def test_a_cache_that_cannot_be_filled_leaves_a_maintenance_successful(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_warming, "refresh", break_it)
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    assert errors(small) == []


def test_leaving_a_stage_does_nothing_but_write_down_how_it_went(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_history, "note", break_it)
    monkeypatch.setattr(state_history, "catch_up", break_it)
    run = begin(small.services, small.key, run_id="first")
    with stage(small.services, run, "fetch_bounces"):
        pass
    assert errors(small) == []


def test_a_sign_of_life_that_cannot_be_kept_leaves_a_stage_successful(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(small.services, small.key, run_id="first")
    with monkeypatch.context() as patched:
        patched.setattr(ledger_rows, "touch_log", break_it)
        with stage(small.services, run, "fetch_bounces"):
            small.clock.advance(timedelta(minutes=2))
            small.services.mailjet.contact_lists()
    assert small.query("select status, errors from list_maintenance_log") == [("running", None)]


def test_what_failed_first_is_raised_also_where_it_cannot_be_written_down(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begin(small.services, small.key, run_id="first")
    monkeypatch.setattr(runs, "end_failed", break_it)
    with pytest.raises(TransientError, match="something broke"), stage(small.services, run, "suppression"):
        raise TransientError("Suppressing", "something broke", "Run again")


def test_a_failure_is_in_the_ledger_also_where_the_states_of_the_lists_cannot_be_noted(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_rows, "seen_maintenance", break_it)
    small.control.add_fault("status", path="bouncestatistics", status=503, count=None)
    with pytest.raises(TransientError):
        small.maintain(run_id="first")
    assert small.query("select status from list_maintenance_log") == [("failed",)]
    assert {name for name, _ in errors(small)} == {"fetch_bounces", "list_states"}


def test_an_undo_is_done_also_where_the_states_of_the_lists_cannot_be_noted(
    maintained: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = maintained
    monkeypatch.setattr(state_rows, "seen_maintenance", break_it)
    assert undo.undo_maintenance(small.services, small.key, by="A. Person", sweep=Sweep.H24, despite_complaint=True)
    assert small.query("select status from list_maintenance_log") == [("rolled_back",)]


def test_a_weekly_check_is_over_also_where_the_states_of_the_lists_cannot_be_noted(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_history, "note_monitored", break_it)
    weekly_report.check_week(small.services)
    assert small.query("select status, errors from list_health_check") == [("success", None)]
