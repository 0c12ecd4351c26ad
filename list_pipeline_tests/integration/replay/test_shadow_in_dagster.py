"""Shadow mode from the Launchpad: started, shown and stopped by a person, with sentences where it cannot be."""

from __future__ import annotations

from typing import Any

import dagster as dg

from list_pipeline.defs.build import build_defs
from list_pipeline_tests.integration.accounts import Installation

SAID = {"by": "A. Person", "note": "fewer second chances"}


def launched(made: Installation, job: str, op: str, **config: Any) -> dg.ExecuteInProcessResult:
    defs = build_defs(dg.ResourceDefinition.hardcoded_resource(made.services))
    run_config = {"ops": {op: {"config": config}}} if config else {}
    return defs.resolve_job_def(job).execute_in_process(run_config=run_config, raise_on_error=False)


def shown(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    assert result.success
    (output,) = [e for e in result.all_events if e.event_type is dg.DagsterEventType.STEP_OUTPUT]
    return {name: value.value for name, value in output.step_output_data.metadata.items()}


def test_a_shadow_is_started_shown_and_stopped(small: Installation) -> None:
    before = shown(launched(small, "show_shadow_policy", "look_at_shadow"))
    assert before == {"state": "No changed policy ever judged beside the present one."}
    started = launched(small, "start_shadow_policy", "begin_shadow", figures={"grace_days": "0"}, campaigns=3, **SAID)
    assert shown(started)["state"] == "Shadow policy, campaign 0 of 3: nothing of it is carried out."
    small.maintain()
    found = shown(launched(small, "show_shadow_policy", "look_at_shadow"))
    assert found["state"] == "Shadow policy, campaign 1 of 3: nothing of it is carried out."
    assert found["started"] == "by A. Person: fewer second chances"
    assert (found["suppressed_more"], found["suppressed_fewer"]) == (0, 0)
    assert "@" not in str(found)
    ended = shown(launched(small, "stop_shadow_policy", "end_shadow", **SAID))
    assert ended["state"] == "Shadow policy, ended by A. Person after 1 of 3 campaigns: fewer second chances"


def test_what_cannot_be_started_or_stopped_fails(small: Installation) -> None:
    assert not launched(small, "stop_shadow_policy", "end_shadow", **SAID).success
    assert not launched(small, "start_shadow_policy", "begin_shadow", figures={"graze": "0"}, **SAID).success
    nobody = {**SAID, "by": "jane.doe@example.com"}
    assert not launched(small, "start_shadow_policy", "begin_shadow", figures={"grace_days": "0"}, **nobody).success
    assert small.query("select count(*) from shadow_policy") == [(0,)]
