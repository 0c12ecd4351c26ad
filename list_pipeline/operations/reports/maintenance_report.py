"""The report of a maintenance: its facts from the ledger, its truthful status, its message to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.agents import reporting
from list_pipeline.core.advice import AdvisedSummary, ConsultationSummary
from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.campaigns.next_campaign import next_campaign_text
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.core.messages.keys import MessageKey, ThreadKey
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.journal import MET_A_SEND, Outcomes, StepNote
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, TURNED_DOWN, ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.rebalancing.balance import deviation_percent
from list_pipeline.core.reports.card import is_news_of_the_past, past_campaigns_message
from list_pipeline.core.reports.facts import (
    AttemptFacts,
    ListChange,
    ListRates,
    MaintenanceFacts,
    MaintenanceLinks,
    RebalancingFacts,
    SenderFault,
    StageErrors,
    Standing,
    StoredReport,
    SuppressionFacts,
    TakenBackFacts,
    stored_report,
)
from list_pipeline.core.reports.message import maintenance_message
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus, run_status
from list_pipeline.core.suppression.new_contacts import NEW_CONTACTS, NewContacts
from list_pipeline.operations.access import Storing
from list_pipeline.operations.advice.advisors import access_for, keep_record, partition_of
from list_pipeline.operations.bounces.fetch import analyse, stored_bounces
from list_pipeline.operations.campaigns.scheduled_campaigns import next_campaign
from list_pipeline.operations.membership.sync import Sizes
from list_pipeline.operations.messages.links import partition_url
from list_pipeline.operations.messages.outbox import Delivery, deliver, leave_out, post, queue
from list_pipeline.operations.quarantine.told import quarantine_facts
from list_pipeline.operations.rebalancing.forecast import forecast
from list_pipeline.operations.reviews.announcements import tell_gate_alerts, with_review
from list_pipeline.operations.runs.attempts import maintenance_limits
from list_pipeline.operations.runs.run import Maintenance, current, end
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.sender_faults.listing import faults_after
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import executable_items
from list_pipeline.operations.suppression.shadow import campaign_line
from list_pipeline.operations.told_events.beside import told_line
from list_pipeline.storage import health as health_rows
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.database import fetch_scalar
from list_pipeline.storage.health import StoredAssessment
from list_pipeline.storage.messages import Outgoing
from list_pipeline.storage.plans import earlier_looks, journal, plan_rows, undone
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan, summary_as_json
from list_pipeline.storage.runs import attempts as attempt_rows
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.runs.ledger import REPORT, kept_report


@dataclass(frozen=True, slots=True)
class Report:
    """The facts of a maintenance and the message made of them; ``advice``: how its sentences came about."""

    facts: MaintenanceFacts
    message: SlackMessage
    advice: ConsultationSummary | None = None


def write_report(services: Services, run: Maintenance) -> Report:
    """Put the report together from what was executed, end the maintenance with its status, and return both.

    Writing it again gives the same report: as long as the results are the same, the sentences that were written first
    are kept, whoever wrote them.
    """
    status = final_status(services, run)
    if status is not run.log.status:
        # Reported again, a waiting or stopped attempt keeps the time at which it came to that.
        end(services, run, status)
    run = current(services, run.campaign.key, sweep=run.sweep)
    facts = replace(_facts(services, run), status=status)
    with services.database.begin() as connection:
        kept = kept_report(connection, run.log.log_id)
        suppression, rebalancing = plan_rows.maintenance_plans(connection, run.campaign.campaign_id, run.sweep)
    # The status alone would not do: two plans can wait one after the other, and what was planned is done by then.
    if kept is None or kept.results != reporting.question_about(facts).hash:
        kept = _write(services, run, facts)
    facts = replace(facts, report=kept.as_written)
    with services.database.begin() as connection:
        ledger.fill_log(
            connection,
            run.log.log_id,
            ai_assessments={
                "list_health": [each.as_json() for each in facts.assessments],
                "optimization": _advice_on(suppression),
                "rebalancing": _advice_on(rebalancing),
                "reporting": REPORT.plain(kept),
            },
            bounce_analysis={
                "by_class": dict(facts.bounces),
                "complaint_rate_percent": facts.complaint_rate.percent if facts.complaint_rate else None,
            },
        )
    message = with_review(services, maintenance_message(facts), run.campaign.campaign_id)
    return Report(facts, message, kept.advice)


def _write(services: Services, run: Maintenance, facts: MaintenanceFacts) -> StoredReport:
    written = reporting.write(access_for(services, run), facts)
    keep_record(services, partition_of(run), written.recorded, asdict(written.report))
    return stored_report(written.report, written.recorded, facts.status)


def maintenance_plans(services: Storing, run: Maintenance) -> tuple[StoredPlan | None, StoredPlan | None]:
    """The suppression and the rebalancing plan of a maintenance, as far as they are made."""
    with services.database.begin() as connection:
        return plan_rows.maintenance_plans(connection, run.campaign.campaign_id, run.sweep)


_ADVICE_FIELDS = frozenset(field.name for field in fields(AdvisedSummary)) | {"breakdown", "alternatives_considered"}
"""What a plan's summary holds of its advisor."""


