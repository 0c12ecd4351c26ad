"""A run as a pod of its own: what the cluster is asked for, and what a run does on a machine where there is nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import dagster as dg
import pytest
import yaml
from dagster._core.definitions.reconstruct import ReconstructableRepository
from pydantic import SecretStr

from list_pipeline.definitions import defs
from list_pipeline.settings import Settings
from list_pipeline_tests.e2e.cluster import Cluster, Machine, cluster
from list_pipeline_tests.e2e.conftest import SMALL
from list_pipeline_tests.e2e.rehearsals import ANCHOR, PacedClock, Rehearsal, Templates
from list_pipeline_tests.e2e.test_dagster_run import ASSETS
from list_pipeline_tests.paths import CHECKOUT

INSTANCE = CHECKOUT / "deploy" / "run-pods" / "dagster.yaml"
ACCESS = INSTANCE.with_name("access.yaml")
IMAGE = "registry.example/list_pipeline@sha256:0123"
JOB = "post_campaign_maintenance"
SECRET = "list-pipeline"  # pragma: allowlist secret
MOUNTED = "/opt/dagster/dagster.yaml"
SECRETS = {
    "DATABASE_URL": "postgresql://product:planted-password-1@db.example/product",  # pragma: allowlist secret
    "MAILJET_API_KEY": "planted-key",  # pragma: allowlist secret
    "MAILJET_SECRET_KEY": "planted-secret",  # pragma: allowlist secret
    "SLACK_BOT_TOKEN": "xoxb-planted",
    "GEMINI_API_KEY": "planted-gemini-key",  # pragma: allowlist secret
}


@dataclass
class Deployment:
    """An instance whose runs are pods, as its daemon has it."""

    instance: dg.DagsterInstance
    cluster: Cluster

    def launch(self, key: str) -> tuple[str, str]:
        """Launch a maintenance as the daemon does; the numbers of the run, and the name of its Job."""
        repository = ReconstructableRepository.for_module(
            "list_pipeline.definitions", "defs", working_directory=None, container_image=IMAGE
        )
        origin = repository.get_reconstructable_job(JOB).get_python_origin()
        if not self.instance.has_dynamic_partition("campaigns", key):
            self.instance.add_dynamic_partitions("campaigns", [key])
        run = self.instance.create_run_for_job(
            defs.resolve_job_def(JOB), tags={"dagster/partition": key}, job_code_origin=origin
        )
        known = set(self.cluster.jobs)
        self.instance.launch_run(run.run_id, workspace=cast(Any, None))
        (name,) = self.cluster.jobs.keys() - known
        return run.run_id, name

    def start(self, job: str, **others: str) -> Machine:
        """The pod of a Job at work."""
        return self.cluster.start(job, mounted={MOUNTED: INSTANCE.read_text()}, others=others)

    def ended_well(self, run_id: str, machine: Machine) -> None:
        """Wait for the end of a run, which must be a success."""
        assert machine.ended() == 0, machine.log.read_text()[-4000:]
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        assert run.status is dg.DagsterRunStatus.SUCCESS, machine.log.read_text()[-4000:]


@contextmanager
def deployed(folder: Path, dagster_url: str, secret: Mapping[str, str]) -> Iterator[Deployment]:
    """The instance of deploy/run-pods as its daemon has it. Only where the cluster is found differs: outside one, its API is
    named by a file."""
    with cluster(folder) as here, pytest.MonkeyPatch.context() as patch:
        written = yaml.safe_load(INSTANCE.read_text())
        written["run_launcher"]["config"] |= {
            "load_incluster_config": False,
            "kubeconfig_file": str(here.kubeconfig()),
        }
        home = folder / "daemon"
        home.mkdir()
        (home / "dagster.yaml").write_text(yaml.safe_dump(written))
        here.secrets[SECRET] = {**secret, "DAGSTER_POSTGRES_URL": dagster_url}
        for name, value in here.secrets[SECRET].items():
            # The daemon has them too.
            patch.setenv(name, value)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield Deployment(instance, here)


@pytest.fixture(scope="module")
def launched(
    new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Deployment, str, dict[str, Any]]]:
    """A run that was launched: its number, and the Job that the cluster was asked for."""
    url = new_database().replace("postgresql://", "postgresql+psycopg2://", 1)
    with deployed(tmp_path_factory.mktemp("launched"), url, SECRETS) as deployment:
        run_id, name = deployment.launch("2026-11-19-r3-1")
        yield deployment, run_id, deployment.cluster.jobs[name]


@pytest.fixture
def account(templates: Templates) -> Iterator[Rehearsal]:
    """The small account, on a clock that runs as the machine's does."""
    with templates.rehearsal(seed=SMALL, clock=PacedClock(ANCHOR + timedelta(seconds=1), times=1)) as copy:
        yield copy


