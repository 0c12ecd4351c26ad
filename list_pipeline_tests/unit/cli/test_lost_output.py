"""Where the answer of a command goes may be closed or full: a sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from list_pipeline_tests.paths import CHECKOUT

PROGRAM = f"{sys.executable} -m list_pipeline.cli"
INTERRUPTS = """
import sys


class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "sqlalchemy":
            raise KeyboardInterrupt


sys.meta_path.insert(0, Interrupts())
"""
"""Python that presses Ctrl-C when a library is loaded that every command needs."""
FULL = "Error: The answer could not be written: No space left on device.\n"


def run(words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(f"{PROGRAM} {words}", shell=True, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("--version >&-", 0),
        ("--version 2>&-", 0),
        ("nonsense 2>&-", 2),
        ("nonsense --json >&-", 2),
        ("--version <&-", 0),
        ("nonsense --json >/dev/full 2>/dev/full", 2),
    ],
)
def test_a_command_whose_streams_are_closed_ends_as_ever(words: str, code: int) -> None:
    ended = run(words)
    assert ended.returncode == code
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("words", ["--version >/dev/full", "--help >/dev/full", "undo --help >/dev/full"])
def test_an_answer_that_the_disk_cannot_take_is_said_once(words: str) -> None:
    ended = run(words)
    assert (ended.returncode, ended.stderr) == (1, FULL)


def test_whoever_stops_reading_hears_nothing() -> None:
    ended = run("--help | true")
    assert ended.stderr == ""


@pytest.mark.parametrize(("words", "said"), [("campaigns", "Error: Interrupted.\n"), ("campaigns --json", "")])
def test_ctrl_c_while_the_program_is_being_loaded_is_no_traceback(words: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS)
    path = f"{tmp_path}:{CHECKOUT}"
    ended = subprocess.run(
        f"PYTHONPATH={path} {PROGRAM} {words}", shell=True, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stderr) == (130, said)
    if not said:
        assert json.loads(ended.stdout)["error"]["kind"] == "interrupted"
