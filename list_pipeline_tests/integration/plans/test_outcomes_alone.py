"""What became of a plan, on a database alone: when it counts as carried out, whom people are asked about, and how the ledger
says that a maintenance stands after it was taken back, wholly or partly."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import CorrectionSummary, Refusal
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, Sweep
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus
from list_pipeline.operations.plans.outcomes import ask_about_failed, close, keep_history
from list_pipeline.operations.plans.taken_back import note_in_ledger, state_of
from list_pipeline.storage.plans.plan_rows import SUMMARIES, StoredPlan
from list_pipeline_tests.integration.offices import Office, office, suppress_items

ADD, REMOVE = StepAction.ADD, StepAction.REMOVE
ONE, TWO = ListRole.CAMPAIGN_1, ListRole.CAMPAIGN_2
PLANNED, CONFIRMED, FAILED, SKIPPED, BACK = (
    StepState.PLANNED,
    StepState.CONFIRMED,
    StepState.FAILED,
    StepState.SKIPPED,
    StepState.COMPENSATED,
)
APPROVED, EXECUTED, WITHDRAWN = PlanStatus.APPROVED, PlanStatus.EXECUTED, PlanStatus.WITHDRAWN


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated)) as made:
        yield made


def moved(here: Office, plan: StoredPlan, contact_id: int, *states: StepState, note: StepNote | None = None) -> int:
    steps: list[Any] = [
        (action, role, state, *([note] if note else []))
        for (action, role), state in zip(((ADD, TWO), (REMOVE, ONE)), states, strict=True)
    ]
    return here.change(plan, contact_id, *steps)


def asked(here: Office) -> list[tuple[Any, ...]]:
    return here.query(
        "select contact_id, summary, details -> 'contact_ids' from review_item where kind = 'failed_item' order by 1"
    )


# The end of a plan


def test_a_plan_is_carried_out_when_nothing_of_it_is_open(here: Office) -> None:
    plan = here.plan(status=APPROVED, items=suppress_items(1, 2))
    moved(here, plan, 1, CONFIRMED, CONFIRMED)
    moved(here, plan, 2, CONFIRMED, PLANNED)
    executed = close(here.services, plan, by="action")
    assert (executed.planned, executed.confirmed, executed.open) == (2, 1, 1)
    assert here.stored(plan.plan_id).status is APPROVED
    here.query("update change_step set state = 'confirmed' where state = 'planned' returning 1")
    close(here.services, plan, by="action")
    assert (here.stored(plan.plan_id).status, here.stored(plan.plan_id).executed_at) == (EXECUTED, here.clock.now())


@pytest.mark.parametrize("status", [PlanStatus.PENDING_REVIEW, PlanStatus.PLANNED, PlanStatus.REJECTED, WITHDRAWN])
def test_what_nobody_let_through_does_not_count_as_carried_out(here: Office, status: PlanStatus) -> None:
    plan = here.plan(status=status)
    moved(here, plan, 1, CONFIRMED, CONFIRMED)
    close(here.services, plan, by="action")
    assert here.stored(plan.plan_id).status is status


def test_when_a_plan_was_carried_out_stays_as_it_was(here: Office) -> None:
    plan = here.plan(status=EXECUTED)
    here.clock.sleep(60)
    close(here.services, plan, by="action")
    assert here.stored(plan.plan_id).executed_at == plan.executed_at


def test_outcomes_are_counted_by_what_the_plan_intended(here: Office) -> None:
    plan = here.plan(status=APPROVED, items=suppress_items(1, 2))
    moved(here, plan, 1, CONFIRMED, CONFIRMED)
    moved(here, plan, 2, FAILED, SKIPPED)
    found = close(here.services, plan, by="reason").by_label
    assert {label: (one.confirmed, one.failed) for label, one in found.items()} == {"hard_bounce": (1, 1)}


# Whom people are asked about


def test_people_are_asked_once_about_each_contact_that_failed(here: Office) -> None:
    plan = here.plan(status=APPROVED)
    moved(here, plan, 1, FAILED, SKIPPED)
    moved(here, plan, 2, CONFIRMED, CONFIRMED)
    for _ in range(2):
        close(here.services, plan, by="action")
    assert asked(here) == [(1, "Contact 1 could not be changed at Mailjet in three attempts", None)]


def test_what_was_not_begun_in_time_is_told_apart_from_what_mailjet_did_not_do(here: Office) -> None:
    plan = here.plan(status=APPROVED)
    moved(here, plan, 1, FAILED, SKIPPED)
    moved(here, plan, 2, FAILED, FAILED, note=StepNote.DEADLINE)
    close(here.services, plan, by="action")
    assert [words.partition(" ")[2] for _, words, _ in asked(here)] == [
        "1 could not be changed at Mailjet in three attempts",
        "2 was not begun before the deadline of its run",
    ]


@pytest.mark.parametrize(("many", "questions"), [(0, 0), (5, 5), (6, 1)])
def test_more_than_a_few_are_asked_about_in_one_question(here: Office, many: int, questions: int) -> None:
    assert EXECUTION.single_questions == 5
    plan = here.plan(status=APPROVED)
    with here.services.database.begin() as connection:
        ask_about_failed(connection, plan, range(1, many + 1), "was left and was sad", here.clock.now())
    found = asked(here)
    assert len(found) == questions
    if many == 6:
        assert found == [(None, "6 contacts (1, ...) were left and was sad", [1, 2, 3, 4, 5, 6])]


def test_who_is_asked_about_after_another_look_is_not_asked_about_twice(here: Office) -> None:
    before = here.plan(status=EXECUTED)
    here.query(
        "insert into review_item (campaign_id, plan_id, contact_id, kind, summary, details, created_at)"
        " values (:campaign, :plan, 1, 'failed_item', 's', '{}', now()) returning 1",
        campaign=before.campaign_id,
        plan=before.plan_id,
    )
    here.query("update plan set sweep = '72h' where plan_id = :id returning 1", id=before.plan_id)
    plan = here.plan(status=APPROVED, campaign_id=before.campaign_id)
    moved(here, plan, 1, FAILED, SKIPPED)
    close(here.services, plan, by="action")
    assert [words for _, words, _ in asked(here)] == ["s"]


@pytest.mark.parametrize("note", [None, StepNote.DEADLINE])
def test_what_failed_stands_in_the_ledger_with_its_reason(here: Office, note: StepNote | None) -> None:
    plan = here.plan(status=APPROVED, items=suppress_items(1))
    assert plan.campaign_id is not None
    log_id = here.attempt(plan.campaign_id)
    moved(here, plan, 1, FAILED, FAILED, note=note)
    close(here.services, plan, by="action", log_id=log_id, failure="three attempts", deadline="too late")
    ((errors, passed),) = here.query("select errors, deadline_passed_at is not null from list_maintenance_log")
    assert errors == [{"stage": "suppression", "error": "too late" if note else "three attempts", "count": 1}]
    assert passed is (note is not None)


def test_where_nothing_failed_the_ledger_says_nothing(here: Office) -> None:
    plan = here.plan(status=APPROVED, items=suppress_items(1))
    assert plan.campaign_id is not None
    log_id = here.attempt(plan.campaign_id)
    moved(here, plan, 1, CONFIRMED, CONFIRMED)
    close(here.services, plan, by="action", log_id=log_id, failure="three attempts", deadline="too late")
    ((errors,),) = here.query("select errors from list_maintenance_log")
    assert not errors


def test_who_was_suppressed_stands_in_the_history_once_with_the_attempt_that_did_it(
    copy_of: Callable[[str], str], migrated: str
) -> None:
    lists = {f"mailjet_{name}_list_id": n for n, name in enumerate(("master", "suppression"), start=101)}
    lists |= {f"mailjet_campaign_list_{n}_id": 110 + n for n in (1, 2, 3)}
    with office(copy_of(migrated), **lists) as here:
        plan = here.plan(status=APPROVED, items=suppress_items(1, 2))
        assert plan.campaign_id is not None
        log_id = here.attempt(plan.campaign_id)
        for contact_id, state in ((1, CONFIRMED), (2, PLANNED)):
            here.query(
                "insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
                " values (:id, :email, now(), now()) returning 1",
                id=contact_id,
                email=f"{contact_id}@example.com",
            )
            here.change(
                plan,
                contact_id,
                (ADD, ListRole.SUPPRESSION, state),
                (StepAction.EXCLUDE, None, state),
                (REMOVE, ONE, state),
                kind=ItemAction.SUPPRESS,
            )
        for _ in range(2):
            keep_history(here.services, plan.plan_id, log_id)
        kept = here.query("select contact_id, removed_from_lists, maintenance_log_id from contact_suppression_history")
        assert kept == [(1, ["111"], log_id)]


# How a maintenance stands


def maintenance(here: Office, status: RunStatus = RunStatus.SUCCESS) -> tuple[int, StoredPlan]:
    plan = here.plan(PlanKind.REBALANCING, EXECUTED)
    assert plan.campaign_id is not None
    here.attempt(plan.campaign_id, status)
    return plan.campaign_id, plan


def taken_back(
    here: Office,
    plan: StoredPlan,
    contact_ids: Sequence[int],
    kind: PlanKind = PlanKind.UNDO,
    refused: dict[Refusal, tuple[int, ...]] | None = None,
) -> StoredPlan:
    """A correction of a plan that took these contacts' changes back, and left those that it refused."""
    correction = here.plan(kind, EXECUTED, campaign_id=plan.campaign_id)
    here.query(
        "update plan set summary = cast(:summary as jsonb) where plan_id = :id returning 1",
        summary=SUMMARIES[kind].text(CorrectionSummary("taken back", refused or {})),
        id=correction.plan_id,
    )
    for contact_id in contact_ids:
        undone = moved(here, plan, contact_id, BACK, BACK)
        here.change(correction, contact_id, (ADD, ONE, CONFIRMED), kind=ItemAction.RESTORE, reverses=undone)
    return correction


