"""The official Python client of Mailjet drives the sandbox: an independent opinion about its wire format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from mailjet_rest import Client
from mailjet_rest.errors import DoesNotExistError, MailjetAuthError

from list_pipeline_tests.integration.sandboxes import LIST_1, LIST_2, LIST_3, SUPPRESSION, Rehearsal, rehearsal


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearsal(tmp_path, contacts=3000) as running:
        yield running


@pytest.fixture
def client(seeded: Rehearsal) -> Client:
    return Client(auth=("sandbox-key", "sandbox-secret"), api_url=seeded.server.url + "/", version="v3")


def test_the_client_creates_a_list_and_a_contact_and_brings_them_together(client: Client) -> None:
    created = client.contactslist.create(data={"Name": "Made by the client"})
    assert created.status_code == 201
    list_id = created.json()["Data"][0]["ID"]
    contact = client.contact.create(data={"Email": "client@example.com", "Name": "C"})
    assert contact.status_code == 201
    body = {"Email": "client@example.com", "Action": "addnoforce"}
    assert client.contactslist_managecontact.create(id=list_id, data=body).status_code == 201
    places = client.contact_getcontactslists.get(id="client@example.com").json()["Data"]
    assert [place["ListID"] for place in places] == [list_id]
    assert client.contactslist.delete(id=list_id).status_code == 204


def test_the_client_pages_a_whole_list(client: Client, seeded: Rehearsal) -> None:
    found: set[int] = set()
    while True:
        filters = {"ContactsList": LIST_1, "Limit": 400, "Offset": len(found), "Sort": "ID"}
        rows = client.contact.get(filters=filters).json()["Data"]
        found |= {row["ID"] for row in rows}
        if len(rows) < 400:
            break
    assert len(found) == seeded.control.lists()[LIST_1]["raw"]


def test_the_client_suppresses_in_bulk_and_reads_the_job(client: Client, seeded: Rehearsal) -> None:
    hard = seeded.control.answers()["hard"]
    emails = [client.contact.get(id=contact_id).json()["Data"][0]["Email"] for contact_id in hard[:5]]
    actions = [{"ListID": list_id, "Action": "remove"} for list_id in (LIST_1, LIST_2, LIST_3)]
    actions.append({"ListID": SUPPRESSION, "Action": "addnoforce"})
    people = [{"Email": email, "IsExcludedFromCampaigns": True} for email in emails]
    posted = client.contact_managemanycontacts.create(data={"ContactsLists": actions, "Contacts": people})
    assert posted.status_code == 201
    seeded.pass_time(seconds=1)
    job = client.contact_managemanycontacts.get(action_id=posted.json()["Data"][0]["JobID"])
    assert job.json()["Data"][0]["Status"] == "Completed"
    for contact_id in hard[:5]:
        contact = seeded.control.contact(contact_id)
        assert contact["excluded"]
        assert {place["list_id"] for place in contact["lists"]} == {5776, SUPPRESSION}


def test_the_client_recognises_the_errors(client: Client, seeded: Rehearsal) -> None:
    with pytest.raises(DoesNotExistError, match="Object not found"):
        client.contact.get(id="nobody@example.com")
    stranger = Client(auth=("sandbox-key", "wrong"), api_url=seeded.server.url + "/", version="v3")
    with pytest.raises(MailjetAuthError):
        stranger.contact.get()


def test_the_client_reads_campaigns_bounces_and_counters(client: Client, seeded: Rehearsal) -> None:
    campaign = client.campaign.get(filters={"FromTS": 1, "Sort": "ID DESC", "Limit": 1}).json()["Data"][0]
    assert campaign["ID"] == seeded.control.answers()["last_campaign_id"]
    filters = {"CampaignID": campaign["ID"], "FromTS": 1, "MessageStatus": 10, "ShowContactAlt": "true", "Limit": 1000}
    hard = client.message.get(filters=filters).json()["Data"]
    bounces = client.bouncestatistics.get(filters={"CampaignID": campaign["ID"], "FromTS": 1, "Limit": 1000})
    permanent = {row["ContactID"] for row in bounces.json()["Data"] if row["IsStatePermanent"]}
    assert len({row["ContactID"] for row in hard} & permanent) >= len(hard) - 1
    counters = client.statcounters.get(
        filters={
            "SourceId": campaign["ID"],
            "CounterSource": "Campaign",
            "CounterTiming": "Message",
            "CounterResolution": "Lifetime",
        }
    ).json()["Data"][0]
    assert counters["MessageHardBouncedCount"] == len(hard) > 0
    assert all("@" in row["ContactAlt"] for row in hard)
