"""Nothing that changes a list, or judges a change, sees the cache: only modules named here may."""

from __future__ import annotations

import ast
from pathlib import Path

import list_pipeline

PACKAGE = Path(list_pipeline.__file__).parent
SHOWING = {"cli/cache.py", "demo/cached_views.py"}
FILLING = {"operations/views/cache_warming.py", "defs/views/assets.py", "defs/views/automation.py"}
OWN = {
    # Forgets what was cached of a person who is erased.
    "operations/erasure/rows.py",
    "operations/views/cached_reads.py",
    "operations/access.py",
    "operations/services.py",
    "integrations/cache.py",
}
MAY_FILL = {"operations/maintenance/workflow.py", "operations/weekly/steps.py", "defs/maintenance/snapshots.py"}
"""Fill the cache with what they read at Mailjet, when they are done; they read nothing out of it."""


def uses(path: Path) -> set[str]:
    """What a module does with the cache, by what it names: ``reads`` or ``fills``. Asking whether it is there, and of use,
    is neither."""
    found: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    asked = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in ("is_reachable", "unusable")
    }
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("list_pipeline.operations.views.cached_reads"):
                # A look notes the state of the data; it shows nothing by itself.
                found.add("fills" if name.endswith(".ReadSession") else "reads")
            if f"{name}.".startswith("list_pipeline.integrations.cache."):
                found.add("reads")
            if f"{name}.".startswith("list_pipeline.operations.views.cache_warming."):
                found.add("fills")
        if isinstance(node, ast.Attribute) and node.attr == "cache" and id(node) not in asked:
            found.add("reads")
    return found


MODULES = sorted(str(path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py") if "sandbox" not in path.parts)


def test_no_other_module_reads_through_the_cache() -> None:
    assert {*SHOWING, *FILLING, *OWN, *MAY_FILL} <= set(MODULES)
    found = {name: uses(PACKAGE / name) for name in MODULES}

    assert {name for name, what in found.items() if "reads" in what} <= {*SHOWING, *FILLING, *OWN}
    assert {name for name, what in found.items() if "fills" in what} <= {*SHOWING, *FILLING, *OWN, *MAY_FILL}


def test_a_module_that_reads_would_be_found(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    for text in (
        "from list_pipeline.operations.views import cached_reads",
        "from list_pipeline.operations.views.cached_reads import list_state",
        "import list_pipeline.operations.views.cached_reads",
        "def f(services):\n    from list_pipeline.operations.views.cached_reads import list_state",
        "def f(services):\n    return services.cache.find(['list:state'])",
        "from list_pipeline.integrations.cache import open_cache",
    ):
        module.write_text(text, encoding="utf-8")
        assert uses(module) == {"reads"}
    module.write_text("ok = services.cache.is_reachable() or services.cache.unusable", encoding="utf-8")
    assert uses(module) == set()