def _advice_on(plan: StoredPlan | None) -> Mapping[str, object]:
    if plan is None:
        return {}
    summary = summary_as_json(plan.kind, plan.summary)
    return {name: value for name, value in summary.items() if name in _ADVICE_FIELDS}


def final_status(services: Services, run: Maintenance) -> RunStatus:
    """The status of the maintenance, from its plans and the journal; an attempt that failed or gave up stays as it ended.

    Where something was not begun because the time was over, it is no success, whatever was done until then.
    """
    if run.log.status in TAKEN_BACK | {RunStatus.FAILED} or (run.log.is_final and run.log.gave_up):
        return run.log.status
    if run.log.status is RunStatus.READ_ONLY:
        # It goes on when lists may be changed again, also where nothing was left to suppress: the rebalancing is to come.
        return RunStatus.READ_ONLY
    if run.log.status is RunStatus.PENDING_REVIEW:
        # It goes on when a person has decided, also where that happened a moment ago: only the run that goes on ends it.
        return RunStatus.PENDING_REVIEW
    with services.database.begin() as connection:
        suppression, rebalancing = plan_rows.maintenance_plans(connection, run.campaign.campaign_id, run.sweep)
        if suppression is None:
            return RunStatus.FAILED
        planned, rejected, is_read_only = 0, 0, False
        # One that took something back has given the attempt its status already.
        is_empty_handed = bool(
            undone.corrections_of(connection, run.campaign.campaign_id, run.sweep, (PlanKind.ROLLBACK,))
        )
        begun: list[Outcomes] = []
        for plan in (suppression, rebalancing):
            if plan is None:
                continue
            items = plan_rows.plan_items(connection, plan.plan_id)
            wanted = sum(item.to_role is not None and not item.is_held for item in items)
            if plan.gate is not None and plan.gate.outcome in (GateOutcome.READ_ONLY, GateOutcome.REFUSED):
                is_read_only |= wanted > 0
                planned += wanted
                continue
            if plan.status in TURNED_DOWN:
                planned += wanted
                rejected += wanted
                continue
            # What an approved plan keeps back for a person is in the review queue, no longer part of this run.
            allowed = len(executable_items(plan, items)) if plan.kind is PlanKind.SUPPRESSION else wanted
            if plan.status is PlanStatus.PENDING_REVIEW:
                # Whatever was done already, the maintenance is not over while a person has to decide.
                return RunStatus.PENDING_REVIEW
            # What people approved later, contact by contact, is in the journal too.
            begun.append(outcome_rows.outcomes(connection, plan.plan_id))
            planned += max(allowed, begun[-1].planned)
    confirmed = sum(one.confirmed for one in begun)
    status = run_status(
        planned=planned,
        confirmed=confirmed,
        skipped=sum(one.skipped for one in begun),
        failed=sum(one.failed for one in begun),
        rejected=rejected,
        read_only=is_read_only,
    )
    if status is RunStatus.SUCCESS and is_empty_handed:
        # The rebalancing failed midway, and nothing of it could be taken back: the lists are not as planned.
        return RunStatus.PARTIAL_SUCCESS
    if status is RunStatus.SUCCESS and run.log.passed_deadline:
        return RunStatus.PARTIAL_SUCCESS if confirmed else RunStatus.FAILED
    return status


