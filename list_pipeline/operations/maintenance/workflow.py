"""Post-campaign maintenance from beginning to end, for callers without Dagster: the command line and the tests.

The assets call the same operations one by one; the order stands here once for people to read.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.core.errors import ListPipelineError, RefusedError
from list_pipeline.core.health.assessment import HealthAssessment
from list_pipeline.core.plans.gate import GateDecision, GateOutcome
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, TURNED_DOWN, PlanKind, PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.wording import WAITS
from list_pipeline.operations.advice.advisors import access_for
from list_pipeline.operations.bounces import fetch as bounces
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.health import assessments as health
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.maintenance import gates
from list_pipeline.operations.messages.outbox import Delivery
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.quarantine.release import release_due
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.reports.maintenance_report import Report, final_status, notify, write_report
from list_pipeline.operations.runs.run import (
    Maintenance,
    begin,
    current,
    end,
    is_past_deadline,
    note_deadline,
    resume,
    stage,
    take_snapshot,
)
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.safety.restore_guard import needs_reading
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import carrying_context, follow_up
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.views import cache_warming
from list_pipeline.storage.plans import earlier_looks, plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Maintained:
    """The report of a maintenance and what became of its message."""

    report: Report
    delivery: Delivery


def maintain(
    services: Services, key: str, *, sweep: Sweep = Sweep.H24, run_id: str | None = None, progress: Progress = logged
) -> Maintained:
    """The whole maintenance of one campaign. Running it again continues or shows what was done; nothing happens twice.

    Raises:
        NotFoundError: there is no such campaign.
        ListPipelineError: a stage failed; it stands in the ledger, and nothing after it was done.
    """
    note_flag(services, by="command")
    if needs_reading(services):
        reconcile(services, progress=progress)
    release_due(services, progress)
    run = begin(services, key, sweep=sweep, run_id=run_id)
    if not run.is_over:
        note_list_states(services, run)
        try:
            _act(services, run, progress)
        except Exception:
            note_list_states(services, run)
            raise
    run = current(services, key, sweep=sweep)
    report = write_report_and_states(services, run)
    return Maintained(report, notify(services, run, report))


def write_report_and_states(services: Services, run: Maintenance) -> Report:
    """Write the report of a maintenance, which ends it with its status, and note what that means for the lists.

    Every way to a report leads through here: a run that died between the two is reported by another one, which then finds
    the maintenance ended and has only this left to do.
    """
    report = write_report(services, run)
    note_list_states(services, run)
    return report


def _act(services: Services, run: Maintenance, progress: Progress) -> None:
    with stage(services, run, "fetch_bounces"):
        discovery.collect_metrics(services, run.campaign, run.sweep)
        data = bounces.fetch_bounces(services, run.campaign, run.sweep)
        progress(f"{len(data.events)} contacts failed")
        take_snapshot(services, run, "before")
    note_list_states(services, run)
    with stage(services, run, "ai_analysis"):
        analyse(services, run)
    note_list_states(services, run)
    with stage(services, run, "suppression"):
        _, goes_on, _ = open_suppression_gate(services, run)
        if goes_on:
            executed = suppression.execute_suppressions(services, run, progress)
            progress(f"{executed.confirmed} contacts suppressed")
    note_list_states(services, run)
    if not goes_on:
        return
    with stage(services, run, "rebalancing"):
        _, goes_on, _ = open_rebalancing_gate(services, run)
        if goes_on:
            executed = rebalancing.execute_rebalancing(services, run, progress)
            progress(f"{executed.confirmed} contacts moved or enrolled")
            take_snapshot(services, run, "after")
    note_list_states(services, run)
    if goes_on:
        follow_up("refreshing the cache", lambda: cache_warming.refresh(services, run), campaign=run.campaign.key)


def note_list_states(services: Services, run: Maintenance) -> None:
    """What the maintenance did so far moves the states of the lists, and people are told of lists that are far apart or bounce
    a lot. Called after each stage and after the report.

    A fault in it changes nothing about the maintenance: it is logged, stands among the errors of its row under
    ``list_states``, and what was not noted is noted by the next call or synchronisation.
    """
    campaign_id, log_id, facts = run.campaign.campaign_id, run.log.log_id, {"campaign": run.campaign.key}
    why = follow_up(
        "noting the states of the lists",
        lambda: state_history.note(services, campaign_id, run.sweep, run_id=run.log.run_id),
        **facts,
    )
    if why:
        follow_up("writing a fault down", lambda: _add_error(services, log_id, why), **facts)


def _add_error(services: Services, log_id: int, why: str) -> None:
    with services.database.begin() as connection:
        ledger.add_error(connection, log_id, "list_states", why)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The suppression plan and the health of the lists. ``problem``: why the lists could not be assessed, else empty."""

    plan: StoredPlan
    assessments: Sequence[HealthAssessment]
    problem: str = ""


