"""The forms in which a contact may be shown: its id and a masked form, never the address.

Addresses in free text are redacted here too. Logs, metadata, Slack and error messages go through this module.
"""

from __future__ import annotations

import re
import sys
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from contextlib import suppress
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from unicodedata import normalize

_OUTSIDE = r"""\s<>"'(),;:\[\]"""
"""What ends a local part that is not quoted. Not ``=``, ``/`` and an apostrophe within a word: they stand in real ones, and
bounce addresses write the recipient's ``@`` as ``=``."""
_WORD = rf"""(?<![^{_OUTSIDE}])(?<!\w')(?:[^{_OUTSIDE}]|(?<=\w)'(?=\w))+"""
"""Begins only where a word begins, which keeps the search linear in long texts without an address."""
_COMMENT = r"(?:\([^()\n]{0,64}\))?"
_LOCAL = rf"""(?:"(?:[^"\\\n]|\\.){{1,64}}"|["'(\[][^"'()\[\]\n]{{1,64}}["')\]]|{_WORD}{_COMMENT})"""
AT = (
    r"(?:@|＠|﹫|[\[(]@[\])]|%(?:25)*40|%EF%BC%A0|%EF%B9%AB|&#0*64;?|&#x0*40;?|&commat;|\\u0040|\\u\{0*40\}|\\U00000040"
    r"|\\x\{0*40\}|\\x40|\\0?100(?!\d)|\+AEA-)"
)
"""An ``@``, also as URLs, HTML, JSON, programs, UTF-7 and reports about mail (RFC 6533: ``\\x{40}``) write it."""
_DOMAIN = rf"{_COMMENT}(?:\[[^\]\s]{{1,64}}\]|[^\s<>\"'(),;\[\]]+)"
_HOST = r"[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}\.[^\W\d_]{2,63}"
"""A host's name with an ending in letters, for forms in which an ``@`` is not there to see."""
_JOINED = r"[^\W_]{1,63}(?:-[^\W_]{1,63}){0,5}"
_X400 = r"(?:G|GIVENNAME|S|SURNAME|I|CN|O|OU\d?|P|PRMD|A|ADMD|C)=[^/;=\n]{0,64}"
_ADDRESS = re.compile(
    rf"{_LOCAL}{AT}{_DOMAIN}"
    rf"|\bSRS[01][=+-][^{_OUTSIDE}]+|\bIMCEA[A-Z0-9]{{1,12}}-[^{_OUTSIDE}]+"  # as forwarders and Exchange do
    rf"|{_LOCAL}\s{{1,3}}@\s{{0,3}}{_HOST}|{_LOCAL}@\s{{1,3}}{_HOST}"
    rf"|{_WORD}=40(?=[^\W\d_]){_HOST}"  # quoted-printable; not ``rows=400``
    rf"|{_WORD}(?<=\w)(?:_at_|-at-|\.at\.){_HOST}"
    rf"|{_WORD}(?<=\w)(?:_at_{_JOINED}_dot_|-at-{_JOINED}-dot-)[^\W\d_]{{2,63}}"
    rf"|(?<![\w.+-])[\w.-]+\+[\w.+-]+={_HOST}"  # the recipient within the address that bounces go to
    rf"|(?<![\w/;])(?P<x400>/?{_X400}(?:[/;]\s?{_X400}){{2,12}})",  # X.400, and Exchange's own names
    re.UNICODE | re.IGNORECASE,
)
"""An address, also with a quoted local part and as it stands in a URL, in HTML, in JSON and in mail."""
_NAMES_A_PERSON = re.compile(r"(?<!\w)(?:G|GIVENNAME|S|SURNAME|CN)=[^/;]", re.IGNORECASE)
"""Within a name of X.400: without these parts it is a company's."""

