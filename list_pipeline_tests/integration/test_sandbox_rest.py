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


def test_a_contact_is_found_by_id_and_by_address_also_a_non_ascii_one(sandbox: Rehearsal) -> None:
    created = sandbox.http.post("/contact", json={"Email": "nonçascii@example.com", "Name": "N"})
    assert (created.status_code, created.reason_phrase) == (201, "Created")
    contact = created.json()["Data"][0]
    assert contact["ExclusionFromCampaignsUpdatedAt"] == contact["LastUpdateAt"] == ""
    assert datetime.fromisoformat(contact["CreatedAt"]) == sandbox.clock.now()
    by_address = sandbox.data("/contact/non%C3%A7ascii@example.com")
    assert by_address == sandbox.data(f"/contact/{contact['ID']}") == [contact]


def test_creating_with_the_exclusion_flag_fills_its_date(sandbox: Rehearsal) -> None:
    body = {"Email": "a@example.com", "IsExcludedFromCampaigns": "false"}
    contact = sandbox.http.post("/contact", json=body).json()["Data"][0]
    assert contact["ExclusionFromCampaignsUpdatedAt"] == contact["CreatedAt"] != ""


def test_duplicate_and_invalid_addresses_are_refused_in_mailjets_words(sandbox: Rehearsal) -> None:
    sandbox.http.post("/contact", json={"Email": "a@example.com"})
    duplicate = sandbox.http.post("/contact", json={"Email": "A@example.com"})
    assert duplicate.status_code == 400
    assert duplicate.json()["ErrorMessage"].startswith("MJ18 A Contact resource with value")
    invalid = sandbox.http.post("/contact", json={"Email": "000"})
    expected = 'Internal error: Invalid email address "000", reason: "No @ character in mail"'
    assert (invalid.status_code, invalid.json()["ErrorMessage"]) == (400, expected)
    put = sandbox.http.put("/contact/xyz", json={"Name": "A"})
    expected = 'Invalid email address "xyz", reason: "No @ character in mail"'
    assert (put.status_code, put.json()["ErrorMessage"]) == (400, expected)


def test_a_put_that_changes_nothing_is_a_304_without_a_body(sandbox: Rehearsal) -> None:
    contact_id = sandbox.http.post("/contact", json={"Email": "a@example.com"}).json()["Data"][0]["ID"]
    excluded = sandbox.http.put(f"/contact/{contact_id}", json={"IsExcludedFromCampaigns": True})
    assert excluded.status_code == 200
    assert excluded.json()["Data"][0]["ExclusionFromCampaignsUpdatedAt"] != ""
    again = sandbox.http.put(f"/contact/{contact_id}", json={"IsExcludedFromCampaigns": "true"})
    assert (again.status_code, again.reason_phrase, again.content) == (304, "Content not changed", b"")


def test_read_only_properties_may_be_sent_back_but_not_changed(sandbox: Rehearsal) -> None:
    contact = sandbox.http.post("/contact", json={"Email": "a@example.com"}).json()["Data"][0]
    echoed = {**contact, "Name": "New", "CreatedAt": contact["CreatedAt"].replace("T", " ").replace("Z", " UTC")}
    assert sandbox.http.put(f"/contact/{contact['ID']}", json=echoed).status_code == 200
    refused = sandbox.http.put(f"/contact/{contact['ID']}", json={"LastActivityAt": "2020-01-01T00:00:00Z"})
    assert refused.status_code == 400
    assert refused.json()["ErrorMessage"] == 'MJ19 Setting a value for property "LastActivityAt" is not allowed'


def test_an_unknown_property_in_a_body_is_named(sandbox: Rehearsal) -> None:
    answer = sandbox.http.post("/listrecipient", json={"ContactsList": 1})
    expected = 'Invalid json input: object ""->"TListRecipient" has no property "ContactsList"'
    assert (answer.status_code, answer.json()["ErrorMessage"]) == (400, expected)


