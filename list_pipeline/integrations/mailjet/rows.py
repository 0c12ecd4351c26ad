"""Rows of Mailjet's answers as our values.

One row that cannot be read must not hide the others. So a part of a row that is not what it should be makes that row's
``problem``, and nothing more. Texts that people wrote are mended instead, since nothing is decided on them.

Belongs here: names and types on the wire, and what stands for "never" and "nobody" there. Does not belong here: the answer
around the rows (``answers``), and what follows for a row that cannot be read (operations).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from operator import itemgetter
from typing import Any, TypeVar

from list_pipeline.core.foreign_text import (
    EARLIEST,
    LARGEST_COUNT,
    LARGEST_ID,
    LATEST,
    address_problem,
    is_plausible,
    tamed,
)
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import (
    ANONYMISED_DOMAIN,
    NOBODY,
    BounceSeen,
    ContactListPlace,
    ContactListSeen,
    ContactSeen,
    DraftSeen,
    DraftStatus,
    EventUrlSeen,
    MessageEventSeen,
    MessageSeen,
    MessageStatus,
    RecipientSeen,
    SendCounters,
    SendSeen,
)
from list_pipeline.integrations.mailjet.errors import UnreadableFieldError

LONGEST_COMMENT = 10_000
"""Characters that are read of a receiver's words; RFC 5321 allows 512 a line."""
_LONGEST_NUMBER = len(str(LARGEST_ID))
_AGAIN = "Run it again; if it stays so, Mailjet's format has changed"
_TYPES: Mapping[type, str] = {
    type(None): "nothing",
    bool: "true or false",
    int: "a number",
    float: "a number with a fraction",
    str: "a text",
    list: "a list",
    dict: "an object",
}
_BOOLEAN_WORDS = {"true": True, "false": False}
_STATUSES = {status.value: status for status in MessageStatus}


T = TypeVar("T")


def _found(value: object) -> str:
    """The type of a value in words, as people who read JSON or none say it."""
    return "an empty text" if value == "" else _TYPES.get(type(value), "something else")


_CONTACT_PARTS = itemgetter(
    "ID", "Email", "IsExcludedFromCampaigns", "IsSpamComplaining", "CreatedAt", "DeliveredCount"
)
_RECIPIENT_PARTS = itemgetter("ID", "ContactID", "ListID", "IsUnsubscribed", "SubscribedAt", "UnsubscribedAt")


def _usual_instant(text: str) -> datetime:
    """An instant as Mailjet writes it, with Z.

    Raises:
        ValueError, TypeError: it is anything else, which may be right.
    """
    found = datetime.fromisoformat(text)
    if len(text) != 20 or text[19] != "Z" or not EARLIEST <= found < LATEST:
        raise ValueError("an unusual instant")
    return found


