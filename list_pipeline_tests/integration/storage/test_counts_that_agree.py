"""Counts that stand in several places, in histories with more than one turn: who was suppressed, let in and suppressed again,
what waits for a person, and what persons decided."""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.storage import digest, losses, weekly
from list_pipeline.storage.database import execute
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation

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
