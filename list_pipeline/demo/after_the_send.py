"""The maintenance after a send: found by the sensor, shown table by table, and read back contact by contact."""

from __future__ import annotations

from collections import Counter

from rich.table import Table

from list_pipeline.core.bounces.classes import count_by_class
from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind, Sweep
from list_pipeline.core.quarantine.life import QuarantineState
from list_pipeline.core.rebalancing.balance import RebalancingSummary, deviation_percent, pair_of
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.wording import WAITS, percent_text
from list_pipeline.demo.showing import Stage, cards, console, show_messages
from list_pipeline.operations.quarantine.release import quarantined
from list_pipeline.operations.runs.run import Maintenance, current
from list_pipeline.operations.services import Services
from list_pipeline.operations.views.masked_items import shown_items
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage.database import fetch_all, fetch_scalar
from list_pipeline.storage.plans import journal, plan_rows
from list_pipeline.storage.runs import ledger


def play(stage: Stage) -> None:
    """Wait until the sensor has found the campaign that is due and its run has ended, and show what came of it."""
    services = stage.services
    outcome = stage.one_run("post_campaign_maintenance")
    run = current(services, outcome.partition_key)
    console.rule(f"Campaign {outcome.partition_key}")
    _show_bounces(services, run)
    _show_suppressions(services, run)
    _show_rebalancing(services, run)
    _show_lists(services, run)
    _show_requests(services)
    messages = stage.new_messages()
    show_messages(messages)
    _prove(stage, run)
    stage.prove("one message about the maintenance arrived in Slack", len(cards(messages)) == 1)


def _show_bounces(services: Services, run_: Maintenance) -> None:
    with services.database.begin() as connection:
        events = bounce_rows.events_of(connection, run_.campaign.campaign_id, run_.sweep.value)
    counted = Counter(count_by_class(events))
    table = Table("failures by class", "contacts", title_justify="left")
    for bounce_class, count in (+counted).most_common():
        table.add_row(bounce_class.value.replace("_", " "), f"{count:,}")
    console.print(table)


def _show_suppressions(services: Services, run_: Maintenance) -> None:
    plan = _plan(services, run_, PlanKind.SUPPRESSION)
    items = [one for one in shown_items(services, plan) if one.item.action is ItemAction.SUPPRESS]
    with services.database.begin() as connection:
        confirmed = {
            step.contact_id
            for step in journal.steps_of(connection, plan.plan_id, StepState.CONFIRMED)
            if step.action is StepAction.ADD
        }
    table = Table("contact", "address", "why", "what happened")
    for one in items[:12]:
        done = "suppressed" if one.item.contact_id in confirmed else WAITS
        table.add_row(str(one.item.contact_id), one.masked, one.item.explanation, done)
    console.print(table)
    console.print(
        f"{len(confirmed)} suppressed, {len(items) - len(confirmed)} wait; the first {min(12, len(items))} shown"
    )
    summary = plan.suppression_summary
    console.print(f"Why, in short ({summary.advised_by.value}): {summary.rationale}")


def _show_rebalancing(services: Services, run_: Maintenance) -> None:
    summary = _plan(services, run_, PlanKind.REBALANCING).rebalancing_summary
    before, after = summary.deviation_before_percent, summary.deviation_after_percent
    console.print(f"\nRebalancing, after the suppressions: deviation {percent_text(before)} → {percent_text(after)}")
    console.print(f"Certificate: {summary.certificate}")
    if deferred := summary.deferred_move_count:
        console.print(f"Deferred until the cycle closes: {deferred} moves, {', '.join(summary.deferred_moves)}")


def _show_lists(services: Services, run_: Maintenance) -> None:
    with services.database.begin() as connection:
        before, after = (
            ledger.snapshot(connection, run_.campaign.campaign_id, run_.sweep.value, phase)
            for phase in ("before", "after")
        )
    table = Table("list", "mailable before", "after", "all entries before", "after")
    for role in ALL_LISTS:
        cells = (before[role][1], after[role][1], before[role][0], after[role][0])
        table.add_row(role.label, *(f"{cell:,}" for cell in cells))
    console.print(table)