def analyse(services: Services, run: Maintenance) -> Analysis:
    """Make the suppression plan and assess the lists at the same time, with one budget. What is stored already is shown."""
    access = access_for(services, run)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="analysis") as thread:
        assessed = thread.submit(carrying_context(assess_health), services, run, access)
        plan = suppression.plan_suppression(services, run, access)
        return Analysis(plan, *assessed.result())


def assess_health(
    services: Services, run: Maintenance, access: ModelAccess | None = None
) -> tuple[Sequence[HealthAssessment], str]:
    """The assessments of the lists, and why there are none. Advice: an error of ours is told and does not end the run."""
    try:
        return health.assess_lists(services, run, access or access_for(services, run)), ""
    except ListPipelineError as error:
        log.warning("the lists could not be assessed", campaign=run.campaign.key, error=str(error))
        return (), str(error)


_DECIDED = TURNED_DOWN | {PlanStatus.APPROVED, PlanStatus.EXECUTED}


def open_suppression_gate(services: Services, run: Maintenance) -> tuple[StoredPlan, bool, GateDecision | None]:
    """Judge the suppression plan, and say whether the run goes on. A plan that waits or must not run ends the attempt
    truthfully; a rejected or expired one counts as empty, so that the rebalancing goes on."""
    if run.is_over:
        # Looked at again: what was decided then is shown, and nothing is judged or done anew.
        plan = suppression.plan_suppression(services, run)
        return plan, plan.status in _DECIDED, None
    plan, decision = gates.judge_suppression_plan(services, run)
    # Complaints of a plan that waits are not kept waiting: they run at once, also after a crash before they did.
    goes_on = (
        plan.status in _DECIDED
        or bool(decision and decision.may_run)
        or gates.is_under_way(services, plan)
        or gates.has_unstarted(services, plan)
    )
    _settle_attempt(services, run, goes_on, plan, decision)
    if goes_on and (waiting := suppression.waiting_to_begin(services, plan)) and is_past_deadline(services, run):
        # Nothing of it was begun, so the next attempt finds it as it is.
        _end_at_deadline(services, run, "suppression", waiting)
        goes_on = False
    return plan, goes_on, decision


