"""The forms in which a contact may be shown: its id and a masked form, never the address.

Addresses in free text are redacted here too. Logs, metadata, Slack and error messages go through this module.
"""

from __future__ import annotations

import re

_OUTSIDE = r"""\s<>"'(),;:\[\]"""
"""What ends a local part that is not quoted. Not ``=``, ``/`` and an apostrophe within a word: they stand in real ones, and
bounce addresses write the recipient's ``@`` as ``=``."""
_LOCAL = rf"""(?:"[^"\n]{{1,64}}"|(?<![^{_OUTSIDE}])(?<!\w')(?:[^{_OUTSIDE}]|(?<=\w)'(?=\w))+)"""
"""Begins only where a word begins, which keeps the search linear in long texts without an address."""
_AT = r"(?:@|＠|﹫|%(?:25)*40|&#0*64;|&#x0*40;|&commat;|\\u0040)"
_DOMAIN = r"""[^\s<>"'(),;\[\]]+"""
_ADDRESS = re.compile(rf"{_LOCAL}{_AT}{_DOMAIN}", re.UNICODE | re.IGNORECASE)
"""An address, also with a quoted local part and as it stands in a URL, in HTML and in JSON."""

_BRACKETED = r"\s*[\[({{]\s*{0}\s*[\])}}]\s*"
_SPELLED_AT = rf"(?:\s+at\s+|{_BRACKETED.format('at')}|\s*{_AT}\s*)"
_SPELLED_DOT = rf"(?:\.|\s+dot\s+|{_BRACKETED.format('dot')})"
_SPELLED_OUT = re.compile(
    rf"{_LOCAL}{_SPELLED_AT}[\w-]+(?:{_SPELLED_DOT}[\w-]+)*{_SPELLED_DOT}[^\W\d_][\w-]+", re.UNICODE | re.IGNORECASE
)
"""An address as people write it out: ``jane at example.com``, ``jane (at) example [dot] com``, ``jane @ example.com``."""

_MASKED = re.compile(r".\*{3}@.\*{3}(?:\.[^\s@.]+)?")
"""What ``mask_address`` makes."""


def mask_address(address: str) -> str:
    """``jane.doe@example.com`` becomes ``j***@e***.com``: enough to recognise one's own test contact, not a person."""
    local, _, domain = address.partition("@")
    name, dot, suffix = domain.rpartition(".")
    return f"{local[:1] or '?'}***@{(name or domain)[:1] or '?'}***{dot}{suffix if name else ''}"


def redact_addresses(text: str) -> str:
    """Replace everything that looks like an address by ``[address]``; the masked form of one stays."""
    return _ADDRESS.sub(lambda found: found[0] if _MASKED.fullmatch(found[0]) else "[address]", text)


def redact_foreign_text(text: str) -> str:
    """Like ``redact_addresses``, for a text that strangers wrote: addresses that are spelled out are replaced too.

    Not for our own sentences, in which "at" in front of a host's name is an ordinary word.
    """
    return _SPELLED_OUT.sub("[address]", redact_addresses(text))
