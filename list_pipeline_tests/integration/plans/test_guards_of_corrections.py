"""Who is left as they are when something is taken back, and what may not be carried out: each guard of it in a quick test."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.drift.findings import DriftKind, RepairSummary
from list_pipeline.core.errors import ChangesStoppedError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.core.plans.plan import ItemAction, PlanItem, PlanKind, PlanStatus, content_hash
from list_pipeline.operations.membership import sync as membership_sync
from list_pipeline.operations.plans import corrections
from list_pipeline.operations.plans.single_contacts import reinstate
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage import safety
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.drafts import schedule

ONE, TWO, THREE = CAMPAIGN_LISTS


def test_an_undo_leaves_who_complained_unsubscribed_or_was_moved_since_and_names_them(small: Installation) -> None:
    first, second, third = (small.account.people[number] for number in HARD)
    small.maintain()
    small.control.unsubscribe(first)
    small.put_on(ONE, second)
    done = undo_maintenance(small.services, small.key, by="ada", progress=quietly)[-1]
    assert done.refused == {
        Refusal.COMPLAINT: (small.account.people[COMPLAINED],),
        Refusal.UNSUBSCRIBED: (first,),
        Refusal.CHANGED_SINCE: (second,),
    }
    assert small.places(third) == {ListRole.MASTER, THREE}
    assert small.members(ListRole.SUPPRESSION) >= small.account.ids(*HARD[:2], COMPLAINED)
    assert small.account.ids(*HARD[:2], COMPLAINED) <= small.excluded()


def test_a_complaint_is_reinstated_only_by_somebody_who_says_so(small: Installation) -> None:
    contact = small.account.people[COMPLAINED]
    suppression.execute_suppressions(small.services, small.decide_suppression(), quietly)
    with pytest.raises(RefusedError, match="complained"):
        reinstate(small.services, contact, by="ada")
    small.assert_suppressed({contact})


def test_nobody_goes_back_to_a_list_that_is_about_to_be_sent(small: Installation) -> None:
    suppression.execute_suppressions(small.services, small.decide_suppression(), quietly)
    schedule(small, small.clock.now() + timedelta(minutes=30), THREE)
    done = undo_maintenance(small.services, small.key, by="ada", progress=quietly)[-1]
    assert set(done.refused[Refusal.LIST_BEING_SENT]) == small.account.ids(*HARD)
    small.assert_suppressed(small.account.ids(*HARD, COMPLAINED))


def test_nothing_is_taken_back_while_changes_are_stopped(small: Installation) -> None:
    suppression.execute_suppressions(small.services, small.decide_suppression(), quietly)
    with small.services.database.begin() as connection:
        safety.set_mode(connection, "read_only", "a person", small.clock.now())
    small.control.reset_requests()
    with pytest.raises(ChangesStoppedError):
        undo_maintenance(small.services, small.key, by="ada", progress=quietly)
    assert small.changing_requests() == {}
    assert small.query("select count(*) from plan where kind = 'undo'") == [(0,)]


def test_a_repair_is_carried_out_once_approved_and_takes_nobody_off_the_last_list(small: Installation) -> None:
    twice, once = small.account.people[5], small.account.people[6]
    small.put_on(TWO, twice)
    membership_sync.sync(small.services)
    items = [
        PlanItem(contact, ItemAction.REMOVE, rule="in_two_lists", from_role=ONE, reason="in_two_lists")
        for contact in (twice, once)
    ]
    shown = content_hash(None, PlanKind.REPAIR, None, "test", items)
    with small.services.database.begin() as connection:
        plan_id = plan_rows.save_plan(
            connection,
            campaign_id=None,
            kind=PlanKind.REPAIR,
            sweep=None,
            content_hash=shown,
            policy_version="test",
            status=PlanStatus.PENDING_REVIEW,
            summary=RepairSummary(DriftKind.IN_TWO_CAMPAIGN_LISTS, 2),
            items=items,
            now=small.clock.now(),
        ).plan_id
    with pytest.raises(RefusedError, match="pending_review"):
        corrections.carry_out_correction(small.services, plan_id, quietly)
    assert small.places(twice) & set(CAMPAIGN_LISTS) == {ONE, TWO}
    approve(small.services, plan_id, by="ada", content_hash=shown)
    corrections.carry_out_correction(small.services, plan_id, quietly)
    assert small.places(twice) & set(CAMPAIGN_LISTS) == {TWO}
    assert small.places(once) & set(CAMPAIGN_LISTS) == {ONE}
