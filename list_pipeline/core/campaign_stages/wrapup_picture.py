"""The picture of a wrap-up: the rates of the send beside those of earlier ones, for Slack and as a drawing with intervals.

Belongs here: which figures are shown side by side, and their names. Does not belong here: drawing (``core.pictures``), Slack's
block (``core.messages.slack_charts``) and the words around (``wrapup_message``).

Slack's chart has no intervals: they stand as text below it, and as lines in the drawing of the page and of Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from list_pipeline.core.campaign_stages.wrapup import Compared, Figure, Other, SendCounts
from list_pipeline.core.messages.slack_charts import Block, trend_chart
from list_pipeline.core.pictures import Interval, intervals_svg
from list_pipeline.core.wording import Rate, rate_ends, rate_text

TITLE = "Rates beside those of earlier sends"
THIS_SEND = "This send"
NAMES: Mapping[Other, str] = {Other.ROUND_BEFORE: "Round before", Other.SAME_LIST: "Same list"}
"""An earlier send as it is called in a picture, on a phone too."""
_CHARTS = ((Figure.BOUNCE, Figure.HARD_BOUNCE), (Figure.DELIVERY, Figure.OPEN, Figure.CLICK))
"""Figures of a like size stand in one chart: beside what was delivered no bounce could be seen."""


def rate_charts(counts: SendCounts, compared: Sequence[Compared]) -> list[Block]:
    """The rates as Slack's charts; what cannot be compared with a send that is shown is left out. None before a message was
    tried."""
    found = (_chart(figures, counts, compared) for figures in _CHARTS)
    return [block for block in found if block is not None]


def _chart(figures: Sequence[Figure], counts: SendCounts, compared: Sequence[Compared]) -> Block | None:
    # A send of another age would cost the others the figures that can be compared with them.
    others = [one for one in compared if all(_rate(one, figure) is not None for figure in figures)] or compared
    shown = [figure for figure in figures if all(_rate(one, figure) is not None for one in others)]
    series: dict[str, Sequence[float | None]] = {THIS_SEND: [_percent(counts.rate(figure)) for figure in shown]}
    for one in others:
        series[NAMES[one.earlier.other]] = [_percent(_rate(one, figure)) for figure in shown]
    labels = [figure.label for figure in shown]
    return trend_chart(", ".join(labels), labels, series, kind="bar", y_label="% of what was tried")


def rates_picture(counts: SendCounts, compared: Sequence[Compared]) -> str | None:
    """The rates with their intervals as SVG; None before a message was tried."""
    if not counts.attempted:
        return None
    groups = {figure.label: [*_intervals(figure, counts, compared)] for figure in Figure}
    return intervals_svg(TITLE, groups, unit=" %")


def rates_beside(figure: Figure, counts: SendCounts, compared: Sequence[Compared]) -> Iterator[tuple[str, Rate]]:
    """A rate of the send and of each earlier one with which it can be compared, by the name of the send."""
    yield THIS_SEND, counts.rate(figure)
    for one in compared:
        rate = _rate(one, figure)
        if rate is not None:
            yield NAMES[one.earlier.other], rate


def _intervals(figure: Figure, counts: SendCounts, compared: Sequence[Compared]) -> Iterator[Interval]:
    for name, rate in rates_beside(figure, counts, compared):
        if rate.percent is not None and rate.low is not None and rate.high is not None:
            yield Interval(name, rate.percent, rate.low, rate.high, rate_text(rate))


def _rate(compared: Compared, figure: Figure) -> Rate | None:
    """The rate of an earlier send; None where it cannot be compared."""
    return compared.earlier.counts.rate(figure) if compared.of(figure) is not None else None


def _percent(rate: Rate | None) -> float | None:
    return None if rate is None else rate_ends(rate)[0]
