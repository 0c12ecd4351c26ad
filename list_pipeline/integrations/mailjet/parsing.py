"""From Mailjet's rows to our values, one function per kind of row.

Belongs here: names and types on the wire, and what stands for "never" and "nobody" there. Does not belong here:
envelopes and errors of the service (``answers``). Own code rather than pydantic, since its messages quote what they
refuse, and what is refused here may be somebody's address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import (
    BounceSeen,
    ContactListPlace,
    ContactListSeen,
    ContactSeen,
    MessageEventSeen,
    MessageSeen,
    MessageStatus,
    RecipientSeen,
    SendCounters,
    SendSeen,
)
from list_pipeline.integrations.mailjet.errors import UnreadableAnswerError

_BOOLEAN_WORDS = {"true": True, "false": False}
_STATUSES = {status.value: status for status in MessageStatus}


def unreadable(tried: str, happened: str) -> UnreadableAnswerError:
    """The error for an answer of another shape; ``happened`` names parts, never their content."""
    return UnreadableAnswerError(tried, happened, "Run it again; if it stays so, Mailjet's format has changed")


class Row:
    """One row of an answer, read property by property.

    Every method raises ``UnreadableAnswerError`` when the property is not what it should be; the message names the
    property and the type found, never the value.
    """

    __slots__ = ("_properties", "_resource")

    def __init__(self, resource: str, properties: Mapping[str, Any]) -> None:
        self._resource = resource
        self._properties = properties

    def _refuse(self, name: str, expected: str) -> UnreadableAnswerError:
        found = type(self._properties[name]).__name__ if name in self._properties else "nothing"
        return unreadable(f"Reading a row of {self._resource}", f"{name} should be {expected} and is {found}")

    def number(self, name: str) -> int:
        """A whole number of any size. A float is refused: an id that went through one is already rounded."""
        value = self._properties.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
            return int(value)  # counters are texts in one of Mailjet's own samples
        raise self._refuse(name, "a whole number")

    def reference(self, name: str) -> int | None:
        """The id of another object; absent, null, -1 and 0 all mean that there is none."""
        if self._properties.get(name) is None:
            return None
        if self._properties[name] == -1:
            return None
        return self.number(name) or None

    def text(self, name: str) -> str:
        """A text that has to be there and is not empty."""
        value = self._properties.get(name)
        if isinstance(value, str) and value:
            return value
        raise self._refuse(name, "a text")

    def text_or_empty(self, name: str) -> str:
        """A text; empty where it is absent."""
        value = self._properties.get(name)
        if value is None:
            return ""
        if isinstance(value, str):
            return value
        raise self._refuse(name, "a text")

    def described(self, name: str) -> str:
        """A value of any type as a text, empty for none. For parts whose type nobody recorded."""
        value = self._properties.get(name)
        if not value:
            return ""
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

    def flag(self, name: str) -> bool:
        """A boolean that has to be there; the words are accepted too, as some of Mailjet's samples write them."""
        value = self._properties.get(name)
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLEAN_WORDS:
            return _BOOLEAN_WORDS[value.lower()]
        raise self._refuse(name, "true or false")

    def unix_time(self, name: str) -> datetime | None:
        """An instant as seconds since 1970; absent, null, -1 and 0 all mean that it is not known."""
        seconds = self.reference(name)
        try:
            return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise self._refuse(name, "a unix time") from None

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC. Empty and absent mean never; without an offset it is UTC, as in the guide's samples."""
        value = self._properties.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and len(value) >= len("2021-06-28T10:45:08"):
            try:
                parsed = datetime.fromisoformat(value)
                return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
            except (ValueError, OverflowError):
                pass
        raise self._refuse(name, "a date")


def contact_list(row: Row) -> ContactListSeen:
    """A row of ``contactslist``."""
    return ContactListSeen(
        list_id=row.number("ID"),
        name=row.text_or_empty("Name"),
        subscriber_count=row.number("SubscriberCount"),
        is_deleted=row.flag("IsDeleted"),
    )


