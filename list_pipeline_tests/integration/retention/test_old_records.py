"""What is old goes, what is waited for stays, and nothing that decisions or reports rest on is touched."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.retention import RETENTION, OldRecord, Removed
from list_pipeline.operations.retention.old_records import remove_old_records
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import Installation

pytestmark = pytest.mark.long

KEPT = (
    "campaign_schedule", "campaign_metrics", "list_maintenance_log", "plan", "plan_item", "change", "change_step",
    "contact_suppression_history", "contact_list_membership", "list_membership", "campaign_recipient", "bounce_event",
    "list_snapshot", "review_item", "work_timing", "sync_run", "mode_change", "list_state_history",
)  # fmt: skip


def write(made: Installation, statement: str, **values: Any) -> None:
    with made.services.database.begin() as connection:
        execute(connection, statement, **values)


def message(made: Installation, key: str, state: str, days: int, campaign_id: int | None = None) -> None:
    write(
        made,
        "insert into notification (message_key, text, blocks, state, created_at, sent_at, campaign_id)"
        " values (:key, 't', '[]', :state, :at, case when :state = 'sent' then cast(:at as timestamptz) end, :campaign)",
        key=key,
        state=state,
        at=made.clock.now() - timedelta(days=days),
        campaign=campaign_id,
    )


def ended(made: Installation, run_id: str, days: int, *, told: bool = True, job: str = "a_job") -> None:
    write(
        made,
        "insert into job_run (run_id, job, noted_at, status, error, told_in, told_at)"
        " values (:id, :job, :at, 'failure', 'e', case when :told then 'k' end,"
        " case when :told then cast(:at as timestamptz) end)",
        id=run_id,
        job=job,
        at=made.clock.now() - timedelta(days=days),
        told=told,
    )


def keys(made: Installation) -> set[str]:
    return {str(key) for (key,) in made.query("select message_key from notification")}


@pytest.fixture
def old(small: Installation) -> Installation:
    """An installation after a maintenance, half a year later."""
    small.maintain()
    small.clock.advance(timedelta(days=180))
    return small


def test_everything_that_decisions_rest_on_stays_for_good(old: Installation) -> None:
    before = [old.query(f"select * from {table}") for table in KEPT]
    remove_old_records(old.services)
    assert [old.query(f"select * from {table}") for table in KEPT] == before


def test_old_messages_go_and_those_that_are_not_sent_yet_stay(small: Installation) -> None:
    for state in ("sent", "skipped", "expired", "pending", "unknown", "failed"):
        message(small, f"old-{state}", state, days=91)
        message(small, f"new-{state}", state, days=89)
    message(small, "lists:0:abc", "sent", days=400)
    removed = remove_old_records(small.services)
    assert removed.rows[OldRecord.MESSAGES] == 3
    gone = {"old-sent", "old-skipped", "old-expired"}
    assert not keys(small) & gone
    assert {"old-pending", "old-unknown", "old-failed", "lists:0:abc", "new-sent"} <= keys(small)


@pytest.mark.parametrize(
    "waits",
    [
        "insert into review_item (campaign_id, kind, summary, created_at) select id, 'finding', 's', now()"
        " from campaign_schedule where id = :id",
        "update plan set status = 'pending_review', decided_at = null, decided_by = null where campaign_id = :id",
        "update campaign_schedule set round_doubt = 'same_list' where id = :id",
    ],
)
def test_messages_and_texts_about_what_nobody_decided_stay(small: Installation, waits: str) -> None:
    ((campaign_id,),) = small.query("select id from campaign_schedule where campaign_key = :key", key=small.key)
    write(
        small,
        "insert into plan (campaign_id, kind, sweep, content_hash, policy_version, status, created_at)"
        " values (:id, 'suppression', '72h', repeat('0', 64), 'v', 'planned', now())",
        id=campaign_id,
    )
    message(small, "about it", "sent", days=200, campaign_id=campaign_id)
    with small.services.database.begin() as connection:
        # A question that stands for so long has skipped its life cycle's guard here.
        execute(connection, "set local session_replication_role = replica")
        execute(connection, waits, id=campaign_id)
    remove_old_records(small.services)
    assert "about it" in keys(small)


def test_ended_runs_go_but_the_newest_of_each_job_and_what_nobody_was_told(small: Installation) -> None:
    ended(small, "newest of b", 300, job="b_job")
    for run_id, days, told in (("old", 31, True), ("older", 60, True), ("untold", 60, False), ("young", 29, True)):
        ended(small, run_id, days, told=told)
    assert remove_old_records(small.services).rows[OldRecord.RUN_ERRORS] == 2
    left = {str(run_id) for (run_id,) in small.query("select run_id from job_run")}
    assert left == {"newest of b", "untold", "young"}


def test_the_texts_of_the_advisors_go_and_their_figures_stay(small: Installation) -> None:
    ((campaign_id,),) = small.query("select id from campaign_schedule where campaign_key = :key", key=small.key)
    for days in (91, 89):
        write(
            small,
            "insert into agent_record (campaign_id, sweep, agent, asked_at, source, prompt_version, prompt_hash, prompt,"
            " answer, opinion, verdict, cost_usd) values (:id, '24h', 'a', :at, 'model', 'v', :hash, 'asked', 'answered',"
            " '{\"o\": 1}',"
            " 'v', 0.5)",
            id=campaign_id,
            at=small.clock.now() - timedelta(days=days),
            hash=f"h{days}",
        )
    assert remove_old_records(small.services).rows[OldRecord.ADVICE_TEXTS] == 1
    assert sorted(small.query("select prompt, answer, opinion, cost_usd is not null from agent_record")) == [
        ("", None, {"o": 1}, True),
        ("asked", "answered", {"o": 1}, True),
    ]
    assert remove_old_records(small.services).rows[OldRecord.ADVICE_TEXTS] == 0


def test_a_dry_run_counts_the_same_and_removes_nothing(small: Installation) -> None:
    message(small, "old", "sent", days=91)
    ended(small, "old", 60)
    ended(small, "new", 1)
    before = keys(small)
    counted = remove_old_records(small.services, dry_run=True)
    assert counted.is_dry_run
    assert keys(small) == before
    assert remove_old_records(small.services).rows == counted.rows


def test_a_bounded_number_goes_at_once_and_the_next_run_goes_on(small: Installation) -> None:
    for number in range(5):
        message(small, f"old-{number}", "sent", days=100)
    few = replace(RETENTION, rows_at_once=2, batches=1)
    assert remove_old_records(small.services, policy=few) == Removed(
        {**dict.fromkeys(OldRecord, 0), OldRecord.MESSAGES: 2}, 0, is_all=False, is_dry_run=False
    )
    removed = [remove_old_records(small.services, policy=few).rows[OldRecord.MESSAGES] for _ in range(3)]
    assert removed == [2, 1, 0]


def test_a_setting_keeps_them_longer(small: Installation) -> None:
    message(small, "old", "sent", days=91)
    longer = small.another(messages_kept_days=100)
    assert remove_old_records(longer).rows[OldRecord.MESSAGES] == 0


def test_whoever_mailjet_erased_meanwhile_is_erased_on_the_way(small: Installation) -> None:
    someone = small.account.people[5]
    write(
        small,
        "update contact_list_membership set is_anonymised = true, email = 'x@domain.invalid' where contact_id = :id",
        id=someone,
    )
    assert remove_old_records(small.services).erased == 1