def _facts(services: Services, run: Maintenance) -> MaintenanceFacts:
    campaign, settings = run.campaign, services.settings
    data = stored_bounces(services, campaign, run.sweep)
    analysis = analyse(data, campaign.recipient_count or 0) if data else None
    by_class = dict(analysis.by_class) if analysis else {}
    faults = faults_after(services, campaign, run.sweep) if data else ()
    stopped_because = change_block_reason(services) or ""
    kept = quarantine_facts(services, run)
    with services.database.begin() as connection:
        suppression, rebalancing = plan_rows.maintenance_plans(connection, run.campaign.campaign_id, run.sweep)
        before = ledger.snapshot(connection, campaign.campaign_id, run.sweep.value, "before")
        after = ledger.snapshot(connection, campaign.campaign_id, run.sweep.value, "after")
        suppressed = _suppression_facts(connection, suppression)
        moved = _rebalancing_facts(connection, rebalancing)
        if rebalancing is None:
            asked = any(
                earlier_looks.waits_after_another_look(connection, campaign.campaign_id, kind, run.sweep)
                for kind in MAINTENANCE_PLANS
            )
            moved = replace(moved, not_begun=_why_not_begun(run, suppression, is_asked=asked))
            would = suppression is not None and suppressed.standing is Standing.WOULD and not asked
            if suppression is not None and would and not suppression.suppression_summary.is_backfill:
                moved = replace(moved, forecast=forecast(services, connection, suppression))
        attempt = replace(_attempt_facts(services, connection, run), stopped_because=stopped_because)
        taken_back = _taken_back(connection, run)
        requests = _requests(connection, run)
        shadow = campaign_line(connection, campaign.campaign_id)
        reviews = review_rows.open_reviews(connection, campaign.campaign_id)
        assessed = health_rows.stored_assessments(connection, partition_of(run))
        new = _new_contacts(connection, suppression, by_class, services.clock.now())
        coming = next_campaign(connection, services.clock.now())
    return MaintenanceFacts(
        status=run.log.status,
        mode=operating_mode(services).value,
        campaign_name=campaign.name,
        round_number=campaign.round_number,
        list_role=campaign.list_role,
        sent_at=campaign.sent_at,
        recipients=campaign.recipient_count or 0,
        links=MaintenanceLinks(
            run.log.log_id,
            campaign.key,
            run.log.run_id or "",
            settings.app_url,
            f"{settings.dagster_url}/runs/{run.log.run_id}" if settings.dagster_url and run.log.run_id else None,
            partition_url(services, campaign.key),
        ),
        bounces={name: count for name, count in by_class.items() if count},
        suppression=suppressed,
        rebalancing=moved,
        sender_faults=[
            SenderFault(one.reason.value, one.contacts, one.advice, one.operator, one.before, one.trend)
            for one in faults
        ],
        not_evidence=by_class.get(BounceClass.NOT_EVIDENCE.value, 0),
        unknown=by_class.get(BounceClass.UNKNOWN.value, 0) + (analysis.contradictions if analysis else 0),
        contradictions=analysis.contradictions if analysis else 0,
        lists=_changes(before, after),
        deviation_before=_deviation(before),
        deviation_after=_deviation(after),
        mailjet_requests=requests,
        complaint_rate=analysis.complaints if analysis else None,
        errors=[StageErrors(entry["stage"], int(entry.get("count", 1))) for entry in run.log.errors],
        review_reason=" ".join(review.summary for review in reviews if review.kind is ReviewKind.PLAN)[:600],
        attempt=attempt,
        judged_as_of=_judged_as_of(suppression),
        assessments=[each.assessment for each in assessed],
        list_rates=[_rates(each) for each in assessed],
        later_looks_days=_later_looks(run, suppression),
        taken_back=taken_back,
        shadow=shadow,
        told=told_line(services, campaign, run.sweep) if analysis else "",
        quarantine=kept,
        new_contacts=new,
        next_campaign=next_campaign_text(coming),
    )


