"""Taking things back from the Dagster UI: the jobs a person launches, and the sensor that continues what died."""

from __future__ import annotations

import dagster as dg
import pytest

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.plans.settling import Settling
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures, strings_in
from list_pipeline_tests.e2e.rehearsals import SUPPRESSION

pytestmark = pytest.mark.long


def launch(home: DagsterHome, job: str, op: str, **config: object) -> dg.ExecuteInProcessResult:
    """A job launched from the Launchpad."""
    return home.defs.resolve_job_def(job).execute_in_process(
        instance=home.instance, run_config={"ops": {op: {"config": config}}}, raise_on_error=False
    )


def reachable(home: DagsterHome) -> dict[int, tuple[frozenset[int], bool]]:
    """Everybody's lists and exclusion, as Mailjet has them."""
    people = home.rehearsal.people()
    return {i: (lists, people[i]["IsExcludedFromCampaigns"]) for i, lists in home.rehearsal.places().items()}


def complained(home: DagsterHome) -> set[int]:
    rows = home.rehearsal.rows("select contact_id from contact_suppression_history where reason = 'complaint'")
    return {int(row["contact_id"]) for row in rows}


def test_the_undo_job_restores_everybody_but_those_who_complained(home: DagsterHome, due: dg.RunRequest) -> None:
    before = reachable(home)
    assert home.execute(due).success
    assert reachable(home) != before
    key = str(due.partition_key)
    result = launch(home, "undo_maintenance", "take_maintenance_back", campaign_key=key, by="ada", note="a rehearsal")
    assert result.success
    after, stay = reachable(home), complained(home)
    assert {i for i, one in after.items() if one != before[i]} == stay
    row = home.rehearsal.rows("select status, changes_left, left_because from list_maintenance_log")[0]
    assert dict(row) == {
        "status": "partly_rolled_back",
        "changes_left": len(stay),
        "left_because": {"complaint": len(stay)},
    }
    again = launch(home, "undo_maintenance", "take_maintenance_back", campaign_key=key, by="ada")
    assert again.success
    assert reachable(home) == after


def test_the_redo_job_takes_an_undo_back_and_again_finds_nothing_to_do(home: DagsterHome, due: dg.RunRequest) -> None:
    assert home.execute(due).success
    done, key = reachable(home), str(due.partition_key)
    # A redo does not keep anybody from mail anew: the quarantine was a matter of days.
    kept = {int(row["contact_id"]) for row in home.rehearsal.rows("select contact_id from quarantine")}
    assert launch(home, "undo_maintenance", "take_maintenance_back", campaign_key=key, by="ada").success
    for _ in range(2):
        assert launch(
            home, "redo_maintenance", "do_maintenance_again", campaign_key=key, by="eve", note="it was right"
        ).success
        again = reachable(home)
        assert {i for i, one in again.items() if one != done[i]} == kept
        assert {again[i] for i in kept} == {(done[i][0], False) for i in kept}
    # The quarantine alone stays taken back.
    assert home.rehearsal.scalar("select status from list_maintenance_log") == "partly_rolled_back"


def test_a_contact_suppressed_and_reinstated_from_the_ui_is_where_it_was(home: DagsterHome) -> None:
    before = reachable(home)
    contact = next(i for i, (lists, _) in sorted(before.items()) if len(lists) == 2 and SUPPRESSION not in lists)
    assert launch(home, "suppress_contact", "suppress_by_hand", contact_id=contact, by="ada", reason="asked us").success
    assert SUPPRESSION in reachable(home)[contact][0]
    assert launch(home, "reinstate_contact", "take_suppression_back", contact_id=contact, by="ada").success
    assert reachable(home) == before


def test_what_is_refused_says_so_in_words(home: DagsterHome) -> None:
    result = launch(home, "reinstate_contact", "take_suppression_back", contact_id=1, by="ada")
    assert not result.success
    (said,) = failures(result).values()
    assert "not suppressed by us" in " ".join(strings_in(result.all_events)) + said


def test_an_undo_that_died_is_continued_by_the_sensor(
    home: DagsterHome, due: dg.RunRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = reachable(home)
    assert home.execute(due).success
    key = str(due.partition_key)

    def die(*_: object) -> None:
        raise ConnectionAbortedError("the process is gone")

    with monkeypatch.context() as patch:
        patch.setattr(Settling, "finish", die)
        assert not launch(home, "undo_maintenance", "take_maintenance_back", campaign_key=key, by="ada").success
    assert home.requests("corrections_to_carry_out") == []
    home.rehearsal.pass_time(minutes=6)
    job = home.defs.resolve_job_def("carry_out_correction")
    # Moves and enrolments, suppressions, and the quarantine.
    requests = home.requests("corrections_to_carry_out")
    assert len(requests) == 3
    for request in requests:
        result = job.execute_in_process(instance=home.instance, run_config=request.run_config, raise_on_error=False)
        assert result.success
    assert home.requests("corrections_to_carry_out") == []
    rows = home.rehearsal.rows("select kind, status from plan where kind = 'undo'")
    assert [(row["kind"], row["status"]) for row in rows] == 3 * [(PlanKind.UNDO, PlanStatus.EXECUTED)]
    assert {i for i, one in reachable(home).items() if one != before[i]} == complained(home)
