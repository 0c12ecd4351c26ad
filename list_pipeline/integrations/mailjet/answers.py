"""Reading of Mailjet's answers: the envelope of a success, the reason of an error in its three shapes, rows to our values.

Belongs here: bytes in, values out; names and types on the wire, and what stands for "never" and "nobody" there. Does
not belong here: what follows from a status (``transport``).

No exception of a JSON parser is kept: it would carry the whole text. Own code rather than pydantic, since its messages
quote what they refuse, and what is refused here may be somebody's address.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import (
    NOBODY,
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

_LONGEST_REASON = 300
_QUOTED_VALUE = re.compile(r'\b((?:address|value)\s+)"[^"]*"', re.IGNORECASE)
"""Mailjet quotes what it refuses: ``Invalid email address "x"``, ``value "x" for Email already exists``."""
_LEFT_OVER = re.compile(r"@|＠|%40|\\u0040|&#0*64;|&#x0*40;", re.IGNORECASE)


_HARMLESS = "No @ character"
"""Mailjet's own reason for refusing an address."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """``count`` as Mailjet wrote it: the rows of this answer, or with countOnly those of the whole collection.

    ``Total`` is not kept: except with countOnly it repeats Count, whatever the documentation says (recorded).
    """

    count: int
    rows: tuple[Mapping[str, Any], ...]


def decoded(content: bytes) -> Any:
    """The JSON value, or None when this is not JSON. Whole numbers stay exact at any size Mailjet uses."""
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read_envelope(content: bytes) -> Envelope | str:
    """The envelope, or in words what is wrong with it."""
    payload = decoded(content)
    if payload is None:
        return f"{len(content)} bytes that are not JSON" if content else "an empty body"
    if not isinstance(payload, dict):
        return f"JSON of another shape: {type(payload).__name__} instead of an object"
    rows, count = payload.get("Data"), payload.get("Count")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return "JSON without a list of rows in Data"
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return "JSON without a number in Count"
    return Envelope(count, tuple(rows))


def safe_text(text: str) -> str:
    """A text of Mailjet as it may be shown: no addresses, no quoted values, not long.

    What still looks as if it held an address after redaction is withheld as a whole.
    """
    shown = redact_foreign_text(_QUOTED_VALUE.sub(r'\1"[hidden]"', " ".join(text.split())))
    if _LEFT_OVER.search(shown.replace(_HARMLESS, "")):
        return "the text is withheld, it may hold an address"
    return shown if len(shown) <= _LONGEST_REASON else shown[: _LONGEST_REASON - 1] + "…"


def error_text(status: int, content: bytes) -> str:
    """Why Mailjet refused, e.g. ``404 Not Found: Object not found``. Safe to show.

    Read are the classic body (ErrorMessage, ErrorInfo), the newer gateway's (ErrorIdentifier, ErrorMessage), and bodies
    that are empty or HTML, which say nothing. ErrorInfo and ErrorMessage may each be a text or an object.
    """
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    payload = decoded(content)
    if not isinstance(payload, dict):
        return name
    said = [_flat(payload.get(key)) for key in ("ErrorMessage", "ErrorInfo")]
    identifier = payload.get("ErrorIdentifier")
    if isinstance(identifier, str) and identifier:
        said.append(f"identifier for support {identifier}")
    reason = "; ".join(dict.fromkeys(part for part in said if part))
    return f"{name}: {safe_text(reason)}" if reason else name


_TOO_LARGE = re.compile(
    r"\btoo (many|large|big|long)\b|\b(exceed\w*|more than|above)\b.{0,40}\b(maximum|limit|allowed)|\bat most \d",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"\baccounts?\b", re.IGNORECASE)


def says_too_large(status: int, said: str) -> bool:
    """Whether Mailjet refused a request for its size: 413, or a 400 whose text says so.

    How many contacts a bulk job may have, and in which words a larger one is refused, is documented nowhere. A limit of the
    account ("Number of contacts exceeds maximum allowed for free accounts") is none of the request's.
    """
    return status == 413 or (status == 400 and bool(_TOO_LARGE.search(said)) and not _ACCOUNT.search(said))


def _flat(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def error_items(content: bytes) -> list[str] | None:
    """The items of a job's error file as texts that are safe to show; None when the file cannot be read.

    Its format is documented nowhere. Accepted are a list of texts or objects, the same under Data, and one JSON value a
    line; of an object the reason is kept and everything else, also the address, is dropped.
    """
    payload = decoded(content)
    if payload is None:
        lines = [decoded(line) for line in content.splitlines() if line.strip()]
        payload = lines if lines and None not in lines else None
    if isinstance(payload, dict):
        payload = payload.get("Data", [payload])
    if not isinstance(payload, list):
        return None
    return [safe_text(_reason_of(item)) or "no reason given" for item in payload]


def _reason_of(item: Any) -> str:
    if not isinstance(item, dict):
        return _flat(item)
    by_name = {str(name).lower(): value for name, value in item.items()}
    named = (by_name.get(name) for name in ("error", "errormessage", "reason", "message", "errorinfo"))
    return next((_flat(value) for value in named if value), "")


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
    """A row of ``contactslist``. A person named it."""
    return ContactListSeen(
        list_id=row.number("ID"),
        name=redact_foreign_text(row.text_or_empty("Name")),
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
        campaign_type=row.reference("CampaignType"),
        workflow_id=row.reference("WorkflowID"),
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


def _contact_in_log(row: Row) -> int:
    """The contact of a row of a log, or ``NOBODY``: what stands there for somebody who was erased is not known, so any way of
    naming nobody is understood."""
    return row.reference("ContactID") or NOBODY


def bounce(row: Row) -> BounceSeen:
    """A row of ``bouncestatistics``."""
    return BounceSeen(
        row_id=row.number("ID"),
        mailjet_campaign_id=row.number("CampaignID"),
        contact_id=_contact_in_log(row),
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
        contact_id=_contact_in_log(row),
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
