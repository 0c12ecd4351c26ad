"""Drafts at Mailjet: which are programmed, for when, and their schedule changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest

from list_pipeline.core.errors import RemoteNotFoundError
from list_pipeline.integrations.mailjet import OutcomeUnknownError
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import Script, client, envelope, refusal


def draft_row(draft_id: int = 26_220, **changed: Any) -> dict[str, Any]:
    return {
        "ContactsListID": 23_777,
        "CreatedAt": "2020-05-04T16:53:06Z",
        "ID": draft_id,
        "SenderEmail": "some@example.com",
        "SenderName": "Some One",
        "Status": 1,
        "Subject": "First test",
        "Title": "For anna@example.org",
    } | changed


def test_programmed_drafts_are_read_by_their_status_without_addresses_in_their_titles() -> None:
    script = Script(envelope([draft_row()]))
    (found,) = client(script).drafts.programmed()
    assert (found.draft_id, found.list_id, found.segmentation_id, found.status) == (26_220, 23_777, None, 1)
    assert "anna@" not in found.title
    assert script.query(0)["Status"] == "1"


def test_drafts_of_another_status_are_left_out_where_mailjet_ignores_the_filter() -> None:
    script = Script(envelope([draft_row(1, Status=0), draft_row(2), draft_row(3, Status=2)]))
    assert [draft.draft_id for draft in client(script).drafts.programmed()] == [2]


def test_the_status_of_a_deleted_draft_is_negative() -> None:
    assert client(Script(envelope([draft_row(Status=-2)]))).drafts.one(26_220).status == -2


@pytest.mark.parametrize(
    ("told", "is_part"),
    [
        ({}, False),
        ({"AXFraction": 0, "AXFractionName": "", "AXTestingID": -1}, False),
        ({"AXFraction": 0.0, "AXFractionName": None, "AXTestingID": 0, "Status": 2}, False),
        ({"AXTestingID": 12}, True),
        ({"AXFraction": 12.5}, True),
        ({"AXFractionName": "B"}, True),
        ({"Status": 3}, True),
        ({"Status": 4}, True),
        ({"Status": -3}, True),
        ({"Status": -2}, False),
    ],
)
def test_a_draft_is_part_of_an_ab_test_where_anything_says_so(told: dict[str, Any], is_part: bool) -> None:
    assert client(Script(envelope([draft_row(**told)]))).drafts.one(26_220).is_ab_test is is_part


def test_the_schedule_of_a_draft_is_read_in_utc() -> None:
    script = Script(envelope([{"Date": "2026-11-20T10:00:00+02:00", "Status": "Programmed"}]))
    assert client(script).drafts.scheduled_for(7) == datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
    with pytest.raises(RemoteNotFoundError):
        client(Script(refusal(404, "Object not found"))).drafts.scheduled_for(7)


def test_a_schedule_is_cancelled_without_an_answer_to_read_and_set_in_utc() -> None:
    script = Script(httpx.Response(204), envelope([{"Date": "2026-11-20T08:00:00Z", "Status": "Programmed"}], 201))
    drafts = client(script).drafts
    drafts.cancel_schedule(7)
    drafts.schedule(7, datetime(2026, 11, 20, 10, 0, tzinfo=timezone(timedelta(hours=2))))
    assert [request.method for request in script.requests] == ["DELETE", "POST"]
    assert script.requests[0].url.path == "/v3/REST/campaigndraft/7/schedule"
    assert script.body(1) == {"Date": "2026-11-20T08:00:00Z"}


def test_a_lost_answer_to_a_cancellation_is_not_repeated() -> None:
    script = Script(httpx.Response(502))
    with pytest.raises(OutcomeUnknownError):
        client(script).drafts.cancel_schedule(7)
    assert len(script.requests) == 1


def test_a_schedule_is_moved_and_a_draft_sent_each_by_one_request() -> None:
    script = Script(envelope([{"Date": "2026-11-20T08:00:00Z"}]), envelope([{"Status": "Programmed"}], 201))
    drafts = client(script).drafts
    drafts.reschedule(7, datetime(2026, 11, 20, 10, 0, tzinfo=timezone(timedelta(hours=2))))
    drafts.send(7)
    assert [(request.method, request.url.path) for request in script.requests] == [
        ("PUT", "/v3/REST/campaigndraft/7/schedule"),
        ("POST", "/v3/REST/campaigndraft/7/send"),
    ]
    assert script.body(0) == {"Date": "2026-11-20T08:00:00Z"}
    with pytest.raises(ValueError, match="needs a timezone"):
        drafts.reschedule(7, datetime(2026, 11, 20, 10, 0))  # noqa: DTZ001


def test_a_lost_answer_to_a_send_is_not_repeated() -> None:
    script = Script(httpx.Response(503))
    with pytest.raises(OutcomeUnknownError):
        client(script).drafts.send(7)
    assert len(script.requests) == 1
