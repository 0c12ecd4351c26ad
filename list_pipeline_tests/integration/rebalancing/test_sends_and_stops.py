"""Moves and sends do not meet: what is near is left alone, who would get a mailing twice blocks it, and who got it is named."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.errors import ChangesStoppedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import Severity, ValidationRule
from list_pipeline.operations.campaigns.before_changes import changes_take, lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.runs.run import current, stage
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.validation.validate import validate
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.drafts import schedule

ONE, TWO, THREE = CAMPAIGN_LISTS


def stopped_midway(made: Installation) -> set[int]:
    """Moves whose first half is done when somebody stops all changes; the contacts that stand on two lists."""
    run = made.decide_rebalancing()

    def progress(words: str) -> None:
        if "remove" in words:
            made.query("update mode_state set set_mode = 'read_only', set_by = 'ada', set_at = now() returning 1")

    with pytest.raises(ChangesStoppedError), stage(made.services, run, "rebalancing"):
        rebalancing.execute_rebalancing(made.services, run, progress)
    twice = {i for i in made.members(ListRole.MASTER) if len(made.places(i) & set(CAMPAIGN_LISTS)) > 1}
    assert twice
    return twice


def test_a_list_that_is_sent_before_a_move_has_certainly_ended_is_left_alone(small: Installation) -> None:
    now = small.clock.now()
    schedule(small, now + changes_take(small.services) - timedelta(minutes=1), TWO)
    schedule(small, now + changes_take(small.services) + timedelta(minutes=30), ONE)
    small.maintain()
    with small.services.database.begin() as connection:
        assert lists_kept_still(small.services, connection, cycle_now(connection, small.clock.now())) == {TWO}
    summary = small.plan(PlanKind.REBALANCING).rebalancing_summary
    assert set(summary.frozen) == {TWO}
    assert TWO not in {step.list_role for step in small.steps(PlanKind.REBALANCING)}


def test_a_send_that_is_scheduled_after_the_plan_was_made_keeps_its_moves_from_beginning(small: Installation) -> None:
    run = small.decide_rebalancing()
    planned = {step.contact_id for step in small.steps(PlanKind.REBALANCING)}
    for role in CAMPAIGN_LISTS:
        schedule(small, small.clock.now() + timedelta(minutes=40), role)
    before = {role: small.members(role) for role in CAMPAIGN_LISTS}
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert {role: small.members(role) for role in CAMPAIGN_LISTS} == before
    assert not planned
    notes = (
        "select distinct s.state, s.note from change_step s join change c using (change_id) where c.kind <> 'suppress'"
    )
    assert small.query(notes) == [("skipped", "list_being_sent")]


def test_who_stands_on_two_lists_blocks_a_send_to_either_and_is_named(small: Installation) -> None:
    contact_id = small.account.people[1]
    small.put_on(TWO, contact_id)
    schedule(small, small.clock.now() + timedelta(hours=5), ONE)
    discover_upcoming(small.services)
    ((key,),) = small.query("select campaign_key from campaign_schedule where mailjet_campaign_id is null")
    found = validate(small.services, key)
    (result,) = [one for one in found.results if one.rule is ValidationRule.NOBODY_TWICE]
    assert result.severity is Severity.CRITICAL
    assert result.details["contact_ids"] == [contact_id]
    assert small.query("select status from campaign_schedule where campaign_key = :k", k=key) == [("BLOCKED",)]


def test_who_got_the_open_cycle_and_stands_on_the_next_list_blocks_its_round(small: Installation) -> None:
    small.control.send(small.account.lists[ONE], "Letter 3", profile="clean")
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    moved = small.account.people[1]
    small.take_off(ONE, moved)
    small.put_on(TWO, moved)
    schedule(small, small.clock.now() + timedelta(hours=5), TWO)
    discover_upcoming(small.services)
    ((key,),) = small.query("select campaign_key from campaign_schedule where mailjet_campaign_id is null")
    found = validate(small.services, key)
    (result,) = [one for one in found.results if one.rule is ValidationRule.NOBODY_TWICE]
    assert (result.severity, result.details["contact_ids"]) == (Severity.CRITICAL, [moved])


def test_people_are_told_who_got_a_cycle_twice_once(small: Installation) -> None:
    twice = small.account.people[1]
    small.put_on(TWO, twice)
    for role in (ONE, TWO):
        small.control.send(small.account.lists[role], "Letter 3", profile="clean")
        small.clock.advance(timedelta(hours=25))
        synchronise(small.services, progress=quietly)
    synchronise(small.services, progress=quietly)
    told = [row for row in small.cards() if "Same Mailing Twice" in str(row)]
    assert len(told) == 1
    assert str(twice) in str(told[0])
    ((words,),) = small.query("select summary from review_item where details ->> 'about' = 'mailed_twice'")
    assert words.startswith("1 contact got the cycle of")


def test_moves_that_were_stopped_midway_are_told_and_found_until_they_go_on(install_small: Install) -> None:
    with install_small() as made:
        twice = stopped_midway(made)
        run = current(made.services, made.key)
        assert run.log.status is RunStatus.READ_ONLY
        report = workflow.write_report_and_states(made.services, run)
        assert "Stopped Before Its End" in report.message.text
        assert "Nothing Was Changed" not in report.message.text
        assert "stand on two lists" in as_text(report.message)
        found = reconcile(made.services, progress=quietly)
        assert {one.contact_id for one in found.findings if one.kind is DriftKind.IN_TWO_CAMPAIGN_LISTS} == twice
        assert all(one.repair is None for one in found.findings if one.kind is DriftKind.IN_TWO_CAMPAIGN_LISTS)
        made.query("update mode_state set set_mode = null, set_by = null, set_at = null returning 1")
        assert made.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
        moved = {step.contact_id for step in made.steps(PlanKind.REBALANCING) if step.kind is ItemAction.MOVE}
        assert twice <= moved
        for contact_id in twice:
            assert len(made.places(contact_id) & set(CAMPAIGN_LISTS)) == 1
