"""The product on a seeded account: an empty database, and the sandbox in a process of its own with a clock that both share.

Belongs here: beginning and ending what every measurement stands on. Does not belong here: measuring.
"""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from list_pipeline import stack
from list_pipeline.operations.services import Services
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline.settings import Settings
from list_pipeline.stack.databases import create_database, drop_database, with_database

ANCHOR = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
UNLIMITED = 1_000_000
"""Requests a minute where the limiter is not what is measured."""
LISTS: Mapping[str, int] = {
    "mailjet_master_list_id": 5776,
    "mailjet_campaign_list_1_id": 10503497,
    "mailjet_campaign_list_2_id": 10503498,
    "mailjet_campaign_list_3_id": 10503499,
    "mailjet_suppression_list_id": 10503500,
}


class SharedClock:
    """A clock that stands still until somebody sleeps on it, in whichever process. Seconds since 1970 are what is shared."""

    def __init__(self, instant: Synchronized[float]) -> None:
        self._instant = instant

    def now(self) -> datetime:
        """The present instant (UTC)."""
        return datetime.fromtimestamp(self._instant.value, UTC)

    def sleep(self, seconds: float) -> None:
        """Move the clock, and return at once."""
        with self._instant.get_lock():
            self._instant.value += max(seconds, 0.0)

    def advance(self, by: timedelta) -> None:
        """Move forward."""
        self.sleep(by.total_seconds())

    def set(self, instant: datetime) -> None:
        """Jump to an instant that is not before the present one."""
        with self._instant.get_lock():
            if instant.timestamp() < self._instant.value:
                raise ValueError("a clock does not go backwards")
            self._instant.value = instant.timestamp()


@dataclass(frozen=True)
class Account:
    """A seeded account with the product on it. ``seeding_s``: what the sandbox needed to make it up."""

    services: Services
    clock: SharedClock
    control: SandboxControl
    sandbox_url: str
    database_url: str
    seeding_s: float


def admin_url() -> str:
    """Of the PostgreSQL server to measure on: DATABASE_URL's, else the embedded one's."""
    return os.environ.get("DATABASE_URL") or stack.start(with_sandbox=False).admin_url


def settings_for(database_url: str, sandbox_url: str, **others: Any) -> Settings:
    """Settings of the product on such an account; ``others`` win."""
    return Settings.model_validate(
        {
            "database_url": database_url,
            "mailjet_api_key": "sandbox-key",
            "mailjet_secret_key": "sandbox-secret",
            "mailjet_base_url": sandbox_url,
            **LISTS,
            "mailjet_requests_per_minute": UNLIMITED,
            "list_management_mode": "auto",
            "list_maintenance_lookback_days": 3,
            **others,
        }
    )


def _serve(instant: Synchronized[float], state: str, parent: Connection) -> None:
    with SandboxServer(Path(state), SharedClock(instant)) as server:
        parent.send(server.url)
        # Until the other end closes.
        with parent:
            try:
                parent.recv()
            except EOFError:
                return


@contextmanager
def sandbox(clock_at: datetime) -> Iterator[tuple[str, SharedClock]]:
    """The sandbox in a process of its own: its address, and the clock that it shares with whoever asks it."""
    # Spawned: a forked process would share connections and locks with this one.
    context = multiprocessing.get_context("spawn")
    instant: Synchronized[float] = context.Value("d", clock_at.timestamp())
    with tempfile.TemporaryDirectory() as state:
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(instant, state, there), daemon=True)
        process.start()
        there.close()
        try:
            yield str(here.recv()), SharedClock(instant)
        finally:
            here.close()
            process.join(timeout=10)
            if process.is_alive():
                process.kill()
                process.join()


@contextmanager
def database(server_url: str) -> Iterator[str]:
    """An empty database on the server, dropped afterwards: its address."""
    name = f"list_pipeline_bench_{uuid.uuid4().hex[:12]}"
    create_database(server_url, name)
    try:
        yield with_database(server_url, name)
    finally:
        drop_database(server_url, name)


@contextmanager
def account(contacts: int, server_url: str, *, seed: Mapping[str, Any], **settings: Any) -> Iterator[Account]:
    """The product on an account of so many contacts; all is thrown away afterwards.

    Args:
        server_url: as of ``admin_url``.
        seed: what the sandbox's seeding is told, as of ``SandboxControl.seed``.
        settings: as of ``settings_for``.
    """
    with (
        database(server_url) as database_url,
        sandbox(ANCHOR) as (url, clock),
        SandboxControl(url, timeout_seconds=3600) as control,
    ):
        control.set_switches(rate_limit_per_minute=0)
        began = time.perf_counter()
        control.seed(contacts=contacts, **{"seed": 7, **seed})
        seeding_s = time.perf_counter() - began
        with Services(settings_for(database_url, url, **settings), clock) as services:
            yield Account(services, clock, control, url, database_url, seeding_s)


def quiet(_: str) -> None:
    """Progress that nobody reads."""
