"""The senders of an account, and their domains as Mailjet's own periodic check found them.

Belongs here: those two resources. Does not belong here: what follows from their states
(``core.validation.campaign_setup``, ``core.validation.sending_domain``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.validation.campaign_setup import SenderStanding
from list_pipeline.core.validation.sending_domain import RecordStatus
from list_pipeline.integrations.mailjet.paging import only_row
from list_pipeline.integrations.mailjet.rows import Row
from list_pipeline.integrations.mailjet.transport import Resource, Transport

_ACTIVE, _DELETED = "active", "deleted"
_RECORDS = {"ok": RecordStatus.OK, "error": RecordStatus.ERROR, "not checked": RecordStatus.NOT_CHECKED}
"""Mailjet's words of the guide ("Sender domain properties"); any other one is not known."""


@dataclass(frozen=True, slots=True)
class DomainSeen:
    """A row of ``dns``. None: a word that is not known. ``checked_at``: Mailjet's last look (UTC); None: never."""

    spf: RecordStatus | None
    dkim: RecordStatus | None
    checked_at: datetime | None


class Senders:
    """The senders of one account. Every method raises as ``MailjetClient``'s do."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def standing(self, address: str) -> SenderStanding:
        """Whether Mailjet sends for an address: it was verified itself, or its whole domain was. One request or two."""
        first = self._status(address)
        if first == _ACTIVE:
            return SenderStanding.ACTIVE
        second = self._status(f"*@{address.rpartition('@')[2]}")
        if second == _ACTIVE:
            return SenderStanding.ACTIVE
        known = {first, second} - {None, _DELETED}
        return SenderStanding.INACTIVE if known else SenderStanding.MISSING

    def _status(self, sender: str) -> str | None:
        resource = Resource.by_address("sender", sender)
        try:
            return only_row(resource, self._transport.read(resource)).text("Status").casefold()
        except RemoteNotFoundError:
            return None

    def domain(self, domain: str) -> DomainSeen:
        """The records of a sender's domain. Raises ``RemoteNotFoundError``: no sender of it was ever named."""
        resource = Resource.by_address("dns", domain)
        row = only_row(resource, self._transport.read(resource))
        return DomainSeen(_record(row, "SPFStatus"), _record(row, "DKIMStatus"), row.instant("LastCheckAt"))


def _record(row: Row, name: str) -> RecordStatus | None:
    return _RECORDS.get(row.text_or_empty(name).strip().casefold())
