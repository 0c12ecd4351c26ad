"""Timings put together: percentiles are measured values, waits for people are nobody's latency, nothing is counted twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.monitoring.latency import (
    WHOLE_RUN,
    Timing,
    figures,
    percentiles,
    works,
)
from list_pipeline.core.monitoring.policy import MONITORING

NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def timing(stage: str, start_s: float, seconds: float, **more: Any) -> Timing:
    values: dict[str, Any] = {
        "workflow": "post_campaign_maintenance", "run_id": "r1", "campaign_key": "letter", "sweep": "24h", "log_id": 1,
        "outcome": "done", "by_resource": {"GET contact": 2}, "waited_ms": 10, "rate_peak": 30, "rate_limit": 300,
        "pool_peak": 2, "pool_limit": 10, **more,
    }  # fmt: skip
    started = NOW + timedelta(seconds=start_s)
    finished = started + timedelta(seconds=seconds)
    return Timing(stage=stage, started_at=started, finished_at=finished, duration_ms=round(seconds * 1000), **values)


def test_there_are_no_percentiles_of_nothing() -> None:
    assert percentiles([]) is None


def test_percentiles_are_the_nearest_ranks() -> None:
    found = percentiles(range(1, 101))
    assert found is not None
    assert (found.count, found.p50_ms, found.p95_ms, found.p99_ms, found.longest_ms) == (100, 50, 95, 99, 100)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=200))
def test_every_percentile_was_measured_and_covers_its_share(durations: list[int]) -> None:
    found = percentiles(durations)
    assert found is not None
    ranks = [(50, found.p50_ms), (95, found.p95_ms), (99, found.p99_ms), (100, found.longest_ms)]
    assert [value for _, value in ranks] == sorted(value for _, value in ranks)
    for percent, value in ranks:
        assert value in durations
        assert 100 * sum(one <= value for one in durations) >= percent * len(durations)
        assert 100 * sum(one < value for one in durations) < percent * len(durations)


def test_a_run_takes_from_its_first_stage_to_its_last() -> None:
    (found,) = works([timing("fetch_bounces", 0, 2), timing("ai_analysis", 3, 4), timing("suppression", 8, 1)])
    assert found.worked_ms == 9_000
    assert found.stages_ms == {"fetch_bounces": 2_000, "ai_analysis": 4_000, "suppression": 1_000}
    assert found.requests == 6
    assert found.waited_ms == 30


def test_the_days_in_which_a_maintenance_waits_for_a_person_are_not_its_latency() -> None:
    two_days_later = 2 * 24 * 3600
    (found,) = works(
        [timing("ai_analysis", 0, 4), timing("suppression", two_days_later, 6, run_id="r2"),
         timing("rebalancing", two_days_later + 10, 2, run_id="r2")]
    )  # fmt: skip
    assert found.worked_ms == 4_000 + 12_000
    assert found.run_ids == ("r1", "r2")
    assert not found.is_long


def test_a_whole_run_and_its_stages_are_counted_once() -> None:
    whole = timing(WHOLE_RUN, 0, 10, log_id=None, by_resource={"GET contact": 5}, waited_ms=70)
    (found,) = works([timing("ai_analysis", 1, 4), timing("suppression", 6, 2), whole])
    assert found.worked_ms == 10_000
    assert found.by_resource == {"GET contact": 5}
    assert found.waited_ms == 70
    assert set(found.stages_ms) == {"ai_analysis", "suppression"}


def test_maintenances_of_one_run_are_apart_and_so_are_attempts() -> None:
    found = works([timing("suppression", 0, 1), timing("suppression", 5, 1, log_id=2)])
    assert [one.worked_ms for one in found] == [1_000, 1_000]


def test_figures_name_the_slow_ones_and_the_peak() -> None:
    slow = MONITORING.long_ms / 1000 + 1
    found = works(
        [timing("suppression", 0, 1, rate_peak=150), timing("suppression", 0, slow, log_id=2, run_id="r2"),
         timing(WHOLE_RUN, 0, 60, workflow="list_reconciliation_job", run_id="r3", log_id=None, pool_peak=7)]
    )  # fmt: skip
    reconciliation, maintenance = figures(found)
    assert (maintenance.workflow, maintenance.worked.count, maintenance.long) == ("post_campaign_maintenance", 2, 1)
    assert maintenance.rate_percent == pytest.approx(50.0)
    assert maintenance.stages["suppression"].longest_ms == round(slow * 1000)
    # A minute is not yet longer than a minute.
    assert reconciliation.long == 0
    assert reconciliation.pool_percent == pytest.approx(70.0)
    assert figures([]) == ()


def test_runs_without_a_maintenance_stay_apart_and_the_key_is_the_first_that_is_known() -> None:
    alone = [timing(WHOLE_RUN, 0, 2, run_id=run, log_id=None, campaign_key=None) for run in ("r1", "r2")]
    assert [one.run_ids for one in works(alone)] == [("r1",), ("r2",)]
    (known,) = works([timing(WHOLE_RUN, 0, 9, campaign_key=None), timing("suppression", 1, 2)])
    assert known.campaign_key == "letter"


def test_the_requests_of_a_workflow_are_told_by_resource() -> None:
    (found,) = figures(works([timing("suppression", 0, 2), timing("suppression", 20, 2, run_id="r2", log_id=2)]))
    assert (found.requests, found.by_resource) == (4, {"GET contact": 4})
