"""The digest as people read it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from list_pipeline.core.digest.message import DigestFacts, digest_message
from list_pipeline.core.digest.periods import Period
from list_pipeline.core.lists import ALL_LISTS
from list_pipeline.core.messages.slack_blocks import as_text, problems

DUE = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
QUIET = DigestFacts(
    maintenances={},
    suppressed=0,
    moved=0,
    decided=0,
    validated=0,
    blocked=0,
    waiting=0,
    oldest=None,
    failed_runs={},
    lost=0,
    alarms=(),
    sizes={role: (1_200 + number, 1_100) for number, role in enumerate(ALL_LISTS)},
    deviation_percent=1.5,
    questions=0,
    cost_usd=0.0,
    without_price=0,
    requests=12,
)
BUSY = replace(
    QUIET,
    maintenances={"success": 2, "pending_review": 1},
    suppressed=51,
    moved=57,
    decided=1,
    validated=2,
    blocked=1,
    waiting=3,
    oldest=datetime(2026, 11, 19, 6, 0, tzinfo=UTC),
    failed_runs={"weekly_health_check": 2},
    lost=1,
    alarms=("The last run of weekly_health_check failed: no database",),
    questions=7,
    cost_usd=0.12,
    without_price=2,
)


def said(facts: DigestFacts, *reviewers: str, period: Period = Period.DAY) -> str:
    message = digest_message(period, DUE, facts, reviewers)
    assert problems(message.text, message.blocks) == ()
    return as_text(message)


def test_a_quiet_span_is_one_line() -> None:
    (line,) = said(QUIET).strip().splitlines()
    assert line.startswith("Daily Digest, 2026-11-20: quiet.")
    assert "List 1 1,201" in line
    assert "1.5 %" in line


def test_where_no_list_was_looked_at_the_line_says_so() -> None:
    assert "No list was looked at yet." in said(replace(QUIET, sizes={}, deviation_percent=None))


@pytest.mark.parametrize(
    "change",
    [
        {"maintenances": {"success": 1}}, {"suppressed": 1}, {"moved": 1}, {"decided": 1}, {"validated": 1}, {"waiting": 1},
        {"failed_runs": {"job": 1}}, {"lost": 1}, {"alarms": ("x",)},
    ],
)  # fmt: skip
def test_anything_that_was_done_waits_or_failed_ends_the_quiet(change: dict[str, Any]) -> None:
    assert QUIET.is_quiet
    assert not replace(QUIET, **change).is_quiet


@pytest.mark.parametrize(
    "change", [{"questions": 3}, {"requests": 99}, {"maintenances": {"success": 0}}, {"blocked": 0}]
)
def test_what_costs_without_an_effect_does_not(change: dict[str, Any]) -> None:
    assert replace(QUIET, **change).is_quiet


def test_a_busy_day_says_what_was_done_what_waits_for_whom_and_what_failed() -> None:
    text = said(BUSY, "Ada", "Grace")
    assert "maintenances: 1 pending review, 2 success; 51 contacts suppressed; 57 moved or enrolled" in text
    assert "1 decision of people; 2 campaigns validated, 1 blocked" in text
    assert "for Ada and Grace: 3 questions; the oldest since 2026-11-19 06:00" in text
    assert "2 runs of weekly_health_check; 1 message that reached nobody; 1 alarm open" in text
    assert "no database" in text
    assert "1,204 (1,100 mailable)" in text
    assert "7 questions" in text
    assert "2 without a known price" in text
    assert "12 requests" in text
    assert "known price" not in said(replace(BUSY, without_price=0))
    assert "oldest" not in said(replace(BUSY, oldest=None))
    assert "campaigns validated" not in said(replace(BUSY, validated=0))
    assert "2026-11-19 07:00" in text


def test_without_reviewers_it_waits_for_a_person_and_a_calm_part_says_nothing() -> None:
    text = said(replace(QUIET, waiting=1), period=Period.WEEK)
    assert "Weekly Digest" in text
    assert "for a person: 1 question (" in text
    assert "Done: nothing." in text.replace("*", "")
    assert "Failed: nothing." in text.replace("*", "")
    assert "Waits: nothing." in said(replace(QUIET, suppressed=1)).replace("*", "")
    assert "2026-11-13 07:00" in text
