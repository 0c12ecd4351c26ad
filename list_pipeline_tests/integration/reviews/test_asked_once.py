"""One question about a matter is open at a time, over all looks at a campaign; and what a gate wants seen is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from list_pipeline.core.incidents.groups import Group, GroupKind, domain_group
from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reviews.decisions import approve, expire_overdue
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.reviews import replace_incident
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.questions import hold

pytestmark = pytest.mark.long

LATER = ((Sweep.H72, 48), (Sweep.D7, 96))


def look_again(made: Installation, sweep: Sweep, hours: int, key: str = "") -> workflow.Maintained:
    key = key or made.key
    made.clock.advance(timedelta(hours=hours))
    synchronise(made.services, progress=quietly)
    return workflow.maintain(made.services, key, sweep=sweep, run_id=f"run-{sweep}", progress=quietly)


def opened(made: Installation) -> list[tuple[str, str]]:
    """Kind and subject of each open question about a plan, a contact or a domain of a campaign."""
    found = made.query(
        """select kind, coalesce(contact_id::text, details ->> 'group', 'the plan') from review_item
           where status = 'open' and kind in ('plan', 'incident', 'failed_item') and campaign_id is not null
           order by review_id"""
    )
    return [(str(kind), str(what)) for kind, what in found]


def told(made: Installation, headline: str) -> Sequence[str]:
    found = [as_text(SlackMessage(row["text"], row["blocks"])) for row in made.cards()]
    return [words for words in found if headline in words]


def plan_of(made: Installation, kind: PlanKind, sweep: Sweep) -> StoredPlan | None:
    ((campaign_id,),) = made.query("select id from campaign_schedule where campaign_key = :key", key=made.key)
    with made.services.database.begin() as connection:
        return plan_rows.current_plan(connection, campaign_id, kind, sweep)


def test_a_plan_that_waits_is_asked_about_once_in_three_looks(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_review_expiry_hours=1000) as made:
        made.maintain()
        assert opened(made) == [("plan", "the plan")]
        for sweep, hours in LATER:
            looked = look_again(made, sweep, hours)
            assert looked.report.facts.status is RunStatus.SUCCESS
            assert opened(made) == [("plan", "the plan")]
            later = plan_of(made, PlanKind.SUPPRESSION, sweep)
            assert later is not None
            with made.services.database.begin() as connection:
                items = plan_rows.plan_items(connection, later.plan_id)
            kept = {item.contact_id for item in items if item.rule == "asked_already"}
            assert kept == made.account.ids(*HARD, COMPLAINED)
            assert {item.action for item in items if item.contact_id in kept} == {ItemAction.KEEP}
            # What is to be moved depends on the decision.
            assert plan_of(made, PlanKind.REBALANCING, sweep) is None
        assert len(told(made, "Your decision")) == 1
        # The first question is decided on as it was asked.
        plan = made.plan(PlanKind.SUPPRESSION)
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash[:8])
        made.maintain()
        made.assert_suppressed(made.account.ids(*HARD, COMPLAINED))


def test_when_the_first_question_lapsed_the_next_look_asks_again(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        made.clock.advance(timedelta(hours=73))
        expire_overdue(made.services)
        assert opened(made) == []
        look_again(made, Sweep.H72, 1)
        assert opened(made) == [("plan", "the plan")]


def test_a_complaint_that_waits_since_another_mode_runs_in_auto(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_review_expiry_hours=1000) as made:
        made.maintain()
        made.clock.advance(timedelta(hours=48))
        auto = made.another(list_management_mode="auto")
        synchronise(auto, progress=quietly)
        workflow.maintain(auto, made.key, sweep=Sweep.H72, run_id="second", progress=quietly)
        made.assert_suppressed(made.account.ids(COMPLAINED))
        assert not made.account.ids(*HARD) & made.excluded()
        assert opened(made) == [("plan", "the plan")]


def test_incidents_and_single_contacts_are_asked_about_once_in_three_looks(seeded: Installation) -> None:
    key = seeded.key
    seeded.maintain()
    first = opened(seeded)
    assert sorted(kind for kind, _ in first) == ["incident", "plan", "plan"]
    for sweep, hours in LATER:
        look_again(seeded, sweep, hours, key)
        assert opened(seeded) == first


def test_an_incident_that_grew_is_one_question_the_new_one(small: Installation) -> None:
    hold(small, *HARD[:2])
    plan = small.plan(PlanKind.SUPPRESSION)
    assert plan.campaign_id is not None
    other, same = domain_group("elsewhere.example.com"), domain_group("company-9.example.com")
    operator = Group(GroupKind.OPERATOR, same.name)
    for group, left in ((other, 1), (operator, 1), (same, 0)):
        with small.services.database.begin() as connection:
            replace_incident(connection, plan.campaign_id, group, plan.plan_id + 1, small.clock.now())
        assert len(opened(small)) == left
    assert small.query("select status, note from review_item where kind = 'incident'") == [
        ("resolved", f"more contacts belong to it: asked anew with plan {plan.plan_id + 1}")
    ]


def test_what_is_asked_about_an_incident_waits_for_the_next_mailing_and_not_for_ever(small: Installation) -> None:
    hold(small, *HARD)
    small.maintain()
    for days, left in ((59, 1), (2, 0)):
        small.clock.advance(timedelta(days=days))
        expire_overdue(small.services)
        assert len(opened(small)) == left
    assert small.query("select status, decided_by from review_item where kind = 'incident'") == [("expired", "nobody")]


def test_contacts_who_wait_count_towards_the_cap_of_a_later_look(install_small: Install) -> None:
    with install_small(suppression_cap_percent=10.0, list_review_expiry_hours=1000) as made:
        made.maintain()
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.PENDING_REVIEW
        look_again(made, Sweep.H72, 48)
        later = plan_of(made, PlanKind.SUPPRESSION, Sweep.H72)
        assert later is not None
        assert later.gate is not None
        words = {check.name: check.words for check in later.gate.checks}["cap"]
        assert "3 waiting after another look" in words


@pytest.mark.parametrize("mode", ["auto", "read_only"])
def test_what_a_gate_wants_seen_is_an_alert_with_its_words_once(install_small: Install, mode: str) -> None:
    with install_small(suppression_cap_percent=10.0, list_management_mode=mode) as made:
        made.maintain()
        made.maintain(run_id="second")
        plan = made.plan(PlanKind.SUPPRESSION)
        (words,) = [text for text in told(made, f"Suppression plan {plan.plan_id} ") if "plan" in text.splitlines()[0]]
        assert "3 planned and 0 executed before are 15 % of 20 recipients; the cap is 10 %" in words
        approves = f"list-pipeline approve {plan.plan_id} {plan.content_hash[:12]}"
        assert (approves in words) is (mode == "auto")
        key = f"gate:{plan.plan_id}"
        assert made.query(
            "select is_important, is_broadcast, thread_ts is not null from notification where message_key = :key",
            key=key,
        ) == [(True, True, True)]


def test_a_plan_that_waits_for_its_mode_only_is_no_alert(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        assert made.plan(PlanKind.SUPPRESSION).status is PlanStatus.PENDING_REVIEW
        assert told(made, f"Suppression plan {made.plan(PlanKind.SUPPRESSION).plan_id} Waits") == []


def test_a_rebalancing_that_waits_after_a_later_campaign_replaces_the_one_before(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required", list_review_expiry_hours=1000) as made:
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        approve(made.services, plan.plan_id, by="ada", content_hash=plan.content_hash[:8])
        made.maintain()
        first = made.plan(PlanKind.REBALANCING)
        assert first.status is PlanStatus.PENDING_REVIEW
        # The next cycle goes to all lists, so that moves are possible again, and nobody fails.
        for role in CAMPAIGN_LISTS:
            made.control.send(made.account.lists[role], "Letter 3", profile="clean")
            made.clock.advance(timedelta(hours=25))
            synchronise(made.services, progress=quietly)
        made.maintain(run_id="next")
        second = made.plan(PlanKind.REBALANCING)
        assert second.plan_id != first.plan_id
        assert second.status is PlanStatus.PENDING_REVIEW
        assert made.query("select status, decided_by from plan where plan_id = :id", id=first.plan_id) == [
            ("expired", "nobody")
        ]
        assert opened(made) == [("plan", "the plan")]
        (words,) = told(made, f"Expired: rebalancing plan {first.plan_id}")
        assert f"Plan {second.plan_id} asks about the lists as they are now." in words


def test_who_approves_while_nothing_may_be_changed_is_told_when_it_is_carried_out(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        stopped = made.another(list_management_mode="approval_required", list_management_enabled=False)
        approve(stopped, plan.plan_id, by="Ada", content_hash=plan.content_hash)
        (words,) = [text for text in map(str, made.cards()) if "Ada approved" in text]
    assert "Nothing is changed now: LIST_MANAGEMENT_ENABLED is off. It is carried out once that is over." in words
    assert "to be carried out next" not in words
