"""What a token looks like, what its role covers, and when its holder has to wait."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from list_pipeline.core.tokens import PREFIX, Role, hash_of, is_token, minute_of, wait_s

AT = datetime(2026, 11, 20, 9, 30, 12, 345, tzinfo=UTC)
TOKEN = PREFIX + "A" * 43


@pytest.mark.parametrize(
    ("role", "covers"),
    [
        (Role.READER, {Role.READER}),
        (Role.OPERATOR, {Role.READER, Role.OPERATOR}),
        (Role.REVIEWER, {Role.READER, Role.OPERATOR, Role.REVIEWER}),
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
