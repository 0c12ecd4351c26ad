"""A small picture of where each list is in a state machine: its states in order, the lists as marks below theirs."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_WIDTH, _HEIGHT, _GAP, _MARK, _PER_ROW = 104, 30, 10, 18, 6
_COLOURS = ("#4f6bed", "#1f9d6a", "#b9770e")
_IDLE, _TAKEN, _ALARM = "#f1f3f8", "#dfe5fb", "#f9d7d2"


def state_picture(title: str, states: Sequence[str], lists: Mapping[str, str]) -> str:
    """An SVG as a Markdown image. Drawn here: a plotting library would cost each run a second.

    Args:
        states: the states in the order of the work; ``lists``: name of each list to its state, e.g. ``List 1``.
    """
    rows = -(-len(states) // _PER_ROW)
    width = 24 + _PER_ROW * (_WIDTH + _GAP)
    row_height = _HEIGHT + _MARK + 22
    height = 40 + rows * row_height
    shapes = []
    for position, state in enumerate(states):
        x = 12 + position % _PER_ROW * (_WIDTH + _GAP)
        y = 36 + position // _PER_ROW * row_height
        here = [(number, name) for number, name in enumerate(lists) if lists[name] == state]
        fill = _IDLE if not here else _ALARM if state in ("needs_attention", "blocked") else _TAKEN
        shapes.append(
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="{fill}" stroke="#c3c9d6"/>'
            f'<text x="{x + _WIDTH / 2:g}" y="{y + 19}" text-anchor="middle" font-size="10">'
            f"{escape(state.replace('_', ' '))}</text>"
        )
        for place, (number, name) in enumerate(here):
            left = x + place * 34
            shapes.append(
                f'<rect x="{left}" y="{y + _HEIGHT + 3}" width="32" height="{_MARK}" rx="9" '
                f'fill="{_COLOURS[number % len(_COLOURS)]}"/>'
                f'<text x="{left + 16}" y="{y + _HEIGHT + 16}" text-anchor="middle" font-size="10" fill="#ffffff">'
                f"{escape(name)}</text>"
            )
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="sans-serif">'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text x="12" y="22" font-size="14" font-weight="bold">{escape(title)}</text>{"".join(shapes)}</svg>'
    )
    return f"![{escape(title)}](data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()})"
