"""The product's code server: each run is a process of its own, begun from one that has imported everything."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster_graphql.client.query import LAUNCH_PIPELINE_EXECUTION_MUTATION
from dagster_graphql.test.utils import execute_dagster_graphql

from list_pipeline_tests.paths import CHECKOUT

JOB = "release_quarantine"


def wait_for(is_there: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 240
    while not is_there():
        assert time.monotonic() < deadline, "waited for four minutes"
        time.sleep(0.2)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_runs_have_processes_of_their_own_and_end_with_the_words_of_their_errors() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    # Nothing is set: each run comes as far as asking for it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DATABASE", "MAILJET"))}
    command = [sys.executable, "-m", "list_pipeline.code_server", "-h", "127.0.0.1", "-p", str(port)]
    place = ["-m", "list_pipeline.definitions", "--location-name", "list_pipeline"]
    with (
        dg.instance_for_test(
            overrides={"run_coordinator": {"module": "dagster._core.run_coordinator", "class": "DefaultRunCoordinator"}}
        ) as instance,
        subprocess.Popen([*command, *place], env=environment, cwd=CHECKOUT, stderr=subprocess.DEVNULL) as server,
    ):
        try:
            wait_for(lambda: is_open(port))
            target = GrpcServerTarget(host="127.0.0.1", port=port, socket=None, location_name="list_pipeline")
            with WorkspaceProcessContext(instance, target) as workspace:
                runs = [launched(workspace) for _ in range(2)]
                wait_for(lambda: all(ended(instance, run_id) for run_id in runs))
                said = ["\n".join(str(entry) for entry in instance.all_logs(run_id)) for run_id in runs]
        finally:
            server.kill()
    assert all("DATABASE_URL" in words for words in said)
    pids = [set(re.findall(r"pid: (\d+)", words)) for words in said]
    assert all(len(found) == 1 for found in pids)
    assert not pids[0] & pids[1]
    assert str(server.pid) not in pids[0] | pids[1]


def launched(workspace: WorkspaceProcessContext) -> str:
    """The id of a run of the job, started as in the UI."""
    selector = {
        "repositoryLocationName": "list_pipeline",
        "repositoryName": "__repository__",
        "pipelineName": JOB,
    }
    config = {"ops": {"mail_again": {"config": {}}}}
    answer = execute_dagster_graphql(
        workspace.create_request_context(),
        LAUNCH_PIPELINE_EXECUTION_MUTATION,
        {"executionParams": {"selector": selector, "runConfigData": config}},
    )
    return str(answer.data["launchPipelineExecution"]["run"]["runId"])


def ended(instance: dg.DagsterInstance, run_id: str) -> bool:
    run = instance.get_run_by_id(run_id)
    return run is not None and run.is_finished
