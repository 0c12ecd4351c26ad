"""Pictures of figures: their places, their words, and that no name becomes markup."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest

from list_pipeline.core.pictures import DaysRow, Mark, Point, Span, bars_svg, days_svg, over_time_svg

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
HOSTILE = "<script>\"'&"
SVG = "{http://www.w3.org/2000/svg}"


def found(svg: str, tag: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(svg).findall(f".//{SVG}{tag}")


def test_bars_are_as_long_as_their_counts_and_say_them() -> None:
    svg = bars_svg("A title", {"one": 1_000, "two": 500, "three": 0}, longest=200)
    bars = [one for one in found(svg, "rect") if one.get("class") == "bar"]
    assert [one.get("width") for one in bars] == ["200", "100", "0"]
    assert [one.get("y") for one in bars] == ["34", "56", "78"]
    assert [one.text for one in found(svg, "text")] == ["A title", "one", "1,000", "two", "500", "three", "0"]
    # Behind the longest name (five letters), and as wide as the bar and its count need.
    assert {one.get("x") for one in bars} == {"55"}
    root = ElementTree.fromstring(svg)
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("317", "110", "0 0 317 110")


def test_bars_of_nothing_are_a_title() -> None:
    root = ElementTree.fromstring(bars_svg("A long title about nothing", {}, longest=0))
    assert (root.get("width"), root.get("height")) == ("232", "44")
    assert len(found(bars_svg("T", {"none": 0}), "rect")) == 2
    assert found(bars_svg("T", {"one": 1}), "rect")[1].get("width") == "300"


def test_points_stand_at_their_time_and_value_with_their_interval_and_words() -> None:
    points = [
        Point(AT, 5.0, "5 %", 4.0, 6.0),
        Point(AT + timedelta(days=1), 2.0, "2 %"),
        Point(AT + timedelta(days=4), 8.0, "8 %", 7.0, 10.0),
    ]
    svg = over_time_svg("Bounces", {"List 1": [], "List 2": points}, unit=" %")
    dots = found(svg, "circle")
    assert [(one.get("cx"), one.get("cy")) for one in dots] == [
        ("52.0", "112.0"),
        ("140.5", "158.8"),
        ("406.0", "65.2"),
    ]
    assert {one.get("class") for one in dots} == {"two"}
    assert [one[0].text for one in dots] == [
        "List 2, 20 Nov 2026: 5 %", "List 2, 21 Nov 2026: 2 %", "List 2, 24 Nov 2026: 8 %",
    ]  # fmt: skip
    whiskers = [one for one in found(svg, "line") if one.get("class") == "two"]
    assert [(one.get("y1"), one.get("y2")) for one in whiskers] == [("127.6", "96.4"), ("80.8", "34.0")]
    (line,) = found(svg, "polyline")
    assert line.get("points") == "52.0,112.0 140.5,158.8 406.0,65.2"
    grid = [one.get("y1") for one in found(svg, "line") if one.get("class") == "grid"]
    assert grid == ["190.0", "151.0", "112.0", "73.0", "34.0"]
    words = [one.text for one in found(svg, "text") if one.get("class") == "axis"]
    assert words == ["0 %", "2.5 %", "5 %", "7.5 %", "10 %", "20 Nov 2026", "24 Nov 2026"]


@pytest.mark.parametrize(
    ("most", "marks"),
    [
        (0.0, ["0", "1"]), (0.03, ["0", "0.01", "0.02", "0.03"]), (4.0, ["0", "1", "2", "3", "4"]),
        (13.0, ["0", "5", "10", "15"]),
    ],
)  # fmt: skip
def test_the_marks_of_an_axis_are_round_and_reach_beyond_the_largest_figure(most: float, marks: list[str]) -> None:
    svg = over_time_svg("T", {"one": [Point(AT, most, "")]}, unit="")
    assert [one.text for one in found(svg, "text") if one.get("text-anchor") == "end"] == marks


def test_a_single_point_stands_in_the_middle_and_a_limit_is_a_line_that_fits() -> None:
    svg = over_time_svg("T", {"one": [Point(AT, 1.0, "1")]}, unit="", limit=5.0)
    (dot,) = found(svg, "circle")
    assert dot.get("cx") == "229.0"
    (limit,) = [one for one in found(svg, "line") if one.get("stroke-dasharray")]
    assert limit.get("y1") == limit.get("y2") == re.findall(r'y1="([\d.]+)"', svg)[-1]
    assert [one.text for one in found(svg, "text") if one.get("text-anchor") == "end"] == ["0", "2", "4", "6"]


def test_an_interval_that_reaches_further_than_every_point_fits() -> None:
    svg = over_time_svg("T", {"one": [Point(AT, 1.0, "1", 0.5, 3.0)]}, unit="")
    (whisker,) = [one for one in found(svg, "line") if one.get("class") == "one"]
    assert (whisker.get("y1"), whisker.get("y2")) == ("164.0", "34.0")


def test_each_series_has_a_class_and_a_colour_of_its_own() -> None:
    dots = found(over_time_svg("T", {name: [Point(AT, 1.0, "1")] for name in "abc"}, unit=""), "circle")
    assert [one.get("class") for one in dots] == ["one", "two", "three"]
    assert len({one.get("fill") for one in dots}) == 3


def test_a_point_with_half_an_interval_has_no_bar() -> None:
    for half in (Point(AT, 1.0, "1", 0.5, None), Point(AT, 1.0, "1", None, 1.5)):
        assert [
            one for one in found(over_time_svg("T", {"one": [half]}, unit=""), "line") if one.get("class") == "one"
        ] == []


def test_where_there_is_nothing_the_picture_says_so() -> None:
    svg = over_time_svg("T", {"List 1": []}, unit="")
    assert "Nothing in this time." in svg
    assert ElementTree.fromstring(svg).get("height") == "70"


def test_no_name_becomes_markup() -> None:
    for svg in (
        bars_svg(HOSTILE, {HOSTILE: 1}),
        over_time_svg(HOSTILE, {HOSTILE: [Point(AT, 1.0, HOSTILE)]}, unit=""),
    ):
        root = ElementTree.fromstring(svg)
        assert root.get("aria-label") == HOSTILE
        assert "<script" not in svg


def test_a_row_of_days_has_its_marks_and_times_where_they_belong() -> None:
    start, noon = date(2026, 11, 27), timedelta(hours=12)
    begins = datetime(2026, 11, 27, tzinfo=UTC)
    row = DaysRow(
        "List <1>",
        [Mark(begins + noon, "a round & more"), Mark(begins + timedelta(days=2), "cancelled", is_hollow=True)],
        [Span(begins - timedelta(days=5), begins + timedelta(days=1), "kept"), Span(begins, begins, "an instant")],
    )
    svg = days_svg("Weeks", start, 7, [row, DaysRow("List 2", [], [])], now=begins + timedelta(days=1))
    dots = found(svg, "circle")
    assert [(one.get("cx"), one.get("class")) for one in dots] == [("65.0", "one"), ("104.0", "one hollow")]
    assert [one[0].text for one in dots] == ["a round & more", "cancelled"]
    spans = [one for one in found(svg, "rect") if one.get("class") == "one span"]
    assert [(one.get("x"), one.get("width")) for one in spans] == [("52.0", "26.0"), ("52.0", "3.0")]
    assert [one.get("x1") for one in found(svg, "line") if one.get("class") == "now"] == ["78.0"]
    assert len([one for one in found(svg, "rect") if one.get("class") == "weekend"]) == 2
    words = [one.text for one in found(svg, "text")]
    assert words[:3] == ["Weeks", "27", "Nov 2026"]
    assert {"Dec 2026", "List <1>", "List 2"} <= set(words)
    assert ElementTree.fromstring(svg).get("width") == str(52 + 26 * 7 + 14)


def test_a_picture_of_other_days_has_no_line_for_now() -> None:
    svg = days_svg("Weeks", date(2026, 11, 27), 7, [], now=datetime(2026, 12, 4, tzinfo=UTC))
    assert not [one for one in found(svg, "line") if one.get("class") == "now"]
