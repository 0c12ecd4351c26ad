"""Campaign drafts: which are programmed and for when, and their schedule cancelled or set again.

Belongs here: the requests about one draft and the check that the answer is about it. Does not belong here: when a schedule
is cancelled, the journal of that, and reading back whether it took effect.
"""

from __future__ import annotations

from datetime import UTC, datetime

from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import DraftSeen, DraftStatus
from list_pipeline.integrations.mailjet import filters
from list_pipeline.integrations.mailjet.filters import DraftFilter
from list_pipeline.integrations.mailjet.paging import Pager, only_row
from list_pipeline.integrations.mailjet.parsing import Row, unreadable
from list_pipeline.integrations.mailjet.transport import Resource, Transport


class Drafts:
    """The drafts of one account. Every method raises as ``MailjetClient``'s do."""

    def __init__(self, transport: Transport, pager: Pager) -> None:
        self._transport = transport
        self._pager = pager

    def programmed(self) -> tuple[DraftSeen, ...]:
        """Drafts that wait for their time, by ascending id: one request per 1000. Their times: ``scheduled_for``."""

        def parse(row: Row) -> DraftSeen:
            found = _draft(row)
            if found.status != DraftStatus.PROGRAMMED:
                raise unreadable(f"Reading {filters.DRAFTS.path} with a filter", "rows came that the filter leaves out")
            return found

        pages = self._pager.pages(filters.DRAFTS, {DraftFilter.STATUS: DraftStatus.PROGRAMMED.value}, parse)
        return tuple(found for page in pages for found in page)

    def one(self, draft_id: int) -> DraftSeen:
        """One draft. Raises ``RemoteNotFoundError``."""
        resource = Resource.rest("campaigndraft", draft_id)
        found = _draft(only_row(resource, self._transport.read(resource)))
        if found.draft_id != draft_id:
            raise unreadable(f"Reading {resource.name}", "another object came than the one asked for")
        return found

    def scheduled_for(self, draft_id: int) -> datetime:
        """When a programmed draft is sent (UTC).

        Raises:
            RemoteNotFoundError: it is not programmed; whether it was sent or taken back, its status tells (``one``).
        """
        resource = Resource.rest("campaigndraft", draft_id, "schedule")
        found = only_row(resource, self._transport.read(resource)).instant("Date")
        if found is None:
            raise unreadable(f"Reading {resource.name}", "a schedule came without a date")
        return found

    def cancel_schedule(self, draft_id: int) -> None:
        """Take a draft's schedule back, so that it is not sent. Raises ``OutcomeUnknownError``: read back."""
        self._transport.delete(Resource.rest("campaigndraft", draft_id, "schedule"))

    def schedule(self, draft_id: int, at: datetime) -> None:
        """Have a draft sent at an instant (whole seconds, UTC). Raises ``OutcomeUnknownError``: read back."""
        if at.tzinfo is None:
            raise ValueError("an instant needs a timezone")
        date = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        self._transport.change("POST", Resource.rest("campaigndraft", draft_id, "schedule"), {"Date": date})


def _draft(row: Row) -> DraftSeen:
    return DraftSeen(
        draft_id=row.number("ID"),
        list_id=row.reference("ContactsListID"),
        segmentation_id=row.reference("SegmentationID"),
        title=redact_foreign_text(row.text_or_empty("Title")),
        subject=redact_foreign_text(row.text_or_empty("Subject")),
        sender_name=redact_foreign_text(row.text_or_empty("SenderName")),
        sender_email=row.text_or_empty("SenderEmail"),
        status=row.number("Status"),
    )
