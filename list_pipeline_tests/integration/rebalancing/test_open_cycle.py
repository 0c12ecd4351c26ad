"""Nobody gets an open cycle twice and nobody is put back who was taken off, whatever people do between its rounds.

The judge is the sandbox's own log of what it sent to whom.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from list_pipeline.core.campaigns.open_cycle import OpenCycle
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.membership import queue
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation, quietly
from list_pipeline_tests.integration.conftest import Install

ONE, TWO, THREE = CAMPAIGN_LISTS


def send(made: Installation, role: ListRole) -> None:
    """The round of "Letter 3" to one list, and the day until it is due."""
    made.control.send(made.account.lists[role], "Letter 3", profile="clean")
    made.clock.advance(timedelta(hours=25))
    synchronise(made.services, progress=quietly)


def mails(made: Installation) -> Counter[int]:
    """How often each contact got "Letter 3"."""
    found: Counter[int] = Counter()
    for one in made.control.ledger():
        if one["subject"] == "Letter 3":
            found.update(one["contact_ids"])
    return found


def chosen(made: Installation) -> set[int]:
    """The contacts that the newest rebalancing plan moves or enrols."""
    with made.services.database.begin() as connection:
        return {item.contact_id for item in plan_rows.plan_items(connection, made.plan(PlanKind.REBALANCING).plan_id)}


def test_who_was_taken_off_a_list_after_its_round_is_not_put_on_a_list_still_to_be_sent(small: Installation) -> None:
    send(small, ONE)
    taken_off = small.account.people[1]
    small.take_off(ONE, taken_off)
    # Few on list 2, and no newcomer: only who was taken off could fill it.
    for number in (60, 61, 20, 21, 22, 23):
        small.control.unsubscribe(small.account.people[number])
    small.maintain()
    reasons = small.plan(PlanKind.REBALANCING).rebalancing_summary.reasons
    for role in (TWO, THREE):
        send(small, role)
        small.maintain()
    assert not [contact_id for contact_id, count in mails(small).items() if count > 1]
    assert small.places(taken_off) == {ListRole.MASTER}
    assert any("taken off a campaign list by somebody, so not enrolled: 1" in one for one in reasons)


def test_an_enrolment_that_was_undone_in_mid_cycle_is_not_made_again(maintained: Installation) -> None:
    small = maintained
    enrolled = {step.contact_id for step in small.steps(PlanKind.REBALANCING) if step.kind is ItemAction.ENROL}
    assert enrolled
    first = small.key
    send(small, THREE)
    undo_maintenance(small.services, first, by="ada")
    for contact_id in enrolled:
        assert small.places(contact_id) == {ListRole.MASTER}
    # Few on list 1, which is still to be sent.
    for number in range(4):
        small.control.unsubscribe(small.account.people[number])
    small.maintain(run_id="second")
    for role in (ONE, TWO):
        send(small, role)
        small.maintain(run_id=f"after {role.value}")
    assert not [contact_id for contact_id, count in mails(small).items() if count > 1]
    for contact_id in enrolled:
        assert not small.places(contact_id) & set(CAMPAIGN_LISTS)


def test_newcomers_join_a_list_that_is_still_to_be_sent_and_get_the_cycle_once(install_small: Install) -> None:
    with install_small(list_balance_threshold=0.1, list_balance_target=0.1) as made:
        send(made, ONE)
        for number in range(4):
            made.control.unsubscribe(made.account.people[number])
        made.maintain()
        items = made.steps(PlanKind.REBALANCING)
        assert all(step.list_role is not ONE for step in items)
        for role in (TWO, THREE):
            send(made, role)
        got = mails(made)
        assert all(got[step.contact_id] == 1 for step in items)


def test_a_contact_that_somebody_moved_by_hand_across_the_rounds_is_not_moved_on(small: Installation) -> None:
    send(small, ONE)
    moved, stays = small.account.people[0], small.account.people[20]
    small.take_off(ONE, moved)
    small.put_on(TWO, moved)
    synchronise(small.services, progress=quietly)
    with small.services.database.begin() as connection:
        cycle = cycle_now(connection, small.clock.now())
        movable = {one.contact_id for one in queue.queue_ends(connection, TWO, 50, 50, cycle)}
        free = {one.contact_id for one in queue.queue_ends(connection, TWO, 50, 50, OpenCycle())}
    assert {moved, stays} <= free
    assert moved not in movable
    assert stays in movable


def test_a_list_that_somebody_emptied_is_not_filled_again_without_a_person(small: Installation) -> None:
    for number in range(20, 26):
        small.take_off(TWO, small.account.people[number])
    small.maintain()
    plan = small.plan(PlanKind.REBALANCING)
    assert plan.status is PlanStatus.PENDING_REVIEW
    assert plan.gate is not None
    (check,) = [check for check in plan.gate.checks if check.name == "taken_off"]
    assert not check.passed
    assert "6 of 20 off List 2" in check.words
    assert not chosen(small) & small.account.ids(*range(20, 26))


def test_an_enrolment_that_the_product_took_back_by_itself_may_be_made_again(maintained: Installation) -> None:
    small = maintained
    enrolled = {step.contact_id for step in small.steps(PlanKind.REBALANCING) if step.kind is ItemAction.ENROL}
    undo_maintenance(small.services, small.key, by="ada")
    with small.services.database.begin() as connection:
        assert not enrolled & {one.contact_id for one in queue.newcomers(connection, 100)}
        assert queue.removed_among(connection, sorted(enrolled)) == enrolled
    # The same changes as the product would have taken them back after failures.
    small.query("update plan set kind = 'rollback' where kind = 'undo' returning plan_id")
    with small.services.database.begin() as connection:
        assert enrolled <= {one.contact_id for one in queue.newcomers(connection, 100)}


@pytest.mark.parametrize("known", [True, False])
def test_nobody_goes_anywhere_while_it_is_not_known_who_was_mailed(small: Installation, known: bool) -> None:
    run = small.decide_suppression()
    send(small, ONE)
    if not known:
        small.query(
            "delete from campaign_recipient where campaign_id = (select max(id) from campaign_schedule) returning 1"
        )
        small.query(
            """update campaign_schedule set recipients_source = null, recipients_known_at = null,
               recipients_proven_at = null
               where id = (select max(id) from campaign_schedule) returning id"""
        )
    with small.services.database.begin() as connection:
        cycle = cycle_now(connection, small.clock.now())
    assert cycle.unrecorded == (frozenset() if known else frozenset({ONE}))
    assert run.campaign.key != small.key