def _show_requests(services: Services) -> None:
    with services.database.begin() as connection:
        everything = int(fetch_scalar(connection, "select count(*) from mailjet_request"))
        syncs = int(fetch_scalar(connection, "select coalesce(sum(requests), 0) from sync_run"))
    console.print(
        f"Requests to Mailjet: {everything}, of which {syncs} read members, sends, recipients and past bounces"
    )


def _plan(services: Services, run_: Maintenance, kind: PlanKind) -> plan_rows.StoredPlan:
    with services.database.begin() as connection:
        plan = plan_rows.current_plan(connection, run_.campaign.campaign_id, kind, Sweep.H24)
    if plan is None:
        raise IncompleteDataError(
            f"Looking for the {kind.value} plan", "the run ended without one", "Look at its errors in the Dagster UI"
        )
    return plan


def _prove(stage: Stage, run_: Maintenance) -> None:
    """Compare the demo's claims with the sandbox's own state and with the database."""
    services, control = stage.services, stage.control
    answers = control.answers()
    with services.database.begin() as connection:
        history = [
            int(row["contact_id"])
            for row in fetch_all(connection, "select contact_id from contact_suppression_history")
        ]
    contacts = {contact_id: control.contact(contact_id) for contact_id in history}
    campaign_ids = {services.list_ids[role] for role in CAMPAIGN_LISTS}
    suppression_id = services.list_ids.suppression
    lists = {contact_id: {place["list_id"] for place in seen["lists"]} for contact_id, seen in contacts.items()}
    never = ("sender_side_permanent", "preblocked", "single_soft", "ghosts", "unknown_state", "incident_domain")
    wronged = set(history) & {contact_id for name in never for contact_id in answers[name]}
    stage.prove(f"the ledger says success (log {run_.log.log_id})", run_.log.status is RunStatus.SUCCESS)
    stage.prove(
        f"all {len(history)} contacts of the history are on the suppression list, excluded, off the campaign lists",
        bool(history)
        and all(
            suppression_id in lists[i] and contacts[i]["excluded"] and not lists[i] & campaign_ids for i in history
        ),
    )
    stage.prove("each of them once in the history", len(history) == len(set(history)))
    stage.prove("nobody was suppressed for the sender's fault, a block, one soft bounce or an incident", not wronged)
    _prove_balance(stage, _plan(services, run_, PlanKind.REBALANCING).rebalancing_summary, _deviation(stage))


def _deviation(stage: Stage) -> float:
    """The deviation of the sandbox's lists in percent."""
    control, list_ids = stage.control, stage.services.list_ids
    campaign_ids = [list_ids[role] for role in CAMPAIGN_LISTS]
    sizes = control.lists()
    mailable = [sizes[list_id]["mailable"] for list_id in campaign_ids]
    # Who is in quarantine is present: not mailed for some days, and nobody is moved because of that.
    for one in quarantined(stage.services):
        for place in control.contact(one.contact_id)["lists"]:
            if one.state is QuarantineState.ACTIVE and place["list_id"] in campaign_ids:
                mailable[campaign_ids.index(place["list_id"])] += 1
    return deviation_percent((mailable[0], mailable[1], mailable[2])) or 0.0


def _prove_balance(stage: Stage, summary: RebalancingSummary, deviation: float) -> None:
    if not summary.restriction:
        stage.prove(f"the lists are within 2 % of their mean ({percent_text(deviation)})", deviation <= 2)
        return
    sent = set(summary.sent_in_open_cycle)
    crossing = [flow for flow in summary.moves if len(sent & set(pair_of(flow))) == 1]
    planned = summary.deviation_after_percent
    stage.prove(
        f"nobody moved between a mailed and an unmailed list; the deviation is what that allows ({percent_text(deviation)})",
        not crossing and planned is not None and abs(deviation - planned) < 0.005,
    )
