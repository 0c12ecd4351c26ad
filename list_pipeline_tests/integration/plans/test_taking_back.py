"""An undo and a rollback on a whole account: everybody is back, nothing is taken back that may still be going on, and what was
not begun is never done."""

from __future__ import annotations

import pytest

from list_pipeline.core.errors import RefusedError, TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance.workflow import write_report_and_states
from list_pipeline.operations.plans.single_contacts import reinstate
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Dying,
    Installation,
    Killed,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.interception import before, named
from list_pipeline_tests.integration.plans.test_corrections import messages, prepared, state, statuses, undo

JOB = "contact/managemanycontacts$"


def test_an_undo_despite_complaints_restores_the_state_exactly(small: Installation) -> None:
    before = state(small)
    small.maintain()
    undo(small, despite_complaint=True)
    assert state(small) == before
    assert statuses(small) == ["rolled_back"]
    assert {step.state for kind in (PlanKind.SUPPRESSION, PlanKind.REBALANCING) for step in small.steps(kind)} <= {
        "compensated",
        "skipped",
    }


def test_a_maintenance_that_died_half_way_can_be_undone(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(small)
    with monkeypatch.context() as patch:
        Dying(2, "after", "POST /v3/REST/contact/managemanycontacts").install(patch)
        with pytest.raises(Killed):
            small.maintain()
    assert state(small) != before
    undo(small, despite_complaint=True)
    assert state(small) == before


def test_nothing_is_taken_back_while_a_job_may_still_be_running(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_timeout_seconds=5) as made:
        made.control.add_fault("job_never_ends", method="POST", path=JOB)
        with pytest.raises(TransientError):
            made.maintain()
        made.control.reset_requests()
        with pytest.raises(TransientError, match="still"):
            undo(made)
        assert made.changing_requests() == {}


def test_what_waits_is_withdrawn_by_an_undo_and_is_not_done_afterwards(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        assert plan.status is PlanStatus.PENDING_REVIEW
        made.control.reset_requests()
        assert undo(made) == []
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.WITHDRAWN
        asked = "select status, decided_by, withdrawn_by from review_item where kind = 'plan'"
        assert made.query(asked) == [("withdrawn", None, "ada")]
        assert statuses(made) == ["rolled_back"]
        with pytest.raises(RefusedError):
            approve(made.services, plan.plan_id, by="bob", content_hash=plan.content_hash)
        assert made.changing_requests() == {}


def test_a_rebalancing_of_which_too_many_fail_is_rolled_back_and_compared_with_before(small: Installation) -> None:
    run = prepared(small)
    before = state(small)
    # The first job of the moves works; the second, which takes them off their old list, never has an effect.
    small.control.add_fault("job_without_effect", method="POST", path=JOB, nth=3, count=4)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert state(small) == before
    assert statuses(small) == ["rolled_back"]
    (told,) = messages(small, "rolled back")
    assert "Manual review needed" in told


def test_a_rollback_that_could_take_nothing_back_is_no_success(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(small)

    def empty_the_list() -> None:
        for contact in small.members(ListRole.CAMPAIGN_3):
            small.take_off(ListRole.CAMPAIGN_3, contact)

    with monkeypatch.context() as patch:
        # Between the two waves: who was added is gone again, and then leaves the old list.
        before(patch, lambda request: named(request) == f"POST /v3/REST/{JOB[:-1]}", empty_the_list, nth=2)
        rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.query("select count(*) from change c join plan p using (plan_id) where p.kind = 'rollback'") == [(0,)]
    report = write_report_and_states(small.services, run)
    assert (report.facts.status, statuses(small)) == (RunStatus.PARTIAL_SUCCESS, ["partial_success"])
    (told,) = messages(small, "Critical")
    assert "Manual fix required" in told
    assert small.query("select reason from list_state_history where event = 'unexpected'") == []


def test_a_reinstated_contact_is_back_on_its_list_mailable_and_off_the_suppression_list(
    maintained: Installation,
) -> None:
    small = maintained
    contact = small.account.people[HARD[0]]
    done = reinstate(small.services, contact, by="ada", note="they wrote to us")
    assert done.facts.is_complete
    assert small.places(contact) == {ListRole.MASTER, ListRole.CAMPAIGN_3}
    assert contact not in small.excluded()
    others = small.account.ids(*HARD[1:], COMPLAINED)
    small.assert_suppressed(others)
