"""Connections of the HTTP service: how much of a request is read before anybody is known, and how long it may take to arrive.

Whoever opens a connection is a stranger. A head without an end would fill the memory, a request that never ends would keep a
file descriptor for ever, and enough of those would leave none for the database.

Belongs here: what holds before a request is understood. Does not belong here: who asks (``guard``).
"""

from __future__ import annotations

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

ARRIVES_WITHIN_S = 30.0
"""Seconds from the first byte of a request, or from the opening of its connection, to the last byte of its body."""
MOST_CONNECTIONS = 500
"""Open at once; one more is closed at once. Half of the file descriptors that a process commonly has."""


class Connection(H11Protocol):
    """A connection of uvicorn, with bounds.

    By h11, which reads heads of 64 KiB at the most. Rejected: httptools, which uvicorn prefers where it is installed, and which
    reads heads and URLs of any length.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody comes."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
            return
        self._wait_for_the_rest()

    def data_received(self, data: bytes) -> None:
        """A part of a request, or several of them."""
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and not self.transport.is_closing():
            self._wait_for_the_rest()
        else:
            self._wait_no_longer()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed, by whomever."""
        self._wait_no_longer()
        super().connection_lost(exc)

    def _wait_for_the_rest(self) -> None:
        # Not moved on by each byte: who sends one each second is not waited for either.
        if self._deadline is None:
            self._deadline = self.loop.call_later(ARRIVES_WITHIN_S, self._give_up)

    def _wait_no_longer(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
