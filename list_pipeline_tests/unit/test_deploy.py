"""The files of a deployment against the project: commands, settings, files and versions that they name are there, and nothing
in them runs as root, writes to its root file system or is reached from outside."""

from __future__ import annotations

import configparser
import fnmatch
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import typer
import yaml
from dagster_webserver.cli import cli as webserver_cli
from typer.core import TyperGroup

from list_pipeline.cli.main import app
from list_pipeline.operations.preflight.look import NEEDED
from list_pipeline.settings import Settings
from list_pipeline_tests.paths import CHECKOUT

DEPLOY = CHECKOUT / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
VALUES = yaml.safe_load((KUBERNETES / "dagster-values.yaml").read_text())
OURS = {
    name: one for name, one in COMPOSE["services"].items() if "env_file" in one and one["env_file"] == ["product.env"]
}
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(KUBERNETES.glob("*.yaml")):
        if path.name not in ("kustomization.yaml", "dagster-values.yaml"):
            yield from (one for one in yaml.safe_load_all(path.read_text()) if one is not None)


def pod_of(manifest: dict[str, Any]) -> dict[str, Any] | None:
    spec = manifest.get("spec", {})
    spec = spec.get("jobTemplate", {}).get("spec", spec)
    found: dict[str, Any] | None = spec.get("template", {}).get("spec")
    return found


PODS = {f"{one['kind']} {one['metadata']['name']}": pod for one in manifests() if (pod := pod_of(one)) is not None}


def said_commands() -> Iterator[tuple[str, list[str]]]:
    """Every command that a process is started with, and where it stands."""
    for name, service in OURS.items():
        yield f"compose {name}", service["command"]
    for name, pod in PODS.items():
        yield f"kubernetes {name}", pod["containers"][0]["command"]
    for line in (DEPLOY / "Procfile").read_text().splitlines():
        name, _, command = line.partition(": ")
        yield f"Procfile {name}", ["/bin/sh", "-c", command]
    for path in sorted((DEPLOY / "systemd").glob("*.conf")):
        (command,) = re.findall(r'^COMMAND="(.*)"$', path.read_text(), re.MULTILINE)
        yield f"systemd {path.stem}", shlex.split(command)
    for path in sorted((DEPLOY / "systemd").glob("*.service")):
        (command,) = re.findall(r"^ExecStart=(.*)$", path.read_text(), re.MULTILINE)
        if "$COMMAND" not in command:
            yield f"systemd {path.stem}", shlex.split(command.replace("/opt/list_pipeline/bin/", ""))


def single_commands() -> list[tuple[str, list[str]]]:
    found = []
    for where, words in said_commands():
        if words[0] == "/bin/sh":
            found += [(where, shlex.split(part)) for part in words[-1].split("&&")]
        else:
            found.append((where, words))
    return found


COMMANDS = single_commands()
PROGRAMS = {"list-pipeline", "dagster", "dagster-daemon", "dagster-webserver", "python"}


def test_commands_are_named_everywhere() -> None:
    assert {where.split()[0] for where, _ in COMMANDS} == {"compose", "kubernetes", "Procfile", "systemd"}
    assert {words[0] for _, words in COMMANDS} <= PROGRAMS


@pytest.mark.parametrize(("where", "words"), [one for one in COMMANDS if one[1][0] == "list-pipeline"])
def test_a_command_of_the_product_exists_with_its_options(where: str, words: list[str]) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    command = group.commands[words[1]]
    options = {name for one in command.params for name in one.opts}
    assert {word for word in words[2:] if word.startswith("--")} <= options, where


@pytest.mark.parametrize(("where", "words"), [one for one in COMMANDS if "webserver" in " ".join(one[1])])
def test_the_ui_that_is_started_is_the_guarded_one(where: str, words: list[str]) -> None:
    taken = {name for one in webserver_cli.params for name in one.opts}
    assert {word for word in words if word.startswith("-") and word != "-m"} <= taken
    if words[0] == "dagster-webserver":
        # In the image this name is the guard's.
        assert "list_pipeline.webserver" in (DEPLOY / "dagster-webserver").read_text()
        assert "deploy/dagster-webserver /opt/list_pipeline/bin/dagster-webserver" in dockerfile()
    else:
        assert words[:3] == ["python", "-m", "list_pipeline.webserver"], where


def test_there_is_one_daemon_wherever_the_product_runs() -> None:
    for place in ("compose", "Procfile", "systemd"):
        assert sum(words[0] == "dagster-daemon" for where, words in COMMANDS if where.startswith(place)) == 1


# Settings


def test_a_secret_for_kubernetes_names_settings_only_and_every_one_that_is_needed() -> None:
    (secret,) = [one for one in manifests() if one["kind"] == "Secret"]
    named = {name.lower() for name in secret["stringData"]}
    assert named <= set(Settings.model_fields)
    assert {*NEEDED, "event_webhook_password"} <= named
    assert all(value in ("", "json") for value in secret["stringData"].values()), "a secret stands in the repository"


