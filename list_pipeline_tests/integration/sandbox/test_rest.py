"""The sandbox's Mailjet answers as recordings of the real one do: envelope, paging, errors, shape of every row."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from list_pipeline_tests.integration.sandboxes import LIST_3, MASTER, Rehearsal, rehearsal


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """Only read from: shared by the module."""
    with rehearsal(tmp_path_factory.mktemp("seeded"), contacts=3000) as running:
        yield running


CONTACT = {
    "CreatedAt",
    "DeliveredCount",
    "Email",
    "ExclusionFromCampaignsUpdatedAt",
    "ID",
    "IsExcludedFromCampaigns",
    "IsOptInPending",
    "IsSpamComplaining",
    "LastActivityAt",
    "LastUpdateAt",
    "Name",
    "UnsubscribedAt",
    "UnsubscribedBy",
}
RECIPIENT = {
    "ContactID",
    "ID",
    "IsActive",
    "IsUnsubscribed",
    "ListID",
    "ListName",
    "SubscribedAt",
    "UnsubscribedAt",
}
CAMPAIGN = {
    "CampaignType",
    "ClickTracked",
    "CreatedAt",
    "CustomValue",
    "FirstMessageID",
    "FromEmail",
    "FromID",
    "FromName",
    "HasHtmlCount",
    "HasTxtCount",
    "ID",
    "IsDeleted",
    "IsStarred",
    "ListID",
    "NewsLetterID",
    "OpenTracked",
    "SendEndAt",
    "SendStartAt",
    "SpamassScore",
    "Status",
    "Subject",
    "UnsubscribeTrackedCount",
}
MESSAGE = {
    "ArrivedAt",
    "AttachmentCount",
    "AttemptCount",
    "CampaignID",
    "ContactAlt",
    "ContactID",
    "Delay",
    "DestinationID",
    "FilterTime",
    "ID",
    "IsClickTracked",
    "IsHTMLPartIncluded",
    "IsOpenTracked",
    "IsTextPartIncluded",
    "IsUnsubTracked",
    "MessageSize",
    "SenderID",
    "SpamassassinScore",
    "SpamassRules",
    "StatePermanent",
    "Status",
    "Subject",
    "UUID",
}


def test_rows_have_the_recorded_keys(seeded: Rehearsal) -> None:
    assert set(seeded.data("/contact", Limit=1)[0]) == CONTACT
    assert set(seeded.data("/listrecipient", Limit=1)[0]) == RECIPIENT
    assert set(seeded.data("/campaign", Limit=1, FromTS=1)[0]) == CAMPAIGN
    assert set(seeded.data("/message", Limit=1, FromTS=1, MessageStatus=2)[0]) == MESSAGE
    assert set(seeded.data("/message", Limit=1, FromTS=1, MessageStatus=10)[0]) == MESSAGE | {"StateID"}
    assert set(seeded.data("/bouncestatistics", Limit=1, FromTS=1)[0]) == {
        "BouncedAt",
        "CampaignID",
        "ContactID",
        "ID",
        "IsBlocked",
        "IsStatePermanent",
        "StateID",
    }
    assert set(seeded.data("/contactslist", Limit=1)[0]) == {
        "Address",
        "CreatedAt",
        "ID",
        "IsDeleted",
        "Name",
        "SubscriberCount",
    }


def test_total_is_the_number_of_rows_in_the_page(seeded: Rehearsal) -> None:
    answer = seeded.get("/contact", Limit=7).json()
    assert answer["Count"] == answer["Total"] == len(answer["Data"]) == 7


def test_a_page_has_ten_rows_by_default_and_limit_0_means_1000(seeded: Rehearsal) -> None:
    assert len(seeded.data("/contact")) == 10
    assert len(seeded.data("/contact", Limit=0)) == 1000
    assert len(seeded.data("/contact", limit=3)) == 3


def test_count_only_counts_everything_and_shows_nothing(seeded: Rehearsal) -> None:
    answer = seeded.get("/listrecipient", ContactsList=MASTER, countOnly=1).json()
    assert answer == {"Count": 3000, "Data": [], "Total": 3000}


def test_countrecords_shows_one_row_and_the_true_total(seeded: Rehearsal) -> None:
    answer = seeded.get("/listrecipient", ContactsList=MASTER, countrecords=1, limit=1).json()
    assert (answer["Count"], answer["Total"], len(answer["Data"])) == (1, 3000, 1)


def test_pages_sorted_by_id_cover_a_list_without_gap_or_repetition(seeded: Rehearsal) -> None:
    found: list[int] = []
    while rows := seeded.data("/contact", ContactsList=MASTER, Limit=1000, Offset=len(found), Sort="ID"):
        found += [row["ID"] for row in rows]
    assert len(found) == len(set(found)) == 3000
    assert found == sorted(found)


def test_sorting_descends_where_allowed_and_is_refused_elsewhere(seeded: Rehearsal) -> None:
    ids = [row["ID"] for row in seeded.data("/campaign", FromTS=1, Sort="ID DESC")]
    assert ids == sorted(ids, reverse=True)
    refused = seeded.http.get("/campaign?FromTS=1&Sort=id%2Bdesc")
    assert refused.status_code == 400
    expected = "Unexpected error during GET: Invalid sort specification: Cannot sort on field id+desc"
    assert refused.json()["ErrorMessage"] == expected
    assert seeded.get("/listrecipient", Sort="ID DESC").status_code == 400


def test_a_misspelt_filter_is_ignored_and_returns_everything(seeded: Rehearsal) -> None:
    assert seeded.count("/contact", ContactList=LIST_3) == seeded.count("/contact")


def test_filters_are_combined_and_the_first_of_a_repeated_one_counts(seeded: Rehearsal) -> None:
    both = seeded.count("/listrecipient", ContactsList=LIST_3, Unsub="false", IsExcludedFromCampaigns="false")
    assert both == seeded.control.lists()[LIST_3]["mailable"] < seeded.count("/listrecipient", ContactsList=LIST_3)
    repeated = seeded.http.get(f"/listrecipient?ContactsList={LIST_3}&ContactsList={MASTER}&countOnly=1")
    assert repeated.json()["Count"] == seeded.count("/listrecipient", ContactsList=LIST_3)


def test_a_real_filter_that_is_not_modelled_is_refused_rather_than_ignored(seeded: Rehearsal) -> None:
    assert seeded.get("/listrecipient", Opened="true").status_code == 400


def test_wrong_credentials_get_an_empty_html_401(sandbox: Rehearsal) -> None:
    answer = httpx.get(sandbox.server.url + "/v3/REST/contact", auth=("sandbox-key", "wrong"), trust_env=False)
    assert answer.status_code == 401
    assert answer.content == b""
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["Www-Authenticate"] == 'Basic realm="Provide an apiKey and secretKey"'


@pytest.mark.parametrize(
    "path",
    ["/contact/123", "/contact/nobody@example.com", "/contact/000", "/contact/123/getcontactslists", "/campaign/5"],
)
def test_an_unknown_object_is_a_404_whose_reason_says_so(sandbox: Rehearsal, path: str) -> None:
    answer = sandbox.get(path)
    assert (answer.status_code, answer.reason_phrase) == (404, "Object not found")
    assert answer.json() == {"ErrorInfo": "", "ErrorMessage": "Object not found", "StatusCode": 404}


def test_wrong_paths_answer_as_the_recordings_do(sandbox: Rehearsal) -> None:
    url = sandbox.server.url
    assert sandbox.get("/contacts").json() == {
        "ErrorInfo": "Bad Request",
        "ErrorMessage": 'Unknown resource: "contacts"',
        "StatusCode": 400,
    }
    nonsense = sandbox.http.get(url + "/v3/wrongresourcepath")
    assert nonsense.status_code == 500
    assert nonsense.json()["ErrorInfo"] == "EFPWebError"
    assert sandbox.http.get(url + "/v3.1/REST/contactslist").headers["Content-Type"] == "text/html"


def test_message_ids_are_exact_beyond_what_a_double_holds(seeded: Rehearsal) -> None:
    ids = [row["ID"] for row in seeded.data("/message", FromTS=1, Limit=5)]
    assert any(number != int(float(number)) for number in ids)
    assert [seeded.data(f"/message/{number}")[0]["ID"] for number in ids] == ids


def test_event_resources_show_only_today_unless_a_period_is_given(seeded: Rehearsal) -> None:
    campaign = seeded.control.answers()["last_campaign_id"]
    for path in ("/message", "/bouncestatistics"):
        assert seeded.count(path, CampaignID=campaign) == 0
        assert seeded.count(path, CampaignID=campaign, FromTS=1) > 0


def test_a_campaign_without_fromts_means_from_now_on_and_fromts_is_exclusive(seeded: Rehearsal) -> None:
    assert seeded.data("/campaign") == seeded.data("/campaign", FromTS=0) == []
    rows = seeded.data("/campaign", FromTS=1)
    assert len(rows) == 9
    start = int(datetime.fromisoformat(rows[-1]["SendStartAt"]).timestamp())
    assert seeded.data("/campaign", FromTS=start) == []
    assert [row["ID"] for row in seeded.data("/campaign", FromTS=start - 1)] == [rows[-1]["ID"]]
    assert seeded.data(f"/campaign/{rows[0]['CustomValue']}") == [rows[0]]


def test_bounces_are_selected_by_send_time_or_by_bounce_time(seeded: Rehearsal) -> None:
    campaign = seeded.data("/campaign", FromTS=1)[-1]
    start = campaign["SendStartAt"]
    everything = seeded.count("/bouncestatistics", CampaignID=campaign["ID"], FromTS=1)
    assert seeded.count("/bouncestatistics", CampaignID=campaign["ID"], FromTS=start) == 0
    assert seeded.count("/bouncestatistics", CampaignID=campaign["ID"], EventFromTs=start) == everything
    late = seeded.count("/bouncestatistics", CampaignID=campaign["ID"], EventFromTs=campaign["SendEndAt"])
    assert 0 < late < everything


def test_messages_are_selected_by_the_number_of_their_status(seeded: Rehearsal) -> None:
    campaign = seeded.control.answers()["last_campaign_id"]
    for number, name in ((8, "blocked"), (9, "softbounced"), (10, "hardbounced"), (6, "spam")):
        rows = seeded.data("/message", CampaignID=campaign, FromTS=1, MessageStatus=number, Limit=1000)
        assert rows
        assert {row["Status"] for row in rows} == {name}
        assert not any(row["StatePermanent"] for row in rows)
    assert seeded.get("/message", FromTS=1, MessageStatus="hardbounced").status_code == 400


def test_addresses_of_messages_are_shown_only_on_request(seeded: Rehearsal) -> None:
    assert seeded.data("/message", FromTS=1, Limit=1)[0]["ContactAlt"] == ""
    assert "@" in seeded.data("/message", FromTS=1, Limit=1, ShowContactAlt="true")[0]["ContactAlt"]


def test_history_tells_how_a_message_ended_and_is_empty_for_an_unknown_one(seeded: Rehearsal) -> None:
    hard = seeded.data("/message", FromTS=1, MessageStatus=10, MessageState=1, Limit=1)[0]
    events = seeded.data(f"/messagehistory/{hard['ID']}")
    assert events[-1]["EventType"] == "bounced"
    assert events[-1]["State"] == "user unknown"
    assert "550" in events[-1]["Comment"]
    assert seeded.get("/messagehistory/123").json() == {"Count": 0, "Data": [], "Total": 0}


def test_the_state_table_has_all_21_rows(seeded: Rehearsal) -> None:
    rows = seeded.data("/messagestate", Limit=100)
    assert [row["ID"] for row in rows] == list(range(1, 22))
    assert rows[0] == {"ID": 1, "RelatedTo": "recipient", "State": "user unknown"}


def test_counters_agree_with_the_messages(seeded: Rehearsal) -> None:
    for campaign in seeded.data("/campaign", FromTS=1):
        counters = lifetime(seeded, campaign["ID"])
        names = {8: "Blocked", 9: "SoftBounced", 10: "HardBounced", 6: "Spam", 7: "Unsubscribed"}
        for number, name in names.items():
            seen = seeded.count("/message", CampaignID=campaign["ID"], FromTS=1, MessageStatus=number)
            assert counters[f"Message{name}Count"] == seen
        parts = ("Sent", "HardBounced", "SoftBounced", "Blocked", "Deferred", "Queued")
        assert counters["Total"] == sum(counters[f"Message{name}Count"] for name in parts)
        assert counters["Total"] == seeded.count("/message", CampaignID=campaign["ID"], FromTS=1)
        assert counters["Timeslice"] == ""


def lifetime(sandbox: Rehearsal, campaign_id: int) -> dict[str, int]:
    parameters = {"CounterSource": "Campaign", "CounterTiming": "Message", "CounterResolution": "Lifetime"}
    return dict(sandbox.data("/statcounters", SourceId=campaign_id, **parameters)[0])


def test_daily_counters_add_up_to_the_lifetime_of_the_account(seeded: Rehearsal) -> None:
    base = {"CounterSource": "APIKey", "CounterTiming": "Message"}
    whole = seeded.data("/statcounters", CounterResolution="Lifetime", **base)[0]
    days = seeded.data("/statcounters", CounterResolution="Day", FromTS=1, Limit=1000, **base)
    assert len(days) >= 9
    assert sum(day["Total"] for day in days) == whole["Total"] > 0
    assert all(day["Timeslice"].endswith("T00:00:00Z") for day in days)
    assert seeded.get("/statcounters", CounterResolution="Lifetime", FromTS=1, **base).status_code == 400


def a_draft(sandbox: Rehearsal) -> str:
    """The path of a draft that nobody programmed."""
    body = {
        "Locale": "en_US",
        "Sender": "1",
        "SenderEmail": "s@example.com",
        "Subject": "Hello",
        "ContactsListID": sandbox.new_list(),
    }
    return f"/campaigndraft/{sandbox.http.post('/campaigndraft', json=body).json()['Data'][0]['ID']}"


def test_a_schedule_is_moved_by_put_only_where_there_is_one(sandbox: Rehearsal) -> None:
    path = a_draft(sandbox)
    assert sandbox.http.put(path + "/schedule", json={"Date": "2026-11-02T13:00:00Z"}).status_code == 404
    assert sandbox.http.post(path + "/schedule", json={"Date": "2026-11-02T13:00:00Z"}).status_code == 201
    moved = sandbox.http.put(path + "/schedule", json={"Date": "2026-11-03T13:00:00Z"})
    assert (moved.status_code, moved.json()["Data"][0]["Status"]) == (200, "Programmed")
    assert sandbox.data(path + "/schedule")[0]["Date"] == "2026-11-03T13:00:00Z"
    assert sandbox.data(path + "/status")[0]["Status"] == "Programmed"


def test_a_draft_is_sent_at_once_and_not_a_second_time(sandbox: Rehearsal) -> None:
    path = a_draft(sandbox)
    answer = sandbox.http.post(path + "/send")
    assert (answer.status_code, answer.json()["Data"]) == (201, [{"Status": "Programmed"}])
    sandbox.pass_time(hours=1)
    assert sandbox.data(path)[0]["Status"] == 2
    assert len(sandbox.data("/campaign", FromTS=1)) == 1
    for again in (
        sandbox.http.post(path + "/send"),
        sandbox.http.post(path + "/schedule", json={"Date": "2026-12-02T13:00:00Z"}),
    ):
        assert (again.status_code, again.json()["ErrorMessage"]) == (400, "The campaign is already sent")
    assert len(sandbox.data("/campaign", FromTS=1)) == 1


def test_drafts_are_programmed_cancelled_and_sent_when_due(sandbox: Rehearsal) -> None:
    path = a_draft(sandbox)
    draft_id, list_id = int(path.rpartition("/")[2]), sandbox.data(path)[0]["ContactsListID"]
    contact_id = sandbox.join(list_id, "a@example.com")
    programmed = sandbox.http.post(path + "/schedule", json={"Date": "2026-11-02T13:00:00Z"})
    assert programmed.json()["Data"][0]["Status"] == "Programmed"
    assert sandbox.data(path)[0]["Status"] == 1
    assert sandbox.http.delete(path + "/schedule").status_code == 204
    assert sandbox.get(path + "/schedule").status_code == 404
    sandbox.pass_time(hours=2)
    assert sandbox.data("/campaign", FromTS=1) == []
    sandbox.http.post(path + "/send")
    sandbox.pass_time(hours=1)
    campaign = sandbox.data("/campaign", FromTS=1)[0]
    assert (campaign["CustomValue"], campaign["ListID"], campaign["Status"]) == (f"mj.nl={draft_id}", list_id, 0)
    assert sandbox.data(path)[0]["Status"] == 2
    assert sandbox.data("/message", FromTS=1)[0]["ContactID"] == contact_id
    assert sandbox.data("/batchjob")[0]["JobType"] == "Send newsletter"
