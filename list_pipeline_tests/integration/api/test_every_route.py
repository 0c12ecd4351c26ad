"""Every route of the service: who may call it, what it makes of bodies and paths that are none, and that it is described.

A new route without a line in ``CHANGING`` or ``READING`` fails.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import jsonschema_rs
import pytest
from starlette.routing import Mount

from list_pipeline.api.app import create_app
from list_pipeline.api.description import describe
from list_pipeline.api.guard import GUARDED, LONGEST_BODY
from list_pipeline.core.launches.changes import LaunchAction
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.tokens import Role
from list_pipeline.core.verdict_imports.files import read_file
from list_pipeline.operations.quarantine.begin import quarantine_by_hand
from list_pipeline.operations.verdict_imports.importing import suppress_listed
from list_pipeline.stack.databases import drop_database, with_database
from list_pipeline_tests.integration.accounts import HARD, Account, Installation, copy_database, installation, quietly
from list_pipeline_tests.integration.api.serving import Api, served
from list_pipeline_tests.integration.launches.asked import asked, draft_of, in_hours

CHANGING: dict[str, tuple[Role, Any]] = {
    "/api/list-management/trigger-maintenance": (Role.OPERATOR, {"campaignId": "{key}"}),
    "/api/list-management/trigger-health-check": (Role.OPERATOR, None),
    "/api/plans/{number}/approve": (Role.REVIEWER, {"contentHash": "0" * 8}),
    "/api/plans/{number}/reject": (Role.REVIEWER, {}),
    "/api/plans/{number}/expire": (Role.REVIEWER, {}),
    "/api/plans/{number}/edit": (Role.REVIEWER, {"contentHash": "0" * 8, "without": [1], "reason": "why"}),
    "/api/reviews/{number}/approve": (Role.REVIEWER, {"contentHash": "0" * 8}),
    "/api/reviews/{number}/reject": (Role.REVIEWER, {}),
    "/api/reviews/{number}/close": (Role.REVIEWER, {"note": "seen"}),
    "/api/campaigns/{key}/undo": (Role.REVIEWER, {}),
    "/api/campaigns/{key}/redo": (Role.REVIEWER, {}),
    "/api/contacts/{contact_id}/reinstate": (Role.REVIEWER, {}),
    "/api/contacts/{contact_id}/release": (Role.REVIEWER, {}),
    "/api/audience/split": (Role.REVIEWER, {"total": 1, "reason": "why"}),
    "/api/suppressions": (Role.REVIEWER, {"contactIds": [1], "reason": "why"}),
    "/api/launches": (
        Role.OPERATOR,
        {"action": "cancel", "target": "44101", "contentHash": "0" * 8, "note": "why"},
    ),
    "/api/launches/look": (Role.OPERATOR, {"action": "cancel", "target": "44101"}),
    "/api/launches/{number}/approve": (Role.REVIEWER, {"contentHash": "0" * 8}),
    "/api/launches/{number}/reject": (Role.REVIEWER, {"note": "why"}),
    # Of the modes, any operator may choose the one that stops.
    "/api/mode": (Role.OPERATOR, {"mode": "read_only"}),
}
"""What changes something, with the least role that may, and a body that it understands."""

READING = {
    "/metrics", "/api/metrics", "/api/audience", "/api/audience/proposal",
    "/api/audit", "/api/calendar", "/api/calendar.ics", "/api/campaigns",
    "/api/campaigns/{key}", "/api/contacts/search",
    "/api/contacts/{contact_id}", "/api/launches", "/api/launches/{number}",
    "/api/lists", "/api/list-management/logs", "/api/list-management/logs/{number}",
    "/api/list-management/health-checks", "/api/list-management/health-checks/{number}", "/api/mode", "/api/plans",
    "/api/plans/{number}", "/api/quarantined", "/api/replay", "/api/requests", "/api/requests/{number}", "/api/reviews",
    "/api/reviews/{number}", "/api/sender-faults", "/api/shadows", "/api/validations", "/api/validations/{number}",
    "/api/openapi.json",
}  # fmt: skip
"""What every token may read. A search is asked for in a body, and changes nothing."""

OPEN = {"/health", "/webhooks/mailjet"}
"""What needs no token: the one says no more than whether the product works, the other has a password of its own."""

TO_PAGES = {"/", "/admin"}
"""They lead to the pages, where whoever is not signed in is asked to."""


@dataclass
class World:
    """An installation with something of everything, its service, and its description."""

    made: Installation
    api: Api
    description: dict[str, Any]
    routes: set[tuple[str, str]]

    def path(self, template: str) -> str:
        """A path of the template that there is."""
        words = {"key": self.made.key, "number": 1, "contact_id": self.made.account.people[HARD[0]]}
        return template.format(**words)

    def body(self, template: Any) -> Any:
        if isinstance(template, dict) and "campaignId" in template:
            return {"campaignId": self.made.key}
        return template

    def asked(self, method: str, template: str) -> dict[str, Any]:
        """What a request of a route is made with."""
        if template == "/api/contacts/search":
            return {"json": {"contact": str(self.made.account.people[HARD[0]]), "full": True}}
        body = self.body(CHANGING[template][1]) if method == "POST" else None
        return {} if body is None else {"json": body}

    def addresses(self) -> set[str]:
        return {str(one).lower() for (one,) in self.made.query("select email from contact_list_membership")}


@pytest.fixture(scope="module")
def world(
    hand_made: Account, knowing_hand_made: str, admin: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    name = "list_pipeline_test_every_route"
    drop_database(admin, name)
    copy_database(admin, knowing_hand_made, name)
    with installation(
        hand_made, tmp_path_factory.mktemp("every-route"), with_database(admin, name), event_webhook_password="x" * 16
    ) as made:
        careful = made.another(list_management_mode="approval_required")
        made.maintain(careful)
        people = made.account.people
        quarantine_by_hand(made.services, [people[7]], days=3, by="Grace", note="a try", progress=quietly)
        may_launch = made.another(launches_from_here=True)
        asked(may_launch, LaunchAction.SCHEDULE, draft_of(made), in_hours(made, 8))
        suppress_listed(careful, read_file(f"id\n{people[5]}"), by="Grace", note="a list", progress=quietly)
        app = create_app(made.services)
        routes = {(method, route.path) for route in _routes(app.routes) for method in route.methods}
        with served(made.services) as http:
            yield World(made, Api(made.services, http), describe(app), routes)
    drop_database(admin, name)


@pytest.fixture(autouse=True)
def _rested(world: World) -> None:
    """Whatever tests before asked, nobody is told to wait."""
    world.api.rested()


def _routes(found: Any) -> Iterator[Any]:
    """The routes of an application, those of the routers that it includes too. The pages have tests of their own."""
    for one in found:
        if isinstance(one, Mount) or getattr(one, "path", None) in TO_PAGES:
            continue
        if getattr(one, "methods", None):
            yield one
        else:
            yield from _routes(one.original_router.routes)


def test_every_route_stands_in_a_table_of_who_may_call_it(world: World) -> None:
    by_method: dict[str, set[str]] = {"GET": set(), "POST": set()}
    for method, path in world.routes:
        by_method.setdefault(method, set()).add(path)
    by_method.pop("HEAD", None)
    assert set(by_method) == {"GET", "POST"}
    assert by_method["GET"] == READING - {"/api/contacts/search"} | {"/health"}
    assert by_method["POST"] == {*CHANGING, "/api/contacts/search", "/webhooks/mailjet", "/mcp"}
    guarded = {path for _, path in world.routes} - OPEN
    assert all(path.startswith(GUARDED) for path in guarded)


@pytest.mark.parametrize("path", CHANGING)
def test_a_token_of_a_lower_role_changes_nothing(path: str, world: World) -> None:
    needed = CHANGING[path][0]
    before = _rows(world)
    for role in Role:
        if not role.may(needed):
            for more in (world.asked("POST", path), {}, {"json": {"nonsense": 1}}, {"json": []}):
                answer = world.api.ask(role, "POST", world.path(path), **more)
                assert answer.status_code == 403, (role, answer.text)
    assert _rows(world) == before


def _rows(world: World) -> list[Any]:
    tables = (
        "plan",
        "review_item",
        "run_request",
        "mode_change",
        "list_maintenance_log",
        "list_health_check",
        "plan_edit",
        "launch_change",
    )
    return [world.made.query(f"select * from {table} order by 1") for table in tables]


@pytest.mark.parametrize("path", sorted(set(CHANGING) | READING))
def test_nobody_without_a_known_token_learns_anything(path: str, world: World) -> None:
    for method in ("GET", "POST", "DELETE"):
        for token in (None, "lp_" + "a" * 43):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            request = world.api.http.build_request(method, world.path(path), headers=headers)
            answer = world.api.http.send(request, auth=None)
            assert answer.status_code in (401, 429)
            assert set(answer.json()) == {"type", "title", "status", "detail"}


@pytest.mark.parametrize("path", sorted(READING))
def test_whoever_may_read_reads_without_an_address_in_clear(path: str, world: World) -> None:
    method = "POST" if path == "/api/contacts/search" else "GET"
    answer = world.api.ask(Role.READER, method, world.path(path), **world.asked(method, path))
    assert answer.status_code in (200, 404), answer.text
    if path not in (
        "/api/validations/{number}",
        "/api/requests/{number}",
        "/api/list-management/health-checks/{number}",
    ):
        assert answer.status_code == 200, answer.text
    text = answer.text.lower()
    assert not [one for one in world.addresses() if one in text]
    assert not re.search(r"[\w.+-]+@[\w-]+\.(com|org|net|example|test)", text)


AS_JSON: dict[str, Any] = {"headers": {"Content-Type": "application/json"}}
HOSTILE_BODIES: dict[str, tuple[dict[str, Any], set[int]]] = {
    "no body": ({}, {422}),
    "no JSON": ({"content": b"{", **AS_JSON}, {422}),
    "no UTF-8": ({"content": b'{"note": "\xff"}', **AS_JSON}, {422}),
    "no object": ({"json": [1, 2]}, {422}),
    "a number": ({"json": 7}, {422}),
    "what nobody asked for": ({"json": {"note": "x", "isAdministrator": True}}, {422}),
    "a name beside the token's": ({"json": {"by": "Somebody Else"}}, {422}),
    "a form": ({"data": {"note": "x"}}, {415}),
    "XML": ({"content": b"<note/>", "headers": {"Content-Type": "application/xml"}}, {415}),
    "too much": ({"json": {"note": "x" * LONGEST_BODY}}, {413}),
    "too deep": ({"content": b"[" * 30_000, **AS_JSON}, {422}),
    "a number without end": ({"content": b'{"note": ' + b"9" * 5_000 + b"}", **AS_JSON}, {422}),
    "infinity": ({"content": b'{"note": Infinity}', **AS_JSON}, {422}),
}


@pytest.mark.parametrize("path", [path for path, (_, body) in CHANGING.items() if body is not None])
def test_a_body_that_is_none_is_refused_in_words_and_never_repeated(path: str, world: World) -> None:
    before = _rows(world)
    for what, (more, ends) in HOSTILE_BODIES.items():
        answer = world.api.ask(Role.ADMINISTRATOR, "POST", world.path(path), **dict(more))
        assert answer.status_code in ends, (what, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "Somebody" not in answer.text
    assert _rows(world) == before


HOSTILE_PATHS = (
    "/api/plans/..%2f..%2fhealth", "/api/plans/1%00", "/api/plans/-1", "/api/plans/1e3", "/api/plans/99999999999999999999",
    "/api//plans", "/api/plans/", "/api/plans/1/", "/API/plans", "/api/campaigns/%2e%2e", "/api/campaigns/..%5c..%5cwindows",
    "/api/campaigns/jane.doe@example.com", "/api/contacts/jane.doe%40example.com", "/api/contacts/1;drop", "/api/contacts/²",
    "/api/campaigns/" + "x" * 5_000, "/api/reviews/1?limit=10&limit=x", "/api/reviews?status=%00", "/api/audit?by=%00",
    "/api/audit?by=%ff", "/api/audit?campaign='%20or%201=1", "/api/replay?from=0000-00-00", "/api/metrics?days=1e9",
    "/api/replay?set=grace_days%3D%00", "/api/replay?set=grace_days%3D1e999", "/api/replay?rules=%00",
    "/api/audit?since=2026-01-01T00:00:00", "/api/audit?since=0001-01-01T00:00:00%2B23:59",
    "/api/audit?since=9999-12-31T23:59:59-23:59",
)  # fmt: skip


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_tricks_with_paths_and_queries_are_answered_in_words(path: str, world: World) -> None:
    answer = world.api.ask(Role.READER, "GET", path)
    assert answer.status_code in (200, 400, 404, 405, 409, 422), answer.text
    if answer.status_code != 200:
        assert answer.headers["content-type"] == "application/problem+json"
    assert "jane.doe" not in answer.text
    assert "jane.doe" not in str(world.made.logs)
    assert "Traceback" not in answer.text


def test_notes_are_kept_without_addresses_and_control_characters(world: World) -> None:
    asked = {"note": "for jane.doe@example.com \x1b[31m\u202e"}
    done = world.api.ask(Role.REVIEWER, "POST", f"/api/campaigns/{world.made.key}/undo", json=asked)
    assert done.status_code == 202
    shown = world.api.ask(Role.READER, "GET", f"/api/requests/{done.json()['requestId']}").json()["request"]
    assert shown["note"].startswith("for [address]")
    assert not {"\x1b", "\u202e"} & set(shown["note"])
    assert not world.made.query("select 1 from run_request where note like '%jane%' or note like '%' || chr(27) || '%'")


def test_every_operation_is_described_with_its_errors_and_its_answer_with_an_example(world: World) -> None:
    described = {
        (method.upper(), path) for path, operations in world.description["paths"].items() for method in operations
    }
    assert described == world.routes - {("GET", "/api/openapi.json"), ("POST", "/webhooks/mailjet"), ("POST", "/mcp")}
    for path, operations in world.description["paths"].items():
        for operation in operations.values():
            if path == "/health":
                continue
            assert operation["security"] == [{"token": []}]
            assert {"401", "403", "404", "409", "422", "429", "500", "503"} <= set(operation["responses"])
            if path in ("/metrics", "/api/calendar.ics"):
                continue
            (good,) = [status for status in operation["responses"] if status.startswith("2")]
            schema = operation["responses"][good]["content"]["application/json"]["schema"]
            described_as = world.description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            if path.endswith(
                ("trigger-maintenance", "trigger-health-check", "logs/{number}", "health-checks/{number}")
            ):
                continue
            (example,) = described_as["examples"]
            jsonschema_rs.validate({**described_as, "components": world.description["components"]}, example)


def test_every_body_is_described_with_an_example_that_it_understands(world: World) -> None:
    schemas = world.description["components"]["schemas"]
    for operations in world.description["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                schema = operation["requestBody"]["content"]["application/json"]["schema"]
                body = schemas[schema["$ref"].rsplit("/", 1)[1]]
                fields = {name: one["examples"][0] for name, one in body["properties"].items() if "examples" in one}
                example = body.get("examples", [fields])[0]
                jsonschema_rs.validate({**body, "components": world.description["components"]}, example)


def test_the_plan_that_waits_is_untouched_by_all_of_that(world: World) -> None:
    assert world.made.plan(PlanKind.SUPPRESSION).status.value == "pending_review"
    assert isinstance(world.api.http, httpx.Client)
