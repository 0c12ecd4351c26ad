"""One sandbox service behind a loopback socket, for tests of the client that talks to it."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from list_pipeline.sandbox.http import Request, Response, Service


class Served:
    """A service, its URL, and its control paths as calls."""

    def __init__(self, service: Service, name: str, url: str) -> None:
        self.service = service
        self.url = url
        self._name = name

    def control(self, what: str, payload: Any = None) -> Any:
        """Ask the service's control path: POST with a payload, GET without."""
        method = "GET" if payload is None else "POST"
        request = Request(method, f"/_sandbox/{self._name}/{what}", "", {}, json.dumps(payload).encode())
        answer = self.service.handle(request)
        assert answer is not None
        assert answer.status == 200, answer.body
        return json.loads(answer.body)


@contextmanager
def serving(service: Service, name: str) -> Iterator[Served]:
    """Serve until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            request = Request(self.command, unquote(parts.path), parts.query, headers, body)
            response = service.handle(request) or Response(404)
            if response.drop:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(response.status)
            for key, value in response.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)

        do_GET = do_POST = _answer  # noqa: N815 - names of the base class

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gave up waiting is what some tests want."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield Served(service, name, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
