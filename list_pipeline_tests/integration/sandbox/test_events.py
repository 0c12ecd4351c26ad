"""The sandbox's Event API: what is registered is told, in both versions, and again until it is taken."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from list_pipeline_tests.integration.sandboxes import Rehearsal, rehearsal


@dataclass
class Receiver:
    """Whoever is told: the bodies in their order, and what it answers."""

    url: str = ""
    status: int = 200
    bodies: list[Any] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)

    def events(self) -> list[Any]:
        return [one for body in self.bodies for one in (body if isinstance(body, list) else [body])]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            told.authorizations.append(self.headers.get("Authorization"))
            self.send_response(told.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    told.url = f"http://user:{'word'}@127.0.0.1:{server.server_address[1]}/events"
    yield told
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path) as running:
        yield running


def register(sandbox: Rehearsal, url: str, *kinds: str, version: int = 2) -> None:
    for kind in kinds:
        answer = sandbox.http.post("/eventcallbackurl", json={"EventType": kind, "Url": url, "Version": version})
        assert answer.status_code == 201, answer.text


def send(sandbox: Rehearsal, *outcomes: str) -> list[int]:
    """A campaign to as many people as there are outcomes, over by now; their ids."""
    list_id = sandbox.new_list()
    people = [sandbox.join(list_id, f"person-{list_id}-{number}@example.com") for number in range(len(outcomes))]
    sandbox.control.send(list_id, "Letter", profile="clean", outcomes=dict(zip(people, outcomes, strict=True)))
    sandbox.pass_time(hours=25)
    return people


def test_version_2_is_an_array_and_version_1_an_object_each(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    register(sandbox, receiver.url, "open", version=1)
    people = send(sandbox, "user_unknown", "quota_exceeded", "opened", "clicked")
    assert sandbox.control.deliver_events() == {"requests": 3, "events": 4, "statuses": {"200": 3}}
    (bounces,) = [body for body in receiver.bodies if isinstance(body, list)]
    assert {(one["mj_contact_id"], one["hard_bounce"], one["error"]) for one in bounces} == {
        (people[0], True, "user unknown"),
        (people[1], False, "quota exceeded"),
    }
    assert all("comment" in one for one in bounces)
    assert {body["event"] for body in receiver.bodies if isinstance(body, dict)} == {"open"}
    assert all(header is not None and header.startswith("Basic ") for header in receiver.authorizations)


def test_an_event_is_told_once(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    send(sandbox, "user_unknown")
    sandbox.control.deliver_events()
    assert sandbox.control.deliver_events() == {"requests": 0, "events": 0, "statuses": {}}


def test_what_is_not_taken_is_told_again_after_half_a_minute_for_a_day(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    send(sandbox, "user_unknown", "user_unknown")
    receiver.status = 500
    assert sandbox.control.deliver_events()["statuses"] == {"500": 1}
    assert sandbox.control.deliver_events()["requests"] == 0
    sandbox.pass_time(seconds=30)
    receiver.status = 200
    assert sandbox.control.deliver_events()["statuses"] == {"200": 1}
    assert receiver.bodies[0] == receiver.bodies[1]

    send(sandbox, "user_unknown")
    receiver.status = 503
    sandbox.control.deliver_events()
    sandbox.pass_time(hours=25)
    receiver.status = 200
    assert sandbox.control.deliver_events()["requests"] == 0


def test_only_what_happened_since_it_was_registered_is_told(sandbox: Rehearsal, receiver: Receiver) -> None:
    send(sandbox, "user_unknown")
    register(sandbox, receiver.url, "bounce")
    assert sandbox.control.deliver_events()["requests"] == 0


def test_one_url_a_kind_and_known_kinds_only(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "spam")
    for body in (
        {"EventType": "spam", "Url": receiver.url},
        {"EventType": "teleported", "Url": receiver.url},
        {"EventType": "open", "Url": "ftp://example.com"},
        {"EventType": "open", "Url": receiver.url, "Version": 3},
    ):
        assert sandbox.http.post("/eventcallbackurl", json=body).status_code == 400
    (one,) = sandbox.data("/eventcallbackurl")
    assert (one["EventType"], one["Status"], one["Version"]) == ("spam", "alive", 2)
    assert sandbox.http.delete(f"/eventcallbackurl/{one['ID']}").status_code == 204
    assert sandbox.get(f"/eventcallbackurl/{one['ID']}").status_code == 404


def test_people_open_click_leave_and_complain(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "open", "click", "spam", "unsub")
    people = send(sandbox, "delivered", "delivered", "delivered", "unsubscribed")
    sandbox.control.open_message(people[0])
    sandbox.control.click(people[1])
    sandbox.control.complain(people[2])
    sandbox.control.deliver_events()
    assert {(one["event"], one["mj_contact_id"]) for one in receiver.events()} == {
        ("open", people[0]),
        ("open", people[1]),
        ("click", people[1]),
        ("spam", people[2]),
        ("unsub", people[3]),
    }


def test_switch_event_order(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    sandbox.control.set_switches(event_order="reversed")
    send(sandbox, *["user_unknown"] * 4)
    sandbox.control.deliver_events()
    times = [(one["time"], one["MessageID"]) for one in receiver.events()]
    assert times == sorted(times, reverse=True)
    assert len(times) == 4


def test_switch_event_duplicates(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    sandbox.control.set_switches(event_duplicates=True)
    send(sandbox, "user_unknown")
    sandbox.control.deliver_events()
    assert len(receiver.bodies) == 2
    assert receiver.bodies[0] == receiver.bodies[1]


@pytest.mark.parametrize("version", [1, 2])
def test_switch_event_lost_every(sandbox: Rehearsal, receiver: Receiver, version: int) -> None:
    register(sandbox, receiver.url, "bounce", version=version)
    sandbox.control.set_switches(event_lost_every=2)
    send(sandbox, *["user_unknown"] * 4)
    sandbox.control.deliver_events()
    assert len(receiver.events()) == 2
    assert sandbox.control.deliver_events()["requests"] == 0


def test_switch_event_broken_every(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    sandbox.control.set_switches(event_broken_every=2)
    send(sandbox, *["user_unknown"] * 4)
    sandbox.control.deliver_events()
    assert [one is None for one in receiver.events()] == [False, True, False, True]


def test_switch_event_delay_seconds(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    sandbox.control.set_switches(event_delay_seconds=2 * 86_400)
    send(sandbox, "user_unknown")
    assert sandbox.control.deliver_events()["events"] == 0
    sandbox.pass_time(hours=24)
    assert sandbox.control.deliver_events()["events"] == 1


def test_switch_event_fields(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce", "unsub")
    sandbox.control.set_switches(event_fields="bare")
    send(sandbox, "user_unknown", "unsubscribed")
    sandbox.control.deliver_events()
    assert len(receiver.events()) == 2
    for one in receiver.events():
        assert one["mj_contact_id"] == 0
        assert one.get("mj_list_id", 0) == 0
        assert not {"comment", "CustomID", "Payload"} & set(one)


def test_switch_event_urls_given_up(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "bounce")
    assert sandbox.data("/eventcallbackurl")[0]["Status"] == "alive"
    sandbox.control.set_switches(event_urls_given_up=True)
    assert sandbox.data("/eventcallbackurl")[0]["Status"] == "dead"


def test_switch_event_agents(sandbox: Rehearsal, receiver: Receiver) -> None:
    register(sandbox, receiver.url, "open")
    people = send(sandbox, "delivered", "delivered", "delivered")
    for person, agent in zip(people, ("people", "prefetch", "scanners"), strict=True):
        sandbox.control.set_switches(event_agents=agent)
        sandbox.control.open_message(person)
        sandbox.control.deliver_events()
    agents = {one["mj_contact_id"]: one["agent"] for one in receiver.events()}
    assert agents[people[1]] == "Mozilla/5.0"
    assert "Chrome" in agents[people[0]]
    assert "Barracuda" in agents[people[2]]
