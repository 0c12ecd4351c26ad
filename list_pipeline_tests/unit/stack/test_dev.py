"""What ``make dev`` chooses for itself: ports, and the password of Mailjet's events."""

from __future__ import annotations

import socket
from pathlib import Path

from list_pipeline.settings import LEAST_PASSWORD
from list_pipeline.stack.dev import password_of_events, usual_or_free
from list_pipeline.stack.state import StackDirectory


def test_a_password_that_is_set_is_kept(tmp_path: Path) -> None:
    directory = StackDirectory(tmp_path)
    chosen = {"EVENT_WEBHOOK_PASSWORD": "one-of-their-own-choice"}  # pragma: allowlist secret
    assert password_of_events(directory, chosen) == chosen
    assert not list(tmp_path.iterdir())


def test_without_one_the_stack_has_its_own_and_keeps_it(tmp_path: Path) -> None:
    directory = StackDirectory(tmp_path)
    made = password_of_events(directory, {"EVENT_WEBHOOK_PASSWORD": ""})
    assert len(made["EVENT_WEBHOOK_PASSWORD"]) >= LEAST_PASSWORD
    assert password_of_events(StackDirectory(tmp_path), {}) == made


def test_a_port_that_is_taken_is_not_waited_for() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert usual_or_free(taken) != taken
    assert usual_or_free(taken) == taken
