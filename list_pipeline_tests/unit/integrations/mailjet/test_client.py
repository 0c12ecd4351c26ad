"""What the client asks for and what it makes of the rows: types on the wire, one question after the other, jobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.observations import (
    NOBODY,
    BounceSeen,
    ContactListPlace,
    ContactListSeen,
    ContactSeen,
    MessageStatus,
    RecipientSeen,
    SendCounters,
    SendSeen,
)
from list_pipeline.integrations.mailjet import (
    CountersMissingError,
    UnreadableAnswerError,
)
from list_pipeline.integrations.mailjet.rows import Row
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import (
    Script,
    campaign_row,
    client,
    contact_row,
    counted,
    counter_row,
    envelope,
    list_row,
    message_row,
    recipient_row,
    refusal,
)

SINCE = datetime(2026, 2, 28, 10, 45, 7, tzinfo=UTC)
BIG = 1_152_921_509_561_800_354
"""Recorded as a message id. A float would make 1152921509561800448 of it."""


# Types on the wire


@given(st.integers(1, 2**63 - 1))
def test_ids_of_any_size_stay_exact(number: int) -> None:
    script = Script(envelope([message_row(number, ContactID=number)]))
    ((found,),) = client(script).messages(77, since=SINCE)
    assert (found.message_id, found.contact_id) == (number, number)


@pytest.mark.parametrize("value", [1.5e18, 17.0, True, None, "", "1.0", "-", "x", [], "１"])
def test_an_id_that_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(UnreadableAnswerError, match="ID should be a whole number"):
        Row("message", {"ID": value}).number("ID")


@pytest.mark.parametrize("value", [None, -1, 0])
def test_nobody_is_none(value: object) -> None:
    assert Row("campaign", {"ListID": value}).reference("ListID") is None
    assert Row("campaign", {}).reference("ListID") is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2021-06-28T10:45:08Z", datetime(2021, 6, 28, 10, 45, 8, tzinfo=UTC)),
        ("2018-01-01T00:00:00", datetime(2018, 1, 1, tzinfo=UTC)),
        ("2021-06-28T12:45:08+02:00", datetime(2021, 6, 28, 10, 45, 8, tzinfo=UTC)),
        ("", None),
        (None, None),
    ],
)
def test_dates_are_utc_and_empty_means_never(text: str | None, instant: datetime | None) -> None:
    found = Row("contact", {"CreatedAt": text}).instant("CreatedAt")
    assert found == instant
    assert found is None or found.tzinfo is UTC


@pytest.mark.parametrize("value", [1_603_783_745, "yesterday", "2021-06-28", "2021-13-28T10:45:08Z", True])
def test_a_date_in_another_form_is_refused(value: object) -> None:
    with pytest.raises(UnreadableAnswerError, match="CreatedAt should be a date"):
        Row("contact", {"CreatedAt": value}).instant("CreatedAt")


@pytest.mark.parametrize(("value", "flag"), [(True, True), (False, False), ("true", True), ("False", False)])
def test_booleans_are_read_as_values_and_as_words(value: object, flag: bool) -> None:
    assert Row("contact", {"IsDeleted": value}).flag("IsDeleted") is flag


@pytest.mark.parametrize("value", [None, 0, 1, "", "no"])
def test_a_missing_flag_is_not_false(value: object) -> None:
    with pytest.raises(UnreadableAnswerError):
        Row("contact", {"IsDeleted": value}).flag("IsDeleted")
    with pytest.raises(UnreadableAnswerError, match="is nothing"):
        Row("contact", {}).flag("IsDeleted")


# Lists and their members


def test_all_lists_come_with_one_request() -> None:
    script = Script(envelope([list_row(5776), list_row(7, Name="Campaign 1", SubscriberCount=1200)]))
    assert client(script).contact_lists() == (
        ContactListSeen(5776, "Master", 3, False),
        ContactListSeen(7, "Campaign 1", 1200, False),
    )
    assert script.query(0) == {"Limit": "1000", "Offset": "0", "Sort": "ID"}


def test_a_deleted_list_can_be_read_by_its_id() -> None:
    assert client(Script(envelope([list_row(IsDeleted=True)]))).contact_list(5776).is_deleted


def test_an_answer_about_another_object_is_refused() -> None:
    with pytest.raises(UnreadableAnswerError, match="another object"):
        client(Script(envelope([list_row(5777)]))).contact_list(5776)


@pytest.mark.parametrize("rows", [[], [list_row(), list_row()]])
def test_an_answer_about_one_object_holds_one_row(rows: list[dict[str, object]]) -> None:
    with pytest.raises(UnreadableAnswerError):
        client(Script(envelope(rows))).contact_list(5776)


def test_counting_members_is_one_request_with_the_filters_that_were_asked_for() -> None:
    script = Script(counted(152), counted(3), counted(149))
    mailjet = client(script)
    assert mailjet.count_recipients(7) == 152
    assert mailjet.count_recipients(7, unsubscribed=True) == 3
    assert mailjet.count_recipients(7, unsubscribed=False, excluded=False) == 149
    assert script.query(0) == {"ContactsList": "7", "countOnly": "1"}
    assert script.query(1) == {"ContactsList": "7", "Unsub": "true", "countOnly": "1"}
    assert script.query(2) == {
        "ContactsList": "7",
        "Unsub": "false",
        "IsExcludedFromCampaigns": "false",
        "countOnly": "1",
    }


def test_counting_contacts_is_one_request() -> None:
    script = Script(counted(4711), counted(12))
    assert client(script).count_contacts() == 4711
    assert client(script).count_contacts(list_id=7, excluded=True) == 12
    assert script.query(1) == {"ContactsList": "7", "IsExcludedFromCampaigns": "true", "countOnly": "1"}


def test_rows_instead_of_a_count_are_not_counted() -> None:
    with pytest.raises(UnreadableAnswerError, match="rows came instead of their number"):
        client(Script(envelope([recipient_row()]))).count_recipients(7)


def test_members_are_read_with_their_dates_and_states() -> None:
    row = recipient_row(43, IsUnsubscribed=True, UnsubscribedAt="2026-01-02T03:04:05Z", SubscribedAt="")
    script = Script(envelope([row]))
    ((found,),) = client(script).recipients(7, offset=5, unsubscribed=True)
    assert found == RecipientSeen(43, 10_043, 7, True, None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert script.query(0) == {"ContactsList": "7", "Unsub": "true", "Limit": "1000", "Offset": "5", "Sort": "ID"}


def test_rows_of_another_list_show_that_the_filter_was_not_applied() -> None:
    with pytest.raises(UnreadableAnswerError, match="rows came that the filter leaves out"):
        list(client(Script(envelope([recipient_row(list_id=8)]))).recipients(7))


def test_rows_in_another_state_show_that_the_filter_was_not_applied() -> None:
    with pytest.raises(UnreadableAnswerError):
        list(client(Script(envelope([recipient_row()]))).recipients(7, unsubscribed=True))
    with pytest.raises(UnreadableAnswerError):
        list(client(Script(envelope([contact_row()]))).contacts(excluded=True))


def test_one_contacts_place_is_one_request_and_none_when_it_is_not_there() -> None:
    script = Script(envelope([recipient_row(3, ContactID=124)]), envelope([]))
    mailjet = client(script)
    found = mailjet.recipient(7, 124)
    assert found is not None
    assert found.recipient_id == 3
    assert mailjet.recipient(7, 125) is None
    assert script.query(0)["Contact"] == "124"
    with pytest.raises(UnreadableAnswerError):
        client(Script(envelope([recipient_row(3, ContactID=126)]))).recipient(7, 124)


def test_a_contact_is_read_with_its_address_as_mailjet_has_it() -> None:
    script = Script(envelope([contact_row(124, Email="Jané.Doe@Example.com", IsSpamComplaining=True, CreatedAt="")]))
    assert client(script).contact(124) == ContactSeen(124, "Jané.Doe@Example.com", False, True, None, delivered_count=0)
    assert script.requests[0].url.path == "/v3/REST/contact/124"


@pytest.mark.parametrize(("told", "count"), [(7, 7), ("7", 7), (-1, None), ("many", None), (None, None), (1.5, None)])
def test_a_count_of_deliveries_that_cannot_be_read_is_unknown_and_spoils_no_contact(
    told: object, count: object
) -> None:
    found = client(Script(envelope([contact_row(124, DeliveredCount=told)]))).contact(124)
    assert (found.delivered_count, found.problem) == (count, "")


def test_a_contact_without_a_count_of_deliveries_is_read() -> None:
    row = contact_row(124)
    del row["DeliveredCount"]
    found = client(Script(envelope([row]))).contact(124)
    assert (found.delivered_count, found.problem) == (None, "")


def test_an_unknown_contact_is_not_found() -> None:
    with pytest.raises(RemoteNotFoundError, match="Object not found"):
        client(Script(refusal(404, "Object not found"))).contact(1)


def test_a_contact_without_an_address_is_one_that_cannot_be_read() -> None:
    found = client(Script(envelope([contact_row(Email="")]))).contact(124)
    assert (found.contact_id, found.email) == (124, "")
    assert found.problem == "Email should be a text and is an empty text"


def test_a_contacts_places_are_paged_beyond_mailjets_ten() -> None:
    rows = [{"IsActive": True, "IsUnsub": n == 3, "ListID": n, "SubscribedAt": ""} for n in range(1, 13)]
    script = Script(envelope(rows[:10]), envelope(rows[10:]))
    places = client(script).contact_places(124)
    assert places[2] == ContactListPlace(3, True, None)
    assert len(places) == 12
    assert script.requests[0].url.path == "/v3/REST/contact/124/getcontactslists"
    assert script.query(0) == {"Limit": "1000", "Offset": "0"}
    assert script.query(1) == {"Limit": "1000", "Offset": "10"}


# Sends


def test_sends_are_asked_for_from_an_instant_on() -> None:
    script = Script(envelope([campaign_row()]))
    (found,) = client(script).sends(since=SINCE)
    assert found == SendSeen(
        mailjet_campaign_id=7_390_730,
        list_id=36_735,
        custom_value="mj.nl=44098",
        subject="Spring",
        sender_name="News",
        sender_email="news@example.org",
        segmentation_id=None,
        created_at=datetime(2026, 2, 28, 10, 45, 8, tzinfo=UTC),
        send_started_at=datetime(2026, 2, 28, 10, 45, 8, tzinfo=UTC),
        send_ended_at=datetime(2026, 2, 28, 11, 0, tzinfo=UTC),
        status=0,
        is_deleted=False,
        campaign_type=2,
    )
    assert found.draft_id == 44_098
    assert script.query(0)["FromTS"] == "2026-02-28T10:45:07Z"


def test_a_send_that_goes_on_has_no_end_and_may_have_no_list() -> None:
    row = campaign_row(SendEndAt="", SegmentationID=9)
    del row["ListID"]
    found = client(Script(envelope([row]))).send(7_390_730)
    assert (found.send_ended_at, found.list_id, found.segmentation_id) == (None, None, 9)


@pytest.mark.parametrize(
    ("told", "workflow", "kind"),
    [
        ({"WorkflowID": 77}, 77, 2),
        ({"WorkflowID": -1, "CampaignType": 1}, None, 1),
        ({"WorkflowID": 0, "CampaignType": 9}, None, 9),
        ({"WorkflowID": None, "CampaignType": None}, None, None),
    ],
)
def test_a_send_says_whether_it_is_an_automations_and_of_which_type(
    told: dict[str, int | None], workflow: int | None, kind: int | None
) -> None:
    found = client(Script(envelope([campaign_row(**{"CampaignType": 2, **told})]))).send(7_390_730)
    assert (found.workflow_id, found.campaign_type) == (workflow, kind)


def test_counters_are_those_of_one_campaign_for_life() -> None:
    script = Script(envelope([counter_row()]))
    assert client(script).send_counters(77) == SendCounters(37, 15, 8, 3, 5, 4, 12, 1, 0, 2, 6)
    assert script.query(0) == {
        "CounterSource": "Campaign",
        "CounterTiming": "Message",
        "CounterResolution": "Lifetime",
        "SourceId": "77",
    }


def test_counters_written_as_texts_are_read_too() -> None:
    row = {name: str(value) if isinstance(value, int) else value for name, value in counter_row().items()}
    assert client(Script(envelope([row]))).send_counters(77).total == 37


def test_missing_counters_are_an_error_and_never_zero() -> None:
    with pytest.raises(CountersMissingError, match="campaign 77"):
        client(Script(envelope([]))).send_counters(77)


def test_a_missing_counter_is_an_error_and_never_zero() -> None:
    row = counter_row()
    del row["MessageBlockedCount"]
    with pytest.raises(UnreadableAnswerError, match="MessageBlockedCount"):
        client(Script(envelope([row]))).send_counters(77)


def test_counters_of_something_else_are_refused() -> None:
    with pytest.raises(UnreadableAnswerError):
        client(Script(envelope([counter_row(78)]))).send_counters(77)


def bounce_row(row_id: int, **changed: object) -> dict[str, object]:
    return {
        "BouncedAt": "2018-01-01T00:00:00",
        "CampaignID": 77,
        "ContactID": 123_123_123,
        "ID": row_id,
        "IsBlocked": True,
        "IsStatePermanent": False,
        "StateID": 7,
    } | changed


def test_bounces_keep_every_row_of_a_contact_and_states_that_nobody_lists() -> None:
    unknown = bounce_row(BIG + 1, StateID=99, BouncedAt="")
    without = bounce_row(BIG + 2)
    del without["StateID"]
    script = Script(envelope([bounce_row(BIG), unknown, without]))
    assert client(script).bounces(77, since=SINCE) == (
        BounceSeen(BIG, 77, 123_123_123, 7, False, True, datetime(2018, 1, 1, tzinfo=UTC)),
        BounceSeen(BIG + 1, 77, 123_123_123, 99, False, True, None),
        BounceSeen(BIG + 2, 77, 123_123_123, None, False, True, datetime(2018, 1, 1, tzinfo=UTC)),
    )
    assert script.query(0)["FromTS"] == "2026-02-28T10:45:07Z"
    assert script.query(0)["CampaignID"] == "77"


def test_bounces_of_another_campaign_are_refused() -> None:
    with pytest.raises(UnreadableAnswerError):
        client(Script(envelope([bounce_row(1, CampaignID=78)]))).bounces(77, since=SINCE)


def test_messages_are_one_series_per_status_filtered_by_number() -> None:
    script = Script(
        envelope([message_row(1, Status="hardbounced", StateID=1)]), envelope([]), envelope([message_row(2)])
    )
    wanted = [MessageStatus.HARD_BOUNCED, MessageStatus.BLOCKED, MessageStatus.SENT, MessageStatus.BLOCKED]
    pages = list(client(script).messages(77, since=SINCE, statuses=wanted))
    assert [[(row.message_id, row.status, row.state_id) for row in page] for page in pages] == [
        [(1, MessageStatus.HARD_BOUNCED, 1)],
        [(2, MessageStatus.SENT, None)],
    ]
    assert [script.query(n)["MessageStatus"] for n in range(3)] == ["10", "8", "2"]
    assert all("ShowContactAlt" not in script.query(n) for n in range(3))


def test_messages_of_every_status_are_one_series() -> None:
    script = Script(envelope([message_row(1)]))
    list(client(script).messages(77, since=SINCE))
    assert "MessageStatus" not in script.query(0)


def test_no_statuses_are_no_messages_and_no_request() -> None:
    assert list(client(Script()).messages(77, since=SINCE, statuses=[])) == []


def test_the_status_unknown_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match="unknown"):
        client(Script()).messages(77, since=SINCE, statuses=[MessageStatus.UNKNOWN])


def test_a_message_without_campaign_belongs_to_the_one_asked_for_and_a_new_status_is_unknown() -> None:
    row = message_row(1, Status="teleported", ContactAlt="a@example.com", StatePermanent=True)
    del row["CampaignID"]
    ((found,),) = client(Script(envelope([row]))).messages(77, since=SINCE)
    assert (found.mailjet_campaign_id, found.status) == (77, MessageStatus.UNKNOWN)
    assert "example" not in repr(found)


def test_a_new_status_among_messages_of_one_status_makes_the_row_one_that_cannot_be_read() -> None:
    script = Script(envelope([message_row(1, Status="teleported"), message_row(2, Status="HardBounced")]))
    ((strange, plain),) = client(script).messages(77, since=SINCE, statuses=[MessageStatus.HARD_BOUNCED])
    assert (strange.status, strange.problem) == (MessageStatus.HARD_BOUNCED, "Status is a word that is not known")
    assert (plain.status, plain.problem) == (MessageStatus.HARD_BOUNCED, "")


def test_messages_of_another_campaign_are_refused() -> None:
    with pytest.raises(UnreadableAnswerError):
        list(client(Script(envelope([message_row(1, 78)]))).messages(77, since=SINCE))


def test_a_page_that_contradicts_its_count_is_incomplete() -> None:
    broken = httpx.Response(200, json={"Count": 2, "Data": [recipient_row()], "Total": 2})
    with pytest.raises(IncompleteDataError, match="1 rows came, and the answer says 2"):
        list(client(Script(broken)).recipients(7))


NAMELESS: list[dict[str, Any]] = [{"ContactID": 0}, {"ContactID": -1}, {"ContactID": None}, {}]


@pytest.mark.parametrize("contact", NAMELESS)
def test_a_row_of_a_log_that_names_nobody_belongs_to_somebody_erased(contact: dict[str, Any]) -> None:
    def without(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name != "ContactID"} | contact

    script = Script(envelope([without(message_row(5))]), envelope([without(bounce_row(5))]))
    mailjet = client(script)
    assert [row.contact_id for page in mailjet.messages(77, since=SINCE) for row in page] == [NOBODY]
    assert [row.contact_id for row in mailjet.bounces(77, since=SINCE)] == [NOBODY]


def test_two_bounces_of_one_message_are_two_rows_also_where_they_bear_its_id() -> None:
    soft, hard = bounce_row(5, StateID=13, IsStatePermanent=False), bounce_row(5, StateID=1)
    found = client(Script(envelope([soft, hard]))).bounces(77, since=SINCE)
    assert [(row.row_id, row.state_id) for row in found] == [(5, 13), (5, 1)]
