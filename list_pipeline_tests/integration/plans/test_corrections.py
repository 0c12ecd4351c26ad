"""Undo, rollback, reinstating and suppressing one contact: compared contact by contact with the state before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.errors import ChangesStoppedError, NotFoundError, RefusedError, UnavailableError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, Sweep, content_hash
from list_pipeline.operations.maintenance import gates, workflow
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.plans import corrections, waiting_repairs
from list_pipeline.operations.plans.single_contacts import contact_of, reinstate, suppress
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Dying,
    Installation,
    Killed,
    quietly,
)

pytestmark = pytest.mark.long

JOB = "contact/managemanycontacts$"


@dataclass(frozen=True)
class State:
    """Every list and who is excluded, as Mailjet has it."""

    lists: dict[ListRole, frozenset[int]]
    excluded: frozenset[int]


def state(made: Installation) -> State:
    return State({role: frozenset(made.members(role)) for role in ListRole}, frozenset(made.excluded()))


def undo(made: Installation, **parts: object) -> list[corrections.Correction]:
    return undo_maintenance(made.services, made.key, by="ada", note="a test", progress=quietly, **parts)  # type: ignore[arg-type]


def statuses(made: Installation) -> list[str]:
    return [row[0] for row in made.query("select status from list_maintenance_log order by id")]


def messages(made: Installation, word: str) -> list[str]:
    return [m["text"] for m in made.cards() if word in m["text"]]


def test_an_undo_brings_every_contact_back_to_where_it_was_but_for_the_complaint(small: Installation) -> None:
    before, complained = state(small), small.account.people[COMPLAINED]
    small.maintain()
    assert state(small) != before
    done = undo(small)
    after = state(small)
    assert after.excluded == before.excluded | {complained}
    for role in CAMPAIGN_LISTS:
        assert after.lists[role] == before.lists[role] - {complained}
    assert after.lists[ListRole.SUPPRESSION] == before.lists[ListRole.SUPPRESSION] | {complained}
    assert all(one.facts.is_complete for one in done)
    assert [one.refused for one in done] == [{}, {"complaint": (complained,)}]


def test_undoing_twice_changes_nothing_the_second_time(small: Installation) -> None:
    small.maintain()
    undo(small)
    restored = state(small)
    small.control.reset_requests()
    assert [one.facts.planned for one in undo(small)] == [0]  # the complaint is refused once more
    assert small.changing_requests() == {}
    assert state(small) == restored


def test_a_contact_keeps_its_place_in_the_queue_through_suppression_and_back(small: Installation) -> None:
    query = "select contact_id, queued_at from contact_list_membership order by contact_id"
    before = small.query(query)
    small.maintain()
    undo(small)
    assert small.query(query) == before


def test_the_history_keeps_the_suppression_and_says_who_took_it_back(maintained: Installation) -> None:
    small = maintained
    undo(small)
    rows = small.query("select contact_id, reinstated_by, reinstated_at is not null from contact_suppression_history")
    assert {row[0] for row in rows if row[1:] == ("ada", True)} == small.account.ids(*HARD)
    assert {row[0] for row in rows if row[1:] == (None, False)} == small.account.ids(COMPLAINED)


def test_who_unsubscribed_or_was_moved_by_somebody_since_is_left_alone_and_named(small: Installation) -> None:
    first, second, _ = sorted(small.account.ids(*HARD))
    small.maintain()
    small.control.unsubscribe(first)
    small.put_on(ListRole.CAMPAIGN_1, second)
    done = undo(small)[-1]
    assert done.refused["unsubscribed"] == (first,)
    assert done.refused["changed_since"] == (second,)
    assert first in small.members(ListRole.SUPPRESSION)
    assert small.places(second) & set(CAMPAIGN_LISTS) == {ListRole.CAMPAIGN_1}


def test_an_erased_contact_is_not_created_again_by_an_undo(small: Installation) -> None:
    gone = small.account.people[HARD[0]]
    small.maintain()
    small.control.gdpr_delete(gone)
    assert undo(small)[-1].refused["contact_gone"] == (gone,)
    assert gone not in small.members(ListRole.CAMPAIGN_3)


JOBS_OF_AN_UNDO = 6
"""One job each: back to list 1 and to list 2 and off list 3, the rebalancing; back to list 3, off suppression, included."""


@pytest.mark.long
@pytest.mark.parametrize(
    ("nth", "when"),
    [(1, "after"), (2, "before"), (3, "after"), (4, "after"), (5, "before"), (5, "after"), (6, "after")],
)
def test_an_undo_killed_around_any_of_its_jobs_is_continued_to_the_same_end(
    small: Installation, monkeypatch: pytest.MonkeyPatch, nth: int, when: str
) -> None:
    before = state(small)
    small.maintain()
    with monkeypatch.context() as patch:
        Dying(nth, when, "POST /v3/REST/contact/managemanycontacts").install(patch)
        with pytest.raises(Killed):
            undo(small, despite_complaint=True)
    listed = set().union(*(small.members(role) for role in CAMPAIGN_LISTS))
    assert small.members(ListRole.SUPPRESSION) & listed <= small.excluded()
    assert {one for role in (*CAMPAIGN_LISTS, ListRole.SUPPRESSION) for one in before.lists[role]} <= {
        one for role in (*CAMPAIGN_LISTS, ListRole.SUPPRESSION) for one in small.members(role)
    }
    undo(small, despite_complaint=True)
    assert state(small) == before
    assert statuses(small) == ["rolled_back"]


def test_an_undo_takes_exactly_the_jobs_that_the_tests_kill(
    maintained: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = maintained
    jobs = Dying(counting="POST /v3/REST/contact/managemanycontacts")
    jobs.install(monkeypatch)
    undo(small, despite_complaint=True)
    assert len(jobs.seen) == JOBS_OF_AN_UNDO


def test_what_was_undone_is_not_done_again_by_a_later_look_or_a_repeated_run(small: Installation) -> None:
    small.maintain()
    undo(small)
    restored = state(small)
    small.control.reset_requests()
    small.maintain(run_id="again")
    assert small.changing_requests() == {}
    small.clock.advance(timedelta(hours=48))
    synchronise(small.services, progress=quietly)
    workflow.maintain(small.services, small.key, sweep=Sweep.H72, run_id="late", progress=quietly)
    after = state(small)
    assert after.lists[ListRole.SUPPRESSION] == restored.lists[ListRole.SUPPRESSION]
    assert after.excluded == restored.excluded


def test_an_undo_is_refused_while_changes_are_stopped(maintained: Installation) -> None:
    small = maintained
    changed = state(small)
    stopped = small.another(list_management_enabled=False)
    with pytest.raises(ChangesStoppedError, match="LIST_MANAGEMENT_ENABLED"):
        undo_maintenance(stopped, small.key, by="ada", progress=quietly)
    assert state(small) == changed


def test_an_undo_needs_a_person_and_something_to_undo(small: Installation) -> None:
    with pytest.raises(NotFoundError, match="never maintained"):
        undo(small)
    small.maintain()
    with pytest.raises(RefusedError, match="person"):
        undo_maintenance(small.services, small.key, by="gate", progress=quietly)


def test_people_are_told_what_was_undone_and_who_stayed(maintained: Installation) -> None:
    small = maintained
    undo(small)
    (moves, suppressions) = messages(small, "undone")
    assert "4 of 4" in moves or "carried out" in moves
    assert "3 of 3" in suppressions
    assert "complained about spam" in suppressions
    assert "example.com" not in suppressions


# Rollback of a rebalancing


def prepared(made: Installation) -> Maintenance:
    run = made.decide_rebalancing()
    assert gates.judge_rebalancing_plan(made.services, run)[0].status is PlanStatus.APPROVED
    return run


def test_a_rollback_that_fails_is_a_critical_alert_and_loses_nobody(small: Installation) -> None:
    run = prepared(small)
    before = state(small)
    small.control.add_fault("job_without_effect", method="POST", path=JOB, nth=3, count=None)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    (told,) = messages(small, "Critical")
    assert "Manual fix required" in told
    listed_before = set().union(*(before.lists[role] for role in CAMPAIGN_LISTS))
    assert listed_before <= set().union(*(small.members(role) for role in CAMPAIGN_LISTS))


@pytest.mark.long
def test_a_rollback_that_is_killed_is_continued_by_the_next_run(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(small)
    before = state(small)
    small.control.add_fault("job_without_effect", method="POST", path=JOB, nth=3, count=4)
    with monkeypatch.context() as patch:
        jobs = Dying(7, "after", "POST /v3/REST/contact/managemanycontacts")
        jobs.install(patch)
        with pytest.raises(Killed):
            rebalancing.execute_rebalancing(small.services, run, quietly)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert state(small) == before


@pytest.mark.long
def test_nothing_is_rolled_back_while_a_job_of_a_killed_run_may_still_take_effect(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepared(small)
    small.control.add_fault("job_without_effect", method="POST", path=JOB, nth=3, count=4)
    with monkeypatch.context() as patch:
        jobs = Dying(5, "after", "POST /v3/REST/contact/managemanycontacts")
        jobs.install(patch)
        with pytest.raises(Killed):
            rebalancing.execute_rebalancing(small.services, run, quietly)
    with pytest.raises(UnavailableError, match="may still take effect"):
        rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.query("select count(*) from plan where kind = 'rollback'") == [(0,)]
    rebalancing.execute_rebalancing(small.services, run, quietly)
    moved = {step.contact_id for step in small.steps(PlanKind.REBALANCING)}
    assert all(len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1 for contact in moved)
    assert {step.state for step in small.steps(PlanKind.REBALANCING)} == {"confirmed"}


# One contact


def test_a_complaint_is_reinstated_only_with_an_explicit_override(maintained: Installation) -> None:
    small = maintained
    contact = small.account.people[COMPLAINED]
    with pytest.raises(RefusedError, match="complained"):
        reinstate(small.services, contact, by="ada")
    small.assert_suppressed({contact})
    reinstate(small.services, contact, by="ada", despite_complaint=True)
    assert contact not in small.members(ListRole.SUPPRESSION)


def test_an_unsubscribed_contact_is_never_reinstated(maintained: Installation) -> None:
    small = maintained
    contact = small.account.people[HARD[0]]
    small.control.unsubscribe(contact)
    with pytest.raises(RefusedError, match="unsubscribed"):
        reinstate(small.services, contact, by="ada", despite_complaint=True)
    small.assert_suppressed({contact})


def test_who_was_suppressed_by_others_is_not_reinstated_by_us(small: Installation) -> None:
    with pytest.raises(NotFoundError, match="not suppressed by us"):
        reinstate(small.services, small.account.people[62], by="ada")


def test_a_contact_suppressed_by_hand_has_the_reason_manual_and_comes_back_by_reinstating(small: Installation) -> None:
    contact, before = small.account.people[5], state(small)
    suppress(small.services, contact, by="ada", note="asked us by phone")
    small.assert_suppressed({contact})
    rows = small.query("select contact_id, reason, maintenance_log_id from contact_suppression_history")
    assert rows == [(contact, "manual", None)]
    reinstate(small.services, contact, by="bob")
    assert state(small) == before


def test_a_suppression_by_hand_needs_a_reason_and_is_not_made_twice(small: Installation) -> None:
    contact = small.account.people[5]
    with pytest.raises(RefusedError, match="no reason"):
        suppress(small.services, contact, by="ada", note=" ")
    suppress(small.services, contact, by="ada", note="asked us by phone")
    with pytest.raises(RefusedError, match="already"):
        suppress(small.services, contact, by="ada", note="again")
    assert small.query("select count(*) from contact_suppression_history") == [(1,)]


def test_a_reinstated_contact_is_suppressed_again_only_by_what_happens_afterwards(maintained: Installation) -> None:
    small = maintained
    contact = small.account.people[HARD[0]]
    reinstate(small.services, contact, by="ada")
    small.clock.advance(timedelta(days=4))
    send = small.control.send(
        small.account.lists.campaign_3, "Letter 3", profile="clean", outcomes={contact: "user_unknown"}
    )
    small.clock.advance(timedelta(hours=26))
    synchronise(small.services, progress=quietly)
    small.maintain(run_id="next")
    assert send
    small.assert_suppressed({contact})
    rows = small.query("select count(*) from contact_suppression_history where contact_id = :id", id=contact)
    assert rows == [(2,)]


def test_a_contact_is_found_by_its_address_in_any_case_and_the_address_is_not_repeated(small: Installation) -> None:
    contact = small.account.people[5]
    address = small.control.contact(contact)["email"]
    assert contact_of(small.services, address.upper()) == contact
    assert contact_of(small.services, str(contact)) == contact
    with pytest.raises(NotFoundError) as caught:
        contact_of(small.services, "nobody-here@example.org")
    assert "nobody-here" not in str(caught.value)


# Repairs


def test_an_approved_repair_takes_a_contact_off_one_of_its_two_lists_and_never_off_the_last(
    small: Installation,
) -> None:
    twice, once = small.account.people[5], small.account.people[6]
    small.put_on(ListRole.CAMPAIGN_2, twice)
    membership_sync.sync(small.services)
    items = [
        PlanItem(contact, ItemAction.REMOVE, rule="in_two_lists", from_role=ListRole.CAMPAIGN_1, reason="in_two_lists")
        for contact in (twice, once)
    ]
    with small.services.database.begin() as connection:
        plan_id = plan_rows.save_plan(
            connection,
            campaign_id=None,
            kind=PlanKind.REPAIR,
            sweep=None,
            content_hash=content_hash(None, PlanKind.REPAIR, None, "test", items),
            policy_version="test",
            status=PlanStatus.PENDING_REVIEW,
            summary=RepairSummary(DriftKind.IN_TWO_CAMPAIGN_LISTS, 2),
            items=items,
            now=small.clock.now(),
        ).plan_id
    small.control.reset_requests()
    with pytest.raises(RefusedError, match="pending_review"):
        corrections.carry_out_correction(small.services, plan_id, quietly)
    assert small.changing_requests() == {}
    approve(small.services, plan_id, by="ada", content_hash=content_hash(None, PlanKind.REPAIR, None, "test", items))
    assert [one.plan_id for one in waiting_repairs.to_carry_out(small.services)] == [plan_id]
    done = corrections.carry_out_correction(small.services, plan_id, quietly)
    assert done.facts.is_complete
    assert small.places(twice) & set(CAMPAIGN_LISTS) == {ListRole.CAMPAIGN_2}
    assert small.places(once) & set(CAMPAIGN_LISTS) == {ListRole.CAMPAIGN_1}
    assert waiting_repairs.to_carry_out(small.services) == []
