"""Alarms over a socket: raised once, told until they arrive, over when they are; nothing lost and nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

import dagster as dg
import pytest
from typer.testing import CliRunner

from list_pipeline.cli import alarms as cli_alarms
from list_pipeline.cli.main import app
from list_pipeline.core.alarms.problems import AlarmKind, Facts
from list_pipeline.core.errors import ConfigurationError, RefusedError
from list_pipeline.defs.alarms.automation import alarms_to_tell
from list_pipeline.operations.alarms import look, tell
from list_pipeline.operations.alarms.look import gather, look_for_alarms, raise_test
from list_pipeline.operations.alarms.tell import tell_waiting
from list_pipeline.operations.services import Services
from list_pipeline.sandbox.pagerduty import ROUTING_KEY
from list_pipeline.storage.database import execute
from list_pipeline.storage.monitoring.job_runs import EndedRun, note
from list_pipeline_tests.integration.accounts import Installation

WELL = Facts(stopped_because="", given_up=[], failing_jobs={}, blocked_that_go=[], triggers={}, bouncing_lists=[],
             waiting=(0, timedelta(0)))  # fmt: skip
STOPPED = Facts(stopped_because="a backup was restored")


@pytest.fixture
def here(new_here: Installation) -> Installation:
    return new_here


def on_call(made: Installation, *, webhook: bool = False, key: str = ROUTING_KEY) -> Services:
    """A process that tells PagerDuty, and the webhook where asked for."""
    url = f"{made.server.url}/webhook/alarms" if webhook else None
    return made.another(pagerduty_routing_key=key, pagerduty_base_url=made.server.url, alarm_webhook_url=url)


@contextmanager
def found(facts: Facts) -> Iterator[None]:
    """What a look finds."""
    with patch.object(look, "gather", return_value=facts):
        yield


def minute(made: Installation, services: Services, facts: Facts) -> None:
    """What the sensor does, and a minute."""
    with found(facts):
        look_for_alarms(services)
    tell_waiting(services)
    made.clock.advance(timedelta(minutes=1))


def told(made: Installation) -> list[tuple[str, str, str, int]]:
    rows = made.query(
        "select receiver, action, state, attempts from alarm_delivery order by alarm_id, action desc, receiver"
    )
    return [(str(a), str(b), str(c), int(d)) for a, b, c, d in rows]


def test_a_problem_is_one_incident_until_it_is_over_and_another_when_it_comes_back(here: Installation) -> None:
    services = on_call(here, webhook=True)
    for _ in range(3):
        minute(here, services, STOPPED)
    (incident,) = here.control.incidents()
    assert (incident["status"], incident["events"], incident["severity"]) == ("triggered", ["trigger"], "error")
    assert incident["summary"] == "No list is changed: a backup was restored."
    minute(here, services, WELL)
    assert here.control.incidents()[0]["status"] == "resolved"
    minute(here, services, STOPPED)
    assert [one["status"] for one in here.control.incidents()] == ["resolved", "triggered"]
    events = here.control.webhook_events()
    assert [one["body"]["event"] for one in events] == ["alarm.trigger", "alarm.resolve", "alarm.trigger"]
    assert len({one["key"] for one in events}) == 3


def test_what_is_not_known_leaves_an_alarm_open(here: Installation) -> None:
    services = on_call(here)
    minute(here, services, STOPPED)
    minute(here, services, Facts())
    assert [one["events"] for one in here.control.incidents()] == [["trigger"]]


def test_a_lost_answer_makes_no_second_incident_and_no_second_event_of_a_webhook(here: Installation) -> None:
    services = on_call(here, webhook=True)
    here.control.fail_alarms(0, times=2)
    for _ in range(5):
        minute(here, services, STOPPED)
    (incident,) = here.control.incidents()
    assert incident["events"] == ["trigger", "trigger"]
    # Taken twice, under one name.
    assert len({one["key"] for one in here.control.webhook_events()}) == 1
    assert {state for _, _, state, _ in told(here)} == {"sent"}


@pytest.mark.parametrize("status", [429, 500, 503])
def test_during_an_outage_an_alarm_waits_and_its_end_waits_for_it(here: Installation, status: int) -> None:
    services = on_call(here)
    here.control.fail_alarms(status, times=3)
    minute(here, services, STOPPED)
    minute(here, services, WELL)
    assert told(here)[0][:3] == ("pagerduty", "trigger", "unknown")
    for _ in range(10):
        minute(here, services, WELL)
    (incident,) = here.control.incidents()
    assert (incident["status"], incident["events"]) == ("resolved", ["trigger", "resolve"])


def test_what_was_over_before_it_was_told_wakes_nobody(here: Installation) -> None:
    services = on_call(here)
    with found(STOPPED):
        look_for_alarms(services)
    with found(WELL):
        look_for_alarms(services)
    tell_waiting(services)
    assert here.control.incidents() == []
    assert told(here) == [("pagerduty", "trigger", "skipped", 0)]


def test_a_process_that_is_killed_while_it_tells_is_followed_by_the_next(here: Installation) -> None:
    class Killed(BaseException):
        """The process is gone."""

    services = on_call(here)
    with found(STOPPED), patch.object(tell, "_send", side_effect=Killed):
        look_for_alarms(services)
        with pytest.raises(Killed):
            tell_waiting(services)
    # Right away nobody else tries what may be under way.
    assert tell_waiting(on_call(here)) == []
    here.clock.advance(timedelta(minutes=1))
    assert [one.state for one in tell_waiting(on_call(here))] == ["sent"]
    assert len(here.control.incidents()) == 1


def test_a_wrong_key_is_named_without_being_shown_and_tried_again_for_a_day(here: Installation) -> None:
    services = on_call(here, key="wrong-secret-key")
    minute(here, services, STOPPED)
    ((error,),) = here.query("select last_error from alarm_delivery")
    assert "PAGERDUTY_ROUTING_KEY" in error
    assert "wrong-secret" not in error
    here.clock.advance(timedelta(days=1))
    minute(here, services, STOPPED)
    assert told(here)[0][2] == "expired"
    assert "wrong-secret" not in json.dumps([str(one) for one in here.logs])


def test_without_anybody_on_call_alarms_are_kept_and_told_to_nobody(here: Installation) -> None:
    minute(here, here.services, STOPPED)
    assert here.query("select kind, resolved_at from alarm") == [("changes_stopped", None)]
    assert told(here) == []


def test_a_receiver_that_is_taken_out_of_the_settings_is_told_nothing_more(here: Installation) -> None:
    with found(STOPPED):
        look_for_alarms(on_call(here))
    tell_waiting(here.services)
    assert told(here) == [("pagerduty", "trigger", "skipped", 1)]


# Facts


def test_nothing_is_wrong_with_an_installation_that_works(small: Installation) -> None:
    facts = gather(small.services)
    assert (facts.stopped_because, facts.given_up, facts.failing_jobs, facts.blocked_that_go) == ("", [], {}, [])
    assert facts.bouncing_lists == []
    assert facts.waiting is not None
    assert facts.waiting[0] == 0
    assert look_for_alarms(small.services).raised == ()


def ended(made: Installation, run: str, error: str | None, job: str = "weekly_health_check") -> None:
    with made.services.database.begin() as connection:
        note(connection, EndedRun(run, job, "a_schedule", None, error), made.clock.now())
    made.clock.advance(timedelta(minutes=1))


def kinds(services: Services) -> list[AlarmKind]:
    return [one.kind for one in look_for_alarms(services).raised]


def test_a_job_whose_last_run_failed_is_an_alarm_until_one_succeeds(here: Installation) -> None:
    ended(here, "1", None)
    ended(here, "2", "no database")
    assert kinds(here.services) == [AlarmKind.RUNS_FAIL]
    ended(here, "3", "no database")
    assert look_for_alarms(here.services).raised == ()
    ended(here, "4", None)
    assert look_for_alarms(here.services).resolved == ((AlarmKind.RUNS_FAIL, "weekly_health_check"),)


def test_important_messages_that_reach_nobody_are_an_alarm(here: Installation) -> None:
    with here.services.database.begin() as connection:
        execute(
            connection,
            """insert into notification (message_key, text, blocks, state, created_at, is_important, is_broadcast,
            next_attempt_at)
               values ('k', 't', '[]', 'failed', :at, true, false, :at)""",
            at=here.clock.now(),
        )
    assert look_for_alarms(here.services).raised == ()
    here.clock.advance(timedelta(minutes=16))
    assert kinds(here.services) == [AlarmKind.MESSAGES_WAIT]


def test_a_blocked_campaign_that_mailjet_sends_all_the_same_is_an_alarm_until_its_time(small: Installation) -> None:
    with small.services.database.begin() as connection:
        execute(
            connection,
            """
            insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time, list_name,
                                           list_id, status, created_at, updated_at)
            values ('blocked', 'Letter', 1, :day, :hour, 'List 1', 1, 'BLOCKED', :now, :now)
            """,
            day=(small.clock.now() + timedelta(hours=2)).date(),
            hour=(small.clock.now() + timedelta(hours=2)).time(),
            now=small.clock.now(),
        )
    assert kinds(small.services) == [AlarmKind.BLOCKED_GOES]
    small.clock.advance(timedelta(hours=3))
    assert (AlarmKind.BLOCKED_GOES, "blocked") in look_for_alarms(small.services).resolved


# The ways in


def test_a_test_shows_whether_alarms_arrive(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    services = on_call(here, webhook=True)

    @contextmanager
    def opened() -> Iterator[Services]:
        yield services

    monkeypatch.setattr(cli_alarms, "opened_services", opened)
    answer = CliRunner().invoke(app, ["alarms", "--test", "--by", "Ada", "--json"])
    assert answer.exit_code == 0, answer.output
    assert [one["status"] for one in here.control.incidents()] == ["resolved"]
    here.control.fail_alarms(500)
    assert CliRunner().invoke(app, ["alarms", "--test", "--by", "Ada"]).exit_code == 1
    with pytest.raises(ConfigurationError, match="nobody is told"):
        raise_test(here.services, by="Ada")
    with pytest.raises(RefusedError):
        raise_test(services, by="")


def test_the_sensor_looks_and_tells_and_starts_no_run(here: Installation) -> None:
    ended(here, "1", "no database")
    skipped = alarms_to_tell(dg.build_sensor_context(resources={"services": on_call(here)}))
    assert isinstance(skipped, dg.SkipReason)
    assert skipped.skip_message == "Raised 1, over 0, told 1."
    assert len(here.control.incidents()) == 1
