"""A first reading writes each row once, in large parts, and ends with the rows that reading page by page ends with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from list_pipeline.core.lists import ALL_LISTS, ListIds, ListRole
from list_pipeline.core.observations import ContactListSeen
from list_pipeline.operations.membership import list_reading
from list_pipeline.operations.membership.list_reading import ListReader, SyncReport
from list_pipeline.storage.database import Database, execute, fetch_all, fetch_scalar
from list_pipeline.storage.membership import members
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline_tests.integration.accounts import Killed
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import (
    START,
    client,
    contact_row,
    counted,
    envelope,
    recipient_row,
    refusal,
)
from list_pipeline_tests.virtual_clock import VirtualClock

LISTS = ListIds(5776, 11, 12, 13, 14)
PAGE = 12
"""Rows on a page here, and three pages are written at once."""

NOTHING_AT_ALL = """truncate contact_list_membership, list_membership, sync_state, unreadable_row, list_edit, erasure_due,
    erased_person, kept_unsubscription cascade"""

WHAT_IS_KNOWN = (
    """select contact_id, email, address_key, domain, in_master_list, in_campaign_list_1, in_campaign_list_2,
              in_campaign_list_3, in_suppression_list, is_unsubscribed, is_excluded, is_complaining, is_anonymised,
              queued_at, delivered_count from contact_list_membership order by contact_id""",
    """select list_role, contact_id, recipient_id, is_unsubscribed, subscribed_at, unsubscribed_at, left_at
       from list_membership order by list_role, contact_id""",
    "select list_role, sum(raw), sum(unsubscribed) from list_size_delta group by list_role order by list_role",
    "select kind, row_id, problem, contact_id, list_id from unreadable_row where ended_at is null order by kind, row_id",
    "select contact_id, address from erasure_due order by contact_id",
    "select contact_id, list_role from kept_unsubscription order by contact_id",
    "select contact_id from list_edit",
)


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_reading, "PAGE", PAGE)
    monkeypatch.setattr(list_reading, "MERGE_EVERY", 3 * PAGE)
    monkeypatch.setattr(list_reading, "LONG_LIST", 10 * PAGE)
    monkeypatch.setattr(list_reading, "SINGLE_READS_MAX", 3)


@dataclass
class Mailjet:
    """Mailjet with these contacts and entries of lists, as rows on the wire. It breaks off at a request, if one is named."""

    contacts: dict[int, dict[str, Any]] = field(default_factory=dict)
    entries: dict[ListRole, list[dict[str, Any]]] = field(default_factory=lambda: {role: [] for role in ALL_LISTS})
    breaks_at: int | None = None
    requests: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests += 1
        if self.requests == self.breaks_at:
            raise Killed
        query, path = request.url.params, request.url.path.removeprefix("/v3/REST/")
        collection, _, one = path.partition("/")
        role = LISTS.role_of(int(query["ContactsList"])) if "ContactsList" in query else None
        if one:
            return (
                envelope([self.contacts[int(one)]]) if int(one) in self.contacts else refusal(404, "Object not found")
            )
        rows: Sequence[Mapping[str, Any]]
        if collection == "listrecipient":
            assert role is not None
            rows = self.entries[role]
        elif role is None:
            rows = list(self.contacts.values())
        else:
            there = {row["ContactID"] for row in self.entries[role]}
            rows = [row for contact_id, row in self.contacts.items() if contact_id in there]
        if "countOnly" in query:
            return counted(len(rows))
        offset = int(query.get("Offset", "0"))
        return envelope(rows[offset : offset + min(PAGE, int(query["Limit"]))])

    def seen(self) -> dict[ListRole, ContactListSeen]:
        return {role: ContactListSeen(LISTS[role], role.value, len(self.entries[role]), False) for role in ALL_LISTS}


def read_lists(database: Database, mailjet: Mailjet, *, entries_first: bool) -> SyncReport:
    """Read all lists for the first time, as a sync does; otherwise one page after the other, each with its contacts."""
    clock = VirtualClock(START)
    with client(mailjet, clock) as asked, database.session() as session:
        services: Any = SimpleNamespace(mailjet=asked, clock=clock, list_ids=LISTS, database=database)
        report = SyncReport(seen=mailjet.seen())
        reader = ListReader(services, session, report, entries_first=entries_first)
        for role in ALL_LISTS:
            reader.read(role, whole=False, first=True)
        if entries_first:
            reader.read_contacts()
        else:
            sync_rows.queue_by_first_subscription(session)
            members.refresh_flags(session, clock.now())
    return report


def known(database: Database) -> list[list[tuple[Any, ...]]]:
    with database.begin() as connection:
        return [[tuple(row.values()) for row in fetch_all(connection, statement)] for statement in WHAT_IS_KNOWN]


def forget(database: Database) -> None:
    with database.begin() as connection:
        execute(connection, NOTHING_AT_ALL)


INSTANTS = st.sampled_from(["", "2025-06-20T09:20:44Z", "2024-01-01T00:00:00Z", "2025-06-20T11:20:44+02:00"])
ADDRESSES = st.sampled_from(
    [
        "person{}@example.com", "Person{}@Example.com", "pers\N{LATIN SMALL LETTER O WITH DIAERESIS}n{}@example.org",
        "person{}@xn--bcher-kva.example", "person{}@example.com.", "p+{}@gmail.com", "\\x{}@domain.invalid",
        "same-for-all@example.com", "a.xn--b{}@example.com",
    ]
)  # fmt: skip


@st.composite
def accounts(draw: st.DrawFn) -> Mailjet:
    """Contacts of every kind on lists of every length; a few rows that cannot be read, some contacts twice in a list."""
    mailjet, entry = Mailjet(), 0
    odd = 5
    for number in range(1, draw(st.integers(0, 90)) + 1):
        usual = draw(st.integers(0, 3)) > 0
        parts: dict[str, Any] = {"Email": f"person{number}@example.com"}
        if not usual:
            parts = {
                "Email": draw(ADDRESSES).format(number),
                "IsExcludedFromCampaigns": draw(st.booleans()),
                "IsSpamComplaining": draw(st.booleans()),
                "CreatedAt": draw(INSTANTS),
                "DeliveredCount": draw(st.sampled_from([0, 5, None, "7"])),
            }
        if odd and draw(st.integers(0, 40)) == 0:
            odd, parts["Email"] = odd - 1, draw(st.sampled_from(["", None, "two@at@example.com"]))
        if draw(st.integers(0, 30)):
            mailjet.contacts[number] = contact_row(number, **parts)
        for role in draw(st.lists(st.sampled_from(ALL_LISTS), min_size=1, max_size=3, unique=True)):
            entry += 1
            row = recipient_row(entry, LISTS[role], ContactID=number)
            if not usual:
                row["SubscribedAt"] = draw(INSTANTS)
                row["IsUnsubscribed"] = draw(st.booleans())
                row["UnsubscribedAt"] = draw(INSTANTS) if row["IsUnsubscribed"] else ""
            if odd and draw(st.integers(0, 60)) == 0:
                odd, row[draw(st.sampled_from(["SubscribedAt", "IsUnsubscribed"]))] = odd - 1, "?"
            mailjet.entries[role].append(row)
            if draw(st.integers(0, 60)) == 0:
                # With the same subscription: of two, that of the entry which was merged first gives the place in the queue, and
                # where merges begin and end is what differs here.
                entry += 1
                mailjet.entries[role].append({**row, "ID": entry, "IsUnsubscribed": draw(st.booleans())})
    return mailjet


@pytest.mark.parametrize("interrupted", [False, True])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(account=accounts(), data=st.data())
def test_a_first_reading_in_large_parts_ends_with_the_rows_that_one_page_after_the_other_brings(
    database: Database, interrupted: bool, account: Mailjet, data: st.DataObject
) -> None:
    forget(database)
    read_lists(database, account, entries_first=False)
    expected = known(database)
    forget(database)
    if interrupted:
        account.requests, account.breaks_at = 0, data.draw(st.integers(1, 40))
        try:
            read_lists(database, account, entries_first=True)
            event("it was read before it could be interrupted")
        except Killed:
            event("it was interrupted")
        account.breaks_at = None
    read_lists(database, account, entries_first=True)
    assert known(database) == expected


def account_of(contacts: int) -> Mailjet:
    mailjet = Mailjet({number: contact_row(number) for number in range(1, contacts + 1)})
    mailjet.entries[ListRole.MASTER] = [
        recipient_row(1_000 + number, LISTS[ListRole.MASTER], ContactID=number) for number in range(1, contacts + 1)
    ]
    return mailjet


@pytest.mark.parametrize("role", [ListRole.MASTER, ListRole.CAMPAIGN_1])
@pytest.mark.parametrize("entries_first", [False, True])
def test_an_entry_that_cannot_be_read_gives_no_place_in_the_queue(
    database: Database, role: ListRole, entries_first: bool
) -> None:
    created, subscribed = "2025-03-01T00:00:00Z", "2024-01-01T00:00:00Z"
    mailjet = Mailjet({1: contact_row(1, CreatedAt=created)})
    for number, one in enumerate((ListRole.MASTER, ListRole.CAMPAIGN_1), start=1):
        row = recipient_row(number, LISTS[one], ContactID=1)
        row["SubscribedAt"], row["IsUnsubscribed"] = (subscribed, "?") if one is role else ("", False)
        mailjet.entries[one].append(row)
    read_lists(database, mailjet, entries_first=entries_first)
    with database.begin() as connection:
        found = fetch_scalar(connection, "select queued_at from contact_list_membership")
    assert found == datetime.fromisoformat(created)


def test_each_contact_is_written_once(database: Database) -> None:
    account = account_of(100)
    read_lists(database, account, entries_first=True)
    with database.begin() as connection:
        # Nobody's row has a predecessor: whoever is rewritten gets a new place in the table.
        places = fetch_scalar(connection, "select count(*) from contact_list_membership where ctid > '(9,0)'")
        rewritten = fetch_scalar(
            connection, "select count(*) from contact_list_membership where not in_master_list or address_key is null"
        )
        written = fetch_all(connection, "select id from contact_list_membership order by ctid")
    assert (places, rewritten) == (0, 0)
    ids = [row["id"] for row in written]
    assert ids == list(range(ids[0], ids[0] + 100))


def test_pages_that_were_read_before_an_interruption_are_not_read_again(database: Database) -> None:
    account = account_of(200)
    read_lists(database, account, entries_first=True)
    at_once = account.requests
    for breaks_at in (10, 20, 30):
        forget(database)
        account.requests, account.breaks_at = 0, breaks_at
        with pytest.raises(Killed):
            read_lists(database, account, entries_first=True)
        account.breaks_at = None
        read_lists(database, account, entries_first=True)
        # What was not written yet, at most three pages, and one or two requests each that show where lists and contacts go on.
        assert account.requests <= at_once + 3 + len(ALL_LISTS) + 2


def test_who_unsubscribed_and_was_put_on_again_during_an_interruption_stays_unsubscribed(database: Database) -> None:
    account = account_of(100)
    account.entries[ListRole.MASTER][5].update(IsUnsubscribed=True, UnsubscribedAt="2025-07-01T00:00:00Z")
    account.breaks_at = 7
    with pytest.raises(Killed):
        read_lists(database, account, entries_first=True)
    put_on_again = {
        **account.entries[ListRole.MASTER].pop(5),
        "ID": 5_000,
        "IsUnsubscribed": False,
        "UnsubscribedAt": "",
    }
    account.entries[ListRole.MASTER].append(put_on_again)
    account.breaks_at = None
    read_lists(database, account, entries_first=True)
    with database.begin() as connection:
        found = fetch_all(connection, "select contact_id from contact_list_membership where is_unsubscribed")
    assert [row["contact_id"] for row in found] == [6]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(address=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=30) | ADDRESSES)
def test_the_key_that_comes_with_a_row_is_the_one_that_the_trigger_gives(database: Database, address: str) -> None:
    with database.begin() as connection:
        usual, key = fetch_all(
            connection,
            """select usual_address_key(:address, inner_pad, outer_pad) as usual, address_key(:address) as key
               from erasure_key""",
            address=address,
        )[0].values()
    assert usual in (None, key)
    is_plain = address.isascii() and "xn--" not in address.lower() and not address.endswith(".")
    assert usual is not None or not is_plain
