"""An undo takes changes back and rewrites nothing: who decided what stays, and the ledger says what was left."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from list_pipeline.core.errors import StateChangedError, TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reports.message import as_text
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import gates, workflow
from list_pipeline.operations.monitoring.decision_review import review_day
from list_pipeline.operations.monitoring.rollback_triggers import facts_now
from list_pipeline.operations.plans import corrections
from list_pipeline.operations.plans.execution import finish_half_done
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.taken_back import state_of
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reports.maintenance_report import write_report
from list_pipeline.operations.reviews.decisions import approve, approve_item, reject
from list_pipeline.operations.runs.run import current, due
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.migrations import migrate, rollback
from list_pipeline.storage.plans import earlier_looks
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install

DECIDED_PLANS = (
    "select kind, decided_by, decided_at from plan where kind in ('suppression', 'rebalancing') order by plan_id"
)
DECIDED_QUESTIONS = "select kind, decided_by, decided_at from review_item order by review_id"


def undo(made: Installation, **parts: object) -> list[corrections.Correction]:
    return undo_maintenance(made.services, made.key, by="bob", note="a test", progress=quietly, **parts)  # type: ignore[arg-type]


def decisions(made: Installation) -> list[tuple[object, ...]]:
    """Who decided on each plan of the maintenance and on each question, and when."""
    return [*made.query(DECIDED_PLANS), *made.query(DECIDED_QUESTIONS)]


def approve_plan(made: Installation, kind: PlanKind) -> None:
    plan = made.plan(kind)
    approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)


def ledger_row(made: Installation) -> Mapping[str, object]:
    ((status, taken_back, left, because),) = made.query(
        "select status, changes_taken_back, changes_left, left_because from list_maintenance_log order by id desc limit 1"
    )
    return {"status": status, "taken_back": taken_back, "left": left, "because": because}


def test_who_decided_stays_after_an_undo_and_the_figures_of_decisions_with_it(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        approve_plan(made, PlanKind.SUPPRESSION)
        made.maintain(run_id="second")
        approve_plan(made, PlanKind.REBALANCING)
        decided = decisions(made)
        day = made.clock.now().date()
        people = review_day(made.services, day).figures.people
        assert (people.approved, people.rejected) == (2, 0)
        undo(made, despite_complaint=True)
        assert decisions(made) == decided
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED
        # Approved and not carried out: it is not carried out any more, and stays approved by who approved it.
        plan = made.plan(PlanKind.REBALANCING)
        assert (plan.status, plan.decided_by, plan.withdrawn_by) == (PlanStatus.WITHDRAWN, "ada", "bob")
        figures = review_day(made.services, day).figures
        assert figures.people == people
        assert facts_now(made.services).rejected == 0
        assert ledger_row(made) == {"status": "rolled_back", "taken_back": 4, "left": 0, "because": {}}
        assert due(made.services) == []
        redo_maintenance(made.services, made.key, by="eve", progress=quietly)
        made.assert_suppressed(made.account.ids(*HARD, COMPLAINED))
        assert decisions(made) == decided
        # The moves had not begun, so nothing is there to do again.
        assert ledger_row(made) == {
            "status": "partly_rolled_back",
            "taken_back": 0,
            "left": 4,
            "because": {"done_again": 4},
        }
        again = review_day(made.services, day).figures
        assert again.people == people
        assert (again.suppressions.suppressed, again.suppressions.reinstated) == (4, 0)
        with made.services.database.begin() as connection:
            # The way back of a migration goes ways that no run goes.
            for table in ("plan", "review_item", "list_maintenance_log"):
                connection.exec_driver_sql(f"drop function public.refuse_illegal_{table} cascade")
        taken_back: list[str] = []
        while "0025_withdrawn" not in taken_back:
            taken_back += rollback(made.services.database)
        assert made.query("select status, decided_by from plan where kind = 'rebalancing'") == [("rejected", "bob")]
        assert made.query("select distinct kind from plan order by 1") == [
            ("rebalancing",),
            ("suppression",),
            ("undo",),
        ]
        assert sorted(migrate(made.services.database)) == sorted(taken_back)


def test_an_approved_question_that_was_not_carried_out_stays_approved_by_who_approved_it(small: Installation) -> None:
    run = small.decide_suppression()
    contact = small.account.people[HARD[0]]
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("update plan_item set is_held = true where contact_id = %s", (contact,))
        corrections.plan_rows.add_review_item(
            connection,
            campaign_id=run.campaign.campaign_id,
            plan_id=small.plan(PlanKind.SUPPRESSION).plan_id,
            kind=ReviewKind.INCIDENT,
            summary="a domain bounced",
            details={"contact_ids": [contact]},
            now=small.clock.now(),
        )
    ((question,),) = small.query("select review_id from review_item where kind = 'incident'")
    small.maintain()
    approve_item(
        small.services,
        question,
        by="ada",
        content_hash=small.plan(PlanKind.SUPPRESSION).content_hash,
        note="dead domain",
    )
    undo(small)
    asked = "select status, decided_by, withdrawn_by, note from review_item where kind = 'incident'"
    assert small.query(asked) == [("withdrawn", "ada", "bob", "dead domain")]


def test_what_was_left_is_in_the_status_in_the_report_and_in_the_command(maintained: Installation) -> None:
    small = maintained
    moved = {step.contact_id for step in small.steps(PlanKind.REBALANCING)}
    left = small.account.people[HARD[0]]
    small.control.unsubscribe(left)
    undo(small)
    found = ledger_row(small)
    assert found["status"] == "partly_rolled_back"
    assert (found["left"], found["because"]) == (2, {"complaint": 1, "unsubscribed": 1})
    assert found["taken_back"] == 2 + len(moved)
    run = current(small.services, small.key)
    report = write_report(small.services, run)
    assert report.facts.status is RunStatus.PARTLY_ROLLED_BACK
    text = as_text(report.message)
    assert "Partly Rolled Back" in text
    assert "2 left as they are" in text
    assert "1: unsubscribed: nobody but the contact can undo that" in text
    assert "and 2 changes of it stand" in text
    lines = state_of(small.services, small.key, run.sweep).lines
    assert lines[0] == f"The maintenance is partly rolled back: {2 + len(moved)} changes taken back, 2 left."
    # Taken back in spite of the complaint, one fewer is left.
    undo(small, despite_complaint=True)
    assert ledger_row(small)["because"] == {"unsubscribed": 1}


def test_an_undo_of_what_only_waited_ends_the_maintenance_and_nothing_of_it_goes_on(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        made.control.reset_requests()
        assert undo(made) == []
        assert ledger_row(made)["status"] == "rolled_back"
        assert due(made.services) == []
        made.maintain(run_id="second")
        assert made.query("select count(*) from plan where kind = 'rebalancing'") == [(0,)]
        assert made.changing_requests() == {}


def test_an_undo_that_cannot_begin_leaves_nobody_on_two_lists(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_timeout_seconds=5) as made:
        run = made.decide_rebalancing()
        gates.judge_rebalancing_plan(made.services, run)
        with monkeypatch.context() as patch:
            # Added to the new lists, and not yet taken off the old ones.
            Dying(3, "before", "POST /v3/REST/contact/managemanycontacts").install(patch)
            with pytest.raises(Killed):
                rebalancing.execute_rebalancing(made.services, run, quietly)
        made.control.add_fault("drop_before", method="GET", path="contactslist", count=None)
        with pytest.raises(TransientError):
            undo(made)
        made.control.clear_faults()
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.WITHDRAWN
        finish_half_done(made.services, quietly)
        everybody = {one for role in CAMPAIGN_LISTS for one in made.members(role)}
        assert [one for one in everybody if len(made.places(one) & set(CAMPAIGN_LISTS)) > 1] == []
        undo(made)
        moved = {step.contact_id for step in made.steps(PlanKind.REBALANCING)}
        assert all(len(made.places(one) & {*CAMPAIGN_LISTS, ListRole.SUPPRESSION}) <= 1 for one in moved)
        assert ledger_row(made)["status"] in ("rolled_back", "partly_rolled_back")


def test_a_run_whose_maintenance_is_undone_meanwhile_goes_no_further(small: Installation) -> None:
    run = small.decide_suppression()
    workflow.open_suppression_gate(small.services, run)
    suppression.execute_suppressions(small.services, run, quietly)
    undo(small, despite_complaint=True)
    small.control.reset_requests()
    with pytest.raises(StateChangedError, match="undone meanwhile"):
        workflow.open_rebalancing_gate(small.services, run)
    assert small.changing_requests() == {}
    assert ledger_row(small)["status"] == "rolled_back"


def test_what_a_dead_undo_had_not_begun_is_judged_anew_before_it_goes_on(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(mailjet_job_contacts=1) as made:
        made.maintain()
        with monkeypatch.context() as patch:
            Dying(1, "before", "POST /v3/REST/contact/managemanycontacts").install(patch)
            with pytest.raises(Killed):
                undo(made)
        contact, old, new = made.query(
            """
            select c.contact_id, i.from_role, i.to_role from change_step s join change c using (change_id)
            join plan p on p.plan_id = c.plan_id and p.kind = 'undo'
            join plan_item i on i.contact_id = c.contact_id and i.action = 'move'
            group by 1, 2, 3 having bool_and(s.state = 'planned') order by 1 limit 1
            """
        )[0]
        elsewhere = next(role for role in CAMPAIGN_LISTS if role not in (old, new))
        made.take_off(ListRole(new), contact)
        made.put_on(elsewhere, contact)
        undo(made)
        assert made.places(contact) == {ListRole.MASTER, elsewhere}
        assert ledger_row(made)["because"] == {"complaint": 1, "changed_since": 1}


def test_what_was_approved_and_lapsed_with_its_plan_is_judged_anew(small: Installation) -> None:
    run = small.decide_suppression()
    plan, contact = small.plan(PlanKind.SUPPRESSION), small.account.people[HARD[0]]
    now = small.clock.now()
    with small.services.database.begin() as connection:
        corrections.plan_rows.add_review_item(
            connection,
            campaign_id=run.campaign.campaign_id,
            plan_id=plan.plan_id,
            kind=ReviewKind.INCIDENT,
            summary="a domain bounced",
            details={"contact_ids": [contact]},
            now=now,
        )
        (asked,) = review_rows.open_reviews(connection)
        review_rows.decide_review(connection, asked.review_id, ReviewStatus.APPROVED, "ada", None, now)
        corrections.plan_rows.decide(connection, plan.plan_id, plan.status, PlanStatus.PENDING_REVIEW, "gate", now)
        corrections.plan_rows.decide(
            connection, plan.plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.EXPIRED, "nobody", now
        )
        review_rows.close_questions(connection, plan.plan_id, ReviewStatus.EXPIRED, "nobody", None, now)
        assert not earlier_looks.rejected_contacts(connection, run.campaign.campaign_id)
    asked_now = "select status, decided_by, withdrawn_by from review_item where kind = 'incident'"
    assert small.query(asked_now) == [("withdrawn", "ada", "nobody")]


def test_who_was_suppressed_by_a_run_that_died_stands_in_the_history_though_the_rest_of_its_plan_is_turned_down(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(suppression_cap_percent=1.0) as made:

        def dies(*_: object) -> None:
            raise Killed

        with monkeypatch.context() as patch:
            # Who complained is suppressed at once while the rest waits; the process is killed right after.
            patch.setattr(suppression, "note_suppressed", dies)
            with pytest.raises(Killed):
                made.maintain()
        complained = made.account.ids(COMPLAINED)
        made.assert_suppressed(complained)
        assert made.query("select contact_id from contact_suppression_history where change_id is not null") == []
        reject(made.services, made.plan(PlanKind.SUPPRESSION).plan_id, by="ada")
        made.maintain(run_id="second")
        assert made.query(
            """select contact_id, maintenance_log_id is not null, removed_from_lists <> '{}' from contact_suppression_history
               where change_id is not null"""
        ) == [(one, True, True) for one in complained]
