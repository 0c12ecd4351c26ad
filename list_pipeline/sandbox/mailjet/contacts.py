"""The ``contact`` resource, its two synchronous actions, and the GDPR deletion of the v4 API."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet import jobs
from list_pipeline.sandbox.mailjet.membership import (
    address_fault,
    apply_action,
    create_contact,
    find_contact,
    read_actions,
    set_excluded,
)
from list_pipeline.sandbox.mailjet.wire import (
    ApiError,
    Parameters,
    Query,
    as_boolean,
    body_of,
    date,
    envelope,
    fetch,
    instant,
    not_changed,
    not_found,
    read_page,
)

_SORTABLE = {
    "ID": ("c.id", False),
    "Email": ("c.email", True),
    "DeliveredCount": ("c.delivered", True),
    "CreatedAt": ("c.created_at", True),
}
_DATES = {
    "CreatedAt": "created_at",
    "LastActivityAt": "active_at",
    "LastUpdateAt": "updated_at",
    "ExclusionFromCampaignsUpdatedAt": "excluded_at",
}
_PROPERTIES = (
    "ID",
    "Email",
    "Name",
    "IsExcludedFromCampaigns",
    "IsOptInPending",
    "IsSpamComplaining",
    "DeliveredCount",
    "UnsubscribedAt",
    "UnsubscribedBy",
    *_DATES,
)


def handle(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/contact``."""
    if segments and segments[0].lower() == "managemanycontacts":
        return jobs.handle_many(account, request, segments[1:], list_id=None)
    if not segments:
        if request.method == "GET":
            return _collection(account, request)
        if request.method == "POST":
            return _create(account, request)
        raise ApiError(405, "Method not allowed")
    action = segments[1].lower() if len(segments) > 1 else None
    if request.method == "PUT" and action is None:
        fault = None if segments[0].isdigit() else address_fault(segments[0])
        if fault is not None:
            raise ApiError(400, f'Invalid email address "{segments[0]}", reason: "{fault}"')
    contact_id = find_contact(account, segments[0])
    if contact_id is None:
        raise not_found()
    if action == "getcontactslists" and request.method == "GET":
        return _places(account, request, contact_id)
    if action == "managecontactslists" and request.method == "POST":
        return _manage(account, request, contact_id)
    if action is not None:
        raise not_found()
    if request.method == "GET":
        return envelope(rows_of(account, [contact_id]))
    if request.method == "PUT":
        return _change(account, request, contact_id)
    if request.method == "DELETE":
        # The official client's live test meets a 401 here; the wording is that client's.
        raise ApiError(401, "Operation not allowed")
    raise ApiError(405, "Method not allowed")


def form(row: sqlite3.Row) -> dict[str, Any]:
    """A contact as Mailjet shows it. The Unsubscribed properties are deprecated and always empty."""
    return {
        "CreatedAt": date(row["created_at"]),
        "DeliveredCount": row["delivered"],
        "Email": row["email"],
        "ExclusionFromCampaignsUpdatedAt": date(row["excluded_at"]),
        "ID": row["id"],
        "IsExcludedFromCampaigns": bool(row["excluded"]),
        "IsOptInPending": False,
        "IsSpamComplaining": bool(row["complaining"]),
        "LastActivityAt": date(row["active_at"]),
        "LastUpdateAt": date(row["updated_at"]),
        "Name": row["name"],
        "UnsubscribedAt": "",
        "UnsubscribedBy": "",
    }


