"""Charts in Slack messages: the native block, its limits, and the same figures as text where a workspace takes none.

Belongs here: building, checking and writing out charts. Does not belong here: other blocks (``slack_blocks``), and which
figures are shown. Pictures are not drawn: nothing that a deployment carries can, and a chart of text is read everywhere.

A value that is not known is never drawn as zero: its category is left out of the chart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from list_pipeline.core.messages.slack_text import Mrkdwn, clean, cut, escape

Block = dict[str, Any]

KIND = "data_visualization"
# Limits of the block as Slack introduced it in June 2026; newer sources allow more series and segments.
CHARTS_PER_MESSAGE = 2
TITLE_LENGTH = 50
LABEL_LENGTH = 20
MOST_SERIES = 6
MOST_SEGMENTS = 6
MOST_CATEGORIES = 20

_AXES = ("line", "bar", "area")
_BARS = "▁▂▃▄▅▆▇█"


def trend_chart(
    title: str,
    categories: Sequence[str],
    series: Mapping[str, Sequence[float | None]],
    *,
    kind: str = "line",
    x_label: str = "",
    y_label: str = "",
) -> Block | None:
    """Figures over time, or sizes side by side (``kind="bar"``).

    Args:
        categories: what the x axis shows, oldest first: days, weeks, list names. Of more than 20, the last 20 are shown.
        series: name to one value a category; None where it is not known: that category is left out.
        kind: ``line``, ``bar`` or ``area``.
        x_label: and ``y_label``: words at the axes, with the unit.

    Returns:
        The block; None when no category is known for every series, or a line had only one point.

    Raises:
        ValueError: more series than Slack takes, none, or one with another number of values than categories.
    """
    if kind not in _AXES:
        raise ValueError(f"a chart with axes is one of {', '.join(_AXES)}")
    if not 1 <= len(series) <= MOST_SERIES:
        raise ValueError(f"a chart takes 1 to {MOST_SERIES} series, not {len(series)}")
    if any(len(values) != len(categories) for values in series.values()):
        raise ValueError("every series needs one value for each category")
    known = [
        position
        for position in range(len(categories))
        if all(_is_number(values[position]) for values in series.values())
    ][-MOST_CATEGORIES:]
    if len(known) < (1 if kind == "bar" else 2):
        return None
    names, labels = _distinct(list(series)), _distinct([categories[position] for position in known])
    axis: dict[str, Any] = {"categories": labels}
    axis |= {name: _label(words) for name, words in (("x_label", x_label), ("y_label", y_label)) if words}
    return {
        "type": KIND,
        "title": cut(clean(title) or "-", TITLE_LENGTH),
        "chart": {
            "type": kind,
            "series": [
                {
                    "name": name,
                    "data": [
                        {"label": label, "value": values[position]}
                        for label, position in zip(labels, known, strict=True)
                    ],
                }
                for name, values in zip(names, series.values(), strict=True)
            ],
            "axis_config": axis,
        },
    }


def sizes_chart(title: str, sizes: Mapping[str, int | None], *, y_label: str = "contacts") -> Block | None:
    """Sizes side by side as bars; None when none of them is known."""
    return trend_chart(title, list(sizes), {y_label: list(sizes.values())}, kind="bar", y_label=y_label)


def is_chart(block: Block) -> bool:
    """Whether a block is a chart."""
    return block.get("type") == KIND


def chart_problems(block: Block, at: str) -> list[str]:
    """Slack's refusals of a chart, each with a JSON pointer."""
    found: list[str] = []
    _text(found, block.get("title"), TITLE_LENGTH, f"{at}/title")
    chart = block.get("chart")
    if not isinstance(chart, dict):
        return [*found, f"missing required field: chart [json-pointer:{at}/chart]"]
    if chart.get("type") == "pie":
        _points(found, chart.get("segments"), MOST_SEGMENTS, f"{at}/chart/segments")
        return found
    if chart.get("type") not in _AXES:
        return [*found, f"unsupported type: {chart.get('type')} [json-pointer:{at}/chart/type]"]
    axis = chart.get("axis_config")
    categories = axis.get("categories") if isinstance(axis, dict) else None
    if not isinstance(categories, list) or not 1 <= len(categories) <= MOST_CATEGORIES:
        return [
            *found,
            f"must have 1 to {MOST_CATEGORIES} items [json-pointer:{at}/chart/axis_config/categories]",
        ]
    for position, label in enumerate(categories):
        _text(found, label, LABEL_LENGTH, f"{at}/chart/axis_config/categories/{position}")
    series = chart.get("series")
    if not isinstance(series, list) or not 1 <= len(series) <= MOST_SERIES:
        return [*found, f"must have 1 to {MOST_SERIES} items [json-pointer:{at}/chart/series]"]
    for position, each in enumerate(series):
        where = f"{at}/chart/series/{position}"
        _text(found, each.get("name"), LABEL_LENGTH, f"{where}/name")
        _points(found, each.get("data"), MOST_CATEGORIES, f"{where}/data")
        if [point.get("label") for point in each.get("data") or ()] != categories:
            found.append(f"one value for each category, in their order [json-pointer:{where}/data]")
    return found


