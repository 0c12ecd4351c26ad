"""Membership sync: our rows of the five lists, full at first start, incremental afterwards, full again weekly or on drift.

Incremental means: the tail of each list from the last row we know, and the numbers of unsubscribed and excluded contacts;
only where a number differs is anything else read. A list whose numbers cannot be explained is read whole. How a list is read,
and goes on after an interruption: ``list_reading``. Until every list was read to its end once, ``sync_state`` knows of none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.observations import ContactListSeen, ContactSeen, RowKind, UnreadableRow
from list_pipeline.core.wording import count_text, ids_text
from list_pipeline.integrations.mailjet.errors import UnreadableAnswerError
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership import mass_changes
from list_pipeline.operations.membership.by_place import follow_excluded_by_place, follow_unsubscribed_by_place
from list_pipeline.operations.membership.list_reading import (
    SINGLE_READS_MAX,
    ListReader,
    SyncReport,
    short_collections,
    single_contacts,
)
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage import unreadable_rows as unreadable_row_storage
from list_pipeline.storage.database import fetch_scalar, transaction
from list_pipeline.storage.membership import members
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline.storage.membership.unsubscriptions import kept_and_listed

log = structlog.get_logger(__name__)

T = TypeVar("T")

FULL_SYNC_EVERY = timedelta(days=7)
"""How often every list is read whole although no number calls for it: equal numbers can hide an exchange."""

_ATTEMPTS = 3


class ListGoneError(RemoteNotFoundError):
    """One of the five lists does not exist at Mailjet, or was deleted: the one of ``role``."""

    def __init__(self, *words: str, role: ListRole) -> None:
        super().__init__(*words)
        self.role = role


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
    try:
        report.seen = configured_lists(services)
    except ListGoneError as error:
        with services.database.begin() as connection:
            mass_changes.list_is_gone(connection, error.role, services.list_ids[error.role], started_at)
        raise
    with services.database.session() as session, short_collections():
        states = sync_rows.sync_states(session)
        # Nobody is asked about before all lists were read to their end once, so each contact is written once.
        is_first = not states
        reader = ListReader(services, session, report, entries_first=is_first)
        for role in ALL_LISTS:
            reader.read(
                role,
                whole=_is_due(services, states, role, started_at, full=full),
                first=role not in states,
                another=_is_another(services, states, role),
            )
        if is_first:
            members.analyse(session)
            reader.read_contacts()
            members.analyse(session)
        elif states.keys() != set(ALL_LISTS):
            sync_rows.queue_by_first_subscription(session)
    _follow_unsubscribed_and_excluded(services, report, thorough)
    _follow_who_left_every_list(services, report)
    _read_unreadable_again(services, started_at)
    _finish(services, report, requests_before, started_at)
    return report


def _is_due(
    services: ReadingMailjet,
    states: Mapping[ListRole, Mapping[str, Any]],
    role: ListRole,
    now: datetime,
    *,
    full: bool,
) -> bool:
    """Whether a list is read from its first entry on. A list that was never read to its end goes on where its reading was
    interrupted."""
    if role not in states:
        return False
    # Nothing that we know of another list in this role helps to read it.
    is_old = now - states[role]["last_full_sync_at"] >= FULL_SYNC_EVERY
    return full or is_old or _is_another(services, states, role)


def _is_another(services: ReadingMailjet, states: Mapping[ListRole, Mapping[str, Any]], role: ListRole) -> bool:
    """Whether our rows are those of another list, which had this role before."""
    return role in states and states[role]["mailjet_list_id"] not in (None, services.list_ids[role])


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
        IncompleteDataError: the row of a configured list cannot be read. Nothing goes on without its size.
    """
    found = services.mailjet.contact_lists()
    seen: dict[int, ContactListSeen] = {one.list_id: one for one in found}
    _note_lists(services, found)
    for role, list_id in services.list_ids.by_role().items():
        if list_id not in seen or seen[list_id].is_deleted:
            variable = f"MAILJET_{role.value.replace('campaign_', 'campaign_list_').upper()}"
            variable += "_ID" if "CAMPAIGN" in variable else "_LIST_ID"
            raise ListGoneError(
                f"Reading the size of the {role.label} (id {list_id})",
                "Mailjet has no such list, or it was deleted",
                f"Correct {variable}, or restore the list at Mailjet",
                role=role,
            )
    return {role: seen[list_id] for role, list_id in services.list_ids.by_role().items()}


