"""Taking people out of rows and cache, in one transaction each, under the lock of the lists.

Under the lock nobody else is between planning a change of a contact and its end, with the id in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Self

import structlog
from sqlalchemy import Connection

from list_pipeline.core.erasure import ErasureReport, KeptOff, Person
from list_pipeline.core.errors import ListPipelineError, LockHeldError
from list_pipeline.core.wording import count_text, ids_text
from list_pipeline.integrations.cache import OURS
from list_pipeline.operations.access import Forgetting
from list_pipeline.storage.erasure import records
from list_pipeline.storage.erasure import rows as stored
from list_pipeline.storage.lock import LockLostError, MutationLock, mutation_lock

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
class FailedErasure:
    """An erasure that could not be done and stays due. ``why``: in words that name no address."""

    contact_id: int
    why: str


@dataclass(frozen=True, slots=True)
class Followed:
    """Who was erased here because Mailjet shows no person any more. ``reports``: also of those who lost the address only.
    ``failed``: of these nothing was written."""

    reports: tuple[ErasureReport, ...] = ()
    failed: tuple[FailedErasure, ...] = ()

    @property
    def findings(self) -> list[str]:
        """What people should know of it, in sentences."""
        said = []
        if self.reports:
            said.append(f"erased at Mailjet, and here too: {count_text(len(self.reports), 'contact')}")
        plans = sorted({plan for report in self.reports for plan in report.waiting_plans})
        if plans:
            said.append(f"plan {ids_text(plans)} waits with items of erased contacts, which it leaves out")
        return [*said, *self.failures]

    @property
    def failures(self) -> list[str]:
        """A sentence about each erasure that could not be done."""
        return [f"the erasure of contact {one.contact_id} failed, and is tried again: {one.why}" for one in self.failed]


def follow_erasures(services: Forgetting) -> Followed:
    """Erase here who was erased at Mailjet, as the syncs noted it; what cannot be done yet is done by a later call.

    The address goes at once. The id goes when Mailjet shows the contact on no list and no change of it is half done. One that
    fails holds up no other: it stays due, and the answer names it.
    """
    with services.database.begin() as connection:
        if not records.due(connection, 1):
            return Followed()
    with _Erasures(services) as erasures:
        try:
            with mutation_lock(
                services.database, services.clock, "erasing who was erased at Mailjet", wait_s=0.0
            ) as lock:
                with services.database.begin() as connection:
                    due = records.due(connection, AT_ONCE)
                for contact_id, _, is_free in due:
                    erasures.add(contact_id, partial(_follow, services, lock, contact_id, is_free=is_free))
        except (LockHeldError, LockLostError):
            log.info("erasures wait for the lock")
    return erasures.followed


@dataclass(slots=True)
class _Erasures:
    """Erasures one after the other, each by itself; at the end of the block the cache forgets, whatever ended it."""

    services: Forgetting
    reports: list[ErasureReport] = field(default_factory=list)
    failed: list[FailedErasure] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.reports:
            forget_cached(self.services)

    def add(self, contact_id: int, erase: Callable[[], ErasureReport]) -> None:
        """Do one. Raises LockLostError: then none of the rest can be done either."""
        try:
            self.reports.append(erase())
        except LockLostError:
            raise
        except ListPipelineError as error:
            log.error("an erasure failed, and stays due", contact_id=contact_id, error=str(error))
            self.failed.append(FailedErasure(contact_id, error.happened))

    @property
    def followed(self) -> Followed:
        """What became of them."""
        return Followed(tuple(self.reports), tuple(self.failed))


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


def erase_again(services: Forgetting) -> Followed:
    """Erase ids that came back with a later reading of Mailjet's logs, which may name erased people.

    Raises:
        LockHeldError, LockLostError: somebody else changes lists.
    """
    with services.database.begin() as connection:
        back = records.came_back(connection)
    if not back:
        return Followed()
    with (
        _Erasures(services) as erasures,
        mutation_lock(services.database, services.clock, "erasing what came back") as lock,
    ):
        for contact_id in back[:AT_ONCE]:
            erasures.add(contact_id, partial(_erase_id, services, lock, contact_id))
    return erasures.followed


def _erase_id(services: Forgetting, lock: MutationLock, contact_id: int) -> ErasureReport:
    with lock.writing() as connection:
        person = Person(contact_id, records.pseudonym_of(connection, contact_id), None)
        return erase_rows(connection, person, services.clock.now(), by=None, reason=SEEN)