def test_every_pod_takes_the_settings_from_that_secret() -> None:
    (secret,) = [one for one in manifests() if one["kind"] == "Secret"]
    name = secret["metadata"]["name"]
    for pod in PODS.values():
        assert [one["secretRef"]["name"] for one in pod["containers"][0]["envFrom"]] == [name]
    for part in (
        VALUES["dagsterWebserver"],
        VALUES["dagsterDaemon"],
        *VALUES["dagster-user-deployments"]["deployments"],
    ):
        assert part["envSecrets"] == [{"name": name}]


def test_files_of_secrets_stay_out_of_git_and_of_the_image() -> None:
    assert "deploy/*.env" in (CHECKOUT / ".gitignore").read_text().splitlines()
    for name in ("deploy/product.env", "deploy/postgres.env", ".env", ".git/config", "list_pipeline_tests/paths.py"):
        assert not in_build(name), name


# The image


def dockerfile() -> str:
    return (DEPLOY / "Dockerfile").read_text()


def in_build(name: str) -> bool:
    """Whether a file of the checkout reaches the build, by .dockerignore."""
    is_in = True
    for line in (CHECKOUT / ".dockerignore").read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        pattern = line.removeprefix("!").removesuffix("/").removeprefix("**/")
        if fnmatch.fnmatch(name, pattern) or name.startswith(f"{pattern}/") or fnmatch.fnmatch(name, f"*/{pattern}"):
            is_in = line.startswith("!")
    return is_in


def test_what_the_image_copies_is_there_and_reaches_the_build() -> None:
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile(), re.MULTILINE)
        for source in line.split()[:-1]
        if not source.startswith("--")
    ]
    assert {"requirements-production.lock", "list_pipeline", "sql", "dagster.yaml"} <= set(copied)
    for source in copied:
        assert (CHECKOUT / source).exists(), source
        assert in_build(source), source
    assert in_build("list_pipeline/core/lists.py")
    assert not in_build("list_pipeline/core/__pycache__/lists.pyc")


def test_the_image_installs_what_the_documentation_installs() -> None:
    documented = (CHECKOUT / "docs" / "operations.md").read_text()
    for line in re.findall(r"^venv/bin/pip (install .*|check)$", documented, re.MULTILINE):
        assert f"/opt/list_pipeline/bin/pip {line}" in dockerfile()


def test_the_image_runs_without_root_and_both_stages_stand_on_the_base_that_is_named() -> None:
    assert re.findall(r"^FROM (\S+)", dockerfile(), re.MULTILINE) == ["${PYTHON_IMAGE}", "${PYTHON_IMAGE}"]
    assert re.findall(r"^USER (.*)$", dockerfile(), re.MULTILINE) == ["10001:10001"]
    base = re.search(r"^ARG PYTHON_IMAGE=python:(\d+)\.(\d+)-slim", dockerfile(), re.MULTILINE)
    assert base is not None
    assert (3, 11) <= (int(base[1]), int(base[2])) < (3, 15)


# One host


def test_every_process_of_ours_runs_without_root_rights_or_a_writable_root() -> None:
    assert set(OURS) == {"migrate", "code", "daemon", "webserver", "service", "backup"}
    for name, one in OURS.items():
        assert (one["user"], one["read_only"], one["cap_drop"]) == ("10001:10001", True, ["ALL"]), name
        assert one["security_opt"] == ["no-new-privileges:true"]


def test_nothing_is_reached_from_outside_but_by_the_proxy_of_the_host() -> None:
    for name, one in COMPOSE["services"].items():
        assert all(port.startswith("127.0.0.1:") for port in one.get("ports", [])), name
    assert COMPOSE["networks"]["inside"]["internal"] is True
    for name in ("postgres", "redis"):
        assert COMPOSE["services"][name]["networks"] == ["inside"]
        assert "ports" not in COMPOSE["services"][name]