@pytest.fixture
def deployment(account: Rehearsal, new_database: Callable[[], str], tmp_path: Path) -> Iterator[Deployment]:
    url = new_database().replace("postgresql://", "postgresql+psycopg2://", 1)
    secret = {**_plain(account.settings), "REHEARSAL_CLOCK_URL": account.server.url}
    with deployed(tmp_path, url, secret) as made:
        yield made


def _plain(settings: Settings) -> dict[str, str]:
    """Settings as the variables of a secret."""
    found = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        if value is not None:
            value = value.get_secret_value() if isinstance(value, SecretStr) else value
            found[name.upper()] = str(getattr(value, "value", value))
    return found


def _key(account: Rehearsal) -> str:
    (due,) = account.due()
    return due.campaign_key


# What the launcher asks for


def test_a_run_is_a_job_with_the_image_of_its_code_and_no_rights(
    launched: tuple[Deployment, str, dict[str, Any]],
) -> None:
    _, run_id, job = launched
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == IMAGE
    assert pod["serviceAccountName"] == "list-pipeline-run"
    assert pod["automountServiceAccountToken"] is False
    assert pod["restartPolicy"] == "Never"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"] == {"memory": "1Gi"}
    assert (job["spec"]["backoffLimit"], job["spec"]["ttlSecondsAfterFinished"]) == (0, 86400)
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert (labels["dagster/job"], labels["dagster/run-id"]) == (JOB, run_id)
    mounts = {one["mountPath"]: one for one in container["volumeMounts"]}
    assert set(mounts) == {MOUNTED, "/tmp"}
    # The disk of the image is read-only; what is written goes to /tmp.
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert "emptyDir" in volumes[mounts["/tmp"]["name"]]
    assert volumes[mounts[MOUNTED]["name"]]["configMap"]["name"] == "list-pipeline-dagster"


def test_no_secret_stands_in_the_job_and_the_run_gets_all_of_them_by_name(
    launched: tuple[Deployment, str, dict[str, Any]],
) -> None:
    deployment, _, job = launched
    asked = json.dumps(job)
    for name, value in deployment.cluster.secrets[SECRET].items():
        assert value not in asked, name
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": SECRET}}]
    assert {one["name"] for one in container["env"]} == {"DAGSTER_HOME", "DAGSTER_RUN_JOB_NAME"}


def test_a_run_that_a_person_ends_is_ended_by_deleting_its_job_and_its_pod(
    launched: tuple[Deployment, str, dict[str, Any]],
) -> None:
    deployment, run_id, job = launched
    name = job["metadata"]["name"]
    assert deployment.instance.run_launcher.terminate(run_id)
    assert deployment.cluster.deleted == [name, f"{name}-x1y2z"]


