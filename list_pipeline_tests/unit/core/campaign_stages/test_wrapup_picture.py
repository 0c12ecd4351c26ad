"""The picture of a wrap-up shows what can be compared, with intervals where there is room, and as text where Slack has none."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaign_stages.wrapup import Compared, Earlier, Figure, Other, SendCounts, compare
from list_pipeline.core.campaign_stages.wrapup_message import wrapup_message
from list_pipeline.core.campaign_stages.wrapup_picture import rate_charts, rates_beside, rates_picture
from list_pipeline.core.messages.slack_blocks import as_text, is_chart, problems, without_charts
from list_pipeline.core.messages.slack_charts import chart_problems
from list_pipeline_tests.unit.core.campaign_stages.send_cases import ANY_COUNTS, CLEAN
from list_pipeline_tests.unit.core.campaign_stages.test_wrapup import FACTS


def against(before: SendCounts | None = None, same_list: SendCounts | None = None) -> list[Compared]:
    pairs = ((Other.ROUND_BEFORE, before), (Other.SAME_LIST, same_list))
    return [compare(CLEAN, Earlier(other, "Autumn Letter", each)) for other, each in pairs if each is not None]


def shown(block: dict[str, Any]) -> dict[str, dict[str, float]]:
    return {one["name"]: {point["label"]: point["value"] for point in one["data"]} for one in block["chart"]["series"]}


def test_the_send_stands_beside_the_round_before_and_the_same_list() -> None:
    worse = replace(CLEAN, hard_bounced=80, delivered=3_900)
    bounces, read = rate_charts(CLEAN, against(worse, CLEAN))
    assert shown(bounces) == {
        "This send": {"Bounced": 0.5, "Hard Bounces": 0.2},
        "Round before": {"Bounced": 2.3, "Hard Bounces": 2.0},
        "Same list": {"Bounced": 0.5, "Hard Bounces": 0.2},
    }
    assert set(shown(read)["This send"]) == {"Delivered", "Opened", "Clicked"}


def test_opens_are_not_held_against_figures_of_another_age() -> None:
    older = replace(CLEAN, is_early=False)
    bounces, read = rate_charts(CLEAN, against(older))
    assert set(shown(bounces)) == {"This send", "Round before"}
    assert read["title"] == "Delivered"
    assert shown(read) == {"This send": {"Delivered": 99.5}, "Round before": {"Delivered": 99.5}}
    # One of the same age keeps its opens although another has none.
    _, read = rate_charts(CLEAN, against(CLEAN, older))
    assert set(shown(read)) == {"This send", "Round before"}
    assert set(shown(read)["Round before"]) == {"Delivered", "Opened", "Clicked"}
    assert dict(rates_beside(Figure.OPEN, CLEAN, against(CLEAN, older))).keys() == {"This send", "Round before"}


def test_before_anything_was_tried_there_is_no_picture() -> None:
    nothing = replace(CLEAN, queued=CLEAN.processed)
    assert rate_charts(nothing, []) == []
    assert rates_picture(nothing, []) is None


def test_the_drawing_has_every_rate_with_its_interval_in_words() -> None:
    svg = rates_picture(CLEAN, against(CLEAN))
    assert svg is not None
    texts = [one.text for one in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("99.5 % (99.2 to 99.7 %)") == 2
    assert {figure.label for figure in Figure} <= set(texts)
    assert texts.count("Round before") == len(Figure)


@given(ANY_COUNTS, st.lists(ANY_COUNTS, max_size=2))
def test_whatever_was_counted_slack_takes_the_charts_and_the_drawing_stays_inside_itself(
    now: SendCounts, earlier: list[SendCounts]
) -> None:
    compared = [compare(now, Earlier(other, "x", each)) for other, each in zip(Other, earlier, strict=False)]
    for block in rate_charts(now, compared):
        assert chart_problems(block, "") == []
    svg = rates_picture(now, compared)
    if svg is None:
        assert now.attempted == 0
        return
    tree = ET.fromstring(svg)
    for line in tree.iter("{http://www.w3.org/2000/svg}line"):
        assert 105.9 <= float(line.get("x1", "")) <= float(line.get("x2", "")) <= 276.1


def test_the_message_has_the_charts_and_the_same_figures_where_slack_refuses_them() -> None:
    message = wrapup_message(FACTS)
    assert [one["title"] for one in message.blocks if is_chart(one)] == [
        "Bounced, Hard Bounces",
        "Delivered, Opened, Clicked",
    ]
    plain = without_charts(message.blocks)
    assert problems(message.text, plain) == ()
    assert "• Opened: This send 12, Round before 4 % of what was tried" in str(plain)
    assert "Round before: bounced 2 % (1.3 to 3.1 %), hard bounces 1.2 % (0.7 to 2.1 %), delivered 96 %" in as_text(
        message
    )
