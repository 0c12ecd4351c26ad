"""Corrections before the first request, on a database alone: what may not be asked for, what is taken up by itself and when,
and what costs nothing where nothing is to be done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import ChangesStoppedError, LockHeldError, NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.dead_jobs import declare_dead, look_for_lost_jobs
from list_pipeline.operations.plans.execution import finish_half_done, settle_lost_jobs
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import contact_of, reinstate, suppress, take_back_unsubscription
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.plans.waiting_repairs import frozen_items, to_carry_out
from list_pipeline.operations.services import Services
from list_pipeline.storage.lock import mutation_lock
from list_pipeline_tests.integration.offices import Office, office

ADD, REMOVE = StepAction.ADD, StepAction.REMOVE
CONFIRMED, PLANNED = StepState.CONFIRMED, StepState.PLANNED
ONE, TWO, THREE = CAMPAIGN_LISTS
HALF = (ADD, TWO, CONFIRMED), (REMOVE, ONE, PLANNED)
WHOLE = (ADD, TWO, CONFIRMED), (REMOVE, ONE, CONFIRMED)
FIVE_MINUTES, AN_HOUR = timedelta(minutes=5), timedelta(hours=1)


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated)) as made:
        yield made


def key_of(here: Office, campaign_id: int | None) -> str:
    ((key,),) = here.query("select campaign_key from campaign_schedule where id = :id", id=campaign_id)
    return str(key)


def leaves(contact_id: int, role: ListRole = ONE) -> PlanItem:
    return PlanItem(contact_id, ItemAction.REMOVE, rule="in_two_campaign_lists", from_role=role, reason="twice")


# What may not be carried out


def test_what_is_no_correction_cannot_be_carried_out_as_one(here: Office) -> None:
    with pytest.raises(NotFoundError, match="no such correction"):
        carry_out_correction(here.services, 4711)


@pytest.mark.parametrize("status", [PlanStatus.PENDING_REVIEW, PlanStatus.REJECTED, PlanStatus.EXPIRED])
def test_a_repair_that_nobody_let_through_is_not_carried_out(here: Office, status: PlanStatus) -> None:
    plan = here.plan(PlanKind.REPAIR, status)
    with pytest.raises(RefusedError, match=f"it is {status.value}"):
        carry_out_correction(here.services, plan.plan_id)


@pytest.mark.parametrize("kind", [PlanKind.REPAIR, PlanKind.UNDO, PlanKind.SUPPRESSION])
def test_nothing_is_carried_out_or_finished_while_changes_are_stopped(here: Office, kind: PlanKind) -> None:
    plan = here.let_through(kind)
    here.change(plan, 1, *HALF)
    here.stop()
    with pytest.raises(ChangesStoppedError, match="read_only"):
        carry_out_correction(here.services, plan.plan_id)
    assert finish_half_done(here.services) == 0


def test_of_a_maintenance_nothing_is_begun_as_a_correction(here: Office) -> None:
    plan = here.let_through(PlanKind.REBALANCING)
    here.change(plan, 1, (ADD, TWO, PLANNED), (REMOVE, ONE, PLANNED))
    done = carry_out_correction(here.services, plan.plan_id)
    assert (done.plan_id, done.facts.planned, done.facts.done, done.facts.open) == (plan.plan_id, 0, 0, 0)


def test_what_took_effect_late_in_spite_of_an_undo_stands_in_the_ledger(here: Office) -> None:
    plan = here.plan(PlanKind.REBALANCING, PlanStatus.WITHDRAWN)
    assert plan.campaign_id is not None
    here.attempt(plan.campaign_id)
    here.change(plan, 1, *WHOLE)
    carry_out_correction(here.services, plan.plan_id)
    assert here.query("select status, left_because from list_maintenance_log") == [
        ("partly_rolled_back", {"not_taken_back": 1})
    ]


# What is taken up by itself


def test_what_a_person_asked_for_is_left_to_who_asked_for_five_minutes(here: Office) -> None:
    plan = here.let_through(PlanKind.UNDO)
    here.clock.advance(FIVE_MINUTES - timedelta(seconds=1))
    assert to_carry_out(here.services) == []
    here.clock.advance(timedelta(seconds=1))
    assert [one.plan_id for one in to_carry_out(here.services)] == [plan.plan_id]


def test_a_repair_that_was_approved_is_carried_out_at_once(here: Office) -> None:
    plan = here.let_through(PlanKind.REPAIR)
    assert [one.plan_id for one in to_carry_out(here.services)] == [plan.plan_id]


def test_nothing_is_taken_up_while_changes_are_stopped(here: Office) -> None:
    here.let_through(PlanKind.REPAIR)
    here.stop()
    assert to_carry_out(here.services) == []


def test_what_is_half_done_is_taken_up_after_an_hour_in_which_nobody_worked_on_it(here: Office) -> None:
    plan = here.let_through(PlanKind.REBALANCING)
    here.change(plan, 1, *HALF)
    assert to_carry_out(here.services) == []
    here.clock.advance(AN_HOUR + timedelta(seconds=1))
    (one,) = to_carry_out(here.services)
    assert one.plan_id == plan.plan_id
    assert one.run_key.startswith("half-done")


def test_a_correction_that_died_midway_is_asked_for_once(here: Office) -> None:
    plan = here.let_through(PlanKind.REPAIR)
    here.change(plan, 1, *HALF)
    here.clock.advance(2 * AN_HOUR)
    assert [one.plan_id for one in to_carry_out(here.services)] == [plan.plan_id]


def sends_to_list_1(here: Office) -> None:
    assert here.query("select 1 from campaign_schedule") == []
    here.campaign(CampaignStatus.LAUNCHING)


def frozen(here: Office, *items: PlanItem) -> tuple[PlanItem, ...]:
    with here.services.database.begin() as connection:
        return frozen_items(here.services, connection, PlanKind.REPAIR, items)


def test_a_removal_waits_for_the_list_that_is_being_sent_and_for_no_other(here: Office) -> None:
    sends_to_list_1(here)
    assert frozen(here, leaves(1, ONE), leaves(1, TWO)) == (leaves(1, ONE),)


def test_a_repair_of_which_all_waits_for_a_send_is_not_asked_for(here: Office) -> None:
    plan = here.let_through(PlanKind.REPAIR, [leaves(1), leaves(2, TWO)])
    sends_to_list_1(here)
    assert [one.plan_id for one in to_carry_out(here.services)] == [plan.plan_id]
    here.change(plan, 2, (REMOVE, TWO, CONFIRMED))
    assert to_carry_out(here.services) == []


def test_what_is_under_way_is_asked_for_although_the_rest_waits_for_a_send(here: Office) -> None:
    plan = here.let_through(PlanKind.REPAIR, [leaves(1), leaves(2, TWO)])
    sends_to_list_1(here)
    here.change(plan, 2, (REMOVE, TWO, PLANNED))
    assert [one.plan_id for one in to_carry_out(here.services)] == [plan.plan_id]


# Where there is nothing to be done


def unasked(here: Office, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is asked of Mailjet from here on."""
    asked: list[str] = []
    monkeypatch.setattr(Services, "mailjet_for_changes", lambda *_: asked.append("changes"))
    return asked


