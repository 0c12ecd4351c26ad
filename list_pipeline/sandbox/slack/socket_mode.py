"""Slack's Socket Mode: the websockets over which a workspace tells an app what people pressed.

Belongs here: the sockets, ``hello``, envelopes and their acknowledgements, and how Slack ends a connection. Does not belong
here: what is in an envelope (``people``).
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import threading
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

APP_ID = "A0"
ACKNOWLEDGED_WITHIN_S = 3.0
"""Slack's time for the acknowledgement of an envelope; real seconds, also under a virtual clock."""
MOST_SOCKETS = 10
_quiet = logging.getLogger("list_pipeline.sandbox.slack.sockets")
_quiet.setLevel(logging.ERROR)


class SocketMode:
    """The sockets of one app. Nothing listens before the first ticket is asked for. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: Server | None = None
        self._tickets: set[str] = set()
        self._sockets: list[ServerConnection] = []
        self._answers: dict[str, tuple[threading.Event, list[dict[str, Any]]]] = {}
        self.opened = 0
        """Connections so far, so that a reconnection is seen."""

    def ticket(self) -> str | None:
        """The address of a new socket, good for one connection; None while the app has as many as it may."""
        with self._lock:
            if len(self._sockets) >= MOST_SOCKETS:
                return None
            if self._server is None:
                self._server = serve(
                    self._serve, "127.0.0.1", 0, process_request=self._admitted, ping_interval=None, logger=_quiet
                )
                threading.Thread(target=self._server.serve_forever, name="slack-sockets", daemon=True).start()
            ticket = uuid.uuid4().hex
            self._tickets.add(ticket)
            port = self._server.socket.getsockname()[1]
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={APP_ID}"

    def connected(self) -> int:
        """Sockets that are open now."""
        with self._lock:
            return len(self._sockets)

    def send(self, envelope: dict[str, Any], within_s: float = ACKNOWLEDGED_WITHIN_S) -> list[dict[str, Any]] | None:
        """Send an envelope over one socket, the newest, and wait for its acknowledgement.

        Returns:
            The acknowledgements that came, as they came; none: nobody acknowledged in time. None: no app is connected.
        """
        came = threading.Event()
        answers: list[dict[str, Any]] = []
        with self._lock:
            if not self._sockets:
                return None
            newest = self._sockets[-1]
            self._answers[str(envelope.get("envelope_id"))] = came, answers
        try:
            newest.send(json.dumps(envelope))
            came.wait(within_s)
        except ConnectionClosed:
            return None
        return answers

    def send_raw(self, text: str) -> bool:
        """Send something that may be no envelope at all. False: no app is connected."""
        with self._lock:
            newest = self._sockets[-1] if self._sockets else None
        if newest is None:
            return False
        newest.send(text)
        return True

    def disconnect(self, reason: str) -> None:
        """Slack tells every socket to connect anew (``warning``, ``refresh_requested``); with ``abrupt`` they just break."""
        with self._lock:
            sockets = list(self._sockets)
        for one in sockets:
            with contextlib.suppress(ConnectionClosed, OSError):
                if reason == "abrupt":
                    one.socket.shutdown(socket.SHUT_RDWR)
                else:
                    one.send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-0"}}))

    def close(self) -> None:
        """Hang up and listen no more."""
        with self._lock:
            server, self._server = self._server, None
            sockets = list(self._sockets)
        if server is not None:
            server.shutdown()
        for one in sockets:
            with contextlib.suppress(ConnectionClosed, OSError):
                one.socket.shutdown(socket.SHUT_RDWR)

    def _admitted(self, _: ServerConnection, request: Request) -> Response | None:
        ticket = parse_qs(urlsplit(request.path).query).get("ticket", [""])[0]
        with self._lock:
            if ticket in self._tickets:
                self._tickets.discard(ticket)
                return None
        return Response(401, "Unauthorized", Headers())

    def _serve(self, own: ServerConnection) -> None:
        with self._lock:
            self._sockets.append(own)
            self.opened += 1
            number = len(self._sockets)
        try:
            own.send(
                json.dumps(
                    {
                        "type": "hello",
                        "num_connections": number,
                        "connection_info": {"app_id": APP_ID},
                        "debug_info": {"host": "applink-0", "build_number": 1, "approximate_connection_time": 18060},
                    }
                )
            )
            for text in own:
                self._take(text)
        except (ConnectionClosed, OSError):
            pass
        finally:
            with self._lock:
                self._sockets.remove(own)

    def _take(self, text: str | bytes) -> None:
        try:
            said = json.loads(text)
        except ValueError:
            return
        with self._lock:
            waiting = self._answers.get(str(said.get("envelope_id"))) if isinstance(said, dict) else None
        if waiting is not None:
            waiting[1].append(said)
            waiting[0].set()
