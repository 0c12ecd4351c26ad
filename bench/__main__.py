"""Maintains accounts of growing size with the same failures, and prints what each cost in relation to the smallest.

Belongs here: seeding, measuring, printing. Does not belong here: any limit that a test should hold. Seconds depend on the
machine and are shown for orientation; the ratios are what counts. Waiting is on a clock that stands still, so seconds are
work, without Mailjet's own time.

First the weekly check and the validation before a campaign, on the smallest account and under the real limiter: one that has
had no request for a while, and one whose minute was just used up. Their waiting is what the clock was moved by.

    python -m bench [contacts ...]        default: 3600 60000 300000
    python -m bench looks [contacts]      the weekly check and the validation only
    python -m bench incidents [contacts ...]        how often the incident test is wrong; default: 1000 3000 10000
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import structlog
from sqlalchemy import text

from bench import incidents
from list_pipeline import stack
from list_pipeline.operations import setup
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.confirmed_lists import confirm_lists
from list_pipeline.operations.runs.run import due
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline.settings import Settings
from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline_tests.virtual_clock import VirtualClock

SIZES = (3600, 60_000, 300_000)
ANCHOR = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

_UNLIMITED = 1_000_000
LIMIT = 300
"""Requests a minute under which the weekly check has to end within half a minute."""
WITHIN_S = 30.0
ANSWER_S = 0.2
"""What Mailjet is taken to need for an answer where whole workflows are held against that half minute."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """One account: seconds of work and requests to Mailjet. ``again`` is the sync that follows the first one."""

    contacts: int
    seeding_s: float
    sync_s: float
    sync_requests: int
    again_s: float
    again_requests: int
    maintenance_s: float
    maintenance_requests: int
    suppressed: int
    changed_lists: int


def _timed(work: Callable[[], Result]) -> tuple[Result, float]:
    began = time.perf_counter()
    result = work()
    return result, time.perf_counter() - began


def _quiet(_: str) -> None:
    return


@contextmanager
def _account(
    contacts: int, admin_url: str, balance: str, requests_per_minute: int
) -> Iterator[tuple[Services, VirtualClock, SandboxControl, float]]:
    """The product on a seeded account and an empty database, and the seconds of seeding; all is thrown away afterwards."""
    name = f"list_pipeline_bench_{uuid.uuid4().hex[:12]}"
    create_database(admin_url, name)
    clock = VirtualClock(ANCHOR)
    try:
        with (
            tempfile.TemporaryDirectory() as state,
            SandboxServer(Path(state), clock) as server,
            SandboxControl(server.url, timeout_seconds=3600) as control,
        ):
            control.set_switches(rate_limit_per_minute=0)
            _, seeding_s = _timed(
                lambda: control.seed(contacts=contacts, seed=7, last_send_failures="constant", balance=balance)
            )
            settings = Settings.model_validate(
                {
                    "database_url": with_database(admin_url, name),
                    "mailjet_api_key": "sandbox-key",
                    "mailjet_secret_key": "sandbox-secret",
                    "mailjet_base_url": server.url,
                    "mailjet_master_list_id": 5776,
                    "mailjet_campaign_list_1_id": 10503497,
                    "mailjet_campaign_list_2_id": 10503498,
                    "mailjet_campaign_list_3_id": 10503499,
                    "mailjet_suppression_list_id": 10503500,
                    "mailjet_requests_per_minute": requests_per_minute,
                    "list_management_mode": "auto",
                    "list_maintenance_lookback_days": 3,
                }
            )
            with Services(settings, clock) as services:
                yield services, clock, control, seeding_s
    finally:
        drop_database(admin_url, name)


def measure(contacts: int, admin_url: str, *, balance: str) -> Measured:
    """Seed, synchronise twice and maintain one account."""
    with _account(contacts, admin_url, balance, _UNLIMITED) as (services, _, _, seeding_s):
        return _measure(services, contacts, seeding_s)


def _measure(services: Services, contacts: int, seeding_s: float) -> Measured:
    setup.prepare(services)
    counts: list[int] = []
    seconds: list[float] = []
    for _ in range(2):
        before = services.mailjet.requests_made
        seconds.append(_timed(lambda: synchronise(services, progress=_quiet))[1])
        counts.append(services.mailjet.requests_made - before)
    confirm_lists(services, by="bench")
    (one,) = due(services)
    before, in_syncs = services.mailjet.requests_made, _sync_requests(services)
    maintained, maintenance_s = _timed(
        lambda: workflow.maintain(services, one.campaign_key, run_id="bench", progress=_quiet)
    )
    in_sync = _sync_requests(services) - in_syncs
    facts = maintained.report.facts
    return Measured(
        contacts=contacts,
        seeding_s=seeding_s,
        sync_s=seconds[0],
        sync_requests=counts[0],
        again_s=seconds[1],
        again_requests=counts[1],
        maintenance_s=maintenance_s,
        maintenance_requests=services.mailjet.requests_made - before - in_sync,
        suppressed=facts.suppression.confirmed_total,
        changed_lists=facts.rebalancing.confirmed,
    )


def _sync_requests(services: Services) -> int:
    with services.database.begin() as connection:
        return int(connection.execute(text("select coalesce(sum(requests), 0) from sync_run")).scalar_one())


@dataclass(frozen=True)
class Looked:
    """A workflow that only reads: seconds of work, of waiting for the limiter, and of waiting for answers and between
    messages, the last two on the account's clock; and requests to Mailjet."""

    name: str
    work_s: float
    limiter_s: float
    answers_s: float
    requests: int

    @property
    def seconds(self) -> float:
        """All of it, one after the other; what happens at the same time is added up."""
        return self.work_s + self.limiter_s + self.answers_s


