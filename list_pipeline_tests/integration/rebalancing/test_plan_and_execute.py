"""Rebalancing from plan to lists: minimal, in the order of the queue, and only of those who may move."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import IncompleteDataError, NotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus
from list_pipeline.core.rebalancing.balance import deviation_percent
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.maintenance import checks, gates
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.runs.run import take_snapshot
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.runs import ledger
from list_pipeline_tests.integration.accounts import Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install


def items(made: Installation) -> tuple[PlanItem, ...]:
    with made.services.database.begin() as connection:
        return plan_rows.plan_items(connection, made.plan(PlanKind.REBALANCING).plan_id)


def mailable(made: Installation) -> list[int]:
    shown = made.control.lists()
    return [shown[made.account.lists[role]]["mailable"] for role in CAMPAIGN_LISTS]


def test_the_lists_are_even_afterwards_with_as_few_moves_as_are_needed(small: Installation) -> None:
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    summary = small.plan(PlanKind.REBALANCING).rebalancing_summary
    assert tuple(mailable(small)) == summary.target_sizes == (19, 19, 19)
    assert summary.move_count == summary.lower_bound == 2
    assert summary.enrolments == {ListRole.CAMPAIGN_3: 1}


def test_a_real_past_is_brought_within_the_target(seeded: Installation) -> None:
    seeded.maintain()
    # Whoever is in quarantine is not mailed for a week, and counts as present.
    kept = {
        row[0] for row in seeded.query("select contact_id from quarantine where state = 'active'")
    } & seeded.excluded()
    present = [len(kept & seeded.members(role)) for role in CAMPAIGN_LISTS]
    sizes = [size + more for size, more in zip(mailable(seeded), present, strict=True)]
    mean = sum(sizes) / 3
    assert max(abs(size - mean) for size in sizes) / mean <= 0.0201
    summary = seeded.plan(PlanKind.REBALANCING).rebalancing_summary
    assert summary.move_count == summary.lower_bound


def test_towards_a_later_list_goes_the_newest_of_the_queue_and_the_oldest_newcomer_joins(small: Installation) -> None:
    small.decide_rebalancing()
    chosen = {item.contact_id: item for item in items(small)}
    people = small.account.people
    assert set(chosen) == {people[19], people[39], people[60]}
    assert chosen[people[60]].action is ItemAction.ENROL
    assert chosen[people[19]].from_role is ListRole.CAMPAIGN_1


def test_a_move_keeps_the_contacts_place_in_the_queue(small: Installation) -> None:
    contact_id = small.account.people[19]
    statement = "select queued_at from contact_list_membership where contact_id = :id"
    before = small.query(statement, id=contact_id)
    small.maintain()
    assert small.places(contact_id) == {ListRole.MASTER, ListRole.CAMPAIGN_3}
    sync(small.services, full=True)
    assert small.query(statement, id=contact_id) == before


def test_nobody_who_may_not_be_mailed_is_moved_or_enrolled(seeded: Installation) -> None:
    answers = seeded.control.answers()
    seeded.maintain()
    touched = {item.contact_id for item in items(seeded)}
    assert touched
    for key in ("ghosts", "ghost_newcomer", "unsubscribed_newcomer", "excluded_newcomer", "suppressed_newcomer",
                "suppressed", "unsubscribed_member", "excluded_member", "in_two_lists", "complaint"):  # fmt: skip
        assert not touched & set(answers[key]), key
    enrolled = {item.contact_id for item in items(seeded) if item.action is ItemAction.ENROL}
    assert enrolled <= set(answers["newcomer"])


def test_sizes_and_deviation_of_a_plan_are_those_that_the_report_shows(seeded: Installation) -> None:
    assert seeded.control.answers()["in_two_lists"]
    seeded.maintain()
    plan, run = seeded.plan(PlanKind.REBALANCING).rebalancing_summary, seeded.begin()
    with seeded.services.database.begin() as connection:
        after = ledger.snapshot(connection, run.campaign.campaign_id, run.sweep.value, "after")
    shown = tuple(after[role][1] for role in CAMPAIGN_LISTS)
    assert plan.target_sizes == shown
    assert plan.deviation_after_percent == deviation_percent((shown[0], shown[1], shown[2]))


def test_the_plan_is_made_once(small: Installation) -> None:
    run = small.decide_rebalancing()
    first = small.plan(PlanKind.REBALANCING)
    small.control.sign_up("later@example.org", small.account.lists.campaign_1)
    assert rebalancing.plan_rebalancing(small.another(), run) == first


def test_who_came_just_before_the_plan_is_part_of_it(small: Installation) -> None:
    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, quietly)
    for number in range(4):
        small.control.sign_up(f"later-{number}@example.org", small.account.lists.campaign_3)
    assert rebalancing.plan_rebalancing(small.services, run).rebalancing_summary.sizes == (20, 20, 20)


def test_even_lists_are_left_alone(install_small: Install) -> None:
    with install_small(list_balance_threshold=20.0) as made:
        run = made.decide_suppression()
        suppression.execute_suppressions(made.services, run, quietly)
        plan, decision = gates.judge_rebalancing_plan(made.services, run)
        assert decision is not None
        assert decision.approved
        assert plan.rebalancing_summary.required is False
        before = made.control.digest()
        assert rebalancing.execute_rebalancing(made.services, run, quietly).planned == 0
        assert made.control.digest() == before


def test_newcomers_stay_out_when_enrolment_is_off(install_small: Install) -> None:
    with install_small(enrol_newcomers="off") as made:
        made.maintain()
        assert {item.action for item in items(made)} == {ItemAction.MOVE}
        assert not made.places(made.account.people[60]) & set(CAMPAIGN_LISTS)


def test_a_list_that_is_being_sent_is_not_changed(small: Installation) -> None:
    key = small.key
    run = small.decide_suppression()
    suppression.execute_suppressions(small.services, run, quietly)
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=7200)
    small.clock.advance(timedelta(minutes=1))
    discovery.discover(small.services)
    before = small.members(ListRole.CAMPAIGN_1)
    gates.judge_rebalancing_plan(small.services, run)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert small.members(ListRole.CAMPAIGN_1) == before
    ((summary,),) = small.query("select summary from plan where kind = 'rebalancing'")
    # Nothing at all moves: who of the list got the mail is known only when it was sent.
    assert summary["frozen"] == ["campaign_1", "campaign_2", "campaign_3"]
    assert key != small.key


def test_a_rebalancing_is_not_planned_while_suppressions_are_open(small: Installation) -> None:
    run = small.decide_suppression()

    def progress(words: str) -> None:
        if "remove" in words:
            raise Killed

    with pytest.raises(Killed):
        suppression.execute_suppressions(small.services, run, progress)
    with pytest.raises(IncompleteDataError, match="4 suppressions are not settled"):
        rebalancing.plan_rebalancing(small.services, run)


def test_a_rebalancing_without_a_plan_is_refused(small: Installation) -> None:
    with pytest.raises(NotFoundError, match="no plan"):
        rebalancing.execute_rebalancing(small.services, small.begin(), quietly)


def test_a_plan_that_was_not_approved_is_not_carried_out(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        run = made.observe()
        auto = made.another(list_management_mode="auto")
        gates.judge_suppression_plan(auto, run)
        suppression.execute_suppressions(auto, run, quietly)
        plan, _ = gates.judge_rebalancing_plan(made.services, run)
        assert plan.status is PlanStatus.PENDING_REVIEW
        before = made.control.digest()
        rebalancing.execute_rebalancing(made.services, run, quietly)
        assert made.control.digest() == before


def test_every_safety_check_holds_after_a_maintenance(seeded: Installation) -> None:
    twice = seeded.control.answers()["in_two_lists"]
    seeded.maintain()
    run = seeded.begin()
    take_snapshot(seeded.services, run, "after")
    for check in (
        checks.suppressions_within_cap, checks.suppressions_rest_on_evidence, checks.suppressed_were_recipients,
        checks.moves_are_few, checks.moves_are_minimal, checks.sizes_are_explained, checks.nobody_is_lost,
        checks.nobody_is_suppressed_and_listed,
    ):  # fmt: skip
        found = check(seeded.services, run)
        assert found.passed, f"{check.__name__}: {found.words}"
    assert not checks.nobody_is_in_two_lists(seeded.services, run).passed
    assert str(twice[0]) in checks.nobody_is_in_two_lists(seeded.services, run).words


def test_a_loss_that_the_journal_does_not_explain_is_serious(small: Installation) -> None:
    run = small.decide_rebalancing()
    rebalancing.execute_rebalancing(small.services, run, quietly)
    for number in (0, 1, 2):
        small.take_off(ListRole.CAMPAIGN_1, small.account.people[number])
    take_snapshot(small.services, run, "after")
    found = checks.sizes_are_explained(small.services, run)
    assert (found.passed, found.is_serious) == (False, True)
    assert "List 1 -3" in found.words


def test_an_unexplained_growth_is_only_news(small: Installation) -> None:
    run = small.decide_rebalancing()
    rebalancing.execute_rebalancing(small.services, run, quietly)
    small.control.sign_up("later@example.org", small.account.lists.master)
    take_snapshot(small.services, run, "after")
    found = checks.sizes_are_explained(small.services, run)
    assert (found.passed, found.is_serious) == (False, False)
    assert "Master list +1" in found.words
