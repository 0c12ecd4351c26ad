"""The keys under which runs are asked for: written out, because Dagster remembers those of earlier versions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from list_pipeline.core.runs import run_keys
from list_pipeline.core.runs.status import RunStatus

SINCE = datetime(2026, 11, 20, 9, 0, 7, 123456, tzinfo=UTC)
CAMPAIGN = "2026-11-19-r1-7"


def after(**passed: float) -> datetime:
    return SINCE + timedelta(**passed)


@pytest.mark.parametrize(
    ("hours", "suffix"), [(-3, ""), (0, ""), (5.99, ""), (6, ":again-1"), (11.99, ":again-1"), (24, ":again-4")]
)
def test_an_attempt_at_a_maintenance(hours: float, suffix: str) -> None:
    now = after(hours=hours)
    assert run_keys.maintenance(CAMPAIGN, "24h", 2, SINCE, now) == f"2026-11-19-r1-7:24h:2{suffix}"
    decided = run_keys.maintenance(CAMPAIGN, "72h", 1, SINCE, now, run_keys.decided(12))
    assert decided == f"2026-11-19-r1-7:72h:1:plan-12{suffix}"
    resumed = run_keys.maintenance(CAMPAIGN, "24h", 1, SINCE, now, run_keys.resumed("auto", SINCE))
    assert resumed == f"2026-11-19-r1-7:24h:1:auto:20261120T090007.123456{suffix}"


def test_an_attempt_of_which_nobody_knows_since_when_it_is_due_has_one_key() -> None:
    assert run_keys.maintenance(CAMPAIGN, "24h", 1, None, SINCE) == "2026-11-19-r1-7:24h:1"
    assert run_keys.maintenance(CAMPAIGN, "24h", 1, None, SINCE, run_keys.resumed("auto", None)) == (
        "2026-11-19-r1-7:24h:1:auto:"
    )


def test_when_an_attempt_was_stopped_is_written_in_utc() -> None:
    elsewhere = SINCE.astimezone(timezone(timedelta(hours=5)))
    assert run_keys.resumed("approval_required", elsewhere) == "approval_required:20261120T090007.123456"


TURNS_OF_REPORTS = [(0, 0), (9.9, 0), (10, 1), (59.9, 5), (60, 7), (119, 7), (120, 8), (24 * 60, 30)]


@pytest.mark.parametrize(("minutes", "turn"), TURNS_OF_REPORTS)
def test_a_report(minutes: float, turn: int) -> None:
    now = after(minutes=minutes)
    waiting = run_keys.report(CAMPAIGN, "24h", 1, RunStatus.PENDING_REVIEW, 12, SINCE, now)
    assert waiting == f"report:2026-11-19-r1-7:24h:1:pending_review:12:{turn}"
    ended = run_keys.report(CAMPAIGN, "7d", 3, RunStatus.FAILED, None, SINCE, now)
    assert ended == f"report:2026-11-19-r1-7:7d:3:failed:0:{turn}"


@pytest.mark.parametrize(
    ("minutes", "suffix"),
    [(0, ""), (9.9, ""), (10, ":again-1"), (59.9, ":again-5"), (60, ":again-6"), (120, ":again-7"), (600, ":again-15")],
)
def test_single_contacts_that_a_person_approved(minutes: float, suffix: str) -> None:
    found = run_keys.approved_items(CAMPAIGN, 12, SINCE, after(minutes=minutes))
    assert found == f"late:2026-11-19-r1-7:plan-12:20261120T090007123456{suffix}"


@pytest.mark.parametrize(("minutes", "turn"), [(0, 0), (9.9, 0), (10, 1), (60, 6), (24 * 60, 144)])
def test_a_correction(minutes: float, turn: int) -> None:
    assert run_keys.correction(12, SINCE, after(minutes=minutes)) == f"correction:12:{turn}"


@pytest.mark.parametrize(("minutes", "turn"), [(-90, 0), (0, 0), (29.9, 0), (30, 1), (180, 6)])
def test_a_validation(minutes: float, turn: int) -> None:
    found = run_keys.validation(CAMPAIGN, SINCE, 2, SINCE, after(minutes=minutes))
    assert found == f"validation:2026-11-19-r1-7:20261120T090007:2:{turn}"


@pytest.mark.parametrize(("minutes", "turn"), [(0, 0), (9, 0), (10, 1), (59, 5), (60, 6), (119, 6), (120, 7)])
def test_a_wrap_up(minutes: float, turn: int) -> None:
    assert run_keys.wrapup(CAMPAIGN, SINCE, after(minutes=minutes)) == f"wrapup:{CAMPAIGN}:{turn}"


def test_a_weekly_check_that_is_made_late() -> None:
    assert run_keys.weekly_check(date(2026, 11, 16), 2, SINCE) == "2026-11-16:2:2026-11-20T09"
