"""Campaigns as they are lived through: a person at Mailjet, Dagster's daemon beside them, and Slack as it is read.

Belongs here: letting time pass through the daemon's turns, what people do at Mailjet, and what arrived when. Does not belong
here: what a stage ought to say.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg

from list_pipeline.core.messages.keys import DETAILS
from list_pipeline_tests.e2e.code_location import IN_THIS_PROCESS, Ui, ui
from list_pipeline_tests.e2e.dagster_runs import DagsterHome
from list_pipeline_tests.e2e.rehearsals import CAMPAIGN_LISTS, Rehearsal, rehearsal
from list_pipeline_tests.virtual_clock import VirtualClock

TURN = timedelta(seconds=30)
PHASE = timedelta(seconds=17)
"""The daemon's turns fall on no round second."""


_NOBODY_ASKS = (
    "corrections_to_carry_out",
    "decisions_to_carry_out",
    "maintenances_to_resume",
    "quarantines_that_are_over",
    "requested_corrections",
    "requested_runs",
)
"""Sensors that carry out what people ask for: nobody asks here, and each turn is a second shorter without them."""


@dataclass(frozen=True)
class Arrived:
    """A message as somebody reads it in Slack: when it came (UTC), its title, and all its words."""

    at: datetime
    title: str
    words: str


@dataclass
class Life:
    """An account with the product at work on it."""

    account: Rehearsal
    daemon: Ui
    own_requests: dict[str, int] = field(default_factory=dict)
    """What people did at Mailjet themselves, by method and resource."""
    runs_daemon: bool = True

    @property
    def now(self) -> datetime:
        return self.account.clock.now()

    # Time

    def turn(self) -> None:
        """The daemon's next turn, half a minute later."""
        self.account.pass_time(seconds=TURN.total_seconds())
        if self.runs_daemon:
            self.daemon.evaluate_sensors(self.now)

    def until(self, instant: datetime, turns: int = 2) -> None:
        """Let time pass until right after an instant; the first turn, right before it, shows what comes too early."""
        assert isinstance(self.account.clock, VirtualClock)
        self.account.clock.set(instant - PHASE - TURN)
        for _ in range(turns):
            self.turn()

    def look(self) -> None:
        """Let the next ordinary look at Mailjet happen, which is five minutes away at the most."""
        self.account.pass_time(minutes=5)
        self.turn()

    # People at Mailjet

    def draft(self, name: str, round_number: int, at: datetime) -> int:
        """A marketer writes a campaign and schedules it; the draft's number."""
        body = {
            "ContactsListID": CAMPAIGN_LISTS[round_number - 1],
            "Locale": "en_US",
            "Sender": "46935",
            "SenderEmail": "news@sender.example",
            "SenderName": "News",
            "Subject": name,
            "Title": f"{name}, round {round_number}",
        }
        draft_id = int(self._do("POST", "campaigndraft", body)["Data"][0]["ID"])
        self.schedule(draft_id, at)
        return draft_id

    def schedule(self, draft_id: int, at: datetime) -> None:
        self._do("POST", f"campaigndraft/{draft_id}/schedule", {"Date": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"})

    def take_back(self, draft_id: int) -> None:
        self._do("DELETE", f"campaigndraft/{draft_id}/schedule")

    def move(self, draft_id: int, at: datetime) -> None:
        """Mailjet's interface moves a campaign in two steps."""
        self.take_back(draft_id)
        self.schedule(draft_id, at)

    def send_by_hand(self, draft_id: int) -> None:
        self._do("POST", f"campaigndraft/{draft_id}/send")

    def leave_list(self, contact_id: int, list_id: int) -> None:
        body = {"ContactsLists": [{"ListID": list_id, "Action": "remove"}]}
        self._do("POST", f"contact/{contact_id}/managecontactslists", body)

    def _do(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        before = self.account.control.requests()
        answer = self.account.http.request(method, f"/{path}", json=body)
        assert answer.is_success, answer.text
        for name, count in self.account.control.requests().items():
            if count > before.get(name, 0):
                self.own_requests[name] = self.own_requests.get(name, 0) + 1
        return answer.json() if answer.content else None

    # What is to be seen

    def arrived(self, draft_id: int | None = None) -> list[Arrived]:
        """Messages in Slack in their order, without details; those of one campaign where its draft is named."""
        key = None if draft_id is None else self.key(draft_id)
        found = []
        for message in self.account.control.slack_messages():
            told_of = str(message.get("metadata", {}).get("event_payload", {}).get("key", ""))
            words = str(message["text"]) + str(message["blocks"])
            if not told_of.endswith(DETAILS) and (key is None or key in words):
                at = datetime.fromtimestamp(float(message["ts"]), UTC)
                found.append(Arrived(at, str(message["blocks"][0]["text"]["text"]), words))
        return found

    def key(self, draft_id: int) -> str:
        sql = "select campaign_key from campaign_schedule where mailjet_draft_id = :draft"
        return str(self.account.scalar(sql, draft=draft_id))

    def status(self, draft_id: int) -> tuple[str, str | None]:
        """The status of a campaign, and who blocked it."""
        sql = "select status, blocked_by from campaign_schedule where mailjet_draft_id = :draft"
        (row,) = self.account.rows(sql, draft=draft_id)
        return row["status"], row["blocked_by"]

    def stages(self, draft_id: int) -> list[tuple[str, datetime, str, str | None]]:
        """Each stage of a campaign with the launch that it is for, what became of it, and why."""
        rows = self.account.rows(
            """select stage, launch_at, state, reason from campaign_stage join campaign_schedule s on s.id = campaign_id
               where mailjet_draft_id = :draft order by campaign_stage_id""",
            draft=draft_id,
        )
        return [(row["stage"], row["launch_at"], row["state"], row["reason"]) for row in rows]

    def unasked_changes(self) -> dict[str, int]:
        """Changing requests to Mailjet that neither a person made nor the journal explains."""
        found = {
            name: count - self.own_requests.get(name, 0)
            for name, count in self.account.control.requests().items()
            if name.split()[0] in ("POST", "PUT", "DELETE") and not name.split()[1].startswith(("api/", "v1"))
        }
        # Each bulk job of the journal belongs to a plan that its gate, or a person, let through.
        jobs = "POST contact/managemanycontacts"
        found[jobs] = found.get(jobs, 0) - self.account.scalar(
            """select count(*) from mailjet_job join plan using (plan_id)
               where status = 'executed' and gate ->> 'outcome' = 'approved'"""
        )
        return {name: count for name, count in found.items() if count}


@contextmanager
def lived(folder: Path, database_url: str, start: datetime, **settings: Any) -> Iterator[Life]:
    """An account with three cycles behind it, whose lists are confirmed and whose daemon has looked once."""
    with rehearsal(folder, database_url, clock=VirtualClock(start), **settings) as account:
        account.control.seed(scenario="closed_cycle", contacts=3600, seed=7, schedule_next=False)
        account.synchronise()
        account.confirm()
        account.control.reset_requests()
        with dg.instance_for_test(overrides=IN_THIS_PROCESS) as instance:
            home = DagsterHome(account, instance)
            with ui(instance, home.defs) as daemon:
                daemon.switch_off(*_NOBODY_ASKS)
                life = Life(account, daemon)
                life.turn()
                yield life
