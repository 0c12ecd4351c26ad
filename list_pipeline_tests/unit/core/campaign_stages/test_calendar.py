"""Each entry of the calendar has its time and says truthfully how it stands at any instant."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.campaign_stages.calendar import (
    CalendarEntry,
    CalendarTimes,
    CampaignFacts,
    EntryKind,
    EntryState,
    StageOutcome,
    SweepOutcome,
    ValidationOutcome,
    campaign_entries,
    week_entry,
)
from list_pipeline.core.campaign_stages.policy import CALENDAR
from list_pipeline.core.campaign_stages.times import Stage, StageState, stages_before
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.weekly.figures import week_of
from list_pipeline.core.weekly.policy import WEEKLY

LAUNCH = datetime(2026, 11, 20, 9, 15, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MINUTE_BEFORE = LAUNCH - 15 * MINUTE
TIMES = CalendarTimes({sweep: sweep.hours for sweep in Sweep}, 7, 4 * HOUR)
PLANNED, UNDER_WAY, LATE = EntryState.PLANNED, EntryState.UNDER_WAY, EntryState.LATE
DONE, SKIPPED, CANCELLED = EntryState.DONE, EntryState.SKIPPED, EntryState.CANCELLED

COMING = CampaignFacts(
    number=12,
    key="2026-11-20-r1-d7",
    name="November",
    round_number=1,
    cycle=4,
    status=CampaignStatus.SCHEDULED,
    scheduled_at=LAUNCH,
    scheduled_since=LAUNCH - 5 * DAY,
    began_at=None,
    ended_at=None,
    recipients=1163,
    recipient_range="1-1163",
    frozen_at=None,
    retired_at=None,
    is_taken_back=False,
    changed_at=LAUNCH - 5 * DAY,
)
SENT = replace(
    COMING,
    status=CampaignStatus.SENT,
    began_at=LAUNCH + MINUTE,
    ended_at=LAUNCH + 20 * MINUTE,
    recipients=1160,
    recipient_range=None,
)


def entries(one: CampaignFacts, now: datetime) -> dict[str, CalendarEntry]:
    found = list(campaign_entries(one, TIMES, now))
    assert not [name for name, many in Counter(entry.name for entry in found).items() if many > 1]
    return {entry.name: entry for entry in found}


def states(one: CampaignFacts, now: datetime) -> dict[str, EntryState]:
    return {name: entry.state for name, entry in entries(one, now).items()}


def test_a_campaign_that_is_coming_has_its_whole_life_before_it() -> None:
    found = entries(COMING, LAUNCH - 2 * DAY)
    assert {name: one.at for name, one in found.items()} == {
        "round-12": LAUNCH,
        "validation-12": LAUNCH.replace(hour=6, minute=0),
        "stage-12-prelaunch": LAUNCH.replace(day=19, hour=15, minute=0),
        "stage-12-launch_warning": LAUNCH - 15 * MINUTE,
        "stage-12-launch_confirmation": LAUNCH,
        "stage-12-wrapup": LAUNCH + 30 * MINUTE,
        "freeze-12": LAUNCH - 4 * HOUR,
        "maintenance-12-24h": LAUNCH + DAY,
        "maintenance-12-72h": LAUNCH + 3 * DAY,
        "maintenance-12-7d": LAUNCH + 7 * DAY,
    }
    assert {one.state for one in found.values()} == {PLANNED}
    assert found["freeze-12"].until == LAUNCH
    assert found["round-12"].title == "Round 1 of cycle 4 to List 1: November"
    assert found["round-12"].words == "Not validated yet, 1,163 contacts expected (1-1163 of the cycle)."


def test_a_freeze_begins_with_the_validation_where_that_is_earlier() -> None:
    evening = replace(COMING, scheduled_at=LAUNCH.replace(hour=20))
    assert entries(evening, LAUNCH - DAY)["freeze-12"].at == LAUNCH.replace(hour=6, minute=0)


@pytest.mark.parametrize(
    ("name", "late_from"),
    [
        ("stage-12-prelaunch", LAUNCH.replace(day=19, hour=15, minute=0) + CALENDAR.message_late_after),
        ("validation-12", LAUNCH.replace(hour=6, minute=0) + CALENDAR.work_late_after),
        ("stage-12-launch_warning", MINUTE_BEFORE + CALENDAR.message_late_after),
        ("round-12", LAUNCH + CAMPAIGNS.not_started_after),
    ],
)
def test_what_should_be_done_by_now_is_late_from_its_time_on(name: str, late_from: datetime) -> None:
    assert states(COMING, late_from - timedelta(seconds=1))[name] in (PLANNED, UNDER_WAY)
    assert states(COMING, late_from)[name] is LATE


def test_a_send_says_to_how_many_it_went_and_when_its_looks_are_due() -> None:
    found = entries(SENT, LAUNCH + HOUR)
    assert (found["round-12"].state, found["round-12"].words) == (DONE, "Sent to 1,160 contacts.")
    assert (found["round-12"].at, found["round-12"].until) == (SENT.began_at, SENT.ended_at)
    assert found["freeze-12"].state is DONE
    assert found["maintenance-12-24h"].at == LAUNCH + DAY + 20 * MINUTE
    assert found["maintenance-12-24h"].state is PLANNED


def test_while_mailjet_sends_the_list_is_kept_and_no_end_is_known() -> None:
    sending = replace(SENT, status=CampaignStatus.LAUNCHING, ended_at=None)
    found = entries(sending, LAUNCH + 5 * MINUTE)
    assert found["round-12"].state is UNDER_WAY
    assert (found["freeze-12"].state, found["freeze-12"].until) == (UNDER_WAY, None)


def test_a_maintenance_is_late_an_hour_after_it_was_due_and_later_looks_wait_for_it() -> None:
    due_at = LAUNCH + DAY + 20 * MINUTE
    assert states(SENT, due_at)["maintenance-12-24h"] is UNDER_WAY
    assert states(SENT, due_at + HOUR)["maintenance-12-24h"] is LATE
    third_day = entries(SENT, due_at + 3 * DAY)["maintenance-12-72h"]
    assert (third_day.state, third_day.words) == (UNDER_WAY, "It waits for the end of the look after a day.")
    done = replace(SENT, sweeps={Sweep.H24: SweepOutcome(RunStatus.SUCCESS, 1, due_at + MINUTE)})
    assert states(done, due_at + 3 * DAY)["maintenance-12-72h"] is LATE


@pytest.mark.parametrize(
    ("status", "state", "words"),
    [
        (RunStatus.SUCCESS, DONE, "Success at 2026-11-21 09:40 UTC."),
        (RunStatus.PARTLY_ROLLED_BACK, DONE, "Partly rolled back at 2026-11-21 09:40 UTC."),
        (RunStatus.RUNNING, UNDER_WAY, "Under way since 2026-11-21 09:40 UTC."),
        (RunStatus.PENDING_REVIEW, UNDER_WAY, "A plan of it has waited for a person since 2026-11-21 09:40 UTC."),
        (RunStatus.READ_ONLY, UNDER_WAY, "Only looked at 2026-11-21 09:40 UTC, since nothing may be changed."),
        (RunStatus.FAILED, LATE, "Attempt 2 failed at 2026-11-21 09:40 UTC."),
    ],
)
def test_a_maintenance_stands_as_its_latest_attempt(status: RunStatus, state: EntryState, words: str) -> None:
    tried = replace(SENT, sweeps={Sweep.H24: SweepOutcome(status, 2, LAUNCH + DAY + 25 * MINUTE)})
    found = entries(tried, LAUNCH + 2 * DAY)["maintenance-12-24h"]
    assert (found.state, found.words) == (state, words)


def test_a_send_from_before_the_first_start_is_not_looked_at_by_itself() -> None:
    found = entries(SENT, LAUNCH + 30 * DAY)["maintenance-12-24h"]
    assert (found.state, found.words[:25]) == (SKIPPED, "Not done by itself: it wa")


def test_a_later_look_is_not_promised_where_the_first_was_never_made_and_is_not_any_more() -> None:
    times = replace(TIMES, lookback_days=3)
    found = {entry.name: entry for entry in campaign_entries(SENT, times, LAUNCH + 5 * DAY)}
    assert {found[f"maintenance-12-{sweep.value}"].state for sweep in Sweep} == {SKIPPED}


def test_a_cancelled_round_stays_with_what_was_told_of_it_and_nothing_more_is_planned() -> None:
    told = StageOutcome(Stage.PRELAUNCH, LAUNCH, LAUNCH - 18 * HOUR, StageState.TOLD, "", LAUNCH - 18 * HOUR)
    off = replace(COMING, retired_at=LAUNCH - 2 * HOUR, stages=[told])
    assert states(off, LAUNCH - HOUR) == {"round-12": CANCELLED, "stage-12-prelaunch": DONE}
    assert entries(off, LAUNCH)["round-12"].words == "It was taken back at Mailjet."
    never = replace(COMING, retired_at=LAUNCH + 25 * HOUR)
    assert entries(never, LAUNCH + 26 * HOUR)["round-12"].words == "Mailjet never began to send it."
    blocked = replace(COMING, status=CampaignStatus.BLOCKED, is_taken_back=True)
    assert states(blocked, LAUNCH - HOUR) == {"round-12": CANCELLED}


def test_a_blocked_round_that_stands_at_mailjet_is_still_planned_there() -> None:
    blocked = entries(replace(COMING, status=CampaignStatus.BLOCKED), LAUNCH - HOUR)["round-12"]
    assert blocked.state is PLANNED
    assert "Mailjet sends it all the same" in blocked.words


def test_a_stage_is_told_or_skipped_with_its_reason() -> None:
    told = StageOutcome(Stage.PRELAUNCH, LAUNCH, LAUNCH - 18 * HOUR, StageState.TOLD, "", LAUNCH - 18 * HOUR)
    skipped = StageOutcome(
        Stage.PREFLIGHT, LAUNCH, LAUNCH - 3 * HOUR, StageState.SKIPPED, "nothing of ours ran", LAUNCH
    )
    found = entries(replace(SENT, stages=[told, skipped]), LAUNCH + HOUR)
    assert found["stage-12-prelaunch"].state is DONE
    assert found["stage-12-preflight"].state is SKIPPED
    assert found["stage-12-preflight"].words == "Skipped: nothing of ours ran."


def test_a_campaign_that_is_moved_keeps_its_entries_and_shows_what_was_told_for_the_old_time() -> None:
    old = StageOutcome(Stage.PRELAUNCH, LAUNCH, LAUNCH - 18 * HOUR, StageState.TOLD, "", LAUNCH - 18 * HOUR)
    before = set(entries(COMING, LAUNCH - 2 * DAY))
    found = entries(replace(COMING, scheduled_at=LAUNCH + DAY, stages=[old]), LAUNCH - 10 * HOUR)
    assert set(found) == before | {"stage-12-prelaunch-20261120T0915"}
    assert "which was moved" in found["stage-12-prelaunch-20261120T0915"].words
    assert found["stage-12-prelaunch"].state is PLANNED


def test_a_validation_takes_the_place_of_the_planned_one_and_says_its_verdict() -> None:
    early = ValidationOutcome(1, LAUNCH, LAUNCH - DAY, Severity.PASSED, is_blocking=False, finished_at=LAUNCH - DAY)
    by_hand = entries(replace(COMING, validations=[early]), LAUNCH - 20 * HOUR)
    assert (by_hand["validation-12-1"].state, by_hand["validation-12"].state) == (DONE, PLANNED)
    made_at = LAUNCH.replace(hour=6, minute=1)
    due = ValidationOutcome(2, LAUNCH, made_at, Severity.CRITICAL, is_blocking=True, finished_at=made_at)
    found = entries(replace(COMING, validations=[early, due]), LAUNCH - HOUR)
    assert (found["validation-12"].state, found["validation-12"].words) == (DONE, "Validated: critical, blocking.")
    assert found["validation-12"].at == made_at
    open_one = entries(replace(COMING, validations=[replace(due, finished_at=None)]), LAUNCH - HOUR)
    assert open_one["validation-12"].state is UNDER_WAY


def test_a_campaign_that_was_sent_by_hand_at_once_has_nothing_before_its_launch() -> None:
    found = entries(replace(SENT, scheduled_since=None), LAUNCH + 2 * MINUTE)
    assert not {"stage-12-prelaunch", "stage-12-launch_warning"} & set(found)
    assert found["freeze-12"].at == SENT.began_at


def test_a_list_is_kept_from_when_its_campaign_was_scheduled_at_the_earliest_and_not_for_what_was_over_then() -> None:
    late = replace(COMING, scheduled_since=LAUNCH - HOUR)
    assert entries(late, LAUNCH - HOUR)["freeze-12"].at == LAUNCH - HOUR
    assert "freeze-12" not in entries(replace(SENT, scheduled_since=LAUNCH + DAY), LAUNCH + 2 * DAY)


def test_a_campaign_that_did_not_begin_within_a_day_has_no_looks_and_keeps_no_list() -> None:
    found = entries(COMING, LAUNCH + VALIDATION.missed_after)
    assert set(found) == {"round-12"}


WEEK = week_of(date(2026, 11, 16), 1, 10)


@pytest.mark.parametrize(
    ("status", "after", "state"),
    [
        (None, -MINUTE, PLANNED),
        (None, MINUTE, UNDER_WAY),
        (None, WEEKLY.late_after, LATE),
        (RunStatus.RUNNING, MINUTE, UNDER_WAY),
        (RunStatus.RUNNING, WEEKLY.late_after, LATE),
        (RunStatus.FAILED, MINUTE, LATE),
        (RunStatus.SUCCESS, 2 * DAY, DONE),
    ],
)
def test_a_weekly_check_stands_as_its_latest_attempt(
    status: RunStatus | None, after: timedelta, state: EntryState
) -> None:
    since = WEEK.due_at if status is not None else None
    found = week_entry(WEEK, status, since, WEEK.due_at + after)
    assert (found.name, found.at, found.state) == ("week-2026-11-16", WEEK.due_at, state)


CAMPAIGNS_OF_ANY_KIND = st.builds(
    lambda one, hour, began, cancelled: replace(
        one,
        scheduled_at=LAUNCH + hour * HOUR,
        began_at=one.began_at and LAUNCH + (hour + began) * HOUR,
        ended_at=one.ended_at and LAUNCH + (hour + began + 1) * HOUR,
        retired_at=LAUNCH if cancelled and one.began_at is None else None,
    ),
    st.sampled_from([COMING, SENT]),
    st.integers(-100, 100),
    st.integers(-5, 5),
    st.booleans(),
)


@given(CAMPAIGNS_OF_ANY_KIND, st.integers(-400 * 60, 400 * 60))
def test_at_any_instant_nothing_that_lies_ahead_is_done_late_or_under_way(one: CampaignFacts, minutes: int) -> None:
    now = LAUNCH + minutes * MINUTE
    for entry in campaign_entries(one, TIMES, now):
        if entry.at > now and one.began_at is None:
            assert entry.state in (PLANNED, CANCELLED), entry
        if entry.state is PLANNED:
            assert entry.at > now or entry.kind in (EntryKind.ROUND, EntryKind.STAGE), entry
        assert entry.until is None or entry.until >= entry.at, entry


@given(st.integers(0, 60 * 24 * 40))
def test_the_names_of_the_stages_before_a_launch_do_not_depend_on_its_time(minutes: int) -> None:
    moved = replace(COMING, scheduled_at=LAUNCH + minutes * MINUTE)
    assert set(entries(moved, LAUNCH - 3 * DAY)) == set(entries(COMING, LAUNCH - 3 * DAY))
    assert len(stages_before(moved.scheduled_at)) == 3
