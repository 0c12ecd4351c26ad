"""What a token looks like, what its role covers, when its holder has to wait, and who a proxy may let in."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from list_pipeline.core.tokens import (
    PREFIX,
    SESSION_LIFE,
    Role,
    form_token,
    hash_of,
    is_secret,
    is_token,
    minute_of,
    people_of_proxy,
    wait_s,
)

AT = datetime(2026, 11, 20, 9, 30, 12, 345, tzinfo=UTC)
TOKEN = PREFIX + "A" * 43


@pytest.mark.parametrize(
    ("role", "covers"),
    [
        (Role.CALENDAR, {Role.CALENDAR}),
        (Role.READER, {Role.CALENDAR, Role.READER}),
        (Role.OPERATOR, {Role.CALENDAR, Role.READER, Role.OPERATOR}),
        (Role.REVIEWER, {Role.CALENDAR, Role.READER, Role.OPERATOR, Role.REVIEWER}),
        (Role.ADMINISTRATOR, set(Role)),
    ],
)
def test_a_role_may_do_what_those_before_it_may(role: Role, covers: set[Role]) -> None:
    assert {one for one in Role if role.may(one)} == covers


def test_a_token_is_recognised_by_its_beginning_and_length() -> None:
    assert is_token(TOKEN)
    assert is_token("lp_" + "aZ09_-" * 7 + "x")


@pytest.mark.parametrize(
    "text", ["", TOKEN[:-1], TOKEN + "A", "xx_" + "A" * 43, TOKEN[:-1] + "é", TOKEN + "\n", " " + TOKEN]
)
def test_nothing_else_is_taken_for_one(text: str) -> None:
    assert not is_token(text)


def test_what_is_kept_is_the_sha_256() -> None:
    assert hash_of("abc") == hashlib.sha256(b"abc").hexdigest()


def test_requests_of_one_minute_are_counted_together() -> None:
    assert minute_of(AT) == datetime(2026, 11, 20, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("requests", "second", "wait"), [(1, 12, None), (5, 12, None), (6, 12, 48), (6, 0, 60), (6, 59, 1), (600, 59, 1)]
)
def test_whoever_asked_too_often_waits_for_the_next_minute(requests: int, second: int, wait: int | None) -> None:
    assert wait_s(requests, 5, AT.replace(second=second)) == wait


def test_a_browser_stays_signed_in_for_a_working_day() -> None:
    assert timedelta(hours=12) == SESSION_LIFE


def test_the_secret_of_a_session_is_recognised_by_its_length_and_characters() -> None:
    assert is_secret("A" * 41 + "-_")
    for text in ("", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é", "A" * 42 + "\n"):
        assert not is_secret(text)


def test_the_token_of_a_form_follows_from_secret_and_name_and_gives_away_neither() -> None:
    mine = form_token("secret", "Ada")
    assert mine == hashlib.sha256(b"form:Ada:secret").hexdigest()
    assert len({mine, form_token("secret", "Grace"), form_token("another", "Ada")}) == 3
    assert mine != hash_of("secret")


def test_people_of_a_proxy_are_known_by_their_login_whatever_its_case() -> None:
    found = people_of_proxy(" Ada@Example.com = Ada Lovelace : reviewer ,grace=Grace:administrator,, ")
    assert found == {"ada@example.com": ("Ada Lovelace", Role.REVIEWER), "grace": ("Grace", Role.ADMINISTRATOR)}
    assert people_of_proxy("") == {}
    assert people_of_proxy("x=A:B:reader") == {"x": ("A:B", Role.READER)}


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "ada=",
        "ada=Ada",
        "=Ada:reader",
        "ada=:reader",
        "ada=Ada:owner",
        "ada=Ada:calendar",
        "ada=Ada:reader,ADA=Eve:reviewer",
    ],
)
def test_what_is_no_person_of_a_proxy_is_refused_without_naming_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"^entry \d is not like") as refused:
        people_of_proxy(f"zoe=Zoe:reader,{text}")
    assert "ada" not in str(refused.value).lower()
    assert str(refused.value).startswith(f"entry {3 if ',' in text else 2} ")