def noted(here: Office) -> tuple[Any, ...]:
    (row,) = here.query(
        "select status, status_before_undo, changes_taken_back, changes_left, left_because from list_maintenance_log"
    )
    return row


def test_a_maintenance_of_which_everything_is_taken_back_is_rolled_back(here: Office) -> None:
    campaign_id, plan = maintenance(here)
    taken_back(here, plan, [1, 2])
    assert note_in_ledger(here.services, campaign_id, Sweep.H24) is RunStatus.ROLLED_BACK
    assert noted(here) == ("rolled_back", "success", 2, 0, {})


def test_a_maintenance_of_which_something_stands_is_partly_rolled_back_with_the_reasons(here: Office) -> None:
    campaign_id, plan = maintenance(here)
    moved(here, plan, 3, CONFIRMED, CONFIRMED)
    moved(here, plan, 4, CONFIRMED, CONFIRMED)
    taken_back(here, plan, [1], refused={Refusal.UNSUBSCRIBED: (3,)})
    assert note_in_ledger(here.services, campaign_id, Sweep.H24) is RunStatus.PARTLY_ROLLED_BACK
    because = {"unsubscribed": 1, "not_taken_back": 1}
    assert noted(here) == ("partly_rolled_back", "success", 1, 2, because)
    ((key,),) = here.query("select campaign_key from campaign_schedule")
    stands = state_of(here.services, key, Sweep.H24)
    assert (stands.status, stands.taken_back, stands.left_because) == (RunStatus.PARTLY_ROLLED_BACK, 1, because)
    first, *reasons = stands.lines
    assert first == "The maintenance is partly rolled back: 1 change taken back, 2 left."
    assert len(reasons) == 2
    assert stands.as_json() == {"status": "partly_rolled_back", "taken_back": 1, "left_because": because}


