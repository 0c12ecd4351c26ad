"""The life of a maintenance in the ledger: when it is due, what a failure leaves behind, and what is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.runs.limits import MAINTENANCE_RUNS
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.runs import run as runs
from list_pipeline.operations.runs.run import begin, due, end, stage, unreported
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install

pytestmark = pytest.mark.long


def ledger(made: Installation) -> list[tuple[object, ...]]:
    return made.query("select attempt, status from list_maintenance_log order by id")


def fail(made: Installation, run_id: str, words: str = "something broke") -> None:
    run = begin(made.services, made.key, run_id=run_id)
    with pytest.raises(RuntimeError), stage(made.services, run, "suppression"):
        raise RuntimeError(words)


def test_a_campaign_is_due_a_day_after_its_end_and_not_a_second_before(small: Installation) -> None:
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean", duration_seconds=600)
    small.clock.advance(timedelta(seconds=600))
    discovery.discover(small.services)
    key = small.key
    small.clock.advance(timedelta(hours=24, seconds=-1))
    assert key not in [one.campaign_key for one in due(small.services)]
    small.clock.advance(timedelta(seconds=1))
    assert key in [one.campaign_key for one in due(small.services)]


def test_campaigns_are_due_oldest_first_and_each_with_a_run_key_of_its_own(small: Installation) -> None:
    first = small.key
    small.control.send(small.account.lists.campaign_1, "Letter 3", profile="clean")
    small.clock.advance(timedelta(hours=25))
    discovery.discover(small.services)
    found = due(small.services)
    assert [one.campaign_key for one in found] == [first, small.key]
    assert len({one.run_key for one in found}) == 2


def test_a_first_start_takes_up_only_what_is_within_the_look_back(install_small: Install) -> None:
    with install_small(list_maintenance_lookback_days=3) as made:
        assert [one.campaign_key for one in due(made.services)] == [made.key]
    with install_small(list_maintenance_lookback_days=8) as made:
        assert len(due(made.services)) == 3


def test_what_was_sent_after_the_first_start_never_becomes_too_old(small: Installation) -> None:
    small.clock.advance(timedelta(days=30))
    assert [one.campaign_key for one in due(small.services)] == [small.key]


def test_the_row_is_there_from_the_first_moment(small: Installation) -> None:
    run = small.begin()
    assert small.query("select status, run_id, attempt from list_maintenance_log") == [("running", "first", 1)]
    assert begin(small.another(), small.key, run_id="first").log.log_id == run.log.log_id


def test_beginning_what_does_not_exist_writes_nothing(small: Installation) -> None:
    with pytest.raises(NotFoundError):
        begin(small.services, "2020-01-01-r1-1", run_id="first")
    assert ledger(small) == []


def test_a_failure_is_kept_with_its_stage_and_raised(small: Installation) -> None:
    fail(small, "first", "could not reach jane.doe@example.com")
    ((status, errors, finished),) = small.query("select status, errors, finished_at from list_maintenance_log")
    assert status == "failed"
    assert finished == small.clock.now()
    assert errors == [{"stage": "suppression", "error": "could not reach [address]", "count": 1}]


def test_a_failed_campaign_is_tried_again_with_growing_pauses_and_then_given_up(install_small: Install) -> None:
    with install_small(list_maintenance_max_attempts=3) as made:
        keys = []
        for attempt in (1, 2, 3):
            (one,) = due(made.services)
            keys.append(one.run_key)
            assert one.attempt == attempt
            fail(made, f"run {attempt}")
            pause = MAINTENANCE_RUNS.first_pause * 2 ** (attempt - 1)
            made.clock.advance(pause - timedelta(seconds=1))
            assert due(made.services) == []
            made.clock.advance(timedelta(seconds=1))
        assert due(made.services) == []
        assert len(set(keys)) == 3
        assert ledger(made) == [(1, "failed"), (2, "failed"), (3, "failed")]
        assert [one.campaign_key for one in unreported(made.services)] == [made.key]


def test_a_finished_maintenance_is_not_due_again(maintained: Installation) -> None:
    small = maintained
    small.clock.advance(timedelta(days=3))
    assert due(small.services) == []
    assert unreported(small.services) == []


def test_an_ended_attempt_stays_as_it_ended(small: Installation) -> None:
    run = small.begin()
    end(small.services, run, RunStatus.SUCCESS)
    end(small.services, run, RunStatus.FAILED)
    assert ledger(small) == [(1, "success")]


def test_the_next_attempt_after_a_failure_has_a_row_of_its_own(small: Installation) -> None:
    fail(small, "first")
    assert begin(small.services, small.key, run_id="first").log.attempt == 1
    assert begin(small.services, small.key, run_id="second").log.attempt == 2


def test_what_the_ledger_says_about_a_maintenance_is_whole(maintained: Installation) -> None:
    small = maintained
    (row,) = small.query(
        "select contacts_suppressed, contacts_rebalanced, before_state, after_state, suppression_plan, rebalancing_plan,"
        " bounce_analysis, ai_assessments, slack_notification_sent, execution_time_ms from list_maintenance_log"
    )
    suppressed, moved, before, after, plan, rebalancing, analysis, opinions, told, duration = row
    assert (suppressed, moved, told) == (4, 3, True)
    assert before["campaign_3"] == {"raw": 20, "mailable": 20}
    assert after["campaign_3"] == {"raw": 19, "mailable": 19}
    assert after["suppression"]["raw"] == before["suppression"]["raw"] + 4
    assert plan["suppress"]["total"] == 4
    assert rebalancing["lower_bound"] == 2
    assert analysis["by_class"]["hard"] == 3
    assert opinions["reporting"]["status"] == "success"
    assert duration >= 0


def test_two_campaigns_are_maintained_one_after_the_other(small: Installation) -> None:
    small.control.send(
        small.account.lists.campaign_1,
        "Letter 3",
        profile="clean",
        outcomes={small.account.people[2]: "complained"},
    )
    small.clock.advance(timedelta(hours=25))
    synchronise(small.services, progress=quietly)
    for one in due(small.services):
        done = workflow.maintain(small.services, one.campaign_key, run_id=one.run_key, progress=quietly)
        assert done.report.facts.status is RunStatus.SUCCESS
    small.assert_suppressed(small.account.ids(41, 42, 43, 44, 2))
    assert runs.due(small.services) == []
