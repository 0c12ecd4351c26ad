"""Whether this installation was away, and may have come back with an older database: nothing is changed until reconciled.

A database restored from a backup carries the last sign of life that it was saved with. A machine that was off for a
while looks the same, so both are reconciled; what Mailjet shows tells them apart.

Belongs here: signs of life, the stop and its lifting. Does not belong here: comparing
(``operations.drift.reconciliation``), and asking before each change whether it may be made (``modes``).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.drift.findings import ALERTS
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import Deciding, Storing
from list_pipeline.operations.people import in_own_words, reviewer
from list_pipeline.storage import backups, safety
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage.safety import Continuity

log = structlog.get_logger(__name__)


def note_alive(services: Storing) -> None:
    """A sign of life of the whole installation."""
    with services.database.begin() as connection:
        safety.note_alive(connection, services.clock.now())


def why_stopped(services: Storing) -> str | None:
    """Why nothing may be changed before a reconciliation, in words, or None. Reads only."""
    with services.database.begin() as connection:
        return stop_reason(safety.continuity(connection), services.clock.now())


def stop_reason(state: Continuity, now: datetime) -> str | None:
    """The reason of a stop that is noted, else of one that a gap asks for, in words; None without any."""
    if state.is_restoring:
        return "restoring a backup did not come to its end: repeat `list-pipeline restore`"
    return state.must_reconcile_because or _gap(state, now)


def check_continuity(services: Storing) -> str | None:
    """Note the stop when the installation was away for too long, and return why it stands, if it does."""
    now = services.clock.now()
    with services.database.begin() as connection:
        state = safety.continuity(connection)
        if state.must_reconcile_since is not None:
            return state.must_reconcile_because
        because = _gap(state, now)
        if because is not None:
            safety.must_reconcile(connection, because, now)
            log.warning("changes stopped until reconciled", because=because)
    return because


def needs_reading(services: Storing) -> bool:
    """Whether the stop stands and nobody compared since: what a reconciliation found then is for a person to accept."""
    if check_continuity(services) is None:
        return False
    with services.database.begin() as connection:
        state = safety.continuity(connection)
        return state.must_reconcile_since is not None and (
            drift_rows.own_work_found_since(connection, state.must_reconcile_since) is None
        )


def settle(connection: Connection) -> str | None:
    """After findings were written: lift the stop when none looks like our own work, else return why it stays.

    A later reconciliation finds no difference any more, because our rows follow Mailjet: what an earlier one found since
    the stop keeps it until a person accepts. After a restore that was told (``list-pipeline restore``) only a person lifts it.
    """
    state = safety.continuity(connection)
    if state.must_reconcile_since is None:
        return None
    own_work = drift_rows.own_work_found_since(connection, state.must_reconcile_since)
    if own_work is None:
        return state.must_reconcile_because
    if backups.restored_since(connection, state.must_reconcile_since):
        # Known, not guessed: what is missing in the journal cannot be told from what was never done.
        shown = count_text(own_work, "contact") if own_work else "nobody"
        return f"{state.must_reconcile_because}; Mailjet shows {shown} changed in a way that the journal does not know"
    if own_work == 0:
        safety.may_go_on(connection)
        log.info("reconciled after an absence; changes may go on")
        return None
    return (
        f"{state.must_reconcile_because}; Mailjet shows {count_text(own_work, 'contact')} suppressed, moved, enrolled or "
        "reinstated that the journal does not know. If this database was restored from a backup, that was its own work"
    )


def accept(services: Deciding, *, by: str, note: str | None = None) -> int:
    """A person accepts what Mailjet shows: the stop is lifted, and the open notes about drift are closed.

    Returns:
        How many review items about drift were closed.

    Raises:
        RefusedError: nobody is named, nothing waits, or the lists were not compared since changes were stopped.
    """
    tried = "Accepting what Mailjet shows"
    by, note = reviewer(services, by, tried), in_own_words(note) or None
    now = services.clock.now()
    with services.database.begin() as connection:
        drift_rows.one_writer(connection)
        state = safety.continuity(connection)
        # A broken rule is not accepted away: its note goes when the contact is fine, its repair is decided as a plan.
        items = [item for item in drift_rows.open_drift_items(connection) if item["details"].get("kind") not in ALERTS]
        if state.must_reconcile_since is None and not items:
            raise RefusedError(tried, "nothing waits for it", "`list-pipeline reconcile` compares the lists")
        if state.must_reconcile_since is not None:
            if drift_rows.own_work_found_since(connection, state.must_reconcile_since) is None:
                raise RefusedError(
                    tried,
                    "the lists were not compared since changes were stopped",
                    "Run `list-pipeline reconcile` first, and look at what it finds",
                )
            safety.may_go_on(connection)
            safety.note_alive(connection, now)
        closed = [int(item["review_id"]) for item in items]
        drift_rows.close_drift_items(connection, closed, ReviewStatus.APPROVED, by, note, now)
    log.info("drift accepted", by=by, was_stopped=state.must_reconcile_since is not None, review_items=len(closed))
    return len(closed)


def _gap(state: Continuity, now: datetime) -> str | None:
    if state.last_alive_at is None or now - state.last_alive_at <= EXECUTION.away_after:
        return None
    hours = (now - state.last_alive_at) // timedelta(hours=1)
    return f"the last sign of life of this database is {hours} hours old (it may have been restored from a backup)"
