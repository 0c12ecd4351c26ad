"""Pictures of figures and days as SVG, drawn here: a plotting library would cost each run a second, and a page a script.

Belongs here: bars, days, and figures with their intervals, over time and side by side. Does not belong here: which figures, and
how they are embedded.
Colours stand in the picture for whoever shows it as a file; a page gives its own by the names of the classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from xml.sax.saxutils import escape, quoteattr

_BAR = 22
_WIDTH, _HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 34, 30
_DAY, _ROW = 26, 34
"""Pixels of a day, and of a row of days."""
_CLASSES = ("one", "two", "three")
_COLOURS = ("#3450c9", "#13805a", "#b0630a")
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Point:
    """A figure at an instant (UTC), and the ends of its interval where it has one. ``words``: the figure as people read it."""

    at: datetime
    value: float
    words: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with the ends of its interval, beside others of its kind. ``words``: the figure as people read it."""

    name: str
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True, slots=True)
class Mark:
    """An instant (UTC) in a row of days. ``is_hollow``: it is drawn as a ring. ``words``: what is said of it."""

    at: datetime
    words: str
    is_hollow: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """A time (UTC) in a row of days, from its beginning to its end, and what is said of it."""

    start: datetime
    end: datetime
    words: str


@dataclass(frozen=True, slots=True)
class DaysRow:
    """A row of a picture of days: its name, the instants marked in it, and the times drawn as bars."""

    name: str
    marks: Sequence[Mark]
    spans: Sequence[Span]


def bars_svg(title: str, values: Mapping[str, int], *, longest: int = 300) -> str:
    """Horizontal bars with their names and counts. ``longest``: how long the longest is."""
    height = 44 + _BAR * len(values)
    most = max(values.values(), default=0) or 1
    left = max((12 + 7 * len(name) for name in values), default=0)
    whole = max(left + longest + 70, 24 + 8 * len(title))
    rows = []
    for position, (name, value) in enumerate(values.items()):
        y = 34 + position * _BAR
        width = round(longest * value / most)
        rows.append(
            f'<text x="{left}" y="{y + 13}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar" x="{left + 8}" y="{y}" width="{width}" height="16" rx="2" fill="#4f6bed"/>'
            f'<text x="{left + 14 + width}" y="{y + 13}">{value:,}</text>'
        )
    return _svg(title, whole, height, "".join(rows))


def intervals_svg(title: str, groups: Mapping[str, Sequence[Interval]], *, unit: str) -> str:
    """Figures of one kind below each other, each a point on a line from low to high, with its words; a block for each kind.

    Every block has a scale of its own, which begins at zero unless all of its figures are far from it: its ends stand above.

    Args:
        groups: by the name of the kind, at most three figures each. unit: behind the figures.
    """
    left, right, drawn, y = 106, 276, list[str](), 34
    for kind, each in groups.items():
        low, high = _scale(each)
        drawn.append(
            f'<text x="12" y="{y + 12}" font-weight="bold">{escape(kind)}</text>'
            f'<text class="axis" x="{left}" y="{y + 12}">{low:g}{unit}</text>'
            f'<text class="axis" x="{right}" y="{y + 12}" text-anchor="end">{high:g}{unit}</text>'
        )
        y += _BAR - 4
        drawn.append(
            f'<line class="grid" x1="{left}" x2="{left}" y1="{y}" y2="{y + _BAR * len(each)}" stroke="#d7dce6"/>'
            f'<line class="grid" x1="{right}" x2="{right}" y1="{y}" y2="{y + _BAR * len(each)}" stroke="#d7dce6"/>'
        )
        for number, one in enumerate(each):
            css, colour, middle = _CLASSES[number % 3], _COLOURS[number % 3], y + _BAR / 2
            start, end, at = (
                left + (right - left) * (value - low) / (high - low) for value in (one.low, one.high, one.value)
            )
            drawn.append(
                f'<text x="{left - 10}" y="{middle + 4}" text-anchor="end">{escape(one.name)}</text>'
                f'<line class="{css}" x1="{start:.1f}" x2="{end:.1f}" y1="{middle}" y2="{middle}" stroke="{colour}" '
                f'stroke-width="3" opacity="0.5"/>'
                f'<circle class="{css}" cx="{at:.1f}" cy="{middle}" r="4" fill="{colour}">'
                f"<title>{escape(f'{kind}, {one.name}: {one.words}')}</title></circle>"
                f'<text x="{right + 10}" y="{middle + 4}">{escape(one.words)}</text>'
            )
            y += _BAR
        y += 8
    return _svg(title, _WIDTH, y + 4, "".join(drawn))


def _scale(figures: Sequence[Interval]) -> tuple[float, float]:
    """The ends of a scale that holds all intervals: round figures, and never the same."""
    low, high = min(one.low for one in figures), max(one.high for one in figures)
    step = _step(high - low if low > high / 2 else high)
    begin = step * math.floor(low / step) if low > high / 2 else 0.0
    return begin, max(step * math.ceil(high / step), begin + step)


