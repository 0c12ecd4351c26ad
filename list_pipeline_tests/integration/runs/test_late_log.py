"""Mailjet's bounce log is late: the attempt waits for it, and nothing is decided before it is whole."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.errors import LateLogError
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.reports.maintenance_report import notify, write_report
from list_pipeline.operations.runs.attempts import given_up
from list_pipeline.operations.runs.run import current, due, unreported
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly

SECOND = timedelta(seconds=1)


def late(made: Installation) -> None:
    made.control.set_switches(bounce_log_lag_seconds=30 * 24 * 3600.0)


def ledger(made: Installation) -> list[tuple[object, ...]]:
    return made.query("select attempt, status, gave_up_at is not null from list_maintenance_log order by id")


def wait(made: Installation, run_id: str) -> None:
    with pytest.raises(LateLogError, match="3 of 3 hard bounces are shown by one of Mailjet's two sources only"):
        made.maintain(run_id=run_id)


def test_a_late_log_is_read_again_after_an_hour_as_the_same_attempt(small: Installation) -> None:
    late(small)
    before = small.control.digest()
    wait(small, "first")
    assert small.control.digest() == before
    assert small.query("select count(*) from plan") == [(0,)]
    assert small.query("select is_complete from bounce_fetch where sweep = '24h'") == [(False,)]
    small.clock.advance(BOUNCES.log_read_again - SECOND)
    assert due(small.services) == []
    small.clock.advance(SECOND)
    (one,) = due(small.services)
    assert (one.attempt, one.goes_on) == (1, True)
    wait(small, "second")
    small.clock.advance(BOUNCES.log_read_again)
    (other,) = due(small.services)
    assert other.run_key != one.run_key
    small.control.reset_switches()
    small.control.set_switches(rate_limit_per_minute=0)
    report = small.maintain(run_id="third").report
    assert report.facts.status is RunStatus.SUCCESS
    assert report.facts.errors == []
    assert ledger(small) == [(1, "success", False)]
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_people_are_told_once_that_it_waits(small: Installation) -> None:
    late(small)
    for number in range(3):
        wait(small, f"run-{number}")
        for _ in unreported(small.services):
            run = current(small.services, small.key)
            report = write_report(small.services, run)
            notify(small.services, run, report)
            text = as_text(report.message)
            assert "Waits for Mailjet's Log" in text
            assert "It is read again at" in text
        small.clock.advance(BOUNCES.log_read_again)
    assert len(small.cards()) == 1
    assert small.query("select count(*) from list_state where state = 'needs_attention'") == [(0,)]


def test_a_log_that_stays_late_for_a_day_fails_like_anything_else_and_is_given_up(small: Installation) -> None:
    late(small)
    for number in range(25):
        wait(small, f"run-{number}")
        assert given_up(small.services) == []
        small.clock.advance(BOUNCES.log_read_again)
    assert ledger(small) == [(1, "failed", False)]
    for attempt in (2, 3):
        assert [one.attempt for one in due(small.services)] == [attempt]
        wait(small, f"last-{attempt}")
        small.clock.advance(timedelta(hours=1))
    assert ledger(small)[-1] == (3, "failed", True)
    assert given_up(small.services) == [f"{small.key} (24h)"]
    assert due(small.services) == []


def test_half_a_log_is_waited_for_and_what_is_whole_then_is_followed(small: Installation) -> None:
    dead = small.account.ids(*range(1, 11))
    small.control.send(
        small.account.lists.campaign_1, "Letter 3", profile="clean", outcomes=dict.fromkeys(dead, "user_unknown")
    )
    small.clock.advance(timedelta(hours=25))
    small.control.add_fault("short_page", path="bouncestatistics$", rows=5, count=None)
    synchronise(small.services, progress=quietly)
    with pytest.raises(LateLogError, match="of 10 hard bounces"):
        small.maintain()
    small.control.clear_faults()
    small.clock.advance(BOUNCES.log_read_again)
    small.maintain(run_id="second")
    found = small.query("select contact_id from plan_item where bounce_class = 'hard'")
    assert {contact_id for (contact_id,) in found} == dead
