"""Requests that change something: bulk jobs (``managemanycontacts``), and the schedule of campaign drafts.

A job is accepted, not done, and one that ended well may have changed nothing (mailjet go#108): whoever submits one
reads the lists back.

Belongs here: the requests of one job; which drafts are programmed and for when, their schedule set, moved or cancelled,
sending one at once, and the check that an answer is about that draft. Does not belong here: when something is changed, the
journal, and what is read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog

from list_pipeline.core.clock import Clock
from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.foreign_text import address_problem, storable
from list_pipeline.core.observations import ANONYMISED_DOMAIN, DraftSeen, DraftStatus, JobSeen, MemberAction
from list_pipeline.core.validation.mail_body import MailBody
from list_pipeline.integrations.mailjet import paging, rows
from list_pipeline.integrations.mailjet.answers import error_items, safe_text, unreadable
from list_pipeline.integrations.mailjet.errors import (
    JobTimeoutError,
    OutcomeUnknownError,
    UnreadableAnswerError,
    UnreadableFieldError,
)
from list_pipeline.integrations.mailjet.paging import DraftFilter, Pager, only_row
from list_pipeline.integrations.mailjet.rows import Row
from list_pipeline.integrations.mailjet.transport import Resource, Transport

log = structlog.get_logger(__name__)

_SUBMIT = Resource.rest("contact", "managemanycontacts")
_FAILED = frozenset({"error", "abort"})
_FINISHED = frozenset({"completed", *_FAILED})
"""Terminal words of the guide and of the node SDK's types; every other word means that the job is under way."""

_SLOWER = 1.5
_LONGEST_POLL_S = 15.0
_UNSEEN_S = 60.0
"""A job that was just accepted may not be known yet: for this long after the first look, a 404 about it is waited for."""


@dataclass(frozen=True, slots=True)
class JobItemError:
    """A contact that a job refused: its place in the error file (from 0) and the reason, without the address."""

    position: int
    reason: str


class Jobs:
    """The bulk jobs of one account."""

    def __init__(
        self, transport: Transport, clock: Clock, *, contacts_max: int, poll_s: float, timeout_s: float
    ) -> None:
        self._transport = transport
        self._clock = clock
        self._contacts_max = contacts_max
        self._poll_s = poll_s
        self._timeout_s = timeout_s

    def submit(self, actions: Mapping[int, MemberAction], emails: Sequence[str], exclude: bool | None) -> int:
        """Hand in a job; see ``MailjetClient.submit_job``."""
        self._check(actions, emails, exclude)
        flags: dict[str, Any] = {} if exclude is None else {"IsExcludedFromCampaigns": exclude}
        # Names and properties are never sent: they would overwrite what the contact has.
        body: dict[str, Any] = {"Contacts": [{"Email": email, **flags} for email in emails]}
        if actions:
            body["ContactsLists"] = [{"ListID": list_id, "Action": action.value} for list_id, action in actions.items()]
        envelope = self._transport.change("POST", _SUBMIT, body)
        try:
            if envelope is not None:
                return only_row(_SUBMIT, envelope).identifier("JobID")
            happened = "it says that nothing changed (304)"
        except UnreadableAnswerError as error:
            happened = error.happened
        raise OutcomeUnknownError(
            "Submitting a bulk job to Mailjet",
            f"it was accepted and its number is not known: {happened}",
            "Read back before posting it again",
        )

    def _check(self, actions: Mapping[int, MemberAction], emails: Sequence[str], exclude: bool | None) -> None:
        if not emails or not all(emails):
            raise ValueError("a bulk job needs contacts, each with an address")
        if len(emails) > self._contacts_max:
            raise ValueError(f"{len(emails)} contacts are more than one bulk job takes ({self._contacts_max})")
        if not actions and exclude is None:
            raise ValueError("a bulk job without actions and without an exclusion changes nothing")
        if any(email.casefold().endswith("@" + ANONYMISED_DOMAIN) for email in emails):
            # Jobs create contacts that do not exist: the ghost of an erased person must not become one again.
            raise ValueError("an anonymised contact is not to be changed")
        if any(address_problem(email) for email in emails):
            raise ValueError("an address with characters that do not belong into one is not to be sent")

    def look(self, job_id: int) -> JobSeen:
        """The state of a job; see ``MailjetClient.job``."""
        resource = Resource.rest("contact", "managemanycontacts", job_id)
        row = only_row(resource, self._transport.read(resource))
        status = row.text("Status")
        word = status.strip().casefold()
        return JobSeen(
            job_id=job_id,
            status=safe_text(status),
            processed_count=_count(row),
            is_finished=word in _FINISHED,
            is_failed=word in _FAILED,
            error=safe_text(row.described("Error")),
            has_error_file=bool(row.described("ErrorFile")),
        )

    def wait(self, job_id: int) -> JobSeen:
        """Wait for a job to end; see ``MailjetClient.wait_for_job``."""
        deadline = self._clock.now() + timedelta(seconds=self._timeout_s)
        unseen_until = self._clock.now() + timedelta(seconds=_UNSEEN_S)
        pause = self._poll_s
        while (job := self._look_or_none(job_id, unseen_until)) is None or not job.is_finished:
            left = (deadline - self._clock.now()).total_seconds()
            if left <= 0:
                status = "in no state that can be read" if job is None else f"still {job.status}"
                raise JobTimeoutError(
                    f"Waiting for Mailjet's bulk job {job_id}",
                    f"it is {status} after {self._timeout_s:.0f} s",
                    "Nothing is to be done: it is looked at again by itself",
                )
            self._clock.sleep(min(pause, left))
            pause = min(pause * _SLOWER, max(_LONGEST_POLL_S, self._poll_s))
        return job

    def _look_or_none(self, job_id: int, unseen_until: datetime) -> JobSeen | None:
        try:
            return self.look(job_id)
        except RemoteNotFoundError:
            if self._clock.now() >= unseen_until:
                raise
            return None
        except UnreadableFieldError as error:
            # It was accepted and works on, whatever one row about it says.
            log.warning("the state of a bulk job cannot be read", job=job_id, problem=error.problem)
            return None

    def errors(self, job_id: int) -> tuple[JobItemError, ...]:
        """The error file; see ``MailjetClient.job_errors``."""
        # Built from the number and not from ErrorFile: credentials go to the configured host only.
        resource = Resource.data("batchjob", job_id, "JSONError", "application:json", "LAST")
        items = error_items(self._transport.read_file(resource))
        if items is None:
            raise unreadable(f"Reading the error file of bulk job {job_id}", "it is neither JSON nor lines of JSON")
        return tuple(JobItemError(position, reason) for position, reason in enumerate(items))


