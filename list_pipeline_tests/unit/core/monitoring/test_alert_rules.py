"""Rollback triggers, freshness, and how often people are told: the rules and their words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text, problems
from list_pipeline.core.monitoring.alert_pacing import may_tell
from list_pipeline.core.monitoring.freshness import Freshness, also_overdue_when_never_done
from list_pipeline.core.monitoring.latency import Percentiles, WorkflowFigures
from list_pipeline.core.monitoring.messages import (
    FailedRun,
    failure_message,
    overdue_message,
    slow_message,
    trigger_message,
)
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.rollback_triggers import (
    Trigger,
    TriggerFacts,
    judge,
)

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
"""A Friday."""

FINE = TriggerFacts(100, 20_000, 100, 0, 100, 0, 100, 0)
NOTHING = TriggerFacts(0, None, 0, 0, 0, 0, 0, 0)


def hit(facts: TriggerFacts) -> dict[Trigger, bool | None]:
    return {one.trigger: one.is_hit for one in judge(facts)}


def test_good_figures_ask_for_nothing() -> None:
    assert hit(FINE) == {Trigger.LATENCY: False, Trigger.WRONG_DECISIONS: False, Trigger.FAILED_RUNS: False}


def test_nothing_measured_is_not_judged() -> None:
    assert set(hit(NOTHING).values()) == {None}
    assert all("too few" in one.words for one in judge(NOTHING))


@pytest.mark.parametrize(
    ("at_the_limit", "above_it", "trigger"),
    [
        (
            replace(FINE, maintenance_p95_ms=MONITORING.latency_limit_ms),
            replace(FINE, maintenance_p95_ms=MONITORING.latency_limit_ms + 1),
            "latency",
        ),
        (replace(FINE, rejected=20), replace(FINE, rejected=21), "wrong_decisions"),
        (replace(FINE, taken_back=20), replace(FINE, taken_back=21), "wrong_decisions"),
        (replace(FINE, failed_runs=10), replace(FINE, failed_runs=11), "failed_runs"),
    ],
)
def test_a_trigger_is_hit_above_its_limit_and_not_at_it(
    at_the_limit: TriggerFacts, above_it: TriggerFacts, trigger: str
) -> None:
    assert hit(at_the_limit)[Trigger(trigger)] is False
    assert hit(above_it)[Trigger(trigger)] is True
    assert sum(1 for one in hit(above_it).values() if one) == 1


@pytest.mark.parametrize(
    ("facts", "trigger"),
    [
        (
            replace(
                FINE, maintenances=MONITORING.least_maintenances - 1, maintenance_p95_ms=MONITORING.latency_limit_ms * 9
            ),
            Trigger.LATENCY,
        ),
        (
            replace(NOTHING, decisions=MONITORING.least_decisions - 1, rejected=MONITORING.least_decisions - 1),
            Trigger.WRONG_DECISIONS,
        ),
        (replace(FINE, runs=MONITORING.least_runs - 1, failed_runs=MONITORING.least_runs - 1), Trigger.FAILED_RUNS),
    ],
)
def test_too_few_hit_nothing_however_bad_they_are(facts: TriggerFacts, trigger: Trigger) -> None:
    assert hit(facts)[trigger] is None


@pytest.mark.parametrize(
    ("facts", "trigger"),
    [
        (replace(FINE, maintenances=5), Trigger.LATENCY),
        (replace(NOTHING, decisions=20), Trigger.WRONG_DECISIONS),
        (replace(NOTHING, suppressed=20), Trigger.WRONG_DECISIONS),
        (replace(NOTHING, runs=10), Trigger.FAILED_RUNS),
    ],
)
def test_exactly_as_many_as_are_needed_are_judged(facts: TriggerFacts, trigger: Trigger) -> None:
    assert hit(facts)[trigger] is False


def test_a_latency_that_was_not_measured_is_not_judged() -> None:
    assert hit(replace(FINE, maintenance_p95_ms=None))[Trigger.LATENCY] is None


def test_a_share_is_judged_to_the_last_run() -> None:
    assert hit(replace(FINE, runs=1_000, failed_runs=100))[Trigger.FAILED_RUNS] is False
    assert hit(replace(FINE, runs=1_000, failed_runs=101))[Trigger.FAILED_RUNS] is True


def test_few_decisions_of_people_do_not_hide_suppressions_that_were_taken_back() -> None:
    assert hit(replace(NOTHING, suppressed=50, taken_back=30, decisions=2))[Trigger.WRONG_DECISIONS] is True


def test_more_failures_than_runs_are_refused() -> None:
    with pytest.raises(ValueError, match="part"):
        replace(FINE, runs=3, failed_runs=4)


# Freshness

DAILY = Freshness("daily reconciliation", "list_reconciliation_job", timedelta(hours=26), NOW, is_overdue=False)
WEEKLY = Freshness("weekly health check", "weekly_health_check", timedelta(days=7, hours=2), None, is_overdue=True)
LONG_AGO = NOW - timedelta(days=100)


def test_the_words_say_when_it_was_done_and_how_old_it_may_be() -> None:
    stale = replace(DAILY, is_overdue=True)
    assert DAILY.words.startswith("The daily reconciliation is fresh: last done at 2026-11-20")
    assert DAILY.words.endswith("it may be 1 day 2 h old.")
    assert "is overdue" in stale.words
    assert replace(stale, limit=timedelta(days=7, hours=2)).words.endswith("it may be 7 days 2 h old.")


def test_never_done_is_overdue_but_not_before_there_was_anybody_to_do_it() -> None:
    never = replace(DAILY, done_at=None)
    late = also_overdue_when_never_done(never, LONG_AGO, NOW)
    assert late.is_overdue
    assert "never done yet" in late.words
    assert not also_overdue_when_never_done(never, NOW - never.limit, NOW).is_overdue
    assert also_overdue_when_never_done(never, NOW - never.limit - timedelta(seconds=1), NOW).is_overdue


@pytest.mark.parametrize("is_overdue", [True, False])
def test_what_was_done_is_as_it_was_judged(is_overdue: bool) -> None:
    judged = replace(DAILY, is_overdue=is_overdue)
    assert also_overdue_when_never_done(judged, LONG_AGO, NOW) is judged


# How often people are told


def test_the_first_failure_is_told_at_once_and_the_second_within_five_minutes() -> None:
    assert may_tell([], NOW)
    assert not may_tell([NOW - timedelta(minutes=3)], NOW)
    assert may_tell([NOW - MONITORING.first_pause], NOW)
    assert MONITORING.first_pause + timedelta(minutes=1) <= timedelta(minutes=5)


def test_a_job_that_fails_every_half_minute_makes_a_dozen_messages_a_day_at_most() -> None:
    told: list[datetime] = []
    for tick in range(24 * 60):
        now = NOW + timedelta(minutes=tick)
        if may_tell(told, now):
            told.append(now)
    assert 6 <= len(told) <= 12


def test_the_pause_doubles_with_each_message_of_the_last_day() -> None:
    earlier = [NOW - timedelta(minutes=20)]
    assert may_tell([*earlier, NOW - timedelta(minutes=8)], NOW)
    assert not may_tell([*earlier, NOW - timedelta(minutes=7, seconds=59)], NOW)


@pytest.mark.parametrize("age", [timedelta(hours=24), timedelta(days=7)])
def test_messages_of_a_day_ago_make_no_pause_longer(age: timedelta) -> None:
    assert may_tell([*[NOW - age] * 6, NOW - timedelta(minutes=4)], NOW)


def test_a_job_that_failed_last_week_fails_for_the_first_time_again() -> None:
    assert may_tell([NOW - timedelta(days=7)] * 20, NOW)


# Words


def runs(count: int, error: str = "Mailjet GET contactslist: status 500.") -> list[FailedRun]:
    return [
        FailedRun(f"{n:08d}-aaaa", "list_reconciliation_job", None, error, "https://d.example.com/runs/1")
        for n in range(count)
    ]


def shown(message: SlackMessage) -> str:
    assert problems(message.text, message.blocks) == ()
    return as_text(message)


def test_a_failure_names_the_job_the_run_and_the_error() -> None:
    words = shown(failure_message("list_reconciliation_job", runs(1)))
    assert "list_reconciliation_job Failed" in words
    assert "https://d.example.com/runs/1" in words
    assert "status 500" in words


@pytest.mark.parametrize(("count", "earlier"), [(1, 0), (8, 0), (9, 1)])
def test_a_message_shows_the_last_eight_failures_and_counts_those_before(count: int, earlier: int) -> None:
    message = failure_message("sync", runs(count))
    words = shown(message)
    assert ("sync Failed 9 Times" in words) is (count == 9)
    assert ("sync Failed 1 Times" in words) is False
    assert (f"… {earlier} earlier ones, and then:" in words) is bool(earlier)
    if earlier:
        assert words.index("earlier ones") < words.index("00000001")
    assert ("00000000" in words) is not earlier


def test_a_failure_says_its_partition_where_it_has_one_and_links_where_there_is_something_to_open() -> None:
    (plain,) = runs(1)
    parted = shown(failure_message("sync", [replace(plain, partition_key="letter|24h", url=None)]))
    assert "• 00000000 (letter|24h): Mailjet GET" in parted
    assert "|00000000>: Mailjet GET" in str(failure_message("sync", [plain]).blocks)


def test_the_summary_of_several_failures_is_the_latest() -> None:
    first, second = runs(1, "the first one"), runs(1, "the second one")
    assert "the second one" in failure_message("sync", [*first, *second]).text
    assert "the first one" not in failure_message("sync", [*first, *second]).text


def test_many_failures_make_one_message_that_slack_takes() -> None:
    words = shown(failure_message("weekly_health_check", runs(2_880, error="no " * 400)))
    assert "2880 Times" in words
    assert "2872 earlier ones" in words


def test_an_error_can_neither_ping_a_channel_nor_show_an_address() -> None:
    message = failure_message("x", runs(1, "<!channel> jane.doe@example.com failed"))
    assert "<!channel>" not in str(message.blocks)
    assert "jane.doe" not in str(message)


def test_a_message_about_no_failure_is_refused() -> None:
    with pytest.raises(ValueError, match="needs one"):
        failure_message("x", [])
    with pytest.raises(ValueError, match="needs one"):
        slow_message([], 1)


def test_a_trigger_says_what_to_do_within_five_minutes() -> None:
    (result,) = (one for one in judge(replace(FINE, failed_runs=50)) if one.is_hit)
    words = shown(trigger_message(result))
    assert "50 of 100 scheduled runs failed (50 %); the limit is 10 %" in words
    assert "list-pipeline mode read_only --by NAME" in words
    assert "LIST_MANAGEMENT_ENABLED=false" in words


def test_what_is_overdue_says_which_job_to_look_at() -> None:
    words = shown(overdue_message(WEEKLY))
    assert "Weekly health check Is Overdue" in words
    assert "weekly_health_check" in words


def test_slow_workflows_are_named_with_figures() -> None:
    spent = Percentiles(4, 10_000, 70_000, 70_000, 70_000)
    slow = WorkflowFigures("membership_sync_job", spent, {}, 9, {}, 0, 10.0, 20.0, 1)
    words = shown(slow_message([slow], 1))
    assert "membership_sync_job: 1 of 4 took longer than 1 min (P95 1 min 10 s, longest 1 min 10 s)" in words


@pytest.mark.parametrize(("days", "span"), [(1, "Work since yesterday;"), (7, "Work in the last 7 days;")])
def test_what_was_slow_says_since_when_and_how_long_it_took_to_the_second(days: int, span: str) -> None:
    spent = Percentiles(4, 10_000, 1_000_000, 2_000_000, 2_000_000)
    slow = WorkflowFigures("membership_sync_job", spent, {}, 9, {}, 0, 10.0, 20.0, 1)
    words = shown(slow_message([slow], days))
    assert "took longer than 1 min (P95 16 min 40 s, longest 33 min 20 s)" in words
    assert span in words
