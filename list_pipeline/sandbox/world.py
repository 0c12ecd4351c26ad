"""Events of the world outside of the API: people sign up, leave and complain; a campaign goes out.

Belongs here: those events, and reading the account as its owner would (sizes, digest, ledger, one contact). Does not
belong here: the API (``sandbox.mailjet``) and the seed (``sandbox.seed``).
"""

from __future__ import annotations

import hashlib
from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.mailjet.campaigns import REFUSED
from list_pipeline.sandbox.mailjet.contacts import anonymise
from list_pipeline.sandbox.mailjet.membership import address_fault, apply_action, create_contact, find_contact
from list_pipeline.sandbox.mailjet.states import FAILED, STATES, STATUS_NAMES, Status
from list_pipeline.sandbox.mailjet.wire import date


class WorldError(ValueError):
    """An event that cannot happen: nobody of that name, no such list."""


def require_contact(account: Account, key: str) -> int:
    """The id of a contact named by id or address.

    Raises:
        WorldError: there is none.
    """
    contact_id = find_contact(account, key)
    if contact_id is None:
        raise WorldError("no such contact")
    return contact_id


def require_list(account: Account, list_id: int) -> int:
    """The id of a list that is not deleted.

    Raises:
        WorldError: there is none.
    """
    if not account.store.number("SELECT id FROM list WHERE id = ? AND is_deleted = 0", (list_id,)):
        raise WorldError(f"no such list: {list_id}")
    return list_id


def refuse(account: Account, draft_id: int) -> int:
    """Mailjet will not begin to send a draft at its time, as where an account is out of credit; the draft's id.

    Raises:
        WorldError: there is no such draft.
    """
    if not account.store.number("SELECT id FROM draft WHERE id = ?", (draft_id,)):
        raise WorldError(f"no such draft: {draft_id}")
    account.store.set_note(REFUSED, {**account.store.note(REFUSED, {}), str(draft_id): 0})
    return draft_id


def sign_up(account: Account, email: str, list_id: int, name: str = "") -> int:
    """A person signs up to a list; the contact's id.

    Raises:
        WorldError: the address cannot be one, or the list does not exist.
    """
    if address_fault(email) is not None:
        raise WorldError("not an address")
    require_list(account, list_id)
    contact_id = find_contact(account, email)
    if contact_id is None:
        contact_id = create_contact(account, email, account.now(), name)
    apply_action(account, "addforce", contact_id, list_id, account.now())
    return contact_id


def unsubscribe(account: Account, contact: str, list_id: int | None) -> int:
    """A person unsubscribes from a list, or from all; how many places changed.

    Raises:
        WorldError: nobody of that name.
    """
    contact_id = require_contact(account, contact)
    places = account.store.rows(
        "SELECT list_id FROM member WHERE contact_id = ? AND unsubscribed = 0 AND (? IS NULL OR list_id = ?)",
        (contact_id, list_id, list_id),
    )
    for place in places:
        apply_action(account, "unsub", contact_id, place["list_id"], account.now())
    return len(places)


def complain(account: Account, contact: str) -> int:
    """A person marks our mail as spam: flagged, blocked from now on, and the last message shows it; the id.

    Raises:
        WorldError: nobody of that name.
    """
    contact_id = require_contact(account, contact)
    account.store.execute("UPDATE contact SET complaining = 1, block_state = 21 WHERE id = ?", (contact_id,))
    account.store.execute(
        "UPDATE message SET status = 6, state_id = NULL, event_at = ? WHERE id ="
        " (SELECT id FROM message WHERE contact_id = ? AND status IN (2, 3, 4) ORDER BY arrived_at DESC LIMIT 1)",
        (account.now(), contact_id),
    )
    return contact_id


def look_at(account: Account, contact: str, *, clicks: bool) -> int:
    """A person opens the last message that arrived, or clicks in it; the id.

    Raises:
        WorldError: nobody of that name, or nothing arrived there.
    """
    contact_id = require_contact(account, contact)
    row = account.store.row(
        "SELECT id FROM message WHERE contact_id = ? AND status IN (2, 3, 4) ORDER BY arrived_at DESC LIMIT 1",
        (contact_id,),
    )
    if row is None:
        raise WorldError("nothing arrived there")
    account.store.execute(
        "UPDATE message SET status = ?, event_at = ? WHERE id = ?",
        (int(Status.CLICKED if clicks else Status.OPENED), account.now(), row["id"]),
    )
    return contact_id


