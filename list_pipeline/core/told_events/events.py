"""A told event as a value: its kind, whom and what it is about, and what became of it here.

Belongs here: frozen values and closed vocabularies. Does not belong here: what a failure means (``failures``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class EventKind(StrEnum):
    """The kinds of the Event API, in Mailjet's words."""

    SENT = "sent"
    OPEN = "open"
    CLICK = "click"
    BOUNCE = "bounce"
    BLOCKED = "blocked"
    SPAM = "spam"
    UNSUB = "unsub"


FAILURES = frozenset({EventKind.BOUNCE, EventKind.BLOCKED, EventKind.SPAM})
"""Events that say that a message failed, or that its reader complained."""

SIGNS = frozenset({EventKind.OPEN, EventKind.CLICK})
"""Events that say that somebody, or something, took the message."""

OTHER_KIND = "other"
"""How an event is counted whose kind Mailjet did not have when this was written, or that cannot be read."""

LATEST_AHEAD = timedelta(days=1)
"""An event of a later instant is refused: no clock is so wrong."""


class EventProblem(StrEnum):
    """Why an event cannot be used. A closed vocabulary: it is counted and shown, and no part of the event with it."""

    NOT_JSON = "the body is not JSON"
    NOT_AN_OBJECT = "not an object"
    NO_KIND = "no kind"
    UNKNOWN_KIND = "a kind that is not known"
    NO_TIME = "no time"
    IMPOSSIBLE_TIME = "a time at which nothing can have happened"
    IMPOSSIBLE_NUMBER = "an id that is no number"
    IMPOSSIBLE_ADDRESS = "an address that is none"
    NOT_STORED = "it could not be stored"


class EventOutcome(StrEnum):
    """What became of an event that can be read.

    ``kept``: it stands where it belongs. ``counted``: a delivery, which the logs know better. ``aside``: its contact or its
    campaign is not known here yet. ``repeated``: it came before. ``scanner``: a program that looks for attacks took the mail,
    and nobody else. ``nobody``: it names nobody, as the one of Mailjet's test button. ``erased``: it names a person who was
    erased, and nothing of it is kept.
    """

    KEPT = "kept"
    COUNTED = "counted"
    ASIDE = "aside"
    REPEATED = "repeated"
    SCANNER = "scanner"
    NOBODY = "nobody"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class ToldEvent:
    """One event. Neither the address nor anything that a stranger wrote is in its repr.

    Attributes:
        occurred_at: an aware instant in UTC.
        mailjet_campaign_id, contact_id, message_id, list_id: Mailjet's; None where the event names none.
        address: empty where there is none.
        is_permanent: of a bounce, Mailjet's ``hard_bounce``; None where it does not say.
        state_id: number of the state that the event's words name; None: no known one.
        comment: the receiver's own words, empty where there are none. They are judged and not kept.
        agent: the program that opened or clicked, as it calls itself.
    """

    kind: EventKind
    occurred_at: datetime
    mailjet_campaign_id: int | None = None
    contact_id: int | None = None
    message_id: int | None = None
    list_id: int | None = None
    is_permanent: bool | None = None
    state_id: int | None = None
    address: str = field(default="", repr=False)
    comment: str = field(default="", repr=False)
    agent: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.occurred_at.tzinfo is None:
            raise ValueError("an event's instant must be timezone-aware")

    @property
    def identity(self) -> str:
        """What tells it from every other event: kind, message, address, instant, as Mailjet's guide advises; the ids where it
        names no message. It holds the address: it is hashed with a key before it is stored."""
        who = self.address.casefold() or self.contact_id
        what = self.message_id or (self.mailjet_campaign_id, self.list_id)
        return f"{self.kind.value}|{what}|{who}|{int(self.occurred_at.timestamp())}"

    @property
    def names_somebody(self) -> bool:
        """Whether it names a contact, by id or address."""
        return self.contact_id is not None or bool(self.address)