class Row:
    """One row of an answer, read property by property.

    Every method but ``stand_in`` and ``written`` raises ``UnreadableFieldError`` where the property is something else; the
    message names the property and the type found, never the value.
    """

    __slots__ = ("_properties", "_resource")

    def __init__(self, resource: str, properties: Mapping[str, Any]) -> None:
        self._resource = resource
        self._properties = properties

    def usual_id(self) -> int | None:
        """The row's own id where it is a number above zero; None: look closer."""
        value = self._properties.get("ID")
        return value if type(value) is int and 0 < value <= LARGEST_ID else None

    def usual_contact(self) -> ContactSeen | None:
        """A row of ``contact`` whose parts are all what they mostly are; None: look at each. Of millions nearly all are."""
        try:
            contact_id, email, is_excluded, is_complaining, created_at, delivered = _CONTACT_PARTS(self._properties)
            if (
                type(contact_id) is int
                and 0 < contact_id <= LARGEST_ID
                and type(email) is str
                and not address_problem(email)
                and type(is_excluded) is bool
                and type(is_complaining) is bool
                and type(delivered) is int
                and 0 <= delivered <= LARGEST_COUNT
            ):
                created = _usual_instant(created_at) if created_at != "" else None
                return ContactSeen(contact_id, email, is_excluded, is_complaining, created, "", delivered)
        except (KeyError, TypeError, ValueError):
            pass
        return None

    def usual_recipient(self) -> RecipientSeen | None:
        """A row of ``listrecipient``, as ``usual_contact``."""
        try:
            entry, contact_id, list_id, is_unsubscribed, since, until = _RECIPIENT_PARTS(self._properties)
            if (
                type(entry) is int
                and 0 < entry <= LARGEST_ID
                and type(contact_id) is int
                and 0 < contact_id <= LARGEST_ID
                and type(list_id) is int
                and 0 < list_id <= LARGEST_ID
                and type(is_unsubscribed) is bool
            ):
                subscribed_at = _usual_instant(since) if since != "" else None
                unsubscribed_at = _usual_instant(until) if until != "" else None
                return RecipientSeen(entry, contact_id, list_id, is_unsubscribed, subscribed_at, unsubscribed_at)
        except (KeyError, TypeError, ValueError):
            pass
        return None

    def _refuse(self, name: str, expected: str) -> UnreadableFieldError:
        found = _found(self._properties.get(name))
        return self._wrong(f"{name} should be {expected} and is {found}")

    def _wrong(self, problem: str) -> UnreadableFieldError:
        return UnreadableFieldError(f"Reading a row of {self._resource}", problem, _AGAIN)

    def stand_in(self) -> int:
        """A negative number for a row whose id cannot be read: the same for the same row, another one for another row."""
        written = json.dumps(self._properties, sort_keys=True, default=str).encode()
        return -(int.from_bytes(blake2b(written, digest_size=7).digest()) + 1)

    def number(self, name: str) -> int:
        """A whole number that a ``bigint`` holds. A float is refused: an id that went through one is already rounded."""
        value = self._properties.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _LONGEST_NUMBER:
            value = int(value)  # counters are texts in one of Mailjet's own samples
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._refuse(name, "a whole number")
        if abs(value) > LARGEST_ID:
            raise self._wrong(f"{name} is a number that is too large")
        return value

    def identifier(self, name: str) -> int:
        """The id of an object, which is above zero."""
        value = self.number(name)
        if value <= 0:
            raise self._wrong(f"{name} should be an id and is not above zero")
        return value

    def count(self, name: str) -> int:
        """How many there are of something."""
        value = self.number(name)
        if not 0 <= value <= LARGEST_COUNT:
            raise self._wrong(f"{name} is no number of anything")
        return value

    def reference(self, name: str) -> int | None:
        """The id of another object; absent, null, -1 and 0 all mean that there is none."""
        value = self._properties.get(name)
        if value is None or (value == -1 and not isinstance(value, bool)):
            return None
        return self.identifier(name) if self.number(name) else None

    def state(self, name: str) -> int | None:
        """A number out of a table of Mailjet's; none as of ``reference``."""
        value = self.reference(name)
        return None if value is None else self.count(name)

    def address(self, name: str) -> str:
        """An address exactly as Mailjet has it, fit to be sent back; the ghost of an erased contact as it is."""
        value = self.text(name)
        problem = address_problem(value)
        if problem and not (value.isprintable() and value.casefold().endswith("@" + ANONYMISED_DOMAIN)):
            raise self._wrong(f"{name} is {problem}")
        return value

    def written(self, name: str) -> str:
        """What a person wrote into a text: mended, without addresses; empty where there is no text. Raises nothing."""
        value = self._properties.get(name)
        return redact_foreign_text(tamed(value)) if isinstance(value, str) else ""

    def text(self, name: str) -> str:
        """A text that has to be there and is not empty."""
        value = self._properties.get(name)
        if isinstance(value, str) and value:
            return value
        raise self._refuse(name, "a text")

    def status_word(self, name: str) -> str:
        """A message's status by a word that we know, in Mailjet's own spelling."""
        word = self.text(name)
        if word.lower() not in _STATUSES:
            raise self._wrong(f"{name} is a word that is not known")
        return word

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
            found = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
        except (ValueError, OverflowError, OSError):
            raise self._refuse(name, "a unix time") from None
        return self._plausible(name, found)

    def _plausible(self, name: str, found: datetime | None) -> datetime | None:
        if found is not None and not is_plausible(found):
            raise self._wrong(f"{name} is a date at which nothing can have happened")
        return found

    def instant(self, name: str) -> datetime | None:
        """An instant in UTC. Empty and absent mean never; without an offset it is UTC, as in the guide's samples."""
        value = self._properties.get(name)
        if value is None or value == "":
            return None
        if isinstance(value, str) and len(value) >= len("2021-06-28T10:45:08"):
            try:
                parsed = datetime.fromisoformat(value)
                aware = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
            except (ValueError, OverflowError):
                raise self._refuse(name, "a date") from None
            return self._plausible(name, aware)
        raise self._refuse(name, "a date")


