"""Addresses stay home: whatever Mailjet says, they are found in two columns of two tables and nowhere else.

One account lives through everything that reads, stores, shows, reports and fails, while every text of Mailjet (and of the
model) carries addresses. Afterwards everything that is left is searched.
"""

from __future__ import annotations

import base64
import json
import logging
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import dagster as dg
import pytest
import structlog
from typer.testing import CliRunner

from list_pipeline.cli.main import app
from list_pipeline.cli.program import ExitCode
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.logs import configure_logging
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures, metadata, strings_in
from list_pipeline_tests.e2e.planted_addresses import (
    ODD,
    WORD,
    Plants,
    finds,
    in_database,
    in_files,
    in_redis,
    plant_people,
    refusal,
    texts,
    truncated,
    wrong_number,
)
from list_pipeline_tests.e2e.rehearsals import ANCHOR, Rehearsal, rehearsal
from list_pipeline_tests.paths import CHECKOUT
from list_pipeline_tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.long

SEED = {"scenario": "closed_cycle", "contacts": 3600, "seed": 7}
PERMITTED = {
    "list_pipeline.contact_list_membership.email",
    "list_pipeline.contact_suppression_history.email",
}


@dataclass
class Life:
    """What one account lived through, and everything that was said on the way."""

    account: Rehearsal
    plants: Plants
    instance: dg.DagsterInstance
    folder: Path
    dagster_url: str
    redis_url: str
    said: dict[str, str] = field(default_factory=dict)
    failed: dict[str, dict[str, str]] = field(default_factory=dict)
    ended: dict[str, Any] = field(default_factory=dict)


def _maintain_through_everything(life: Life, home: DagsterHome) -> None:
    """Failing runs of every kind, a plan that waits, a person who decides, and the run that ends well."""
    account, plants = life.account, life.plants
    (due,) = home.requests()
    key = str(due.partition_key)
    first = {
        "a refusal that quotes an address": ("bouncestatistics$", refusal(400, "refused"), "GET"),
        "a refusal with objects inside": ("bouncestatistics$", refusal(400, "object", "object"), "GET"),
        "a refusal of the gateway": ("REST/message$", refusal(403, "gateway", "gateway"), "GET"),
        "a web page that names somebody": ("statcounters$", refusal(404, "page", "page"), "GET"),
        "half a JSON text": ("REST/message$", truncated, "GET"),
    }
    for number, (name, (path, rewrite, method)) in enumerate(first.items()):
        # As often as the client asks again.
        for _ in range(3):
            plants.refuse(path, rewrite, method=method)
        if number < 2:
            life.failed[name] = failures(home.run(key))
        else:
            # On the command line: a run of Dagster on PostgreSQL takes seconds.
            log_format = ("console", "json")[number % 2]
            _command(life, "maintain", key, log_format=log_format, succeeds=False)
            life.failed[name] = {name: life.said.pop(f"maintain {key} ({log_format})")}
        plants.forget()
    home.settings = {"list_management_mode": "approval_required"}
    # A row with an address in the place of a number is set aside and named; the run goes on.
    plants.refuse("bouncestatistics$", wrong_number("StateID"), method="GET")
    assert home.run(key).success
    plants.forget()
    _decide(life, key, "suppression")
    home.settings = {"list_management_mode": "auto"}
    # The first job ends in Error with an error file; the second is refused with the addresses that it was about.
    account.control.add_fault("job_error", path="managemanycontacts$", count=1)
    plants.refuse("managemanycontacts$", refusal(400, "job"), method="POST", nth=2)
    result = home.run(key)
    life.failed["a job that is refused"] = failures(result)
    account.control.clear_faults()
    plants.forget()
    for attempt in range(3):
        result = home.run(key)
        life.failed[f"attempt {attempt}"] = failures(result)
        if result.success:
            break
    life.ended = metadata(result, "maintenance_report")
    home.ask("maintenances_to_report")


