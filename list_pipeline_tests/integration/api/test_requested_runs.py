"""What was asked for over HTTP is started by Dagster: each request once, and also after nobody looked for long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from list_pipeline.core.run_requests import run_key
from list_pipeline.core.tokens import Principal, Role
from list_pipeline.defs.build import build_defs
from list_pipeline.operations.run_requests.asking import request_health_check, request_maintenance, requests_to_start
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Installation

ADA = Principal("Ada", Role.OPERATOR, "token 1", 1)


@dg.job
def stand_in() -> None:
    """A run of it shows that Dagster took a key up."""


def ask(
    services: Services, instance: dg.DagsterInstance, sensor: str = "requested_runs"
) -> dg.SensorResult | dg.SkipReason:
    @dg.resource
    def shared(_: dg.InitResourceContext) -> Iterator[Services]:
        yield services

    definitions = build_defs(shared)
    with dg.build_sensor_context(
        instance=instance, definitions=definitions, sensor_name=sensor, resources={"services": shared}
    ) as context:
        result = definitions.resolve_sensor_def(sensor)(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    return result


def test_each_request_is_asked_for_under_one_key_until_its_run_is_there(small: Installation) -> None:
    request_maintenance(small.services, small.key, ADA)
    request_health_check(small.services, ADA)
    small.clock.advance(timedelta(hours=5))
    first, second = requests_to_start(small.services)
    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            result = ask(small.services, instance)
            assert isinstance(result, dg.SensorResult)
            wanted = {(one.run_key, one.job_name, one.partition_key) for one in result.run_requests or ()}
            assert wanted == {
                (run_key(first.request_id), "post_campaign_maintenance", small.key),
                (run_key(second.request_id), "weekly_health_check", second.partition_key),
            }
        for one in (first, second):
            instance.create_run_for_job(stand_in, tags={"dagster/run_key": run_key(one.request_id)})
        assert isinstance(ask(small.services, instance), dg.SkipReason)
    assert requests_to_start(small.services) == ()


def test_switched_off_nothing_is_started_and_the_request_stays(small: Installation) -> None:
    request_maintenance(small.services, small.key, ADA)
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(ask(small.another(list_management_enabled=False), instance), dg.SkipReason)
    assert len(requests_to_start(small.services)) == 1
