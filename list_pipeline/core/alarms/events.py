"""An alarm as those who page people read it: PagerDuty's Events API v2, and a plain JSON document for a webhook.

https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from list_pipeline.core.alarms.problems import SEVERITY, WHAT_TO_DO, Problem

LONGEST_SUMMARY = 1024
LONGEST_KEY = 255
"""PagerDuty's limits."""


class Receiver(StrEnum):
    """Whoever pages people, or passes an alarm on."""

    PAGERDUTY = "pagerduty"
    WEBHOOK = "webhook"


class AlarmAction(StrEnum):
    """What is told of an alarm: that it is open, or that it is over."""

    TRIGGER = "trigger"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that was raised. ``installation`` tells installations apart; ``resolved_at``: None while it is open (UTC)."""

    problem: Problem
    installation: str
    raised_at: datetime
    resolved_at: datetime | None

    @property
    def dedup_key(self) -> str:
        """What makes it one to a receiver: repeated, it is the same incident; raised anew, it is another one."""
        kind, reference = self.problem.key
        whole = (
            f"list_pipeline:{self.installation}:{kind.value}:{reference}:{self.raised_at.astimezone(UTC):%Y%m%dT%H%M%S}"
        )
        if len(whole) <= LONGEST_KEY:
            return whole
        digest = hashlib.sha256(whole.encode()).hexdigest()
        return f"list_pipeline:{self.installation}:{kind.value}:{digest}"


def pagerduty_event(alarm: Alarm, action: AlarmAction, routing_key: str, dagster_url: str | None) -> dict[str, Any]:
    """The body of an event for PagerDuty."""
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": action.value,
        "dedup_key": alarm.dedup_key,
    }
    if action is AlarmAction.RESOLVE:
        return event
    kind = alarm.problem.kind
    event["payload"] = {
        "summary": alarm.problem.summary[:LONGEST_SUMMARY],
        "source": f"list_pipeline {alarm.installation}",
        "severity": SEVERITY[kind].value,
        "timestamp": alarm.raised_at.astimezone(UTC).isoformat(),
        "component": "list_pipeline",
        "class": kind.value,
        "custom_details": {"what to do": WHAT_TO_DO[kind], "reference": alarm.problem.reference},
    }
    event["client"] = "list_pipeline"
    if dagster_url is not None:
        event["client_url"] = dagster_url
        event["links"] = [{"href": dagster_url, "text": "Dagster"}]
    return event


def webhook_event(alarm: Alarm, action: AlarmAction) -> dict[str, Any]:
    """The body of an event for a webhook. Its keys stay; others may be added."""
    kind = alarm.problem.kind
    over = alarm.resolved_at if action is AlarmAction.RESOLVE else None
    return {
        "event": f"alarm.{action.value}",
        "alarm": alarm.dedup_key,
        "kind": kind.value,
        "severity": SEVERITY[kind].value,
        "reference": alarm.problem.reference,
        "summary": alarm.problem.summary,
        "what_to_do": WHAT_TO_DO[kind],
        "installation": alarm.installation,
        "raised_at": alarm.raised_at.astimezone(UTC).isoformat(),
        "resolved_at": None if over is None else over.astimezone(UTC).isoformat(),
    }


def event_id(alarm: Alarm, action: AlarmAction) -> str:
    """The same for every attempt to tell it: by it a receiver of a webhook knows a repetition."""
    return f"{alarm.dedup_key}:{action.value}"
