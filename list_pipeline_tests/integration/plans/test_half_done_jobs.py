"""Jobs that end halfway: what was done stands in the history, what Mailjet forgot is settled, and nothing is lost."""

from __future__ import annotations

import re

import pytest

from list_pipeline.core.errors import TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Dying, Installation, Killed, quietly

pytestmark = pytest.mark.long

JOB = "contact/managemanycontacts$"
SUPPRESSED = (*HARD, COMPLAINED)


def history(made: Installation) -> dict[int, list[str]]:
    """Contact to the lists that the history says they were taken off."""
    return dict(made.query("select contact_id, removed_from_lists from contact_suppression_history"))


def test_history_stands_although_the_removals_failed_and_is_completed_later(small: Installation) -> None:
    run = small.decide_suppression()
    small.control.add_fault("rate_limited", path=JOB, method="POST", nth=2, count=None, retry_after=1)
    with pytest.raises(TransientError):
        suppression.execute_suppressions(small.services, run, quietly)
    everybody = small.account.ids(*SUPPRESSED)
    assert history(small) == {contact_id: [] for contact_id in everybody}
    assert everybody <= small.members(ListRole.CAMPAIGN_3)
    written = small.query("select id, suppressed_at from contact_suppression_history order by 1")
    small.control.clear_faults()
    suppression.execute_suppressions(small.another(), run, quietly)
    list_3 = str(small.account.lists.campaign_3)
    assert history(small) == {contact_id: [list_3] for contact_id in everybody}
    assert small.query("select id, suppressed_at from contact_suppression_history order by 1") == written
    small.assert_suppressed(everybody)


def test_removals_that_were_interrupted_are_made_although_others_were_skipped(small: Installation) -> None:
    """Lists that a contact is not on are skipped before the job is posted; the one that it is on must not go with them."""
    run = small.decide_suppression()
    # Killed between the skipping and the posting.
    with pytest.MonkeyPatch.context() as patch:
        dying = Dying()
        dying.install(patch)

        def dies_at_the_sizes(words: str) -> None:
            if "remove" in words:
                dying.nth = len(dying.seen) + 1

        with pytest.raises(Killed):
            suppression.execute_suppressions(small.services, run, dies_at_the_sizes)
    notes = small.query("select distinct list_role, state, note from change_step where action = 'remove' order by 1")
    assert notes == [
        ("campaign_1", "skipped", "not_a_member"),
        ("campaign_2", "skipped", "not_a_member"),
        ("campaign_3", "planned", None),
    ]
    suppression.execute_suppressions(small.another(), run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED


@pytest.mark.parametrize("latency", [0.3, 25.0])
def test_a_job_that_mailjet_forgot_is_settled_from_the_lists(small: Installation, latency: float) -> None:
    small.control.set_switches(job_latency_seconds=latency)
    run = small.decide_suppression()
    with pytest.MonkeyPatch.context() as patch:
        dying = Dying()
        dying.install(patch)

        def dies_after_the_first_submission(words: str) -> None:
            # Sizes, the job, and then the first look at its state.
            dying.nth = len(dying.seen) + 3

        with pytest.raises(Killed):
            suppression.execute_suppressions(small.services, run, dies_after_the_first_submission)
    assert re.search(r"managemanycontacts/\d+$", dying.seen[-1])
    assert small.query("select state, mailjet_job_id is null from mailjet_job") == [("submitted", False)]
    small.control.add_fault("status", path=r"managemanycontacts/\d+$", status=404, count=1)
    suppression.execute_suppressions(small.another(), run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.control.requests()["POST contact/managemanycontacts"] == 2
    assert set(history(small)) == small.account.ids(*SUPPRESSED)


@pytest.mark.parametrize("status", [404, 500])
def test_an_unreadable_error_file_does_not_stop_the_settling(small: Installation, status: int) -> None:
    small.control.add_fault("job_error", path=JOB, method="POST")
    small.control.add_fault("status", path="/DATA/batchjob/", status=status, count=None)
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    state, error = small.query("select state, error from mailjet_job order by job_id")[0]
    assert state == "failed"
    assert "the error file could not be read" in error


def test_refusals_by_a_rate_limit_use_up_no_attempts(small: Installation) -> None:
    run = small.decide_suppression()
    small.control.add_fault("rate_limited", path=JOB, method="POST", count=None, retry_after=1)
    for _ in range(EXECUTION.attempts_per_step + 1):
        with pytest.raises(TransientError):
            # Each waits for a quarter of an hour before it gives up.
            suppression.execute_suppressions(small.another(list_maintenance_deadline_minutes=600), run, quietly)
        first_wave = [step for step in small.steps(PlanKind.SUPPRESSION) if step.action != "remove"]
        assert {(step.state, step.attempts, step.job_id) for step in first_wave} == {("planned", 0, None)}
    assert history(small) == {}
    small.control.clear_faults()
    suppression.execute_suppressions(small.another(list_maintenance_deadline_minutes=600), run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert {step.attempts for step in small.steps(PlanKind.SUPPRESSION) if step.state == "confirmed"} == {1}
