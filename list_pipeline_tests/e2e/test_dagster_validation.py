"""The validation before a campaign as Dagster runs it: found by the sensor, one check a rule, blocked by what is critical."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import dagster as dg

from list_pipeline.core.validation.checklist import ValidationRule
from list_pipeline_tests.e2e.dagster_runs import DagsterHome, failures, materialized, metadata

SENSOR, JOB = "campaigns_to_validate", "pre_campaign_validation_job"


def scheduled(home: DagsterHome) -> list[dict[str, Any]]:
    """The campaigns that the sensor finds among the drafts."""
    home.requests(SENSOR)
    return home.rehearsal.rows(
        """select campaign_key as key, (scheduled_date + scheduled_time) at time zone 'UTC' as at, round_number as round
           from campaign_schedule where mailjet_campaign_id is null"""
    )


def test_a_scheduled_campaign_is_found_and_each_rule_is_a_check(home: DagsterHome) -> None:
    (found,) = scheduled(home)
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


def test_what_is_sent_or_taken_back_before_its_validation_begins_is_no_failed_run(home: DagsterHome) -> None:
    (found,) = scheduled(home)
    home.rehearsal.clock.set(found["at"] - timedelta(minutes=2))
    (request,) = home.requests(SENSOR)
    home.rehearsal.clock.set(found["at"] + timedelta(minutes=2))
    overtaken = home.run(found["key"], JOB, **{"dagster/sensor_name": SENSOR})
    assert overtaken.success
    assert materialized(overtaken) == set()
    assert list(overtaken.get_asset_check_evaluations()) == []
    assert request.partition_key == found["key"]
    # Whoever asks for it by hand is told why there is none.
    asked = home.run(found["key"], JOB)
    assert not asked.success
    assert "it was sent already" in failures(asked)["pre_campaign_validation"]


def test_a_validation_is_asked_for_within_a_minute_while_mailjet_is_looked_at_every_five(home: DagsterHome) -> None:
    (found,) = scheduled(home)
    resource = home.defs.resolve_sensor_def(SENSOR)
    due_at = min(found["at"].replace(hour=6, minute=0), found["at"] - timedelta(hours=3, minutes=15))
    home.rehearsal.clock.set(due_at - timedelta(minutes=1))
    cursor, asked, looked = None, [], []
    for _ in range(13):
        home.rehearsal.control.reset_requests()
        with dg.build_sensor_context(
            instance=home.instance,
            definitions=home.defs,
            sensor_name=SENSOR,
            resources={"services": home.services},
            cursor=cursor,
        ) as context:
            result = resource(context)
            cursor = context.cursor
        assert isinstance(result, dg.SensorResult)
        asked.append(bool(result.run_requests))
        looked.append(any("campaigndraft" in name for name in home.rehearsal.control.requests()))
        home.rehearsal.pass_time(seconds=30)
    assert asked == [False, False, *[True] * 11]
    assert [number for number, was_looked in enumerate(looked) if was_looked] == [0, 10]
