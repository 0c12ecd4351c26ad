"""The erasure of a person that somebody asks for, here and, only if that is said, at Mailjet.

Belongs here: the order of its parts, and what refuses it. Does not belong here: the rows (``operations.erasure``).

At Mailjet first: a deletion that fails leaves everything as it was, and one that succeeded is followed by itself if this
process dies before our rows are erased.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.erasure import DeletionState, ErasureReport, Person, joined
from list_pipeline.core.errors import (
    ChangesStoppedError,
    ListPipelineError,
    NotFoundError,
    PermanentError,
    RefusedError,
    RemoteNotFoundError,
    TransientError,
)
from list_pipeline.core.foreign_text import id_in
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.wording import ids_text
from list_pipeline.integrations.mailjet import MailjetClient, OutcomeUnknownError
from list_pipeline.operations.access import Erasing, Storing
from list_pipeline.operations.erasure.rows import erase_rows, forget_cached
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.plans.corrections import require_permission
from list_pipeline.operations.plans.execution import finish_half_done
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.storage.erasure import catalogue, records
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.plans import outcomes as outcome_rows

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""So often Mailjet is asked for a deletion when reading back shows no effect."""

_TRIED = "Erasing a contact"


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure did.

    Attributes:
        report: None: the person was erased before, and nothing was left.
        erased_before: when (UTC); None: not before.
        is_dry_run: nothing was written.
        at_mailjet: whether Mailjet deleted the person too.
    """

    report: ErasureReport | None
    erased_before: datetime | None
    is_dry_run: bool
    at_mailjet: bool


class _DryRun(Exception):  # noqa: N818
    """Takes back the transaction of a dry run."""

    def __init__(self, report: ErasureReport) -> None:
        super().__init__()
        self.report = report


def erase_person(
    services: Erasing,
    named: str,
    *,
    by: str,
    reason: str,
    at_mailjet: bool = False,
    dry_run: bool = False,
    progress: Progress = logged,
) -> Erased:
    """Remove a person from every table and from the cache, and prove it by a search of everything.

    Args:
        named: the contact's id, or its address, which is repeated in no message.
        by: who asks for it; a name, no address.
        at_mailjet: also delete the person at Mailjet, which nobody can take back.
        dry_run: say what would be done, and write nothing.

    Raises:
        NotFoundError: no row knows such a contact.
        RefusedError: nobody is named, or no reason; or a change of the contact is half done.
        ChangesStoppedError: Mailjet is to be asked, and nothing may be changed there now.
        PermanentError, TransientError: Mailjet did not delete the person; nothing was erased here.
        ErasureIncompleteError: the final search found the person; nothing was erased here.
    """
    by = reviewer(services, by, _TRIED)
    why = reason_of(reason, _TRIED, "there is no reason", "Say who asked for the erasure, and when")
    if at_mailjet and not dry_run:
        require_permission(services, _TRIED)
    found, before = _find(services, named)
    if found is None:
        return Erased(None, before, dry_run, at_mailjet=False)
    if dry_run:
        return Erased(_tried_out(services, found, by=by, why=why), before, is_dry_run=True, at_mailjet=False)
    finish_half_done(services, progress)
    with mutation_lock(services.database, services.clock, "erasing a person") as lock:
        contacts = _contacts_of(services, found)
        _refuse_half_done(services, contacts)
        for contact in contacts if at_mailjet else ():
            if contact.contact_id is not None:
                _delete_at_mailjet(services, lock, contact, contact.contact_id, found.address, by=by, why=why)
        with lock.writing() as connection:
            report = _erase_all(services, connection, contacts, by=by, why=why)
    report = replace(report, cached=forget_cached(services))
    log.info("a person was erased", contact_id=report.pseudonym, rows=report.rows, by=by, at_mailjet=at_mailjet)
    return Erased(report, before, is_dry_run=False, at_mailjet=at_mailjet)


def _find(services: Storing, named: str) -> tuple[Person | None, datetime | None]:
    """The person, and when one with that id or address was erased before; no person: only that is known.

    Raises:
        NotFoundError: nothing is known.
    """
    named = named.strip()
    typed = id_in(named)
    with services.database.begin() as connection:
        ids = (typed,) if typed is not None else outcome_rows.contact_ids_of(connection, named)
        if ids and (found := records.person_of(connection, ids[0])) is not None:
            return found, records.erased_at(connection, pseudonym=found.pseudonym, address=found.address)
        number = records.pseudonym_of(connection, ids[0] if ids else 0)
        person = Person(ids[0] if ids else None, number, named if typed is None else None)
        before = records.erased_at(connection, pseudonym=number if ids else None, address=person.address)
        if catalogue.search(connection, person).rows:
            # No row of membership, and named somewhere all the same: in a note, a message, an older log.
            return person, before
    if before is not None:
        return None, before
    raise NotFoundError(_TRIED, "no row knows this contact", "Run `list-pipeline sync`, or compare it with Mailjet")


def _contacts_of(services: Storing, person: Person) -> list[Person]:
    """Everybody with the person's address, the one that was found last: the address goes when no other contact has it."""
    with services.database.begin() as connection:
        ids = records.sharing(connection, person)
        others = [Person(contact_id, records.pseudonym_of(connection, contact_id), None) for contact_id in ids]
    return [*others, person]


