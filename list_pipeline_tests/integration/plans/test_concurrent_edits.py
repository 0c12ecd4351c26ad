"""People who unsubscribe, move or are erased while a plan is carried out, or while what was approved waits for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import ItemAction, PlanKind
from list_pipeline.operations.rebalancing import plan_and_execute as rebalancing
from list_pipeline.operations.suppression import plan_and_execute as suppression
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly
from list_pipeline_tests.integration.conftest import Install
from list_pipeline_tests.integration.interception import before, is_job
from list_pipeline_tests.integration.questions import approve_question, carry_out, hold


def at_job(monkeypatch: pytest.MonkeyPatch, nth: int, act: Callable[[], object]) -> None:
    """Somebody acts right before the nth bulk job reaches Mailjet: after everything was looked at."""
    before(monkeypatch, is_job, act, nth=nth)


def mover(made: Installation, action: ItemAction = ItemAction.MOVE) -> tuple[int, ListRole | None, ListRole | None]:
    """A contact of the rebalancing plan, with the lists it leaves and joins."""
    with made.services.database.begin() as connection:
        items = plan_rows.plan_items(connection, made.plan(PlanKind.REBALANCING).plan_id, {action})
    return items[0].contact_id, items[0].from_role, items[0].to_role


def is_mailable(made: Installation, contact_id: int) -> bool:
    """Whether a send to a campaign list would reach a contact, as Mailjet has it."""
    shown = made.control.contact(contact_id)
    listed = [p for p in shown["lists"] if made.account.lists.role_of(p["list_id"]) in CAMPAIGN_LISTS]
    return contact_id not in made.excluded() and any(not place["unsubscribed"] for place in listed)


def removals(made: Installation) -> int:
    """The number of the first job that removes movers: one job adds for each target list."""
    with made.services.database.begin() as connection:
        items = plan_rows.plan_items(connection, made.plan(PlanKind.REBALANCING).plan_id)
    return len({item.to_role for item in items}) + 1


@pytest.mark.parametrize("which", ["first", "removal"])
@pytest.mark.parametrize("everywhere", [True, False])
def test_who_unsubscribes_while_being_moved_is_not_made_mailable(
    small: Installation, monkeypatch: pytest.MonkeyPatch, which: str, everywhere: bool
) -> None:
    run = small.decide_rebalancing()
    contact, home, _ = mover(small)
    assert home is not None
    list_id = None if everywhere else small.account.lists[home]
    at = 1 if which == "first" else removals(small)
    at_job(monkeypatch, at, lambda: small.control.unsubscribe(contact, list_id))
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert not is_mailable(small, contact)
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1


def test_who_unsubscribes_while_another_subscribes_again_is_not_made_mailable(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    contact, home, _ = mover(small)
    assert home is not None
    list_id = small.account.lists[home]
    with small.services.database.begin() as connection:
        planned = {
            item.contact_id for item in plan_rows.plan_items(connection, small.plan(PlanKind.REBALANCING).plan_id)
        }
    other = sorted(small.members(home) - planned)[0]
    small.control.unsubscribe(other, list_id)

    def exchange() -> None:
        """As many are unsubscribed as before, and not the same."""
        small.control.subscribe(small.control.contact(other)["email"], list_id)
        small.control.unsubscribe(contact, list_id)

    at_job(monkeypatch, 1, exchange)
    rebalancing.execute_rebalancing(small.services, run, quietly)
    assert not is_mailable(small, contact)
    assert len(small.places(contact) & set(CAMPAIGN_LISTS)) == 1


def test_a_newcomer_who_unsubscribes_while_being_enrolled_is_not_enrolled(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_rebalancing()
    contact, _, _ = mover(small, ItemAction.ENROL)
    master = small.account.lists.master
    at_job(monkeypatch, 1, lambda: small.control.unsubscribe(contact, master))
    executed = rebalancing.execute_rebalancing(small.services, run, quietly)
    assert not is_mailable(small, contact)
    assert small.places(contact) == {ListRole.MASTER}
    assert executed.skipped == 1
    assert executed.failed == 0


@pytest.mark.parametrize("nth", [1, 2])
def test_who_is_erased_while_being_moved_is_not_mailable_again_and_a_person_is_told(
    small: Installation, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    run = small.decide_rebalancing()
    contact, _, _ = mover(small)
    address = str(small.control.contact(contact)["email"])
    at_job(monkeypatch, nth, lambda: small.control.gdpr_delete(contact))
    executed = rebalancing.execute_rebalancing(small.services, run, quietly)
    assert executed.failed == 0
    again = small.control.contact(address)["id"]
    assert again != contact
    assert not is_mailable(small, again)
    assert again in small.excluded()
    ((kind, summary),) = small.query("select kind, summary from review_item where contact_id = :id", id=contact)
    assert kind == "finding"
    assert f"created it again as contact {again}" in summary
    assert address not in summary
    assert address not in str(small.logs)


def test_who_is_erased_before_the_jobs_are_built_is_left_out(
    small: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = small.decide_suppression()
    contact = small.account.people[HARD[0]]
    posted = []
    at_job(monkeypatch, 1, lambda: posted.append(small.control.gdpr_delete(contact)))
    suppression.execute_suppressions(small.services, run, quietly)
    assert posted
    people = small.query("select contact_id from contact_suppression_history")
    assert (contact,) not in people
    assert {row[0] for row in people} == small.account.ids(*HARD[1:], 44)


def test_an_undisturbed_maintenance_turns_nobody_round(maintained: Installation) -> None:
    small = maintained
    assert small.query(
        "select count(*) from change_step where note in ('unsubscribed_meanwhile', 'created_again')"
    ) == [(0,)]


def test_whoever_was_erased_or_suppressed_since_the_approval_is_skipped_and_who_unsubscribed_is_not_made_mailable(
    install_small: Install,
) -> None:
    with install_small() as made:
        hold(made, *HARD)
        made.maintain()
        approve_question(made, "incident")
        erased, by_hand, unsubscribed = (made.account.people[number] for number in HARD)
        made.control.gdpr_delete(erased)
        made.put_on(ListRole.SUPPRESSION, by_hand)
        made.exclude(by_hand)
        made.take_off(ListRole.CAMPAIGN_3, by_hand)
        made.control.unsubscribe(unsubscribed, made.account.lists.campaign_3)
        carry_out(made)
        notes = dict(
            made.query(
                "select c.contact_id, min(s.note) from change c join change_step s using (change_id)"
                " where c.contact_id = any(:ids) and s.state = 'skipped' group by c.contact_id",
                ids=[erased, by_hand],
            )
        )
        assert notes == {erased: "contact_gone", by_hand: "already_suppressed"}
        assert erased not in made.members(ListRole.SUPPRESSION)
        made.assert_suppressed({unsubscribed})
        assert made.query("select count(*) from contact_suppression_history where contact_id = :id", id=by_hand) == [
            (0,)
        ]
