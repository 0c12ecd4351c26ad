"""The installation that docs/operations.md describes, command by command in a fresh environment, with the oldest pip in use."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from list_pipeline_tests.paths import CHECKOUT

pytestmark = pytest.mark.long

OLD_PIPS: Mapping[str, str] = {
    "23.0.1": "236bcb61156d76c4b8a05821b988c7b8c35bf0da28a4b614e8d6ab5212c25c6f",  # pragma: allowlist secret
    "23.2.1": "7ccf472345f20d35bdc9d1841ff5f313260c2c33fe417f48c30ac46cccabf5be",  # pragma: allowlist secret
}
"""Pips that come with Python 3.11 on systems in use, by the SHA-256 of their wheel. They do not run on Python 3.12."""


def documented_commands() -> list[str]:
    """The commands of the block below "Install exactly the locked packages"."""
    text = (CHECKOUT / "docs" / "operations.md").read_text(encoding="utf-8")
    block = re.search(r"Install exactly the locked packages.*?```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [line for line in block.group(1).splitlines() if line]


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Path]:
    """A copy of what is installed; removed at once, since an environment takes half a gigabyte."""
    folder = tmp_path / "checkout"
    for name in ("list_pipeline", "sql"):
        shutil.copytree(CHECKOUT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "requirements-production.lock"):
        shutil.copy(CHECKOUT / name, folder)
    yield folder
    shutil.rmtree(folder)


def run(command: str, folder: Path) -> str:
    # The environment of the tests must not help: neither the checkout on the path nor another environment's programs.
    clean = ["env", "-u", "PYTHONPATH", "-u", "VIRTUAL_ENV", "bash", "-euc", command]
    done = subprocess.run(clean, cwd=folder, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def test_the_documented_installation_works_as_written(checkout: Path) -> None:
    create, *others = documented_commands()
    assert create == "python3 -m venv venv"
    run(create.replace("python3", sys.executable), checkout)
    # The second is an upgrade in place, which takes the same commands.
    for pip in OLD_PIPS if sys.version_info < (3, 12) else ["its own"]:
        if pip in OLD_PIPS:
            (checkout / "pip.txt").write_text(f"pip=={pip} --hash=sha256:{OLD_PIPS[pip]}\n")
            run("venv/bin/python -m pip install --require-hashes --no-deps -r pip.txt", checkout)
            assert f"pip {pip} " in run("venv/bin/python -m pip --version", checkout)
        for command in others:
            run(command, checkout)

    assert "Keeps three rotating Mailjet" in run("venv/bin/list-pipeline --help", checkout)
    # Loaded from the environment and not from the folder, with the migrations inside.
    where = "from list_pipeline.storage.migrations import migrations_folder; print(migrations_folder())"
    folder = Path(run(f"cd / && {checkout}/venv/bin/python -c '{where}'", checkout).strip())
    assert folder.is_relative_to(checkout / "venv")
    assert {one.name for one in folder.iterdir()} == {one.name for one in (checkout / "sql" / "migrations").iterdir()}
    # The code location loads with what production has, and nothing of the embedded servers is there.
    run(f"cd / && {checkout}/venv/bin/python -c 'import list_pipeline.definitions'", checkout)
    assert "pixeltable" not in run("venv/bin/pip list", checkout)
