"""Tokens: made once and shown once, recognised, counted, expired and revoked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from list_pipeline.core.errors import ConfigurationError, NotFoundError, RefusedError
from list_pipeline.core.tokens import TOKENS, Role
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.operations.tokens import (
    check_environment,
    create_token,
    list_tokens,
    principal_of,
    revoke_token,
    wait_before_next,
)
from list_pipeline_tests.integration.accounts import Installation


def test_a_token_is_kept_as_its_hash_only_and_names_its_person(small: Installation) -> None:
    token, made = create_token(small.services, "Ada", Role.REVIEWER, by="Grace")
    found = principal_of(small.services, token)
    assert found is not None
    assert (found.name, found.role, found.token_id) == ("Ada", Role.REVIEWER, made.token_id)
    assert token not in str(small.query("select * from api_token")) + str(small.logs)
    assert (made.created_by, made.expires_at - made.created_at) == ("Grace", timedelta(days=90))


def test_another_token_is_nobodys(small: Installation) -> None:
    token, _ = create_token(small.services, "Ada", Role.READER, by="Grace")
    other = token[:-1] + ("A" if token[-1] != "A" else "B")
    for wrong in (other, token.upper(), token + "A", "", "lp_", "\x00", "é" * 46):
        assert principal_of(small.services, wrong) is None


def test_a_token_is_unknown_from_the_instant_it_expires(small: Installation) -> None:
    token, _ = create_token(small.services, "Ada", Role.READER, days=1, by="Grace")
    small.clock.advance(timedelta(days=1) - timedelta(seconds=1))
    assert principal_of(small.services, token) is not None
    small.clock.advance(timedelta(seconds=1))
    assert principal_of(small.services, token) is None


def test_a_revoked_token_is_unknown_and_who_revoked_it_stays_on_record(small: Installation) -> None:
    token, made = create_token(small.services, "Ada", Role.READER, by="Grace")
    revoke_token(small.services, made.token_id, by="Grace", note="lost with a laptop")
    assert principal_of(small.services, token) is None
    (found,) = list_tokens(small.services)
    assert (found.revoked_by, found.revoked_why) == ("Grace", "lost with a laptop")
    with pytest.raises(RefusedError, match="Grace revoked it before"):
        revoke_token(small.services, made.token_id, by="Ada", note="again")
    with pytest.raises(NotFoundError):
        revoke_token(small.services, 999, by="Ada", note="no such")


def test_where_reviewers_are_named_only_they_make_tokens_and_have_such_that_decide(small: Installation) -> None:
    named = small.another(list_reviewers="ada, grace")
    with pytest.raises(NotAReviewerError):
        create_token(named, "Ada", Role.READER, by="Mallory")
    with pytest.raises(NotAReviewerError):
        create_token(named, "Mallory", Role.REVIEWER, by="Grace")
    for role in (Role.REVIEWER, Role.ADMINISTRATOR):
        create_token(named, "Ada", role, by="Grace")
    create_token(named, "Mallory", Role.OPERATOR, by="Grace")


@pytest.mark.parametrize("name", ["", "ada@example.com", "nobody", "api_token", "\x1b[31m"])
def test_a_token_is_named_after_a_person(small: Installation, name: str) -> None:
    with pytest.raises(RefusedError):
        create_token(small.services, name, Role.READER, by="Grace")


@pytest.mark.parametrize("days", [0, TOKENS.most_days + 1])
def test_a_token_lives_for_a_day_at_least_and_a_year_at_most(small: Installation, days: int) -> None:
    with pytest.raises(RefusedError):
        create_token(small.services, "Ada", Role.READER, days=days, by="Grace")


def test_the_last_use_is_noted_to_the_hour(small: Installation) -> None:
    token, _ = create_token(small.services, "Ada", Role.READER, by="Grace")
    first = small.clock.now()
    principal_of(small.services, token)
    small.clock.advance(timedelta(minutes=59))
    principal_of(small.services, token)
    assert list_tokens(small.services)[0].last_used_at == first
    small.clock.advance(timedelta(minutes=2))
    principal_of(small.services, token)
    assert list_tokens(small.services)[0].last_used_at == first + timedelta(minutes=61)


def test_each_caller_has_an_allowance_of_its_own_in_each_minute(small: Installation) -> None:
    token, _ = create_token(small.services, "Ada", Role.READER, by="Grace")
    ada = principal_of(small.services, token)
    assert {wait_before_next(small.services, ada) for _ in range(TOKENS.requests)} == {None}
    wait = wait_before_next(small.services, ada)
    assert wait is not None
    assert 1 <= wait <= 60
    assert wait_before_next(small.services, None) is None
    small.clock.advance(timedelta(seconds=wait))
    assert wait_before_next(small.services, ada) is None


def test_the_environments_token_starts_work_and_decides_nothing(small: Installation) -> None:
    services = small.another(api_token="x" * TOKENS.shortest)
    check_environment(services.settings)
    found = principal_of(services, "x" * TOKENS.shortest)
    assert found is not None
    assert (found.name, found.role) == ("API_TOKEN", Role.OPERATOR)
    assert principal_of(small.services, "x" * TOKENS.shortest) is None


def test_an_environments_token_that_could_be_guessed_is_refused(small: Installation) -> None:
    services = small.another(api_token="x" * (TOKENS.shortest - 1))
    with pytest.raises(ConfigurationError, match="API_TOKEN"):
        check_environment(services.settings)
    assert principal_of(services, "x" * (TOKENS.shortest - 1)) is None
    empty = services.settings.model_copy(update={"api_token": SecretStr("")})
    check_environment(empty)
    assert principal_of(small.another(api_token=""), "") is None