_ENCODED_WORDS = re.compile(
    r"=\?[\w-]{1,40}(?:\*[\w-]{1,40})?\?[BbQq]\?[^?\n]{1,400}\?=(?:\s{0,3}=\?[^?\s]{1,80}\?[BbQq]\?[^?\n]{1,400}\?=)*"
)
"""Words in a header of a mail, as of RFC 2047, with those that follow: an address may begin in one and end in the next."""
_PACKED = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/]{16,76}\r?\n[ \t]?(?=[A-Za-z0-9+/]{4}))*[A-Za-z0-9+/_-]{8,}={0,2}"
)
"""What may be Base64 or hexadecimal digits, also over several lines: links for leaving a list carry the address so."""
_MOST_WRAPPINGS = 3
"""How often an encoding within an encoding is looked into."""
_PLAIN = re.compile(rf"[^\s@]{AT}{_HOST}", re.UNICODE | re.IGNORECASE)
_SOFT_BREAK = re.compile(r"=\r?\n")
"""The end of a line of quoted-printable, which is no end of a word (RFC 2045 6.7)."""
_GUARDED = re.compile(r"[\[(]([.@])[\])]")
_ENTITY = re.compile(
    r"&(?:amp;)*(?:#0*(\d{1,7})|#x0*([0-9a-f]{1,6})|(period|lowbar|commat|plus|hyphen|dash))(?:;|(?![0-9a-z]))",
    re.IGNORECASE,
)
"""Also one of which the ``&`` was written as an entity once more."""
_NAMED_ENTITIES = {"period": ".", "lowbar": "_", "commat": "@", "plus": "+", "hyphen": "-", "dash": "-"}
_ESCAPE = re.compile(r"(?:\\+u|%u)([0-9a-f]{4})", re.IGNORECASE)
_TAGS = r"<[!/]?[a-z-][^<>@\s]{0,24}(?:\s[^<>@]{0,64})?>"
_TAGS_BESIDE_AT = re.compile(rf"(?:{_TAGS}\s?){{1,3}}(?=@)|(?<=@)(?:\s?{_TAGS}){{1,3}}|(?<=@)<https?://", re.IGNORECASE)
"""Elements of HTML around an ``@``, and what Slack makes of the host behind one."""
_QUOTED_PRINTABLE = re.compile(
    rf"(?<![^{_OUTSIDE}])[^{_OUTSIDE}]*?=40(?:(?=[^\W\d_])|(?==[0-9a-f]{{2}}))[^{_OUTSIDE}]*", re.IGNORECASE
)
"""A word with an ``@`` as quoted-printable writes it, where any other character may be written so too; not ``rows=400``."""
_QUOTED = re.compile(r"=([0-9a-f]{2})", re.IGNORECASE)
_IN_ADDRESSES = re.compile(r"[\w.+@-]", re.ASCII)

_A = r"(?:at|ät|a|@|arroba|chez)"
_DOT = r"(?:dot|punkt|punto|point|\.)"
_BRACKETED = r"\s{{0,3}}[\[({{<#*|]\s{{0,3}}{0}\s{{0,3}}[\])}}>#*|]\s{{0,3}}"
_SPELLED_AT = rf"(?:\s+(?:at|ät|-at-|_at_|arroba)\s+|{_BRACKETED.format(_A)}|\s*{AT}\s*)"
_SPELLED_DOT = rf"(?:\.|\s{{1,3}}\.\s{{0,3}}|\s+dot\s+|{_BRACKETED.format(_DOT)})"
_SPELLED_OUT = re.compile(
    rf"{_LOCAL}{_SPELLED_AT}[\w-]{{1,63}}(?:{_SPELLED_DOT}[\w-]{{1,63}}){{0,8}}{_SPELLED_DOT}[^\W\d_][\w-]{{1,62}}"
    rf"|{_WORD}={_HOST}"
    rf"|{_WORD}(?<=[^\W\d_])[%!]{_HOST}",
    re.UNICODE | re.IGNORECASE,
)
"""An address as people write it out: ``jane at example.com``, ``jane (at) example [dot] com``; and as bounce addresses and old
relays do."""

_MASKED = re.compile(r".\*{3}@.\*{3}(?:\.[^\s@.]+)?")
"""What ``mask_address`` makes."""


def mask_address(address: str) -> str:
    """``jane.doe@example.com`` becomes ``j***@e***.com``: enough to recognise one's own test contact, not a person."""
    local, _, domain = address.partition("@")
    name, dot, suffix = domain.rpartition(".")
    return f"{local[:1] or '?'}***@{(name or domain)[:1] or '?'}***{dot}{suffix if name else ''}"


