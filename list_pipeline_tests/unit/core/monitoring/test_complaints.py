"""The complaint rate of a campaign, and what it shows."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from list_pipeline.core.bounces.classes import FailureEvent, classify
from list_pipeline.core.monitoring.complaints import (
    COMPLAINT_ALERT_PERCENT,
    COMPLAINT_TARGET_PERCENT,
    ComplaintRate,
    ComplaintStanding,
    complaint_rate,
    complaints_of,
    standing_text,
)
from list_pipeline.core.observations import MessageStatus

S = ComplaintStanding


def failed(state: int | None, status: MessageStatus) -> FailureEvent:
    at = datetime(2026, 11, 20, tzinfo=UTC)
    return FailureEvent(1, 50, at, state, None, status, classify(state, None, status), True, True)


@pytest.mark.parametrize(
    ("complaints", "recipients", "standing"),
    [
        (0, 333, S.UNCLEAR),
        (1, 333, S.UNCLEAR),
        (3, 333, S.ABOVE_TARGET),
        (4, 333, S.ALERT),
        (4, 12_000, S.BELOW_TARGET),
        (12, 12_000, S.UNCLEAR),
        (24, 12_000, S.ABOVE_TARGET),
        (47, 12_000, S.ALERT),
    ],
)
def test_a_rate_shows_what_its_bounds_show(complaints: int, recipients: int, standing: ComplaintStanding) -> None:
    assert ComplaintRate(complaints, recipients).standing() is standing


def test_a_bound_on_a_limit_is_not_beyond_it() -> None:
    rate = ComplaintRate(4, 1_000)
    assert rate.standing(alert_percent=rate.low, target_percent=0) is S.ABOVE_TARGET
    assert rate.standing(target_percent=rate.low, alert_percent=5) is S.UNCLEAR
    assert rate.standing(target_percent=rate.high, alert_percent=5) is S.UNCLEAR
    assert rate.standing(target_percent=rate.high + 0.001, alert_percent=5) is S.BELOW_TARGET


def test_the_bounds_are_exact_and_the_rate_lies_between() -> None:
    rate = ComplaintRate(1, 333)
    assert (rate.percent, rate.low, rate.high) == pytest.approx((0.3003, 0.0154, 1.4166), abs=1e-4)
    assert ComplaintRate(4, 1_000).percent == pytest.approx(0.4)
    assert rate.text == "0.30 % (0.02 to 1.42 %)"


def test_a_quiet_account_shouts_in_no_more_than_one_campaign_of_twenty() -> None:
    random.seed(7)
    shouts = sum(
        ComplaintRate(sum(random.random() < 0.0005 for _ in range(333)), 333).standing() is S.ALERT
        for _ in range(1_000)
    )
    assert shouts <= 10


def test_only_complaints_about_this_campaign_count() -> None:
    events = [
        failed(None, MessageStatus.SPAM),
        failed(21, MessageStatus.SPAM),
        failed(21, MessageStatus.BLOCKED),
        failed(1, MessageStatus.HARD_BOUNCED),
        failed(3, MessageStatus.SOFT_BOUNCED),
    ]
    assert complaints_of(events) == 2


def test_a_rate_that_is_not_known_is_none() -> None:
    assert complaint_rate(None, 10) is None
    assert complaint_rate(0, 0) is None
    assert complaint_rate(1, 10) == ComplaintRate(1, 10)
    assert complaint_rate(3, 1) == ComplaintRate(1, 1)
    for complaints, recipients in ((0, 0), (2, 1), (-1, 1)):
        with pytest.raises(ValueError, match=f"{complaints} complaints of {recipients} recipients"):
            ComplaintRate(complaints, recipients)


def test_what_a_rate_shows_is_said_with_the_limit() -> None:
    assert (COMPLAINT_TARGET_PERCENT, COMPLAINT_ALERT_PERCENT) == (0.1, 0.3)
    assert standing_text(ComplaintRate(4, 12_000)) == ""
    assert standing_text(ComplaintRate(1, 333)) == "cannot tell yet whether that is below the target of 0.1 %"
    assert standing_text(ComplaintRate(24, 12_000)) == "above the target of 0.1 %"
    assert standing_text(ComplaintRate(60, 12_000)) == "ALERT, mailbox providers expect less than 0.3 %"
    assert standing_text(ComplaintRate(60, 12_000), 0.2, 2) == "above the target of 0.2 %"
