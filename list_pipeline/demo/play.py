"""The order of the demo: servers, a made-up account, and then what a week brings, each part through Dagster's daemon.

Belongs here: starting, resetting, the order, the exit status, which is 0 only if every proof holds. Does not belong here:
what a part does, shows and proves.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from list_pipeline import stack
from list_pipeline.cli.five_lists import confirm_five_lists
from list_pipeline.core.wording import duration_text
from list_pipeline.demo import after_the_send, blocked_campaign, cached_views, weekly_check
from list_pipeline.demo.dagster_daemon import running_daemon
from list_pipeline.demo.showing import Stage, console, say, show_messages
from list_pipeline.logs import configure_logging
from list_pipeline.operations.services import Services
from list_pipeline.operations.setup import prepare
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.settings import read_settings
from list_pipeline.stack.dev import write_dagster_home

CONTACTS = 3600
SEED = 7
CAMPAIGN_LIST_3 = 10503499
"""Id of the third list in the sandbox's seed."""
LEAVING = 150

SCENARIOS = {
    "closed_cycle": "three cycles, the last round sent 25 hours ago",
    "open_cycle": "a cycle whose third round is still to come, and whose list many have left, so that some moves wait",
}


def run(scenario: str = "closed_cycle") -> int:
    """The demo. Returns the exit status."""
    if scenario not in SCENARIOS:
        say(f"There is no scenario {scenario!r}. Choose one of: {', '.join(SCENARIOS)}")
        return 2
    started = time.monotonic()
    if stack.dev_is_running():
        say("`make dev` is running on this checkout. Stop it first: the demo resets the databases.")
        return 1
    say("Starting PostgreSQL, Redis and the sandbox")
    urls = stack.start()
    if urls.sandbox_url is None:
        say("The sandbox did not start.")
        return 1
    if urls.redis_url is None:
        say("There is no Redis on this machine: everything goes on, and what people look at is read anew each time.")
    os.environ.update(stack.environment(urls))
    os.environ.update({"LIST_MANAGEMENT_MODE": "auto", "MAILJET_JOB_POLL_SECONDS": "0.3", "LOG_LEVEL": "warning"})
    # The latest check that is due is then never older than an hour, so that its week has the campaign in it.
    now = datetime.now(UTC)
    os.environ["WEEKLY_HEALTH_CHECK_DAY"] = str(now.isoweekday() % 7)
    os.environ["WEEKLY_HEALTH_CHECK_HOUR"] = str(now.hour)
    control = SandboxControl(urls.sandbox_url)
    say(f"Seeding an account of {CONTACTS:,} contacts: {SCENARIOS[scenario]}")
    _reset(control, scenario)
    environment = {**os.environ, "DAGSTER_HOME": str(write_dagster_home(urls))}
    os.environ["DAGSTER_HOME"] = environment["DAGSTER_HOME"]
    settings = read_settings()
    configure_logging(settings)
    with Services(settings) as services:
        prepare(services)
        _prepare_dagster(environment)
        _confirm_lists(services, control)
        say("Mode: auto, set by this demo. A real first start only reads for 24 hours.")
        say("Dagster's daemon starts; its sensors look for what is due")
        with running_daemon(environment, urls.root / "demo-daemon.log") as daemon:
            stage = Stage(services, control, daemon, environment, urls.root)
            after_the_send.play(stage)
            with weekly_check.asked_for(stage) as play_week:
                # The launch takes some seconds; meanwhile others look.
                cached_views.play(stage)
                play_week()
            blocked_campaign.play(stage)
    return _read_back(stage, started)


def _reset(control: SandboxControl, scenario: str) -> None:
    """Sandbox and databases together: run keys, serial numbers and counts must not meet an older life. What an older
    life left in Redis belongs to another installation, and ends there by itself."""
    for name in ("list_pipeline", "dagster"):
        stack.recreate_database(name)
    # The demo programs the next campaign itself, for a time at which its validation is due.
    control.seed(scenario, contacts=CONTACTS, seed=SEED, schedule_next=False)
    if scenario == "open_cycle":
        _let_people_leave_list_3(control)
    control.clear_slack()
    control.clear_gemini()
    control.reset_requests()


def _let_people_leave_list_3(control: SandboxControl) -> None:
    """The list that is still to be sent needs contacts from the lists that were sent: nobody may move there yet."""
    sent = [send for send in control.ledger() if send["list_id"] == CAMPAIGN_LIST_3]
    for contact_id in sorted(sent[-1]["contact_ids"])[:LEAVING]:
        control.unsubscribe(contact_id, CAMPAIGN_LIST_3)


def _prepare_dagster(environment: dict[str, str]) -> None:
    command = [str(Path(sys.executable).parent / "dagster"), "instance", "migrate"]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def _confirm_lists(services: Services, control: SandboxControl) -> None:
    """The first reading, and the one step of a first start that needs a person; what Slack said of it is shown here only."""
    say("The lists are read for the first time")
    synchronise(services, progress=lambda _: None)
    say(
        "A person looks at the five lists and confirms them: list-pipeline lists --confirm --by NAME. Here the demo does"
    )
    confirm_five_lists(services, by="the demo", note="a made-up account", despite=False)
    show_messages(control.slack_messages())
    control.clear_slack()
    control.reset_requests()


def _read_back(stage: Stage, started: float) -> int:
    console.rule("Read back from the rehearsal Mailjet, Slack and the database")
    for proof in stage.proofs:
        say(f"{'✓' if proof.holds else '✗'} {proof.claim}")
    say(f"\nTook {duration_text(time.monotonic() - started)}. See all of it in Dagster's UI with: make dev")
    return 0 if stage.proofs and all(proof.holds for proof in stage.proofs) else 1
