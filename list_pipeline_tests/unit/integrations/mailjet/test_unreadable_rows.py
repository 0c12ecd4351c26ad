"""One row that cannot be read hides no other, and nothing of it is believed that could not be read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.foreign_text import LARGEST_ID, address_problem, storable
from list_pipeline.core.observations import ContactSeen, MessageStatus, RecipientSeen
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.integrations.mailjet import rows as wire_rows
from list_pipeline.integrations.mailjet.answers import decoded
from list_pipeline.integrations.mailjet.errors import UnreadableAnswerError
from list_pipeline.integrations.mailjet.rows import Row
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import (
    Script,
    campaign_row,
    client,
    contact_row,
    envelope,
    list_row,
    message_row,
    recipient_row,
)

SINCE = datetime(2026, 2, 28, 10, 45, 7, tzinfo=UTC)
ANYTHING = st.text(st.characters(codec=None, categories=None), max_size=30)
HOSTILE = st.one_of(
    ANYTHING,
    st.sampled_from(["\x00", "\ud83d", "x" * 20_000, "9" * 30, "0001-01-01T00:00:00Z", "9999-12-31T23:59:59+14:00"]),
    st.integers(-(2**80), 2**80),
    st.floats(),
    st.booleans(),
    st.none(),
    st.recursive(ANYTHING, lambda part: st.lists(part, max_size=3) | st.dictionaries(ANYTHING, part, max_size=3)),
)


def draft_row(draft_id: int) -> dict[str, Any]:
    return {
        "ID": draft_id, "ContactsListID": 7, "SegmentationID": 0, "Title": "Spring", "Subject": "Spring", "SenderName": "News",
        "SenderEmail": "news@example.org", "Status": 1,
    }  # fmt: skip


def bounce_row(row_id: int) -> dict[str, Any]:
    return {
        "ID": row_id, "CampaignID": 77, "ContactID": 5, "StateID": 2, "IsStatePermanent": True, "IsBlocked": False,
        "BouncedAt": "2026-02-28T11:00:00Z",
    }  # fmt: skip


READ: Mapping[str, tuple[Callable[[int], dict[str, Any]], Callable[[MailjetClient], Iterator[Any]]]] = {
    "contactslist": (list_row, lambda mailjet: iter(mailjet.contact_lists())),
    "contact": (contact_row, lambda mailjet: (one for page in mailjet.contacts(list_id=7) for one in page)),
    "listrecipient": (recipient_row, lambda mailjet: (one for page in mailjet.recipients(7) for one in page)),
    "campaign": (campaign_row, lambda mailjet: iter(mailjet.sends(since=SINCE))),
    "campaigndraft": (draft_row, lambda mailjet: iter(mailjet.drafts.programmed())),
    "bouncestatistics": (bounce_row, lambda mailjet: iter(mailjet.bounces(77, since=SINCE))),
    "message": (message_row, lambda mailjet: (one for page in mailjet.messages(77, since=SINCE) for one in page)),
}
"""A row of each resource, and how it is read."""

MAY_END_THE_READING = {
    ("listrecipient", "ListID"), ("bouncestatistics", "CampaignID"), ("message", "CampaignID"),
}  # fmt: skip
"""Another list or campaign than the one asked for: the filter was not applied, and the whole answer is not to be believed."""


def texts_of(value: object) -> list[str]:
    return [part for field in fields(value) if isinstance(part := getattr(value, field.name), str)]  # type: ignore[arg-type]


@pytest.mark.parametrize("resource", READ)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_one_hostile_part_of_a_row_costs_no_other_row_and_brings_nothing_that_cannot_be_kept(
    resource: str, data: st.DataObject
) -> None:
    make, read = READ[resource]
    rows = [make(number) for number in (101, 102, 103)]
    name = data.draw(st.sampled_from(sorted(rows[1])))
    value = data.draw(HOSTILE)
    undisturbed = list(read(client(Script(envelope(rows)))))
    spoilt = {**rows[1], name: value}
    body = json.dumps({"Count": 3, "Data": [rows[0], spoilt, rows[2]], "Total": 3})
    try:
        found = list(read(client(Script(httpx.Response(200, content=body.encode())))))
    except UnreadableAnswerError:
        assert (resource, name) in MAY_END_THE_READING
        return
    others = [one for one in found if one in undisturbed]
    assert undisturbed[0] in others
    assert undisturbed[2] in others
    for one in found:
        assert all(storable(text) == text and len(text) <= 1_000 for text in texts_of(one))
        assert all(-LARGEST_ID <= part <= LARGEST_ID for part in vars_of(one) if isinstance(part, int))
        assert one.problem or resource != "contact" or not address_problem(one.email)


def vars_of(value: object) -> list[object]:
    return [getattr(value, field.name) for field in fields(value)]  # type: ignore[arg-type]


class PartByPart(Row):
    """A row of which each part is looked at, whatever it is."""

    def usual_id(self) -> int | None:
        return None

    def usual_contact(self) -> ContactSeen | None:
        return None

    def usual_recipient(self) -> RecipientSeen | None:
        return None


ODD = HOSTILE | st.sampled_from(
    [
        "", "2021-06-28T10:45:08Z", "2021-06-28T10:45:08", "2021-06-28T12:45:08+02:00", "2021-02-30T10:45:08Z",
        "2021-W01-1T10:45:08Z", "1989-12-31T23:59:59Z", "true", "5", 0, 1, 1.0, 2**31, "=a@example.com",
        "\\x12@domain.invalid", "j\N{LATIN SMALL LETTER A WITH DIAERESIS}ne@example.com",
    ]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(contact_row(1))), ODD, max_size=2), st.sampled_from([None, True, False]))
def test_a_usual_contact_is_read_as_one_whose_parts_are_looked_at(
    parts: dict[str, object], is_excluded: bool | None
) -> None:
    properties = {**contact_row(101), **parts}
    assert wire_rows.contact(Row("contact", properties), is_excluded) == wire_rows.contact(
        PartByPart("contact", properties), is_excluded
    )


@settings(max_examples=400, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(recipient_row(1))), ODD, max_size=2))
def test_a_usual_entry_is_read_as_one_whose_parts_are_looked_at(parts: dict[str, object]) -> None:
    properties = {**recipient_row(101), **parts}
    usual, looked_at = Row("listrecipient", properties), PartByPart("listrecipient", properties)
    assert wire_rows.recipient(usual, 7) == wire_rows.recipient(looked_at, 7)


@pytest.mark.parametrize(
    ("make", "read"), [(contact_row, Row.usual_contact), (recipient_row, Row.usual_recipient)], ids=["contact", "entry"]
)
def test_what_mailjet_shows_is_usual(
    make: Callable[[int], dict[str, Any]], read: Callable[[Row], object | None]
) -> None:
    assert read(Row("any", make(101))) is not None


@settings(max_examples=300, deadline=None)
@given(HOSTILE | st.dictionaries(ANYTHING, HOSTILE, max_size=4) | st.lists(HOSTILE, max_size=4), st.booleans())
def test_json_is_read_as_the_standard_library_reads_it(value: Any, is_ascii: bool) -> None:
    written = json.dumps(value, ensure_ascii=is_ascii).encode("utf-8", "surrogatepass")
    assert repr(decoded(written)) == repr(json.loads(written.decode("utf-8", "replace"), strict=False))


@pytest.mark.parametrize(
    "written",
    [
        b'{"a": 1, "a": 2}', b"-0", b"1e999", b"-1E-999", b"12345678901234567890123", b"[1,]", b"{} {}", b"", b"nul", b"01",
        b"\xef\xbb\xbf{}", '{"a": "é"}'.encode("utf-16"), b"[" * 100_000, b'"\\ud83d"', b'"\\u0000"', b"1.", b"+1", b"-NaN",
    ],
)  # fmt: skip
def test_what_is_no_json_or_hardly_is_read_as_the_standard_library_reads_it(written: bytes) -> None:
    try:
        expected = json.loads(written.decode(json.detect_encoding(written), "replace"), strict=False)
    except (ValueError, RecursionError):
        expected = None
    assert repr(decoded(written)) == repr(expected)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"Email": "ja\x00ne@example.com"}, "Email is with control characters or spaces"),
        ({"Email": "jane\ud83d@example.com"}, "Email is with control characters or spaces"),
        ({"Email": "jane@example.com,joe@example.com"}, "Email is without one name, one @ and one domain"),
        ({"Email": ["jane@example.com"]}, "Email should be a text and is a list"),
        ({"IsExcludedFromCampaigns": "maybe"}, "IsExcludedFromCampaigns should be true or false and is a text"),
        ({"CreatedAt": "9999-12-31T23:59:59Z"}, "CreatedAt is a date at which nothing can have happened"),
        ({"ID": 2**63}, "ID is a number that is too large"),
        ({"ID": -7}, "ID should be an id and is not above zero"),
    ],
)
def test_a_contact_that_cannot_be_read_says_what_is_wrong_and_no_value(part: dict[str, object], problem: str) -> None:
    body = json.dumps({"Count": 1, "Data": [contact_row(124, **part)]})
    ((found,),) = client(Script(httpx.Response(200, content=body.encode()))).contacts(list_id=7)
    assert found.problem == problem
    assert found.contact_id == 124 or (found.contact_id < 0 and "ID" in part)


@given(st.integers(1, 1_000_000), st.integers(1, 1_000_000))
def test_what_stands_for_an_id_that_cannot_be_read_is_the_same_for_the_same_row_only(one: int, other: int) -> None:
    first, second = ({"ID": "?", "ContactID": number} for number in (one, other))
    assert Row("message", first).stand_in() == Row("message", dict(first)).stand_in() < 0
    assert (Row("message", first).stand_in() == Row("message", second).stand_in()) is (one == other)
    assert Row("message", first).stand_in() >= -LARGEST_ID


@pytest.mark.parametrize(
    "raw",
    [
        b'{"Count": 2, "Data": [{"ID": 5, "Name": "caf\xe9"}, %s]}',
        b'{"Count": 2, "Data": [{"ID": 5, "Name": "raw\x00nul\x1b"}, %s]}',
        b'{"Count": 2, "Data": [{"ID": ' + b"9" * 10_000 + b"}, %s]}",
        b'{"Count": 2, "Data": [{"ID": NaN, "SubscriberCount": Infinity}, %s]}',
        b'{"Count": 2, "Data": [null, %s]}',
        b'{"Count": 2, "Data": ["a text", %s]}',
        b'{"Count": 2, "Data": [{"ID": {"nested": [[[[1]]]]}}, %s]}',
    ],
)
def test_bytes_that_spoil_one_row_leave_the_answer_readable(raw: bytes) -> None:
    body = raw.replace(b"%s", json.dumps(list_row(7, Name="Campaign 1")).encode())
    found = client(Script(httpx.Response(200, content=body))).contact_lists()
    assert [(one.list_id, one.name) for one in found if not one.problem] == [(7, "Campaign 1")]
    assert len(found) == 2


@pytest.mark.parametrize(
    ("spoilt", "of", "is_the_format"), [(20, 21, False), (21, 30, True), (21, 210, False), (22, 210, True)]
)
def test_many_spoilt_rows_are_a_changed_format_and_a_few_are_not(spoilt: int, of: int, is_the_format: bool) -> None:
    rows = [contact_row(number, **({"Email": ""} if number <= spoilt else {})) for number in range(1, of + 1)]

    def answer(request: httpx.Request) -> httpx.Response:
        return envelope(rows[int(request.url.params["Offset"]) :])

    if is_the_format:
        with pytest.raises(
            UnreadableAnswerError, match=f"{spoilt} of {of} rows cannot be read, one because Email should"
        ):
            list(client(answer).contacts(list_id=7))
        return
    found = [one for page in client(answer).contacts(list_id=7) for one in page]
    assert (len(found), sum(bool(one.problem) for one in found)) == (of, spoilt)


def test_a_spoilt_row_is_counted_where_a_list_is_read_whole() -> None:
    rows = [recipient_row(1), recipient_row(2, ContactID="?"), recipient_row(3)]
    script = Script(
        httpx.Response(200, json={"Count": 3, "Data": []}),
        envelope(rows),
        httpx.Response(200, json={"Count": 3, "Data": []}),
    )
    (page,) = client(script).read_all_recipients(7)
    assert [one.contact_id > 0 for one in page] == [True, False, True]


def test_a_page_with_an_id_that_cannot_be_read_proves_nothing_about_a_place() -> None:
    with pytest.raises(IncompleteDataError, match="not sorted"):
        client(Script(envelope([recipient_row(1), recipient_row(2, ID=None)]))).recipients_page(7, 0)


def test_what_was_asked_for_holds_where_the_row_is_silent() -> None:
    ((unsubscribed,),) = client(Script(envelope([recipient_row(1, IsUnsubscribed="?")]))).recipients(
        7, unsubscribed=True
    )
    assert (unsubscribed.is_unsubscribed, bool(unsubscribed.problem)) == (True, True)
    ((excluded,),) = client(Script(envelope([contact_row(1, IsExcludedFromCampaigns=[])]))).contacts(excluded=True)
    assert (excluded.is_excluded, bool(excluded.problem)) == (True, True)
    pages = client(Script(envelope([message_row(1, Status=5)]))).messages(
        77, since=SINCE, statuses=[MessageStatus.BLOCKED]
    )
    ((blocked,),) = pages
    assert (blocked.status, bool(blocked.problem)) == (MessageStatus.BLOCKED, True)


@pytest.mark.parametrize(
    ("custom", "draft_id"),
    [
        ("mj.nl=44098", 44098),
        ("mj.nl=0", None),
        ("mj.nl=²", None),
        ("mj.nl=" + "9" * 30, None),
        (f"mj.nl={2**63}", None),
    ],
)
def test_only_a_number_that_can_be_one_names_a_draft(custom: str, draft_id: int | None) -> None:
    (found,) = client(Script(envelope([campaign_row(CustomValue=custom)]))).sends(since=SINCE)
    assert (found.draft_id, found.problem) == (draft_id, "")


def test_of_a_send_that_ends_before_it_began_the_end_is_not_known() -> None:
    (found,) = client(Script(envelope([campaign_row(SendEndAt="2026-02-28T10:00:00Z")]))).sends(since=SINCE)
    assert (found.problem, found.send_ended_at) == ("", None)
    assert found.send_started_at is not None


@given(ANYTHING)
@example("half \ud83d of a pair")
def test_a_subject_is_never_what_makes_a_send_unreadable(subject: str) -> None:
    body = json.dumps({"Count": 1, "Data": [campaign_row(Subject=subject)]})
    (found,) = client(Script(httpx.Response(200, content=body.encode()))).sends(since=SINCE)
    assert found.problem == ""
    assert storable(found.subject) == found.subject


def test_an_address_that_does_not_belong_into_a_job_is_not_sent() -> None:
    with pytest.raises(ValueError, match="do not belong"):
        client(Script()).submit_job(actions={}, emails=["jane@example.com", "a,b@example.com"], exclude=True)
