"""A plan over the cap that two people have to approve: two different ones, in whatever way they come, and each once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from list_pipeline.core.errors import RefusedError, StateChangedError
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateOutcome, GateRecord
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.operations.reviews.approvals import approvals_of
from list_pipeline.operations.reviews.decisions import approve, expire_overdue, reject
from list_pipeline.operations.views.audit import audit_page
from list_pipeline.storage import approvals as approval_rows
from list_pipeline.storage.plans.plan_rows import GATE, StoredPlan
from list_pipeline_tests.integration.offices import Office, office, suppress_items
from list_pipeline_tests.integration.races import lose_race

Open = Callable[..., Office]


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated), list_approvals_over_cap=2) as made:
        yield made


def waiting(here: Office, *, over_cap: bool = True) -> StoredPlan:
    plan = here.plan(items=suppress_items(5, 6))
    checks = (GateCheck("cap", not over_cap, CheckSeverity.WARNING, "2 of 10"),)
    record = GateRecord(GateOutcome.NEEDS_REVIEW, alert=True, may_run=0, waiting=(5, 6), checks=checks)
    with here.services.database.begin() as connection:
        connection.execute(
            text("update plan set gate = cast(:gate as jsonb) where plan_id = :id"),
            {"gate": GATE.text(record), "id": plan.plan_id},
        )
    return here.stored(plan.plan_id)


def give(here: Office, plan: StoredPlan, by: str, **more: Any) -> StoredPlan:
    return approve(here.services, plan.plan_id, by=by, content_hash=plan.content_hash, **more)


def told(here: Office) -> list[str]:
    return [str(words) for (words,) in here.query("select text from notification order by notification_id")]


def test_the_first_approval_is_kept_and_told_and_the_second_one_lets_the_plan_through(here: Office) -> None:
    plan = waiting(here)
    assert give(here, plan, "Ada", way=Way.SLACK).status is PlanStatus.PENDING_REVIEW
    assert approvals_of(here.services, plan).words == "Approved by Ada; one person more has to approve."
    assert here.query("select status from review_item where plan_id = :id", id=plan.plan_id) == [("open",)]
    here.clock.advance(timedelta(minutes=1))
    done = give(here, plan, "Bob", note="seen", way=Way.COMMAND)
    assert (done.status, done.decided_by, done.decided_via) == (PlanStatus.APPROVED, "Bob", Way.COMMAND)
    assert here.query("select person, way, note from plan_approval order by approved_at") == [
        ("Ada", "slack", None), ("Bob", "command", "seen"),
    ]  # fmt: skip
    first, last = told(here)
    assert "Ada approved suppression plan" in first
    assert "in Slack" in first
    assert "one person more has to approve" in first
    assert "Ada and Bob approved 2 changes on the command line" in last
    assert [(one.by, one.what) for one in audit_page(here.services, limit=9).entries] == [
        ("Bob", "plan_approved"), ("Ada", "plan_approved_by_one_of_several"),
    ]  # fmt: skip


@pytest.mark.parametrize("again", ["Ada", " ada ", "\uff21da"])
def test_the_same_person_does_not_count_twice_however_the_name_is_written(here: Office, again: str) -> None:
    plan = waiting(here)
    give(here, plan, "Ada", way=Way.SLACK)
    with pytest.raises(RefusedError, match="approved it before, and it is over the cap: another person has to"):
        give(here, plan, again, way=Way.HTTP)
    assert here.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW
    assert len(told(here)) == 1


def test_one_approval_is_enough_below_the_cap_and_where_nothing_else_is_asked_for(here: Office) -> None:
    plan = waiting(here, over_cap=False)
    assert approvals_of(here.services, plan).words == ""
    assert give(here, plan, "Ada").status is PlanStatus.APPROVED


def test_where_one_is_enough_by_now_whoever_approved_before_may_let_it_through(
    copy_of: Callable[[str], str], migrated: str
) -> None:
    url = copy_of(migrated)
    with office(url, list_approvals_over_cap=2) as two:
        plan = waiting(two)
        give(two, plan, "Ada")
    with office(url) as one:
        assert give(one, plan, "Ada").status is PlanStatus.APPROVED


def test_an_approval_of_somebody_who_is_no_reviewer_any_more_does_not_count(
    copy_of: Callable[[str], str], migrated: str
) -> None:
    url = copy_of(migrated)
    with office(url, list_approvals_over_cap=2) as anybody:
        plan = waiting(anybody)
        give(anybody, plan, "Mallory")
    with office(url, list_approvals_over_cap=2, list_reviewers="ada, bob") as here:
        assert give(here, plan, "Ada").status is PlanStatus.PENDING_REVIEW
        assert approvals_of(here.services, plan).words == "Approved by Ada; one person more has to approve."
        assert give(here, plan, "Bob").status is PlanStatus.APPROVED


def test_one_person_is_enough_to_turn_it_down_and_the_clock_ends_it_too(here: Office) -> None:
    turned_down, left = waiting(here), waiting(here)
    for plan in (turned_down, left):
        give(here, plan, "Ada")
    assert reject(here.services, turned_down.plan_id, by="Bob", way=Way.SLACK).decided_via is Way.SLACK
    here.clock.advance(timedelta(hours=73))
    expire_overdue(here.services)
    assert here.stored(left.plan_id).status is PlanStatus.EXPIRED
    assert here.stored(left.plan_id).decided_via is None
    for plan in (turned_down, left):
        with pytest.raises(RefusedError, match=r"it is (rejected|expired)"):
            give(here, plan, "Bob")


def test_another_hash_than_the_one_that_was_shown_rejects_nothing_where_one_was_shown(here: Office) -> None:
    plan = waiting(here)
    with pytest.raises(RefusedError, match="content hash is another"):
        reject(here.services, plan.plan_id, by="Ada", content_hash="0" * 64)
    assert here.stored(plan.plan_id).status is PlanStatus.PENDING_REVIEW


def test_of_two_who_approve_at_once_the_second_one_sees_the_first(here: Office) -> None:
    plan, now = waiting(here), here.clock.now()
    seen: list[int] = []

    def second(connection: Any) -> None:
        assert approval_rows.add(connection, plan.plan_id, "Bob", None, None, now)
        seen.append(len(approval_rows.of_plan(connection, plan.plan_id)))

    assert (
        lose_race(
            here.services.database,
            lambda connection: approval_rows.add(connection, plan.plan_id, "Ada", None, None, now),
            second,
        )
        is None
    )
    assert seen == [2]


def test_whoever_approves_at_the_moment_of_a_rejection_is_told_that_it_changed(here: Office) -> None:
    plan, now = waiting(here), here.clock.now()
    raised = lose_race(
        here.services.database,
        lambda connection: connection.execute(
            text("update plan set status = 'rejected', decided_by = 'Bob', decided_at = now()")
        ),
        lambda connection: approval_rows.add(connection, plan.plan_id, "Ada", None, None, now),
    )
    assert isinstance(raised, StateChangedError)
    assert here.query("select 1 from plan_approval") == []


def test_of_two_who_decide_at_once_and_one_after_the_other_the_second_is_told_by_whom(here: Office) -> None:
    plan = waiting(here, over_cap=False)
    raised = lose_race(
        here.services.database,
        lambda connection: connection.execute(
            text("update plan set status = 'rejected', decided_by = 'Bob', decided_at = now()")
        ),
        lambda _: give(here, plan, "Ada"),
    )
    assert isinstance(raised, StateChangedError)
    assert "somebody else was faster: it is rejected, by Bob at 20" in str(raised)
    with pytest.raises(RefusedError, match="it is rejected, by Bob at 20"):
        give(here, plan, "Ada")
