"""Membership of the lists: the four actions and the effect of each on a contact's place.

Belongs here: the semantics of addforce, addnoforce, remove and unsub, and creating a contact. Does not belong here: the
requests that ask for them (``contacts``, ``lists``, ``jobs``) or people who act themselves (``world``).
"""

from __future__ import annotations

import re
from typing import Any

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.mailjet.wire import ApiError

ACTIONS = ("addforce", "addnoforce", "remove", "unsub")
_WHITESPACE = re.compile(r"\s")


def address_fault(email: str) -> str | None:
    """Why Mailjet would refuse this address, or None. The first reason is recorded, the second is inferred."""
    if "@" not in email:
        return "No @ character in mail"
    local, _, domain = email.rpartition("@")
    if not local or not domain or _WHITESPACE.search(email):
        return "Invalid characters in mail"
    return None


def find_contact(account: Account, key: str) -> int | None:
    """The id of a contact named by id or by address (case is ignored), or None."""
    if key.isdigit():
        return account.store.number("SELECT id FROM contact WHERE id = ?", (int(key),)) or None
    return account.store.number("SELECT id FROM contact WHERE email = ? COLLATE NOCASE", (key,)) or None


def create_contact(account: Account, email: str, at: int, name: str = "", excluded: bool | None = None) -> int:
    """A new contact; its id.

    ``excluded`` None means that the request did not say: the date of exclusion then stays empty (recorded).

    Raises:
        ApiError: the account is at its limit of contacts.
    """
    limit = account.switches.count("contact_limit")
    if limit and account.store.number("SELECT count(*) FROM contact") >= limit:
        raise ApiError(400, "Number of contacts exceeds maximum allowed for free accounts")
    contact_id = account.store.next_number("contact")
    account.store.execute(
        "INSERT INTO contact (id, email, name, excluded, excluded_at, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (contact_id, email, name, int(bool(excluded)), 0 if excluded is None else at, at),
    )
    return contact_id


def set_excluded(account: Account, contact_id: int, excluded: bool, at: int) -> bool:
    """Set a contact's exclusion from campaigns; whether that changed anything."""
    changed = account.store.execute(
        "UPDATE contact SET excluded = ?, excluded_at = ?, updated_at = ? WHERE id = ? AND excluded <> ?",
        (int(excluded), at, at, contact_id, int(excluded)),
    )
    return changed > 0


def list_exists(account: Account, list_id: int) -> bool:
    """Whether a list can be written to: it exists and is not deleted."""
    return account.store.row("SELECT 1 FROM list WHERE id = ? AND is_deleted = 0", (list_id,)) is not None


def apply_action(account: Account, action: str, contact_id: int, list_id: int, at: int) -> None:
    """One action for one contact on one list at a time (seconds since 1970)."""
    store = account.store
    place = store.row("SELECT id, unsubscribed FROM member WHERE list_id = ? AND contact_id = ?", (list_id, contact_id))
    if action in ("addforce", "addnoforce"):
        if place is None:
            _enter(account, contact_id, list_id, at, remember=action == "addnoforce")
        elif action == "addforce" and place["unsubscribed"]:
            store.execute(
                "UPDATE member SET unsubscribed = 0, unsubscribed_at = 0, subscribed_at = ? WHERE id = ?",
                (at, place["id"]),
            )
    elif action == "remove":
        if place is None:
            return
        if place["unsubscribed"]:
            store.execute(
                "INSERT OR REPLACE INTO departed (contact_id, list_id, unsubscribed_at)"
                " SELECT contact_id, list_id, unsubscribed_at FROM member WHERE id = ?",
                (place["id"],),
            )
        store.execute("DELETE FROM member WHERE id = ?", (place["id"],))
    elif action == "unsub":
        if place is None and account.switches.word("unsub_of_non_member") == "creates_row":
            _enter(account, contact_id, list_id, at, remember=False)
        store.execute(
            "UPDATE member SET unsubscribed = 1, unsubscribed_at = ?"
            " WHERE list_id = ? AND contact_id = ? AND unsubscribed = 0",
            (at, list_id, contact_id),
        )
    else:
        raise ApiError(400, f'Invalid action "{action}"')


def _enter(account: Account, contact_id: int, list_id: int, at: int, *, remember: bool) -> None:
    """A new place: a new row id and subscription time. Whether an earlier unsubscription returns is a switch."""
    store = account.store
    earlier = store.number(
        "SELECT unsubscribed_at FROM departed WHERE list_id = ? AND contact_id = ?", (list_id, contact_id)
    )
    unsubscribed_at = earlier if remember and account.switches.flag("unsub_survives_remove") else 0
    store.execute(
        "INSERT INTO member (id, contact_id, list_id, unsubscribed, subscribed_at, unsubscribed_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (store.next_number("member"), contact_id, list_id, int(unsubscribed_at > 0), at, unsubscribed_at),
    )
    store.execute("DELETE FROM departed WHERE list_id = ? AND contact_id = ?", (list_id, contact_id))


def read_actions(account: Account, value: Any) -> list[tuple[int, str]]:
    """The ``ContactsLists`` of a request as (list id, action).

    Raises:
        ApiError: not a list of such objects, an unknown action, or lists that are invalid or deleted.
    """
    if not isinstance(value, list):
        raise ApiError(400, "Object properties invalid", "MJ08 Property ContactsLists is invalid")
    actions: list[tuple[int, str]] = []
    wrong: list[dict[str, Any]] = []
    for entry in value:
        if not isinstance(entry, dict):
            raise ApiError(400, "Object properties invalid", "MJ08 Property ContactsLists is invalid")
        named = {str(name).lower(): content for name, content in entry.items()}
        list_id, action = named.get("listid"), str(named.get("action", "")).lower()
        text = str(list_id)
        if action not in ACTIONS:
            wrong.append({"ListID": list_id, "Action": action, "Error": f'Action "{action}" is invalid'})
        elif not text.isdigit() or not list_exists(account, int(text)):
            wrong.append({"ListID": list_id, "Action": action, "Error": f"List ID {list_id} is invalid or deleted"})
        else:
            actions.append((int(text), action))
    if wrong:
        described = {"ContactsLists": wrong}
        if account.switches.word("list_error_under") == "ErrorMessage":
            raise ApiError(400, described)
        raise ApiError(400, "Object properties invalid", described)
    return actions