def test_where_nothing_is_half_done_or_lost_nobody_takes_the_lock(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = here.let_through(PlanKind.REBALANCING)
    here.change(plan, 1, *WHOLE)
    asked = unasked(here, monkeypatch)
    with mutation_lock(here.services.database, here.clock, "somebody else"):
        assert finish_half_done(here.services) == 0
        assert settle_lost_jobs(here.services) == 0
        look_for_lost_jobs(here.services)
    assert asked == []


def test_who_finds_something_half_done_waits_for_who_is_at_work(here: Office) -> None:
    plan = here.let_through(PlanKind.REBALANCING)
    here.change(plan, 1, *HALF)
    with (
        mutation_lock(here.services.database, here.clock, "somebody else"),
        pytest.raises(LockHeldError),
    ):
        finish_half_done(here.services)


def test_half_done_changes_of_the_own_maintenance_are_left_to_who_goes_on_with_it(here: Office) -> None:
    plan = here.let_through(PlanKind.REBALANCING)
    here.change(plan, 1, *HALF)
    with mutation_lock(here.services.database, here.clock, "somebody else"):
        assert finish_half_done(here.services, besides=plan.plan_id) == 0


# What a person may not ask for


ASKED: dict[str, Callable[[Services, str, str], object]] = {
    "undo": lambda it, key, by: undo_maintenance(it, key, by=by),
    "redo": lambda it, key, by: redo_maintenance(it, key, by=by),
    "suppress": lambda it, _, by: suppress(it, 1, by=by, note="asked us"),
    "reinstate": lambda it, _, by: reinstate(it, 1, by=by),
}


@pytest.fixture
def undone(here: Office) -> str:
    """The key of a campaign whose maintenance was carried out, and undone."""
    plan = here.plan(PlanKind.REBALANCING, PlanStatus.EXECUTED)
    assert plan.campaign_id is not None
    here.attempt(plan.campaign_id)
    here.plan(PlanKind.UNDO, PlanStatus.EXECUTED, campaign_id=plan.campaign_id)
    return key_of(here, plan.campaign_id)


@pytest.mark.parametrize("way", ASKED)
def test_nothing_is_asked_for_while_changes_are_stopped(here: Office, undone: str, way: str) -> None:
    here.stop()
    before = here.query("select count(*) from plan")
    with pytest.raises(ChangesStoppedError):
        ASKED[way](here.services, undone, "ada")
    assert here.query("select count(*) from plan") == before


@pytest.mark.parametrize("way", ASKED)
def test_only_a_person_who_may_decide_asks(copy_of: Callable[[str], str], migrated: str, way: str) -> None:
    with office(copy_of(migrated), list_reviewers="ada") as here:
        plan = here.plan(PlanKind.REBALANCING, PlanStatus.EXECUTED)
        assert plan.campaign_id is not None
        here.attempt(plan.campaign_id)
        here.plan(PlanKind.UNDO, PlanStatus.EXECUTED, campaign_id=plan.campaign_id)
        with pytest.raises(NotAReviewerError):
            ASKED[way](here.services, key_of(here, plan.campaign_id), "bob")


def test_what_was_never_maintained_is_not_undone_and_what_was_not_undone_not_done_again(here: Office) -> None:
    key = key_of(here, here.campaign())
    with pytest.raises(NotFoundError, match="never maintained"):
        undo_maintenance(here.services, key, by="ada")
    with pytest.raises(NotFoundError, match="was not undone"):
        redo_maintenance(here.services, key, by="ada")


def test_nothing_is_done_again_before_its_undo_is_at_its_end(here: Office) -> None:
    plan = here.plan(PlanKind.REBALANCING, PlanStatus.EXECUTED)
    here.plan(PlanKind.UNDO, PlanStatus.APPROVED, campaign_id=plan.campaign_id)
    with pytest.raises(RefusedError, match="is not finished"):
        redo_maintenance(here.services, key_of(here, plan.campaign_id), by="ada")


def test_a_contact_is_suppressed_for_a_reason_and_an_unsubscription_taken_back_for_one(here: Office) -> None:
    with pytest.raises(RefusedError, match="no reason"):
        suppress(here.services, 1, by="ada", note=" ")
    with pytest.raises(RefusedError, match="no reason"):
        take_back_unsubscription(here.services, 1, by="ada", note=" ")
    with pytest.raises(NotFoundError, match="no unsubscription"):
        take_back_unsubscription(here.services, 1, by="ada", note="wrote to us")


def test_a_contact_is_named_by_its_id_or_by_an_address_that_one_of_them_has(here: Office) -> None:
    for number in (11, 12):
        here.query(
            "insert into contact_list_membership (contact_id, email, queued_at, last_updated)"
            " values (:id, :email, now(), now()) returning 1",
            id=number,
            email=f"{number}@example.com",
        )
    assert contact_of(here.services, " 4711 ") == 4711
    assert contact_of(here.services, "11@EXAMPLE.com") == 11
    for named, why in (
        ("nobody@example.com", "no row"),
        ("Ada", "neither"),
        ("1" * 19, "neither"),
        ("\u0661", "neither"),
    ):
        with pytest.raises(NotFoundError, match=why) as caught:
            contact_of(here.services, named)
        assert named not in str(caught.value)
    here.query("update contact_list_membership set email = '11@Example.com' where contact_id = 12 returning 1")
    with pytest.raises(RefusedError, match="several have it: 12, 11"):
        contact_of(here.services, "11@example.com")


def test_a_job_that_is_not_under_way_is_not_declared_dead(here: Office) -> None:
    with pytest.raises(NotFoundError, match="no such job"):
        declare_dead(here.services, 4711, by="ada", note="support says so")
    with pytest.raises(RefusedError, match="no reason"):
        declare_dead(here.services, 4711, by="ada", note=" ")


def test_two_jobs_with_one_number_are_told_apart_before_one_is_declared_dead(here: Office) -> None:
    plan = here.let_through(PlanKind.REBALANCING)
    job = """insert into mailjet_job (plan_id, state, actions, contact_count, fence, submitting_at, mailjet_job_id)
             values (:plan, 'submitted', '{}', 1, 1, now(), :number) returning job_id"""
    ((first,),) = here.query(job, plan=plan.plan_id, number=999)
    here.query(job, plan=plan.plan_id, number=first)
    with pytest.raises(RefusedError, match="one job has it as our number"):
        declare_dead(here.services, int(first), by="ada", note="support says so")
