"""Membership sync: our rows of the five lists, full at first start, incremental afterwards, full again weekly or on drift.

Incremental means: the tail of each list from the last row we know, and the numbers of unsubscribed and excluded contacts;
only where a number differs is anything else read. A list whose numbers cannot be explained is read whole. What was read
half is never merged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.observations import ContactListSeen, ContactSeen
from list_pipeline.core.wording import ids_text
from list_pipeline.operations.access import ReadingMailjet, Storing
from list_pipeline.storage.database import execute, fetch_scalar
from list_pipeline.storage.membership import members
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline.storage.membership.unsubscriptions import kept_and_listed
from list_pipeline.storage.plans import journal

log = structlog.get_logger(__name__)

T = TypeVar("T")

FULL_SYNC_EVERY = timedelta(days=7)
"""How often every list is read whole although no number calls for it: equal numbers can hide an exchange."""

_ATTEMPTS = 3
_SINGLE_READS_MAX = 50
"""Unknown contacts are read one by one up to this number, beyond it by paging their list."""


@dataclass(slots=True)
class SyncReport:
    """The result of a sync. ``requests`` are those to Mailjet; ``sizes`` are as our rows have them, ``seen`` the lists as
    Mailjet names them."""

    full_lists: list[ListRole] = field(default_factory=list)
    tail_rows: dict[ListRole, int] = field(default_factory=dict)
    rows_read: int = 0
    rows_changed: int = 0
    requests: int = 0
    findings: list[str] = field(default_factory=list)
    sizes: dict[ListRole, members.StoredSizes] = field(default_factory=dict)
    seen: dict[ListRole, ContactListSeen] = field(default_factory=dict)
    sync_run_id: int = 0


def sync(services: ReadingMailjet, *, full: bool = False, thorough: bool = False) -> SyncReport:
    """Bring our rows of the lists up to date.

    Args:
        full: read every list whole.
        thorough: read who is unsubscribed and excluded also where the numbers agree, since equal numbers can hide an
            exchange; for the moment right before contacts are moved.

    Raises:
        RemoteNotFoundError: one of the five lists does not exist or was deleted.
        IncompleteDataError: a list kept changing while it was read, three times over.
    """
    report = SyncReport()
    requests_before = services.mailjet.requests_made
    started_at = services.clock.now()
    for _ in range(_ATTEMPTS):
        with services.database.begin() as connection:
            before = journal.activity(connection)
        with services.database.session() as session:
            staging = sync_rows.SyncStaging(session)
            _read(services, staging, report, started_at, full)
            if journal.activity(session) == before:
                _merge(services, session, report)
                break
        # A maintenance changed lists meanwhile: what was read before it would undo what it wrote into our rows.
        log.info("lists were changed while they were read; reading again")
    else:
        raise IncompleteDataError(
            "Reading the lists", "a maintenance kept changing them meanwhile", "Run the sync again when it has ended"
        )
    _follow_unsubscribed_and_excluded(services, report, thorough)
    _follow_who_left_every_list(services, report)
    _finish(services, report, requests_before, started_at)
    return report


def _read(
    services: ReadingMailjet, staging: sync_rows.SyncStaging, report: SyncReport, now: datetime, full: bool
) -> None:
    report.seen = configured_lists(services)
    sizes = {role: seen.subscriber_count for role, seen in report.seen.items()}
    with services.database.begin() as connection:
        states = sync_rows.sync_states(connection)
        known = members.stored_sizes(connection)
        last_ids = {role: members.last_recipient_id(connection, role) for role in ALL_LISTS}
    report.full_lists, report.tail_rows = [], {}
    for role in ALL_LISTS:
        is_due = full or role not in states or now - states[role]["last_full_sync_at"] >= FULL_SYNC_EVERY
        # Another list in this role: nothing that we know of the one before helps to read it.
        is_due |= role in states and states[role]["mailjet_list_id"] not in (None, services.list_ids[role])
        if is_due or not _read_tail(services, staging, role, known[role].raw, last_ids[role], sizes[role], report):
            _read_whole(services, staging, role, report)
    staging.finish_reading()
    _read_unknown_contacts(services, staging, report)


def list_sizes(services: ReadingMailjet) -> dict[ListRole, int]:
    """Raw sizes of the five lists, in one request.

    Raises:
        RemoteNotFoundError: a configured list does not exist or was deleted; the role and the variable are named.
    """
    return {role: seen.subscriber_count for role, seen in configured_lists(services).items()}


def configured_lists(services: ReadingMailjet) -> dict[ListRole, ContactListSeen]:
    """The five lists as Mailjet names and counts them, in one request.

    Raises:
        RemoteNotFoundError: a configured list does not exist or was deleted; the role and the variable are named.
    """
    seen: dict[int, ContactListSeen] = {found.list_id: found for found in services.mailjet.contact_lists()}
    for role, list_id in services.list_ids.by_role().items():
        if list_id not in seen or seen[list_id].is_deleted:
            variable = f"MAILJET_{role.value.replace('campaign_', 'campaign_list_').upper()}"
            variable += "_ID" if "CAMPAIGN" in variable else "_LIST_ID"
            raise RemoteNotFoundError(
                f"Reading the size of the {role.label} (id {list_id})",
                "Mailjet has no such list, or it was deleted",
                f"Correct {variable}, or restore the list at Mailjet",
            )
    return {role: seen[list_id] for role, list_id in services.list_ids.by_role().items()}


def _read_tail(
    services: ReadingMailjet,
    staging: sync_rows.SyncStaging,
    role: ListRole,
    known: int,
    last_id: int | None,
    size: int,
    report: SyncReport,
) -> bool:
    """Read what came to the end of a list. False: the numbers cannot be explained by that, read it whole.

    Args:
        known: contacts of the list in our rows; ``last_id``: the entry of the last of them. size: contacts at Mailjet.
    """
    if size < known:
        report.findings.append(f"{role.label}: {known - size} fewer contacts than we knew, read whole")
        return False
    # The last row we know is read again: standing elsewhere, it shows that something before it went.
    offset = max(known - 1, 0)
    tail = list(members.iterate(services.mailjet.recipients(services.list_ids[role], offset=offset)))
    report.rows_read += len(tail)
    if known and (not tail or tail[0].recipient_id != last_id):
        report.findings.append(f"{role.label}: contacts left and others came, read whole")
        return False
    news = tail[1:] if known else tail
    if known + len(news) < size:
        report.findings.append(f"{role.label}: {size} contacts counted, {known + len(news)} found, read whole")
        return False
    staging.add_recipients(role, news)
    report.tail_rows[role] = len(news)
    return True


def _read_whole(services: ReadingMailjet, staging: sync_rows.SyncStaging, role: ListRole, report: SyncReport) -> None:
    list_id = services.list_ids[role]
    for attempt in range(1, _ATTEMPTS + 1):
        staging.forget_list(role)
        try:
            for page in services.mailjet.read_all_recipients(list_id):
                staging.add_recipients(role, page)
                report.rows_read += len(page)
            if role is ListRole.MASTER:
                _read_contacts_of(services, staging, list_id, report)
        except IncompleteDataError:
            if attempt == _ATTEMPTS:
                raise
            log.warning("list changed while it was read", list=role.value, attempt=attempt)
            continue
        report.full_lists.append(role)
        report.tail_rows.pop(role, None)
        return


def _read_contacts_of(
    services: ReadingMailjet, staging: sync_rows.SyncStaging, list_id: int, report: SyncReport
) -> None:
    for page in services.mailjet.read_all_contacts(list_id):
        staging.add_contacts(page)
        report.rows_read += len(page)


def _read_unknown_contacts(services: ReadingMailjet, staging: sync_rows.SyncStaging, report: SyncReport) -> None:
    """Addresses and flags of contacts that stand in a list and that we never saw."""
    unknown = staging.unknown_contacts()
    if len(unknown) > _SINGLE_READS_MAX:
        for role in ALL_LISTS:
            if staging.recipients_of(role):
                _read_contacts_of(services, staging, services.list_ids[role], report)
        unknown = staging.unknown_contacts()
    staging.add_contacts(_contacts(services, unknown, report.findings))


def _contacts(services: ReadingMailjet, contact_ids: Sequence[int], findings: list[str]) -> Iterator[ContactSeen]:
    for contact_id in contact_ids:
        try:
            yield services.mailjet.contact(contact_id)
        except RemoteNotFoundError:
            findings.append(f"Contact {contact_id} stands in a list and does not exist at Mailjet")


def learn_contacts(services: ReadingMailjet, contact_ids: Sequence[int]) -> list[str]:
    """Read contacts that we have no row of, one by one, and insert them. Returns findings in words."""
    findings: list[str] = []
    with services.database.begin() as connection:
        unknown = sorted(set(contact_ids) - members.known_contacts(connection, contact_ids))
    if not unknown:
        return findings
    with services.database.session() as session:
        staging = sync_rows.SyncStaging(session)
        staging.add_contacts(_contacts(services, unknown, findings))
        sync_rows.merge_contacts(session, services.clock.now())
    return findings


def _merge(services: Storing, session: Connection, report: SyncReport) -> None:
    now = services.clock.now()
    execute(session, "begin")
    try:
        report.rows_changed += sync_rows.merge_contacts(session, now)
        for role in ALL_LISTS:
            report.rows_changed += sync_rows.merge_list(session, role, now, whole=role in report.full_lists)
        # Whole lists touch everybody; a tail touches those who came, however long the list is.
        members.refresh_flags(session, now, None if report.full_lists else sync_rows.seen_contacts(session))
    except BaseException:
        execute(session, "rollback")
        raise
    execute(session, "commit")


def _follow_unsubscribed_and_excluded(services: ReadingMailjet, report: SyncReport, thorough: bool) -> None:
    """Where the number of unsubscribed or excluded contacts differs from ours, read who they are: all of them, or none."""
    mailjet, now, changed_before = services.mailjet, services.clock.now(), report.rows_changed
    with services.database.session() as session:
        stored, excluded = members.stored_sizes(session), members.excluded_contacts(session)
        staging = sync_rows.SyncStaging(session)
        for role in ALL_LISTS:
            _read_unsubscribed(services, session, staging, role, stored[role].unsubscribed, report, thorough)
        count = partial(mailjet.count_contacts, excluded=True)
        counted = count()
        if counted != excluded or (thorough and counted):
            seen = _read_counted(partial(mailjet.contacts, excluded=True), count, counted, "the exclusion list")
            staging.add_contacts(seen)
            report.rows_read += len(seen)
            report.rows_changed += sync_rows.merge_excluded(session, now)
        if report.rows_changed > changed_before:
            members.refresh_flags(session, now)


def _read_unsubscribed(
    services: ReadingMailjet,
    session: Connection,
    staging: sync_rows.SyncStaging,
    role: ListRole,
    known: int,
    report: SyncReport,
    thorough: bool,
) -> None:
    mailjet, list_id = services.mailjet, services.list_ids[role]
    count = partial(mailjet.count_recipients, list_id, unsubscribed=True)
    counted = count()
    if counted == known and not (thorough and counted):
        return
    found = _read_counted(partial(mailjet.recipients, list_id, unsubscribed=True), count, counted, role.label)
    staging.add_recipients(role, found)
    report.rows_read += len(found)
    report.rows_changed += sync_rows.merge_unsubscribed(session, role)


def follow_unsubscribed(services: ReadingMailjet, roles: Collection[ListRole]) -> None:
    """Follow the unsubscriptions from some lists since the last look: one request a list, more only where the number differs.

    Raises:
        IncompleteDataError: who is unsubscribed could not be read whole.
    """
    report = SyncReport()
    with services.database.session() as session:
        stored = members.stored_sizes(session)
        staging = sync_rows.SyncStaging(session)
        for role in roles:
            _read_unsubscribed(services, session, staging, role, stored[role].unsubscribed, report, thorough=False)
        if report.rows_changed:
            members.refresh_flags(session, services.clock.now())


def _read_counted(
    read: Callable[[], Iterator[tuple[T, ...]]], count: Callable[[], int], counted: int, what: str
) -> list[T]:
    """All rows, as many as were counted right before. Who is missing from a cut page must not pass for subscribed again.

    Raises:
        IncompleteDataError: three times over the number of rows was another one than counted before and after.
    """
    for _ in range(_ATTEMPTS):
        found = list(members.iterate(read()))
        if len(found) == counted:
            return found
        counted = count()
        if len(found) == counted:
            return found
    raise IncompleteDataError(
        f"Reading who is unsubscribed or excluded on {what}",
        f"{counted} were counted and {len(found)} read",
        "Nothing was taken over; run it again",
    )


def _follow_who_left_every_list(services: ReadingMailjet, report: SyncReport) -> None:
    """Read the contacts that are on no list since this sync: each was erased, or taken off by somebody."""
    if not report.full_lists:
        return
    with services.database.begin() as connection:
        gone = sync_rows.on_no_list(connection, _SINGLE_READS_MAX + 1)
    if len(gone) > _SINGLE_READS_MAX:
        report.findings.append(
            f"more than {_SINGLE_READS_MAX} contacts are on no list; they are looked up when it matters"
        )
        return
    _learn_fate(services, gone)


def refresh_contacts(services: ReadingMailjet, contact_ids: Sequence[int]) -> SyncReport:
    """Right before lists are changed: who came, left or unsubscribed, and whether contacts on no list still exist.

    An erased contact leaves every list, so no list shows the erasure; a job with its address would create it again.
    """
    report = sync(services, thorough=True)
    with services.database.begin() as connection:
        facts = members.facts_of(connection, contact_ids)
    _learn_fate(services, [i for i in contact_ids if i not in facts or not facts[i]["roles"]])
    return report


def _learn_fate(services: ReadingMailjet, contact_ids: Sequence[int]) -> None:
    """Read contacts that are on no list any more, one by one: erased ones lose their address here too."""
    if not contact_ids:
        return
    seen: list[ContactSeen] = []
    purged: list[int] = []
    for contact_id in contact_ids:
        try:
            seen.append(services.mailjet.contact(contact_id))
        except RemoteNotFoundError:
            purged.append(contact_id)
    now = services.clock.now()
    with services.database.session() as session:
        staging = sync_rows.SyncStaging(session)
        staging.add_contacts(seen)
        sync_rows.merge_contacts(session, now)
        sync_rows.note_purged(session, purged, now)


def _finish(services: ReadingMailjet, report: SyncReport, requests_before: int, started_at: datetime) -> None:
    now = services.clock.now()
    report.requests = services.mailjet.requests_made - requests_before
    with services.database.begin() as connection:
        report.sizes = dict(members.stored_sizes(connection))
        for role, sizes in report.sizes.items():
            seen = report.seen[role]
            sync_rows.save_sync_state(
                connection, role, sizes, now, list_id=seen.list_id, name=seen.name, full=role in report.full_lists
            )
        twice = members.in_two_campaign_lists(connection)
        if twice:
            report.findings.append(f"{len(twice)} contact(s) stand in two campaign lists: {_some(twice)}")
        reachable = members.suppressed_and_mailable(connection)
        if reachable:
            report.findings.append(f"{len(reachable)} suppressed contact(s) can still be mailed: {_some(reachable)}")
        again = kept_and_listed(connection)
        if again:
            report.findings.append(
                f"{len(again)} contact(s) that unsubscribed stand subscribed on a campaign list again: {_some(again)}"
            )
        ghosts = int(fetch_scalar(connection, "select count(*) from contact_list_membership where is_anonymised"))
        if ghosts:
            report.findings.append(f"{ghosts} anonymised contact(s) are left alone")
        report.sync_run_id = sync_rows.save_sync_run(
            connection,
            started_at=started_at,
            finished_at=now,
            full_lists=report.full_lists,
            rows_read=report.rows_read,
            rows_changed=report.rows_changed,
            requests=report.requests,
            findings=report.findings,
        )
    log.info(
        "membership synced",
        full_lists=len(report.full_lists),
        rows_read=report.rows_read,
        rows_changed=report.rows_changed,
        requests=report.requests,
    )


def _some(contact_ids: Sequence[int], most: int = 5) -> str:
    return ids_text(contact_ids, most)


Sizes = Mapping[ListRole, tuple[int, int]]
"""Raw and mailable size of each list. Raw counts everybody; mailable leaves out unsubscribed and excluded contacts."""


def count_sizes(services: ReadingMailjet) -> Sizes:
    """The sizes as Mailjet counts them now, in six requests: one for all raw sizes and one a list for the mailable ones."""
    raw = list_sizes(services)
    return {
        role: (
            raw[role],
            min(
                raw[role],
                services.mailjet.count_recipients(services.list_ids[role], unsubscribed=False, excluded=False),
            ),
        )
        for role in ALL_LISTS
    }
