"""Bulk jobs: accepted at once, carried out later, and visible while they run.

Belongs here: managemanycontacts on both resources, ``batchjob`` and the error file. Does not belong here: what an
action does to a place (``membership``).
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from list_pipeline.sandbox.account import API_KEY_ID, Account
from list_pipeline.sandbox.faults import JOB_EFFECTS
from list_pipeline.sandbox.http import Request, Response
from list_pipeline.sandbox.mailjet.membership import (
    ACTIONS,
    address_fault,
    apply_action,
    create_contact,
    find_contact,
    list_exists,
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
    not_found,
    read_page,
)

_STAGES = ("Allocated", "Upload", "Prepare", "Importing")
_ENDLESS = "job_never_ends"
_REFUSING = {"job_error": "Error", "job_abort": "Abort"}


def handle_many(account: Account, request: Request, segments: list[str], list_id: int | None) -> Response:
    """``managemanycontacts`` of contact (``list_id`` None) or of one list: POST a job, GET its state."""
    if request.method == "POST" and not segments:
        return _accept(account, request, list_id)
    if request.method == "GET" and len(segments) == 1 and segments[0].isdigit():
        row = account.store.row("SELECT * FROM job WHERE id = ? AND kind = 'manage'", (int(segments[0]),))
        hidden = account.switches.number("job_visible_after_seconds")
        if row is None or account.moment() - row["created_at"] < hidden:
            raise not_found()
        return envelope([_state(account, row)])
    raise not_found()


def _accept(account: Account, request: Request, list_id: int | None) -> Response:
    if list_id is None:
        body = body_of(request, "ContactManagemanycontacts", ("ContactsLists", "Contacts"))
        lists = read_actions(account, body["ContactsLists"]) if body.get("ContactsLists") is not None else []
    else:
        body = body_of(request, "ContactslistManageManyContacts", ("Action", "Contacts"))
        action = str(body.get("Action") or "").lower()
        if action not in ACTIONS:
            raise ApiError(400, f'Invalid action "{action}"')
        if not list_exists(account, list_id):
            raise not_found()
        lists = [(list_id, action)]
    contacts = _read_contacts(body.get("Contacts"))
    fault = next((rule.effect for rule in account.faults.take(request.method, request.path, JOB_EFFECTS)), None)
    limit = account.switches.count("job_max_contacts")
    if limit and len(contacts) > limit:
        treatment = account.switches.word("job_above_max")
        if treatment == "dropped":
            return Response(drop=True)
        if treatment == "refused":
            raise ApiError(400, f"Too many contacts: {len(contacts)} is more than {limit}")
        fault = "job_without_effect"
    if account.switches.flag("jobs_without_effect"):
        fault = "job_without_effect"
    moment = account.moment()
    latency = account.switches.number("job_latency_seconds")
    latency += account.switches.number("job_latency_per_1000_seconds") * len(contacts) / 1000
    job_id = account.store.next_number("job")
    account.store.execute(
        "INSERT INTO job (id, kind, body, created_at, due_at, contacts, fault) VALUES (?, 'manage', ?, ?, ?, ?, ?)",
        (job_id, json.dumps({"lists": lists, "contacts": contacts}), moment, moment + latency, len(contacts), fault),
    )
    return envelope([{"JobID": job_id}], account.switches.count("job_status_code"))


def _read_contacts(value: Any) -> list[tuple[str, bool | None, str | None]]:
    """(address, exclusion, name) for each contact; the same address twice is one contact, the later values win."""
    if not isinstance(value, list) or not value:
        raise ApiError(400, "Object properties invalid", "MJ08 Property Contacts is invalid: a list is required")
    merged: dict[str, tuple[str, bool | None, str | None]] = {}
    for entry in value:
        named = {str(name).lower(): content for name, content in entry.items()} if isinstance(entry, dict) else {}
        email = str(named.get("email") or "").strip()
        if not email:
            raise ApiError(400, "Object properties invalid", "MJ08 Property Contacts is invalid: Email is required")
        flag, name = named.get("isexcludedfromcampaigns"), named.get("name")
        excluded = None if flag is None else as_boolean(flag, "IsExcludedFromCampaigns")
        first = merged.get(email.lower(), (email, None, None))
        merged[email.lower()] = (
            first[0],
            first[1] if excluded is None else excluded,
            first[2] if name is None else str(name),
        )
    return list(merged.values())


def settle(account: Account, moment: float) -> None:
    """Carry out the jobs that are due, in the order in which they are."""
    due = account.store.rows(
        "SELECT * FROM job WHERE applied = 0 AND due_at <= ? AND fault IS NOT ? ORDER BY due_at, id",
        (moment, _ENDLESS),
    )
    for row in due:
        with account.store.transaction():
            _carry_out(account, row)


def _carry_out(account: Account, row: sqlite3.Row) -> None:
    body = json.loads(row["body"])
    contacts, fault = body["contacts"], row["fault"]
    limit = account.switches.count("contact_limit")
    if limit and account.store.number("SELECT count(*) FROM contact") >= limit:
        fault = fault or "job_without_effect"
    errors: list[dict[str, str]] = []
    if fault in _REFUSING:
        message = "Import failed: internal error"
        errors = [{"Email": contact[0], "Error": message} for contact in contacts[:1]]
        _end(account, row["id"], 0, len(contacts), message, errors)
        return
    if fault == "job_half_applied":
        effective = contacts[: len(contacts) // 2]
    else:
        effective = [] if fault == "job_without_effect" else contacts
    at = int(row["due_at"])
    for email, excluded, name in effective:
        reason = address_fault(email)
        if reason is not None:
            errors.append({"Email": email, "Error": f'Invalid email address "{email}", reason: "{reason}"'})
            continue
        contact_id = find_contact(account, email)
        if contact_id is None:
            if not account.switches.flag("jobs_create_contacts"):
                errors.append({"Email": email, "Error": "Contact not found"})
                continue
            contact_id = create_contact(account, email, at, name or "", excluded)
        else:
            if excluded is not None:
                set_excluded(account, contact_id, excluded, at)
            if name is not None:
                account.store.execute(
                    "UPDATE contact SET name = ?, updated_at = ? WHERE id = ?", (name, at, contact_id)
                )
        for list_id, action in body["lists"]:
            apply_action(account, action, contact_id, list_id, at)
    summary = f"{len(errors)} contact(s) could not be processed" if errors else ""
    _end(account, row["id"], len(contacts), len(errors), summary, errors)


def _end(account: Account, job_id: int, processed: int, failed: int, error: str, errors: list[dict[str, str]]) -> None:
    account.store.execute(
        "UPDATE job SET applied = 1, processed = ?, failed = ?, error = ?, error_file = ? WHERE id = ?",
        (processed, failed, error, json.dumps(errors) if errors else None, job_id),
    )


def _stage(account: Account, row: sqlite3.Row) -> tuple[str, int]:
    """The job's status word and how many contacts are processed."""
    node = account.switches.word("job_vocabulary") == "node"
    if row["applied"]:
        final = _REFUSING.get(row["fault"], "Completed")
        return ("Error" if node and final == "Abort" else final), row["processed"]
    length = max(row["due_at"] - row["created_at"], 1e-9)
    share = min(max((account.moment() - row["created_at"]) / length, 0.0), 0.999)
    stage = _STAGES[int(share * len(_STAGES))]
    done = int(row["contacts"] * (share - 0.75) * 4) if stage == "Importing" else 0
    return ("In Progress" if node else stage), done


