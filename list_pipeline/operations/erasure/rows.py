"""Taking people out of rows and cache, in one transaction each, under the lock of the lists.

Under the lock nobody else is between planning a change of a contact and its end, with the id in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.erasure import ErasureReport, KeptOff, Person
from list_pipeline.core.errors import LockHeldError
from list_pipeline.core.wording import ids_text
from list_pipeline.integrations.cache import OURS
from list_pipeline.operations.access import Forgetting
from list_pipeline.storage.erasure import records
from list_pipeline.storage.erasure import rows as stored
from list_pipeline.storage.lock import MutationLock, mutation_lock

log = structlog.get_logger(__name__)

AT_ONCE = 100
"""Contacts whose erasure at Mailjet is followed in one go: each is looked for in every table."""

SEEN = "erased at Mailjet"
"""The reason of an erasure that nobody asked for here."""


def erase_rows(connection: Connection, person: Person, now: datetime, *, by: str | None, reason: str) -> ErasureReport:
    """Take a person out of every table, and write down that it was done.

    Args:
        connection: a transaction; the report is about what it committed.
        person: one without an id loses the address only, and gets no record.
        by: who asked for it; None: it was seen at Mailjet.

    Raises:
        ErasureIncompleteError: the final search found the person. Nothing may be committed.
    """
    contact_id, pseudonym = person.contact_id, person.pseudonym
    waiting: tuple[int, ...] = ()
    because: tuple[KeptOff, ...] = ()
    erasure_id: int | None = None
    if contact_id is not None:
        waiting = records.waiting_plans(connection, contact_id)
        because = stored.note_erased(connection, contact_id, pseudonym, now)
        erasure_id, _ = records.begin(connection, contact_id, pseudonym, by=by, reason=reason, state=None, now=now)
        records.finish(connection, erasure_id, now)
        records.settle_due(connection, contact_id, whole=True)
    tables, searched = stored.erase(connection, person, now)
    report = ErasureReport(
        pseudonym,
        tables,
        tables_searched=searched.tables,
        columns_searched=searched.columns,
        kept_off_because=because,
        waiting_plans=waiting,
    )
    if erasure_id is not None:
        records.save_report(connection, erasure_id, report)
    return report


def forget_cached(services: Forgetting) -> int:
    """Forget every cached value: lists hold ids of contacts, and nobody searches packed ones. Returns how many there were."""
    found, is_all = services.cache.entries(10_000)
    services.cache.delete(*OURS)
    return len(found) if is_all else 10_000


@dataclass(frozen=True, slots=True)
class Followed:
    """Who was erased here because Mailjet shows no person any more. ``reports``: also of those who lost the address only."""

    reports: tuple[ErasureReport, ...] = ()

    @property
    def findings(self) -> list[str]:
        """What people should know of it, in sentences."""
        if not self.reports:
            return []
        said = [f"{len(self.reports)} contact(s) were erased at Mailjet, and are erased here too"]
        plans = sorted({plan for report in self.reports for plan in report.waiting_plans})
        if plans:
            said.append(f"plan {ids_text(plans)} waits with items of erased contacts, which it leaves out")
        return said


def follow_erasures(services: Forgetting) -> Followed:
    """Erase here who was erased at Mailjet, as the syncs noted it; what cannot be done yet is done by a later call.

    The address goes at once. The id goes when Mailjet shows the contact on no list and no change of it is half done.

    Raises:
        ErasureIncompleteError: the final search found somebody all the same; nothing was written of that one.
    """
    with services.database.begin() as connection:
        if not records.due(connection, 1):
            return Followed()
    reports: list[ErasureReport] = []
    try:
        with mutation_lock(services.database, services.clock, "erasing who was erased at Mailjet", wait_s=0.0) as lock:
            with services.database.begin() as connection:
                due = records.due(connection, AT_ONCE)
            reports = [_follow(services, lock, contact_id, is_free=is_free) for contact_id, _, is_free in due]
    except LockHeldError:
        log.info("erasures wait for the lock")
        return Followed()
    forget_cached(services)
    return Followed(tuple(reports))


def _follow(services: Forgetting, lock: MutationLock, contact_id: int, *, is_free: bool) -> ErasureReport:
    now = services.clock.now()
    with lock.writing() as connection:
        found = records.person_of(connection, contact_id)
        pseudonym = records.pseudonym_of(connection, contact_id)
        person = Person(contact_id, pseudonym, found.address if found is not None else None)
        # Who signed up again since has the address now, and texts that name it are that contact's.
        address = None if records.sharing(connection, person) else person.address
        person = Person(contact_id if is_free else None, pseudonym, address)
        if not is_free:
            records.settle_due(connection, contact_id, whole=False)
        report = erase_rows(connection, person, now, by=None, reason=SEEN)
    log.info("erased at Mailjet, and here", contact_id=pseudonym, rows=report.rows, is_whole=is_free)
    return report


def erase_again(services: Forgetting) -> tuple[ErasureReport, ...]:
    """Erase ids that came back with a later reading of Mailjet's logs, which may name erased people."""
    with services.database.begin() as connection:
        back = records.came_back(connection)
    if not back:
        return ()
    reports = []
    with mutation_lock(services.database, services.clock, "erasing what came back") as lock:
        for contact_id in back[:AT_ONCE]:
            with lock.writing() as connection:
                person = Person(contact_id, records.pseudonym_of(connection, contact_id), None)
                now = services.clock.now()
                reports.append(erase_rows(connection, person, now, by=None, reason=SEEN))
    return tuple(reports)
