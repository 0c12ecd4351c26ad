"""What an undo, a redo or a reinstatement would do is said beforehand, and nothing is changed by asking."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from list_pipeline.core.errors import NotFoundError, RefusedError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.corrections import Refusal
from list_pipeline.operations.plans.previews import Preview, preview_redo, preview_reinstatement, preview_undo
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline_tests.integration.accounts import HARD, Installation, quietly

DECIDED = (
    "plan", "plan_item", "change", "change_step", "list_maintenance_log", "contact_suppression_history", "review_item",
    "notification",
)  # fmt: skip
"""The tables that say what was decided, done and told."""


def decided(made: Installation) -> list[Any]:
    """Every row of them."""
    return [made.query(f"select to_jsonb(t)::text from {table} t order by 1") for table in DECIDED]


def would_change(found: Preview) -> set[int]:
    return {one.contact_id for one in found.changes}


def restored(made: Installation, kind: str) -> set[int]:
    return {
        contact_id
        for (contact_id,) in made.query(
            "select c.contact_id from change c join plan p using (plan_id) where p.kind = :kind", kind=kind
        )
    }


def test_an_undo_does_what_was_said_of_it_and_saying_it_changed_nothing(small: Installation) -> None:
    small.maintain()
    # Left since: the undo will have to see it, and so does who asks beforehand.
    left = small.account.people[HARD[0]]
    small.control.unsubscribe(left, small.account.lists.master)
    before = decided(small)
    small.control.reset_requests()
    found = preview_undo(small.services, small.key)
    assert small.changing_requests() == {}
    assert decided(small) == before
    done = undo_maintenance(small.services, small.key, by="ada", progress=quietly)
    assert would_change(found) == restored(small, "undo")
    refused = {reason: set(ids) for one in done for reason, ids in one.refused.items()}
    assert {reason: set(ids) for reason, ids in found.refused.items()} == refused
    assert Refusal.UNSUBSCRIBED in found.refused


def test_a_redo_does_what_was_said_of_it(small: Installation) -> None:
    small.maintain()
    with pytest.raises(NotFoundError, match="not undone"):
        preview_redo(small.services, small.key)
    undo_maintenance(small.services, small.key, by="ada", progress=quietly)
    before = decided(small)
    small.control.reset_requests()
    found = preview_redo(small.services, small.key)
    assert small.changing_requests() == {}
    assert decided(small) == before
    assert would_change(found)
    redo_maintenance(small.services, small.key, by="ada", progress=quietly)
    assert would_change(found) == restored(small, "redo")
    assert preview_redo(small.services, small.key).changes == ()


def test_a_reinstatement_is_said_with_its_steps_or_with_the_reason_against_it(small: Installation) -> None:
    small.maintain()
    contact_id = small.account.people[HARD[0]]
    before = decided(small)
    small.control.reset_requests()
    (change,) = preview_reinstatement(small.services, contact_id).changes
    assert change.contact_id == contact_id
    assert {role for _, role in change.steps} >= {ListRole.CAMPAIGN_3, ListRole.SUPPRESSION}
    assert small.changing_requests() == {}
    assert decided(small) == before
    small.control.unsubscribe(contact_id, small.account.lists.master)
    found = preview_reinstatement(small.services, contact_id)
    assert (found.changes, found.refused) == ((), {Refusal.UNSUBSCRIBED: [contact_id]})
    with pytest.raises(RefusedError, match="unsubscribed"):
        reinstate(small.services, contact_id, by="ada", progress=quietly)
    with pytest.raises(NotFoundError, match="not suppressed by us"):
        preview_reinstatement(small.services, small.account.people[0])


def test_in_read_only_it_is_said_that_it_would_be_refused(maintained: Installation) -> None:
    small = maintained
    services = small.another(list_management_mode="read_only")
    found = preview_undo(services, small.key)
    assert found.changes
    assert found.blocked_because == "the mode is read_only"
    assert found.as_json()["refused_because"] == "the mode is read_only"


def test_plans_that_would_be_withdrawn_are_counted(small: Installation) -> None:
    small.maintain(small.another(list_management_mode="approval_required"))
    small.clock.advance(timedelta(minutes=1))
    found = preview_undo(small.services, small.key)
    assert (found.changes, found.withdrawn) == ((), 1)
    with pytest.raises(NotFoundError):
        preview_undo(small.services, "2026-01-01-r1-1")
