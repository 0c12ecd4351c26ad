"""The service on a port of this machine, and clients with tokens."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import httpx
import uvicorn

from list_pipeline.api.app import create_app
from list_pipeline.api.connections import Connection
from list_pipeline.core.plans.gate import CAP_CHECK
from list_pipeline.core.tokens import Role
from list_pipeline.integrations.tls import tls_context
from list_pipeline.operations.services import Services
from list_pipeline.operations.tokens import create_token
from list_pipeline.storage.database import execute
from list_pipeline.storage.plans.plan_rows import GATE, StoredPlan
from list_pipeline_tests.integration.accounts import Installation

USER = "mailjet"
WORD = "correct horse battery"


@contextmanager
def served(services: Services, *, behind_proxy: bool = False) -> Iterator[httpx.Client]:
    """The service, and a client that knows the password of the events."""
    app = create_app(services, behind_proxy=behind_proxy)
    server = uvicorn.Server(uvicorn.Config(app, port=0, http=Connection, ws="none", log_config=None))
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    # From here on connections wait until the server takes them.
    sock.listen()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    try:
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        with httpx.Client(base_url=url, auth=(USER, WORD), trust_env=False, verify=tls_context(), timeout=20) as http:
            yield http
    finally:
        server.should_exit = True
        thread.join(10)
        sock.close()


class Api:
    """A client of the API; each request is made with the token of a role."""

    def __init__(self, services: Services, http: httpx.Client) -> None:
        self.http, self.services = http, services
        self.tokens = {role: create_token(services, role.value.title(), role, by="Grace")[0] for role in Role}

    def rested(self) -> None:
        """The minute in which requests are counted is over."""
        with self.services.database.begin() as connection:
            execute(connection, "delete from api_caller")

    def ask(self, role: Role, method: str, path: str, **more: object) -> httpx.Response:
        """One request."""
        headers = {"Authorization": f"Bearer {self.tokens[role]}", **(more.pop("headers", None) or {})}  # type: ignore[dict-item]
        request = self.http.build_request(method, path, headers=headers, **more)  # type: ignore[arg-type]
        return self.http.send(request, auth=None)


def put_over_the_cap(made: Installation, plan: StoredPlan) -> None:
    """A plan that waits is one that its gate found over the cap."""
    assert plan.gate is not None
    over = [replace(check, passed=check.name != CAP_CHECK) for check in plan.gate.checks]
    with made.services.database.begin() as connection:
        execute(
            connection,
            "update plan set gate = cast(:gate as jsonb) where plan_id = :id",
            gate=GATE.text(replace(plan.gate, checks=tuple(over))),
            id=plan.plan_id,
        )
