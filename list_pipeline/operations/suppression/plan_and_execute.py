"""Suppression: plan it from the stored bounces, let the gate judge it, carry it out, keep its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from list_pipeline.agents import optimization
from list_pipeline.agents.consultation import ModelAccess
from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.incidents.contacts import IncidentCause, incidents_of
from list_pipeline.core.incidents.groups import Group
from list_pipeline.core.incidents.own_faults import own_faults
from list_pipeline.core.incidents.statements import incident_text
from list_pipeline.core.incidents.strata import TestedGroup
from list_pipeline.core.plans.gate import DECIDED_BY_GATE, GateOutcome
from list_pipeline.core.plans.last_look import why_not_suppressed
from list_pipeline.core.plans.plan import TURNED_DOWN, ItemAction, PlanItem, PlanKind, PlanStatus
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
from list_pipeline.core.suppression.verdicts import (
    Attempt,
    AttemptOutcome,
    CampaignContext,
    ContactFacts,
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
from list_pipeline.operations.runs.attempts import deadline_words
from list_pipeline.operations.runs.run import Maintenance, deadline_of, is_backfill, known_until
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import follow_up
from list_pipeline.operations.suppression.advice import after_opinion, ask_about, opinion_as_json, with_advice
from list_pipeline.operations.suppression.incidents import examine_campaign, held_before, judge_counts, reached_at
from list_pipeline.operations.suppression.reach import reach_of
from list_pipeline.operations.suppression.shadow import compare_shadow
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.bounces import PastAttempt
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.engagement import engagement_of
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import journal, plan_rows
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
        verdicts = keep_rejected(verdicts, plan_rows.rejected_contacts(connection, campaign.campaign_id))
        verdicts = keep_taken_back(verdicts, plan_rows.taken_back_contacts(connection, campaign.campaign_id))
        open_questions = plan_rows.asked_contacts(connection, campaign.campaign_id, sweep)
    if operating_mode(services) is Mode.AUTO:
        # A complaint that waits since another mode runs at once now.
        open_questions = {i: one for i, one in open_questions.items() if one.rule is not SuppressionRule.COMPLAINT}
    verdicts = keep_asked(verdicts, open_questions, incidents)
    asked = ask_about(verdicts, known.facts, known.context, history=known.history, as_of=as_of, policy=policy)
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
        return with_reach(connection, known, events, policy, as_of)


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


@dataclass(frozen=True, slots=True)
class Otherwise:
    """What is told to the rules otherwise than it is stored, where they are asked what they would have done.

    Nobody is suppressed, and what people decided is left out.

    Attributes:
        flagged: the groups that were flagged in each earlier campaign that had any.
        complaining: the contacts that were known by then to have complained.
    """

    flagged: Mapping[int, frozenset[Group]]
    complaining: frozenset[int]


@dataclass(frozen=True, slots=True)
class Known:
    """Our knowledge of the contacts that a campaign's bounces concern."""

    facts: Mapping[int, ContactFacts]
    history: Mapping[int, Sequence[Attempt]]
    context: CampaignContext


