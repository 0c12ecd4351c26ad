"""The receiver over HTTP: who may send, how much, and that 200 means committed."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr

from list_pipeline.api.event_webhook import LONGEST_BODY, MOST_EVENTS, PATH
from list_pipeline.core.tokens import Role
from list_pipeline.operations.bounces.fetch import fetch_bounces
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.storage import told_figures
from list_pipeline_tests.integration.accounts import HARD, Installation, plain_client, quietly
from list_pipeline_tests.integration.api.serving import USER, WORD, Api, served
from list_pipeline_tests.integration.told_events.events import event, hard


@pytest.fixture
def http(small: Installation) -> Iterator[httpx.Client]:
    with served(small.another(event_webhook_password=WORD)) as client:
        yield client


def kept(made: Installation) -> list[tuple[object, ...]]:
    return made.query("select kind, contact_id from told_event order by kind, contact_id")


def test_version_1_and_version_2_are_kept_when_200_is_answered(small: Installation, http: httpx.Client) -> None:
    one = http.post(PATH, json=hard(small, HARD[0]))
    assert (one.status_code, one.json()) == (200, {"received": 1, "refused": 0})
    assert kept(small) == [("bounce", small.account.people[HARD[0]])]
    many = http.post(PATH, json=[hard(small, HARD[1]), event(small, 47, "open"), "odd"])
    assert (many.status_code, many.json()) == (200, {"received": 2, "refused": 1})
    assert len(kept(small)) == 2


def test_a_batch_that_is_sent_again_changes_nothing(small: Installation, http: httpx.Client) -> None:
    batch = [hard(small, person) for person in HARD]
    assert [http.post(PATH, json=batch).status_code for _ in range(3)] == [200, 200, 200]
    assert len(kept(small)) == len(HARD)


REFUSED = (
    "",
    "Basic",
    "Basic !!!",
    "Bearer " + b64encode(f"{USER}:{WORD}".encode()).decode(),
    "Basic " + b64encode(f"{USER}:{WORD}x".encode()).decode(),
    "Basic " + b64encode(f"{USER}:".encode()).decode(),
    "Basic " + b64encode(f"other:{WORD}".encode()).decode(),
    "Basic " + b64encode(b"\xff\xfe").decode(),
    "Basic " + "A" * 5_000,
)


def test_whoever_does_not_know_the_password_is_refused(small: Installation, http: httpx.Client) -> None:
    for header in REFUSED:
        request = http.build_request("POST", PATH, json=hard(small, HARD[0]), headers={"Authorization": header})
        answer = http.send(request, auth=None)
        assert answer.status_code == 401, header
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert WORD not in answer.text + str(small.logs)
    assert kept(small) == []


def test_a_password_of_letters_beyond_ascii_works(small: Installation) -> None:
    word = "пароль-из-слов-и-ещё"
    with served(small.another(event_webhook_password=word, event_webhook_user="märz")) as client:
        header = "Basic " + b64encode(f"märz:{word}".encode()).decode()
        assert client.post(PATH, json=[], headers={"Authorization": header}, auth=None).status_code == 200
        assert client.post(PATH, json=[]).status_code == 401


def test_a_body_that_is_no_json_is_answered_with_200_so_that_it_does_not_come_for_a_day(http: httpx.Client) -> None:
    answer = http.post(PATH, content=b'{"event": "bounce" "time": 1}')
    assert (answer.status_code, answer.json()) == (200, {"received": 0, "refused": 1})


def test_a_body_that_is_too_long_is_refused_whether_its_length_is_told_or_not(
    small: Installation, http: httpx.Client
) -> None:
    assert http.post(PATH, content=b" " * (LONGEST_BODY + 1)).status_code == 413
    chunks = (b" " * 65536 for _ in range(LONGEST_BODY // 65536 + 2))
    assert http.post(PATH, content=chunks).status_code == 413
    assert http.post(PATH, json=hard(small, HARD[0])).status_code == 200


def test_too_many_events_at_once_are_refused_and_as_many_as_may_be_are_not(http: httpx.Client) -> None:
    assert http.post(PATH, content=json.dumps([0] * (MOST_EVENTS + 1))).status_code == 413
    answer = http.post(PATH, content=json.dumps([0] * MOST_EVENTS))
    assert (answer.status_code, answer.json()) == (200, {"received": 0, "refused": MOST_EVENTS})


def test_deep_nesting_is_no_way_to_stop_it(http: httpx.Client) -> None:
    assert http.post(PATH, content=b"[" * 200_000).status_code == 200
    assert http.post(PATH, json=[]).status_code == 200


def test_nothing_else_is_there(http: httpx.Client) -> None:
    assert http.get(PATH).status_code == 405
    for path in ("/docs", "/openapi.json", "/webhooks/mailjet/", "/webhooks"):
        assert http.get(path).status_code in (404, 307, 405)


def test_where_the_database_is_away_mailjet_is_asked_to_send_again(small: Installation) -> None:
    settings = small.another(event_webhook_password=WORD).settings
    nowhere = settings.model_copy(update={"database_url": SecretStr("postgresql://127.0.0.1:1/nothing")})
    with Services(nowhere, small.clock) as away, served(away) as client:
        answer = client.post(PATH, json=hard(small, HARD[0]))
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.text


def test_without_a_password_events_alone_are_refused_in_words(small: Installation) -> None:
    with served(small.services) as client:
        answer = client.post(PATH, json=hard(small, HARD[0]))
        assert (answer.status_code, "EVENT_WEBHOOK_PASSWORD" in answer.json()["detail"]) == (503, True)
        api = Api(small.services, client)
        assert api.ask(Role.READER, "GET", "/api/mode").status_code == 200
    assert small.query("select * from told_event") == []


KINDS = ("bounce", "blocked", "spam", "unsub", "open", "click", "sent")


def register(made: Installation, base: httpx.URL) -> None:
    """The receiver's URL at the rehearsed Mailjet, with name and password in it."""
    url = str(base.copy_with(username=USER, password=WORD, path=PATH))
    with plain_client(made.server) as mailjet:
        for kind in KINDS:
            body = {"EventType": kind, "Url": url, "Version": 1 if kind == "spam" else 2}
            assert mailjet.post("/eventcallbackurl", json=body).status_code == 201


