"""What a process of the product writes to its streams while a maintenance fails: no address, in any format, on any way in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from list_pipeline.settings import Settings
from list_pipeline_tests.e2e.conftest import SMALL
from list_pipeline_tests.e2e.dagster_runs import ADDRESS
from list_pipeline_tests.e2e.rehearsals import ANCHOR, PacedClock, Rehearsal, Templates
from list_pipeline_tests.paths import CHECKOUT

pytestmark = pytest.mark.long


MAINTAIN = """
import sys
from list_pipeline.logs import configure_logging
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.services import Services
from list_pipeline.settings import read_settings
settings = read_settings()
configure_logging(settings)
with Services(settings) as services:
    workflow.maintain(services, sys.argv[1], run_id="child")
"""

MATERIALIZE = """
import sys
import dagster as dg
from list_pipeline.definitions import defs

with dg.DagsterInstance.ephemeral() as instance:
    instance.add_dynamic_partitions("campaigns", [sys.argv[1]])
    job = defs.resolve_job_def("post_campaign_maintenance")
    result = job.execute_in_process(instance=instance, partition_key=sys.argv[1], raise_on_error=False)
    sys.exit(0 if result.success else 1)
"""


@pytest.fixture
def refusing(templates: Templates) -> Iterator[tuple[Rehearsal, str]]:
    """An account at a Mailjet that drops the first bulk job with an error file and refuses the second, and what is due."""
    clock = PacedClock(ANCHOR + timedelta(seconds=1), times=200)
    with templates.rehearsal(seed=SMALL, clock=clock) as copy:
        (due,) = copy.due()
        copy.control.add_fault("job_error", path="managemanycontacts$", count=1)
        copy.control.add_fault("status", path="managemanycontacts$", method="POST", status=400, nth=2, count=None)
        yield copy, due.campaign_key


def _output_of_a_failing_run(code: str, account: Rehearsal, key: str, home: Path, log_format: str) -> str:
    """Everything that a fresh interpreter says on both of its streams while it maintains a campaign in vain."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    chosen = account.settings
    names = ("database_url", "mailjet_api_key", "mailjet_secret_key", "slack_bot_token", "gemini_api_key")
    done = subprocess.run(
        [sys.executable, "-c", code, key],
        cwd=CHECKOUT,
        env={
            **kept,
            **{name.upper(): chosen.secret(name) for name in names},
            **{name.upper(): str(list_id) for name, list_id in _list_settings(chosen).items()},
            "MAILJET_BASE_URL": account.server.url,
            "SLACK_BASE_URL": chosen.slack_base_url,
            "GEMINI_BASE_URL": account.server.url,
            "MAILJET_REQUESTS_PER_MINUTE": "1000000",
            "LIST_MANAGEMENT_MODE": "auto",
            "REHEARSAL_CLOCK_URL": account.server.url,
            "LOG_FORMAT": log_format,
            "DAGSTER_HOME": str(home),
            "HOME": str(home),
        },
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr


def _list_settings(chosen: Settings) -> dict[str, int]:
    found = {name: getattr(chosen, name) for name in type(chosen).model_fields if name.endswith(("_list_id", "_id"))}
    return {name: value for name, value in found.items() if name.startswith("mailjet_") and value is not None}


def _assert_failed_and_shows_nobody(said: str, account: Rehearsal) -> None:
    assert "a bulk job reported errors" in said
    assert "maintenance failed" in said
    assert "Traceback" in said, "the log says where it failed"
    assert {line[:200] for line in said.splitlines() if ADDRESS.search(line)} == set()
    assert {line[:200] for line in said.splitlines() if "%40" in line} == set()
    # Those who were to be suppressed have addresses that the search would know.
    dead = account.control.answers()["hard"]
    addresses = [account.people()[contact_id]["Email"] for contact_id in dead[:3]]
    assert all(ADDRESS.search(address) for address in addresses)
    assert not any(address in said for address in addresses)


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_the_log_of_a_failing_run_shows_no_address(
    refusing: tuple[Rehearsal, str], tmp_path: Path, log_format: str
) -> None:
    account, key = refusing
    said = _output_of_a_failing_run(MAINTAIN, account, key, tmp_path, log_format)
    _assert_failed_and_shows_nobody(said, account)
    structured = [line for line in said.splitlines() if line.startswith("{")]
    assert bool(structured) is (log_format == "json")
    assert all("event" in json.loads(line) for line in structured)


def test_the_output_of_a_failing_run_of_dagster_shows_no_address(
    refusing: tuple[Rehearsal, str], tmp_path: Path
) -> None:
    account, key = refusing
    said = _output_of_a_failing_run(MATERIALIZE, account, key, tmp_path, "console")
    _assert_failed_and_shows_nobody(said, account)
