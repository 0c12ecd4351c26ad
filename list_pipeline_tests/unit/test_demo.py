"""What the demo claims: its exit status, and that each message counts for one part of it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from list_pipeline.core.errors import TransientError
from list_pipeline.demo import dagster_daemon, play
from list_pipeline.demo.dagster_daemon import launched
from list_pipeline.demo.showing import ProvenClaim, Stage


class Mailjet:
    """A sandbox of which only the state and Slack's messages are asked."""

    def __init__(self) -> None:
        self.state, self.sends, self.messages = "a", [1], [{"text": "first"}]

    def digest(self) -> str:
        return self.state

    def ledger(self) -> list[int]:
        return list(self.sends)

    def slack_messages(self) -> list[dict[str, str]]:
        return list(self.messages)


def _stage(control: Mailjet) -> Stage:
    nothing: Any = SimpleNamespace()
    return Stage(nothing, cast("Any", control), nothing, {}, Path())


@pytest.mark.parametrize(
    ("proofs", "status"), [([True, True], 0), ([True, False], 1), ([False, True], 1), ([], 1)], ids=str
)
def test_the_exit_status_is_zero_only_if_something_was_proved_and_everything_holds(
    proofs: list[bool], status: int
) -> None:
    stage = _stage(Mailjet())
    stage.proofs += [ProvenClaim("a claim", holds) for holds in proofs]
    assert play._read_back(stage, 0.0) == status


def test_a_scenario_that_does_not_exist_is_refused_before_anything_starts() -> None:
    assert play.run("no_such_scenario") == 2


@pytest.mark.parametrize("changed", ["nothing", "state", "sends"])
def test_a_change_at_mailjet_is_noticed(changed: str) -> None:
    control = Mailjet()
    stage = _stage(control)
    with stage.nothing_changes("somebody looked"):
        if changed == "state":
            control.state = "b"
        if changed == "sends":
            control.sends.append(2)
    assert [proof.holds for proof in stage.proofs] == [changed == "nothing"]


def test_a_message_counts_for_one_part_only() -> None:
    control = Mailjet()
    stage = _stage(control)
    assert [each["text"] for each in stage.new_messages()] == ["first"]
    assert stage.new_messages() == []
    control.messages.append({"text": "second"})
    assert [each["text"] for each in stage.new_messages()] == ["second"]


def _instead_of_dagster(monkeypatch: pytest.MonkeyPatch, *command: str) -> list[subprocess.Popen[bytes]]:
    """Another command is started; the list fills with what was."""
    real, started = subprocess.Popen, []

    def start(_given: Any, **options: Any) -> subprocess.Popen[bytes]:
        started.append(real(command, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", start)
    return started


def test_a_run_that_dagster_refuses_is_an_error_that_names_its_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _instead_of_dagster(monkeypatch, "false")
    with (
        pytest.raises(TransientError, match=r"launch\.log"),
        launched({}, "a_job", "2026-11-16", tmp_path / "launch.log") as wait,
    ):
        wait()


def test_a_launch_is_ended_when_what_goes_on_meanwhile_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = _instead_of_dagster(monkeypatch, "sleep", "60")
    with pytest.raises(ValueError, match="meanwhile"), launched({}, "a_job", "2026-11-16", tmp_path / "log"):
        raise ValueError("meanwhile")
    (process,) = started
    assert process.returncode not in (None, 0)


def test_a_launch_that_does_not_heed_the_request_to_end_is_ended_by_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(dagster_daemon, "_PATIENCE_S", 0.01)
    started = _instead_of_dagster(monkeypatch, "sleep", "60")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with pytest.raises(ValueError, match="meanwhile"), launched({}, "a_job", "2026-11-16", tmp_path / "log"):
            raise ValueError("meanwhile")
    finally:
        signal.signal(signal.SIGTERM, before)
    (process,) = started
    assert process.returncode == -signal.SIGKILL


class _SlowMachine:
    """Dagster's runs on a machine on which everything takes its time: one of ``moves`` every so many seconds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, every: float, moves: int) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.run = create_run_for_test(self.instance, job_name="maintenance", status=dg.DagsterRunStatus.STARTED)
        self._now, self._every, self._left = 0.0, every, moves
        monkeypatch.setattr(dagster_daemon.dg.DagsterInstance, "get", lambda: self.instance)
        monkeypatch.setattr(dagster_daemon, "time", self)

    def monotonic(self) -> float:
        return self._now

    def sleep(self, _: float) -> None:
        self._now += self._every
        if self._left == 1:
            self.instance.report_run_canceled(self.run)
        elif self._left > 1:
            self.instance.report_engine_event("still at work", self.run)
        self._left -= 1


class _Lives:
    def poll(self) -> None:
        """It has not ended."""


def test_the_demo_waits_as_long_as_something_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = _SlowMachine(monkeypatch, every=dagster_daemon.SILENCE_S - 1, moves=20)
    (outcome,) = dagster_daemon.wait_for_runs(cast("Any", _Lives()), "maintenance", 1, lambda _: None)
    assert outcome.run_id == machine.run.run_id
    assert machine.monotonic() > 10 * dagster_daemon.SILENCE_S


def test_the_demo_gives_up_where_nothing_happens_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    _SlowMachine(monkeypatch, every=dagster_daemon.SILENCE_S / 4, moves=0)
    with pytest.raises(TransientError, match="nothing happened for 5 min"):
        dagster_daemon.wait_for_runs(cast("Any", _Lives()), "maintenance", 1, lambda _: None)
