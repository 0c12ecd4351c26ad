"""Suppressing the contacts of a file: looked up, judged, put into a plan, and carried out where the gate lets it.

Belongs here: the order of these steps, a look without doing it, and taking an import back. Does not belong here: what becomes
of a row and of the plan (``core.verdict_imports``), how a correction is carried out (``operations.plans.corrections``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.plans.corrections import CorrectionSummary
from list_pipeline.core.plans.gate import GateDecision, GateOutcome
from list_pipeline.core.plans.plan import PlanItem, PlanKind, PlanStatus, content_hash
from list_pipeline.core.verdict_imports.files import ImportFile
from list_pipeline.core.verdict_imports.judgement import (
    IMPORT_DAYS,
    ImportGateFacts,
    Judged,
    KnownContacts,
    judge,
    judge_gate,
)
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import Correcting, Deciding
from list_pipeline.operations.campaigns.automations import automations_now
from list_pipeline.operations.messages.gate_alerts import tell_gate_alert
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.plans.asked_plans import Asked, take_back_asked
from list_pipeline.operations.plans.corrections import (
    Correction,
    finish,
    look_at,
    open_forward,
    require_permission,
)
from list_pipeline.operations.plans.execution import finish_half_done
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.storage import verdict_imports as rows
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan
from list_pipeline.storage.replay import later_of

log = structlog.get_logger(__name__)

_VERSION = "import-1"
_TRIED = "Suppressing the contacts of a file"


@dataclass(frozen=True, slots=True)
class Import:
    """What became of a file.

    Attributes:
        judged: whom it suppresses, and why the other rows lead to nothing.
        gate: what the gate saw.
        plan_id: None where nothing was planned. ``content_hash``: by which it is approved.
        correction: what was carried out; None where a person has to decide first, or nothing was planned.
        blocked_because: of a look only: why the real thing would be refused now.
    """

    judged: Judged
    gate: GateDecision
    plan_id: int | None = None
    content_hash: str = ""
    correction: Correction | None = None
    blocked_because: str | None = None

    @property
    def waits(self) -> bool:
        """Whether a person has to decide on it."""
        return self.plan_id is not None and self.correction is None


def preview(services: Correcting, file: ImportFile) -> Import:
    """What an import would do now, without doing it. Mailjet is read first, and our rows follow what it shows."""
    look_at(services, [])
    with services.database.begin() as connection:
        judged = _judge(services, connection, file)
        gate = gate_of(services, connection, judged.items)
    return Import(judged, gate, blocked_because=change_block_reason(services))


def suppress_listed(
    services: Correcting, file: ImportFile, *, by: str, note: str, progress: Progress = logged
) -> Import:
    """Suppress the contacts of a file as a plan; where the gate finds that it needs a person, it waits for one.

    Args:
        by: who asks, for the record. note: where the file comes from, and why.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody is named, or no reason; or lists may not be changed now.
    """
    by, note = reviewer(services, by, _TRIED), reason_of(note, _TRIED)
    require_permission(services, _TRIED)
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, "an import") as lock:
        look_at(services, [])
        with lock.writing() as connection:
            judged = _judge(services, connection, file)
            gate = gate_of(services, connection, judged.items)
            if not judged.items:
                return Import(judged, gate)
            plan = _save(services, connection, judged, gate, by, note)
        log.info("import planned", plan=plan.plan_id, contacts=len(judged.items), outcome=gate.outcome.value)
        if gate.outcome is not GateOutcome.APPROVED:
            tell_gate_alert(services, plan.plan_id)
            return Import(judged, gate, plan.plan_id, plan.content_hash)
        done = finish(services, plan.plan_id, lock, progress)
    return Import(judged, gate, plan.plan_id, plan.content_hash, done)


def _judge(services: Deciding, connection: Connection, file: ImportFile) -> Judged:
    now = services.clock.now()
    by_address = rows.contacts_with(
        connection, [one for row in file.rows for one in (row.contact, row.address) if "@" in one]
    )
    named = {row.contact_id for row in file.rows if row.contact_id is not None}
    known = sorted(rows.known_ids(connection, sorted(named.union(*by_address.values()))))
    # Without verdicts a delivery contradicts nothing.
    later = later_of(connection, known) if file.has_verdicts else {}
    facts = KnownContacts(
        by_address,
        outcome_rows.contacts_now(connection, known),
        {i: one.reached_at for i, one in later.items() if one.reached_at is not None},
    )
    return judge(file.rows, facts, now, policy_of(services))


def gate_of(services: Deciding, connection: Connection, items: Sequence[PlanItem]) -> GateDecision:
    """What the gate says of suppressing these contacts; nothing is written."""
    since = services.clock.now() - timedelta(days=IMPORT_DAYS)
    facts = ImportGateFacts(
        items=len(items),
        mailable=sum(queue.balance_sizes(connection)),
        suppressed_before=rows.suppressed_since(connection, since),
        since=since,
        mode=operating_mode(services),
        flag_enabled=services.settings.list_management_enabled,
        automations=automations_now(services, connection),
    )
    return judge_gate(items, facts, policy_of(services))


def _save(
    services: Deciding, connection: Connection, judged: Judged, gate: GateDecision, by: str, note: str
) -> StoredPlan:
    """Write the plan with the gate's word; with its journal where it runs at once, with a question where it waits."""
    now = services.clock.now()
    plan = plan_rows.save_plan(
        connection,
        campaign_id=None,
        kind=PlanKind.IMPORT,
        sweep=None,
        content_hash=content_hash(None, PlanKind.IMPORT, None, f"{_VERSION}.{now.isoformat()}", judged.items),
        policy_version=_VERSION,
        status=PlanStatus.PLANNED,
        summary=CorrectionSummary("Contacts suppressed on request"),
        items=judged.items,
        now=now,
        requested_by=by,
        note=note,
    )
    runs = gate.outcome is GateOutcome.APPROVED
    status = PlanStatus.APPROVED if runs else PlanStatus.PENDING_REVIEW
    plan_rows.set_gate(connection, plan, status, gate.record, now, by if runs else None)
    if runs:
        open_forward(services, connection, plan.plan_id, judged.items)
    else:
        failed = " ".join(check.words for check in gate.failed_checks)
        summary = f"An import would suppress {count_text(len(judged.items), 'contact')}. {failed}"
        plan_rows.ask_about_plan(connection, plan, summary, now)
    return plan


def take_back(services: Correcting, plan_id: int, *, by: str, note: str, progress: Progress = logged) -> Correction:
    """Take an import back: everybody whom it suppressed goes back to where they were, as far as that is right by now.

    Raises:
        NotFoundError: there is no such import, or nothing of it was done.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it still waits, or was turned down; or lists may not be changed now.
        JobTimeoutError: a bulk job of it may still be running; nothing was taken back.
    """
    asked = Asked(
        PlanKind.IMPORT, f"import {plan_id}", "there is no import with this number", "`suppress --file` named it"
    )
    return take_back_asked(services, plan_id, asked, by=by, note=note, progress=progress)
