"""The ``campaign`` resource (what was sent) and ``campaigndraft`` with its actions (what will be)."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet.sending import SendRequest, send
from list_pipeline.sandbox.mailjet.wire import (
    DAY,
    ApiError,
    Parameters,
    Query,
    as_boolean,
    as_integer,
    body_of,
    date,
    envelope,
    fetch,
    instant,
    no_content,
    not_changed,
    not_found,
    read_page,
)

_PERIODS = {"day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}
DELETED, ARCHIVED, DRAFT, PROGRAMMED, SENT = -2, -1, 0, 1, 2
TEMPLATE = (
    "<html><body><h1>{subject}</h1><p>Dear [[data:firstname:&quot;&quot;]],</p>"
    '<p>what is new: <a href="https://shop.sender.example/news">see for yourself</a>.</p>'
    '<p><a href="[[UNSUB_LINK_EN]]">Unsubscribe</a></p></body></html>',
    "{subject}\n\nWhat is new: https://shop.sender.example/news\n\nUnsubscribe: [[UNSUB_LINK_EN]]\n",
)
"""The HTML and the text part of a draft that nobody wrote anything into: those of its template."""
_STATUS_WORDS = {-3: "AXCanceled", -2: "Deleted", -1: "Archived", 0: "Draft", 1: "Programmed", 2: "Sent"}


def handle_campaigns(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/campaign``."""
    if not segments:
        if request.method != "GET":
            raise ApiError(405, "Method not allowed")
        return _campaigns(account, request)
    key = segments[0]
    campaign_id = account.store.number(
        "SELECT id FROM campaign WHERE (id = ? OR custom_value = ?) AND send_start_at <= ?",
        (int(key) if key.isdigit() else -1, key, account.now()),
    )
    if not campaign_id or len(segments) > 1:
        raise not_found()
    if request.method == "GET":
        return envelope(_campaign_rows(account, [campaign_id]))
    if request.method == "PUT":
        body = body_of(request, "Campaign", ("IsDeleted", "IsStarred"))
        changed = 0
        for name, column in (("IsDeleted", "is_deleted"), ("IsStarred", "is_starred")):
            if name in body:
                wanted = int(as_boolean(body[name], name))
                sql = f"UPDATE campaign SET {column} = ? WHERE id = ? AND {column} <> ?"
                changed += account.store.execute(sql, (wanted, campaign_id, wanted))
        return envelope(_campaign_rows(account, [campaign_id])) if changed else not_changed()
    raise ApiError(405, "Method not allowed")


def _campaigns(account: Account, request: Request) -> Response:
    parameters = Parameters(request, account.switches)
    since, until = parameters.instant("FromTS"), parameters.instant("ToTS")
    list_id, campaign_id = parameters.integer("ContactsListID", "ContactsList"), parameters.integer("CampaignID")
    custom, deleted = parameters.text("CustomCampaign"), parameters.boolean("IsDeleted")
    starred, newsletter = parameters.boolean("IsStarred"), parameters.boolean("IsNewsletterTool")
    period, from_type = parameters.text("Period"), parameters.integer("FromType")
    email, workflow_id = parameters.text("From"), parameters.integer("WorkflowID")
    page = read_page(parameters, {"ID": ("k.id", True)})
    parameters.finish(not_modelled=("CampaignStatus", "FromDomain", "FromID"))
    query = Query("campaign k", "k.id")
    query.where("k.send_start_at <= ?", account.now())
    # Deleted ones are hidden as deleted lists are; for lists this is recorded, for campaigns inferred.
    query.where("k.is_deleted = ?", int(bool(deleted)))
    lifted = campaign_id is not None and account.switches.flag("campaign_id_lifts_today")
    if period is not None:
        if period.lower() not in _PERIODS:
            raise ApiError(400, f'Invalid value for filter "Period": "{period}"')
        query.where("k.send_start_at > ?", account.now() - _PERIODS[period.lower()])
    elif not since and not lifted:
        query.where("k.send_start_at > ?", account.now())  # a missing or zero FromTS means "from now on"
    if since:
        query.where("k.send_start_at > ?", since)
    if until is not None:
        query.where("k.send_start_at <= ?", until)
    for column, value in (
        ("k.list_id", list_id),
        ("k.id", campaign_id),
        ("k.custom_value", custom),
        ("k.from_email", email),
        ("k.workflow_id", workflow_id),
    ):
        if value is not None:
            query.where(f"{column} = ?", value)
    if starred is not None:
        query.where("k.is_starred = ?", int(starred))
    if newsletter is not None:
        query.where("k.custom_value LIKE 'mj.nl=%'" if newsletter else "k.custom_value NOT LIKE 'mj.nl=%'")
    if from_type is not None and from_type != 2:
        query.where("0")
    return query.answer(account.store, page, lambda ids: _campaign_rows(account, ids))


