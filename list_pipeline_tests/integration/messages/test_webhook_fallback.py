"""Without a bot token a report goes through the incoming webhook: once, and never again when it may have arrived."""

from __future__ import annotations

from typing import Any

import pytest

from list_pipeline.operations.maintenance.workflow import maintain
from list_pipeline.operations.messages.outbox import Delivery
from list_pipeline.operations.reports.maintenance_report import notify, write_report
from list_pipeline.operations.runs.run import current
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import Installation

pytestmark = pytest.mark.long


def _webhook(small: Installation, path: str = "/services/T000/B000/hook") -> Services:
    return small.another(slack_bot_token=None, slack_webhook_url=small.server.url + path)


def _notify(services: Services, key: str) -> Delivery:
    run = current(services, key)
    return notify(services, run, write_report(services, run))


def _messages(small: Installation) -> list[Any]:
    return list(small.cards())


def test_the_report_arrives_through_the_webhook_and_is_sent_once(small: Installation) -> None:
    services = _webhook(small)
    done = maintain(services, small.key)
    assert (done.delivery.state, done.delivery.channel) == ("sent", "webhook")
    assert _notify(services, small.key).state == "sent"
    assert len(_messages(small)) == 1


def test_a_webhook_that_cannot_be_reached_fails_no_run_and_is_tried_again(small: Installation) -> None:
    broken = small.another(slack_bot_token=None, slack_webhook_url="http://127.0.0.1:9/services/T0/B0/hook")
    done = maintain(broken, small.key)
    assert done.report.facts.status == "success"
    assert done.delivery.state == "failed"
    assert _notify(_webhook(small), small.key).state == "sent"
    assert len(_messages(small)) == 1


def test_a_message_that_may_have_arrived_is_not_sent_again_through_the_webhook(small: Installation) -> None:
    small.control.slack_scenario("lost_answer", method="webhook", times=1)
    services = _webhook(small)
    assert maintain(services, small.key).delivery.state == "unknown"
    assert _notify(services, small.key).state == "unknown"
    assert len(_messages(small)) == 1


def test_without_token_and_webhook_the_report_stays_in_the_database(small: Installation) -> None:
    done = maintain(small.another(slack_bot_token=None), small.key)
    assert done.delivery.state == "skipped"
    assert "SLACK_WEBHOOK_URL" in (done.delivery.error or "")
    assert _messages(small) == []
