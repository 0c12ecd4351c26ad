"""Events as Mailjet's Event API sends them, for tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

from list_pipeline.operations.told_events.receive import Received, receive
from list_pipeline_tests.integration.accounts import Installation


def event(made: Installation, person: int, kind: str = "bounce", **parts: Any) -> dict[str, Any]:
    """An event about a person of the small account in its last campaign, a minute old."""
    return {
        "event": kind,
        "time": seconds(made.clock.now() - timedelta(minutes=1)),
        "MessageID": 19421777835146490 + person,
        "email": made.control.contact(made.account.people[person])["email"],
        "mj_campaign_id": made.account.campaigns[-1],
        "mj_contact_id": made.account.people[person],
        "customcampaign": "mj.nl=1",
        **parts,
    }


def hard(made: Installation, person: int, **parts: Any) -> dict[str, Any]:
    """A hard bounce."""
    failed = {"hard_bounce": True, "blocked": True, "error_related_to": "recipient", "error": "user unknown"}
    return event(made, person, "bounce", **{**failed, **parts})


def seconds(instant: datetime) -> int:
    """As events have it."""
    return int(instant.timestamp())


def tell(made: Installation, *events: object) -> Received:
    """Mailjet sends these in one request of version 2."""
    return receive(made.services, json.dumps(list(events)).encode())
