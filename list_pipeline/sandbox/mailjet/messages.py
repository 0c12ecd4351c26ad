"""The fate of every message: ``message``, ``messagehistory``, ``bouncestatistics`` and ``messagestate``.

Belongs here: Mailjet's two bounce sources with their defaults and disagreements. Does not belong here: totals
(``counters``) and how a message came to its end (``sending``).
"""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet.states import DELIVERED, STATES, STATUS_NAMES, Status, smtp_comment
from list_pipeline.sandbox.mailjet.wire import (
    DAY,
    ApiError,
    Parameters,
    Query,
    date,
    envelope,
    fetch,
    not_found,
    read_page,
)

_PERIODS = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}


def current_status(moment: float) -> str:
    """SQL for a message's status as it is known at a moment: before its event it is still what it was early."""
    return f"(CASE WHEN m.event_at <= {int(moment)} THEN m.status ELSE m.early END)"


def _named(shown: dict[str, Any], row: sqlite3.Row, treatment: str) -> dict[str, Any]:
    """A row of a log that names its contact, or what stands for one who was erased."""
    if not row["anonymised_at"] or treatment == "kept":
        return shown
    if treatment == "absent":
        return {name: value for name, value in shown.items() if name != "ContactID"}
    return shown | {"ContactID": 0 if treatment == "zero" else -1}


