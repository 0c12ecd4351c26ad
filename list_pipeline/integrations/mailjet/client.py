"""The typed client of Mailjet's REST API v3: what the product asks for, in its own words.

Belongs here: one method per question, its filters, and the check that the rows answer it. Does not belong here: HTTP
(``transport``), pages (``paging``), types on the wire (``answers``), jobs and schedules (``changes``) and any decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar

import httpx

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.observations import (
    BounceSeen,
    ContactListPlace,
    ContactListSeen,
    ContactSeen,
    EventUrlSeen,
    JobSeen,
    MemberAction,
    MessageEventSeen,
    MessageSeen,
    MessageStatus,
    RecipientSeen,
    Seen,
    SendCounters,
    SendSeen,
)
from list_pipeline.integrations.answer_times import AnswerTimes
from list_pipeline.integrations.limits import RequestLimiter
from list_pipeline.integrations.mailjet import paging
from list_pipeline.integrations.mailjet import rows as wire_rows
from list_pipeline.integrations.mailjet.answers import unreadable
from list_pipeline.integrations.mailjet.changes import Drafts, JobItemError, Jobs
from list_pipeline.integrations.mailjet.errors import CountersMissingError, UnreadableAnswerError
from list_pipeline.integrations.mailjet.paging import (
    FEWEST,
    PAGE,
    BounceFilter,
    CampaignFilter,
    ContactFilter,
    CounterFilter,
    FilterValue,
    MessageFilter,
    Pager,
    Paging,
    RecipientFilter,
    checked_rows,
    only_row,
)
from list_pipeline.integrations.mailjet.rows import Row
from list_pipeline.integrations.mailjet.senders import Senders
from list_pipeline.integrations.mailjet.transport import Resource, Transport

One = TypeVar("One", bound=Seen)

_NOT_COUNTED: Mapping[MessageStatus | None, int] = MappingProxyType({})


class MailjetClient:
    """One Mailjet account. Safe to share between threads; close it, or use it as a context manager.

    Every method may raise, besides what it names: ``AuthenticationError``, ``RateLimitedError``, ``CircuitOpenError``,
    ``UnreadableAnswerError``, ``IncompleteDataError``, ``TransientError`` and ``PermanentError``. None of them ever
    means that there is nothing. Reads are repeated by the client while that may help; see ``submit_job`` for changes.

    Generators read as they are consumed: an error can come after some pages.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        secret_key: str,
        limiter: RequestLimiter,
        clock: Clock,
        timeout_s: float = 30.0,
        attempts: int = 3,
        limited_for_s: float = 900.0,
        job_contacts_max: int = 1000,
        job_poll_s: float = 1.0,
        job_timeout_s: float = 900.0,
        transport: httpx.BaseTransport | None = None,
        before_mutation: Callable[[], None] | None = None,
        answer_times: AnswerTimes | None = None,
    ) -> None:
        """Nothing is requested yet.

        Args:
            base_url: host of the API, e.g. ``https://api.mailjet.com``.
            timeout_s: longest silence of the service within one attempt, in seconds.
            attempts: most requests for one question, refusals with 429 not counted.
            limited_for_s: longest time for which a request is repeated while the service answers nothing but 429, in seconds.
            job_contacts_max: most contacts in one bulk job. Mailjet documents no number; 1000 is what integrations use.
            job_poll_s: first pause between two looks at a job, in seconds; it grows.
            job_timeout_s: longest wait for a job to end, in seconds.
            transport: another way to the service, for tests.
            before_mutation: called right before each request that changes anything, also before its repetitions; what
                it raises reaches the caller and nothing is sent.
            answer_times: told of each request; None: nobody asks.
        """
        self._transport = Transport(
            base_url=base_url,
            api_key=api_key,
            secret_key=secret_key,
            limiter=limiter,
            clock=clock,
            timeout_s=timeout_s,
            attempts=attempts,
            limited_for_s=limited_for_s,
            transport=transport,
            before_mutation=before_mutation,
            answer_times=answer_times or AnswerTimes(),
        )
        self._pager = Pager(self._transport)
        self.drafts = Drafts(self._transport, self._pager)
        self.senders = Senders(self._transport)
        self._jobs = Jobs(
            self._transport, clock, contacts_max=job_contacts_max, poll_s=job_poll_s, timeout_s=job_timeout_s
        )

    def __repr__(self) -> str:
        return f"MailjetClient(base_url={self._transport.base_url!r}, requests_made={self.requests_made})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    @property
    def request_counts(self) -> Mapping[str, int]:
        """Requests made, repetitions included, by method and resource, e.g. ``GET contact/{id}/getcontactslists``."""
        return self._transport.counts

    @property
    def requests_made(self) -> int:
        """All requests made, repetitions included."""
        return sum(self._transport.counts.values())

    def add_requests(self, other: MailjetClient) -> None:
        """Count the requests of another client of the same run as this one's."""
        self._transport.add_counts(other.request_counts)

    # Lists and their members

    def contact_lists(self) -> tuple[ContactListSeen, ...]:
        """All lists, one request per 1000 of them. Mailjet hides deleted ones."""
        pages = self._pager.pages(paging.CONTACT_LISTS, {}, wire_rows.contact_list)
        return tuple(found for page in pages for found in page)

    def contact_list(self, list_id: int) -> ContactListSeen:
        """One list, also a deleted one. Raises ``RemoteNotFoundError``."""
        return _whole(paging.CONTACT_LISTS.path, wire_rows.contact_list(self._one("contactslist", list_id)))

    def count_recipients(self, list_id: int, *, unsubscribed: bool | None = None, excluded: bool | None = None) -> int:
        """The number of a list's members in the given states: one request."""
        return self._pager.count(
            paging.RECIPIENTS,
            {
                RecipientFilter.CONTACTS_LIST: list_id,
                RecipientFilter.UNSUBSCRIBED: unsubscribed,
                RecipientFilter.EXCLUDED: excluded,
            },
        )

    def count_contacts(self, *, list_id: int | None = None, excluded: bool | None = None) -> int:
        """The number of contacts of the account or a list, excluded from campaigns or not as asked: one request."""
        return self._pager.count(
            paging.CONTACTS, {ContactFilter.CONTACTS_LIST: list_id, ContactFilter.EXCLUDED: excluded}
        )

    def recipients(
        self, list_id: int, *, offset: int = 0, unsubscribed: bool | None = None, excluded: bool | None = None
    ) -> Iterator[tuple[RecipientSeen, ...]]:
        """Members of a list by ascending id of their place, from ``offset`` (0-based) on, up to 1000 at a time.

        Args:
            unsubscribed: only those that are unsubscribed, or are not. excluded: from campaigns, likewise; the rows do not say
                it, so whoever asks holds their number against ``count_recipients`` and them against what is known.
        """
        return self._pager.pages(
            paging.RECIPIENTS,
            {
                RecipientFilter.CONTACTS_LIST: list_id,
                RecipientFilter.UNSUBSCRIBED: unsubscribed,
                RecipientFilter.EXCLUDED: excluded,
            },
            _recipient_of(list_id, unsubscribed),
            offset=offset,
        )

    def recipients_page(
        self, list_id: int, offset: int, *, unsubscribed: bool | None = None
    ) -> tuple[tuple[RecipientSeen, ...], bool]:
        """One page of a list's members by ascending id of their place, and whether it is the last one: one request.
        ``unsubscribed``: only those that are, or are not.

        Raises:
            IncompleteDataError: the page contradicts itself, or is not sorted.
        """
        return self._pager.page(
            paging.RECIPIENTS,
            {RecipientFilter.CONTACTS_LIST: list_id, RecipientFilter.UNSUBSCRIBED: unsubscribed},
            _recipient_of(list_id, unsubscribed),
            offset,
        )

    def excluded_page(self, offset: int) -> tuple[tuple[ContactSeen, ...], bool]:
        """One page of the contacts excluded from campaigns, by ascending id, and whether it is the last one. Raises as
        ``recipients_page``."""
        return self._pager.page(paging.CONTACTS, {ContactFilter.EXCLUDED: True}, _contact_if(True), offset)

    def read_all_recipients(self, list_id: int) -> Iterator[tuple[RecipientSeen, ...]]:
        """All members of a list, counted before and after: two requests more than its pages.

        Raises:
            IncompleteDataError: after the last page, when fewer rows came than were counted before and after. Drop what was
                read and read it again.
        """
        return self._pager.whole(
            paging.RECIPIENTS, {RecipientFilter.CONTACTS_LIST: list_id}, _recipient_of(list_id, None)
        )

    def recipient(self, list_id: int, contact_id: int) -> RecipientSeen | None:
        """A contact's place in a list, or None when it is not in it: one request."""
        pages = self._pager.pages(
            paging.RECIPIENTS,
            {RecipientFilter.CONTACTS_LIST: list_id, RecipientFilter.CONTACT: contact_id},
            _recipient_of(list_id, None),
        )
        rows = [row for page in pages for row in page]
        if len(rows) > 1 or any(row.contact_id != contact_id for row in rows if row.contact_id > 0):
            raise unreadable("Reading one contact's place in a list", "rows came that were not asked for")
        return replace(rows[0], contact_id=contact_id) if rows else None

    def contacts(
        self, *, list_id: int | None = None, excluded: bool | None = None, offset: int = 0
    ) -> Iterator[tuple[ContactSeen, ...]]:
        """Contacts by ascending id, from ``offset`` (0-based) on, up to 1000 at a time, ghosts of erased people too."""
        return self._pager.pages(
            paging.CONTACTS,
            {ContactFilter.CONTACTS_LIST: list_id, ContactFilter.EXCLUDED: excluded},
            _contact_if(excluded),
            offset=offset,
        )

    def read_all_contacts(self, list_id: int) -> Iterator[tuple[ContactSeen, ...]]:
        """All contacts of a list, unsubscribed ones included; counted and raising as ``read_all_recipients``."""
        return self._pager.whole(paging.CONTACTS, {ContactFilter.CONTACTS_LIST: list_id}, _contact_if(None))

    def contact(self, contact_id: int) -> ContactSeen:
        """One contact; it has a ``problem`` where its row cannot be read. Raises ``RemoteNotFoundError``."""
        resource = Resource.rest("contact", contact_id)
        found = wire_rows.contact(only_row(resource, self._transport.read(resource)))
        if found.contact_id > 0 and found.contact_id != contact_id:
            raise unreadable(f"Reading {resource.name}", "another object came than the one asked for")
        return replace(found, contact_id=contact_id)

    def contact_by_address(self, address: str) -> ContactSeen:
        """The contact with an address, which is in the path of the request and in no log, count or error.

        Raises:
            RemoteNotFoundError: there is none.
        """
        resource = Resource.by_address("contact", address)
        found = wire_rows.contact(only_row(resource, self._transport.read(resource)))
        if found.contact_id <= 0:
            raise unreadable(f"Reading {resource.name}", found.problem)
        return found

    def contact_places(self, contact_id: int) -> tuple[ContactListPlace, ...]:
        """The lists that a contact is in, unsubscribed places included. Raises ``RemoteNotFoundError``."""
        resource = Resource.rest("contact", contact_id, "getcontactslists")
        places: dict[int, ContactListPlace] = {}
        offset = known = 0
        while True:
            # Paged like a collection (10 rows by default), but no sorting is documented for it.
            query = {Paging.LIMIT.value: str(PAGE), Paging.OFFSET.value: str(offset)}
            rows = checked_rows(resource, self._transport.read(resource, query))
            for row in rows:
                found = wire_rows.place(row)
                places.setdefault(found.list_id, found)
            if len(rows) < FEWEST or len(places) == known:
                return tuple(places.values())
            known = len(places)
            offset += len(rows)

    # Sends and what became of their messages

    def sends(self, *, since: datetime) -> tuple[SendSeen, ...]:
        """Campaigns that were sent after an instant (exclusive, whole seconds), by ascending id."""
        pages = self._pager.pages(paging.CAMPAIGNS, {CampaignFilter.FROM_TS: since}, wire_rows.send)
        return tuple(found for page in pages for found in page)

    def send(self, mailjet_campaign_id: int) -> SendSeen:
        """One campaign. Raises ``RemoteNotFoundError``."""
        return _whole(paging.CAMPAIGNS.path, wire_rows.send(self._one("campaign", mailjet_campaign_id)))

    def send_counters(self, mailjet_campaign_id: int) -> SendCounters:
        """Lifetime counts of a campaign's messages, by the time of sending: one request.

        Raises:
            CountersMissingError: Mailjet has none (yet); that is not zero.
        """
        resource = Resource.rest(paging.COUNTERS.path)
        query: dict[CounterFilter, FilterValue] = {
            CounterFilter.SOURCE: "Campaign",
            CounterFilter.TIMING: "Message",
            CounterFilter.RESOLUTION: "Lifetime",
            CounterFilter.SOURCE_ID: mailjet_campaign_id,
        }
        rows = checked_rows(resource, self._transport.read(resource, paging.written(query)))
        tried = f"Reading the counters of Mailjet campaign {mailjet_campaign_id}"
        if not rows:
            raise CountersMissingError(
                tried, "Mailjet shows no counters of it", "Wait for Mailjet to count, and check the campaign's id"
            )
        if len(rows) > 1 or rows[0].number("SourceID") != mailjet_campaign_id:
            raise unreadable(tried, "counters came that were not asked for")
        return wire_rows.counters(rows[0])

    def bounces(self, mailjet_campaign_id: int, *, since: datetime) -> tuple[BounceSeen, ...]:
        """The bounce log of a campaign, by ascending id; a contact can have several rows, and they may bear the same id: it is
        not known whether a row's id is its own or its message's.

        Args:
            since: an instant before the start of sending. Without one Mailjet shows today's rows only.
        """

        def parse(row: Row) -> BounceSeen:
            found = wire_rows.bounce(row, mailjet_campaign_id)
            _same_campaign(paging.BOUNCES.path, found.mailjet_campaign_id, mailjet_campaign_id)
            return found

        pages = self._pager.pages(
            paging.BOUNCES,
            {BounceFilter.CAMPAIGN_ID: mailjet_campaign_id, BounceFilter.FROM_TS: since},
            parse,
            identity=lambda row: wire_rows.bounce(row, mailjet_campaign_id),
        )
        return tuple(found for page in pages for found in page)

    def messages(
        self,
        mailjet_campaign_id: int,
        *,
        since: datetime,
        statuses: Sequence[MessageStatus] | None = None,
        counted: Mapping[MessageStatus | None, int] = _NOT_COUNTED,
    ) -> Iterator[tuple[MessageSeen, ...]]:
        """Messages of a campaign without addresses, up to 1000 at a time: one series for each status, or one of all.

        A message whose status changes while it is read can come in two series.

        Args:
            since: as for ``bounces``.
            statuses: only these. A comma list in one request is not used: whether Mailjet reads one is not known.
            counted: how many messages of a status there are (None: of any), where it is known. It saves requests, and is
                no check.

        Raises:
            ValueError: for a status that Mailjet cannot filter by.
        """
        wanted: tuple[MessageStatus | None, ...] = (None,) if statuses is None else tuple(dict.fromkeys(statuses))
        if MessageStatus.UNKNOWN in wanted:
            raise ValueError("Mailjet has no number to filter by the status unknown")
        return self._messages(mailjet_campaign_id, since, wanted, counted)

    def _messages(
        self,
        mailjet_campaign_id: int,
        since: datetime,
        statuses: Sequence[MessageStatus | None],
        counted: Mapping[MessageStatus | None, int],
    ) -> Iterator[tuple[MessageSeen, ...]]:
        def parse(row: Row, asked: MessageStatus | None) -> MessageSeen:
            found = wire_rows.message(row, mailjet_campaign_id, asked)
            _same_campaign(paging.MESSAGES.path, found.mailjet_campaign_id, mailjet_campaign_id)
            return found

        for status in statuses:
            query: dict[MessageFilter, FilterValue | None] = {
                MessageFilter.CAMPAIGN_ID: mailjet_campaign_id,
                MessageFilter.FROM_TS: since,
                MessageFilter.MESSAGE_STATUS: None if status is None else paging.STATUS_NUMBERS[status],
            }
            read = partial(parse, asked=status)
            yield from self._pager.pages(paging.MESSAGES, query, read, expected=counted.get(status))

    def message_history(self, message_id: int) -> tuple[MessageEventSeen, ...]:
        """The history of one message, with the receiver's own words: one request. Empty for an unknown id."""
        resource = Resource.rest("messagehistory", message_id)
        # A collection of one message's events: without a limit Mailjet would show the first 10.
        envelope = self._transport.read(resource, {Paging.LIMIT.value: str(PAGE)})
        return tuple(wire_rows.message_event(row) for row in checked_rows(resource, envelope))

    # The account

    def event_urls(self) -> tuple[EventUrlSeen, ...]:
        """The URLs that events are posted to, one a kind and a backup: one request."""
        resource = Resource.rest("eventcallbackurl")
        envelope = self._transport.read(resource, {Paging.LIMIT.value: str(PAGE)})
        return tuple(wire_rows.event_url(row) for row in checked_rows(resource, envelope))

    @property
    def told_time(self) -> datetime | None:
        """The time that the last answer carried (UTC, whole seconds); None where it carried none."""
        return self._transport.told_time

    # Bulk jobs

    def submit_job(
        self, *, actions: Mapping[int, MemberAction], emails: Sequence[str], exclude: bool | None = None
    ) -> int:
        """Hand in a bulk job and return its id. It is accepted then, not done.

        Repeated only after a 429 and when no connection was made: after a lost answer the journal decides, not the
        client.

        Args:
            actions: what to do on which list (by id); may be empty when ``exclude`` is given.
            emails: addresses exactly as Mailjet shows them. Jobs create contacts that do not exist.
            exclude: set or lift the exclusion from campaigns; None leaves it as it is.

        Raises:
            ValueError: no contacts, more than ``job_contacts_max``, nothing to do, or an anonymised contact.
            OutcomeUnknownError: the job may have been accepted. Every other error means that it was not.
        """
        return self._jobs.submit(actions, emails, exclude)

    def job(self, job_id: int) -> JobSeen:
        """The present state of a job. Raises ``RemoteNotFoundError``."""
        return self._jobs.look(job_id)

    def wait_for_job(self, job_id: int) -> JobSeen:
        """Look at a job again and again, ever more slowly, until it has ended (well or not), and return its last state.

        Raises:
            JobTimeoutError: it did not end in time.
        """
        return self._jobs.wait(job_id)

    def job_errors(self, job_id: int) -> tuple[JobItemError, ...]:
        """The entries of a job's error file, without addresses. Raises ``RemoteNotFoundError`` when there is no file."""
        return self._jobs.errors(job_id)

    def erase_contact(self, contact_id: int) -> None:
        """Have Mailjet delete a person for good (GDPR): off every list at once, anonymised, purged after thirty days.

        Nobody can take it back. Mailjet answers the same for a contact that it does not have.

        Raises:
            OutcomeUnknownError: it may have been carried out; repeating it does no harm.
        """
        self._transport.delete(Resource.erasable(contact_id))

    def _one(self, collection: str, object_id: int) -> Row:
        resource = Resource.rest(collection, object_id)
        if object_id <= 0:
            raise RemoteNotFoundError(f"Reading {resource.name}", "no id of Mailjet's is negative", "It was erased")
        row = only_row(resource, self._transport.read(resource))
        if row.number("ID") != object_id:
            raise unreadable(f"Reading {resource.name}", "another object came than the one asked for")
        return row


