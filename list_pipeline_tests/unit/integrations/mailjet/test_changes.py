"""Bulk jobs: what is sent, when one has ended, how long one is waited for, and what its error file says."""

from __future__ import annotations

import itertools
from datetime import timedelta

import httpx
import pytest

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.core.observations import JobSeen, MemberAction
from list_pipeline.integrations.mailjet import JobItemError, JobTimeoutError, OutcomeUnknownError, UnreadableAnswerError
from list_pipeline.integrations.mailjet.answers import error_items
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import START, Script, client, envelope, refusal
from list_pipeline_tests.virtual_clock import VirtualClock


def accepted(job_id: int = 35_800) -> httpx.Response:
    return envelope([{"JobID": job_id}], status=201)


def state(status: str, **changed: object) -> httpx.Response:
    row = {
        "ContactsLists": [{"ListID": 7, "Action": "remove"}],
        "Count": 0,
        "Error": "",
        "ErrorFile": "",
        "JobStart": "2026-03-02T10:00:00Z",
        "JobEnd": "",
        "Status": status,
    }
    return envelope([row | changed])


def test_a_job_sends_addresses_exclusion_and_actions_and_nothing_else() -> None:
    script = Script(accepted())
    job_id = client(script).submit_job(
        actions={7: MemberAction.REMOVE, 10: MemberAction.ADD},
        emails=["a@example.com", "B@Example.com"],
        exclude=True,
    )
    assert job_id == 35_800
    assert script.requests[0].method == "POST"
    assert script.requests[0].url.path == "/v3/REST/contact/managemanycontacts"
    assert script.body(0) == {
        "ContactsLists": [{"ListID": 7, "Action": "remove"}, {"ListID": 10, "Action": "addnoforce"}],
        "Contacts": [
            {"Email": "a@example.com", "IsExcludedFromCampaigns": True},
            {"Email": "B@Example.com", "IsExcludedFromCampaigns": True},
        ],
    }


@pytest.mark.parametrize("number", [0, -7, True, 1.5, None, "", "-7", "12a", 2**63, [5], {"JobID": 5}])
def test_a_job_without_a_number_that_one_could_ask_for_again_is_read_back(number: object) -> None:
    script = Script(envelope([{"JobID": number}], status=201))
    with pytest.raises(OutcomeUnknownError, match="its number is not known"):
        client(script).submit_job(actions={7: MemberAction.ADD}, emails=["a@example.com"])
    assert len(script.requests) == 1


def test_a_job_without_exclusion_leaves_it_alone_and_one_without_lists_names_none() -> None:
    script = Script(accepted(), accepted())
    mailjet = client(script)
    mailjet.submit_job(actions={7: MemberAction.UNSUBSCRIBE}, emails=["a@example.com"])
    mailjet.submit_job(actions={}, emails=["a@example.com"], exclude=False)
    assert script.body(0)["Contacts"] == [{"Email": "a@example.com"}]
    assert script.body(1) == {"Contacts": [{"Email": "a@example.com", "IsExcludedFromCampaigns": False}]}


@pytest.mark.parametrize("action", MemberAction)
def test_no_action_subscribes_people_again(action: MemberAction) -> None:
    assert action.value != "addforce"


@pytest.mark.parametrize(
    ("actions", "emails", "exclude"),
    [
        ({7: MemberAction.ADD}, [], None),
        ({7: MemberAction.ADD}, ["a@example.com", ""], None),
        ({7: MemberAction.ADD}, [f"p{n}@example.com" for n in range(6)], None),
        ({}, ["a@example.com"], None),
        ({7: MemberAction.REMOVE}, ["\\xae872@Domain.Invalid"], None),
    ],
)
def test_a_job_that_makes_no_sense_is_not_sent(
    actions: dict[int, MemberAction], emails: list[str], exclude: bool | None
) -> None:
    script = Script()
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - each case has its own text
        client(script, job_contacts_max=5).submit_job(actions=actions, emails=emails, exclude=exclude)
    assert "@" not in str(caught.value)


@pytest.mark.parametrize("status", ["Allocated", "Upload", "Prepare", "Importing", "In Progress", "Something new"])
def test_a_job_is_under_way_unless_its_word_is_a_last_one(status: str) -> None:
    found = client(Script(state(status, Count=4))).job(5)
    assert found == JobSeen(5, status, 4, False, False, "", False)


@pytest.mark.parametrize(
    ("status", "failed"), [("Completed", False), ("COMPLETED", False), ("error", True), ("Abort", True)]
)
def test_a_job_that_has_ended_says_whether_it_failed(status: str, failed: bool) -> None:
    found = client(Script(state(status))).job(5)
    assert (found.is_finished, found.is_failed) == (True, failed)


def test_a_jobs_error_is_shown_without_addresses() -> None:
    script = Script(state("Error", Error='Invalid email address "a" of a@example.com', ErrorFile="https://x/LAST"))
    found = client(script).job(5)
    assert found.error == 'Invalid email address "[hidden]" of [address]'
    assert found.has_error_file