def _new_contacts(
    connection: Connection, suppression: StoredPlan | None, by_class: Mapping[str, int], now: datetime
) -> NewContacts | None:
    """The recipients that nothing was delivered to before, but for those that an incident holds; None where so few bounced that
    nothing would be said of them."""
    if suppression is None or suppression.campaign_id is None or suppression.sweep is None:
        return None
    if by_class.get(BounceClass.HARD.value, 0) < NEW_CONTACTS.least_hard:
        return None
    held = [one.contact_id for one in plan_rows.plan_items(connection, suppression.plan_id) if one.is_held]
    as_of = suppression.suppression_summary.as_of or now
    return incident_rows.new_contacts(connection, suppression.campaign_id, suppression.sweep.value, as_of, held)


def _attempt_facts(services: Services, connection: Connection, run: Maintenance) -> AttemptFacts:
    row, limits = run.log, maintenance_limits(services)
    left = attempt_rows.settled_and_open(connection, run.campaign.campaign_id, run.sweep.value)
    next_at, waits = None, ledger.waits_until(connection, row)
    used = row.attempt - waits
    if row.waits_for_log and row.finished_at is not None:
        next_at = row.finished_at + BOUNCES.log_read_again
    elif row.is_away and row.finished_at is not None:
        next_at = limits.next_look_at(row.finished_at, waits)
    elif row.status is RunStatus.FAILED and row.finished_at is not None and not limits.is_last(used):
        next_at = limits.next_attempt_at(row.finished_at, used)
    return AttemptFacts(
        is_away=row.is_away,
        number=used,
        most=services.settings.list_maintenance_max_attempts,
        next_at=next_at,
        gave_up=row.gave_up and row.status in (RunStatus.FAILED, RunStatus.PARTIAL_SUCCESS),
        passed_deadline=row.passed_deadline,
        confirmed=sum(plan.confirmed for plan in left),
        failed=sum(plan.failed for plan in left),
        open=sum(plan.open for plan in left),
        half_done=sum(plan.half_done for plan in left),
        waits_for_log=row.waits_for_log,
    )


def _why_not_begun(run: Maintenance, suppression: StoredPlan | None, *, is_asked: bool) -> str:
    """Why there is no rebalancing plan, where that says nothing about the balance of the lists."""
    if run.log.passed_deadline:
        return "Not begun: the deadline passed first. The next maintenance looks at the balance again."
    if suppression is not None and suppression.suppression_summary.is_backfill:
        return "No rebalancing: the lists have moved on since this campaign."
    if run.log.status is RunStatus.FAILED or run.log.gave_up:
        return "Not begun: the maintenance failed before."
    if suppression is not None and suppression.status is PlanStatus.PENDING_REVIEW:
        return "Planned after the decision, on the lists as they are then."
    if is_asked:
        return "Not planned: a plan of another look at this campaign waits for a person, and is decided first."
    return ""


def _judged_as_of(suppression: StoredPlan | None) -> datetime | None:
    if suppression is None or not suppression.suppression_summary.is_backfill:
        return None
    return suppression.suppression_summary.as_of


