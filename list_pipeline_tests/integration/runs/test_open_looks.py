"""The sensors look at what is open; they find what a look at every campaign that was ever sent finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage import migrations
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import MaintenanceState
from list_pipeline.storage.database import Database

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ENDED_WELL = (RunStatus.SUCCESS, RunStatus.PARTIAL_SUCCESS, RunStatus.REJECTED)
MAY_BE_DUE = (None, RunStatus.RUNNING, RunStatus.PENDING_REVIEW, RunStatus.READ_ONLY, RunStatus.FAILED)


@pytest.fixture(scope="module")
def migrated(new_database: Callable[[], str]) -> Iterator[Database]:
    opened = Database(new_database())
    migrations.migrate(opened)
    yield opened
    opened.close()


STATUSES = [status for status in RunStatus if status is not RunStatus.PARTLY_ROLLED_BACK]  # its row says what was left
attempts = st.tuples(st.sampled_from(STATUSES), st.booleans())
"""How one ended, and whether it was the last."""
looks = st.fixed_dictionaries({}, optional={sweep: st.lists(attempts, min_size=1, max_size=3) for sweep in Sweep})
campaigns = st.lists(st.tuples(looks, st.integers(0, 30)), max_size=5)
"""Of each: the attempts of its looks, and how many days ago it was sent."""


def write(connection: Connection, history: list[tuple[dict[Sweep, list[tuple[RunStatus, bool]]], int]]) -> None:
    for table in ("list_maintenance_log", "campaign_schedule"):
        connection.execute(text(f"delete from {table}"))
    for number, (looked, days) in enumerate(history, 1):
        campaign_id = _campaign(connection, number, NOW - timedelta(days=days))
        for sweep, tries in looked.items():
            for attempt, (status, gave_up) in enumerate(tries, 1):
                _attempt(connection, campaign_id, sweep, attempt, status, gave_up)


def _campaign(connection: Connection, number: int, sent_at: datetime) -> Any:
    return connection.execute(
        text(
            """insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                   list_name, list_id, mailjet_campaign_id, subject, sender_name, sender_email, status, send_start_at,
                   send_end_at, created_at, updated_at)
               values (:key, 'a campaign', 1, :day, '09:00', 'campaign_1', 1, :number, '', '', '', 'SENT', :at, :at, :at, :at)
               returning id"""
        ),
        {"key": f"c{number}", "number": number, "day": sent_at.date(), "at": sent_at},
    ).scalar_one()


def _attempt(
    connection: Connection, campaign_id: int, sweep: Sweep, attempt: int, status: RunStatus, gave_up: bool
) -> None:
    is_over = status is not RunStatus.RUNNING
    connection.execute(
        text(
            """insert into list_maintenance_log (campaign_schedule_id, maintenance_type, sweep, attempt, executed_at,
                   touched_at, finished_at, status, execution_time_ms, ai_assessments, before_state, after_state,
                   gave_up_at)
               values (:campaign, 'post_campaign', :sweep, :attempt, :at, :at, :finished, :status, 1, '{}', '{}', '{}',
                       :gave_up)"""
        ),
        {
            "campaign": campaign_id,
            "sweep": sweep.value,
            "attempt": attempt,
            "at": NOW,
            "finished": NOW if is_over else None,
            "status": status.value,
            "gave_up": NOW if gave_up and status in (RunStatus.FAILED, RunStatus.PARTIAL_SUCCESS) else None,
        },
    )


def every(connection: Connection) -> dict[Sweep, tuple[MaintenanceState, ...]]:
    """The plain path: all that were ever sent."""
    return {sweep: sent_campaigns.maintenance_states(connection, sweep.value) for sweep in Sweep}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(campaigns, st.integers(0, 31), st.booleans())
def test_the_open_looks_are_those_of_every_campaign_that_may_be_due(
    migrated: Database,
    history: list[tuple[dict[Sweep, list[tuple[RunStatus, bool]]], int]],
    days: int,
    only_looked_at_too: bool,
) -> None:
    since = NOW - timedelta(days=days)
    with migrated.begin() as connection:
        write(connection, history)
        states = every(connection)
        found = sent_campaigns.open_states(connection, since, only_looked_at_too=only_looked_at_too)
        assert sent_campaigns.any_only_looked_at(connection) == any(
            one.log_status is RunStatus.READ_ONLY for look in states.values() for one in look
        )
    ended = {one.campaign.key for one in states[Sweep.H24] if one.log_status in ENDED_WELL}
    for sweep in Sweep:
        wanted = [
            one
            for one in states[sweep]
            if one.log_status in MAY_BE_DUE
            and (only_looked_at_too or one.log_status is not RunStatus.READ_ONLY)
            and (one.log_status is not None or one.campaign.sent_at >= since)
            and (sweep is Sweep.H24 or one.campaign.key in ended)
        ]
        assert list(found[sweep]) == wanted


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(campaigns)
def test_what_failed_or_is_untold_is_found_among_every_campaign(
    migrated: Database, history: list[tuple[dict[Sweep, list[tuple[RunStatus, bool]]], int]]
) -> None:
    with migrated.begin() as connection:
        write(connection, history)
        states = every(connection)
        failed, untold = sent_campaigns.failed_states(connection), sent_campaigns.untold_states(connection)
        told = {one.log_id: one.log_status for look in untold.values() for one in look if one.log_id and one.log_status}
        sent_campaigns.note_told(connection, told)
        assert not any(sent_campaigns.untold_states(connection).values())
        # Another status is news again.
        connection.execute(text("update list_maintenance_log set status = 'rejected' where status = 'success'"))
        again = {one.log_id for look in sent_campaigns.untold_states(connection).values() for one in look}
    for sweep in Sweep:
        assert list(failed[sweep]) == [
            one for one in states[sweep] if one.log_status is RunStatus.FAILED or one.gave_up
        ]
        assert list(untold[sweep]) == [one for one in states[sweep] if one.log_status not in (None, RunStatus.RUNNING)]
    assert again == {log_id for log_id, status in told.items() if status is RunStatus.SUCCESS}
