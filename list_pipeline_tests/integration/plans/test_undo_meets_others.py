"""An undo that meets other work on the same maintenance: a run that waits for the lock, one that died, a redo, a rollback."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import StateChangedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.plans import corrections, waiting_repairs
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.plans import earlier_looks
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.plans.test_redo import POSTED, redo, undo


def undone_before_the_lock(made: Installation, patch: pytest.MonkeyPatch, module: object) -> None:
    """Another process undoes the maintenance while the run, which looked at its plan already, waits for the lock."""
    key = made.key

    def meanwhile(*_: object, **__: object) -> int:
        undo_maintenance(made.another(), key, by="bob", despite_complaint=True, progress=quietly)
        return 0

    patch.setattr(module, "finish_half_done", meanwhile)


def test_a_run_that_waits_for_the_lock_suppresses_nobody_when_it_was_undone_meanwhile(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    undone_before_the_lock(small, monkeypatch, suppression)
    suppression.execute_suppressions(small.services, run, quietly)
    assert not small.account.ids(*HARD, COMPLAINED) & small.members(ListRole.SUPPRESSION)
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.WITHDRAWN
    with pytest.raises(StateChangedError, match="undone meanwhile"):
        workflow.open_rebalancing_gate(small.services, run)


def test_a_run_that_waits_for_the_lock_moves_nobody_when_it_was_undone_meanwhile(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {role: small.members(role) for role in CAMPAIGN_LISTS}
    run = small.decide_rebalancing()
    undone_before_the_lock(small, monkeypatch, rebalancing)
    executed = rebalancing.execute_rebalancing(small.services, run, quietly)
    assert (executed.confirmed, executed.open) == (0, 0)
    assert {role: small.members(role) for role in CAMPAIGN_LISTS} == before


def test_who_complained_after_an_undo_died_stays_suppressed_and_is_named(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        suppression.execute_suppressions(made.services, made.decide_suppression(), quietly)
        with monkeypatch.context() as patch:
            Dying(1, "before", POSTED).install(patch)
            with pytest.raises(Killed):
                undo(made)
        contact = max(made.account.ids(*HARD))
        with made.services.database.begin() as connection:
            # As the bounces of another campaign tell it.
            connection.exec_driver_sql(
                "update contact_list_membership set is_complaining = true where contact_id = %s", (contact,)
            )
        made.clock.advance(timedelta(minutes=6))
        (waiting,) = waiting_repairs.to_carry_out(made.services)
        done = corrections.carry_out_correction(made.services, waiting.plan_id, quietly)
        assert done.refused[Refusal.MUST_STAY] == (contact,)
        made.assert_suppressed({contact})


def test_who_was_suppressed_by_a_run_that_died_stands_in_the_history_after_its_undo(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()

    def dies_before_removing(words: str) -> None:
        if "remove" in words:
            raise Killed

    with monkeypatch.context() as patch:
        # A process that is killed writes nothing any more.
        patch.setattr(suppression, "note_suppressed", lambda *_: None)
        with pytest.raises(Killed):
            suppression.execute_suppressions(small.services, run, dies_before_removing)
    undo(small)
    rows = small.query("select contact_id, reinstated_by from contact_suppression_history where change_id is not null")
    taken_back = dict.fromkeys(small.account.ids(*HARD), "bob")
    assert dict(rows) == {**taken_back, small.account.people[COMPLAINED]: None}


def test_an_undo_is_the_last_word_also_where_a_redo_before_it_found_nothing_to_do(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        for asked in (undo, redo, undo, undo):
            made.clock.advance(timedelta(minutes=1))
            assert asked(made) == []
        campaign = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)[0][0]
        with made.services.database.begin() as connection:
            assert made.account.ids(*HARD) <= earlier_looks.rejected_contacts(connection, campaign)
        words = made.query("select kind, requested_by from plan where kind in ('undo', 'redo') order by plan_id")
        assert words == [("redo", "ada"), ("undo", "bob")]
        made.clock.advance(timedelta(minutes=1))
        redo(made)
        with made.services.database.begin() as connection:
            assert not earlier_looks.rejected_contacts(connection, campaign)


def test_a_rollback_that_died_is_at_its_end_before_an_undo_so_that_it_takes_no_redo_back(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    with monkeypatch.context() as patch:

        def why(*_: object) -> str:
            Dying(1, "before", POSTED).install(patch)
            return "a test"

        patch.setattr(rebalancing, "_why_roll_back", why)
        with pytest.raises(Killed):
            rebalancing.execute_rebalancing(small.services, run, quietly)
    undo(small)
    small.clock.advance(timedelta(hours=2))
    redo(small)
    lists = {role: small.members(role) for role in CAMPAIGN_LISTS}
    assert waiting_repairs.to_carry_out(small.services) == []
    assert {role: small.members(role) for role in CAMPAIGN_LISTS} == lists
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_an_undo_that_dies_in_its_first_half_goes_on_by_itself_to_its_end(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {role: small.members(role) for role in ListRole}
    small.maintain()
    with monkeypatch.context() as patch:
        Dying(1, "before", POSTED).install(patch)
        with pytest.raises(Killed):
            undo(small, despite_complaint=True)
    small.clock.advance(timedelta(minutes=15))
    for one in waiting_repairs.to_carry_out(small.services):
        corrections.carry_out_correction(small.services, one.plan_id, quietly)
    assert {role: small.members(role) for role in ListRole} == before
    assert small.query("select status from list_maintenance_log order by id desc limit 1") == [("rolled_back",)]