def over_time_svg(title: str, series: Mapping[str, Sequence[Point]], *, unit: str, limit: float | None = None) -> str:
    """Figures over time, at most three series, each with a line through its points and a bar from low to high.

    Args:
        series: by name, each oldest first. unit: behind the figures of the axis. limit: a dashed line, e.g. of a goal.
    """
    points = [point for each in series.values() for point in each]
    first, last = min((one.at for one in points), default=None), max((one.at for one in points), default=None)
    if first is None or last is None:
        return _svg(title, _WIDTH, 70, f'<text class="axis" x="{_LEFT}" y="50">Nothing in this time.</text>')
    step = _step(max([*(one.high if one.high is not None else one.value for one in points), limit or 0.0]))
    top = step * max(math.ceil(max([*(one.high or one.value for one in points), limit or 0.0]) / step), 1)
    span = (last - first).total_seconds() or 1.0

    def x(at: datetime) -> float:
        if first == last:
            return (_LEFT + _WIDTH - _RIGHT) / 2
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (at - first).total_seconds() / span

    def y(value: float) -> float:
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * value / top

    drawn = []
    for mark in range(round(top / step) + 1):
        height = y(mark * step)
        drawn.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="#d7dce6"/>'
            f'<text class="axis" x="{_LEFT - 6}" y="{height + 4:.1f}" text-anchor="end">{mark * step:g}{unit}</text>'
        )
    if limit is not None:
        drawn.append(
            f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(limit):.1f}" y2="{y(limit):.1f}" stroke="#a8281b" '
            'stroke-dasharray="5 4"/>'
        )
    for at, anchor in ((first, "start"), (last, "end")) if first != last else ((first, "middle"),):
        drawn.append(
            f'<text class="axis" x="{x(at):.1f}" y="{_HEIGHT - 10}" text-anchor="{anchor}">{at.astimezone(UTC):%d %b %Y}</text>'
        )
    for number, (name, each) in enumerate(series.items()):
        css, colour = _CLASSES[number % 3], _COLOURS[number % 3]
        if not each:
            continue
        path = " ".join(f"{x(one.at):.1f},{y(one.value):.1f}" for one in each)
        drawn.append(f'<polyline class="{css} line" points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        for one in each:
            if one.low is not None and one.high is not None:
                drawn.append(
                    f'<line class="{css}" x1="{x(one.at):.1f}" x2="{x(one.at):.1f}" y1="{y(one.low):.1f}" '
                    f'y2="{y(one.high):.1f}" stroke="{colour}" stroke-width="1.5" opacity="0.6"/>'
                )
            drawn.append(
                f'<circle class="{css}" cx="{x(one.at):.1f}" cy="{y(one.value):.1f}" r="3.5" fill="{colour}">'
                f"<title>{escape(f'{name}, {one.at.astimezone(UTC):%d %b %Y}: {one.words}')}</title></circle>"
            )
    return _svg(title, _WIDTH, _HEIGHT, "".join(drawn))


def days_svg(title: str, start: date, days: int, rows: Sequence[DaysRow], *, now: datetime) -> str:
    """Days as columns and rows with what is in them; the present instant (UTC) is a line.

    Args:
        start: the first day (UTC). days: how many; the picture is some 26 pixels wide for each.
    """
    begins = datetime.combine(start, time(), UTC)
    width, top = _LEFT + _DAY * days + _RIGHT, 58
    height = top + _ROW * len(rows) + 10

    def x(at: datetime) -> float:
        return _LEFT + _DAY * min(max((at - begins) / timedelta(days=1), 0.0), float(days))

    drawn = []
    for number in range(days):
        day, left = start + timedelta(days=number), _LEFT + _DAY * number
        if day.weekday() >= 5:
            drawn.append(
                f'<rect class="weekend" x="{left}" y="{top}" width="{_DAY}" height="{_ROW * len(rows)}" fill="#eef0f5"/>'
            )
        drawn.append(f'<line class="grid" x1="{left}" x2="{left}" y1="{top}" y2="{height - 10}" stroke="#d7dce6"/>')
        drawn.append(f'<text class="axis" x="{left + _DAY / 2}" y="{top - 6}" text-anchor="middle">{day.day}</text>')
        if number == 0 or (day.day == 1 and number > 1):
            drawn.append(f'<text class="axis" x="{left + 2}" y="{top - 22}">{day:%b %Y}</text>')
    for number, row in enumerate(rows):
        middle, css = top + _ROW * number + _ROW / 2, _CLASSES[number % 3]
        colour = _COLOURS[number % 3]
        drawn.append(f'<text x="{_LEFT - 6}" y="{middle + 4}" text-anchor="end">{escape(row.name)}</text>')
        for span in row.spans:
            length = max(x(span.end) - x(span.start), 3.0)
            drawn.append(
                f'<rect class="{css} span" x="{x(span.start):.1f}" y="{middle - 13}" width="{length:.1f}" height="26" rx="2" '
                f'fill="{colour}" opacity="0.5"><title>{escape(span.words)}</title></rect>'
            )
        for mark in row.marks:
            inside = 'fill="#ffffff" fill-opacity="0"' if mark.is_hollow else f'fill="{colour}"'
            shape = f"{css} hollow" if mark.is_hollow else css
            drawn.append(
                f'<circle class="{shape}" cx="{x(mark.at):.1f}" cy="{middle}" r="6" {inside} '
                f'stroke="{colour}" stroke-width="2"><title>{escape(mark.words)}</title></circle>'
            )
    if begins <= now < begins + timedelta(days=days):
        drawn.append(
            f'<line class="now" x1="{x(now):.1f}" x2="{x(now):.1f}" y1="{top}" y2="{height - 10}" stroke="#a8281b" '
            f'stroke-width="1.5"/>'
        )
    return _svg(title, width, height, "".join(drawn))


def _step(most: float) -> float:
    """A round distance between the marks of an axis, so that there are three to six of them."""
    if most <= 0:
        return 1.0
    rough = most / 4
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough)


def _svg(title: str, width: int, height: int, drawn: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label={quoteattr(title)} width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">'
        f'<rect class="paper" width="{width}" height="{height}" fill="#ffffff"/>'
        f'<text x="12" y="20" font-size="14" font-weight="bold">{escape(title)}</text>{drawn}</svg>'
    )
