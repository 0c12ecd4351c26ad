"""Faults on purpose hit the requests they are meant for, do what they say, and leave the others alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from list_pipeline.sandbox.control import SandboxControlError
from list_pipeline.sandbox.faults import EFFECTS
from list_pipeline_tests.integration.sandboxes import ANCHOR, Rehearsal, rehearsal


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path) as running:
        yield running


@pytest.fixture
def filled(sandbox: Rehearsal) -> tuple[Rehearsal, int]:
    """Three people on a list."""
    list_id = sandbox.new_list()
    for name in ("a", "b", "c"):
        sandbox.join(list_id, f"{name}@example.com")
    return sandbox, list_id


def test_a_fault_begins_with_the_nth_match_and_ends_after_its_count(sandbox: Rehearsal) -> None:
    sandbox.control.add_fault("status", method="GET", path="/contact$", nth=2, count=2, status=503)
    assert [sandbox.get("/contact").status_code for _ in range(4)] == [200, 503, 503, 200]
    assert sandbox.get("/contactslist").status_code == 200
    rule = sandbox.control.faults()[0]
    assert (rule["seen"], rule["acted"]) == (4, 2)
    sandbox.control.clear_faults()
    assert sandbox.control.faults() == []


def test_impossible_faults_are_refused(sandbox: Rehearsal) -> None:
    for parts in ({"effect": "explode"}, {"effect": "status", "nth": 0}, {"effect": "status", "path": "("}):
        with pytest.raises(SandboxControlError):
            sandbox.control.add_fault(**parts)
    with pytest.raises(SandboxControlError):
        sandbox.control.add_fault("status", unheard_of=1)


def test_fault_delay(sandbox: Rehearsal) -> None:
    sandbox.control.add_fault("delay", path="/contact", seconds=7)
    assert sandbox.get("/contact").status_code == 200
    assert sandbox.clock.now() == ANCHOR + timedelta(seconds=7)


@pytest.mark.parametrize(("retry_after", "header"), [(30, "30"), (None, None)])
def test_fault_rate_limited(sandbox: Rehearsal, retry_after: float | None, header: str | None) -> None:
    sandbox.control.add_fault("rate_limited", path="/contact", retry_after=retry_after)
    answer = sandbox.get("/contact")
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, header)


def test_fault_status(sandbox: Rehearsal) -> None:
    sandbox.control.add_fault("status", method="POST", path="/contact", status=500)
    assert sandbox.http.post("/contact", json={"Email": "a@example.com"}).status_code == 500
    assert sandbox.count("/contact") == 0
    sandbox.control.add_fault("status", path="/contact", status=401)
    refused = sandbox.get("/contact")
    assert (refused.status_code, refused.content) == (401, b"")


def test_fault_drop_before(sandbox: Rehearsal) -> None:
    sandbox.control.add_fault("drop_before", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.http.post("/contact", json={"Email": "a@example.com"})
    assert sandbox.count("/contact") == 0


def test_fault_drop_after(sandbox: Rehearsal) -> None:
    sandbox.control.add_fault("drop_after", method="POST")
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.http.post("/contact", json={"Email": "a@example.com"})
    assert sandbox.count("/contact") == 1


@pytest.mark.parametrize(("effect", "created"), [("hang_before", 0), ("hang_after", 1)])
def test_fault_hang_before_and_after(sandbox: Rehearsal, effect: str, created: int) -> None:
    sandbox.control.add_fault(effect, method="POST")
    with pytest.raises(httpx.ReadTimeout):
        sandbox.http.post("/contact", json={"Email": "a@example.com"}, timeout=0.3)
    assert sandbox.count("/contact") == created


def test_fault_truncated_json(filled: tuple[Rehearsal, int]) -> None:
    sandbox, _ = filled
    sandbox.control.add_fault("truncated_json", path="/contact")
    answer = sandbox.get("/contact")
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_fault_broken_body(filled: tuple[Rehearsal, int]) -> None:
    sandbox, _ = filled
    sandbox.control.add_fault("broken_body", path="/contact")
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.get("/contact")


def test_fault_wrong_json(filled: tuple[Rehearsal, int]) -> None:
    sandbox, _ = filled
    sandbox.control.add_fault("wrong_json", path="/contact")
    assert sandbox.get("/contact").json() == {"unexpected": True}


def test_fault_short_page(filled: tuple[Rehearsal, int]) -> None:
    sandbox, list_id = filled
    whole = sandbox.data("/contact", ContactsList=list_id)
    sandbox.control.add_fault("short_page", path="/contact$", rows=2)
    answer = sandbox.get("/contact", ContactsList=list_id).json()
    assert (answer["Data"], answer["Count"], answer["Total"]) == (whole[:1], 1, 1)


@pytest.mark.parametrize(("status", "retry_after"), [(200, None), (429, 7), (403, None), (503, 30)])
def test_fault_web_page(sandbox: Rehearsal, status: int, retry_after: float | None) -> None:
    sandbox.control.add_fault("web_page", method="POST", path="/contact", status=status, retry_after=retry_after)
    answer = sandbox.http.post("/contact", json={"Email": "a@example.com"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers.get("Retry-After") == (None if retry_after is None else str(retry_after))
    assert sandbox.count("/contact") == 0


@pytest.mark.parametrize("value", ["a\x00b", "\ud83d", 2**80, None, {"a": [1]}, "x" * 5_000])
def test_fault_poisoned_row(filled: tuple[Rehearsal, int], value: object) -> None:
    sandbox, list_id = filled
    whole = sandbox.data("/contact", ContactsList=list_id)
    sandbox.control.add_fault("poisoned_row", path="/contact$", field="Name", value=value, row=whole[1]["ID"])
    answer = sandbox.get("/contact", ContactsList=list_id).json()
    assert answer["Data"] == [whole[0], whole[1] | {"Name": value}, whole[2]]
    assert answer["Count"] == 3
    sandbox.control.add_fault("poisoned_row", path="/listrecipient$", field="ID", value=value, contact=whole[2]["ID"])
    assert [row["ID"] for row in sandbox.get("/listrecipient").json()["Data"]][2] == value
    sandbox.control.add_fault("poisoned_row", path="/contact$", field="Name", value=value)
    assert sandbox.get("/contact", ContactsList=list_id).json()["Data"][0]["Name"] == value


EMAILS = [f"p{number}@example.com" for number in range(4)]


def test_fault_job_without_effect(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.control.add_fault("job_without_effect")
    assert sandbox.run_job({list_id: "addnoforce"}, EMAILS)["Status"] == "Completed"
    assert sandbox.count("/listrecipient") == 0
    sandbox.run_job({list_id: "addnoforce"}, EMAILS)
    assert sandbox.count("/listrecipient") == 4


def test_fault_job_half_applied(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.control.add_fault("job_half_applied")
    assert sandbox.run_job({list_id: "addnoforce"}, EMAILS)["Status"] == "Completed"
    assert {row["Email"] for row in sandbox.data("/contact", ContactsList=list_id)} == set(EMAILS[:2])


def test_fault_job_never_ends(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.control.add_fault("job_never_ends")
    job_id = sandbox.post_job({list_id: "addnoforce"}, EMAILS).json()["Data"][0]["JobID"]
    sandbox.pass_time(days=30)
    assert sandbox.job(job_id)["Status"] == "Importing"
    assert sandbox.count("/listrecipient") == 0


@pytest.mark.parametrize(("effect", "status"), [("job_error", "Error"), ("job_abort", "Abort")])
def test_fault_job_error_and_abort(sandbox: Rehearsal, effect: str, status: str) -> None:
    list_id = sandbox.new_list()
    sandbox.control.add_fault(effect)
    done = sandbox.run_job({list_id: "addnoforce"}, EMAILS)
    assert done["Status"] == status
    assert done["Error"] != ""
    assert sandbox.http.get(done["ErrorFile"]).json()[0]["Email"] == EMAILS[0]
    assert sandbox.count("/listrecipient") == 0


@pytest.mark.parametrize("effect", sorted(EFFECTS))
def test_every_fault_has_a_test_of_its_own(effect: str) -> None:
    together = {
        "hang_after": "test_fault_hang_before_and_after",
        "hang_before": "test_fault_hang_before_and_after",
        "job_abort": "test_fault_job_error_and_abort",
        "job_error": "test_fault_job_error_and_abort",
    }
    assert together.get(effect, f"test_fault_{effect}") in globals()


def test_stopping_hangs_up_on_clients_that_keep_their_connection(tmp_path: Path) -> None:
    with rehearsal(tmp_path) as running:
        running.get("/contact")
        begun = time.monotonic()
        running.server.stop()
        assert time.monotonic() - begun < 5
        with pytest.raises(httpx.TransportError):
            running.get("/contact")