def _state(account: Account, row: sqlite3.Row) -> dict[str, Any]:
    """The job as ``managemanycontacts/{JobID}`` shows it: without its own number."""
    status, count = _stage(account, row)
    body = json.loads(row["body"])

    def when(seconds: float) -> str:
        return date(int(seconds)) if account.switches.word("job_dates") == "rfc3339" else str(int(seconds))

    has_file = row["error_file"] is not None
    file_url = f"{account.base_url}/v3/DATA/batchjob/{row['id']}/JSONError/application:json/LAST" if has_file else ""
    return {
        "ContactsLists": [{"ListID": list_id, "Action": action} for list_id, action in body["lists"]],
        "Count": count,
        "Error": row["error"],
        "ErrorFile": file_url,
        "JobStart": when(row["created_at"]),
        "JobEnd": when(row["due_at"]) if row["applied"] else "",
        "Status": status,
    }


def handle_batch(account: Account, request: Request, segments: list[str]) -> Response:
    """``/v3/REST/batchjob``: read only here."""
    if request.method != "GET":
        raise ApiError(405, "Method not allowed")
    visible = account.switches.flag("jobs_in_batchjob")
    if segments:
        job_id = int(segments[0]) if segments[0].isdigit() else -1
        rows = _batch_rows(account, [job_id])
        if len(segments) > 1 or not rows or (not visible and rows[0]["JobType"] != "Send newsletter"):
            raise not_found()
        return envelope(rows)
    parameters = Parameters(request, account.switches)
    page = read_page(parameters, {"ID": ("j.id", True)})
    kind = parameters.text("JobType")
    parameters.finish(
        not_modelled=(
            "APIKey",
            "Data",
            "Method",
            "RefID",
            "Status",
            "MinJobStart",
            "MaxJobStart",
            "MinJobEnd",
            "MaxJobEnd",
            "MinRequestAt",
            "MaxRequestAt",
        )
    )
    query = Query("job j", "j.id")
    if not visible:
        query.where("j.kind = 'send'")
    if kind is not None:
        query.where("j.kind = ?", {"send newsletter": "send", "manage contacts": "manage"}.get(kind.lower(), ""))
    return query.answer(account.store, page, lambda ids: _batch_rows(account, ids))


