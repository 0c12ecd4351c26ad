"""Nothing leaks: no address and no secret in any error, log line or repr, whatever the service answers."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable

import httpx
import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st

from list_pipeline.core.errors import IncompleteDataError, PermanentError, TransientError
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import ContactSeen, MemberAction
from list_pipeline.integrations.mailjet import answers
from list_pipeline.integrations.mailjet.answers import safe_text
from list_pipeline_tests.unit.integrations.mailjet.mailjet_double import (
    API_KEY,
    SECRET_KEY,
    START,
    Script,
    client,
    envelope,
    list_row,
    refusal,
)
from list_pipeline_tests.virtual_clock import VirtualClock

ADD = {7: MemberAction.ADD}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            'Invalid email address "jane", reason: "No @ character in mail"',
            'Invalid email address "[hidden]", reason: "No @ character in mail"',
        ),
        ("jane.doe@example.com is unknown", "[address] is unknown"),
        ('"jane doe"@example.com is unknown', "[address] is unknown"),
        ("jane.doe%40example.com is unknown", "[address] is unknown"),
        ("jane.doe&#64;example.com is unknown", "[address] is unknown"),
        ("jane.doe at example.com is unknown", "[address] is unknown"),
        ("jane.doe @ mailhost is unknown", "the text is withheld, it may hold an address"),
        ("", ""),
    ],
)
def test_a_text_that_may_hold_an_address_is_redacted_or_withheld(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_of_a_text_of_megabytes_only_the_beginning_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = []

    def redact(text: str) -> str:
        lengths.append(len(text))
        return redact_foreign_text(text)

    monkeypatch.setattr(answers, "redact_foreign_text", redact)
    assert safe_text(f"{' ' * 500}refused for jane@example.com, {'x' * 10_000_000}").startswith("refused for [address]")
    assert max(lengths) < 10_000


def test_a_long_reason_is_cut() -> None:
    assert len(safe_text("x" * 5000)) == 300


def everything_shown(error: BaseException) -> str:
    """What a traceback, a log or an error tracker could show of an error and of all that hangs on it."""
    shown, todo, known = [], [error], set()
    while todo:
        found = todo.pop()
        if id(found) in known:
            continue
        known.add(id(found))
        shown += [str(found), repr(found), repr(vars(found)), repr(found.args)]
        todo += [linked for linked in (found.__cause__, found.__context__) if linked is not None]
    return "\n".join([*shown, *traceback.format_exception(error)])


def problems_of(answer: object) -> str:
    """What is wrong with the rows of an answer, in words."""
    rows = [one for page in answer for one in page] if isinstance(answer, list) else [answer]
    assert rows
    assert all(isinstance(one, ContactSeen) for one in rows)
    return "\n".join(one.problem for one in rows if isinstance(one, ContactSeen))


LOCAL = st.text("abcdefghijklmnopqrstuvwxyz0123456789.+_-", min_size=4, max_size=20).map(lambda text: "q" + text + "q")
BODIES: tuple[Callable[[str], httpx.Response], ...] = (
    lambda a: refusal(400, f'MJ18 A Contact resource with value "{a}" for Email already exists.'),
    lambda a: refusal(400, f'Internal error: Invalid email address "{a}", reason: "No @ character in mail"'),
    lambda a: refusal(400, f'Internal error: Invalid email address "{a.partition("@")[0]}", reason: "No @"'),
    lambda a: refusal(400, "Object properties invalid", {"Contacts": [{"Email": a, "Error": f"{a} is not known"}]}),
    lambda a: refusal(404, {"Contacts": [a]}),
    lambda a: refusal(500, f"<{a}>: user unknown", a),
    lambda a: refusal(429, a.replace("@", "%40")),
    lambda a: refusal(403, json.dumps({"Email": a}).replace("@", "\\u0040")),
    lambda a: httpx.Response(500, json={"ErrorIdentifier": a, "ErrorMessage": a}),
    lambda a: httpx.Response(400, text=a, extensions={"reason_phrase": a.encode()}),
    lambda a: httpx.Response(200, content=f'{{"Count": 1, "Data": [{{"Email": "{a}"'.encode()),
    lambda a: httpx.Response(200, json={"Count": 1, "Data": [{"ID": a, "Email": a, "JobID": a, "Status": {a: a}}]}),
    lambda a: httpx.Response(200, json={"Count": 3, "Data": [{"ID": 5, "Email": a}]}),
    lambda a: httpx.Response(200, json={"Count": 1, "Data": [{"ID": 5, "Email": [a]}]}),
)


@settings(max_examples=60, deadline=None)
@given(local=LOCAL, body=st.sampled_from(BODIES))
def test_no_error_and_no_log_line_holds_an_address_or_a_secret(
    local: str, body: Callable[[str], httpx.Response]
) -> None:
    address = f"{local}@mail.example.com"
    with structlog.testing.capture_logs() as logged:
        for call in (
            lambda mailjet: mailjet.contact(5),
            lambda mailjet: mailjet.job(5),
            lambda mailjet: list(mailjet.contacts(list_id=7)),
            lambda mailjet: mailjet.submit_job(actions=ADD, emails=[address]),
        ):
            try:
                # A row that cannot be read is told about by its problem, and the others go on.
                shown = problems_of(call(client(lambda _: body(address), attempts=2)))
            except (PermanentError, TransientError, IncompleteDataError) as error:
                shown = everything_shown(error)
            assert shown
            assert local not in shown
            assert SECRET_KEY not in shown
            assert API_KEY not in shown
    assert logged
    assert local not in repr(logged)
    assert SECRET_KEY not in repr(logged)


@settings(max_examples=30, deadline=None)
@given(
    local=LOCAL,
    failure=st.sampled_from([httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.ConnectError, httpx.WriteError]),
)
def test_no_lost_connection_shows_what_was_sent(local: str, failure: type[httpx.TransportError]) -> None:
    def lose(request: httpx.Request) -> httpx.Response:
        raise failure(f"illegal header line: {local}@example.com", request=request)

    with structlog.testing.capture_logs() as logged, pytest.raises(TransientError) as caught:
        client(lose).submit_job(actions=ADD, emails=[f"{local}@example.com"])
    assert local not in everything_shown(caught.value)
    assert local not in repr(logged)


def test_a_log_line_says_what_was_asked_how_it_ended_and_how_long_it_took() -> None:
    clock = VirtualClock(START)

    def slow(request: httpx.Request) -> httpx.Response:
        clock.sleep(1.25)
        return envelope([list_row()])

    with structlog.testing.capture_logs() as logged:
        client(slow, clock).contact_list(5776)
    assert logged == [
        {
            "event": "mailjet answered",
            "log_level": "debug",
            "method": "GET",
            "resource": "contactslist/{id}",
            "status": 200,
            "attempt": 1,
            "duration_ms": 1250,
        }
    ]


def test_the_repr_shows_the_host_and_no_secret() -> None:
    mailjet = client(Script(), base_url="https://user:password@mailjet.example")
    assert repr(mailjet) == "MailjetClient(base_url='https://mailjet.example', requests_made=0)"


def test_closing_closes_the_connections() -> None:
    with client(Script()) as mailjet:
        pass
    with pytest.raises(RuntimeError, match="closed"):
        mailjet.contact_lists()