def open_rebalancing_gate(services: Services, run: Maintenance) -> tuple[StoredPlan | None, bool, GateDecision | None]:
    """Plan and judge the rebalancing once the suppression is decided, and say whether the run goes on.

    Not planned any more: past the deadline; after a past campaign nobody of which was suppressed, because the lists have moved
    on since; and while a plan waits after another look at the campaign, which the lists are to be settled by first.
    """
    suppressions = suppression.plan_suppression(services, run)
    if suppressions.status not in _DECIDED and not run.is_over:
        # Only complaints were let through so far; the lists are not settled while the rest waits.
        end(services, run, RunStatus.PENDING_REVIEW)
        return None, False, None
    if run.is_over:
        shown = rebalancing.stored_plan(services, run)
        return shown, shown is not None and shown.status in _DECIDED, None
    stored = rebalancing.stored_plan(services, run)
    if stored is None and (
        suppression.is_idle_backfill(services, suppressions) or is_asked_after_another_look(services, run)
    ):
        # Looked up anew: a stopped attempt was taken up again since this run began.
        end(services, run, final_status(services, current(services, run.campaign.key, sweep=run.sweep)))
        return None, False, None
    if (stored is None or stored.status is PlanStatus.PLANNED) and is_past_deadline(services, run):
        _end_at_deadline(services, run, "rebalancing", 1)
        return stored, False, None
    plan, decision = gates.judge_rebalancing_plan(services, run)
    goes_on = plan.status in _DECIDED or gates.is_under_way(services, plan)
    _settle_attempt(services, run, goes_on, plan, decision)
    return plan, goes_on, decision


def is_asked_after_another_look(services: Services, run: Maintenance) -> bool:
    """Whether a plan of another look at this campaign waits for a person: what is to be moved depends on that decision, and
    nobody is asked about moves twice."""
    campaign_id, sweep = run.campaign.campaign_id, run.sweep
    with services.database.begin() as connection:
        return any(
            earlier_looks.waits_after_another_look(connection, campaign_id, kind, sweep) for kind in MAINTENANCE_PLANS
        )


def why_held(services: Services, run: Maintenance, kind: PlanKind, run_id: str) -> str:
    """Why a run carries nothing of a plan out, empty when it does: the gate's answer, for the steps that follow it.

    A gate that lets nothing go on ends the attempt, so its answer stands in the ledger. A maintenance that was over before is
    shown again only where its plans were decided.

    Args:
        run: looked up after the gate. kind: the suppression waits for its own gate, the rebalancing for both.
        run_id: the run that asks.
    """
    status = run.log.status
    if status is RunStatus.RUNNING:
        return ""
    with services.database.begin() as connection:
        both = plan_rows.maintenance_plans(connection, run.campaign.campaign_id, run.sweep)
    plans = both[:1] if kind is PlanKind.SUPPRESSION else both
    if run.is_over and run.log.run_id != run_id:
        if all(plan is not None and plan.status in _DECIDED for plan in plans):
            return ""
        return f"The maintenance ended as {status.replace('_', ' ')}, and no {kind.value} plan was decided in it."
    if status is RunStatus.READ_ONLY:
        return "Lists may not be changed now, so the plans were only looked at."
    if status is not RunStatus.PENDING_REVIEW:
        return f"The attempt ended before this step, as {status.replace('_', ' ')}."
    for plan in plans:
        if plan is not None and plan.status is PlanStatus.PENDING_REVIEW:
            return f"Plan {plan.plan_id} ({plan.kind.value}) {WAITS}."
    return "A person decided meanwhile; the campaign goes on by itself within a minute."


def _end_at_deadline(services: Services, run: Maintenance, stage_name: str, count: int) -> None:
    """The attempt's time is over before a stage that changes something began: ended as what was done until then."""
    note_deadline(services, run, stage_name, count)
    end(services, run, final_status(services, current(services, run.campaign.key, sweep=run.sweep)))


def _settle_attempt(
    services: Services, run: Maintenance, goes_on: bool, plan: StoredPlan, decision: GateDecision | None
) -> None:
    if goes_on:
        resume(services, run)
        return
    if plan.status is PlanStatus.PENDING_REVIEW:
        end(services, run, RunStatus.PENDING_REVIEW)
        return
    if decision is not None and decision.outcome is GateOutcome.REFUSED and services.settings.list_management_enabled:
        # A broken invariant is a failure to look at, not a state to wait in.
        raise RefusedError(
            f"Letting the {plan.kind.value} plan of {run.campaign.key} through",
            " ".join(check.words.rstrip(".") for check in decision.failed_checks),
            "Nothing was changed; look at the plan's checks",
        )
    end(services, run, RunStatus.READ_ONLY)