def _count(row: Row) -> int:
    """The number of contacts processed so far, which nothing rests on; a job that has not begun may give none."""
    try:
        return row.number("Count") if row.reference("Count") is not None else 0
    except UnreadableFieldError:
        return 0


class Drafts:
    """The drafts of one account. Every method raises as ``MailjetClient``'s do."""

    def __init__(self, transport: Transport, pager: Pager) -> None:
        self._transport = transport
        self._pager = pager

    def programmed(self) -> tuple[DraftSeen, ...]:
        """Drafts that wait for their time, by ascending id: one request per 1000. Their times: ``scheduled_for``.

        A filter that Mailjet ignores brings more drafts, and each says itself whether it is programmed. One that cannot be read
        comes too, with its ``problem``.
        """
        pages = self._pager.pages(paging.DRAFTS, {DraftFilter.STATUS: DraftStatus.PROGRAMMED.value}, rows.draft)
        return tuple(
            found for page in pages for found in page if found.problem or found.status == DraftStatus.PROGRAMMED
        )

    def one(self, draft_id: int) -> DraftSeen:
        """One draft. Raises ``RemoteNotFoundError``, and ``UnreadableAnswerError`` also where a part of it cannot be read."""
        resource = Resource.rest("campaigndraft", draft_id)
        found = rows.draft(only_row(resource, self._transport.read(resource)))
        if found.problem:
            raise UnreadableFieldError(f"Reading {resource.name}", found.problem, "Look at the draft at Mailjet")
        if found.draft_id != draft_id:
            raise unreadable(f"Reading {resource.name}", "another object came than the one asked for")
        return found

    def scheduled_for(self, draft_id: int) -> datetime:
        """When a programmed draft is sent (UTC).

        Raises:
            RemoteNotFoundError: it is not programmed; whether it was sent or taken back, its status tells (``one``).
            UnreadableFieldError: its date cannot be read, or is missing.
        """
        resource = Resource.rest("campaigndraft", draft_id, "schedule")
        found = only_row(resource, self._transport.read(resource)).instant("Date")
        if found is None:
            raise UnreadableFieldError(f"Reading {resource.name}", "Date is missing", "Look at the draft at Mailjet")
        return found

    def content(self, draft_id: int) -> MailBody:
        """The parts of a draft's mail as they were written. Raises ``RemoteNotFoundError``."""
        resource = Resource.rest("campaigndraft", draft_id, "detailcontent")
        row = only_row(resource, self._transport.read(resource))
        return MailBody(storable(row.text_or_empty("Html-part")), storable(row.text_or_empty("Text-part")))

    def cancel_schedule(self, draft_id: int) -> None:
        """Take a draft's schedule back, so that it is not sent. Raises ``OutcomeUnknownError``: read back."""
        self._transport.delete(Resource.rest("campaigndraft", draft_id, "schedule"))

    def schedule(self, draft_id: int, at: datetime) -> None:
        """Have a draft sent at an instant (whole seconds, UTC). Raises ``OutcomeUnknownError``: read back."""
        self._transport.change("POST", Resource.rest("campaigndraft", draft_id, "schedule"), {"Date": _date(at)})

    def reschedule(self, draft_id: int, at: datetime) -> None:
        """Have a programmed draft sent at another instant (whole seconds, UTC).

        Raises:
            RemoteNotFoundError: it is not programmed.
            OutcomeUnknownError: read back.
        """
        self._transport.change("PUT", Resource.rest("campaigndraft", draft_id, "schedule"), {"Date": _date(at)})

    def send(self, draft_id: int) -> None:
        """Have a draft sent at once. Raises ``OutcomeUnknownError``: read back, and never post it again."""
        self._transport.change("POST", Resource.rest("campaigndraft", draft_id, "send"), {})


def _date(at: datetime) -> str:
    if at.tzinfo is None:
        raise ValueError("an instant needs a timezone")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