def handle_messages(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/message``."""
    if request.method != "GET":
        raise ApiError(405, "Method not allowed")
    parameters = Parameters(request, account.switches)
    show_contact = bool(parameters.boolean("ShowContactAlt"))
    show_custom, show_subject = bool(parameters.boolean("ShowCustomID")), bool(parameters.boolean("ShowSubject"))
    seen_until = account.moment() - account.switches.number("bounce_lag_seconds")
    known, erased = current_status(seen_until), account.switches.word("erased_in_logs")

    def form(row: sqlite3.Row) -> dict[str, Any]:
        status = row["seen_status"]
        shown: dict[str, Any] = {
            "ArrivedAt": date(row["arrived_at"]),
            "AttachmentCount": 0,
            "AttemptCount": 0,
            "CampaignID": row["campaign_id"],
            "ContactAlt": (row["email"] or "") if show_contact else "",
            "ContactID": row["contact_id"],
            "Delay": 0,
            "DestinationID": 124_879,
            "FilterTime": 0,
            "ID": row["id"],
            "IsClickTracked": True,
            "IsHTMLPartIncluded": True,
            "IsOpenTracked": True,
            "IsTextPartIncluded": True,
            "IsUnsubTracked": False,
            "MessageSize": 18_953,
            "SenderID": 46_935,
            "SpamassassinScore": 0,
            "SpamassRules": "",
            "StatePermanent": False,
            "Status": STATUS_NAMES[status],
            "Subject": row["subject"] if show_subject else "",
            "UUID": str(uuid.UUID(int=row["id"] * 0x9E3779B97F4A7C15 % 2**128, version=4)),
        }
        if show_custom:
            shown["CustomID"] = ""
        if row["state_id"] is not None and status not in DELIVERED and row["event_at"] <= seen_until:
            shown["StateID"] = row["state_id"]
        return _named(shown, row, erased)

    def rows_of(ids: list[int]) -> list[dict[str, Any]]:
        sql = (
            f"SELECT m.*, {known} AS seen_status, c.email, c.anonymised_at, k.subject FROM message m"
            " LEFT JOIN contact c ON c.id = m.contact_id JOIN campaign k ON k.id = m.campaign_id WHERE m.id IN"
        )
        return fetch(account.store, sql, ids, form)

    if segments:
        rows = rows_of([int(segments[0])]) if len(segments) == 1 and segments[0].isdigit() else []
        if not rows:
            raise not_found()
        return envelope(rows)
    query = Query("message m", "m.id")
    query.where("m.arrived_at <= ?", account.now())
    campaign_id, contact_id = parameters.integer("CampaignID", "Campaign"), parameters.integer("ContactID", "Contact")
    since, until = parameters.instant("FromTS"), parameters.instant("ToTS")
    statuses, state_id = parameters.text("MessageStatus"), parameters.integer("MessageState")
    from_type, email = parameters.integer("FromType"), parameters.text("ContactAlt")
    page = read_page(parameters, {"ID": ("m.id", True), "ArrivedAt": ("m.arrived_at", True)})
    parameters.finish(
        not_modelled=(
            "BounceReason",
            "CustomID",
            "Destination",
            "From",
            "FromDomain",
            "FromID",
            "PlanSubscription",
            "Sender",
            "SenderID",
        )
    )
    if campaign_id is not None:
        query.where("m.campaign_id = ?", campaign_id)
    if contact_id is not None:
        query.where("m.contact_id = ?", contact_id)
    if email is not None:
        query.where("m.contact_id = (SELECT id FROM contact WHERE email = ? COLLATE NOCASE)", email)
    if statuses is not None:
        wanted = _statuses(statuses, parameters)
        marks = ",".join("?" * len(wanted))
        query.where(f"{known} IN ({marks})", *wanted)
        if not {Status.SENT, Status.DEFERRED} & set(wanted):
            # What a message is early is one of those two: for the others its end decides, and the index is used.
            query.where(f"m.status IN ({marks})", *wanted)
    if state_id is not None:
        query.where("m.state_id = ?", state_id)
        query.where("m.event_at <= ?", seen_until)
    if from_type is not None and from_type != 2:
        query.where("0")  # every message here is marketing
    lifted = campaign_id is not None and account.switches.flag("campaign_id_lifts_today")
    if since is None and until is None and not lifted:
        since = account.now() // DAY * DAY - 1
    if since is not None:
        query.where("m.arrived_at > ?", since)
    if until is not None:
        query.where("m.arrived_at <= ?", until)
    return query.answer(account.store, page, rows_of)


def _statuses(value: str, parameters: Parameters) -> list[int]:
    """The numbers of a MessageStatus filter; names are not understood (php-simple#101)."""
    parts = value.split(",")
    if len(parts) > 1 and parameters.switches.word("comma_lists") == "refused":
        raise ApiError(400, f'Invalid value for filter "MessageStatus": "{value}"')
    if not all(part.strip().isdigit() for part in parts):
        raise ApiError(400, f'Invalid value for filter "MessageStatus": "{value}"')
    return [int(part) for part in parts]


def handle_history(account: Account, request: Request, segments: list[str]) -> Response:
    """``messagehistory/{message id}``: an unknown id has no rows (recorded)."""
    if request.method != "GET" or len(segments) != 1 or not segments[0].isdigit():
        raise not_found()
    row = account.store.row(
        "SELECT m.*, c.email FROM message m LEFT JOIN contact c ON c.id = m.contact_id WHERE m.id = ?",
        (int(segments[0]),),
    )
    if row is None or row["arrived_at"] > account.now():
        return envelope([])

    def event(kind: str, at: int, comment: str = "", state: str = "") -> dict[str, Any]:
        return {
            "Comment": comment,
            "EventAt": at,
            "EventType": kind,
            "State": state,
            "Useragent": "",
            "UseragentID": 1675 if kind in ("opened", "clicked", "unsub") else 0,
        }

    status, happened = row["status"], row["event_at"] <= account.now()
    events = []
    if status in DELIVERED:
        events.append(event("sent", row["arrived_at"]))
    if happened and status in (Status.OPENED, Status.CLICKED, Status.UNSUB):
        events.append(event("opened", row["event_at"]))
    if happened and status in (Status.CLICKED, Status.UNSUB, Status.SPAM):
        events.append(event(STATUS_NAMES[status], row["event_at"] + 30))
    if happened and status in (Status.SOFT, Status.HARD, Status.BOUNCE, Status.BLOCKED):
        kind = "blocked" if status == Status.BLOCKED else "bounced"
        comment = smtp_comment(row["state_id"], row["email"] or "")
        events.append(event(kind, row["event_at"], comment, STATES.get(row["state_id"], ("", ""))[1]))
    return envelope(events)


_MESSAGE = """coalesce((SELECT min(m.id) FROM message m
    WHERE m.contact_id = b.contact_id AND m.campaign_id = b.campaign_id), b.id)"""
"""The message of a row of the bounce log."""


def handle_bounces(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/bouncestatistics``."""
    if request.method != "GET":
        raise ApiError(405, "Method not allowed")
    by_message = account.switches.word("bounce_ids") == "message"
    erased = account.switches.word("erased_in_logs")

    def form(row: sqlite3.Row) -> dict[str, Any]:
        shown = {
            "BouncedAt": date(row["bounced_at"]),
            "CampaignID": row["campaign_id"],
            "ContactID": row["contact_id"],
            "ID": row["message_id"] if by_message else row["id"],
            "IsBlocked": bool(row["blocked"]),
            "IsStatePermanent": bool(row["permanent"]),
        }
        if row["state_id"] is not None:
            shown["StateID"] = row["state_id"]
        return _named(shown, row, erased)

    def rows_of(ids: list[int]) -> list[dict[str, Any]]:
        sql = (
            f"SELECT b.*, {_MESSAGE} AS message_id, c.anonymised_at FROM bounce b"
            " LEFT JOIN contact c ON c.id = b.contact_id WHERE b.id IN"
        )
        return fetch(account.store, sql, ids, form)

    if segments:
        rows = rows_of([int(segments[0])]) if len(segments) == 1 and segments[0].isdigit() else []
        if not rows:
            raise not_found()
        return envelope(rows)
    parameters = Parameters(request, account.switches)
    query = Query("bounce b", "b.id")
    lag = max(account.switches.number(name) for name in ("bounce_lag_seconds", "bounce_log_lag_seconds"))
    query.where("b.bounced_at <= ?", int(account.moment() - lag))
    if not account.switches.flag("preblocked_in_bounces"):
        query.where("b.own_block = 0")
    campaign_id = parameters.integer("CampaignID")
    list_id, custom = parameters.integer("ContactsListID", "ContactsList"), parameters.text("CustomCampaign")
    event_since, event_until = parameters.instant("EventFromTs"), parameters.instant("EventToTs")
    since, until = parameters.instant("FromTS"), parameters.instant("ToTS")
    period, from_type = parameters.text("Period"), parameters.integer("FromType")
    page = read_page(parameters, {"ID": (f"{_MESSAGE}, b.bounced_at, b.id" if by_message else "b.id", False)})
    parameters.finish(
        not_modelled=(
            "CampaignStatus",
            "From",
            "FromDomain",
            "FromID",
            "IsDeleted",
            "IsNewsletterTool",
            "IsStarred",
            "MessageStatus",
        )
    )
    if campaign_id is not None:
        query.where("b.campaign_id = ?", campaign_id)
    if list_id is not None or custom is not None or since is not None or until is not None:
        query.source += " JOIN campaign k ON k.id = b.campaign_id"
    if list_id is not None:
        query.where("k.list_id = ?", list_id)
    if custom is not None:
        query.where("k.custom_value = ?", custom)
    # FromTS and ToTS are about the send, EventFromTs and EventToTs about the bounce.
    if since is not None:
        query.where("k.send_start_at > ?", since)
    if until is not None:
        query.where("k.send_start_at <= ?", until)
    if event_since is not None:
        query.where("b.bounced_at > ?", event_since)
    if event_until is not None:
        query.where("b.bounced_at <= ?", event_until)
    if from_type is not None and from_type != 2:
        query.where("0")
    if period is not None:
        if period.lower() not in _PERIODS:
            raise ApiError(400, f'Invalid value for filter "Period": "{period}"')
        query.where("b.bounced_at > ?", account.now() - _PERIODS[period.lower()])
    lifted = campaign_id is not None and account.switches.flag("campaign_id_lifts_today")
    if not lifted and all(given is None for given in (event_since, event_until, since, until, period)):
        query.where("b.bounced_at >= ?", account.now() // DAY * DAY)
    return query.answer(account.store, page, rows_of)


def handle_states(account: Account, request: Request, segments: list[str]) -> Response:
    """``messagestate``: the table of StateIDs."""
    if request.method != "GET":
        raise ApiError(405, "Method not allowed")
    rows = [{"ID": number, "RelatedTo": related, "State": state} for number, (related, state) in STATES.items()]
    if segments:
        rows = [row for row in rows if str(row["ID"]) == segments[0]]
        if not rows:
            raise not_found()
        return envelope(rows)
    parameters = Parameters(request, account.switches)
    page = read_page(parameters, {"ID": ("id", False)})
    parameters.finish()
    if page.count_only:
        return Response.of_json({"Count": len(rows), "Data": [], "Total": len(rows)})
    return envelope(rows[page.offset : page.offset + page.limit])
