"""The forms in which a contact may be shown: its id and a masked form, never the address.

Addresses in free text are redacted here too. Logs, metadata, Slack and error messages go through this module.
"""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

_OUTSIDE = r"""\s<>"'(),;:\[\]"""
"""What ends a local part that is not quoted. Not ``=``, ``/`` and an apostrophe within a word: they stand in real ones, and
bounce addresses write the recipient's ``@`` as ``=``."""
_WORD = rf"""(?<![^{_OUTSIDE}])(?<!\w')(?:[^{_OUTSIDE}]|(?<=\w)'(?=\w))+"""
"""Begins only where a word begins, which keeps the search linear in long texts without an address."""
_LOCAL = rf"""(?:["'(\[][^"'()\[\]\n]{{1,64}}["')\]]|{_WORD})"""
_AT = r"(?:@|＠|﹫|[\[(]@[\])]|%(?:25)*40|&#0*64;|&#x0*40;|&commat;|\\u0040)"
_DOMAIN = r"""(?:\[[^\]\s]{1,64}\]|[^\s<>"'(),;\[\]]+)"""
_HOST = r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_]{2,63}"
"""A host's name with an ending in letters, for forms in which an ``@`` is not there to see."""
_ADDRESS = re.compile(
    rf"{_LOCAL}{_AT}{_DOMAIN}"
    rf"|{_LOCAL}\s{{1,3}}@\s{{0,3}}{_HOST}|{_LOCAL}@\s{{1,3}}{_HOST}"
    rf"|{_WORD}=40(?=[^\W\d_]){_HOST}"  # quoted-printable; not ``rows=400``
    rf"|{_WORD}(?<=\w)(?:_at_|-at-|\.at\.){_HOST}"
    rf"|(?<![\w.+-])[\w.-]+\+[\w.+-]+={_HOST}",  # the recipient within the address that bounces go to
    re.UNICODE | re.IGNORECASE,
)
"""An address, also with a quoted local part and as it stands in a URL, in HTML, in JSON and in mail."""

_ENCODED_WORD = re.compile(r"=\?[\w-]{1,40}\?[BbQq]\?[^?\s]{1,400}\?=")
"""Words in a header of a mail, as of RFC 2047."""

_BRACKETED = r"\s*[\[({{]\s*{0}\s*[\])}}]\s*"
_SPELLED_AT = rf"(?:\s+at\s+|{_BRACKETED.format('at')}|\s*{_AT}\s*)"
_SPELLED_DOT = rf"(?:\.|\s+dot\s+|{_BRACKETED.format('dot')})"
_SPELLED_OUT = re.compile(
    rf"{_LOCAL}{_SPELLED_AT}[\w-]+(?:{_SPELLED_DOT}[\w-]+)*{_SPELLED_DOT}[^\W\d_][\w-]+|{_WORD}={_HOST}",
    re.UNICODE | re.IGNORECASE,
)
"""An address as people write it out: ``jane at example.com``, ``jane (at) example [dot] com``; and as bounce addresses do."""

_MASKED = re.compile(r".\*{3}@.\*{3}(?:\.[^\s@.]+)?")
"""What ``mask_address`` makes."""


def mask_address(address: str) -> str:
    """``jane.doe@example.com`` becomes ``j***@e***.com``: enough to recognise one's own test contact, not a person."""
    local, _, domain = address.partition("@")
    name, dot, suffix = domain.rpartition(".")
    return f"{local[:1] or '?'}***@{(name or domain)[:1] or '?'}***{dot}{suffix if name else ''}"


def redact_addresses(text: str) -> str:
    """Replace everything that looks like an address by ``[address]``; the masked form of one stays."""
    if "=?" in text:
        text = _ENCODED_WORD.sub(_without_encoded_address, text)
    return _ADDRESS.sub(lambda found: found[0] if _MASKED.fullmatch(found[0].strip("'()[]")) else "[address]", text)


def redact_foreign_text(text: str) -> str:
    """Like ``redact_addresses``, for a text that strangers wrote: addresses that are spelled out are replaced too.

    Not for our own sentences, in which "at" in front of a host's name is an ordinary word.
    """
    return _SPELLED_OUT.sub("[address]", redact_addresses(text))


def _without_encoded_address(found: re.Match[str]) -> str:
    try:
        decoded = str(make_header(decode_header(found[0])))
    except (ValueError, LookupError, HeaderParseError):
        # Not to be read, so nobody can say that it is no address.
        return "[address]"
    return "[address]" if _ADDRESS.search(decoded) else found[0]