def _campaign_rows(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    def form(row: sqlite3.Row) -> dict[str, Any]:
        ended = row["send_end_at"] <= account.now()
        shown = {
            "CampaignType": row["campaign_type"],
            "ClickTracked": 1,
            "CreatedAt": date(row["created_at"]),
            "CustomValue": row["custom_value"],
            "FirstMessageID": row["first_message_id"],
            "FromEmail": row["from_email"],
            "FromID": 46_935,
            "FromName": row["from_name"],
            "HasHtmlCount": 1,
            "HasTxtCount": 1,
            "ID": row["id"],
            "IsDeleted": bool(row["is_deleted"]),
            "IsStarred": bool(row["is_starred"]),
            "ListID": row["list_id"],
            "NewsLetterID": row["draft_id"] or 0,
            "OpenTracked": 1,
            "SendEndAt": date(row["send_end_at"]) if ended else "",
            "SendStartAt": date(row["send_start_at"]),
            "SpamassScore": 0,
            "Status": account.switches.count("campaign_status_when_sent") if ended else 0,
            "Subject": row["subject"],
            "UnsubscribeTrackedCount": 0,
        }
        if row["segmentation_id"] is not None:
            shown["SegmentationID"] = row["segmentation_id"]
        if row["workflow_id"] is not None:
            shown["WorkflowID"] = row["workflow_id"]
        return shown

    return fetch(account.store, "SELECT * FROM campaign WHERE id IN", ids, form)


_DRAFT_COLUMNS = {
    "ContactsListID": "list_id",
    "SegmentationID": "segmentation_id",
    "Sender": "sender",
    "SenderEmail": "sender_email",
    "SenderName": "sender_name",
    "Subject": "subject",
    "Title": "title",
    "Locale": "locale",
    "EditMode": "edit_mode",
}
_DRAFT_READ_ONLY = ("ID", "CreatedAt", "ModifiedAt", "DeliveredAt", "Status", "Current", "Url", "Used", "CampaignID")


def handle_drafts(account: Account, request: Request, segments: list[str]) -> Response:
    """Everything under ``/v3/REST/campaigndraft``."""
    if not segments:
        if request.method == "GET":
            return _drafts(account, request)
        if request.method == "POST":
            return _create_draft(account, request)
        raise ApiError(405, "Method not allowed")
    row = None
    if segments[0].isdigit():
        row = account.store.row("SELECT * FROM draft WHERE id = ?", (int(segments[0]),))
    if row is None:
        raise not_found()
    action = segments[1].lower() if len(segments) > 1 else None
    if action is not None:
        return _draft_action(account, request, row, action)
    if request.method == "GET":
        return envelope(_draft_rows(account, [row["id"]]))
    if request.method == "PUT":
        return _change_draft(account, request, row)
    raise ApiError(405, "Method not allowed")


def _draft_rows(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    def form(row: sqlite3.Row) -> dict[str, Any]:
        shown = {
            "AXFraction": 0,
            "AXFractionName": "",
            "ContactsListID": row["list_id"],
            "CreatedAt": date(row["created_at"]),
            "Current": row["id"],
            "DeliveredAt": date(row["delivered_at"]),
            "EditMode": row["edit_mode"],
            "ID": row["id"],
            "IsStarred": False,
            "IsTextPartIncluded": True,
            "Locale": row["locale"],
            "ModifiedAt": date(row["modified_at"]),
            "Preset": "{}",
            "Sender": row["sender"],
            "SenderEmail": row["sender_email"],
            "SenderName": row["sender_name"],
            "Status": row["status"],
            "Subject": row["subject"],
            "TemplateID": 1_399_391,
            "Title": row["title"],
            "Url": "",
            "Used": row["status"] == SENT,
        }
        if row["ax_testing_id"] is not None and not account.switches.flag("ab_test_untold"):
            shown |= {
                "AXFraction": row["ax_fraction"],
                "AXFractionName": row["ax_fraction_name"],
                "AXTestingID": row["ax_testing_id"],
            }
        if row["campaign_id"] is not None:
            shown["CampaignID"] = row["campaign_id"]
        if row["segmentation_id"] is not None:
            shown["SegmentationID"] = row["segmentation_id"]
        return shown

    return fetch(account.store, "SELECT * FROM draft WHERE id IN", ids, form)


def _drafts(account: Account, request: Request) -> Response:
    parameters = Parameters(request, account.switches)
    status, list_id = parameters.integer("Status"), parameters.integer("ContactsList")
    campaign_id, subject = parameters.integer("Campaign"), parameters.text("Subject")
    page = read_page(parameters, {"ID": ("d.id", True)})
    parameters.finish(
        not_modelled=(
            "AXTesting",
            "DeliveredAt",
            "EditMode",
            "IsArchived",
            "IsCampaign",
            "IsDeleted",
            "IsHandled",
            "IsStarred",
            "Modified",
            "NewsLetterTemplate",
            "Segmentation",
            "Template",
        )
    )
    query = Query("draft d", "d.id")
    for column, value in (("status", status), ("list_id", list_id), ("campaign_id", campaign_id), ("subject", subject)):
        if value is not None and not account.switches.flag("draft_filters_ignored"):
            query.where(f"d.{column} = ?", value)
    return query.answer(account.store, page, lambda ids: _draft_rows(account, ids))


def _draft_values(account: Account, body: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, column in _DRAFT_COLUMNS.items():
        if name not in body:
            continue
        value = body[name]
        if name in ("ContactsListID", "SegmentationID"):
            value = None if value in (None, 0, "") else as_integer(value, name)
        else:
            value = str(value or "")
        values[column] = value
    if values.get("list_id") is not None and not account.store.number(
        "SELECT id FROM list WHERE id = ? AND is_deleted = 0", (values["list_id"],)
    ):
        raise ApiError(400, 'Property "ContactsList" could not be resolved to an ID')
    return values


def _create_draft(account: Account, request: Request) -> Response:
    body = body_of(request, "CampaignDraft", (*_DRAFT_COLUMNS, "ReplyEmail", "TemplateID"))
    for name in ("Locale", "Sender", "SenderEmail", "Subject", "ContactsListID"):
        if not body.get(name):
            info = f"MJ08 Property {name} is invalid: MJ03 A non-empty value is required"
            raise ApiError(400, "Object properties invalid", info)
    values = {"sender_name": "", "title": "", "edit_mode": "tool2"} | _draft_values(account, body)
    values |= {"id": account.store.next_number("draft"), "created_at": account.now(), "modified_at": account.now()}
    columns = ", ".join(values)
    marks = ", ".join("?" * len(values))
    account.store.execute(f"INSERT INTO draft ({columns}) VALUES ({marks})", list(values.values()))
    return envelope(_draft_rows(account, [values["id"]]), 201)


def _change_draft(account: Account, request: Request, row: sqlite3.Row) -> Response:
    body = body_of(request, "CampaignDraft", (*_DRAFT_COLUMNS, *_DRAFT_READ_ONLY, "ReplyEmail", "TemplateID"))
    values = {name: value for name, value in _draft_values(account, body).items() if value != row[name]}
    if not values:
        return not_changed()
    values["modified_at"] = account.now()
    sets = ", ".join(f"{name} = ?" for name in values)
    account.store.execute(f"UPDATE draft SET {sets} WHERE id = ?", [*values.values(), row["id"]])
    return envelope(_draft_rows(account, [row["id"]]))


def _draft_action(account: Account, request: Request, row: sqlite3.Row, action: str) -> Response:
    method = request.method
    if action == "status" and method == "GET":
        return envelope([{"Status": _STATUS_WORDS[row["status"]]}])
    if action == "detailcontent" and method in ("GET", "POST"):
        return _content(account, request, row)
    if action == "test" and method == "POST":
        body_of(request, "CampaigndraftTest", ("Recipients",))
        return envelope([{"Status": _STATUS_WORDS[row["status"]]}], 201)
    if action == "schedule" and method == "GET":
        if row["status"] != PROGRAMMED:
            raise not_found()
        return envelope([{"Date": date(row["scheduled_at"]), "Status": "Programmed"}])
    if action == "schedule" and method == "DELETE":
        if row["status"] != PROGRAMMED:
            raise not_found()
        account.store.execute("UPDATE draft SET status = ?, scheduled_at = 0 WHERE id = ?", (DRAFT, row["id"]))
        return no_content()
    if (action == "schedule" and method in ("POST", "PUT")) or (action == "send" and method == "POST"):
        at = account.now()
        if action == "schedule":
            wanted = str(body_of(request, "CampaigndraftSchedule", ("Date",)).get("Date") or "")
            at = at if wanted.upper() == "NOW" else instant(wanted, "Date")
        if row["status"] == SENT:
            raise ApiError(400, "The campaign is already sent")
        if row["status"] in (DELETED, ARCHIVED):
            # What Mailjet says to that is recorded nowhere.
            raise ApiError(400, f"The campaign is {_STATUS_WORDS[row['status']].lower()}")
        if action == "schedule" and method == "PUT" and row["status"] != PROGRAMMED:
            raise not_found()
        account.store.execute("UPDATE draft SET status = ?, scheduled_at = ? WHERE id = ?", (PROGRAMMED, at, row["id"]))
        shown = {"Status": "Programmed"} if action == "send" else {"Date": date(at), "Status": "Programmed"}
        return envelope([shown], 200 if method == "PUT" else 201)
    raise not_found()


def _content(account: Account, request: Request, row: sqlite3.Row) -> Response:
    stored = zip((row["html"], row["text"]), TEMPLATE, strict=True)
    given = [template.format(subject=row["subject"]) if part is None else part for part, template in stored]
    if request.method == "POST":
        body = body_of(request, "CampaigndraftDetailcontent", ("Text-part", "Html-part", "MJMLContent", "Headers"))
        given = [str(body.get(name, part) or "") for name, part in zip(("Html-part", "Text-part"), given, strict=True)]
        account.store.execute(
            "UPDATE draft SET html = ?, text = ?, modified_at = ? WHERE id = ?", (*given, account.now(), row["id"])
        )
    shown: dict[str, Any] = {"Headers": {}, "Html-part": given[0], "MJMLContent": "", "Text-part": given[1]}
    return envelope([shown], 201 if request.method == "POST" else 200)


REFUSED = "refused_drafts"
"""The note with the drafts that Mailjet refuses: by id the time at which it did, 0 where that is still to come."""
_AFTER_REFUSAL = {"draft": DRAFT, "programmed": PROGRAMMED, "cancelled": -3}


def _refuse(account: Account, draft_id: int, at: int, refused: dict[str, int]) -> None:
    """Mailjet does not begin to send a draft at its time; scheduled again, it is sent."""
    status = _AFTER_REFUSAL[account.switches.word("refused_draft")]
    left = at if status == PROGRAMMED else 0
    account.store.execute("UPDATE draft SET status = ?, scheduled_at = ? WHERE id = ?", (status, left, draft_id))
    refused[str(draft_id)] = at
    account.store.set_note(REFUSED, refused)


def settle(account: Account, moment: float) -> None:
    """Send the programmed drafts that are due, at their own time."""
    due = account.store.rows(
        "SELECT * FROM draft WHERE status = 1 AND scheduled_at <= ? ORDER BY scheduled_at, id", (int(moment),)
    )
    refused: dict[str, int] = account.store.note(REFUSED, {})
    for row in due:
        with account.store.transaction():
            at = row["scheduled_at"]
            if refused.get(str(row["id"]), -1) in (0, at):
                _refuse(account, row["id"], at, refused)
                continue
            wanted = SendRequest(
                row["list_id"], row["subject"], row["sender_name"], row["sender_email"], draft_id=row["id"]
            )
            campaign_id = send(account, wanted, at)
            account.store.execute(
                "UPDATE draft SET status = ?, delivered_at = ?, campaign_id = ? WHERE id = ?",
                (SENT, at, campaign_id, row["id"]),
            )
            account.store.execute(
                "INSERT INTO job (id, kind, body, created_at, due_at, contacts, applied)"
                " VALUES (?, 'send', ?, ?, ?, 1, 1)",
                (account.store.next_number("job"), json.dumps({"draft": row["id"]}), at, at),
            )