def _rates(stored: StoredAssessment) -> ListRates:
    sends = stored.figures.last_campaign
    return ListRates(
        role=stored.assessment.role,
        delivered=sends.deliveries if sends else None,
        bounced=sends.bounces if sends else None,
        bounce_trend=stored.figures.bounce_trend_of_all_lists,
        size_trend=stored.figures.size_trend,
    )


def _later_looks(run: Maintenance, suppression: StoredPlan | None) -> list[int]:
    """Days after sending at which the campaign is looked at again; a past campaign is judged once."""
    if suppression is None or suppression.suppression_summary.is_backfill:
        return []
    return [sweep.hours // 24 for sweep in Sweep if sweep.hours > run.sweep.hours]


def _suppression_facts(connection: Connection, plan: StoredPlan | None) -> SuppressionFacts:
    if plan is None:
        return SuppressionFacts()
    items = [item for item in plan_rows.plan_items(connection, plan.plan_id) if item.to_role is not None]
    standing = _standing(plan)
    # Of a plan that only waits, or of which nothing more is done, that is all of it: what would have been done.
    allowed = executable_items(plan, items) if standing is Standing.DECIDED else items
    by_reason = outcome_rows.outcomes_by(connection, plan.plan_id, "reason")
    begun = {step.contact_id for step in journal.steps_of(connection, plan.plan_id)}
    let_through = {item.contact_id for item in allowed if not item.is_held} | begun
    planned: dict[str, int] = {}
    for item in items:
        if item.contact_id in let_through:
            planned[item.reason] = planned.get(item.reason, 0) + 1
    return SuppressionFacts(
        planned=planned,
        confirmed={reason: one.confirmed for reason, one in by_reason.items() if one.confirmed},
        failed={reason: one.failed for reason, one in by_reason.items() if one.failed},
        held_for_review=len(items) - sum(planned.values()),
        standing=standing,
    )


def _standing(plan: StoredPlan) -> Standing:
    if plan.status is PlanStatus.REJECTED:
        return Standing.REJECTED
    if plan.status in TURNED_DOWN:
        return Standing.LAPSED
    is_looked_at = plan.gate is not None and plan.gate.outcome in (GateOutcome.READ_ONLY, GateOutcome.REFUSED)
    return Standing.WOULD if plan.status is PlanStatus.PENDING_REVIEW or is_looked_at else Standing.DECIDED


def _rebalancing_facts(connection: Connection, plan: StoredPlan | None) -> RebalancingFacts:
    if plan is None:
        return RebalancingFacts()
    summary = plan.rebalancing_summary
    by_action = outcome_rows.outcomes_by(connection, plan.plan_id, "action")
    left_out = outcome_rows.left_out(connection, plan.plan_id)
    return RebalancingFacts(
        moves_planned=summary.move_count,
        moves_confirmed=by_action.get(ItemAction.MOVE, Outcomes()).confirmed,
        enrolments_planned=summary.enrolment_count,
        enrolments_confirmed=by_action.get(ItemAction.ENROL, Outcomes()).confirmed,
        deferred=summary.deferred_count,
        certificate=summary.certificate,
        met_a_send=sum(note in MET_A_SEND for note in left_out.values()),
        list_frozen=sum(note is StepNote.LIST_FROZEN for note in left_out.values()),
        standing=_standing(plan),
    )


def _taken_back(connection: Connection, run: Maintenance) -> TakenBackFacts | None:
    row = run.log
    if row.changes_taken_back is None or row.left_because is None:
        return None
    by_person = undone.was_undone(connection, run.campaign.campaign_id, run.sweep)
    return TakenBackFacts(row.changes_taken_back, row.left_because, by_person)


def _requests(connection: Connection, run: Maintenance) -> int:
    """Requests to Mailjet since this attempt began, those of membership syncs left out."""
    return int(
        fetch_scalar(
            connection,
            """
            select (select count(*) from mailjet_request where allowed_at >= :start
                    and allowed_at <= coalesce(cast(:finish as timestamptz), 'infinity'))
                 - (select coalesce(sum(requests), 0) from sync_run where started_at >= :start
                    and finished_at <= coalesce(cast(:finish as timestamptz), 'infinity'))
            """,
            start=run.log.executed_at,
            finish=run.log.finished_at,
        )
    )


def _changes(before: Sizes, after: Sizes) -> list[ListChange]:
    return [ListChange(role, *before[role], *after.get(role, (None, None))) for role in ALL_LISTS if role in before]


def _deviation(sizes: Sizes) -> float | None:
    if not sizes:
        return None
    first, second, third = (sizes[role][1] for role in CAMPAIGN_LISTS)
    return deviation_percent((first, second, third))


_NO_NEWS = "a later look at this campaign found nothing new"
_STILL_AWAY = "people were told already that Mailjet is away or still at work, and it goes on by itself"
_DECIDED_MEANWHILE = "a person decided meanwhile, and the maintenance goes on"


def notify(services: Services, run: Maintenance, report: Report) -> Delivery:
    """Send the report once: the outbox remembers it, so that neither a lost answer nor a second run sends it twice.

    The first one about a campaign begins a thread, the later ones answer in it. A failure of Slack never fails the
    maintenance; the message stays in the outbox and is sent by the sensor. The ledger's row then says that it was sent.

    What is no more than news of a past campaign stands below one message a day, so that a backfill is one in the channel.
    """
    below: ThreadKey | MessageKey = keys.campaign_thread(run.campaign.campaign_id)
    if is_news_of_the_past(report.facts):
        about = keys.past_campaigns(services.clock.now().date())
        deliver(services, about, past_campaigns_message())
        below = about
    with services.database.begin() as connection:
        # One message per state, and per plan that waits in it: a second question is news.
        waiting = [
            plan
            for plan in plan_rows.maintenance_plans(connection, run.campaign.campaign_id, run.sweep)
            if plan and plan.status is PlanStatus.PENDING_REVIEW
        ]
        asked = waiting[-1].plan_id if waiting else None
        key = keys.maintenance_report(run.log.log_id, report.facts.status, asked)
        outgoing = Outgoing(
            key,
            report.message.text,
            report.message.blocks,
            campaign_id=run.campaign.campaign_id,
            log_id=run.log.log_id,
            thread_key=below,
            is_important=report.facts.status in (RunStatus.FAILED, RunStatus.PENDING_REVIEW) or _gave_up(report.facts),
            is_broadcast=(report.facts.status is RunStatus.FAILED and not run.log.waits_for_log)
            or _gave_up(report.facts),
        )
        row = queue(services, connection, outgoing, report.message.details)
        # In the same transaction: between the two the outbox's sensor would send it.
        why_not = ""
        if report.facts.status is RunStatus.PENDING_REVIEW and asked is None:
            why_not = _DECIDED_MEANWHILE
        elif run.sweep is not Sweep.H24 and _is_no_news(report.facts):
            why_not = _NO_NEWS
        elif run.log.is_away and ledger.was_away_before(connection, run.log):
            why_not = _STILL_AWAY
        is_left_out = bool(why_not) and leave_out(connection, key, why_not)
    sent = Delivery(DeliveryState.SKIPPED, key, error=why_not) if is_left_out else post(services, row)
    # Below the report, which begins the thread.
    tell_gate_alerts(services, run.campaign.campaign_id, run.sweep)
    return sent


def _gave_up(facts: MaintenanceFacts) -> bool:
    return facts.attempt is not None and facts.attempt.gave_up


def _is_no_news(facts: MaintenanceFacts) -> bool:
    return facts.status is RunStatus.SUCCESS and not (facts.suppression.confirmed_total or facts.rebalancing.confirmed)
