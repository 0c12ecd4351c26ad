"""Slack's refusals of a message's blocks, in the words and with the JSON pointers of its own answers.

Belongs here: Block Kit's documented limits as the service enforces them. Written independently of the product's own
checks, so that the two can be held against each other.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Found = list[str]

_TEXT_KINDS = {"plain_text", "mrkdwn"}


def block_errors(blocks: Any) -> Found:
    """The messages of an ``invalid_blocks`` answer; empty when the blocks are fine."""
    found: Found = []
    if not isinstance(blocks, list):
        return ["must be an array [json-pointer:/blocks]"]
    if len(blocks) > 50:
        found.append("no more than 50 items allowed [json-pointer:/blocks]")
    ids: list[str] = []
    for position, block in enumerate(blocks):
        pointer = f"/blocks/{position}"
        checker = _CHECKS.get(block.get("type", "")) if isinstance(block, dict) else None
        if checker is None:
            found.append(
                f"unsupported type: {block.get('type') if isinstance(block, dict) else block!r} "
                f"[json-pointer:{pointer}/type]"
            )
            continue
        if "block_id" in block:
            _text_length(found, block["block_id"], 255, f"{pointer}/block_id")
            ids.append(str(block["block_id"]))
        checker(found, block, pointer)
    charts = sum(1 for block in blocks if isinstance(block, dict) and block.get("type") == "data_visualization")
    if charts > 2:
        found.append("no more than 2 data_visualization blocks allowed [json-pointer:/blocks]")
    if len(ids) != len(set(ids)):
        found.append("block_id must be unique [json-pointer:/blocks]")
    return found


def content_error(arguments: dict[str, Any]) -> tuple[str, Found]:
    """The code with which a message is refused, with the places of ``invalid_blocks``; empty for one that is taken."""
    text, blocks = str(arguments.get("text") or ""), arguments.get("blocks")
    if not text and not blocks and not arguments.get("attachments"):
        return "no_text", []
    if len(text) > 40_000:
        return "msg_too_long", []
    if blocks:
        errors = block_errors(blocks)
        if errors:
            return "invalid_blocks", errors
        if blocks_too_long(blocks):
            return "msg_blocks_too_long", []
    return "", []


def blocks_too_long(blocks: Any) -> bool:
    """Whether all blocks together exceed what was observed to be refused as ``msg_blocks_too_long``."""
    return len(json.dumps(blocks, ensure_ascii=False)) > 13_200


def _text_length(found: Found, text: Any, limit: int, pointer: str) -> None:
    if not isinstance(text, str) or not text:
        found.append(f"must be more than 0 characters [json-pointer:{pointer}]")
    elif len(text) > limit:
        found.append(f"must be less than {limit + 1} characters [json-pointer:{pointer}]")


def _text(found: Found, value: Any, limit: int, pointer: str, kinds: set[str] = _TEXT_KINDS) -> None:
    if not isinstance(value, dict):
        found.append(f"missing required field: text [json-pointer:{pointer}]")
        return
    if value.get("type") not in kinds:
        found.append(f"must be one of: {', '.join(sorted(kinds))} [json-pointer:{pointer}/type]")
    _text_length(found, value.get("text"), limit, f"{pointer}/text")
    if "verbatim" in value and value.get("type") == "plain_text":
        found.append(f"additional property: verbatim [json-pointer:{pointer}]")


def _items(found: Found, value: Any, most: int, pointer: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        found.append(f"must have at least 1 item [json-pointer:{pointer}]")
        return []
    if len(value) > most:
        found.append(f"no more than {most} items allowed [json-pointer:{pointer}]")
    return value


def _header(found: Found, block: dict[str, Any], pointer: str) -> None:
    _text(found, block.get("text"), 150, f"{pointer}/text", {"plain_text"})


def _section(found: Found, block: dict[str, Any], pointer: str) -> None:
    if "text" not in block and "fields" not in block:
        found.append(f"missing required field: text or fields [json-pointer:{pointer}]")
    if "text" in block:
        _text(found, block["text"], 3000, f"{pointer}/text")
    if "fields" in block:
        for position, field in enumerate(_items(found, block["fields"], 10, f"{pointer}/fields")):
            _text(found, field, 2000, f"{pointer}/fields/{position}")


def _context(found: Found, block: dict[str, Any], pointer: str) -> None:
    for position, element in enumerate(_items(found, block.get("elements"), 10, f"{pointer}/elements")):
        if isinstance(element, dict) and element.get("type") == "image":
            _image(found, element, f"{pointer}/elements/{position}")
        else:
            _text(found, element, 3000, f"{pointer}/elements/{position}")


def _actions(found: Found, block: dict[str, Any], pointer: str) -> None:
    for position, element in enumerate(_items(found, block.get("elements"), 25, f"{pointer}/elements")):
        at = f"{pointer}/elements/{position}"
        if not isinstance(element, dict) or element.get("type") != "button":
            found.append(f"unsupported type [json-pointer:{at}/type]")
            continue
        _text(found, element.get("text"), 75, f"{at}/text", {"plain_text"})
        for name, limit in (("action_id", 255), ("value", 2000), ("url", 3000)):
            if name in element:
                _text_length(found, element[name], limit, f"{at}/{name}")


def _image(found: Found, block: dict[str, Any], pointer: str) -> None:
    _text_length(found, block.get("alt_text"), 2000, f"{pointer}/alt_text")
    if not (block.get("image_url") or block.get("slack_file")):
        found.append(f"missing required field: image_url [json-pointer:{pointer}]")


def _markdown(found: Found, block: dict[str, Any], pointer: str) -> None:
    _text_length(found, block.get("text"), 12_000, f"{pointer}/text")


def _chart(found: Found, block: dict[str, Any], pointer: str) -> None:
    _text_length(found, block.get("title"), 50, f"{pointer}/title")
    chart = block.get("chart")
    if not isinstance(chart, dict) or chart.get("type") not in ("pie", "line", "bar", "area"):
        found.append(f"must be one of: area, bar, line, pie [json-pointer:{pointer}/chart/type]")
        return
    if chart["type"] == "pie":
        _values(found, chart.get("segments"), 6, f"{pointer}/chart/segments")
        return
    axis: Any = chart.get("axis_config")
    axis = axis if isinstance(axis, dict) else {}
    categories = _items(found, axis.get("categories"), 20, f"{pointer}/chart/axis_config/categories")
    for position, label in enumerate(categories):
        _text_length(found, label, 20, f"{pointer}/chart/axis_config/categories/{position}")
    for position, series in enumerate(_items(found, chart.get("series"), 6, f"{pointer}/chart/series")):
        at = f"{pointer}/chart/series/{position}"
        _text_length(found, series.get("name"), 20, f"{at}/name")
        labels = _values(found, series.get("data"), 20, f"{at}/data")
        if sorted(labels) != sorted(map(str, categories)):
            found.append(f"must have one value for each category [json-pointer:{at}/data]")


def _values(found: Found, points: Any, most: int, pointer: str) -> list[str]:
    labels = []
    for position, point in enumerate(_items(found, points, most, pointer)):
        _text_length(found, point.get("label"), 20, f"{pointer}/{position}/label")
        if not isinstance(point.get("value"), (int, float)):
            found.append(f"must be a number [json-pointer:{pointer}/{position}/value]")
        labels.append(str(point.get("label")))
    return labels


def _divider(found: Found, block: dict[str, Any], pointer: str) -> None:
    """A divider has nothing that could be wrong."""


_CHECKS: dict[str, Callable[[Found, dict[str, Any], str], None]] = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "markdown": _markdown,
    "data_visualization": _chart,
    "divider": _divider,
}
