"""The rehearsed channel as a page for people: what Slack would show, roughly, with threads and charts.

Belongs here: reading blocks and writing HTML. Everything a message carries is escaped: what tries to be markup, a link
or a mention is seen as the text that arrived. Does not belong here: what is stored (``service``).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d1c1d}
article{border:1px solid #ddd;border-radius:8px;padding:.6rem 1rem;margin:.8rem 0}
article article{margin-left:1rem;background:#f8f8f8}
h2{font-size:1.05rem;margin:.3rem 0}.when{color:#616061;font-size:.8rem}.context{color:#616061;font-size:.85rem}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:.4rem}.fields>div,p{white-space:pre-wrap;margin:.4rem 0}
code{background:#f0f0f0;padding:0 .2rem}hr{border:0;border-top:1px solid #ddd}svg{max-width:100%}
.button{border:1px solid #bbb;border-radius:4px;padding:.1rem .6rem;font-weight:bold}
.mention{background:#fde68a;font-weight:bold}
"""
_COLOURS = ("#4f6bed", "#2e9e6b", "#d9822b", "#b83280", "#6b7280", "#0e7490")
_MENTION = re.compile(r"&lt;([!@#][^&]*?)&gt;")
_LINK = re.compile(r"&lt;(https?://[^|&]*(?:&amp;[^|&]*)*)\|(.*?)&gt;")
_BOLD = re.compile(r"(?<![\w*])\*([^*\n]+)\*(?![\w*])")
_CODE = re.compile(r"`([^`\n]+)`")


def channel_page(messages: Sequence[dict[str, Any]], files: Sequence[tuple[str, int | None]]) -> str:
    """The page.

    Args:
        messages: oldest first, as ``GET messages`` has them. ``files``: title and size in bytes.
    """
    replies: dict[str, list[dict[str, Any]]] = {}
    roots = []
    known = {message["ts"] for message in messages}
    for message in messages:
        thread = message.get("thread_ts")
        if thread and thread != message["ts"] and thread in known:
            replies.setdefault(thread, []).append(message)
        else:
            roots.append(message)
    shown = "".join(_article(message, replies.get(message["ts"], ())) for message in roots)
    listed = "".join(f"<li>{escape(title)} ({size or 0:,} bytes)</li>" for title, size in files)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Rehearsed Slack</title><style>{_STYLE}</style>'
        f"</head><body><h1>Rehearsed Slack</h1>{shown or '<p>Nothing has arrived.</p>'}"
        f"{f'<h2>Files</h2><ul>{listed}</ul>' if listed else ''}</body></html>"
    )


def _article(message: dict[str, Any], replies: Sequence[dict[str, Any]]) -> str:
    when = datetime.fromtimestamp(float(message["ts"]), UTC)
    also = " · also in the channel" if message.get("subtype") == "thread_broadcast" else ""
    body = "".join(_block(block) for block in message["blocks"]) or f"<p>{_mrkdwn(message['text'])}</p>"
    below = "".join(_article(reply, ()) for reply in replies)
    return (
        f'<article><div class="when">#{escape(str(message["channel"]))} · {when:%Y-%m-%d %H:%M:%S} UTC{also}</div>'
        f"{body}{below}</article>"
    )


def _block(block: dict[str, Any]) -> str:
    kind = block["type"]
    if kind == "header":
        return f"<h2>{escape(block['text']['text'])}</h2>"
    if kind == "divider":
        return "<hr>"
    if kind == "context":
        return f'<div class="context">{" ".join(_text(each) for each in block["elements"])}</div>'
    if kind == "section":
        fields = "".join(f"<div>{_text(each)}</div>" for each in block.get("fields", ()))
        text = f"<p>{_text(block['text'])}</p>" if "text" in block else ""
        return text + (f'<div class="fields">{fields}</div>' if fields else "")
    if kind == "actions":
        return f"<p>{' '.join(_button(each) for each in block['elements'])}</p>"
    if kind == "data_visualization":
        return _chart(block)
    return f"<p>[{escape(kind)}]</p>"


def _button(element: dict[str, Any]) -> str:
    """A button as it looks; it is pressed over the control API. A link leads where it says."""
    label, url = escape(element["text"]["text"]), str(element.get("url", ""))
    if url.startswith(("https://", "http://")):
        return f'<a class="button" href="{escape(url, quote=True)}">{label}</a>'
    return f'<span class="button">{label}</span>'


def _text(element: dict[str, Any]) -> str:
    if element.get("type") == "plain_text":
        return escape(element["text"])
    return _mrkdwn(element.get("text") or element.get("alt_text", ""))


def _mrkdwn(text: str) -> str:
    """Slack's markup as HTML; a mention that got through is marked, so that it is seen at once."""
    plain = escape(text, quote=True)
    plain = _LINK.sub(lambda found: f'<a href="{found[1]}">{found[2]}</a>', plain)
    plain = _MENTION.sub(r'<span class="mention">\1</span>', plain)
    plain = _CODE.sub(r"<code>\1</code>", _BOLD.sub(r"<b>\1</b>", plain))
    return plain.replace("&amp;lt;", "&lt;").replace("&amp;gt;", "&gt;").replace("&amp;amp;", "&amp;")


def _chart(block: dict[str, Any]) -> str:
    chart, title = block["chart"], escape(block["title"])
    if chart["type"] == "pie":
        rows = "".join(f"<li>{escape(each['label'])}: {each['value']:,}</li>" for each in chart["segments"])
        return f"<p><b>{title}</b></p><ul>{rows}</ul>"
    series = chart["series"]
    values = [point["value"] for each in series for point in each["data"]]
    low, high = (0, max(values)) if chart["type"] == "bar" else (min(values), max(values))
    span, count = (high - low) or 1, len(chart["axis_config"]["categories"])
    step, drawn = 560 / max(count, 1), []
    for number, each in enumerate(series):
        colour = _COLOURS[number % len(_COLOURS)]
        tops = [130 - 100 * (point["value"] - low) / span for point in each["data"]]
        if chart["type"] == "bar":
            width = 0.7 * step / len(series)
            drawn += [
                f'<rect x="{step * place + 0.15 * step + number * width:.1f}" y="{top:.1f}" width="{width:.1f}"'
                f' height="{130 - top:.1f}" fill="{colour}"><title>{escape(str(each["data"][place]["value"]))}</title></rect>'
                for place, top in enumerate(tops)
            ]
        else:
            points = " ".join(f"{step * place + step / 2:.1f},{top:.1f}" for place, top in enumerate(tops))
            drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn.append(f'<text x="{8 + number * 140}" y="164" fill="{colour}">{escape(each["name"])}</text>')
    labels = "".join(
        f'<text x="{step * place + step / 2:.1f}" y="146" text-anchor="middle">{escape(label)}</text>'
        for place, label in enumerate(chart["axis_config"]["categories"])
    )
    return (
        f'<p><b>{title}</b> {low:,} to {high:,}</p><svg viewBox="0 0 560 170" font-size="10"'
        f' xmlns="http://www.w3.org/2000/svg">{"".join(drawn)}{labels}</svg>'
    )
