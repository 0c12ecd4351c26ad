"""Half an hour after a launch its first figures are told once, held against earlier sends."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import dagster as dg
import pytest

from list_pipeline.core.campaign_stages import wrapup as figures
from list_pipeline.core.campaign_stages.policy import STAGES
from list_pipeline.core.campaign_stages.times import Stage, StageState
from list_pipeline.core.campaign_stages.wrapup import Figure, Other
from list_pipeline.core.errors import RefusedError, TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.defs.build import build_defs
from list_pipeline.defs.campaign_stages.automation import campaign_stages
from list_pipeline.operations.campaign_stages.follow import follow_stages, to_wrap_up
from list_pipeline.operations.campaign_stages.wrapup import Wrapup, wrap_up
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline_tests.integration.accounts import Installation

MINUTE = timedelta(minutes=1)


def sent(made: Installation, role: ListRole = ListRole.CAMPAIGN_1, subject: str = "Letter 3", **outcomes: str) -> str:
    """A send that began half an hour ago; its key."""
    people = {made.account.people[int(number.removeprefix("p"))]: outcome for number, outcome in outcomes.items()}
    number = made.control.send(made.account.lists[role], subject, profile="clean", outcomes=people)
    made.clock.advance(32 * MINUTE)
    discover(made.services)
    ((key,),) = made.query("select campaign_key from campaign_schedule where mailjet_campaign_id = :n", n=number)
    return str(key)


def cards(made: Installation, title: str) -> list[str]:
    return [str(one) for one in made.cards() if title in str(one["blocks"][0])]


def status(made: Installation, key: str) -> str:
    return str(made.query("select status from campaign_schedule where campaign_key = :k", k=key)[0][0])


def by_other(found: Wrapup) -> dict[Other, str]:
    return {one.earlier.other: one.earlier.name for one in found.compared}


def test_the_first_figures_are_mailjets_and_are_told_once(small: Installation) -> None:
    key = sent(small, p1="user_unknown")
    assert [one.campaign_key for one in to_wrap_up(small.services)] == [key]
    small.control.reset_requests()
    found = wrap_up(small.services, key)
    assert [name for name in small.control.requests() if "api/" not in name] == ["GET statcounters"]
    shown = small.query(
        """select m.processed, m.delivered, m.hard_bounces from campaign_metrics m join campaign_schedule s
           on s.id = m.campaign_schedule_id where s.campaign_key = :k and m.sweep = 'wrapup'""",
        k=key,
    )
    assert shown == [(found.counts.processed, found.counts.delivered, 1)]
    assert found.counts.processed == found.counts.delivered + 1
    assert not found.runs_away
    assert status(small, key) == "COMPLETED"
    assert to_wrap_up(small.services) == []
    again = wrap_up(small.services, key)
    assert (again.counts, again.delivery) == (found.counts, None)
    assert len(cards(small, "Campaign Wrap-Up")) == 1


def test_it_is_held_against_the_round_before_and_the_last_send_to_the_same_list(small: Installation) -> None:
    wrap_up(small.services, sent(small))
    small.clock.advance(timedelta(days=2))
    found = wrap_up(small.services, sent(small, ListRole.CAMPAIGN_2))
    assert by_other(found)[Other.ROUND_BEFORE] == "Letter 3"
    (before, *_) = found.compared
    assert before.earlier.counts.is_early
    assert before.of(Figure.OPEN) is not None


def test_bounces_that_run_away_are_an_alarm(small: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    # The lists of this account are shorter than fifty contacts.
    monkeypatch.setattr(figures, "STAGES", replace(STAGES, runaway_from=1))
    key = sent(small, p1="user_unknown", p2="user_unknown", p3="mailbox_inactive")
    found = wrap_up(small.services, key)
    assert found.runs_away
    (alarm,) = cards(small, "Bounces Run Away")
    assert "find out why before the next round" in alarm


def test_it_is_neither_too_early_nor_a_day_late(small: Installation) -> None:
    small.control.send(small.account.lists[ListRole.CAMPAIGN_1], "Letter 3", profile="clean")
    small.clock.advance(29 * MINUTE)
    discover(small.services)
    with pytest.raises(RefusedError, match="less than half an hour"):
        wrap_up(small.services, small.key)
    small.clock.advance(timedelta(hours=24))
    assert to_wrap_up(small.services) == []
    with pytest.raises(RefusedError, match="a day after the launch"):
        wrap_up(small.services, small.key)
    assert [(one.stage, one.state) for one in follow_stages(small.services)] == []


def test_counters_that_are_not_there_yet_are_asked_for_again(small: Installation) -> None:
    key = sent(small)
    small.control.add_fault("drop_before", path="statcounters", count=None)
    with pytest.raises(TransientError):
        wrap_up(small.services, key)
    assert cards(small, "Wrap-Up") == []
    small.control.clear_faults()
    first = to_wrap_up(small.services)[0].run_key
    small.clock.advance(10 * MINUTE)
    assert to_wrap_up(small.services)[0].run_key != first
    assert wrap_up(small.services, key).delivery is not None


def test_the_sensor_starts_it_and_dagster_shows_the_figures(small: Installation) -> None:
    key = sent(small, p1="user_unknown")
    with dg.DagsterInstance.ephemeral() as instance:
        result = campaign_stages(dg.build_sensor_context(instance=instance, resources={"services": small.services}))
        (request,) = result.run_requests
        assert request.partition_key == key
        instance.add_dynamic_partitions("campaigns", [key])
        job = build_defs(dg.ResourceDefinition.hardcoded_resource(small.services)).resolve_job_def(
            "campaign_wrapup_job"
        )
        done = job.execute_in_process(instance=instance, partition_key=key)
    (materialized,) = done.asset_materializations_for_node("campaign_wrapup")
    assert materialized.metadata["hard_bounce_percent"].value > 0
    assert "run away" not in str(materialized.metadata["bounces"])


def test_a_campaign_that_is_still_sent_is_completed_once_it_ended(small: Installation) -> None:
    key = sent(small)
    small.query("update campaign_schedule set status = 'LAUNCHING' where campaign_key = :k returning 1", k=key)
    wrap_up(small.services, key)
    assert status(small, key) == "LAUNCHING"
    assert "tried so far" in cards(small, "Campaign Wrap-Up")[0]
    small.query("update campaign_schedule set status = 'SENT' where campaign_key = :k returning 1", k=key)
    follow_stages(small.services)
    assert status(small, key) == "COMPLETED"
    small.clock.advance(timedelta(hours=25))
    discover(small.services)
    assert status(small, key) == "COMPLETED"
    assert StageState.TOLD.value in {
        row[0] for row in small.query("select state from campaign_stage where stage = :s", s=Stage.WRAPUP.value)
    }


def test_where_slack_takes_no_charts_the_rates_stand_as_text(small: Installation) -> None:
    small.control.slack_scenario("charts_refused", count=None)
    found = wrap_up(small.services, sent(small, p1="user_unknown"))
    assert found.delivery is not None
    assert found.delivery.state is DeliveryState.SENT
    (card,) = cards(small, "Campaign Wrap-Up")
    assert "data_visualization" not in card
    assert "• Bounced: " in card
    assert "% of what was tried" in card
