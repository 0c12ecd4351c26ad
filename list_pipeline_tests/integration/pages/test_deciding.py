"""Decisions on a page: by the person who signed in, on exactly the plan that was shown, once, and told in words."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import pytest

from list_pipeline.core.plans.plan import CHANGING_ACTIONS, PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Role
from list_pipeline.core.verdict_imports.files import read_file
from list_pipeline.operations.reviews.operating_mode import choose_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.verdict_imports.importing import suppress_listed
from list_pipeline.storage.database import execute
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.pages.visiting import Browser


@dataclass
class Desk:
    """A service with a plan that waits, and people at its pages."""

    small: Installation
    services: Services
    http: httpx.Client

    def person(self, role: Role = Role.REVIEWER, name: str = "Ada") -> Browser:
        return Browser.signed_in(self.services, self.http, role, name)

    @property
    def plan(self) -> StoredPlan:
        return self.small.plan(PlanKind.SUPPRESSION)

    @property
    def path(self) -> str:
        return f"/admin/plans/{self.plan.plan_id}"


@pytest.fixture
def desk(small: Installation) -> Iterator[Desk]:
    services = small.another(list_management_mode="approval_required")
    small.maintain(services)
    with served(services) as http:
        yield Desk(small, services, http)


def test_a_plan_is_seen_in_one_look_approved_with_a_reason_and_carried_out_once(desk: Desk) -> None:
    ada = desk.person()
    waits = ada.see("/admin/waiting")
    assert desk.path in waits.links
    assert "Every plan that changes something waits for a person." in waits.words
    look = ada.see(desk.path)
    ((changes,),) = desk.small.query(
        "select count(*) from plan_item where plan_id = :id and action = any(:changing) and not is_held",
        id=desk.plan.plan_id, changing=sorted(CHANGING_ACTIONS),
    )  # fmt: skip
    assert f"Changes {changes} contacts" in look.words
    assert f"Approve: change {changes} contacts" in look.words
    assert look.answer.text.count("***@") == len(
        desk.small.query("select * from plan_item where plan_id = :id", id=desk.plan.plan_id)
    )

    done = ada.decide(desk.path, "approve", note="looked at all of them, jane.doe@example.com too")
    assert (done.status, done.answer.headers["location"]) == (303, f"{desk.path}?told=approve")
    assert "You approved this plan" in ada.see(done.answer.headers["location"]).words
    assert "Nothing waits" in ada.see("/admin/waiting").words
    assert (desk.plan.status, desk.plan.decided_by) == (PlanStatus.APPROVED, "Ada")

    again = ada.send(desk.path, {**look.fields, "decision": "approve"})
    assert (again.status, "it is approved" in again.words) == (409, True)
    desk.small.maintain(desk.services)
    assert "carried out" in (decided := ada.see(desk.path).words)
    assert "“looked at all of them, [address] too”" in decided
    suppressed = desk.small.query("select count(*) from contact_suppression_history")
    desk.small.maintain(desk.services)
    assert desk.small.query("select count(*) from contact_suppression_history") == suppressed == [(changes,)]

    told = ada.see("/admin/audit?by=ada").words
    assert "plan approved" in told
    assert "looked at all of them" in told
    assert "jane.doe" not in told


def test_what_is_approved_while_everything_is_stopped_is_said_to_wait_for_that(desk: Desk) -> None:
    ada = desk.person()
    choose_mode(desk.services, Mode.READ_ONLY, by="Grace")
    done = ada.decide(desk.path, "approve")
    shown = ada.see(done.answer.headers["location"]).words
    assert "It is carried out once lists may be changed again: the mode is read_only." in shown
    assert "within a minute" not in shown


def test_a_plan_without_a_campaign_says_who_asked_for_it_and_leads_to_no_campaign(desk: Desk) -> None:
    ada, person = desk.person(), min(desk.small.account.ids(3))
    asked = suppress_listed(desk.services, read_file(f"id\n{person}"), by="Linus", note="by phone", progress=quietly)
    waits, plan = ada.see("/admin/waiting"), ada.see(f"/admin/plans/{asked.plan_id}")
    assert "asked for by Linus: “by phone”" in waits.words
    assert not [link for link in (*waits.links, *plan.links) if link.startswith("/admin/campaigns/plan")]


def test_of_two_at_once_one_wins_and_the_other_is_told_what_became_of_it(desk: Desk) -> None:
    people = [desk.person(name="Ada"), desk.person(name="Linus")]
    shown = [(one, one.see(desk.path).fields) for one in people]
    with ThreadPoolExecutor(2) as two:
        answers = list(two.map(lambda each: each[0].send(desk.path, {**each[1], "decision": "reject"}), shown))
    assert sorted(one.status for one in answers) == [303, 409]
    (lost,) = (one for one in answers if one.status == 409)
    assert f"Decided by {desk.plan.decided_by}" in lost.words
    assert "Nothing was done" not in lost.words


def test_a_plan_that_is_another_one_by_now_is_shown_anew_and_not_approved(desk: Desk) -> None:
    ada = desk.person()
    stale = ada.decide(desk.path, "approve", note="all well", content_hash="0" * 64)
    assert stale.status == 409
    assert "This plan changed while you looked" in stale.words
    assert stale.fields["content_hash"] == desk.plan.content_hash
    assert ">all well</textarea>" in stale.answer.text
    for way, shown in (("approve", ""), ("reject", ""), ("expire", "0" * 8), ("delete", desk.plan.content_hash)):
        assert ada.decide(desk.path, way, content_hash=shown).status == 409
    assert desk.plan.status is PlanStatus.PENDING_REVIEW


def test_somebody_who_knows_a_customer_leaves_them_out_and_the_rest_waits_as_a_plan_of_its_own(desk: Desk) -> None:
    ada, before = desk.person(), desk.plan
    path, (first, second) = desk.path, sorted(desk.small.account.ids(*HARD))[:2]
    assert ada.decide(path, "edit", note="customers").status == 409
    left = ada.decide(path, "edit", note="customers of ours", **{f"without.{first}": "on", "without.x": "on"})
    assert (left.status, left.answer.headers["location"]) == (303, f"{desk.path}?told=edit")
    assert desk.plan.plan_id != before.plan_id
    shown = ada.see(left.answer.headers["location"])
    assert "This is what your edit left" in shown.words
    assert f"/admin/contacts/{second}" in shown.links
    assert f"/admin/contacts/{first}" not in shown.links
    assert "A newer plan stands in its place" in ada.see(path).words
    again = ada.decide(path, "edit", note="customers", **{f"without.{second}": "on"})
    assert (again.status, "it is superseded" in again.words) == (409, True)
    for wrong in ({"without.999": "on"}, {f"without.{'9' * 30}": "on"}):
        assert ada.decide(desk.path, "edit", note="customers", **wrong).status == 409
    assert ada.decide(desk.path, "edit", note="", **{f"without.{second}": "on"}).status == 409
    looking = desk.person(Role.READER, name="Linus")
    assert "checkbox" not in looking.see(desk.path).answer.text


def test_only_whoever_may_decide_gets_the_buttons_and_decides(desk: Desk) -> None:
    for role in (Role.READER, Role.OPERATOR):
        looking = desk.person(role, name=role.value.title())
        shown = looking.see(desk.path)
        assert "may look, not decide" in shown.words
        assert "textarea" not in shown.tags
        token = looking.see("/admin/contacts").fields["form_token"]
        for way in ("approve", "reject", "expire"):
            fields = {"form_token": token, "content_hash": desk.plan.content_hash, "decision": way}
            refused = looking.send(desk.path, fields)
            assert (refused.status, f"has the role {role.value}" in refused.words) == (403, True)
    with served(desk.small.another(list_reviewers="grace")) as http:
        ada = Browser.signed_in(desk.services, http, name="Ada")
        refused = ada.decide(desk.path, "approve")
        assert (refused.status, "LIST_REVIEWERS names other people" in refused.words) == (403, True)
    assert desk.plan.status is PlanStatus.PENDING_REVIEW


def test_a_plan_is_turned_down_or_left_to_lapse_with_words(desk: Desk) -> None:
    ada = desk.person()
    done = ada.decide(desk.path, "expire", note="too early")
    assert "You let this plan lapse" in ada.see(done.answer.headers["location"]).words
    assert (desk.plan.status, desk.plan.decided_by) == (PlanStatus.EXPIRED, "Ada")
    assert "You approved" not in ada.see(f"{desk.path}?told=approve").words
    ada.see(f"{desk.path}?told=<b>", 404)


def test_single_questions_and_news_are_answered_one_by_one(desk: Desk) -> None:
    plan, ada = desk.plan, desk.person()
    first, second = sorted(desk.small.account.ids(*HARD))[:2]
    with desk.services.database.begin() as connection:
        for contact_id in (first, second):
            plan_rows.add_review_item(
                connection, campaign_id=plan.campaign_id, plan_id=plan.plan_id, kind=ReviewKind.PLAN,
                contact_id=contact_id, summary=f"Contact {contact_id} waits", details={}, now=desk.services.clock.now(),
            )  # fmt: skip
        plan_rows.add_finding(connection, "Something is odd", desk.services.clock.now())
    asked = desk.small.query("select review_id from review_item where contact_id is not null order by review_id")
    numbers = [number for (number,) in asked]
    ((news,),) = desk.small.query("select review_id from review_item where kind = 'finding'")
    listed = ada.see("/admin/waiting")
    assert {f"/admin/questions/{number}" for number in (*numbers, news)} <= set(listed.links)

    early = ada.decide(f"/admin/questions/{numbers[0]}", "approve")
    assert (early.status, "its plan" in early.words) == (409, True)
    with desk.services.database.begin() as connection:
        now = desk.services.clock.now()
        plan_rows.decide(connection, plan.plan_id, plan.status, PlanStatus.APPROVED, "Grace", now)
    done = ada.decide(f"/admin/questions/{numbers[0]}", "approve", note="by phone")
    assert "You approved it" in ada.see(done.answer.headers["location"]).words
    assert ada.decide(f"/admin/questions/{numbers[0]}", "reject").status == 409
    assert ada.decide(f"/admin/questions/{numbers[1]}", "reject").status == 303
    answered = "select status, decided_by, note from review_item where contact_id is not null order by review_id"
    assert desk.small.query(answered) == [("approved", "Ada", "by phone"), ("rejected", "Ada", None)]

    assert ada.decide(f"/admin/questions/{news}", "close", note="...").status == 409
    assert ada.decide(f"/admin/questions/{news}", "close", note="talked to the agency").status == 303
    assert f"/admin/questions/{news}" not in ada.see("/admin/waiting").links


def test_a_newer_revision_is_named_on_the_page_of_the_older_one(desk: Desk) -> None:
    plan = desk.plan
    with desk.services.database.begin() as connection:
        execute(
            connection,
            """insert into plan (campaign_id, kind, sweep, revision, content_hash, policy_version, status, summary, created_at)
               select campaign_id, kind, sweep, revision + 1, repeat('a', 64), policy_version, 'planned', summary, created_at
               from plan where plan_id = :id""",
            id=plan.plan_id,
        )
    shown = desk.person().see(f"/admin/plans/{plan.plan_id}")
    assert "A newer plan stands in its place" in shown.words
    assert f"/admin/plans/{desk.plan.plan_id}" in shown.links
