"""What a model can decide: as the person of the token, on exactly the plan that was shown, once, and not above its role."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.tokens import Role
from list_pipeline.mcp.results import CLOSING, OPENING
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import HARD, Installation
from list_pipeline_tests.integration.api.serving import put_over_the_cap, served
from list_pipeline_tests.integration.mcp.clients import Mcp
from list_pipeline_tests.integration.pages.visiting import Browser

REVIEWER = f"{OPENING}Reviewer{CLOSING}"


@pytest.fixture
def mcp(small: Installation) -> Iterator[Mcp]:
    small.maintain(small.another(list_management_mode="approval_required"))
    with served(small.services) as http:
        yield Mcp(small.services, http)


def decided(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select plan_id, status, decided_by, note from plan where decided_at is not null")


def test_a_plan_is_approved_as_it_was_shown_done_once_and_recorded_under_the_name_of_the_token(
    small: Installation, mcp: Mcp
) -> None:
    (waiting,) = mcp.found(Role.READER, "whats_waiting")["plans"]
    shown = mcp.found(Role.READER, "plan", number=waiting["number"])
    asked = {"number": shown["number"], "contentHash": shown["contentHash"]}
    for role in (Role.READER, Role.OPERATOR):
        assert "needs a token with the role reviewer" in mcp.refused(role, "approve_plan", **asked)
    assert "contentHash" in mcp.refused(Role.REVIEWER, "approve_plan", number=shown["number"])
    for wrong in ("0" * 64, shown["contentHash"][:7], "", shown["contentHash"].upper() + "x", "%"):
        mcp.refused(Role.REVIEWER, "approve_plan", number=shown["number"], contentHash=wrong)
    assert decided(small) == []

    done = mcp.found(Role.REVIEWER, "approve_plan", **asked, note="looked at all, said jane.doe@example.com")
    assert done == {
        "number": shown["number"],
        "status": "approved",
        "decidedBy": REVIEWER,
        "approvals": f"{OPENING}{CLOSING}",
    }
    again = mcp.refused(Role.ADMINISTRATOR, "approve_plan", **asked)
    assert "the plan is approved by Reviewer now" in again
    assert decided(small) == [(shown["number"], "approved", "Reviewer", None)]
    (entry,) = mcp.found(Role.READER, "audit", campaign=small.key)["entries"]
    assert (entry["what"], entry["by"], entry["number"]) == ("plan_approved", REVIEWER, shown["number"])
    assert mcp.found(Role.READER, "audit", by=entry["by"])["entries"] == [entry]

    small.maintain()
    small.assert_suppressed({one["contactId"] for one in shown["items"] if one["action"] == "suppress"})
    assert small.plan(PlanKind.SUPPRESSION).status is PlanStatus.EXECUTED
    small.control.reset_requests()
    small.maintain()
    assert small.changing_requests() == {}
    assert "the plan is executed by Reviewer now" in mcp.refused(Role.REVIEWER, "approve_plan", **asked)


def test_a_plan_is_rejected_with_a_reason_and_as_it_was_shown(small: Installation, mcp: Mcp) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    asked: dict[str, Any] = {"number": waiting.plan_id, "contentHash": waiting.content_hash[:12]}
    mcp.refused(Role.REVIEWER, "reject_plan", **asked)
    mcp.refused(Role.REVIEWER, "reject_plan", **asked, reason="")
    mcp.refused(Role.REVIEWER, "reject_plan", **{**asked, "contentHash": "0" * 8}, reason="a test")
    assert "Next" in mcp.refused(Role.OPERATOR, "reject_plan", **asked, reason="a test")
    assert mcp.found(Role.REVIEWER, "reject_plan", **asked, reason="a test")["status"] == "rejected"
    assert decided(small) == [(waiting.plan_id, "rejected", "Reviewer", None)]
    mcp.refused(Role.REVIEWER, "reject_plan", number=999, contentHash="0" * 8, reason="a test")


def test_contacts_are_left_out_of_a_plan_which_waits_again_under_a_hash_of_its_own(
    small: Installation, mcp: Mcp
) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    person = small.account.people[HARD[0]]
    asked: dict[str, Any] = {"number": waiting.plan_id, "contentHash": waiting.content_hash, "without": [person]}
    mcp.refused(Role.REVIEWER, "edit_plan", **asked)
    mcp.refused(Role.OPERATOR, "edit_plan", **asked, reason="a customer")
    mcp.refused(Role.REVIEWER, "edit_plan", **{**asked, "contentHash": "0" * 8}, reason="a customer")
    mcp.refused(Role.REVIEWER, "edit_plan", **{**asked, "without": [999]}, reason="a customer")
    made = mcp.found(Role.REVIEWER, "edit_plan", **asked, reason="a customer")
    assert (made["edited"], made["without"], made["status"]) == (waiting.plan_id, [person], "pending_review")
    assert "superseded" in mcp.refused(
        Role.REVIEWER, "approve_plan", number=waiting.plan_id, contentHash=waiting.content_hash
    )
    mcp.refused(Role.REVIEWER, "approve_plan", number=made["number"], contentHash=waiting.content_hash)
    mcp.found(Role.REVIEWER, "approve_plan", number=made["number"], contentHash=made["contentHash"])
    small.maintain()
    assert ListRole.SUPPRESSION not in small.places(person)
    small.assert_suppressed(small.account.ids(*HARD[1:]))


def test_a_person_taken_out_of_the_reviewers_decides_nothing_with_the_token_left(small: Installation, mcp: Mcp) -> None:
    waiting = small.plan(PlanKind.SUPPRESSION)
    asked = {"number": waiting.plan_id, "contentHash": waiting.content_hash}
    with served(small.another(list_reviewers="grace")) as http:
        mcp.url = f"{http.base_url}".rstrip("/") + "/mcp"
        assert "LIST_REVIEWERS names other people" in mcp.refused(Role.REVIEWER, "approve_plan", **asked)
    assert decided(small) == []


def test_single_questions_are_answered_and_a_finding_is_closed_each_once(small: Installation, mcp: Mcp) -> None:
    plan = small.plan(PlanKind.SUPPRESSION)
    first, second = sorted(small.account.ids(*HARD))[:2]
    with small.services.database.begin() as connection:
        plan_rows.decide(connection, plan.plan_id, plan.status, PlanStatus.APPROVED, "Grace", small.clock.now())
        plan_rows.add_finding(connection, "Something is odd", small.clock.now())
        for contact_id in (first, second):
            plan_rows.add_review_item(
                connection, campaign_id=plan.campaign_id, plan_id=plan.plan_id, kind=ReviewKind.PLAN,
                contact_id=contact_id, summary=f"Contact {contact_id} waits", details={}, now=small.clock.now(),
            )  # fmt: skip
    listed = mcp.found(Role.READER, "questions")["questions"]
    ((finding,),) = small.query("select review_id from review_item where kind = 'finding'")
    numbers = [one["number"] for one in listed if one["contacts"] == 1]
    shown = [mcp.found(Role.READER, "question", number=one) for one in numbers]
    assert {one["contacts"][0]["contactId"] for one in shown} == {first, second}
    assert {one["question"]["contentHash"] for one in shown} == {plan.content_hash}
    asked = {"contentHash": plan.content_hash}
    stale = {"contentHash": "0" * 8}
    mcp.refused(Role.OPERATOR, "approve_question", number=numbers[0], **asked)
    mcp.refused(Role.REVIEWER, "approve_question", number=numbers[0], **stale)
    mcp.refused(Role.REVIEWER, "reject_question", number=numbers[1], **stale, reason="no")
    done = mcp.found(Role.REVIEWER, "approve_question", number=numbers[0], **asked)
    assert (done["status"], done["decidedBy"]) == ("approved", REVIEWER)
    assert "recipients" in done["words"]
    mcp.refused(Role.REVIEWER, "approve_question", number=numbers[0], **asked)
    assert (
        mcp.found(Role.REVIEWER, "reject_question", number=numbers[1], **asked, reason="known")["status"] == "rejected"
    )
    mcp.refused(Role.OPERATOR, "close_finding", number=finding, reason="talked to the agency")
    mcp.refused(Role.REVIEWER, "close_finding", number=finding, reason="...")
    closed = mcp.found(Role.REVIEWER, "close_finding", number=finding, reason="talked to the agency")
    assert (closed["status"], closed["decidedBy"]) == ("resolved", REVIEWER)


def test_every_operator_may_stop_changes_and_only_an_administrator_loosens(small: Installation) -> None:
    with served(small.another(list_management_mode="graduated")) as http:
        mcp = Mcp(small.services, http)
        present = mcp.found(Role.READER, "mode")["mode"]
        asked = {"present": present, "reason": "an odd campaign"}
        mcp.refused(Role.READER, "set_mode", mode="read_only", **asked)
        for role in (Role.OPERATOR, Role.REVIEWER):
            assert "role administrator" in mcp.refused(role, "set_mode", mode="auto", **asked)
        mcp.refused(Role.ADMINISTRATOR, "set_mode", mode="off", **asked)
        assert small.query("select * from mode_change") == []
        stop = {"present": "auto", "reason": "an odd campaign"}
        assert mcp.found(Role.OPERATOR, "set_mode", mode="read_only", **stop)["mode"] == "read_only"
        assert "the mode is read_only by now" in mcp.refused(Role.ADMINISTRATOR, "set_mode", mode="auto", **stop)
        found = mcp.found(Role.ADMINISTRATOR, "set_mode", mode="auto", present="read_only", reason="over")
        assert found["mode"] == "auto"
    assert small.query("select mode, changed_by, note from mode_change order by mode_change_id") == [
        ("read_only", "Operator", "an odd campaign"),
        ("auto", "Administrator", "over"),
    ]


def test_work_is_asked_for_once_by_an_operator(small: Installation) -> None:
    with served(small.services) as http:
        mcp = Mcp(small.services, http)
        mcp.refused(Role.READER, "trigger_maintenance", campaign=small.key)
        mcp.refused(Role.OPERATOR, "trigger_maintenance", campaign="2020-01-01-r1-7")
        first = mcp.found(Role.OPERATOR, "trigger_maintenance", campaign=small.key, repeatKey="one")
        assert mcp.found(Role.OPERATOR, "trigger_maintenance", campaign=small.key, repeatKey="one") == first
        assert mcp.found(Role.OPERATOR, "trigger_maintenance", campaign=small.key) == first
        mcp.refused(Role.OPERATOR, "trigger_health_check", repeatKey="one")
        assert mcp.found(Role.OPERATOR, "trigger_health_check")["number"] == 1
    asked = small.query("select kind, requested_by from run_request order by request_id")
    assert asked == [("maintenance", "Operator"), ("health_check", "Operator")]


def test_over_the_cap_a_page_and_a_model_of_one_person_are_one_approval_and_another_person_completes_it(
    small: Installation,
) -> None:
    services = small.another(list_management_mode="approval_required", list_approvals_over_cap=2)
    small.maintain(services)
    waiting = small.plan(PlanKind.SUPPRESSION)
    put_over_the_cap(small, waiting)
    asked = {"number": waiting.plan_id, "contentHash": waiting.content_hash}
    with served(services) as http:
        mcp, path = Mcp(services, http), f"/admin/plans/{waiting.plan_id}"
        first = mcp.found(Role.REVIEWER, "approve_plan", **asked)
        assert (first["status"], first["decidedBy"]) == ("pending_review", None)
        assert "Approved by Reviewer; one person more has to approve." in first["approvals"]
        assert mcp.found(Role.READER, "plan", number=waiting.plan_id)["approvals"] == first["approvals"]
        same = Browser.signed_in(services, http, Role.REVIEWER, "reviewer")
        assert "Approved by Reviewer; one person more has to approve." in same.see(path).words
        assert same.decide(path, "approve").status == 409
        other = Browser.signed_in(services, http, Role.REVIEWER, "Grace")
        assert other.decide(path, "approve").status == 303
    assert (small.plan(PlanKind.SUPPRESSION).status, small.plan(PlanKind.SUPPRESSION).decided_by) == (
        PlanStatus.APPROVED,
        "Grace",
    )
