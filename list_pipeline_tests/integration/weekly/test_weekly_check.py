"""The weekly check on rehearsed accounts: what it measures, what it keeps, what it says, and what a failure leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import RefusedError, TransientError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import Urgency
from list_pipeline.core.weekly.policy import WEEKLY
from list_pipeline.operations import setup
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.operations.weekly import steps as weekly
from list_pipeline.operations.weekly.report import WeekChecked, check_week
from list_pipeline.storage import weekly as weekly_rows
from list_pipeline_tests.integration.accounts import (
    HARD,
    LIST_SIZE,
    Account,
    Installation,
    confirm,
    installation,
    quietly,
)
from list_pipeline_tests.integration.conftest import Install

WEEK = date(2026, 11, 16)
"""The small account's last three sends, on 8, 11 and 14 November, lie in the seven days before or one before them."""
DUE = datetime(2026, 11, 16, 10, tzinfo=UTC)


def check(made: Installation, week: date | None = None, **settings: Any) -> WeekChecked:
    services = made.another(**settings) if settings else made.services
    return check_week(services, week, progress=quietly)


def row(made: Installation, week: date = WEEK) -> dict[str, Any]:
    with made.services.database.begin() as connection:
        found = weekly_rows.whole_row(connection, week)
    assert found is not None
    return dict(found)


def asked(made: Installation) -> dict[str, int]:
    """Requests to Mailjet since the counts were reset; those of Slack's API begin otherwise."""
    return {name: n for name, n in made.control.requests().items() if "api/" not in name}


@pytest.fixture(scope="module")
def maintained(
    hand_made: Account, new_database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Account, str]:
    """The small account on the Monday on which the check is due, five minutes later; the last campaign is maintained."""
    with installation(hand_made, tmp_path_factory.mktemp("maintained"), new_database()) as made:
        setup.prepare(made.services)
        synchronise(made.services, progress=quietly)
        confirm(made.services)
        made.maintain()
        made.clock.set(DUE + timedelta(minutes=5))
        return made.left_like_this()


@pytest.fixture
def monday(maintained: tuple[Account, str], install: Install) -> Iterator[Installation]:
    """An installation in that state."""
    with install(*maintained) as made:
        yield made


def messages(made: Installation) -> list[str]:
    return [
        str(one[0])
        for one in made.query(
            "select text from notification where message_key like 'weekly:%' and message_key not like '%_details' order by 1"
        )
    ]


def test_a_week_with_campaigns_has_its_figures_its_row_and_its_message(monday: Installation) -> None:
    checked = check(monday)
    assert checked.run.week.monday == WEEK
    figures = checked.report.facts.figures
    # Mailed in the seven days before: list 2 on the 11th and list 3 on the 14th.
    assert figures.activity.campaigns_sent == 2
    two, three = figures.sends[ListRole.CAMPAIGN_2], figures.sends[ListRole.CAMPAIGN_3]
    assert figures.sends[ListRole.CAMPAIGN_1].read is None
    assert two.read is not None
    assert three.read is not None
    assert (three.read.recipients, three.read.hard) == (LIST_SIZE, len(HARD))
    assert figures.bounce_rate is not None
    assert (figures.bounce_rate.count, figures.bounce_rate.of) == (len(HARD) + 1, 2 * LIST_SIZE)
    kept = row(monday)
    assert kept["status"] == "success"
    assert kept["master_list_size"] == len(monday.members(ListRole.MASTER))
    assert kept["average_bounce_rate"] == pytest.approx(100 * 4 / 40)
    assert kept["average_delivery_rate"] == pytest.approx(figures.delivery_rate.percent if figures.delivery_rate else 0)
    assert kept["is_balanced"] is figures.is_balanced
    assert kept["slack_notification_sent"]
    assert kept["slack_message_ts"]
    assert (kept["window_from"], kept["window_to"]) == (DUE - timedelta(days=7), DUE)
    assert len(kept["health_assessments"]) == 3
    assert kept["action_items"] == [
        {"priority": item.priority.value, "text": item.text}
        for item in (checked.report.facts.report.action_items if checked.report.facts.report else ())
    ]
    assert kept["activity"]["suppressed"] == len(HARD) + 1
    assert "was not checked" in kept["weekly_report"]["week_over_week"]
    assert monday.changing_requests() == {}
    events = [entry["event"] for entry in monday.logs]
    assert "weekly health check started" in events
    (completed,) = [entry for entry in monday.logs if entry["event"] == "weekly health check completed"]
    assert completed["total_issues"] == kept["total_issue_count"]
    assert completed["next_week"] == "2026-11-23"


def test_the_sync_is_asked_once_and_its_sizes_are_taken(monday: Installation) -> None:
    check(monday)
    assert 0 < sum(asked(monday).values()) <= 30
    monday.control.reset_requests()
    again = check(monday)
    assert asked(monday) == {}
    assert again.report.message == check(monday).report.message
    assert monday.query("select count(*) from list_health_check") == [(1,)]
    assert len(messages(monday)) == len(set(messages(monday)))


