"""The feed of the calendar: RFC 5545, one event an entry with a UID that stays, and read by its own token alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import icalendar
import pytest

from list_pipeline.core.tokens import Role
from list_pipeline.operations.campaign_stages.calendar_feed import feed
from list_pipeline.operations.tokens import create_token, list_tokens, revoke_token
from list_pipeline.storage.database import execute
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import Api, served
from list_pipeline_tests.integration.campaign_stages.test_follow import DAY, launch_in_two_days, look
from list_pipeline_tests.integration.drafts import schedule, unschedule
from list_pipeline_tests.integration.pages.visiting import Browser

HOSTILE = "Sale; 50 %, today\\only\r\nBEGIN:VALARM " + "ü" * 60 + " for jane.doe@example.com"


def events(text: bytes) -> list[icalendar.Event]:
    made = icalendar.Calendar.from_ical(text)
    return [one for one in made.walk("VEVENT") if isinstance(one, icalendar.Event)]


def rounds(text: bytes) -> dict[str, tuple[str, str]]:
    """Time and status of the rounds to come, by UID."""
    return {
        str(one["uid"]): (f"{one['dtstart'].dt:%Y-%m-%dT%H:%M}", str(one["status"]))
        for one in events(text)
        if "ROUND" in one["categories"].to_ical().decode() and one["dtstart"].dt > one["dtstamp"].dt
    }


def renamed(made: Installation, name: str) -> None:
    with made.services.database.begin() as connection:
        execute(connection, "update campaign_schedule set campaign_name = :name where send_start_at is null", name=name)


def test_every_line_is_folded_and_every_text_escaped_whatever_a_campaign_is_called(small: Installation) -> None:
    launch_in_two_days(small)
    renamed(small, HOSTILE)
    text = feed(small.services)
    lines = text.split(b"\r\n")
    assert lines[0] == b"BEGIN:VCALENDAR"
    assert lines[-2:] == [b"END:VCALENDAR", b""]
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 75
    assert max(len(line) for line in lines) > 60
    for line in lines:
        line.decode("utf-8")  # no character is torn apart
    whole = text.replace(b"\r\n ", b"").decode()
    assert "Sale\\; 50 %\\, today" in whole
    assert not events(text)[0].walk("VALARM")
    assert "jane.doe" not in whole
    assert "@" not in whole


def test_an_event_has_what_the_standard_asks_for_and_its_uid_is_its_own(small: Installation) -> None:
    launch_in_two_days(small)
    found = events(feed(small.services))
    assert len({str(one["uid"]) for one in found}) == len(found) > 15
    for one in found:
        assert {"UID", "DTSTAMP", "DTSTART", "SUMMARY", "STATUS"} <= set(one)
        assert one["dtstart"].dt.utcoffset() == timedelta(0)
        assert "dtend" not in one or one["dtend"].dt > one["dtstart"].dt
    made = icalendar.Calendar.from_ical(feed(small.services))
    assert (str(made["version"]), "list_pipeline" in str(made["prodid"])) == ("2.0", True)


def test_a_round_that_is_moved_keeps_its_uid_and_one_that_is_taken_back_is_cancelled(small: Installation) -> None:
    draft, at = launch_in_two_days(small)
    ((uid, first),) = rounds(feed(small.services)).items()
    assert first == (f"{at:%Y-%m-%dT%H:%M}", "CONFIRMED")
    unschedule(small, draft)
    schedule(small, at + DAY, draft=draft)
    look(small)
    assert rounds(feed(small.services)) == {uid: (f"{at + DAY:%Y-%m-%dT%H:%M}", "CONFIRMED")}
    unschedule(small, draft)
    look(small)
    assert rounds(feed(small.services)) == {uid: (f"{at + DAY:%Y-%m-%dT%H:%M}", "CANCELLED")}


def test_read_twice_it_is_the_same(small: Installation) -> None:
    launch_in_two_days(small)
    assert feed(small.services) == feed(small.services)


@contextmanager
def service(made: Installation) -> Iterator[Api]:
    with served(made.services) as http:
        yield Api(made.services, http)


def read(api: Api, path: str = "/api/calendar.ics", **headers: str) -> httpx.Response:
    return api.http.send(api.http.build_request("GET", path, headers=headers), auth=None)


def test_a_calendar_client_reads_the_feed_by_its_address(small: Installation) -> None:
    launch_in_two_days(small)
    with service(small) as api:
        answer = read(api, f"/api/calendar.ics?token={api.tokens[Role.CALENDAR]}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
        assert rounds(answer.content)
        for role in (Role.CALENDAR, Role.READER, Role.ADMINISTRATOR):
            assert api.ask(role, "GET", "/api/calendar.ics").content == answer.content
        assert api.tokens[Role.CALENDAR] not in str(small.logs)


def test_no_other_token_may_stand_in_an_address_and_that_one_in_no_other(small: Installation) -> None:
    with service(small) as api:
        for role in set(Role) - {Role.CALENDAR}:
            assert read(api, f"/api/calendar.ics?token={api.tokens[role]}").status_code == 401
        feed_token = api.tokens[Role.CALENDAR]
        for path in ("/api/calendar", "/api/campaigns", "/api/lists", "/metrics", "/api/openapi.json"):
            assert read(api, f"{path}?token={feed_token}").status_code == 401
            assert api.ask(Role.CALENDAR, "GET", path).status_code == 403
        assert read(api).status_code == 401
        for wrong in ("", "x", "lp_" + "A" * 43, "A" * 5000):
            assert read(api, f"/api/calendar.ics?token={wrong}").status_code == 401


def test_a_revoked_feed_is_over_with_the_next_request(small: Installation) -> None:
    token, made = create_token(small.services, "Ada", Role.CALENDAR, by="Grace")
    with service(small) as api:
        assert read(api, f"/api/calendar.ics?token={token}").status_code == 200
        revoke_token(small.services, made.token_id, by="Grace", note="passed on")
        assert read(api, f"/api/calendar.ics?token={token}").status_code == 401
    assert "calendar" in {one.role.value for one in list_tokens(small.services)}


def test_a_token_of_the_feed_signs_nobody_in_on_the_pages(small: Installation) -> None:
    token, _ = create_token(small.services, "Ada", Role.CALENDAR, by="Grace")
    with served(small.services) as http:
        shown = Browser(http).sign_in(token)
        assert shown.status == 403
        assert "reads the feed of the calendar and nothing else" in shown.words


def test_the_window_as_json_is_that_of_the_command_line(small: Installation) -> None:
    _, at = launch_in_two_days(small)
    with service(small) as api:
        found = api.ask(Role.READER, "GET", f"/api/calendar?from={at:%Y-%m-%d}&days=1").json()
        assert (found["from"], found["nextFrom"]) == (f"{at:%Y-%m-%d}", f"{at + DAY:%Y-%m-%d}")
        kinds = {one["kind"] for one in found["entries"]}
        assert kinds == {"round", "freeze", "validation", "stage", "maintenance"}
        following = api.ask(Role.READER, "GET", f"/api/calendar?from={found['nextFrom']}&days=1").json()
        assert following["previousFrom"] == found["from"]


@pytest.mark.parametrize(
    ("query", "status"), [("days=0", 422), ("days=93", 422), ("from=yesterday", 422), ("from=1999-01-01", 409)]
)
def test_a_window_that_is_none_is_refused(small: Installation, query: str, status: int) -> None:
    with service(small) as api:
        assert api.ask(Role.READER, "GET", f"/api/calendar?{query}").status_code == status
