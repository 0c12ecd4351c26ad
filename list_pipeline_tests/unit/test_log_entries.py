"""What an entry of the log looks like: JSON with time, level, event and what it is about, and no address anywhere in it."""

from __future__ import annotations

import ast
import json
import logging
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from list_pipeline.logs import configure_logging
from list_pipeline.operations.progress import logged
from list_pipeline.operations.stages import carrying_context, logged_with
from list_pipeline.settings import Settings
from list_pipeline_tests.paths import CHECKOUT

ADDRESS = "jane.doe@example.com"
Entries = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def written(capsys: pytest.CaptureFixture[str]) -> Iterator[Entries]:
    """Logging as JSON, and a function that gives the entries since the last call."""
    before = structlog.get_config()
    configure_logging(Settings(log_format="json", log_level="info", sentry_dsn=None))

    def entries() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        assert all(isinstance(entry, dict) for entry in found)
        return found

    yield entries
    structlog.configure(**before)
    for name in ("list_pipeline", "slack_sdk", "uvicorn", "asyncio"):
        logging.getLogger(name).handlers.clear()


def test_an_entry_has_a_time_in_utc_a_level_an_event_and_what_is_bound(written: Entries) -> None:
    with logged_with(run_id="r1", campaign="letter-1", stage="suppression", sweep=None):
        structlog.get_logger().info("contacts suppressed", success=3)
    (entry,) = written()
    assert datetime.fromisoformat(entry.pop("timestamp")).utcoffset() == timedelta(0)
    assert entry == {
        "event": "contacts suppressed", "level": "info", "success": 3, "run_id": "r1", "campaign": "letter-1",
        "stage": "suppression",
    }  # fmt: skip


def test_what_was_bound_ends_with_its_block_and_gives_back_what_was_before(written: Entries) -> None:
    log = structlog.get_logger()
    with logged_with(run_id="outer"):
        with logged_with(run_id="inner", plan=4):
            log.info("in")
        log.info("out")
    log.info("after")
    inside, outside, after = written()
    assert (inside["run_id"], inside["plan"]) == ("inner", 4)
    assert outside["run_id"] == "outer"
    assert "plan" not in outside
    assert "run_id" not in after


def test_threads_carry_what_is_bound_where_they_are_told_to(written: Entries) -> None:
    log = structlog.get_logger()
    with logged_with(run_id="r1"), ThreadPoolExecutor(2) as threads:
        list(threads.map(carrying_context(lambda number: log.info("worked", number=number)), range(4)))
        threads.submit(log.info, "alone").result()
    *worked, alone = written()
    assert {entry["run_id"] for entry in worked} == {"r1"}
    assert "run_id" not in alone


def test_no_address_is_left_in_any_part_of_an_entry(written: Entries) -> None:
    structlog.get_logger().warning(
        f"for {ADDRESS}", who=ADDRESS, several=[ADDRESS, {ADDRESS: (ADDRESS,)}], error=ValueError(ADDRESS), count=2
    )
    (entry,) = written()
    assert ADDRESS not in json.dumps(entry)
    assert entry["several"] == ["[address]", {"[address]": ["[address]"]}]
    assert (entry["error"], entry["count"]) == ("[address]", 2)


def test_a_traceback_is_text_in_the_entry_without_variables_and_addresses(written: Entries) -> None:
    hidden = ADDRESS
    try:
        raise RuntimeError(f"cannot mail {hidden}")
    except RuntimeError:
        structlog.get_logger().exception("maintenance failed")
    (entry,) = written()
    assert "Traceback" in entry["exception"]
    assert "RuntimeError: cannot mail [address]" in entry["exception"]
    assert ADDRESS not in json.dumps(entry)
    assert entry["level"] == "error"


@pytest.mark.parametrize("name", ["uvicorn.error", "asyncio", "slack_sdk.web.client", "mcp.server.lowlevel"])
def test_the_trace_of_an_error_that_nobody_foresaw_holds_no_address_whichever_library_writes_it(
    written: Entries, name: str
) -> None:
    try:
        raise ValueError(f"'{ADDRESS}' is not a valid BounceReason")
    except ValueError as error:
        logging.getLogger(name).error("Exception in ASGI application\n", exc_info=error)
    (entry,) = written()
    assert ADDRESS not in str(entry)
    assert "[address]" in str(entry)
    assert "ValueError" in str(entry)


def test_entries_of_pythons_own_logging_look_the_same(written: Entries) -> None:
    with logged_with(run_id="r1"):
        logging.getLogger("list_pipeline.integrations.cache").warning("Redis failed (%s) for %s", "Timeout", ADDRESS)
        logging.getLogger("slack_sdk.web").info("too quiet to be told")
    (entry,) = written()
    assert entry["event"] == "Redis failed (Timeout) for [address]"
    assert (entry["level"], entry["run_id"]) == ("warning", "r1")


def test_configuring_twice_writes_each_entry_once(written: Entries) -> None:
    configure_logging(Settings(log_format="json", sentry_dsn=None))
    logging.getLogger("list_pipeline.x").warning("once")
    assert len(written()) == 1


def test_the_console_shows_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    before = structlog.get_config()
    try:
        configure_logging(Settings(log_format="console", sentry_dsn=None), level="warning")
        structlog.get_logger().info("hidden")
        structlog.get_logger().warning("shown", who=ADDRESS, name="A\x1b[2J\x9b31m\u202e")
    finally:
        structlog.configure(**before)
        logging.getLogger("list_pipeline").handlers.clear()
    said = capsys.readouterr().err
    assert "hidden" not in said
    assert "shown" in said
    assert ADDRESS not in said
    assert not set(said) & set("\x1b\x9b\u202e")
    assert sys.stderr is not None


def taken_at_import(tree: ast.Module) -> list[int]:
    """The lines where a method of the module's log is taken when the module is imported: as a default, or at its top level."""
    functions = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    early: list[ast.AST] = [
        default for made in functions for default in (*made.args.defaults, *made.args.kw_defaults) if default
    ]
    early += [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    inner = (node for one in early for node in ast.walk(one) if isinstance(node, ast.Attribute))
    return [node.lineno for node in inner if isinstance(node.value, ast.Name) and node.value.id == "log"]


def test_no_module_takes_the_log_as_it_is_before_it_is_configured() -> None:
    assert taken_at_import(ast.parse("def sync(progress=log.info): ...\nPROGRESS = log.info")) == [1, 2]
    for path in sorted((CHECKOUT / "list_pipeline").rglob("*.py")):
        assert taken_at_import(ast.parse(path.read_text(encoding="utf-8"))) == [], path


def test_progress_goes_where_the_log_goes_by_then(written: Entries) -> None:
    """The default of every operation; imported, as here, before the log is configured."""
    logged("reading list 1")
    (entry,) = written()
    assert (entry["event"], entry["level"]) == ("reading list 1", "info")
    configure_logging(Settings(log_format="json", log_level="warning", sentry_dsn=None))
    logged("reading list 2")
    assert written() == []
