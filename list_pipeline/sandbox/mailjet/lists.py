"""The ``contactslist`` and ``listrecipient`` resources."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet import jobs
from list_pipeline.sandbox.mailjet.membership import ACTIONS, address_fault, apply_action, create_contact, find_contact
from list_pipeline.sandbox.mailjet.wire import (
    ApiError,
    Parameters,
    Query,
    as_boolean,
    as_integer,
    body_of,
    date,
    envelope,
    fetch,
    no_content,
    not_changed,
    not_found,
    read_page,
)

_LIST_SORTABLE = {
    "ID": ("l.id", True),
    "Name": ("l.name", True),
    "IsDeleted": ("l.is_deleted", True),
    "CreatedAt": ("l.created_at", True),
}


def list_address(list_id: int) -> str:
    """The nine random-looking characters of a list's address; the same for the same id."""
    return "x" + hashlib.sha256(str(list_id).encode()).hexdigest()[:8]


def handle_lists(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/contactslist``."""
    if not segments:
        if request.method == "GET":
            return _lists(account, request)
        if request.method == "POST":
            return _create_list(account, request)
        raise ApiError(405, "Method not allowed")
    key = segments[0]
    list_id = account.store.number(
        "SELECT id FROM list WHERE id = ? OR address = ?", (int(key) if key.isdigit() else -1, key)
    )
    if not list_id:
        raise not_found()
    action = segments[1].lower() if len(segments) > 1 else None
    if action == "managecontact" and request.method == "POST":
        return _manage_contact(account, request, list_id)
    if action == "managemanycontacts":
        return jobs.handle_many(account, request, segments[2:], list_id=list_id)
    if action is not None:
        raise not_found()
    if request.method == "GET":
        return envelope(_list_rows(account, [list_id]))
    if request.method == "PUT":
        return _change_list(account, request, list_id)
    if request.method == "DELETE":
        account.store.execute("UPDATE list SET is_deleted = 1 WHERE id = ?", (list_id,))
        return no_content()
    raise ApiError(405, "Method not allowed")


def subscriber_count(account: Account, list_id: int) -> int:
    """Everybody on the list, unsubscribed and excluded contacts included; a switch lets it lag behind."""
    lag = account.switches.number("contact_list_counts_lag_seconds")
    now = account.store.number("SELECT count(*) FROM member WHERE list_id = ?", (list_id,))
    if not lag:
        return now
    # Only entries can be seen as too recent; who left is gone at once.
    since = account.now() - int(lag)
    recent = account.store.number(
        "SELECT count(*) FROM member WHERE list_id = ? AND subscribed_at > ?", (list_id, since)
    )
    return now - recent


def _list_rows(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    def form(row: sqlite3.Row) -> dict[str, Any]:
        return {
            "Address": row["address"],
            "CreatedAt": date(row["created_at"]),
            "ID": row["id"],
            "IsDeleted": bool(row["is_deleted"]),
            "Name": row["name"],
            "SubscriberCount": subscriber_count(account, row["id"]),
        }

    return fetch(account.store, "SELECT * FROM list WHERE id IN", ids, form)


def _lists(account: Account, request: Request) -> Response:
    parameters = Parameters(request, account.switches)
    deleted = parameters.boolean("IsDeleted")
    name, address = parameters.text("Name"), parameters.text("Address")
    exclude = parameters.integer("ExcludeID")
    page = read_page(parameters, _LIST_SORTABLE)
    parameters.finish()
    query = Query("list l", "l.id")
    query.where("l.is_deleted = ?", int(bool(deleted)))
    if name is not None:
        query.where("l.name = ?", name)
    if address is not None:
        query.where("l.address = ?", address)
    if exclude is not None:
        query.where("l.id <> ?", exclude)
    return query.answer(account.store, page, lambda ids: _list_rows(account, ids))


def _list_body(request: Request) -> dict[str, Any]:
    properties = ("Name", "IsDeleted", "ID", "Address", "CreatedAt", "SubscriberCount")
    body = body_of(request, "ContactsList", properties)
    if "Name" in body and not str(body["Name"] or ""):
        info = "MJ08 Property Name is invalid: MJ04 Value must have at least length 1"
        raise ApiError(400, "Object properties invalid", info)
    return body


def _create_list(account: Account, request: Request) -> Response:
    body = _list_body(request)
    list_id = account.store.next_number("list")
    account.store.execute(
        "INSERT INTO list (id, address, name, created_at) VALUES (?, ?, ?, ?)",
        (list_id, list_address(list_id), str(body.get("Name", "")), account.now()),
    )
    return envelope(_list_rows(account, [list_id]), 201)


def _change_list(account: Account, request: Request, list_id: int) -> Response:
    body = _list_body(request)
    before = _list_rows(account, [list_id])[0]
    if "Address" in body and body["Address"] != before["Address"]:
        # Reported with this status by users, odd as it is (mailjet php-simple#107).
        raise ApiError(401, "List address is automatically generated and can't be changed")
    for name in ("ID", "CreatedAt", "SubscriberCount"):
        if name in body and str(body[name]) != str(before[name]):
            raise ApiError(400, f'MJ19 Setting a value for property "{name}" is not allowed')
    name = str(body.get("Name", before["Name"]))
    deleted = as_boolean(body.get("IsDeleted", before["IsDeleted"]), "IsDeleted")
    if name == before["Name"] and deleted == before["IsDeleted"]:
        return not_changed()
    account.store.execute("UPDATE list SET name = ?, is_deleted = ? WHERE id = ?", (name, int(deleted), list_id))
    return envelope(_list_rows(account, [list_id]))


def _manage_contact(account: Account, request: Request, list_id: int) -> Response:
    body = body_of(request, "ContactslistManageContact", ("Email", "Name", "Action", "Properties"))
    email, action = str(body.get("Email") or "").strip(), str(body.get("Action") or "").lower()
    fault = address_fault(email)
    if fault is not None:
        raise ApiError(400, f'Invalid email address "{email}", reason: "{fault}"')
    if action not in ACTIONS:
        raise ApiError(400, f'Invalid action "{action}"')
    contact_id = find_contact(account, email)
    if contact_id is None:
        contact_id = create_contact(account, email, account.now(), str(body.get("Name") or ""))
    apply_action(account, action, contact_id, list_id, account.now())
    echo = {
        "ContactID": contact_id,
        "Email": email,
        "Action": action,
        "Name": str(body.get("Name") or ""),
        "Properties": body.get("Properties") or {},
    }
    return envelope([echo], 201)


def handle_recipients(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/listrecipient``."""
    if not segments:
        if request.method == "GET":
            return _recipients(account, request)
        if request.method == "POST":
            return _create_recipient(account, request)
        raise ApiError(405, "Method not allowed")
    row = None
    if len(segments) == 1 and segments[0].isdigit():
        row = account.store.row("SELECT * FROM member WHERE id = ?", (int(segments[0]),))
    if row is None:
        raise not_found()
    if request.method == "GET":
        return envelope(_recipient_rows(account, [row["id"]]))
    if request.method == "PUT":
        body = body_of(request, "ListRecipient", _RECIPIENT_PROPERTIES)
        wanted = as_boolean(body.get("IsUnsubscribed", bool(row["unsubscribed"])), "IsUnsubscribed")
        if wanted == bool(row["unsubscribed"]):
            return not_changed()
        account.store.execute(
            "UPDATE member SET unsubscribed = ?, unsubscribed_at = ? WHERE id = ?",
            (int(wanted), account.now() if wanted else 0, row["id"]),
        )
        return envelope(_recipient_rows(account, [row["id"]]))
    if request.method == "DELETE":
        apply_action(account, "remove", row["contact_id"], row["list_id"], account.now())
        return no_content()
    raise ApiError(405, "Method not allowed")


_RECIPIENT_PROPERTIES = (
    "ContactID",
    "ContactAlt",
    "ListID",
    "ListAlt",
    "ListName",
    "IsUnsubscribed",
    "IsActive",
    "ID",
    "SubscribedAt",
    "UnsubscribedAt",
)


def _recipient_rows(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    def form(row: sqlite3.Row) -> dict[str, Any]:
        return {
            "ContactID": row["contact_id"],
            "ID": row["id"],
            "IsActive": True,
            "IsUnsubscribed": bool(row["unsubscribed"]),
            "ListID": row["list_id"],
            "ListName": row["name"],
            "SubscribedAt": date(row["subscribed_at"]),
            "UnsubscribedAt": date(row["unsubscribed_at"]),
        }

    sql = "SELECT m.*, l.name FROM member m JOIN list l ON l.id = m.list_id WHERE m.id IN"
    return fetch(account.store, sql, ids, form)


def _recipients(account: Account, request: Request) -> Response:
    parameters = Parameters(request, account.switches)
    contact_id, list_id = parameters.integer("Contact"), parameters.integer("ContactsList")
    email, list_name = parameters.text("ContactEmail"), parameters.text("ListName")
    unsubscribed, excluded = parameters.boolean("Unsub"), parameters.boolean("IsExcludedFromCampaigns")
    active, without_deleted = parameters.boolean("Active"), parameters.boolean("IgnoreDeleted")
    page = read_page(parameters, {"ID": ("m.id", False)})
    parameters.finish(not_modelled=("Blocked", "LastActivityAt", "Opened", "Status"))
    query = Query("member m", "m.id")
    if excluded is not None:
        query.source += " CROSS JOIN contact c ON c.id = m.contact_id"
        query.where("c.excluded = ?", int(excluded))
    if list_name is not None or without_deleted:
        query.source += " JOIN list l ON l.id = m.list_id"
    if contact_id is not None:
        query.where("m.contact_id = ?", contact_id)
    if email is not None:
        query.where("m.contact_id = (SELECT id FROM contact WHERE email = ? COLLATE NOCASE)", email)
    if list_id is not None:
        query.where("m.list_id = ?", list_id)
    if list_name is not None:
        query.where("l.name = ?", list_name)
    if without_deleted:
        query.where("l.is_deleted = 0")
    if unsubscribed is not None:
        # A literal, so that the partial index on the unsubscribed can be used.
        query.where("m.unsubscribed = 1" if unsubscribed else "m.unsubscribed = 0")
    if active is False:
        query.where("0")  # every place is active: no recording shows another one
    return query.answer(account.store, page, lambda ids: _recipient_rows(account, ids))


def _create_recipient(account: Account, request: Request) -> Response:
    body = body_of(request, "ListRecipient", _RECIPIENT_PROPERTIES)
    if body.get("ContactAlt"):
        contact_key = str(body["ContactAlt"])
        contact_id = find_contact(account, contact_key)
    else:
        contact_key = str(body.get("ContactID", ""))
        contact_id = find_contact(account, contact_key) if contact_key.isdigit() else None
    if contact_id is None:
        message = f'Property "Contact", alternate key value "{contact_key}" could not be resolved to an ID'
        raise ApiError(400, message)
    if body.get("ListAlt"):
        list_id = account.store.number(
            "SELECT id FROM list WHERE address = ? AND is_deleted = 0", (str(body["ListAlt"]),)
        )
    else:
        wanted = as_integer(body.get("ListID", ""), "ListID")
        list_id = account.store.number("SELECT id FROM list WHERE id = ? AND is_deleted = 0", (wanted,))
    if not list_id:
        raise ApiError(400, 'Property "List" could not be resolved to an ID')
    place = "SELECT id FROM member WHERE list_id = ? AND contact_id = ?"
    if account.store.number(place, (list_id, contact_id)):
        key = f"{contact_id}|{list_id}"
        raise ApiError(400, f'MJ18 A ListRecipient resource with value "{key}" for ContactID|ListID already exists.')
    apply_action(account, "addnoforce", contact_id, list_id, account.now())
    if as_boolean(body.get("IsUnsubscribed", False), "IsUnsubscribed"):
        apply_action(account, "unsub", contact_id, list_id, account.now())
    return envelope(_recipient_rows(account, [account.store.number(place, (list_id, contact_id))]), 201)