@pytest.mark.parametrize("error", [None, {"Message": "broken"}, ["broken"], 0])
def test_a_jobs_error_may_come_in_any_form(error: object) -> None:
    found = client(Script(state("Error", Error=error, ErrorFile=None, Count=None))).job(5)
    assert ("broken" in found.error) == bool(error)
    assert not found.has_error_file
    assert found.processed_count == 0


def test_a_job_without_a_status_is_not_taken_for_finished() -> None:
    with pytest.raises(UnreadableAnswerError):
        client(Script(state(""))).job(5)


def test_waiting_looks_ever_more_rarely_until_the_job_has_ended() -> None:
    clock = VirtualClock(START)
    seen: list[float] = []

    def look(request: httpx.Request) -> httpx.Response:
        seen.append((clock.now() - START).total_seconds())
        return state("Importing" if len(seen) < 12 else "Completed", Count=len(seen))

    job = client(look, clock, job_poll_s=1.0).wait_for_job(5)
    assert job.is_finished
    pauses = [later - earlier for earlier, later in itertools.pairwise(seen)]
    assert pauses[0] == pytest.approx(1.0)
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(15.0)


def test_a_job_that_never_ends_is_given_up_at_the_deadline_and_not_before() -> None:
    clock = VirtualClock(START)
    with pytest.raises(JobTimeoutError, match="still Importing after 100 s"):
        client(lambda _: state("Importing"), clock, job_timeout_s=100.0).wait_for_job(5)
    assert clock.now() == START + timedelta(seconds=100)


SPOILT = [{"Status": {}}, {"Status": None}, {"Status": ""}, {"Status": 7}]


@pytest.mark.parametrize("part", SPOILT)
def test_a_job_whose_state_cannot_be_read_is_waited_for_like_one_at_work(part: dict[str, object]) -> None:
    looks = iter([*[{"Status": "Importing"} | part] * 3, {"Status": "Completed"}])
    job = client(lambda _: state("Importing", **next(looks)), VirtualClock(START)).wait_for_job(5)
    assert job.is_finished


@pytest.mark.parametrize("part", SPOILT)
def test_one_whose_state_can_never_be_read_is_given_up_by_its_number(part: dict[str, object]) -> None:
    clock = VirtualClock(START)
    with pytest.raises(JobTimeoutError, match=r"bulk job 5: it is in no state that can be read after 100 s"):
        client(lambda _: state("Importing", **part), clock, job_timeout_s=100.0).wait_for_job(5)


@pytest.mark.parametrize("count", ["?", {}, 2**80, -3, 1.5])
def test_a_count_that_cannot_be_read_keeps_no_job_from_its_end(count: object) -> None:
    found = client(Script(state("Completed", Count=count))).job(5)
    assert (found.is_finished, found.processed_count) == (True, 0)


def test_the_error_file_is_read_from_the_configured_host_without_addresses() -> None:
    rows = [{"Email": "a@example.com", "Error": "Invalid"}, {"Email": "b@example.com", "Error": "b@example.com is bad"}]
    script = Script(httpx.Response(200, json=rows))
    found = client(script).job_errors(35_800)
    assert found == (JobItemError(0, "Invalid"), JobItemError(1, "[address] is bad"))
    expected = "https://mailjet.example/v3/DATA/batchjob/35800/JSONError/application:json/LAST"
    assert str(script.requests[0].url) == expected


def test_an_error_file_that_is_not_there_is_not_found() -> None:
    with pytest.raises(RemoteNotFoundError, match="Source object not found"):
        client(Script(refusal(404, "Source object not found"))).job_errors(35_800)


def test_an_unreadable_error_file_is_not_an_empty_one() -> None:
    with pytest.raises(UnreadableAnswerError, match="error file of bulk job 35800"):
        client(Script(httpx.Response(200, text="Email;Error"))).job_errors(35_800)


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        (b"[]", []),
        (b'[{"Email": "a@example.com", "Error": "Invalid email address"}]', ["Invalid email address"]),
        (b'{"Count": 1, "Data": [{"Email": "a@example.com", "Error": "bad"}]}', ["bad"]),
        (b'{"Email": "a@example.com", "Error": "bad"}', ["bad"]),
        (b'{"Error": "first"}\n\n{"Error": "second"}\n', ["first", "second"]),
        (b'["a@example.com is blocked"]', ["[address] is blocked"]),
        (b'[{"Email": "a@example.com"}]', ["no reason given"]),
    ],
)
def test_an_error_file_is_read_in_several_shapes_and_keeps_no_address(content: bytes, reasons: list[str]) -> None:
    assert error_items(content) == reasons


@pytest.mark.parametrize("content", [b"", b"Email;Error\n", b'[{"Error": "cut', b'{"Data": 5}', b"17"])
def test_an_error_file_that_cannot_be_read_is_not_an_empty_one(content: bytes) -> None:
    assert error_items(content) is None
