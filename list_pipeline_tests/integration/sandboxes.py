"""A sandbox in this process, on a clock that stands still, for the tests of the sandbox itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from list_pipeline.integrations.tls import tls_context
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline_tests.virtual_clock import VirtualClock

ANCHOR = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
MASTER, LIST_1, LIST_2, LIST_3, SUPPRESSION = 5776, 10503497, 10503498, 10503499, 10503500


@dataclass
class Rehearsal:
    """The server, its controls, its clock and a plain client of its Mailjet."""

    server: SandboxServer
    control: SandboxControl
    clock: VirtualClock
    http: httpx.Client

    def get(self, path: str, **parameters: Any) -> httpx.Response:
        return self.http.get(path, params=parameters)

    def data(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        answer = self.get(path, **parameters)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["Data"])

    def count(self, path: str, **parameters: Any) -> int:
        answer = self.get(path, countOnly=1, **parameters)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["Count"])

    def pass_time(self, **parts: float) -> None:
        self.clock.advance(timedelta(**parts))

    def new_list(self, name: str = "People") -> int:
        return int(self.http.post("/contactslist", json={"Name": name}).json()["Data"][0]["ID"])

    def join(self, list_id: int, email: str, action: str = "addnoforce") -> int:
        answer = self.http.post(f"/contactslist/{list_id}/managecontact", json={"Email": email, "Action": action})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["Data"][0]["ContactID"])

    def place(self, list_id: int, contact_id: int) -> dict[str, Any] | None:
        rows = self.data("/listrecipient", ContactsList=list_id, Contact=contact_id)
        return rows[0] if rows else None

    def post_job(self, lists: dict[int, str], emails: list[str], **flags: Any) -> httpx.Response:
        body = {
            "ContactsLists": [{"ListID": list_id, "Action": action} for list_id, action in lists.items()],
            "Contacts": [{"Email": email, **flags} for email in emails],
        }
        return self.http.post("/contact/managemanycontacts", json=body)

    def run_job(self, lists: dict[int, str], emails: list[str], **flags: Any) -> dict[str, Any]:
        """Post a job, let a second pass, and return its state."""
        answer = self.post_job(lists, emails, **flags)
        assert answer.is_success, answer.text
        self.pass_time(seconds=1)
        return self.job(answer.json()["Data"][0]["JobID"])

    def job(self, job_id: int) -> dict[str, Any]:
        return self.data(f"/contact/managemanycontacts/{job_id}")[0]


@contextmanager
def rehearsal(state: Path, **seed: Any) -> Iterator[Rehearsal]:
    """A running sandbox; with ``seed`` parts it is seeded and anchored at the clock's instant."""
    clock = VirtualClock(ANCHOR)
    with SandboxServer(state, clock) as server, SandboxControl(server.url) as control:
        if seed:
            control.seed(**seed)
        credentials = ("sandbox-key", "sandbox-secret")
        with httpx.Client(
            base_url=server.url + "/v3/REST", auth=credentials, trust_env=False, verify=tls_context(), timeout=20
        ) as http:
            yield Rehearsal(server, control, clock, http)


def last_send(sandbox: Rehearsal) -> tuple[int, datetime, dict[str, Any]]:
    """Id, an instant before its start, and the sandbox's own ledger of the send that was made last."""
    campaign_id = int(sandbox.control.answers()["last_campaign_id"])
    (entry,) = sandbox.control.ledger(campaign_id)
    return campaign_id, datetime.fromisoformat(entry["send_start_at"]) - timedelta(seconds=1), entry


def newcomers(sandbox: Rehearsal, label: str, count: int) -> tuple[list[int], list[str]]:
    """People who just signed up to master: contact ids and addresses."""
    emails = [f"{label}{number}@example.com" for number in range(count)]
    return [sandbox.control.sign_up(email, MASTER) for email in emails], emails
