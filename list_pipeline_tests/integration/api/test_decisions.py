"""Decisions over HTTP: by the person of the token, on exactly the plan that was shown, and once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.tokens import Role
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import HARD, Installation
from list_pipeline_tests.integration.api.serving import WORD, Api, put_over_the_cap, served


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
    put_over_the_cap(small, waiting)
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


def test_every_operator_may_stop_changes_and_only_an_administrator_loosens(small: Installation) -> None:
    with served(small.another(list_management_mode="graduated")) as http:
        api = Api(small.services, http)
        for role in (Role.READER, Role.OPERATOR, Role.REVIEWER):
            for mode in ("approval_required", "auto", "graduated"):
                assert api.ask(role, "POST", "/api/mode", json={"mode": mode}).status_code == 403
        assert api.ask(Role.READER, "POST", "/api/mode", json={"mode": "read_only"}).status_code == 403
        assert api.ask(Role.ADMINISTRATOR, "POST", "/api/mode", json={"mode": "off"}).status_code == 422
        assert small.query("select * from mode_change") == []
        asked = {"mode": "read_only", "note": "an odd campaign"}
        now = api.ask(Role.OPERATOR, "POST", "/api/mode", json=asked)
        assert (now.status_code, now.json()["mode"]) == (200, "read_only")
        assert api.ask(Role.READER, "GET", "/api/mode").json() == now.json()
        assert api.ask(Role.ADMINISTRATOR, "POST", "/api/mode", json={"mode": "auto"}).json()["mode"] == "auto"
    changed = small.query("select mode, changed_by, note from mode_change order by mode_change_id")
    assert changed == [("read_only", "Operator", "an odd campaign"), ("auto", "Administrator", None)]


def test_a_rejection_of_another_plan_than_the_one_shown_is_refused_and_one_without_a_hash_is_not(
    small: Installation, api: Api
) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    path = f"/api/plans/{waiting.plan_id}"
    for way in ("reject", "expire"):
        stale = api.ask(Role.REVIEWER, "POST", f"{path}/{way}", json={"contentHash": "0" * 8})
        assert (stale.status_code, stale.json()["contentHash"]) == (409, waiting.content_hash)
    done = api.ask(Role.REVIEWER, "POST", f"{path}/expire", json={"contentHash": waiting.content_hash[:8]})
    assert done.json()["status"] == "expired"
    assert small.plan(PlanKind.SUPPRESSION).decided_by == "Reviewer"


def test_single_questions_are_answered_one_by_one_and_once(small: Installation, api: Api) -> None:
    plan = small.plan(PlanKind.SUPPRESSION)
    first, second = sorted(small.account.ids(*HARD))[:2]
    with small.services.database.begin() as connection:
        plan_rows.decide(connection, plan.plan_id, plan.status, PlanStatus.APPROVED, "Grace", small.clock.now())
        for contact_id in (first, second):
            plan_rows.add_review_item(
                connection, campaign_id=plan.campaign_id, plan_id=plan.plan_id, kind=ReviewKind.PLAN,
                contact_id=contact_id, summary=f"Contact {contact_id} waits", details={}, now=small.clock.now(),
            )  # fmt: skip
    listed = api.ask(Role.READER, "GET", f"/api/reviews?kind=plan&plan={plan.plan_id}").json()["reviews"]
    numbers = {one["contactId"]: one["reviewId"] for one in listed if one["contactId"]}
    assert set(numbers) == {first, second}
    shown = api.ask(Role.READER, "GET", f"/api/reviews/{numbers[first]}").json()
    assert [(one["contactId"], "***" in one["contact"]) for one in shown["contacts"]] == [(first, True)]
    path = f"/api/reviews/{numbers[first]}"
    good = {"contentHash": plan.content_hash}
    assert api.ask(Role.OPERATOR, "POST", f"{path}/approve", json=good).status_code == 403
    assert api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": "0" * 8}).status_code == 409
    assert api.ask(Role.REVIEWER, "POST", f"{path}/reject", json={"contentHash": "0" * 8}).status_code == 409
    done = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json=good).json()
    assert (done["status"], done["decidedBy"]) == ("approved", "Reviewer")
    assert "recipients" in done["words"]
    assert api.ask(Role.REVIEWER, "POST", f"{path}/reject", json={}).status_code == 409
    note = {"note": "they are customers"}
    assert api.ask(Role.REVIEWER, "POST", f"/api/reviews/{numbers[second]}/reject", json=note).status_code == 200
    assert small.query(
        "select status, decided_by, note from review_item where review_id = :id", id=numbers[second]
    ) == [("rejected", "Reviewer", "they are customers")]
    assert api.ask(Role.REVIEWER, "POST", f"{path}/close", json={"note": "seen"}).status_code == 409


def test_a_plan_is_edited_and_what_is_left_approved_by_its_own_hash(small: Installation, api: Api) -> None:
    plan, out = small.plan(PlanKind.SUPPRESSION), small.account.people[HARD[0]]
    path = f"/api/plans/{plan.plan_id}"
    asked = {"contentHash": plan.content_hash, "without": [out], "reason": "a customer"}
    assert api.ask(Role.OPERATOR, "POST", f"{path}/edit", json=asked).status_code == 403
    assert api.ask(Role.REVIEWER, "POST", f"{path}/edit", json={**asked, "reason": ""}).status_code == 422
    stale = api.ask(Role.REVIEWER, "POST", f"{path}/edit", json={**asked, "contentHash": "0" * 8})
    assert (stale.status_code, stale.json()["contentHash"]) == (409, plan.content_hash)
    done = api.ask(Role.REVIEWER, "POST", f"{path}/edit", json=asked)
    assert done.status_code == 200
    made = done.json()
    assert (made["editedPlanId"], made["without"], made["revision"]) == (plan.plan_id, [out], 2)
    old = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": plan.content_hash})
    assert (old.status_code, old.json()["planStatus"]) == (409, "superseded")
    path = f"/api/plans/{made['planId']}"
    shown = api.ask(Role.READER, "GET", path).json()
    assert out not in [one["contactId"] for one in shown["items"]]
    assert [one["name"] for one in shown["checks"] if not one["passed"]] == ["edited"]
    old = api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": plan.content_hash})
    assert old.status_code == 409
    again = {"contentHash": made["contentHash"], "keep": [small.account.people[HARD[1]]], "reason": "only one"}
    both = api.ask(Role.REVIEWER, "POST", f"{path}/edit", json={**again, "approve": True}).json()
    assert (both["status"], both["revision"], both["changes"]) == ("approved", 3, 1)
    told = api.ask(Role.READER, "GET", f"/api/audit?campaign={small.key}").json()["entries"]
    assert [one["what"] for one in told if one["source"] == "plan_decision"] == [
        "plan_approved",
        "plan_edited",
        "plan_edited",
    ]


def test_a_finding_is_closed_with_a_reason(small: Installation, api: Api) -> None:
    with small.services.database.begin() as connection:
        plan_rows.add_finding(connection, "Something is odd", small.clock.now())
    ((number,),) = small.query("select review_id from review_item where kind = 'finding'")
    path = f"/api/reviews/{number}"
    assert api.ask(Role.REVIEWER, "POST", f"{path}/close", json={"note": ""}).status_code == 422
    assert api.ask(Role.REVIEWER, "POST", f"{path}/close", json={"note": "..."}).status_code == 409
    assert api.ask(Role.REVIEWER, "POST", f"{path}/approve", json={"contentHash": "0" * 8}).status_code == 409
    done = api.ask(Role.REVIEWER, "POST", f"{path}/close", json={"note": "talked to the agency"})
    assert (done.json()["status"], done.json()["decidedBy"]) == ("resolved", "Reviewer")


def test_what_is_not_there_is_not_found(api: Api) -> None:
    assert api.ask(Role.READER, "GET", "/api/plans/999").status_code == 404
    assert api.ask(Role.REVIEWER, "POST", "/api/plans/999/reject", json={}).status_code == 404
    assert api.ask(Role.READER, "GET", "/api/plans/1?limit=201").status_code == 422
