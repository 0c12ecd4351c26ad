"""Who comes in on the pages: with a token once a day, or through a proxy that is believed, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from list_pipeline.core.tokens import SESSION_LIFE, Role
from list_pipeline.operations.tokens import create_token, revoke_token
from list_pipeline_tests.integration.accounts import Installation
from list_pipeline_tests.integration.api.serving import served
from list_pipeline_tests.integration.pages.visiting import Browser, Shown

LONG = "a" * 40


@pytest.fixture
def http(small: Installation) -> Iterator[httpx.Client]:
    with served(small.services) as client:
        yield client


def token_for(small: Installation, role: Role = Role.REVIEWER, name: str = "Ada") -> str:
    return create_token(small.services, name, role, by="Grace")[0]


def test_whoever_is_not_signed_in_is_asked_for_a_token_and_then_comes_where_they_wanted(
    small: Installation, http: httpx.Client
) -> None:
    browser = Browser(http)
    for path in ("/", "/admin", "/admin/"):
        assert browser.see(path, 303).answer.headers["location"].startswith(("/admin/waiting", "/admin/sign-in"))
    asked = browser.see("/admin/plans?after=3", 303).answer.headers["location"]
    assert asked == "/admin/sign-in?to=%2Fadmin%2Fplans%3Fafter%3D3"
    form = browser.see(asked)
    assert "Sign in" in form.words
    inside = browser.sign_in(token_for(small), **form.fields)
    assert (inside.status, inside.answer.headers["location"]) == (303, "/admin/plans?after=3")
    assert "Ada (reviewer)" in browser.see("/admin/waiting").words
    assert browser.see("/admin/sign-in", 303).answer.headers["location"] == "/admin/waiting"


def test_a_session_survives_a_restart_and_ends_with_its_token_its_time_and_its_person(small: Installation) -> None:
    with served(small.services) as http:
        browser = Browser.signed_in(small.services, http)
        cookie = browser.http.cookies["list_pipeline_session"]
    ((stored,),) = small.query("select session_hash from page_session")
    assert cookie not in stored
    with served(small.another()) as http:
        again = Browser(http)
        again.http.cookies.set("list_pipeline_session", cookie)
        assert "Ada" in again.see("/admin/waiting").words
        out = again.send("/admin/sign-out", again.see("/admin/waiting").fields)
        assert (out.status, out.answer.headers["location"]) == (303, "/admin/sign-in")
        again.http.cookies.set("list_pipeline_session", cookie)
        again.see("/admin/waiting", 303)

        revoked = Browser.signed_in(small.services, http, name="Linus")
        ((number,),) = small.query("select token_id from api_token where name = 'Linus'")
        revoke_token(small.services, number, by="Grace", note="lost with a laptop")
        revoked.see("/admin/waiting", 303)

        tired = Browser.signed_in(small.services, http, name="Barbara")
        small.clock.advance(SESSION_LIFE - timedelta(minutes=1))
        tired.see("/admin/waiting")
        small.clock.advance(timedelta(minutes=1))
        tired.see("/admin/waiting", 303)


def test_no_token_that_is_none_of_a_person_signs_anybody_in(small: Installation) -> None:
    with served(small.another(api_token=LONG)) as http:
        browser = Browser(http)
        for token in ("", "nonsense", "lp_" + "x" * 43, "x" * 5_000, "lp_\0" + "x" * 42):
            refused = browser.sign_in(token)
            assert (refused.status, "not known" in refused.words) == (403, True)
        program = browser.sign_in(LONG)
        assert (program.status, "belongs to a program" in program.words) == (403, True)
        assert small.query("select * from page_session") == []
        assert not browser.http.cookies


def test_guesses_are_counted_and_keep_nobody_out_who_has_a_token(small: Installation, http: httpx.Client) -> None:
    browser = Browser(http)
    answers = {browser.sign_in("nonsense").status for _ in range(61)}
    assert answers == {403, 429}
    assert browser.sign_in(token_for(small)).status == 303


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example/", "//evil.example", "/\\evil.example", "/admin//evil.example", "/admin/\\evil.example",
        "javascript:alert(1)", "/admin/sign-in", "/elsewhere", "/admin/waiting\r\nset-cookie: a=b", "/admin/ \x1b[31m", "",
    ],
)  # fmt: skip
def test_signing_in_leads_to_a_page_of_ours_and_nowhere_else(to: str, small: Installation, http: httpx.Client) -> None:
    inside = Browser(http).sign_in(token_for(small), to=to)
    assert (inside.status, inside.answer.headers["location"]) == (303, "/admin/waiting")


def test_a_cookie_is_for_this_site_alone_and_for_encrypted_requests_where_a_proxy_ends_tls(small: Installation) -> None:
    with served(small.services) as http:
        plain = Browser(http).sign_in(token_for(small)).answer.headers["set-cookie"]
    assert plain.startswith("list_pipeline_session=")
    with served(small.another(app_url="https://lists.example.com")) as http:
        encrypted = Browser(http).sign_in(token_for(small, name="Linus")).answer.headers["set-cookie"]
    assert encrypted.startswith("__Host-list_pipeline_session=")
    for cookie in (plain, encrypted):
        assert {"HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=43200"} <= set(cookie.split("; "))
    assert ("Secure" in encrypted.split("; "), "Secure" in plain.split("; ")) == (True, False)


def test_every_answer_forbids_foreign_scripts_frames_and_forms(small: Installation, http: httpx.Client) -> None:
    browser = Browser.signed_in(small.services, http)
    for path, status in (("/admin/waiting", 200), ("/admin/static/pages.css", 200), ("/admin/nowhere", 404)):
        headers = browser.see(path, status).answer.headers
        policy = headers["content-security-policy"]
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} <= set(
            policy.split("; ")
        )
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "same-origin"


def test_a_form_of_another_site_or_of_another_sign_in_does_nothing(small: Installation, http: httpx.Client) -> None:
    browser = Browser.signed_in(small.services, http)
    mine = browser.see("/admin/contacts").fields
    other = Browser.signed_in(small.services, http, name="Linus").see("/admin/contacts").fields
    host = browser.url.removeprefix("http://")
    for origin in (
        "https://evil.example", "null", "", f"http://evil.example@{host}", f"http://{host}.evil.example", "http://127.0.0.1:1",
        f"http://evil.example#{host}", "http://[", "http://[::1", "//",
    ):  # fmt: skip
        refused = browser.send("/admin/contacts", {**mine, "contact": "1"}, origin=origin)
        assert (refused.status, "from another site" in refused.words) == (403, True)
    assert (
        browser.send(
            "/admin/contacts", {**mine, "contact": "9"}, **{"sec-fetch-site": "same-origin", "origin": ""}
        ).status
        == 404
    )
    for fields in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": "é"}, other):
        refused = browser.send("/admin/contacts", {**fields, "contact": "1"})
        assert (refused.status, "earlier sign-in" in refused.words) == (403, True)
    assert Browser(http).send("/admin/contacts", {**mine, "contact": "1"}).status == 401
    foreign = Browser(http).send(
        "/admin/sign-in", {"token": token_for(small, name="Eve")}, origin="https://evil.example"
    )
    assert (foreign.status, "set-cookie" in foreign.answer.headers) == (403, False)


def test_what_is_no_form_is_refused_before_it_is_understood(small: Installation, http: httpx.Client) -> None:
    browser = Browser.signed_in(small.services, http)
    own = {"origin": browser.url, "content-type": "application/x-www-form-urlencoded"}
    for body, headers, status in (
        (b"{}", {**own, "content-type": "application/json"}, 415),
        (b"--x", {**own, "content-type": "multipart/form-data; boundary=x"}, 415),
        (b"a=" + b"b" * 20_000, own, 413),
        (b"&".join(b"a=b" for _ in range(101)), own, 400),
        (b"note=%ff%fe", own, 400),
        ("note=é".encode(), own, 400),
    ):
        assert browser.http.post("/admin/contacts", content=body, headers=headers).status_code == status


def test_whoever_follows_a_link_from_slack_is_sent_on_once_more_so_that_the_cookie_comes_along(
    http: httpx.Client,
) -> None:
    shown = Browser(http).see("/admin/list-management/7?a=%22%3E%3Cb", **{"sec-fetch-site": "cross-site"})
    assert "/admin/list-management/7?a=%22%3E%3Cb" in shown.links
    assert "b" not in shown.tags


def test_a_proxy_is_believed_where_it_stands_in_front_and_about_people_who_are_named(small: Installation) -> None:
    people = {
        "proxy_auth_header": "X-Forwarded-User",
        "proxy_people": "ada@example.com=Ada:reviewer, grace=Grace:reader",
    }
    with served(small.another(**people)) as http:
        Browser(http).see("/admin/waiting", 303, **{"x-forwarded-user": "grace"})
    with served(small.another(**people), behind_proxy=True) as http:
        reader = Browser(http)
        seen = reader.see("/admin/waiting", **{"x-forwarded-user": "GRACE"})
        assert "Grace (reader)" in seen.words
        assert "Sign out" not in seen.words
        secret = seen.answer.cookies.get("__Host-list_pipeline_browser") or ""
        assert "Secure" in seen.answer.headers["set-cookie"]
        again = httpx.get(
            f"{reader.url}/admin/contacts", trust_env=False,
            headers={"x-forwarded-user": "ada@example.com", "cookie": f"__Host-list_pipeline_browser={secret}"},
        )  # fmt: skip
        assert "set-cookie" not in again.headers
        assert "ada@example.com" not in again.text
        for cookie, status in ((secret, 404), ("", 403)):
            found = httpx.post(
                f"{reader.url}/admin/contacts", data={**Shown(again).fields, "contact": "9"}, trust_env=False,
                headers={"x-forwarded-user": "ada@example.com", "origin": reader.url,
                         "cookie": f"__Host-list_pipeline_browser={cookie}"},
            )  # fmt: skip
            assert found.status_code == status
        reader.see("/admin/waiting", 403, **{"x-forwarded-user": "eve"})
        twice = httpx.get(
            f"{reader.url}/admin/waiting", trust_env=False,
            headers=[("x-forwarded-user", "grace"), ("x-forwarded-user", "ada@example.com")],
        )  # fmt: skip
        assert twice.status_code == 403
        reader.see("/admin/waiting", 303)
    with served(small.another(**people, list_reviewers="linus"), behind_proxy=True) as http:
        Browser(http).see("/admin/waiting", 403, **{"x-forwarded-user": "ada@example.com"})
        Browser(http).see("/admin/waiting", **{"x-forwarded-user": "grace"})
