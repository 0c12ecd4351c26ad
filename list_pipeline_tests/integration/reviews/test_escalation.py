"""When nobody answers by half time, somebody is called in: once, named in Slack and in the record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.operations.reviews.reminders import remind_of_waiting
from list_pipeline.storage import escalations
from list_pipeline_tests.integration.offices import Office, office, suppress_items

HALF = timedelta(hours=36)
GROUP = "S0ONCALL"


@pytest.fixture
def database(copy_of: Callable[[str], str], migrated: str) -> str:
    return copy_of(migrated)


@pytest.fixture
def here(database: str) -> Iterator[Office]:
    with office(database, slack_escalation=GROUP) as made:
        yield made


def told(made: Office) -> list[str]:
    return [
        str(words) for (words,) in made.query("select blocks::text || text from notification order by notification_id")
    ]


def test_at_half_time_the_reminder_calls_somebody_in_once_and_the_record_says_so(here: Office) -> None:
    plan = here.plan(items=suppress_items(5))
    here.clock.advance(HALF - timedelta(seconds=1))
    assert remind_of_waiting(here.services) == []
    assert here.query("select 1 from plan_escalation") == []
    here.clock.advance(timedelta(seconds=1))
    for _ in range(3):
        remind_of_waiting(here.services)
        here.clock.advance(timedelta(hours=1))
    (words,) = told(here)
    assert f"<!subteam^{GROUP}>: nobody decided so far." in words
    with here.services.database.begin() as connection:
        found = escalations.of_plans(connection, [plan.plan_id, 4711])
    assert {one: (row.to, row.at) for one, row in found.items()} == {
        plan.plan_id: (GROUP, here.clock.now() - timedelta(hours=3))
    }


@pytest.mark.parametrize("decide", ["approve", "reject"])
def test_nobody_is_called_in_about_what_is_decided(here: Office, decide: str) -> None:
    plan = here.plan(items=suppress_items(5))
    if decide == "approve":
        approve(here.services, plan.plan_id, by="ada", content_hash=plan.content_hash)
    else:
        reject(here.services, plan.plan_id, by="ada")
    here.clock.advance(HALF)
    remind_of_waiting(here.services)
    assert here.query("select 1 from plan_escalation") == []
    assert here.stored(plan.plan_id).status is not PlanStatus.PENDING_REVIEW


def test_without_the_setting_people_are_reminded_and_nobody_is_called_in(database: str) -> None:
    with office(database) as plain:
        plain.plan(items=suppress_items(5))
        plain.clock.advance(HALF)
        remind_of_waiting(plain.services)
        (words,) = told(plain)
    assert "Half Its Time Is Over" in words
    assert "<!" not in words
    # Set later, it changes nothing of what was told already.
    with office(database, slack_escalation=GROUP) as later:
        later.clock.advance(HALF)
        remind_of_waiting(later.services)
        assert told(later) == [words]
        assert later.query("select 1 from plan_escalation") == []


def test_a_user_is_mentioned_as_a_user(database: str) -> None:
    with office(database, slack_escalation="U0BOSS") as made:
        made.plan(items=suppress_items(5))
        made.clock.advance(HALF)
        remind_of_waiting(made.services)
        assert "<@U0BOSS>: nobody decided so far." in told(made)[0]