def measure_looks(contacts: int, admin_url: str) -> list[Looked]:
    """The weekly check and a validation under the limiter, after a synchronisation long ago and right after a busy minute."""
    found: list[Looked] = []
    with _account(contacts, admin_url, "even", LIMIT) as (services, clock, control, _):
        setup.prepare(services)
        synchronise(services, progress=_quiet)
        first_due = ANCHOR + timedelta(days=(7 - ANCHOR.weekday()) % 7)

        def look(name: str, at: datetime, requests_before: int, work: Callable[[], object]) -> None:
            clock.set(max(at, clock.now()))
            for _ in range(requests_before):
                services.mailjet.contact_list(services.list_ids.master)
            control.add_fault("delay", path="^/v3/", seconds=ANSWER_S, count=None)
            requests, waited_s, began = services.mailjet.requests_made, services.waited_s, clock.now()
            _, work_s = _timed(work)
            limiter_s = services.waited_s - waited_s
            answers_s = (clock.now() - began).total_seconds() - limiter_s
            control.clear_faults()
            found.append(Looked(name, work_s, limiter_s, answers_s, services.mailjet.requests_made - requests))

        def check() -> object:
            return check_week(services, progress=_quiet)

        def validate_next() -> object:
            discover_upcoming(services)
            (key,) = _keys_to_come(services)
            return validate(services, key)

        # The seed schedules a campaign two days after the anchor.
        look("validation", ANCHOR + timedelta(days=1), 0, validate_next)
        look("validation, busy", ANCHOR + timedelta(days=1, hours=1), LIMIT, validate_next)
        monday = first_due.replace(hour=10, minute=5)
        look("weekly check", monday, 0, check)
        look("weekly check, busy", monday + timedelta(days=7), LIMIT, check)
    return found


def _keys_to_come(services: Services) -> list[str]:
    with services.database.begin() as connection:
        found = connection.execute(text("select campaign_key from campaign_schedule where mailjet_campaign_id is null"))
        return [str(row[0]) for row in found]


def show_looks(contacts: int, found: list[Looked]) -> None:
    """A table; the share of half a minute is what counts where nobody else asks Mailjet."""
    print(
        f"{contacts:,} contacts under {LIMIT} requests a minute, {ANSWER_S:g} s an answer, in shares of {WITHIN_S:.0f} s"
    )
    for one in found:
        print(
            f"  {one.name:<20} {one.seconds:7.2f} s  x {one.seconds / WITHIN_S:5.2f}   work {one.work_s:5.2f} s, limiter "
            f"{one.limiter_s:5.2f} s, answers {one.answers_s:5.2f} s   {one.requests:4d} requests"
            f"  x {one.requests / LIMIT:4.2f} of a minute's",
            flush=True,
        )


def show(found: list[Measured]) -> None:
    """A table, each figure beside its ratio to the smallest account."""
    first = found[0]
    for one in found:
        print(f"{one.contacts:,} contacts ({one.contacts / first.contacts:.0f} times {first.contacts:,})")
        lines = (
            ("seeding", one.seeding_s, first.seeding_s, None, None),
            ("first sync", one.sync_s, first.sync_s, one.sync_requests, first.sync_requests),
            ("next sync", one.again_s, first.again_s, one.again_requests, first.again_requests),
            (
                "maintenance",
                one.maintenance_s,
                first.maintenance_s,
                one.maintenance_requests,
                first.maintenance_requests,
            ),
        )
        for name, seconds, seconds_1, requests, requests_1 in lines:
            line = f"  {name:<12} {seconds:8.2f} s  x {seconds / max(seconds_1, 0.001):6.1f}"
            if requests is not None and requests_1 is not None:
                line += f"   {requests:5d} requests  x {requests / max(requests_1, 1):6.2f}"
            print(line)
        print(f"  {one.suppressed} suppressed, {one.changed_lists} moved or enrolled", flush=True)


def main(arguments: list[str]) -> None:
    """Measure every size for lists that are even, then for lists that need a repair."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    if arguments[:1] == ["incidents"]:
        incidents.show(sizes=[int(argument) for argument in arguments[1:]] or incidents.SIZES)
        return
    only_looks = arguments[:1] == ["looks"]
    sizes = [int(argument) for argument in arguments[only_looks:]] or list(SIZES)
    admin_url = os.environ.get("DATABASE_URL") or stack.start(with_sandbox=False).admin_url
    show_looks(sizes[0], measure_looks(sizes[0], admin_url))
    if only_looks:
        return
    for balance, words in (
        ("even", "nothing to repair"),
        ("repairable", "moves and newcomers in proportion to the size"),
    ):
        print(f"Same failures, {words}")
        show([measure(contacts, admin_url, balance=balance) for contacts in sizes])


if __name__ == "__main__":
    main(sys.argv[1:])
