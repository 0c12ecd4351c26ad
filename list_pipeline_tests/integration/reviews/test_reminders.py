"""A plan that waits: people are reminded at half time and before a send, once each; it lapses before the send that ends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.reviews.decisions import approve, expire_overdue
from list_pipeline.operations.reviews.reminders import remind_of_waiting, waiting_plans
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.drafts import schedule, unschedule

HOURS = timedelta(hours=1)


def told(made: Installation, headline: str) -> Sequence[str]:
    found = [as_text(SlackMessage(row["text"], row["blocks"])) for row in made.cards()]
    return [words for words in found if headline in words]


def sensor(made: Installation) -> None:
    """What the sensor does every half a minute."""
    expire_overdue(made.services)
    remind_of_waiting(made.services)


def rebalancing_waits(made: Installation) -> datetime:
    """A rebalancing plan with moves to list 3 waits for a person since this instant."""
    made.maintain()
    plan = made.plan(PlanKind.SUPPRESSION)
    approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash[:8])
    made.maintain()
    assert made.plan(PlanKind.REBALANCING).status is PlanStatus.PENDING_REVIEW
    ((roles,),) = made.query(
        "select array_agg(distinct from_role) from plan_item where plan_id = :plan and action = 'move'",
        plan=made.plan(PlanKind.REBALANCING).plan_id,
    )
    assert roles
    return made.clock.now()


def test_people_are_reminded_once_when_half_the_time_is_over(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        made.clock.advance(35 * HOURS)
        sensor(made)
        assert told(made, "Half Its Time Is Over") == []
        made.clock.advance(HOURS)
        sensor(made)
        made.clock.advance(20 * HOURS)
        sensor(made)
        (words,) = told(made, "A Plan Waits: Half Its Time Is Over")
        plan = made.plan(PlanKind.SUPPRESSION)
        assert f"4 changes of suppression plan {plan.plan_id} still wait" in words
        assert f"list-pipeline approve {plan.plan_id} {plan.content_hash[:12]}" in words


def test_people_are_reminded_once_before_a_send_to_a_list_that_the_plan_concerns(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        at = made.clock.now().replace(hour=20, minute=0, second=0, microsecond=0) + timedelta(days=2)
        schedule(made, at, ListRole.CAMPAIGN_3)
        schedule(made, at - 5 * HOURS, ListRole.CAMPAIGN_1)
        discover_upcoming(made.services)
        # Its list is validated at six o'clock, and nobody enters or leaves it from then on.
        still = at.replace(hour=6)
        made.clock.set(still - 12 * HOURS - timedelta(seconds=1))
        sensor(made)
        assert told(made, "a Send Is Near") == []
        made.clock.set(still - 12 * HOURS)
        sensor(made)
        made.clock.advance(HOURS)
        sensor(made)
        (words,) = told(made, "A Plan Waits, and a Send Is Near")
        assert f"is sent to List 3 at {at:%Y-%m-%d %H:%M} UTC" in words
        # Who is to be suppressed can be suppressed after it, too.
        made.clock.set(at + HOURS)
        sensor(made)
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.PENDING_REVIEW


def test_a_rebalancing_lapses_before_the_send_that_ends_its_moves_and_that_is_told(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        since = rebalancing_waits(made)
        plan = made.plan(PlanKind.REBALANCING)
        at = since.replace(hour=20, minute=0, second=0, microsecond=0) + timedelta(days=1)
        draft = schedule(made, at, ListRole.CAMPAIGN_3)
        discover_upcoming(made.services)
        made.clock.set(at.replace(hour=6) - timedelta(seconds=1))
        sensor(made)
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.PENDING_REVIEW
        # The draft moves, and the deadline moves with it.
        unschedule(made, draft)
        schedule(made, at + 24 * HOURS, draft=draft)
        discover_upcoming(made.services)
        made.clock.set(at.replace(hour=6))
        sensor(made)
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.PENDING_REVIEW
        with made.services.database.begin() as connection:
            (waiting,) = waiting_plans(made.services, connection)
        assert waiting.time.lapses_at == at.replace(hour=6) + 24 * HOURS
        made.clock.set(waiting.time.lapses_at + timedelta(seconds=1))
        sensor(made)
        sensor(made)
        assert made.plan(PlanKind.REBALANCING).status is PlanStatus.EXPIRED
        (words,) = told(made, f"Expired: rebalancing plan {plan.plan_id}")
        assert "to List 3 at" in words
        assert "its moves cannot be made" in words


def test_the_report_says_that_a_plan_lapses_before_its_hours_are_over(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        at = made.clock.now().replace(hour=20, minute=0, second=0, microsecond=0) + timedelta(days=1)
        schedule(made, at, ListRole.CAMPAIGN_3)
        rebalancing_waits(made)
        plan = made.plan(PlanKind.REBALANCING)
        (words,) = told(made, f"Plan {plan.plan_id} lapses already at {at:%Y-%m-%d} 06:00 UTC")
        assert "after the send to List 3" in words


def test_a_cancelled_schedule_ends_nothing(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        since = rebalancing_waits(made)
        draft = schedule(made, since + 30 * HOURS, ListRole.CAMPAIGN_3)
        discover_upcoming(made.services)
        unschedule(made, draft)
        discover_upcoming(made.services)
        with made.services.database.begin() as connection:
            (waiting,) = waiting_plans(made.services, connection)
        assert waiting.time.ends_with is None
        assert waiting.time.lapses_at - waiting.time.asked_at == 72 * HOURS
