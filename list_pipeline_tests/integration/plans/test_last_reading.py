"""The look right before lists are changed: what happened since the plan was made decides once more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import IncompleteDataError, PermanentError
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.membership.list_reading import ListReader
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import journal
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

SUPPRESSED = (*HARD, COMPLAINED)


def steps(made: Installation) -> dict[int, set[tuple[str, str | None]]]:
    """State and note of the rebalancing's steps per contact."""
    found: dict[int, set[tuple[str, str | None]]] = {}
    for contact_id, state, note in made.query(
        "select c.contact_id, s.state, s.note from change_step s join change c using (change_id)"
        " join plan p using (plan_id) where p.kind = 'rebalancing'"
    ):
        found.setdefault(contact_id, set()).add((state, note))
    return found


def moves(made: Installation) -> dict[int, tuple[str | None, str]]:
    found = made.query(
        "select i.contact_id, i.from_role, i.to_role from plan_item i join plan p using (plan_id)"
        " where p.kind = 'rebalancing'"
    )
    return {contact_id: (from_role, to_role) for contact_id, from_role, to_role in found}


def test_an_unsubscription_hidden_by_a_resubscription_is_seen_before_a_move(small: Installation) -> None:
    quiet = {ListRole.CAMPAIGN_1: small.account.people[5], ListRole.CAMPAIGN_2: small.account.people[25]}
    for role, contact_id in quiet.items():
        small.control.unsubscribe(contact_id, small.account.lists[role])
    membership_sync.sync(small.services)
    run = small.decide_rebalancing()
    mover, role = next((i, ListRole(f)) for i, (f, _) in moves(small).items() if f is not None)
    # One comes back and another leaves: every number that a sync compares is as it was.
    small.control.subscribe(small.control.contact(quiet[role])["email"], small.account.lists[role])
    small.control.unsubscribe(mover, small.account.lists[role])
    assert membership_sync.sync(small.services).rows_changed == 0
    before = small.places(mover)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert steps(small)[mover] == {("skipped", "must_stay")}
    assert small.places(mover) == before


def test_a_move_planned_before_a_round_was_sent_is_skipped(install_small: Install) -> None:
    # The hour that the sending takes is no hour of this run.
    with install_small(list_maintenance_deadline_minutes=240) as made:
        run = made.decide_rebalancing()
        planned = moves(made)
        from_1 = {i for i, (from_role, _) in planned.items() if from_role == "campaign_1"}
        others = planned.keys() - from_1
        assert from_1
        assert others
        made.control.send(made.account.lists.campaign_1, "Letter 3", profile="clean")
        made.clock.advance(timedelta(hours=1))
        rebalancing.execute_rebalancing(made.services, run, quietly)
        found = steps(made)
        for contact_id in from_1:
            # Already mailed in this cycle: on the list whose round is to come it would be mailed twice.
            assert found[contact_id] == {("skipped", "cycle_changed")}
            assert made.places(contact_id) == {ListRole.MASTER, ListRole.CAMPAIGN_1}
        assert {state for contact_id in others for state, _ in found[contact_id]} == {"confirmed"}


def test_a_move_is_not_made_while_its_list_is_being_sent(small: Installation) -> None:
    run = small.decide_rebalancing()
    from_1 = {i for i, (from_role, _) in moves(small).items() if from_role == "campaign_1"}
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=7200)
    small.clock.advance(timedelta(minutes=1))
    before = small.members(ListRole.CAMPAIGN_1)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.members(ListRole.CAMPAIGN_1) == before
    assert {state for contact_id in from_1 for state, _ in steps(small)[contact_id]} == {"skipped"}