def test_what_a_redo_did_again_stands_because_of_it(here: Office) -> None:
    campaign_id, plan = maintenance(here)
    taken_back(here, plan, [1], refused={Refusal.UNSUBSCRIBED: (3,)})
    redone = here.plan(
        PlanKind.REDO,
        EXECUTED,
        [PlanItem(3, ItemAction.MOVE, rule="fifo_move", from_role=ONE, to_role=TWO)],
        campaign_id=campaign_id,
    )
    moved(here, redone, 3, CONFIRMED, CONFIRMED)
    note_in_ledger(here.services, campaign_id, Sweep.H24)
    assert noted(here)[4] == {"done_again": 1}


@pytest.mark.parametrize("status", [one for one in RunStatus if one not in TAKEN_BACK | {RunStatus.RUNNING}])
def test_where_nothing_was_taken_back_the_ledger_stays_as_it_is(here: Office, status: RunStatus) -> None:
    campaign_id, plan = maintenance(here, status)
    moved(here, plan, 1, CONFIRMED, CONFIRMED)
    assert note_in_ledger(here.services, campaign_id, Sweep.H24) is status
    assert noted(here) == (status.value, None, None, None, None)


def test_what_was_withdrawn_before_it_was_begun_is_taken_back_too(here: Office) -> None:
    plan = here.plan(PlanKind.REBALANCING, WITHDRAWN)
    assert plan.campaign_id is not None
    here.attempt(plan.campaign_id)
    assert note_in_ledger(here.services, plan.campaign_id, Sweep.H24) is RunStatus.ROLLED_BACK


