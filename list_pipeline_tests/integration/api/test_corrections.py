"""Corrections over HTTP: written down at once without a request to Mailjet, carried out by a run, whose end is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import pytest

from list_pipeline.core.errors import RefusedError, UnavailableError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.core.run_requests import CLAIM_KEPT, run_key
from list_pipeline.core.tokens import Principal, Role
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.quarantine.begin import quarantine_by_hand
from list_pipeline.operations.reviews import decisions
from list_pipeline.operations.run_requests.asking import note_started, requests_to_start
from list_pipeline.operations.run_requests.carrying_out import DIED, carry_out_request
from list_pipeline.operations.run_requests.corrections import request_undo
from list_pipeline.operations.services import Services
from list_pipeline.storage import run_requests as rows
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import COMPLAINED, HARD, Installation, quietly
from list_pipeline_tests.integration.api.serving import Api, served
from list_pipeline_tests.integration.api.test_requested_runs import ask, stand_in

NOTE = {"note": "the wrong list"}
SENSOR = "requested_corrections"
GRACE = Principal("Grace", Role.REVIEWER, "token 1", 1)


@pytest.fixture
def api(small: Installation) -> Iterator[Api]:
    small.maintain()
    with served(small.services) as http:
        yield Api(small.services, http)


def wanted(api: Api, path: str, body: Any, status: int = 202, **more: Any) -> Any:
    """What is answered to a reviewer who asks for a correction."""
    answer = api.ask(Role.REVIEWER, "POST", f"/api/{path}", json=body, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


def request(api: Api, number: int) -> Any:
    answer = api.ask(Role.READER, "GET", f"/api/requests/{number}")
    assert answer.status_code == 200
    return answer.json()["request"]


def carried_out(made: Installation, api: Api, number: int, services: Services | None = None) -> Any:
    """What became of a request, once a run had it."""
    carry_out_request(services or made.services, number, quietly)
    return request(api, number)


def test_a_maintenance_is_taken_back_and_that_too_by_runs_and_not_within_the_requests(
    small: Installation, api: Api
) -> None:
    suppressed = small.account.ids(*HARD, COMPLAINED)
    small.assert_suppressed(suppressed)
    small.control.reset_requests()
    number = wanted(api, f"campaigns/{small.key}/undo", NOTE)["requestId"]
    assert wanted(api, f"campaigns/{small.key}/undo", NOTE) == {"requestId": number}
    assert small.control.requests() == {}
    waiting = request(api, number)
    assert (waiting["kind"], waiting["campaign"], waiting["requestedBy"]) == ("undo", small.key, "Reviewer")
    assert (waiting["startedAt"], waiting["endedAt"], waiting["outcome"]) == (None, None, None)

    done = carried_out(small, api, number)
    assert (done["outcome"], done["note"]) == ("done", "the wrong list")
    assert "taken back" in done["words"]
    assert done["plans"]
    assert small.members(ListRole.SUPPRESSION) & suppressed == small.account.ids(COMPLAINED)
    assert small.query("select distinct requested_by from plan where kind = 'undo'") == [("Reviewer",)]

    again = wanted(api, f"campaigns/{small.key}/redo", {})["requestId"]
    assert again > number
    assert carried_out(small, api, again)["outcome"] == "done"
    small.assert_suppressed(suppressed)
    listed = api.ask(Role.READER, "GET", "/api/requests?kind=redo").json()
    assert [one["number"] for one in listed["requests"]] == [again]
    # What ended stays as it ended, whoever starts its run again.
    assert carried_out(small, api, number) == done


def test_a_contact_is_reinstated_and_who_complained_only_where_that_is_said(small: Installation, api: Api) -> None:
    person, complained = small.account.people[HARD[0]], small.account.people[COMPLAINED]
    number = wanted(api, f"contacts/{person}/reinstate", NOTE)["requestId"]
    shown = carried_out(small, api, number)
    assert (shown["outcome"], shown["contacts"][0]["contactId"]) == ("done", person)
    assert "***" in shown["contacts"][0]["contact"]
    assert ListRole.SUPPRESSION not in small.places(person)
    wanted(api, f"contacts/{complained}/reinstate", NOTE, 409)
    wanted(api, "contacts/999/reinstate", NOTE, 404)
    sure = wanted(api, f"contacts/{complained}/reinstate", {**NOTE, "despiteComplaint": True})["requestId"]
    assert carried_out(small, api, sure)["outcome"] == "done"


def test_a_quarantine_ends_and_who_is_in_none_is_not_found(small: Installation, api: Api) -> None:
    person = small.account.people[7]
    wanted(api, f"contacts/{person}/release", {}, 404)
    quarantine_by_hand(small.services, [person], days=3, by="Grace", note="a try", progress=quietly)
    listed = api.ask(Role.READER, "GET", "/api/quarantined").json()["quarantined"]
    assert person in [one["contactId"] for one in listed]
    number = wanted(api, f"contacts/{person}/release", NOTE)["requestId"]
    assert carried_out(small, api, number)["outcome"] == "done"
    assert person not in small.excluded()


def test_contacts_are_suppressed_as_a_plan_that_its_gate_holds(small: Installation, api: Api) -> None:
    people = sorted(small.account.ids(3, 5))
    careful = small.another(list_management_mode="approval_required")
    number = wanted(api, "suppressions", {"contactIds": people, "reason": "asked by phone"})["requestId"]
    shown = carried_out(small, api, number, careful)
    assert (shown["outcome"], shown["contactsInAll"]) == ("waits", 2)
    (plan_id,) = shown["plans"]
    plan = api.ask(Role.READER, "GET", f"/api/plans/{plan_id}").json()
    assert ([one["contactId"] for one in plan["items"]], plan["status"]) == (people, "pending_review")
    hashed = {"contentHash": plan["contentHash"]}
    assert api.ask(Role.REVIEWER, "POST", f"/api/plans/{plan_id}/approve", json=hashed).json()["status"] == "approved"
    approved = small.another(list_management_mode="auto")
    carry_out_correction(approved, plan_id, quietly)
    assert request(api, number)["outcome"] == "done"
    refused = wanted(api, "suppressions", {"contactIds": [small.account.people[8]], "reason": "asked"})["requestId"]
    (rejected,) = carried_out(small, api, refused, careful)["plans"]
    assert api.ask(Role.REVIEWER, "POST", f"/api/plans/{rejected}/reject", json={"note": "no"}).status_code == 200
    shown = request(api, refused)
    assert (shown["outcome"], shown["words"]) == ("refused", f"Plan {rejected} was rejected.")
    wanted(api, "suppressions", {"contactIds": [], "reason": "x"}, 422)
    wanted(api, "suppressions", {"contactIds": [0], "reason": "x"}, 422)
    wanted(api, "suppressions", {"contactIds": [1] * 1001, "reason": "x"}, 422)
    wanted(api, "suppressions", {"contactIds": people, "reason": "..."}, 409)


def test_where_the_gate_lets_them_through_contacts_are_suppressed_at_once_and_then_nobody_is_left(
    small: Installation, api: Api
) -> None:
    person = small.account.people[3]
    body = {"contactIds": [person, person], "reason": "asked by phone"}
    first = carried_out(small, api, wanted(api, "suppressions", body)["requestId"])
    assert first["outcome"] == "done"
    small.assert_suppressed({person})
    second = carried_out(small, api, wanted(api, "suppressions", body)["requestId"])
    assert (second["outcome"], second["plans"]) == ("nothing", [])


def test_what_may_not_be_done_is_refused_when_it_is_asked_for(small: Installation, api: Api) -> None:
    path = f"/api/campaigns/{small.key}/undo"
    wanted(api, "campaigns/2020-01-01-r1-7/undo", {}, 404)
    wanted(api, f"campaigns/{small.key}/redo", {}, 404)
    wanted(api, f"campaigns/{small.key}/undo", {"sweep": "8d"}, 422)
    wanted(api, f"campaigns/{small.key}/undo", {"note": "x" * 501}, 422)
    others = ({"list_reviewers": "grace"}, 403), ({"list_management_enabled": False}, 503)
    for settings, status in (*others, ({"list_management_mode": "read_only"}, 409)):
        with served(small.another(**settings)) as http:
            other = Api(small.services, http)
            assert other.ask(Role.REVIEWER, "POST", path, json={}).status_code == status
    assert small.query("select * from run_request") == []


def test_a_key_gets_the_same_request_and_no_other(small: Installation, api: Api) -> None:
    key = {"headers": {"Idempotency-Key": "7c2f"}}
    person = small.account.people[HARD[0]]
    first = wanted(api, f"contacts/{person}/reinstate", NOTE, **key)
    carried_out(small, api, first["requestId"])
    assert wanted(api, f"contacts/{person}/reinstate", NOTE, **key) == first
    wanted(api, f"contacts/{person}/reinstate", {}, 422, **key)


def test_of_several_at_once_under_one_key_one_is_written_down_and_no_other_request_is_carried_out(
    small: Installation, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = (small.account.people[number] for number in range(1, 5))
    key = {"headers": {"Idempotency-Key": "at-once"}}
    answers: list[tuple[int, Any]] = []
    ask_for = rows.ask_for_correction

    def meanwhile(*given: Any) -> int:
        # While the first is being written down, the same comes again, and another one under its key.
        monkeypatch.setattr(rows, "ask_for_correction", ask_for)
        for people in ([first], others):
            body = {"contactIds": people, "reason": "asked by phone"}
            answer = api.ask(Role.REVIEWER, "POST", "/api/suppressions", json=body, **key)
            answers.append((answer.status_code, answer.json()["detail"]))
        return ask_for(*given)

    monkeypatch.setattr(rows, "ask_for_correction", meanwhile)
    body = {"contactIds": [first], "reason": "asked by phone"}
    number = wanted(api, "suppressions", body, **key)["requestId"]
    assert [status for status, _ in answers] == [409, 422]
    assert "being answered right now" in answers[0][1]
    assert wanted(api, "suppressions", body, **key)["requestId"] == number
    assert small.query("select count(*) from run_request") == [(1,)]


def test_a_key_is_free_again_once_what_stood_under_it_was_refused_or_died(small: Installation, api: Api) -> None:
    key, person = {"headers": {"Idempotency-Key": "again"}}, small.account.people[HARD[0]]
    wanted(api, "contacts/999/reinstate", NOTE, 404, **key)
    with small.services.database.begin() as connection:
        execute(
            connection,
            """insert into api_answer (caller, key, request_hash, answer, answered_at)
               select caller, 'again', repeat('0', 64), '', :now from api_caller""",
            now=small.clock.now(),
        )
    wanted(api, f"contacts/{person}/reinstate", NOTE, 422, **key)
    small.clock.advance(CLAIM_KEPT)
    wanted(api, f"contacts/{person}/reinstate", NOTE, **key)


def test_a_request_that_was_refused_or_failed_says_why(small: Installation, api: Api) -> None:
    number = wanted(api, f"campaigns/{small.key}/undo", NOTE)["requestId"]
    with pytest.raises(RefusedError):
        carried_out(small, api, number, small.another(list_management_mode="read_only"))
    shown = request(api, number)
    assert (shown["outcome"], "read_only" in shown["words"]) == ("refused", True)
    other = wanted(api, f"campaigns/{small.key}/undo", NOTE)["requestId"]
    assert other != number
    small.control.add_fault("status", status=503, count=None)
    with pytest.raises(UnavailableError):
        carried_out(small, api, other)
    assert request(api, other)["outcome"] == "failed"


def test_dagster_starts_it_once_and_notes_where_its_run_died(small: Installation) -> None:
    small.maintain()
    number = request_undo(small.services, small.key, GRACE)
    with dg.DagsterInstance.ephemeral() as instance:
        assert isinstance(ask(small.services, instance), dg.SkipReason)
        result = ask(small.services, instance, SENSOR)
        assert isinstance(result, dg.SensorResult)
        (wanted_run,) = result.run_requests or ()
        assert (wanted_run.run_key, wanted_run.tags["list_pipeline/why"]) == (run_key(number), "Grace asked for it")
        assert wanted_run.run_config["ops"] == {"carry_out_requested": {"config": {"request_id": number}}}
        run = instance.create_run_for_job(stand_in, tags={"dagster/run_key": run_key(number)})
        assert isinstance(ask(small.services, instance, SENSOR), dg.SkipReason)
        assert requests_to_start(small.services) == ()
        ask(small.services, instance, SENSOR)
        assert small.query("select outcome from run_request") == [(None,)]
        instance.report_run_failed(run)
        ask(small.services, instance, SENSOR)
    assert small.query("select outcome, words from run_request") == [("failed", DIED)]


def test_a_request_that_a_run_has_is_not_started_again(small: Installation) -> None:
    small.maintain()
    number = request_undo(small.services, small.key, GRACE)
    note_started(small.services, number)
    assert requests_to_start(small.services) == ()
    assert request_undo(small.services, small.key, GRACE) == number
    with small.services.database.begin() as connection:
        execute(connection, "update run_request set ended_at = requested_at, outcome = 'done'")
    assert request_undo(small.services, small.key, GRACE) != number
    assert small.plan(PlanKind.SUPPRESSION).withdrawn_by is None


@pytest.mark.parametrize("by", ["Linus", "Reviewer"])
def test_whoever_approves_what_was_asked_for_stands_in_the_audit_too(small: Installation, api: Api, by: str) -> None:
    careful = small.another(list_management_mode="approval_required")
    asked = {"contactIds": [small.account.people[3]], "reason": "by phone"}
    number = wanted(api, "suppressions", asked)["requestId"]
    (plan_id,) = carried_out(small, api, number, careful)["plans"]
    small.clock.advance(timedelta(minutes=1))
    shown = api.ask(Role.READER, "GET", f"/api/plans/{plan_id}").json()
    decisions.approve(careful, plan_id, by=by, note="called back", content_hash=shown["contentHash"])
    about = (f"plan {plan_id} (import)", f"request {number}")
    told = api.ask(Role.READER, "GET", "/api/audit").json()["entries"]
    assert {(one["by"], one["what"], one["note"]) for one in told if one["about"] in about} == {
        (by, "plan_approved", "called back"),
        ("Reviewer", "import_asked", "by phone"),
        ("Reviewer", "suppress_requested", "by phone"),
    }
    assert len([one for one in told if one["about"] in about]) == 3


def test_a_correction_that_nobody_else_has_to_approve_stands_once_in_the_audit(small: Installation, api: Api) -> None:
    number = wanted(api, f"campaigns/{small.key}/undo", NOTE)["requestId"]
    plans = carried_out(small, api, number)["plans"]
    told = api.ask(Role.READER, "GET", "/api/audit").json()["entries"]
    about = [one["about"] for one in told if one["source"] in ("plan_decision", "plan_request")]
    assert sorted(about) == sorted(f"plan {plan_id} (undo)" for plan_id in plans)
