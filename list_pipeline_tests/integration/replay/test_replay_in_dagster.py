"""The asset of a campaign and the job for many: what people see, backfilled or launched, and that nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg
import pytest

from list_pipeline.defs.build import build_defs
from list_pipeline.defs.replay.shown import campaign_metadata
from list_pipeline.operations.replay.replay import ReplayRequest, replay
from list_pipeline_tests.integration.accounts import quietly
from list_pipeline_tests.integration.replay.twelve_campaigns import Played

PEERS = ("listmonk", "civicrm", "mailchimp", "any-5xx")


@pytest.fixture
def instance(played: Played) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("campaigns", played.keys)
        yield made


def defs_of(played: Played) -> dg.Definitions:
    return build_defs(dg.ResourceDefinition.hardcoded_resource(played.made.services))


def materialized(played: Played, instance: dg.DagsterInstance, key: str) -> Mapping[str, Any]:
    asset = defs_of(played).get_assets_def("policy_replay")
    result = dg.materialize(
        [asset],
        partition_key=key,
        instance=instance,
        resources={"services": played.made.services},
        selection=[asset],
    )
    assert result.success
    (made,) = result.asset_materializations_for_node("policy_replay")
    return {name: value.value for name, value in made.metadata.items()}


def launched(played: Played, instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    return (
        defs_of(played)
        .resolve_job_def("replay_policy")
        .execute_in_process(
            instance=instance, run_config={"ops": {"show_replay": {"config": config}}}, raise_on_error=False
        )
    )


def test_each_campaign_shows_whom_each_rule_set_removes_with_charts(
    played: Played, instance: dg.DagsterInstance
) -> None:
    plans = played.made.query("select count(*), max(plan_id) from plan")
    played.made.control.reset_requests()
    found = {key: materialized(played, instance, key) for key in (played.keys[0], played.keys[3], played.keys[7])}
    outage, block = found[played.keys[3]], found[played.keys[7]]
    struck = len(played.struck | played.gone)
    assert (outage["ours_removed"], outage["ours_held"]) == (0, struck)
    assert [outage[f"{name.replace('-', '_')}_removed"] for name in PEERS] == [struck] * 4
    assert outage["differences"] == struck
    # Seen from this campaign alone, too: later sends reached those whom the outage struck.
    assert (outage["ours_good"], outage["listmonk_good"]) == (0, len(played.struck))
    assert (block["ours_removed"], block["mailchimp_removed"], block["civicrm_removed"]) == (0, 0, len(played.blocked))
    assert found[played.keys[0]]["differences"] == 0
    for name in ("removed", "removed wrongly", "removed after this campaign"):
        assert "data:image/svg+xml" in outage[name]
    assert "Held: more contacts" in outage["who and why"]
    assert "@" not in str(found)
    assert played.made.query("select count(*), max(plan_id) from plan") == plans
    assert played.made.control.requests() == {}


def test_a_campaign_without_a_whole_reading_says_so_and_one_that_does_not_exist_fails(
    played: Played, instance: dg.DagsterInstance
) -> None:
    found = replay(played.made.services, ReplayRequest(rules=("ours",)), quietly)
    assert campaign_metadata(found, "2026-12-24-r1-1")["state"].value.startswith("NOT REPLAYED. ")
    instance.add_dynamic_partitions("campaigns", ["2020-01-01-r1-1"])
    result = dg.materialize(
        [defs_of(played).get_assets_def("policy_replay")],
        partition_key="2020-01-01-r1-1",
        instance=instance,
        resources={"services": played.made.services},
        raise_on_error=False,
    )
    assert not result.success


def test_the_job_tries_figures_that_somebody_fills_in(played: Played, instance: dg.DagsterInstance) -> None:
    result = launched(
        played, instance, campaigns=12, rules=["ours"], figures={"grace_days": "0", "incidents.least_hard": "999"}
    )
    assert result.success
    (output,) = [e for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_OUTPUT]
    shown = output.step_output_data.metadata
    assert "grace\\_days 0, incidents.least\\_hard 999" in str(shown["rule sets"].value)
    assert int(str(shown["differences"].value)) >= len(played.struck)
    assert str(shown["replayed"].value).endswith("Nothing was changed.")


@pytest.mark.parametrize(
    "config",
    [{"rules": ["nobody's"]}, {"figures": {"grace_days": "many"}}, {"sent_from": "yesterday"}, {"campaigns": -1}],
)
def test_what_the_job_cannot_do_fails_with_a_sentence(
    played: Played, instance: dg.DagsterInstance, config: dict[str, Any]
) -> None:
    result = launched(played, instance, **config)
    assert not result.success
    (failure,) = [e for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_FAILURE]
    assert "Replaying the policy: " in str(
        failure.step_failure_data.user_failure_data or failure.step_failure_data.error
    )
