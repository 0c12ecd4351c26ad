"""The membership sync at a million contacts, held against what cannot be saved: reading the same pages, and keeping them.

- *CPU*: seconds of the product's process and of PostgreSQL together, held against bare httpx and psycopg: the same requests
  (the contacts of the master list and the entries of all five lists, a thousand a page), ``json()``, and COPY into two plain
  tables without a key, an index or a check. The product in addition checks each row, and keeps it in tables with keys and
  with the indexes that everything after it asks.
- *requests* against those of the bare reading, and *memory*: the peak of a process that does nothing else.
- *the next syncs*: with nothing new, which is to be flat in requests and CPU, and after ten people left. The one who leaves a
  long list costs as many pages as the number of its pages has binary digits.

Both readings run in processes of their own, one after the other, against the same sandbox, which is counted nowhere. They are
measured on the largest of the accounts that are maintained (``large_lists``), which has to be read for the first time anyway.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import ceil, log2
from typing import Any

import httpx
import psycopg
import structlog

from bench.account import LISTS, Account, SharedClock, database, settings_for
from bench.figures import Figure, Unit
from bench.meter import Cost, PostgresMeter, metered, peak_mb
from list_pipeline.core.clock import Clock
from list_pipeline.core.lists import ListRole
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.services import Services
from list_pipeline_tests.virtual_clock import VirtualClock

LEAVERS = 10
PART = "full sync"

GOAL_CPU = 1.3
GOAL_REQUESTS = 1.15
GOAL_MEMORY_MB = 512

_BARE, _PRODUCT = "bare", "product"
_TABLES = (
    "create table contact (id bigint, email text, is_excluded boolean, is_complaining boolean, created_at timestamptz,"
    " delivered integer)",
    "create table entry (list_id bigint, contact_id bigint, id bigint, is_unsubscribed boolean,"
    " subscribed_at timestamptz, unsubscribed_at timestamptz)",
)


@dataclass(frozen=True)
class NextSyncs:
    """Two syncs after the first reading: with nothing new, and after some people left the master list."""

    contacts: int
    quiet: Cost
    quiet_requests: int
    left: Cost
    left_requests: int


def first_sync(made: Account, contacts: int, server_url: str) -> list[Figure]:
    """Read the lists of an account for the first time, into the account's own database, held against the bare reading."""
    bare = _in_a_process(_BARE, server_url, made.sandbox_url, made.clock)
    _say(f"bare reading {_words(bare)}")
    first = _in_a_process(_PRODUCT, server_url, made.sandbox_url, made.clock, made.database_url)
    _say(f"first sync {_words(first)}")
    size = f"{contacts:,} contacts"
    alone = "A process of its own, psutil on it and on PostgreSQL; the sandbox is not counted."
    return [
        Figure(
            PART, f"First sync of {size}", first["product_s"] + first["postgres_s"], Unit.CPU_SECONDS, alone,
            bare["product_s"] + bare["postgres_s"], "bare httpx and COPY of the same pages", GOAL_CPU,
        ),
        Figure(
            PART, "  of which the product's process", first["product_s"], Unit.CPU_SECONDS, alone, bare["product_s"],
            "the bare process",
        ),
        Figure(
            PART, "  of which PostgreSQL", first["postgres_s"], Unit.CPU_SECONDS, alone, bare["postgres_s"],
            "COPY into tables without a key",
        ),
        Figure(
            PART, f"Requests of a first sync of {size}", first["requests"], Unit.REQUESTS,
            "Counted by the client, repetitions included.", bare["requests"], "the pages", GOAL_REQUESTS,
        ),
        Figure(
            PART, f"Memory of a first sync of {size}", first["peak_mb"], Unit.MEGABYTES,
            "The most that its process ever held.", goal=GOAL_MEMORY_MB,
        ),
    ]  # fmt: skip