def _note_lists(services: ReadingMailjet, found: Sequence[ContactListSeen]) -> None:
    """Keep which rows of lists cannot be read. Another list than the five costs nobody anything."""
    rows = [UnreadableRow(RowKind.CONTACT_LIST, one.list_id, one.problem) for one in found if one.problem]
    with services.database.begin() as connection:
        unreadable_rows.note_all(connection, RowKind.CONTACT_LIST, rows, services.clock.now())
    ours = {row.row_id: row.problem for row in rows}
    # One without an id may be one of the five that is missing.
    missing = set(services.list_ids.by_role().values()) - {one.list_id for one in found}
    lost = [list_id for list_id in services.list_ids.by_role().values() if list_id in ours]
    if lost or (missing and any(row.row_id < 0 for row in rows)):
        raise IncompleteDataError(
            "Reading the sizes of the five lists",
            f"the row of a list cannot be read: {next(iter(ours.values()))}",
            "Nothing was changed; look at the list at Mailjet",
        )


def learn_contacts(services: ReadingMailjet, contact_ids: Sequence[int]) -> list[str]:
    """Read contacts that we have no row of, one by one, and insert them. Returns findings in words."""
    findings: list[str] = []
    with services.database.begin() as connection:
        unknown = sorted(set(contact_ids) - members.known_contacts(connection, contact_ids))
    if not unknown:
        return findings
    with services.database.session() as session:
        staging = sync_rows.SyncStaging(session)
        staging.add_contacts(single_contacts(services, unknown, findings))
        now = services.clock.now()
        with transaction(session):
            sync_rows.merge_contacts(session, now)
            unreadable_rows.take_over(session, staging, now)
    return findings


def _follow_unsubscribed_and_excluded(services: ReadingMailjet, report: SyncReport, thorough: bool) -> None:
    """Where the number of unsubscribed or excluded contacts differs from ours, read who they are: all of them, or none."""
    changed_before = report.rows_changed
    with services.database.session() as session:
        stored, excluded = members.stored_sizes(session), members.excluded_contacts(session)
        staging = sync_rows.SyncStaging(session)
        for role in ALL_LISTS:
            _read_unsubscribed(services, session, staging, role, stored[role].unsubscribed, report, thorough)
        _read_excluded(services, session, staging, excluded, report, thorough)
        if report.rows_changed > changed_before:
            members.refresh_flags(session, services.clock.now())


def _read_excluded(
    services: ReadingMailjet,
    session: Connection,
    staging: sync_rows.SyncStaging,
    known: int,
    report: SyncReport,
    thorough: bool,
) -> None:
    mailjet, now = services.mailjet, services.clock.now()
    count = partial(mailjet.count_contacts, excluded=True)
    counted = count()
    if counted == known and not (thorough and counted):
        report.agreed[None] = counted
        return
    seen = _read_counted(partial(mailjet.contacts, excluded=True), count, counted, "the exclusion list")
    staging.add_contacts(seen)
    report.rows_read += len(seen)
    report.rows_changed += sync_rows.merge_excluded(session, now, all_named=not staging.is_nameless(None))
    unreadable_rows.take_over(session, staging, now)


def _read_unsubscribed(
    services: ReadingMailjet,
    session: Connection,
    staging: sync_rows.SyncStaging,
    role: ListRole,
    known: int,
    report: SyncReport,
    thorough: bool,
) -> bool:
    """Follow who is unsubscribed on a list. False: the number agreed with ours, and nobody was asked who they are."""
    mailjet, list_id = services.mailjet, services.list_ids[role]
    count = partial(mailjet.count_recipients, list_id, unsubscribed=True)
    counted = count()
    if counted == known and not (thorough and counted):
        report.agreed[role] = counted
        return counted == 0
    found = _read_counted(partial(mailjet.recipients, list_id, unsubscribed=True), count, counted, role.label)
    staging.add_recipients(role, found)
    report.rows_read += len(found)
    report.rows_changed += sync_rows.merge_unsubscribed(
        session, role, services.clock.now(), all_named=not staging.is_nameless(role)
    )
    unreadable_rows.take_over(session, staging, services.clock.now())
    return True


