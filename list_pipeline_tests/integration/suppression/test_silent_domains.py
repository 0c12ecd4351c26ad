"""A domain that is gone and shows it by nothing but silence, through the whole product."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage.plans import plan_rows
from list_pipeline_tests.integration.accounts import Installation, quietly

GONE = "silent-company.example"


def joined(made: Installation, *emails: str) -> list[int]:
    """People who sign up, and are on list 1."""
    lists = made.account.lists
    for email in emails:
        made.control.sign_up(email, lists.master)
    return [made.control.sign_up(email, lists.campaign_1) for email in emails]


def cycle(made: Installation, letter: int, silent: Iterable[int]) -> dict[int, tuple[str, str]]:
    """A letter to all three lists, a month after the one before; what was decided about each contact."""
    found: dict[int, tuple[str, str]] = {}
    made.clock.advance(timedelta(days=23))
    for role in CAMPAIGN_LISTS:
        outcomes = dict.fromkeys(silent, "connection_issue")
        made.control.send(made.account.lists[role], f"Silence {letter}", profile="clean", outcomes=outcomes)
        made.clock.advance(timedelta(hours=25))
        synchronise(made.services, progress=quietly)
        workflow.maintain(made.services, made.key, run_id=made.key, progress=quietly)
        with made.services.database.begin() as connection:
            items = plan_rows.plan_items(connection, made.plan(PlanKind.SUPPRESSION).plan_id)
        # Rebalancing moves people between the lists.
        found |= {one.contact_id: (one.action.value, one.rule) for one in items}
        made.clock.advance(timedelta(days=2))
    return found


def test_only_a_domain_where_nobody_is_answered_is_taken_for_gone_after_three_letters_and_two_months(
    small: Installation,
) -> None:
    people = joined(small, f"a@{GONE}", f"b@{GONE}")
    colleague, _ = joined(small, "a@half-silent.example", "works@half-silent.example")
    neighbour, _ = joined(small, "a@googlemail.com", "works@gmail.com")
    kept = dict.fromkeys((colleague, neighbour), ("keep", "sender_fault"))
    silent = [*people, *kept]
    first, second, third = (cycle(small, letter, silent) for letter in (1, 2, 3))
    assert {one: first[one] for one in silent} == dict.fromkeys(silent, ("keep", "sender_fault"))
    assert {one: second[one] for one in silent} == dict.fromkeys(silent, ("keep", "sender_fault"))
    assert {one: third[one] for one in silent} == {**dict.fromkeys(people, ("suppress", "second_hit")), **kept}
    # It is never more than a doubt: a person looks.
    assert not set(people) & small.members(ListRole.SUPPRESSION)
    asked = small.query("select distinct kind from review_item where status = 'open' and kind <> 'incident'")
    assert asked == [("plan",)]
