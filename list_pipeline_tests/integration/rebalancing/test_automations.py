"""Lists with automations at Mailjet: who would enter one is said before anybody does, and a person decides."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns.automations import lists_with_automations
from list_pipeline.operations.maintenance import gates
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install

ONE, TWO, THREE = CAMPAIGN_LISTS
ENTER = "3 contacts would enter automations at Mailjet, and may be mailed at once: 3 of List 3"


def told(made: Installation, words: str) -> list[str]:
    return [str(row) for row in made.cards() if words in str(row)]


def waits(made: Installation) -> str:
    """The question about the plan that waits."""
    plan = made.plan(PlanKind.REBALANCING)
    assert plan.status is PlanStatus.PENDING_REVIEW
    ((words,),) = made.query("select summary from review_item where plan_id = :plan", plan=plan.plan_id)
    return str(words)


def test_a_plan_that_would_start_an_automation_says_for_how_many_and_waits_in_automatic_mode(
    install_small: Install,
) -> None:
    with install_small(lists_with_automations="campaign_3") as made:
        before = made.members(THREE)
        assert made.maintain().report.facts.status is RunStatus.PENDING_REVIEW
        assert f"{ENTER}. A person decides" in waits(made)
        assert ENTER in made.plan(PlanKind.REBALANCING).rebalancing_summary.reasons
        assert told(made, "would enter automations")
        assert not made.members(THREE) - before
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED

        plan = made.plan(PlanKind.REBALANCING)
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
        made.maintain(run_id="second")
        assert len(made.members(THREE) - before) == 3


@pytest.mark.parametrize("others", ["campaign_1,campaign_2", "master,suppression", ""])
def test_additions_to_other_lists_wait_for_nobody(install_small: Install, others: str) -> None:
    with install_small(lists_with_automations=others, automations_may_start="suppression" in others) as made:
        assert made.maintain().report.facts.status is RunStatus.SUCCESS
        assert not told(made, "would enter automations at Mailjet, and may be mailed at once: 3 of List 3")


def test_the_settings_may_let_such_plans_run_and_the_figure_is_said_all_the_same(install_small: Install) -> None:
    with install_small(lists_with_automations="campaign_3", automations_may_start=True) as made:
        assert made.maintain().report.facts.status is RunStatus.SUCCESS
        plan = made.plan(PlanKind.REBALANCING)
        assert plan.gate is not None
        (check,) = [one for one in plan.gate.checks if one.name == "automations"]
        assert check.passed
        assert ENTER in check.words


def test_a_list_whose_members_get_mails_of_an_automation_counts_though_nobody_named_it(small: Installation) -> None:
    newcomer = small.account.people[41]
    small.control.send(small.account.lists.campaign_3, "Welcome", workflow_id=77, only=[newcomer], profile="clean")
    synchronise(small.services, progress=quietly)
    ((finding,),) = small.query("select summary from review_item where summary like '%LISTS_WITH_AUTOMATIONS%'")
    assert "Members of List 3 got mails of an automation" in finding
    small.maintain()
    assert ENTER in waits(small)
    with small.services.database.begin() as connection:
        assert lists_with_automations(small.services, connection) == {THREE}
        ended = small.another(lists_with_automations="campaign_1,-campaign_3")
        assert lists_with_automations(ended, connection) == {ONE}
    # Said once, whatever is sent later.
    small.clock.advance(timedelta(hours=2))
    small.control.send(small.account.lists.campaign_3, "Welcome 2", workflow_id=77, only=[newcomer], profile="clean")
    synchronise(small.services, progress=quietly)
    assert small.query("select count(*) from review_item where summary like '%LISTS_WITH_AUTOMATIONS%'") == [(1,)]


def test_suppressions_wait_where_the_suppression_list_has_an_automation_but_for_complaints(
    install_small: Install,
) -> None:
    with install_small(lists_with_automations="suppression") as made:
        before = made.members(ListRole.SUPPRESSION)
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        assert plan.status is PlanStatus.PENDING_REVIEW
        ((words,),) = made.query("select summary from review_item where plan_id = :plan", plan=plan.plan_id)
        assert "of Suppression list" in words
        complained = {one.contact_id for one in made.steps(PlanKind.SUPPRESSION)}
        assert made.members(ListRole.SUPPRESSION) - before == complained
        assert len(complained) == 1


def test_an_undo_says_how_many_it_adds_where_automations_begin(install_small: Install) -> None:
    with install_small() as made:
        made.maintain()
        undoing = made.another(lists_with_automations="campaign_1,campaign_2")
        said: list[str] = []
        done = undo_maintenance(undoing, made.key, by="ada", progress=said.append)
        entered = {role: count for one in done for role, count in one.facts.entered.items()}
        assert entered == {ONE: 1, TWO: 1}
        assert any("2 contacts would enter automations" in words for words in said)
        assert told(made, "2 contacts were added where automations begin, and may have been mailed")
        assert done[0].as_json()["entered_automations"] == {"campaign_1": 1, "campaign_2": 1}


@pytest.mark.parametrize("may_start", [False, True])
def test_a_rebalancing_that_failed_goes_back_to_lists_with_automations_only_by_a_person(
    install_small: Install, monkeypatch: pytest.MonkeyPatch, may_start: bool
) -> None:
    with install_small(lists_with_automations="campaign_1", automations_may_start=may_start) as made:
        run = made.decide_rebalancing()
        assert gates.judge_rebalancing_plan(made.services, run)[0].status is PlanStatus.APPROVED
        monkeypatch.setattr(rebalancing, "why_roll_back", lambda *_: "1 of 3 contacts could not be moved")
        rebalancing.execute_rebalancing(made.services, run, quietly)
        mover = made.account.people[19]
        assert (ONE in made.places(mover)) is may_start
        ((errors,),) = made.query("select errors::text from list_maintenance_log where id = :id", id=run.log.log_id)
        assert ("not rolled back: 1 contact would enter automations" in errors) is not may_start
        assert (f"list-pipeline undo {made.key} --by NAME" in errors) is not may_start
        assert made.query("select count(*) from plan where kind = 'rollback'") == [(int(may_start),)]
        assert bool(told(made, "1 contact was added where automations begin")) is may_start
