"""A person edits a waiting plan: what is left is judged and waits again, and who is left out stays where they are."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import ListPipelineError, NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.plan import CHANGING_ACTIONS, PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.core.verdict_imports.files import read_file
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.evidence_card.document import document_of
from list_pipeline.operations.maintenance.edits import Edited, edit_plan
from list_pipeline.operations.maintenance.workflow import maintain
from list_pipeline.operations.monitoring.decision_review import review_day
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews.decisions import approve, reject
from list_pipeline.operations.services import Services
from list_pipeline.operations.verdict_imports.importing import suppress_listed
from list_pipeline.storage.plans import edits, plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install

SUPPRESSION, REBALANCING = PlanKind.SUPPRESSION, PlanKind.REBALANCING


@pytest.fixture
def careful(small: Installation) -> Services:
    """Services in a mode in which every plan waits."""
    return small.another(list_management_mode="approval_required")


@pytest.fixture
def capped(install_small: Install) -> Iterator[Installation]:
    """In automatic mode, but for a cap that the hard bounces exceed: only the complaint runs by itself."""
    with ExitStack() as stack:
        yield stack.enter_context(install_small(suppression_cap_percent=5.0))


def edited(services: Services, plan: StoredPlan, **more: Any) -> Edited:
    return edit_plan(
        services, plan.plan_id, by="Ada", note="they are customers", content_hash=plan.content_hash, **more
    )


def ids(made: Installation, plan_id: int) -> set[int]:
    """Whom a plan would change."""
    with made.services.database.begin() as connection:
        return {item.contact_id for item in plan_rows.plan_items(connection, plan_id, CHANGING_ACTIONS)}


def questions(made: Installation, plan_id: int) -> list[tuple[Any, ...]]:
    return made.query(
        "select kind, contact_id, status, decided_by, note from review_item where plan_id = :id order by review_id",
        id=plan_id,
    )


def test_who_is_left_out_stays_and_the_others_follow_the_approval_of_what_is_left(
    small: Installation, careful: Services
) -> None:
    small.maintain(careful)
    plan = small.plan(SUPPRESSION)
    out = small.account.people[HARD[0]]
    done = edited(careful, plan, without=[out])
    made = small.plan(SUPPRESSION)
    assert (done.plan, done.edited_plan_id, done.taken_out) == (made, plan.plan_id, (out,))
    assert (made.status, made.revision, made.decided_by) == (PlanStatus.PENDING_REVIEW, 2, None)
    assert made.content_hash != plan.content_hash
    assert ids(small, made.plan_id) == ids(small, plan.plan_id) - {out}
    assert done.changes == len(ids(small, made.plan_id))
    assert made.gate is not None
    assert made.gate.outcome is GateOutcome.NEEDS_REVIEW
    assert set(made.gate.waiting) == ids(small, made.plan_id)
    assert [check.name for check in made.gate.checks if not check.passed] == ["mode", "edited"]
    assert made.suppression_summary.suppress.hard_bounces == 2
    with careful.database.begin() as connection:
        kept = edits.edit_of(connection, made.plan_id)
        assert kept is not None
        assert edits.edit_of(connection, plan.plan_id) is None
    assert (kept.edited_plan_id, kept.edited_by, kept.reason) == (plan.plan_id, "Ada", "they are customers")
    assert kept.contact_ids == (out,)
    assert questions(small, plan.plan_id) == [
        ("plan", None, "resolved", "Ada", f"edited: asked anew with plan {made.plan_id}"),
        ("plan", out, "rejected", "Ada", "they are customers"),
    ]
    assert [row[:3] for row in questions(small, made.plan_id)] == [("plan", None, "open")]
    assert small.query("select status, decided_by from plan where plan_id = :id", id=plan.plan_id) == [
        ("superseded", "Ada")
    ]
    ((kept_in_ledger,),) = small.query("select suppression_plan ->> 'plan_id' from list_maintenance_log")
    assert int(kept_in_ledger) == made.plan_id

    approve(careful, made.plan_id, by="Grace", content_hash=made.content_hash)
    maintain(careful, small.key, progress=quietly)
    small.assert_suppressed(small.account.ids(*HARD[1:], COMPLAINED))
    assert ListRole.SUPPRESSION not in small.places(out)
    # A later look at the campaign leaves them alone too.
    small.clock.advance(timedelta(hours=48))
    maintain(small.services, small.key, sweep=Sweep.H72, progress=quietly)
    assert ListRole.SUPPRESSION not in small.places(out)


def test_to_keep_some_leaves_all_others_out_and_one_call_approves(small: Installation, careful: Services) -> None:
    small.maintain(careful)
    plan, only = small.plan(SUPPRESSION), small.account.people[HARD[1]]
    done = edited(careful, plan, keep=[only], approved=True)
    assert (done.plan.status, done.plan.decided_by) == (PlanStatus.APPROVED, "Ada")
    assert ids(small, done.plan.plan_id) == {only}
    assert set(done.taken_out) == ids(small, plan.plan_id) - {only}
    maintain(careful, small.key, progress=quietly)
    small.assert_suppressed({only})
    assert not small.account.ids(HARD[0], HARD[2], COMPLAINED) & small.members(ListRole.SUPPRESSION)


def test_what_came_of_an_edit_can_be_edited_and_rejected(small: Installation, careful: Services) -> None:
    small.maintain(careful)
    first, second = (small.account.people[number] for number in HARD[:2])
    one = edited(careful, small.plan(SUPPRESSION), without=[first])
    two = edited(careful, one.plan, without=[second])
    assert two.plan.revision == 3
    reject(careful, two.plan.plan_id, by="Grace", content_hash=two.plan.content_hash)
    maintain(careful, small.key, progress=quietly)
    assert not small.account.ids(*HARD, COMPLAINED) & small.members(ListRole.SUPPRESSION)


def test_what_is_no_edit_is_refused_and_changes_nothing(small: Installation, careful: Services) -> None:
    small.maintain(careful)
    plan, person = small.plan(SUPPRESSION), small.account.people[HARD[0]]
    before = small.query("select plan_id, status from plan"), questions(small, plan.plan_id)
    for more in (
        {},
        {"without": [person], "keep": [person]},
        {"without": [999]},
        {"without": ids(small, plan.plan_id)},
    ):
        with pytest.raises(RefusedError):
            edited(careful, plan, **more)
    for way in ({"content_hash": "0" * 64}, {"note": "..."}, {"by": "ada@example.com"}):
        asked = {"by": "Ada", "note": "why", "content_hash": plan.content_hash, "without": [person], **way}
        with pytest.raises(RefusedError):
            edit_plan(careful, plan.plan_id, **asked)
    with pytest.raises(NotAReviewerError):
        edited(small.another(list_reviewers="grace"), plan, without=[person])
    with pytest.raises(NotFoundError):
        edit_plan(careful, 999, by="Ada", note="why", content_hash=plan.content_hash, without=[person])
    with pytest.raises(RefusedError, match="LIST_MANAGEMENT_ENABLED"):
        edited(small.another(list_management_enabled=False), plan, without=[person])
    assert (small.query("select plan_id, status from plan"), questions(small, plan.plan_id)) == before
    approve(careful, plan.plan_id, by="Grace", content_hash=plan.content_hash)
    with pytest.raises(RefusedError, match="it is approved"):
        edited(careful, plan, without=[person])


def test_of_two_who_edit_and_approve_at_once_one_wins(small: Installation, careful: Services) -> None:
    small.maintain(careful)
    plan, person = small.plan(SUPPRESSION), small.account.people[HARD[0]]

    def attempt(act: Any) -> Any:
        try:
            return act()
        except ListPipelineError as error:
            return error

    with ThreadPoolExecutor(3) as three:
        ways = [
            lambda: edited(careful, plan, without=[person]),
            lambda: edited(small.another(), plan, keep=[person]),
            lambda: approve(careful, plan.plan_id, by="Grace", content_hash=plan.content_hash),
        ]
        ends = list(three.map(attempt, ways))
    assert sum(not isinstance(one, ListPipelineError) for one in ends) == 1
    waiting = small.query("select count(*) from plan where status in ('pending_review', 'approved')")
    assert waiting == [(1,)]
    assert len(small.query("select * from plan_edit")) <= 1


def test_a_complaint_that_was_carried_out_goes_on_under_what_is_left_and_is_found_by_an_undo(
    capped: Installation,
) -> None:
    capped.maintain()
    plan = capped.plan(SUPPRESSION)
    out, complained = capped.account.people[HARD[0]], capped.account.people[COMPLAINED]
    assert plan.status is PlanStatus.PENDING_REVIEW
    capped.assert_suppressed({complained})
    with pytest.raises(RefusedError, match="carried out already"):
        edited(capped.services, plan, without=[complained])
    done = edited(capped.services, plan, keep=capped.account.ids(*HARD[1:]))
    assert done.taken_out == (out,)
    assert ids(capped, done.plan.plan_id) == capped.account.ids(*HARD[1:], COMPLAINED)
    assert capped.query("select distinct plan_id from change") == [(done.plan.plan_id,)]
    assert capped.query("select distinct plan_id from mailjet_job") == [(done.plan.plan_id,)]
    assert done.plan.gate is not None
    assert done.plan.gate.may_run == 1
    approve(capped.services, done.plan.plan_id, by="Grace", content_hash=done.plan.content_hash)
    maintain(capped.services, capped.key, progress=quietly)
    capped.assert_suppressed(capped.account.ids(*HARD[1:], COMPLAINED))
    assert ListRole.SUPPRESSION not in capped.places(out)
    undo_maintenance(capped.services, capped.key, by="Grace", despite_complaint=True, progress=quietly)
    assert not capped.account.ids(*HARD, COMPLAINED) & capped.members(ListRole.SUPPRESSION)


def test_nothing_of_an_edited_plan_is_carried_out_by_a_run_that_saw_it_before(
    small: Installation, careful: Services
) -> None:
    small.maintain(careful)
    done = edited(careful, small.plan(SUPPRESSION), without=[small.account.people[HARD[0]]])
    small.control.reset_requests()
    maintain(careful, small.key, progress=quietly)
    assert small.changing_requests() == {}
    assert small.plan(SUPPRESSION) == done.plan


def test_who_waits_for_an_incident_is_asked_about_anew_without_whom_was_left_out(
    small: Installation, careful: Services
) -> None:
    small.maintain(careful)
    plan = small.plan(SUPPRESSION)
    first, second = sorted(small.account.ids(*HARD[:2]))
    with careful.database.begin() as connection:
        for held, name in (([first, second], "two"), ([first], "one")):
            plan_rows.add_review_item(
                connection,
                campaign_id=plan.campaign_id,
                plan_id=plan.plan_id,
                kind=plan_rows.ReviewKind.INCIDENT,
                summary=f"An incident of {name}",
                details={"group": name, "kind": "domain", "contact_ids": held},
                now=small.clock.now(),
            )
    done = edited(careful, plan, without=[first])
    asked = small.query(
        "select summary, details -> 'contact_ids', details ->> 'group' from review_item "
        "where plan_id = :id and kind = 'incident'",
        id=done.plan.plan_id,
    )
    assert asked == [("An incident of two", [second], "two")]
    assert small.query(
        "select distinct status from review_item where plan_id = :id and kind = 'incident'", id=plan.plan_id
    ) == [(ReviewStatus.RESOLVED.value,)]


def test_a_rebalancing_stays_one_and_is_judged_by_its_gate_on_what_is_left(
    small: Installation, careful: Services
) -> None:
    small.maintain(careful)
    plan = small.plan(SUPPRESSION)
    approve(careful, plan.plan_id, by="Grace", content_hash=plan.content_hash)
    maintain(careful, small.key, progress=quietly)
    plan = small.plan(REBALANCING)
    assert plan.status is PlanStatus.PENDING_REVIEW
    everybody = sorted(ids(small, plan.plan_id))
    out = everybody[0]
    done = edited(careful, plan, without=[out])
    made, summary = small.plan(REBALANCING), small.plan(REBALANCING).rebalancing_summary
    assert made == done.plan
    assert made.gate is not None
    checks = {check.name: check.passed for check in made.gate.checks}
    assert (checks["sizes"], checks["never_moved"], checks["once"], checks["edited"]) == (True, True, True, False)
    assert summary.move_count + summary.enrolment_count == len(everybody) - 1
    assert sum(summary.target_sizes) - sum(summary.sizes) == summary.enrolment_count
    # Who was suppressed since may not be moved: then there is no edit of this plan.
    with careful.database.begin() as connection:
        plan_rows.execute(
            connection,
            "update contact_list_membership set is_unsubscribed = true where contact_id = :id",
            id=everybody[1],
        )
    with pytest.raises(RefusedError, match="its gate refuses"):
        edited(careful, made, without=[everybody[2]])
    with careful.database.begin() as connection:
        plan_rows.execute(
            connection,
            "update contact_list_membership set is_unsubscribed = false where contact_id = :id",
            id=everybody[1],
        )
    before = {role: small.members(role) for role in CAMPAIGN_LISTS}
    approve(careful, made.plan_id, by="Grace", content_hash=made.content_hash)
    maintain(careful, small.key, progress=quietly)
    assert {role for role in CAMPAIGN_LISTS if out in small.members(role)} == {
        role for role in CAMPAIGN_LISTS if out in before[role]
    }
    assert small.plan(REBALANCING).executed_at is not None
    sizes = tuple(len(small.members(role)) for role in CAMPAIGN_LISTS)
    assert sizes == summary.target_sizes


def test_an_import_that_waits_is_edited_like_a_plan_of_the_rules(small: Installation, careful: Services) -> None:
    people = sorted(small.account.ids(3, 5, 7))
    listed = read_file("id\n" + "\n".join(map(str, people)))
    found = suppress_listed(careful, listed, by="Ada", note="a list", progress=quietly)
    assert found.plan_id is not None
    done = edit_plan(
        careful,
        found.plan_id,
        by="Ada",
        note="a customer",
        content_hash=found.content_hash,
        without=people[:1],
        approved=True,
    )
    assert ids(small, done.plan.plan_id) == set(people[1:])
    assert done.plan.requested_by == "Ada"
    carry_out_correction(careful, done.plan.plan_id, quietly)
    small.assert_suppressed(set(people[1:]))
    assert ListRole.SUPPRESSION not in small.places(people[0])
    with pytest.raises(RefusedError, match="superseded"):
        carry_out_correction(careful, found.plan_id, quietly)


def test_what_asks_about_an_import_says_who_wants_it_and_leads_to_its_page_also_after_an_edit(
    install_small: Install,
) -> None:
    with install_small(list_management_mode="approval_required", app_url="https://app.example.com") as made:
        people = sorted(made.account.ids(3, 5))
        listed = read_file("id\n" + "\n".join(map(str, people)))
        found = suppress_listed(made.services, listed, by="Ada", note="asked by phone", progress=quietly)
        assert found.plan_id is not None
        done = edit_plan(
            made.services,
            found.plan_id,
            by="Grace",
            note="a customer",
            content_hash=found.content_hash,
            without=people[:1],
        )
        first, second = (
            str(blocks)
            for (blocks,) in made.query(
                "select blocks from notification where message_key like 'gate:%' order by notification_id"
            )
        )
    assert "Ada asks to suppress 2 contacts: asked by phone" in first
    assert f"https://app.example.com/admin/plans/{found.plan_id}" in first
    assert f"https://app.example.com/admin/plans/{done.plan.plan_id}" in second


def test_the_card_and_the_days_review_tell_the_edit_and_count_nobody_twice(
    small: Installation, careful: Services
) -> None:
    small.maintain(careful)
    out = small.account.people[HARD[0]]
    done = edited(careful, small.plan(SUPPRESSION), without=[out])
    card = document_of(evidence_card(careful, str(out)), full=True)
    assert any("Ada rejected its suppression" in line for line in card.answer)
    lines = [line for section in card.sections for line in section.lines]
    assert any("the plan was edited by Ada" in line for line in lines)
    approve(careful, done.plan.plan_id, by="Grace", content_hash=done.plan.content_hash)
    figures = review_day(careful, small.clock.now().date()).figures
    by_person = {(one.contact_id, one.plan_id) for one in _decided(careful, small)}
    assert len({contact for contact, _ in by_person}) == len(by_person)
    assert (figures.people.approved, figures.people.rejected) == (1, 1)


def _decided(services: Services, made: Installation) -> list[Any]:
    return [one.item for one in review_day(services, made.clock.now().date()).decisions]