def test_deleting_a_list_is_soft_and_hides_it(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    deleted = sandbox.http.delete(f"/contactslist/{list_id}")
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert sandbox.data("/contactslist") == []
    assert sandbox.data(f"/contactslist/{list_id}")[0]["IsDeleted"] is True
    assert [row["ID"] for row in sandbox.data("/contactslist", IsDeleted="true")] == [list_id]
    assert sandbox.http.put(f"/contactslist/{list_id}", json={"IsDeleted": False}).status_code == 200
    assert len(sandbox.data("/contactslist/")) == 1


def test_an_empty_list_name_is_refused(sandbox: Rehearsal) -> None:
    answer = sandbox.http.post("/contactslist", json={"Name": ""})
    info = "MJ08 Property Name is invalid: MJ04 Value must have at least length 1"
    assert answer.json() == {"ErrorInfo": info, "ErrorMessage": "Object properties invalid", "StatusCode": 400}


def test_list_actions_behave_as_recorded(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.join(list_id, "a@example.com")
    first = sandbox.place(list_id, contact_id)
    sandbox.pass_time(hours=1)
    sandbox.join(list_id, "a@example.com")
    assert sandbox.place(list_id, contact_id) == first
    sandbox.join(list_id, "a@example.com", "remove")
    assert sandbox.place(list_id, contact_id) is None
    assert sandbox.join(list_id, "a@example.com", "remove") == contact_id
    sandbox.join(list_id, "a@example.com")
    second = sandbox.place(list_id, contact_id)
    assert first is not None
    assert second is not None
    assert second["ID"] > first["ID"]
    assert second["SubscribedAt"] > first["SubscribedAt"]


def test_addnoforce_keeps_an_unsubscription_and_addforce_lifts_it(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.join(list_id, "a@example.com")
    for action, unsubscribed in (("unsub", True), ("addnoforce", True), ("addforce", False)):
        sandbox.join(list_id, "a@example.com", action)
        place = sandbox.place(list_id, contact_id)
        assert place is not None
        assert place["IsUnsubscribed"] is unsubscribed
        assert (place["UnsubscribedAt"] != "") is unsubscribed


def test_subscriber_count_includes_the_unsubscribed_and_the_excluded(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    sandbox.join(list_id, "a@example.com", "addnoforce")
    sandbox.join(list_id, "a@example.com", "unsub")
    excluded = sandbox.join(list_id, "b@example.com")
    sandbox.http.put(f"/contact/{excluded}", json={"IsExcludedFromCampaigns": True})
    assert sandbox.data("/contactslist")[0]["SubscriberCount"] == 2
    mailable = sandbox.count("/listrecipient", ContactsList=list_id, Unsub=False, IsExcludedFromCampaigns=False)
    assert mailable == 0


def test_managecontactslists_echoes_and_names_invalid_lists(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.http.post("/contact", json={"Email": "a@example.com"}).json()["Data"][0]["ID"]
    body = {"ContactsLists": [{"ListID": list_id, "Action": "addnoforce"}]}
    answer = sandbox.http.post(f"/contact/{contact_id}/managecontactslists", json=body)
    assert answer.status_code == 201
    assert answer.json()["Data"] == [{"ContactsLists": [{"Action": "addnoforce", "ListID": list_id}]}]
    place = sandbox.data("/contact/a@example.com/GetContactsLists")[0]
    assert place.keys() == {"IsActive", "IsUnsub", "ListID", "SubscribedAt"}
    body = {"ContactsLists": [{"ListID": 123, "Action": "addnoforce"}]}
    refused = sandbox.http.post(f"/contact/{contact_id}/managecontactslists", json=body)
    assert refused.status_code == 400
    wrong = {"ListID": 123, "Action": "addnoforce", "Error": "List ID 123 is invalid or deleted"}
    assert refused.json()["ErrorInfo"] == {"ContactsLists": [wrong]}


def test_listrecipient_rows_are_created_changed_and_deleted(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.http.post("/contact", json={"Email": "a@example.com"}).json()["Data"][0]["ID"]
    body = {"ContactAlt": "a@example.com", "ListID": list_id}
    created = sandbox.http.post("/listrecipient", json=body)
    assert created.status_code == 201
    row = created.json()["Data"][0]
    assert (row["ContactID"], row["ListID"], row["IsUnsubscribed"]) == (contact_id, list_id, False)
    assert sandbox.http.post("/listrecipient", json=body).status_code == 400
    path = f"/listrecipient/{row['ID']}"
    assert sandbox.http.put(path, json={"IsUnsubscribed": True}).json()["Data"][0]["IsUnsubscribed"] is True
    assert sandbox.http.put(path, json={"IsUnsubscribed": True}).status_code == 304
    assert sandbox.data("/listrecipient", ContactEmail="A@example.com", Unsub="true")[0]["ID"] == row["ID"]
    assert sandbox.http.delete(path).status_code == 204
    assert sandbox.get(path).status_code == 404
    unknown = sandbox.http.post("/listrecipient", json={"ContactAlt": "x@example.com", "ListID": list_id})
    expected = 'Property "Contact", alternate key value "x@example.com" could not be resolved to an ID'
    assert unknown.json()["ErrorMessage"] == expected


def test_an_erased_contact_stays_as_a_ghost_for_thirty_days(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.join(list_id, "a@example.com")
    url = f"{sandbox.server.url}/v4/contacts/"
    erased = sandbox.http.delete(url + str(contact_id))
    assert (erased.status_code, erased.content) == (200, b"")
    assert sandbox.http.delete(url + "123456").status_code == 200
    assert sandbox.get("/contact/a@example.com").status_code == 404
    ghost = sandbox.data(f"/contact/{contact_id}")[0]
    assert ghost["Email"].startswith("\\x")
    assert ghost["Email"].endswith("@domain.invalid")
    assert ghost["Name"] == "Anonymized"
    assert sandbox.data("/contactslist")[0]["SubscriberCount"] == 0
    assert sandbox.join(list_id, "a@example.com") > contact_id
    sandbox.pass_time(days=31)
    assert sandbox.get(f"/contact/{contact_id}").status_code == 404


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


def test_drafts_are_programmed_cancelled_and_sent_when_due(sandbox: Rehearsal) -> None:
    list_id = sandbox.new_list()
    contact_id = sandbox.join(list_id, "a@example.com")
    body = {
        "Locale": "en_US",
        "Sender": "1",
        "SenderEmail": "s@example.com",
        "Subject": "Hello",
        "ContactsListID": list_id,
    }
    draft_id = sandbox.http.post("/campaigndraft", json=body).json()["Data"][0]["ID"]
    path = f"/campaigndraft/{draft_id}"
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
