"""What a model can have corrected: as the person of the token, about exactly what was looked at, and carried out by a run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.tokens import Role
from list_pipeline.mcp.results import CLOSING, OPENING
from list_pipeline.operations.quarantine.begin import quarantine_by_hand
from list_pipeline.operations.run_requests.carrying_out import carry_out_request
from list_pipeline.operations.services import Services
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.mcp.clients import Mcp

WHY = {"reason": "the wrong list"}


@pytest.fixture
def mcp(small: Installation) -> Iterator[Mcp]:
    small.maintain()
    with served(small.services) as http:
        yield Mcp(small.services, http)


def carried_out(made: Installation, mcp: Mcp, answer: Any, services: Services | None = None) -> Any:
    """What became of a request that was just asked for, once a run had it."""
    carry_out_request(services or made.services, answer["request"], quietly)
    return mcp.found(Role.READER, "request", number=answer["request"])["request"]


def hashes(mcp: Mcp, contact_id: int) -> list[str]:
    return [one["contentHash"] for one in mcp.found(Role.READER, "contact", contact=str(contact_id))["plans"]]


def test_a_maintenance_is_taken_back_by_somebody_who_saw_its_plan_and_that_too(small: Installation, mcp: Mcp) -> None:
    suppressed = small.account.ids(*HARD, COMPLAINED)
    small.assert_suppressed(suppressed)
    asked = {"campaign": small.key, "contentHash": small.plan(PlanKind.SUPPRESSION).content_hash, **WHY}
    for wrong in ({"contentHash": "0" * 64}, {"campaign": "2020-01-01-r1-7"}, {"sweep": "72h"}):
        assert "has the content hash given" in mcp.refused(Role.REVIEWER, "undo_maintenance", **{**asked, **wrong})
    mcp.refused(Role.OPERATOR, "undo_maintenance", **asked)
    mcp.refused(Role.REVIEWER, "undo_maintenance", campaign=small.key, contentHash=asked["contentHash"])
    assert small.query("select * from run_request") == []

    small.control.reset_requests()
    first = mcp.found(Role.REVIEWER, "undo_maintenance", **asked)
    assert mcp.found(Role.REVIEWER, "undo_maintenance", **asked) == first
    assert small.control.requests() == {}
    done = carried_out(small, mcp, first)
    assert done["outcome"] == "done"
    assert (done["requestedBy"], done["note"]) == (f"{OPENING}Reviewer{CLOSING}", f"{OPENING}the wrong list{CLOSING}")
    assert small.members(ListRole.SUPPRESSION) & suppressed == small.account.ids(COMPLAINED)
    assert small.query("select distinct requested_by from plan where kind = 'undo'") == [("Reviewer",)]

    mcp.refused(Role.REVIEWER, "redo_maintenance", **{**asked, "contentHash": "0" * 64})
    assert carried_out(small, mcp, mcp.found(Role.REVIEWER, "redo_maintenance", **asked))["outcome"] == "done"
    small.assert_suppressed(suppressed)
    kinds = [one["kind"] for one in mcp.found(Role.READER, "requests")["requests"]]
    assert kinds == ["redo", "undo"]


def test_a_contact_is_reinstated_by_somebody_who_saw_why_it_was_suppressed(small: Installation, mcp: Mcp) -> None:
    person, other, complained = (small.account.people[one] for one in (HARD[0], 7, COMPLAINED))
    (shown,) = set(hashes(mcp, person))
    assert hashes(mcp, other) == []
    mcp.refused(Role.REVIEWER, "reinstate_contact", contactId=other, contentHash=shown, **WHY)
    mcp.refused(Role.REVIEWER, "reinstate_contact", contactId=complained, contentHash=shown, **WHY)
    mcp.refused(Role.OPERATOR, "reinstate_contact", contactId=person, contentHash=shown, **WHY)
    answer = mcp.found(Role.REVIEWER, "reinstate_contact", contactId=person, contentHash=shown[:8], **WHY)
    assert carried_out(small, mcp, answer)["outcome"] == "done"
    assert ListRole.SUPPRESSION not in small.places(person)


def test_a_quarantine_ends_for_somebody_who_saw_its_plan(small: Installation, mcp: Mcp) -> None:
    person = small.account.people[7]
    quarantine_by_hand(small.services, [person], days=3, by="Grace", note="a try", progress=quietly)
    (listed,) = [
        one for one in mcp.found(Role.READER, "quarantined", limit=100)["quarantined"] if one["contactId"] == person
    ]
    shown = mcp.found(Role.READER, "plan", number=listed["plan"])["contentHash"]
    asked = {"contactId": person, "contentHash": shown, **WHY}
    mcp.refused(Role.REVIEWER, "release_contact", **{**asked, "contactId": small.account.people[8]})
    assert carried_out(small, mcp, mcp.found(Role.REVIEWER, "release_contact", **asked))["outcome"] == "done"
    assert person not in small.excluded()


def test_contacts_are_suppressed_as_a_plan_that_its_gate_holds_until_it_is_approved(
    small: Installation, mcp: Mcp
) -> None:
    people = sorted(small.account.ids(3, 5))
    careful = small.another(list_management_mode="approval_required")
    for wrong in ([], [0], [10**18], [1] * 201, "jane.doe@example.com"):
        assert "jane.doe" not in mcp.refused(Role.REVIEWER, "suppress_contacts", contactIds=wrong, **WHY)
    mcp.refused(Role.REVIEWER, "suppress_contacts", contactIds=people, reason="...")
    mcp.refused(Role.OPERATOR, "suppress_contacts", contactIds=people, **WHY)
    done = carried_out(small, mcp, mcp.found(Role.REVIEWER, "suppress_contacts", contactIds=people, **WHY), careful)
    assert (done["outcome"], done["contactsInAll"]) == ("waits", 2)
    shown = mcp.found(Role.READER, "plan", number=done["plans"][0])
    assert ([one["contactId"] for one in shown["items"]], shown["status"]) == (people, "pending_review")
    assert not small.members(ListRole.SUPPRESSION) & set(people)
    approved = {"number": shown["number"], "contentHash": shown["contentHash"]}
    assert mcp.found(Role.REVIEWER, "approve_plan", **approved)["status"] == "approved"