# Mailjet ignores filters it does not understand. So every row is held against what was asked for.


def _recipient_of(list_id: int, unsubscribed: bool | None) -> Callable[[Row], RecipientSeen]:
    def parse(row: Row) -> RecipientSeen:
        found = row.usual_recipient() or wire_rows.recipient(row, list_id, unsubscribed)
        if found.list_id != list_id or unsubscribed not in (None, found.is_unsubscribed):
            raise _not_filtered(paging.RECIPIENTS.path)
        return found

    return parse


def _contact_if(excluded: bool | None) -> Callable[[Row], ContactSeen]:
    def parse(row: Row) -> ContactSeen:
        found = row.usual_contact() or wire_rows.contact(row, excluded)
        if excluded not in (None, found.is_excluded):
            raise _not_filtered(paging.CONTACTS.path)
        return found

    return parse


def _whole(resource: str, found: One) -> One:
    """A row that was asked for by itself, and that nothing goes on without.

    Raises:
        UnreadableAnswerError: a part of it cannot be read.
    """
    if found.problem:
        raise unreadable(f"Reading {resource}/{{id}}", found.problem)
    return found


def _same_campaign(resource: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise _not_filtered(resource)


def _not_filtered(resource: str) -> UnreadableAnswerError:
    return unreadable(f"Reading {resource} with a filter", "rows came that the filter leaves out")
