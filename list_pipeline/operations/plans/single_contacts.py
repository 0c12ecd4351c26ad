"""Corrections of single contacts by a person: suppress one, or take its suppression or its unsubscription back.

Belongs here: the checks before such a correction. Does not belong here: how it is journalled and carried out
(``corrections``).
"""

from __future__ import annotations

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.foreign_text import id_in
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import Refusal, Reversal
from list_pipeline.core.plans.plan import BY_HAND, ItemAction, PlanItem, PlanKind
from list_pipeline.operations.access import Correcting, Deciding, Storing
from list_pipeline.operations.membership.sync import learn_contacts
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.plans.corrections import (
    Correction,
    CorrectionRequest,
    finish,
    look_at,
    open_forward,
    plan_reversal,
    require_permission,
    reversals_of,
    save_correction,
)
from list_pipeline.operations.plans.execution import finish_half_done
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.storage.lock import mutation_lock
from list_pipeline.storage.membership import members, unsubscriptions
from list_pipeline.storage.plans import outcomes as outcome_rows

log = structlog.get_logger(__name__)


def reinstate(
    services: Correcting,
    contact_id: int,
    *,
    by: str,
    note: str = "",
    despite_complaint: bool = False,
    progress: Progress = logged,
) -> Correction:
    """Take the suppression of one contact back: its lists, its exclusion, its entry; its place in the queue was kept.

    Raises:
        NotFoundError: we did not suppress this contact, so we do not know where it was.
        RefusedError: it complained or unsubscribed, or somebody changed its lists since; or lists may not be changed now.
    """
    tried = f"Reinstating contact {contact_id}"
    by = reviewer(services, by, tried)
    require_permission(services, tried)
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, f"reinstating {contact_id}") as lock:
        look_at(services, [contact_id])
        with lock.writing() as connection:
            reversal = reinstatement(services, connection, contact_id, despite_complaint)
        if reversal.refused is not None:
            raise RefusedError(tried, reversal.refused.words, "Look at the contact in Mailjet")
        asked = CorrectionRequest(PlanKind.MANUAL, by, note, "Contact reinstated", despite_complaint=despite_complaint)
        return finish(services, plan_reversal(services, asked, [reversal.change], lock), lock, progress)


def reinstatement(services: Deciding, connection: Connection, contact_id: int, despite_complaint: bool) -> Reversal:
    """What reinstating a contact consists of on the rows as they are, or why it stays suppressed.

    Raises:
        NotFoundError: we did not suppress this contact.
    """
    change = outcome_rows.standing_suppression(connection, contact_id)
    if change is None:
        raise NotFoundError(
            f"Reinstating contact {contact_id}",
            "it was not suppressed by us, or was reinstated already",
            "Correct it in Mailjet by hand",
        )
    return reversals_of(services, connection, [change], despite_complaint)[0]


def suppress(services: Correcting, contact_id: int, *, by: str, note: str, progress: Progress = logged) -> Correction:
    """Suppress one contact because a person says so (reason ``manual``).

    Raises:
        NotFoundError: neither we nor Mailjet know the contact.
        RefusedError: it is suppressed already, or lists may not be changed now.
    """
    tried = f"Suppressing contact {contact_id}"
    by = reviewer(services, by, tried)
    require_permission(services, tried)
    note = reason_of(note, tried, "there is no reason", "Say why: somebody will ask")
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, f"suppressing {contact_id}") as lock:
        learn_contacts(services, [contact_id])
        look_at(services, [contact_id])
        with lock.writing() as connection:
            now = outcome_rows.contacts_now(connection, [contact_id])[contact_id]
        if now.is_gone:
            raise NotFoundError(tried, "Mailjet has no such contact", "Compare the number with the one in Mailjet")
        if now.is_unreadable:
            raise RefusedError(tried, Refusal.UNREADABLE_ROW.words, "Mend it at Mailjet, then run `list-pipeline sync`")
        if ListRole.SUPPRESSION in now.lists and now.is_excluded and not now.campaign_lists:
            raise RefusedError(tried, "it is suppressed already", "Nothing is left to do")
        item = PlanItem(
            contact_id,
            ItemAction.SUPPRESS,
            rule=BY_HAND,
            to_role=ListRole.SUPPRESSION,
            reason=BY_HAND,
            confidence=1.0,
            explanation=note,
        )
        asked = CorrectionRequest(PlanKind.MANUAL, by, note, "Contact suppressed by hand")
        with lock.writing() as connection:
            plan_id = save_correction(services, connection, asked, [item], {})
            open_forward(services, connection, plan_id, [item])
        return finish(services, plan_id, lock, progress)


def take_back_unsubscription(services: Deciding, contact_id: int, *, by: str, note: str) -> None:
    """Note that a contact that unsubscribed wants mail again; from now on its lists say whether it is subscribed.

    Raises:
        RefusedError: nobody is named, or no reason.
        NotFoundError: no unsubscription of this contact is kept.
    """
    tried = f"Taking back that contact {contact_id} unsubscribed"
    by = reviewer(services, by, tried)
    why = reason_of(note, tried, "there is no reason", "Say how you know that the subscriber wants mail again")
    now = services.clock.now()
    with services.database.begin() as connection:
        if not unsubscriptions.take_back(connection, contact_id, by, why, now):
            raise NotFoundError(
                tried,
                "no unsubscription of it is kept",
                "Where its entry on a list says unsubscribed, the subscriber or a person changes that at Mailjet",
            )
        members.refresh_flags(connection, now)
    log.info("an unsubscription was taken back", contact_id=contact_id, by=by)


def contact_of(services: Storing, named: str) -> int:
    """The contact that a person means by an id or an address; the address is not repeated in any message.

    Raises:
        NotFoundError: nobody has that address, or it is neither an id nor an address.
        RefusedError: several contacts have it.
    """
    wanted = named.strip()
    if (number := id_in(wanted)) is not None:
        return number
    if "@" not in wanted:
        raise NotFoundError(
            "Looking for a contact", "what was given is neither an id nor an address", "Give Mailjet's contact id"
        )
    with services.database.begin() as connection:
        found = outcome_rows.contact_ids_of(connection, wanted)
    if not found:
        raise NotFoundError(
            "Looking for a contact by its address", "we have no row of it", "Run `list-pipeline sync`, or give its id"
        )
    if len(found) > 1:
        shown = ", ".join(map(str, found))
        raise RefusedError("Looking for a contact by its address", f"several have it: {shown}", "Give the id you mean")
    return found[0]