@pytest.mark.parametrize("spelling", [str.lower, str.upper])
def test_an_address_suppressed_once_and_imported_again_is_never_a_newcomer(
    maintained: Installation, spelling: Any
) -> None:
    small = maintained
    old = small.account.people[HARD[0]]
    email = small.control.contact(old)["email"]
    small.control.gdpr_delete(old)
    again = small.control.sign_up(spelling(email), small.account.lists.master)
    other = small.control.sign_up("somebody-new@example.org", small.account.lists.master)
    assert again != old
    membership_sync.sync(small.services, full=True)
    with small.services.database.begin() as connection:
        waiting = {one.contact_id for one in queue.newcomers(connection, 100)}
        assert queue.with_suppressed_address(connection, [again, other]) == {again}
        assert queue.count_newcomers(connection) == len(waiting)
    assert other in waiting
    assert again not in waiting


def test_an_address_suppressed_under_another_id_since_the_plan_is_not_enrolled(small: Installation) -> None:
    run = small.decide_rebalancing()
    (newcomer,) = (i for i, (from_role, _) in moves(small).items() if from_role is None)
    email = small.control.contact(newcomer)["email"]
    with small.services.database.begin() as connection:
        connection.exec_driver_sql(
            "insert into contact_suppression_history (contact_id, email, suppressed_at, reason,"
            " added_to_suppression_list) values (1, %s, now(), 'manual', true)",
            (email.upper(),),
        )
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert steps(small)[newcomer] == {("skipped", "must_stay")}
    assert not small.places(newcomer) & set(CAMPAIGN_LISTS)


def test_somebody_whom_a_person_moved_since_the_plan_leaves_every_campaign_list_when_suppressed(
    small: Installation,
) -> None:
    run = small.decide_suppression()
    moved = small.account.people[HARD[0]]
    small.put_on(ListRole.CAMPAIGN_1, moved)
    small.take_off(ListRole.CAMPAIGN_3, moved)
    suppression.execute_suppressions(small.services, run, quietly)
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    ((removed,),) = small.query(
        "select removed_from_lists from contact_suppression_history where contact_id = :id", id=moved
    )
    assert removed == [str(small.account.lists.campaign_1)]


def test_the_journal_is_opened_after_the_lists_were_looked_at(small: Installation) -> None:
    run = small.decide_suppression()
    ((before,),) = small.query("select max(sync_run_id) from sync_run")
    small.control.add_fault("status", path="/listrecipient$", status=400, count=None)
    with pytest.raises(PermanentError):
        suppression.execute_suppressions(small.services, run, quietly)
    assert small.query("select count(*) from change") == [(0,)]
    small.control.clear_faults()
    suppression.execute_suppressions(small.services, run, quietly)
    assert small.query("select max(sync_run_id) from sync_run") == [(before + 1,)]
    small.assert_suppressed(small.account.ids(*SUPPRESSED))
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED


# A sync beside a maintenance


def test_a_sync_that_overlapped_a_finished_job_is_read_again(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, maintaining = small.decide_suppression(), small.another()
    real, merged = ListReader._merge, []

    def merge(reader: ListReader, role: ListRole, **how: Any) -> None:
        if reader._services is small.services:
            merged.append(role)
            if len(merged) == 1:
                suppression.execute_suppressions(maintaining, run, quietly)
        real(reader, role, **how)

    monkeypatch.setattr(ListReader, "_merge", merge)
    membership_sync.sync(small.services, full=True)
    assert merged == [ListRole.MASTER, *ALL_LISTS]
    for role in ALL_LISTS:
        stored = small.query(
            "select contact_id from list_membership where list_role = :role and left_at is null", role=role.value
        )
        assert {row[0] for row in stored} == small.members(role), role
    flagged = small.query("select contact_id from contact_list_membership where in_suppression_list and is_excluded")
    assert small.account.ids(*SUPPRESSED) <= {row[0] for row in flagged}


def test_a_sync_that_always_overlaps_a_job_gives_up_and_takes_nothing_over(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.take_off(ListRole.CAMPAIGN_1, small.account.people[7])
    jobs = iter(range(100))
    monkeypatch.setattr(journal, "activity", lambda connection: (next(jobs), 0))
    with pytest.raises(IncompleteDataError, match="a maintenance kept changing the lists"):
        membership_sync.sync(small.services)
    left = small.query("select count(*) from list_membership where left_at is not null")
    assert left == [(0,)]