def test_where_nothing_was_sent_the_averages_are_unknown_and_never_zero(small: Installation) -> None:
    small.clock.set(DUE + timedelta(days=14, minutes=5))
    checked = check(small)
    kept = row(small, WEEK + timedelta(days=14))
    assert checked.report.facts.figures.activity.campaigns_sent == 0
    assert kept["average_bounce_rate"] is None
    assert kept["average_delivery_rate"] is None
    assert kept["master_list_size"] > 0
    assert "No campaign was sent" in checked.report.message.blocks[1]["text"]["text"]


def test_the_next_week_is_compared_with_the_stored_one(monday: Installation) -> None:
    first = check(monday).report.facts
    monday.clock.advance(timedelta(days=1))
    monday.control.sign_up("new@company-1.example.com", monday.account.lists.master)
    monday.clock.set(DUE + timedelta(days=7, minutes=5))
    second = check(monday).report.facts
    changes = {change.name: change for change in second.changes}
    assert changes["master_contacts"].before == first.figures.sizes[ListRole.MASTER].mailable
    assert changes["master_contacts"].difference == 1
    assert changes["new_contacts"].now == 1
    assert changes["suppressed"].before == len(HARD) + 1
    assert changes["bounce_rate_percent"].now is None
    assert row(monday, WEEK + timedelta(days=7))["week_over_week"]


def test_a_past_week_is_shown_as_it_was_whatever_happened_since(monday: Installation) -> None:
    message = check(monday).report.message
    before = row(monday)
    monday.control.sign_up("later@company-1.example.com", monday.account.lists.master)
    monday.clock.set(DUE + timedelta(days=20))
    monday.query("update bounce_event set bounce_class = 'soft' returning 1")
    monday.control.reset_requests()
    again = check(monday, WEEK)
    assert again.report.message == message
    assert row(monday) == before
    assert asked(monday) == {}


def test_a_past_week_that_nobody_checked_has_campaigns_and_no_sizes(monday: Installation) -> None:
    monday.clock.set(DUE + timedelta(days=8))
    checked = check(monday, WEEK)
    kept = row(monday)
    assert kept["status"] == "success"
    for name in (
        "master_list_size",
        "campaign_list_1_size",
        "suppression_list_size",
        "balance_deviation",
        "is_balanced",
    ):
        assert kept[name] is None
    assert "Nobody measured the lists" in kept["sizes_note"]
    assert kept["average_bounce_rate"] == pytest.approx(10.0)
    assert {each.role for each in checked.report.facts.assessments} == set(CAMPAIGN_LISTS)
    assert asked(monday) == {}
    assert "not known" in str(checked.report.message.blocks)


def test_late_in_the_week_the_sizes_are_said_to_be_of_that_day(monday: Installation) -> None:
    monday.clock.set(DUE + timedelta(days=3))
    checked = check(monday)
    assert checked.run.week.monday == WEEK
    kept = row(monday)
    assert kept["sizes_note"].startswith("The sizes are those of 2026-11-19")
    assert kept["master_list_size"] is not None


@pytest.mark.parametrize("behaviour", ["off", "hostile", "invented_references"])
def test_whatever_the_model_does_the_figures_are_the_same(monday: Installation, behaviour: str) -> None:
    monday.control.gemini_behaviour(behaviour, times=None)
    checked = check(monday, gemini_api_key="sandbox-key", gemini_base_url=monday.server.url)
    kept = row(monday)
    assert kept["status"] == "success"
    assert kept["average_bounce_rate"] == pytest.approx(10.0)
    assert kept["weekly_report"]["executive_summary"]
    assert checked.notified.report.state == "sent"


def test_the_models_report_is_kept_with_the_policys_own_concerns(monday: Installation) -> None:
    checked = check(monday, gemini_api_key="sandbox-key", gemini_base_url=monday.server.url)
    report = checked.report.facts.report
    assert report is not None
    assert report.source.value == "model"
    assert set(report.concerns) >= {issue.text for issue in checked.report.facts.issues[:1]}
    questions = monday.query("select subject, week from agent_record where agent = 'reporting' and week is not null")
    assert questions == [("week", WEEK)]
    prompts = monday.query("select prompt from agent_record where agent = 'reporting' and week is not null")
    assert "@" not in prompts[0][0]


