"""The calls of docs/api.md, made as they stand there, by curl."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Principal, Role
from list_pipeline.operations.reviews.operating_mode import choose_mode
from list_pipeline.operations.run_requests.asking import request_health_check
from list_pipeline.operations.run_requests.corrections import request_suppression
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import HARD, Installation
from list_pipeline_tests.integration.api.serving import Api, served
from list_pipeline_tests.paths import CHECKOUT

DOCUMENTED = (CHECKOUT / "docs" / "api.md").read_text(encoding="utf-8")
GRACE = Principal("Grace", Role.ADMINISTRATOR, "token 1", 1)


def calls() -> list[str]:
    """Every call of the page, its lines joined; what stands behind a # is a comment."""
    blocks = re.findall(r"```sh\n(.*?)```", DOCUMENTED, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return [re.sub(r"\s+#.*$", "", line) for line in lines if line.startswith("curl ")]


@dataclass
class World:
    """An installation in which what the page names by example is there, and the words that stand for it."""

    api: Api
    url: str
    token: str
    words: dict[str, str]

    def filled(self, call: str) -> str:
        for example, real in self.words.items():
            call = call.replace(example, real)
        return call

    def made_by_curl(self, call: str) -> tuple[int, str]:
        """Status and body of a call."""
        script = (
            f'uuidgen() {{ echo 7c2f; }}\n{self.filled(call)} --silent --show-error --write-out "\\n%{{http_code}}"'
        )
        done = subprocess.run(
            ["bash", "-c", script],
            env={"URL": self.url, "TOKEN": self.token, "PATH": "/usr/local/bin:/usr/bin:/bin", "no_proxy": "*"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), body


@pytest.fixture
def world(small: Installation) -> Iterator[World]:
    small.maintain(small.another(list_management_mode="approval_required"))
    plan = small.plan(PlanKind.SUPPRESSION)
    person = small.account.people[HARD[0]]
    request_health_check(small.services, GRACE)
    number = request_suppression(small.services, [person], GRACE, reason="a list")
    with small.services.database.begin() as connection:
        plan_rows.add_review_item(
            connection, campaign_id=plan.campaign_id, plan_id=plan.plan_id, kind=ReviewKind.FAILED_ITEM, contact_id=person,
            summary="Somebody waits", details={}, now=small.clock.now(),
        )  # fmt: skip
    ((question,),) = small.query("select review_id from review_item where contact_id is not null")
    with served(small.services) as http:
        api = Api(small.services, http)
        words = {
            "2026-11-20-r1-7": small.key,
            "HASH": plan.content_hash,
            "/plans/12": f"/plans/{plan.plan_id}",
            "/reviews/5": f"/reviews/{question}",
            "/requests/4": f"/requests/{number}",
            "/logs/7": "/logs/1",
            "/health-checks/3": "/health-checks/1",
            "254510270": str(person),
        }
        yield World(api, str(http.base_url), api.tokens[Role.ADMINISTRATOR], words)


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_every_documented_call_is_answered_as_it_should_be(world: World) -> None:
    made = calls()
    assert len(made) >= 15
    decisions = 0
    for call in made:
        status, body = world.made_by_curl(call)
        is_decision = re.search(r"/plans/12/(approve|reject|edit)", call) is not None
        if is_decision and decisions:
            # The page decides on one plan in several ways: the first of them stands.
            assert status == 409, (call, body)
        else:
            assert status in (200, 202), (call, body)
        decisions += is_decision
        if "POST" in call and "/api/mode" in call:
            # What the page stops goes on for the calls below it.
            choose_mode(world.api.services, Mode.AUTO, by="Grace")


def test_every_path_of_the_page_is_one_of_the_service(world: World) -> None:
    described = world.api.ask(Role.READER, "GET", "/api/openapi.json").json()["paths"]
    templates = {re.sub(r"\{[^}]*\}", "*", path) for path in described}
    named = {re.sub(r"/(KEY|ID|N)\b", "/*", path) for path in re.findall(r"`(?:GET|POST) (/api/[^`?\s]*)`", DOCUMENTED)}
    assert named
    assert named <= templates | {"/api/openapi.json"}
