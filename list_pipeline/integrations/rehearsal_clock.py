"""The clock of a rehearsal: the sandbox's, asked over HTTP, so that every process lives in the same moment.

The rehearsal's time runs as the machine's does, some hours or weeks ahead; moving it is the sandbox's business.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx

from list_pipeline.core.errors import TransientError
from list_pipeline.integrations.tls import tls_context

_ASKED_EVERY_S = 0.5


class RehearsalClock:
    """The sandbox's time. The answer is remembered for half a second: its distance from the machine's clock rarely moves."""

    def __init__(self, url: str, transport: httpx.BaseTransport | None = None) -> None:
        """Args: ``url`` is the sandbox's base URL."""
        self._client = httpx.Client(
            base_url=url, timeout=5.0, transport=transport, trust_env=False, verify=tls_context()
        )
        self._ahead = timedelta()
        self._asked_at: float | None = None

    def now(self) -> datetime:
        """The rehearsal's present instant.

        Raises:
            TransientError: the sandbox does not answer; guessing the time would be worse.
        """
        if self._asked_at is None or time.monotonic() - self._asked_at >= _ASKED_EVERY_S:
            self._ahead = self._ask() - datetime.now(UTC)
            self._asked_at = time.monotonic()
        return datetime.now(UTC) + self._ahead

    def _ask(self) -> datetime:
        try:
            answer = self._client.get("/_sandbox/clock")
            answer.raise_for_status()
            return datetime.fromisoformat(answer.json()["now"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            raise TransientError(
                "Asking the sandbox for the time",
                f"it does not answer ({type(error).__name__})",
                "Start it, or unset REHEARSAL_CLOCK_URL",
            ) from error

    def sleep(self, seconds: float) -> None:
        """Wait; the rehearsal's time passes as fast as the machine's."""
        if seconds > 0:
            time.sleep(seconds)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()
