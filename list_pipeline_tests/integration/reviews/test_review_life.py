"""The life of a question: asked, decided by those who may, left to lapse, and carried out exactly once and as it was shown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import (
    RefusedError,
    TransientError,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews.decisions import (
    Expired,
    approve,
    expire,
    expire_overdue,
    reject,
    reject_item,
)
from list_pipeline.operations.runs.run import due
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import (
    PLAN,
    REBALANCING,
    SUPPRESSED,
    hold,
    question,
    waiting,
)

pytestmark = pytest.mark.long


def test_a_rejected_plan_leaves_mailjet_as_it_is(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", enrol_newcomers="all") as made:
        made.maintain()
        before = made.control.digest()
        assert waiting(made) == made.account.ids(*SUPPRESSED)
        reject(made.services, made.plan(PLAN).plan_id, by="ada")
        assert waiting(made) == set()
        made.maintain(run_id="second")
        reject(made.services, made.plan(REBALANCING).plan_id, by="ada")
        assert made.maintain(run_id="third").report.facts.status is RunStatus.REJECTED
        assert made.control.digest() == before


def test_of_two_approvals_of_one_plan_the_second_is_refused_and_it_is_executed_once(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        plan = made.plan(PLAN)
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        with pytest.raises(RefusedError, match="approved"):
            approve(made.services, plan.plan_id, by="bob", content_hash=plan.content_hash)
        assert made.plan(PLAN).decided_by == "ada"
        made.maintain(run_id="second")
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        jobs = made.query("select count(*) from mailjet_job")
        made.maintain(run_id="third")
        assert made.query("select count(*) from mailjet_job") == jobs
        assert made.query("select count(*) from contact_suppression_history") == [(len(SUPPRESSED),)]


def test_an_expired_plan_counts_as_empty_and_the_rebalancing_goes_on(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", enrol_newcomers="all") as made:
        made.maintain()
        decided = expire(made.services, made.plan(PLAN).plan_id, by="ada", note="nobody@example.com is away")
        assert (decided.status, decided.decided_by) == (PlanStatus.EXPIRED, "ada")
        assert made.query("select status, note from review_item where kind = 'plan'") == [
            ("expired", "[address] is away")
        ]
        (one,) = due(made.services)
        made.maintain(run_id=one.run_key)
        plan = made.plan(REBALANCING)
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        assert made.maintain(run_id="third").report.facts.rebalancing.confirmed > 0
        assert not made.members(ListRole.SUPPRESSION) & made.account.ids(*SUPPRESSED)


def test_plans_that_nobody_decides_on_lapse_with_the_clock_and_the_sensor_goes_on(install_small: Install) -> None:
    settings = {"list_management_mode": "approval_required", "enrol_newcomers": "all", "list_review_expiry_hours": 5}
    with install_small(**settings) as made:
        made.maintain()
        before = made.control.digest()
        made.clock.set(made.plan(PLAN).created_at + timedelta(hours=5))
        assert expire_overdue(made.services) == []
        made.clock.advance(timedelta(minutes=1))
        assert expire_overdue(made.services) == [Expired(made.plan(PLAN).plan_id)]
        assert expire_overdue(made.services) == []
        assert (made.plan(PLAN).status, made.plan(PLAN).decided_by) == (PlanStatus.EXPIRED, "nobody")
        assert waiting(made) == set()
        with pytest.raises(RefusedError, match="expired"):
            approve(made.services, made.plan(PLAN).plan_id, by="ada", content_hash=made.plan(PLAN).content_hash)
        (one,) = due(made.services)
        assert made.maintain(run_id=one.run_key).report.facts.status is RunStatus.PENDING_REVIEW
        assert made.plan(REBALANCING).status is PlanStatus.PENDING_REVIEW
        assert made.control.digest() == before


def test_the_next_sweep_judges_anew_whom_an_expired_plan_would_have_suppressed(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        expire(made.services, made.plan(PLAN).plan_id, by="ada")
        # The lists are even, so that there is nothing to rebalance.
        assert made.maintain(run_id="second").report.facts.status is RunStatus.REJECTED
        made.clock.advance(timedelta(hours=48))
        automatic = made.another(list_management_mode="auto")
        assert [one.campaign_key for one in due(automatic, sweep=Sweep.H72)] == [made.key]
        workflow.maintain(automatic, made.key, sweep=Sweep.H72, run_id="third", progress=quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))


def test_complaints_that_were_begun_are_brought_to_their_end_although_their_plan_is_turned_down(
    install_small: Install,
) -> None:
    with install_small(suppression_cap_percent=1.0) as made:
        made.control.add_fault("status", path=r"managemanycontacts/\d+$", status=503, count=None)
        with pytest.raises(TransientError):
            made.maintain()
        made.control.clear_faults()
        made.clock.advance(timedelta(minutes=5))
        reject(made.services, made.plan(PLAN).plan_id, by="ada")
        made.maintain(run_id="second")
        made.assert_suppressed(made.account.ids(COMPLAINED))
        assert not made.members(ListRole.SUPPRESSION) & made.account.ids(*HARD)
        assert made.query("select count(*) from change_step where state in ('planned', 'submitting', 'submitted')") == [
            (0,)
        ]


# Who may decide


def test_only_those_whom_the_setting_names_may_decide_however_they_write_their_name(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_reviewers=" Ada Lovelace ,bob") as made:
        made.maintain()
        plan = made.plan(PLAN)
        for decide in (
            lambda: approve(made.services, plan.plan_id, by="mallory", content_hash=plan.content_hash),
            lambda: reject(made.services, plan.plan_id, by="ada"),
            lambda: expire(made.services, plan.plan_id, by="Bob Lovelace"),
        ):
            with pytest.raises(NotAReviewerError, match="LIST_REVIEWERS"):
                decide()
        assert made.plan(PLAN) == plan
        approve(made.services, plan.plan_id, by="ADA lovelace", content_hash=plan.content_hash)
        assert made.plan(PLAN).decided_by == "ADA lovelace"


@pytest.mark.parametrize("by", ["", "  ", "gate", "Nobody", "ada@example.com"])
def test_a_decision_names_a_person_and_no_address(install_small: Install, by: str) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        with pytest.raises(RefusedError):
            reject_item(made.services, question(made, "incident"), by=by)
