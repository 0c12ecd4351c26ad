"""The fields of a form, as a browser sends them.

Belongs here: reading a body that is bounded. Does not belong here: what the fields mean (the pages).
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

LONGEST_BODY = 16 * 1024
"""Bytes; the longest form is a reason with the contacts of one page of a plan."""
_MOST_FIELDS = 100
_KIND = "application/x-www-form-urlencoded"


class FormError(Exception):
    """A body that is no form of ours. ``status``: the answer's."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status, self.words = status, words


async def form_of(scope: Scope, receive: Receive) -> dict[str, str]:
    """The fields of a form; of one that comes twice the last.

    Raises:
        FormError: it is too long, of another kind, broke off, or cannot be read.
    """
    body = bytearray()
    more = True
    while more:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            # Half a form may read as a whole one, with half a reason.
            raise FormError(400, "The form broke off.")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LONGEST_BODY:
            raise FormError(413, f"A form has at most {LONGEST_BODY:,} bytes.")
    if Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower() != _KIND:
        raise FormError(415, "Only forms of these pages are read.")
    try:
        return dict(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
        )
    except ValueError as error:
        raise FormError(400, "The form cannot be read.") from error
