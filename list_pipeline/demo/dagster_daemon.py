"""Dagster's daemon as a process that one starts, asks, watches and ends: for the demo, which shows real sensors at work.

Belongs here: the process, what one asks of it, and what its runs did so far. Does not belong here: what is started by them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from list_pipeline.core.errors import TransientError
from list_pipeline.core.wording import duration_text
from list_pipeline.stack.state import private_log

_CHECKOUT = Path(__file__).resolve().parents[2]
_LOOK_EVERY_S = 0.25
_PATIENCE_S = 15.0
SILENCE_S = 300.0
"""Longest time in which a run, or the daemon before its first run, says nothing. The longest step of the demo takes 20 s."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """The end of a run, and the assets that it materialized, in order."""

    run_id: str
    succeeded: bool
    partition_key: str
    materialized: tuple[str, ...]
    checks_passed: int
    checks_failed: tuple[str, ...]


@contextmanager
def running_daemon(environment: Mapping[str, str], log_file: Path) -> Generator[subprocess.Popen[bytes]]:
    """Dagster's daemon with this code location, until the block ends. Its output goes to a file."""
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", "workspace.yaml"]
    with private_log(log_file, anew=True) as log:
        process = subprocess.Popen(
            command, cwd=_CHECKOUT, env=dict(environment), stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, by force where it does not heed SIGTERM: Dagster lets it be ignored where SIGINT is, as in a job that
    a shell started in the background, and children inherit that."""
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def launched(
    environment: Mapping[str, str], job: str, partition_key: str, log_file: Path
) -> Generator[Callable[[], None]]:
    """Put a run of a job into the daemon's queue, as a person does on the command line.

    Yields:
        What waits until it is in the queue, and raises ``TransientError`` when Dagster refused it.
    """
    tags = json.dumps({"dagster/partition": partition_key})
    dagster = str(Path(sys.executable).parent / "dagster")
    command = [dagster, "job", "launch", "-w", "workspace.yaml", "-j", job, "--tags", tags]
    with private_log(log_file, anew=True) as log:
        process = subprocess.Popen(command, cwd=_CHECKOUT, env=dict(environment), stdout=log, stderr=log)

    def wait() -> None:
        if process.wait() != 0:
            raise TransientError(f"Launching {job}", "Dagster refused it", f"See {log_file}")

    try:
        yield wait
    finally:
        if process.poll() is None:
            _end(process)


def evaluate_sensor(sensor: str) -> None:
    """Let the daemon evaluate a sensor at its next turn, within five seconds, instead of after the sensor's interval.

    Dagster has no public way to ask for a tick: the times of the last one are taken out of the sensor's state, and its cursor,
    so that it does not wait for its next look at Mailjet either.
    """
    with dg.DagsterInstance.get() as instance:
        for state in instance.all_instigator_state():
            data: Any = state.instigator_data
            if state.instigator_name == sensor and data is not None:
                instance.update_instigator_state(
                    state.with_data(
                        data._replace(last_tick_timestamp=None, last_tick_start_timestamp=None, cursor=None)
                    )
                )


def wait_for_runs(
    process: subprocess.Popen[bytes], job: str, expected: int, told: Callable[[str], None], silence_s: float = SILENCE_S
) -> list[RunOutcome]:
    """Wait until so many runs of a job ended, telling each asset as it materializes.

    On a loaded machine everything takes longer, and goes on: it is waited for as long as something happens.

    Args:
        silence_s: seconds of the machine without a new run, status or event after which it is given up.

    Raises:
        TransientError: the daemon ended, or nothing happened for so long.
    """
    with dg.DagsterInstance.get() as instance:
        # Wall time on purpose: this waits for other processes, which a virtual clock does not move.
        last, seen = time.monotonic(), None
        shown: set[tuple[str, str]] = set()
        while time.monotonic() < last + silence_s:
            runs = instance.get_runs(dg.RunsFilter(job_name=job))
            now = [(run.run_id, run.status, _newest_event(instance, run.run_id)) for run in runs]
            if now != seen:
                last, seen = time.monotonic(), now
            for run in runs:
                for name in _materialized(instance, run.run_id):
                    if (run.run_id, name) not in shown:
                        shown.add((run.run_id, name))
                        told(name)
            if len(runs) >= expected and all(run.is_finished for run in runs):
                return [_outcome(instance, run) for run in reversed(runs)]
            if process.poll() is not None:
                raise TransientError("Waiting for Dagster's daemon", "it ended by itself", "See its log file")
            time.sleep(_LOOK_EVERY_S)
    raise TransientError(
        "Waiting for Dagster's runs",
        f"nothing happened for {duration_text(silence_s)}, and they have not ended",
        "See the daemon's log file",
    )


def _newest_event(instance: dg.DagsterInstance, run_id: str) -> int | None:
    records = instance.get_records_for_run(run_id, limit=1, ascending=False).records
    return records[0].storage_id if records else None


def _materialized(instance: dg.DagsterInstance, run_id: str) -> list[str]:
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    keys = (record.asset_key for record in records)
    return [key.to_user_string() for key in keys if key is not None]


def _outcome(instance: dg.DagsterInstance, run: Any) -> RunOutcome:
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION).records
    events = (record.event_log_entry.dagster_event for record in records)
    checks = [event.asset_check_evaluation_data for event in events if event is not None]
    return RunOutcome(
        run_id=run.run_id,
        succeeded=run.status is dg.DagsterRunStatus.SUCCESS,
        partition_key=run.tags.get("dagster/partition", ""),
        materialized=tuple(_materialized(instance, run.run_id)),
        checks_passed=sum(1 for check in checks if check.passed),
        checks_failed=tuple(f"{check.check_name}: {check.description}" for check in checks if not check.passed),
    )
