"""The one process that owns the servers: it starts them, writes where they answer, and ends them when it ends.

Belongs here: the life of the children. Does not belong here: how each is started (``servers``, ``postgres``), and who
starts the supervisor (``control``).

A child that dies takes the stack down: a half-working stack would only move the error elsewhere. The next start begins
anew on the same data.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from types import FrameType

import psutil

from list_pipeline.clock import SystemClock
from list_pipeline.core.clock import Clock
from list_pipeline.stack.databases import with_database
from list_pipeline.stack.postgres import PostgresServer
from list_pipeline.stack.servers import RedisServer, SandboxProcess, Server, spawn
from list_pipeline.stack.state import (
    DAGSTER_DATABASE,
    PRODUCT_DATABASE,
    ProcessId,
    StackDirectory,
    StackError,
    StackUrls,
    State,
)

START_SECONDS = 60.0
"""Longest wait for one server to answer. The first start of PostgreSQL takes about two seconds."""

_LOOK_SECONDS = 0.05
_STOP_SECONDS = 10.0
_ATTEMPTS = 3  # a free port can be lost between choosing and binding it


@dataclass(frozen=True, slots=True)
class _Child:
    server: Server
    process: subprocess.Popen[bytes]
    identity: ProcessId


class Supervisor:
    """Starts the servers of one folder and waits until it is told to end."""

    def __init__(self, directory: StackDirectory, clock: Clock | None = None) -> None:
        self._directory = directory
        self._clock = clock or SystemClock()
        self._children: list[_Child] = []
        self._urls: StackUrls | None = None
        self._ended = threading.Event()
        self._identity = ProcessId.of("supervisor", os.getpid())

    def run(self) -> int:
        """Start, serve until SIGTERM, SIGINT or the death of a child, stop. Returns the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._write()
        try:
            self._start_all()
            return self._serve()
        except StackError as error:
            print(error, file=sys.stderr, flush=True)
            return 1
        finally:
            self._stop_all()
            self._directory.forget()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._ended.set()

    def _start_all(self) -> None:
        postgres, executable = PostgresServer(self._directory), RedisServer.executable()
        cache = RedisServer(self._directory, executable) if executable else None
        # Both are started before either is waited for.
        pending: list[Server] = [postgres, *([cache] if cache else [])]
        if self._directory.sandbox_wanted.exists():
            pending.append(SandboxProcess(self._directory))
        first = {server.name: self._spawn(server) for server in pending}
        found = {server.name: self._answer(server, first[server.name]) for server in pending}
        admin = found["postgres"]
        self._urls = StackUrls(
            database_url=with_database(admin, PRODUCT_DATABASE),
            dagster_database_url=with_database(admin, DAGSTER_DATABASE).replace(
                "postgresql://", "postgresql+psycopg2://", 1
            ),
            admin_url=admin,
            redis_url=found.get("redis"),
            sandbox_url=found.get("sandbox"),
            root=self._directory.root,
        )
        self._write()

    def _serve(self) -> int:
        while not self._ended.wait(_LOOK_SECONDS):
            for child in self._children:
                status = child.process.poll()
                if status is not None:
                    print(f"{child.server.name} ended with {status}; stopping the stack", file=sys.stderr, flush=True)
                    return 1
            if self._urls and self._urls.sandbox_url is None and self._directory.sandbox_wanted.exists():
                self._add_sandbox()
        return 0

    def _add_sandbox(self) -> None:
        assert self._urls is not None
        server = SandboxProcess(self._directory)
        url = self._answer(server, self._spawn(server))
        known = self._urls
        self._urls = StackUrls(
            known.database_url, known.dagster_database_url, known.admin_url, known.redis_url, url, known.root
        )
        self._write()

    def _spawn(self, server: Server) -> _Child | None:
        """Start a server and note it before anything else, so that a successor can find it. None: it ended at once."""
        process = spawn(server.command(), self._directory.logs / f"{server.name}.log")
        try:
            identity = ProcessId.of(server.name, process.pid)
        except psutil.NoSuchProcess:
            process.wait()
            return None
        child = _Child(server, process, identity)
        self._children.append(child)
        self._write()
        return child

    def _answer(self, server: Server, child: _Child | None) -> str:
        """Wait until a server answers; one that ended is started again, with another port."""
        for _ in range(_ATTEMPTS):
            deadline = self._clock.now().timestamp() + START_SECONDS
            while child is not None and child.process.poll() is None and self._clock.now().timestamp() < deadline:
                url = server.url()
                if url is not None:
                    return url
                if self._ended.wait(_LOOK_SECONDS):
                    raise StackError(f"Starting {server.name}", "the supervisor was told to end", "Start again")
            if child is not None and child.process.poll() is None:
                break
            if child is not None:
                self._children.remove(child)
            child = self._spawn(server)
        raise StackError(
            f"Starting {server.name}", "it does not answer", f"Look into {self._directory.logs / server.name}.log"
        )

    def _stop_all(self) -> None:
        # First of all: whoever looks now must not take the URLs of servers that are about to end.
        self._urls = None
        self._write()
        for child in reversed(self._children):
            if child.process.poll() is None:
                child.process.send_signal(child.server.stop_signal)
        for child in reversed(self._children):
            try:
                child.process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()

    def _write(self) -> None:
        self._directory.write(State(self._identity, tuple(child.identity for child in self._children), self._urls))
