"""Starting, finding and stopping the stack of one checkout, from any process.

Belongs here: the lock between those who ask, and cleaning up after a supervisor that was killed. Does not belong here:
the servers themselves (``supervisor``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
from filelock import FileLock

from list_pipeline.stack.state import (
    DIRECTORY_VARIABLE,
    PRIVATE_UMASK,
    ProcessId,
    StackDirectory,
    StackError,
    StackUrls,
    private_log,
)

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.02

# Kept until this process ends: a forgotten Popen warns, and its child stays a zombie once it ends.
_started_here: list[subprocess.Popen[bytes]] = []


def start(with_sandbox: bool = True) -> StackUrls:
    """Start what is not running yet and wait until everything answers. Safe to call from several processes at once.

    Args:
        with_sandbox: also serve the sandbox; added to a stack that runs without it.

    Raises:
        StackError: a server does not come up; the message ends with the tail of the logs.
    """
    directory = StackDirectory.current()
    directory.create()
    with FileLock(directory.lock, timeout=_START_SECONDS, mode=0o600):
        if with_sandbox:
            directory.sandbox_wanted.touch(mode=0o600)
        if not _has_supervisor(directory):
            _clean_up(directory)
            if with_sandbox:
                directory.sandbox_wanted.touch(mode=0o600)
            _spawn_supervisor(directory)
        return _wait_for_urls(directory, with_sandbox)


def status() -> StackUrls | None:
    """Where the running stack answers, or None when none is running, also when its supervisor was killed."""
    state = StackDirectory.current().read()
    if state is None or state.urls is None or state.supervisor.process() is None:
        return None
    return state.urls


def running() -> StackUrls:
    """Like ``status``, for callers that need the stack.

    Raises:
        StackError: none is running.
    """
    urls = status()
    if urls is None:
        raise StackError("Looking for the embedded servers", "they are not running", "Start them with make dev")
    return urls


def stop() -> None:
    """Stop the servers, if any, and what a killed supervisor left. What they stored stays.

    Raises:
        StackError: the supervisor does not end.
    """
    directory = StackDirectory.current()
    if not directory.root.is_dir():
        return
    with FileLock(directory.lock, timeout=_START_SECONDS, mode=0o600):
        state = directory.read()
        supervisor = state.supervisor.process() if state else None
        if supervisor is not None:
            supervisor.terminate()
            if not _wait(lambda: state is None or state.supervisor.process() is None, _STOP_SECONDS):
                raise StackError(
                    "Stopping the embedded servers",
                    f"the supervisor (process {supervisor.pid}) does not end",
                    f"Look into {directory.logs}",
                )
        _clean_up(directory)


def _has_supervisor(directory: StackDirectory) -> bool:
    """Whether a supervisor serves or is starting; one without URLs may also be ending, and its end is waited for."""

    def settled() -> bool:
        state = directory.read()
        return state is None or state.urls is not None or state.supervisor.process() is None

    _wait(settled, _START_SECONDS)
    state = directory.read()
    return state is not None and state.supervisor.process() is not None


def _clean_up(directory: StackDirectory) -> None:
    """End the children of a supervisor that is gone, so that the next one finds its data folder free."""
    state = directory.read()
    for child in state.children if state else ():
        _end(child)
    directory.forget()


def _end(child: ProcessId) -> None:
    process = child.process()
    if process is None:
        return
    # PostgreSQL takes SIGTERM as "wait for the clients", and they may stay for ever; SIGINT closes their connections.
    process.send_signal(signal.SIGINT if child.name == "postgres" else signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS / 2)
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(_STOP_SECONDS / 2)


def _spawn_supervisor(directory: StackDirectory) -> None:
    package_parent = str(Path(__file__).resolve().parents[2])
    search = [package_parent, *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {
        **os.environ,
        DIRECTORY_VARIABLE: str(directory.root),
        "PYTHONPATH": os.pathsep.join(search),
    }
    log = directory.logs / "supervisor.log"
    for old in directory.logs.glob("*.log"):
        old.unlink()
    with private_log(log, anew=True) as output:
        _started_here.append(
            subprocess.Popen(
                [sys.executable, "-m", "list_pipeline.stack", "supervise"],
                cwd=directory.root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=PRIVATE_UMASK,
            )
        )


def _wait_for_urls(directory: StackDirectory, with_sandbox: bool) -> StackUrls:
    found: StackUrls | None = None

    def answered_or_ended() -> bool:
        nonlocal found
        state = directory.read()
        if state is not None and state.urls is not None and (state.urls.sandbox_url or not with_sandbox):
            found = state.urls
        ours = _started_here[-1] if _started_here else None
        ended = ours is not None and ours.poll() is not None
        return found is not None or (ended and (state is None or state.supervisor.process() is None))

    _wait(answered_or_ended, _START_SECONDS)
    if found is None:
        raise StackError(
            "Starting the embedded servers",
            f"they do not answer\n{directory.log_tail()}\n",
            "Repair the cause, or set DATABASE_URL and REDIS_URL to servers of your own",
        )
    return found


def _wait(done: Callable[[], bool], seconds: float) -> bool:
    """Look until something is so. The machine's own time: processes are waited for, not the product's clock."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True
