"""What people see beside an asset: counts that plot over partitions, tables, small pictures, links.

The single gate to Dagster's event log: plain Python values only, small, and never an address.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import dagster as dg

from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.pictures import bars_svg
from list_pipeline.core.wording import told_percent

_ROWS_MAX = 50
_PEOPLE_MAX = 1_000
_DECIMALS = 4
"""Of a figure that is no percentage: cents of a dollar, confidences."""
_MARKUP = re.compile(r"([\\`*_~\[\]!<|])")
"""What Markdown reads as more than text. Cells and lines hold names and words of others: none is a link or an image."""


def text(value: str) -> dg.MetadataValue:
    """A sentence, with addresses redacted."""
    return dg.MetadataValue.text(redact_addresses(value))


def lines(values: Sequence[str]) -> dg.MetadataValue:
    """Sentences as a list, as plain text with addresses redacted."""
    shown = [f"- {_plain(value)}" for value in values[:_ROWS_MAX]]
    if len(values) > _ROWS_MAX:
        shown.append(f"- … and {len(values) - _ROWS_MAX} more")
    return dg.MetadataValue.md("\n".join(shown) or "none")


def table(rows: Sequence[Mapping[str, Any]]) -> dg.MetadataValue:
    """Rows as a Markdown table, which the UI shows in place; its cells are plain text. At most 50 rows, then the number of the
    rest."""
    if not rows:
        return dg.MetadataValue.md("none")
    names = list(rows[0])
    out = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for row in rows[:_ROWS_MAX]:
        cells = (_plain(str(row[name])) for name in names)
        out.append(f"| {' | '.join(cells)} |")
    if len(rows) > _ROWS_MAX:
        out.append(f"\n… and {len(rows) - _ROWS_MAX} more")
    return dg.MetadataValue.md("\n".join(out))


def pages(name: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, dg.MetadataValue]:
    """A complete table of people, a page of 50 rows each: ``who``, then ``who, 51 to 100``. A table of nobody is one of none.

    Beyond 1,000 rows, which would make the event log slow for everybody, the last page says how many are left and where.
    """
    found = {name: table(rows[:_ROWS_MAX])}
    for first in range(_ROWS_MAX, min(len(rows), _PEOPLE_MAX), _ROWS_MAX):
        last = min(first + _ROWS_MAX, len(rows))
        found[f"{name}, {first + 1:,} to {last:,}"] = table(rows[first:last])
    if len(rows) > _PEOPLE_MAX:
        found[f"{name}, the others"] = text(
            f"{len(rows) - _PEOPLE_MAX:,} more, in the table plan_item of the database; `list-pipeline why CONTACT` shows one."
        )
    return found


def _plain(value: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(redact_addresses(value).splitlines()))


def counts(values: Mapping[str, int | float | None], prefix: str = "") -> dict[str, dg.MetadataValue]:
    """Figures as metadata of their own, so that Dagster plots each over the partitions. None is left out.

    A figure whose name ends in ``percent`` is the one that people read everywhere else (``core.wording``).
    """
    found: dict[str, dg.MetadataValue] = {}
    for name, value in values.items():
        if value is None:
            continue
        plain = int(value) if isinstance(value, int) else _told(name, float(value))
        found[f"{prefix}{name}"] = (
            dg.MetadataValue.int(plain) if isinstance(plain, int) else dg.MetadataValue.float(plain)
        )
    return found


def _told(name: str, value: float) -> float:
    return told_percent(value) if name.endswith("percent") else round(value, _DECIMALS)


def bars(title: str, values: Mapping[str, int], note: str = "") -> dg.MetadataValue:
    """Horizontal bars as a picture of a few kilobytes."""
    return picture(title, bars_svg(title, values), note)


def picture(title: str, svg: str, note: str = "") -> dg.MetadataValue:
    """A picture of ours (``core.pictures``)."""
    encoded = base64.b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{escape(title)}](data:image/svg+xml;base64,{encoded})\n\n{redact_addresses(note)}")


def link(url: str | None) -> dict[str, dg.MetadataValue]:
    """A link under the name ``link``, or nothing where there is none."""
    return {"link": dg.MetadataValue.url(url)} if url else {}
