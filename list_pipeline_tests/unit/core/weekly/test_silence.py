"""Contacts without a sign of life: when they can be counted, and what is said of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.weekly.silence import Silence, can_be_counted, silence_text

AT = datetime(2026, 11, 16, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "can"),
    [
        (None, False),
        (AT - timedelta(days=90), True),
        (AT - timedelta(days=90) + timedelta(seconds=1), False),
        (AT - timedelta(days=900), True),
        (AT, False),
    ],
)
def test_they_are_counted_only_where_opens_were_told_all_the_time(since: datetime | None, can: bool) -> None:
    assert can_be_counted(since, 90, AT) is can


def test_what_is_not_known_says_why_and_until_when() -> None:
    assert silence_text(Silence(90)) == "Who gave no sign of life is not known: Mailjet never told of an open or click"
    assert silence_text(Silence(90, signs_since=AT)) == (
        "Who gave no sign of life in 90 days is not known before 2027-02-14: opens and clicks are told since 2026-11-16"
    )


def test_what_is_known_says_that_nobody_is_suppressed_for_it() -> None:
    assert silence_text(Silence(90, 1_200, 7, AT)) == (
        "1,200 contacts opened and clicked nothing for 90 days; 7 of them were not delivered to either. Reported only: nobody "
        "is suppressed for it (`list-pipeline silent`)"
    )
    assert "either" not in silence_text(Silence(90, 1, 0, AT))
    assert silence_text(Silence(90, 0, 0, AT)) == "Every contact that was mailed gave a sign of life within 90 days"
