"""What a decision needs before it counts, and what is never carried out without one: each guard of it in a quick test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.reviews.approved_items import execute_approved_items, to_carry_out
from list_pipeline.operations.reviews.decisions import (
    approve,
    approve_item,
    expire_overdue,
    reject,
    reject_item,
)
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import PLAN, carry_out, hold, question, status_of


def test_a_plan_is_approved_by_the_hash_that_was_shown_and_by_who_may(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_reviewers="ada") as made:
        made.maintain()
        plan = made.plan(PLAN)
        for shown in ("0" * 64, "", plan.content_hash[:7]):
            with pytest.raises(RefusedError, match="hash"):
                approve(made.services, plan.plan_id, by="ada", content_hash=shown)
        for name in (
            "", "gate", "nobody", "ada@example.com", "ada\x1b[2J", "ada\nbob", "\u3164", "ada\u3164", "\u2800", "...",
            "ada\u200b", "ada\u2060", "ada\u202e", "\uff4eobody", "\u24d6ate", "ada at example.com <ada=40example.com>",
        ):  # fmt: skip
            with pytest.raises(RefusedError, match="a person has to be named"):
                approve(made.services, plan.plan_id, by=name, content_hash=plan.content_hash)
        for name in ("bob", "\u0430da", "\uff41da", "ada.", "ada bob", "ada,bob", "a da", "ada\u0301"):
            with pytest.raises(NotAReviewerError):
                approve(made.services, plan.plan_id, by=name, content_hash=plan.content_hash)
        assert made.plan(PLAN).status is PlanStatus.PENDING_REVIEW
        reject(made.services, plan.plan_id, by="ada")
        with pytest.raises(RefusedError, match="rejected"):
            approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)


def test_a_plan_that_only_was_looked_at_cannot_be_approved(install_small: Install) -> None:
    with install_small(list_management_mode="read_only") as made:
        made.decide_suppression()
        plan = made.plan(PLAN)
        with pytest.raises(RefusedError, match="it is planned"):
            approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        assert made.plan(PLAN).status is PlanStatus.PLANNED


def test_a_plan_that_nobody_decided_on_in_time_is_not_carried_out(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_review_expiry_hours=72) as made:
        made.maintain()
        plan = made.plan(PLAN)
        made.clock.set(plan.created_at + timedelta(hours=72))
        assert expire_overdue(made.services) == []
        made.clock.advance(timedelta(seconds=1))
        assert [one.plan_id for one in expire_overdue(made.services)] == [plan.plan_id]
        with pytest.raises(RefusedError, match="expired"):
            approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        made.maintain(run_id="second")
        assert made.changing_requests() == {}


def test_who_is_held_is_not_suppressed_with_the_plan_and_only_by_a_decision_on_the_incident(
    small: Installation,
) -> None:
    held, rejected = small.account.ids(HARD[0]), small.account.people[HARD[0]]
    hold(small, HARD[0])
    small.maintain()
    assert not small.members(ListRole.SUPPRESSION) & held
    plan, review_id = small.plan(PLAN), question(small, "incident")
    for shown in ("0" * 64, "", plan.content_hash[:7]):
        with pytest.raises(RefusedError, match="hash"):
            approve_item(small.services, review_id, by="ada", content_hash=shown)
    assert status_of(small, review_id) == ("open", False)
    reject_item(small.services, review_id, by="ada")
    assert to_carry_out(small.services) == []
    carry_out(small)
    assert ListRole.SUPPRESSION not in small.places(rejected)


def test_single_contacts_of_a_plan_that_was_not_carried_out_itself_wait_for_it(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        hold(made, HARD[0])
        made.maintain()
        plan = made.plan(PLAN)
        with pytest.raises(RefusedError, match="pending_review"):
            approve_item(made.services, question(made, "incident"), by="ada", content_hash=plan.content_hash)
        with pytest.raises(RefusedError, match="pending_review"):
            execute_approved_items(made.services, plan.plan_id, quietly)
        assert made.changing_requests() == {}
