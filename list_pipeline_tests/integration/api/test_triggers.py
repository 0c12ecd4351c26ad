"""Work that is asked for over HTTP: the contract, who may, once, and what is refused."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from list_pipeline.api.guard import LONGEST_BODY
from list_pipeline.core.tokens import TOKENS, Role
from list_pipeline.operations.run_requests.asking import note_started, requests_to_start
from list_pipeline.operations.runs.attempts import fail_stale_runs
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import WORD, Api, served

MAINTAIN = "/api/list-management/trigger-maintenance"
CHECK = "/api/list-management/trigger-health-check"
LOGS = "/api/list-management/logs"
CHECKS = "/api/list-management/health-checks"


@pytest.fixture
def api(small: Installation) -> Iterator[Api]:
    services = small.another(event_webhook_password=WORD)
    with served(services) as http:
        yield Api(services, http)


def problem_of(answer: httpx.Response) -> dict[str, object]:
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert body["status"] == answer.status_code
    return body


def test_a_maintenance_is_asked_for_read_and_waits_for_its_run(small: Installation, api: Api) -> None:
    answer = api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": small.key})
    assert answer.status_code == 200
    number = answer.json()["maintenanceLogId"]
    assert answer.json() == {"success": True, "maintenanceLogId": number}
    shown = api.ask(Role.READER, "GET", f"{LOGS}/{number}").json()
    assert (shown["status"], shown["contactsSuppressed"]) == ("running", 0)
    (open_request,) = requests_to_start(small.services)
    assert (open_request.partition_key, open_request.requested_by) == (small.key, "Operator")


def test_a_campaign_is_named_by_its_number_too(small: Installation, api: Api) -> None:
    campaigns = api.ask(Role.READER, "GET", "/api/campaigns").json()["campaigns"]
    number = next(one["number"] for one in campaigns if one["key"] == small.key)
    by_number = api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": number})
    assert by_number.status_code == 200
    assert by_number.json() == api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": small.key}).json()
    assert api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": 2**31 - 1}).status_code == 404
    for odd in (0, -1, 2**31, 1.5, True, None, [number]):
        assert api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": odd}).status_code == 422


def test_asked_for_twice_it_is_one_and_once_it_ran_nothing_is_asked_for(small: Installation, api: Api) -> None:
    first, second = (api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": small.key}).json() for _ in range(2))
    assert first == second
    assert len(requests_to_start(small.services)) == 1
    small.maintain(run_id="a run")
    assert requests_to_start(small.services) == ()
    assert api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": small.key}).json() == first
    assert requests_to_start(small.services) == ()
    shown = api.ask(Role.READER, "GET", f"{LOGS}/{first['maintenanceLogId']}").json()
    ((status, suppressed),) = small.query("select status, contacts_suppressed from list_maintenance_log")
    assert (shown["status"], shown["contactsSuppressed"]) == (status, suppressed)
    assert suppressed > 0


def test_while_no_run_takes_it_up_a_request_waits_and_is_not_taken_for_dead(small: Installation, api: Api) -> None:
    api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": small.key})
    small.clock.advance(timedelta(hours=5))
    assert list(fail_stale_runs(small.services)) == []
    (waiting,) = requests_to_start(small.services)
    note_started(small.services, waiting.request_id)
    assert requests_to_start(small.services) == ()
    assert list(fail_stale_runs(small.services)) != []


def test_a_health_check_is_asked_for_and_read(small: Installation, api: Api) -> None:
    first, second = (api.ask(Role.OPERATOR, "POST", CHECK) for _ in range(2))
    assert first.status_code == 200
    assert first.json() == second.json()
    number = first.json()["healthCheckId"]
    assert first.json() == {"success": True, "healthCheckId": number}
    shown = api.ask(Role.READER, "GET", f"{CHECKS}/{number}").json()
    assert (shown["status"], shown["isBalanced"], shown["urgency"]) == ("running", None, None)
    assert [one.partition_key for one in requests_to_start(small.services)] == [shown["week"]]


def test_a_failed_check_that_a_run_had_is_begun_again_and_waits_for_another_run(small: Installation, api: Api) -> None:
    number = api.ask(Role.OPERATOR, "POST", CHECK).json()["healthCheckId"]
    with small.services.database.begin() as connection:
        connection.exec_driver_sql("update list_health_check set run_id = 'first', status = 'failed'")
    assert requests_to_start(small.services) == ()
    assert api.ask(Role.OPERATOR, "POST", CHECK).json()["healthCheckId"] == number
    assert [one.attempt for one in requests_to_start(small.services)] == [2]


def test_an_idempotency_key_gets_the_same_answer_and_no_other_request(small: Installation, api: Api) -> None:
    key = {"Idempotency-Key": "7c2f"}
    asked = {"campaignId": small.key}
    first = api.ask(Role.OPERATOR, "POST", MAINTAIN, json=asked, headers=key)
    assert api.ask(Role.OPERATOR, "POST", MAINTAIN, json=asked, headers=key).json() == first.json()
    assert problem_of(api.ask(Role.OPERATOR, "POST", CHECK, headers=key))["status"] == 422
    # Keys of others are their own.
    assert api.ask(Role.REVIEWER, "POST", CHECK, headers=key).status_code == 200
    assert api.ask(Role.OPERATOR, "POST", CHECK, headers={"Idempotency-Key": "a b"}).status_code == 422
    small.clock.advance(timedelta(hours=24))
    assert api.ask(Role.OPERATOR, "POST", CHECK, headers=key).status_code == 200


def test_a_campaign_that_there_is_not_is_not_found_and_nothing_is_written(small: Installation, api: Api) -> None:
    assert problem_of(api.ask(Role.OPERATOR, "POST", MAINTAIN, json={"campaignId": "2020-01-01-r1-7"}))["status"] == 404
    assert small.query("select * from list_maintenance_log") == []
    assert problem_of(api.ask(Role.READER, "GET", f"{LOGS}/999"))["status"] == 404
    assert problem_of(api.ask(Role.READER, "GET", f"{CHECKS}/999"))["status"] == 404


def test_switched_off_nothing_is_started_and_everything_can_be_read(small: Installation) -> None:
    services = small.another(event_webhook_password=WORD, list_management_enabled=False)
    with served(services) as http:
        api = Api(services, http)
        for path, body in ((MAINTAIN, {"campaignId": small.key}), (CHECK, None)):
            assert problem_of(api.ask(Role.ADMINISTRATOR, "POST", path, json=body))["status"] == 503
        assert api.ask(Role.READER, "GET", f"{LOGS}/1").status_code == 404
    assert small.query("select * from list_maintenance_log") == []
    assert small.query("select * from run_request") == []


def test_the_environments_token_may_start_work(small: Installation) -> None:
    services = small.another(event_webhook_password=WORD, api_token="x" * 40)
    with served(services) as http:
        bearer = {"Authorization": f"Bearer {'x' * 40}"}
        request = http.build_request("POST", MAINTAIN, json={"campaignId": small.key}, headers=bearer)
        assert http.send(request, auth=None).status_code == 200
    assert [one.requested_by for one in requests_to_start(small.services)] == ["API_TOKEN"]


@pytest.mark.bench
def test_a_trigger_is_answered_within_two_seconds(
    small: Installation, api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    taken = []
    for path, body in ((MAINTAIN, {"campaignId": small.key}), (CHECK, None)) * 25:
        began = time.perf_counter()
        assert api.ask(Role.OPERATOR, "POST", path, json=body).status_code == 200
        taken.append(time.perf_counter() - began)
    with capsys.disabled():
        print(
            f"\ntriggers: first {taken[0]:.3f} s, median {statistics.median(taken):.3f} s, longest {max(taken):.3f} s"
        )
    assert max(taken) < 2


# Attacks


def test_a_lower_role_a_forged_an_expired_and_a_revoked_token_are_refused(small: Installation, api: Api) -> None:
    asked = {"campaignId": small.key}
    assert problem_of(api.ask(Role.READER, "POST", MAINTAIN, json=asked))["status"] == 403
    good = api.tokens[Role.OPERATOR]
    for header in ("", "Bearer", f"Bearer {good[:-1]}", f"Basic {good}", f"Bearer {good}{good}" * 9, "Bearer lp_é"):
        request = api.http.build_request("POST", MAINTAIN, json=asked, headers={"Authorization": header.encode()})
        answer = api.http.send(request, auth=None)
        assert problem_of(answer)["status"] == 401, header
        assert answer.headers["www-authenticate"].startswith("Bearer")
    with small.services.database.begin() as connection:
        connection.exec_driver_sql(
            "update api_token set revoked_at = now(), revoked_by = 'x', revoked_why = 'y' where role = 'operator'"
        )
    assert api.ask(Role.OPERATOR, "POST", MAINTAIN, json=asked).status_code == 401
    small.clock.advance(timedelta(days=90))
    assert api.ask(Role.REVIEWER, "POST", MAINTAIN, json=asked).status_code == 401
    assert small.query("select * from list_maintenance_log") == []
    assert good not in str(small.logs)


BAD_BODIES: tuple[tuple[bytes, str, int], ...] = (
    (b"{", "application/json", 422),
    (b"", "application/json", 422),
    (b"[" * 30_000, "application/json", 422),
    (b'{"campaignId": 7.5}', "application/json", 422),
    (b'{"campaignId": "x", "by": "Mallory"}', "application/json", 422),
    (b'{"campaignId": "<script>alert(1)</script>"}', "application/json", 422),
    (b'{"campaignId": "\\u001b[31m"}', "application/json", 422),
    (b'{"campaignId": "\\u0000"}', "application/json", 422),
    (b'{"campaignId": "x", "jane.doe@customer.example": 1}', "application/json", 422),
    (b'{"campaignId": "x", "\\u001b[31m\\u202e": 1}', "application/json", 422),
    (b"campaignId=x", "application/x-www-form-urlencoded", 415),
    (b'{"campaignId": "x"}', "text/plain", 415),
    (b" " * (LONGEST_BODY + 1), "application/json", 413),
)


@pytest.mark.parametrize(("body", "kind", "status"), BAD_BODIES)
def test_a_body_that_is_not_as_it_should_be_is_refused_and_not_sent_back(
    api: Api, body: bytes, kind: str, status: int
) -> None:
    answer = api.ask(Role.OPERATOR, "POST", MAINTAIN, content=body, headers={"Content-Type": kind})
    assert answer.status_code in (status, 400)
    assert problem_of(answer)
    assert "Mallory" not in answer.text
    assert "<script>" not in answer.text
    assert "@" not in answer.text
    shown = str(answer.json())
    assert "\\x1b" not in shown
    assert "\\u202e" not in shown


def test_a_body_whose_length_is_not_told_is_read_no_further_than_it_may_be(api: Api) -> None:
    chunks = (b" " * 8_192 for _ in range(20))
    answer = api.ask(Role.OPERATOR, "POST", MAINTAIN, content=chunks, headers={"Content-Type": "application/json"})
    assert problem_of(answer)["status"] == 413


@pytest.mark.parametrize(
    "path",
    ["/1/../2", "/%2e%2e/1", "/1%2f2", "/1%00", "/-1", "/0", "/99999999999999999999", "/1.5", "/²", "//1", "/1/"],
)
def test_tricks_with_paths_lead_nowhere(small: Installation, api: Api, path: str) -> None:
    small.maintain()
    answer = api.ask(Role.READER, "GET", LOGS + path)
    assert answer.status_code in (404, 422)
    assert problem_of(answer)


def test_nothing_is_said_to_whoever_is_not_known_and_every_answer_has_its_headers(api: Api) -> None:
    for path in ("/api/openapi.json", f"{LOGS}/1", "/api/", "/api/nothing"):
        answer = api.http.get(path)
        assert problem_of(answer)["status"] == 401
        assert (answer.headers["x-content-type-options"], answer.headers["cache-control"]) == ("nosniff", "no-store")
        assert "access-control-allow-origin" not in answer.headers
    assert problem_of(api.ask(Role.READER, "DELETE", f"{LOGS}/1"))["status"] == 405
    assert problem_of(api.ask(Role.READER, "GET", "/api/nothing"))["status"] == 404
    assert api.ask(Role.READER, "GET", "/api/openapi.json").json()["openapi"].startswith("3.")


def test_whoever_asks_too_often_is_told_how_long_to_wait(small: Installation, api: Api) -> None:
    with small.services.database.begin() as connection:
        for _ in range(2):
            api.ask(Role.READER, "GET", f"{LOGS}/1")
        connection.exec_driver_sql(f"update api_caller set requests = {TOKENS.requests}")
    answer = api.ask(Role.READER, "GET", f"{LOGS}/1")
    assert problem_of(answer)["status"] == 429
    small.clock.advance(timedelta(seconds=int(answer.headers["retry-after"])))
    assert api.ask(Role.READER, "GET", f"{LOGS}/1").status_code == 404


def test_strangers_who_try_too_often_are_told_to_wait_and_keep_nobody_out(small: Installation, api: Api) -> None:
    answers = {api.http.get(f"{LOGS}/1").status_code for _ in range(TOKENS.unknown)}
    assert answers == {401}
    assert api.http.get(f"{LOGS}/1").status_code == 429
    assert api.ask(Role.READER, "GET", f"{LOGS}/1").status_code == 404


# Health


def test_health_names_five_services_to_anybody_and_asks_mailjet_once_in_half_a_minute(
    small: Installation, api: Api
) -> None:
    answer = api.http.get("/health", auth=None)  # type: ignore[arg-type]
    body = answer.json()
    assert set(body) == {"status", "timestamp", "checks"}
    assert set(body["checks"]) == {"database", "redis", "mailjet", "slack", "gemini"}
    assert all(set(one) == {"status", "latencyMs"} for one in body["checks"].values())
    assert answer.status_code == (200 if body["status"] == "healthy" else 503)
    assert body["checks"]["mailjet"]["status"] == "healthy"
    before = sum(small.control.requests().values())
    for _ in range(5):
        assert api.http.get("/health").json() == body
    assert sum(small.control.requests().values()) == before
    small.clock.advance(timedelta(seconds=30))
    assert api.http.get("/health").json()["timestamp"] != body["timestamp"]


def test_health_is_503_where_mailjet_is_away(small: Installation) -> None:
    services = small.another(event_webhook_password=WORD, mailjet_base_url="http://127.0.0.1:1")
    with served(services) as http:
        answer = http.get("/health")
    assert answer.status_code == 503
    assert answer.json()["checks"]["mailjet"]["status"] == "unhealthy"
    assert "127.0.0.1" not in answer.text
