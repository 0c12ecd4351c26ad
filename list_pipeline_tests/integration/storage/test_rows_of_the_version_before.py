"""Rows that the version before wrote, after the migration: what decided a failure, and what a gate has to know of an item."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.types.json import Jsonb

from list_pipeline.core.bounces.classes import classify
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.plans.plan import PlanItem
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.database import Database
from list_pipeline.storage.migrations import migrate, pending, rollback
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.unit.storage.json_column_cases import BEFORE

AT = datetime(2026, 11, 19, 8, tzinfo=UTC)
TEXTS = (None, "550 5.1.1 no such user here", "550 NXDOMAIN", "550 blocked for spam", "552 5.2.2 mailbox full")
STATUSES = (MessageStatus.HARD_BOUNCED, MessageStatus.SPAM, MessageStatus.DEFERRED)
STATES = range(1, 22)
CASES = [
    # The version before made nothing of words where it knew no state.
    (state, permanent, classify(state, permanent, status, text if state in STATES else None))
    for state, permanent, status, text in itertools.product((None, *range(1, 23)), (True, False, None), STATUSES, TEXTS)
]


@pytest.fixture
def before(empty_database: str) -> Iterator[Database]:
    """A database as the version before left it, with one campaign."""
    made = Database(empty_database)
    migrate(made)
    while "0018_decided_by" not in pending(made):
        rollback(made)
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute("set search_path to list_pipeline")
        connection.execute(
            "insert into campaign_schedule (id, campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,"
            " list_name, list_id, created_at, updated_at) overriding system value"
            " values (1, 'k', 'n', 1, '2026-11-18', '09:00', 'list', 1, now(), now())"
        )
        connection.execute(
            "insert into bounce_fetch (campaign_id, sweep, fetched_at, is_complete, rows_read)"
            " values (1, '24h', now(), true, 1)"
        )
    yield made
    made.close()


def test_what_decided_a_failure_is_known_of_the_failures_of_before(before: Database) -> None:
    with psycopg.connect(before.url, autocommit=True) as connection:
        for number, (state, permanent, found) in enumerate(CASES, start=1):
            connection.execute(
                "insert into list_pipeline.bounce_event (campaign_id, sweep, contact_id, occurred_at, bounce_class, reason,"
                " is_disputed, state_id, is_permanent, in_bounce_log, in_message_log)"
                " values (1, '24h', %s, %s, %s, %s, %s, %s, %s, true, true)",
                (number, AT, found.bounce_class, found.reason, found.is_disputed, state, permanent),
            )
    migrate(before)
    with before.begin() as connection_:
        read = bounce_rows.events_of(connection_, 1, "24h")
    wrong = [
        (state, permanent, found, event.classification.decided_by)
        for event, (state, permanent, found) in zip(read, CASES, strict=True)
        if event.classification.decided_by is not found.decided_by
    ]
    assert not wrong, wrong[:3]


def judged_by_the_version_before(evidence: list[dict[str, object]]) -> tuple[bool, bool]:
    """Whether there is evidence and whether it is a permanent hard bounce, as the gate of before read it."""
    failures = [one for one in evidence if one["kind"] == "failure"]
    latest = failures[-1] if failures else {}
    return (
        any(one["kind"] == "contact_flag" or one.get("counts") is True for one in evidence),
        (latest.get("is_permanent") is True or latest.get("by_text") is True)
        and latest.get("counts") is True
        and latest.get("class") == "hard",
    )


def test_a_plan_that_waits_is_judged_by_what_its_items_said_before(before: Database) -> None:
    rows = [row for row in BEFORE["plan_item"] if row["action"] != "restore"]
    rows.append({"action": "keep", "rule": "not_known_yet", "evidence": []})
    with psycopg.connect(before.url, autocommit=True) as connection:
        connection.execute("set search_path to list_pipeline")
        connection.execute(
            "insert into plan (plan_id, campaign_id, kind, sweep, content_hash, policy_version, status, created_at)"
            " overriding system value values (1, 1, 'suppression', '24h', repeat('a', 64), 'v', 'pending_review', now())"
        )
        for number, row in enumerate(rows, start=1):
            connection.execute(
                "insert into plan_item (plan_id, contact_id, action, to_role, reason, rule, evidence)"
                " values (1, %s, %s, %s, 'r', %s, %s)",
                (
                    number,
                    row["action"],
                    "suppression" if row["action"] == "suppress" else None,
                    row["rule"],
                    Jsonb(row["evidence"]),
                ),
            )
    migrate(before)
    with before.begin() as connection_:
        items: tuple[PlanItem, ...] = plan_rows.plan_items(connection_, 1)
    expected = [judged_by_the_version_before(row["evidence"]) for row in rows]
    assert [(item.has_evidence, item.is_permanent_hard) for item in items] == expected
    assert {(True, True), (True, False), (False, False)} <= set(expected)
