"""The first day on an account that nobody looked after, with the settings as they come."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from list_pipeline.core.bounces.classes import BounceReason, advice_for
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline_tests.e2e.dagster_runs import DagsterHome
from list_pipeline_tests.e2e.rehearsals import LIST_2, Rehearsal, rehearsal
from list_pipeline_tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.long

ROTTEN_PERCENT = 18
TURN_HOURS, TURNS = 4, 6


def _rotten_send(account: Rehearsal) -> set[int]:
    """A campaign of whose recipients Mailjet did not try nearly a fifth, because of what happened before our time."""
    people = sorted(account.members(LIST_2))
    rotten = people[: len(people) * ROTTEN_PERCENT // 100]
    account.control.send(LIST_2, "Client letter 4", profile="clean", outcomes=dict.fromkeys(rotten, "preblocked"))
    return set(rotten)


def _tick(home: DagsterHome) -> list[dg.ExecuteInProcessResult]:
    """One turn of everything that starts by itself: both sensors, and the hourly sync."""
    results = [home.execute(request) for request in home.requests()]
    results += [home.execute(one, "maintenance_reporting") for one in home.requests("maintenances_to_report")]
    sync = home.defs.resolve_job_def("membership_sync_job")
    return [*results, sync.execute_in_process(instance=home.instance, raise_on_error=False)]


def test_for_a_day_nothing_is_changed_on_a_rotten_account_and_people_are_told_what_was_seen(
    new_database: Callable[[], str], tmp_path: Path
) -> None:
    folder = tmp_path / "account"
    with rehearsal(folder, new_database()) as before:
        before.control.seed(scenario="open_cycle", contacts=3000, seed=7)
        rotten = _rotten_send(before)
        before.pass_time(hours=25)
        start = VirtualClock(before.clock.now())
    # The product starts now for the first time, on a database of its own: it knows no campaign and nobody has set anything.
    defaults: dict[str, Any] = {"clock": start, "list_management_mode": "graduated"}
    with rehearsal(folder, new_database(), **defaults) as account, dg.DagsterInstance.ephemeral() as instance:
        account.control.reset_requests()
        places = account.places()
        home = DagsterHome(account, instance)
        for _ in range(TURNS):
            assert all(result.success for result in _tick(home))
            account.pass_time(hours=TURN_HOURS)
        assert account.changing_requests() == {}
        assert account.places() == places
        assert {row["status"] for row in account.rows("select status from list_maintenance_log")} == {"read_only"}
        assert account.rows("select 1 from change") == []

        key = account.scalar("select campaign_key from campaign_schedule order by send_start_at desc limit 1")
        recipients = account.scalar("select recipient_count from campaign_schedule where campaign_key = :key", key=key)
        items = account.plan_items(key, PlanKind.SUPPRESSION)
        kept = {item.contact_id for item in items if item.rule == "not_evidence"}
        mailed = account.rows(
            "select contact_id from campaign_recipient join campaign_schedule on id = campaign_id where campaign_key = :key",
            key=key,
        )
        rotten &= {row["contact_id"] for row in mailed}
        others = {item.contact_id: item.rule for item in items if item.contact_id in rotten - kept}
        # One of the seeded people complained before, and some bounced hard in the campaigns that were read: other matters.
        assert set(others.values()) <= {"complaint", "hard_bounce"}
        read_hard = {
            row["contact_id"]
            for row in account.rows(
                "select contact_id from bounce_event join campaign_schedule on id = campaign_id"
                " where bounce_class = 'hard' and campaign_key <> :key",
                key=key,
            )
        }
        assert {contact_id for contact_id, rule in others.items() if rule == "hard_bounce"} <= read_hard
        assert len(others) < len(rotten) // 10
        assert len(rotten) > recipients * (ROTTEN_PERCENT - 1) // 100
        suppressed = {item.contact_id for item in items if item.action is ItemAction.SUPPRESS}
        assert suppressed & rotten <= others.keys()
        (found,) = [
            one
            for one in account.plan(key, PlanKind.SUPPRESSION).suppression_summary.not_evidence
            if one.reason is BounceReason.PREBLOCKED
        ]
        assert found.contacts >= len(rotten - others.keys())
        assert found.advice == advice_for(BounceReason.PREBLOCKED)
        assert "release it at Mailjet" in found.advice
        told = [str(one) for one in account.slack_messages() if key in str(one)]
        # The other one asks what this send is, whose subject is another than that of the open cycle.
        assert len(told) == 2
        assert any("Fits No Cycle" in one for one in told)
        (message,) = [one for one in told if "List Maintenance" in one]
        assert "Read-Only, Nothing Was Changed" in str(message)
        below = account.control.slack_messages()
        assert "were not attempted at all, which says nothing about them" in str(below)
