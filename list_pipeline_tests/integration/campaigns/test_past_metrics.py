"""The figures of campaigns from before the first start are read once, so that the first wrap-up has something beside it."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import pytest

from list_pipeline.core.campaign_stages.wrapup import Figure, Other
from list_pipeline.core.campaigns.policy import CAMPAIGNS, CampaignPolicy
from list_pipeline.core.errors import TransientError
from list_pipeline.defs.build import build_defs
from list_pipeline.defs.past_metrics.automation import past_campaigns_to_measure
from list_pipeline.operations.campaign_stages.wrapup import wrap_up
from list_pipeline.operations.campaigns import past_metrics
from list_pipeline.operations.campaigns.past_metrics import collect_past_metrics, is_due, past_metrics_counts
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.campaign_stages.test_wrapup import sent

DAY = timedelta(days=1)
PAST = 5
"""Campaigns of the small account that are older than the look-back; the sixth is maintained."""


def metrics(made: Installation) -> list[tuple[str, str]]:
    return [
        (str(key), str(sweep))
        for key, sweep in made.query(
            """select s.campaign_key, m.sweep from campaign_metrics m join campaign_schedule s on s.id = m.campaign_schedule_id
               order by m.collected_at, s.send_start_at"""
        )
    ]


def keys(made: Installation) -> list[str]:
    """All campaigns, the latest first."""
    return [str(key) for (key,) in made.query("select campaign_key from campaign_schedule order by send_start_at desc")]


def counters(made: Installation) -> int:
    return made.control.requests().get("GET statcounters", 0)


def test_the_figures_of_past_campaigns_are_read_once_with_one_request_each(small: Installation) -> None:
    assert is_due(small.services)
    assert past_metrics_counts(small.services).missing == PAST
    small.control.reset_requests()
    found = collect_past_metrics(small.services)
    assert found.read == tuple(keys(small)[1:])
    assert (found.counts.read, found.counts.missing, found.requests) == (PAST, 0, PAST)
    assert counters(small) == PAST
    assert {sweep for _, sweep in metrics(small)} == {"past"}
    small.control.reset_requests()
    assert collect_past_metrics(small.services).read == ()
    assert counters(small) == 0
    assert not is_due(small.services)


def test_a_campaign_that_gets_a_maintenance_is_left_to_it_and_one_that_had_it_is_not_read_again(
    small: Installation,
) -> None:
    small.maintain()
    small.clock.advance(10 * DAY)
    found = collect_past_metrics(small.services)
    assert small.key not in found.read
    assert (small.key, "24h") in metrics(small)
    assert len(metrics(small)) == PAST + 1


def test_the_first_wrap_up_is_held_against_a_campaign_from_before_the_first_start(small: Installation) -> None:
    assert wrap_up(small.services, sent(small)).compared == ()
    collect_past_metrics(small.services)
    small.clock.advance(2 * DAY)
    found = wrap_up(small.services, sent(small, subject="Letter 4"))
    same_list = next(one for one in found.compared if one.earlier.other is Other.SAME_LIST)
    # Opens and clicks have gone on since: they are held against none of another age.
    assert {one.figure for one in same_list.deltas} >= {Figure.DELIVERY, Figure.BOUNCE, Figure.HARD_BOUNCE}


def test_a_past_campaign_shows_only_what_is_settled_at_once(small: Installation) -> None:
    collect_past_metrics(small.services)
    found = wrap_up(small.services, sent(small))
    (same_list,) = found.compared
    assert (same_list.earlier.other, same_list.earlier.counts.is_early) == (Other.SAME_LIST, False)
    assert [one.figure for one in same_list.deltas] == [Figure.DELIVERY, Figure.BOUNCE, Figure.HARD_BOUNCE]


def test_a_run_reads_no_more_than_it_may_and_the_next_goes_on(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(past_metrics, "CAMPAIGNS", CampaignPolicy(past_metrics_at_once=2))
    first = collect_past_metrics(small.services)
    second = collect_past_metrics(small.services)
    third = collect_past_metrics(small.services)
    assert [len(one.read) for one in (first, second, third)] == [2, 2, 1]
    assert (*first.read, *second.read, *third.read) == tuple(keys(small)[1:])
    assert first.counts.missing == 3


def test_what_cannot_be_read_is_tried_three_times_a_day_apart_and_then_given_up(small: Installation) -> None:
    small.control.set_switches(stats_lag_seconds=400.0 * 24 * 3600)
    oldest = keys(small)[-1]
    for attempt in range(1, CAMPAIGNS.past_metrics_attempts + 1):
        assert oldest in collect_past_metrics(small.services).unread
        tried = """select a.attempts from past_metrics_attempt a join campaign_schedule s on s.id = a.campaign_id
                   where s.campaign_key = :k"""
        assert small.query(tried, k=oldest) == [(attempt,)]
        # Asked again on the same day nobody is bothered.
        assert collect_past_metrics(small.services).requests == 0
        small.clock.advance(DAY + timedelta(minutes=1))
    small.control.set_switches(stats_lag_seconds=0.0)
    # The sixth campaign, too young at first, has attempts left.
    assert collect_past_metrics(small.services).read == (small.key,)
    assert past_metrics_counts(small.services).given_up == PAST
    assert metrics(small) == [(small.key, "past")]


def test_a_mailjet_that_is_away_stops_the_run_and_nothing_that_was_read_is_lost(small: Installation) -> None:
    small.control.add_fault("status", path="statcounters", status=503, nth=3, count=None)
    with pytest.raises(TransientError):
        collect_past_metrics(small.services)
    small.control.clear_faults()
    assert len(metrics(small)) == 2
    small.clock.advance(timedelta(minutes=10))
    # The one that was not answered about is tried on the next day; the others at once.
    assert len(collect_past_metrics(small.services).read) == PAST - 3
    small.clock.advance(DAY)
    assert len(collect_past_metrics(small.services).read) >= 1
    assert past_metrics_counts(small.services).missing == 0


def test_the_schedule_starts_it_while_figures_are_missing_and_dagster_shows_how_many(small: Installation) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_schedule_context(
            instance=instance, scheduled_execution_time=small.clock.now(), resources={"services": small.services}
        )
        assert isinstance(past_campaigns_to_measure(context), dg.RunRequest)
        job = build_defs(dg.ResourceDefinition.hardcoded_resource(small.services)).resolve_job_def(
            "past_campaign_metrics_job"
        )
        done = job.execute_in_process(instance=instance)
        assert isinstance(past_campaigns_to_measure(context), dg.SkipReason)
    (shown,) = done.asset_materializations_for_node("past_campaign_metrics")
    assert {name: shown.metadata[name].value for name in ("read", "unreadable", "still_missing", "given_up")} == {
        "read": PAST,
        "unreadable": 0,
        "still_missing": 0,
        "given_up": 0,
    }
