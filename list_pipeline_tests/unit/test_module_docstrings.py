"""The docstrings of modules point to modules and definitions that exist."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from list_pipeline_tests.paths import CHECKOUT

ROOT = CHECKOUT / "list_pipeline"
LAYERS = ("core", "agents", "integrations", "storage", "operations", "defs", "cli", "stack")

OTHER_NAMES = {
    "gn", "cn", "managemanycontacts",  # words of Mailjet
    "load_definitions_from_package_module", "load_from_defs_folder",  # of Dagster
    "pyproject.toml", "test_keys",
}  # fmt: skip
"""Names in docstrings that are no module and no definition of the product."""


def pointers() -> Iterator[tuple[Path, str]]:
    """Module and each name in its docstring that could be a module or a definition."""
    for path in (*ROOT.glob("*.py"), *(each for layer in LAYERS for each in (ROOT / layer).rglob("*.py"))):
        docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        for name in re.findall(r"``([a-z_]+(?:\.[A-Za-z_]+)*)``", docstring):
            yield path, name


def is_module(path: Path) -> bool:
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def defines(path: Path, name: str) -> bool:
    """Whether a module, or any module of a package, has a definition or an attribute of that name."""
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    definition = re.compile(rf"^\s*(?:(?:async )?def |class )?{name}\b\s*[(:=\[]|import .*\b{name}\b", re.MULTILINE)
    return any(definition.search(each.read_text(encoding="utf-8")) for each in files)


def exists(module: Path, name: str) -> bool:
    """Whether a name is a module seen from here, beside or in the layer, a definition of one, or one of this module's own."""
    layer = ROOT / module.relative_to(ROOT).parts[0]
    *parents, last = name.split(".")
    for base in (CHECKOUT, ROOT, layer, module.parent):
        if is_module(base.joinpath(*parents, last)):
            return True
        if parents and is_module(base.joinpath(*parents)) and defines(base.joinpath(*parents), last):
            return True
    return not parents and defines(module.with_suffix(""), last)


def tables() -> frozenset[str]:
    statements = "".join(path.read_text(encoding="utf-8") for path in (CHECKOUT / "sql" / "migrations").glob("*.sql"))
    return frozenset(re.findall(r"create table list_pipeline\.(\w+)", statements))


def test_there_are_pointers_to_look_at() -> None:
    assert len({*pointers()}) > 200


@pytest.mark.parametrize("layer", ["", *LAYERS])
def test_every_name_in_the_docstring_of_a_module_exists(layer: str) -> None:
    other = OTHER_NAMES | tables()
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path, name in pointers()
        if (path.relative_to(ROOT).parts[0] if path.parent != ROOT else "") == layer
        and name not in other
        and not exists(path, name)
    ]
    assert missing == []


@pytest.mark.parametrize("gone", ["reconciliation", "core.bounces.no_such_module", "core.bounces.classes.no_such_name"])
def test_a_pointer_to_nothing_is_found(gone: str) -> None:
    assert not exists(ROOT / "core" / "suppression" / "rules.py", gone)
