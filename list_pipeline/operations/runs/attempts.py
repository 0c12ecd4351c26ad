"""The bad ends of an attempt at a maintenance: failed, its run dead, or the last one given up.

Belongs here: the truthful status of such an attempt, and what is left to people then. Does not belong here: when the
next attempt is due (``run``), and how people are told (``operations.reports``).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.runs.limits import MAINTENANCE_RUNS, RunLimits
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.services import Services
from list_pipeline.storage.campaigns import scheduled_campaigns, sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import MaintenanceState
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.runs import attempts as attempt_rows
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.runs.ledger import LogRow

log = structlog.get_logger(__name__)


def maintenance_limits(services: Services) -> RunLimits:
    """The limits of maintenances here: how many attempts there are is a setting."""
    return replace(MAINTENANCE_RUNS, most_attempts=services.settings.list_maintenance_max_attempts)


def fail_stale_runs(services: Services) -> list[str]:
    """End every attempt whose run died as a failed one, and return the campaigns' keys.

    The ordinary retry then continues the same plan as the next attempt, and a run that is killed every time comes to its
    last attempt like any other that fails.
    """
    now = services.clock.now()
    failed = []
    with services.database.begin() as connection:
        for row in attempt_rows.silent_logs(connection, now - MAINTENANCE_RUNS.stale_after):
            end_failed(services, connection, row, now)
            ledger.note_timed_out(connection, row.log_id, now)
            key = scheduled_campaigns.campaign_by_id(connection, row.campaign_id).key
            log.warning("a run died", campaign=key, attempt=row.attempt, log_id=row.log_id)
            failed.append(key)
    return failed


def end_failed(
    services: Services, connection: Connection, row: LogRow, now: datetime, *, is_away: bool = False
) -> None:
    """End an attempt that failed: ``failed`` as long as there is another one. One that met an unavailable Mailjet
    (``is_away``) counts as none. After the last one ``partial_success`` if
    anything was confirmed at Mailjet, else ``failed``; what is open then is put before people.

    The errors of the attempt are written by the caller.

    Raises:
        StateChangedError: another process moved the attempt on since ``row`` was read.
    """
    status = RunStatus.FAILED
    limits, waits = maintenance_limits(services), ledger.waits_until(connection, row)
    is_last = not is_away and limits.is_last(row.attempt - waits)
    if is_last:
        left = attempt_rows.settled_and_open(connection, row.campaign_id, row.sweep)
        if any(plan.confirmed for plan in left):
            status = RunStatus.PARTIAL_SUCCESS
        key = scheduled_campaigns.campaign_by_id(connection, row.campaign_id).key
        for plan in left:
            if plan.open:
                plan_rows.add_review_item(
                    connection,
                    campaign_id=row.campaign_id,
                    plan_id=plan.plan_id,
                    kind=ReviewKind.FINDING,
                    summary=(
                        f"Attempt {row.attempt} at the maintenance of {key} ({row.sweep}) was the last: {plan.open} changes "
                        f"of its {plan.kind.value} plan are open, {plan.half_done} of them half done. "
                        "Repair the cause and run it again to continue"
                    ),
                    details={"gave_up_at_attempt": row.attempt, "contact_ids": list(plan.open_contacts)},
                    now=now,
                )
        log.error("maintenance given up", campaign=key, attempt=row.attempt, status=status.value, log_id=row.log_id)
    ledger.end_log(connection, row.log_id, row.status, status, now)
    if is_last:
        ledger.note_gave_up(connection, row.log_id, now)
    if is_away:
        ledger.note_away(connection, row.log_id, now)


def end_waiting(services: Services, connection: Connection, row: LogRow, now: datetime) -> None:
    """End an attempt that found one of Mailjet's bounce sources late: it goes on within hours as the same attempt. Waited for
    too long, it fails like any other.

    Raises:
        StateChangedError: another process moved the attempt on since ``row`` was read.
    """
    since = ledger.note_log_late(connection, row, now)
    if BOUNCES.still_waits(since, now):
        ledger.end_log(connection, row.log_id, row.status, RunStatus.FAILED, now)
    else:
        end_failed(services, connection, row, now)


def has_given_up(services: Services, state: MaintenanceState) -> bool:
    """Whether nothing more happens by itself for a campaign although its maintenance did not end well."""
    if state.log_status is RunStatus.FAILED:
        is_over = maintenance_limits(services).is_last(state.attempts_used)
        return is_over and not state.is_away and not state.waits_for_log
    return state.log_status is RunStatus.PARTIAL_SUCCESS and state.gave_up


def given_up(services: Services) -> list[str]:
    """Every campaign whose maintenance gave up, in any of its looks: ``key (24h)``, oldest first within a look."""
    with services.database.begin() as connection:
        states = sent_campaigns.failed_states(connection)
    return [
        f"{one.campaign.key} ({sweep.value})" for sweep in Sweep for one in states[sweep] if has_given_up(services, one)
    ]


def deadline_words(services: Services) -> str:
    """The ledger's words about changes that were not begun because the deadline had passed."""
    return f"the deadline of {services.settings.list_maintenance_deadline_minutes:g} minutes passed"
