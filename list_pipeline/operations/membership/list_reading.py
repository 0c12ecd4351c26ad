"""Reading the five lists into our rows: on from the last entry that we know, or whole.

Mailjet sorts a list by the id of its entries, and who joins gets a higher id. So our rows of a list are its beginning, and one
answer proves it: where the last entry we know stands at the place that its rank says, nobody in front of it left, and nobody
can have come. What follows it is read and merged as it comes. That makes an interrupted reading go on where it stopped, also
the first one, without anything but our rows to remember it by, and however old they are: what ages in them (who is
unsubscribed, who is excluded) is what every sync follows by itself.

One exchange escapes this until the lists are read whole (daily by the reconciliation, weekly by a sync): somebody joins right
before an entry that our own job adds and that is taken over by itself (``storage.membership.members.note_added``), and somebody
else leaves.

Where the last entry stands elsewhere, those who left are found by bisection: a page of a long list shows whether it still
begins with the entry that stood there, so one who left costs about as many requests as the number of pages has binary digits.
Where that would cost more than half of the list's pages, and on short lists, the list is read whole instead.

In the first reading the entries of all lists come before the contacts (``ListReader.read_contacts``): what a contact's row says
about its lists is known then, and each is written once.

Each list is merged by itself as soon as it was read. At 60 requests a minute, which a learned rate makes 45, a whole reading of
a master list of a million entries (a thousand pages, and a thousand of its contacts) takes 45 minutes, each other list less. A
run may take two hours, so the weekly whole readings go on with the next list after an interruption, and need no place within
one. A first reading, which would take all of them together, does.

Belongs here: one list. Does not belong here: which list is due for what, and who is unsubscribed or excluded (``sync``).
"""

from __future__ import annotations

import gc
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.observations import ContactListSeen, ContactSeen, RecipientSeen
from list_pipeline.core.wording import count_text
from list_pipeline.integrations.mailjet.paging import PAGE
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.storage import unreadable_rows as unreadable_row_storage
from list_pipeline.storage.database import transaction
from list_pipeline.storage.membership import first_reading as first_rows
from list_pipeline.storage.membership import members
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline.storage.plans import journal

log = structlog.get_logger(__name__)

ATTEMPTS = 3
SINGLE_READS_MAX = 50
"""Unknown contacts are read one by one up to this number, beyond it by paging their list."""

MERGE_EVERY = 20 * PAGE
"""Entries after which what was read of a long list is merged: what an interruption costs at the most."""

LONG_LIST = 10 * PAGE
"""From so many entries on, those who left are looked for by bisection."""


@dataclass(slots=True)
class SyncReport:
    """The result of a sync. ``requests`` are those to Mailjet; ``sizes`` are as our rows have them, ``seen`` the lists as
    Mailjet names them; ``left``: who was found to have left a list without reading it whole. ``agreed``: how many are
    unsubscribed on a list, or excluded from campaigns (None), where nobody was asked who they are, since our number is the
    same."""

    full_lists: list[ListRole] = field(default_factory=list)
    tail_rows: dict[ListRole, int] = field(default_factory=dict)
    left: dict[ListRole, int] = field(default_factory=dict)
    rows_read: int = 0
    rows_changed: int = 0
    requests: int = 0
    findings: list[str] = field(default_factory=list)
    agreed: dict[ListRole | None, int] = field(default_factory=dict)
    sizes: dict[ListRole, members.StoredSizes] = field(default_factory=dict)
    seen: dict[ListRole, ContactListSeen] = field(default_factory=dict)
    sync_run_id: int = 0


class _ListsChangedError(Exception):
    """A maintenance changed lists meanwhile: what was read before it would undo what it wrote into our rows."""