def test_everything_waits_for_the_migrations_and_the_names_that_are_used_exist() -> None:
    services = COMPOSE["services"]
    for name in ("code", "daemon", "webserver", "service"):
        assert services[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for one in services.values():
        assert set(one.get("depends_on", {})) <= set(services)
        named = {volume.partition(":")[0] for volume in one.get("volumes", []) if not volume.startswith(".")}
        assert named <= set(COMPOSE["volumes"])
        for mounted in (volume.partition(":")[0] for volume in one.get("volumes", []) if volume.startswith("./")):
            assert (DEPLOY / mounted).is_file()
    for name in ("code", "daemon", "webserver", "service", "postgres", "redis"):
        assert "healthcheck" in services[name], name
    assert services["migrate"]["restart"] == "no"


def test_the_workspace_of_the_image_leads_to_the_code_location_of_the_compose_file() -> None:
    (location,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    command = OURS["code"]["command"]
    assert location["grpc_server"]["host"] in OURS
    assert str(location["grpc_server"]["port"]) == command[command.index("-p") + 1]


# Kubernetes


@pytest.mark.parametrize("name", PODS)
def test_a_pod_may_nothing(name: str) -> None:
    pod = PODS[name]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        mounts = {one["name"] for one in container.get("volumeMounts", [])}
        assert mounts == {one["name"] for one in pod.get("volumes", [])}


def test_the_service_is_found_kept_and_probed_by_what_it_listens_at() -> None:
    found = {one["kind"]: one for one in manifests() if one["metadata"]["name"] == "list-pipeline-service"}
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        found["Deployment"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    (container,) = found["Deployment"]["spec"]["template"]["spec"]["containers"]
    (port,) = container["ports"]
    assert str(port["containerPort"]) in container["command"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["tcpSocket"]["port"] == port["name"]
    assert found["PodDisruptionBudget"]["spec"]["minAvailable"] < found["Deployment"]["spec"]["replicas"]


def test_nothing_comes_in_and_nothing_goes_out_but_what_is_named() -> None:
    policies = {one["metadata"]["name"]: one["spec"] for one in manifests() if one["kind"] == "NetworkPolicy"}
    assert policies["deny-all"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    from_outside = policies["from-the-proxy"]["ingress"][0]
    ui = VALUES["dagsterWebserver"]["service"]["port"]
    assert {one["port"] for one in from_outside["ports"]} == {8080, ui}
    inside = {one["port"] for rule in policies["code-location"]["ingress"] for one in rule["ports"]}
    assert inside == {VALUES["dagster-user-deployments"]["deployments"][0]["port"]}


def test_kustomize_gives_every_manifest_of_a_release_the_one_image() -> None:
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    (image,) = kustomization["images"]
    for name in kustomization["resources"]:
        for one in yaml.safe_load_all((KUBERNETES / name).read_text()):
            for container in (pod_of(one) or {}).get("containers", []):
                assert container["image"] == image["name"]
    whole = f"{image['newName']}:{image['newTag']}"
    chart = VALUES["dagsterWebserver"]["image"]
    assert f"{chart['repository']}:{chart['tag']}" == whole
    assert PODS["Job list-pipeline-migrate"]["containers"][0]["image"] == whole
    assert image["newTag"] == PROJECT["version"]


def test_the_chart_has_the_version_of_the_product_s_dagster() -> None:
    (pinned,) = [one.partition("==")[2] for one in PROJECT["dependencies"] if one.startswith("dagster==")]
    for text in ((KUBERNETES / "dagster-values.yaml").read_text(), (CHECKOUT / "docs" / "deployment.md").read_text()):
        assert f"--version {pinned} " in text


def test_dagster_takes_the_instance_that_the_values_describe_and_it_limits_as_ours_does(tmp_path: Path) -> None:
    daemon, launcher = VALUES["dagsterDaemon"], VALUES["runLauncher"]["config"]["customRunLauncher"]
    written = {
        "run_coordinator": {
            "module": "dagster",
            "class": daemon["runCoordinator"]["type"],
            "config": {
                "dequeue_interval_seconds": daemon["runCoordinator"]["config"]["queuedRunCoordinator"][
                    "dequeueIntervalSeconds"
                ]
            },
        },
        "run_launcher": launcher,
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": daemon["runMonitoring"]["startTimeoutSeconds"],
            "max_runtime_seconds": daemon["runMonitoring"]["maxRuntimeSeconds"],
            "free_slots_after_run_end_seconds": daemon["runMonitoring"]["freeSlotsAfterRunEndSeconds"],
        },
        **VALUES["additionalInstanceConfig"],
    }
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(written))
    ours = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        limits = instance.get_concurrency_config()
    assert limits.pool_config.default_pool_limit == ours["concurrency"]["pools"]["default_limit"]
    assert limits.pool_config.pool_granularity.value == ours["concurrency"]["pools"]["granularity"]
    assert limits.run_queue_config is not None
    assert limits.run_queue_config.max_concurrent_runs == ours["concurrency"]["runs"]["max_concurrent_runs"]
    for name in ("start_timeout_seconds", "max_runtime_seconds", "free_slots_after_run_end_seconds"):
        assert written["run_monitoring"][name] == ours["run_monitoring"][name]


def test_probes_of_the_ui_come_under_a_name_that_the_guard_knows() -> None:
    for probe in ("readinessProbe", "livenessProbe"):
        asked = VALUES["dagsterWebserver"][probe]["httpGet"]
        assert asked["httpHeaders"] == [{"name": "Host", "value": "localhost"}]
        assert asked["port"] == VALUES["dagsterWebserver"]["service"]["port"] > 1023


# systemd


@pytest.mark.parametrize("path", sorted((DEPLOY / "systemd").glob("*.service")), ids=lambda path: path.name)
def test_a_unit_runs_without_root_and_keeps_its_files_to_itself(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(path)
    service = unit["Service"]
    assert service["User"] == "list_pipeline"
    assert service["UMask"] == "0077"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"


def test_the_target_starts_each_process_that_has_a_command() -> None:
    target = (DEPLOY / "systemd" / "list-pipeline.target").read_text()
    commands = {path.stem for path in (DEPLOY / "systemd").glob("*.conf")}
    assert set(re.findall(r"list-pipeline@(\w+)\.service", target)) == commands
