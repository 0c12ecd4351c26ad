"""Whether a backup may be restored here, and holds what it should."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from list_pipeline.core.backups.message import restored_message
from list_pipeline.core.backups.policy import BACKUPS
from list_pipeline.core.backups.verdicts import (
    differences,
    differences_text,
    is_stale,
    is_unproven,
    replaced_name,
    schema_problem,
)
from list_pipeline.core.messages.slack_blocks import as_text

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
KNOWN = ["0001_a", "0002_b", "0003_c"]


def test_a_schema_of_this_version_or_an_older_one_is_usable() -> None:
    assert schema_problem(KNOWN, KNOWN) is None
    assert schema_problem(KNOWN[:1], KNOWN) is None


def test_a_newer_schema_is_refused_by_its_newest_migration() -> None:
    problem = schema_problem([*KNOWN, "0004_d", "0005_e"], KNOWN)
    assert problem is not None
    assert "0005_e" in problem
    assert "newer" in problem


def test_a_schema_without_migrations_is_no_backup_of_ours() -> None:
    assert "no backup of this product" in str(schema_problem([], KNOWN))


def test_tables_that_differ_are_named_in_order_with_both_counts() -> None:
    assert differences({"a": 1, "b": 2}, {"b": 2, "a": 1}) == ()
    assert differences({"a": 1, "b": 2_000, "d": 0}, {"a": 1, "b": 1, "c": 3}) == (
        "b has 1 row instead of 2,000",
        "c was not there",
        "d is missing",
    )


def test_a_table_that_lost_all_its_rows_differs_and_an_empty_one_that_is_missing_does_too() -> None:
    assert differences({"a": 5}, {"a": 0}) == ("a has 0 rows instead of 5",)
    assert differences({"a": 0}, {}) == ("a is missing",)


def test_many_differences_are_counted() -> None:
    assert differences_text([f"t{n} is missing" for n in range(7)]).endswith("t4 is missing and 2 more")


def test_the_last_backup_is_too_old_after_a_day_and_two_hours() -> None:
    assert is_stale(None, NOW)
    assert not is_stale(NOW - BACKUPS.stale_after, NOW)
    assert is_stale(NOW - BACKUPS.stale_after - MOMENT, NOW)


def test_one_backup_of_the_last_month_should_have_been_tried() -> None:
    assert is_unproven(None, NOW)
    assert not is_unproven(NOW - BACKUPS.verified_within, NOW)
    assert is_unproven(NOW - BACKUPS.verified_within - MOMENT, NOW)


def test_the_schema_before_is_kept_under_a_name_that_postgresql_takes_whole() -> None:
    name = replaced_name("list_pipeline", NOW)
    assert name == "list_pipeline_replaced_20261120t090000"
    assert len(name) <= 63
    assert name == name.lower()


def test_the_message_says_what_follows_and_what_to_do() -> None:
    text = as_text(restored_message(NOW, "Ada", "a disk broke"))
    assert "2026-11-20 09:00" in text
    assert "Ada: a disk broke" in text
    assert "reconcile --accept" in text
    assert "🚨" in text
