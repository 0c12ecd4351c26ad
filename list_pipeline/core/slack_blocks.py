"""Slack messages as plain values: text that cannot mention or link, the blocks the product uses, and Slack's limits.

Belongs here: escaping, cutting, building and checking blocks. Does not belong here: what a message says
(``core.reports``) and how it is sent (``integrations.slack``).

Two kinds of text meet in a message. Ours may carry markup; everybody else's (campaign names, model answers, server
replies) must not be able to ping a channel or fake a link. ``Mrkdwn`` marks text that went through ``compose`` or
``link``; every builder that takes markup takes only that.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, NewType
from urllib.parse import quote, urlsplit

from list_pipeline.core.masking import redact_addresses

Block = dict[str, Any]
Mrkdwn = NewType("Mrkdwn", str)

# Limits of Block Kit, in characters of the text as it is sent, as documented by Slack. The SDK checks only some.
BLOCKS_PER_MESSAGE = 50
HEADER_LENGTH = 150
SECTION_LENGTH = 3_000
FIELDS_PER_SECTION = 10
FIELD_LENGTH = 2_000
ELEMENTS_PER_CONTEXT = 10
ELEMENTS_PER_ACTIONS = 25
BUTTON_LENGTH = 75
BUTTON_VALUE_LENGTH = 2_000
URL_LENGTH = 3_000
ID_LENGTH = 255
TEXT_LENGTH = 4_000
"""Slack refuses a fallback text above 40,000 characters and asks to stay below 4,000."""
ALL_BLOCKS_LENGTH = 13_200
"""Not documented; ``msg_blocks_too_long`` was observed above it (bolt-js issue 2509)."""

ELLIPSIS = "…"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_WORD_JOINER = "\u2060"


class SlackMessage(NamedTuple):
    """A message: ``text`` is what notifications and screen readers get, ``blocks`` what the channel shows."""

    text: str
    blocks: list[Block]


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
    return Mrkdwn(escape_within(clean(text).replace("://", f":{_WORD_JOINER}//"), limit))


def compose(template: str, **values: object) -> Mrkdwn:
    """Our own markup with values put in, each escaped as untrusted text; an empty last one leaves no blank behind."""
    return Mrkdwn(template.format(**{name: untrusted(str(value)) for name, value in values.items()}).rstrip())


def joined(parts: Iterable[Mrkdwn], separator: str = "\n") -> Mrkdwn:
    """Composed parts in one text."""
    return Mrkdwn(separator.join(parts))


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


def header(text: str) -> Block:
    """A title in plain text, cut to what Slack takes. Plain text is never parsed, so it is not escaped."""
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": cut(clean(text) or "-", HEADER_LENGTH), "emoji": True},
    }


def section(lines: Sequence[Mrkdwn], limit: int = SECTION_LENGTH) -> Block:
    """Lines of composed text. Whole lines that do not fit are counted instead of shown."""
    return {"type": "section", "text": _mrkdwn(_whole_lines(lines, limit))}


def fields(pairs: Sequence[tuple[str, str]]) -> Block:
    """Label and value side by side; at most ten."""
    if not 0 < len(pairs) <= FIELDS_PER_SECTION:
        raise ValueError(f"a section takes 1 to {FIELDS_PER_SECTION} fields, not {len(pairs)}")
    return {
        "type": "section",
        "fields": [_mrkdwn(Mrkdwn(f"*{untrusted(label, 100)}*\n{untrusted(value, 500)}")) for label, value in pairs],
    }


def context(parts: Sequence[Mrkdwn]) -> Block:
    """Small print: one element, its parts separated by a middle dot."""
    return {"type": "context", "elements": [_mrkdwn(Mrkdwn(" · ".join(parts)))]}


def divider() -> Block:
    """A thin line."""
    return {"type": "divider"}


def _mrkdwn(text: Mrkdwn) -> Block:
    # verbatim: without it clients turn bare URLs, domain names and #channels of untrusted text into links.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _whole_lines(lines: Sequence[Mrkdwn], limit: int) -> Mrkdwn:
    text = "\n".join(lines)
    if len(text) <= limit:
        return Mrkdwn(text or "-")
    room = limit - len(f"\n_and {len(lines)} more lines_")
    kept: list[str] = []
    for line in lines:
        if len(line) + 1 > room:
            break
        kept.append(line)
        room -= len(line) + 1
    return Mrkdwn("\n".join([*kept, f"_and {len(lines) - len(kept)} more lines_"]))


def problems(text: str, blocks: Sequence[Block]) -> tuple[str, ...]:
    """Everything Slack would refuse, each with a JSON pointer into ``blocks``; empty when the message can be sent."""
    found: list[str] = []
    if not text.strip():
        found.append("a message needs a fallback text [json-pointer:/text]")
    if len(text) > TEXT_LENGTH:
        found.append(f"fallback text above {TEXT_LENGTH} characters [json-pointer:/text]")
    if len(blocks) > BLOCKS_PER_MESSAGE:
        found.append(f"more than {BLOCKS_PER_MESSAGE} blocks [json-pointer:/blocks]")
    if blocks and len(json.dumps(blocks, ensure_ascii=False)) > ALL_BLOCKS_LENGTH:
        found.append(f"blocks above {ALL_BLOCKS_LENGTH} characters together [json-pointer:/blocks]")
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        at = f"/blocks/{index}"
        identity = block.get("block_id")
        if isinstance(identity, str):
            _length(found, identity, ID_LENGTH, f"{at}/block_id")
            if identity in seen:
                found.append(f"block_id used twice [json-pointer:{at}/block_id]")
            seen.add(identity)
        _check_block(found, block, at)
    return tuple(found)


def _check_block(found: list[str], block: Block, at: str) -> None:
    kind = block.get("type")
    if kind == "header":
        _text_object(found, block.get("text"), HEADER_LENGTH, f"{at}/text", kinds=("plain_text",))
    elif kind == "section":
        listed = block.get("fields")
        if block.get("text") is None and not listed:
            found.append(f"a section needs text or fields [json-pointer:{at}]")
        if block.get("text") is not None:
            _text_object(found, block["text"], SECTION_LENGTH, f"{at}/text")
        if listed is not None:
            _count(found, listed, FIELDS_PER_SECTION, f"{at}/fields")
            for index, field in enumerate(listed):
                _text_object(found, field, FIELD_LENGTH, f"{at}/fields/{index}")
    elif kind == "context":
        _count(found, block.get("elements"), ELEMENTS_PER_CONTEXT, f"{at}/elements")
        for index, element in enumerate(block.get("elements") or ()):
            _text_object(found, element, SECTION_LENGTH, f"{at}/elements/{index}")
    elif kind == "actions":
        _count(found, block.get("elements"), ELEMENTS_PER_ACTIONS, f"{at}/elements")
        for index, element in enumerate(block.get("elements") or ()):
            _check_button(found, element, f"{at}/elements/{index}")
    elif kind != "divider":
        found.append(f"unsupported type: {kind} [json-pointer:{at}/type]")


def _check_button(found: list[str], element: Block, at: str) -> None:
    if element.get("type") != "button":
        found.append(f"unsupported type: {element.get('type')} [json-pointer:{at}/type]")
        return
    _text_object(found, element.get("text"), BUTTON_LENGTH, f"{at}/text", kinds=("plain_text",))
    for name, limit in (("action_id", ID_LENGTH), ("value", BUTTON_VALUE_LENGTH), ("url", URL_LENGTH)):
        if element.get(name) is not None:
            _length(found, str(element[name]), limit, f"{at}/{name}")


def _text_object(
    found: list[str], value: Any, limit: int, at: str, kinds: tuple[str, ...] = ("plain_text", "mrkdwn")
) -> None:
    if not isinstance(value, dict) or value.get("type") not in kinds or not isinstance(value.get("text"), str):
        found.append(f"must be a text object of type {' or '.join(kinds)} [json-pointer:{at}]")
        return
    if not value["text"]:
        found.append(f"must be more than 0 characters [json-pointer:{at}/text]")
    _length(found, value["text"], limit, f"{at}/text")


def _length(found: list[str], text: str, limit: int, at: str) -> None:
    if len(text) > limit:
        found.append(f"must be less than {limit + 1} characters [json-pointer:{at}]")


def _count(found: list[str], items: Any, limit: int, at: str) -> None:
    if not isinstance(items, list) or not 1 <= len(items) <= limit:
        found.append(f"must have 1 to {limit} items [json-pointer:{at}]")


_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_ITALIC = re.compile(r"^_(.+)_$", re.MULTILINE)


def as_text(message: SlackMessage) -> str:
    """The message for a terminal: the same words, without Slack's markup."""
    lines: list[str] = []
    for block in message.blocks:
        kind = block["type"]
        if kind == "header":
            lines += [block["text"]["text"], "=" * len(block["text"]["text"])]
        elif kind == "section":
            for field in block.get("fields", ()):
                label, _, value = _bare(field["text"]).partition("\n")
                lines.append(f"{label}: {value}")
            if "text" in block:
                lines.append(_bare(block["text"]["text"]))
        elif kind == "context":
            lines.append(" ".join(_bare(element["text"]) for element in block["elements"]))
        elif kind == "divider":
            lines.append("-" * 40)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n" if lines else message.text + "\n"


def _bare(mrkdwn: str) -> str:
    text = _ITALIC.sub(r"\1", _BOLD.sub(r"\1", _LINK.sub(r"\2: \1", mrkdwn)))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace(_WORD_JOINER, "")
