"""One case's stage: a copy of an account, a database of its own, the sandbox with its tap, and child processes at work.

Belongs here: setting it up, starting, killing and awaiting children, reading Mailjet's side. Does not belong here: faults
(the cases) and what has to hold afterwards (``invariants``).
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import dict_row

from list_pipeline.core.lists import ListRole
from list_pipeline.operations.services import Services
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.sandbox.server import SandboxServer
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.chaos import children
from list_pipeline_tests.chaos.clock import SharedClock
from list_pipeline_tests.chaos.tap import Tap, Trigger
from list_pipeline_tests.integration.accounts import Account, copy_database, settings_for

FORKS = multiprocessing.get_context("forkserver")
CHILD_SECONDS = 150.0
"""Longest life of a child on the machine's clock; one that lives longer hangs, and the case fails."""


@dataclass(frozen=True)
class Template:
    """An account and a database that knows it, to copy from. Nobody is connected to that database."""

    name: str
    account: Account
    database: str
    expected: frozenset[int]
    """Contacts that have to be suppressed: whoever bounced hard or complained by the recipe of the account."""
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Lists:
    """Mailjet's side at one instant: who is on which of the five lists, who left one, who is excluded."""

    places: Mapping[int, frozenset[ListRole]]
    unsubscribed: frozenset[tuple[int, ListRole]]
    excluded: frozenset[int]

    def on(self, role: ListRole) -> frozenset[int]:
        return frozenset(contact_id for contact_id, roles in self.places.items() if role in roles)


@dataclass
class Ended:
    """How a child ended: ``status`` as of the process (-9 was killed), ``result`` as it wrote it."""

    status: int
    result: Mapping[str, Any]
    log: Path

    @property
    def killed(self) -> bool:
        return self.status == -signal.SIGKILL

    @property
    def said_no(self) -> bool:
        return self.status == children.SAID_NO


