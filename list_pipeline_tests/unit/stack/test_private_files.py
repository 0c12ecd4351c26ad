"""What the embedded servers and the demo write is for their owner only."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from list_pipeline.stack.state import StackDirectory, private_log, write_private


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    previous = os.umask(0o000)
    yield
    os.umask(previous)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("anew", [False, True])
def test_a_log_is_private_from_its_first_byte_and_becomes_so_where_it_was_open(tmp_path: Path, anew: bool) -> None:
    for name, before in (("new.log", None), ("old.log", "before ")):
        log = tmp_path / name
        if before is not None:
            log.write_text(before)
            log.chmod(0o666)
        with private_log(log, anew=anew) as output:
            assert mode(log) == 0o600
            output.write(b"now")
        assert log.read_text() == ("now" if anew or before is None else "before now")


def test_the_folder_may_be_passed_through_and_nothing_in_it_be_read(tmp_path: Path) -> None:
    directory = StackDirectory(tmp_path / "stack")
    directory.create()
    write_private(directory.root / "state.json", "{}")
    for left in (directory.root / "demo-daemon.log", directory.logs / "redis.log"):
        left.write_text("left open by an earlier version")
    directory.create()

    assert mode(directory.root) == 0o711
    assert mode(directory.logs) == 0o700
    assert {path.name: mode(path) for path in directory.root.rglob("*") if path.is_file()} == {
        "state.json": 0o600,
        "demo-daemon.log": 0o600,
        "redis.log": 0o600,
    }


def test_what_lies_elsewhere_keeps_its_mode(tmp_path: Path) -> None:
    directory = StackDirectory(tmp_path / "stack")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not ours")
    elsewhere.chmod(0o644)
    directory.create()
    (directory.root / "link").symlink_to(elsewhere)
    directory.create()

    assert mode(elsewhere) == 0o644
