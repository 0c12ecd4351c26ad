"""A client of the control API, for the demo, rehearsals and tests.

Belongs here: one typed method for each control. Does not belong here: the rehearsed APIs, which the product's own
clients use.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Any, Self, cast

import httpx


@cache
def _tls_context() -> ssl.SSLContext:
    # Made once: a client reads all certificates otherwise, which takes 30 ms, for a server that speaks plain HTTP.
    return ssl.create_default_context()


class SandboxControlError(Exception):
    """The sandbox refused a control, or does not run."""


class SandboxControl:
    """Steers the sandbox at ``url``. A contact is named by id or address."""

    def __init__(self, url: str, timeout_seconds: float = 300.0) -> None:
        # No proxy of the environment: the sandbox is on this machine.
        self._http = httpx.Client(
            base_url=url.rstrip("/") + "/_sandbox", timeout=timeout_seconds, trust_env=False, verify=_tls_context()
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        try:
            if method == "GET":
                answer = self._http.get(path, params=dict(body or {}))
            else:
                # Escaped, so that a value may hold what UTF-8 cannot.
                answer = self._http.post(
                    path, content=json.dumps(dict(body or {})), headers={"Content-Type": "application/json"}
                )
        except httpx.HTTPError as error:
            raise SandboxControlError(f"the sandbox did not answer {method} {path}: {type(error).__name__}") from error
        if answer.is_error:
            raise SandboxControlError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    def healthy(self) -> bool:
        """Whether the sandbox answers."""
        try:
            return bool(self._call("GET", "/health")["ok"])
        except SandboxControlError:
            return False

    def now(self) -> datetime:
        """The sandbox's present instant, in UTC."""
        return datetime.fromisoformat(self._call("GET", "/clock")["now"])

    def advance(self, seconds: float) -> datetime:
        """Move the sandbox's clock forward; its new instant. Refused for a clock that cannot be moved."""
        return datetime.fromisoformat(self._call("POST", "/clock", {"advance_seconds": seconds})["now"])

    def set_clock(self, instant: datetime) -> datetime:
        """Move the sandbox's clock forward to an instant."""
        return datetime.fromisoformat(self._call("POST", "/clock", {"set": instant.isoformat()})["now"])

    def switches(self) -> dict[str, Any]:
        """Every switch with its value."""
        return {row["name"]: row["value"] for row in self._call("GET", "/switches")}

    def set_switches(self, **values: bool | int | float | str) -> None:
        """Set some switches; all or none."""
        self._call("POST", "/switches", values)

    def reset_switches(self) -> None:
        """All switches back to their defaults."""
        self._call("POST", "/switches/reset")

    def add_fault(self, effect: str, *, path: str = "", method: str | None = None, **parts: Any) -> int:
        """Put a fault in force; its number. ``parts`` as in ``faults.FaultRule``: nth, count, seconds, status, ..."""
        body = {"effect": effect, "path": path, "method": method, **parts}
        return int(self._call("POST", "/faults", body)["rule_id"])

    def faults(self) -> list[dict[str, Any]]:
        """The faults in force, with how often each matched and acted."""
        return cast("list[dict[str, Any]]", self._call("GET", "/faults")["rules"])

    def clear_faults(self) -> None:
        """No faults any more."""
        self._call("POST", "/faults/clear")

    def requests(self) -> dict[str, int]:
        """Requests since the last reset, by method and resource, e.g. ``GET contact/{id}/getcontactslists``."""
        return cast("dict[str, int]", self._call("GET", "/requests"))

    def reset_requests(self) -> None:
        """Count requests from zero."""
        self._call("POST", "/requests/reset")

    def seed(self, scenario: str = "closed_cycle", contacts: int = 3600, seed: int = 1, **parts: Any) -> dict[str, Any]:
        """Replace the account by a seeded one; a summary. ``parts`` as in ``seeding.SeedRequest``."""
        if isinstance(parts.get("anchor"), datetime):
            parts["anchor"] = parts["anchor"].isoformat()
        body = {"scenario": scenario, "contacts": contacts, "seed": seed, **parts}
        return cast("dict[str, Any]", self._call("POST", "/seed", body))

    def reset(self) -> None:
        """Empty the account, faults, switches and request counts; the clock stays."""
        self._call("POST", "/reset")

    def answers(self) -> dict[str, Any]:
        """The known truth of the seed: for each trap the contact ids."""
        return cast("dict[str, Any]", self._call("GET", "/answers"))

    def lists(self) -> dict[int, dict[str, Any]]:
        """Every list by id: name, raw and mailable size."""
        return {int(row["id"]): row for row in self._call("GET", "/lists")}

    def digest(self) -> str:
        """A hash over all memberships and flags: equal means that nothing changed."""
        return str(self._call("GET", "/digest")["digest"])

    def ledger(self, campaign_id: int | None = None, *, contacts: bool = True) -> list[dict[str, Any]]:
        """Every send: contact ids written to and failures."""
        body: dict[str, Any] = {"contacts": "1" if contacts else "0"}
        if campaign_id is not None:
            body["campaign_id"] = campaign_id
        return cast("list[dict[str, Any]]", self._call("GET", "/ledger", body))

    def contact(self, contact: int | str) -> dict[str, Any]:
        """One contact: flags and places."""
        return cast("dict[str, Any]", self._call("GET", f"/contacts/{contact}"))

    def send(self, list_id: int, subject: str, *, outcomes: Mapping[int, str] | None = None, **parts: Any) -> int:
        """Send a campaign to a list now; its id. ``parts`` as in ``sending.SendRequest``: profile, late_share, ..."""
        named = {str(contact_id): name for contact_id, name in (outcomes or {}).items()}
        body = {"list_id": list_id, "subject": subject, "outcomes": named, **parts}
        return int(self._call("POST", "/world/send", body)["campaign_id"])

    def refuse(self, draft_id: int) -> None:
        """Mailjet will not begin to send a draft at its time; scheduled again, it is sent."""
        self._call("POST", "/world/refuse", {"draft_id": draft_id})

    def sign_up(self, email: str, list_id: int, name: str = "") -> int:
        """A person signs up to a list; the contact's id."""
        return int(
            self._call("POST", "/world/sign-up", {"email": email, "list_id": list_id, "name": name})["contact_id"]
        )

    def subscribe(self, email: str, list_id: int) -> int:
        """A person subscribes, also again after having left; the contact's id."""
        return int(self._call("POST", "/world/subscribe", {"email": email, "list_id": list_id})["contact_id"])

    def unsubscribe(self, contact: int | str, list_id: int | None = None) -> int:
        """A person leaves one list, or all; how many places changed."""
        body: dict[str, Any] = {"contact": str(contact)}
        if list_id is not None:
            body["list_id"] = list_id
        return int(self._call("POST", "/world/unsubscribe", body)["places"])

    def complain(self, contact: int | str) -> int:
        """A person marks our mail as spam; the contact's id."""
        return int(self._call("POST", "/world/complain", {"contact": str(contact)})["contact_id"])

    def open_message(self, contact: int | str) -> int:
        """A person opens the last message that arrived; the contact's id."""
        return int(self._call("POST", "/world/open", {"contact": str(contact)})["contact_id"])

    def click(self, contact: int | str) -> int:
        """A person clicks in the last message that arrived; the contact's id."""
        return int(self._call("POST", "/world/click", {"contact": str(contact)})["contact_id"])

    def deliver_events(self) -> dict[str, Any]:
        """Mailjet posts what is due to the registered URLs: ``requests``, ``events``, ``statuses`` by number of answers."""
        return cast("dict[str, Any]", self._call("POST", "/events/deliver"))

    def gdpr_delete(self, contact: int | str) -> int:
        """A person is erased; the id of the ghost that stays for a while."""
        return int(self._call("POST", "/world/gdpr-delete", {"contact": str(contact)})["contact_id"])

    def slack_messages(self) -> Any:
        """The messages that the rehearsed Slack received, oldest first."""
        return self._call("GET", "/slack/messages")

    def clear_slack(self) -> None:
        """The rehearsed Slack forgets messages, files and scenarios."""
        self._call("POST", "/slack/clear")

    def slack_page(self) -> str:
        """The rehearsed Slack channel as people see it, as HTML."""
        answer = self._http.get("/slack/")
        answer.raise_for_status()
        return answer.text

    def clear_slack_scenarios(self) -> None:
        """The rehearsed Slack no longer fails on purpose; what arrived stays."""
        self._call("POST", "/slack/scenarios/clear")

    def delete_slack_message(self, ts: str) -> None:
        """A person deletes a message in the rehearsed Slack; what answers it stays."""
        self._call("POST", "/slack/delete", {"ts": ts})

    def slack_ephemerals(self) -> list[dict[str, Any]]:
        """What the rehearsed Slack showed to one person alone, oldest first."""
        return cast("list[dict[str, Any]]", self._call("GET", "/slack/ephemerals"))

    def slack_views(self) -> list[dict[str, Any]]:
        """The modals that are open in the rehearsed Slack, the newest last."""
        return cast("list[dict[str, Any]]", self._call("GET", "/slack/views"))

    def slack_sockets(self) -> dict[str, Any]:
        """How many sockets the app has (``connected``), and has had (``opened``)."""
        return cast("dict[str, Any]", self._call("GET", "/slack/socket"))

    def press(self, ts: str, action_id: str, **parts: Any) -> dict[str, Any]:
        """A person presses a button in the rehearsed Slack; ``parts`` and the answer as in ``slack.people``."""
        return cast("dict[str, Any]", self._call("POST", "/slack/press", {"ts": ts, "action_id": action_id, **parts}))

    def submit(self, view_id: str, **parts: Any) -> dict[str, Any]:
        """A person submits a modal in the rehearsed Slack; ``parts`` and the answer as in ``slack.people``."""
        return cast("dict[str, Any]", self._call("POST", "/slack/submit", {"view_id": view_id, **parts}))

    def slack_envelope(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """An envelope goes over the socket as it is given."""
        return cast("dict[str, Any]", self._call("POST", "/slack/envelope", envelope))

    def slack_raw(self, text: str) -> None:
        """A text goes over the socket as it is, also one that is no envelope."""
        self._call("POST", "/slack/raw", {"text": text})

    def slack_disconnect(self, reason: str) -> None:
        """Slack tells the app to connect anew; ``abrupt``: the sockets break without a word."""
        self._call("POST", "/slack/disconnect", {"reason": reason})

    def emails(self) -> Any:
        """The e-mails that Mailjet's Send API received, oldest first."""
        return self._call("GET", "/email/messages")

    def incidents(self) -> list[dict[str, Any]]:
        """The incidents of the rehearsed PagerDuty, the first one first."""
        return cast("list[dict[str, Any]]", self._call("GET", "/pagerduty/incidents"))

    def webhook_events(self) -> list[dict[str, Any]]:
        """What the rehearsed webhook got, the first one first: ``key`` and ``body``."""
        return cast("list[dict[str, Any]]", self._call("GET", "/pagerduty/webhook"))

    def fail_alarms(self, status: int, times: int = 1) -> None:
        """Let the rehearsed PagerDuty and webhook answer so; 0: they take it, and the answer is lost."""
        self._call("POST", "/pagerduty/fail", {"status": status, "times": times})

    def slack_scenario(self, kind: str, **parts: Any) -> None:
        """Let the rehearsed Slack fail on purpose; kinds and ``parts`` as in ``slack.SCENARIOS``."""
        self._call("POST", "/slack/scenarios", {"kind": kind, **parts})

    def gemini_requests(self) -> Any:
        """The questions that the rehearsed Gemini received, oldest first, each with its answer."""
        return self._call("GET", "/gemini/messages")

    def clear_gemini(self) -> None:
        """The rehearsed Gemini forgets requests and scenarios."""
        self._call("POST", "/gemini/clear")

    def gemini_scenarios(self) -> list[dict[str, Any]]:
        """The scenarios chosen for the rehearsed Gemini's next answers, in the order in which they act."""
        return cast("list[dict[str, Any]]", self._call("GET", "/gemini/scenarios")["chosen"])

    def gemini_behaviour(self, behaviour: str, **parts: Any) -> None:
        """Let the rehearsed Gemini answer otherwise; behaviours and ``parts`` (times, agent, contains, seconds, ...)
        as in ``gemini_behaviours``."""
        self._call("POST", "/gemini/scenarios", {"behaviour": behaviour, **parts})