def contact(row: Row) -> ContactSeen:
    """A row of ``contact``."""
    return ContactSeen(
        contact_id=row.number("ID"),
        email=row.text("Email"),
        is_excluded=row.flag("IsExcludedFromCampaigns"),
        is_complaining=row.flag("IsSpamComplaining"),
        created_at=row.instant("CreatedAt"),
    )


def recipient(row: Row) -> RecipientSeen:
    """A row of ``listrecipient``."""
    return RecipientSeen(
        recipient_id=row.number("ID"),
        contact_id=row.number("ContactID"),
        list_id=row.number("ListID"),
        is_unsubscribed=row.flag("IsUnsubscribed"),
        subscribed_at=row.instant("SubscribedAt"),
        unsubscribed_at=row.instant("UnsubscribedAt"),
    )


def place(row: Row) -> ContactListPlace:
    """A row of ``getcontactslists``; the unsubscribed state has another name there."""
    return ContactListPlace(
        list_id=row.number("ListID"),
        is_unsubscribed=row.flag("IsUnsub"),
        subscribed_at=row.instant("SubscribedAt"),
    )


def send(row: Row) -> SendSeen:
    """A row of ``campaign``. What a person wrote into its texts is redacted; the sender's own address is kept."""
    return SendSeen(
        mailjet_campaign_id=row.number("ID"),
        list_id=row.reference("ListID"),
        custom_value=row.text_or_empty("CustomValue"),
        subject=redact_foreign_text(row.text_or_empty("Subject")),
        sender_name=redact_foreign_text(row.text_or_empty("FromName")),
        sender_email=row.text_or_empty("FromEmail"),
        segmentation_id=row.reference("SegmentationID"),
        created_at=row.instant("CreatedAt"),
        send_started_at=row.instant("SendStartAt"),
        send_ended_at=row.instant("SendEndAt"),
        status=row.number("Status"),
        is_deleted=row.flag("IsDeleted"),
    )


def counters(row: Row) -> SendCounters:
    """A row of ``statcounters`` with timing Message."""
    return SendCounters(
        total=row.number("Total"),
        sent=row.number("MessageSentCount"),
        opened=row.number("MessageOpenedCount"),
        clicked=row.number("MessageClickedCount"),
        hard_bounced=row.number("MessageHardBouncedCount"),
        soft_bounced=row.number("MessageSoftBouncedCount"),
        blocked=row.number("MessageBlockedCount"),
        deferred=row.number("MessageDeferredCount"),
        queued=row.number("MessageQueuedCount"),
        spam=row.number("MessageSpamCount"),
        unsubscribed=row.number("MessageUnsubscribedCount"),
    )


def bounce(row: Row) -> BounceSeen:
    """A row of ``bouncestatistics``."""
    return BounceSeen(
        row_id=row.number("ID"),
        mailjet_campaign_id=row.number("CampaignID"),
        contact_id=row.number("ContactID"),
        state_id=row.reference("StateID"),
        is_permanent=row.flag("IsStatePermanent"),
        is_blocked=row.flag("IsBlocked"),
        bounced_at=row.instant("BouncedAt"),
    )


def message(row: Row, mailjet_campaign_id: int) -> MessageSeen:
    """A row of ``message``, read for one campaign. A status that we do not know is unknown, and so no failure."""
    status = _STATUSES.get(row.text("Status").lower(), MessageStatus.UNKNOWN)
    return MessageSeen(
        message_id=row.number("ID"),
        # Left out by Mailjet in some recordings; the rows were asked for by campaign.
        mailjet_campaign_id=row.reference("CampaignID") or mailjet_campaign_id,
        contact_id=row.number("ContactID"),
        status=status,
        state_id=row.reference("StateID"),
        arrived_at=row.instant("ArrivedAt"),
    )


def message_event(row: Row) -> MessageEventSeen:
    """A row of ``messagehistory``, whose instant is a unix time and whose text is often missing."""
    return MessageEventSeen(
        event_type=row.text_or_empty("EventType").lower(),
        occurred_at=row.unix_time("EventAt"),
        comment=row.text_or_empty("Comment"),
    )
