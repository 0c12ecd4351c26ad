"""Who unsubscribed once stays unsubscribed, whatever becomes of the entry that said so."""

from __future__ import annotations

import pytest

from list_pipeline.core.drift.findings import DriftKind
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.single_contacts import take_back_unsubscription
from list_pipeline.operations.reviews.decisions import approve
from list_pipeline.storage.membership import members, queue
from list_pipeline_tests.integration.accounts import Installation, quietly

ONE, TWO, _ = CAMPAIGN_LISTS


def is_unsubscribed(made: Installation, contact_id: int) -> bool:
    with made.services.database.begin() as connection:
        return bool(members.facts_of(connection, [contact_id])[contact_id]["is_unsubscribed"])


def come_back(made: Installation, contact_id: int, *roles: ListRole) -> None:
    """Off every list, and onto some of them again by an import."""
    for role in made.places(contact_id):
        made.take_off(role, contact_id)
    sync(made.services, full=True)
    for role in roles:
        made.put_on(role, contact_id)
    sync(made.services, full=True)


@pytest.mark.parametrize("left", [ListRole.MASTER, ONE])
def test_who_unsubscribed_left_every_list_and_was_imported_again_is_no_newcomer_and_not_subscribed(
    small: Installation, left: ListRole
) -> None:
    contact_id = small.account.people[1]
    small.control.unsubscribe(contact_id, small.account.lists[left])
    sync(small.services)
    come_back(small, contact_id, ListRole.MASTER)
    assert is_unsubscribed(small, contact_id)
    with small.services.database.begin() as connection:
        assert contact_id not in {one.contact_id for one in queue.newcomers(connection, 100)}


def test_who_is_put_on_a_campaign_list_again_after_unsubscribing_is_named_and_not_moved(small: Installation) -> None:
    contact_id = small.account.people[1]
    small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    come_back(small, contact_id, ListRole.MASTER, ONE)
    assert is_unsubscribed(small, contact_id)
    found = sync(small.services).findings
    assert any(
        "Unsubscribed, and subscribed on a campaign list again" in one and str(contact_id) in one for one in found
    )
    with small.services.database.begin() as connection:
        assert contact_id not in {one.contact_id for one in queue.queue_ends(connection, ONE, 50, 50)}


@pytest.mark.parametrize("way", ["the same list", "another list", "another id"])
def test_a_repair_takes_who_was_imported_again_after_unsubscribing_off_the_list(small: Installation, way: str) -> None:
    contact_id, role = small.account.people[1], ONE if way == "the same list" else TWO
    small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    if way == "another id":
        address = small.control.contact(contact_id)["email"]
        come_back(small, contact_id, ListRole.MASTER, ONE)
        small.control.gdpr_delete(contact_id)
        contact_id = small.control.sign_up(address.upper(), small.account.lists[role])
    else:
        come_back(small, contact_id, ListRole.MASTER, role)
    found = reconcile(small.services, progress=quietly)
    assert found.counts[DriftKind.UNSUBSCRIBED_AND_LISTED] == 1
    ((plan_id, hashed),) = found.proposals
    # As for suppressed contacts, a person decides.
    assert contact_id in small.members(role)
    approve(small.services, plan_id, by="ada", content_hash=hashed)
    done = carry_out_correction(small.services, plan_id, quietly)
    assert (done.facts.done, done.facts.planned) == (1, 1)
    assert contact_id not in small.members(role)
    assert reconcile(small.services, progress=quietly).counts[DriftKind.UNSUBSCRIBED_AND_LISTED] == 0


def test_a_repair_leaves_who_is_subscribed_again_since_it_was_proposed_on_the_list(small: Installation) -> None:
    contact_id = small.account.people[1]
    small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    come_back(small, contact_id, ListRole.MASTER, ONE, TWO)
    ((plan_id, hashed),) = reconcile(small.services, progress=quietly).proposals
    take_back_unsubscription(small.services, contact_id, by="ada", note="wrote to us")
    approve(small.services, plan_id, by="ada", content_hash=hashed)
    assert carry_out_correction(small.services, plan_id, quietly).facts.done == 0
    assert contact_id in small.members(ONE) & small.members(TWO)
    # On two lists it is found as such, which chooses the one that gives the open cycle once.
    assert reconcile(small.services, progress=quietly).counts[DriftKind.IN_TWO_CAMPAIGN_LISTS] == 1


def test_who_subscribed_again_on_the_same_entry_or_is_taken_back_by_a_person_is_left_on_the_list(
    small: Installation,
) -> None:
    again, asked = small.account.people[1], small.account.people[2]
    for contact_id in (again, asked):
        small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    come_back(small, asked, ListRole.MASTER, TWO)
    assert is_unsubscribed(small, asked)
    take_back_unsubscription(small.services, asked, by="ada", note="wrote to us")
    assert not is_unsubscribed(small, asked)
    small.control.subscribe(small.control.contact(again)["email"], small.account.lists[ONE])
    assert reconcile(small.services, progress=quietly).counts[DriftKind.UNSUBSCRIBED_AND_LISTED] == 0
    assert not is_unsubscribed(small, again)


def test_the_same_entry_that_says_subscribed_again_takes_it_back(small: Installation) -> None:
    contact_id = small.account.people[1]
    small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    assert is_unsubscribed(small, contact_id)
    small.control.subscribe(small.control.contact(contact_id)["email"], small.account.lists[ONE])
    sync(small.services, thorough=True)
    assert not is_unsubscribed(small, contact_id)


def test_a_person_who_knows_takes_it_back_and_a_later_unsubscription_counts_again(small: Installation) -> None:
    contact_id = small.account.people[1]
    small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    with pytest.raises(NotFoundError, match="no unsubscription of it is kept"):
        take_back_unsubscription(small.services, contact_id, by="ada", note="wrote to us")
    come_back(small, contact_id, ListRole.MASTER, ONE)
    for by, note in (("", "wrote to us"), ("ada", " ")):
        with pytest.raises(RefusedError):
            take_back_unsubscription(small.services, contact_id, by=by, note=note)
    assert is_unsubscribed(small, contact_id)
    take_back_unsubscription(small.services, contact_id, by="ada", note="wrote from me@example.com")
    assert not is_unsubscribed(small, contact_id)
    assert small.query("select taken_back_by, note from kept_unsubscription") == [("ada", "wrote from [address]")]
    small.control.unsubscribe(contact_id, small.account.lists[ONE])
    sync(small.services)
    assert is_unsubscribed(small, contact_id)
    come_back(small, contact_id, ListRole.MASTER)
    assert is_unsubscribed(small, contact_id)
