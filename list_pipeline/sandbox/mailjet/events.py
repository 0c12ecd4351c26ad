"""The rehearsed Event API: URLs that are registered (``eventcallbackurl``), and what is posted to them.

Events follow from messages, as the guide and real ones have them: version 1 posts one object, version 2 an array; anything but
200 is tried again after 30 seconds, for 24 hours from the first failure on. They are posted when the control API says so, so
that a rehearsal knows what was told when.

Belongs here: registration, payloads, order and repetition. Does not belong here: what a message becomes (``sending``,
``world``).
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import httpx

from list_pipeline.sandbox.account import API_KEY_ID, Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet.states import STATES, Status, smtp_comment
from list_pipeline.sandbox.mailjet.wire import ApiError, body_of, envelope, no_content, not_found

KINDS = ("click", "bounce", "spam", "blocked", "unsub", "open", "sent")
"""EventType by its number, from 1 on (node SDK types)."""
RETRY_AFTER_SECONDS = 30
GIVEN_UP_AFTER_SECONDS = 24 * 3600
_AT_ONCE = 100
_PROPERTIES = ("EventType", "Url", "Version", "IsBackup", "Status")
_AGENTS = {
    "people": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36",
    "prefetch": "Mozilla/5.0",
    "scanners": "Barracuda Sentinel (EE)",
}
_KINDS_OF: Mapping[Status, tuple[str, ...]] = {
    Status.SENT: ("sent",),
    Status.OPENED: ("sent", "open"),
    Status.CLICKED: ("sent", "open", "click"),
    Status.UNSUB: ("sent", "unsub"),
    Status.SPAM: ("sent", "spam"),
    Status.HARD: ("bounce",),
    Status.SOFT: ("bounce",),
    Status.BOUNCE: ("bounce",),
    Status.BLOCKED: ("blocked",),
}


@cache
def _tls_context() -> ssl.SSLContext:
    return ssl.create_default_context()


def handle(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/eventcallbackurl``."""
    registered: list[dict[str, Any]] = account.store.note("callbacks", [])
    if not segments:
        if request.method == "GET":
            return envelope([_form(account, one) for one in registered])
        if request.method == "POST":
            return envelope(
                [_form(account, _register(account, registered, body_of(request, "eventcallbackurl", _PROPERTIES)))], 201
            )
        raise ApiError(405, "Method not allowed")
    found = next((one for one in registered if str(one["id"]) == segments[0]), None)
    if found is None:
        raise not_found()
    if request.method == "GET":
        return envelope([_form(account, found)])
    if request.method == "DELETE":
        account.store.set_note("callbacks", [one for one in registered if one is not found])
        return no_content()
    raise ApiError(405, "Method not allowed")


