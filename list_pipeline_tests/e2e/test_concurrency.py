"""Two workers at the same maintenance at once: one end state, everything once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from list_pipeline.operations.maintenance import workflow
from list_pipeline_tests.e2e.conftest import SMALL
from list_pipeline_tests.e2e.rehearsals import ANCHOR, PacedClock, Rehearsal, Templates, quiet

pytestmark = pytest.mark.long


@pytest.fixture
def paced(templates: Templates) -> Iterator[Rehearsal]:
    """The small account on a clock that runs twenty times as fast as ours, so that waiting for each other works."""
    clock = PacedClock(ANCHOR + timedelta(seconds=1), times=20)
    with templates.rehearsal(seed=SMALL, clock=clock) as copy:
        yield copy


def _at_once(account: Rehearsal, key: str, workers: int = 2) -> list[object]:
    """Maintain a campaign from several workers that start together, each with services of its own; what each said."""
    start = threading.Barrier(workers)
    said: list[object] = []

    def work(number: int) -> None:
        with account.other_services() as services:
            start.wait(30)
            try:
                said.append(workflow.maintain(services, key, run_id=f"worker-{number}", progress=quiet).delivery.state)
            except Exception as error:  # noqa: BLE001 - whatever it is, the test has to see it
                said.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert not any(thread.is_alive() for thread in threads)
    return said


def _state(account: Rehearsal) -> tuple[object, ...]:
    """Who is where, from Mailjet's side, without row ids and dates: those differ between two runs on two clocks."""
    excluded = {i for i, person in account.people().items() if person["IsExcludedFromCampaigns"]}
    return account.places(), excluded


def test_two_runs_of_one_maintenance_leave_one_end_state_and_each_change_once(
    paced: Rehearsal, templates: Templates
) -> None:
    with templates.rehearsal(seed=SMALL) as alone:
        alone.maintain_due()
        expected, suppressed = _state(alone), alone.scalar("select count(*) from contact_suppression_history")

    (due,) = paced.due()
    said = _at_once(paced, due.campaign_key)
    assert len(said) == 2
    assert [one for one in said if isinstance(one, Exception)] == []
    assert _state(paced) == expected
    history = paced.rows("select contact_id, count(*) as times from contact_suppression_history group by contact_id")
    assert {row["times"] for row in history} == {1}
    assert len(history) == suppressed
    assert paced.rows("select campaign_id, kind, sweep from plan group by 1, 2, 3 having count(*) > 1") == []
    assert paced.rows("select 1 from change group by plan_id, contact_id having count(*) > 1") == []
    assert [row["status"] for row in paced.rows("select status from list_maintenance_log")] == ["success"]


def test_two_runs_at_once_end_as_one_without_a_failed_run_and_with_one_message(paced: Rehearsal) -> None:
    (due,) = paced.due()
    said = _at_once(paced, due.campaign_key)
    assert [one for one in said if isinstance(one, Exception)] == []
    assert [row["status"] for row in paced.rows("select status from list_maintenance_log")] == ["success"]
    assert len(paced.slack_messages()) == 1
    assert paced.due() == []
