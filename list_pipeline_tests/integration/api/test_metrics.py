"""``GET /metrics``: what a monitor collects, for whoever has a token, and the clock that the service writes by."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from list_pipeline.core.monitoring.exported import EXPORTED, PREFIX
from list_pipeline.core.tokens import Role
from list_pipeline.operations.services import Services
from list_pipeline.storage.server_clock import ServerClock
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import WORD, Api, served


@pytest.fixture
def api(small: Installation) -> Iterator[Api]:
    services = small.another(event_webhook_password=WORD)
    with served(services) as http:
        yield Api(services, http)


def test_a_monitor_with_a_token_collects_every_figure(small: Installation, api: Api) -> None:
    answer = api.ask(Role.READER, "GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert {family.name for family in text_string_to_metric_families(answer.text)} == {
        PREFIX + metric.name for metric in EXPORTED
    }


def test_nobody_without_a_token_sees_a_figure(small: Installation, api: Api) -> None:
    for path in ("/metrics", "/metrics/", "/metrics?x=1"):
        answer = api.http.get(path)
        assert answer.status_code == 401
        assert PREFIX not in answer.text


def test_a_look_at_the_services_leaves_the_clock_that_requests_write_by(small: Installation) -> None:
    settings = small.another(event_webhook_password=WORD).settings
    with Services(settings) as services:
        clock = services.clock
        assert isinstance(clock, ServerClock)
        with served(services) as http:
            assert http.get("/health").status_code in (200, 503)
        assert not clock.may_guess
