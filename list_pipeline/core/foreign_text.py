"""What of a text, a number or an instant from outside can be kept, sent on and shown.

PostgreSQL holds no NUL, UTF-8 holds no half of a surrogate pair, and a terminal obeys control characters. A text that people
wrote is mended and goes on; an address is never mended, because a mended address is somebody else's.

Belongs here: which characters, numbers and instants those are. Does not belong here: which fields they stand in (the clients),
and what follows for a row that cannot be read (``operations.unreadable_rows``).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
LONGEST_TEXT = 1_000
"""Characters that are kept of a name or a subject; a mail program shows fewer than a hundred."""
LONGEST_ADDRESS = 254
"""RFC 5321 4.5.3.1.3, without the angle brackets."""
LARGEST_ID = 2**63 - 1
"""The largest number of a ``bigint``; Mailjet's own ids are as large as that."""
LARGEST_COUNT = 2**31 - 1
"""The largest number of an ``integer``, in which what is counted is kept."""
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Nothing that Mailjet tells about happened before the one or is planned for after the other (UTC)."""

_NEVER_KEPT = re.compile("[\x00\ud800-\udfff]")
_NOT_SHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tabs and line ends, and those that turn the direction of what follows them."""
_NOT_IN_ADDRESSES = re.compile('[,;:<>"()\\[\\]\\\\' + REPLACEMENT + "]")
"""What separates, quotes and ends an address in a header, a list or a CSV. An apostrophe is part of names."""

_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/?^_`{|}~.-]+@[A-Za-z0-9.-]+")
"""What nearly every address is: none of its characters is one of those that are refused."""


_LONGEST_ID = 18
"""Digits of an id that is typed; with one more it may not fit into a column."""


def id_in(text: str) -> int | None:
    """The contact's id that a text is; None where it is none, and may be an address."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID else None


def storable(text: str) -> str:
    """A text with everything replaced that neither PostgreSQL nor UTF-8 can hold; every other text as it is."""
    return _NEVER_KEPT.sub(REPLACEMENT, text) if _NEVER_KEPT.search(text) else text


def storable_value(value: Any) -> Any:
    """A value of JSON with the texts and keys in it made ``storable``, however deep they stand."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(name) if isinstance(name, str) else name: storable_value(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable_value(part) for part in value]
    return value


def tamed(text: str, longest: int = LONGEST_TEXT) -> str:
    """A text that a stranger wrote as it can be kept and shown: without control characters, and cut where it is longer."""
    shown = _NOT_SHOWN.sub(REPLACEMENT, text[: longest + 1])
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def address_problem(address: str) -> str:
    """What about an address forbids to send it to Mailjet or to write it into a file; empty where nothing does.

    The words name the kind of character and never the address.
    """
    if len(address) > LONGEST_ADDRESS:
        return f"longer than {LONGEST_ADDRESS} characters"
    if _PLAIN_ADDRESS.fullmatch(address):
        return ""
    local, at, domain = address.partition("@")
    if not at or not local or not domain or "@" in domain:
        return "without one name, one @ and one domain"
    if any(unicodedata.category(character)[0] in "CZ" for character in address):
        return "with control characters or spaces"
    if _NOT_IN_ADDRESSES.search(address) or address.startswith("="):
        return "with characters that do not belong into an address"
    return ""


def is_plausible(instant: datetime) -> bool:
    """Whether anything can have happened then."""
    return EARLIEST <= instant < LATEST
