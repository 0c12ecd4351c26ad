"""The life of a run: seen to live, missed when it dies, given up after its last attempt, and stopped by the switch."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import ChangesStoppedError, PermanentError, StateChangedError, TransientError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import as_text
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.runs.limits import MAINTENANCE_RUNS
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.reports.maintenance_report import notify, write_report
from list_pipeline.operations.runs.attempts import fail_stale_runs, given_up
from list_pipeline.operations.runs.run import begin, current, due, end, stage, unreported
from list_pipeline.operations.safety import modes
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Dying, Installation, Killed, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long

SECOND = timedelta(seconds=1)


def ledger(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select attempt, status from list_maintenance_log order by id")


def errors(made: Installation) -> list[tuple[str, str]]:
    """Stage and words of the latest attempt's errors."""
    ((found,),) = made.query("select errors from list_maintenance_log order by attempt desc limit 1")
    return [(entry["stage"], entry["error"]) for entry in found or ()]


def open_findings(made: Installation) -> list[tuple[Any, ...]]:
    return made.query("select summary, details from review_item where kind = 'finding' and status = 'open'")


def die_at_job(made: Installation, monkeypatch: pytest.MonkeyPatch, nth: int, run_id: str) -> None:
    """A maintenance whose process is killed right after its ``nth`` bulk job reached Mailjet."""
    dying = Dying(when="after")
    jobs = 0

    def is_next(seen: str) -> bool:
        nonlocal jobs
        jobs += seen == "POST /v3/REST/contact/managemanycontacts"
        return jobs == nth

    class Watching(list[str]):
        def append(self, item: str) -> None:
            super().append(item)
            if is_next(item):
                dying.nth = len(self)

    dying.seen = Watching()
    with monkeypatch.context() as patched:
        dying.install(patched)
        with pytest.raises(Killed), made.another() as process:
            made.maintain(process, run_id=run_id)


def fail_stale(made: Installation) -> list[str]:
    made.clock.advance(MAINTENANCE_RUNS.stale_after)
    return fail_stale_runs(made.services)


# A run that dies


def test_a_run_without_a_sign_of_life_for_an_hour_is_a_failed_attempt(small: Installation) -> None:
    small.begin()
    small.clock.advance(MAINTENANCE_RUNS.stale_after - SECOND)
    assert fail_stale_runs(small.services) == []
    assert due(small.services) == []
    small.clock.advance(SECOND)
    assert fail_stale_runs(small.services) == [small.key]
    assert ledger(small) == [(1, "failed")]
    assert errors(small) == [("run", "its run died")]
    assert fail_stale_runs(small.services) == []


