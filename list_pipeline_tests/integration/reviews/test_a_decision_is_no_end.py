"""What follows a person's decision: it is carried out at once and by itself, and nothing is reported as over before that."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance.workflow import write_report_and_states
from list_pipeline.operations.reviews.decisions import approve, expire, reject
from list_pipeline.operations.runs.run import current, due, unreported
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import PLAN, REBALANCING, SUPPRESSED

WAITS = {"list_management_mode": "approval_required"}


def report_now(made: Installation) -> RunStatus:
    """The report as any run writes it that comes between the decision and what follows it."""
    return write_report_and_states(made.services, current(made.services, made.key)).facts.status


def decide(made: Installation, kind: PlanKind, decision: str) -> None:
    plan = made.plan(kind)
    assert plan.status is PlanStatus.PENDING_REVIEW
    if decision == "approve":
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
    elif decision == "reject":
        reject(made.services, plan.plan_id, by="ada")
    else:
        expire(made.services, plan.plan_id, by="ada")


def go_on(made: Installation) -> RunStatus:
    """The run that is asked for because somebody decided: exactly one."""
    (one,) = due(made.services)
    assert one.goes_on
    return made.maintain(run_id=one.run_key).report.facts.status


@pytest.mark.parametrize("decision", ["approve", "reject", "expire"])
def test_between_a_decision_and_what_follows_the_maintenance_neither_ends_nor_is_reported(
    install_small: Install, decision: str
) -> None:
    with install_small(**WAITS, enrol_newcomers="all") as made:
        made.maintain()
        assert unreported(made.services) == []
        decide(made, PLAN, decision)
        assert unreported(made.services) == []
        assert report_now(made) is RunStatus.PENDING_REVIEW
        # The suppressions are done or dropped, and the rebalancing asks next.
        assert go_on(made) is RunStatus.PENDING_REVIEW
        assert due(made.services) == []
        decide(made, REBALANCING, decision)
        assert unreported(made.services) == []
        wanted = RunStatus.SUCCESS if decision == "approve" else RunStatus.REJECTED
        assert report_now(made) is RunStatus.PENDING_REVIEW
        assert go_on(made) is wanted
        assert due(made.services) == []
        assert made.plan(REBALANCING).executed_at is not None or decision != "approve"
        assert made.query("select attempt, status from list_maintenance_log") == [(1, wanted.value)]


def test_a_plan_that_waits_is_told_also_after_the_one_before_it_was_decided(install_small: Install) -> None:
    with install_small(**WAITS, enrol_newcomers="all") as made:
        made.maintain()
        decide(made, PLAN, "reject")
        go_on(made)
        made.query("delete from notification returning 1")
        (one,) = unreported(made.services)
        assert one.campaign_key == made.key


def test_what_a_person_approved_of_a_past_campaign_is_carried_out_by_itself(small: Installation) -> None:
    small.clock.advance(timedelta(days=10))
    small.maintain()
    decide(small, PLAN, "approve")
    assert go_on(small) is RunStatus.PENDING_REVIEW
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_an_approved_plan_that_meets_a_stop_is_carried_out_when_the_stop_is_lifted(install_small: Install) -> None:
    with install_small(**WAITS) as made:
        made.maintain()
        decide(made, PLAN, "approve")
        with made.another(list_management_mode="read_only") as stopped:
            (one,) = due(stopped)
            with pytest.raises(Exception, match="Changing a list"):
                made.maintain(stopped, run_id=one.run_key)
        assert made.query("select attempt, status from list_maintenance_log") == [(1, "read_only")]
        go_on(made)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
