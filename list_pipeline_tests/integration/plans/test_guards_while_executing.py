"""What stops a plan that is being carried out, right before its next request: each guard of it in a quick test.

The long rehearsals play the same in whole workflows.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import ChangesStoppedError, UnavailableError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepState
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.operations.plans.single_contacts import reinstate
from list_pipeline.operations.runs.run import deadline_of
from list_pipeline.operations.safety import modes
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage import lock_numbers
from list_pipeline.storage.lock import LockLostError
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.plans.test_execution import Watched

JOBS = "POST contact/managemanycontacts"
SUPPRESSED = (*HARD, COMPLAINED)


def test_a_run_that_lost_the_lock_changes_nothing_more(small: Installation) -> None:
    run = small.decide_suppression()

    def lose_the_lock(words: str) -> None:
        if "remove" in words:
            ended = small.query(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted"
                " and ((classid::bigint << 32) | objid::bigint) = :key"
                " and database = (select oid from pg_database where datname = current_database())",
                key=lock_numbers.MUTATION,
            )
            assert ended == [(True,)]

    with pytest.raises(LockLostError):
        suppression.execute_suppressions(small.services, run, lose_the_lock)
    assert small.control.requests()[JOBS] == 1
    suppression.execute_suppressions(small.another(), run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_every_job_bears_the_number_of_the_lock_under_which_it_was_posted(small: Installation) -> None:
    run = small.decide_suppression()
    small.query("select nextval('mutation_fence')")  # whoever held it before
    suppression.execute_suppressions(small.services, run, quietly)
    ((last,),) = small.query("select last_value from mutation_fence")
    assert {fence for (fence,) in small.query("select fence from mailjet_job")} == {last}


def test_a_switch_that_another_process_found_off_stops_a_run_before_its_next_job(small: Installation) -> None:
    run = small.decide_suppression()

    def switched_off(words: str) -> None:
        if "remove" in words:
            modes.note_flag(small.another(list_management_enabled=False), by="sensor")

    with pytest.raises(ChangesStoppedError, match="was found off"):
        suppression.execute_suppressions(small.services, run, switched_off)
    assert small.control.requests()[JOBS] == 1


def test_a_database_that_may_have_been_restored_changes_nothing(small: Installation) -> None:
    run = small.decide_suppression()
    away = EXECUTION.away_after + timedelta(minutes=1)
    small.query("update mode_state set last_alive_at = :then returning 1", then=small.clock.now() - away)
    with pytest.raises(ChangesStoppedError, match="reconciled first"):
        suppression.execute_suppressions(small.services, run, quietly)
    assert small.changing_requests() == {}


def test_nobody_is_given_up_while_a_job_whose_answer_was_lost_may_change_them_after_all(small: Installation) -> None:
    run = small.decide_suppression()
    small.control.set_switches(jobs_without_effect=True)
    small.control.add_fault("drop_after", path="contact/managemanycontacts$", method="POST", count=1)
    with pytest.raises(UnavailableError, match="may still take effect"):
        suppression.execute_suppressions(small.services, run, quietly)
    assert {step.state for step in small.steps(PlanKind.SUPPRESSION)} == {StepState.PLANNED}
    small.clock.advance(EXECUTION.job_may_run + timedelta(minutes=1))
    done = suppression.execute_suppressions(small.another(), run, quietly)
    assert (done.confirmed, done.failed) == (0, len(SUPPRESSED))


def test_from_its_deadline_on_a_run_begins_no_change(install_small: Install) -> None:
    with install_small(list_maintenance_deadline_minutes=30) as made:
        run = made.decide_suppression()
        made.clock.advance(deadline_of(made.services, run) - made.clock.now())
        done = suppression.execute_suppressions(made.services, run, quietly)
        assert (done.confirmed, done.failed) == (0, len(SUPPRESSED))
        assert made.changing_requests() == {}


def test_past_its_deadline_a_run_ends_what_it_began_and_nothing_else(install_small: Install) -> None:
    with install_small(list_maintenance_deadline_minutes=30, mailjet_job_contacts=len(SUPPRESSED) - 1) as made:
        run = made.decide_suppression()
        made.control.add_fault("job_without_effect", path="contact/managemanycontacts$", method="POST", nth=1, count=1)

        def takes_long(words: str) -> None:
            if words.startswith("bulk job 1 of 2"):
                made.clock.advance(timedelta(minutes=31))

        done = suppression.execute_suppressions(made.services, run, takes_long)
        assert (done.confirmed, done.failed) == (len(SUPPRESSED) - 1, 1)
        notes = made.query("select distinct note from change_step where state = 'failed'")
        assert notes == [("deadline",)]


def test_an_exclusion_is_lifted_when_its_contact_is_off_the_suppression_list_and_not_before(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact = small.account.people[HARD[0]]
    suppression.execute_suppressions(small.services, small.decide_suppression(), quietly)
    watched = Watched(small)
    watched.install(monkeypatch)
    reinstate(small.services, contact, by="ada")
    (lifted,) = [
        number
        for number, job in enumerate(watched.jobs)
        if any(one.get("IsExcludedFromCampaigns") is False for one in job["Contacts"])
    ]
    assert contact not in watched.members[lifted][ListRole.SUPPRESSION]
    assert contact in watched.excluded[lifted]
    assert contact not in small.excluded()
