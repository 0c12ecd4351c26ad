"""Decisions on single contacts: carried out once, as shown, and only while they still fit; what failed is tried again."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from list_pipeline.cli import reviews as cli_reviews
from list_pipeline.cli.main import app
from list_pipeline.core.errors import (
    ChangesStoppedError,
    LockHeldError,
    NotFoundError,
    RefusedError,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.reviews.policy import REVIEWS
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.approved_items import cap_text, execute_approved_items, to_carry_out
from list_pipeline.operations.reviews.decisions import (
    Expired,
    approve_item,
    expire,
    expire_overdue,
    reject,
    reject_item,
)
from list_pipeline.storage.plans import journal
from list_pipeline_tests.integration.accounts import HARD, Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import (
    JOB,
    PLAN,
    REBALANCING,
    SUPPRESSED,
    approve_question,
    carry_out,
    failed,
    hold,
    question,
    status_of,
    waiting,
)

pytestmark = pytest.mark.long


def test_a_rejected_incident_is_never_carried_out_also_not_by_a_later_sweep(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        before = made.control.digest()
        reject_item(made.services, question(made, "incident"), by="ada")
        assert waiting(made) == set()
        assert to_carry_out(made.services) == []
        carry_out(made)
        assert made.control.digest() == before
        made.clock.advance(timedelta(hours=48))
        workflow.maintain(made.services, made.key, sweep=Sweep.H72, run_id="later", progress=quietly)
        assert not made.members(ListRole.SUPPRESSION) & made.account.ids(HARD[0])
        assert made.query(
            "select i.action, i.rule from plan_item i join plan p using (plan_id) where p.sweep = '72h'"
            " and p.kind = 'suppression' and i.contact_id = :id",
            id=made.account.people[HARD[0]],
        ) == [("keep", "rejected_by_person")]


def test_an_approval_with_another_hash_is_refused(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        review_id = question(made, "incident")
        for shown in ("0" * 64, "", made.plan(PLAN).content_hash[:7], made.plan(REBALANCING).content_hash):
            with pytest.raises(RefusedError, match="hash"):
                approve_item(made.services, review_id, by="ada", content_hash=shown)
        assert status_of(made, review_id) == ("open", False)


def test_questions_about_whole_plans_and_unknown_ones_are_no_single_contacts(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        hold(made, HARD[0])
        made.maintain()
        shown = made.plan(PLAN).content_hash
        with pytest.raises(NotFoundError):
            approve_item(made.services, 4711, by="ada", content_hash=shown)
        with pytest.raises(RefusedError, match="single contacts"):
            reject_item(made.services, question(made, "plan"), by="ada")
        with pytest.raises(RefusedError, match="pending_review"):
            approve_item(made.services, question(made, "incident"), by="ada", content_hash=shown)


@pytest.mark.parametrize("decide", [reject, expire])
def test_with_their_plan_single_questions_are_turned_down(install_small: Install, decide: Any) -> None:
    with install_small(list_management_mode="approval_required") as made:
        hold(made, HARD[0])
        made.maintain()
        review_id, plan = question(made, "incident"), made.plan(PLAN)
        decide(made.services, plan.plan_id, by="ada")
        assert status_of(made, review_id)[0] == made.plan(PLAN).status.value
        assert waiting(made) == set()
        with pytest.raises(RefusedError, match=made.plan(PLAN).status.value):
            execute_approved_items(made.services, plan.plan_id, quietly)


def test_a_question_is_decided_once(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        review_id = question(made, "incident")
        reject_item(made.services, review_id, by="ada")
        with pytest.raises(RefusedError, match="rejected"):
            approve_item(made.services, review_id, by="bob", content_hash=made.plan(PLAN).content_hash)
        assert status_of(made, review_id) == ("rejected", False)


def test_questions_that_nobody_answers_lapse_and_what_failed_stays_one(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.control.add_fault("job_without_effect", path=JOB, method="POST", count=3)
        made.maintain()
        incident = question(made, "incident")
        made.clock.advance(timedelta(hours=73))
        assert expire_overdue(made.services) == []
        made.clock.advance(REVIEWS.incident_expires_after)
        assert expire_overdue(made.services) == [Expired(None, incident)]
        assert waiting(made) == set()
        assert made.query("select distinct status from review_item where kind = 'failed_item'") == [("open",)]


def test_who_changes_lists_at_the_same_time_gives_way_and_then_finds_everything_done(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        plan, _ = approve_question(made, "incident")
        other, gave_way = made.another(), []

        def meanwhile(_: str) -> None:
            if not gave_way:
                gave_way.append("tried")
                with pytest.raises(LockHeldError):
                    execute_approved_items(other, plan.plan_id, quietly)

        execute_approved_items(made.services, plan.plan_id, meanwhile)
        assert gave_way
        jobs = made.query("select count(*) from mailjet_job where plan_id = :id", id=plan.plan_id)
        execute_approved_items(other, plan.plan_id, quietly)
        assert made.query("select count(*) from mailjet_job where plan_id = :id", id=plan.plan_id) == jobs
        assert made.query("select count(*) from contact_suppression_history where contact_id = :id",
                          id=made.account.people[HARD[0]]) == [(1,)]  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_run_that_dies_while_it_carries_out_is_finished_by_the_next(
    install_small: Install, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    with install_small() as made:
        hold(made, *HARD)
        made.maintain()
        _, review_id = approve_question(made, "incident")
        with monkeypatch.context() as patched:
            probe = Dying()
            probe.install(patched)
            probe.when = when

            def die_at_the_first_job(_: str) -> None:
                probe.nth = len(probe.seen) + 9

            with pytest.raises(Killed):
                execute_approved_items(made.services, made.plan(PLAN).plan_id, die_at_the_first_job)
        assert status_of(made, review_id) == ("approved", False)
        execute_approved_items(made.another(), made.plan(PLAN).plan_id, quietly)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert status_of(made, review_id) == ("approved", True)


def test_nothing_approved_is_begun_while_lists_may_not_be_changed(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        plan, review_id = approve_question(made, "incident")
        stopped = made.another(list_management_enabled=False)
        assert to_carry_out(stopped) == []
        with pytest.raises(ChangesStoppedError):
            execute_approved_items(stopped, plan.plan_id, quietly)
        # Who is held is in quarantine; nothing but that was begun.
        begun = made.query("select kind from change where contact_id = :id", id=made.account.people[HARD[0]])
        assert begun == [("quarantine",)]
        assert status_of(made, review_id) == ("approved", False)


def test_a_person_may_exceed_the_cap_and_is_told(install_small: Install) -> None:
    with install_small(suppression_cap_percent=6.0) as made:
        hold(made, *HARD)
        made.maintain()
        plan, review_id = approve_question(made, "incident")
        words = cap_text(made.services, plan, sorted(made.account.ids(*HARD)))
        assert words == (
            "3 approved and 0 suppressed before are 15 % of 20 recipients; the cap is 6 %. A person exceeds it."
        )
        carry_out(made)
        assert status_of(made, review_id) == ("approved", True)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))


def test_another_run_is_asked_for_with_time_until_what_was_approved_is_done(install_small: Install) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        approve_question(made, "incident")
        keys = []
        for minutes in (0, 9, 2, 50, 60):
            made.clock.advance(timedelta(minutes=minutes))
            keys.append(to_carry_out(made.services)[0].run_key)
        assert keys[0] == keys[1]
        assert len(set(keys)) == 4


# The command line


def test_the_command_line_shows_who_waits_by_id_and_takes_a_decision(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small() as made:
        hold(made, HARD[0])
        made.maintain()
        monkeypatch.setattr(cli_reviews, "opened_services", lambda: nullcontext(made.services))
        runner, review_id = CliRunner(), question(made, "incident")
        shown = runner.invoke(app, ["waiting"], terminal_width=200).output
        assert str(made.account.people[HARD[0]]) in shown
        assert "@" not in shown
        listed = runner.invoke(app, ["reviews"]).output
        assert f"{review_id}  {made.key}" in listed
        shown_hash = made.plan(PLAN).content_hash[:12]
        assert shown_hash in listed
        done = runner.invoke(app, ["approve-item", str(review_id), shown_hash, "--by", "ada"])
        assert f"Question {review_id} is approved. 1 approved and 2 suppressed before" in done.output
        assert status_of(made, review_id) == ("approved", False)
        again = runner.invoke(app, ["reject-item", str(review_id), "--by", "bob"])
        assert again.exit_code == 1
        assert "Error: " in again.stderr
        expired = runner.invoke(app, ["expire", str(made.plan(PLAN).plan_id), "--by", "ada"])
        assert expired.exit_code == 1
        assert "Error: " in expired.stderr


# What failed


def test_what_failed_is_tried_again_when_a_person_says_so(small: Installation) -> None:
    small.control.add_fault("job_without_effect", path=JOB, method="POST", count=3)
    small.maintain()
    assert set(failed(small, PLAN)) == small.account.ids(*SUPPRESSED)
    again = small.account.people[HARD[0]]
    _, review_id = approve_question(small, "failed_item", again)
    small.clock.advance(timedelta(minutes=1))
    done = execute_approved_items(small.services, small.plan(PLAN).plan_id, quietly)
    assert (done.confirmed, done.failed) == (1, len(SUPPRESSED) - 1)
    small.assert_suppressed({again})
    assert status_of(small, review_id) == ("approved", True)
    assert again not in failed(small, PLAN)
    assert small.query("select contact_id from contact_suppression_history") == [(again,)]


def test_a_move_of_a_rebalancing_that_was_rolled_back_is_not_tried_again(small: Installation) -> None:
    run = small.decide_rebalancing()
    small.control.set_switches(jobs_without_effect=True)
    workflow.rebalancing.execute_rebalancing(small.services, run, quietly)
    small.control.set_switches(jobs_without_effect=False)
    mover, other = failed(small, REBALANCING)[:2]
    plan, review_id = small.plan(REBALANCING), question(small, "failed_item", mover)
    with small.services.database.begin() as connection:
        connection.exec_driver_sql(
            "insert into change (plan_id, contact_id, kind, before, created_at, reverses_change_id)"
            " select plan_id, 1, 'restore', '{}', now(), change_id from change where plan_id = %s and contact_id = %s",
            (plan.plan_id, other),
        )
        decided = {mover: small.clock.now()}
        assert journal.retry_failed(connection, plan.plan_id, decided, small.clock.now()) == 0
    with pytest.raises(RefusedError, match="rolled back"):
        approve_item(small.services, review_id, by="ada", content_hash=plan.content_hash)
    assert status_of(small, review_id) == ("open", False)