def test_the_next_attempt_follows_after_the_ordinary_pause_and_continues_the_same_plan(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_at_job(small, monkeypatch, 1, "first")
    plan = small.plan(PlanKind.SUPPRESSION)
    fail_stale(small)
    small.clock.advance(MAINTENANCE_RUNS.first_pause - SECOND)
    assert due(small.services) == []
    small.clock.advance(SECOND)
    (one,) = due(small.services)
    assert one.attempt == 2
    assert small.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
    assert ledger(small) == [(1, "failed"), (2, "success")]
    assert small.plan(PlanKind.SUPPRESSION).plan_id == plan.plan_id
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_a_run_that_is_killed_every_time_ends_after_its_attempts_with_a_final_alert(
    install_small: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    with install_small(list_maintenance_max_attempts=3) as made:
        for attempt, pause in ((1, 15), (2, 30), (3, 60)):
            assert [one.attempt for one in due(made.services)] == [attempt]
            die_at_job(made, monkeypatch, 1, f"run {attempt}")
            fail_stale(made)
            made.clock.advance(timedelta(minutes=pause))
        made.clock.advance(timedelta(days=2))
        assert due(made.services) == []
        assert [row[0] for row in ledger(made)] == [1, 2, 3]
        assert [stage_name for stage_name, _ in errors(made)] == ["run"]
        (news,) = unreported(made.services)
        assert news.campaign_key == made.key
        run = current(made.services, made.key)
        delivery = notify(made.services, run, write_report(made.services, run))
        assert delivery.state == "sent"
        assert unreported(made.services) == []


def test_beginning_again_by_hand_does_not_wait_for_the_sensor_to_see_that_the_run_died(small: Installation) -> None:
    small.begin()
    small.clock.advance(MAINTENANCE_RUNS.stale_after)
    assert small.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
    assert ledger(small) == [(1, "failed"), (2, "success")]


def test_a_bulk_job_that_was_just_submitted_is_a_heartbeat(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    die_at_job(small, monkeypatch, 1, "first")
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("update list_maintenance_log set touched_at = touched_at - interval '30 minutes'")
    small.clock.advance(MAINTENANCE_RUNS.stale_after - timedelta(minutes=1))
    assert fail_stale_runs(small.services) == []


# A run that lives


def test_a_stage_that_asks_mailjet_for_something_for_hours_is_seen_to_live(small: Installation) -> None:
    run = small.begin()
    with stage(small.services, run, "fetch_bounces"):
        for _ in range(6):
            small.clock.advance(MAINTENANCE_RUNS.stale_after / 2)
            small.services.mailjet.contact_lists()
            assert fail_stale_runs(small.services) == []
    assert ledger(small) == [(1, "running")]
    assert small.services.heartbeat is None


def test_a_run_that_was_buried_alive_runs_again_and_ends_truthfully(install_small: Install) -> None:
    with install_small(list_maintenance_deadline_minutes=90) as made:
        run = made.begin()
        with stage(made.services, run, "fetch_bounces"):
            assert fail_stale(made) == [made.key]
            assert ledger(made) == [(1, "failed")]
        assert ledger(made) == [(1, "running")]
        assert errors(made) == []
        assert begin(made.services, made.key, run_id="first").log.log_id == run.log.log_id
        assert made.maintain(run_id="first").report.facts.status is RunStatus.SUCCESS
        assert ledger(made) == [(1, "success")]


def test_a_buried_run_that_asks_for_its_end_gets_it(small: Installation) -> None:
    run = small.begin()
    fail_stale(small)
    end(small.services, run, RunStatus.PENDING_REVIEW)
    assert ledger(small) == [(1, "pending_review")]


def test_a_buried_run_whose_stage_fails_has_failed_for_that_reason(small: Installation) -> None:
    run = small.begin()

    def die_and_break() -> None:
        with stage(small.services, run, "suppression"):
            fail_stale(small)
            raise RuntimeError("something broke")

    with pytest.raises(RuntimeError):
        die_and_break()
    assert ledger(small) == [(1, "failed")]
    assert errors(small) == [("suppression", "something broke")]


def test_a_buried_run_leaves_its_row_alone_when_the_next_attempt_took_over(small: Installation) -> None:
    run = small.begin()
    with stage(small.services, run, "fetch_bounces"):
        fail_stale(small)
        begin(small.services, small.key, run_id="second")
    assert ledger(small) == [(1, "failed"), (2, "running")]


def test_a_buried_run_does_not_end_the_attempt_that_took_over(small: Installation) -> None:
    run = small.begin()
    fail_stale(small)
    begin(small.services, small.key, run_id="second")
    with pytest.raises(StateChangedError, match="another attempt took over"):
        end(small.services, run, RunStatus.SUCCESS)
    assert ledger(small) == [(1, "failed"), (2, "running")]


# The last attempt


@dataclass
class Breaking:
    """Progress of a maintenance that breaks when its suppressions are done and its moves half done."""

    is_half_way: bool = False

    def __call__(self, words: str) -> None:
        self.is_half_way |= "contacts suppressed" in words
        if self.is_half_way and "remove" in words:
            raise TransientError("Moving contacts", "something broke", "Run again")


def maintain_and_break(made: Installation, run_id: str) -> None:
    with pytest.raises(TransientError):
        workflow.maintain(made.services, made.key, run_id=run_id, progress=Breaking())


def give_up_half_way(made: Installation) -> None:
    """Three attempts, each of which broke where contacts are on their new list and not off the old one."""
    for attempt in (1, 2, 3):
        maintain_and_break(made, f"run {attempt}")
        made.clock.advance(MAINTENANCE_RUNS.first_pause * 4)


def test_before_the_last_attempt_a_failure_is_failed_whatever_was_done(small: Installation) -> None:
    maintain_and_break(small, "first")
    assert ledger(small) == [(1, "failed")]
    assert given_up(small.services) == []
    run = current(small.services, small.key)
    words = as_text(write_report(small.services, run).message)
    retry = (small.clock.now() + MAINTENANCE_RUNS.first_pause).strftime("%Y-%m-%d %H:%M")
    assert f"Attempt 1 of 3 failed. The next one follows by itself at {retry} UTC" in words
    assert "Gave Up" not in words


def test_a_last_attempt_that_leaves_some_done_and_some_open_is_partial_success_and_names_what_is_open(
    small: Installation,
) -> None:
    give_up_half_way(small)
    assert [status for _, status in ledger(small)] == ["failed", "failed", "partial_success"]
    assert due(small.services) == []
    words = as_text(write_report(small.services, current(small.services, small.key)).message)
    assert "Gave Up" in words
    assert "Urgency: critical. Attempt 3 of 3 failed, and nothing more happens by itself." in words
    assert "Changes confirmed at Mailjet: 5; failed: 0; open: 2, of these half done: 2." in words
    assert f"list-pipeline maintain {small.key}" in words
    ((summary, details),) = open_findings(small)
    assert small.key in summary
    assert "2 changes" in summary
    moved = small.query("select contact_id from change where kind = 'move' order by contact_id")
    assert [(contact_id,) for contact_id in details["contact_ids"]] == moved


def test_what_was_given_up_half_done_is_continued_by_hand_and_the_note_about_it_is_closed(small: Installation) -> None:
    give_up_half_way(small)
    assert given_up(small.services) == [f"{small.key} (24h)"]
    done = small.maintain(run_id="by hand")
    assert done.report.facts.status is RunStatus.SUCCESS
    assert ledger(small)[-1] == (4, "success")
    assert open_findings(small) == []
    assert given_up(small.services) == []
    assert small.query("select count(*) from plan") == [(2,)]


def test_a_fourth_attempt_by_hand_that_breaks_too_leaves_a_note_of_its_own(small: Installation) -> None:
    give_up_half_way(small)
    maintain_and_break(small, "by hand")
    assert ledger(small)[-1] == (4, "partial_success")
    ((summary, _),) = open_findings(small)
    assert summary.startswith("Attempt 4")


def test_a_last_attempt_that_did_nothing_is_failed_and_said_so(small: Installation) -> None:
    small.control.add_fault("status", path="bouncestatistics", status=400, count=None)
    for attempt in (1, 2, 3):
        with pytest.raises(PermanentError):
            small.maintain(run_id=f"run {attempt}")
        small.clock.advance(MAINTENANCE_RUNS.first_pause * 4)
    assert [status for _, status in ledger(small)] == ["failed"] * 3
    assert given_up(small.services) == [f"{small.key} (24h)"]
    assert open_findings(small) == []
    words = as_text(write_report(small.services, current(small.services, small.key)).message)
    assert "Attempt 3 of 3 failed" in words
    assert "confirmed at Mailjet: 0; failed: 0; open: 0" in words
    assert "No contact had to change lists" not in words


def test_what_ended_well_is_not_among_what_was_given_up(maintained: Installation) -> None:
    small = maintained
    assert given_up(small.services) == []


# Campaigns one after the other


def test_nothing_younger_is_due_while_an_older_campaign_is_at_work_and_a_failed_one_holds_nobody_up(
    small: Installation,
) -> None:
    older = small.key
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(hours=25))
    discovery.discover(small.services)
    assert [one.campaign_key for one in due(small.services)] == [older, small.key]
    run = begin(small.services, older, run_id="first")
    assert due(small.services) == []
    with pytest.raises(RuntimeError), stage(small.services, run, "fetch_bounces"):
        raise RuntimeError("something broke")
    assert [one.campaign_key for one in due(small.services)] == [small.key]


# The switch


def stopped_run(made: Installation, off: Services) -> None:
    """A run in progress meets a switch that another process found off."""
    run = made.decide_suppression()
    modes.note_flag(off, by="sensor")
    with pytest.raises(ChangesStoppedError), stage(made.services, run, "suppression"):
        suppression.execute_suppressions(made.services, run, quietly)


def test_a_switch_that_another_process_finds_off_stops_a_run_before_its_next_change(small: Installation) -> None:
    with small.another(list_management_enabled=False) as off:
        stopped_run(small, off)
    assert small.changing_requests() == {}
    assert ledger(small) == [(1, "read_only")]
    why = modes.change_block_reason(small.services)
    assert why is not None
    assert "LIST_MANAGEMENT_ENABLED" in why


def test_a_stopped_run_goes_on_when_whoever_starts_next_finds_the_switch_on(small: Installation) -> None:
    with small.another(list_management_enabled=False) as off:
        stopped_run(small, off)
        modes.note_flag(off, by="sensor")
        assert due(off) == []
    modes.note_flag(small.services, by="sensor")
    assert modes.change_block_reason(small.services) is None
    assert [one.campaign_key for one in due(small.services)] == [small.key]
    assert small.maintain(run_id="second").report.facts.status is RunStatus.SUCCESS
    assert ledger(small) == [(1, "success")]


def test_a_run_in_progress_does_not_write_what_it_believes_about_the_switch(small: Installation) -> None:
    with small.another(list_management_enabled=False) as off:
        stopped_run(small, off)
    noted = small.query("select switched_off_at from mode_state")
    assert noted[0][0] == small.clock.now()
    run = current(small.services, small.key)
    workflow.open_suppression_gate(small.services, run)
    begin(small.services, small.key, run_id="first")
    assert small.query("select switched_off_at from mode_state") == noted


def test_a_command_notes_the_switch_as_it_finds_it(install_small: Install) -> None:
    with install_small(list_management_enabled=False) as made:
        assert made.maintain().report.facts.status is RunStatus.READ_ONLY
        first = made.query("select switched_off_at from mode_state")
        assert first[0][0] is not None
        made.clock.advance(timedelta(minutes=1))
        made.maintain()
        assert made.query("select switched_off_at from mode_state") == first, "off since the first time"
        assert made.members(ListRole.SUPPRESSION) == made.account.ids(62, 63)
        with made.another(list_management_enabled=True) as on:
            assert made.maintain(on).report.facts.status is RunStatus.SUCCESS


def test_a_command_does_not_lift_what_the_sensors_noted_and_they_lift_what_a_command_noted(small: Installation) -> None:
    with small.another(list_management_enabled=False) as off:
        modes.note_flag(off, by="sensor")
        modes.note_flag(small.services, by="command")
        assert modes.change_block_reason(small.services) is not None
        with pytest.raises(ChangesStoppedError):
            small.maintain()
        assert ledger(small) == [(1, "read_only")]
        modes.note_flag(small.services, by="sensor")
        assert modes.change_block_reason(small.services) is None
        modes.note_flag(off, by="command")
        assert modes.change_block_reason(small.services) is not None
        modes.note_flag(small.services, by="sensor")
        assert modes.change_block_reason(small.services) is None


def test_the_sensors_take_over_what_a_command_noted(small: Installation) -> None:
    with small.another(list_management_enabled=False) as off:
        modes.note_flag(off, by="command")
        first = small.query("select switched_off_at from mode_state")
        small.clock.advance(timedelta(minutes=1))
        modes.note_flag(off, by="sensor")
        assert small.query("select switched_off_at from mode_state") == first
    modes.note_flag(small.services, by="command")
    assert modes.change_block_reason(small.services) is not None
