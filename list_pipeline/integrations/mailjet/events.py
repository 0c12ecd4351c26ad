"""Events of Mailjet's Event API as our values.

Version 1 posts one object, version 2 an array of objects; kinds are mixed, fields are missing, ids are 0 and flags are empty
texts in real ones. What has to be there is the kind, the instant, and ids of campaign and contact that are numbers; all else is
read where it can be. Numbers of instants are read however a program between us and Mailjet wrote them, and so is a body with
bytes or numbers in it that cannot be: none of it says whom the event is about, and Mailjet never sends it again.

Belongs here: names and types on the wire. Does not belong here: the HTTP service (``api``), and what follows (operations).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from list_pipeline.core.foreign_text import LARGEST_ID, address_problem, is_plausible
from list_pipeline.core.told_events.events import LATEST_AHEAD, EventKind, EventProblem, ToldEvent
from list_pipeline.core.told_events.failures import state_of

LONGEST_COMMENT = 10_000
"""Characters that are read of a receiver's words; the same as of a message's history."""
LONGEST_AGENT = 1_000
"""Characters that are read of a program's name for itself."""
_KINDS: Mapping[str, EventKind] = {kind.value: kind for kind in EventKind}
_LONGEST_NUMBER = len(str(LARGEST_ID))
_MILLISECONDS_FROM = 10**11
"""A number of seconds from here on is a year after 5000, and one of milliseconds a year after 1973."""


class EventProblemError(Exception):
    """An event, or a body, cannot be used. It carries the kind of problem alone, and nothing that was sent."""

    def __init__(self, problem: EventProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


def elements_of(body: bytes) -> list[object]:
    """The events in a body: one object, or an array of whatever it holds.

    Raises:
        EventProblemError: it is not JSON, or neither of the two.
    """
    try:
        found = json.loads(_text_of(body), parse_int=_json_number)
    except (ValueError, RecursionError):
        raise EventProblemError(EventProblem.NOT_JSON) from None
    if isinstance(found, list):
        return found
    if isinstance(found, dict):
        return [found]
    raise EventProblemError(EventProblem.NOT_AN_OBJECT)


def _text_of(body: bytes) -> str:
    """The text of a body. Bytes that are no UTF-8 spoil the word that they stand in, and not the events beside it."""
    return body.decode(json.detect_encoding(body), errors="replace")


def _json_number(digits: str) -> int | float:
    """A whole number; infinite where it is longer than any id: Python refuses to convert it, and with it the whole body."""
    return int(digits) if len(digits) <= 2 * _LONGEST_NUMBER else math.inf


def read_events(elements: list[object], now: datetime) -> Iterator[ToldEvent | EventProblem]:
    """Each element as an event, or as the reason why it is none, in the order given.

    Args:
        now: the present instant (UTC), against which an event's is judged.
    """
    for element in elements:
        try:
            yield _event(element, now)
        except EventProblemError as error:
            yield error.problem


def _event(element: object, now: datetime) -> ToldEvent:
    if not isinstance(element, dict):
        raise EventProblemError(EventProblem.NOT_AN_OBJECT)
    named = element.get("event")
    if not isinstance(named, str) or not named.strip():
        raise EventProblemError(EventProblem.NO_KIND)
    kind = _KINDS.get(named.strip().casefold())
    if kind is None:
        raise EventProblemError(EventProblem.UNKNOWN_KIND)
    related_to = _text(element, "error_related_to", LONGEST_AGENT)
    contact_id = _reference(element.get("mj_contact_id"))
    return ToldEvent(
        kind=kind,
        occurred_at=_instant(element.get("time"), now),
        mailjet_campaign_id=_reference(element.get("mj_campaign_id")),
        contact_id=contact_id,
        message_id=_message(element.get("MessageID")),
        list_id=_reference(element.get("mj_list_id")) if kind is EventKind.UNSUB else None,
        is_permanent=_flag(element.get("hard_bounce")),
        state_id=state_of(_text(element, "error", LONGEST_AGENT), related_to),
        address=_address(element.get("email"), is_needed=contact_id is None),
        comment=_text(element, "comment", LONGEST_COMMENT),
        agent=_text(element, "agent", LONGEST_AGENT),
    )


def _instant(value: object, now: datetime) -> datetime:
    if value is None or value == "":
        raise EventProblemError(EventProblem.NO_TIME)
    number = _seconds(value)
    if number is None:
        raise EventProblemError(EventProblem.IMPOSSIBLE_TIME)
    try:
        instant = datetime.fromtimestamp(number, UTC)
    except (ValueError, OverflowError, OSError):
        raise EventProblemError(EventProblem.IMPOSSIBLE_TIME) from None
    if not is_plausible(instant) or instant > now + LATEST_AHEAD:
        raise EventProblemError(EventProblem.IMPOSSIBLE_TIME)
    return instant


def _seconds(value: object) -> int | None:
    """Whole seconds since 1970, of a number with or without a fraction, of seconds or milliseconds, also written as a text;
    None: it is no number."""
    if isinstance(value, str):
        try:
            value = float(value) if len(value) <= 2 * _LONGEST_NUMBER and value.isascii() else None
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return int(value // 1000 if value >= _MILLISECONDS_FROM else value)


def _message(value: object) -> int | None:
    """The id of the message; None where it cannot be read, since nothing is looked up by it."""
    try:
        return _reference(value)
    except EventProblemError:
        return None


def _whole(value: object) -> int | None:
    """A whole number, also written as a text; None: it is none."""
    if isinstance(value, str):
        digits = value.strip()
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_NUMBER
        return int(digits) if is_number else None
    if isinstance(value, bool) or not isinstance(value, int):
        # A float is refused: an id that went through one is rounded already.
        return None
    return value


def _reference(value: object) -> int | None:
    """The id of something; absent, null, an empty text, 0 and -1 mean that there is none."""
    if value is None or value == "":
        return None
    number = _whole(value)
    if number is None or not -1 <= number <= LARGEST_ID:
        raise EventProblemError(EventProblem.IMPOSSIBLE_NUMBER)
    return number if number > 0 else None


def _flag(value: object) -> bool | None:
    """True or false, also as a number or a text; None where it is not said."""
    words = str(value).strip().casefold() if isinstance(value, (bool, int, str)) else ""
    return {"true": True, "1": True, "false": False, "0": False}.get(words)


def _address(value: object, *, is_needed: bool) -> str:
    """The address; empty where there is none, or one that nobody can have beside an id that says who it is."""
    if value is None or value == "":
        return ""
    address = value.strip() if isinstance(value, str) else ""
    if address and not address_problem(address):
        return address
    if is_needed:
        raise EventProblemError(EventProblem.IMPOSSIBLE_ADDRESS)
    return ""


def _text(element: Mapping[str, Any], name: str, longest: int) -> str:
    """A text that a stranger wrote; anything else says nothing."""
    value = element.get(name)
    return value[:longest] if isinstance(value, str) else ""