def _register(account: Account, registered: list[dict[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    kind, url, version = given.get("EventType", "open"), given.get("Url"), given.get("Version", 1)
    if kind not in KINDS or not isinstance(url, str) or not url.startswith(("http://", "https://")):
        raise ApiError(400, "Invalid EventType or Url")
    if version not in (1, 2):
        raise ApiError(400, "Invalid Version")
    is_backup = bool(given.get("IsBackup", False))
    if any((one["kind"], one["is_backup"]) == (kind, is_backup) for one in registered):
        raise ApiError(400, "An event callback URL of this type exists already")
    made = {
        "id": account.store.next_number("callback"),
        "kind": kind,
        "url": url,
        "version": version,
        "is_backup": is_backup,
        "since": account.now(),
        "next_try_at": 0,
        "failing_since": 0,
        "told_until": 0,
    }
    account.store.set_note("callbacks", [*registered, made])
    return made


def _form(account: Account, one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "APIKeyID": API_KEY_ID,
        "EventType": one["kind"],
        "ID": one["id"],
        "IsBackup": one["is_backup"],
        "Status": "dead" if account.switches.flag("event_urls_given_up") else "alive",
        "Url": one["url"],
        "Version": one["version"],
    }


def deliver(account: Account) -> dict[str, Any]:
    """Post what is due to every registered URL, and say how that went.

    Requests are made without the account's lock: whoever receives them may ask the sandbox for the time.
    """
    told: dict[str, Any] = {"requests": 0, "events": 0, "statuses": {}}
    with account.store.lock:
        callbacks = [one for one in account.store.note("callbacks", []) if not one["is_backup"]]
    with httpx.Client(trust_env=False, verify=_tls_context(), timeout=30.0) as http:
        for callback in callbacks:
            with account.store.lock:
                due = _due(account, callback)
            for body, marks in _requests(account, callback, due):
                told["requests"] += 1
                told["events"] += len(marks)
                status = _post(http, callback["url"], body)
                told["statuses"][str(status)] = told["statuses"].get(str(status), 0) + 1
                with account.store.lock, account.store.transaction():
                    _note(account, callback, marks, is_taken=status == 200)
                if status != 200:
                    break
    return told


def _post(http: httpx.Client, url: str, body: str) -> int:
    """The status of one answer; 0: there was none."""
    try:
        return http.post(url, content=body, headers={"Content-Type": "application/json"}).status_code
    except httpx.HTTPError:
        return 0


def _note(account: Account, callback: dict[str, Any], marks: Sequence[tuple[int, str]], *, is_taken: bool) -> None:
    now = account.now()
    if is_taken:
        account.store.insert_many("INSERT OR IGNORE INTO event_told (message_id, kind) VALUES (?, ?)", list(marks))
        callback |= {"failing_since": 0, "next_try_at": 0}
    else:
        callback |= {"failing_since": callback["failing_since"] or now, "next_try_at": now + RETRY_AFTER_SECONDS}
    others = [one for one in account.store.note("callbacks", []) if one["id"] != callback["id"]]
    account.store.set_note("callbacks", sorted([*others, callback], key=lambda one: one["id"]))


def _due(account: Account, callback: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What is to be told of a kind, in the order in which it happened."""
    now, kind = account.now(), callback["kind"]
    if now < callback["next_try_at"]:
        return []
    until = now - account.switches.number("event_delay_seconds")
    statuses = [int(status) for status, kinds in _KINDS_OF.items() if kind in kinds]
    moment = "m.arrived_at" if kind == "sent" else "m.event_at"
    rows = account.store.rows(
        "SELECT m.*, c.email, b.permanent, b.blocked, b.state_id AS shown_state, g.list_id, g.custom_value,"
        f" {moment} AS happened_at FROM message m JOIN contact c ON c.id = m.contact_id"
        " JOIN campaign g ON g.id = m.campaign_id"
        " LEFT JOIN bounce b ON b.id = m.id AND b.contact_id = m.contact_id"
        f" WHERE m.status IN ({', '.join(map(str, statuses))}) AND {moment} >= ? AND {moment} <= ?"
        " AND c.anonymised_at = 0"
        " AND NOT EXISTS (SELECT 1 FROM event_told t WHERE t.message_id = m.id AND t.kind = ?)"
        " ORDER BY happened_at, m.id",
        (callback["since"], until, kind),
    )
    since = callback["failing_since"]
    if since and now - since > GIVEN_UP_AFTER_SECONDS and not any(row["happened_at"] > since for row in rows):
        return []
    return [dict(row) for row in rows]


def _requests(
    account: Account, callback: Mapping[str, Any], due: Sequence[dict[str, Any]]
) -> list[tuple[str, list[tuple[int, str]]]]:
    """Bodies in the order in which they are posted, each with what it tells of."""
    switches, kind = account.switches, callback["kind"]
    lost, broken = switches.count("event_lost_every"), switches.count("event_broken_every")
    rows = list(due)
    if switches.word("event_order") == "reversed":
        rows.reverse()
    size = _AT_ONCE if callback["version"] == 2 else 1
    groups = [rows[n : n + size] for n in range(0, len(rows), size)]
    found: list[tuple[str, list[tuple[int, str]]]] = []
    place = 0
    for group in groups:
        elements: list[Any] = []
        for row in group:
            place += 1
            if lost and place % lost == 0:
                continue
            elements.append(None if broken and place % broken == 0 else _payload(account, kind, row))
        marks = [(int(row["id"]), kind) for row in group]
        if not elements:
            # Lost on the way: Mailjet takes them for told.
            with account.store.lock, account.store.transaction():
                account.store.insert_many("INSERT OR IGNORE INTO event_told (message_id, kind) VALUES (?, ?)", marks)
            continue
        body = json.dumps(elements if callback["version"] == 2 else elements[0])
        found += [(body, marks)] * (2 if switches.flag("event_duplicates") else 1)
    return found


def _payload(account: Account, kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """One event as Mailjet writes it; ``bare`` as some real ones are."""
    is_bare = account.switches.word("event_fields") == "bare"
    related_to, error = STATES.get(row["shown_state"] or row["state_id"] or 0, ("", ""))
    event: dict[str, Any] = {
        "event": kind,
        "time": int(row["happened_at"]),
        "MessageID": int(row["id"]),
        "email": row["email"],
        "mj_campaign_id": int(row["campaign_id"]),
        "mj_contact_id": 0 if is_bare else int(row["contact_id"]),
        "customcampaign": row["custom_value"],
    }
    if not is_bare:
        event |= {
            "Message_GUID": f"00000000-0000-4000-8000-{int(row['id']) % 10**12:012d}",
            "CustomID": "",
            "Payload": "",
        }
    if kind in ("bounce", "blocked"):
        event |= {"error_related_to": related_to, "error": error}
    if kind == "bounce":
        is_hard = row["status"] == Status.HARD
        event |= {"blocked": "" if is_bare else bool(row["blocked"]), "hard_bounce": is_hard}
        if not is_bare:
            event["comment"] = smtp_comment(row["shown_state"] or row["state_id"], row["email"])
    if kind in ("open", "click"):
        event |= {"ip": "192.0.2.1", "geo": "", "agent": _AGENTS[account.switches.word("event_agents")]}
    if kind == "click":
        event["url"] = "https://sender.example/offer"
    if kind == "unsub":
        event |= {"mj_list_id": 0 if is_bare else int(row["list_id"]), "ip": "192.0.2.1", "geo": "", "agent": ""}
    if kind == "spam":
        event["source"] = "JMRPP"
    if kind == "sent":
        event["smtp_reply"] = "250 2.0.0 OK"
    return event
