"""Observations at Mailjet as frozen values: the vocabulary between the client, the tables and the rules.

Belongs here: one type per kind of row that Mailjet shows us, with our names and Python types (aware UTC instants, ints
of any size, None for "never" or "absent"). Does not belong here: how a row is fetched, and what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol

from list_pipeline.core.foreign_text import LARGEST_ID

ANONYMISED_DOMAIN = "domain.invalid"
"""Mailjet renames GDPR-deleted contacts to ``\\x…@domain.invalid`` and shows them for up to 30 days (mailjet php#212)."""


NOBODY = 0
"""The contact id of a row in a log that names nobody: the contact was erased since."""


class Seen(Protocol):
    """What every kind of row has.

    ``problem`` says what of the row cannot be read, in words without values; empty where everything could. Where it is not
    empty, only ids above zero may be believed: an id that could not be read is a negative number of its own, the same for the
    same row, and every other part may be a guess.
    """

    @property
    def problem(self) -> str: ...


class RowKind(StrEnum):
    """Kinds of rows at Mailjet, in Mailjet's words."""

    CONTACT_LIST = "contactslist"
    CONTACT = "contact"
    RECIPIENT = "listrecipient"
    CAMPAIGN = "campaign"
    DRAFT = "campaigndraft"
    BOUNCE = "bouncestatistics"
    MESSAGE = "message"


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that could not be read.

    ``row_id``: its id, or a negative number where that cannot be read. ``contact_id``, ``mailjet_campaign_id``: whom and which
    send it is about, where that can be read. ``list_id``: the list it was read from. ``holds_moves``: it may be a round, or
    somebody who got one, so nobody may move between lists while it is not read.
    """

    kind: RowKind
    row_id: int
    problem: str
    contact_id: int | None = None
    mailjet_campaign_id: int | None = None
    list_id: int | None = None
    holds_moves: bool = False


class MessageStatus(StrEnum):
    """Final status of one message, in Mailjet's words (node SDK types)."""

    UNKNOWN = "unknown"
    QUEUED = "queued"
    SENT = "sent"
    OPENED = "opened"
    CLICKED = "clicked"
    BOUNCE = "bounce"
    SPAM = "spam"
    UNSUBSCRIBED = "unsub"
    BLOCKED = "blocked"
    SOFT_BOUNCED = "softbounced"
    HARD_BOUNCED = "hardbounced"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class ContactListSeen:
    """A row of ``contactslist``. ``subscriber_count`` counts everybody, unsubscribed and excluded contacts included."""

    list_id: int
    name: str
    subscriber_count: int
    is_deleted: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class EventUrlSeen:
    """A row of ``eventcallbackurl``: where events of a kind are posted. The URL holds a password and is never shown.

    ``is_alive``: Mailjet has not given it up after failures. ``is_backup``: used only while the other one fails.
    """

    kind: str
    url: str = field(repr=False)
    is_alive: bool
    is_backup: bool


@dataclass(slots=True, unsafe_hash=True)
class ContactSeen:
    """A row of ``contact``. Not frozen, and never changed: making one takes a fifth of the time, and a first reading makes
    millions."""

    contact_id: int
    email: str
    is_excluded: bool
    is_complaining: bool
    created_at: datetime | None
    problem: str = ""
    delivered_count: int | None = None
    """Messages that reached it, ever, by Mailjet's own count; None: the row does not say."""

    @property
    def is_anonymised(self) -> bool:
        """True for the ghost that a GDPR deletion leaves behind."""
        return self.email.casefold().endswith("@" + ANONYMISED_DOMAIN)


@dataclass(slots=True, unsafe_hash=True)
class RecipientSeen:
    """A row of ``listrecipient``: one contact's place in one list. Not frozen, as ``ContactSeen``."""

    recipient_id: int
    contact_id: int
    list_id: int
    is_unsubscribed: bool
    subscribed_at: datetime | None
    unsubscribed_at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ContactListPlace:
    """A row of ``contact/{id}/getcontactslists``."""

    list_id: int
    is_unsubscribed: bool
    subscribed_at: datetime | None


@dataclass(frozen=True, slots=True)
class SendSeen:
    """A row of ``campaign``: one send. ``custom_value`` is ``mj.nl=<draft id>`` for newsletters.

    ``campaign_type``: a number of ``CampaignType``, another one that nobody documented, or None where it is not told.
    ``workflow_id``: the automation that sends it, one mail at a time as people enter.
    """

    mailjet_campaign_id: int
    list_id: int | None
    custom_value: str
    subject: str
    sender_name: str
    sender_email: str
    segmentation_id: int | None
    created_at: datetime | None
    send_started_at: datetime | None
    send_ended_at: datetime | None
    status: int
    is_deleted: bool
    campaign_type: int | None = None
    workflow_id: int | None = None
    problem: str = ""

    @property
    def draft_id(self) -> int | None:
        """The draft that was sent, when this send came from one."""
        prefix, _, number = self.custom_value.partition("=")
        if prefix != "mj.nl" or not number.isascii() or not number.isdigit() or len(number) > len(str(LARGEST_ID)):
            return None
        return int(number) if 0 < int(number) <= LARGEST_ID else None


class CampaignType(IntEnum):
    """What a send is, in Mailjet's numbers."""

    TRANSACTIONAL = 1
    MARKETING = 2


class DraftStatus(IntEnum):
    """Where a campaign's draft stands, in Mailjet's numbers (node SDK types). Those of A/B tests are ``AX_...``."""

    AX_CANCELED = -3
    DELETED = -2
    ARCHIVED = -1
    DRAFT = 0
    PROGRAMMED = 1
    SENT = 2
    AX_TESTED = 3
    AX_SELECTED = 4


@dataclass(frozen=True, slots=True)
class DraftSeen:
    """A row of ``campaigndraft``: a campaign that is written. ``status`` is a number of ``DraftStatus``, or another.

    ``is_ab_test``: it is one of several that go to parts of a list, or the one that was chosen among them.
    """

    draft_id: int
    list_id: int | None
    segmentation_id: int | None
    title: str
    subject: str
    sender_name: str
    sender_email: str
    status: int
    is_ab_test: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SendCounters:
    """Lifetime ``statcounters`` of one campaign: numbers of messages."""

    total: int
    sent: int
    opened: int
    clicked: int
    hard_bounced: int
    soft_bounced: int
    blocked: int
    deferred: int
    queued: int
    spam: int
    unsubscribed: int


@dataclass(frozen=True, slots=True)
class BounceSeen:
    """A row of ``bouncestatistics``. A contact can have several; ``is_permanent`` is also set on blocks of the sender.

    ``contact_id`` is ``NOBODY`` where the contact was erased. Several rows may share a ``row_id``.
    """

    row_id: int
    mailjet_campaign_id: int
    contact_id: int
    state_id: int | None
    is_permanent: bool
    is_blocked: bool
    bounced_at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class MessageSeen:
    """A row of ``message``. Its own permanence flag is always false at Mailjet (php#195) and therefore not read.

    ``contact_id`` is ``NOBODY`` where the contact was erased.
    """

    message_id: int
    mailjet_campaign_id: int
    contact_id: int
    status: MessageStatus
    state_id: int | None
    arrived_at: datetime | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class MessageEventSeen:
    """A row of ``messagehistory``: something that happened to one message.

    ``event_type`` is Mailjet's word in lower case (bounced, blocked, sent, opened, ...). ``comment`` is the receiver's own
    text, empty where there is none: a stranger's words that may quote an address, so they are in no repr.
    """

    event_type: str
    occurred_at: datetime | None
    comment: str = field(repr=False)


class MemberAction(StrEnum):
    """The action of a bulk job on one list.

    ``addforce`` is missing on purpose: it subscribes people again who unsubscribed.
    """

    ADD = "addnoforce"
    REMOVE = "remove"
    UNSUBSCRIBE = "unsub"


@dataclass(frozen=True, slots=True)
class JobSeen:
    """The state of a bulk job. ``is_finished`` means terminal, not successful: the lists have to be read back."""

    job_id: int
    status: str
    processed_count: int
    is_finished: bool
    is_failed: bool
    error: str
    has_error_file: bool
