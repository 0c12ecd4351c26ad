"""What stands behind ``stack cli`` reaches the command line as it was written."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from list_pipeline.stack import __main__ as program


@pytest.mark.parametrize(
    ("given", "reached"),
    [
        (["cli", "--version"], ["list_pipeline.cli", "--version"]),
        (["cli", "undo", "a-key", "--dry-run", "--by", "A. Person"],
         ["list_pipeline.cli", "undo", "a-key", "--dry-run", "--by", "A. Person"]),
        (["cli"], ["list_pipeline.cli"]),
        (["gemini", "--help"], ["list_pipeline.sandbox", "gemini", "--help"]),
    ],
)  # fmt: skip
def test_words_and_options_are_passed_on_with_the_exit_code(
    given: list[str], reached: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[list[str]] = []

    def run(command: list[str], **_: object) -> SimpleNamespace:
        called.append(command)
        return SimpleNamespace(returncode=4)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(program.control, "start", lambda **_: None)
    monkeypatch.setattr(program, "environment", lambda _: {})
    assert program.main(given) == 4
    assert [command[2:] for command in called] == [reached]
