"""The recent cycles decide as all of them do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from list_pipeline.core.campaigns.cycles import CampaignSend, assign_sends, closed_without, open_cycle
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.campaigns.missing_rounds import missing_round
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.observations import SendSeen
from list_pipeline.storage import migrations
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.database import Database

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def migrated(new_database: Callable[[], str]) -> Iterator[Database]:
    opened = Database(new_database())
    migrations.migrate(opened)
    yield opened
    opened.close()


histories = st.lists(
    st.tuples(st.integers(1, 40 * 24), st.sampled_from(CAMPAIGN_LISTS), st.sampled_from(["letter", "other", ""])),
    min_size=1,
    max_size=25,
)


def sends_of(history: list[tuple[int, ListRole, str]]) -> list[CampaignSend]:
    """A send each, so many hours after the one before."""
    at, found = BEGIN, []
    for number, (pause, role, content) in enumerate(history, 1):
        at += timedelta(hours=pause)
        found.append(CampaignSend(number, role, at, at + timedelta(hours=1), content))
    return found


def stored(database: Database, sends: list[CampaignSend], now: datetime) -> None:
    """The sends in the schedule, put into cycles as they became known one by one."""
    with database.begin() as connection:
        connection.execute(text("delete from campaign_schedule"))
        connection.execute(text("delete from cycle"))
        for send in sends:
            sent_campaigns.insert_send(
                connection,
                SendSeen(
                    send.mailjet_campaign_id,
                    1,
                    "",
                    send.content,
                    "",
                    "",
                    None,
                    send.at,
                    send.at,
                    send.send_ended_at,
                    2,
                    False,
                ),
                key=str(send.mailjet_campaign_id),
                name="a campaign",
                role=send.role,
                list_name=send.role.value,
                status=CampaignStatus.SENT,
                now=send.at,
            )
            all_of_them = sent_campaigns.all_cycles(connection)
            sent_campaigns.save_cycles(connection, assign_sends(all_of_them, [send], send.at).cycles)
        sent_campaigns.save_cycles(connection, assign_sends(sent_campaigns.all_cycles(connection), [], now).cycles)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, histories, st.integers(0, 60 * 24), st.integers(0, 25))
def test_new_sends_are_placed_by_the_recent_cycles_as_by_all(
    migrated: Database,
    past: list[tuple[int, ListRole, str]],
    news: list[tuple[int, ListRole, str]],
    since_last: int,
    shown_again: int,
) -> None:
    everything = sends_of([*past, *news])
    known, new = everything[: len(past)], everything[len(past) :]
    stored(migrated, known, known[-1].at)
    now = new[-1].at + timedelta(hours=since_last)
    # Mailjet shows the sends of a while: some that are known, and new ones.
    shown = [*known[len(known) - min(shown_again, len(known)) :], *new]
    with migrated.begin() as connection:
        every = sent_campaigns.all_cycles(connection)
        recent = sent_campaigns.recent_cycles(connection, min(send.at for send in shown))
    assert set(recent) <= set(every)
    by_all, by_recent = assign_sends(every, shown, now), assign_sends(recent, shown, now)
    assert by_recent.placed == by_all.placed
    assert by_recent.doubts == by_all.doubts
    assert by_recent.alerts == by_all.alerts
    changed = [cycle for cycle in by_all.cycles if cycle not in every]
    assert [cycle for cycle in by_recent.cycles if cycle not in recent] == changed


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories, st.integers(0, 90 * 24), st.sampled_from(CAMPAIGN_LISTS))
def test_what_is_open_now_and_what_is_missing_follows_from_the_recent_cycles_as_from_all(
    migrated: Database, past: list[tuple[int, ListRole, str]], since_last: int, role: ListRole
) -> None:
    sends = sends_of(past)
    now = sends[-1].at + timedelta(hours=since_last)
    stored(migrated, sends, now)
    with migrated.begin() as connection:
        every, recent = sent_campaigns.all_cycles(connection), sent_campaigns.recent_cycles(connection, now)
    assert open_cycle(recent, now) == open_cycle(every, now)
    assert closed_without(recent, role, "letter") == closed_without(every, role, "letter")
    assert missing_round(recent, (), now) == missing_round(every, (), now)
