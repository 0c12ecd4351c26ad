"""The end of a quarantine: contacts are mailed again by themselves, or because a person says so.

Nothing asks people for it: the end was part of what was let through. Only our own exclusion is lifted, and only while the
contact is in quarantine by our rows as the last look at Mailjet left them.

Belongs here: whose time is over, and lifting it. Does not belong here: what refuses it (``core.plans.corrections``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.plans.corrections import DoneChange, Refusal, by_refusal
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.quarantine.life import BY_ITSELF, QuarantineReason, QuarantineState
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import Correcting, Deciding
from list_pipeline.operations.people import reviewer
from list_pipeline.operations.plans.corrections import (
    Correction,
    CorrectionRequest,
    finish,
    look_at,
    plan_reversal,
    require_permission,
    reversals_of,
)
from list_pipeline.operations.plans.execution import finish_half_done
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.views.pages import masked_contacts
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.quarantine import Quarantine

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Due:
    """Whose quarantine is over. ``contacts``: those who are mailed again now; ``refused``: the others, with why; a list that is
    being sent, or soon, and a row that nobody can read are reasons that pass."""

    contacts: tuple[int, ...]
    refused: Mapping[Refusal, Sequence[int]]

    @property
    def refused_text(self) -> str:
        """Why the others go on being kept from mail, in words; empty where there are none."""
        return "; ".join(f"{count_text(len(ids), 'contact')}: {why.words}" for why, ids in self.refused.items())


def due_now(services: Deciding) -> Due:
    """Whose quarantine is over by our rows. No request is made."""
    with services.database.begin() as connection:
        return _over(services, connection)[1]


def _over(services: Deciding, connection: Connection) -> tuple[Sequence[DoneChange], Due]:
    """The exclusions that are lifted now, and whose they are."""
    quarantine_rows.follow(connection, services.clock.now())
    found = quarantine_rows.due(connection, services.clock.now())
    if not found:
        return (), Due((), {})
    changes = outcome_rows.standing_quarantines(connection, found)
    reversals = reversals_of(services, connection, changes, despite_complaint=False)
    wanted = [one.change for one in reversals if one.refused is None]
    refused = by_refusal((one.refused, one.change.contact_id) for one in reversals)
    return wanted, Due(tuple(one.contact_id for one in wanted), refused)


def release_due(services: Correcting, progress: Progress = logged) -> Correction | None:
    """Lift the exclusion of those whose quarantine is over. Where there is nobody, or lists may not be changed now, nothing is
    requested.

    Returns:
        What was carried out; None where there was nothing.

    Raises:
        LockHeldError: somebody else is at work.
        TransientError: Mailjet or the lock failed; run again to continue.
    """
    if not due_now(services).contacts or change_block_reason(services):
        return None
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, "the end of quarantines") as lock:
        look_at(services, [])
        # Sends were looked at: a list may be near its send by now.
        with services.database.begin() as connection:
            changes, _ = _over(services, connection)
        if not changes:
            return None
        progress(f"{count_text(len(changes), 'contact')} to be mailed again")
        asked = CorrectionRequest(PlanKind.RELEASE, BY_ITSELF, "", "Quarantine ended")
        done = finish(services, plan_reversal(services, asked, changes, lock), lock, progress)
    log.info("quarantine ended", contacts=len(changes), plan=done.plan_id)
    return done


def release_by_hand(
    services: Correcting, contact_id: int, *, by: str, note: str, progress: Progress = logged
) -> Correction:
    """Lift the exclusion of one contact in quarantine before its time is over.

    Raises:
        NotFoundError: it is not in quarantine.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it complained, was suppressed since, or its list is being sent; or lists may not be changed now.
    """
    tried = f"Ending the quarantine of contact {contact_id}"
    by = reviewer(services, by, tried)
    require_permission(services, tried)
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, f"ending the quarantine of {contact_id}") as lock:
        look_at(services, [contact_id])
        with lock.writing() as connection:
            quarantine_rows.follow(connection, services.clock.now())
            active = quarantine_rows.active_among(connection, [contact_id])
            changes = outcome_rows.standing_quarantines(connection, [contact_id]) if active else ()
            reversals = reversals_of(services, connection, changes, despite_complaint=False)
        if not changes:
            raise NotFoundError(tried, "it is not in quarantine", "`list-pipeline quarantined` lists who is")
        if reversals[0].refused is not None:
            raise RefusedError(tried, reversals[0].refused.words, "Look at the contact in Mailjet")
        asked = CorrectionRequest(PlanKind.RELEASE, by, note, "Quarantine ended by hand")
        return finish(services, plan_reversal(services, asked, changes, lock), lock, progress)


def quarantined(services: Deciding) -> tuple[Quarantine, ...]:
    """Who is in quarantine or waits for it, those first whose time ends first. No request is made."""
    with services.database.begin() as connection:
        quarantine_rows.follow(connection, services.clock.now())
        return quarantine_rows.open_of(connection)


@dataclass(frozen=True, slots=True)
class QuarantinedContact:
    """A contact in quarantine, as people may see it (UTC). ``campaign``: after which it began; None: a person asked for it."""

    contact_id: int
    contact: str
    reason: QuarantineReason
    state: QuarantineState
    started_at: datetime | None
    ends_at: datetime
    campaign: str | None
    plan: int


@dataclass(frozen=True, slots=True)
class QuarantinedPage:
    """Contacts by ascending id. ``next_after``: the id that the next page begins behind; None: this is the last."""

    entries: tuple[QuarantinedContact, ...]
    next_after: int | None


def quarantined_page(services: Deciding, *, after: int, limit: int) -> QuarantinedPage:
    """A page of those in quarantine, with masked addresses."""
    found = sorted((one for one in quarantined(services) if one.contact_id > after), key=lambda one: one.contact_id)
    shown = found[:limit]
    masked = {one.contact_id: one.contact for one in masked_contacts(services, [one.contact_id for one in shown])}
    entries = tuple(
        QuarantinedContact(
            one.contact_id,
            masked[one.contact_id],
            one.reason,
            one.state,
            one.started_at,
            one.ends_at,
            one.campaign,
            one.plan_id,
        )
        for one in shown
    )
    return QuarantinedPage(entries, shown[-1].contact_id if len(found) > limit else None)
