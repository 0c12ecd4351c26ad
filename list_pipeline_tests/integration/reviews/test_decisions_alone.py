"""What a person decides, and what lapses, on a database alone: only what waits can be decided, and each question once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.reviews.approved_items import cap_text_of, execute_approved_items, to_carry_out
from list_pipeline.operations.reviews.decisions import (
    Expired,
    approve,
    approve_item,
    expire,
    expire_overdue,
    reject,
    reject_item,
)
from list_pipeline.operations.services import Services
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.weekly import count_activity
from list_pipeline_tests.integration.offices import NOW, Office, office, suppress_items

EXECUTED = PlanStatus.EXECUTED
LONG_AGO = timedelta(hours=73)


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated), list_review_expiry_hours=72) as made:
        yield made


def status_of(here: Office, review_id: int) -> tuple[Any, ...]:
    return here.query("select status, decided_by from review_item where review_id = :id", id=review_id)[0]


@pytest.mark.parametrize("decide", [reject, expire, lambda it, one, by: approve(it, one, by=by, content_hash="0" * 8)])
def test_what_does_not_exist_cannot_be_decided(here: Office, decide: Callable[..., Any]) -> None:
    with pytest.raises(NotFoundError, match="no such plan"):
        decide(here.services, 4711, by="ada")


@pytest.mark.parametrize("status", [PlanStatus.PLANNED, PlanStatus.EXECUTED, PlanStatus.EXPIRED])
@pytest.mark.parametrize("decide", [reject, expire])
def test_only_a_plan_that_waits_can_be_turned_down(
    here: Office, decide: Callable[..., Any], status: PlanStatus
) -> None:
    plan = here.plan(status=status)
    with pytest.raises(RefusedError, match=f"it is {status.value}"):
        decide(here.services, plan.plan_id, by="ada")
    assert here.stored(plan.plan_id) == plan


def test_a_plan_that_is_turned_down_takes_its_questions_with_it_and_one_that_is_approved_answers_them(
    here: Office,
) -> None:
    first, second, third = here.plan(), here.plan(), here.plan()
    approve(here.services, first.plan_id, by="ada", content_hash=first.content_hash, note="see ada@example.com")
    reject(here.services, second.plan_id, by="bob")
    expire(here.services, third.plan_id, by="eve")
    found = here.query("select status, decided_by, note from review_item order by review_id")
    assert found == [("approved", "ada", "see [address]"), ("rejected", "bob", None), ("expired", "eve", None)]
    assert [here.stored(one.plan_id).status for one in (first, second, third)] == ["approved", "rejected", "expired"]


def test_a_plan_is_approved_by_its_hash_alone(here: Office) -> None:
    plan = here.plan()
    for shown in ("", plan.content_hash[:7], "0" * 64):
        with pytest.raises(RefusedError, match="content hash"):
            approve(here.services, plan.plan_id, by="ada", content_hash=shown)
    assert here.stored(plan.plan_id) == plan


def test_a_plan_that_was_only_looked_at_cannot_be_approved(here: Office) -> None:
    plan = here.plan(status=PlanStatus.PLANNED)
    with pytest.raises(RefusedError, match="it is planned"):
        approve(here.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
    assert here.stored(plan.plan_id) == plan


def test_who_approves_a_plan_approves_nobody_who_is_held(here: Office) -> None:
    plan = here.plan()
    held = here.ask(plan, ReviewKind.INCIDENT, contact_ids=[7])
    approve(here.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
    assert status_of(here, held) == ("open", None)


# Questions about single contacts


def test_a_note_on_a_question_is_kept_without_an_address(here: Office) -> None:
    asked = here.ask(here.plan(status=EXECUTED), ReviewKind.FAILED_ITEM, 7)
    reject_item(here.services, asked, by="ada", note="see ada@example.com")
    assert here.query("select note from review_item") == [("see [address]",)]


def test_a_question_that_does_not_exist_cannot_be_decided(here: Office) -> None:
    with pytest.raises(NotFoundError, match="no such question"):
        reject_item(here.services, 4711, by="ada")


@pytest.mark.parametrize("kind", [ReviewKind.PLAN, ReviewKind.FINDING])
def test_what_is_not_about_single_contacts_is_not_decided_as_such(here: Office, kind: ReviewKind) -> None:
    plan = here.plan(status=EXECUTED)
    asked = here.ask(plan, kind)
    with pytest.raises(RefusedError, match="not about single contacts"):
        reject_item(here.services, asked, by="ada")
    assert status_of(here, asked) == ("open", None)


def test_what_belongs_to_no_plan_is_not_decided_as_a_question(here: Office) -> None:
    asked = here.ask(here.plan(status=EXECUTED), ReviewKind.FAILED_ITEM, 7)
    here.query("update review_item set plan_id = null where review_id = :id returning 1", id=asked)
    with pytest.raises(RefusedError, match="not about single contacts of a plan"):
        reject_item(here.services, asked, by="ada")


@pytest.mark.parametrize("kind", [ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM, ReviewKind.PLAN])
def test_a_question_is_decided_once(here: Office, kind: ReviewKind) -> None:
    plan = here.plan(status=EXECUTED)
    asked = here.ask(plan, kind, 7)
    approve_item(here.services, asked, by="ada", content_hash=plan.content_hash)
    with pytest.raises(RefusedError, match="it is approved, by ada at 20"):
        reject_item(here.services, asked, by="bob")
    assert status_of(here, asked) == ("approved", "ada")


def test_a_failed_contact_of_a_correction_is_asked_for_again_as_a_correction(here: Office) -> None:
    plan = here.plan(PlanKind.UNDO, EXECUTED)
    asked = here.ask(plan, ReviewKind.FAILED_ITEM, 7)
    with pytest.raises(RefusedError, match="correction"):
        approve_item(here.services, asked, by="ada", content_hash=plan.content_hash)
    assert status_of(here, asked) == ("open", None)


def test_a_move_is_not_tried_again_after_its_rebalancing_was_rolled_back(here: Office) -> None:
    plan = here.plan(PlanKind.REBALANCING, EXECUTED)
    asked = here.ask(plan, ReviewKind.FAILED_ITEM, 7)
    here.query(
        """with done as (insert into change (plan_id, contact_id, kind, before, created_at)
                         values (:plan, 5, 'move', '{}', now()) returning change_id)
           insert into change (plan_id, contact_id, kind, before, created_at, reverses_change_id)
           select :plan, 6, 'restore', '{}', now(), change_id from done returning 1""",
        plan=plan.plan_id,
    )
    with pytest.raises(RefusedError, match="rolled back"):
        approve_item(here.services, asked, by="ada", content_hash=plan.content_hash)
    assert status_of(here, asked) == ("open", None)


# What lapses


def test_a_plan_that_a_person_decides_on_at_that_moment_does_not_lapse_and_the_others_do(
    here: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided, left = here.plan(), here.plan()
    real = decisions.waiting_plans

    def seen_before(services: Services, connection: Any) -> Any:
        found = real(services, connection)
        with services.database.begin() as other:
            plan_rows.decide(
                other, decided.plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED, "ada", here.clock.now()
            )
        return found

    monkeypatch.setattr(decisions, "waiting_plans", seen_before)
    here.clock.advance(LONG_AGO)
    assert expire_overdue(here.services) == [Expired(left.plan_id)]
    assert (here.stored(decided.plan_id).status, here.stored(decided.plan_id).decided_by) == ("approved", "ada")
    asked = here.query("select status, decided_by from review_item order by review_id")
    assert asked == [("open", None), ("expired", "nobody")]


def test_of_several_plans_only_those_lapse_that_waited_too_long(here: Office) -> None:
    first = here.plan()
    here.clock.advance(timedelta(hours=72, seconds=-1))
    second = here.plan()
    here.clock.advance(timedelta(seconds=2))
    assert expire_overdue(here.services) == [Expired(first.plan_id)]
    assert here.stored(second.plan_id).status is PlanStatus.PENDING_REVIEW


def test_a_plan_that_people_were_asked_about_again_waits_longer_than_one_behind_it(here: Office) -> None:
    first, second = here.plan(), here.plan()
    here.clock.advance(timedelta(hours=1))
    here.ask(first, ReviewKind.PLAN, again=True)
    here.clock.advance(timedelta(hours=71, seconds=1))
    assert expire_overdue(here.services) == [Expired(second.plan_id)]


def test_questions_about_suppressing_lapse_and_what_could_not_be_changed_stays_asked(here: Office) -> None:
    plan = here.plan(status=EXECUTED)
    doubtful, failed = here.ask(plan, ReviewKind.PLAN, 7), here.ask(plan, ReviewKind.FAILED_ITEM, 8)
    assert expire_overdue(here.services) == []
    here.clock.advance(LONG_AGO)
    assert expire_overdue(here.services) == [Expired(None, doubtful)]
    assert status_of(here, doubtful) == ("expired", "nobody")
    assert status_of(here, failed) == ("open", None)


def test_people_are_told_once_what_lapsed_plans_and_questions_apart(here: Office) -> None:
    waiting = here.plan()
    asked = here.ask(here.plan(status=EXECUTED), ReviewKind.PLAN, 7)
    here.clock.advance(LONG_AGO)
    expire_overdue(here.services)
    assert expire_overdue(here.services) == []
    told = here.query("select message_key from notification order by 1")
    assert told == [(f"decision:{waiting.plan_id}:expired",), (f"questions-expired:{waiting.plan_id + 1}:{asked}",)]


# Carrying out


def approved(here: Office, kind: PlanKind = PlanKind.SUPPRESSION, status: PlanStatus = EXECUTED) -> tuple[int, int]:
    plan = here.plan(kind, status, suppress_items(7) if kind is PlanKind.SUPPRESSION else ())
    asked = here.ask(plan, ReviewKind.INCIDENT, contact_ids=[7])
    with here.services.database.begin() as connection:
        connection.execute(
            text(
                "update review_item set status = 'approved', decided_by = 'ada', decided_at = :now where review_id = :id"
            ),
            {"id": asked, "now": here.clock.now()},
        )
    return plan.plan_id, asked


def test_approved_contacts_want_one_run_for_each_plan_and_none_while_changes_are_stopped(here: Office) -> None:
    first, second = approved(here)[0], approved(here)[0]
    found = to_carry_out(here.services)
    assert [one.plan_id for one in found] == [first, second]
    assert len({one.run_key for one in found}) == 2
    assert all(f"plan {one.plan_id} (2026-11-20-r" in one.why for one in found)
    here.stop()
    assert to_carry_out(here.services) == []


def test_nothing_that_was_approved_is_carried_out_while_lists_may_not_be_changed(here: Office) -> None:
    plan_id, asked = approved(here)
    here.stop()
    with pytest.raises(RefusedError, match="what is approved stays approved"):
        execute_approved_items(here.services, plan_id)
    assert status_of(here, asked) == ("approved", "ada")


def test_what_is_no_plan_of_a_maintenance_has_no_approved_contacts(here: Office) -> None:
    with pytest.raises(NotFoundError, match="no such plan"):
        execute_approved_items(here.services, 4711)
    plan_id, _ = approved(here, PlanKind.UNDO)
    with pytest.raises(RefusedError, match="it is a correction"):
        execute_approved_items(here.services, plan_id)


@pytest.mark.parametrize("status", [PlanStatus.REJECTED, PlanStatus.APPROVED, PlanStatus.EXPIRED])
def test_single_contacts_follow_a_plan_that_was_carried_out_and_no_other(here: Office, status: PlanStatus) -> None:
    plan_id, _ = approved(here, status=status)
    with pytest.raises(RefusedError, match=f"it is {status.value}"):
        execute_approved_items(here.services, plan_id)


def test_a_person_is_told_how_far_an_approval_exceeds_the_cap(here: Office) -> None:
    plan = here.plan(status=EXECUTED, items=suppress_items(*range(1, 13)))
    few = here.ask(plan, ReviewKind.INCIDENT, contact_ids=[1])
    many = here.ask(plan, ReviewKind.INCIDENT, contact_ids=list(range(1, 13)))
    with here.services.database.begin() as connection:
        words = [cap_text_of(here.services, review_rows.review_by_id(connection, one)) for one in (few, many)]
    assert words[0].startswith("1 approved and 0 suppressed before are")
    assert "exceeds" not in words[0]
    assert words[1].startswith("12 approved")
    assert words[1].endswith("A person exceeds it.")


def test_a_cap_is_about_suppressions_only(here: Office) -> None:
    asked = here.ask(here.plan(PlanKind.REBALANCING, EXECUTED), ReviewKind.FAILED_ITEM, 7)
    with here.services.database.begin() as connection:
        item = review_rows.review_by_id(connection, asked)
    assert item is not None
    assert cap_text_of(here.services, item) == ""


def test_the_week_counts_every_question_that_the_queue_shows(here: Office) -> None:
    plan = here.plan(items=suppress_items(5))
    for kind in (ReviewKind.PLAN, ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM, ReviewKind.FINDING):
        here.ask(plan, kind, 5 if kind is ReviewKind.FAILED_ITEM else None)
    with here.services.database.begin() as connection:
        shown = review_rows.open_reviews(connection)
        week = count_activity(connection, NOW - timedelta(days=7), NOW, with_waiting=True)
    # A finding is news that somebody has to see, and no question.
    assert week.waiting == len([one for one in shown if one.kind is not ReviewKind.FINDING]) == 3