def erase(account: Account, contact: str) -> int:
    """A person asks to be forgotten; the id of the ghost.

    Raises:
        WorldError: nobody of that name.
    """
    contact_id = require_contact(account, contact)
    anonymise(account, contact_id, account.now())
    return contact_id


def lists(account: Account) -> list[dict[str, Any]]:
    """Every list with its raw and its mailable size."""
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "is_deleted": bool(row["is_deleted"]),
            "raw": row["raw"],
            "mailable": row["mailable"] or 0,
        }
        for row in account.store.rows(
            "SELECT l.id, l.name, l.is_deleted, count(m.id) AS raw,"
            " sum(m.unsubscribed = 0 AND c.excluded = 0 AND c.anonymised_at = 0) AS mailable FROM list l"
            " LEFT JOIN member m ON m.list_id = l.id LEFT JOIN contact c ON c.id = m.contact_id"
            " GROUP BY l.id ORDER BY l.id"
        )
    ]


def digest(account: Account) -> str:
    """A hash over who is where in which state: equal means that nothing changed. Row ids and dates are part of it."""
    found = hashlib.sha256()
    store = account.store
    for sql in (
        "SELECT id, email, excluded, complaining, anonymised_at FROM contact ORDER BY id",
        "SELECT id, contact_id, list_id, unsubscribed, subscribed_at, unsubscribed_at FROM member ORDER BY id",
        "SELECT id, name, is_deleted FROM list ORDER BY id",
        "SELECT id, list_id, status, scheduled_at FROM draft ORDER BY id",
    ):
        for row in store.rows(sql):
            found.update(repr(tuple(row)).encode())
        found.update(b"|")
    return found.hexdigest()


def contact(account: Account, key: str) -> dict[str, Any]:
    """One contact with its flags and places.

    Raises:
        WorldError: nobody of that name.
    """
    contact_id = require_contact(account, key)
    row = account.store.row("SELECT * FROM contact WHERE id = ?", (contact_id,))
    assert row is not None  # the id was just read under the same lock
    places = account.store.rows("SELECT * FROM member WHERE contact_id = ? ORDER BY list_id", (contact_id,))
    return {
        "id": contact_id,
        "email": row["email"],
        "excluded": bool(row["excluded"]),
        "complaining": bool(row["complaining"]),
        "anonymised": row["anonymised_at"] > 0,
        "created_at": date(row["created_at"]),
        "lists": [
            {
                "list_id": place["list_id"],
                "member_id": place["id"],
                "unsubscribed": bool(place["unsubscribed"]),
                "subscribed_at": date(place["subscribed_at"]),
            }
            for place in places
        ],
    }


def ledger(account: Account, campaign_id: int | None = None, with_contacts: bool = True) -> list[dict[str, Any]]:
    """Every send: when, to which list, which contact ids were written to, and which failed with what."""
    sends = account.store.rows(
        "SELECT * FROM campaign WHERE ? IS NULL OR id = ? ORDER BY send_start_at, id", (campaign_id, campaign_id)
    )
    found: list[dict[str, Any]] = []
    for send in sends:
        rows = account.store.rows(
            "SELECT contact_id, status, state_id FROM message WHERE campaign_id = ? ORDER BY contact_id", (send["id"],)
        )
        entry: dict[str, Any] = {
            "campaign_id": send["id"],
            "custom_value": send["custom_value"],
            "list_id": send["list_id"],
            "subject": send["subject"],
            "send_start_at": date(send["send_start_at"]),
            "send_end_at": date(send["send_end_at"]),
            "recipients": len(rows),
        }
        if with_contacts:
            entry["contact_ids"] = [row["contact_id"] for row in rows]
            entry["failures"] = [
                {
                    "contact_id": row["contact_id"],
                    "status": STATUS_NAMES[row["status"]],
                    "state_id": row["state_id"],
                    "state": STATES.get(row["state_id"], ("", "unknown"))[1],
                }
                for row in rows
                if row["status"] in FAILED
            ]
        found.append(entry)
    return found
