"""Whose opens and clicks they are, and what they show."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from list_pipeline.core.engagement import Engagement, TakenBy, taken_by

EARLY, LATE = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("agent", "who"),
    [
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_12_5) Chrome/58.0.3029.110", TakenBy.PERSON),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", TakenBy.PERSON),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", TakenBy.PERSON),
        ("", TakenBy.PERSON),
        ("something that nobody knows", TakenBy.PERSON),
        ("Mozilla/5.0", TakenBy.PREFETCH),
        (" mozilla/5.0 ", TakenBy.PREFETCH),
        ("Mozilla/5.00", TakenBy.PERSON),
        ("Mozilla/5x0", TakenBy.PERSON),
        ("Barracuda Sentinel (EE)", TakenBy.SCANNER),
        ("python-requests/2.31", TakenBy.SCANNER),
        ("Mozilla/5.0 (compatible; bingbot/2.0)", TakenBy.SCANNER),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/120", TakenBy.SCANNER),
        ("curl/8.0", TakenBy.SCANNER),
        # A browser whose name holds such a word by chance.
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_X19) Chrome/90", TakenBy.PERSON),
    ],
)
def test_who_opened_or_clicked_is_known_by_the_programs_name(agent: str, who: TakenBy) -> None:
    assert taken_by(agent) is who


def test_a_fetch_by_the_mail_program_shows_that_the_address_works_and_not_that_somebody_reads() -> None:
    fetched = Engagement(opened_at=EARLY, prefetched_at=LATE)
    assert (fetched.address_worked_at, fetched.read_at) == (LATE, EARLY)


def test_a_click_shows_both() -> None:
    clicked = Engagement(opened_at=EARLY, clicked_at=LATE)
    assert (clicked.address_worked_at, clicked.read_at) == (LATE, LATE)


def test_without_a_sign_nothing_is_shown() -> None:
    assert (Engagement().address_worked_at, Engagement().read_at) == (None, None)
