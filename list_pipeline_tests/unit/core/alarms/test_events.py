"""An alarm as PagerDuty and a webhook read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from list_pipeline.core.alarms.events import (
    LONGEST_KEY,
    LONGEST_SUMMARY,
    Alarm,
    AlarmAction,
    event_id,
    pagerduty_event,
    webhook_event,
)
from list_pipeline.core.alarms.problems import WHAT_TO_DO, AlarmKind, Problem

AT = datetime(2026, 11, 20, 10, 0, tzinfo=timezone(timedelta(hours=1)))
ALARM = Alarm(Problem(AlarmKind.GIVEN_UP, "k (24h)", "It failed."), "f00", AT, None)
KEY = "list_pipeline:f00:maintenance_given_up:k (24h):20261120T090000"


def test_the_key_tells_an_alarm_from_every_other_and_from_the_same_one_raised_anew() -> None:
    assert ALARM.dedup_key == KEY
    others = [
        replace(ALARM, installation="f01"),
        replace(ALARM, raised_at=AT + timedelta(seconds=1)),
        replace(ALARM, problem=replace(ALARM.problem, reference="l (24h)")),
        replace(ALARM, problem=replace(ALARM.problem, kind=AlarmKind.RUNS_FAIL)),
    ]
    assert len({KEY, *(one.dedup_key for one in others)}) == 5


def test_a_long_key_is_shortened_and_stays_one_of_its_own() -> None:
    def of(reference: str) -> str:
        return replace(ALARM, problem=replace(ALARM.problem, reference=reference)).dedup_key

    fits = "x" * (LONGEST_KEY - len(KEY) + len("k (24h)"))
    assert len(of(fits)) == LONGEST_KEY
    assert fits in of(fits)
    longer, other = of(fits + "y"), of(fits + "z")
    assert longer != other
    assert max(len(longer), len(other)) <= LONGEST_KEY


def test_an_event_for_pagerduty_says_what_where_and_how_bad() -> None:
    event = pagerduty_event(ALARM, AlarmAction.TRIGGER, "routing", "https://dagster.example")
    assert (event["routing_key"], event["event_action"], event["dedup_key"]) == ("routing", "trigger", KEY)
    assert event["payload"] == {
        "summary": "It failed.",
        "source": "list_pipeline f00",
        "severity": "error",
        "timestamp": "2026-11-20T09:00:00+00:00",
        "component": "list_pipeline",
        "class": "maintenance_given_up",
        "custom_details": {"what to do": WHAT_TO_DO[AlarmKind.GIVEN_UP], "reference": "k (24h)"},
    }
    assert event["client_url"] == "https://dagster.example"
    assert event["links"] == [{"href": "https://dagster.example", "text": "Dagster"}]
    assert event["client"] == "list_pipeline"
    bare = pagerduty_event(ALARM, AlarmAction.TRIGGER, "routing", None)
    assert not {"client_url", "links"} & set(bare)


def test_a_summary_is_cut_at_pagerduty_s_limit() -> None:
    assert (LONGEST_SUMMARY, LONGEST_KEY) == (1024, 255)
    long = replace(ALARM, problem=replace(ALARM.problem, summary="x" * (LONGEST_SUMMARY + 1)))
    event = pagerduty_event(long, AlarmAction.TRIGGER, "routing", None)
    assert event["payload"]["summary"] == "x" * LONGEST_SUMMARY


def test_an_end_names_the_incident_and_nothing_else() -> None:
    event = pagerduty_event(ALARM, AlarmAction.RESOLVE, "routing", "https://dagster.example")
    assert event == {"routing_key": "routing", "event_action": "resolve", "dedup_key": KEY}


def test_a_webhook_gets_a_document_and_the_same_name_for_every_attempt() -> None:
    over = replace(ALARM, resolved_at=AT + timedelta(hours=1))
    assert webhook_event(over, AlarmAction.TRIGGER) == {
        "event": "alarm.trigger",
        "alarm": KEY,
        "kind": "maintenance_given_up",
        "severity": "error",
        "reference": "k (24h)",
        "summary": "It failed.",
        "what_to_do": WHAT_TO_DO[AlarmKind.GIVEN_UP],
        "installation": "f00",
        "raised_at": "2026-11-20T09:00:00+00:00",
        "resolved_at": None,
    }
    ended = webhook_event(over, AlarmAction.RESOLVE)
    assert (ended["event"], ended["resolved_at"]) == ("alarm.resolve", "2026-11-20T10:00:00+00:00")
    assert event_id(ALARM, AlarmAction.TRIGGER) == f"{KEY}:trigger"
    assert event_id(ALARM, AlarmAction.RESOLVE) == f"{KEY}:resolve"
    assert AT.astimezone(UTC).hour == 9
