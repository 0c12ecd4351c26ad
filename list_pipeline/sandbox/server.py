"""The sandbox's HTTP server: loopback only, one port for every service, state in a directory.

Belongs here: sockets, and putting the services together. Does not belong here: anything that a service answers.
Own code on the standard library, since ready-made servers hide what has to be rehearsed: reason phrases such as
``304 Content not changed``, connections that close without an answer and bodies that stop in the middle.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from list_pipeline.sandbox.account import Account
from list_pipeline.sandbox.clock import Clock, OffsetClock
from list_pipeline.sandbox.control_service import ControlService
from list_pipeline.sandbox.dispatch import Dispatcher, RequestLog
from list_pipeline.sandbox.faults import Faults
from list_pipeline.sandbox.gemini.service import GeminiService
from list_pipeline.sandbox.http import Request, Response, Service
from list_pipeline.sandbox.mailjet.email import EmailService
from list_pipeline.sandbox.mailjet.service import MailjetService
from list_pipeline.sandbox.pagerduty import PagerDutyService
from list_pipeline.sandbox.slack.service import SlackService
from list_pipeline.sandbox.store import Store
from list_pipeline.sandbox.switches import Switches

MAX_BODY = 64 * 1024 * 1024
LONGEST_HANG_SECONDS = 120.0


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024  # headers and body leave together
    timeout = 300
    server_version = "sandbox"
    sys_version = ""
    server: _Server

    def _answer(self) -> None:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            self._write(Response(411))
            return
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > MAX_BODY:
            self.close_connection = True
            self._write(Response(413 if length.isdigit() else 400))
            return
        body = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._write(
            self.server.dispatcher.handle(Request(self.command, unquote(parts.path), parts.query, headers, body))
        )

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = _answer  # noqa: N815 - names of the base class

    def _write(self, response: Response) -> None:
        if response.hang or response.drop:
            self.close_connection = True
            with contextlib.suppress(OSError):
                if response.hang:
                    self.connection.settimeout(LONGEST_HANG_SECONDS)
                    self.connection.recv(1)  # returns when the client closes, or at the latest after the timeout
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response(response.status, response.reason)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.status not in (204, 304):
            self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()
        if response.status not in (204, 304) and self.command != "HEAD":
            self.wfile.write(response.body if response.cut_after is None else response.body[: response.cut_after])
        if response.cut_after is not None:
            self.close_connection = True

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header Date, by the clock of the rehearsal."""
        return super().date_time_string(self.server.moment() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: Any) -> None:
        """No log lines: request lines carry addresses. Counts are in the control API."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    timeout = 0.0  # of ``handle_request``, which is called when somebody came
    dispatcher: Dispatcher
    moment: Callable[[], float]
    """The time that answers carry, as seconds since 1970."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        self._ends, self._end = socket.socketpair()
        super().__init__(address, _Handler)

    def serve(self) -> None:
        """Serve until ``end``. Without looking around in between, as the library's own loop does, an end is noticed at once."""
        with selectors.DefaultSelector() as selector:
            for waited_for in (self, self._ends):
                selector.register(waited_for, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._ends in ready:
                    return
                self.handle_request()

    def end(self) -> None:
        """Let ``serve`` return, now or when it begins."""
        self._end.send(b".")

    def server_close(self) -> None:
        super().server_close()
        self._ends.close()
        self._end.close()

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._open_lock:
            self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients keep open, so that their threads end."""
        with self._open_lock:
            still_open = list(self._open)
        for connection in still_open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours; anything else is shown as usual."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class SandboxServer:
    """The whole sandbox in this process. Use it as a context manager, or with ``start`` and ``stop``.

    Without a ``clock`` it runs on the machine's clock plus an offset that is kept in the state directory.
    """

    def __init__(
        self,
        state_dir: Path,
        clock: Clock | None = None,
        port: int = 0,
        api_key: str = "sandbox-key",
        api_secret: str = "sandbox-secret",  # noqa: S107 - opens nothing but the rehearsal
    ) -> None:
        self._store = Store(state_dir / "mailjet.sqlite3")
        offset = timedelta(seconds=float(self._store.note("clock_offset_seconds", 0.0)))
        self.clock: Clock = clock if clock is not None else OffsetClock(offset)
        switches = Switches(on_change=lambda table: self._store.set_note("switches", table))
        switches.set(**self._store.note("switches", {}))
        faults = Faults()
        self.account = Account(self._store, self.clock, switches, faults, api_key, api_secret)
        self.request_log = RequestLog()
        self._slack = SlackService(state_dir, self.clock)
        services: list[Service] = [
            EmailService(self.clock, api_key, api_secret),
            PagerDutyService(self.clock),
            MailjetService(self.account),
            self._slack,
            GeminiService(state_dir, self.clock),
        ]
        control = ControlService(self.account, self.request_log)
        self._http = _Server(("127.0.0.1", port))
        self._http.dispatcher = Dispatcher(services, control, faults, self.request_log, self.clock)
        self._http.moment = lambda: self.account.moment() + switches.number("date_ahead_seconds")
        self._thread: threading.Thread | None = None
        self.account.base_url = self.url

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> Self:
        """Serve from a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._http.serve, name="sandbox", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and close the state; may be called twice."""
        if self._thread is not None:
            self._http.end()
            self._thread.join(5)
            self._thread = None
        self._http.server_close()
        self._http.hang_up()
        self._slack.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
