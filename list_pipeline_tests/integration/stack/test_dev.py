"""``make dev``: Dagster's UI and daemon, and the HTTP service, on the embedded servers."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from list_pipeline import stack
from list_pipeline.stack.dev import write_dagster_home
from list_pipeline.stack.state import DIRECTORY_VARIABLE, StackDirectory
from list_pipeline_tests.paths import CHECKOUT

pytestmark = pytest.mark.long

LOCATION = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o711)
        monkeypatch.setenv(DIRECTORY_VARIABLE, str(root / "stack"))
        yield root / "stack"
        stack.stop()


def test_a_mark_left_by_a_killed_dev_does_not_count(folder: Path) -> None:
    assert not stack.dev_is_running()
    directory = StackDirectory(folder)
    directory.create()
    # Our own process number with another start: as after a restart of the machine.
    directory.dev_pid.write_text(json.dumps({"name": "dev", "pid": os.getpid(), "started": 1.0}))
    assert not stack.dev_is_running()


def test_dagsters_home_holds_the_repositorys_settings(folder: Path) -> None:
    home = write_dagster_home(stack.start(with_sandbox=False))
    assert (home / "dagster.yaml").read_text() == (CHECKOUT / "dagster.yaml").read_text()
    assert home.is_relative_to(folder)


@pytest.mark.slow
@pytest.mark.skipif(
    not (CHECKOUT / "list_pipeline" / "definitions.py").exists(),
    reason="list_pipeline/definitions.py does not exist yet",
)
def test_dev_serves_the_code_location_once_and_leaves_the_servers_up(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "list_pipeline.stack", "dev"]
    inherited = {name: value for name, value in os.environ.items() if name != "EVENT_WEBHOOK_PASSWORD"}
    environ = {**inherited, "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1"}
    log = tmp_path / "dev.log"
    with log.open("wb") as output:
        served = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        deadline = time.monotonic() + 90
        while not (said := re.search(r"Dagster UI: (\S+)", log.read_text())):
            assert served.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)  # a process of its own is waited for; there is no clock to move
        asked = {"json": {"query": LOCATION}, "headers": {"Origin": said[1]}}
        answer = httpx.post(f"{said[1]}/graphql", **asked, timeout=30, trust_env=False).json()
        (entry,) = answer["data"]["workspaceOrError"]["locationEntries"]
        assert entry["name"] == "list_pipeline.definitions"
        assert entry["locationOrLoadError"]["__typename"] == "RepositoryLocation"

        address = re.search(r"Mailjet's events: (http://127\.0\.0\.1:\d+/webhooks/mailjet)", log.read_text())
        assert address is not None, log.read_text()
        event = {"event": "open", "time": 1_790_000_000, "mj_contact_id": 1, "mj_campaign_id": 1, "MessageID": 1}
        stranger = httpx.post(address[1], json=event, auth=("mailjet", "not-the-password"), timeout=30, trust_env=False)
        assert stranger.status_code == 401
        mailjet = ("mailjet", StackDirectory(folder).password("events"))
        assert httpx.post(address[1], json=event, auth=mailjet, timeout=30, trust_env=False).status_code == 200

        assert stack.dev_is_running()
        second = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert "running already" in second.stderr
    finally:
        served.send_signal(signal.SIGINT)
        status = served.wait(60)
    assert status == 0, log.read_text()
    with pytest.raises(httpx.ConnectError):
        httpx.get(address[1], timeout=5, trust_env=False)
    assert not stack.dev_is_running()
    assert stack.status() is not None
