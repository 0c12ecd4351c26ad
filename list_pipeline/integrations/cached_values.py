"""A cached value as text: JSON with the version of what it was read from, when that was, for how long it is shown, and a sum.

Belongs here: this form, there and back. Does not belong here: Redis, and what is cached.

Instants survive the round trip. Addresses do not: every text is redacted on its way in.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from list_pipeline.core.masking import redact_addresses

FORM = 1
"""Number of the form of all values. One more makes everything that older code wrote a miss."""
_INSTANT = "$instant"
_FUTURE = timedelta(minutes=1)
"""How far the clocks of two machines may differ; a value from further ahead was written by a clock that was turned back."""
_HEAD = re.compile(
    rb'\A\{"form":(\d{1,6}),"version":"([0-9a-z-]{0,80})","ttl":(\d{1,9}),"at":"([0-9T:.+-]{10,40})",'
    rb'"sum":"([0-9a-f]{16})","value":'
)


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a cached value: the version of the data, the time of reading (UTC), and for how many seconds it is shown."""

    version: str
    at: datetime
    ttl_s: int


@dataclass(frozen=True, slots=True)
class Found:
    """A value that was found. ``at`` is when it was read from its source."""

    value: Any
    version: str
    at: datetime
    ttl_s: int

    def is_over(self, now: datetime) -> bool:
        """Whether it is too old to be shown, by our own clock: Redis counts its own seconds, and a rehearsal's clock runs
        ahead of them."""
        return not -_FUTURE <= now - self.at < timedelta(seconds=self.ttl_s)


def folded(value: Any, version: str, at: datetime, ttl_s: int) -> str:
    """The text that is kept.

    Raises:
        TypeError: the value is not made of JSON types and instants.
    """
    text = json.dumps(_encoded(value), ensure_ascii=False, separators=(",", ":"))
    head = {"form": FORM, "version": version, "ttl": ttl_s, "at": at.isoformat(), "sum": _sum(text.encode())}
    return f'{json.dumps(head, separators=(",", ":"))[:-1]},"value":{text}}}'


def unfolded(raw: object) -> Found | None:
    """The value of a text that was kept, or None when it is garbage or of another form."""
    if not isinstance(raw, bytes):
        return None
    head, begin = head_of(raw), _HEAD.match(raw)
    if head is None or begin is None or not raw.endswith(b"}"):
        return None
    text = raw[begin.end() : -1]
    if _sum(text) != begin[5].decode():
        return None
    try:
        value = json.loads(text, object_hook=_decoded)
    except (ValueError, RecursionError):
        return None
    return Found(value, head.version, head.at, head.ttl_s)


def head_of(raw: bytes) -> Head | None:
    """The head of a cached text; None when the text has none."""
    found = _HEAD.match(raw)
    if found is None or int(found[1]) != FORM:
        return None
    try:
        at = datetime.fromisoformat(found[4].decode())
    except ValueError:
        return None
    return None if at.tzinfo is None else Head(found[2].decode(), at, int(found[3]))


def _sum(text: bytes) -> str:
    """Tells a value that was damaged or written by hand; no protection against who means it."""
    return blake2b(text, digest_size=8).hexdigest()


def _encoded(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("an instant in the cache needs a time zone")
        return {_INSTANT: value.isoformat()}
    if isinstance(value, str):
        return redact_addresses(value)
    if isinstance(value, dict):
        return {_name(name): _encoded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_encoded(each) for each in value]
    return value


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("names in a cached object must be text")
    return _redacted_name(name)


@lru_cache(maxsize=1024)
def _redacted_name(name: str) -> str:
    # Thousands of values have the same few names.
    return redact_addresses(name)


def _decoded(found: dict[str, Any]) -> Any:
    if set(found) == {_INSTANT}:
        return datetime.fromisoformat(str(found[_INSTANT]))
    return found
