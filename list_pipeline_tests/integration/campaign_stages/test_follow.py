"""Each stage of a campaign is told once, in its time, with what is true then; what it is too late for says why."""

from __future__ import annotations

from datetime import datetime, timedelta

import dagster as dg
import pytest

from list_pipeline.core.campaign_stages.times import Stage, StageState
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.exported import STAGE_DELIVERIES, STAGES, SUM
from list_pipeline.core.wording import instant_text
from list_pipeline.defs.campaign_stages.automation import campaign_stages
from list_pipeline.operations.campaign_stages.follow import StageDone, follow_stages, to_wrap_up
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.odd_sends import can_be_mailed
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.messages.outbox import send_waiting
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.views.campaign_story import campaign_story
from list_pipeline.storage.database import execute
from list_pipeline.storage.monitoring.totals import all_totals
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.drafts import schedule, unschedule
from list_pipeline_tests.integration.validation.test_validate import put_back_by_a_person, scheduled_campaign

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
TOLD, SKIPPED = StageState.TOLD, StageState.SKIPPED


def launch_in_two_days(made: Installation) -> tuple[int, datetime]:
    """A campaign to list 1 at 09:15 UTC, two days from now; its draft."""
    at = (made.clock.now() + 2 * DAY).replace(hour=9, minute=15, second=0, microsecond=0)
    draft = schedule(made, at)
    look(made)
    return draft, at


def look(made: Installation) -> list[StageDone]:
    """The looks of the two sensors, one after the other."""
    discover(made.services)
    discover_upcoming(made.services)
    return follow_stages(made.services)


def look_at(made: Installation, at: datetime) -> list[tuple[Stage, StageState]]:
    made.clock.set(at)
    return [(one.stage, one.state) for one in look(made)]


def titles(made: Installation) -> list[str]:
    return [str(message["blocks"][0]["text"]["text"]) for message in made.cards()]


def status(made: Installation, draft: int) -> dict[str, dict[str, object]]:
    ((found,),) = made.query("select notification_status from campaign_schedule where mailjet_draft_id = :d", d=draft)
    return dict(found)


