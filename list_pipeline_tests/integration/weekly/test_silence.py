"""Who opened and clicked nothing is counted once opens were told for long enough, reported, and left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.operations.weekly.silence import silent_now
from list_pipeline.storage import engagement
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.told_events.events import event, seconds, tell

DAYS = 30
RECIPIENTS = """select r.contact_id from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
    where s.mailjet_campaign_id = :campaign"""


def told_since(made: Installation, days: int) -> None:
    """Opens and clicks are told for so long."""
    with made.services.database.begin() as connection:
        execute(
            connection,
            "insert into told_count (day, kind, outcome, events, first_at, last_at) values ('2026-01-01', 'open', 'kept', 1,"
            " :at, :at)",
            at=made.clock.now() - timedelta(days=days),
        )


def test_nobody_is_called_silent_before_opens_were_told_for_so_long(small: Installation) -> None:
    services = small.another(no_sign_of_life_days=DAYS)
    tell(small, event(small, 47, "open"))
    found = silent_now(services)
    assert (found.silence.contacts, found.silence.unreached, found.shown) == (None, None, ())
    report = check_week(services, progress=quietly).report
    assert "not known before" in str(report.message)
    assert report.facts.silence is not None
    assert report.facts.silence.contacts is None


def test_who_opened_or_clicked_in_time_is_not_silent_and_a_fetch_is_no_sign(maintained: Installation) -> None:
    small = maintained
    told_since(small, DAYS + 8)
    services = small.another(no_sign_of_life_days=DAYS)
    mailable = {
        contact
        for role in CAMPAIGN_LISTS
        for contact in small.members(role)
        if not small.control.contact(contact)["excluded"]
    }
    before = silent_now(services)
    assert {contact for contact, _ in before.shown} <= mailable
    assert before.silence.contacts == len(before.shown)
    number = {contact: person for person, contact in small.account.people.items()}
    opens, clicks, fetched, late = sorted(number[one] for one, reached in before.shown if reached)[:4]
    long_ago = seconds(small.clock.now() - timedelta(days=DAYS, minutes=1))
    tell(
        small,
        event(small, opens, "open", agent="Firefox"),
        event(small, clicks, "click", agent="Firefox"),
        event(small, fetched, "open", agent="Mozilla/5.0"),
        event(small, late, "open", agent="Firefox", time=long_ago),
    )
    after = silent_now(services)
    assert {contact for contact, _ in before.shown} - {contact for contact, _ in after.shown} == small.account.ids(
        opens, clicks
    )
    assert after.silence.contacts == len(after.shown)
    assert not small.account.ids(*HARD) & set(dict(after.shown))

    digest = small.control.digest()
    # The week that is due ended some days ago, when fewer had been mailed.
    checked = check_week(services, progress=quietly)
    assert checked.report.facts.silence is not None
    assert checked.report.facts.silence.contacts
    assert "opened and clicked nothing for 30 days" in str(checked.report.message)
    assert small.control.digest() == digest


def test_they_are_shown_page_by_page(small: Installation) -> None:
    told_since(small, DAYS)
    services = small.another(no_sign_of_life_days=DAYS)
    everybody = silent_now(services).shown
    first = silent_now(services, limit=3).shown
    rest = silent_now(services, after=first[-1][0]).shown
    assert first + rest == everybody
    assert len(first) == 3


def test_a_checked_week_keeps_its_count(small: Installation) -> None:
    told_since(small, DAYS + 8)
    services = small.another(no_sign_of_life_days=DAYS)
    first = check_week(services, progress=quietly).report.facts.silence
    assert first is not None
    assert first.contacts
    tell(small, event(small, 47, "open", agent="Firefox"))
    assert check_week(services, progress=quietly).report.facts.silence == first


def test_a_campaign_of_which_no_sign_was_told_makes_nobody_silent(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engagement, "SIGNS_EXPECTED_FROM", 1)
    told_since(small, DAYS)
    services = small.another(no_sign_of_life_days=DAYS)
    small.query("delete from contact_engagement returning 1")
    assert silent_now(services).silence.contacts == 0
    tell(small, event(small, 47, "open", agent="Firefox"))
    told = {row[0] for row in small.query(RECIPIENTS, campaign=small.account.campaigns[-1])}
    found = {contact for contact, _ in silent_now(services).shown}
    assert found
    assert found <= told - small.account.ids(47)
