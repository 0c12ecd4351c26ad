"""Charts in messages: taken by Slack whatever they show, never a zero for what is not known, readable as text."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.messages.slack_blocks import SlackMessage, as_text, header, problems, without_charts
from list_pipeline.core.messages.slack_charts import sizes_chart, sparkline, trend_chart
from list_pipeline.sandbox.slack.limits import block_errors

WEEKS = ["2 Nov", "9 Nov", "16 Nov"]
FIGURES = st.one_of(st.none(), st.integers(0, 10**9), st.floats(-1e9, 1e9))


@given(
    title=st.text(max_size=120),
    series=st.dictionaries(st.text(max_size=40), st.lists(FIGURES, min_size=25, max_size=25), min_size=1, max_size=6),
    kind=st.sampled_from(["line", "bar", "area"]),
)
def test_whatever_is_shown_slack_takes_it_and_its_text(title: str, series: dict[str, Any], kind: str) -> None:
    chart = trend_chart(
        title, [f"week {number} of a long name" for number in range(25)], series, kind=kind, y_label="%"
    )
    if chart is None:
        assert sum(all(values[n] is not None for values in series.values()) for n in range(25)) < 2
        return
    blocks = [header("Weekly"), chart]
    assert problems("Weekly", blocks) == ()
    assert block_errors(blocks) == []
    written = without_charts(blocks)
    assert block_errors(written) == []
    assert "data_visualization" not in [block["type"] for block in written]


def test_a_week_that_is_not_known_is_left_out_and_not_zero() -> None:
    chart = trend_chart("Bounce rate", WEEKS, {"List 1": [1.2, None, 1.5], "List 2": [0.8, 0.9, 1.0]})

    assert chart is not None
    assert chart["chart"]["axis_config"]["categories"] == ["2 Nov", "16 Nov"]
    assert [point["value"] for point in chart["chart"]["series"][0]["data"]] == [1.2, 1.5]


@pytest.mark.parametrize("values", [[None, None, None], [None, 2.0, None]])
def test_a_course_of_fewer_than_two_points_is_no_chart(values: list[float | None]) -> None:
    assert trend_chart("Bounce rate", WEEKS, {"List 1": values}) is None
    assert sizes_chart("Sizes", {"List 1": None}) is None


def test_the_newest_twenty_are_shown() -> None:
    chart = trend_chart("Sizes", [str(n) for n in range(30)], {"List 1": list(range(30))})

    assert chart is not None
    assert chart["chart"]["axis_config"]["categories"] == [str(n) for n in range(10, 30)]


def test_what_cannot_be_drawn_is_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="6 series"):
        trend_chart("Sizes", WEEKS, {str(n): [1, 2, 3] for n in range(7)})
    with pytest.raises(ValueError, match="each category"):
        trend_chart("Sizes", WEEKS, {"List 1": [1, 2]})


def test_names_that_are_cut_are_still_told_apart() -> None:
    chart = sizes_chart("Sizes", {"Campaign list number 1": 3, "Campaign list number 2": 4})

    assert chart is not None
    assert len(set(chart["chart"]["axis_config"]["categories"])) == 2
    assert block_errors([chart]) == []


def test_a_chart_reads_as_a_course_or_as_a_table() -> None:
    trend = trend_chart("Bounce rate", WEEKS, {"List 1": [1.0, 3.5, 8.0]}, y_label="%")
    sizes = sizes_chart("Can be mailed", {"List 1": 1210, "List 2": 1190})

    assert trend is not None
    assert sizes is not None
    text = as_text(SlackMessage("Weekly", [trend, sizes]))
    assert "• List 1 ▁▃█ 2 Nov: 1 → 16 Nov: 8 %" in text
    assert "• List 2: 1,190 contacts" in text


def test_equal_values_are_a_flat_line() -> None:
    assert sparkline([5, 5, 5]) == "▄▄▄"


def test_a_name_cannot_mention_anybody_in_the_text_of_a_chart() -> None:
    chart = sizes_chart("<!channel> sizes", {"<@U1> list": 4})

    assert chart is not None
    assert "<!" not in str(without_charts([chart]))
    assert "<@" not in str(without_charts([chart]))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"title": "x" * 51}, "/blocks/0/title"),
        ({"chart": {"type": "radar"}}, "/blocks/0/chart/type"),
        ({"chart": {"type": "pie", "segments": []}}, "/blocks/0/chart/segments"),
        (
            {"chart": {"type": "line", "series": [], "axis_config": {"categories": ["a"]}}},
            "/blocks/0/chart/series",
        ),
        (
            {
                "chart": {
                    "type": "line",
                    "series": [{"name": "a", "data": [{"label": "b", "value": 1}]}],
                    "axis_config": {"categories": ["a", "b"]},
                }
            },
            "/blocks/0/chart/series/0/data",
        ),
    ],
)
def test_the_checker_and_slack_refuse_the_same_charts(change: dict[str, Any], place: str) -> None:
    chart = {**(sizes_chart("Sizes", {"a": 1}) or {}), **change}

    assert any(place in found for found in problems("text", [chart]))
    assert any(place in found for found in block_errors([chart]))


def test_a_message_has_two_charts_at_the_most() -> None:
    charts = [sizes_chart("Sizes", {"a": 1}) or {}] * 3

    assert any("more than 2 charts" in found for found in problems("text", charts))
    assert block_errors(charts)
