"""Suppression from plan to history: what is planned, what the gate lets through, and what a person decides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage import safety
from list_pipeline.storage.plans import earlier_looks, plan_rows
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    SENDER_FAULT,
    SOFT,
    Installation,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install

SUPPRESSED = (*HARD, COMPLAINED)


def reviews(made: Installation, kind: str = "plan") -> list[tuple[object, ...]]:
    return made.query("select plan_id, contact_id, status from review_item where kind = :kind order by 1, 2", kind=kind)


def decide(made: Installation, kind: PlanKind, status: PlanStatus) -> None:
    """A person decides on a plan that waits."""
    plan = made.plan(kind)
    assert plan.status is PlanStatus.PENDING_REVIEW
    if status is PlanStatus.APPROVED:
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
    else:
        reject(made.services, plan.plan_id, by="ada")
    assert made.plan(kind).status is status
    assert (plan.plan_id, None, "open") not in reviews(made)


def items(made: Installation, action: ItemAction) -> dict[int, bool]:
    """Contact to whether it is held."""
    with made.services.database.begin() as connection:
        found = plan_rows.plan_items(connection, made.plan(PlanKind.SUPPRESSION).plan_id, {action})
    return {item.contact_id: item.is_held for item in found}


def test_exactly_those_are_planned_whom_the_evidence_condemns(seeded: Installation) -> None:
    answers = seeded.control.answers()
    seeded.decide_suppression()
    planned = items(seeded, ItemAction.SUPPRESS)
    assert {i for i, held in planned.items() if not held} == set(answers["suppress"])
    assert {i for i, held in planned.items() if held} == set(answers["incident_domain"])


def test_those_alone_are_suppressed_and_the_doubtful_ones_wait_for_a_person(seeded: Installation) -> None:
    answers = seeded.control.answers()
    before = seeded.members(ListRole.SUPPRESSION)
    done = seeded.maintain()
    assert done.report.facts.status is RunStatus.SUCCESS
    came = seeded.members(ListRole.SUPPRESSION) - before
    waiting = {row[1] for row in reviews(seeded) if row[1] is not None}
    assert came | waiting == set(answers["suppress"])
    assert came & waiting == set()
    assert waiting <= set(answers["disputed_second_hit"])
    seeded.assert_suppressed(came)
    for key in ("sender_side", "sender_side_permanent", "preblocked", "two_soft", "interrupted_soft", "single_soft",
                "disputed_first_hit", "unknown_state", "incident_domain", "incident_domain_delivered"):  # fmt: skip
        assert not set(answers[key]) & came, key
    assert len(reviews(seeded, "incident")) == 1


def test_the_plan_is_made_once_and_has_the_same_content_in_a_second_process(small: Installation) -> None:
    run = small.observe()
    first = suppression.plan_suppression(small.services, run)
    assert suppression.plan_suppression(small.another(), run) == first
    assert small.query("select count(*) from plan") == [(1,)]


def test_the_same_observation_gives_the_same_hash_on_another_installation(install_small: Install) -> None:
    hashes = set()
    for _ in range(2):
        with install_small() as made:
            hashes.add(suppression.plan_suppression(made.services, made.observe()).content_hash)
    assert len(hashes) == 1


def test_history_names_reason_lists_and_the_maintenance(maintained: Installation) -> None:
    small = maintained
    rows = small.query(
        "select contact_id, email, reason, removed_from_lists, added_to_suppression_list, maintenance_log_id is not null"
        " from contact_suppression_history order by contact_id"
    )
    list_3 = str(small.account.lists.campaign_3)
    people = small.account.people
    assert rows == [
        (
            people[number],
            small.control.contact(people[number])["email"],
            "complaint" if number == COMPLAINED else "hard_bounce",
            [list_3],
            True,
            True,
        )
        for number in sorted(SUPPRESSED)
    ]


def test_history_keeps_each_contacts_own_explanation_and_confidence(maintained: Installation) -> None:
    small = maintained
    found = {
        contact_id: (words, confidence)
        for contact_id, words, confidence in small.query(
            "select contact_id, ai_rationale, ai_confidence from contact_suppression_history"
        )
    }
    people = small.account.people
    assert found == {
        **{people[number]: ("Suppressed: the address cannot receive mail (user unknown).", 0.99) for number in HARD},
        people[COMPLAINED]: ("Suppressed: this person reported a message as spam.", 1.0),
    }


def test_the_journal_keeps_what_was_there_before(small: Installation) -> None:
    small.exclude(small.account.people[HARD[0]])
    small.maintain()
    found = dict(small.query("select contact_id, before from change where kind = 'suppress'"))
    before = found[small.account.people[HARD[1]]]
    assert {place["list"] for place in before["places"]} == {"master", "campaign_3"}
    assert before["is_excluded"] is False


def test_a_contact_that_is_suppressed_already_is_left_alone(small: Installation) -> None:
    done = small.account.people[HARD[0]]
    small.put_on(ListRole.SUPPRESSION, done)
    small.exclude(done)
    small.take_off(ListRole.CAMPAIGN_3, done)
    sync(small.services)
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    assert done not in {row[0] for row in small.query("select contact_id from contact_suppression_history")}
    small.assert_suppressed(small.account.ids(*SUPPRESSED))


def test_soft_and_sender_faults_suppress_nobody(maintained: Installation) -> None:
    small = maintained
    for number in (SOFT, SENDER_FAULT):
        contact_id = small.account.people[number]
        assert ListRole.SUPPRESSION not in small.places(contact_id)
        assert contact_id not in small.excluded()


# The gate, end to end


def test_by_default_the_first_day_changes_nothing_at_mailjet(install_small: Install) -> None:
    with install_small(list_management_mode="graduated") as made:
        before = made.control.digest()
        made.control.reset_requests()
        done = made.maintain()
        assert made.changing_requests() == {}
        assert made.control.digest() == before
        assert made.query("select count(*) from change") == [(0,)]
        assert made.query("select status from list_maintenance_log") == [("read_only",)]
        assert done.delivery.state == "sent"
        assert done.report.facts.mode == "read_only"
        assert done.report.facts.suppression.confirmed == {}


def test_the_switched_off_flag_changes_nothing_at_mailjet(install_small: Install) -> None:
    with install_small(list_management_enabled=False) as made:
        before = made.control.digest()
        made.control.reset_requests()
        made.maintain()
        assert made.changing_requests() == {}
        assert made.control.digest() == before
        assert made.query("select status from list_maintenance_log") == [("read_only",)]


@pytest.mark.parametrize("settings", [{"list_management_mode": "graduated"}, {"list_management_enabled": False}])
def test_a_run_that_only_looked_says_so_in_its_report(install_small: Install, settings: dict[str, object]) -> None:
    with install_small(**settings) as made:
        assert made.maintain().report.facts.status is RunStatus.READ_ONLY


def test_a_plan_waits_for_a_person_and_nothing_is_changed(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        before = made.control.digest()
        made.control.reset_requests()
        done = made.maintain()
        assert done.report.facts.status is RunStatus.PENDING_REVIEW
        assert made.changing_requests() == {}
        assert made.control.digest() == before
        plan = made.plan(PlanKind.SUPPRESSION)
        assert plan.status is PlanStatus.PENDING_REVIEW
        assert reviews(made) == [(plan.plan_id, None, "open")]
        made.maintain(made.another(), run_id="second")
        assert len(reviews(made)) == 1
        assert made.changing_requests() == {}


def test_what_a_person_approved_is_carried_out_and_both_plans_are_asked_for(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        assert due(made.services) == []
        decide(made, PlanKind.SUPPRESSION, PlanStatus.APPROVED)
        assert [one.campaign_key for one in due(made.services)] == [made.key]
        waiting = made.maintain(run_id="second")
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.PENDING_REVIEW
        assert not waiting.report.facts.status.value.startswith("failed")


def test_a_rebalancing_that_waited_after_approved_suppressions_is_carried_out_when_approved(
    install_small: Install,
) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        decide(made, PlanKind.SUPPRESSION, PlanStatus.APPROVED)
        made.maintain(run_id="second")
        decide(made, PlanKind.REBALANCING, PlanStatus.APPROVED)
        assert [one.campaign_key for one in due(made.services)] == [made.key]
        done = made.maintain(run_id="third")
        assert done.report.facts.status is RunStatus.SUCCESS
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.EXECUTED
        assert done.report.facts.rebalancing.moves_confirmed == 2


def test_what_a_person_rejected_is_not_carried_out_and_the_lists_are_looked_at_nevertheless(
    install_small: Install,
) -> None:
    with install_small(list_management_mode="approval_required") as made:
        before = made.control.digest()
        made.maintain()
        decide(made, PlanKind.SUPPRESSION, PlanStatus.REJECTED)
        done = made.maintain(run_id="second")
        assert made.control.digest() == before
        assert made.plan(PlanKind.REBALANCING).rebalancing_summary.required is False
        assert done.report.facts.status is RunStatus.REJECTED


def test_over_the_cap_only_complaints_are_carried_out(install_small: Install) -> None:
    with install_small(suppression_cap_percent=10.0) as made:
        done = made.maintain()
        complained = made.account.ids(COMPLAINED)
        assert made.members(ListRole.SUPPRESSION) - made.account.ids(62, 63) == complained
        made.assert_suppressed(complained)
        plan = made.plan(PlanKind.SUPPRESSION)
        assert plan.status is PlanStatus.PENDING_REVIEW
        assert reviews(made) == [(plan.plan_id, None, "open")]
        ((summary,),) = made.query("select summary from review_item where kind = 'plan'")
        assert "the cap is 10 %" in summary
        assert done.report.facts.suppression.confirmed == {"complaint": 1}
        assert made.query("select count(*) from plan where kind = 'rebalancing'") == [(0,)]


def test_a_plan_over_the_cap_that_a_person_approves_is_carried_out(install_small: Install) -> None:
    with install_small(suppression_cap_percent=10.0) as made:
        made.maintain()
        decide(made, PlanKind.SUPPRESSION, PlanStatus.APPROVED)
        assert [one.campaign_key for one in due(made.services)] == [made.key]
        assert made.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
        made.assert_suppressed(made.account.ids(*SUPPRESSED))


def test_the_cap_holds_over_all_sweeps_of_a_campaign(install_small: Install) -> None:
    with install_small(suppression_cap_percent=15.0) as made:
        made.maintain()  # three of twenty: exactly the cap
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        with made.services.database.begin() as connection:
            ((campaign_id,),) = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)
            assert earlier_looks.suppressed_in_sweeps(connection, campaign_id, Sweep.H72) == len(HARD)
            assert earlier_looks.suppressed_in_sweeps(connection, campaign_id, Sweep.H24) == 0


def test_the_mode_graduates_with_time_and_approvals(install_small: Install) -> None:
    with install_small(list_management_mode="graduated") as made:
        assert operating_mode(made.services) is Mode.READ_ONLY
        made.clock.advance(timedelta(hours=24))
        assert operating_mode(made.services) is Mode.APPROVAL_REQUIRED
        made.clock.advance(timedelta(days=60))
        assert operating_mode(made.services) is Mode.APPROVAL_REQUIRED


@pytest.mark.parametrize("mode", ["read_only", "approval_required", "auto"])
def test_a_person_may_set_the_mode_and_give_it_back(install_small: Install, mode: str) -> None:
    with install_small(list_management_mode="graduated") as made:
        with made.services.database.begin() as connection:
            safety.set_mode(connection, mode, "ada", made.clock.now())
        assert operating_mode(made.services) is Mode(mode)
        with made.services.database.begin() as connection:
            safety.set_mode(connection, None, "a person", made.clock.now())
        assert operating_mode(made.services) is Mode.READ_ONLY


def test_executing_twice_reports_the_same(small: Installation) -> None:
    run = small.decide_suppression()
    first = suppression.execute_suppressions(small.services, run, quietly)
    assert suppression.execute_suppressions(small.services, run, quietly) == first
    assert (first.planned, first.confirmed, first.failed, first.skipped) == (4, 4, 0, 0)
