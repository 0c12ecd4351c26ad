"""Servers that are gone, or that are not what they were: PostgreSQL restarted, PostgreSQL restored, Redis gone.

Belongs here: faults of our own stores. Does not belong here: faults of remote services (``wire``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import psycopg

from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.safety.restore_guard import accept, why_stopped
from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline.stack.postgres import PostgresServer
from list_pipeline.stack.servers import Command, RedisServer, spawn
from list_pipeline.stack.state import StackDirectory
from list_pipeline_tests.chaos.case import Case, NotPlayable
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Scene
from list_pipeline_tests.integration.accounts import copy_database, database_name


@dataclass(frozen=True)
class ConnectionsAreCut(Case):
    """PostgreSQL ends all connections of the product around a request, as a restart does; at once it answers again."""

    family: ClassVar[str] = "postgres"
    nth: int
    when: str

    @property
    def name(self) -> str:
        return f"connections-cut-{self.nth:03}-{self.when}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        trigger = scene.at(lambda: cut_connections(scene.database_url), nth=self.nth, when=self.when)
        scene.run("tend")
        if not trigger.fired:
            return ["the connections were never cut"]
        scene.pass_time(minutes=65)
        scene.until_quiet()
        return broken(scene, reference, Expectation(messages=None, model_asked_again=1))


def cut_connections(url: str) -> None:
    """End every connection to a database but this one."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            """select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()"""
        )


@dataclass(frozen=True)
class PostgresRestarts(Case):
    """A server of its own is restarted around the ``nth`` request: killed, or shut down; it is away for some seconds."""

    family: ClassVar[str] = "postgres"
    nth: int
    number: int

    @property
    def name(self) -> str:
        return f"restarted-with-signal-{self.number}-at-{self.nth}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        with own_postgres() as server:
            url = server.take_over(scene)
            old, scene.database_url = scene.database_url, url
            trigger = scene.at(lambda: server.restart(self.number), nth=self.nth)
            try:
                scene.run("tend")
                if not trigger.fired:
                    return ["PostgreSQL was never restarted"]
                scene.pass_time(minutes=65)
                scene.until_quiet()
                return broken(scene, reference, Expectation(messages=None, model_asked_again=1))
            finally:
                scene.database_url = old


class OwnPostgres:
    """An embedded PostgreSQL for one case, on a port that it keeps."""

    def __init__(self, root: Path) -> None:
        self._directory = StackDirectory(root)
        self._directory.create()
        self._server = PostgresServer(self._directory)
        self._command: Command = self._server.command()
        self._process: subprocess.Popen[bytes] = self._spawn()
        self.admin = self._answering()

    def _spawn(self) -> subprocess.Popen[bytes]:
        return spawn(self._command, self._directory.logs / "postgres.log")

    def _answering(self) -> str:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if (url := self._server.url()) is not None:
                return url
            time.sleep(0.05)
        raise NotPlayable("the embedded PostgreSQL does not come up: " + self._directory.log_tail())

    def take_over(self, scene: Scene) -> str:
        """A copy of a scene's database on this server; its URL."""
        name = database_name(scene.database_url)
        create_database(self.admin, name)
        url = with_database(self.admin, name)
        binaries = Path(self._command.arguments[0]).parent
        dump = subprocess.run([str(binaries / "pg_dump"), scene.database_url], capture_output=True, check=True)
        subprocess.run([str(binaries / "psql"), "-q", "-v", "ON_ERROR_STOP=1", url], input=dump.stdout,
                       capture_output=True, check=True)  # fmt: skip
        return url

    def restart(self, number: int) -> None:
        """End it with a signal and start it again on the same port and data."""
        # SIGINT is a fast shutdown, SIGQUIT an immediate one, as after a crash: the supervisor's children end too.
        self._process.send_signal(number)
        self._process.wait(30)
        self._process = self._spawn()
        self._answering()

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(30)


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """An embedded server until the block ends."""
    if "DATABASE_URL" in os.environ:
        raise NotPlayable("PostgreSQL is not ours to restart: DATABASE_URL is set")
    with tempfile.TemporaryDirectory(prefix="list_pipeline-chaos-pg-", dir="/tmp") as root:
        Path(root).chmod(0o711)
        server = OwnPostgres(Path(root))
        try:
            yield server
        finally:
            server.close()


