"""Slack messages as plain values: the blocks the product uses, and Slack's limits.

Belongs here: building and checking blocks. Does not belong here: escaping (``slack_text``), charts (``slack_charts``), what
a message says (``core.reports.message``) and how it is sent (``integrations.slack``).

``problems`` is the one validator of all messages; the outbox asks it before it stores anything. What it says about text is
measured as Slack does, after escaping (``slack_text``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from list_pipeline.core.messages.slack_charts import CHARTS_PER_MESSAGE, Block, chart_lines, chart_problems, is_chart
from list_pipeline.core.messages.slack_text import (
    ELLIPSIS,
    URL_LENGTH,
    WORD_JOINER,
    Mrkdwn,
    clean,
    compose,
    cut,
    escape,
    escape_within,
    joined,
    link,
    mention,
    untrusted,
)
from list_pipeline.core.wording import count_text

__all__ = [
    "ALL_BLOCKS_LENGTH",
    "ELLIPSIS",
    "Block",
    "Mrkdwn",
    "SlackMessage",
    "as_text",
    "clean",
    "compose",
    "context",
    "cut",
    "divider",
    "escape",
    "escape_within",
    "fields",
    "header",
    "joined",
    "link",
    "mention",
    "problems",
    "safe_message",
    "section",
    "untrusted",
    "whole_lines",
    "with_blocks",
    "without_charts",
]

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
ID_LENGTH = 255
TEXT_LENGTH = 4_000
"""Slack refuses a fallback text above 40,000 characters and asks to stay below 4,000."""
ALL_BLOCKS_LENGTH = 13_200
"""Not documented; ``msg_blocks_too_long`` was observed above it (bolt-js issue 2509)."""


class SlackMessage(NamedTuple):
    """A message: ``text`` is what notifications and screen readers get, ``blocks`` what the channel shows.

    ``details``: what whoever wants to know more reads below it, in its thread; None where the message is all.
    """

    text: str
    blocks: list[Block]
    details: SlackMessage | None = None


def header(text: str) -> Block:
    """A title in plain text, cut to what Slack takes. Plain text is never parsed, so it is not escaped."""
    return {
        "type": "header",
        "text": {"type": "plain_text", "text": cut(clean(text) or "-", HEADER_LENGTH), "emoji": True},
    }


def section(lines: Sequence[Mrkdwn], limit: int = SECTION_LENGTH) -> Block:
    """Lines of composed text. Whole lines that do not fit are counted instead of shown."""
    return {"type": "section", "text": _mrkdwn(whole_lines(lines, limit))}


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


def whole_lines(lines: Sequence[Mrkdwn], limit: int) -> Mrkdwn:
    """Lines in one text. Whole lines that do not fit are counted instead of shown."""
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
    return Mrkdwn("\n".join([*kept, f"_and {count_text(len(lines) - len(kept), 'more line')}_"]))


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
    if sum(1 for block in blocks if is_chart(block)) > CHARTS_PER_MESSAGE:
        found.append(f"more than {CHARTS_PER_MESSAGE} charts [json-pointer:/blocks]")
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
    elif is_chart(block):
        found.extend(chart_problems(block, at))
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


def safe_message(text: str, blocks: Sequence[Block]) -> tuple[SlackMessage, tuple[str, ...]]:
    """A message that Slack takes, and what was wrong with the one given: its plain text stands in for it then."""
    try:
        found = problems(text, blocks)
    except (AttributeError, TypeError, ValueError) as error:
        # Not even of the shape of blocks; a message that cannot be read is told all the same.
        found = (f"not a list of blocks ({type(error).__name__})",)
    if not found:
        return SlackMessage(text, list(blocks)), ()
    return SlackMessage(Mrkdwn(cut(text, TEXT_LENGTH)) if text.strip() else "A message without words", []), found


def with_blocks(message: SlackMessage, added: Sequence[Block], after: str = "") -> SlackMessage:
    """A message with more blocks. Where all would be too long, its last sections give way to them.

    Args:
        after: how the section begins below which they stand; without such a section they stand above the small print.
    """
    above, small_print = list(message.blocks), list[Block]()
    while above and above[-1].get("type") in ("context", "divider"):
        small_print.insert(0, above.pop())
    texts = [str((block.get("text") or {}).get("text", "")) for block in above]
    place = next((n + 1 for n, text in enumerate(texts) if after and text.startswith(after)), len(above))
    above, below = above[:place], above[place:]
    if problems(message.text, message.blocks):
        # Not a matter of length; the outbox names it.
        return message._replace(blocks=[*above, *added, *below, *small_print])
    while below and problems(message.text, [*above, *added, *below, *small_print]):
        below.pop()
    while len(above) > 1 and problems(message.text, [*above, *added, *below, *small_print]):
        above.pop()
    return message._replace(blocks=[*above, *added, *below, *small_print])


def without_charts(blocks: Sequence[Block]) -> list[Block]:
    """The message with each chart as text, for a workspace, a webhook or a client that takes none."""
    return [section(chart_lines(block)) if is_chart(block) else block for block in blocks]


_LINK = re.compile(r"<(https?://[^|>]+)\|([^>]*)>")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_ITALIC = re.compile(r"^_(.+)_$", re.MULTILINE)


def as_text(message: SlackMessage) -> str:
    """The message for a terminal: the same words, without Slack's markup; its details below it."""
    shown = _as_text(message)
    return shown if message.details is None else f"{shown}\n{_as_text(message.details)}"


def _as_text(message: SlackMessage) -> str:
    lines: list[str] = []
    for block in without_charts(message.blocks):
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
        elif kind == "actions":
            # What decides can be pressed in Slack alone; a link leads there from everywhere.
            lines += [f"{one['text']['text']}: {one['url']}" for one in block["elements"] if one.get("url")]
        elif kind == "divider":
            lines.append("-" * 40)
        lines.append("")
    return "\n".join(lines).rstrip() + "\n" if lines else message.text + "\n"


def _bare(mrkdwn: str) -> str:
    text = _ITALIC.sub(r"\1", _BOLD.sub(r"\1", _LINK.sub(r"\2: \1", mrkdwn)))
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").replace(WORD_JOINER, "")