class _Parts:
    """Reads the parts of a row one by one, and keeps what is wrong with the first that cannot be read."""

    __slots__ = ("problem", "row")

    def __init__(self, row: Row) -> None:
        self.row = row
        self.problem = ""

    def get(self, read: Callable[[str], T], name: str, otherwise: T) -> T:
        """A part of the row; what stands for it where it cannot be read."""
        try:
            return read(name)
        except UnreadableFieldError as error:
            self.problem = self.problem or error.problem
            return otherwise

    def identifier(self, name: str) -> int:
        """An id, or the row's stand-in."""
        return self.get(self.row.identifier, name, 0) or self.row.stand_in()

    def reference(self, name: str) -> int | None:
        """The id of another object, None where there is none, or the row's stand-in."""
        nothing_read: int | None = 0
        found = self.get(self.row.reference, name, nothing_read)
        return self.row.stand_in() if found == nothing_read else found


def contact_list(row: Row) -> ContactListSeen:
    """A row of ``contactslist``. A person named it."""
    part = _Parts(row)
    return ContactListSeen(
        list_id=part.identifier("ID"),
        name=row.written("Name"),
        subscriber_count=part.get(row.count, "SubscriberCount", 0),
        is_deleted=part.get(row.flag, "IsDeleted", False),
        problem=part.problem,
    )


def event_url(row: Row) -> EventUrlSeen:
    """A row of ``eventcallbackurl``."""
    return EventUrlSeen(
        kind=row.text("EventType"),
        url=row.text("Url"),
        is_alive=row.text_or_empty("Status").casefold() != "dead",
        is_backup=row.flag("IsBackup"),
    )


def contact(row: Row, is_excluded: bool | None = None) -> ContactSeen:
    """A row of ``contact``. ``is_excluded``: what was asked for; it holds where the row is silent."""
    if usual := row.usual_contact():
        return usual
    part = _Parts(row)
    return ContactSeen(
        contact_id=part.identifier("ID"),
        email=part.get(row.address, "Email", ""),
        is_excluded=part.get(row.flag, "IsExcludedFromCampaigns", bool(is_excluded)),
        is_complaining=part.get(row.flag, "IsSpamComplaining", False),
        created_at=part.get(row.instant, "CreatedAt", None),
        problem=part.problem,
        # A count that cannot be read is not known; the contact it stands with is.
        delivered_count=_Parts(row).get(row.count, "DeliveredCount", None),
    )


def recipient(row: Row, list_id: int, is_unsubscribed: bool | None = None) -> RecipientSeen:
    """A row of ``listrecipient``, read for one list. ``is_unsubscribed``: what was asked for, where the row is silent."""
    if usual := row.usual_recipient():
        return usual
    part = _Parts(row)
    return RecipientSeen(
        recipient_id=part.identifier("ID"),
        contact_id=part.identifier("ContactID"),
        list_id=part.get(row.identifier, "ListID", list_id),
        is_unsubscribed=part.get(row.flag, "IsUnsubscribed", bool(is_unsubscribed)),
        subscribed_at=part.get(row.instant, "SubscribedAt", None),
        unsubscribed_at=part.get(row.instant, "UnsubscribedAt", None),
        problem=part.problem,
    )


def place(row: Row) -> ContactListPlace:
    """A row of ``getcontactslists``; the unsubscribed state has another name there."""
    return ContactListPlace(
        list_id=row.identifier("ListID"),
        is_unsubscribed=row.flag("IsUnsub"),
        subscribed_at=row.instant("SubscribedAt"),
    )


def send(row: Row) -> SendSeen:
    """A row of ``campaign``. What a person wrote into its texts is mended and redacted; the sender's own address is kept."""
    part = _Parts(row)
    found = SendSeen(
        mailjet_campaign_id=part.identifier("ID"),
        list_id=part.get(row.reference, "ListID", None),
        custom_value=tamed(part.get(row.text_or_empty, "CustomValue", "")),
        subject=row.written("Subject"),
        sender_name=row.written("FromName"),
        sender_email=tamed(part.get(row.text_or_empty, "FromEmail", "")),
        segmentation_id=part.get(row.reference, "SegmentationID", None),
        created_at=part.get(row.instant, "CreatedAt", None),
        send_started_at=part.get(row.instant, "SendStartAt", None),
        send_ended_at=part.get(row.instant, "SendEndAt", None),
        status=part.get(row.number, "Status", 0),
        is_deleted=part.get(row.flag, "IsDeleted", False),
        campaign_type=part.get(row.reference, "CampaignType", None),
        workflow_id=part.get(row.reference, "WorkflowID", None),
        problem=part.problem,
    )
    started, ended = found.send_started_at, found.send_ended_at
    if started is not None and ended is not None and ended < started and not found.problem:
        # Such an end says nothing; the start alone tells when the list counts as sent.
        return replace(found, send_ended_at=None)
    return found