def follow_unsubscribed(services: ReadingMailjet, roles: Collection[ListRole]) -> frozenset[ListRole]:
    """Follow the unsubscriptions from some lists since the last look: one request a list, more only where the number differs.

    Returns:
        The lists of which the number alone is known: it agreed, and is not zero. One may have unsubscribed there and another
        subscribed again; on whom it matters, look at by place.

    Raises:
        IncompleteDataError: who is unsubscribed could not be read whole.
    """
    report = SyncReport()
    with services.database.session() as session:
        stored = members.stored_sizes(session)
        staging = sync_rows.SyncStaging(session)
        counted_only = frozenset(
            role
            for role in roles
            if not _read_unsubscribed(
                services, session, staging, role, stored[role].unsubscribed, report, thorough=False
            )
        )
        if report.rows_changed:
            members.refresh_flags(session, services.clock.now())
    return counted_only


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
    if not report.full_lists and not report.left:
        return
    with services.database.begin() as connection:
        gone = sync_rows.on_no_list(connection, SINGLE_READS_MAX + 1)
    if len(gone) > SINGLE_READS_MAX:
        report.findings.append(
            f"more than {SINGLE_READS_MAX} contacts are on no list; they are looked up when it matters"
        )
        return
    _learn_fate(services, gone)


def refresh_contacts(services: ReadingMailjet, contact_ids: Sequence[int]) -> SyncReport:
    """Right before lists are changed: who came, left or unsubscribed, and whether contacts on no list still exist.

    Where the numbers agree, it is looked at whether these contacts are among the unsubscribed and the excluded: equal numbers
    can hide an exchange. An erased contact leaves every list, so no list shows the erasure; a job with its address would create
    it again.
    """
    report = sync(services)
    _follow_exchanges(services, report, contact_ids)
    with services.database.begin() as connection:
        facts = members.facts_of(connection, contact_ids)
    _learn_fate(services, [i for i in contact_ids if i not in facts or not facts[i]["roles"]])
    return report


def _follow_exchanges(services: ReadingMailjet, report: SyncReport, contact_ids: Sequence[int]) -> None:
    """Look at who of these contacts is unsubscribed or excluded: by place, or where that costs no less, among everybody."""
    with services.database.session() as session:
        staging, changed = sync_rows.SyncStaging(session), 0
        for role, counted in report.agreed.items():
            if not counted:
                continue
            if role is None:
                found = follow_excluded_by_place(services, staging, contact_ids, counted)
            else:
                found = follow_unsubscribed_by_place(services, staging, role, contact_ids, counted)
            if found is not None:
                changed += found
                continue
            whole = SyncReport()
            if role is None:
                _read_excluded(services, session, staging, counted, whole, thorough=True)
            else:
                _read_unsubscribed(services, session, staging, role, counted, whole, thorough=True)
            report.rows_read += whole.rows_read
            changed += whole.rows_changed
        report.rows_changed += changed
        if changed:
            members.refresh_flags(session, services.clock.now())


def _learn_fate(services: ReadingMailjet, contact_ids: Sequence[int]) -> None:
    """Read contacts that are on no list any more, one by one: erased ones lose their address here too."""
    # A pseudonym is no id of Mailjet's: whoever has one is erased.
    contact_ids = [contact_id for contact_id in contact_ids if contact_id > 0]
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
        with transaction(session):
            sync_rows.merge_contacts(session, now)
            sync_rows.note_purged(session, purged, now)
            unreadable_rows.take_over(session, staging, now)
            unreadable_row_storage.end_gone(session, purged, now)


