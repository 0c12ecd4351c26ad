"""Each round knows which recipients of its cycle it has, counted through; where that is not known it says nothing."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.lists import ListRole
from list_pipeline.operations.campaign_stages.calendar import campaign_calendar_of
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.storage.campaigns.recipients import note_ranges
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.drafts import schedule


def ranges(made: Installation) -> list[list[tuple[int, int | None, str | None]]]:
    """Round, recipients and range of the sends of each cycle."""
    found = made.query(
        """select cycle_id, round_number, recipient_count, recipient_range from campaign_schedule
           where mailjet_campaign_id is not null and cycle_id is not null order by cycle_id, round_number"""
    )
    return [[row[1:] for row in found if row[0] == cycle] for cycle in dict.fromkeys(row[0] for row in found)]  # type: ignore[misc]


def write(made: Installation, statement: str) -> None:
    with made.services.database.begin() as connection:
        execute(connection, statement)


def test_the_rounds_of_a_cycle_are_counted_through(small: Installation) -> None:
    write(small, "update campaign_schedule set recipient_count = 10 * round_number where cycle_id is not null")
    discover(small.services)
    whole = [cycle for cycle in ranges(small) if [number for number, *_ in cycle] == [1, 2, 3]]
    assert whole
    assert {tuple(text for *_, text in cycle) for cycle in whole} == {("1-10", "11-30", "31-60")}


def test_after_a_round_whose_recipients_are_not_known_nothing_is_said(small: Installation) -> None:
    write(small, "update campaign_schedule set recipient_count = 10 where cycle_id is not null")
    discover(small.services)
    write(small, "update campaign_schedule set recipient_count = null where round_number = 2")
    discover(small.services)
    whole = [cycle for cycle in ranges(small) if [number for number, *_ in cycle] == [1, 2, 3]]
    assert {tuple(text for *_, text in cycle) for cycle in whole} == {("1-10", None, None)}


def test_a_cycle_without_its_first_round_has_no_ranges(small: Installation) -> None:
    write(small, "update campaign_schedule set recipient_count = 10 where cycle_id is not null")
    write(small, "update campaign_schedule set cycle_id = null where round_number = 1")
    before = ranges(small)
    with small.services.database.begin() as connection:
        note_ranges(connection)
    assert before
    assert {text for cycle in ranges(small) for *_, text in cycle} == {None}


def test_a_scheduled_round_has_the_range_that_its_lists_give(small: Installation) -> None:
    draft = schedule(small, small.clock.now() + timedelta(hours=50), ListRole.CAMPAIGN_2)
    (key,) = discover_upcoming(small.services).new
    ((first,),) = small.query(
        """select count(*) from contact_list_membership
           where in_campaign_list_1 and not is_unsubscribed and not is_excluded"""
    )
    ((many, text),) = small.query(
        "select expected_recipients, recipient_range from campaign_schedule where mailjet_draft_id = :d", d=draft
    )
    assert text == f"{first + 1}-{first + many}"
    (shown,) = [one for one in campaign_calendar_of(small.services, key) if one.kind.value == "round"]
    assert f"({text} of the cycle)" in shown.words
