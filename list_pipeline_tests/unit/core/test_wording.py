"""How figures, dates and lists of names are worded: one form for one value, and nothing that misleads near a limit."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core import wording
from list_pipeline.core.health.figures import ShownRate
from list_pipeline.core.wording import Rate

PERCENTS = st.floats(-1_000, 1_000, allow_nan=False).filter(lambda value: value == 0 or abs(value) > 1e-6)
RATES = st.tuples(st.integers(0, 200_000), st.integers(1, 200_000)).map(lambda pair: Rate(min(pair), max(pair)))


def kept(figures: dict[str, Any] | None) -> ShownRate | None:
    """The figures of a rate as they come back from a JSON column."""
    return None if figures is None else ShownRate(**figures)


@pytest.mark.parametrize(
    ("percent", "text"),
    [
        (0, "0 %"), (5, "5 %"), (5.0, "5 %"), (100, "100 %"), (4.1, "4.1 %"), (12.34, "12.3 %"), (0.05, "0.05 %"),
        (0.3, "0.30 %"), (0.996, "0.996 %"), (5.04, "5.04 %"), (4.96, "4.96 %"), (99.97, "99.97 %"),
        (-3.25, "-3.3 %"), (1.45, "1.5 %"), (2.55, "2.6 %"),
        (1e30, "1000000000000000000000000000000 %"),
        (-15.04, "-15.04 %"), (Fraction(1, 3), "0.33 %"), (None, "not known"),
    ],
)  # fmt: skip
def test_a_percentage_has_one_decimal_below_one_two_and_more_only_where_it_would_look_whole(
    percent: float | None, text: str
) -> None:
    assert wording.percent_text(percent) == text


@given(PERCENTS)
def test_a_percentage_that_was_told_is_told_the_same_again(percent: float) -> None:
    assert wording.told_percent(wording.told_percent(percent)) == wording.told_percent(percent)
    assert wording.percent_text(wording.told_percent(percent)) == wording.percent_text(percent)


@given(PERCENTS)
def test_a_percentage_is_never_told_as_a_whole_number_that_it_is_not(percent: float) -> None:
    told = wording.told_percent(percent)
    assert abs(told - percent) <= 0.0500001
    if "." not in wording.percent_text(percent):
        assert abs(percent - round(percent)) <= 0.0000501


@given(RATES)
def test_a_rate_has_the_figures_of_its_percentage_and_the_same_ones_in_json(rate: Rate) -> None:
    text, figures = wording.rate_text(rate), wording.rate_figures(rate)
    assert text.startswith(f"{wording.percent_text(rate.percent)} (")
    assert figures is not None
    assert figures["rate_percent"] == wording.told_percent(rate.percent)
    assert wording.kept_rate_text(kept(json.loads(json.dumps(figures)))) == text


def test_the_ends_of_an_interval_are_no_finer_than_the_rate() -> None:
    assert wording.rate_text(Rate(41, 1_000)) == "4.1 % (3.0 to 5.5 %)"
    assert wording.rate_text(Rate(50, 1_000)) == "5 % (3.8 to 6.5 %)"
    assert wording.rate_text(Rate(8, 1_000)) == "0.80 % (0.41 to 1.57 %)"
    assert wording.rate_text(Rate(20, 20)) == "100 % (83.9 to 100 %)"
    assert wording.rate_text(Rate(0, 0)) == wording.rate_text(None) == "not known"
    assert wording.kept_rate_text(kept(wording.rate_figures(Rate(0, 0)))) == wording.kept_rate_text(None) == "not known"


def test_a_limit_is_told_as_it_was_set_and_a_share_with_its_counts() -> None:
    assert [wording.limit_text(limit) for limit in (5, 5.0, 0.1, Fraction(21, 10))] == ["5 %", "5 %", "0.1 %", "2.1 %"]
    assert wording.share_text(1_234, 20_000) == "1,234 of 20,000 (6.2 %)"
    assert wording.share_text(0, 0) == "0 of 0"
    assert wording.share_percent_text(0, 0) == "no share"
    assert [wording.change_percent_text(each) for each in (3.2, -0.4, 0)] == ["+3.2 %", "-0.40 %", "0 %"]


def test_counts_confidence_and_money() -> None:
    assert [wording.count_text(count, "contact") for count in (0, 1, 2_345)] == [
        "0 contacts",
        "1 contact",
        "2,345 contacts",
    ]
    assert wording.count_text(2, "entry", "entries") == "2 entries"
    # Rounded down: a confidence that is just below the limit of 0.85 does not look like it.
    assert [wording.confidence_text(sure) for sure in (0.85, 0.8499, 1.0, None)] == [
        "0.85",
        "0.84",
        "1.00",
        "not known",
    ]
    assert wording.dollars_text(0.01234) == "0.0123 USD"


def test_instants_are_told_in_utc_whatever_zone_they_come_in() -> None:
    at = datetime(2026, 11, 23, 0, 30, 15, tzinfo=timezone(timedelta(hours=2)))
    assert wording.instant_text(at) == "2026-11-22 22:30 UTC"
    assert wording.utc_text(at, seconds=True) == "2026-11-22 22:30:15"
    assert wording.date_text(at) == "2026-11-22"
    assert wording.date_text(date(2026, 11, 23)) == "2026-11-23"
    assert wording.instant_text(None) == wording.utc_text(None) == "never"
    assert wording.instant_text(datetime(2026, 1, 2, 3, 4, tzinfo=UTC)) == "2026-01-02 03:04 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"), (2.44, "2.4 s"), (59.94, "59.9 s"), (59.96, "1 min"), (312.4, "5 min 12 s"), (3_599.7, "1 h"),
        (12_000, "3 h 20 min"), (86_399, "1 day"), (90_000, "1 day 1 h"), (172_800, "2 days"),
    ],
)  # fmt: skip
def test_a_duration_is_told_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert wording.duration_text(seconds) == wording.duration_text(timedelta(seconds=seconds)) == text


def test_a_long_name_is_cut_to_80_characters() -> None:
    assert wording.short_name_text("x" * 80) == "x" * 80
    assert wording.short_name_text("x" * 81) == "x" * 79 + "…"
    assert wording.short_name_text("x" * 78 + " yz") == "x" * 78 + "…"


def test_names_are_cut_and_the_rest_is_counted() -> None:
    assert [wording.names_text(list("abcde"[:count])) for count in range(6)] == [
        "", "a", "a and b", "a, b and c", "a, b, c and 1 more", "a, b, c and 2 more",
    ]  # fmt: skip
    assert wording.ids_text([3, 1, 2]) == "3, 1 and 2"
    assert wording.ids_text(range(8), most=2) == "0, 1 and 6 more"