@dataclass(frozen=True)
class Restored(Case):
    """PostgreSQL is restored from a copy that was made ``days`` before; the maintenance since is not known to it."""

    family: ClassVar[str] = "postgres"
    days: float

    @property
    def name(self) -> str:
        return f"restored-from-{self.days:g}-days-ago"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        ended = scene.run("tend")
        if ended.status != 0:
            return [f"the run before the restoration failed: {ended.result}"]
        scene.pass_time(days=self.days)
        before, posted, told = scene.lists(), _changing(scene), len(scene.messages())
        drop_database(scene.admin, database_name(scene.database_url))
        copy_database(scene.admin, scene.template.database, database_name(scene.database_url))
        for _ in range(3):
            scene.run("tend")
            scene.pass_time(minutes=65)
        found = []
        if _changing(scene) != posted or scene.lists() != before:
            found.append("lists were changed before anybody accepted what Mailjet shows")
        if why_stopped(scene.services) is None:
            found.append("nobody noticed that the database is older than the lists")
        else:
            accept(scene.services, by="A. Person")
        scene.until_quiet()
        for kind in (PlanKind.SUPPRESSION, PlanKind.REBALANCING):
            for row in scene.query(f"select plan_id, content_hash from plan where kind = '{kind.value}' and {_WAITS}"):
                reviews.approve(scene.services, row["plan_id"], by="A. Person", content_hash=row["content_hash"])
            scene.until_quiet()
        # Slack was told by the database that is gone, and is told again by this one; its plans rest on lists as they are.
        return [*found, *broken(scene, reference, Expectation(same_plans=False, told_before=told, messages=None))]


_WAITS = "status = 'pending_review'"


def _changing(scene: Scene) -> int:
    return sum(1 for one in scene.tap.seen if one.startswith(("POST /v3", "PUT /v3", "DELETE /v3")))


@dataclass(frozen=True)
class RedisIsGone(Case):
    """The cache is not there: never, or not any more since a request."""

    family: ClassVar[str] = "redis"
    nth: int

    @property
    def name(self) -> str:
        return f"gone-at-{self.nth}" if self.nth else "never-there"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        if not self.nth:
            scene.settings["redis_url"] = "redis://127.0.0.1:1/0"
            scene.until_quiet()
            return broken(scene, reference)
        executable = RedisServer.executable()
        if executable is None:
            raise NotPlayable("no Redis on this machine")
        directory = StackDirectory(scene.folder / "redis-stack")
        directory.create()
        server = RedisServer(directory, executable)
        process = spawn(server.command(), directory.logs / "redis.log")
        try:
            while (url := server.url()) is None:
                time.sleep(0.02)
            scene.settings["redis_url"] = url
            trigger = scene.at(process.kill, nth=self.nth)
            scene.until_quiet()
        finally:
            process.kill()
            process.wait(10)
        found = broken(scene, reference)
        return found if trigger.fired else [*found, "Redis was never killed"]


def cases(reference: Reference) -> Iterator[Case]:
    """All of them; connections are cut around every tenth request and around every job."""
    posts = [n for n, one in enumerate(reference.requests, start=1) if one.endswith("managemanycontacts")]
    for nth in sorted({*range(5, len(reference.requests), 20), *posts}):
        yield ConnectionsAreCut(nth, "after")
    for nth in posts[:3]:
        yield ConnectionsAreCut(nth, "before")
    yield PostgresRestarts(posts[0], int(signal.SIGQUIT))
    yield PostgresRestarts(posts[-1], int(signal.SIGINT))
    yield Restored(3)
    for nth in (0, 5, len(reference.requests) - 8):
        yield RedisIsGone(nth)
