"""A person says stop while lists are being changed: nothing more is changed, and what was begun is brought to its end later."""

from __future__ import annotations

import pytest

from list_pipeline.core.errors import RefusedError
from list_pipeline.operations.maintenance import workflow
from list_pipeline.storage.safety import set_mode
from list_pipeline_tests.e2e.rehearsals import SUPPRESSION, Rehearsal

pytestmark = pytest.mark.long


def _set_mode(account: Rehearsal, mode: str) -> None:
    """What ``list-pipeline mode`` does."""
    with account.services.database.begin() as connection:
        set_mode(connection, mode, "A. Person", account.clock.now())


def _stop_half_way(account: Rehearsal) -> str:
    """Start what is due and say stop when contacts were put on the suppression list and not yet taken off theirs; its key."""
    (due,) = account.due()

    def stop(words: str) -> None:
        if "remove" in words:
            _set_mode(account, "read_only")

    with pytest.raises(RefusedError, match="the mode is read_only"):
        workflow.maintain(account.services, due.campaign_key, run_id="stopped", progress=stop)
    return due.campaign_key


def _suppressed(account: Rehearsal) -> set[int]:
    return {row["contact_id"] for row in account.rows("select contact_id from change where kind = 'suppress'")}


def _still_listed(account: Rehearsal, contact_ids: set[int]) -> set[int]:
    """Those who are on a campaign list."""
    places, lists = account.places(), set(account.campaign_lists)
    return {contact_id for contact_id in contact_ids if places[contact_id] & lists}


def test_a_stop_in_the_middle_ends_changes_at_once_and_the_rest_is_done_when_it_is_lifted(account: Rehearsal) -> None:
    key = _stop_half_way(account)
    digest, begun = account.control.digest(), _suppressed(account)
    assert account.scalar("select status from list_maintenance_log") == "read_only"
    assert begun
    places = account.places()
    assert all(SUPPRESSION in places[contact_id] for contact_id in begun)
    assert _still_listed(account, begun) == begun
    account.pass_time(minutes=16)
    account.control.reset_requests()
    assert account.due() == [], "nothing is started while the stop lasts"
    with pytest.raises(RefusedError, match="the mode is read_only"):
        account.maintain(key, "impatient")
    assert account.changing_requests() == {}
    assert account.control.digest() == digest

    _set_mode(account, "auto")
    account.pass_time(minutes=31)
    (again,) = account.due()
    assert account.maintain(key, again.run_key).report.facts.status == "success"
    assert _still_listed(account, begun) == set()
    assert account.rows("select 1 from change group by plan_id, contact_id having count(*) > 1") == []
    assert len(account.rows("select 1 from contact_suppression_history")) == len(begun)


def test_after_a_long_stop_a_person_continues_it_from_the_command_line(account: Rehearsal) -> None:
    key = _stop_half_way(account)
    account.pass_time(days=1)
    _set_mode(account, "auto")
    assert account.maintain(key, "by hand").report.facts.status == "success"
    assert _still_listed(account, _suppressed(account)) == set()


def test_after_a_long_stop_the_sensor_continues_what_is_half_done(account: Rehearsal) -> None:
    _stop_half_way(account)
    for _ in range(6):
        account.pass_time(minutes=20)
        for due in account.due():
            with pytest.raises(RefusedError):
                account.maintain(due.campaign_key, due.run_key)
    _set_mode(account, "auto")
    account.pass_time(hours=1)
    (due,) = account.due()
    assert account.maintain(due.campaign_key, due.run_key).report.facts.status == "success"