def gather(
    connection: Connection,
    campaign: Campaign,
    events: Sequence[FailureEvent],
    as_of: datetime,
    tested: Sequence[TestedGroup],
    known_by: datetime,
    otherwise: Otherwise | None = None,
) -> Known:
    """What the rules are told about the contacts that a campaign's bounces concern.

    Args:
        events: its failures.
        as_of: what happened later is not known yet.
        tested: its groups with their verdicts.
        known_by: opens and clicks that were told later are not known yet.
        otherwise: where a plan of the past is only imagined.
    """
    mailed_count = sent_campaigns.campaign_by_key(connection, campaign.key).recipient_count or 0
    complaining = (
        recipient_rows.complaining_recipients(connection, campaign.campaign_id)
        if otherwise is None
        else otherwise.complaining
    )
    ids = sorted({event.contact_id for event in events} | set(complaining))
    mailed = recipient_rows.recipients_among(connection, campaign.campaign_id, ids)
    flags = members.facts_of(connection, ids)
    past = bounce_rows.attempts_of(connection, ids, except_campaign=campaign.campaign_id, as_of=as_of)
    reinstated = outcome_rows.reinstated_since(connection, ids) if otherwise is None else {}
    rejected = _rejected(connection, past) if otherwise is None else frozenset()
    domains = members.domains_of(connection, ids)
    failures = {(one.campaign_id, i) for i, tries in past.items() for one in tries if one.failure is not None}
    held = held_before(connection, failures, domains, otherwise.flagged if otherwise else None)
    reached = reached_at(connection, held, domains, as_of)
    operators = operators_of(connection)
    signs = engagement_of(connection, ids, known_by)
    facts = {
        contact_id: ContactFacts(
            is_known=True,
            is_recipient=contact_id in mailed,
            in_suppression_list=flag["in_suppression_list"] and otherwise is None,
            is_unsubscribed=flag["is_unsubscribed"],
            is_excluded=flag["is_excluded"],
            is_anonymised=flag["is_anonymised"],
            is_unreadable=flag["is_unreadable"],
            is_complaining=flag["is_complaining"] if otherwise is None else contact_id in otherwise.complaining,
            campaigns_count=len(past[contact_id]) + (contact_id in mailed),
            domain_reached_at=reached.get(contact_id),
            address_worked_at=signs[contact_id].address_worked_at if contact_id in signs else None,
        )
        for contact_id, flag in flags.items()
    }
    history = {
        contact_id: [
            _attempt(
                one,
                held.get((one.campaign_id, contact_id)),
                (one.campaign_id, contact_id) in rejected,
            )
            for one in tries
            # A person who reinstated a contact has said that what went before is no evidence.
            if contact_id not in reinstated or one.sent_at > reinstated[contact_id]
        ]
        for contact_id, tries in past.items()
    }
    sent_at = campaign.send_started_at or campaign.sent_at
    struck = incidents_of(events, domains, tested, operators, as_of)
    ours = own_faults(events, domains, operators, as_of)
    incidents = (*struck, *(one for one in ours if one.group not in {group.group for group in struck}))
    context = CampaignContext(campaign.campaign_id, mailed_count, domains, sent_at, incidents)
    return Known(facts, history, context)


def with_reach(
    connection: Connection, known: Known, events: Sequence[FailureEvent], policy: SuppressionPolicy, as_of: datetime
) -> Known:
    """The same with how the domains answer of those whose failures ask for it; DNS's last answers count."""
    since = unanswered_since(events, known.history, known.context, policy, as_of)
    if not since:
        return known
    reach = reach_of(connection, since, known.context.domain_of, operators_of(connection), as_of)
    facts = {i: replace(one, reach=reach[i]) if i in reach else one for i, one in known.facts.items()}
    return replace(known, facts=facts)


def _rejected(connection: Connection, past: Mapping[int, Sequence[PastAttempt]]) -> frozenset[tuple[int, int]]:
    """Campaign and contact of the past failures for which a person rejected a suppression."""
    failed = {one.campaign_id for tries in past.values() for one in tries if one.failure is not None}
    return frozenset(
        (campaign_id, contact_id)
        for campaign_id in failed
        for contact_id in plan_rows.rejected_contacts(connection, campaign_id)
    )


def _attempt(past: PastAttempt, held_by: Group | None, is_rejected: bool) -> Attempt:
    if past.failure is not None:
        kind = held_by.kind if held_by is not None else None
        return Attempt(past.campaign_id, past.sent_at, AttemptOutcome.FAILED, past.failure, kind, is_rejected)
    outcome = AttemptOutcome.DELIVERED if past.is_complete else AttemptOutcome.UNKNOWN
    return Attempt(past.campaign_id, past.sent_at, outcome)


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
    if plan.status in TURNED_DOWN:
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

    Suppressed means: on the suppression list, excluded from campaigns, off the three campaign lists, still in master.
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
                {"places": places[item.contact_id], "is_excluded": _flag(facts, item, "is_excluded")},
                journal.suppression_steps(),
                reasons.get(item.contact_id),
            )
            for item in items
        ]
        journal.open_changes(connection, plan.plan_id, changes, now)
        journal.skip_unstarted(connection, plan.plan_id, reasons, now)


def _flag(facts: Mapping[int, Mapping[str, Any]], item: PlanItem, name: str) -> bool:
    return bool(facts.get(item.contact_id, {}).get(name))


def note_suppressed(services: Services, log_id: int, plan: StoredPlan) -> None:
    """Write who was suppressed so far into the history and the row of the ledger; repeating adds nobody."""
    keep_history(services, plan.plan_id, log_id)
    with services.database.begin() as connection:
        confirmed = outcome_rows.outcomes(connection, plan.plan_id).confirmed
        ledger.fill_log(connection, log_id, contacts_suppressed=confirmed)
