"""``make demo``: a whole post-campaign maintenance on a rehearsal account, through the real sensor and the real job.

It starts the embedded servers, resets sandbox and databases together, lets Dagster's daemon find the campaign that was sent
25 hours ago, and prints what came of it. Its exit status is 0 only if what it claims was read back from the sandbox and
from the database.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from list_pipeline import stack
from list_pipeline.core.balance import deviation_percent
from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.core.plans import ItemAction, PlanKind, Sweep
from list_pipeline.defs.daemon import RunOutcome, running_daemon, wait_for_runs
from list_pipeline.logs import configure_logging
from list_pipeline.operations.maintenance import Maintenance, current
from list_pipeline.operations.services import Services
from list_pipeline.operations.setup import prepare
from list_pipeline.operations.shown import shown_items
from list_pipeline.sandbox.control import SandboxControl
from list_pipeline.settings import read_settings
from list_pipeline.stack.dev import write_dagster_home
from list_pipeline.storage import bounces, journal, maintenance, plans
from list_pipeline.storage.database import rows, scalar

CONTACTS = 3600
SEED = 7
CAMPAIGN_LIST_3 = 10503499
"""Id of the third list in the sandbox's seed."""
LEAVING = 150

console = Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 120)


@dataclass(slots=True)
class Proof:
    """A claim of the demo, and whether it was read back."""

    claim: str
    holds: bool


SCENARIOS = {
    "closed_cycle": "three cycles, the last round sent 25 hours ago",
    "open_cycle": "a cycle whose third round is still to come, and whose list many have left, so that some moves wait",
}


def run(scenario: str = "closed_cycle") -> int:
    """The demo. Returns the exit status."""
    if scenario not in SCENARIOS:
        console.print(f"There is no scenario {scenario!r}. Choose one of: {', '.join(SCENARIOS)}")
        return 2
    started = time.monotonic()
    if stack.dev_is_running():
        console.print("`make dev` is running on this checkout. Stop it first: the demo resets the databases.")
        return 1
    _say("Starting PostgreSQL, Redis and the sandbox")
    urls = stack.start()
    if urls.sandbox_url is None:
        console.print("The sandbox did not start.")
        return 1
    os.environ.update(stack.environment(urls))
    os.environ.update({"LIST_MANAGEMENT_MODE": "auto", "MAILJET_JOB_POLL_SECONDS": "0.3", "LOG_LEVEL": "warning"})
    control = SandboxControl(urls.sandbox_url)
    _say(f"Seeding an account of {CONTACTS:,} contacts: {SCENARIOS[scenario]}")
    _reset(control, scenario)
    environment = {**os.environ, "DAGSTER_HOME": str(write_dagster_home(urls))}
    os.environ["DAGSTER_HOME"] = environment["DAGSTER_HOME"]
    settings = read_settings()
    configure_logging(settings)
    with Services(settings) as services:
        prepare(services)
        _prepare_dagster(environment)
        _say("Mode: auto, set by this demo. A real first start only reads for 24 hours.")
        _say("Dagster's daemon starts; its sensor looks for campaigns that are due")
        with running_daemon(environment, urls.root / "demo-daemon.log") as daemon:
            outcomes = wait_for_runs(daemon, "post_campaign_maintenance", 1, lambda name: _say(f"  ✓ {name}"))
        return _show(services, control, outcomes, started)


def _say(words: str) -> None:
    console.print(words)


def _reset(control: SandboxControl, scenario: str) -> None:
    """Sandbox, product and Dagster databases together: run keys and serial numbers must not meet an older life."""
    for name in ("list_pipeline", "dagster"):
        stack.recreate_database(name)
    control.seed(scenario, contacts=CONTACTS, seed=SEED)
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


def _show(services: Services, control: SandboxControl, outcomes: list[RunOutcome], started: float) -> int:
    (outcome,) = outcomes
    run_ = current(services, outcome.partition_key)
    console.rule(f"Campaign {outcome.partition_key}")
    _show_bounces(services, run_)
    _show_suppressions(services, run_)
    _show_rebalancing(services, run_)
    _show_lists(services, run_)
    _show_requests(services, run_)
    message = control.slack_messages()
    console.rule("The message as it arrived in Slack")
    _show_message(message)
    proofs = _prove(services, control, run_, outcome, message)
    console.rule("Read back")
    for proof in proofs:
        console.print(f"{'✓' if proof.holds else '✗'} {proof.claim}")
    console.print(f"\nTook {time.monotonic() - started:.0f} s. Open the UI on this state with: make dev")
    return 0 if all(proof.holds for proof in proofs) else 1


def _show_bounces(services: Services, run_: Maintenance) -> None:
    with services.database.begin() as connection:
        events = bounces.events_of(connection, run_.campaign.campaign_id, run_.sweep.value)
    counted = Counter(event.bounce_class.value for event in events if not event.is_contradictory)
    table = Table("failures by class", "contacts", title_justify="left")
    for name, count in counted.most_common():
        table.add_row(name.replace("_", " "), f"{count:,}")
    console.print(table)


def _show_suppressions(services: Services, run_: Maintenance) -> None:
    plan = _plan(services, run_, PlanKind.SUPPRESSION)
    items = [one for one in shown_items(services, plan) if one.item.action is ItemAction.SUPPRESS]
    with services.database.begin() as connection:
        confirmed = {
            step.contact_id
            for step in journal.steps_of(connection, plan.plan_id, ["confirmed"])
            if step.action == "add"
        }
    table = Table("contact", "address", "why", "what happened")
    for one in items[:12]:
        done = "suppressed" if one.item.contact_id in confirmed else "waits for a person"
        table.add_row(str(one.item.contact_id), one.masked, one.item.explanation, done)
    console.print(table)
    console.print(
        f"{len(confirmed)} suppressed, {len(items) - len(confirmed)} wait; the first {min(12, len(items))} shown"
    )
    console.print(f"Why, in short ({plan.summary['advised_by']}): {plan.summary['rationale']}")