def test_without_an_attempt_nothing_is_noted(here: Office) -> None:
    campaign_id = here.campaign()
    assert note_in_ledger(here.services, campaign_id, Sweep.H24) is None
    ((key,),) = here.query("select campaign_key from campaign_schedule")
    assert state_of(here.services, key, Sweep.H24).lines == ()
    assert state_of(here.services, key, Sweep.H24).as_json()["status"] is None


def test_a_maintenance_that_was_not_taken_back_is_said_to_stand_as_it_ended(here: Office) -> None:
    maintenance(here, RunStatus.PARTIAL_SUCCESS)
    ((key,),) = here.query("select campaign_key from campaign_schedule")
    stands = state_of(here.services, key, Sweep.H24)
    assert stands.lines == ("The maintenance is partial success.",)
    assert stands.as_json() == {"status": "partial_success", "taken_back": None, "left_because": {}}


def test_after_a_rollback_suppressions_are_meant_to_stand(here: Office) -> None:
    campaign_id, plan = maintenance(here)
    moved(here, here.plan(PlanKind.SUPPRESSION, EXECUTED, campaign_id=campaign_id), 9, CONFIRMED, CONFIRMED)
    taken_back(here, plan, [1], PlanKind.ROLLBACK)
    assert note_in_ledger(here.services, campaign_id, Sweep.H24, by_rollback=True) is RunStatus.ROLLED_BACK
    assert note_in_ledger(here.services, campaign_id, Sweep.H24) is RunStatus.PARTLY_ROLLED_BACK


@pytest.mark.parametrize("is_known", [True, False])
def test_when_all_of_it_is_done_again_a_maintenance_is_what_it_was_before_its_undo(
    here: Office, is_known: bool
) -> None:
    campaign_id, plan = maintenance(here, RunStatus.PARTIAL_SUCCESS)
    undo = taken_back(here, plan, [1])
    note_in_ledger(here.services, campaign_id, Sweep.H24)
    assert noted(here)[:2] == ("rolled_back", "partial_success")
    if not is_known:
        # Undone by an earlier version.
        here.query("update list_maintenance_log set status_before_undo = null returning 1")
    here.query(
        "update change_step set state = 'compensated' where change_id in (select change_id from change where plan_id = :id)"
        " returning 1",
        id=undo.plan_id,
    )
    wanted = RunStatus.PARTIAL_SUCCESS if is_known else RunStatus.SUCCESS
    assert note_in_ledger(here.services, campaign_id, Sweep.H24) is wanted
    assert noted(here) == (wanted.value, None, None, None, None)
