"""Mailjet is away, slow, or does not say what became of a bulk job: nobody is given up for that, and it goes on by itself."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from list_pipeline.cli import main as cli
from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.errors import NotFoundError, RefusedError, UnavailableError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepNote
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.maintenance.workflow import write_report_and_states
from list_pipeline.operations.plans import outcomes, single_contacts
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.dead_jobs import declare_dead, look_for_lost_jobs
from list_pipeline.operations.plans.execution import stop_and_settle
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reports.maintenance_report import notify
from list_pipeline.operations.runs.run import current, due
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.lock import mutation_lock
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import approve_question, carry_out

SUPPRESSED = (*HARD, COMPLAINED)
JOB = "contact/managemanycontacts$"


def go_on_for(made: Installation, most: timedelta) -> list[RunStatus]:
    """What the sensors do from minute to minute: start what is due, and report it. Returns how each attempt ended."""
    until, ended = made.clock.now() + most, []
    while made.clock.now() < until:
        for one in due(made.services):
            with contextlib.suppress(UnavailableError):
                made.maintain(made.another(), run_id=one.run_key)
            run = current(made.services, one.campaign_key)
            notify(made.services, run, write_report_and_states(made.services, run))
            ended.append(run.log.status)
        made.clock.sleep(300)
    return ended


@pytest.mark.parametrize(("status", "minutes"), [(500, 5), (503, 200)])
def test_an_unavailable_mailjet_uses_up_no_attempts_and_the_maintenance_goes_on_by_itself(
    small: Installation, status: int, minutes: int
) -> None:
    small.control.add_fault("status", path=JOB, method="POST", status=status, count=None)
    ended = go_on_for(small, timedelta(minutes=minutes))
    assert set(ended) == {RunStatus.FAILED}
    states = {(step.state, step.attempts) for step in small.steps(PlanKind.SUPPRESSION) if step.action != "remove"}
    assert states == {("planned", 0)}
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.APPROVED
    small.control.clear_faults()
    assert go_on_for(small, timedelta(hours=3))[0] is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    told = small.query("select state from notification where log_id is not null")
    assert [state for (state,) in told].count("sent") == 2, "once that Mailjet is away, and once what was done"
    assert small.query("select count(*) from review_item where kind = 'failed_item'") == [(0,)]


def test_a_mailjet_that_is_away_for_weeks_uses_up_no_attempts_either(small: Installation) -> None:
    small.control.add_fault("status", path=JOB, method="POST", status=503, count=None)
    go_on_for(small, timedelta(minutes=5))
    # As after two weeks of one attempt every two hours.
    small.query(
        """insert into list_maintenance_log overriding system value
           select (jsonb_populate_record(l, jsonb_build_object('attempt', n, 'id', nextval('list_maintenance_log_id_seq')))).*
           from list_maintenance_log l, generate_series(2, 170) n returning id"""
    )
    small.clock.sleep(timedelta(hours=2).total_seconds())
    assert set(go_on_for(small, timedelta(minutes=5))) == {RunStatus.FAILED}
    assert small.query("select count(*) from list_maintenance_log where gave_up_at is not null") == [(0,)]
    small.control.clear_faults()
    small.clock.sleep(timedelta(hours=2).total_seconds())
    assert go_on_for(small, timedelta(minutes=5)) == [RunStatus.SUCCESS]
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


@pytest.mark.parametrize("with_retry_after", [True, False])
def test_a_fifteenth_of_the_configured_rate_costs_no_attempt_of_a_maintenance(
    install_small: Install, with_retry_after: bool
) -> None:
    with install_small(mailjet_requests_per_minute=300) as made:
        made.control.set_switches(rate_limit_per_minute=20, rate_limit_retry_after=with_retry_after)
        assert made.maintain().report.facts.status is RunStatus.SUCCESS
        assert current(made.services, made.key).log.attempt == 1
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert {(step.state, step.attempts) for step in made.steps(PlanKind.REBALANCING)} == {("confirmed", 1)}


def test_a_slow_job_whose_answer_is_lost_is_not_given_up_while_it_may_run(small: Installation) -> None:
    run = small.decide_rebalancing()
    small.control.set_switches(job_latency_seconds=3600.0)
    small.control.add_fault("drop_after", path=JOB, method="POST", count=None)
    for _ in range(4):
        with pytest.raises(UnavailableError):
            rebalancing.execute_rebalancing(small.another(), run, quietly)
        small.clock.sleep(600)
    assert {step.state for step in small.steps(PlanKind.REBALANCING)} == {"planned"}
    # The first of them takes effect, late.
    small.control.clear_faults()
    small.control.set_switches(job_latency_seconds=1.0)
    small.clock.sleep(3600)
    rebalancing.execute_rebalancing(small.another(), run, quietly)
    moved = [step.contact_id for step in small.steps(PlanKind.REBALANCING)]
    assert {step.state for step in small.steps(PlanKind.REBALANCING)} == {"confirmed"}
    small.clock.sleep(3 * 3600)
    for contact in moved:
        assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1


def test_nothing_is_taken_back_while_a_job_of_which_nothing_is_known_may_run(small: Installation) -> None:
    run = small.decide_suppression()
    small.control.add_fault("drop_before", path=JOB, method="POST", count=None)
    with pytest.raises(UnavailableError):
        suppression.execute_suppressions(small.services, run, quietly)
    small.control.clear_faults()
    plan_id = small.plan(PlanKind.SUPPRESSION).plan_id
    with mutation_lock(small.services.database, small.clock, "a test") as lock:
        with pytest.raises(UnavailableError, match="may still take effect"):
            stop_and_settle(small.services, plan_id, lock, StepNote.UNDONE)
        small.clock.sleep(EXECUTION.job_may_run.total_seconds() + 60)
        stop_and_settle(small.services, plan_id, lock, StepNote.UNDONE)
    assert {step.state for step in small.steps(PlanKind.SUPPRESSION)} == {"skipped"}


def lost_suppressions(made: Installation, how: str) -> None:
    """A suppression plan of which every bulk job was posted and every answer lost."""
    run = made.decide_suppression()
    made.control.add_fault(how, path=JOB, method="POST", count=None)
    with pytest.raises(UnavailableError):
        suppression.execute_suppressions(made.services, run, quietly)
    made.control.clear_faults()
    assert made.query("select distinct state from mailjet_job") == [("lost",)]


def test_jobs_of_which_nothing_is_known_are_over_when_they_may_run_no_longer(small: Installation) -> None:
    lost_suppressions(small, "drop_before")
    look_for_lost_jobs(small.services, quietly)
    assert small.query("select distinct state from mailjet_job") == [("lost",)]
    small.clock.sleep(EXECUTION.job_may_run.total_seconds() + 60)
    # Whoever changes something next settles them, whatever it is.
    single_contacts.suppress(small.another(), small.account.people[47], by="Ada", note="asked us to", progress=quietly)
    assert small.query("select distinct state from mailjet_job where error like '%lost%'") == [("failed",)]
    notes = small.query("select distinct note from change_step where state = 'planned' and action <> 'remove'")
    assert notes == [("had_no_effect",)]
    assert small.maintain(small.another(), run_id="again").report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_what_a_lost_job_of_a_plan_that_was_taken_back_did_late_is_no_drift(small: Installation) -> None:
    small.control.set_switches(job_latency_seconds=3600.0)
    lost_suppressions(small, "drop_after")
    with pytest.raises(UnavailableError):
        undo_maintenance(small.services, small.key, by="Ada", progress=quietly)
    small.clock.sleep(3700)
    assert all(ListRole.SUPPRESSION in small.places(contact_id) for contact_id in small.account.ids(*SUPPRESSED))
    look_for_lost_jobs(small.services, quietly)
    found = reconcile(small.services, progress=quietly)
    assert not [one for one in found.findings if one.kind is DriftKind.SUPPRESSED_BY_OTHERS]
    small.clock.sleep(EXECUTION.job_may_run.total_seconds())
    look_for_lost_jobs(small.services, quietly)
    assert small.query("select distinct state from mailjet_job") == [("failed",)]
    assert {step.state for step in small.steps(PlanKind.SUPPRESSION) if step.action != "remove"} == {"confirmed"}
    # Nothing was forgotten: the undo is done when a person asks again.
    small.control.set_switches(job_latency_seconds=1.0)
    undo_maintenance(small.another(), small.key, by="Ada", progress=quietly)
    assert not small.account.ids(*HARD) & small.members(ListRole.SUPPRESSION)


def test_a_job_that_mailjet_does_not_show_in_its_first_seconds_is_waited_for(small: Installation) -> None:
    small.control.set_switches(job_visible_after_seconds=20.0)
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.query("select distinct state from mailjet_job") == [("finished",)]
    assert {step.attempts for step in small.steps(PlanKind.SUPPRESSION) if step.state == "confirmed"} == {1}


def test_a_job_that_never_ends_is_named_and_the_rest_goes_on_when_a_person_declares_it_dead(
    install_small: Install,
) -> None:
    with install_small(mailjet_job_timeout_seconds=60.0) as made:
        made.control.add_fault("job_never_ends", path=JOB, method="POST")
        run = made.decide_suppression()
        for _ in range(5):
            with pytest.raises(UnavailableError):
                suppression.execute_suppressions(made.another(), run, quietly)
        ((number,),) = made.query("select mailjet_job_id from mailjet_job")
        ((words,),) = made.query("select summary from review_item where kind = 'finding' and status = 'open'")
        assert f"list-pipeline job-is-dead {number}" in words
        with pytest.raises(RefusedError):
            declare_dead(made.services, number, by="Ada", note=" ")
        declare_dead(made.services, number, by="Ada", note="Mailjet's support says so")
        assert made.query("select state, dead_by from mailjet_job") == [("failed", "Ada")]
        assert made.query("select status from review_item where kind = 'finding'") == [("resolved",)]
        suppression.execute_suppressions(made.another(), run, quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        with pytest.raises(NotFoundError):
            declare_dead(made.services, number, by="Ada", note="again")


def test_many_contacts_that_could_not_be_changed_are_one_question(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.control.set_switches(jobs_without_effect=True)
    monkeypatch.setattr(outcomes, "EXECUTION", replace(EXECUTION, single_questions=2))
    small.maintain()
    asked = small.query(
        "select contact_id, details -> 'contact_ids' from review_item r join plan p using (plan_id)"
        " where r.kind = 'failed_item' and p.kind = 'suppression'"
    )
    assert [(one, set(many)) for one, many in asked] == [(None, small.account.ids(*SUPPRESSED))]
    # One answer for all of them.
    small.control.set_switches(jobs_without_effect=False)
    approve_question(small, "failed_item")
    carry_out(small)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_the_command_ends_with_one_where_the_ledger_says_that_the_maintenance_failed(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.control.set_switches(jobs_without_effect=True)
    monkeypatch.setattr(cli, "opened_services", lambda: contextlib.nullcontext(small.services))
    said = CliRunner().invoke(cli.app, ["maintain", small.key])
    assert small.query("select status from list_maintenance_log") == [("failed",)]
    assert said.exit_code == 1, said.output


@pytest.mark.parametrize("how", ["drop_before", "drop_after"])
def test_nothing_of_an_undone_plan_is_begun_because_a_job_of_it_was_lost(small: Installation, how: str) -> None:
    small.control.set_switches(job_latency_seconds=2 * 3600.0)
    lost_suppressions(small, how)
    with pytest.raises(UnavailableError, match="ask for it again"):
        undo_maintenance(small.services, small.key, by="Ada", progress=quietly)
    small.control.reset_requests()
    small.control.set_switches(job_latency_seconds=1.0)
    small.clock.sleep(3700)
    while waiting := to_carry_out(small.services):
        for one in waiting:
            carry_out_correction(small.another(), one.plan_id, quietly)
        small.clock.sleep(3700)
    suppressed = small.account.ids(*SUPPRESSED)
    ((status, left),) = small.query("select status, changes_left from list_maintenance_log")
    if how == "drop_before":
        assert small.changing_requests() == {}
        assert not suppressed & small.members(ListRole.SUPPRESSION)
        assert (status, left) == ("rolled_back", 0)
    else:
        # What took effect late is half done, and brought to its end; the ledger says that it stands.
        small.assert_suppressed(suppressed)
        assert (status, left) == ("partly_rolled_back", len(suppressed))
