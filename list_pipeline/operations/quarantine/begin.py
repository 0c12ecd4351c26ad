"""Contacts are kept from mail: after a campaign, or because a person asks.

A quarantine is a plan with a gate, carried out by the code of all corrections, so that it waits for a send, is continued
after a crash, and is taken back. It is written only where somebody is to be kept from mail: otherwise nothing is requested.

Belongs here: gathering who and until when, the gate, the plan. Does not belong here: the rules (``core.quarantine``), the end
(``release``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.gate import DECIDED_BY_GATE, GateDecision, GateOutcome, GateRecord
from list_pipeline.core.plans.plan import TURNED_DOWN, PlanItem, PlanKind, PlanStatus, content_hash
from list_pipeline.core.quarantine.gate import QuarantineGateFacts, judge_quarantine
from list_pipeline.core.quarantine.judgement import end_after, is_worth_it, quarantine_items, wanted
from list_pipeline.core.quarantine.life import QuarantineReason
from list_pipeline.core.quarantine.policy import QUARANTINE
from list_pipeline.core.wording import count_text, ids_text, instant_text
from list_pipeline.operations.access import Correcting, Deciding
from list_pipeline.operations.membership.sync import learn_contacts
from list_pipeline.operations.messages.gate_alerts import tell_gate_alert
from list_pipeline.operations.people import in_own_words, reason_of, reviewer
from list_pipeline.operations.plans.corrections import Correction, carry_out_correction, look_at, require_permission
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.runs.run import Maintenance, is_past_deadline, untimely
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan

log = structlog.get_logger(__name__)

_VERSION = "quarantine-1"
_BY_CAMPAIGN = "the quarantine rule"


@dataclass(frozen=True, slots=True)
class ToQuarantine:
    """Who a suppression plan would keep from mail. ``ends_at``: when they are mailed again (UTC)."""

    reasons: Mapping[int, QuarantineReason]
    ends_at: datetime

    @property
    def words(self) -> str:
        """It for people, as a sentence."""
        contacts = count_text(len(self.reasons), "contact")
        verb = "is" if len(self.reasons) == 1 else "are"
        return f"{contacts} of it {verb} kept from mail until {instant_text(self.ends_at)}, and stay on their lists."


def to_quarantine(
    services: Deciding, connection: Connection, run: Maintenance, plan: StoredPlan
) -> ToQuarantine | None:
    """Who a suppression plan keeps from mail once it is let through; None: nobody, or not for long enough to matter."""
    sent_at = run.campaign.send_started_at or run.campaign.send_ended_at
    if sent_at is None or not services.settings.quarantined_for:
        return None
    ends_at = end_after(sent_at, QUARANTINE)
    if not is_worth_it(services.clock.now(), ends_at, QUARANTINE):
        return None
    items = plan_rows.plan_items(connection, plan.plan_id)
    found = wanted(items, services.settings.quarantined_for)
    besides = quarantine_rows.taken_among(connection, run.campaign.campaign_id, sorted(found)) if found else ()
    left = {contact_id: reason for contact_id, reason in found.items() if contact_id not in besides}
    return ToQuarantine(left, ends_at) if left else None


def quarantine_after(
    services: Services, run: Maintenance, suppression: StoredPlan, progress: Progress = logged
) -> Correction | None:
    """Keep from mail whom a suppression plan holds, once that was let through; where the gate finds that it needs a person, it
    waits for one. What was begun goes on by itself.

    Returns:
        What was carried out; None where nobody is to be kept from mail, or a person has to decide first.
    """
    if suppression.status in TURNED_DOWN or suppression.status is PlanStatus.PENDING_REVIEW:
        return None
    with services.database.begin() as connection:
        stored = plan_rows.current_plan(connection, run.campaign.campaign_id, PlanKind.QUARANTINE, run.sweep)
        found = to_quarantine(services, connection, run, suppression) if stored is None else None
    if stored is not None:
        # An attempt that died between writing it and carrying it out.
        goes_on = stored.status is PlanStatus.APPROVED and not is_past_deadline(services, run)
        return carry_out_correction(services, stored.plan_id, progress) if goes_on else None
    if found is None or is_past_deadline(services, run):
        return None
    plan, decision = _plan_after(services, run, suppression, found)
    if plan is None:
        return None
    if decision.outcome is not GateOutcome.APPROVED:
        tell_gate_alert(services, plan.plan_id)
        return None
    progress(f"{count_text(len(found.reasons), 'contact')} to be kept from mail until {instant_text(found.ends_at)}")
    return carry_out_correction(services, plan.plan_id, progress)


def _plan_after(
    services: Services, run: Maintenance, suppression: StoredPlan, found: ToQuarantine
) -> tuple[StoredPlan | None, GateDecision]:
    campaign_id, now = run.campaign.campaign_id, services.clock.now()
    by_person = suppression.decided_by not in (None, DECIDED_BY_GATE)
    items = quarantine_items(found.reasons, found.ends_at)
    mode, why_untimely = operating_mode(services), untimely(services, run.campaign, run.sweep)
    with services.database.begin() as connection:
        before = quarantine_rows.count_after(connection, campaign_id)
        facts = QuarantineGateFacts(
            recipients=suppression.suppression_summary.recipients,
            before=before,
            mode=mode,
            flag_enabled=services.settings.list_management_enabled,
            untimely=why_untimely,
            approved_by=suppression.decided_by if by_person else None,
        )
        decision = judge_quarantine(items, facts, QUARANTINE)
        if decision.refused:
            return None, decision
        plan = _save(services, connection, run, items, found, _BY_CAMPAIGN, "")
        status = PlanStatus.APPROVED if decision.approved else PlanStatus.PENDING_REVIEW
        decided_by = (facts.approved_by or DECIDED_BY_GATE) if decision.approved else None
        plan_rows.set_gate(connection, plan, status, decision.record, now, decided_by)
        if not decision.approved:
            failed = " ".join(check.words for check in decision.failed_checks)
            plan_rows.ask_about_plan(connection, plan, f"After {run.campaign.key}, {found.words} {failed}", now)
        plan = plan_rows.existing_plan(connection, plan.plan_id)
    log.info("quarantine planned", plan=plan.plan_id, contacts=len(items), outcome=decision.outcome.value)
    return plan, decision


def _save(
    services: Deciding,
    connection: Connection,
    run: Maintenance | None,
    items: Sequence[PlanItem],
    found: ToQuarantine,
    by: str,
    note: str,
) -> StoredPlan:
    now = services.clock.now()
    campaign_id, sweep = (run.campaign.campaign_id, run.sweep) if run is not None else (None, None)
    version = _VERSION if run is not None else f"{_VERSION}.{now.isoformat()}"
    plan = plan_rows.save_plan(
        connection,
        campaign_id=campaign_id,
        kind=PlanKind.QUARANTINE,
        sweep=sweep,
        content_hash=content_hash(campaign_id, PlanKind.QUARANTINE, sweep, version, items),
        policy_version=_VERSION,
        status=PlanStatus.PLANNED,
        summary=CorrectionSummary(f"Contacts kept from mail until {instant_text(found.ends_at)}"),
        items=items,
        now=now,
        requested_by=by,
        note=in_own_words(note),
    )
    quarantine_rows.plan(connection, plan.plan_id, campaign_id, found.reasons, found.ends_at, now)
    return plan


def quarantine_by_hand(
    services: Correcting,
    contact_ids: Sequence[int],
    *,
    days: int,
    by: str,
    note: str,
    progress: Progress = logged,
) -> Correction:
    """Keep contacts from mail for some days, because a person says so; they stay on their lists, and are mailed again by
    themselves.

    Args:
        days: from now on, whole days. by: who asks, for the record. note: why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody is named, or no reason; too many days; nobody is left; or lists may not be changed now.
    """
    tried = f"Keeping {count_text(len(contact_ids), 'contact')} from mail"
    by = reviewer(services, by, tried)
    require_permission(services, tried)
    note = reason_of(note, tried, "there is no reason", "Say why: somebody will ask")
    if not 1 <= days <= QUARANTINE.most_days:
        raise RefusedError(
            tried, f"{days} days are not between 1 and {QUARANTINE.most_days}", "Suppress for good instead"
        )
    wanted_ids = sorted(set(contact_ids))
    with mutation_lock(services.database, services.clock, "a quarantine") as lock:
        learn_contacts(services, wanted_ids)
        look_at(services, wanted_ids)
        now = services.clock.now()
        with lock.writing() as connection:
            quarantine_rows.follow(connection, now)
            taken = quarantine_rows.taken_among(connection, None, wanted_ids)
            here = outcome_rows.contacts_now(connection, wanted_ids)
            left = [one for one in wanted_ids if one not in taken and not here[one].is_gone]
            if not left:
                raise RefusedError(
                    tried,
                    f"in quarantine already, or not at Mailjet: {ids_text(wanted_ids)}",
                    "`list-pipeline quarantined` lists them",
                )
            found = ToQuarantine(dict.fromkeys(left, QuarantineReason.BY_HAND), now + timedelta(days=days))
            plan = _save(services, connection, None, quarantine_items(found.reasons, found.ends_at), found, by, note)
            record = GateRecord(GateOutcome.APPROVED, alert=False, may_run=len(left), waiting=(), checks=())
            plan_rows.set_gate(connection, plan, PlanStatus.APPROVED, record, now, by)
    return carry_out_correction(services, plan.plan_id, progress)