def redact_addresses(text: str) -> str:
    """Replace everything that looks like an address by ``[address]``; the masked form of one stays.

    A text in which an encoding of mail or HTML hides an address is shown decoded, as far as addresses go.
    """
    if "=?" in text:
        text = _ENCODED_WORDS.sub(_without_encoded_address, text)
    decoded = _decoded(text)
    if decoded != text and _ADDRESS.search(decoded):
        # Once more below: what stood beside an address may have become a part of it.
        text = _ADDRESS.sub(_shown, decoded)
    if "=40" in text:
        text = _QUOTED_PRINTABLE.sub(_without_quoted_address, text)
    return _PACKED.sub(_without_packed_address, _ADDRESS.sub(_shown, text))


def redact_foreign_text(text: str) -> str:
    """Like ``redact_addresses``, for a text that strangers wrote: addresses that are spelled out are replaced too.

    Not for our own sentences, in which "at" in front of a host's name is an ordinary word.
    """
    return _SPELLED_OUT.sub("[address]", redact_addresses(text))


def _shown(found: re.Match[str]) -> str:
    is_masked = _MASKED.fullmatch(found[0].strip("'()[]"))
    return found[0] if is_masked or (found["x400"] and not _NAMES_A_PERSON.search(found["x400"])) else "[address]"


def _decoded(text: str) -> str:
    """A text without the soft line ends of mail, the brackets of ``[.]``, what HTML and JSON write for the characters of
    addresses, and elements of HTML around an ``@``; no bracket and no quote comes into being."""
    text = _GUARDED.sub(r"\1", _SOFT_BREAK.sub("", text))
    if "&" in text:
        text = _ENTITY.sub(_character, text)
    if "u" in text or "U" in text:
        text = _ESCAPE.sub(lambda found: _as_in_addresses(int(found[1], 16)) or found[0], text)
    return _TAGS_BESIDE_AT.sub("", text) if "@" in text and "<" in text else text


def _character(found: re.Match[str]) -> str:
    number, digits, name = found.groups()
    if name:
        return _NAMED_ENTITIES[name.lower()]
    return _as_in_addresses(int(number) if number else int(digits, 16)) or found[0]


def _as_in_addresses(code: int) -> str:
    """The character with a code, in its usual width; an empty text where addresses do not consist of it."""
    character = normalize("NFKC", chr(code)) if code <= sys.maxunicode else ""
    return character if _IN_ADDRESSES.fullmatch(character) else ""


def _without_quoted_address(found: re.Match[str]) -> str:
    plain = _QUOTED.sub(lambda each: chr(int(each[1], 16)), found[0])
    return "[address]" if _PLAIN.search(plain) else found[0]


def _without_encoded_address(found: re.Match[str]) -> str:
    try:
        decoded = str(make_header(decode_header(found[0])))
    except (ValueError, LookupError, HeaderParseError):
        # Not to be read, so nobody can say that it is no address.
        return "[address]"
    return "[address]" if _ADDRESS.search(decoded) else found[0]


def _without_packed_address(found: re.Match[str]) -> str:
    """``[address]`` in the place of Base64 or of hexadecimal digits that hold one, also as a part of a path."""
    lines = [line.strip().rstrip("=") for line in found[0].splitlines()]
    tokens = {"".join(lines), *(part for line in lines for part in (line, *line.split("/")))}
    return "[address]" if any(_holds_address(token, _MOST_WRAPPINGS) for token in tokens) else found[0]


def _holds_address(token: str, wrappings: int) -> bool:
    for unpack in (bytes.fromhex, _from_base64):
        with suppress(ValueError):
            for text in _read(unpack(token)):
                if _PLAIN.search(text):
                    return True
                inner = text.strip().rstrip("=")
                if wrappings and len(inner) >= 8 and _PACKED.fullmatch(inner) and _holds_address(inner, wrappings - 1):
                    return True
    return False


def _read(packed: bytes) -> Iterator[str]:
    """The texts that bytes may be. Nearly any bytes are one of UTF-16 and of Latin 1, so those count where they are ASCII, or
    nearly so."""
    with suppress(ValueError):
        yield packed.decode()
    with suppress(ValueError):
        yield packed.decode("utf-16-le").encode("ascii").decode()
    text = packed.decode("latin-1")
    if text.isprintable() and sum(map(str.isascii, text)) >= 0.8 * len(text):
        yield text


def _from_base64(token: str) -> bytes:
    return urlsafe_b64decode(token.replace("+", "-").replace("/", "_") + "=" * (-len(token) % 4))