def test_the_launcher_may_do_what_it_asks_for(launched: tuple[Deployment, str, dict[str, Any]]) -> None:
    deployment, _, _ = launched
    deployment.instance.run_launcher.terminate(deployment.launch("2026-11-19-r3-2")[0])
    (role,) = [one for one in yaml.safe_load_all(ACCESS.read_text()) if one["kind"] == "Role"]
    allowed = {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert ("batch", "jobs", "create") in deployment.cluster.asked
    assert ("", "pods", "delete") in deployment.cluster.asked
    assert deployment.cluster.asked <= allowed


# What a run does where there is nothing but its variables


@pytest.mark.long
@pytest.mark.parametrize("step_processes", ["0", "2"])
def test_a_run_needs_nothing_of_another_machine_and_leaves_nothing_on_its_own(
    account: Rehearsal, deployment: Deployment, step_processes: str
) -> None:
    """With all steps in one process, and with each in a process of its own, two at a time."""
    run_id, name = deployment.launch(_key(account))
    machine = deployment.start(name, STEP_PROCESSES=step_processes)
    deployment.ended_well(run_id, machine)
    records = deployment.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    assert {record.asset_key.path[-1] for record in records if record.asset_key} == ASSETS
    assert [row["status"] for row in account.rows("select status from list_maintenance_log")] == ["success"]
    assert account.scalar("select count(*) from contact_suppression_history") > 40
    assert len(account.slack_messages()) == 1
    # No value goes from step to step by a file, and no log stays on a disk that goes with its pod.
    assert machine.written() == []


@pytest.mark.long
def test_two_machines_at_one_campaign_at_once_do_all_of_it_once_and_share_the_allowance(
    account: Rehearsal, deployment: Deployment, templates: Templates
) -> None:
    with templates.rehearsal(seed=SMALL) as alone:
        alone.maintain_due()
        expected, suppressed = alone.places(), alone.scalar("select count(*) from contact_suppression_history")
    limit, key = 120, _key(account)
    runs = [deployment.launch(key) for _ in range(2)]
    machines = [deployment.start(name, MAILJET_REQUESTS_PER_MINUTE=str(limit)) for _, name in runs]
    for (run_id, _), machine in zip(runs, machines, strict=True):
        deployment.ended_well(run_id, machine)
    assert account.places() == expected
    assert account.scalar("select count(*) from contact_suppression_history") == suppressed
    assert account.rows("select 1 from contact_suppression_history group by contact_id having count(*) > 1") == []
    assert account.rows("select 1 from change group by plan_id, contact_id having count(*) > 1") == []
    assert account.rows("select campaign_id, kind, sweep from plan group by 1, 2, 3 having count(*) > 1") == []
    assert [row["status"] for row in account.rows("select status from list_maintenance_log")] == ["success"]
    assert len(account.slack_messages()) == 1
    # Both asked Mailjet, and together never for more than the one allowance of any minute.
    asked = {row["run_id"] for row in account.rows("select run_id from work_timing where requests > 0")}
    assert asked == {run_id for run_id, _ in runs}
    assert 0 < account.scalar("select max(rate_peak) from work_timing") <= limit
    assert _overlaps(deployment, [run_id for run_id, _ in runs]) == []


def _overlaps(deployment: Deployment, runs: list[str]) -> list[tuple[str, str]]:
    """Steps of the pool, each of another run, that worked at the same time."""
    spans: list[tuple[float, float, str, str]] = []
    job = defs.resolve_job_def(JOB)
    pooled = {node.name for node in job.graph.iterate_node_defs() if getattr(node, "pools", None)}
    assert {"suppression_result", "rebalancing_result"} <= pooled
    for run_id in runs:
        for stats in deployment.instance.get_run_step_stats(run_id, sorted(pooled)):
            for attempt in stats.attempts_list:
                assert attempt.start_time is not None
                assert attempt.end_time is not None
                spans.append((attempt.start_time, attempt.end_time, run_id, stats.step_key))
    assert {run_id for *_, run_id, _ in spans} == set(runs)
    spans.sort()
    return [
        (before[3], after[3])
        for index, before in enumerate(spans)
        for after in spans[index + 1 :]
        if before[2] != after[2] and after[0] < before[1]
    ]
