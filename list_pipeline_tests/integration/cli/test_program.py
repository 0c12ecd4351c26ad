"""The command line as one program: what it needs from the environment, its version, and what a shell completes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
import typer
from typer.testing import CliRunner

from list_pipeline.cli import program, states
from list_pipeline.cli.common import give
from list_pipeline.cli.main import app
from list_pipeline.cli.program import ExitCode
from list_pipeline.clock import SystemClock
from list_pipeline.core.errors import ConfigurationError
from list_pipeline.integrations.cache import open_cache
from list_pipeline_tests.integration.cli.test_every_command import well_behaved

BAD_SETTINGS = (
    {"DATABASE_URL": "foo"},
    {"DATABASE_URL": "mysql://somebody@127.0.0.1/db"},
    {"DATABASE_URL": "postgresql://somebody:secret-word@127.0.0.1:port/db"},  # pragma: allowlist secret
    {"DATABASE_URL": "postgresql:///db?option_that_is_none=1"},
    {"DATABASE_URL": "postgresql://[::1/db"},
    {"DATABASE_URL": "postgresql://somebody@127.0.0.1:1/db"},
    {"DATABASE_URL": ""},
    {"REDIS_URL": "http://foo"},
    {"REDIS_URL": "redis://127.0.0.1:port/0"},
    {"LOG_LEVEL": "loud"},
)


@pytest.mark.parametrize("settings", BAD_SETTINGS, ids=str)
def test_a_setting_that_is_wrong_is_named_and_not_shown(settings: dict[str, str]) -> None:
    answer = CliRunner().invoke(
        app, ["cache", "show"], env={"DATABASE_URL": "postgresql://x@127.0.0.1:1/x", **settings}
    )
    well_behaved(answer)
    assert answer.exit_code == ExitCode.FAILED
    assert answer.stdout == ""
    assert next(iter(settings)) in answer.stderr
    assert "secret-word" not in answer.stderr


def test_an_option_that_redis_does_not_know_is_told_before_its_first_use() -> None:
    with pytest.raises(ConfigurationError, match="REDIS_URL"):
        open_cache("redis://127.0.0.1/0?option_that_is_none=1", 60, SystemClock(), lambda: "test")


def test_a_wrong_password_is_told_as_one(database_url: str) -> None:
    wrong = re.sub("//[^@/]*@", "//postgres:wrong-secret@", database_url)  # pragma: allowlist secret
    answer = CliRunner().invoke(app, ["campaigns"], env={"DATABASE_URL": wrong})
    assert answer.exit_code == ExitCode.FAILED
    assert "the user or password is refused" in answer.stderr


def test_the_version_is_named() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert re.fullmatch(r"list-pipeline \d+\.\d+\.\d+\n", answer.stdout)
    assert answer.exit_code == 0


def test_the_shell_completes_commands_and_values(tmp_path: Path) -> None:
    def completed(words: str, place: int) -> str:
        return (
            CliRunner()
            .invoke(
                app,
                prog_name="list-pipeline",
                env={
                    "_LIST_PIPELINE_COMPLETE": "complete_bash",
                    "COMP_WORDS": words,
                    "COMP_CWORD": str(place),
                    "HOME": str(tmp_path),
                },
            )
            .stdout
        )

    assert "reinstate" in completed("list-pipeline rein", 1)
    assert "approval_required" in completed("list-pipeline mode app", 2)


def test_without_a_command_the_commands_are_listed_and_a_group_says_what_is_missing() -> None:
    answer = CliRunner().invoke(app, [])
    assert answer.exit_code == 0
    assert "reinstate" in answer.stdout
    group = CliRunner().invoke(app, ["cache"])
    assert group.exit_code == ExitCode.MISUSED
    assert "Missing command. Try `" in group.stderr
    assert len(group.stderr.splitlines()) == 1


def test_a_fault_of_the_program_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("jane.doe@example.com")

    monkeypatch.setattr(states, "opened_services", broken)
    # As in a new process; other tests of this one have set the log up.
    structlog.reset_defaults()
    answer = CliRunner().invoke(app, ["states"])
    well_behaved_but(answer, ExitCode.DEFECT)
    found = json.loads(CliRunner().invoke(app, ["states", "--json"]).stdout)
    assert (found["error"]["kind"], found["error"]["exit_code"]) == ("defect", ExitCode.DEFECT)


def well_behaved_but(answer: Any, code: ExitCode) -> None:
    assert answer.exit_code == code
    assert "Traceback" not in answer.output
    assert "jane.doe" not in answer.output
    assert "ZeroDivisionError" in answer.stderr


@pytest.mark.parametrize(("arguments", "closed"), [(["nosuch", "--json"], "stdout"), (["nosuch"], "stderr")])
def test_an_error_that_nobody_reads_ends_with_its_code_and_no_traceback(arguments: list[str], closed: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, closed: writing}
        command = [sys.executable, "-m", "list_pipeline.cli.main", *arguments]
        ended = subprocess.run(command, **streams, check=False, timeout=60)  # type: ignore[call-overload]
    finally:
        os.close(writing)
    assert ended.returncode == ExitCode.MISUSED
    assert not (ended.stdout or b"") + (ended.stderr or b"")


def test_an_answer_that_nobody_reads_ends_with_1_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody_reads(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(program, "write_json", nobody_reads)
    made = typer.Typer(cls=program.Program)
    made.callback()(lambda: None)
    made.command("show")(lambda: give({"rows": 3}))
    answer = CliRunner().invoke(made, ["show", "--json"])
    assert isinstance(answer.exception, SystemExit)
    assert (answer.exit_code, answer.output) == (ExitCode.FAILED, "")
