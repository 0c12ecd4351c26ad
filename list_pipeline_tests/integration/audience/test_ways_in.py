"""The ways in on one operation: command, HTTP, tool and page show the same division, and plan it under the person's name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.tokens import Role
from list_pipeline.operations.audience.splitting import look_first
from list_pipeline.operations.campaign_stages.calendar import calendar
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.api.serving import Api, served
from list_pipeline_tests.integration.audience.audiences import let_through, on_lists, plan, sign_up
from list_pipeline_tests.integration.drafts import schedule
from list_pipeline_tests.integration.mcp.clients import Mcp
from list_pipeline_tests.integration.pages.visiting import Browser


@pytest.fixture
def new(small: Installation) -> list[int]:
    """People who signed up, as our rows know them."""
    found = sign_up(small, 4)
    look_first(small.services)
    return found


@pytest.fixture
def http(small: Installation) -> Iterator[Any]:
    with served(small.services) as opened:
        yield opened


def planned(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select plan_id, status, requested_by, note from plan where kind = 'split'")


def test_over_http_a_division_is_shown_planned_approved_and_seen(
    small: Installation, new: list[int], http: Any
) -> None:
    api = Api(small.services, http)
    found = api.ask(Role.READER, "GET", "/api/audience").json()
    assert (found["contacts"], found["plans"]) == (6, [])
    assert {one["why"]: one["contacts"] for one in found["notTaken"]} == {"suppressed": 2}
    shown = api.ask(Role.READER, "GET", "/api/audience/proposal?total=5").json()["proposal"]
    assert [(one["places"], one["list"], one["isProposed"]) for one in shown["batches"]] == [
        ("1-2", "campaign_1", True),
        ("3-4", "campaign_2", True),
        ("5-5", "campaign_3", True),
    ]
    assert shown["refusedBecause"] is None
    body = {"total": 5, "reason": "the fair in Lyon", "shown": shown["shown"]}
    assert api.ask(Role.OPERATOR, "POST", "/api/audience/split", json=body).status_code == 403
    assert api.ask(Role.REVIEWER, "POST", "/api/audience/split", json={**body, "shown": "0" * 64}).status_code == 409
    made = api.ask(Role.REVIEWER, "POST", "/api/audience/split", json=body).json()
    assert planned(small) == [(made["planId"], "pending_review", "Reviewer", "the fair in Lyon")]
    assert api.ask(Role.REVIEWER, "POST", "/api/audience/split", json=body).status_code == 409
    waiting = api.ask(Role.READER, "GET", f"/api/plans/{made['planId']}").json()
    assert (waiting["kind"], len(waiting["batches"]), waiting["batches"][0]["enrolled"]) == ("split", 3, None)
    approval = {"contentHash": made["contentHash"], "note": "right"}
    assert api.ask(Role.REVIEWER, "POST", f"/api/plans/{made['planId']}/approve", json=approval).status_code == 200
    carry_out_correction(small.services, made["planId"], quietly)
    done = api.ask(Role.READER, "GET", f"/api/plans/{made['planId']}").json()
    assert [one["enrolled"] for one in done["batches"]] == [2, 2, 1]
    assert api.ask(Role.READER, "GET", "/api/audience").json()["plans"][0]["status"] == "executed"


@pytest.mark.parametrize("query", ["total=0", "total=x", "start=tomorrow", "start=2001-01-01"])
def test_over_http_what_makes_no_sense_is_refused(new: list[int], small: Installation, http: Any, query: str) -> None:
    assert Api(small.services, http).ask(Role.READER, "GET", f"/api/audience/proposal?{query}").status_code in (
        400,
        409,
        422,
    )


def test_a_model_divides_only_what_a_person_was_shown(small: Installation, new: list[int], http: Any) -> None:
    mcp = Mcp(small.services, http)
    assert mcp.found(Role.READER, "audience")["contacts"] == 6
    shown = mcp.found(Role.READER, "division", total=3)["division"]
    asked = {"shown": shown["shown"], "reason": "the fair", "total": 3}
    assert "needs a token with the role reviewer" in mcp.refused(Role.OPERATOR, "split_audience", **asked)
    mcp.refused(Role.REVIEWER, "split_audience", **{**asked, "total": 4})
    assert planned(small) == []
    made = mcp.found(Role.REVIEWER, "split_audience", **asked)
    assert planned(small) == [(made["plan"], "pending_review", "Reviewer", "the fair")]
    waiting = mcp.found(Role.READER, "plan", number=made["plan"])
    assert [one["places"] for one in waiting["batches"]] == [one["places"] for one in shown["batches"]]


def test_on_the_page_it_is_shown_first_and_asked_for_as_shown(small: Installation, new: list[int], http: Any) -> None:
    browser = Browser.signed_in(small.services, http)
    first = browser.see("/admin/audience")
    assert "The new audience has 6 contacts" in first.words
    look = browser.see("/admin/audience?look=true&total=5&start=")
    assert "1-2 (2 contacts) join List 1" in look.words
    assert browser.send("/admin/audience", {**look.fields, "note": "the fair in Lyon"}).status == 303
    ((plan_id, status, by, note),) = planned(small)
    assert (status, by, note) == ("pending_review", "Ada", "the fair in Lyon")
    made = browser.see(f"/admin/plans/{plan_id}")
    for words in ("new audience divided over the lists", "The lists go from 20 / 20 / 20", "3-4 List 2", "proposed"):
        assert words in made.words, words
    # The same form once more makes no second plan.
    again = browser.send("/admin/audience", {**look.fields, "note": "again"})
    assert again.status == 409
    assert f"plan {plan_id} divides an audience already" in again.words
    assert len(planned(small)) == 1
    reader = Browser.signed_in(small.services, http, Role.READER, "Rita")
    assert "Plan 1" in reader.see("/admin/audience").words
    refused = reader.send("/admin/audience", {"form_token": reader.see("/admin/audience").fields.get("form_token", "")})
    assert refused.status == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("total=0", 409),
        ("start=2001-01-01", 409),
        ("total=9999999999", 409),
        ("start=2026-13-99", 409),
        ("total=x", 404),
    ],
)
def test_on_the_page_what_makes_no_sense_is_said(
    small: Installation, new: list[int], http: Any, query: str, status: int
) -> None:
    browser = Browser.signed_in(small.services, http)
    assert browser.see(f"/admin/audience?look=true&{query}", status=status)


def test_the_calendar_names_the_ranges_at_the_round_that_mails_them_first(small: Installation, new: list[int]) -> None:
    at = small.clock.now() + timedelta(days=4)
    schedule(small, at)
    one = plan(small)
    before = [entry.words for entry in calendar(small.services).entries if entry.title.startswith("Round 1")]
    assert not any("new audience" in words for words in before)
    let_through(small, one)
    (round_one,) = [
        entry
        for entry in calendar(small.services).entries
        if entry.kind.value == "round" and entry.at > small.clock.now()
    ]
    assert f"First mail to a new audience: 1-2 of plan {one.plan_id}." in round_one.words
    assert on_lists(small, new[0])