def next_syncs(made: Account, contacts: int, meter: PostgresMeter) -> NextSyncs:
    """A sync that finds nothing new, and one after some people left the master list."""
    services = made.services
    # The first one after a start compiles statements and fills caches.
    sync(services)
    with metered(meter) as quiet:
        quiet_requests = sync(services).requests
    with services.database.begin() as connection:
        found = connection.exec_driver_sql(
            "select contact_id from list_membership where list_role = 'master' and left_at is null order by recipient_id"
        )
        members = [int(row[0]) for row in found]
    step = len(members) // LEAVERS
    with httpx.Client(base_url=made.sandbox_url, auth=("sandbox-key", "sandbox-secret")) as http:
        for contact_id in members[step // 2 :: step][:LEAVERS]:
            _take_off_master(http, contact_id)
    with metered(meter) as left:
        left_requests = sync(services).requests
    _say(
        f"{contacts:,}: nothing new {quiet.cpu_s:.2f} CPU s, {LEAVERS} left {left.cpu_s:.2f} CPU s, {left_requests} requests"
    )
    return NextSyncs(contacts, quiet, quiet_requests, left, left_requests)


def figures_of(few: NextSyncs, many: NextSyncs) -> list[Figure]:
    """The figures of the next syncs, of the smallest and the largest account."""
    size, smallest = f"{many.contacts:,} contacts", f"{few.contacts:,} contacts"
    pages = ceil(log2(max(many.contacts / 1_000, 2)))
    twice = f"The second of two such syncs in one process; at {smallest} {few.quiet.cpu_s:.2f} CPU s."
    return [
        Figure(
            PART, f"Next sync of {size}, nothing new", many.quiet_requests, Unit.REQUESTS, twice, few.quiet_requests,
            smallest, GOAL_REQUESTS,
        ),
        Figure(PART, f"Next sync of {size}, nothing new", many.quiet.cpu_s, Unit.CPU_SECONDS, twice, goal=1.0),
        Figure(
            PART, f"Sync of {size} after {LEAVERS} left master", many.left_requests, Unit.REQUESTS,
            "One search a leaver over the entries of the list, by offset and id, and the fate of each.",
            many.quiet_requests + LEAVERS * (pages + 3), f"the quiet sync and {pages} + 3 each", GOAL_REQUESTS,
        ),
        Figure(
            PART, f"Sync of {size} after {LEAVERS} left master", many.left.cpu_s, Unit.CPU_SECONDS, "As the requests.",
        ),
    ]  # fmt: skip


def _take_off_master(http: httpx.Client, contact_id: int) -> None:
    action = {"ContactsLists": [{"ListID": LISTS["mailjet_master_list_id"], "Action": "remove"}]}
    http.post(f"/v3/REST/contact/{contact_id}/managecontactslists", json=action).raise_for_status()


def _in_a_process(what: str, server_url: str, sandbox_url: str, clock: SharedClock, *more: str) -> dict[str, float]:
    """What a reading cost that runs in a fresh Python."""
    told = [what, server_url, sandbox_url, clock.now().isoformat(), *more]
    done = subprocess.run(
        [sys.executable, "-m", "bench.full_sync", *told], capture_output=True, text=True, check=False, timeout=1_800
    )
    if done.returncode:
        raise RuntimeError(f"the {what} reading failed:\n{done.stderr[-2_000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _bare(server_url: str, sandbox_url: str) -> dict[str, float]:
    """The pages of a first sync by httpx alone, into tables without anything."""
    meter, requests = PostgresMeter(server_url), 0

    def rows_of(http: httpx.Client, collection: str, list_id: int) -> Iterator[dict[str, Any]]:
        nonlocal requests
        offset = 0
        while True:
            query: dict[str, str | int] = {"ContactsList": list_id, "Limit": 1_000, "Offset": offset, "Sort": "ID"}
            rows = http.get(f"/v3/REST/{collection}", params=query).json()["Data"]
            requests += 1
            yield from rows
            offset += len(rows)
            if len(rows) < 1_000:
                return

    with database(server_url) as kept, psycopg.connect(kept) as connection:
        for table in _TABLES:
            connection.execute(table)
        connection.commit()
        with (
            metered(meter) as cost,
            httpx.Client(base_url=sandbox_url, auth=("sandbox-key", "sandbox-secret")) as http,
            connection.cursor() as cursor,
        ):
            with cursor.copy("copy contact from stdin") as copy:
                for row in rows_of(http, "contact", LISTS["mailjet_master_list_id"]):
                    copy.write_row(
                        (
                            row["ID"], row["Email"], row["IsExcludedFromCampaigns"], row["IsSpamComplaining"],
                            row["CreatedAt"] or None, row["DeliveredCount"],
                        )
                    )  # fmt: skip
            with cursor.copy("copy entry from stdin") as copy:
                for list_id in LISTS.values():
                    for row in rows_of(http, "listrecipient", list_id):
                        copy.write_row(
                            (
                                row["ListID"], row["ContactID"], row["ID"], row["IsUnsubscribed"],
                                row["SubscribedAt"] or None, row["UnsubscribedAt"] or None,
                            )
                        )  # fmt: skip
            connection.commit()
    return _cost(cost.product_s, cost.postgres_s, requests)


def _product(server_url: str, sandbox_url: str, clock: Clock, database_url: str) -> dict[str, float]:
    """The product's first sync, into a database that is prepared."""
    meter = PostgresMeter(server_url)
    with Services(settings_for(database_url, sandbox_url), clock) as services:
        with metered(meter) as cost:
            report = sync(services)
        missing = set(ListRole) - set(report.full_lists)
    if missing:
        raise RuntimeError(f"not read to their end: {missing}")
    return _cost(cost.product_s, cost.postgres_s, report.requests)


def _cost(product_s: float, postgres_s: float, requests: int) -> dict[str, float]:
    return {"product_s": product_s, "postgres_s": postgres_s, "requests": requests, "peak_mb": peak_mb()}


def _words(found: dict[str, float]) -> str:
    return f"{found['product_s']:.2f} + {found['postgres_s']:.2f} CPU s, {found['requests']:,.0f} requests"


def _say(words: str) -> None:
    print(f"{PART}: {words}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    what, server_url, sandbox_url, at, *more = sys.argv[1:]
    cost = (
        _bare(server_url, sandbox_url)
        if what == _BARE
        else _product(server_url, sandbox_url, VirtualClock(datetime.fromisoformat(at)), *more)
    )
    print(json.dumps(cost))