def chart_lines(block: Block) -> list[Mrkdwn]:
    """The figures of a chart as text: a sparkline for what has a course, a table for sizes."""
    chart = block["chart"]
    lines = [Mrkdwn(f"*{escape(str(block['title']))}*")]
    if chart["type"] == "pie":
        return [*lines, *(_point(segment) for segment in chart["segments"])]
    unit = str(chart["axis_config"].get("y_label", ""))
    if chart["type"] == "bar" and len(chart["series"]) == 1:
        return [*lines, *(_point(point, unit) for point in chart["series"][0]["data"])]
    if chart["type"] == "bar":
        return [*lines, *(_bars(chart["series"], place, unit) for place in range(len(chart["series"][0]["data"])))]
    for series in chart["series"]:
        data = series["data"]
        first, last = data[0], data[-1]
        course = sparkline([float(point["value"]) for point in data])
        words = (
            f"{first['label']}: {_figure(first['value'])} → {last['label']}: {_figure(last['value'])} {unit}".rstrip()
        )
        lines.append(Mrkdwn(f"• {escape(str(series['name']))} {course} {escape(words)}"))
    return lines


def sparkline(values: Sequence[float]) -> str:
    """A course in one line of characters, the least value lowest; equal values in the middle."""
    low, high = min(values), max(values)
    if math.isclose(low, high):
        return _BARS[3] * len(values)
    return "".join(_BARS[round((value - low) / (high - low) * (len(_BARS) - 1))] for value in values)


def _point(point: Mapping[str, Any], unit: str = "") -> Mrkdwn:
    return Mrkdwn(f"• {escape(str(point['label']))}: {_figure(point['value'])} {escape(unit)}".rstrip())


def _bars(series: Sequence[Mapping[str, Any]], place: int, unit: str) -> Mrkdwn:
    """One place of a chart with several bars at each."""
    each = ", ".join(f"{one['name']} {_figure(one['data'][place]['value'])}" for one in series)
    return Mrkdwn(f"• {escape(str(series[0]['data'][place]['label']))}: {escape(f'{each} {unit}')}".rstrip())


def _figure(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _label(text: str) -> str:
    return cut(clean(text) or "-", LABEL_LENGTH)


def _distinct(names: Sequence[str]) -> list[str]:
    """Labels that are told apart also after they were cut."""
    labels: list[str] = []
    for name in names:
        label, number = _label(name), 2
        while label in labels:
            mark = f" {number}"
            label, number = cut(_label(name), LABEL_LENGTH - len(mark)) + mark, number + 1
        labels.append(label)
    return labels


def _text(found: list[str], value: Any, limit: int, at: str) -> None:
    if not isinstance(value, str) or not 1 <= len(value) <= limit:
        found.append(f"must be 1 to {limit} characters [json-pointer:{at}]")


def _points(found: list[str], points: Any, most: int, at: str) -> None:
    if not isinstance(points, list) or not 1 <= len(points) <= most:
        found.append(f"must have 1 to {most} items [json-pointer:{at}]")
        return
    for position, point in enumerate(points):
        _text(found, point.get("label"), LABEL_LENGTH, f"{at}/{position}/label")
        value = point.get("value")
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            found.append(f"must be a number [json-pointer:{at}/{position}/value]")