class Child:
    """A process of the product."""

    def __init__(self, order: children.Order) -> None:
        self.order = order
        self._process: ForkServerProcess = FORKS.Process(target=children.run, args=(order,))
        self._process.start()

    def signal(self, number: int) -> None:
        """Send a signal."""
        if self._process.pid is not None and self._process.exitcode is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it at once, and return when it is gone. May be called by a thread of the sandbox."""
        self.signal(signal.SIGKILL)
        wait([self._process.sentinel], CHILD_SECONDS)

    def join(self, seconds: float = CHILD_SECONDS) -> Ended:
        """Wait for its end.

        Raises:
            AssertionError: it does not end.
        """
        self._process.join(seconds)
        if self._process.exitcode is None:
            self.kill()
            self._process.join(5)
            raise AssertionError(f"a child did not end within {seconds:.0f} s")
        result = self.order.files.with_suffix(".json")
        found = json.loads(result.read_text()) if result.exists() else {}
        return Ended(self._process.exitcode, found, self.order.files.with_suffix(".log"))


@dataclass
class Scene:
    """What a case works with."""

    template: Template
    folder: Path
    clock: SharedClock
    server: SandboxServer
    control: SandboxControl
    tap: Tap
    database_url: str
    admin: str = field(repr=False)
    settings: dict[str, Any]
    before: Lists = field(init=False)
    children: list[Child] = field(default_factory=list)
    _made: list[Services] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.before = self.lists()

    # The product at work

    def start(self, work: str = "tend", *, silent_s: float | None = None, **settings: Any) -> Child:
        """Start a child; ``settings`` differ from the scene's, ``silent_s`` as of ``Order``."""
        number = len(self.children) + 1
        child = Child(
            children.Order(
                work, self.plain_settings(**settings), self.folder / "clock", self.folder / f"child-{number}", silent_s
            )
        )
        self.children.append(child)
        return child

    def plain_settings(self, **settings: Any) -> dict[str, Any]:
        """The settings that are not the defaults, as they travel to another process."""
        made = settings_for(
            self.server, self.template.account.lists, self.database_url, **{**self.settings, **settings}
        )
        return {name: _plain(getattr(made, name)) for name in made.model_fields_set}

    def run(self, work: str = "tend", **settings: Any) -> Ended:
        """Start a child and wait for its end."""
        return self.start(work, **settings).join()

    def until_quiet(self, rounds: int = 6, **settings: Any) -> list[Ended]:
        """The sensors at work until there is nothing to do for them, also after errors in words.

        Raises:
            AssertionError: a child ended otherwise than well or with an error in words, or they never come to an end.
        """
        ended = []
        for _ in range(rounds):
            ended.append(self.run("tend_until_quiet", **settings))
            if ended[-1].status == 0:
                return ended
            if not ended[-1].said_no:
                kind = ended[-1].result.get("kind", "no result")
                raise AssertionError(f"a child ended with {ended[-1].status} ({kind}: {ended[-1].result.get('error')})")
            self.pass_time(seconds=children.BETWEEN_ROUNDS_S)
        raise AssertionError(f"after {rounds} rounds there is still an error: {ended[-1].result}")

    @cached_property
    def services(self) -> Services:
        """The product's services in this process, for what a person does."""
        return self.another()

    def another(self, **settings: Any) -> Services:
        """Services of this process with settings of their own."""
        made = settings_for(
            self.server, self.template.account.lists, self.database_url, **{**self.settings, **settings}
        )
        self._made.append(Services(made, self.clock))
        return self._made[-1]

    def pass_time(self, **parts: float) -> None:
        """Let time pass."""
        self.clock.advance(timedelta(**parts))

    def at(self, act: Callable[[], None], **where: Any) -> Trigger:
        """Let something happen at a request; ``where`` as in ``Trigger``."""
        trigger = Trigger(act, **where)
        self.tap.triggers.append(trigger)
        return trigger

    # Reading

    def lists(self) -> Lists:
        """Mailjet's side, read from its store: no request is counted."""
        store, ids = self.server.account.store, self.template.account.lists
        with store.lock:
            self.server.account.settle()
            members = store.rows("SELECT contact_id, list_id, unsubscribed FROM member")
            people = store.rows("SELECT id, excluded FROM contact")
        places: dict[int, set[ListRole]] = {int(row["id"]): set() for row in people}
        left = set()
        for row in members:
            role = ids.role_of(row["list_id"])
            if role is not None:
                places.setdefault(int(row["contact_id"]), set()).add(role)
                if row["unsubscribed"]:
                    left.add((int(row["contact_id"]), role))
        return Lists(
            {contact_id: frozenset(roles) for contact_id, roles in places.items()},
            frozenset(left),
            frozenset(int(row["id"]) for row in people if row["excluded"]),
        )

    def query(self, statement: str) -> list[dict[str, Any]]:
        """All rows of a statement on the product's tables."""
        with psycopg.connect(
            self.database_url, autocommit=True, row_factory=dict_row, options="-csearch_path=list_pipeline"
        ) as connection:
            return connection.execute(statement).fetchall()

    def execute(self, statement: str) -> None:
        """A statement without rows."""
        with psycopg.connect(self.database_url, autocommit=True, options="-csearch_path=list_pipeline") as connection:
            connection.execute(statement)

    def messages(self) -> list[Mapping[str, Any]]:
        """What Slack holds, oldest first, answers in threads too."""
        found = self.control.slack_messages()
        return list(found["messages"] if isinstance(found, Mapping) else found)

    def close(self) -> None:
        """End whatever still runs."""
        for child in self.children:
            child.kill()
        for made in self._made:
            made.close()


def _plain(value: Any) -> Any:
    """A setting's value as it may travel to another process."""
    return value.get_secret_value() if hasattr(value, "get_secret_value") else value


@contextmanager
def staged(template: Template, admin: str, folder: Path, *, pace: float = 0.0, **settings: Any) -> Iterator[Scene]:
    """A copy of an account in ``folder`` and in a new database, both gone afterwards."""
    name = f"list_pipeline_chaos_{uuid.uuid4().hex[:12]}"
    shutil.copytree(template.account.folder, folder, dirs_exist_ok=True)
    clock = SharedClock.create(folder / "clock", template.account.now, pace)
    copy_database(admin, template.database, name)
    try:
        server = SandboxServer(folder, clock)
        tap = Tap.into(server)
        with server, SandboxControl(server.url) as control:
            values = {
                "gemini_api_key": "sandbox-key",
                "gemini_base_url": server.url,
                **template.settings,
                **settings,
            }
            url = with_database(admin, name)
            scene = Scene(template, folder, clock, server, control, tap, url, admin, values)
            try:
                yield scene
            finally:
                scene.close()
    finally:
        drop_database(admin, name)
        clock.close()