def test_a_step_that_fails_leaves_nulls_and_one_alert_and_is_continued_in_the_same_row(
    monday: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise TransientError("Assessing the lists", "the figures could not be read", "Run it again")

    with monkeypatch.context() as broken:
        broken.setattr(weekly, "figures_of_lists", fail)
        with pytest.raises(TransientError):
            check(monday)
    failed = row(monday)
    assert (failed["status"], failed["urgency"]) == ("failed", "critical")
    for name in ("master_list_size", "campaign_list_1_size", "balance_deviation", "is_balanced", "average_bounce_rate"):
        assert failed[name] is None
    assert failed["errors"][0]["stage"] == "assessments"
    assert [text.split(":")[0] for text in messages(monday)] == ["🚨 Weekly List Health Check Failed"]
    taken = monday.query("select list_role, raw_count, taken_at from weekly_list_snapshot order by list_role")
    monday.clock.advance(timedelta(minutes=10))
    monday.control.reset_requests()
    check(monday)
    kept = row(monday)
    assert (kept["id"], kept["status"], kept["attempt"]) == (failed["id"], "success", 2)
    assert kept["errors"] == failed["errors"]
    # What was measured before the failure is not measured again.
    assert monday.query("select list_role, raw_count, taken_at from weekly_list_snapshot order by list_role") == taken
    assert asked(monday) == {}


def test_mailjet_that_does_not_answer_fails_the_check_without_an_invented_size(monday: Installation) -> None:
    monday.control.reset_requests()
    services = monday.another(mailjet_base_url="http://127.0.0.1:9")
    with pytest.raises(TransientError):
        check_week(services, progress=quietly)
    assert row(monday)["status"] == "failed"
    assert monday.query("select count(*) from weekly_list_snapshot") == [(0,)]


def test_slack_that_is_down_changes_nothing_about_the_row(monday: Installation) -> None:
    checked = check(monday, slack_base_url="http://127.0.0.1:9/api/")
    kept = row(monday)
    assert checked.notified.report.state in ("failed", "unknown")
    assert (kept["status"], kept["slack_notification_sent"]) == ("success", False)
    assert check(monday).notified.report.state == "sent"
    assert row(monday)["slack_notification_sent"]
    assert monday.query("select count(*) from list_health_check") == [(1,)]


def test_an_urgent_week_calls_people_below_the_report(monday: Installation) -> None:
    monday.query("update list_maintenance_log set status = 'failed' returning 1")
    checked = check(monday)
    assert checked.report.facts.urgency is Urgency.HIGH
    assert checked.report.message.text.startswith("⚠️")
    assert checked.notified.alert is not None
    assert checked.notified.alert.state == "sent"
    (text,) = [text for text in messages(monday) if text.startswith("🚨")]
    assert "failed and was not brought to an end" in text


def test_only_weeks_that_are_due_can_be_checked_and_are_called_by_their_monday(monday: Installation) -> None:
    with pytest.raises(RefusedError, match="called by its Monday"):
        check(monday, WEEK + timedelta(days=1))
    with pytest.raises(RefusedError, match="due at 2026-11-23 10:00 UTC"):
        check(monday, WEEK + timedelta(days=7))
    assert monday.query("select count(*) from list_health_check") == [(0,)]


def test_missed_weeks_are_named_oldest_first_and_not_those_before_the_first_start(monday: Installation) -> None:
    monday.clock.set(DUE + timedelta(minutes=30))
    assert weekly.missed_weeks(monday.services) == []
    monday.clock.set(DUE + timedelta(days=14, hours=2))
    found = weekly.missed_weeks(monday.services)
    assert [one.week.monday for one in found] == [WEEK, WEEK + timedelta(days=7), WEEK + timedelta(days=14)]
    check(monday, WEEK)
    monday.query(
        """insert into list_health_check (week, executed_at, touched_at, status, attempt, window_from, window_to)
           values (date '2026-11-23', now(), now(), 'failed', 3, now() - interval '7 days', now()) returning 1"""
    )
    assert [one.week.monday for one in weekly.missed_weeks(monday.services)] == [WEEK + timedelta(days=14)]
    # One whose run died, by its last sign of life.
    monday.query(
        "update list_health_check set status = 'running', touched_at = '2026-11-23' where attempt = 3 returning 1"
    )
    assert next(one.why for one in weekly.missed_weeks(monday.services)) == "its run gave no sign of life"
    monday.clock.set(DUE + timedelta(days=70, hours=2))
    assert len(weekly.missed_weeks(monday.services)) == WEEKLY.catch_up_weeks


def test_in_read_only_mode_a_check_only_reads(install_small: Install) -> None:
    with install_small(list_management_mode="read_only") as made:
        made.clock.set(DUE + timedelta(minutes=5))
        made.control.reset_requests()
        assert check(made).report.facts.figures.sizes
        assert made.changing_requests() == {}


def test_a_check_of_three_thousand_contacts_needs_few_of_a_minutes_three_hundred_requests(seeded: Installation) -> None:
    # After eight days of absence: every list is compared and read whole.
    seeded.clock.set(DUE + timedelta(days=14, minutes=5))
    before = seeded.services.mailjet.requests_made
    check(seeded)
    assert 20 < seeded.services.mailjet.requests_made - before <= 90
    # In a running installation, where a sync runs every hour.
    seeded.clock.advance(timedelta(days=6, hours=23))
    synchronise(seeded.services, full=True, progress=quietly)
    seeded.clock.advance(timedelta(hours=1))
    before = seeded.services.mailjet.requests_made
    check(seeded)
    assert 10 < seeded.services.mailjet.requests_made - before <= 20