def test_a_campaign_is_announced_warned_of_and_confirmed_each_once(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    assert look_at(small, at.replace(hour=14, minute=59) - DAY) == []
    assert look_at(small, at.replace(hour=15, minute=0) - DAY) == [(Stage.PRELAUNCH, TOLD)]
    assert look(small) == []
    small.clock.set(at.replace(hour=6, minute=0))
    assert look(small) == [], "its validation is to be made now"
    key = small.query("select campaign_key from campaign_schedule where mailjet_draft_id = :d", d=draft)[0][0]
    validate(small.services, str(key))
    assert [(one.stage, one.state) for one in look(small)] == [(Stage.PREFLIGHT, TOLD)]
    assert look_at(small, at - 15 * MINUTE - timedelta(seconds=1)) == []
    assert look_at(small, at - 15 * MINUTE) == [(Stage.LAUNCH_WARNING, TOLD)]
    assert look_at(small, at + 2 * MINUTE) == [(Stage.LAUNCH_CONFIRMATION, TOLD)]
    assert look_at(small, at + 10 * MINUTE) == []

    announced, validated, warned, confirmed = titles(small)
    assert (announced, warned, confirmed) == (
        "📅 Campaign Coming Up",
        "⏰ Launch at 09:15 UTC",
        "🚀 Mailjet Is Sending",
    )
    assert "Ready to Send" in validated
    first, *others = small.cards()
    assert {message["thread_ts"] for message in others} == {first["ts"]}
    found = status(small, draft)
    assert {stage: told["sent"] for stage, told in found.items()} == {
        "prelaunch": True,
        "preflight": True,
        "launch_warning": True,
        "launch_confirmation": True,
    }
    assert found["preflight"]["status"] == "ready"
    log = small.query("select stage, status, attempt, sent_at - due_at < '1 minute' from notification_log order by id")
    assert log == [
        ("PRELAUNCH", "SUCCESS", 1, True),
        ("PREFLIGHT", "SUCCESS", 1, True),
        ("LAUNCH_WARNING", "SUCCESS", 1, True),
        ("LAUNCH_CONFIRMATION", "SUCCESS", 1, False),
    ]


def test_a_campaign_that_is_moved_has_its_stages_once_more_for_its_new_time(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    assert look_at(small, at.replace(hour=15, minute=0) - DAY) == [(Stage.PRELAUNCH, TOLD)]
    unschedule(small, draft)
    schedule(small, at + DAY, draft=draft)
    assert look_at(small, at - 15 * MINUTE) == []
    assert look_at(small, at.replace(hour=15, minute=0)) == [(Stage.PRELAUNCH, TOLD)]
    assert titles(small).count("📅 Campaign Coming Up") == 2
    assert f"{at + DAY:%Y-%m-%d} 09:15 UTC" in str(small.cards()[-1])


def test_a_campaign_that_is_taken_back_is_told_of_no_further(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    unschedule(small, draft)
    assert look_at(small, at.replace(hour=15, minute=0) - DAY) == []
    assert look_at(small, at - 15 * MINUTE) == []


def test_after_a_standstill_over_three_stages_each_says_why_it_was_not_told(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    assert look_at(small, at + 32 * MINUTE) == [
        (Stage.PRELAUNCH, SKIPPED),
        (Stage.PREFLIGHT, SKIPPED),
        (Stage.LAUNCH_WARNING, SKIPPED),
        (Stage.LAUNCH_CONFIRMATION, SKIPPED),
    ]
    assert titles(small) == []
    (announced, checked, warned, confirmed) = [
        str(row[0]) for row in small.query("select reason from campaign_stage order by due_at")
    ]
    assert "nothing of ours ran until" in announced
    assert f"no validation of its list had ended until {instant_text(at)}" in checked
    assert f"nothing of ours ran until {instant_text(at)}" in warned
    assert "nothing of ours had seen that Mailjet began until" in confirmed
    assert {one["sent"] for one in status(small, draft).values()} == {False}
    assert look(small) == []


def test_what_is_scheduled_on_its_day_has_no_announcement(small: Installation) -> None:
    at = small.clock.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=2)
    schedule(small, at)
    (only,) = look(small)
    assert (only.stage, only.state) == (Stage.PRELAUNCH, SKIPPED)
    assert "too late for it" in only.why


def test_what_is_launched_by_hand_before_its_time_is_confirmed_and_warned_of_no_more(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    look_at(small, at.replace(hour=15, minute=0) - DAY)
    small.clock.set(at - 60 * MINUTE)
    unschedule(small, draft)
    schedule(small, small.clock.now() + MINUTE, draft=draft)
    small.clock.advance(2 * MINUTE)
    found = {(one.stage, one.state) for one in look(small)}
    assert (Stage.LAUNCH_CONFIRMATION, TOLD) in found
    assert (Stage.LAUNCH_WARNING, SKIPPED) in found
    assert "⏰ Launch at 09:15 UTC" not in titles(small)


def test_a_blocked_campaign_is_warned_of_loudly(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    put_back_by_a_person(small)
    small.clock.set(at.replace(hour=6, minute=0))
    key = small.query("select campaign_key from campaign_schedule where mailjet_draft_id = :d", d=draft)[0][0]
    validate(small.services, str(key))
    look(small)
    assert look_at(small, at - 15 * MINUTE) == [(Stage.LAUNCH_WARNING, TOLD)]
    assert titles(small)[-1] == "🚨 Launch at 09:15 UTC"
    assert "Mailjet sends it all the same" in str(small.cards()[-1])
    assert status(small, draft)["preflight"]["status"] == "blocked"


def test_a_campaign_whose_schedule_our_block_took_back_is_warned_of_no_more(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True)
    _, key, at = scheduled_campaign(small, services)
    put_back_by_a_person(small)
    assert "was cancelled" in validate(services, key).fate
    look(small)
    assert look_at(small, at - 15 * MINUTE) == [(Stage.LAUNCH_WARNING, SKIPPED)]
    assert small.query("select reason from campaign_stage where stage = 'launch_warning'") == [
        ("its validation took its schedule back",)
    ]


def test_slack_that_is_away_gets_it_later_and_the_status_follows(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    small.control.add_fault("drop_before", path="^/api/", count=None)
    assert look_at(small, at.replace(hour=15, minute=0) - DAY) == [(Stage.PRELAUNCH, TOLD)]
    assert status(small, draft)["prelaunch"]["sent"] is False
    assert small.query("select status from notification_log") == [("RETRYING",)]
    small.control.clear_faults()
    small.clock.advance(20 * MINUTE)
    send_waiting(small.services)
    follow_stages(small.services)
    assert status(small, draft)["prelaunch"]["sent"] is True
    assert titles(small) == ["📅 Campaign Coming Up"]


def test_of_two_processes_one_tells_it(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    small.clock.set(at.replace(hour=15, minute=0) - DAY)
    found = [len(follow_stages(services)) for services in (small.services, small.another())]
    assert found == [1, 0]
    assert titles(small) == ["📅 Campaign Coming Up"]


def test_past_sends_of_a_first_start_are_told_to_nobody(small: Installation) -> None:
    assert look(small) == []
    assert small.query("select count(*) from campaign_stage") == [(0,)]


def test_the_sensor_tells_and_starts_no_run(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    small.clock.set(at.replace(hour=15, minute=0) - DAY)
    with dg.DagsterInstance.ephemeral() as instance:
        context = dg.build_sensor_context(instance=instance, resources={"services": small.services})
        assert "1 told, 0 skipped." in str(campaign_stages(context))
        assert "No stage" in str(campaign_stages(context))


@pytest.mark.parametrize("moment", ["before", "after"])
def test_telling_asks_nothing_of_mailjet(small: Installation, moment: str) -> None:
    _, at = launch_in_two_days(small)
    small.clock.set(at.replace(hour=15, minute=0) - DAY + (MINUTE if moment == "after" else -MINUTE))
    small.control.reset_requests()
    follow_stages(small.services)
    assert [name for name in small.control.requests() if "api/" not in name] == []


def tick(made: Installation) -> None:
    """One look of the sensor alone, between two looks of those that follow Mailjet."""
    with dg.DagsterInstance.ephemeral() as instance:
        campaign_stages(dg.build_sensor_context(instance=instance, resources={"services": made.services}))


def test_mailjet_is_looked_at_right_before_a_launch_is_told_of_and_while_it_should_begin(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    asked = {}
    moments = {
        "long before": at - DAY - timedelta(hours=3),
        "announced": at.replace(hour=15, minute=0) - DAY,
        "told already": at.replace(hour=15, minute=1) - DAY,
        "preflight": at.replace(hour=6, minute=0),
        "warned": at - 15 * MINUTE,
        "warned already": at - 14 * MINUTE,
        "begun": at + timedelta(seconds=20),
        "confirmed": at + timedelta(seconds=50),
    }
    for moment, instant in moments.items():
        small.clock.set(instant)
        small.control.reset_requests()
        tick(small)
        asked[moment] = any("campaigndraft" in name for name in small.control.requests())
    assert [moment for moment, was_asked in asked.items() if was_asked] == ["announced", "warned", "begun"]
    assert titles(small)[-1] == "🚀 Mailjet Is Sending"


def test_people_learn_within_a_minute_that_mailjet_began(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    for second in (-20, 10, 40):
        small.clock.set(at + timedelta(seconds=second))
        tick(small)
    assert counted(small)[1]["launch_confirmation"] == pytest.approx(10.0)


def test_what_was_moved_or_taken_back_a_minute_ago_is_not_warned_of(small: Installation) -> None:
    moved, at = launch_in_two_days(small)
    gone = schedule(small, at, ListRole.CAMPAIGN_2)
    look_at(small, at - 16 * MINUTE)
    unschedule(small, moved)
    schedule(small, at + timedelta(hours=3), draft=moved)
    unschedule(small, gone)
    small.clock.set(at - 15 * MINUTE)
    tick(small)
    said = titles(small)
    assert not [title for title in said if "Launch at" in title]
    assert {"⚠️ A Campaign Was Scheduled Anew", "⚠️ A Campaign Was Taken Off the Schedule"} <= set(said)


def test_where_mailjet_is_away_people_are_warned_all_the_same(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    small.control.add_fault("status", path="^/v3/", status=500, count=None)
    small.clock.set(at - 15 * MINUTE)
    tick(small)
    assert titles(small)[-1].endswith("Launch at 09:15 UTC")


def test_a_campaign_that_mailjet_refused_and_a_person_sent_days_later_is_confirmed_and_wrapped_up(
    small: Installation,
) -> None:
    draft, at = launch_in_two_days(small)
    small.control.refuse(draft)
    look_at(small, at - 10 * MINUTE)
    look_at(small, at + 40 * MINUTE)
    later = at + DAY + timedelta(hours=5)
    assert look_at(small, later) == []
    schedule(small, later + MINUTE, draft=draft)
    told = look_at(small, later + 2 * MINUTE)
    assert (Stage.LAUNCH_CONFIRMATION, TOLD) in told
    small.clock.set(later + 32 * MINUTE)
    assert [one.campaign_key for one in to_wrap_up(small.services)] == [
        str(small.query("select campaign_key from campaign_schedule where mailjet_draft_id = :d", d=draft)[0][0])
    ]


def test_what_is_scheduled_after_a_stage_was_due_is_not_called_late(small: Installation) -> None:
    at = small.clock.now().replace(hour=9, minute=15, second=0, microsecond=0) + DAY
    small.clock.set(at.replace(hour=18, minute=0) - DAY)
    schedule(small, at)
    assert [(one.stage, one.state) for one in look(small)] == [(Stage.PRELAUNCH, TOLD)]
    assert counted(small)[1]["prelaunch"] == pytest.approx(0.0)


def test_what_can_be_mailed_is_told_as_it_is_then(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    ((before,),) = small.query("select expected_recipients from campaign_schedule where mailjet_campaign_id is null")
    with small.services.database.begin() as connection:
        execute(connection, "delete from list_membership where list_role = 'campaign_1' and contact_id in "
                            "(select contact_id from list_membership join contact_list_membership using (contact_id) "
                            " where list_role = 'campaign_1' and not is_excluded and left_at is null limit 2)")  # fmt: skip
        left = can_be_mailed(connection, ListRole.CAMPAIGN_1, small.clock.now())
    assert left is not None
    assert left < int(str(before))
    small.clock.set(at.replace(hour=15, minute=0) - DAY)
    tick(small)
    assert f"{left:,}" in str(small.cards()[-1])


def counted(made: Installation) -> tuple[dict[tuple[str, str], float], dict[str, float]]:
    """Stages by what became of them, and for each how long after its time its messages arrived, added up in seconds."""
    with made.services.database.begin() as connection:
        found = dict(all_totals(connection))
    outcomes = {(key.labels[0], key.labels[1]): value for key, value in found.items() if key.metric == STAGES.name}
    late = {
        key.labels[0]: value for key, value in found.items() if key.metric == STAGE_DELIVERIES.name and key.part == SUM
    }
    return outcomes, late


def test_how_late_people_learn_of_a_stage_is_counted_once_and_so_is_what_was_skipped(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    look_at(small, at.replace(hour=15, minute=0, second=20) - DAY)
    look(small)
    look_at(small, at - timedelta(minutes=10))
    outcomes, late = counted(small)
    assert outcomes == {("prelaunch", "arrived"): 1.0, ("launch_warning", "arrived"): 1.0}
    assert late == {"prelaunch": pytest.approx(20.0), "launch_warning": pytest.approx(300.0)}
    look_at(small, at + timedelta(minutes=2))
    assert counted(small)[0][("preflight", "skipped")] == 1.0


def test_an_attempt_that_failed_is_counted_beside_the_arrival(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    small.control.slack_scenario("error", error="channel_not_found", times=1)
    look_at(small, at.replace(hour=15, minute=0) - DAY)
    small.clock.advance(timedelta(hours=1))
    send_waiting(small.services)
    outcomes, late = counted(small)
    assert outcomes == {("prelaunch", "failed"): 1.0, ("prelaunch", "arrived"): 1.0}
    assert late["prelaunch"] >= 3600


def test_the_campaigns_page_says_what_was_told_and_what_was_skipped(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    look_at(small, at.replace(hour=15, minute=0) - DAY)
    look_at(small, at + timedelta(minutes=2))
    key = small.query("select campaign_key from campaign_schedule where mailjet_draft_id = :d", d=draft)[0][0]
    said = [(one.what, one.words) for one in campaign_story(small.services, str(key)).timeline]
    assert ("stage_told", "People were told of the prelaunch.") in said
    assert ("stage_told", "People were told of the launch confirmation.") in said
    (skipped, *_) = [words for what, words in said if what == "stage_skipped"]
    assert skipped.startswith("Nobody was told of the preflight: Mailjet began to send") or "it was due at" in skipped
