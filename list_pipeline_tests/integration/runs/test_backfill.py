"""Past campaigns: planned by what was known then, reported, and without a person not one list is changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from list_pipeline.core.errors import UnavailableError
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.runs.run import due, is_backfill, untimely
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long


def keys(made: Installation) -> list[str]:
    """Every campaign, oldest first."""
    return [row[0] for row in made.query("select campaign_key from campaign_schedule order by send_start_at")]


def backfill(made: Installation, keys_wanted: Sequence[str]) -> list[workflow.Maintained]:
    return [workflow.maintain(made.services, key, run_id=f"backfill-{key}", progress=quietly) for key in keys_wanted]


def plan_of(made: Installation, key: str, kind: PlanKind = PlanKind.SUPPRESSION) -> StoredPlan | None:
    with made.services.database.begin() as connection:
        campaign = sent_campaigns.campaign_by_key(connection, key)
        return plan_rows.current_plan(connection, campaign.campaign_id, kind, Sweep.H24)


def rules(made: Installation, plan: StoredPlan) -> dict[int, str]:
    with made.services.database.begin() as connection:
        return {item.contact_id: item.rule for item in plan_rows.plan_items(connection, plan.plan_id)}


def test_a_backfill_of_every_past_campaign_makes_not_one_changing_request(small: Installation) -> None:
    small.clock.advance(timedelta(days=10))
    synchronise(small.services, progress=quietly)
    small.control.reset_requests()
    before = small.control.digest()
    done = backfill(small, keys(small))
    assert small.changing_requests() == {}
    assert small.control.digest() == before
    assert done[-1].report.facts.status is RunStatus.PENDING_REVIEW
    empty = [one for one in done if one.report.facts.status is RunStatus.SUCCESS]
    # The earlier letter to the same list waits too: whoever complained since then is not mailed, whenever that was.
    assert len(empty) == len(done) - 2
    assert small.query("select count(*) from plan where kind = 'rebalancing'") == [(0,)]
    assert "No rebalancing: the lists have moved on since this campaign." in as_text(empty[0].report.message)
    told = small.cards()
    # One message in the channel for all that is only news, and one for each that waits for a person.
    in_channel = [str(one["text"]) for one in told if one.get("thread_ts") is None]
    assert sum("Past Campaigns Are Looked At" in text for text in in_channel) == 1
    assert len(in_channel) == 1 + 2
    assert len(told) == 1 + len(done)
    assert small.details() == []


def test_complaints_after_a_past_campaign_wait_with_the_rest(install_small: Install) -> None:
    # A cap of next to nothing: in time the complaint alone would run at once.
    with install_small(suppression_cap_percent=0.01) as made:
        made.clock.advance(timedelta(days=10))
        (done,) = backfill(made, [made.key])
        assert done.report.facts.status is RunStatus.PENDING_REVIEW
        assert made.changing_requests() == {}
        (complained,) = made.account.ids(COMPLAINED)
        plan = plan_of(made, made.key)
        assert plan is not None
        assert rules(made, plan)[complained] == "complaint"


def test_a_backfill_says_for_which_moment_it_judges(small: Installation) -> None:
    with small.services.database.begin() as connection:
        campaign = find_campaign(connection, small.key)
    assert untimely(small.services, campaign, Sweep.H24) is None
    small.clock.advance(timedelta(days=10))
    assert is_backfill(small.services, campaign, Sweep.H24)
    (done,) = backfill(small, [small.key])
    plan = plan_of(small, small.key)
    assert plan is not None
    assert plan.suppression_summary.is_backfill is True
    assert plan.suppression_summary.as_of == campaign.sent_at + timedelta(hours=24)
    shown = as_text(done.report.message)
    assert f"judged by what was known at {campaign.sent_at + timedelta(hours=24):%Y-%m-%d %H:%M} UTC" in shown


def test_in_time_a_plan_is_for_the_moment_at_which_its_bounces_were_read(maintained: Installation) -> None:
    small = maintained
    plan = small.plan(PlanKind.SUPPRESSION)
    ((fetched_at,),) = small.query("select fetched_at from bounce_fetch where sweep = '24h'")
    assert plan.suppression_summary.is_backfill is False
    assert plan.suppression_summary.as_of == fetched_at


def test_what_failed_after_that_moment_was_not_known_yet(small: Installation) -> None:
    small.clock.advance(timedelta(days=10))
    small.begin()
    late, early = small.account.people[HARD[0]], small.account.people[HARD[1]]
    run = small.observe()
    with small.services.database.begin() as connection:
        connection.exec_driver_sql(
            "update bounce_event set occurred_at = occurred_at + interval '2 days' where contact_id = %s and sweep = '24h'",
            (late,),
        )
    plan, goes_on, _ = workflow.open_suppression_gate(small.services, run)
    assert not goes_on
    found = rules(small, plan)
    assert found[late] == "not_known_yet"
    assert found[early] == "hard_bounce"


def test_a_later_failure_in_another_campaign_is_not_used_and_a_later_delivery_still_protects(
    small: Installation,
) -> None:
    # The two who bounced hard come back to life: the next letter to their list reaches one of them.
    reached, not_reached = (small.account.people[number] for number in HARD[:2])
    small.control.set_switches(preblock_after_hard_bounce=False)
    small.control.send(
        small.account.lists.campaign_3,
        "Letter 3",
        profile="clean",
        outcomes={not_reached: "user_unknown", reached: "delivered"},
    )
    past = small.key
    small.clock.advance(timedelta(days=10))
    synchronise(small.services, progress=quietly)
    assert small.key != past
    small.control.reset_requests()
    backfill(small, [past])
    plan = plan_of(small, past)
    assert plan is not None
    found = rules(small, plan)
    assert found[reached] == "delivered_since"
    assert found[not_reached] == "hard_bounce"
    assert small.changing_requests() == {}


def test_an_approved_backfill_is_carried_out_and_its_rebalancing_waits_for_a_person_again(small: Installation) -> None:
    small.clock.advance(timedelta(days=10))
    key = small.key
    backfill(small, [key])
    plan = plan_of(small, key)
    assert plan is not None
    assert key not in [one.campaign_key for one in due(small.services)]
    reviews.approve(small.services, plan.plan_id, by="A. Person", content_hash=plan.content_hash)
    # Old as it is, it goes on by itself, as every plan that a person decided on.
    assert f"{key}:24h:1:plan-{plan.plan_id}" in [one.run_key for one in due(small.services)]
    (done,) = backfill(small, [key])
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))
    assert done.report.facts.status is RunStatus.PENDING_REVIEW
    moves = plan_of(small, key, PlanKind.REBALANCING)
    assert moves is not None
    assert moves.status is PlanStatus.PENDING_REVIEW
    with small.services.database.begin() as connection:
        assert plan_rows.plan_items(connection, moves.plan_id, {ItemAction.MOVE})


def test_an_approved_backfill_that_meets_an_unavailable_mailjet_is_carried_out_when_it_is_back(
    small: Installation,
) -> None:
    small.clock.advance(timedelta(days=10))
    key = small.key
    backfill(small, [key])
    plan = plan_of(small, key)
    assert plan is not None
    reviews.approve(small.services, plan.plan_id, by="A. Person", content_hash=plan.content_hash)
    small.control.add_fault("status", path="contact/managemanycontacts$", method="POST", status=503, count=None)
    with pytest.raises(UnavailableError):
        backfill(small, [key])
    small.control.clear_faults()
    assert key not in [one.campaign_key for one in due(small.services)]
    small.clock.sleep(1800)
    assert key in [one.campaign_key for one in due(small.services)]
    backfill(small, [key])
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_a_rejected_backfill_changes_nothing_and_plans_no_rebalancing(small: Installation) -> None:
    small.clock.advance(timedelta(days=10))
    key = small.key
    before = small.control.digest()
    backfill(small, [key])
    plan = plan_of(small, key)
    assert plan is not None
    reviews.reject(small.services, plan.plan_id, by="A. Person")
    (done,) = backfill(small, [key])
    assert done.report.facts.status is RunStatus.REJECTED
    assert plan_of(small, key, PlanKind.REBALANCING) is None
    assert small.control.digest() == before


def test_a_past_campaign_is_not_taken_up_by_itself(small: Installation) -> None:
    assert set(keys(small)) - {small.key}
    assert [one.campaign_key for one in due(small.services)] == [small.key]
