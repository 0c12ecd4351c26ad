"""The control API under ``/_sandbox/``: the hand that steers a rehearsal. Not part of any rehearsed service.

Belongs here: reading requests and answering in JSON; errors are ``{"error": text}`` with 400, 404 or 409. Does not
belong here: what the requests do. No authentication: the server listens on loopback only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from list_pipeline.sandbox import world
from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.clock import AdjustableClock, OffsetClock
from list_pipeline.sandbox.dispatch import CONTROL_PREFIX, RequestLog
from list_pipeline.sandbox.faults import EFFECTS, FaultRule
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet import events
from list_pipeline.sandbox.mailjet.sending import SendRequest, send
from list_pipeline.sandbox.mailjet.wire import ApiError

_RULE_FIELDS = {field.name for field in dataclasses.fields(FaultRule)} - {"rule_id", "seen", "acted"}
_SEND_FIELDS = {field.name for field in dataclasses.fields(SendRequest)} - {"draft_id"}


class ControlService:
    """Answers everything under ``/_sandbox``."""

    def __init__(self, account: Account, log: RequestLog) -> None:
        self._account = account
        self._log = log
        self._routes: dict[tuple[str, str], Callable[[dict[str, Any]], Any]] = {
            ("GET", "health"): lambda _: {"ok": True},
            ("GET", "clock"): lambda _: self._clock(),
            ("POST", "clock"): self._move_clock,
            ("GET", "switches"): lambda _: account.switches.table(),
            ("POST", "switches"): self._set_switches,
            ("POST", "switches/reset"): self._reset_switches,
            ("GET", "faults"): lambda _: {"rules": account.faults.table(), "effects": EFFECTS},
            ("POST", "faults"): self._add_fault,
            ("POST", "faults/clear"): self._clear_faults,
            ("GET", "requests"): lambda _: log.counts(),
            ("POST", "requests/reset"): self._reset_requests,
            ("POST", "seed"): self._seed,
            ("POST", "reset"): self._reset,
            ("GET", "answers"): lambda _: account.store.note("answers", {}),
            ("GET", "lists"): lambda _: world.lists(account),
            ("GET", "digest"): lambda _: {"digest": world.digest(account)},
            ("GET", "ledger"): self._ledger,
            ("POST", "world/send"): self._send,
            ("POST", "world/sign-up"): self._sign_up,
            ("POST", "world/subscribe"): self._sign_up,
            ("POST", "world/unsubscribe"): self._unsubscribe,
            ("POST", "world/complain"): lambda body: {"contact_id": world.complain(account, _text(body, "contact"))},
            ("POST", "world/open"): lambda body: self._look(body, clicks=False),
            ("POST", "world/click"): lambda body: self._look(body, clicks=True),
            ("POST", "world/refuse"): lambda body: {"draft_id": world.refuse(account, int(body["draft_id"]))},
            ("POST", "world/gdpr-delete"): lambda body: {"contact_id": world.erase(account, _text(body, "contact"))},
        }

    def handle(self, request: Request) -> Response | None:
        """One answer in JSON."""
        path = request.path.removeprefix(CONTROL_PREFIX).strip("/")
        try:
            body: dict[str, Any] = dict(request.parameters())
            if request.method == "POST":
                given = request.json()
                if given is not None and not isinstance(given, dict):
                    raise ValueError("the body is a JSON object")
                body |= given or {}
            if (request.method, path) == ("POST", "events/deliver"):
                # Not under the lock: whoever is told may ask for the time.
                return Response.of_json(events.deliver(self._account))
            with self._account.store.lock:
                self._account.settle()
                if request.method == "GET" and path.startswith("contacts/"):
                    return Response.of_json(world.contact(self._account, path.removeprefix("contacts/")))
                route = self._routes.get((request.method, path))
                if route is None:
                    return Response.of_json({"error": f"no such control: {request.method} {path}"}, 404)
                return Response.of_json(route(body))
        except world.WorldError as error:
            return Response.of_json({"error": str(error)}, 404)
        except (ValueError, TypeError, KeyError) as error:
            return Response.of_json({"error": str(error)}, 400)
        except ApiError as error:
            return Response.of_json({"error": str(error.message)}, 409)

    def _look(self, body: dict[str, Any], *, clicks: bool) -> dict[str, Any]:
        with self._account.store.transaction():
            return {"contact_id": world.look_at(self._account, _text(body, "contact"), clicks=clicks)}

    def _clock(self) -> dict[str, Any]:
        return {"now": self._account.clock.now().astimezone(UTC).isoformat()}

    def _move_clock(self, body: dict[str, Any]) -> dict[str, Any]:
        clock = self._account.clock
        if not isinstance(clock, AdjustableClock):
            raise ApiError(409, "this clock cannot be moved")
        if "set" in body:
            wanted = datetime.fromisoformat(str(body["set"]))
            if wanted.tzinfo is None:
                raise ValueError("an instant needs a time zone")
            by = wanted - clock.now()
            if by < timedelta():
                raise ValueError("a clock does not go backwards")
        else:
            by = timedelta(seconds=float(body["advance_seconds"]))
            if by < timedelta():
                raise ValueError("a clock does not go backwards")
        clock.advance(by)
        if isinstance(clock, OffsetClock):
            self._account.store.set_note("clock_offset_seconds", clock.offset.total_seconds())
        self._account.settle()
        return self._clock()

    def _set_switches(self, body: dict[str, Any]) -> Any:
        self._account.switches.set(**body)
        return self._account.switches.table()

    def _reset_switches(self, body: dict[str, Any]) -> Any:
        self._account.switches.reset()
        return self._account.switches.table()

    def _add_fault(self, body: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(body) - _RULE_FIELDS)
        if unknown:
            raise ValueError(f"no such part of a fault: {', '.join(unknown)}")
        return {"rule_id": self._account.faults.add(FaultRule(**body))}

    def _clear_faults(self, body: dict[str, Any]) -> dict[str, Any]:
        self._account.faults.clear()
        return {"rules": []}

    def _reset_requests(self, body: dict[str, Any]) -> dict[str, Any]:
        self._log.reset()
        return {}

    def _reset(self, body: dict[str, Any]) -> dict[str, Any]:
        self._account.store.clear()
        self._account.faults.clear()
        self._account.switches.reset()
        self._log.reset()
        return {}

    def _seed(self, body: dict[str, Any]) -> dict[str, Any]:
        # Imported when asked for: seeding needs numpy, serving does not.
        from list_pipeline.sandbox.seed.seeding import SeedRequest, seed

        known = {field.name for field in dataclasses.fields(SeedRequest)}
        unknown = sorted(set(body) - known)
        if unknown:
            raise ValueError(f"no such part of a seed: {', '.join(unknown)}")
        wanted = dict(body)
        if isinstance(wanted.get("anchor"), str):
            wanted["anchor"] = datetime.fromisoformat(wanted["anchor"])
        return seed(self._account, SeedRequest(**wanted))

    def _ledger(self, body: dict[str, Any]) -> Any:
        campaign = body.get("campaign_id")
        return world.ledger(
            self._account, None if campaign is None else int(campaign), body.get("contacts", "1") != "0"
        )

    def _send(self, body: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(set(body) - _SEND_FIELDS)
        if unknown:
            raise ValueError(f"no such part of a send: {', '.join(unknown)}")
        wanted = dict(body)
        world.require_list(self._account, int(wanted["list_id"]))
        named = wanted.get("outcomes") or {}
        wanted["outcomes"] = {world.require_contact(self._account, str(key)): str(name) for key, name in named.items()}
        return {"campaign_id": send(self._account, SendRequest(**wanted), self._account.now())}

    def _sign_up(self, body: dict[str, Any]) -> dict[str, Any]:
        email, list_id = _text(body, "email"), int(body["list_id"])
        with self._account.store.transaction():
            return {"contact_id": world.sign_up(self._account, email, list_id, str(body.get("name") or ""))}

    def _unsubscribe(self, body: dict[str, Any]) -> dict[str, Any]:
        list_id = body.get("list_id")
        with self._account.store.transaction():
            changed = world.unsubscribe(
                self._account, _text(body, "contact"), None if list_id is None else int(list_id)
            )
        return {"places": changed}


def _text(body: dict[str, Any], name: str) -> str:
    """A part of the body that has to be there.

    Raises:
        ValueError: it is missing or empty.
    """
    value = str(body.get(name) or "")
    if not value:
        raise ValueError(f"{name} is missing")
    return value
