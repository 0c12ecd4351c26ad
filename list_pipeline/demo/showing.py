"""The shared parts of the demo: the console, a proven claim, Slack's messages as text, the stage.

Belongs here: showing. Does not belong here: what is shown.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console

from list_pipeline.core.messages.keys import DETAILS
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.demo.dagster_daemon import RunOutcome, wait_for_runs
from list_pipeline.operations.services import Services
from list_pipeline.sandbox.control import SandboxControl

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 120)


def say(words: str) -> None:
    """A line, its brackets as they are."""
    console.print(words, markup=False)


@dataclass(frozen=True, slots=True)
class ProvenClaim:
    """A claim of the demo, and whether it was read back."""

    claim: str
    holds: bool


@dataclass(slots=True)
class Stage:
    """The stage of every part: the product, the sandbox behind it, Dagster's daemon, and the proven claims so far."""

    services: Services
    control: SandboxControl
    daemon: subprocess.Popen[bytes]
    environment: Mapping[str, str]
    logs: Path
    proofs: list[ProvenClaim] = field(default_factory=list)
    _heard: int = 0

    def prove(self, claim: str, holds: bool) -> None:
        """Note a claim with what was read back."""
        self.proofs.append(ProvenClaim(claim, holds))

    def one_run(self, job: str) -> RunOutcome:
        """Wait for the one run of a job, naming each asset as it materializes."""
        outcomes = wait_for_runs(self.daemon, job, 1, lambda name: say(f"  ✓ {name}"))
        self.prove(f"one run of {job}, and it ended well", len(outcomes) == 1 and outcomes[0].succeeded)
        return outcomes[0]

    def new_messages(self) -> Sequence[Mapping[str, Any]]:
        """The messages that arrived in Slack since the last call."""
        messages: Sequence[Mapping[str, Any]] = self.control.slack_messages()
        new = messages[self._heard :]
        self._heard = len(messages)
        return new

    @contextmanager
    def nothing_changes(self, meanwhile: str) -> Iterator[None]:
        """Prove that all memberships, flags and sends at Mailjet are the same after the block as before it."""
        before = self._state_of_mailjet()
        yield
        self.prove(f"nothing changed at Mailjet while {meanwhile}", self._state_of_mailjet() == before)

    def _state_of_mailjet(self) -> tuple[str, Any]:
        return self.control.digest(), self.control.ledger()


def cards(messages: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The messages without the details below them."""

    def key(message: Mapping[str, Any]) -> str:
        return str((message.get("metadata") or {}).get("event_payload", {}).get("key", ""))

    return [message for message in messages if not key(message).endswith(DETAILS)]


def show_messages(messages: Sequence[Mapping[str, Any]]) -> None:
    """Slack's messages as text, the way they arrived, set off from what the demo says itself."""
    say("\nAs it arrived in Slack:")
    for message in messages:
        lines = as_text(SlackMessage(message["text"], message["blocks"])).rstrip().splitlines()
        console.print("\n".join(["", *(f"  │ {line}".rstrip() for line in lines), ""]), markup=False)
