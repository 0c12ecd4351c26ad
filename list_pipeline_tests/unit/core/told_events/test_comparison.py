"""What the Event API missed of a campaign, in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from list_pipeline.core.told_events.comparison import Compared, comparison_text

SENT = datetime(2026, 11, 20, 9, tzinfo=UTC)
ALL = Compared(failures=3, told=3, only_told=0, typical_s=2.0, slowest_s=3600.0, since=SENT - timedelta(days=9))


def test_everything_was_told() -> None:
    assert comparison_text(ALL, SENT) == (
        "Mailjet told of 3 of the 3 failures that were read; half of them within 2 s, the last after 1 h."
    )


def test_what_was_missed_and_what_no_log_shows_is_said() -> None:
    some = replace(ALL, told=1, only_told=2)
    assert some.missed == 2
    said = comparison_text(some, SENT)
    assert "told of 1 of the 3 failures that were read and missed 2;" in said
    assert said.endswith("It told of 2 more failures that the logs do not show, on which nothing is decided.")


def test_a_campaign_from_before_the_first_event_is_not_compared() -> None:
    none = replace(ALL, told=0, typical_s=None, slowest_s=None)
    assert comparison_text(none, SENT - timedelta(days=9, seconds=1)).startswith("Not comparable")
    assert comparison_text(none, SENT - timedelta(days=9)) == (
        "Mailjet told of 0 of the 3 failures that were read and missed 3."
    )
    assert "told of 3" in comparison_text(ALL, SENT - timedelta(days=30))


def test_that_no_event_ever_came_is_said() -> None:
    assert "registered" in comparison_text(replace(ALL, told=0, since=None), SENT)