def rows_of(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    """Contacts by id, in that order."""
    return fetch(account.store, "SELECT * FROM contact WHERE id IN", ids, form)


def _collection(account: Account, request: Request) -> Response:
    parameters = Parameters(request, account.switches)
    list_id = parameters.integer("ContactsList")
    campaign_id = parameters.integer("Campaign")
    excluded = parameters.boolean("IsExcludedFromCampaigns")
    active_at = parameters.instant("LastActivityAt")
    email = parameters.text("Email", "EmailCI")
    page = read_page(parameters, _SORTABLE)
    # IsUnsubscribed is accepted and has no effect, as users report (mailjet php#54).
    parameters.finish(
        ignored=("IsUnsubscribed",),
        not_modelled=("Status", "EmailLike", "EmailLikeCI", "EmailLLike", "EmailRLike", "IncludeAnonymized"),
    )
    query = Query("contact c", "c.id")
    if list_id is not None:
        # Only the place table is walked, so that a deep page costs index steps and no contact rows.
        query = Query("member m CROSS JOIN contact c ON c.id = m.contact_id", "m.contact_id")
        query.where("m.list_id = ?", list_id)
        page_order = page.order.replace("c.id", "m.contact_id")
        page = type(page)(page.limit, page.offset, page_order, page.count_only, page.count_records)
        unfiltered = all(given is None for given in (excluded, active_at, email, campaign_id))
        if unfiltered and page.order.startswith("m."):
            query.source = "member m"
    if campaign_id is not None:
        query.where("c.id IN (SELECT contact_id FROM message WHERE campaign_id = ?)", campaign_id)
    if excluded is not None:
        query.where("c.excluded = ?", int(excluded))
    if active_at is not None:
        query.where("c.active_at >= ?", active_at)
    if email is not None:
        query.where("c.email = ? COLLATE NOCASE", email)
    return query.answer(account.store, page, lambda ids: rows_of(account, ids))


def _create(account: Account, request: Request) -> Response:
    body = body_of(request, "Contact", _PROPERTIES)
    email = str(body.get("Email") or "").strip()
    if not email:
        raise ApiError(
            400, "Object properties invalid", "MJ08 Property Email is invalid: MJ03 A non-empty value is required"
        )
    fault = address_fault(email)
    if fault is not None:
        raise ApiError(400, f'Internal error: Invalid email address "{email}", reason: "{fault}"')
    if find_contact(account, email) is not None:
        raise ApiError(400, f'MJ18 A Contact resource with value "{email}" for Email already exists.')
    flag = body.get("IsExcludedFromCampaigns")
    excluded = None if flag is None else as_boolean(flag, "IsExcludedFromCampaigns")
    contact_id = create_contact(account, email, account.now(), str(body.get("Name") or ""), excluded)
    return envelope(rows_of(account, [contact_id]), 201)


def _change(account: Account, request: Request, contact_id: int) -> Response:
    body = body_of(request, "Contact", _PROPERTIES)
    before = rows_of(account, [contact_id])[0]
    for name, value in body.items():
        if name in ("Name", "IsExcludedFromCampaigns"):
            continue
        # Clients send back whole objects: a read-only property is refused only when its value differs.
        same = (
            instant(value, name) == instant(before[name], name)
            if name in _DATES and value and before[name]
            else (str(value).lower() == str(before[name]).lower() or value in (None, ""))
        )
        if not same:
            raise ApiError(400, f'MJ19 Setting a value for property "{name}" is not allowed')
    at = account.now()
    changed = False
    if "Name" in body and str(body["Name"] or "") != before["Name"]:
        account.store.execute(
            "UPDATE contact SET name = ?, updated_at = ? WHERE id = ?", (str(body["Name"] or ""), at, contact_id)
        )
        changed = True
    if "IsExcludedFromCampaigns" in body:
        wanted = as_boolean(body["IsExcludedFromCampaigns"], "IsExcludedFromCampaigns")
        changed = set_excluded(account, contact_id, wanted, at) or changed
    return envelope(rows_of(account, [contact_id])) if changed else not_changed()


def _places(account: Account, request: Request, contact_id: int) -> Response:
    parameters = Parameters(request, account.switches)
    page = read_page(parameters, {"ID": ("m.id", False)})
    parameters.finish()
    query = Query("member m JOIN list l ON l.id = m.list_id AND l.is_deleted = 0", "m.id")
    query.where("m.contact_id = ?", contact_id)

    def place(row: sqlite3.Row) -> dict[str, Any]:
        return {
            "IsActive": True,
            "IsUnsub": bool(row["unsubscribed"]),
            "ListID": row["list_id"],
            "SubscribedAt": date(row["subscribed_at"]),
        }

    return query.answer(
        account.store, page, lambda ids: fetch(account.store, "SELECT * FROM member WHERE id IN", ids, place)
    )


def _manage(account: Account, request: Request, contact_id: int) -> Response:
    body = body_of(request, "ContactManagecontactslists", ("ContactsLists",))
    actions = read_actions(account, body.get("ContactsLists"))
    for list_id, action in actions:
        apply_action(account, action, contact_id, list_id, account.now())
    echo = [{"Action": action, "ListID": list_id} for list_id, action in actions]
    return envelope([{"ContactsLists": echo}], 201)


def anonymise(account: Account, contact_id: int, at: int) -> bool:
    """Erase a person: a ghost without a name stays for a while, off all lists. Whether there was anybody."""
    ghost = uuid.uuid5(uuid.NAMESPACE_OID, f"{contact_id}").hex
    changed = account.store.execute(
        "UPDATE contact SET email = ?, name = 'Anonymized', updated_at = ?, anonymised_at = ?, condition = NULL"
        " WHERE id = ? AND anonymised_at = 0",
        (f"\\x{ghost}@domain.invalid", at, at, contact_id),
    )
    if changed:
        account.store.execute("DELETE FROM member WHERE contact_id = ?", (contact_id,))
    return changed > 0


def handle_v4(account: Account, request: Request, segments: list[str]) -> Response:
    """``DELETE /v4/contacts/{id}``: 200 with an empty body, also for an id that nobody has (recorded)."""
    headers = {"Content-Type": "application/json; charset=UTF-8", "X-Mj-Request-Guid": str(uuid.uuid4())}
    if request.method != "DELETE" or len(segments) != 1 or not segments[0].isdigit():
        body = {
            "ErrorIdentifier": str(uuid.uuid4()),
            "StatusCode": 404,
            "ErrorMessage": "The resource with the specified ID you are trying to reach does not exist.",
        }
        answer = Response.of_json(body, 404)
        return Response(404, answer.body, headers)
    anonymise(account, int(segments[0]), account.now())
    return Response(200, b"", headers)
