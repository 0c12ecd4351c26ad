"""The deadline of an attempt: past it nothing more is begun, what was begun is brought to its end, and all of it is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reports.maintenance_report import write_report
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.runs.run import begin, current, deadline_of, due, is_past_deadline
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

MINUTE = timedelta(minutes=1)
PASSED = "the deadline of 30 minutes passed"


def errors(made: Installation) -> list[dict[str, Any]]:
    ((found,),) = made.query("select errors from list_maintenance_log order by attempt desc limit 1")
    return list(found or ())


def status(made: Installation) -> str:
    return str(made.query("select status from list_maintenance_log order by attempt desc limit 1")[0][0])


def report(made: Installation) -> str:
    return as_text(write_report(made.services, current(made.services, made.key)).message)


def test_an_attempt_has_as_many_minutes_as_the_setting_says_and_a_resume_does_not_add_any(
    install_small: Install,
) -> None:
    with install_small(list_maintenance_deadline_minutes=30) as made:
        began = made.clock.now()
        run = made.begin()
        assert deadline_of(made.services, run) == began + 30 * MINUTE
        made.clock.advance(20 * MINUTE)
        again = begin(made.services, made.key, run_id="second")
        assert again.log.log_id == run.log.log_id
        assert deadline_of(made.services, again) == began + 30 * MINUTE
        made.clock.advance(10 * MINUTE - timedelta(seconds=1))
        assert not is_past_deadline(made.services, again)
        made.clock.advance(timedelta(seconds=1))
        assert is_past_deadline(made.services, again)


def test_past_the_deadline_no_suppression_begins_and_the_next_attempt_finds_the_plan_as_it_is(
    install_small: Install,
) -> None:
    with install_small(list_maintenance_deadline_minutes=30) as made:
        run = made.decide_suppression()
        made.clock.advance(31 * MINUTE)
        plan, goes_on, _ = workflow.open_suppression_gate(made.services, run)
        assert not goes_on
        assert made.changing_requests() == {}
        assert status(made) == "failed"
        assert errors(made) == [{"stage": "suppression", "error": PASSED, "count": 4}]
        words = report(made)
        assert "The deadline of this attempt passed" in words
        made.clock.advance(15 * MINUTE)
        (one,) = due(made.services)
        assert one.attempt == 2
        assert made.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
        assert made.plan(PlanKind.SUPPRESSION).plan_id == plan.plan_id
        made.assert_suppressed(made.account.ids(*HARD, COMPLAINED))


def test_past_the_deadline_the_rebalancing_is_not_begun_and_that_is_said(install_small: Install) -> None:
    with install_small(list_maintenance_deadline_minutes=30) as made:
        run = made.decide_suppression()
        suppression.execute_suppressions(made.services, run, quietly)
        made.clock.advance(31 * MINUTE)
        assert workflow.open_rebalancing_gate(made.services, run)[:2] == (None, False)
        assert made.query("select count(*) from plan where kind = 'rebalancing'") == [(0,)]
        assert status(made) == "partial_success"
        assert errors(made) == [{"stage": "rebalancing", "error": PASSED, "count": 1}]
        words = report(made)
        assert "Not begun: the deadline passed first." in words
        assert "No contact had to change lists" not in words
        made.clock.advance(timedelta(days=1))
        assert due(made.services) == []
        assert status(made) == "partial_success"


def test_suppressions_that_take_too_long_are_left_to_people_and_those_that_were_begun_are_finished(
    install_small: Install,
) -> None:
    with install_small(list_maintenance_deadline_minutes=2, mailjet_job_contacts=1) as made:
        # The first bulk job takes longer than there is time, so that not everybody's can be begun.
        made.control.set_switches(job_latency_seconds=130)
        facts = made.maintain().report.facts
        made.control.set_switches(job_latency_seconds=0)
        assert facts.status is RunStatus.PARTIAL_SUCCESS
        confirmed, failed = facts.suppression.confirmed_total, facts.suppression.failed_total
        assert confirmed >= 1
        assert failed >= 1
        assert confirmed + failed == 4
        assert {"stage": "suppression", "error": "the deadline of 2 minutes passed", "count": failed} in errors(made)
        assert {"stage": "rebalancing", "error": "the deadline of 2 minutes passed", "count": 1} in errors(made)
        # Nobody is left half done: suppressed as a whole, or as before.
        done = {row[0] for row in made.query("select contact_id from contact_suppression_history")}
        assert len(done) == confirmed
        made.assert_suppressed(done)
        left = made.account.ids(*HARD, COMPLAINED) - done
        assert not left & made.excluded()
        queued = made.query(
            "select contact_id, summary from review_item where kind = 'failed_item' and status = 'open'"
        )
        assert {contact_id for contact_id, _ in queued} == left
        assert made.query("select 1 from plan where kind = 'rebalancing'") == []


def test_moves_that_take_too_long_are_left_where_they_are(install_small: Install) -> None:
    with install_small(list_maintenance_deadline_minutes=30, mailjet_job_contacts=1) as made:
        run = made.decide_rebalancing()
        made.clock.advance(31 * MINUTE)
        before = made.control.digest()
        executed = rebalancing.execute_rebalancing(made.services, run, quietly)
        assert made.control.digest() == before
        assert (executed.confirmed, executed.failed) == (0, 3)
        assert {"stage": "rebalancing", "error": PASSED, "count": 3} in errors(made)
        assert "rolled back" not in str(errors(made))
        facts = write_report(made.services, current(made.services, made.key)).facts
        assert facts.status is RunStatus.PARTIAL_SUCCESS


def test_time_that_a_plan_waited_for_a_person_does_not_count(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_maintenance_deadline_minutes=30) as made:
        assert made.maintain().report.facts.status is RunStatus.PENDING_REVIEW
        made.clock.advance(timedelta(hours=5))
        plan = made.plan(PlanKind.SUPPRESSION)
        reviews.approve(made.services, plan.plan_id, by="A. Person", content_hash=plan.content_hash)
        made.maintain(run_id="second")
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED
        made.assert_suppressed(made.account.ids(*HARD, COMPLAINED))
        ((since,),) = made.query("select working_since from list_maintenance_log")
        assert since >= made.clock.now() - 30 * MINUTE


@pytest.mark.parametrize("minutes", [0, -1])
def test_a_deadline_of_no_time_is_no_setting(install_small: Install, minutes: int) -> None:
    with pytest.raises(ValueError, match="deadline"), install_small(list_maintenance_deadline_minutes=minutes):
        pass
