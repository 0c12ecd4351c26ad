"""The real webserver under attack: another web page, open in the browser of whoever runs the UI, tries to change something."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

MUTATION = "mutation { setAutoMaterializePaused(paused: false) }"
QUESTION = "{ version }"
DEFINITIONS = """
import dagster as dg

@dg.job
def nothing():
    pass
"""


@dataclass(frozen=True)
class Served:
    """The UI, and where it is."""

    port: int

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=20) as http:
            return http.request(method, f"http://{self.host}{path}", headers=headers, content=body)

    def asked(self, query: str, **headers: str) -> httpx.Response:
        """A question as the UI's own page asks it, but for these headers; an empty one is left out."""
        usual = {"Host": self.host, "Origin": f"http://{self.host}", "Content-Type": "application/json"}
        sent = {name: value for name, value in {**usual, **headers}.items() if value}
        return self.ask("POST", "/graphql", sent, json.dumps({"query": query}))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("webserver")
    (folder / "nothing.py").write_text(DEFINITIONS)
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    command = [sys.executable, "-m", "list_pipeline.webserver", "-f", "nothing.py", "-h", "127.0.0.1", "-p", str(port)]
    environ = {"DAGSTER_HOME": str(folder), "PATH": str(Path(sys.executable).parent), "PYTHONPATH": ":".join(sys.path),
               "DAGSTER_URL": "https://dagster.example.com"}  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
    try:
        made = Served(port)
        _wait_for(made, process)
        yield made
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(served: Served, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if served.ask("GET", "/server_info", {}).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"the webserver does not come up; it ended with {process.poll()}")


def test_the_uis_own_page_may_ask(served: Served) -> None:
    answer = served.asked(QUESTION)
    assert answer.status_code == 200
    assert answer.json()["data"]["version"]
    assert served.ask("GET", "/", {}).status_code == 200
    assert _is_paused(served)
    assert served.asked(MUTATION).status_code == 200
    assert not _is_paused(served)
    served.asked(MUTATION.replace("false", "true"))
    public = served.asked(QUESTION, Host="dagster.example.com", Origin="https://dagster.example.com")
    assert public.status_code == 200


def test_the_ui_opens_in_a_browser(served: Served) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed: apt-get install chromium")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        try:
            page, refused = browser.new_page(), list[str]()
            page.on("response", lambda answer: refused.append(answer.url) if answer.status >= 400 else None)
            page.goto(f"http://{served.host}/jobs", timeout=60_000)
            page.get_by_role("link", name="nothing").first.wait_for(timeout=60_000)
        finally:
            browser.close()
    assert refused == []


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("op=RunsFeedQuery", 200),
        ("op=", 200),
        ("op=a&query={version}", 400),
        ("op=a%26query", 400),
        ("op=a&op=b", 400),
        ("operationName=a", 400),
        ("op=a%0A", 400),
    ],
)
def test_the_ui_may_name_its_operation_in_the_query_string_and_nothing_else(
    served: Served, query: str, status: int
) -> None:
    headers = {"Host": served.host, "Origin": f"http://{served.host}", "Content-Type": "application/json"}
    answer = served.ask("POST", f"/graphql?{query}", headers, json.dumps({"query": QUESTION}))
    assert answer.status_code == status


def test_a_form_of_another_page_changes_nothing(served: Served) -> None:
    evil = {"Host": served.host, "Origin": "https://evil.example"}
    forms = {
        "text/plain": json.dumps({"query": MUTATION, "x": "="}),
        "application/x-www-form-urlencoded": str(httpx.QueryParams({"query": MUTATION})),
        "multipart/form-data; boundary=x": f'--x\r\nContent-Disposition: form-data; name="query"\r\n\r\n{MUTATION}\r\n--x--',
        "application/graphql": MUTATION,
        "": json.dumps({"query": MUTATION}),
    }
    for kind, body in forms.items():
        for origin in (evil["Origin"], "null", f"http://{served.host}"):
            headers = {**evil, "Origin": origin} | ({"Content-Type": kind} if kind else {})
            assert served.ask("POST", "/graphql", headers, body).status_code == 415, kind
    assert _is_paused(served)


