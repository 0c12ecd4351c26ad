"""The same through Dagster's daemon, its queue and its pool: a run's worker is killed, two runs are started at once.

Belongs here: the few cases for which all processes of an installation are real. Does not belong here: what they have to lead
to (``invariants``). The clock runs as fast as the machine's here, and is moved where the sensor would have to be awaited.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import psutil
import psycopg

from list_pipeline.stack.databases import create_database, drop_database, with_database
from list_pipeline_tests.chaos.case import Case
from list_pipeline_tests.chaos.invariants import Expectation, Reference, broken
from list_pipeline_tests.chaos.scene import Scene
from list_pipeline_tests.paths import CHECKOUT

_BIN = Path(sys.executable).parent
_JOB = "post_campaign_maintenance"
_SECONDS = 150.0
_LOOK_S = 0.2


@dataclass(frozen=True)
class Dagster:
    """A running daemon on storage of its own, empty at first."""

    process: subprocess.Popen[bytes]
    environment: Mapping[str, str]

    def worker_of(self, port: int) -> psutil.Process:
        """The newest process below the daemon that is connected to a port: the run that is at work.

        Raises:
            AssertionError: there is none.
        """
        below = psutil.Process(self.process.pid).children(recursive=True)
        connected = [one for one in below if any(c.raddr and c.raddr.port == port for c in one.net_connections())]
        assert connected, "no process of Dagster is connected to the sandbox"
        return max(connected, key=lambda one: (one.create_time(), one.pid))

    def launch(self, tags: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Put a run into the queue, as a person does on the command line."""
        command = [
            str(_BIN / "dagster"),
            "job",
            "launch",
            "-w",
            "workspace.yaml",
            "-j",
            _JOB,
            "--tags",
            json.dumps(tags),
        ]
        with Path(self.environment["DAGSTER_HOME"], "launch.log").open("ab") as log:
            return subprocess.Popen(command, cwd=CHECKOUT, env=dict(self.environment), stdout=log, stderr=log)


@contextmanager
def dagster(scene: Scene) -> Iterator[Dagster]:
    """Dagster's daemon on a scene, until the block ends."""
    name = f"list_pipeline_chaos_dagster_{uuid.uuid4().hex[:8]}"
    create_database(scene.admin, name)
    home = scene.folder / name
    home.mkdir()
    shutil.copy(CHECKOUT / "dagster.yaml", home / "dagster.yaml")
    storage = urlsplit(with_database(scene.admin, name))._replace(scheme="postgresql+psycopg2").geturl()
    product = {key.upper(): str(value) for key, value in scene.plain_settings().items()}
    ours = {"DAGSTER_HOME": str(home), "DAGSTER_POSTGRES_URL": storage, "DAGSTER_DISABLE_TELEMETRY": "1"}
    clock = {"REHEARSAL_CLOCK_URL": scene.server.url, "MAILJET_JOB_POLL_SECONDS": "0.3", "LOG_LEVEL": "warning"}
    environment = {**os.environ, **product, **ours, **clock}
    migrate = [str(_BIN / "dagster"), "instance", "migrate"]
    subprocess.run(migrate, env=environment, check=True, capture_output=True)
    command = [str(_BIN / "dagster-daemon"), "run", "-w", "workspace.yaml"]
    with (scene.folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        yield Dagster(process, environment)
    finally:
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for one in below:
            if one.is_running():
                one.kill()
        drop_database(scene.admin, name)


def _until(holds: Callable[[], bool], what: str) -> None:
    # The machine's time on purpose: this waits for other processes.
    deadline = time.monotonic() + _SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {_SECONDS:.0f} s: {what} did not happen")
        time.sleep(_LOOK_S)


def _is_reported(scene: Scene) -> bool:
    """The card arrived, and the details that follow it in its thread."""
    arrived = scene.query("select state = 'sent' as arrived from notification where message_key like '%:success:%'")
    return bool(arrived) and all(row["arrived"] for row in arrived)


@dataclass(frozen=True)
class WorkerIsKilled(Case):
    """The process of a run is killed right after Mailjet accepted its ``nth`` job; a new daemon's sensor goes on."""

    family: ClassVar[str] = "dagster"
    pace: ClassVar[float] = 1.0
    nth: int

    @property
    def name(self) -> str:
        return f"worker-killed-{self.nth}"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        port = urlsplit(scene.server.url).port
        assert port is not None
        with dagster(scene) as first:
            trigger = scene.at(
                lambda: first.worker_of(port).kill(),
                nth=self.nth,
                when="after",
                path="managemanycontacts$",
                method="POST",
                drops=True,
            )
            _until(lambda: trigger.fired, "a bulk job")
        scene.pass_time(minutes=65)
        # A tick of the sensor finds that the run died; the next one starts another.
        if (ended := scene.run("tick", mailjet_job_poll_seconds=0.3)).status != 0:
            return [f"the sensor's tick failed: {ended.result}"]
        scene.pass_time(minutes=20)
        with dagster(scene):
            _until(lambda: _is_reported(scene), "the report of a run that went on")
        return broken(scene, reference, Expectation(messages=None))


@dataclass(frozen=True)
class TwoInTheQueue(Case):
    """While the sensor's run is at work, somebody launches another one of the same campaign."""

    family: ClassVar[str] = "dagster"
    pace: ClassVar[float] = 1.0

    @property
    def name(self) -> str:
        return "two-runs-of-one-campaign"

    def play(self, scene: Scene, reference: Reference) -> list[str]:
        (row,) = scene.query("select campaign_key from campaign_schedule order by send_start_at desc limit 1")
        launched: list[subprocess.Popen[bytes]] = []
        with dagster(scene) as daemon:
            scene.at(
                lambda: launched.append(daemon.launch({"dagster/partition": row["campaign_key"]})),
                path="bouncestatistics",
            )
            _until(lambda: _is_reported(scene) and bool(launched), "the report of two runs")
            _until(lambda: launched[0].poll() is not None, "the second launch")
            _until(lambda: _finished_runs(daemon) >= 2, "the end of both runs")
        found = broken(scene, reference, Expectation(messages=None, model_asked_again=2, runs_at_once=2))
        return found if launched[0].returncode == 0 else [*found, "the second run could not be launched"]


def _finished_runs(daemon: Dagster) -> int:
    url = urlsplit(daemon.environment["DAGSTER_POSTGRES_URL"])._replace(scheme="postgresql").geturl()
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "select count(*) from runs where status in ('SUCCESS', 'FAILURE', 'CANCELED') and pipeline_name = %s",
            [_JOB],
        ).fetchone()
    return int(found[0]) if found else 0


def cases() -> Iterator[Case]:
    """All of them; first in the campaign, since they take longest."""
    yield WorkerIsKilled(4)
    yield TwoInTheQueue()
