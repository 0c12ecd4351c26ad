"""What others change at large at Mailjet is found, freezes the list for rebalancing, is told once, and is for a person to decide."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.drift.mass_changes import MASS_CHANGES, MassChangeKind, MassChangeStatus
from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.membership.sync import ListGoneError
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.reviews import decisions as reviews
from list_pipeline.operations.reviews import mass_changes as answers
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage import mass_changes as rows
from list_pipeline.storage.mass_changes import MassChange
from list_pipeline_tests.integration.accounts import Installation, plain_client, quietly

pytestmark = pytest.mark.long

ONE, TWO, THREE = CAMPAIGN_LISTS
OPEN = MassChangeStatus.OPEN


def hour_later(made: Installation, hours: float = 1) -> None:
    """The hourly sync."""
    made.clock.advance(timedelta(hours=hours))
    synchronise(made.services, progress=quietly)


def take_off(made: Installation, role: ListRole, contact_ids: Iterable[int]) -> None:
    for contact_id in contact_ids:
        made.take_off(role, contact_id)


def put_on(made: Installation, role: ListRole, contact_ids: Iterable[int]) -> None:
    for contact_id in contact_ids:
        made.put_on(role, contact_id)


def found(made: Installation, status: MassChangeStatus | None = None) -> list[MassChange]:
    with made.services.database.begin() as connection:
        every = rows.mass_changes(connection, since=made.clock.now() - timedelta(days=90))
    return [one for one in every if status in (None, one.status)]


def what(made: Installation, status: MassChangeStatus | None = None) -> set[tuple[ListRole, MassChangeKind, int]]:
    return {(one.figures.role, one.figures.kind, one.figures.contacts) for one in found(made, status)}


def questions(made: Installation, status: str = "open") -> list[str]:
    return [
        str(summary)
        for (summary,) in made.query(
            "select summary from review_item where details ? 'mass_change' and status = :s order by review_id", s=status
        )
    ]


def told(made: Installation, word: str = "at Large") -> list[str]:
    return [str(message["text"]) for message in made.control.slack_messages() if word in str(message["text"])]


def mailable(made: Installation, role: ListRole) -> list[int]:
    """Who is on a campaign list and nowhere else where it should not be, and may be mailed; oldest first."""
    return [
        contact_id
        for (contact_id,) in made.query(
            "select c.contact_id from contact_list_membership c join list_membership l using (contact_id)"
            " where l.list_role = :role and l.left_at is null and not c.is_unsubscribed and not c.is_excluded"
            " and not c.is_complaining and not c.is_anonymised and not c.in_suppression_list"
            " and c.in_campaign_list_1::int + c.in_campaign_list_2::int + c.in_campaign_list_3::int = 1"
            " and not exists (select from contact_suppression_history h where h.contact_id = c.contact_id)"
            " order by l.recipient_id",
            role=role.value,
        )
    ]


def test_a_fifth_of_a_list_taken_off_by_hand_is_told_once_and_the_list_is_not_refilled(seeded: Installation) -> None:
    size = len(seeded.members(TWO))
    gone = mailable(seeded, TWO)[:196]
    take_off(seeded, TWO, gone)
    hour_later(seeded)
    assert what(seeded, OPEN) == {(TWO, MassChangeKind.LEFT, 196)}
    (question,) = questions(seeded)
    assert f"196 of {size:,} contacts" in question
    assert "List 2" in question
    (message,) = told(seeded)
    assert f"196 of {size:,} contacts" in message
    hour_later(seeded)
    before = seeded.members(TWO)
    ended = seeded.maintain()
    plan = seeded.plan(PlanKind.REBALANCING)
    steps = seeded.steps(PlanKind.REBALANCING)
    assert all(TWO is not step.list_role for step in steps), ended
    assert TWO in plan.rebalancing_summary.frozen
    # Suppressions go on, and nobody else came or went.
    assert seeded.members(TWO) <= before
    assert len(told(seeded)) == len(questions(seeded)) == 1
