"""The calendar shows what is stored of campaigns, weeks and plans, each at its time, and asks nothing of Mailjet."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from list_pipeline.core.campaign_stages.calendar import CalendarEntry, EntryKind, EntryState
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.campaign_stages.calendar import calendar, campaign_calendar_of
from list_pipeline.operations.campaign_stages.follow import follow_stages
from list_pipeline.operations.campaign_stages.wrapup import wrap_up
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.validation.validate import validate
from list_pipeline.operations.weekly.report import check_week
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.campaign_stages.test_follow import DAY, MINUTE, launch_in_two_days, look, look_at
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.drafts import schedule, unschedule
from list_pipeline_tests.integration.validation.test_validate import put_back_by_a_person, scheduled_campaign

PLANNED, LATE, DONE, CANCELLED = EntryState.PLANNED, EntryState.LATE, EntryState.DONE, EntryState.CANCELLED


def key_of(made: Installation, draft: int) -> str:
    ((key,),) = made.query("select campaign_key from campaign_schedule where mailjet_draft_id = :d", d=draft)
    return str(key)


def with_rest(found: tuple[CalendarEntry, ...]) -> tuple[CalendarEntry, ...]:
    assert [one.at for one in found] == sorted(one.at for one in found)
    return found


def states(made: Installation, draft: int) -> list[tuple[EntryKind, EntryState]]:
    return [(one.kind, one.state) for one in with_rest(campaign_calendar_of(made.services, key_of(made, draft)))]


def test_a_campaign_is_followed_from_its_first_stage_to_its_last_look(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    before = campaign_calendar_of(small.services, key_of(small, draft))
    assert [one.kind for one in with_rest(before)] == [
        EntryKind.STAGE,
        EntryKind.FREEZE,
        EntryKind.VALIDATION,
        EntryKind.STAGE,
        EntryKind.ROUND,
        EntryKind.STAGE,
        EntryKind.STAGE,
        *[EntryKind.MAINTENANCE] * 3,
    ]
    assert {one.state for one in before} == {PLANNED}
    look_at(small, at.replace(hour=15, minute=0) - DAY)
    small.clock.set(at.replace(hour=6, minute=0))
    validate(small.services, key_of(small, draft))
    look(small)
    look_at(small, at - 15 * MINUTE)
    look_at(small, at + 2 * MINUTE)
    found = {one.name: one for one in campaign_calendar_of(small.services, key_of(small, draft))}
    assert set(found) == {one.name for one in before}, "each entry keeps its name"
    done = {name.split("-", 2)[-1] for name, one in found.items() if one.state is DONE and one.kind is EntryKind.STAGE}
    assert done == {"prelaunch", "launch_warning", "launch_confirmation"}
    ((number,),) = small.query("select id from campaign_schedule where mailjet_draft_id = :d", d=draft)
    assert found[f"validation-{number}"].words.startswith("Validated: ")
    assert found[f"round-{number}"].at >= at


def test_a_number_that_was_expected_is_never_shown_as_sent(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    with small.services.database.begin() as connection:
        execute(
            connection, "update campaign_schedule set expected_recipients = 4711 where mailjet_draft_id = :d", d=draft
        )

    def words() -> str:
        (found,) = [
            one for one in campaign_calendar_of(small.services, key_of(small, draft)) if one.kind is EntryKind.ROUND
        ]
        return found.words

    assert "4,711 contacts expected" in words()
    look_at(small, at + MINUTE)
    assert words() == "Mailjet is sending."
    look_at(small, at + 20 * MINUTE)
    assert words() == "Sent."
    small.clock.set(at + 30 * MINUTE)
    counts = wrap_up(small.services, key_of(small, draft)).counts
    assert words() == f"Sent to {counts.processed:,} contacts."


def test_after_a_maintenance_of_ours_a_scheduled_campaign_expects_what_is_on_its_list_then(small: Installation) -> None:
    launch_in_two_days(small)

    def expected() -> tuple[object, object]:
        ((found, since),) = small.query(
            "select expected_recipients, expected_at from campaign_schedule where mailjet_campaign_id is null"
        )
        return found, since

    known = expected()
    with small.services.database.begin() as connection:
        execute(connection, "update campaign_schedule set expected_recipients = 4711 where mailjet_campaign_id is null")
    look_at(small, small.clock.now() + MINUTE)
    assert expected() == (4711, known[1]), "what others change is for the validation to find"
    with small.services.database.begin() as connection:
        execute(
            connection,
            """insert into list_snapshot (campaign_id, sweep, phase, list_role, raw_count, mailable_count, taken_at)
               select min(id), '24h', 'after', 'campaign_1', 1, 1, :now from campaign_schedule""",
            now=small.clock.now(),
        )
    look_at(small, small.clock.now() + MINUTE)
    assert expected() == (known[0], small.clock.now())


def test_what_was_told_for_an_old_time_stays_beside_what_is_planned_for_the_new_one(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    look_at(small, at.replace(hour=15, minute=0) - DAY)
    unschedule(small, draft)
    schedule(small, at + DAY, draft=draft)
    look(small)
    stages = [one for one in campaign_calendar_of(small.services, key_of(small, draft)) if "prelaunch" in one.name]
    assert [(one.state, one.at.day) for one in stages] == [(DONE, (at - DAY).day), (PLANNED, at.day)]


def test_a_round_that_is_taken_back_is_cancelled_in_the_calendar(small: Installation) -> None:
    draft, _ = launch_in_two_days(small)
    unschedule(small, draft)
    look(small)
    assert states(small, draft) == [(EntryKind.ROUND, CANCELLED)]


def test_a_round_whose_schedule_our_block_took_back_is_cancelled(small: Installation) -> None:
    services = small.another(block_cancels_schedule=True)
    draft, key, _ = scheduled_campaign(small, services)
    put_back_by_a_person(small)
    validate(services, key)
    assert (EntryKind.ROUND, CANCELLED) in states(small, draft)
    assert EntryKind.MAINTENANCE not in {kind for kind, _ in states(small, draft)}


def test_after_a_standstill_what_was_not_done_is_late_wherever_one_looks(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    small.clock.set(at + 2 * MINUTE)
    discover(small.services)
    discover_upcoming(small.services)
    small.clock.set(at + timedelta(days=3))
    # Nothing of ours ran since: the sends were read, and nobody was told.
    discover(small.services)
    shown = calendar(small.services, start=(at + timedelta(days=30)).date(), days=7)
    late = {(one.kind, one.campaign) for one in shown.late}
    assert (EntryKind.MAINTENANCE, key_of(small, draft)) in late
    assert not [one for one in shown.entries if one.campaign == key_of(small, draft)]
    assert not [one for one in shown.late if one.state is not LATE]


def test_a_plan_that_waits_has_its_last_hour_in_the_calendar(install_small: Install) -> None:
    with install_small(list_management_mode="approval_required") as made:
        made.maintain()
        plan = made.plan(PlanKind.SUPPRESSION)
        found = [one for one in calendar(made.services).entries if one.kind is EntryKind.REVIEW]
        assert [(one.name, one.state, one.campaign) for one in found] == [(f"review-{plan.plan_id}", PLANNED, made.key)]
        hours = timedelta(hours=made.services.settings.list_review_expiry_hours)
        assert found[0].at - made.clock.now() <= hours
        assert found[0] in campaign_calendar_of(made.services, made.key)


def test_the_looks_at_the_last_send_are_done_and_to_come(maintained: Installation) -> None:
    found = [one for one in calendar(maintained.services).entries if one.campaign == maintained.key]
    looks = {one.name.rsplit("-", 1)[-1]: one.state for one in found if one.kind is EntryKind.MAINTENANCE}
    assert looks == {"24h": DONE, "72h": PLANNED, "7d": PLANNED}


def test_weekly_checks_stand_at_their_hour(small: Installation) -> None:
    check_week(small.services, progress=quietly)
    found = [one for one in calendar(small.services).entries if one.kind is EntryKind.WEEKLY_CHECK]
    assert {one.at.strftime("%a %H:%M") for one in found} == {"Mon 10:00"}
    assert [one.state for one in found] == [DONE, *[PLANNED] * (len(found) - 1)]
    assert len(found) > 3


def test_a_list_that_others_changed_at_large_is_frozen_in_the_calendar(small: Installation) -> None:
    small.query(
        """insert into mass_change (matter, list_role, kind, found_at, seen_at, contacts, size_before, ordinary)
           values (1, 'campaign_2', 'left', :at, :at, 5, 10, 1) returning 1""",
        at=small.clock.now() - DAY,
    )
    (found,) = [one for one in calendar(small.services).entries if one.name.startswith("frozen-")]
    assert (found.list, found.state, found.at) == (
        ListRole.CAMPAIGN_2,
        EntryState.UNDER_WAY,
        small.clock.now() - DAY,
    )


def test_windows_follow_each_other_without_a_gap(small: Installation) -> None:
    launch_in_two_days(small)
    first = calendar(small.services, days=10)
    assert first.after is not None
    second = calendar(small.services, first.after, 10)
    assert (first.end, second.start, second.before) == (second.start, first.end, first.start)
    points = {one.name for one in first.entries if one.until is None} & {
        one.name for one in second.entries if one.until is None
    }
    assert points <= {one.name for one in first.entries if one.name.startswith("frozen-")}


def test_windows_go_back_to_the_first_campaign_and_no_further_ahead_than_anything_is_known(small: Installation) -> None:
    shown = calendar(small.services)
    steps = 0
    while shown.before is not None:
        shown, steps = calendar(small.services, shown.before, shown.days), steps + 1
    assert 0 < steps < 10
    assert any(one.kind is EntryKind.ROUND for one in calendar(small.services, shown.end, shown.days).entries) or any(
        one.kind is EntryKind.ROUND for one in shown.entries
    )
    while shown.after is not None:
        shown = calendar(small.services, shown.after, shown.days)
    assert shown.end >= (small.clock.now() + timedelta(days=92)).date()


@pytest.mark.parametrize(("start", "days"), [(date(1999, 1, 1), 7), (date(2026, 1, 1), 0), (date(2026, 1, 1), 93)])
def test_a_window_that_cannot_be_shown_is_refused(small: Installation, start: date, days: int) -> None:
    with pytest.raises(RefusedError):
        calendar(small.services, start, days)


def test_a_campaign_that_does_not_exist_has_no_calendar(small: Installation) -> None:
    with pytest.raises(NotFoundError):
        campaign_calendar_of(small.services, "2026-01-01-r1-d1")


def test_nothing_is_asked_of_mailjet_and_nothing_written(small: Installation) -> None:
    launch_in_two_days(small)
    small.control.reset_requests()
    follow_stages(small.services)
    before = small.query("select count(*), max(updated_at) from campaign_schedule")
    calendar(small.services)
    assert small.control.requests() == {}
    assert small.query("select count(*), max(updated_at) from campaign_schedule") == before
