"""The state of a stack that processes share: its folder, its URLs, and its processes.

Belongs here: the folder's layout and the state file. Does not belong here: starting or stopping anything.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Self

import psutil

from list_pipeline.core.errors import ListPipelineError

DIRECTORY_VARIABLE = "LIST_PIPELINE_STACK_DIR"
PRODUCT_DATABASE = "list_pipeline"
DAGSTER_DATABASE = "dagster"
USER = "list_pipeline"

PRIVATE_UMASK = 0o077
"""What the servers, Dagster's processes and the demo write is for their owner only: logs tell who was on which list."""

# Two readings of one process's start may differ by the clock's adjustment; a reused pid differs by far more.
_SAME_START_SECONDS = 2.0


class StackError(ListPipelineError):
    """The embedded servers cannot be started, or not be stopped."""


@dataclass(frozen=True, slots=True)
class StackUrls:
    """Where the servers of one stack answer. The URLs hold passwords and are therefore left out of the repr.

    Args:
        database_url: ``postgresql://`` of the product's database.
        dagster_database_url: ``postgresql+psycopg2://`` of Dagster's own database.
        admin_url: ``postgresql://`` of the maintenance database, for creating and dropping others.
        redis_url: None where no Redis server was found.
        sandbox_url: None when the stack was started without the sandbox.
        root: the stack's folder.
    """

    database_url: str = field(repr=False)
    dagster_database_url: str = field(repr=False)
    admin_url: str = field(repr=False)
    redis_url: str | None = field(repr=False)
    sandbox_url: str | None
    root: Path


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process, told apart from a later one with the same number by its start time (seconds since the epoch)."""

    name: str
    pid: int
    started: float

    @classmethod
    def of(cls, name: str, pid: int) -> Self:
        """The identity of a running process.

        Raises:
            psutil.NoSuchProcess: it ended already.
        """
        return cls(name, pid, psutil.Process(pid).create_time())

    def process(self) -> psutil.Process | None:
        """The process, or None when it ended or its number belongs to another one now."""
        try:
            found = psutil.Process(self.pid)
            if abs(found.create_time() - self.started) > _SAME_START_SECONDS or found.status() == psutil.STATUS_ZOMBIE:
                return None
        except psutil.NoSuchProcess:
            return None
        return found


@dataclass(frozen=True, slots=True)
class State:
    """The state file's content. ``urls`` is None until everything answers."""

    supervisor: ProcessId
    children: tuple[ProcessId, ...] = ()
    urls: StackUrls | None = None


class StackDirectory:
    """The folder of one stack."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.lock = root / "lock"
        self.logs = root / "logs"
        self.sandbox_wanted = root / "sandbox.wanted"
        self.dagster_home = root / "dagster_home"
        self.dev_pid = root / "dev.json"
        self._state = root / "state.json"
        self._passwords = root / "passwords.json"

    @classmethod
    def current(cls) -> Self:
        """The folder that the environment names, else ``.stack`` in the checkout (or below the working directory)."""
        named = os.environ.get(DIRECTORY_VARIABLE)
        if named:
            return cls(Path(named).resolve())
        checkout = Path(__file__).resolve().parents[2]
        base = checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()
        return cls(base / ".stack")

    def create(self) -> None:
        """Make the folder. Others may pass through it (PostgreSQL runs as another user under root) but read nothing in it,
        neither what an earlier version left."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o711)
        self.logs.mkdir(exist_ok=True)
        self.logs.chmod(0o700)
        for left in (*self.root.iterdir(), *self.logs.iterdir()):
            # What is replaced meanwhile is written privately anyway.
            with contextlib.suppress(FileNotFoundError):
                if left.is_file() and not left.is_symlink():
                    left.chmod(0o600)

    def password(self, server: str) -> str:
        """The password of one server, generated at its first use and kept."""
        known: dict[str, str] = json.loads(self._passwords.read_text()) if self._passwords.exists() else {}
        if server not in known:
            known[server] = secrets.token_urlsafe(24)
            write_private(self._passwords, json.dumps(known))
        return known[server]

    def read(self) -> State | None:
        """The state, or None when there is none."""
        try:
            raw = json.loads(self._state.read_text())
        except FileNotFoundError:
            return None
        return State(
            supervisor=ProcessId(**raw["supervisor"]),
            children=tuple(ProcessId(**child) for child in raw["children"]),
            urls=StackUrls(**{**raw["urls"], "root": self.root}) if raw["urls"] else None,
        )

    def write(self, state: State) -> None:
        """Replace the state in one step, so that no reader sees half of it."""
        write_private(self._state, json.dumps(_plain(state)))

    def forget(self) -> None:
        """Remove the state: there is no stack now."""
        self._state.unlink(missing_ok=True)
        self.sandbox_wanted.unlink(missing_ok=True)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of each server's log, for an error message."""
        parts = []
        for path in sorted(self.logs.glob("*.log")):
            tail = path.read_text(errors="replace").splitlines()[-lines:]
            if tail:
                parts.append(f"--- {path.name}\n" + "\n".join(tail))
        return "\n".join(parts) or "(the logs are empty)"


def private_log(path: Path, *, anew: bool = False) -> BinaryIO:
    """A log for a process's output, readable by its owner only: continued, or begun ``anew``."""
    kept = os.O_TRUNC if anew else os.O_APPEND
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | kept, 0o600)
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def _plain(state: State) -> dict[str, Any]:
    def process(one: ProcessId) -> dict[str, Any]:
        return {"name": one.name, "pid": one.pid, "started": one.started}

    urls = state.urls
    return {
        "supervisor": process(state.supervisor),
        "children": [process(child) for child in state.children],
        "urls": None
        if urls is None
        else {
            "database_url": urls.database_url,
            "dagster_database_url": urls.dagster_database_url,
            "admin_url": urls.admin_url,
            "redis_url": urls.redis_url,
            "sandbox_url": urls.sandbox_url,
        },
    }
