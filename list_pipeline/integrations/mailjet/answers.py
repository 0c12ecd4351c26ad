"""Reading of Mailjet's answers: the envelope of a success, and the reason in one of three shapes of an error.

Belongs here: bytes in, parts out. Nothing in here raises for what a server sent, and no exception of a JSON parser is
kept: it would carry the whole text. Does not belong here: what follows from a status (``transport``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from list_pipeline.core.masking import redact_foreign_text

_LONGEST_REASON = 300
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


def decoded(content: bytes) -> Any:
    """The JSON value, or None when this is not JSON. Whole numbers stay exact at any size Mailjet uses."""
    try:
        return json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read_envelope(content: bytes) -> Envelope | str:
    """The envelope, or in words what is wrong with it."""
    payload = decoded(content)
    if payload is None:
        return f"{len(content)} bytes that are not JSON" if content else "an empty body"
    if not isinstance(payload, dict):
        return f"JSON of another shape: {type(payload).__name__} instead of an object"
    rows, count = payload.get("Data"), payload.get("Count")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        return "JSON without a list of rows in Data"
    if not isinstance(count, int) or isinstance(count, bool) or count < 0:
        return "JSON without a number in Count"
    return Envelope(count, tuple(rows))


def safe_text(text: str) -> str:
    """A text of Mailjet as it may be shown: no addresses, no quoted values, not long.

    What still looks as if it held an address after redaction is withheld as a whole.
    """
    shown = redact_foreign_text(_QUOTED_VALUE.sub(r'\1"[hidden]"', " ".join(text.split())))
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