@contextmanager
def short_collections() -> Iterator[None]:
    """What this process holds already is not looked at by the collector of garbage while a block makes millions of values: it
    would go through all of it every few pages, for a quarter of the time."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class ListReader:
    """Brings our rows of lists up to date, one list after the other, over one database session."""

    def __init__(
        self, services: ReadingMailjet, session: Connection, report: SyncReport, *, entries_first: bool = False
    ) -> None:
        """``entries_first``: no list was ever read to its end. Contacts are read when the entries of all lists are known
        (``read_contacts``), so that each is written once; until then nobody asks about them."""
        self._entries_first = entries_first
        # Those that could not be read before may be mended now: the ordinary way sees to that.
        self._is_direct = entries_first and not unreadable_row_storage.open_rows(session)
        self._entries: list[RecipientSeen] = []
        self._services = services
        self._session = session
        self._report = report
        self._staging = sync_rows.SyncStaging(session)
        self._activity: tuple[int, int] = (0, 0)
        self._noted = True

    def read(self, role: ListRole, *, whole: bool, first: bool, another: bool = False) -> None:
        """Bring our rows of a list up to date.

        Args:
            whole: from the first entry on, whatever we know. first: it was never read to its end.
            another: our rows are those of the list that had this role before, so what differs is nobody's edit.

        Raises:
            IncompleteDataError: it kept changing while it was read, three times over.
        """
        self._noted = not (first or another)
        for _ in range(ATTEMPTS):
            self._staging.clear()
            self._entries.clear()
            self._activity = journal.activity(self._session)
            try:
                if whole or not self._read_on(role, first=first):
                    self._read_whole(role, first=first)
            except _ListsChangedError:
                log.info("lists were changed while they were read; reading again", list=role.value)
                continue
            return
        raise IncompleteDataError(
            f"Reading the {role.label}",
            "a maintenance kept changing the lists meanwhile",
            "Run the sync again when it has ended",
        )

    def _read_on(self, role: ListRole, *, first: bool, looks: int = 0) -> bool:
        """Read what follows the last entry that we know. False: the numbers cannot be explained by that, read it whole.

        Args:
            looks: how often those who left were looked for before.
        """
        report, size = self._report, self._report.seen[role].subscriber_count
        known, last_id = members.end_of_list(self._session, role)
        if size < known and not looks:
            words = f"{known - size} fewer contacts than we knew"
            return self._without_who_left(role, known, words, first=first, looks=looks)
        if first and known:
            log.info("the first reading of a list goes on", list=role.value, known=known, size=size)
        news = 0
        # The last row we know is read again: standing elsewhere, it shows that something before it went.
        pages = self._services.mailjet.recipients(self._services.list_ids[role], offset=max(known - 1, 0))
        page = next(pages, ())
        report.rows_read += len(page)
        if known:
            if not page or page[0].recipient_id != last_id:
                return self._without_who_left(role, known, "contacts left and others came", first=first, looks=looks)
            page = page[1:]
        while page:
            if self._is_direct:
                self._entries += page
            else:
                self._staging.add_recipients(role, page)
            news += len(page)
            if self._staging.recipients + len(self._entries) >= MERGE_EVERY:
                self._merge(role)
            page = next(pages, ())
            report.rows_read += len(page)
        if known + news < size and known + news < self._size_now(role):
            report.findings.append(f"{role.label}: {size} contacts counted, {known + news} found, read whole")
            return False
        self._merge(role)
        if first:
            report.full_lists.append(role)
        else:
            report.tail_rows[role] = news
        return True

    def _size_now(self, role: ListRole) -> int:
        """A long reading may be hours younger than the sizes that the sync began with."""
        return self._services.mailjet.contact_list(self._services.list_ids[role]).subscriber_count

    def _without_who_left(self, role: ListRole, known: int, words: str, *, first: bool, looks: int) -> bool:
        """Find who left, and read on without them. False: read it whole."""
        try:
            gone = self._who_left(role) if known >= LONG_LIST and looks < ATTEMPTS else None
        except IncompleteDataError:
            gone = None
        if gone is None:
            self._report.findings.append(f"{role.label}: {words}, read whole")
            return False
        now = self._services.clock.now()
        with transaction(self._session):
            self._check_activity()
            left = sync_rows.note_left(self._session, role, gone, now, noted=self._noted)
            members.refresh_flags(self._session, now, left)
        if left:
            self._report.left[role] = self._report.left.get(role, 0) + len(left)
            self._report.rows_changed += len(left)
            self._report.findings.append(f"{role.label}: {count_text(len(left), 'contact')} left")
        return self._read_on(role, first=first, looks=looks + 1)

    def _who_left(self, role: ListRole) -> Sequence[int] | None:
        """The entries of our rows that are no longer in the list (``entries_gone``).

        Raises:
            IncompleteDataError: a page is not sorted, so that it proves nothing.
        """

        def page(offset: int) -> list[int]:
            rows, _ = self._services.mailjet.recipients_page(self._services.list_ids[role], offset)
            self._report.rows_read += len(rows)
            return [row.recipient_id for row in rows]

        return entries_gone(members.entries_of(self._session, role), page)

    def _read_whole(self, role: ListRole, *, first: bool) -> None:
        services, report = self._services, self._report
        list_id = services.list_ids[role]
        for attempt in range(1, ATTEMPTS + 1):
            self._staging.clear()
            self._entries.clear()
            _, known_until = members.end_of_list(self._session, role)
            try:
                for page in services.mailjet.read_all_recipients(list_id):
                    self._staging.add_recipients(role, page)
                    report.rows_read += len(page)
                if role is ListRole.MASTER and not first:
                    self._read_contacts_of(role)
            except IncompleteDataError:
                if attempt == ATTEMPTS:
                    raise
                log.warning("list changed while it was read", list=role.value, attempt=attempt)
                continue
            if self._merge(role, whole=True, known_until=known_until):
                report.full_lists.append(role)
            else:
                report.findings.append(
                    f"{role.label}: an entry does not say whose it is, so nobody is taken for gone; it is read whole again"
                )
            report.tail_rows.pop(role, None)
            return

    def _merge(self, role: ListRole, *, whole: bool = False, known_until: int | None = None) -> bool:
        """Take over what was read of a list, and forget it.

        Args:
            whole: from the first entry to the last, so that whoever was not seen has left it.
            known_until: our last entry when that began.

        Returns:
            Whether it was read whole, and each entry named its contact: one that does not may be anybody who was not seen.
        """
        self._write_entries(role)
        if not self._staging.recipients and not whole:
            return False
        session = self._session
        self._staging.finish_reading()
        self._read_unknown(role)
        whole = whole and not self._staging.is_nameless(role)
        now = self._services.clock.now()
        with transaction(session):
            self._check_activity()
            self._report.rows_changed += sync_rows.merge_contacts(session, now)
            self._report.rows_changed += sync_rows.merge_list(
                session, role, now, whole=whole, known_until=known_until, noted=self._noted
            )
            if not self._entries_first:
                # A whole list touches everybody; a part touches those who came, however long the list is.
                members.refresh_flags(session, now, None if whole else sync_rows.seen_contacts(session))
            unreadable_rows.take_over(session, self._staging, now)
            if whole:
                sync_rows.note_full_sync(session, role, self._services.list_ids[role], now)
                unreadable_row_storage.end_nameless(session, self._services.list_ids[role], now)
        self._staging.clear()
        return whole

    def _write_entries(self, role: ListRole) -> None:
        """Write entries of a first reading straight into our rows; what is not as nearly all are is left to the ordinary
        way."""
        entries, self._entries = self._entries, []
        usual = [one for one in entries if not one.problem]
        others = [one for one in entries if one.problem]
        odd = {one.contact_id for one in others}
        if any(one.contact_id in odd for one in usual):
            # Of two entries of a contact the last counts.
            usual, others = [], entries
        if usual:
            try:
                with transaction(self._session):
                    self._check_activity()
                    self._report.rows_changed += first_rows.add_entries(
                        self._session, role, usual, self._services.clock.now()
                    )
            except first_rows.EntriesKnownError:
                others = entries
        if others:
            self._staging.add_recipients(role, others)

    def read_contacts(self) -> None:
        """After a first reading of the entries of all lists: read the contacts that stand in them.

        Raises:
            IncompleteDataError: a maintenance kept changing the lists meanwhile.
        """
        for _ in range(ATTEMPTS):
            self._staging.clear()
            self._activity = journal.activity(self._session)
            try:
                inserted = sum(self._read_missing(role) for role in ALL_LISTS)
            except _ListsChangedError:
                continue
            if not first_rows.is_derived(self._session, inserted):
                sync_rows.queue_by_first_subscription(self._session)
                members.refresh_flags(self._session, self._services.clock.now())
            return
        raise IncompleteDataError(
            "Reading the contacts",
            "a maintenance kept changing the lists meanwhile",
            "Run the sync again when it has ended",
        )

    def _read_missing(self, role: ListRole) -> int:
        """Read the contacts of a list that we have no row of: by paging the list's contacts from the first of them on, and who
        left it meanwhile one by one. Returns how many were inserted with their flags."""
        inserted, start = 0, 0
        for _ in range(2):
            missing = first_rows.contacts_missing(self._session, role, SINGLE_READS_MAX + 1)
            if len(missing) <= SINGLE_READS_MAX:
                break
            # Contacts come by their own id: those before the first missing one were read by whoever was interrupted.
            start = max(members.contacts_before(self._session, missing[0]) - PAGE, 0)
            pages = self._services.mailjet.contacts(list_id=self._services.list_ids[role], offset=start)
            inserted += self._insert(self._counted(pages))
            if not start:
                break
        missing = first_rows.contacts_missing(self._session, role)
        singles = single_contacts(self._services, missing, self._report.findings)
        return inserted + self._insert((one,) for one in singles)

    def _counted(self, pages: Iterator[tuple[ContactSeen, ...]]) -> Iterator[tuple[ContactSeen, ...]]:
        for page in pages:
            self._report.rows_read += len(page)
            yield page

    def _insert(self, pages: Iterable[tuple[ContactSeen, ...]]) -> int:
        """Write contacts of a first reading; what is not as nearly all are goes the ordinary way. Returns how many of them were
        inserted with their flags."""
        inserted, contacts = 0, list[ContactSeen]()
        for page in pages:
            contacts += page
            if len(contacts) >= MERGE_EVERY:
                inserted += self._write_contacts(contacts)
                contacts.clear()
        return inserted + self._write_contacts(contacts)

    def _write_contacts(self, contacts: Sequence[ContactSeen]) -> int:
        usual = [one for one in contacts if not one.problem] if self._is_direct else []
        others: Sequence[ContactSeen] = [one for one in contacts if one.problem] if self._is_direct else contacts
        now, session = self._services.clock.now(), self._session
        with transaction(session):
            self._check_activity()
            inserted = first_rows.add_contacts(session, usual, now)
            self._report.rows_changed += inserted
            if inserted < len(usual):
                others = contacts
            if others:
                self._staging.add_contacts(others)
                self._report.rows_changed += sync_rows.merge_contacts(session, now)
                unreadable_rows.take_over(session, self._staging, now)
        self._staging.clear()
        return inserted

    def _check_activity(self) -> None:
        if journal.activity(self._session) != self._activity:
            raise _ListsChangedError

    def _read_unknown(self, role: ListRole) -> None:
        """Read addresses and flags of contacts that stand in the list and that we never saw."""
        unknown = self._staging.unknown_contacts()
        if len(unknown) > SINGLE_READS_MAX:
            # Contacts come by their own id: those before the first unknown one were read by whoever was interrupted.
            start = members.contacts_before(self._session, unknown[0])
            self._read_contacts_of(role, offset=max(start - PAGE, 0))
            unknown = self._staging.unknown_contacts()
            if len(unknown) > SINGLE_READS_MAX and start > PAGE:
                self._read_contacts_of(role)
                unknown = self._staging.unknown_contacts()
        self._staging.add_contacts(single_contacts(self._services, unknown, self._report.findings))

    def _read_contacts_of(self, role: ListRole, *, offset: int = 0) -> None:
        """Read the contacts of a list. Each row is true by itself, so a long reading is merged as it comes."""
        for page in self._services.mailjet.contacts(list_id=self._services.list_ids[role], offset=offset):
            self._staging.add_contacts(page)
            self._report.rows_read += len(page)
            if self._staging.contacts >= MERGE_EVERY:
                now = self._services.clock.now()
                with transaction(self._session):
                    self._check_activity()
                    self._report.rows_changed += sync_rows.merge_contacts(self._session, now)
                    unreadable_rows.take_over(self._session, self._staging, now)
                self._staging.clear_contacts()


def entries_gone(ours: Sequence[int], read_page: Callable[[int], Sequence[int]]) -> Sequence[int] | None:
    """Which entries of our rows a list holds no more, by bisection.

    Somebody may leave between two requests, which moves everything behind. So a page tells who is gone only if it begins with
    the entry that it was asked for, or is the list's first. And nobody is gone before the last entry that remains stands where
    those in front of it put it: a page that lacks rows of its middle would show there.

    Args:
        ours: the ids of our entries, ascending. read_page: the ids of a page from an offset on, ascending.

    Returns:
        None when it is cheaper to read the list whole, or when entries stand among ours that we do not know.
    """
    there, gone, budget = list(ours), list[int](), len(ours) // PAGE // 2
    settled = 0  # Whoever left and is not found yet stood behind this place, as far as is known.
    while there and read_page(len(there) - 1)[:1] != there[-1:]:
        low, high = settled, len(there) - 1
        budget -= 1
        while high - low >= PAGE:
            middle = (low + high) // 2
            low, high = (middle, high) if read_page(middle)[:1] == [there[middle]] else (low, middle)
            budget -= 1
        page = read_page(low)
        budget -= 1
        if budget < 0 or not page:
            # Either very many left, or the page was cut: nobody is taken for gone on it.
            return None
        if low and page[0] != there[low]:
            settled = 0
            continue
        end = len(there) if page[-1] >= there[-1] else bisect_right(there, page[-1])
        seen, asked = set(page), there[low:end]
        if any(entry <= there[-1] for entry in seen.difference(asked)):
            return None
        gone += [entry for entry in asked if entry not in seen]
        there[low:end] = [entry for entry in asked if entry in seen]
        settled = max(bisect_right(there, page[-1]) - 1, 0)
    return gone


def single_contacts(services: ReadingMailjet, contact_ids: Sequence[int], findings: list[str]) -> Iterator[ContactSeen]:
    """Contacts, read one by one; those that do not exist are named among the findings."""
    for contact_id in contact_ids:
        try:
            yield services.mailjet.contact(contact_id)
        except RemoteNotFoundError:
            findings.append(f"Contact {contact_id} stands in a list and does not exist at Mailjet")
