"""Contacts, lists and places of the sandbox's Mailjet are created, changed, left and erased as recordings show it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from list_pipeline_tests.integration.sandboxes import Rehearsal, rehearsal


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path) as running:
        yield running


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
