"""Reading of Mailjet's answers: the envelope of a success, and the reason of an error in its three shapes.

Belongs here: bytes in, rows out, and what may be shown of an error. Does not belong here: what a row means (``rows``), and what
follows from a status (``transport``).

No exception of a JSON parser is kept: it would carry the whole text. Own code rather than pydantic, since its messages
quote what they refuse, and what is refused here may be somebody's address.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from pydantic_core import from_json

from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.integrations.mailjet.errors import UnreadableAnswerError

_LONGEST_REASON = 300
_LONGEST_READ = 20 * _LONGEST_REASON
"""Characters of a text that are looked at: of the rest nothing is shown, and a search in megabytes takes a minute."""
_QUOTED_VALUE = re.compile(r'\b((?:address|value)\s+)"[^"]*"', re.IGNORECASE)
"""Mailjet quotes what it refuses: ``Invalid email address "x"``, ``value "x" for Email already exists``."""
_LEFT_OVER = re.compile(r"@|＠|%40|\\u0040|&#0*64;|&#x0*40;", re.IGNORECASE)


_HARMLESS = "No @ character"
"""Mailjet's own reason for refusing an address."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """``count`` as Mailjet wrote it: the rows of this answer, or with countOnly those of the whole collection.

    ``Total`` is not kept: except with countOnly it repeats Count, whatever the documentation says (recorded).
    """

    count: int
    rows: tuple[Mapping[str, Any], ...]


_LONGEST_NUMBER = sys.int_info.default_max_str_digits


def decoded(content: bytes) -> Any:
    """The JSON value, or None when this is not JSON. Whole numbers stay exact at any size Mailjet uses.

    What one row alone can spoil is let through for its reader to refuse: bytes that are no UTF-8, raw control characters in a
    text, a number without an end (as its digits), and NaN.
    """
    try:
        # In half the time, and nothing that the other one reads otherwise: it is stricter.
        return from_json(content, cache_strings="keys")
    except ValueError:
        pass
    try:
        text = content.decode(json.detect_encoding(content), "replace")
        return json.loads(text, strict=False, parse_int=_whole_number)
    except (ValueError, RecursionError):
        return None


def _whole_number(digits: str) -> int | str:
    # Python refuses a number of thousands of digits, and with it the whole answer.
    return int(digits) if len(digits) <= _LONGEST_NUMBER else digits


def read_envelope(content: bytes) -> Envelope | str:
    """The envelope, or in words what is wrong with it."""
    payload = decoded(content)
    if payload is None:
        return f"{len(content)} bytes that are not JSON" if content else "an empty body"
    if not isinstance(payload, dict):
        return f"JSON of another shape: {type(payload).__name__} instead of an object"
    rows, count = payload.get("Data"), payload.get("Count")
    if not isinstance(rows, list) or (rows and not any(isinstance(row, dict) for row in rows)):
        return "JSON without a list of rows in Data"
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return "JSON without a number in Count"
    # Something else among rows is a row of which nothing can be read.
    return Envelope(count, tuple([row if isinstance(row, dict) else {"": row} for row in rows]))


def safe_text(text: str) -> str:
    """A text of Mailjet as it may be shown: no addresses, no quoted values, not long.

    What still looks as if it held an address after redaction is withheld as a whole.
    """
    begun = " ".join(text[: 10 * _LONGEST_READ].split())[:_LONGEST_READ]
    shown = redact_foreign_text(_QUOTED_VALUE.sub(r'\1"[hidden]"', begun))
    if _LEFT_OVER.search(shown.replace(_HARMLESS, "")):
        return "the text is withheld, it may hold an address"
    return shown if len(shown) <= _LONGEST_REASON else shown[: _LONGEST_REASON - 1] + "…"


def error_text(status: int, content: bytes) -> str:
    """Why Mailjet refused, e.g. ``404 Not Found: Object not found``. Safe to show.

    Read are the classic body (ErrorMessage, ErrorInfo), the newer gateway's (ErrorIdentifier, ErrorMessage), and bodies
    that are empty or HTML, which say nothing. ErrorInfo and ErrorMessage may each be a text or an object.
    """
    try:
        name = f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        name = str(status)
    payload = decoded(content)
    if not isinstance(payload, dict):
        return name
    said = [_flat(payload.get(key)) for key in ("ErrorMessage", "ErrorInfo")]
    identifier = payload.get("ErrorIdentifier")
    if isinstance(identifier, str) and identifier:
        said.append(f"identifier for support {identifier}")
    reason = "; ".join(dict.fromkeys(part for part in said if part))
    return f"{name}: {safe_text(reason)}" if reason else name


_REFUSAL = frozenset({"ErrorMessage", "ErrorInfo", "ErrorIdentifier", "StatusCode"})


def is_mailjets_refusal(content: bytes) -> bool:
    """Whether the body of a refusal is Mailjet's own. Gateways and proxies answer with JSON too, of another shape."""
    payload = decoded(content)
    return isinstance(payload, dict) and not _REFUSAL.isdisjoint(payload)


_TOO_LARGE = re.compile(
    r"\btoo (many|large|big|long)\b|\b(exceed\w*|more than|above)\b.{0,40}\b(maximum|limit|allowed)|\bat most \d",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"\baccounts?\b", re.IGNORECASE)


def says_too_large(status: int, said: str) -> bool:
    """Whether Mailjet refused a request for its size: 413, or a 400 whose text says so.

    How many contacts a bulk job may have, and in which words a larger one is refused, is documented nowhere. A limit of the
    account ("Number of contacts exceeds maximum allowed for free accounts") is none of the request's.
    """
    return status == 413 or (status == 400 and bool(_TOO_LARGE.search(said)) and not _ACCOUNT.search(said))


def _flat(value: Any) -> str:
    if value is None or value == "":
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def error_items(content: bytes) -> list[str] | None:
    """The items of a job's error file as texts that are safe to show; None when the file cannot be read.

    Its format is documented nowhere. Accepted are a list of texts or objects, the same under Data, and one JSON value a
    line; of an object the reason is kept and everything else, also the address, is dropped.
    """
    payload = decoded(content)
    if payload is None:
        lines = [decoded(line) for line in content.splitlines() if line.strip()]
        payload = lines if lines and None not in lines else None
    if isinstance(payload, dict):
        payload = payload.get("Data", [payload])
    if not isinstance(payload, list):
        return None
    return [safe_text(_reason_of(item)) or "no reason given" for item in payload]


def _reason_of(item: Any) -> str:
    if not isinstance(item, dict):
        return _flat(item)
    by_name = {str(name).lower(): value for name, value in item.items()}
    named = (by_name.get(name) for name in ("error", "errormessage", "reason", "message", "errorinfo"))
    return next((_flat(value) for value in named if value), "")


_AGAIN = "Run it again; if it stays so, Mailjet's format has changed"


def unreadable(tried: str, happened: str) -> UnreadableAnswerError:
    """The error for an answer of another shape; ``happened`` names parts, never their content."""
    return UnreadableAnswerError(tried, happened, _AGAIN)
