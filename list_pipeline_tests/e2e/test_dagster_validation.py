"""The validation before a campaign as Dagster runs it: found by the sensor, one check a rule, blocked by what is critical."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg

from list_pipeline.core.validation.checklist import ValidationRule
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, materialized, metadata

SENSOR, JOB = "campaigns_to_validate", "pre_campaign_validation_job"


def test_a_scheduled_campaign_is_found_and_each_rule_is_a_check(home: DagsterHome) -> None:
    home.requests(SENSOR)
    (found,) = home.rehearsal.rows(
        """select campaign_key as key, (scheduled_date + scheduled_time) at time zone 'UTC' as at, round_number as round
           from campaign_schedule where mailjet_campaign_id is null"""
    )
    key = found["key"]
    assert home.instance.has_dynamic_partition("campaigns", key)
    # Somebody who is suppressed came back with somebody's import, under a new contact id.
    home.rehearsal.rows(
        """insert into contact_suppression_history (contact_id, email, suppressed_at, reason, added_to_suppression_list)
           select 1, upper(c.email), :now, 'hard_bounce', true
           from contact_list_membership c join list_membership m using (contact_id)
           where m.list_role = :role and m.left_at is null and not m.is_unsubscribed and not c.is_excluded
             and not c.is_anonymised limit 1 returning id""",
        role=f"campaign_{found['round']}",
        now=home.rehearsal.clock.now(),
    )
    home.rehearsal.clock.set(found["at"] - timedelta(hours=3))
    (request,) = home.requests(SENSOR)
    assert (request.partition_key, home.requests(SENSOR)[0].run_key) == (key, request.run_key)
    result = home.execute(request, JOB)
    assert result.success
    assert materialized(result) == {"pre_campaign_validation"}
    shown = metadata(result, "pre_campaign_validation")
    assert (shown["verdict"], shown["blocked"]) == ("critical", "yes")
    assert "Mailjet will still send it" in shown["at Mailjet"]
    assert "| nobody suppressed | critical |" in shown["rules"]
    checks = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert checks.keys() == {rule.value for rule in ValidationRule}
    assert not checks["nobody_suppressed"].passed
    assert checks["nobody_suppressed"].severity is dg.AssetCheckSeverity.ERROR
    assert checks["list_exists"].passed
    assert home.requests(SENSOR) == []