def _tried_out(services: Storing, person: Person, *, by: str, why: str) -> ErasureReport:
    contacts = _contacts_of(services, person)
    try:
        with services.database.begin() as connection:
            raise _DryRun(_erase_all(services, connection, contacts, by=by, why=why))
    except _DryRun as done:
        return done.report


def _refuse_half_done(services: Storing, contacts: Sequence[Person]) -> None:
    with services.database.begin() as connection:
        ids = [contact.contact_id for contact in contacts if contact.contact_id is not None]
        found = sorted({plan for contact_id in ids for plan in records.half_done_in(connection, contact_id)})
    if found:
        raise RefusedError(
            _TRIED,
            f"a change of it is half done at Mailjet (plan {ids_text(found)}), and would stay so",
            "Let that plan end, which a sensor does by itself, and erase again",
        )


def _erase_all(
    services: Storing, connection: Connection, contacts: Sequence[Person], *, by: str, why: str
) -> ErasureReport:
    now = services.clock.now()
    return joined([erase_rows(connection, contact, now, by=by, reason=why) for contact in contacts])


def _delete_at_mailjet(
    services: Erasing,
    lock: MutationLock,
    person: Person,
    contact_id: int,
    address: str | None,
    *,
    by: str,
    why: str,
) -> None:
    def before_mutation() -> None:
        lock.check()
        if stopped := change_block_reason(services):
            raise ChangesStoppedError(_TRIED, stopped, "Switch changes on again and repeat it")

    mailjet = services.mailjet_for_changes(before_mutation)
    try:
        with lock.writing() as connection:
            erasure_id, state = records.begin(
                connection,
                contact_id,
                person.pseudonym,
                by=by,
                reason=why,
                state=DeletionState.PLANNED,
                now=services.clock.now(),
            )
        if state is not DeletionState.CONFIRMED:
            _ask_for_deletion(mailjet, lock, erasure_id, contact_id, address)
    finally:
        services.mailjet.add_requests(mailjet)
        mailjet.close()


def _ask_for_deletion(
    mailjet: MailjetClient, lock: MutationLock, erasure_id: int, contact_id: int, address: str | None
) -> None:
    # Read first: whoever did this before may have died before the answer, and an id of somebody else is not erased.
    for _ in range(ATTEMPTS):
        if _is_gone(mailjet, contact_id, address):
            _settle(lock, erasure_id, DeletionState.CONFIRMED)
            return
        with lock.writing() as connection:
            records.submitting(connection, erasure_id, lock.fence)
        try:
            mailjet.erase_contact(contact_id)
        except (OutcomeUnknownError, RemoteNotFoundError) as error:
            log.warning("a deletion is read back", erasure=erasure_id, error=error.happened)
        except (PermanentError, ChangesStoppedError) as error:
            _settle(lock, erasure_id, DeletionState.FAILED, error)
            raise
    if _is_gone(mailjet, contact_id, address):
        _settle(lock, erasure_id, DeletionState.CONFIRMED)
        return
    failed = TransientError(
        _TRIED, f"Mailjet still shows it after {ATTEMPTS} requests, so nothing was erased here", "Repeat it later"
    )
    _settle(lock, erasure_id, DeletionState.FAILED, failed)
    raise failed


def _is_gone(mailjet: MailjetClient, contact_id: int, address: str | None) -> bool:
    """Whether Mailjet has deleted or anonymised a contact.

    Raises:
        RefusedError: the id is somebody else's there than here.
    """
    try:
        seen = mailjet.contact(contact_id)
    except RemoteNotFoundError:
        return True
    if seen.is_anonymised:
        return True
    if address is not None and seen.email.casefold() != address.casefold():
        raise RefusedError(
            _TRIED, "Mailjet has another address under this id", "Run `list-pipeline sync` and look at it again"
        )
    return False


def _settle(lock: MutationLock, erasure_id: int, state: DeletionState, error: ListPipelineError | None = None) -> None:
    with lock.writing() as connection:
        records.settle(connection, erasure_id, state, redact_addresses(error.happened)[:300] if error else None)
