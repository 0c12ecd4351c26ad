"""Counts that stand in several places, in histories with more than one turn: who was suppressed, let in and suppressed again,
what waits for a person, and what persons decided."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews import waiting
from list_pipeline.operations.reviews.waiting import plan_look, what_waits
from list_pipeline.operations.views.campaign_story import campaign_story
from list_pipeline.storage import digest, losses, views, weekly
from list_pipeline.storage.database import execute
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation, quietly

AN_HOUR = timedelta(hours=1)


def let_in_and_suppressed_again(made: Installation) -> None:
    """One of the suppressed went through an undo and a redo, another through an undo alone."""
    with made.services.database.begin() as connection:
        execute(
            connection,
            """update contact_suppression_history set reinstated_at = suppressed_at, reinstated_by = 'Ada'
               where id in (select id from contact_suppression_history order by id limit 2)""",
        )
        execute(
            connection,
            """insert into contact_suppression_history
                   (contact_id, email, suppressed_at, reason, removed_from_lists, added_to_suppression_list)
               select contact_id, email, suppressed_at, reason, removed_from_lists, true
               from contact_suppression_history order by id limit 1""",
        )


def ask(made: Installation, kind: ReviewKind, summary: str, *, contact_id: int | None = None) -> None:
    ((plan_id, campaign_id),) = made.query("select plan_id, campaign_id from plan where kind = 'suppression'")
    of_plan = kind in (ReviewKind.PLAN, ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM)
    with made.services.database.begin() as connection:
        plan_rows.add_review_item(
            connection,
            campaign_id=campaign_id,
            plan_id=plan_id if of_plan else None,
            contact_id=contact_id,
            kind=kind,
            summary=summary,
            details={},
            now=made.clock.now(),
        )


def test_who_was_let_in_and_suppressed_again_in_a_month_is_lost_and_who_was_only_let_in_is_not(
    small: Installation,
) -> None:
    small.maintain()
    ((suppressed,),) = small.query("select count(*) from contact_suppression_history")
    let_in_and_suppressed_again(small)
    now = small.clock.now()
    with small.services.database.begin() as connection:
        counted = losses.losses(connection, now - timedelta(days=2), now + AN_HOUR)
    assert sum(one.suppressed for one in counted) == suppressed
    assert sum(one.taken_back for one in counted) == 1


def test_the_week_counts_a_contact_once_that_was_suppressed_twice_in_it(small: Installation) -> None:
    small.maintain()
    ((suppressed,),) = small.query("select count(*) from contact_suppression_history")
    let_in_and_suppressed_again(small)
    now = small.clock.now()
    with small.services.database.begin() as connection:
        done = weekly.count_activity(connection, now - timedelta(days=2), now + AN_HOUR, with_waiting=False)
    assert done.suppressed == suppressed


def test_week_and_digest_count_every_kind_of_question_that_waits_and_no_news(small: Installation) -> None:
    small.maintain()
    now = small.clock.now()
    start, end = now - timedelta(days=2), now + AN_HOUR
    with small.services.database.begin() as connection:
        before = weekly.count_activity(connection, start, end, with_waiting=True).waiting or 0
    for kind in (ReviewKind.PLAN, ReviewKind.INCIDENT, ReviewKind.FAILED_ITEM):
        ask(small, kind, f"what about this {kind.value}", contact_id=1)
    for kind in (ReviewKind.FINDING, ReviewKind.DRIFT, ReviewKind.CORRECTION):
        ask(small, kind, f"news of {kind.value}")
    with small.services.database.begin() as connection:
        assert weekly.count_activity(connection, start, end, with_waiting=True).waiting == before + 3
        assert digest.counts(connection, start, end)["waiting"] == before + 3


def test_a_digest_counts_what_a_person_answered_about_single_contacts_and_a_plan_once(small: Installation) -> None:
    small.maintain()
    now = small.clock.now()
    start, end = now - timedelta(days=2), now + AN_HOUR
    with small.services.database.begin() as connection:
        before = digest.counts(connection, start, end)["decided"]
    ask(small, ReviewKind.PLAN, "may it be carried out")
    ask(small, ReviewKind.PLAN, "and this contact", contact_id=1)
    with small.services.database.begin() as connection:
        execute(connection, "update plan set decided_by = 'Ada', decided_at = :now where kind = 'suppression'", now=now)
        execute(
            connection,
            """update review_item set status = 'approved', decided_by = 'Ada', decided_at = :now
               where summary = 'may it be carried out'""",
            now=now,
        )
        execute(
            connection,
            """update review_item set status = 'rejected', decided_by = 'Grace', decided_at = :now
               where summary = 'and this contact'""",
            now=now,
        )
        assert digest.counts(connection, start, end)["decided"] == before + 2


def test_whom_the_gate_left_out_of_a_plan_is_counted_as_asked_alone_wherever_the_plan_is_shown(
    small: Installation,
) -> None:
    small.maintain()
    ((plan_id, contact_id),) = small.query(
        """select plan_id, min(contact_id) from plan join plan_item using (plan_id)
           where kind = 'suppression' and action = 'suppress' and not is_held group by plan_id"""
    )
    before = plan_look(small.services, plan_id, after=0, limit=200)
    assert contact_id not in before.asked_alone
    ask(small, ReviewKind.PLAN, "its confidence is below the automatic band", contact_id=contact_id)
    after = plan_look(small.services, plan_id, after=0, limit=200)
    assert (after.changes, after.waits_alone) == (before.changes - 1, before.waits_alone + 1)
    assert contact_id in after.asked_alone
    with small.services.database.begin() as connection:
        (row,) = (one for one in views.plans(connection) if one.number == plan_id)
    assert (row.changes - row.held, row.held) == (after.changes, after.waits_alone)


def test_an_attempt_that_was_taken_back_later_ended_as_it_ended_and_says_how_much_was_taken_back(
    small: Installation,
) -> None:
    small.maintain()
    undo_maintenance(small.services, small.key, by="Ada", note="the wrong list", progress=quietly)
    story = campaign_story(small.services, small.key)
    (run,) = story.runs
    assert run.status in (RunStatus.ROLLED_BACK, RunStatus.PARTLY_ROLLED_BACK)
    assert run.changes_taken_back
    ((taken_back,),) = small.query("select changes_taken_back from list_maintenance_log")
    assert run.changes_taken_back == taken_back
    assert "success." in next(one.words for one in story.timeline if one.what == "run_ended")


def test_a_plan_of_no_campaign_names_none_so_that_no_page_leads_to_one(small: Installation) -> None:
    with small.services.database.begin() as connection:
        plan = plan_rows.save_plan(
            connection,
            campaign_id=None,
            kind=PlanKind.REPAIR,
            sweep=None,
            content_hash="0" * 64,
            policy_version="a test's",
            status=PlanStatus.PENDING_REVIEW,
            summary=RepairSummary(DriftKind.IN_TWO_CAMPAIGN_LISTS, 0),
            items=(),
            now=small.clock.now(),
        )
    assert plan_look(small.services, plan.plan_id, after=0, limit=10).campaign is None
    assert [one.campaign for one in what_waits(small.services).plans] in ([], [None])


def test_what_waits_says_how_many_older_entries_it_leaves_out(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.maintain()
    for number in range(3):
        ask(small, ReviewKind.FINDING, f"news {number}")
    everything = what_waits(small.services)
    assert everything.unseen == 0
    monkeypatch.setattr(waiting, "MOST_QUESTIONS", 1)
    ((open_now,),) = small.query("select count(*) from review_item where status = 'open'")
    assert what_waits(small.services).unseen == open_now - 1


def test_a_plan_that_was_decided_on_as_it_was_made_stands_before_its_decision(small: Installation) -> None:
    small.maintain()
    with small.services.database.begin() as connection:
        execute(connection, "update plan set decided_at = created_at - interval '1 millisecond'")
    story = campaign_story(small.services, small.key)
    made = [one for one in story.timeline if one.what in ("planned", "decided")]
    for plan in story.plans:
        own = [one.what for one in made if one.words.startswith(f"Plan {plan.number} ")]
        assert own == sorted(own, key=("planned", "decided").index)
