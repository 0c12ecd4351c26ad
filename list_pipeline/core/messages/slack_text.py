"""Text in Slack messages: ours may carry markup, everybody else's must not be able to mention anyone or fake a link.

Belongs here: cleaning, escaping, cutting and composing text. Does not belong here: blocks (``slack_blocks``), charts
(``slack_charts``).

``Mrkdwn`` marks text that went through ``compose`` or ``link``; every builder that takes markup takes only that.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NewType
from urllib.parse import quote, urlsplit

from list_pipeline.core.masking import redact_addresses

Mrkdwn = NewType("Mrkdwn", str)

URL_LENGTH = 3_000
ELLIPSIS = "…"
WORD_JOINER = "\u2060"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def clean(text: str) -> str:
    """One line of visible characters: addresses redacted; controls, text-direction tricks and code marks gone."""
    spaced = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in text)
    visible = "".join(c for c in spaced if unicodedata.category(c) not in ("Cf", "Cs")).replace("`", "'")
    return " ".join(redact_addresses(visible).split())


def escape(text: str) -> str:
    """The three characters Slack reads as markup, as entities. Nothing else can be escaped in mrkdwn."""
    return "".join(_ENTITIES.get(character, character) for character in text)


def escape_within(text: str, limit: int) -> str:
    """Escape, and cut so that the *escaped* text has at most ``limit`` characters; never inside an entity."""
    whole = escape(text)
    if len(whole) <= limit:
        return whole
    kept: list[str] = []
    room = limit - len(ELLIPSIS)
    for character in text:
        entity = _ENTITIES.get(character, character)
        if len(entity) > room:
            break
        kept.append(entity)
        room -= len(entity)
    return ("".join(kept).rstrip() + ELLIPSIS)[: max(limit, 0)]


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, for plain text, which is not escaped."""
    return text if len(text) <= limit else (text[: max(limit - len(ELLIPSIS), 0)].rstrip() + ELLIPSIS)[: max(limit, 0)]


def untrusted(text: str, limit: int = 300) -> Mrkdwn:
    """Somebody else's text: one line, escaped, cut, and its bare links broken so that clients do not make them live."""
    return Mrkdwn(escape_within(clean(text).replace("://", f":{WORD_JOINER}//"), limit))


def compose(template: str, **values: object) -> Mrkdwn:
    """Our own markup with values put in, each escaped as untrusted text; an empty last one leaves no blank behind."""
    return Mrkdwn(template.format(**{name: untrusted(str(value)) for name, value in values.items()}).rstrip())


def joined(parts: Iterable[Mrkdwn], separator: str = "\n") -> Mrkdwn:
    """Composed parts in one text."""
    return Mrkdwn(separator.join(parts))


_MENTIONED = re.compile(r"[USW][A-Z0-9]{2,30}", re.ASCII)


def mention(slack_id: str) -> Mrkdwn:
    """A mention that we make: of a user, or of a user group, by its id.

    Raises:
        ValueError: it is neither.
    """
    if _MENTIONED.fullmatch(slack_id) is None:
        raise ValueError("a mention needs the id of a user (U, W) or of a user group (S)")
    return Mrkdwn(f"<!subteam^{slack_id}>" if slack_id.startswith("S") else f"<@{slack_id}>")


def link(url: str, label: str) -> Mrkdwn:
    """A link that we make.

    Raises:
        ValueError: the URL is not http(s) or is longer than Slack takes.
    """
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("a link needs an http or https URL")
    target = quote(url, safe="%/:?#[]@!$&'()*+,;=~-._").replace("&", "&amp;")
    if len(target) > URL_LENGTH:
        raise ValueError(f"a link may have {URL_LENGTH} characters at most")
    return Mrkdwn(f"<{target}|{untrusted(label, 150)}>")
