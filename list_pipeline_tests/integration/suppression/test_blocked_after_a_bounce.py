"""The first start on an account with a past: who bounced hard in a campaign that was loaded is blocked at Mailjet since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from list_pipeline.core.lists import CAMPAIGN_LISTS
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.plans import single_contacts
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import HARD, SENDER_FAULT, Installation, confirm, quietly


def another_cycle(made: Installation) -> None:
    """The next three rounds; whom the last one finds dead, Mailjet no longer tries."""
    for number, role in enumerate(CAMPAIGN_LISTS):
        made.clock.advance(timedelta(days=4) if number else timedelta(days=10))
        made.control.send(made.account.lists[role], "Letter 3", profile="clean")
    made.clock.advance(timedelta(hours=25, minutes=10))


def rules(made: Installation) -> dict[int, str]:
    with made.services.database.begin() as connection:
        items = plan_rows.plan_items(connection, made.plan(PlanKind.SUPPRESSION).plan_id)
    return {item.contact_id: item.rule for item in items}


@pytest.fixture
def with_a_past(new_here: Installation) -> Installation:
    another_cycle(new_here)
    synchronise(new_here.services, progress=quietly)
    confirm(new_here.services)
    return new_here


def test_hard_bounces_of_a_loaded_past_campaign_suppress_who_is_blocked_since(with_a_past: Installation) -> None:
    hard = with_a_past.account.ids(*HARD)
    with_a_past.maintain()
    assert {contact_id: rule for contact_id, rule in rules(with_a_past).items() if contact_id in hard} == dict.fromkeys(
        hard, "hard_bounce"
    )
    with_a_past.assert_suppressed(hard)
    found = with_a_past.query(
        "select distinct reason, bounce_type from contact_suppression_history where contact_id = any(:ids)",
        ids=list(hard),
    )
    assert found == [("hard_bounce", "user_unknown")]


def test_who_is_blocked_without_a_bounce_that_we_read_is_kept(with_a_past: Installation) -> None:
    with_a_past.query("delete from bounce_fetch returning 1")
    with_a_past.maintain()
    hard = with_a_past.account.ids(*HARD)
    assert {rule for contact_id, rule in rules(with_a_past).items() if contact_id in hard} == {"not_evidence"}
    assert not hard & {contact_id for (contact_id,) in with_a_past.query("select contact_id from change")}


def test_who_was_reinstated_starts_anew(maintained: Installation) -> None:
    small = maintained
    (one, *others) = sorted(small.account.ids(*HARD))
    for contact_id in (one, *others):
        single_contacts.reinstate(small.services, contact_id, by="A. Person", note="wrote to us", progress=quietly)
    another_cycle(small)
    synchronise(small.services, progress=quietly)
    small.maintain(run_id="second")
    found = rules(small)
    assert {found[contact_id] for contact_id in (one, *others)} == {"not_evidence"}
    assert small.account.people[SENDER_FAULT] not in found
