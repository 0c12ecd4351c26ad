"""Clicks in a rehearsed Slack on an office: the listener of the product, on a real socket, beside its database.

Belongs here: such an office, and what people do in its channel. Does not belong here: expectations.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.plans.gate import CheckSeverity, GateCheck, GateOutcome, GateRecord
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.reviews.messages import gate_message
from list_pipeline.integrations.slack_socket import SlackSocket
from list_pipeline.operations.messages.asking import asked_with_buttons
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.reviewers import link_reviewer
from list_pipeline.operations.reviews.slack_desk import SlackDesk
from list_pipeline.sandbox.slack.service import SlackService
from list_pipeline.storage.plans.plan_rows import GATE, StoredPlan
from list_pipeline_tests.integration.offices import Office, office, suppress_items
from list_pipeline_tests.integration.views.serving import Served, serving

ALICE, BOB, STRANGER = "U0ALICE", "U0BOB", "U0MALLORY"
PEOPLE = {ALICE: "Ada", BOB: "Bob"}
TIMEOUT_S = 20.0


@dataclass
class Desk:
    """An office whose questions arrive in a rehearsed channel, and somebody who listens there."""

    office: Office
    slack: Served
    heard: threading.Semaphore

    def waiting(self, *, over_cap: bool = False, kind: PlanKind = PlanKind.SUPPRESSION) -> StoredPlan:
        """A plan that waits; of nothing but suppressions where it is one of those."""
        plan = self.office.plan(kind, items=suppress_items(5, 6) if kind is PlanKind.SUPPRESSION else ())
        checks = (GateCheck("cap", not over_cap, CheckSeverity.WARNING, "2 of 10"),)
        record = GateRecord(GateOutcome.NEEDS_REVIEW, alert=True, may_run=0, waiting=(5, 6), checks=checks)
        with self.office.services.database.begin() as connection:
            connection.execute(
                text("update plan set gate = cast(:gate as jsonb) where plan_id = :id"),
                {"gate": GATE.text(record), "id": plan.plan_id},
            )
        return self.office.stored(plan.plan_id)

    def ask(self, plan: StoredPlan) -> str:
        """The channel is asked about a plan; the message's timestamp."""
        message = gate_message(plan.kind, plan.plan_id, plan.content_hash, "", ["It is a lot."], waits=True)
        services = self.office.services
        with services.database.begin() as connection:
            message = asked_with_buttons(services, connection, message, plan)
        sent = deliver(services, keys.gate_alert(plan.plan_id), message)
        assert sent.ts, sent
        return sent.ts

    def asked(self, **parts: Any) -> tuple[StoredPlan, str]:
        """A plan that waits and was asked about."""
        plan = self.waiting(**parts)
        return plan, self.ask(plan)

    def press(self, ts: str, action: str, user: str = ALICE, **parts: Any) -> list[str]:
        """Somebody presses a button; what this person was shown in answer."""
        before = len(self.ephemerals())
        answer = self.slack.control("press", {"ts": ts, "action_id": action, "user": user, **parts})
        assert answer["acknowledged"], "nobody acknowledged in time"
        return self._answers(before)

    def submit(self, reason: str | None, user: str = ALICE, **parts: Any) -> list[str]:
        """Somebody fills in the modal that was opened last; what this person was shown in answer."""
        before = len(self.ephemerals())
        values = {} if reason is None else {"reason": {"reason": reason}}
        wanted = {"view_id": self.views()[-1]["id"], "user": user, "values": values, **parts}
        answer = self.slack.control("submit", wanted)
        (said,) = answer["acknowledged"]
        if said.get("payload"):
            return [str(said["payload"])]
        return self._answers(before)

    def _answers(self, before: int) -> list[str]:
        assert self.heard.acquire(timeout=TIMEOUT_S), "nobody heard it to its end"
        return [one["text"] for one in self.ephemerals()[before:]]

    def envelope(self, payload: Any, **parts: Any) -> Any:
        """An envelope goes over the socket; what was acknowledged. Nobody waits for what follows."""
        wanted = {"envelope_id": "e", "type": "interactive", "payload": payload, **parts}
        return self.slack.control("envelope", wanted)["acknowledged"]

    def ephemerals(self) -> list[dict[str, Any]]:
        """What one person alone was shown, oldest first."""
        return list(self.slack.control("ephemerals"))

    def views(self) -> list[dict[str, Any]]:
        """Modals that are open."""
        return list(self.slack.control("views"))

    def message(self, ts: str) -> dict[str, Any]:
        """A message as the channel has it now."""
        (found,) = [one for one in self.slack.control("messages") if one["ts"] == ts]
        return dict(found)

    def words(self, ts: str) -> str:
        """Its text."""
        found = self.message(ts)
        return as_text(SlackMessage(found["text"], found["blocks"]))

    def buttons(self, ts: str) -> list[str]:
        """The labels of its buttons."""
        return [
            one["text"]["text"]
            for block in self.message(ts)["blocks"]
            if block["type"] == "actions"
            for one in block["elements"]
        ]


def slack_settings(slack: Served, **more: Any) -> dict[str, Any]:
    """Settings with which the product speaks with a rehearsed Slack, and hears it."""
    return {
        "slack_bot_token": "xoxb-sandbox",
        "slack_app_token": "xapp-sandbox",
        "slack_base_url": f"{slack.url}/api/",
        "slack_channel_id": "C0TRACTION",
        **more,
    }


@contextmanager
def desk(database_url: str, folder: Path, **settings: Any) -> Iterator[Desk]:
    """An office with a channel, a listener, and two people whom it knows."""
    with office(database_url) as plain:
        service = SlackService(folder, plain.clock)
    with serving(service, "slack") as slack, office(database_url, **slack_settings(slack, **settings)) as made:
        # The service dates messages by the office's clock.
        service._clock = made.clock
        with listening(made, slack) as heard:
            if not settings.get("list_reviewers"):
                for user, name in PEOPLE.items():
                    assert made.services.slack_interaction
                    link_reviewer(made.services, user, name, by="Ada")
            yield Desk(made, slack, heard)
    service.close()


@contextmanager
def listening(made: Office, slack: Served, app_token: str = "xapp-sandbox") -> Iterator[threading.Semaphore]:
    """Somebody who listens for clicks; released once for each click that was answered to its end."""
    client = made.services.slack_interaction
    assert client is not None
    here, heard, stop = SlackDesk(made.services, client, client.identity()), threading.Semaphore(0), threading.Event()

    def hear(payload: Any, app: str) -> None:
        try:
            here.hear(payload, app)
        finally:
            heard.release()

    socket = SlackSocket(client, app_token, check=here.check, hear=hear, ping_s=0.2)
    thread = threading.Thread(target=socket.run, args=(stop,), daemon=True)
    thread.start()
    assert socket.connected.wait(TIMEOUT_S)
    try:
        yield heard
    finally:
        stop.set()
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
