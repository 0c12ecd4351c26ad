"""Contacts that people approved one by one: carried out once and after their plan, and tried again only while that leaves
nobody in no list."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import checks, workflow
from list_pipeline.operations.reviews.approved_items import execute_approved_items, to_carry_out
from list_pipeline.operations.reviews.decisions import (
    approve_item,
)
from list_pipeline.operations.runs.run import current
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import (
    JOB,
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


def test_an_approved_incident_is_carried_out_after_its_plan_and_only_once(install_small: Install) -> None:
    with install_small() as made:
        hold(made, *HARD[:2])
        made.maintain()
        held = made.account.ids(*HARD[:2])
        assert waiting(made) == held
        assert not made.members(ListRole.SUPPRESSION) & held
        assert to_carry_out(made.services) == []
        plan, review_id = approve_question(made, "incident")
        assert waiting(made) == held, "approved, and not yet done"
        (run,) = to_carry_out(made.services)
        assert run.plan_id == plan.plan_id
        said: list[str] = []
        done = execute_approved_items(made.services, run.plan_id, said.append)
        assert (done.planned, done.confirmed) == (4, 4)
        assert any("2 approved and 1 suppressed before" in words for words in said)
        made.assert_suppressed(made.account.ids(*SUPPRESSED))
        assert status_of(made, review_id) == ("approved", True)
        assert waiting(made) == set()
        assert to_carry_out(made.services) == []
        assert made.query("select count(*) from contact_suppression_history") == [(4,)]
        assert made.query("select contacts_suppressed from list_maintenance_log") == [(4,)]
        made.control.reset_requests()
        carry_out(made)
        assert made.changing_requests() == {}
        # The maintenance is shown with them, and stays explained.
        facts = made.maintain(run_id="again").report.facts
        assert facts.status is RunStatus.SUCCESS
        assert (sum(facts.suppression.planned.values()), facts.suppression.held_for_review) == (4, 0)
        assert checks.sizes_are_explained(made.services, current(made.services, made.key)).passed


def test_what_fails_again_is_asked_about_again_and_not_tried_for_ever(small: Installation) -> None:
    small.control.set_switches(jobs_without_effect=True)
    small.maintain()
    again = small.account.people[HARD[0]]
    _, review_id = approve_question(small, "failed_item", again)
    small.clock.advance(timedelta(minutes=1))
    small.control.reset_requests()
    carry_out(small)
    posted = sum(count for name, count in small.changing_requests().items())
    assert posted == 3
    assert status_of(small, review_id) == ("approved", True)
    assert question(small, "failed_item", again) != review_id
    assert to_carry_out(small.services) == []


def test_a_move_that_failed_is_tried_again_and_checked_again(small: Installation) -> None:
    run = small.decide_rebalancing()
    small.control.set_switches(jobs_without_effect=True)
    workflow.rebalancing.execute_rebalancing(small.services, run, quietly)
    small.control.set_switches(jobs_without_effect=False)
    movers = [i for i in failed(small, REBALANCING) if len(small.places(i)) == 2]
    moves, leaves = movers[0], movers[1]
    plan = small.plan(REBALANCING)
    for contact_id in (moves, leaves):
        review_id = question(small, "failed_item", contact_id)
        approve_item(small.services, review_id, by="ada", content_hash=plan.content_hash)
    (where,) = small.places(leaves) - {ListRole.MASTER}
    small.control.unsubscribe(leaves, small.account.lists[where])
    before, stays = small.places(moves), small.places(leaves)
    small.clock.advance(timedelta(minutes=1))
    execute_approved_items(small.services, plan.plan_id, quietly)
    assert small.places(moves) != before
    assert len(small.places(moves) & set(CAMPAIGN_LISTS)) == 1
    assert small.places(leaves) == stays
    assert {s.state for s in small.steps(REBALANCING) if s.contact_id == leaves} == {"skipped"}


def test_a_failed_removal_is_not_tried_again_when_its_contact_left_the_list_it_was_added_to(
    small: Installation,
) -> None:
    # The second wave fails: whoever was suppressed stands on a campaign list still.
    small.control.add_fault("job_without_effect", path=JOB, method="POST", nth=2, count=3)
    small.maintain()
    small.control.clear_faults()
    again, reinstated = (small.account.people[number] for number in HARD[:2])
    for contact_id in (again, reinstated):
        assert small.places(contact_id) == {ListRole.MASTER, ListRole.SUPPRESSION, ListRole.CAMPAIGN_3}
        approve_question(small, "failed_item", contact_id)
    small.take_off(ListRole.SUPPRESSION, reinstated)
    small.clock.advance(timedelta(minutes=1))
    carry_out(small)
    small.assert_suppressed({again})
    assert small.places(reinstated) == {ListRole.MASTER, ListRole.CAMPAIGN_3}
