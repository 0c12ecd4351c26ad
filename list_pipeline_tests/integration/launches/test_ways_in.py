"""Launch changes over HTTP, on pages, over MCP and at the command line: the same operations, roles and hashes everywhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any
from unittest.mock import patch

import dagster as dg
import httpx
import pytest
import structlog
from typer.testing import CliRunner

from list_pipeline.cli import common
from list_pipeline.cli.main import app
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.observations import DraftStatus
from list_pipeline.core.tokens import Role
from list_pipeline.defs.launches import automation
from list_pipeline.logs import configure_logging
from list_pipeline.operations.launches.carrying_out import carry_out, to_carry_out
from list_pipeline.operations.launches.deciding import launch_of
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import Api, served
from list_pipeline_tests.integration.launches.asked import (
    WHY,
    approved,
    asked,
    draft_of,
    edit,
    in_hours,
    posts,
    programmed,
)
from list_pipeline_tests.integration.mcp.clients import Mcp
from list_pipeline_tests.integration.pages.visiting import Browser


@pytest.fixture
def http(on: Services) -> Iterator[httpx.Client]:
    with served(on) as client:
        yield client


# Over HTTP


def body(action: LaunchAction, target: object, at: Any = None) -> dict[str, Any]:
    return {"action": action.value, "target": str(target)} | ({"at": at.isoformat()} if at is not None else {})


def test_over_http_a_draft_is_looked_at_asked_for_approved_and_followed(
    small: Installation, on: Services, http: httpx.Client
) -> None:
    api, draft, at = Api(on, http), draft_of(small), in_hours(small, 8)
    thought = body(LaunchAction.SCHEDULE, draft, at)
    looked = api.ask(Role.OPERATOR, "POST", "/api/launches/look", json=thought).json()["look"]
    assert (looked["refusedBecause"], looked["list"], looked["draft"]) == (None, "campaign_1", draft)
    assert "@" not in json.dumps(looked)
    wanted = thought | {"contentHash": looked["contentHash"], "note": WHY}
    stale = api.ask(Role.OPERATOR, "POST", "/api/launches", json=wanted | {"contentHash": "0" * 64})
    assert stale.status_code == 409
    made = api.ask(Role.OPERATOR, "POST", "/api/launches", json=wanted)
    assert made.status_code == 202
    launch = made.json()["launch"]
    assert (launch["state"], launch["askedBy"], launch["note"]) == ("waiting", "Operator", WHY)
    again = api.ask(Role.OPERATOR, "POST", "/api/launches", json=wanted)
    assert (again.status_code, "is open" in again.json()["detail"]) == (409, True)
    path = f"/api/launches/{launch['number']}"
    assert (
        api.ask(Role.OPERATOR, "POST", f"{path}/approve", json={"contentHash": launch["contentHash"]}).status_code
        == 403
    )
    assert api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": "0" * 64}).status_code == 409
    done = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": launch["contentHash"][:12]})
    assert (done.status_code, done.json()["launch"]["state"]) == (202, "approved")
    # Nothing is asked of Mailjet within a request.
    assert posts(small, draft, "schedule") == 0
    ((run),) = to_carry_out(on)
    carry_out(on, run.launch_id)
    shown = api.ask(Role.READER, "GET", path).json()["launch"]
    assert (shown["state"], shown["decidedBy"]) == ("confirmed", "Reviewer")
    listed = api.ask(Role.READER, "GET", f"/api/launches?state=confirmed&campaign={shown['campaign']}").json()
    assert [one["number"] for one in listed["launches"]] == [launch["number"]]
    assert api.ask(Role.READER, "GET", "/api/launches/99").status_code == 404


def test_over_http_a_cancellation_by_a_reviewer_is_approved_and_by_an_operator_it_waits(
    small: Installation, on: Services, http: httpx.Client
) -> None:
    api, (_, key, _) = Api(on, http), programmed(small, on)
    looked = api.ask(Role.OPERATOR, "POST", "/api/launches/look", json=body(LaunchAction.CANCEL, key)).json()["look"]
    wanted = body(LaunchAction.CANCEL, key) | {"contentHash": looked["contentHash"], "note": WHY}
    first = api.ask(Role.OPERATOR, "POST", "/api/launches", json=wanted).json()["launch"]
    assert first["state"] == "waiting"
    ended = api.ask(Role.REVIEWER, "POST", f"/api/launches/{first['number']}/reject", json={"note": "no"})
    assert ended.json()["launch"]["state"] == "rejected"
    second = api.ask(Role.REVIEWER, "POST", "/api/launches", json=wanted).json()["launch"]
    assert (second["state"], second["decidedBy"]) == ("approved", "Reviewer")


def test_over_http_everything_is_refused_in_words_while_it_is_off(small: Installation) -> None:
    with served(small.services) as client:
        api, draft = Api(small.services, client), draft_of(small)
        answer = api.ask(Role.OPERATOR, "POST", "/api/launches/look", json=body(LaunchAction.SEND, draft))
        assert answer.status_code == 409
        assert "LAUNCHES_FROM_HERE is off" in answer.json()["detail"]


@pytest.mark.parametrize("at", ["2026-12-01T09:00:00", "tomorrow", 5, "9999-12-31T23:59:59-23:59"])
def test_over_http_an_instant_that_is_none_is_refused(
    small: Installation, on: Services, http: httpx.Client, at: object
) -> None:
    api = Api(on, http)
    sent = body(LaunchAction.SCHEDULE, draft_of(small)) | {"at": at}
    answer = api.ask(Role.OPERATOR, "POST", "/api/launches/look", json=sent)
    # A number is read as seconds, and has passed; what is too far ahead is said in the look.
    assert answer.status_code == 422 or answer.json()["look"]["refusedBecause"]


# On the pages


def test_on_the_pages_a_campaign_is_moved_by_two_people_each_of_what_they_saw(
    small: Installation, on: Services, http: httpx.Client
) -> None:
    _, key, _ = programmed(small, on)
    ana = Browser.signed_in(on, http, Role.OPERATOR, "Ana")
    rea = Browser.signed_in(on, http, Role.REVIEWER, "Rea")
    link = f"/admin/launches/new?action=move&target={key}"
    assert link in ana.see(f"/admin/campaigns/{key}").links
    assert ana.see(link).status == 200
    at = f"{in_hours(small, 40):%Y-%m-%dT%H:%M}"
    seen = ana.see(f"{link}&at={at}")
    assert "Recipients expected" in seen.words
    stale = ana.send("/admin/launches/new", seen.fields | {"content_hash": "0" * 64, "note": WHY})
    assert stale.status == 409
    assert ana.send("/admin/launches/new", seen.fields | {"note": ""}).status == 409
    # Without the token of the form nothing is taken.
    without = {name: value for name, value in seen.fields.items() if name != "form_token"}
    assert ana.send("/admin/launches/new", without | {"note": WHY}).status == 403
    made = ana.send("/admin/launches/new", seen.fields | {"note": WHY})
    place = made.answer.headers["location"].partition("?")[0]
    assert made.status == 303
    assert place in rea.see("/admin/waiting").links
    mine = ana.see(place)
    assert "Your token may look, not decide" in mine.words
    shown = rea.see(place).fields
    assert ana.send(place, shown | {"form_token": mine.fields["form_token"], "decision": "approve"}).status == 403
    assert rea.send(place, shown | {"content_hash": "0" * 64, "decision": "approve"}).status == 409
    assert rea.send(place, shown | {"decision": "reject", "note": ""}).status == 409
    done = rea.send(place, shown | {"decision": "approve"})
    assert done.status == 303
    assert "It is approved" in rea.see(done.answer.headers["location"]).words
    carry_out(on, int(place.rpartition("/")[2]))
    assert "Mailjet sends it at" in rea.see(place).words
    story = rea.see(f"/admin/campaigns/{key}").words
    assert "was asked for" in story
    assert "launch move approved" in rea.see("/admin/audit").words


def test_on_the_pages_a_reader_asks_for_nothing_and_what_is_off_is_said(small: Installation, on: Services) -> None:
    _, key, _ = programmed(small, on)
    with served(small.services) as client:
        reader = Browser.signed_in(small.services, client, Role.READER, "Bob")
        assert "LAUNCHES_FROM_HERE is off" in reader.see("/admin/launches").words
        assert not [one for one in reader.see(f"/admin/campaigns/{key}").links if "/launches/new" in one]
        assert (
            "People with the role operator may" in reader.see(f"/admin/launches/new?action=cancel&target={key}").words
        )
    with served(on) as client:
        bob = Browser.signed_in(on, client, Role.READER, "Bob")
        fields = {"form_token": bob.see("/admin/mode").fields.get("form_token", ""), "action": "cancel", "target": key}
        token = next(iter(bob.see("/admin/waiting").fields.values()))
        sent = bob.send("/admin/launches/new", fields | {"form_token": token, "content_hash": "0" * 64, "note": WHY})
        assert sent.status == 403
    assert small.query("select count(*) from launch_change") == [(0,)]


# Over MCP


def test_over_mcp_a_model_asks_with_the_hash_that_it_showed_and_a_reviewer_decides(
    small: Installation, on: Services, http: httpx.Client
) -> None:
    mcp, (draft, key, _) = Mcp(on, http), programmed(small, on)
    assert "approve_launch" not in mcp.tools(Role.OPERATOR)
    assert "ask_for_launch" not in mcp.tools(Role.READER)
    at = in_hours(small, 40).isoformat()
    looked = mcp.found(Role.OPERATOR, "look_at_launch", action="move", target=key, at=at)["look"]
    assert "@" not in json.dumps(looked)
    wanted = {"action": "move", "target": key, "at": at, "reason": WHY}
    assert "was shown for" in mcp.refused(Role.OPERATOR, "ask_for_launch", **wanted, contentHash="0" * 64)
    launch = mcp.found(Role.OPERATOR, "ask_for_launch", **wanted, contentHash=looked["contentHash"])["launch"]
    assert launch["state"] == "waiting"
    number, shown = launch["number"], launch["contentHash"]
    mcp.refused(Role.OPERATOR, "approve_launch", number=number, contentHash=shown)
    assert "another than the one given" in mcp.refused(
        Role.REVIEWER, "approve_launch", number=number, contentHash="0" * 64
    )
    assert mcp.found(Role.REVIEWER, "approve_launch", number=number, contentHash=shown)["launch"]["state"] == "approved"
    rejected = mcp.found(Role.REVIEWER, "reject_launch", number=number, contentHash=shown, reason="after all")
    assert rejected["launch"]["state"] == "rejected"
    assert [one["number"] for one in mcp.found(Role.READER, "launches", campaign=key)["launches"]] == [number]
    assert mcp.found(Role.READER, "launch", number=number)["launch"]["draft"] == draft
    assert small.changing_requests() == {} or posts(small, draft, "schedule") <= 1


# At the command line


class Line:
    """Commands as a person gives them, on the clock of the account."""

    def __init__(self, made: Installation, **settings: Any) -> None:
        self.made = made
        found = made.another(**settings).settings
        values = {name: getattr(found, name) for name in found.model_fields_set}
        plain = {n: v.get_secret_value() if hasattr(v, "get_secret_value") else str(v) for n, v in values.items() if v}
        self.environment = {name.upper(): value for name, value in plain.items()}
        self.level = found

    def run(self, *words: str) -> tuple[dict[str, Any], int]:
        before = structlog.get_config()
        try:
            with patch.object(common, "Services", partial(Services, clock=self.made.clock)):
                answer = CliRunner().invoke(app, ["launch", *words, "--json"], env=self.environment)
        finally:
            configure_logging(self.level, level="error")
            structlog.configure(**before)
        (line,) = answer.stdout.splitlines()
        return json.loads(line), answer.exit_code


def test_at_the_command_line_a_draft_is_scheduled_and_cancelled_and_every_answer_is_a_document(
    small: Installation, on: Services
) -> None:
    line, draft, at = Line(small, launches_from_here=True), draft_of(small), in_hours(small, 8)
    instant = f"{at:%Y-%m-%dT%H:%M}"
    looked, code = line.run("look", "schedule", str(draft), "--at", instant)
    assert code == 0
    shown = looked["look"]["content_hash"][:12]
    named = ("--by", "Ana", "--note", WHY)
    made, code = line.run("ask", "schedule", str(draft), shown, "--at", instant, *named)
    assert (code, made["launch"]["state"]) == (0, "waiting")
    number = str(made["launch"]["number"])
    listed, _ = line.run("list")
    assert [one["number"] for one in listed["launches"]] == [int(number)]
    wrong, code = line.run("approve", number, "0" * 64, "--by", "Rea")
    assert (code, wrong["error"]["kind"]) == (1, "refused")
    done, code = line.run("approve", number, shown, "--by", "Rea")
    assert (code, done["launch"]["state"]) == (0, "confirmed")
    assert on.mailjet.drafts.scheduled_for(draft) == at
    key = done["launch"]["campaign"]
    looked, _ = line.run("look", "cancel", key)
    cancelled, code = line.run("ask", "cancel", key, looked["look"]["content_hash"], *named)
    assert (code, cancelled["launch"]["state"], cancelled["launch"]["decided_by"]) == (0, "confirmed", "Ana")
    assert on.mailjet.drafts.one(draft).status == DraftStatus.DRAFT
    assert line.run("list")[0]["launches"] == []
    assert len(line.run("list", "--all")[0]["launches"]) == 2


def test_at_the_command_line_what_is_not_done_exits_with_one_and_what_is_off_says_so(
    small: Installation, on: Services
) -> None:
    draft = draft_of(small)
    off, code = Line(small).run("look", "send", str(draft))
    assert (code, off["error"]["kind"]) == (1, "refused")
    assert "LAUNCHES_FROM_HERE" in off["error"]["message"]
    launch = approved(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    edit(small, draft, Subject="Another letter")
    line = Line(small, launches_from_here=True)
    refused, code = line.run("carry-out", str(launch.launch_id))
    assert (code, refused["launch"]["state"]) == (1, "refused")
    waits = asked(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    rejected, code = line.run("reject", str(waits.launch_id), "--by", "Rea", "--note", WHY)
    assert (code, rejected["launch"]["state"]) == (0, "rejected")
    assert line.run("show", str(waits.launch_id))[0]["launch"]["decision_note"] == WHY


# In Dagster


def test_the_sensor_starts_a_run_for_what_was_approved_and_the_run_carries_it_out(
    small: Installation, on: Services
) -> None:
    draft = draft_of(small)
    waits = asked(on, LaunchAction.SCHEDULE, draft, in_hours(small, 8))
    with dg.DagsterInstance.ephemeral() as instance:

        def look() -> Any:
            context = dg.build_sensor_context(instance=instance, resources={"services": on})
            return automation.launches_to_carry_out(context)

        assert isinstance(look(), dg.SkipReason)
        approved_one = approved(on, LaunchAction.SEND, draft_of(small))
        (wanted,) = look().run_requests
        assert wanted.run_key == f"launch:{approved_one.launch_id}:0"
        result = automation.launch_change.execute_in_process(
            run_config=wanted.run_config, resources={"services": on}, instance=instance
        )
        assert result.success
        assert launch_of(on, approved_one.launch_id).state is LaunchState.CONFIRMED
        # What nobody decided on ends with the sensor's look.
        small.clock.set(waits.expires_at)
        assert isinstance(look(), dg.SkipReason)
    assert launch_of(on, waits.launch_id).state is LaunchState.EXPIRED
