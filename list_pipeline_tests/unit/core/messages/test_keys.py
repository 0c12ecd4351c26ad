"""The keys of messages, letter for letter: rows of earlier versions are found by them."""

from __future__ import annotations

from datetime import UTC, date, datetime

from list_pipeline.core.messages import keys
from list_pipeline.core.monitoring.rollback_triggers import Trigger
from list_pipeline.core.plans.plan import PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus

MONDAY = date(2026, 11, 23)
MADE = {
    keys.campaign_thread(7): "campaign:7",
    keys.week_thread(MONDAY): "week:2026-11-23",
    keys.maintenance_report(12, RunStatus.PENDING_REVIEW, 34): "maintenance:12:pending_review:34",
    keys.maintenance_report(12, RunStatus.PARTIAL_SUCCESS, None): "maintenance:12:partial_success:0",
    keys.past_campaigns(MONDAY): "past-campaigns:2026-11-23",
    keys.imbalance(7, Sweep.H24): "imbalance:7:24h",
    keys.bounce_rate(7, Sweep.H72): "bounces:7:72h",
    keys.mailed_twice(7): "got_twice:7",
    keys.round_doubt(7): "round_doubt:7",
    keys.odd_send(56): "send:56",
    keys.missing_round(56): "missing-round:56",
    keys.cycle_ended(56): "cycle:56",
    keys.cycle_closed(3): "cycle-closed:3",
    keys.cycle_closed(3, is_reopened=True): "cycle-closed:3:reopened",
    keys.gate_alert(34): "gate:34",
    keys.digest("day", datetime(2026, 11, 20, 7, 0, tzinfo=UTC)): "digest:day:20261120T07",
    keys.restored(2, datetime(2026, 11, 20, 9, 0, tzinfo=UTC)): "restored:2:20261120T090000",
    keys.halfway(34): "reminder:34:half",
    keys.before_send(34, 7, MONDAY): "reminder:34:send:7:2026-11-23",
    keys.finding_closed(56): "finding-closed:56",
    keys.decision(34, PlanStatus.APPROVED): "decision:34:approved",
    keys.expired_questions(34, 56): "questions-expired:34:56",
    keys.approved_items(34, 56, 3): "late:34:56:3",
    keys.correction(34, is_complete=True): "correction:34:done",
    keys.correction(35, is_complete=False): "correction:35:incomplete",
    keys.weekly_report(MONDAY): "weekly:2026-11-23",
    keys.weekly_alert(MONDAY): "weekly:2026-11-23:alert",
    keys.weekly_failure(MONDAY, 2): "weekly:2026-11-23:failed:2",
    keys.validation(8): "validation:8",
    keys.validation_not_confirmed(8): "validation:8:not-confirmed",
    keys.validation_failure(7, datetime(2026, 11, 28, 6, 5, 4, tzinfo=UTC)): "validation-failed:7:20261128T060504",
    keys.override(9): "override:9",
    keys.reconciliation(10): "reconciliation:10",
    keys.run_failure("b1a2"): "run-failure:b1a2",
    keys.rollback_trigger(Trigger.LATENCY, MONDAY): "rollback-trigger:latency:2026-11-23",
    keys.overdue("weekly_health_check", MONDAY): "overdue:weekly_health_check:2026-11-23",
    keys.unreadable_rows(5): "unreadable_rows:5",
    keys.similar_addresses(5): "similar_addresses:5",
    keys.slow_runs(MONDAY): "slow:2026-11-23",
    keys.stuck_session(11): "stuck-session:11",
    keys.campaign_stage(7, "prelaunch", datetime(2026, 11, 20, 9, 15, tzinfo=UTC)): "stage:7:prelaunch:20261120T091500",
}


def test_no_key_changes() -> None:
    assert {made: wanted for made, wanted in MADE.items() if made != wanted} == {}
    assert len(MADE) == len(set(MADE)) >= 24


def test_a_plan_without_a_campaign_has_no_thread() -> None:
    assert keys.campaign_thread_if_any(None) is None
    assert keys.campaign_thread_if_any(7) == "campaign:7"


def test_the_patterns_for_sql_fit_the_keys() -> None:
    made = (keys.reconciliation(1), keys.correction(1, is_complete=True))
    assert all(key.startswith(pattern.removesuffix("%")) for key, pattern in zip(made, keys.ABOUT_DRIFT, strict=True))
