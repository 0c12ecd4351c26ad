"""The shape of the product, held by tools: who may import whom, and what a fresh interpreter needs to load it."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib

import pytest
import yaml

from list_pipeline_tests.paths import CHECKOUT

DEFINITIONS = CHECKOUT / "list_pipeline" / "definitions.py"

# What the interpreter itself needs. A setting of the developer's shell must not decide whether the code location loads.
_BARE = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}


def fresh_interpreter(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=CHECKOUT,
        env={**_BARE, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def modules_below(package: str) -> list[str]:
    folder = CHECKOUT / "list_pipeline" / package
    found = [".".join(path.relative_to(CHECKOUT).with_suffix("").parts) for path in sorted(folder.rglob("*.py"))]
    return [name.removesuffix(".__init__") for name in found if not name.endswith("__main__")]


def test_the_import_contracts_are_kept() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    "package", ["core", "storage", "integrations", "agents", "operations", "mcp", "pages", "sandbox", "stack"]
)
def test_loading_a_package_below_defs_does_not_load_dagster(package: str) -> None:
    names = modules_below(package)
    assert names
    done = fresh_interpreter(
        "import importlib, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(sorted(name for name in sys.modules if name.partition('.')[0].startswith('dagster')))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_command_line_loads_neither_server_before_it_is_asked_for() -> None:
    done = fresh_interpreter(
        "import sys, list_pipeline.cli.main\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules} & {'mcp', 'mcp_types', 'fastapi', 'uvicorn', 'starlette'}))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


def test_the_core_loads_the_standard_library_and_itself_only() -> None:
    done = fresh_interpreter(
        "import importlib, sys\n"
        f"for name in {modules_below('core')!r}: importlib.import_module(name)\n"
        "known = sys.stdlib_module_names | {'list_pipeline', '__main__', 'sitecustomize', 'usercustomize'}\n"
        "import_files = [m for n, m in sys.modules.items() if n.partition('.')[0] not in known]\n"
        # Editable installations and coverage hook themselves into every interpreter; they come from no import of ours.
        "hooks = ('_virtualenv', '__editable__', '_distutils_hack', 'coverage', 'a1_coverage', 'pytest_cov')\n"
        "print(sorted(m.__name__ for m in import_files if not m.__name__.startswith(hooks)))\n"
        "ours = [n for n in sys.modules if n.startswith('list_pipeline.')]\n"
        "print(sorted(n for n in ours if not n.startswith('list_pipeline.core')))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["[]", "[]"]


@pytest.mark.skipif(not DEFINITIONS.exists(), reason="list_pipeline/definitions.py does not exist yet")
def test_the_code_location_loads_in_a_fresh_interpreter_without_any_setting() -> None:
    done = fresh_interpreter(
        "import dagster, list_pipeline.definitions as d\n"
        "found = [v for v in vars(d).values() if isinstance(v, dagster.Definitions)]\n"
        "assert len(found) == 1, found\n"
        "dagster.Definitions.validate_loadable(found[0])\n"
        "print(len(list(found[0].resolve_all_asset_specs())))"
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 0


def test_loading_the_code_location_warns_of_nothing_that_may_change() -> None:
    done = fresh_interpreter(
        "import warnings, dagster\n"
        "for kind in (dagster.BetaWarning, dagster.PreviewWarning, dagster.SupersessionWarning):\n"
        "    warnings.simplefilter('error', kind)\n"
        "import list_pipeline.definitions\n"
        "list_pipeline.definitions.defs.get_repository_def()"
    )
    assert done.returncode == 0, done.stderr


def test_every_way_of_naming_the_code_location_agrees() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    workspace = yaml.safe_load((CHECKOUT / "workspace.yaml").read_text())
    (entry,) = workspace["load_from"]
    module = project["tool"]["dagster"]["module_name"]
    assert entry["python_module"]["module_name"] == module
    dg_project = project["tool"]["dg"]["project"]
    assert dg_project["code_location_target_module"] == module
    assert module.startswith(dg_project["root_module"])


def test_the_lock_holds_every_pinned_dependency_with_hashes_and_names_no_host() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    lock = (CHECKOUT / "requirements.lock").read_text()
    pins = [*project["dependencies"], *(one for extra in project["optional-dependencies"].values() for one in extra)]
    for pin in pins:
        requirement = pin.partition(";")[0].strip()
        if requirement.startswith("list_pipeline["):
            continue
        name, _, version = requirement.partition("==")
        locked = f"{name.partition('[')[0]}=={version}"
        assert f"\n{locked} " in lock or f"\n{locked}\n" in lock, f"run make lock: {locked}"
    production = (CHECKOUT / "requirements-production.lock").read_text()
    for text in (lock, production):
        assert "://" not in text
        assert "--index-url" not in text
        assert text.count("==") <= text.count("--hash=sha256:")
    assert "\npytest==" not in production
    assert "\npixeltable-pgserver==" not in production


def test_a_bare_scheme_never_reaches_dagsters_storage() -> None:
    instance = yaml.safe_load((CHECKOUT / "dagster.yaml").read_text())
    assert instance["storage"]["custom"]["config"]["postgres_url"] == {"env": "DAGSTER_POSTGRES_URL"}
    assert instance["concurrency"]["pools"] == {"default_limit": 1, "granularity": "op"}
    assert instance["telemetry"]["enabled"] is False