def _show_rebalancing(services: Services, run_: Maintenance) -> None:
    summary = _plan(services, run_, PlanKind.REBALANCING).summary
    before, after = summary["deviation_before_percent"], summary["deviation_after_percent"]
    console.print(f"\nRebalancing: deviation {before:.1f} % → {after:.1f} %")
    console.print(f"Certificate: {summary['certificate']}")
    if deferred := sum(summary["deferred_moves"].values()):
        console.print(f"Deferred until the cycle closes: {deferred} moves, {', '.join(summary['deferred_moves'])}")


def _show_lists(services: Services, run_: Maintenance) -> None:
    with services.database.begin() as connection:
        before, after = (
            maintenance.snapshot(connection, run_.campaign.campaign_id, run_.sweep.value, phase)
            for phase in ("before", "after")
        )
    table = Table("list", "mailable before", "after", "all entries before", "after")
    for role in ALL_LISTS:
        cells = (before[role][1], after[role][1], before[role][0], after[role][0])
        table.add_row(role.label, *(f"{cell:,}" for cell in cells))
    console.print(table)


def _show_requests(services: Services, run_: Maintenance) -> None:
    with services.database.begin() as connection:
        everything = int(scalar(connection, "select count(*) from mailjet_request"))
        syncs = int(scalar(connection, "select coalesce(sum(requests), 0) from sync_run"))
    console.print(
        f"Requests to Mailjet: {everything}, of which {syncs} read members, sends, recipients and past bounces"
    )


def _show_message(messages: Any) -> None:
    from list_pipeline.core.slack_blocks import SlackMessage, as_text

    for message in messages:
        console.print(as_text(SlackMessage(message["text"], message["blocks"])), markup=False)


def _plan(services: Services, run_: Maintenance, kind: PlanKind) -> plans.StoredPlan:
    with services.database.begin() as connection:
        plan = plans.current_plan(connection, run_.campaign.campaign_id, kind, Sweep.H24)
    if plan is None:
        raise AssertionError(f"the run ended without a {kind.value} plan")
    return plan


def _prove(
    services: Services, control: SandboxControl, run_: Maintenance, outcome: RunOutcome, messages: Any
) -> list[Proof]:
    """What the demo claims, compared with the sandbox's own state and with the database."""
    answers = control.answers()
    with services.database.begin() as connection:
        history = [
            int(row["contact_id"]) for row in rows(connection, "select contact_id from contact_suppression_history")
        ]
    contacts = {contact_id: control.contact(contact_id) for contact_id in history}
    campaign_ids = {services.list_ids[role] for role in CAMPAIGN_LISTS}
    suppression_id = services.list_ids.suppression
    lists = {contact_id: {place["list_id"] for place in seen["lists"]} for contact_id, seen in contacts.items()}
    sizes = control.lists()
    mailable = [sizes[services.list_ids[role]]["mailable"] for role in CAMPAIGN_LISTS]
    # A contact in two lists is one contact: it counts where it stands first, and stays where it is.
    for contact_id in answers["in_two_lists"]:
        places = sorted({place["list_id"] for place in control.contact(contact_id)["lists"]} & campaign_ids)
        mailable[sorted(campaign_ids).index(places[-1])] -= 1
    deviation = deviation_percent((mailable[0], mailable[1], mailable[2])) or 0.0
    never = ("sender_side_permanent", "preblocked", "single_soft", "ghosts", "unknown_state", "incident_domain")
    wronged = set(history) & {contact_id for name in never for contact_id in answers[name]}
    return [
        Proof("Dagster's run ended well", outcome.succeeded),
        Proof(f"the ledger says success (log {run_.log.log_id})", run_.log.status == "success"),
        Proof(
            f"all {len(history)} contacts of the history are on the suppression list, excluded, off the campaign lists",
            bool(history)
            and all(
                suppression_id in lists[i] and contacts[i]["excluded"] and not lists[i] & campaign_ids for i in history
            ),
        ),
        Proof("each of them once in the history", len(history) == len(set(history))),
        Proof("nobody was suppressed for the sender's fault, a block, one soft bounce or an incident", not wronged),
        _balance_proof(_plan(services, run_, PlanKind.REBALANCING).summary, deviation),
        Proof("one message arrived in Slack", len(messages) == 1),
    ]


def _balance_proof(summary: Mapping[str, Any], deviation: float) -> Proof:
    if not summary["restriction"]:
        return Proof(f"the lists are within 2 % of their mean ({deviation:.2f} %)", deviation <= 2)
    sent = set(summary["sent_in_open_cycle"])
    crossing = [pair for pair in summary["moves"] if len(sent & set(pair.split("->"))) == 1]
    planned = float(summary["deviation_after_percent"])
    return Proof(
        f"nobody moved between a mailed and an unmailed list; the deviation is what that allows ({deviation:.2f} %)",
        not crossing and abs(deviation - planned) < 0.005,
    )


if __name__ == "__main__":
    try:
        sys.exit(run(*sys.argv[1:2]))
    except ListPipelineError as error:
        console.print(f"Error: {error}", markup=False)
        sys.exit(1)
