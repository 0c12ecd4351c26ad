"""Bulk jobs of the sandbox are accepted first and done later; and every switch of the sandbox changes what it says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx
import pytest

from list_pipeline.sandbox.switches import SWITCHES
from list_pipeline_tests.integration.sandbox import test_events
from list_pipeline_tests.integration.sandboxes import Rehearsal, rehearsal


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path) as running:
        yield running


def test_a_job_moves_through_its_stages_and_acts_at_its_end(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_latency_seconds=8)
    list_id = sandbox.new_list()
    answer = sandbox.post_job({list_id: "addnoforce"}, ["a@example.com"])
    assert answer.status_code == 201
    assert answer.json().keys() == {"Count", "Data", "Total"}
    job_id = answer.json()["Data"][0]["JobID"]
    seen = []
    for _ in range(4):
        state = sandbox.job(job_id)
        seen.append(state["Status"])
        assert (state["JobEnd"], sandbox.count("/listrecipient", ContactsList=list_id)) == ("", 0)
        sandbox.pass_time(seconds=2)
    assert seen == ["Allocated", "Upload", "Prepare", "Importing"]
    done = sandbox.job(job_id)
    assert (done["Status"], done["Count"], done["Error"], done["ErrorFile"]) == ("Completed", 1, "", "")
    assert done["ContactsLists"] == [{"ListID": list_id, "Action": "addnoforce"}]
    assert done.keys() == {"ContactsLists", "Count", "Error", "ErrorFile", "JobStart", "JobEnd", "Status"}
    assert sandbox.count("/listrecipient", ContactsList=list_id) == 1


def test_one_job_suppresses_on_many_lists_and_merges_repeated_addresses(sandbox: Rehearsal) -> None:
    lists = [sandbox.new_list(name) for name in ("A", "B", "Suppression")]
    contact_id = sandbox.join(lists[0], "a@example.com")
    actions = {lists[0]: "remove", lists[1]: "remove", lists[2]: "addnoforce"}
    done = sandbox.run_job(actions, ["a@example.com", "A@example.com"], IsExcludedFromCampaigns=True)
    assert done["Count"] == 1
    contact = sandbox.control.contact(contact_id)
    assert contact["excluded"] is True
    assert [place["list_id"] for place in contact["lists"]] == [lists[2]]


def test_the_same_job_twice_has_the_same_end(sandbox: Rehearsal) -> None:
    one, two = sandbox.new_list("A"), sandbox.new_list("B")
    sandbox.join(one, "a@example.com")
    sandbox.run_job({one: "remove", two: "addnoforce"}, ["a@example.com"], IsExcludedFromCampaigns=True)
    before = sandbox.control.digest()
    sandbox.run_job({one: "remove", two: "addnoforce"}, ["a@example.com"], IsExcludedFromCampaigns=True)
    assert sandbox.control.digest() == before


def test_a_job_on_one_list_is_visible_under_that_list(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    path = f"/contactslist/{list_id}/ManageManyContacts"
    answer = sandbox.http.post(path, json={"Action": "addforce", "Contacts": [{"Email": "a@example.com"}]})
    sandbox.pass_time(seconds=1)
    assert sandbox.data(f"{path}/{answer.json()['Data'][0]['JobID']}")[0]["Status"] == "Completed"
    assert sandbox.data("/contactslist")[0]["SubscriberCount"] == 1


def test_an_invalid_address_in_a_job_ends_in_the_error_file(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    done = sandbox.run_job({list_id: "addnoforce"}, ["a@example.com", "nonsense"])
    assert done["Status"] == "Completed"
    assert done["Error"] != ""
    errors = sandbox.http.get(done["ErrorFile"]).json()
    assert [entry["Email"] for entry in errors] == ["nonsense"]
    assert sandbox.count("/listrecipient", ContactsList=list_id) == 1


def test_malformed_jobs_and_foreign_job_ids_are_refused(sandbox: Rehearsal) -> None:
    assert sandbox.post_job({5: "remove"}, ["a@example.com"]).status_code == 400
    assert sandbox.http.post("/contact/managemanycontacts", json={"ContactsLists": []}).status_code == 400
    assert sandbox.post_job({sandbox.new_list(): "erase"}, ["a@example.com"]).status_code == 400
    assert sandbox.get("/contact/managemanycontacts/123").status_code == 404
    missing = sandbox.http.get(f"{sandbox.server.url}/v3/DATA/batchjob/5/JSONError/application:json/LAST")
    assert missing.json()["ErrorMessage"] == "Source object not found"


def test_switch_strict_parameters(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(strict_parameters=True)
    refused = sandbox.get("/contact", ContactList=1)
    assert refused.status_code == 400
    assert "ContactList" in refused.json()["ErrorMessage"]
    assert sandbox.get("/contact", ContactsList=1, Limit=10, Offset=0, Sort="ID", countOnly=1).status_code == 200


@pytest.mark.parametrize(
    ("position", "status", "rows"), [("capped", 200, 1000), ("honoured", 200, 1100), ("refused", 400, 0)]
)
def test_switch_limit_above_1000(sandbox: Rehearsal, position: str, status: int, rows: int) -> None:
    list_id = sandbox.new_list()
    sandbox.run_job({list_id: "addnoforce"}, [f"p{number}@example.com" for number in range(1100)])
    sandbox.control.set_switches(limit_above_1000=position)
    answer = sandbox.get("/contact", Limit=2500)
    assert (answer.status_code, len(answer.json().get("Data", []))) == (status, rows)


def test_switch_offset_ignored_with_limit_0(sandbox: Rehearsal) -> None:
    for email in ("a@example.com", "b@example.com"):
        sandbox.http.post("/contact", json={"Email": email})
    assert len(sandbox.data("/contact", Limit=0, Offset=1)) == 2
    sandbox.control.set_switches(offset_ignored_with_limit_0=False)
    assert len(sandbox.data("/contact", Limit=0, Offset=1)) == 1


def sent(sandbox: Rehearsal, *outcomes: str) -> tuple[int, int, list[int]]:
    """A list with one contact per outcome, sent to 13 hours ago: list, campaign, contacts."""
    list_id = sandbox.new_list()
    contacts = [sandbox.join(list_id, f"p{number}@example.com") for number in range(len(outcomes))]
    named = dict(zip(contacts, outcomes, strict=True))
    campaign = sandbox.control.send(list_id, "Hello", outcomes=named)
    sandbox.pass_time(hours=13)
    return list_id, campaign, contacts


def test_switch_comma_lists(sandbox: Rehearsal) -> None:
    _, campaign, _ = sent(sandbox, "user_unknown", "quota_exceeded", "delivered")
    query = {"CampaignID": campaign, "FromTS": 1, "MessageStatus": "9,10"}
    assert sandbox.get("/message", **query).status_code == 400
    sandbox.control.set_switches(comma_lists="or")
    assert sandbox.count("/message", **query) == 2


def test_switch_campaign_id_lifts_today(sandbox: Rehearsal) -> None:
    _, campaign, _ = sent(sandbox, "user_unknown")
    paths = ("/message", "/bouncestatistics", "/campaign")
    assert [sandbox.count(path, CampaignID=campaign) for path in paths] == [0, 0, 0]
    sandbox.control.set_switches(campaign_id_lifts_today=True)
    assert [sandbox.count(path, CampaignID=campaign) for path in paths] == [1, 1, 1]


def test_switch_preblocked_in_bounces(sandbox: Rehearsal) -> None:
    _, campaign, _ = sent(sandbox, "preblocked", "user_unknown")
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 1
    sandbox.control.set_switches(preblocked_in_bounces=True)
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 2


def test_switch_duplicate_bounce_rows(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(duplicate_bounce_rows=True)
    _, campaign, contacts = sent(sandbox, "user_unknown")
    rows = sandbox.data("/bouncestatistics", CampaignID=campaign, FromTS=1)
    assert {row["ContactID"] for row in rows} == set(contacts)
    assert {row["StateID"] for row in rows} == {1, 13}


def test_switch_unknown_state_every(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(unknown_state_every=2)
    _, campaign, _ = sent(sandbox, "user_unknown", "quota_exceeded")
    rows = sandbox.data("/bouncestatistics", CampaignID=campaign, FromTS=1)
    assert [row["StateID"] for row in rows] == [1, 77]


def test_switch_stats_lag_seconds(sandbox: Rehearsal) -> None:
    _, campaign, _ = sent(sandbox, "user_unknown")
    query = {
        "SourceId": campaign,
        "CounterSource": "Campaign",
        "CounterTiming": "Message",
        "CounterResolution": "Lifetime",
    }
    assert sandbox.data("/statcounters", **query)[0]["MessageHardBouncedCount"] == 1
    sandbox.control.set_switches(stats_lag_seconds=20 * 3600)
    assert sandbox.data("/statcounters", **query)[0]["Total"] == 0


def test_switch_bounce_lag_seconds(sandbox: Rehearsal) -> None:
    _, campaign, _ = sent(sandbox, "user_unknown")
    sandbox.control.set_switches(bounce_lag_seconds=20 * 3600)
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 0
    row = sandbox.data("/message", CampaignID=campaign, FromTS=1)[0]
    assert row["Status"] == "sent"
    assert "StateID" not in row
    sandbox.pass_time(hours=20)
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 1


def test_switch_bounce_log_lag_seconds(sandbox: Rehearsal) -> None:
    _, campaign, _ = sent(sandbox, "user_unknown")
    sandbox.control.set_switches(bounce_log_lag_seconds=20 * 3600)
    assert sandbox.count("/bouncestatistics", CampaignID=campaign, FromTS=1) == 0
    assert sandbox.data("/message", CampaignID=campaign, FromTS=1)[0]["Status"] == "hardbounced"


def test_switch_bounce_ids(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(duplicate_bounce_rows=True)
    _, campaign, _ = sent(sandbox, "user_unknown")
    assert len({row["ID"] for row in sandbox.data("/bouncestatistics", CampaignID=campaign, FromTS=1)}) == 2
    sandbox.control.set_switches(bounce_ids="message")
    rows = sandbox.data("/bouncestatistics", CampaignID=campaign, FromTS=1)
    (message,) = sandbox.data("/message", CampaignID=campaign, FromTS=1)
    assert [(row["ID"], row["StateID"]) for row in rows] == [(message["ID"], 13), (message["ID"], 1)]


@pytest.mark.parametrize(("position", "shown"), [("zero", 0), ("minus_one", -1), ("absent", None)])
def test_switch_erased_in_logs(sandbox: Rehearsal, position: str, shown: int | None) -> None:
    _, campaign, (erased, other) = sent(sandbox, "user_unknown", "user_unknown")
    sandbox.control.gdpr_delete(erased)
    paths = ("/message", "/bouncestatistics")
    for path in paths:
        assert {row["ContactID"] for row in sandbox.data(path, CampaignID=campaign, FromTS=1)} == {erased, other}
    sandbox.control.set_switches(erased_in_logs=position)
    for path in paths:
        rows = sandbox.data(path, CampaignID=campaign, FromTS=1)
        assert [row.get("ContactID") for row in rows] == [shown, other]


def test_switch_draft_filters_ignored(sandbox: Rehearsal) -> None:
    body = {"Locale": "en_US", "Sender": "1", "SenderEmail": "a@example.com", "Subject": "s"}
    sandbox.http.post("/campaigndraft", json={**body, "ContactsListID": sandbox.new_list()})
    assert sandbox.count("/campaigndraft", Status=1) == 0
    sandbox.control.set_switches(draft_filters_ignored=True)
    assert sandbox.count("/campaigndraft", Status=1) == 1


def test_switch_ab_test_untold(sandbox: Rehearsal) -> None:
    new = sandbox.new_list()
    sandbox.control.sign_up("reader@example.com", new)
    part = sandbox.control.send(new, "A or B?", ab_test=12, ab_part="B", ab_percent=10.0)
    (campaign,) = sandbox.data("/campaign", FromTS=1)
    assert campaign["ID"] == part
    path = f"/campaigndraft/{campaign['NewsLetterID']}"
    (draft,) = sandbox.data(path)
    assert (draft["AXTestingID"], draft["AXFraction"], draft["AXFractionName"]) == (12, 10.0, "B")
    sandbox.control.set_switches(ab_test_untold=True)
    (draft,) = sandbox.data(path)
    assert (draft.get("AXTestingID"), draft["AXFraction"], draft["AXFractionName"]) == (None, 0, "")


def test_a_send_may_be_a_workflows_of_another_type_and_for_some_only(sandbox: Rehearsal) -> None:
    new = sandbox.new_list()
    first, _ = (sandbox.control.sign_up(f"p{number}@example.com", new) for number in (1, 2))
    welcome = sandbox.control.send(new, "Welcome", workflow_id=77, only=[first], campaign_type=1, profile="clean")
    other = sandbox.control.send(new, "News", duration_seconds=0)
    rows = {row["ID"]: row for row in sandbox.data("/campaign", FromTS=1)}
    assert (rows[welcome]["WorkflowID"], rows[welcome]["CampaignType"]) == (77, 1)
    assert ("WorkflowID" in rows[other], rows[other]["CampaignType"]) == (False, 2)
    assert [row["ID"] for row in sandbox.data("/campaign", FromTS=1, WorkflowID=77)] == [welcome]
    assert {row["ContactID"] for row in sandbox.data("/message", CampaignID=welcome, FromTS=1)} == {first}
    assert len(sandbox.data("/message", CampaignID=other, FromTS=1)) == 2


def test_switch_largest_page(sandbox: Rehearsal) -> None:
    for number in range(4):
        sandbox.http.post("/contact", json={"Email": f"p{number}@example.com"})
    sandbox.control.set_switches(largest_page=3)
    assert len(sandbox.data("/contact", Limit=1000)) == 3


def test_switch_campaign_status_when_sent(sandbox: Rehearsal) -> None:
    sent(sandbox, "delivered")
    sandbox.control.set_switches(campaign_status_when_sent=2)
    assert sandbox.data("/campaign", FromTS=1)[0]["Status"] == 2


def test_switch_job_vocabulary(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_vocabulary="node")
    job_id = sandbox.post_job({sandbox.new_list(): "addnoforce"}, ["a@example.com"]).json()["Data"][0]["JobID"]
    assert sandbox.job(job_id)["Status"] == "In Progress"
    sandbox.pass_time(seconds=1)
    assert sandbox.job(job_id)["Status"] == "Completed"


def test_switch_job_latency_seconds(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_latency_seconds=0)
    job_id = sandbox.post_job({sandbox.new_list(): "addnoforce"}, ["a@example.com"]).json()["Data"][0]["JobID"]
    assert sandbox.job(job_id)["Status"] == "Completed"


def test_switch_job_latency_per_1000_seconds(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_latency_seconds=0, job_latency_per_1000_seconds=100)
    list_id = sandbox.new_list()
    job_id = sandbox.post_job({list_id: "addnoforce"}, [f"p{n}@example.com" for n in range(100)]).json()["Data"][0][
        "JobID"
    ]
    sandbox.pass_time(seconds=9)
    assert sandbox.job(job_id)["Status"] == "Importing"
    sandbox.pass_time(seconds=1)
    assert sandbox.job(job_id)["Status"] == "Completed"


def test_switch_job_status_code(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_status_code=200)
    assert sandbox.post_job({sandbox.new_list(): "addnoforce"}, ["a@example.com"]).status_code == 200


def test_switch_job_max_contacts(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_max_contacts=2)
    list_id = sandbox.new_list()
    assert sandbox.post_job({list_id: "addnoforce"}, ["a@example.com", "b@example.com"]).status_code == 201
    with pytest.raises(httpx.RemoteProtocolError):
        sandbox.post_job({list_id: "addnoforce"}, ["a@example.com", "b@example.com", "c@example.com"])


def test_switch_job_above_max(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.control.set_switches(job_max_contacts=1, job_above_max="refused")
    emails = ["a@example.com", "b@example.com"]
    assert sandbox.post_job({list_id: "addnoforce"}, emails).status_code == 400
    sandbox.control.set_switches(job_above_max="accepted_without_import")
    assert sandbox.run_job({list_id: "addnoforce"}, emails)["Status"] == "Completed"
    assert sandbox.count("/contact") == 0


def test_switch_job_dates(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    assert sandbox.run_job({list_id: "addnoforce"}, ["a@example.com"])["JobStart"] == "2026-11-02T12:00:00Z"
    sandbox.control.set_switches(job_dates="unix")
    assert sandbox.run_job({list_id: "addnoforce"}, ["a@example.com"])["JobStart"].isdigit()


def test_switch_jobs_create_contacts(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.run_job({list_id: "remove"}, ["new@example.com"])
    assert sandbox.count("/contact") == 1
    sandbox.control.set_switches(jobs_create_contacts=False)
    assert sandbox.run_job({list_id: "remove"}, ["other@example.com"])["Error"] != ""
    assert sandbox.count("/contact") == 1


def test_switch_jobs_without_effect(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(jobs_without_effect=True)
    list_id = sandbox.new_list()
    assert sandbox.run_job({list_id: "addnoforce"}, ["a@example.com"])["Status"] == "Completed"
    assert sandbox.count("/listrecipient", ContactsList=list_id) == 0


def test_switch_jobs_in_batchjob(sandbox: Rehearsal) -> None:
    sandbox.run_job({sandbox.new_list(): "addnoforce"}, ["a@example.com"])
    row = sandbox.data("/batchjob")[0]
    assert (row["Status"], row["Count"]) == ("Completed", 1)
    assert sandbox.data(f"/BatchJob/{row['ID']}") == [row]
    sandbox.control.set_switches(jobs_in_batchjob=False)
    assert sandbox.data("/batchjob") == []
    assert sandbox.get(f"/batchjob/{row['ID']}").status_code == 404


def test_switch_contact_limit(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.join(list_id, "a@example.com")
    sandbox.control.set_switches(contact_limit=1)
    assert sandbox.run_job({list_id: "remove"}, ["a@example.com"])["Status"] == "Completed"
    assert sandbox.count("/listrecipient", ContactsList=list_id) == 1
    refused = sandbox.http.post("/contact", json={"Email": "b@example.com"})
    expected = "Number of contacts exceeds maximum allowed for free accounts"
    assert (refused.status_code, refused.json()["ErrorMessage"]) == (400, expected)


def test_switch_list_error_under(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(list_error_under="ErrorMessage")
    answer = sandbox.post_job({5: "remove"}, ["a@example.com"]).json()
    assert answer["ErrorInfo"] == ""
    assert answer["ErrorMessage"]["ContactsLists"][0]["ListID"] == 5


def test_switch_unsub_of_non_member(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.join(list_id, "a@example.com", "unsub")
    assert sandbox.place(list_id, contact_id) is None
    sandbox.control.set_switches(unsub_of_non_member="creates_row")
    sandbox.join(list_id, "a@example.com", "unsub")
    place = sandbox.place(list_id, contact_id)
    assert place is not None
    assert place["IsUnsubscribed"] is True


@pytest.mark.parametrize("survives", [False, True])
def test_switch_unsub_survives_remove(sandbox: Rehearsal, survives: bool) -> None:
    sandbox.control.set_switches(unsub_survives_remove=survives)
    list_id = sandbox.new_list()
    contact_id = sandbox.join(list_id, "a@example.com")
    for action in ("unsub", "remove", "addnoforce"):
        sandbox.join(list_id, "a@example.com", action)
    place = sandbox.place(list_id, contact_id)
    assert place is not None
    assert place["IsUnsubscribed"] is survives


@pytest.mark.parametrize(("preblocks", "status"), [(True, "blocked"), (False, "sent")])
def test_switch_preblock_after_hard_bounce(sandbox: Rehearsal, preblocks: bool, status: str) -> None:
    sandbox.control.set_switches(preblock_after_hard_bounce=preblocks)
    list_id, _, _ = sent(sandbox, "user_unknown")
    campaign = sandbox.control.send(list_id, "Again", profile="clean")
    assert sandbox.data("/message", CampaignID=campaign, FromTS=1)[0]["Status"] == status


def test_switch_rate_limit_per_minute(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(rate_limit_per_minute=3)
    assert [sandbox.get("/contact").status_code for _ in range(4)] == [200, 200, 200, 429]
    sandbox.pass_time(seconds=61)
    assert sandbox.get("/contact").status_code == 200


def test_switch_rate_limit_retry_after(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(rate_limit_per_minute=1)
    sandbox.get("/contact")
    assert "Retry-After" not in sandbox.get("/contact").headers
    sandbox.control.set_switches(rate_limit_retry_after=True)
    assert sandbox.get("/contact").headers["Retry-After"] == "60"


def test_switch_rate_limit_body(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(rate_limit_per_minute=1)
    sandbox.get("/contact")
    assert sandbox.get("/contact").json()["StatusCode"] == 429
    sandbox.control.set_switches(rate_limit_body="empty")
    assert sandbox.get("/contact").content == b""
    sandbox.control.set_switches(rate_limit_body="html", rate_limit_retry_after=True)
    page = sandbox.get("/contact")
    assert (page.status_code, page.headers["Content-Type"]) == (429, "text/html; charset=utf-8")
    assert "429 Too Many Requests" in page.text
    assert page.headers["Retry-After"] == "60"


def test_switch_job_visible_after_seconds(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(job_visible_after_seconds=30)
    list_id = sandbox.new_list()
    path = f"/contactslist/{list_id}/ManageManyContacts"
    answer = sandbox.http.post(path, json={"Action": "addforce", "Contacts": [{"Email": "a@example.com"}]})
    job_id = answer.json()["Data"][0]["JobID"]
    assert sandbox.get(f"{path}/{job_id}").status_code == 404
    sandbox.pass_time(seconds=31)
    assert sandbox.data(f"{path}/{job_id}")[0]["Status"] == "Completed"


def test_switch_contact_list_counts_lag_seconds(sandbox: Rehearsal) -> None:
    sandbox.control.set_switches(contact_list_counts_lag_seconds=60)
    list_id = sandbox.new_list()
    sandbox.join(list_id, "a@example.com")
    assert sandbox.data(f"/contactslist/{list_id}")[0]["SubscriberCount"] == 0
    sandbox.pass_time(seconds=61)
    assert sandbox.data(f"/contactslist/{list_id}")[0]["SubscriberCount"] == 1


def test_switch_date_ahead_seconds(sandbox: Rehearsal) -> None:
    def told() -> datetime:
        return parsedate_to_datetime(sandbox.http.get("/contactslist").headers["date"])

    before = told()
    sandbox.control.set_switches(date_ahead_seconds=600)
    assert timedelta(seconds=600) <= told() - before < timedelta(seconds=660)


@pytest.mark.parametrize(("position", "status"), [("draft", 0), ("programmed", 1), ("cancelled", -3)])
def test_switch_refused_draft(sandbox: Rehearsal, position: str, status: int) -> None:
    """It is not sent at its time, and is when somebody sends it."""
    list_id = sandbox.new_list()
    sandbox.join(list_id, "a@example.com")
    body = {
        "Locale": "en_US",
        "Sender": "1",
        "SenderEmail": "s@example.com",
        "Subject": "Hello",
        "ContactsListID": list_id,
    }
    draft_id = sandbox.http.post("/campaigndraft", json=body).json()["Data"][0]["ID"]
    path = f"/campaigndraft/{draft_id}"
    sandbox.http.post(path + "/schedule", json={"Date": "2026-11-02T13:00:00Z"})
    sandbox.control.set_switches(refused_draft=position)
    sandbox.control.refuse(draft_id)
    sandbox.pass_time(hours=2)
    assert sandbox.data(path)[0]["Status"] == status
    assert sandbox.data("/campaign", FromTS=1) == []
    assert sandbox.http.post(path + "/send").status_code == 201
    sandbox.pass_time(hours=1)
    assert sandbox.data(path)[0]["Status"] == 2
    assert len(sandbox.data("/campaign", FromTS=1)) == 1


@pytest.mark.parametrize("name", sorted(SWITCHES))
def test_every_switch_has_a_test_of_its_own(name: str) -> None:
    assert f"test_switch_{name}" in {**globals(), **vars(test_events)}
