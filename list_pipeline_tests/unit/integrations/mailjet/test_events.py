"""Events on the wire: both versions, real oddities, and hostile ones, each read or named and none raising."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.told_events.events import LATEST_AHEAD, EventKind, EventProblem, ToldEvent
from list_pipeline.integrations.mailjet.events import EventProblemError, elements_of, read_events
from list_pipeline_tests.paths import CHECKOUT

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
PUBLIC = CHECKOUT.parent / "shared" / "data" / "mailjet_webhooks.jsonl"


def event(**parts: Any) -> dict[str, Any]:
    return {
        "event": "bounce",
        "time": int(NOW.timestamp()) - 60,
        "MessageID": 19421777835146490,
        "email": "jane@example.com",
        "mj_campaign_id": 7173,
        "mj_contact_id": 98,
        "blocked": False,
        "hard_bounce": True,
        "error_related_to": "recipient",
        "error": "user unknown",
        "comment": "550 5.1.1 no such user",
        **parts,
    }


def read(element: object) -> ToldEvent | EventProblem:
    return next(read_events([element], NOW))


def test_version_1_is_one_object_and_version_2_an_array() -> None:
    assert elements_of(json.dumps(event()).encode()) == [event()]
    assert elements_of(json.dumps([event(), event(event="open")]).encode()) == [event(), event(event="open")]
    assert elements_of(b"[]") == []


def test_a_bounce_is_read_with_everything_that_it_says() -> None:
    found = read(event())
    assert found == ToldEvent(
        EventKind.BOUNCE,
        NOW - timedelta(minutes=1),
        mailjet_campaign_id=7173,
        contact_id=98,
        message_id=19421777835146490,
        is_permanent=True,
        state_id=1,
        address="jane@example.com",
        comment="550 5.1.1 no such user",
    )


def test_ids_of_nothing_are_none() -> None:
    found = read(event(mj_campaign_id=0, mj_contact_id="0", MessageID=""))
    assert isinstance(found, ToldEvent)
    assert (found.mailjet_campaign_id, found.contact_id, found.message_id) == (None, None, None)


AT = int(NOW.timestamp()) - 60


@pytest.mark.parametrize(
    "written", [AT, AT + 0.75, float(AT), str(AT), f" {AT}.0 ", AT * 1000, AT * 1000 + 999.0, str(AT * 1000)]
)
def test_an_instant_is_read_however_its_number_is_written(written: object) -> None:
    found = read(event(time=written))
    assert isinstance(found, ToldEvent)
    assert found.occurred_at == datetime.fromtimestamp(AT, UTC)


@pytest.mark.parametrize("odd", [-2, 1.9e16, "8f1c-22aa", ["1"], 2**70])
def test_a_message_of_no_number_is_none_and_the_event_is_read(odd: object) -> None:
    found = read(event(MessageID=odd))
    assert isinstance(found, ToldEvent)
    assert (found.message_id, found.contact_id) == (None, 98)


@pytest.mark.parametrize("odd", [b'"caf\xe9"', b"9" * 5000, b'"\xff\xfe"', b"-" + b"9" * 5000])
def test_a_value_that_cannot_be_spoils_nothing_beside_it(odd: bytes) -> None:
    body = json.dumps([event(), event(agent=0)]).encode().replace(b'"agent": 0', b'"agent": ' + odd)
    assert all(isinstance(one, ToldEvent) for one in read_events(elements_of(body), NOW))


def test_an_id_of_too_many_digits_is_no_number_for_that_event_alone() -> None:
    body = json.dumps([event(), event(mj_campaign_id=0)]).encode()
    found = elements_of(body.replace(b'"mj_campaign_id": 0', b'"mj_campaign_id": ' + b"9" * 5000))
    assert found[0] == event()
    assert [type(one).__name__ for one in read_events(found, NOW)] == ["ToldEvent", "EventProblem"]


def test_an_event_without_anything_but_kind_and_time_is_read() -> None:
    found = read({"event": "SENT", "time": str(int(NOW.timestamp()))})
    assert found == ToldEvent(EventKind.SENT, NOW)
    assert isinstance(found, ToldEvent)
    assert not found.names_somebody


@pytest.mark.parametrize(
    ("value", "flag"), [(True, True), ("true", True), (1, True), (False, False), ("0", False), ("", None), ([], None)]
)
def test_a_flag_comes_in_many_forms(value: object, flag: bool | None) -> None:
    found = read(event(hard_bounce=value))
    assert isinstance(found, ToldEvent)
    assert found.is_permanent is flag


@pytest.mark.parametrize(
    ("element", "problem"),
    [
        (None, EventProblem.NOT_AN_OBJECT),
        ("bounce", EventProblem.NOT_AN_OBJECT),
        ([event()], EventProblem.NOT_AN_OBJECT),
        ({}, EventProblem.NO_KIND),
        (event(event=["bounce"]), EventProblem.NO_KIND),
        (event(event="  "), EventProblem.NO_KIND),
        (event(event="teleported"), EventProblem.UNKNOWN_KIND),
        (event(time=None), EventProblem.NO_TIME),
        (event(time=""), EventProblem.NO_TIME),
        (event(time="yesterday"), EventProblem.IMPOSSIBLE_TIME),
        (event(time=True), EventProblem.IMPOSSIBLE_TIME),
        (event(time=1.5), EventProblem.IMPOSSIBLE_TIME),
        (event(time=float("nan")), EventProblem.IMPOSSIBLE_TIME),
        (event(time=-1), EventProblem.IMPOSSIBLE_TIME),
        (event(time=10**30), EventProblem.IMPOSSIBLE_TIME),
        (event(time=10**400), EventProblem.IMPOSSIBLE_TIME),
        (event(mj_contact_id=2**63), EventProblem.IMPOSSIBLE_NUMBER),
        (event(mj_contact_id=1.0), EventProblem.IMPOSSIBLE_NUMBER),
        (event(mj_campaign_id={"id": 1}), EventProblem.IMPOSSIBLE_NUMBER),
        (event(time="1e999"), EventProblem.IMPOSSIBLE_TIME),
        (event(time="9" * 400), EventProblem.IMPOSSIBLE_TIME),
        (event(time=float(10**300)), EventProblem.IMPOSSIBLE_TIME),
        (event(mj_contact_id=0, email="no address"), EventProblem.IMPOSSIBLE_ADDRESS),
        (event(mj_contact_id=0, email="nul\x00@example.com"), EventProblem.IMPOSSIBLE_ADDRESS),
        (event(mj_contact_id=0, email=["a@example.com"]), EventProblem.IMPOSSIBLE_ADDRESS),
    ],
)
def test_what_cannot_be_used_is_named(element: object, problem: EventProblem) -> None:
    assert read(element) is problem


def test_an_address_that_nobody_can_have_does_not_hide_who_the_id_says_it_is() -> None:
    found = read(event(email="\ud800@example.com"))
    assert isinstance(found, ToldEvent)
    assert (found.contact_id, found.address) == (98, "")


def test_a_time_ahead_is_refused_beyond_a_day() -> None:
    limit = int((NOW + LATEST_AHEAD).timestamp())
    assert isinstance(read(event(time=limit)), ToldEvent)
    assert read(event(time=limit + 1)) is EventProblem.IMPOSSIBLE_TIME


def test_one_that_cannot_be_used_leaves_the_others_in_their_order() -> None:
    found = list(read_events([event(), 5, event(event="open")], NOW))
    assert [one.kind if isinstance(one, ToldEvent) else one for one in found] == [
        EventKind.BOUNCE,
        EventProblem.NOT_AN_OBJECT,
        EventKind.OPEN,
    ]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"event": "bounce" "time": 1}', b"[" * 100_000, b"1" * 5_000 + b"x"]
)
def test_a_body_that_is_no_json_is_named(body: bytes) -> None:
    with pytest.raises(EventProblemError, match="not JSON"):
        elements_of(body)


@pytest.mark.parametrize("body", [b"1", b'"text"', b"null", b"NaN"])
def test_a_body_that_is_neither_object_nor_array_is_named(body: bytes) -> None:
    with pytest.raises(EventProblemError, match="not an object"):
        elements_of(body)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(event())), ANYTHING), st.sampled_from([*EventKind]))
def test_whatever_stands_in_the_fields_it_is_read_or_named(parts: dict[str, Any], kind: EventKind) -> None:
    assert isinstance(read({**event(), **parts}), (ToldEvent, EventProblem))
    assert isinstance(read({"event": kind.value, **parts}), (ToldEvent, EventProblem))


@pytest.mark.skipif(not PUBLIC.is_file(), reason="public samples of events are not on this machine (../shared/data)")
def test_public_samples_are_all_read() -> None:
    elements: list[object] = []
    for line in PUBLIC.read_text(encoding="utf-8").splitlines():
        raw = json.loads(line)["raw"]
        elements += elements_of(json.dumps(raw.get("raw_events") or raw["raw_event"]).encode())
    assert len(elements) == 9
    assert all(isinstance(one, ToldEvent) for one in read_events(elements, NOW))