def _decide(life: Life, key: str, kind: str) -> None:
    """What waits is listed and let through on the command line."""
    (plan,) = life.account.rows("select plan_id, kind, content_hash from plan where status = 'pending_review'")
    assert plan["kind"] == kind
    _command(life, "reviews", log_format="console")
    _command(life, "approve", str(plan["plan_id"]), plan["content_hash"], "--by", "A. Person", log_format="json")
    assert life.account.scalar("select status from plan where plan_id = :id", id=plan["plan_id"]) == PlanStatus.APPROVED


def _command(life: Life, *arguments: str, log_format: str, succeeds: bool = True) -> None:
    """A command as a person gives it, at the finest level of the log, with all that it says."""
    settings = life.account.settings
    environment = {
        name.upper(): settings.secret(name) if hasattr(value, "get_secret_value") else str(value)
        for name in settings.model_fields_set
        if (value := getattr(settings, name)) is not None
    }
    environment |= {"LOG_LEVEL": "debug", "LOG_FORMAT": log_format, "REHEARSAL_CLOCK_URL": life.account.server.url}
    result = CliRunner().invoke(app, list(arguments), env=environment)
    # The command's log went to the runner's streams, which are closed now.
    configure_logging(settings, level="debug")
    said = [result.output, result.stderr]
    # An error of ours is one sentence; the traceback of a defect would be in the log.
    assert result.exit_code != ExitCode.DEFECT, said
    assert (result.exit_code == 0) is succeeds, said
    life.said[f"{' '.join(arguments)} ({log_format})"] = "\n".join(said)


def _use_every_command(life: Life, key: str) -> None:
    log_id = life.account.scalar("select max(id) from list_maintenance_log")
    for number, arguments in enumerate(
        (
            ("sync", "--full"),
            ("campaigns",),
            ("reviews",),
            ("show-log", str(log_id)),
            ("export", key, "bounces"),
            ("export", key, "suppression"),
            ("export", key, "rebalancing"),
            ("mode",),
            ("maintain", key),
        )
    ):
        _command(life, *arguments, log_format=("console", "json")[number % 2])
    for log_format in ("console", "json"):
        for _ in range(3):
            life.plants.refuse("contactslist$", refusal(400, "cli"))
        _command(life, "sync", log_format=log_format, succeeds=False)
        life.plants.forget()