def test_a_link_or_picture_of_another_page_changes_nothing(served: Served) -> None:
    query = str(httpx.QueryParams({"query": MUTATION}))
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"):
        for headers in ({}, {"Upgrade": "websocket", "Connection": "keep-alive"}):
            assert served.ask(method, f"/graphql?{query}", {"Host": served.host, **headers}).status_code == 405
    asked = {"Host": served.host, "Origin": f"http://{served.host}", "Content-Type": "application/json"}
    assert served.ask("POST", f"/graphql?{query}", asked, "{}").status_code == 400
    assert _is_paused(served)


@pytest.mark.parametrize("end", ["%0A", "%0a", "/%0A", "%0D", "%00", "%7F"])
def test_a_path_that_only_looks_like_another_one_leads_nowhere(served: Served, end: str) -> None:
    query = str(httpx.QueryParams({"query": MUTATION}))
    for method, path in (("GET", f"/graphql{end}"), ("GET", f"/x/graphql{end}"), ("POST", f"/graphql{end}")):
        assert served.ask(method, f"{path}?{query}", {"Host": served.host}).status_code == 400, path
    assert _is_paused(served)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "", "http://127.0.0.1:1", "http://dagster.example.com"]
)
def test_a_script_of_another_page_is_told_no(served: Served, origin: str) -> None:
    assert served.asked(MUTATION, Origin=origin).status_code == 403
    assert _is_paused(served)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "dagster.example.com.evil.example",
        "@",
        "[::",
        "evil.example@127.0.0.1",
        "127.0.0.1#.evil.example",
        "127.0.0.1?.evil.example",
        "127.0.0.1\\.evil.example",
        "localhost.",
        "127.0.0.1:x",
    ],
)
def test_another_name_that_leads_here_is_not_this_server(served: Served, host: str) -> None:
    assert served.asked(MUTATION, Host=host, Origin=f"http://{host}").status_code in (400, 421)
    assert served.ask("GET", "/server_info", {"Host": host}).status_code in (400, 421)
    assert _is_paused(served)


@pytest.mark.parametrize("origin", ["http://dagster.example.com", "https://dagster.example.com:8443"])
def test_under_its_public_name_only_the_page_at_the_public_address_may_ask(served: Served, origin: str) -> None:
    assert served.asked(MUTATION, Host="dagster.example.com", Origin=origin).status_code == 403
    assert served.asked(MUTATION, Host=origin.partition("//")[2], Origin=origin).status_code == 403
    assert _is_paused(served)


def test_another_page_cannot_show_the_ui_within_itself(served: Served) -> None:
    asked = (
        ("/", {}),
        ("/runs", {}),
        ("/server_info", {}),
        ("/report_asset_check/x", {}),
        ("/", {"Host": "evil.example"}),
    )
    for path, headers in asked:
        answer = served.ask("GET", path, headers)
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("origin", ["https://evil.example", None])
def test_a_websocket_of_another_page_is_closed(served: Served, origin: str | None) -> None:
    assert b"101" not in _handshake(served, origin)


def test_a_websocket_of_the_ui_is_opened(served: Served) -> None:
    assert b"101" in _handshake(served, f"http://{served.host}")


def test_nobody_reports_events(served: Served) -> None:
    for path in ("/report_asset_materialization/x", "/report_asset_check/x", "/report_asset_observation/x"):
        for method in ("GET", "POST"):
            headers = {"Host": served.host, "Origin": f"http://{served.host}", "Content-Type": "application/json"}
            assert served.ask(method, path, headers, "{}").status_code == 403


def _is_paused(served: Served) -> bool:
    answer = served.asked("{ autoMaterializePaused: instance { autoMaterializePaused } }")
    return bool(answer.json()["data"]["autoMaterializePaused"]["autoMaterializePaused"])


def _handshake(served: Served, origin: str | None) -> bytes:
    """The first line of the answer to a websocket's first request."""
    lines = [
        "GET /graphql HTTP/1.1",
        f"Host: {served.host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: graphql-ws",
        *([f"Origin: {origin}"] if origin else []),
    ]
    with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return connection.recv(1_024).partition(b"\r\n")[0]
