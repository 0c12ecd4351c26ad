"""Suppression: plan it from the stored bounces, let the gate judge it, carry it out, keep its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import structlog

from list_pipeline.agents import optimization
from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.incidents.contacts import IncidentCause
from list_pipeline.core.incidents.statements import incident_text
from list_pipeline.core.incidents.strata import TestedGroup
from list_pipeline.core.plans.gate import DECIDED_BY_GATE, GateOutcome
from list_pipeline.core.plans.last_look import why_not_suppressed
from list_pipeline.core.plans.plan import TURNED_DOWN, ItemAction, PlanItem, PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.suppression.plan import SuppressionPlan, SuppressionSummary, assemble
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.rules import (
    decide,
    keep_asked,
    keep_delivered,
    keep_rejected,
    keep_taken_back,
    unanswered_since,
)
from list_pipeline.core.suppression.sample import draw, watch_drawn
from list_pipeline.core.suppression.verdicts import (
    PastInAll,
    SuppressionRule,
    Verdict,
    VerdictAction,
)
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.advice.advisors import access_for, keep_record, partition_of
from list_pipeline.operations.bounces.fetch import BounceData, stored_bounces
from list_pipeline.operations.bounces.mail_hosts import ask_again, learn_operators, operators_of
from list_pipeline.operations.campaigns.recipients import require_known
from list_pipeline.operations.membership.sync import refresh_contacts
from list_pipeline.operations.plans.execution import carry_out, finish_half_done
from list_pipeline.operations.plans.outcomes import Executed, close, keep_history
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.quarantine.begin import quarantine_after
from list_pipeline.operations.runs.attempts import deadline_words
from list_pipeline.operations.runs.run import Maintenance, deadline_of, is_backfill, known_until
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import follow_up
from list_pipeline.operations.suppression.advice import after_opinion, ask_about, opinion_as_json, with_advice
from list_pipeline.operations.suppression.incidents import examine_campaign, judge_counts
from list_pipeline.operations.suppression.knowledge import Known, gather, with_reach
from list_pipeline.operations.suppression.shadow import compare_shadow
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.bounces import past_in_all
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import earlier_looks, journal, plan_rows
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.journal import NewChange
from list_pipeline.storage.plans.plan_rows import StoredPlan, summary_as_json
from list_pipeline.storage.runs import ledger

log = structlog.get_logger(__name__)


def policy_of(services: Deciding) -> SuppressionPolicy:
    """The policy with the figures that settings may turn."""
    return SuppressionPolicy(cap_percent=services.settings.suppression_cap_percent)


def plan_suppression(services: Services, run: Maintenance, access: ModelAccess | None = None) -> StoredPlan:
    """The suppression plan of a campaign and sweep: the stored one, or decided now from the stored bounces.

    The advisor is asked before the plan is written and can only make it more careful.

    Args:
        access: the model, where other advisors are asked at the same time and share it; None: the run's own.

    Raises:
        NotFoundError: the bounces were not read yet.
        IncompleteDataError: it is not known who was mailed.
    """
    campaign, sweep = run.campaign, run.sweep
    with services.database.begin() as connection:
        stored = plan_rows.current_plan(connection, campaign.campaign_id, PlanKind.SUPPRESSION, sweep)
    if stored is not None:
        return stored
    with services.database.begin() as connection:
        require_known(connection, campaign.key, f"Planning the suppressions of campaign {campaign.key}")
    data = stored_bounces(services, campaign, sweep)
    if data is None:
        raise NotFoundError(
            f"Planning the suppressions of campaign {campaign.key}",
            "its bounces were not read completely yet",
            "Materialize bounce_data first",
        )
    policy, as_of = policy_of(services), known_until(services, campaign, sweep, data.fetch.fetched_at)
    learn_operators(services, campaign.campaign_id, sweep.value)
    tested = examine_campaign(services, campaign.campaign_id, sweep.value, as_of, policy.incidents)
    known, verdicts = _judged(services, run, data, as_of, tested, policy)
    by_rules, incidents = verdicts, known.context.incidents
    if ours := [one.group for one in incidents if one.cause is IncidentCause.SENDER]:
        with services.database.begin() as connection:
            incident_rows.flag(connection, campaign.campaign_id, ours)
    with services.database.begin() as connection:
        verdicts = keep_rejected(verdicts, earlier_looks.rejected_contacts(connection, campaign.campaign_id))
        verdicts = keep_taken_back(verdicts, earlier_looks.taken_back_contacts(connection, campaign.campaign_id))
        open_questions = earlier_looks.asked_contacts(connection, campaign.campaign_id, sweep)
    if operating_mode(services) is Mode.AUTO:
        # A complaint that waits since another mode runs at once now.
        open_questions = {i: one for i, one in open_questions.items() if one.rule is not SuppressionRule.COMPLAINT}
    verdicts = keep_asked(verdicts, open_questions, incidents)
    verdicts = _tested_first(services, run, verdicts)
    asked = ask_about(
        verdicts,
        known.facts,
        known.context,
        history=known.history,
        in_all=_past_in_all(services, run, verdicts, known, as_of),
        as_of=as_of,
        policy=policy,
    )
    opinion = optimization.advise(access or access_for(services, run), asked.summary)
    keep_record(
        services,
        partition_of(run),
        opinion.recorded,
        opinion_as_json(asked, opinion),
        subject=PlanKind.SUPPRESSION.value,
        confidence=opinion.confidence,
    )
    plan = assemble(
        after_opinion(verdicts, asked, opinion),
        data.events,
        incidents,
        campaign_id=campaign.campaign_id,
        sweep=sweep,
        policy_version=policy.version,
        recipients=known.context.recipients,
    )
    summary = replace(
        with_advice(plan.summary(), asked, opinion), as_of=as_of, is_backfill=is_backfill(services, campaign, sweep)
    )
    saved = _save(services, run, plan, summary)
    follow_up(
        "comparing the shadow policy",
        lambda: compare_shadow(
            services,
            campaign.campaign_id,
            sweep.value,
            (policy, by_rules),
            lambda other: _judged_otherwise(services, run, data, as_of, tested, policy, other),
        ),
        campaign=campaign.key,
    )
    log.info(
        "suppression plan generated",
        campaign=campaign.key,
        suppress=plan.suppressed_count,
        monitor=len(plan.with_action(VerdictAction.MONITOR)),
        held=plan.held_count,
        rationale=opinion.rationale,
    )
    return saved


def _past_in_all(
    services: Services, run: Maintenance, verdicts: Sequence[Verdict], known: Known, as_of: datetime
) -> Mapping[int, PastInAll]:
    """All of the past of the contacts that the advisor is asked about singly."""
    since = {one.contact_id: known.reinstated.get(one.contact_id) for one in verdicts if one.is_borderline}
    with services.database.begin() as connection:
        return past_in_all(connection, since, except_campaign=run.campaign.campaign_id, as_of=as_of)


def _tested_first(services: Services, run: Maintenance, verdicts: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
    """The verdicts, with a random share tested by a mailing first, where that is asked for and the time suffices. A later look
    does not suppress who is tested."""
    ids = [verdict.contact_id for verdict in verdicts]
    percent, campaign_id = services.settings.suppression_test_percent, run.campaign.campaign_id
    with services.database.begin() as connection:
        if run.sweep is not Sweep.H24:
            return watch_drawn(verdicts, quarantine_rows.drawn_among(connection, ids, campaign_id))
        if not percent or is_backfill(services, run.campaign, run.sweep):
            return verdicts
        before = quarantine_rows.drawn_among(connection, ids)
    return watch_drawn(verdicts, draw(verdicts, campaign_id, percent, before))


def _known(
    services: Services,
    run: Maintenance,
    events: Sequence[FailureEvent],
    as_of: datetime,
    tested: Sequence[TestedGroup],
    policy: SuppressionPolicy,
    *,
    asks: bool,
) -> Known:
    """What the rules are told; of domains that do not answer DNS is asked again first, where it may be."""
    campaign = run.campaign
    with services.database.begin() as connection:
        known = gather(connection, campaign, events, as_of, tested, services.clock.now())
    since = unanswered_since(events, known.history, known.context, policy, as_of)
    if not since:
        return known
    domains = known.context.domain_of
    if asks:
        ask_again(services, campaign.campaign_id, run.sweep.value, {domains[one] for one in since if one in domains})
    with services.database.begin() as connection:
        return with_reach(connection, known, since, as_of)


def _judged(
    services: Services,
    run: Maintenance,
    data: BounceData,
    as_of: datetime,
    tested: Sequence[TestedGroup],
    policy: SuppressionPolicy,
    *,
    is_imagined: bool = False,
) -> tuple[Known, tuple[Verdict, ...]]:
    """What the rules are told, and what they say. A later delivery still protects: what became known since then only ever makes
    a backfill more careful.

    Args:
        is_imagined: nothing hangs on it, so DNS is not asked for it.
    """
    known = _known(services, run, data.events, as_of, tested, policy, asks=not is_imagined)
    verdicts = decide(data.events, known.history, known.facts, known.context, policy, as_of)
    if as_of < data.fetch.fetched_at:
        since = _known(services, run, data.events, data.fetch.fetched_at, tested, policy, asks=not is_imagined)
        now = decide(data.events, since.history, since.facts, since.context, policy, data.fetch.fetched_at)
        verdicts = keep_delivered(verdicts, now)
    return known, verdicts


def _judged_otherwise(
    services: Services,
    run: Maintenance,
    data: BounceData,
    as_of: datetime,
    tested: Sequence[TestedGroup],
    present: SuppressionPolicy,
    other: SuppressionPolicy,
) -> tuple[Verdict, ...]:
    """What another policy says on the same facts. Its incidents are told by its own figures, and what was flagged in earlier
    campaigns stays as it is kept."""
    if other.incidents != present.incidents:
        number = run.campaign.campaign_id
        with services.database.begin() as connection:
            domains = incident_rows.established_by_domain(connection, number, data.fetch.sweep, as_of)
            past = incident_rows.past_counts(connection, number)
            operators = operators_of(connection)
        tested, _ = judge_counts(domains, past, other.incidents, operators)
    return _judged(services, run, data, as_of, tested, other, is_imagined=True)[1]


def _save(services: Services, run: Maintenance, plan: SuppressionPlan, summary: SuppressionSummary) -> StoredPlan:
    now = services.clock.now()
    with services.database.begin() as connection:
        stored = plan_rows.save_plan(
            connection,
            campaign_id=run.campaign.campaign_id,
            kind=PlanKind.SUPPRESSION,
            sweep=run.sweep,
            content_hash=plan.content_hash,
            policy_version=plan.policy_version,
            status=PlanStatus.PLANNED,
            summary=summary,
            items=plan.items,
            now=now,
        )
        held = {item.contact_id for item in plan.items if item.is_held}
        for incident in plan.incidents:
            if held.isdisjoint(incident.contact_ids):
                # All of its contacts were asked about after an earlier look.
                continue
            review_rows.replace_incident(connection, run.campaign.campaign_id, incident.group, stored.plan_id, now)
            plan_rows.add_review_item(
                connection,
                campaign_id=run.campaign.campaign_id,
                plan_id=stored.plan_id,
                kind=ReviewKind.INCIDENT,
                summary=incident_text(incident),
                details={
                    "group": incident.group.name,
                    "kind": incident.group.kind.value,
                    "contact_ids": list(incident.contact_ids),
                },
                now=now,
            )
        kept = summary_as_json(PlanKind.SUPPRESSION, summary)
        ledger.fill_log(connection, run.log.log_id, suppression_plan={**kept, "plan_id": stored.plan_id})
    return stored


def executable_items(plan: StoredPlan, items: Sequence[PlanItem]) -> list[PlanItem]:
    """The items of a plan that may be carried out now: what the gate or a person let through, held ones never."""
    planned = [item for item in items if item.action is ItemAction.SUPPRESS and not item.is_held]
    if plan.status in TURNED_DOWN or plan.status is PlanStatus.SUPERSEDED:
        return []
    if plan.decided_by not in (None, DECIDED_BY_GATE):
        return planned
    gate = plan.gate
    if gate is None or gate.outcome not in (GateOutcome.APPROVED, GateOutcome.NEEDS_REVIEW):
        return []
    waiting = set(gate.waiting)
    return [item for item in planned if item.contact_id not in waiting]


def waiting_to_begin(services: Services, plan: StoredPlan) -> int:
    """The number of contacts of a plan that may be suppressed now and were not begun."""
    if plan.executed_at is not None:
        return 0
    with services.database.begin() as connection:
        begun = outcome_rows.outcomes(connection, plan.plan_id).planned
        return 0 if begun else len(executable_items(plan, plan_rows.plan_items(connection, plan.plan_id)))


def is_idle_backfill(services: Services, plan: StoredPlan) -> bool:
    """Whether a plan is about a past campaign and nobody was suppressed by it: then the lists, which have moved on since,
    are none of its business."""
    if not plan.suppression_summary.is_backfill:
        return False
    with services.database.begin() as connection:
        return not outcome_rows.outcomes(connection, plan.plan_id).confirmed


def execute_suppressions(services: Services, run: Maintenance, progress: Progress = logged) -> Executed:
    """Suppress what the plan holds and the gate let through; what is done already stays done.

    Suppressed means: on the suppression list, excluded from campaigns, off the three campaign lists, still in master. Whom
    the plan holds is kept from mail for a while afterwards (``operations.quarantine``).
    """
    with services.database.begin() as connection:
        plan = plan_rows.current_plan(connection, run.campaign.campaign_id, PlanKind.SUPPRESSION, run.sweep)
        if plan is None:
            raise NotFoundError(
                f"Suppressing after campaign {run.campaign.key}",
                "there is no plan",
                "Materialize suppression_plan first",
            )
        items = executable_items(plan, plan_rows.plan_items(connection, plan.plan_id))
        # Complaints that were begun before their plan was turned down are brought to their end all the same.
        unsettled = outcome_rows.outcomes(connection, plan.plan_id).open
    finish_half_done(services, progress, besides=plan.plan_id)
    if plan.executed_at is None:
        try:
            if items or unsettled:
                plan = _carry_out(services, run, plan, progress)
        finally:
            # What was done stands in the history also when the rest failed, and when a run that died did it: it may be all that
            # is ever done.
            note_suppressed(services, run.log.log_id, plan)
    executed = close(
        services,
        plan,
        by="reason",
        log_id=run.log.log_id,
        failure="Mailjet accepted the bulk job, and these contacts were not changed after three attempts",
        deadline=deadline_words(services),
    )
    log.info("contacts suppressed", campaign=run.campaign.key, success=executed.confirmed, failed=executed.failed)
    with services.database.begin() as connection:
        plan = plan_rows.existing_plan(connection, plan.plan_id)
        quarantine_rows.follow(connection, services.clock.now())
    quarantine_after(services, run, plan, progress)
    return executed


def _carry_out(services: Services, run: Maintenance, plan: StoredPlan, progress: Progress) -> StoredPlan:
    """Returns the plan as it is under the lock."""
    with mutation_lock(services.database, services.clock, f"suppression after {run.campaign.key}") as lock:
        # Whoever held the lock before may have undone the maintenance, or turned the plan down.
        with lock.writing() as connection:
            plan = plan_rows.existing_plan(connection, plan.plan_id)
            items = executable_items(plan, plan_rows.plan_items(connection, plan.plan_id))
        refresh_contacts(services, [item.contact_id for item in items])
        open_journal(services, plan, items, lock)
        carry_out(services, plan.plan_id, lock, progress, deadline_of(services, run))
        return plan


def open_journal(services: Services, plan: StoredPlan, items: Sequence[PlanItem], lock: MutationLock) -> None:
    """Write the journal, with each item checked once more against what is true now; also those of an earlier run that
    were not begun."""
    now = services.clock.now()
    ids = [item.contact_id for item in items]
    with lock.writing() as connection:
        facts = members.facts_of(connection, ids)
        places = members.places_of(connection, ids)
        reasons = {i: reason for i in ids if (reason := why_not_suppressed(facts.get(i)))}
        changes = [
            NewChange(
                item.contact_id,
                ItemAction.SUPPRESS,
                {"places": places[item.contact_id], "is_excluded": _was_excluded(facts, item)},
                journal.suppression_steps(),
                reasons.get(item.contact_id),
            )
            for item in items
        ]
        journal.open_changes(connection, plan.plan_id, changes, now)
        journal.skip_unstarted(connection, plan.plan_id, reasons, now)


def _was_excluded(facts: Mapping[int, Mapping[str, Any]], item: PlanItem) -> bool:
    """Our own quarantine is no exclusion that stood before: from now on it belongs to the suppression, and ends with it."""
    flags = facts.get(item.contact_id, {})
    return bool(flags.get("is_excluded")) and not flags.get("is_quarantined")


def note_suppressed(services: Services, log_id: int, plan: StoredPlan) -> None:
    """Write who was suppressed so far into the history and the row of the ledger; repeating adds nobody."""
    keep_history(services, plan.plan_id, log_id)
    with services.database.begin() as connection:
        confirmed = outcome_rows.outcomes(connection, plan.plan_id).confirmed
        ledger.fill_log(connection, log_id, contacts_suppressed=confirmed)