def test_a_campaign_is_told_over_http_and_what_was_lost_is_missed(small: Installation, http: httpx.Client) -> None:
    register(small, http.base_url)
    small.control.set_switches(
        event_duplicates=True, event_order="reversed", event_lost_every=4, event_broken_every=5, event_fields="bare"
    )
    people = {one: small.account.people[one] for one in range(47, 58)}
    outcomes = dict.fromkeys((people[one] for one in range(47, 54)), "user_unknown")
    outcomes |= {people[54]: "complained", people[55]: "unsubscribed", people[56]: "opened", people[57]: "clicked"}
    small.control.send(small.account.lists.campaign_3, "Letter 3", profile="clean", outcomes=outcomes)
    small.clock.sleep(26 * 3600)
    told = small.control.deliver_events()
    assert told["statuses"] == {"200": told["requests"]}
    # Its campaign is not known before the sync; the complaint and the clicks count already.
    complained = "select is_complaining from contact_list_membership where contact_id = :id"
    assert small.query(complained, id=people[54]) == [(True,)]
    assert {row[0] for row in small.query("select contact_id from contact_engagement")} >= {people[56], people[57]}

    synchronise(small.services, progress=quietly)
    run = small.begin()
    fetch_bounces(small.services, run.campaign, run.sweep)
    with small.services.database.begin() as connection:
        found = told_figures.compare(connection, run.campaign.campaign_id, run.sweep.value)
        waits = told_figures.aside(connection)
    # Of seven bounces the fourth was lost and the fifth broken, of four blocked the fourth lost; the complaint was told too.
    assert (found.failures, found.told, found.missed, found.only_told) == (7 + 4 + 1, 5 + 3 + 1, 3, 0)
    assert waits.events == 0


def test_mailjet_with_an_old_password_is_refused(small: Installation) -> None:
    with served(small.another(event_webhook_password=f"another {WORD}")) as client:
        register(small, client.base_url)
        small.control.send(
            small.account.lists.campaign_3, "Letter 3", profile="clean",
            outcomes={small.account.people[47]: "user_unknown"},
        )  # fmt: skip
        small.clock.sleep(26 * 3600)
        assert set(small.control.deliver_events()["statuses"]) == {"401"}
    assert kept(small) == []