def _read_unreadable_again(services: ReadingMailjet, started_at: datetime) -> None:
    """Look again at contacts and entries that could not be read and that this sync did not come across, so that what was mended
    at Mailjet counts by itself."""
    with services.database.begin() as connection:
        now = services.clock.now()
        unreadable_row_storage.end_unseen(connection, now - unreadable_rows.UNSEEN_FOR, now)
        kept = unreadable_row_storage.seen_before(
            connection, (RowKind.CONTACT, RowKind.RECIPIENT), started_at, SINGLE_READS_MAX
        )
    _learn_fate(
        services, [one.row.contact_id for one in kept if one.row.kind is RowKind.CONTACT and one.row.contact_id]
    )
    roles = {list_id: role for role, list_id in services.list_ids.by_role().items()}
    for one in kept:
        role = roles.get(one.row.list_id or 0)
        if one.row.kind is not RowKind.RECIPIENT or one.row.contact_id is None:
            continue
        try:
            entry = (
                services.mailjet.recipient(one.row.list_id, one.row.contact_id) if role and one.row.list_id else None
            )
        except UnreadableAnswerError as error:
            # It stays what it is, and holds up nobody else.
            log.warning("an entry still cannot be read", entry=one.row.row_id, error=error.happened)
            continue
        with services.database.session() as session:
            now = services.clock.now()
            if role is None or entry is None:
                unreadable_row_storage.end_entry(session, one.row.row_id, now)
                continue
            staging = sync_rows.SyncStaging(session)
            staging.add_recipients(role, [entry])
            with transaction(session):
                sync_rows.merge_list(session, role, now, whole=False)
                unreadable_rows.take_over(session, staging, now)
                members.refresh_flags(session, now, [one.row.contact_id])


def _finish(services: ReadingMailjet, report: SyncReport, requests_before: int, started_at: datetime) -> None:
    now = services.clock.now()
    report.requests = services.mailjet.requests_made - requests_before
    with services.database.begin() as connection:
        report.sizes = dict(members.stored_sizes(connection))
        mass_changes.judge(connection, {role: sizes.raw for role, sizes in report.sizes.items()}, now)
        for role, sizes in report.sizes.items():
            seen = report.seen[role]
            sync_rows.save_sync_state(
                connection, role, sizes, now, list_id=seen.list_id, name=seen.name, full=role in report.full_lists
            )
        members.fold_sizes(connection)
        twice = members.in_two_campaign_lists(connection)
        if twice:
            report.findings.append(f"In two campaign lists: {count_text(len(twice), 'contact')}, {_some(twice)}")
        reachable = members.suppressed_and_mailable(connection)
        if reachable:
            report.findings.append(
                f"{count_text(len(reachable), 'suppressed contact')} can still be mailed: {_some(reachable)}"
            )
        again = kept_and_listed(connection)
        if again:
            report.findings.append(
                f"Unsubscribed, and subscribed on a campaign list again: {count_text(len(again), 'contact')}, {_some(again)}"
            )
        spoilt = len(unreadable_row_storage.open_rows(connection))
        if spoilt:
            report.findings.append(
                f"{count_text(spoilt, 'row')} of Mailjet cannot be read; what that concerns is left as it is: "
                "`list-pipeline unreadable`"
            )
        ghosts = int(fetch_scalar(connection, "select count(*) from contact_list_membership where is_anonymised"))
        if ghosts:
            report.findings.append(f"Left alone: {count_text(ghosts, 'anonymised contact')}")
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
"""Raw and mailable size of each list. Raw counts everybody; mailable leaves out unsubscribed and excluded contacts, but not
those in quarantine."""


def count_sizes(services: ReadingMailjet) -> Sizes:
    """The sizes as Mailjet counts them now, in six requests: one for all raw sizes and one a list for the mailable ones. Who
    is in quarantine by our rows is present."""
    raw = list_sizes(services)
    with services.database.begin() as connection:
        present = quarantine_rows.present_on(connection)
    return {
        role: (
            raw[role],
            min(
                raw[role],
                services.mailjet.count_recipients(services.list_ids[role], unsubscribed=False, excluded=False)
                + present.get(role.value, 0),
            ),
        )
        for role in ALL_LISTS
    }
