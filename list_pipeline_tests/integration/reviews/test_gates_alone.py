"""What follows from a gate's decision, on a database alone: who is asked, what is replaced, and what is not judged any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateDecision, GateOutcome
from list_pipeline.core.plans.journal import StepAction
from list_pipeline.core.plans.plan import PlanItem, PlanKind, PlanStatus
from list_pipeline.operations.maintenance import gates
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.plans.journal import NewChange, NewStep
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.offices import Office, office, suppress_items

SUPPRESSION, REBALANCING = PlanKind.SUPPRESSION, PlanKind.REBALANCING
PLANNED, WAITS, APPROVED = PlanStatus.PLANNED, PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED
CERTAIN, DOUBTFUL, HELD = 1, 2, 3
FAILED, PASSED = (
    GateCheck(words, words == "passed", CheckSeverity.WARNING, f"The check {words}.") for words in ("failed", "passed")
)


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated)) as made:
        yield made


def items() -> list[PlanItem]:
    certain, doubtful, held = suppress_items(CERTAIN, DOUBTFUL, HELD)
    return [
        certain,
        doubtful,
        PlanItem(held.contact_id, held.action, rule="hard_bounce", to_role=held.to_role, is_held=True),
    ]


def decision(outcome: GateOutcome, *waiting: int) -> GateDecision:
    return GateDecision(outcome, (FAILED, PASSED), (CERTAIN,), waiting, alert=False)


def judge(
    here: Office, plan: StoredPlan, found: GateDecision | Callable[[], GateDecision]
) -> tuple[StoredPlan, GateDecision | None]:
    """Judge a plan as a run does, with a gate that finds this."""
    never_sent = {"send_started_at": None, "send_ended_at": None}
    run: Any = SimpleNamespace(
        campaign=SimpleNamespace(campaign_id=plan.campaign_id, key="2026-11-20-r1-7", **never_sent)
    )
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_decide_on_suppressions", "_decide_on_rebalancing"):
            patch.setattr(gates, name, lambda *_: found if isinstance(found, GateDecision) else found())
        patch.setattr(gates, "plan_suppression", lambda *_: plan)
        patch.setattr(gates, "plan_rebalancing", lambda *_: plan)
        if plan.kind is SUPPRESSION:
            return gates.judge_suppression_plan(here.services, run)
        return gates.judge_rebalancing_plan(here.services, run)


def questions(here: Office) -> list[tuple[Any, ...]]:
    return here.query("select plan_id, contact_id, status, decided_by, note from review_item order by review_id")


@pytest.mark.parametrize("kind", [SUPPRESSION, REBALANCING])
@pytest.mark.parametrize(
    ("outcome", "status", "by"),
    [
        (GateOutcome.APPROVED, APPROVED, "gate"),
        (GateOutcome.NEEDS_REVIEW, WAITS, None),
        (GateOutcome.REFUSED, PLANNED, None),
        (GateOutcome.READ_ONLY, PLANNED, None),
    ],
)
def test_a_plan_becomes_what_its_gate_decided(
    here: Office, kind: PlanKind, outcome: GateOutcome, status: PlanStatus, by: str | None
) -> None:
    judged, found = judge(here, here.plan(kind, PLANNED), decision(outcome))
    assert (judged.status, judged.decided_by) == (status, by)
    assert found is not None
    assert judged.gate is not None
    assert judged.gate.outcome is outcome
    assert len(questions(here)) == (outcome is GateOutcome.NEEDS_REVIEW)


def test_people_are_asked_with_the_hash_and_why_the_plan_waits(here: Office) -> None:
    plan = here.plan(status=PLANNED)
    judge(here, plan, decision(GateOutcome.NEEDS_REVIEW))
    ((summary, hashed, contact),) = here.query(
        "select summary, details ->> 'content_hash', contact_id from review_item"
    )
    assert (hashed, contact) == (plan.content_hash, None)
    assert summary.endswith("waits: The check failed.")


def test_of_an_approved_plan_people_are_asked_about_who_waits_and_not_about_who_is_held(here: Office) -> None:
    plan = here.plan(status=PLANNED, items=items())
    judge(here, plan, decision(GateOutcome.APPROVED, DOUBTFUL, HELD))
    assert questions(here) == [(plan.plan_id, DOUBTFUL, "open", None, None)]
    assert here.query("select details ->> 'content_hash' from review_item") == [(plan.content_hash,)]


@pytest.mark.parametrize("outcome", [GateOutcome.REFUSED, GateOutcome.READ_ONLY])
def test_nobody_is_asked_about_contacts_of_a_plan_that_may_not_run(here: Office, outcome: GateOutcome) -> None:
    judge(here, here.plan(status=PLANNED, items=items()), decision(outcome, DOUBTFUL))
    assert questions(here) == []


@pytest.mark.parametrize("status", [WAITS, PlanStatus.REJECTED, PlanStatus.EXPIRED, PlanStatus.EXECUTED])
def test_what_is_decided_is_not_judged_again(here: Office, status: PlanStatus) -> None:
    plan = here.plan(status=status)

    def asked() -> GateDecision:
        raise AssertionError("the gate was asked")

    assert judge(here, plan, asked) == (plan, None)


def test_what_is_half_done_is_not_judged_again(here: Office) -> None:
    plan = here.plan(status=PLANNED, items=items())
    judge(here, plan, decision(GateOutcome.APPROVED))
    assert not gates.is_under_way(here.services, plan)
    begin(here, plan)
    assert gates.is_under_way(here.services, plan)
    stands = here.stored(plan.plan_id)
    assert judge(here, stands, decision(GateOutcome.NEEDS_REVIEW)) == (stands, None)


def begin(here: Office, plan: StoredPlan) -> None:
    item = items()[0]
    with here.services.database.begin() as connection:
        change = NewChange(item.contact_id, item.action, {}, [NewStep(StepAction.ADD, item.to_role)])
        journal.open_changes(connection, plan.plan_id, [change], here.clock.now())


def test_a_person_who_decides_while_the_gate_does_stands_and_nobody_is_asked_again(here: Office) -> None:
    plan = here.plan(status=PLANNED)

    def meanwhile() -> GateDecision:
        with here.services.database.begin() as connection:
            connection.execute(text("update plan set status = 'pending_review'"))
            plan_rows.decide(connection, plan.plan_id, WAITS, PlanStatus.REJECTED, "ada", here.clock.now())
        return decision(GateOutcome.NEEDS_REVIEW)

    judged, found = judge(here, plan, meanwhile)
    assert (judged.status, judged.decided_by, found) == (PlanStatus.REJECTED, "ada", None)
    assert questions(here) == []


# One question about the balance of the lists at a time


def test_a_rebalancing_that_waits_replaces_those_that_waited_before(here: Office) -> None:
    first, second, suppression = here.plan(REBALANCING), here.plan(REBALANCING), here.plan(SUPPRESSION)
    plan = here.plan(REBALANCING, PLANNED)
    judge(here, plan, decision(GateOutcome.NEEDS_REVIEW))
    assert [here.stored(one.plan_id).status for one in (first, second, suppression, plan)] == [
        PlanStatus.EXPIRED, PlanStatus.EXPIRED, WAITS, WAITS,
    ]  # fmt: skip
    note = f"replaced by plan {plan.plan_id}"
    assert questions(here) == [
        (first.plan_id, None, "expired", "nobody", note),
        (second.plan_id, None, "expired", "nobody", note),
        (suppression.plan_id, None, "open", None, None),
        (plan.plan_id, None, "open", None, None),
    ]
    told = here.query("select message_key, text from notification order by 1")
    assert [key for key, _ in told] == [f"decision:{one.plan_id}:expired" for one in (first, second)]


@pytest.mark.parametrize(
    ("kind", "outcome"), [(SUPPRESSION, GateOutcome.NEEDS_REVIEW), (REBALANCING, GateOutcome.APPROVED)]
)
def test_nothing_else_replaces_a_rebalancing_that_waits(here: Office, kind: PlanKind, outcome: GateOutcome) -> None:
    waiting = here.plan(REBALANCING)
    judge(here, here.plan(kind, PLANNED), decision(outcome))
    assert here.stored(waiting.plan_id).status is WAITS


def test_a_rebalancing_on_which_a_person_decides_at_that_moment_is_not_replaced_and_the_others_are(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided, left = here.plan(REBALANCING), here.plan(REBALANCING)
    real = gates.review_rows.waiting_rebalancings

    def seen_before(connection: Any, except_plan: int) -> Any:
        found = real(connection, except_plan=except_plan)
        with here.services.database.begin() as other:
            plan_rows.decide(other, decided.plan_id, WAITS, APPROVED, "ada", here.clock.now())
        return found

    monkeypatch.setattr(gates.review_rows, "waiting_rebalancings", seen_before)
    judge(here, here.plan(REBALANCING, PLANNED), decision(GateOutcome.NEEDS_REVIEW))
    assert (here.stored(decided.plan_id).status, here.stored(decided.plan_id).decided_by) == (APPROVED, "ada")
    assert here.stored(left.plan_id).status is PlanStatus.EXPIRED


# What may run at once of a plan that waits


def test_what_was_let_through_at_once_of_a_plan_that_waits_is_still_to_be_begun(here: Office) -> None:
    plan = here.plan(status=PLANNED, items=items())
    assert not gates.has_unstarted(here.services, plan)
    waiting, _ = judge(here, plan, decision(GateOutcome.NEEDS_REVIEW, DOUBTFUL))
    assert gates.has_unstarted(here.services, waiting)
    begin(here, waiting)
    assert not gates.has_unstarted(here.services, waiting)


def test_of_a_plan_of_which_everybody_waits_nothing_is_to_be_begun(here: Office) -> None:
    plan = here.plan(status=PLANNED, items=items())
    waiting, _ = judge(here, plan, decision(GateOutcome.NEEDS_REVIEW, CERTAIN, DOUBTFUL))
    assert not gates.has_unstarted(here.services, waiting)


def test_what_is_let_through_as_a_whole_is_begun_with_the_plan_and_not_before(here: Office) -> None:
    approved, _ = judge(here, here.plan(status=PLANNED, items=items()), decision(GateOutcome.APPROVED, DOUBTFUL))
    assert not gates.has_unstarted(here.services, approved)
