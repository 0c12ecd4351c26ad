"""Every report names the campaign that Mailjet sends next: its key, its list and its time."""

from __future__ import annotations

from datetime import datetime, timedelta

from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.operations.campaign_stages.wrapup import wrap_up
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming, next_campaign
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.weekly.report import check_week
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.drafts import schedule, unschedule
from list_pipeline_tests.integration.validation.test_validate import put_back_by_a_person, scheduled_campaign


def coming(made: Installation, hours: int, role: ListRole) -> tuple[int, str, str]:
    """A campaign that is scheduled, and how a report names it: draft, key, words."""
    at: datetime = made.clock.now().replace(minute=15, second=0, microsecond=0) + timedelta(hours=hours)
    draft = schedule(made, at, role)
    (key,) = discover_upcoming(made.services).new
    return draft, key, f"{key} to {role.label} at {at:%Y-%m-%d %H:%M} UTC."


def named(made: Installation) -> str | None:
    with made.services.database.begin() as connection:
        found = next_campaign(connection, made.clock.now())
    return found.key if found is not None else None


def test_the_next_one_is_the_first_that_is_not_off(small: Installation) -> None:
    assert named(small) is None
    _, late, _ = coming(small, 90, ListRole.CAMPAIGN_2)
    draft, early, _ = coming(small, 50, ListRole.CAMPAIGN_1)
    assert named(small) == early
    unschedule(small, draft)
    discover_upcoming(small.services)
    assert named(small) == late
    small.clock.advance(timedelta(hours=91))
    assert named(small) is None


def test_a_campaign_whose_schedule_our_block_took_back_is_not_the_next_one(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True)
    _, key, _ = scheduled_campaign(small, services)
    assert named(small) == key
    put_back_by_a_person(small)
    validate(services, key)
    assert named(small) is None


def test_a_maintenance_names_it(small: Installation) -> None:
    _, _, words = coming(small, 90, ListRole.CAMPAIGN_1)
    small.maintain()
    assert words in str(small.details())


def test_where_nothing_is_scheduled_a_maintenance_says_so(maintained: Installation) -> None:
    assert "None is scheduled at Mailjet." in str(maintained.details())


def test_a_weekly_check_names_it(small: Installation) -> None:
    _, _, words = coming(small, 90, ListRole.CAMPAIGN_1)
    checked = check_week(small.services, progress=quietly)
    assert words in "\n".join(str(line) for line in small.details()) + str(as_text(checked.report.message))


def test_a_wrap_up_names_it(small: Installation) -> None:
    schedule(small, small.clock.now() + timedelta(minutes=5))
    (key,) = discover_upcoming(small.services).new
    _, _, words = coming(small, 90, ListRole.CAMPAIGN_2)
    small.clock.advance(timedelta(minutes=40))
    discover(small.services)
    wrap_up(small.services, key)
    assert words in str(small.details())