def counters(row: Row) -> SendCounters:
    """A row of ``statcounters`` with timing Message."""
    return SendCounters(
        total=row.count("Total"),
        sent=row.count("MessageSentCount"),
        opened=row.count("MessageOpenedCount"),
        clicked=row.count("MessageClickedCount"),
        hard_bounced=row.count("MessageHardBouncedCount"),
        soft_bounced=row.count("MessageSoftBouncedCount"),
        blocked=row.count("MessageBlockedCount"),
        deferred=row.count("MessageDeferredCount"),
        queued=row.count("MessageQueuedCount"),
        spam=row.count("MessageSpamCount"),
        unsubscribed=row.count("MessageUnsubscribedCount"),
    )


def _contact_in_log(part: _Parts) -> int:
    """The contact of a row of a log, or ``NOBODY``: what stands there for somebody who was erased is not known, so any way of
    naming nobody is understood."""
    return part.reference("ContactID") or NOBODY


def bounce(row: Row, mailjet_campaign_id: int) -> BounceSeen:
    """A row of ``bouncestatistics``, read for one campaign."""
    part = _Parts(row)
    return BounceSeen(
        row_id=part.identifier("ID"),
        mailjet_campaign_id=part.get(row.identifier, "CampaignID", mailjet_campaign_id),
        contact_id=_contact_in_log(part),
        state_id=part.get(row.state, "StateID", None),
        is_permanent=part.get(row.flag, "IsStatePermanent", False),
        is_blocked=part.get(row.flag, "IsBlocked", False),
        bounced_at=part.get(row.instant, "BouncedAt", None),
        problem=part.problem,
    )


def message(row: Row, mailjet_campaign_id: int, asked: MessageStatus | None = None) -> MessageSeen:
    """A row of ``message``, read for one campaign. A status that we do not know is unknown, and so no failure.

    Args:
        asked: the status that was asked for. Where the row says a word that we do not know, the row cannot be read: it would
            be missing in the count of what was asked for.
    """
    part = _Parts(row)
    word = part.get(row.text if asked is None else row.status_word, "Status", asked.value if asked else "")
    return MessageSeen(
        message_id=part.identifier("ID"),
        # Left out by Mailjet in some recordings; the rows were asked for by campaign.
        mailjet_campaign_id=part.get(row.reference, "CampaignID", None) or mailjet_campaign_id,
        contact_id=_contact_in_log(part),
        status=_STATUSES.get(word.lower(), MessageStatus.UNKNOWN),
        state_id=part.get(row.state, "StateID", None),
        arrived_at=part.get(row.instant, "ArrivedAt", None),
        problem=part.problem,
    )


def message_event(row: Row) -> MessageEventSeen:
    """A row of ``messagehistory``, whose instant is a unix time and whose text is often missing.

    Raises:
        UnreadableFieldError: a part of it is something else.
    """
    return MessageEventSeen(
        event_type=row.text_or_empty("EventType").lower(),
        occurred_at=row.unix_time("EventAt"),
        comment=tamed(row.text_or_empty("Comment"), LONGEST_COMMENT),
    )


def draft(row: Row) -> DraftSeen:
    """A row of ``campaigndraft``."""
    part = _Parts(row)
    status = part.get(row.number, "Status", int(DraftStatus.PROGRAMMED))
    return DraftSeen(
        draft_id=part.identifier("ID"),
        list_id=part.get(row.reference, "ContactsListID", None),
        segmentation_id=part.get(row.reference, "SegmentationID", None),
        title=row.written("Title"),
        subject=row.written("Subject"),
        sender_name=row.written("SenderName"),
        sender_email=tamed(part.get(row.text_or_empty, "SenderEmail", "")),
        status=status,
        is_ab_test=_is_ab_test(row, part, status),
        problem=part.problem,
    )


def _is_ab_test(row: Row, part: _Parts, status: int) -> bool:
    """Whether a draft is part of an A/B test: it names the test, its share of the list or its letter, or its status says so.
    Which of them Mailjet fills is documented nowhere, so each alone is enough."""
    return (
        part.get(row.reference, "AXTestingID", None) is not None
        or bool(row.described("AXFraction") or row.described("AXFractionName"))
        or status in (DraftStatus.AX_CANCELED, DraftStatus.AX_TESTED, DraftStatus.AX_SELECTED)
    )
