"""The files of deploy/run-pods: a pod a run, without Dagster's chart. What the launcher makes of them is tried end to end."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import kubernetes.client.models as kinds
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.ref import InstanceRef
from dagster_k8s import K8sRunLauncher
from dagster_k8s.models import k8s_model_from_dict, k8s_snake_case_dict

from list_pipeline.definitions import defs
from list_pipeline_tests.paths import CHECKOUT

FOLDER = CHECKOUT / "deploy" / "run-pods"
INSTANCE = yaml.safe_load((FOLDER / "dagster.yaml").read_text())
LAUNCHER = INSTANCE["run_launcher"]["config"]
KUSTOMIZATION = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())
BASE = yaml.safe_load((CHECKOUT / "deploy" / "kubernetes" / "kustomization.yaml").read_text())
MANIFESTS = [
    one
    for name in KUSTOMIZATION["resources"]
    if name.endswith(".yaml")
    for one in yaml.safe_load_all((FOLDER / name).read_text())
]
DEPLOYMENTS = {one["metadata"]["name"]: one for one in MANIFESTS if one["kind"] == "Deployment"}
ASK_THE_CLUSTER = {"daemon", "webserver"}


def named(kind: str) -> set[str]:
    return {one["metadata"]["name"] for one in MANIFESTS if one["kind"] == kind}


def pod_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    return found


# The instance


def test_the_instance_is_that_of_the_repository_but_for_the_launcher_and_the_logs() -> None:
    ours = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    assert {name: value for name, value in INSTANCE.items() if name not in ("run_launcher", "compute_logs")} == ours


def test_dagster_takes_the_instance_and_its_launcher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "postgresql+psycopg2://nobody@db.example/dagster")
    (tmp_path / "dagster.yaml").write_text((FOLDER / "dagster.yaml").read_text())
    ref = InstanceRef.from_dir(str(tmp_path))
    assert ref.run_launcher_data is not None
    assert (ref.run_launcher_data.module_name, ref.run_launcher_data.class_name) == ("dagster_k8s", "K8sRunLauncher")
    taken = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), ref.run_launcher_data.config_dict)
    assert taken.success, taken.errors
    storage = ref.storage_data
    assert storage is not None
    assert storage.class_name == "PooledPostgresStorage"
    assert type(ref.compute_log_manager).__name__ == "NoOpComputeLogManager"


def test_no_value_of_a_variable_stands_in_the_instance() -> None:
    assert "env_vars" not in LAUNCHER
    assert "env" not in LAUNCHER["run_k8s_config"].get("container_config", {})


def test_what_the_launcher_names_is_there() -> None:
    assert LAUNCHER["service_account_name"] in named("ServiceAccount")
    assert LAUNCHER["job_namespace"] == KUSTOMIZATION["namespace"] == BASE["namespace"]
    (generated,) = KUSTOMIZATION["configMapGenerator"]
    assert generated == {"name": LAUNCHER["instance_config_map"], "files": ["dagster.yaml"]}
    assert KUSTOMIZATION["generatorOptions"] == {"disableNameSuffixHash": True}
    secret = yaml.safe_load((CHECKOUT / "deploy" / "kubernetes" / "secret.example.yaml").read_text())
    assert LAUNCHER["env_secrets"] == [secret["metadata"]["name"]]
    monitored = INSTANCE["run_monitoring"]["max_runtime_seconds"]
    assert LAUNCHER["run_k8s_config"]["job_spec_config"]["active_deadline_seconds"] > monitored


def test_no_step_hands_a_value_to_another() -> None:
    """A value would go by a file, which the machine of the next step does not have."""
    for job in defs.jobs or ():
        graph = defs.resolve_job_def(job.name).graph
        for node in graph.iterate_node_defs():
            assert all(one.dagster_type.is_nothing for one in node.input_defs), f"{job.name}: {node.name}"


# The manifests


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda one: f"{one['kind']} {one['metadata']['name']}")
def test_a_manifest_fits_the_models_of_kubernetes(manifest: dict[str, Any]) -> None:
    kind = getattr(kinds, f"V1{manifest['kind']}")
    k8s_model_from_dict(kind, k8s_snake_case_dict(kind, manifest))


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_process_runs_without_root_and_only_who_starts_runs_may_ask_the_cluster(name: str) -> None:
    pod = pod_of(name)
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == LAUNCHER["security_context"]
    assert container["envFrom"] == [{"secretRef": {"name": one}} for one in LAUNCHER["env_secrets"]]
    assert pod["automountServiceAccountToken"] is (name in ASK_THE_CLUSTER)
    assert pod["serviceAccountName"] in named("ServiceAccount")
    assert (pod["serviceAccountName"] == "list-pipeline-launcher") is (name in ASK_THE_CLUSTER)
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in pod["volumes"]}
    instance = {one["mountPath"]: one for one in container["volumeMounts"]}["/opt/dagster/dagster.yaml"]
    assert instance["subPath"] == "dagster.yaml"
    assert {"name": "instance", "configMap": {"name": LAUNCHER["instance_config_map"]}} in pod["volumes"]


def test_the_role_is_bound_to_who_starts_runs_and_to_nobody_else() -> None:
    (binding,) = (one for one in MANIFESTS if one["kind"] == "RoleBinding")
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "list-pipeline-launcher"}]
    assert binding["roleRef"]["name"] in named("Role")
    (policy,) = (one for one in MANIFESTS if one["kind"] == "NetworkPolicy")
    (chosen,) = policy["spec"]["podSelector"]["matchExpressions"]
    assert set(chosen["values"]) == ASK_THE_CLUSTER


def test_there_is_one_daemon_and_the_old_one_goes_first() -> None:
    spec = DEPLOYMENTS["daemon"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_the_processes_find_the_code_location_by_the_workspace_of_the_image() -> None:
    (location,) = yaml.safe_load((CHECKOUT / "deploy" / "workspace.yaml").read_text())["load_from"]
    server = location["grpc_server"]
    services = {one["metadata"]["name"]: one["spec"] for one in MANIFESTS if one["kind"] == "Service"}
    assert [one["port"] for one in services[server["host"]]["ports"]] == [server["port"]]
    for name, service in services.items():
        assert service["selector"].items() <= DEPLOYMENTS[name]["spec"]["template"]["metadata"]["labels"].items()
    command = pod_of("code")["containers"][0]["command"]
    assert command[command.index("-p") + 1] == str(server["port"])
    for name in ASK_THE_CLUSTER:
        assert "/opt/dagster/workspace.yaml" in pod_of(name)["containers"][0]["command"]


def test_a_release_names_its_image_once_and_runs_get_that_of_their_code() -> None:
    assert KUSTOMIZATION["images"] == BASE["images"]
    for name in DEPLOYMENTS:
        assert pod_of(name)["containers"][0]["image"] == KUSTOMIZATION["images"][0]["name"]
    (replacement,) = KUSTOMIZATION["replacements"]
    assert replacement["source"]["fieldPath"] == "spec.template.spec.containers.0.image"
    (target,) = replacement["targets"]
    assert target["select"] == {"kind": "Deployment", "name": "code"}
    assert target["fieldPaths"] == ["spec.template.spec.containers.0.env.[name=DAGSTER_CURRENT_IMAGE].value"]
    assert "job_image" not in LAUNCHER


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")
def test_kustomize_builds_it(tmp_path: Path) -> None:
    shutil.copytree(CHECKOUT / "deploy", tmp_path / "deploy")
    folder = tmp_path / "deploy" / "run-pods"
    text = (folder / "kustomization.yaml").read_text()
    tag = KUSTOMIZATION["images"][0]["newTag"]
    (folder / "kustomization.yaml").write_text(text.replace(f"newTag: {tag}", "newTag: next"))
    built = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False, timeout=60
    )
    assert built.returncode == 0, built.stderr
    found = {(one["kind"], one["metadata"]["name"]): one for one in yaml.safe_load_all(built.stdout)}
    code = found["Deployment", "code"]["spec"]["template"]["spec"]["containers"][0]
    assert code["image"] == "list_pipeline:next"
    assert {"name": "DAGSTER_CURRENT_IMAGE", "value": "list_pipeline:next"} in code["env"]
    assert yaml.safe_load(found["ConfigMap", LAUNCHER["instance_config_map"]]["data"]["dagster.yaml"]) == INSTANCE
    assert ("CronJob", "list-pipeline-backup") in found


# How steps are executed


def test_steps_run_in_one_process_unless_it_is_said_otherwise() -> None:
    from list_pipeline.defs.common import executor_of

    assert executor_of(0) is dg.in_process_executor
    assert executor_of(2).name == "multiprocess"
    assert defs.resolve_job_def("post_campaign_maintenance").executor_def is dg.in_process_executor
