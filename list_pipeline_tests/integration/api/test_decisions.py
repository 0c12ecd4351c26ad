"""Decisions over HTTP: by the person of the token, on exactly the plan that was shown, and once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import text

from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.tokens import Role
from list_pipeline.storage.plans.plan_rows import GATE
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import WORD, Api, served


@pytest.fixture
def api(small: Installation) -> Iterator[Api]:
    services = small.another(event_webhook_password=WORD)
    small.maintain(small.another(list_management_mode="approval_required"))
    with served(services) as http:
        yield Api(services, http)


def test_what_waits_is_listed_shown_page_by_page_and_masked_and_approved_as_shown(
    small: Installation, api: Api
) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    listed = api.ask(Role.READER, "GET", "/api/reviews").json()["reviews"]
    assert (waiting.plan_id, waiting.content_hash) in {(one["planId"], one["contentHash"]) for one in listed}
    path, seen, after = f"/api/plans/{waiting.plan_id}", list[int](), 0
    while after is not None:
        page = api.ask(Role.READER, "GET", f"{path}?after={after}&limit=2").json()
        assert len(page["items"]) <= 2
        assert all("***" in one["contact"] or one["contact"] == "erased" for one in page["items"])
        seen += [one["contactId"] for one in page["items"]]
        after = page["nextAfter"]
    assert seen == [one for (one,) in small.query(
        "select contact_id from plan_item where plan_id = :id order by contact_id", id=waiting.plan_id
    )]  # fmt: skip
    assert len(seen) == page["itemsInAll"] > 2

    stale = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": "0" * 64})
    assert (stale.status_code, stale.json()["contentHash"]) == (409, waiting.content_hash)
    assert (
        api.ask(Role.OPERATOR, "POST", f"{path}/approve", json={"contentHash": waiting.content_hash}).status_code == 403
    )
    done = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": waiting.content_hash})
    assert done.json() == {
        "planId": waiting.plan_id, "status": "approved", "decidedBy": "Reviewer", "approvedBy": ["Reviewer"],
        "approvalsNeeded": 1,
    }  # fmt: skip
    assert small.query("select decided_via from plan where plan_id = :id", id=waiting.plan_id) == [("http",)]
    late = api.ask(Role.ADMINISTRATOR, "POST", f"{path}/reject", json={"note": "no"})
    assert (late.status_code, late.json()["decidedBy"]) == (409, "Reviewer")


def test_of_two_at_once_one_wins_and_the_other_is_told_who(small: Installation, api: Api) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    path = f"/api/plans/{waiting.plan_id}"
    with ThreadPoolExecutor(2) as two:
        first = two.submit(api.ask, Role.REVIEWER, "POST", f"{path}/reject", json={})
        second = two.submit(
            api.ask, Role.ADMINISTRATOR, "POST", f"{path}/approve", json={"contentHash": waiting.content_hash}
        )
        answers = [first.result(), second.result()]
    assert sorted(one.status_code for one in answers) == [200, 409]
    won, lost = sorted((one.status_code, one.json()) for one in answers)
    assert won[1]["decidedBy"] == lost[1]["decidedBy"] == small.plan(PlanKind.SUPPRESSION).decided_by


def test_over_the_cap_two_tokens_of_two_people_are_needed(small: Installation, api: Api) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    path, body = f"/api/plans/{waiting.plan_id}", {"contentHash": waiting.content_hash}
    assert waiting.gate is not None
    over = [replace(check, passed=check.name != "cap") for check in waiting.gate.checks]
    with small.services.database.begin() as connection:
        gate = GATE.text(replace(waiting.gate, checks=tuple(over)))
        connection.execute(
            text("update plan set gate = cast(:gate as jsonb) where plan_id = :id"),
            {"gate": gate, "id": waiting.plan_id},
        )
    with served(small.another(event_webhook_password=WORD, list_approvals_over_cap=2)) as http:
        api.http = http
        first = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json=body)
        assert (first.status_code, first.json()["status"]) == (200, "pending_review")
        assert (first.json()["approvedBy"], first.json()["approvalsNeeded"]) == (["Reviewer"], 2)
        assert api.ask(Role.REVIEWER, "POST", f"{path}/approve", json=body).status_code == 409
        shown = api.ask(Role.READER, "GET", path).json()
        assert (shown["approvedBy"], shown["approvalsNeeded"], shown["decidedBy"]) == (["Reviewer"], 2, None)
        second = api.ask(Role.ADMINISTRATOR, "POST", f"{path}/approve", json=body)
    assert (second.json()["status"], second.json()["decidedBy"]) == ("approved", "Administrator")


def test_a_person_taken_out_of_the_reviewers_decides_nothing_with_the_token_left(small: Installation, api: Api) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    with served(small.another(event_webhook_password=WORD, list_reviewers="grace")) as http:
        api.http = http
        answer = api.ask(Role.REVIEWER, "POST", f"/api/plans/{waiting.plan_id}/reject", json={})
    assert answer.status_code == 403
    assert small.plan(PlanKind.SUPPRESSION).decided_by is None


def test_the_mode_is_read_by_all_and_set_by_administrators_under_their_name(small: Installation, api: Api) -> None:
    before = api.ask(Role.READER, "GET", "/api/mode").json()["mode"]
    assert api.ask(Role.REVIEWER, "POST", "/api/mode", json={"mode": "read_only"}).status_code == 403
    assert api.ask(Role.ADMINISTRATOR, "POST", "/api/mode", json={"mode": "off"}).status_code == 422
    assert api.ask(Role.READER, "GET", "/api/mode").json()["mode"] == before
    asked = {"mode": "read_only", "note": "an odd campaign"}
    assert api.ask(Role.ADMINISTRATOR, "POST", "/api/mode", json=asked).status_code == 200
    changed = small.query("select mode, changed_by, note from mode_change order by changed_at desc limit 1")
    assert changed == [("read_only", "Administrator", "an odd campaign")]


def test_what_is_not_there_is_not_found(api: Api) -> None:
    assert api.ask(Role.READER, "GET", "/api/plans/999").status_code == 404
    assert api.ask(Role.REVIEWER, "POST", "/api/plans/999/reject", json={}).status_code == 404
    assert api.ask(Role.READER, "GET", "/api/plans/1?limit=201").status_code == 422
