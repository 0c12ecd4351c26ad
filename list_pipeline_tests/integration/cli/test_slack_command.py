"""`list-pipeline slack` as a process of its own: it hears a click, and ends cleanly when it is told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.operations.reviewers import link_reviewer
from list_pipeline.sandbox.slack.service import SlackService
from list_pipeline_tests.integration.desks import ALICE, Desk, slack_settings
from list_pipeline_tests.integration.integrations.test_slack_socket import until
from list_pipeline_tests.integration.offices import office
from list_pipeline_tests.integration.views.serving import Served, serving
from list_pipeline_tests.paths import CHECKOUT

LONG_S = 60.0


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str, tmp_path: Path) -> Iterator[Desk]:
    """An office and a channel, and nobody who listens yet."""
    url = copy_of(migrated)
    with office(url) as plain:
        service = SlackService(tmp_path, plain.clock)
    with serving(service, "slack") as slack, office(url, **slack_settings(slack)) as made:
        link_reviewer(made.services, ALICE, "Ada", by="Ada")
        yield Desk(made, slack, None)  # type: ignore[arg-type]
    service.close()


@contextmanager
def listening(here: Desk, **more: str) -> Iterator[subprocess.Popen[str]]:
    settings = here.office.services.settings
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "DATABASE_URL": settings.secret("database_url"),
        "SLACK_BOT_TOKEN": "xoxb-sandbox",
        "SLACK_APP_TOKEN": "xapp-sandbox",
        "SLACK_BASE_URL": settings.slack_base_url,
        "SLACK_CHANNEL_ID": settings.slack_channel_id,
        **more,
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "list_pipeline.cli", "slack"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_hears_a_click_and_ends_cleanly_when_told_to(here: Desk, number: signal.Signals) -> None:
    plan, ts = here.asked()
    with listening(here) as process:
        until(lambda: connected(here.slack), LONG_S)
        here.slack.control("press", {"ts": ts, "action_id": "approve", "user": ALICE})
        until(lambda: here.office.stored(plan.plan_id).status is PlanStatus.APPROVED, LONG_S)
        until(lambda: here.buttons(ts) == [], LONG_S)
        process.send_signal(number)
        said, errors = process.communicate(timeout=LONG_S)
    assert process.returncode == 0, errors
    assert "Listening for clicks in Slack" in said
    assert "Traceback" not in errors
    for secret in ("xapp-", "xoxb-", "ticket="):
        assert secret not in said + errors


def connected(slack: Served) -> bool:
    return bool(slack.control("socket")["connected"])


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"SLACK_APP_TOKEN": "xapp-bad"}, "SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN is not set"),
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN is not set"),
        ({"SLACK_APP_TOKEN": "xoxb-sandbox"}, "xapp-"),
    ],
)
def test_what_is_missing_or_refused_ends_it_and_is_named(here: Desk, more: dict[str, str], named: str) -> None:
    with listening(here, **more) as process:
        said, errors = process.communicate(timeout=LONG_S)
    assert process.returncode == 1
    assert named in errors
    assert "Traceback" not in said + errors
    assert "xapp-bad" not in errors
