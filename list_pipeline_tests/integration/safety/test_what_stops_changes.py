"""What stops every change before it is made, on a database alone: the switch, a person, an absence, and lists nobody confirmed.

The long rehearsals play the same with a restored database and a whole account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.five_lists.confirmation import NamedList
from list_pipeline.core.five_lists.plausibility import PAIRS, FiveListsFacts, ListFacts
from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.safety import restore_guard
from list_pipeline.operations.safety.confirmed_lists import present_lists, why_unconfirmed
from list_pipeline.operations.safety.modes import change_block_reason, note_flag, operating_mode
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage import five_lists, safety
from list_pipeline_tests.integration.offices import Office, office
from list_pipeline_tests.integration.races import lose_race

SECOND = timedelta(seconds=1)
AWAY = "the last sign of life"
FIVE = {
    "mailjet_master_list_id": 101,
    "mailjet_campaign_list_1_id": 102,
    "mailjet_campaign_list_2_id": 103,
    "mailjet_campaign_list_3_id": 104,
    "mailjet_suppression_list_id": 105,
}


@pytest.fixture
def here(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    """An installation that gives a sign of life right now."""
    with office(copy_of(migrated)) as made:
        change_block_reason(made.services)
        restore_guard.note_alive(made.services)
        yield made


def away(here: Office, beyond: timedelta = SECOND) -> None:
    here.clock.advance(EXECUTION.away_after + beyond)


def compared(here: Office, own_work: int, *, is_finished: bool = True) -> None:
    """A reconciliation that begins now took so many contacts for our own work."""
    with here.services.database.begin() as connection:
        connection.execute(
            text("insert into reconciliation (started_at, finished_at, own_work) values (:now, :ended, :own_work)"),
            {"now": here.clock.now(), "ended": here.clock.now() if is_finished else None, "own_work": own_work},
        )


def settled(here: Office) -> str | None:
    with here.services.database.begin() as connection:
        return restore_guard.settle(connection)


def drift_note(here: Office, kind: DriftKind | str) -> None:
    with here.services.database.begin() as connection:
        drift_rows.add_drift_item(connection, f"drift: {kind}", {"kind": str(kind)}, here.clock.now())


def open_notes(here: Office) -> list[str]:
    return [words for (words,) in here.query("select summary from review_item where status = 'open' order by 1")]


# The switch, and a person who says stop


def test_nothing_stops_changes_where_nothing_stands_in_the_way(here: Office) -> None:
    assert change_block_reason(here.services) is None
    assert operating_mode(here.services) is Mode.AUTO


def test_the_switch_stops_changes(copy_of: Callable[[str], str], migrated: str) -> None:
    with office(copy_of(migrated), list_management_enabled=False) as off:
        assert change_block_reason(off.services) == "LIST_MANAGEMENT_ENABLED is off"


def off(here: Office) -> Office:
    """Another process of the same installation that finds the switch off."""
    settings = here.services.settings.model_copy(update={"list_management_enabled": False})
    return Office(type(here.services)(settings, here.clock), here.clock)


@pytest.mark.parametrize(
    ("noted_by", "on_again_by", "is_lifted"),
    [
        ("sensor", "sensor", True),
        ("sensor", "command", False),
        ("command", "command", True),
        ("command", "sensor", True),
    ],
)
def test_what_another_process_found_off_stays_off_until_who_may_know_finds_it_on(
    here: Office, noted_by: str, on_again_by: str, is_lifted: bool
) -> None:
    with off(here).services as theirs:
        note_flag(theirs, by=noted_by)
    assert str(change_block_reason(here.services)).startswith("LIST_MANAGEMENT_ENABLED was found off at 2026-11-20")
    note_flag(here.services, by=on_again_by)
    assert (change_block_reason(here.services) is None) is is_lifted


@pytest.mark.parametrize("by_setting", ["graduated", "auto", "approval_required"])
def test_a_person_who_says_stop_stops_changes_whatever_the_setting_says(
    copy_of: Callable[[str], str], migrated: str, by_setting: str
) -> None:
    with office(copy_of(migrated), list_management_mode=by_setting) as made:
        made.stop()
        assert change_block_reason(made.services) == "the mode is read_only"
        with made.services.database.begin() as connection:
            safety.set_mode(connection, "auto", "ada", made.clock.now())
        assert change_block_reason(made.services) is None
        wanted = Mode.APPROVAL_REQUIRED if by_setting == "approval_required" else Mode.AUTO
        assert operating_mode(made.services) is wanted


def test_in_its_first_day_an_installation_only_watches(copy_of: Callable[[str], str], migrated: str) -> None:
    with office(copy_of(migrated), list_management_mode="graduated") as made:
        made.query("update mode_state set first_started_at = :now returning 1", now=made.clock.now())
        assert change_block_reason(made.services) == "the mode is read_only"
        made.clock.advance(timedelta(hours=24))
        restore_guard.note_alive(made.services)
        assert operating_mode(made.services) is Mode.APPROVAL_REQUIRED
        assert change_block_reason(made.services) is None


# An absence: the database may be a restored one


def test_the_first_start_is_no_absence(copy_of: Callable[[str], str], migrated: str) -> None:
    with office(copy_of(migrated)) as made:
        assert restore_guard.why_stopped(made.services) is None
        assert restore_guard.check_continuity(made.services) is None


def test_a_day_without_a_sign_of_life_is_no_absence_and_a_second_more_is(here: Office) -> None:
    away(here, timedelta(0))
    assert change_block_reason(here.services) is None
    here.clock.advance(SECOND)
    assert AWAY in str(change_block_reason(here.services))
    assert "is 24 hours old" in str(restore_guard.why_stopped(here.services))


def test_a_sign_of_life_after_an_absence_was_noticed_does_not_lift_the_stop(here: Office) -> None:
    away(here)
    because = restore_guard.check_continuity(here.services)
    restore_guard.note_alive(here.services)
    assert because == restore_guard.why_stopped(here.services) == restore_guard.check_continuity(here.services)
    assert operating_mode(here.services) is Mode.READ_ONLY
    assert "reconciled first" in str(change_block_reason(here.services))


def test_an_absence_is_noted_once_with_the_reason_that_was_seen_first(here: Office) -> None:
    away(here)
    first = restore_guard.check_continuity(here.services)
    here.clock.advance(timedelta(hours=30))
    assert restore_guard.check_continuity(here.services) == first


def test_after_an_absence_the_lists_are_compared_once(here: Office) -> None:
    assert not restore_guard.needs_reading(here.services)
    away(here)
    assert restore_guard.needs_reading(here.services)
    compared(here, 0, is_finished=False)
    assert restore_guard.needs_reading(here.services)
    compared(here, 3)
    assert not restore_guard.needs_reading(here.services)


def test_a_comparison_from_before_the_absence_says_nothing(here: Office) -> None:
    compared(here, 0)
    away(here)
    because = restore_guard.check_continuity(here.services)
    assert settled(here) == because
    assert restore_guard.needs_reading(here.services)


def test_the_stop_is_lifted_when_nothing_looks_like_our_own_work(here: Office) -> None:
    away(here)
    restore_guard.check_continuity(here.services)
    compared(here, 0)
    assert settled(here) is None
    restore_guard.note_alive(here.services)
    assert change_block_reason(here.services) is None


def test_the_stop_stays_while_something_looks_like_our_own_work_whatever_is_found_later(here: Office) -> None:
    away(here)
    because = restore_guard.check_continuity(here.services)
    compared(here, 1)
    here.clock.advance(SECOND)
    compared(here, 0)
    words = settled(here)
    assert words is not None
    assert words.startswith(str(because))
    assert "1 contact " in words
    assert restore_guard.why_stopped(here.services) == because


def test_where_nothing_was_stopped_nothing_is_settled(here: Office) -> None:
    compared(here, 5)
    assert settled(here) is None


# A person accepts what Mailjet shows


def test_a_person_accepts_what_looked_like_our_own_work_and_changes_go_on(here: Office) -> None:
    away(here)
    restore_guard.check_continuity(here.services)
    compared(here, 2)
    drift_note(here, DriftKind.MISSING_AT_MAILJET)
    assert restore_guard.accept(here.services, by="ada", note="meant, says jane@example.com") == 1
    assert change_block_reason(here.services) is None
    closed = here.query("select status, decided_by, note from review_item")
    assert closed == [("approved", "ada", "meant, says [address]")]


def test_a_person_accepts_also_where_nothing_was_noted_but_the_stop(here: Office) -> None:
    away(here)
    restore_guard.check_continuity(here.services)
    compared(here, 2)
    assert restore_guard.accept(here.services, by="ada") == 0
    assert change_block_reason(here.services) is None


def test_what_somebody_is_writing_down_is_accepted_with_the_rest(here: Office) -> None:
    drift_note(here, DriftKind.MISSING_AT_MAILJET)
    accepted: list[int] = []

    def notes_more(connection: Connection) -> None:
        drift_rows.one_writer(connection)
        drift_rows.add_drift_item(connection, "drift: more", {"kind": "more"}, here.clock.now())

    raised = lose_race(
        here.services.database, notes_more, lambda _: accepted.append(restore_guard.accept(here.services, by="ada"))
    )
    assert (raised, accepted) == (None, [2])


def test_nobody_accepts_what_was_not_compared_since_changes_were_stopped(here: Office) -> None:
    drift_note(here, DriftKind.MISSING_AT_MAILJET)
    compared(here, 0)
    away(here)
    restore_guard.check_continuity(here.services)
    with pytest.raises(RefusedError, match="not compared since"):
        restore_guard.accept(here.services, by="ada")
    assert restore_guard.why_stopped(here.services) is not None
    assert open_notes(here) == ["drift: missing_at_mailjet"]


def test_where_nothing_waits_nothing_is_accepted(here: Office) -> None:
    with pytest.raises(RefusedError, match="nothing waits"):
        restore_guard.accept(here.services, by="ada")


def test_drift_is_accepted_also_where_nothing_was_stopped(here: Office) -> None:
    drift_note(here, DriftKind.MISSING_AT_MAILJET)
    away(here, timedelta(0))
    assert restore_guard.accept(here.services, by="ada") == 1
    assert here.query("select note from review_item") == [(None,)]
    # Accepting drift is no sign of life.
    here.clock.advance(SECOND)
    assert AWAY in str(restore_guard.why_stopped(here.services))


def test_a_broken_rule_is_not_accepted_away(here: Office) -> None:
    drift_note(here, DriftKind.IN_TWO_CAMPAIGN_LISTS)
    drift_note(here, "an earlier version's note")
    assert restore_guard.accept(here.services, by="ada") == 1
    assert open_notes(here) == ["drift: in_two_campaign_lists"]


# Lists that nobody confirmed


@pytest.fixture
def with_lists(copy_of: Callable[[str], str], migrated: str) -> Iterator[Office]:
    with office(copy_of(migrated), **FIVE) as made:
        yield made


def test_lists_that_nobody_confirmed_are_changed_in_no_mode(with_lists: Office) -> None:
    assert "confirmation" in str(change_block_reason(with_lists.services))
    assert operating_mode(with_lists.services) is Mode.READ_ONLY


def test_without_ids_there_are_no_lists_to_confirm(here: Office) -> None:
    with here.services.database.begin() as connection:
        assert why_unconfirmed(connection, here.services.settings) is None


def test_a_list_bears_the_name_that_was_read_under_its_id_and_no_other(with_lists: Office) -> None:
    with with_lists.services.database.begin() as connection:
        for role, number in ((ListRole.MASTER, FIVE["mailjet_master_list_id"]), (ListRole.CAMPAIGN_1, 999)):
            connection.execute(
                text(
                    "insert into sync_state (list_role, raw_count, unsubscribed_count, excluded_count, last_synced_at,"
                    " last_full_sync_at, mailjet_list_id, list_name) values (:role, 1, 0, 0, :now, :now, :id, :name)"
                ),
                {"role": role.value, "id": number, "name": role.label, "now": with_lists.clock.now()},
            )
        found = present_lists(connection, with_lists.services.list_ids)
    wanted = {role: NamedList(number, None) for role, number in zip(ALL_LISTS, FIVE.values(), strict=True)}
    assert found == wanted | {ListRole.MASTER: NamedList(101, ListRole.MASTER.label)}


def test_lists_that_a_person_confirmed_are_changed_until_one_of_them_is_another(with_lists: Office) -> None:
    services = with_lists.services
    lists = {role: ListFacts(services.list_ids[role], role.label, 1, 1, 0) for role in ALL_LISTS}
    with services.database.begin() as connection:
        five_lists.save(
            connection,
            FiveListsFacts(lists, dict.fromkeys(PAIRS, 0), 0, 0, 0),
            by="ada",
            note=None,
            despite=(),
            replaces=None,
            now=with_lists.clock.now(),
        )
    assert change_block_reason(services) is None
    settings = services.settings.model_copy(update={"mailjet_campaign_list_2_id": 999})
    with services.database.begin() as connection:
        assert why_unconfirmed(connection, services.settings) is None
        assert "confirmed as 103" in str(why_unconfirmed(connection, settings))