@contextmanager
def _streams_in(folder: Path) -> Iterator[None]:
    """Standard output and error of this process go to files of a folder that is searched."""
    folder.mkdir()
    with (
        (folder / "stdout").open("w") as out,
        (folder / "stderr").open("w") as err,
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        yield


@pytest.fixture(scope="module")
def life(new_database: Callable[[], str], redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """An account with planted addresses, from its first sync to the last command."""
    folder = tmp_path_factory.mktemp("stay-home")
    dagster_url, home_folder, temporary = new_database(), folder / "dagster_home", folder / "tmp"
    home_folder.mkdir()
    temporary.mkdir()
    (home_folder / "dagster.yaml").write_text((CHECKOUT / "dagster.yaml").read_text())
    records: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: records.append(  # type: ignore[method-assign]
        logging.Formatter("%(name)s %(message)s").format(record) + repr(record.args)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_POSTGRES_URL", dagster_url.replace("postgresql://", "postgresql+psycopg2://", 1))
        patch.setenv("DAGSTER_HOME", str(home_folder))
        patch.setenv("TMPDIR", str(temporary))
        patch.setattr(tempfile, "tempdir", str(temporary))
        clock = VirtualClock(ANCHOR)
        with (
            rehearsal(folder / "sandbox", new_database(), clock=clock, redis_url=redis_url) as account,
            dg.DagsterInstance.from_config(str(home_folder)) as instance,
            _streams_in(folder / "streams"),
        ):
            root, level = logging.getLogger(), logging.getLogger().level
            root.addHandler(handler)
            root.setLevel(logging.DEBUG)
            try:
                configure_logging(account.settings, level="debug")
                account.control.seed(**SEED)
                answers = account.control.answers()
                owners = [*answers["hard"][:4], *answers["newcomer"][:2], answers["complaint"][0]]
                odd = dict(zip(owners, ODD, strict=True))
                assert plant_people(account, odd) > 3000
                plants = Plants(account)
                lived = Life(account, plants, instance, folder, dagster_url, redis_url)
                account.synchronise()
                account.confirm()
                home = DagsterHome(account, instance)
                _maintain_through_everything(lived, home)
                _use_every_command(lived, account.key_of(answers["last_campaign_id"]))
            finally:
                root.removeHandler(handler)
                root.setLevel(level)
                structlog.reset_defaults()
            lived.said["log records"] = "\n".join(records)
            lived.said["failures"] = json.dumps(lived.failed)
            yield lived


def test_every_text_that_mailjet_and_the_model_have_was_planted_and_said(life: Life) -> None:
    wanted = {
        "contact.Name", "contact.Properties", "contactslist.Name", "campaign.Subject", "campaign.FromName",
        "bouncestatistics.Comment", "message.Subject", "statcounters.Comment", "job error", "error file", "model",
        "managemanycontacts$ refused", "bouncestatistics$ refused", "contactslist$ refused",
    }  # fmt: skip
    assert wanted - set(life.plants.served) == set()
    answers = life.account.control.answers()
    assert answers["unknown_state"], "the account has failures of an unknown state"


def test_the_runs_failed_where_they_were_meant_to_and_the_last_one_ended(life: Life) -> None:
    for name, said in life.failed.items():
        if not name.startswith("attempt"):
            assert said, name
    assert life.ended["status"] in ("success", "partial_success")
    suppressed = life.account.scalar("select count(*) from contact_suppression_history")
    assert suppressed > 40
    assert len(life.account.slack_messages()) > 0
    assert len(life.account.control.gemini_requests()) > 0


def test_the_database_has_addresses_in_the_two_permitted_tables_and_nowhere_else(life: Life) -> None:
    found = in_database(life.account.services.database.url)
    assert {name: shown for name, shown in found.items() if name not in PERMITTED} == {}
    assert set(found) == PERMITTED, "the search knows an address where there is one"


def test_the_storage_of_dagster_has_none(life: Life) -> None:
    assert in_database(life.dagster_url) == {}
    runs = life.instance.get_runs()
    assert len(runs) >= 5
    events = [text for run in runs for entry in life.instance.all_logs(run.run_id) for text in strings_in(entry)]
    assert [shown for text in events for shown in finds(text)] == []
    assert len(events) > 1000


def test_no_file_has_one(life: Life) -> None:
    assert in_files(life.folder, besides=life.folder / "sandbox") == {}
    # Both streams are among the files, and something was said.
    assert (life.folder / "streams" / "stderr").stat().st_size > 1000


def test_redis_has_none(life: Life) -> None:
    found, count = in_redis(life.redis_url)
    assert found == {}
    assert count > 0


@pytest.mark.parametrize("service", ["slack_messages", "gemini_requests"])
def test_nobody_is_told_one(life: Life, service: str) -> None:
    received = getattr(life.account.control, service)()
    shown = json.dumps(received, ensure_ascii=False)
    if service == "gemini_requests":
        # What was asked counts; the answers are the planted ones.
        shown = json.dumps([_asked(one) for one in received], ensure_ascii=False)
    assert finds(shown) == []
    assert len(shown) > 1000


def _asked(exchange: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in exchange.items() if name not in ("response", "answer")}


def test_no_command_no_log_record_and_no_error_shows_one(life: Life) -> None:
    assert {name: finds(text) for name, text in life.said.items() if finds(text)} == {}
    assert "mailjet answered" in life.said["sync --full (console)"], "the log is at its finest level"
    assert len(life.said) > 12


@pytest.mark.parametrize(
    "text",
    [
        *ODD,
        texts("anywhere"),
        quote(ODD[2]),
        base64.b64encode(f"{WORD}@example.com".encode()).decode(),
        base64.b64encode(f"x {WORD}@example.com".encode()).decode(),
        base64.b64encode(f"to{ODD[0]}".encode()).decode(),
        json.dumps({"to": f"{WORD}@example.com"}).encode().hex(),
        f"only the local part: {WORD}",
    ],
)
def test_the_search_finds_an_address_in_every_form(text: str) -> None:
    assert finds(f"before {text} after")
