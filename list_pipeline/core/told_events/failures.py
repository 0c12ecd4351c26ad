"""What a told failure means by the words of the event alone.

It is one source where a reading has two, so a hard bounce stays in dispute here whatever it says: the reading of both logs
settles it. Does not belong here: the classes themselves (``core.bounces.classes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from list_pipeline.core.bounces.classes import BounceClass, Classification, classify
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.told_events.events import FAILURES, EventKind, ToldEvent

_STATES: Mapping[str, int] = {
    "user unknown": 1,
    "mailbox inactive": 2,
    "quota exceeded": 3,
    "invalid domain": 4,
    "no mail host": 5,
    "relay/access denied": 6,
    "sender blocked": 7,
    "content blocked": 8,
    "policy issue": 9,
    "system issue": 10,
    "protocol issue": 11,
    "connection issue": 12,
    "greylisted": 13,
    "preblocked": 14,
    "duplicate in campaign": 15,
    "spam preblocked": 16,
    "bad or empty template": 17,
    "error in template language": 18,
    "typofix": 19,
    "blacklisted": 20,
    "spam reporter": 21,
}
"""Mailjet's table of states (``messagestate``), by the words that events use for them."""


def state_of(error: str, related_to: str) -> int | None:
    """The number of the state that an event names; None where it names none that is known.

    Args:
        error: the event's ``error``.
        related_to: its ``error_related_to``, which in some events holds the state while ``error`` is empty.
    """
    for words in (error, related_to):
        if (state := _STATES.get(" ".join(words.split()).casefold())) is not None:
            return state
    return None


def status_of(event: ToldEvent) -> MessageStatus:
    """How the message of a failure ended.

    Raises:
        ValueError: the event is no failure.
    """
    if event.kind not in FAILURES:
        raise ValueError(f"{event.kind} is no failure")
    if event.kind is EventKind.SPAM:
        return MessageStatus.SPAM
    if event.kind is EventKind.BLOCKED:
        return MessageStatus.BLOCKED
    return MessageStatus.HARD_BOUNCED if event.is_permanent else MessageStatus.SOFT_BOUNCED


def classification_of(event: ToldEvent) -> Classification:
    """What a failure means; a hard bounce is disputed always.

    Raises:
        ValueError: the event is no failure.
    """
    found = classify(event.state_id, event.is_permanent, status_of(event), event.comment or None)
    return replace(found, is_disputed=True) if found.bounce_class is BounceClass.HARD else found