def _batch_rows(account: Account, ids: list[int]) -> list[dict[str, Any]]:
    def form(row: sqlite3.Row) -> dict[str, Any]:
        status, current = _stage(account, row)
        end = int(row["due_at"]) if row["applied"] else 0
        return {
            "AliveAt": end or int(account.moment()),
            "APIKeyID": API_KEY_ID,
            "Blocksize": 0,
            "Count": row["contacts"],
            "Current": current,
            "DataID": 0,
            "Errcount": row["failed"],
            "ErrTreshold": 0,
            "ID": row["id"],
            "JobEnd": end,
            "JobStart": int(row["created_at"]),
            "JobType": "Send newsletter" if row["kind"] == "send" else "Manage contacts",
            "Method": "Unknown",
            "RefId": json.loads(row["body"]).get("draft", 0),
            "RequestAt": int(row["created_at"]) if row["kind"] == "manage" else 0,
            "Status": status,
            "Throttle": 0,
        }

    return fetch(account.store, "SELECT * FROM job WHERE id IN", ids, form)


def handle_data(account: Account, request: Request, segments: list[str]) -> Response:
    """``/v3/DATA/batchjob/{id}/JSONError/application:json/LAST``: the error file of a job."""
    lowered = [segment.lower() for segment in segments]
    row = None
    wanted = ["jsonerror", "application:json", "last"]
    known = len(lowered) == 5 and lowered[0] == "batchjob" and lowered[2:] == wanted and lowered[1].isdigit()
    if request.method == "GET" and known:
        row = account.store.row("SELECT error_file FROM job WHERE id = ?", (int(lowered[1]),))
    if row is None or row["error_file"] is None:
        raise ApiError(404, "Source object not found")
    return Response(200, str(row["error_file"]).encode(), {"Content-Type": "application/json"})
