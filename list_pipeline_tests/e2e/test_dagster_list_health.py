"""List health as Dagster runs it: one step with the suppression plan, either of them alone, checks that stop nothing."""

from __future__ import annotations

import dagster as dg

from list_pipeline.defs.maintenance.suppression import LIST_HEALTH, SUPPRESSION_PLAN, suppression_plan_and_list_health
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, materialized, metadata


def test_the_assessments_are_made_beside_the_plan_and_can_be_looked_at_alone(
    home: DagsterHome, due: dg.RunRequest
) -> None:
    result = home.execute(due)
    assert result.success
    assert {LIST_HEALTH, SUPPRESSION_PLAN} == set(suppression_plan_and_list_health.keys)
    shown = metadata(result, "list_health_assessments")
    for role in ("List 1", "List 2", "List 3"):
        assert f"| {role} |" in shown["lists"]
        assert f"{role}:" in shown["rationale"]
    assert "cannot tell yet" in shown["lists"]
    assert isinstance(shown["campaign_1_mailable"], int)
    checks = {one.check_name: one for one in result.get_asset_check_evaluations() if one.asset_key == LIST_HEALTH}
    assert checks.keys() == {
        "no_list_is_critical",
        "every_list_is_healthy",
        "bounces_do_not_degrade",
        "no_list_shrinks_fast",
    }
    assert {one.severity for one in checks.values()} == {dg.AssetCheckSeverity.WARN}

    stored = home.rehearsal.rows("select * from list_health_assessment order by assessment_id")
    records = home.rehearsal.rows("select * from agent_record where agent = 'list_health'")
    assert len(stored) == 3
    again = home.defs.resolve_job_def("post_campaign_maintenance").execute_in_process(
        instance=home.instance, partition_key=due.partition_key, asset_selection=[LIST_HEALTH]
    )
    assert again.success
    assert materialized(again) == {"list_health_assessments"}
    assert metadata(again, "list_health_assessments")["lists"] == shown["lists"]
    assert home.rehearsal.rows("select * from list_health_assessment order by assessment_id") == stored
    assert home.rehearsal.rows("select * from agent_record where agent = 'list_health'") == records
