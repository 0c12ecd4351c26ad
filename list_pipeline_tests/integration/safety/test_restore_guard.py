"""A database restored from an old backup, and a machine that was only off: told apart by what Mailjet shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
import typer
from typer.testing import CliRunner

from list_pipeline.cli import reconciliation as cli_reconciliation
from list_pipeline.core.errors import ListPipelineError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.runs.run import current, due
from list_pipeline.operations.safety import restore_guard
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.database import fetch_all
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import (
    COMPLAINED,
    HARD,
    Installation,
    confirm,
    database_name,
    quietly,
    settings_for,
)

pytestmark = pytest.mark.long

AWAY = EXECUTION.away_after + timedelta(seconds=1)
Restore = Callable[[str], Services]


def lists(made: Installation) -> dict[str, set[int]]:
    """Everything at Mailjet that a maintenance may change."""
    return {**{role.value: made.members(role) for role in ListRole}, "excluded": made.excluded()}


def work_for_three_days(made: Installation) -> None:
    """Maintain the campaign that is due, and go on through the days as the schedules would."""
    made.maintain()
    for day in range(3):
        made.control.sign_up(f"day-{day}@example.org", made.account.lists.master)
        for _ in range(6):
            made.clock.advance(timedelta(hours=4))
            synchronise(made.services, progress=quietly)


def open_items(services: Services) -> list[tuple[str, str]]:
    with services.database.begin() as connection:
        found = fetch_all(connection, "select kind, summary from review_item where status = 'open' order by review_id")
    return [(str(row["kind"]), str(row["summary"])) for row in found]


def attempt_maintenance(services: Services, key: str, run_id: str) -> RunStatus:
    return workflow.maintain(services, key, run_id=run_id, progress=quietly).report.facts.status


@pytest.fixture
def restore(small: Installation, copy_of: Callable[[str], str]) -> Iterator[Restore]:
    """A factory: services on a copy of a database, as if it were restored in place of the one in use."""
    with ExitStack() as stack:

        def open_copy(template: str) -> Services:
            # Late campaigns may run by themselves and newcomers are enrolled, so that there is something to be held back.
            settings = settings_for(
                small.server,
                small.account.lists,
                copy_of(template),
                list_maintenance_lookback_days=10,
                enrol_newcomers="all",
            )
            return stack.enter_context(Services(settings, small.clock))

        yield open_copy


@pytest.fixture
def restored(small: Installation, restore: Restore, knowing_hand_made: str) -> Services:
    """A database from before the maintenance, opened three days of work later."""
    work_for_three_days(small)
    small.control.reset_requests()
    return restore(knowing_hand_made)


def test_a_restored_database_changes_nothing_until_a_person_accepts(small: Installation, restored: Services) -> None:
    before = lists(small)
    assert change_block_reason(restored) is not None
    synchronise(restored, progress=quietly)
    assert "restored from a backup" in str(change_block_reason(restored))
    assert operating_mode(restored) is Mode.READ_ONLY
    attempt_maintenance(restored, small.key, "early")
    # However often it is looked at: our rows follow Mailjet, so a later comparison finds nothing, and clears nothing.
    for _ in range(2):
        synchronise(restored, progress=quietly)
        reconcile(restored, progress=quietly)
    assert change_block_reason(restored) is not None
    assert small.changing_requests() == {}
    assert lists(small) == before
    (question,) = [words for kind, words in open_items(restored) if words.startswith("No list is changed")]
    assert "--accept" in question


def test_after_accepting_nothing_is_done_twice(small: Installation, restored: Services) -> None:
    before = lists(small)
    synchronise(restored, progress=quietly)
    restore_guard.accept(restored, by="A. Person", note="restored on purpose")
    assert change_block_reason(restored) is None
    assert operating_mode(restored) is Mode.AUTO
    assert open_items(restored) == []
    assert small.key in [one.campaign_key for one in due(restored)]
    synchronise(restored, progress=quietly)
    assert attempt_maintenance(restored, small.key, "late") is RunStatus.SUCCESS
    after = lists(small)
    for untouched in ("master", "suppression", "excluded"):
        assert after[untouched] == before[untouched]
    newcomers = set().union(*(after[role.value] - before[role.value] for role in CAMPAIGN_LISTS))
    assert newcomers
    assert all(before[role.value] <= after[role.value] for role in CAMPAIGN_LISTS)
    assert not any(newcomers & before[role.value] for role in CAMPAIGN_LISTS)
    assert sum(len(after[role.value]) for role in CAMPAIGN_LISTS) == len(
        set().union(*(after[role.value] for role in CAMPAIGN_LISTS))
    )
    assert not small.account.ids(*HARD, COMPLAINED) & set().union(*(after[role.value] for role in CAMPAIGN_LISTS))
    small.control.reset_requests()
    assert attempt_maintenance(restored, small.key, "again") is RunStatus.SUCCESS
    assert small.changing_requests() == {}


def test_what_the_restored_database_still_wanted_to_suppress_is_found_suppressed(
    small: Installation, restore: Restore
) -> None:
    run = small.decide_suppression()
    small.services.close()
    small_before = database_name(small.database_url)
    restored_later = restore(small_before)
    suppression.execute_suppressions(small.services, run, quietly)
    small.clock.advance(timedelta(days=3))
    small.control.reset_requests()
    before = lists(small)
    synchronise(restored_later, progress=quietly)
    restore_guard.accept(restored_later, by="A. Person")
    run = current(restored_later, small.key, sweep=Sweep.H24)
    executed = suppression.execute_suppressions(restored_later, run, quietly)
    assert (executed.confirmed, executed.skipped) == (0, 4)
    with restored_later.database.begin() as connection:
        notes = fetch_all(connection, "select distinct note from change_step where state = 'skipped'")
        plan = plan_rows.current_plan(connection, run.campaign.campaign_id, PlanKind.SUPPRESSION, Sweep.H24)
    assert [row["note"] for row in notes] == ["already_suppressed"]
    assert plan is not None
    assert plan.executed_at is not None
    assert small.changing_requests() == {}
    assert lists(small) == before


def test_a_machine_that_was_off_for_days_clears_by_itself_and_goes_on(small: Installation) -> None:
    small.clock.advance(timedelta(days=2))
    small.control.sign_up("meanwhile@example.org", small.account.lists.master)
    small.control.unsubscribe(small.account.people[3], small.account.lists.campaign_1)
    small.control.gdpr_delete(small.account.people[9])
    assert change_block_reason(small.services) is not None
    synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is None
    assert open_items(small.services) == []
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


@pytest.mark.parametrize("what", ["suppressed", "moved", "enrolled", "taken out"])
def test_whatever_looks_like_our_own_work_keeps_the_stop(small: Installation, what: str) -> None:
    contact_id = small.account.people[60 if what == "enrolled" else 3]
    small.clock.advance(AWAY)
    if what in ("moved", "enrolled"):
        small.put_on(ListRole.CAMPAIGN_2, contact_id)
    if what == "suppressed":
        small.put_on(ListRole.SUPPRESSION, contact_id)
    if what in ("moved", "taken out"):
        small.take_off(ListRole.CAMPAIGN_1, contact_id)
    if what == "taken out":
        small.exclude(contact_id)
    synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is not None
    assert small.query("select max(own_work) from reconciliation") == [(1,)]
    assert len(small.cards()) == 1


def test_what_waits_behind_the_stop_is_taken_up_by_itself_when_a_person_accepted(small: Installation) -> None:
    small.clock.advance(AWAY)
    small.put_on(ListRole.SUPPRESSION, small.account.people[3])
    small.control.reset_requests()
    synchronise(small.services, progress=quietly)
    assert attempt_maintenance(small.services, small.key, "early") is RunStatus.READ_ONLY
    assert due(small.services) == []
    assert small.changing_requests() == {}
    restore_guard.accept(small.services, by="A. Person")
    assert [one.campaign_key for one in due(small.services)] == [small.key]
    assert attempt_maintenance(small.services, small.key, "late") is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_a_day_without_a_sign_of_life_is_no_absence_and_a_second_more_is(small: Installation) -> None:
    small.clock.advance(EXECUTION.away_after)
    assert change_block_reason(small.services) is None
    small.clock.advance(timedelta(seconds=1))
    assert change_block_reason(small.services) is not None


def test_the_first_start_is_no_absence(new_here: Installation) -> None:
    new_here.clock.advance(timedelta(days=30))
    assert restore_guard.why_stopped(new_here.services) is None
    synchronise(new_here.services, progress=quietly)
    confirm(new_here.services)
    assert change_block_reason(new_here.services) is None
    assert new_here.query("select count(*) from reconciliation") == [(0,)]


def test_an_absence_stays_unsettled_while_mailjet_cannot_be_read(small: Installation) -> None:
    small.clock.advance(AWAY)
    small.control.add_fault("status", path="/listrecipient$", status=401, count=None)
    with pytest.raises(ListPipelineError):
        synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is not None
    with pytest.raises(RefusedError, match="not compared"):
        restore_guard.accept(small.services, by="A. Person")
    small.control.clear_faults()
    synchronise(small.services, progress=quietly)
    assert change_block_reason(small.services) is None


def test_the_command_line_maintains_nothing_after_an_absence_before_it_has_compared(small: Installation) -> None:
    small.clock.advance(AWAY)
    assert small.maintain().report.facts.status is RunStatus.SUCCESS
    assert small.query("select own_work from reconciliation where finished_at is not null") == [(0,)]


@pytest.mark.parametrize("by", ["", "gate", "nobody", "  "])
def test_only_a_person_accepts(small: Installation, by: str) -> None:
    with pytest.raises(RefusedError, match="person"):
        restore_guard.accept(small.services, by=by)


def test_where_nothing_waits_nothing_is_accepted(small: Installation) -> None:
    with pytest.raises(RefusedError, match="nothing waits"):
        restore_guard.accept(small.services, by="A. Person")


def test_the_command_shows_what_was_found_and_takes_the_decision(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def opened() -> Iterator[Services]:
        yield small.services

    monkeypatch.setattr(cli_reconciliation, "opened_services", opened)
    app = typer.Typer()
    app.callback()(lambda: None)
    cli_reconciliation.register(app)
    small.clock.advance(AWAY)
    moved = small.account.people[3]
    small.put_on(ListRole.SUPPRESSION, moved)
    shown = CliRunner().invoke(app, ["reconcile"])
    assert shown.exit_code == 0, shown.output
    assert str(moved) in shown.output
    assert "--accept --by NAME" in shown.output
    assert "@" not in shown.output
    accepted = CliRunner().invoke(app, ["reconcile", "--accept", "--by", "A. Person", "--yes"])
    assert accepted.exit_code == 0, accepted.output
    assert change_block_reason(small.services) is None
