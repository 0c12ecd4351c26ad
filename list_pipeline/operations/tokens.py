"""Tokens of the HTTP service: made, listed and revoked by people, and recognised at each request.

``API_TOKEN`` of the environment is one more, for programs that start work: an operator, which decides nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta

import structlog

from list_pipeline.core.errors import ConfigurationError, NotFoundError, RefusedError
from list_pipeline.core.tokens import PREFIX, RANDOM_BYTES, TOKENS, Principal, Role, hash_of, is_token, wait_s
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.people import named, reason_of, reviewer
from list_pipeline.settings import Settings
from list_pipeline.storage import tokens as rows
from list_pipeline.storage.tokens import TokenRow

log = structlog.get_logger(__name__)

ENVIRONMENT = "API_TOKEN"
"""The name of the caller that the environment's token belongs to."""
_UNKNOWN = "unknown"


def create_token(
    services: Deciding, name: str, role: Role, *, days: int = TOKENS.days, by: str
) -> tuple[str, TokenRow]:
    """Make a token.

    Args:
        name: of the person whose token it is; what is done with it is recorded under this name.
        days: until it expires, 1 to 366.
        by: who makes it.

    Returns:
        The token, which is kept nowhere and cannot be shown again, and its row.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people: then only they make tokens, and have such that decide.
        RefusedError: a name is nobody's, or an address; or ``days`` is out of bounds.
    """
    tried = "Making a token"
    if not 1 <= days <= TOKENS.most_days:
        raise RefusedError(tried, f"{days} days are asked for", f"Ask for 1 to {TOKENS.most_days}")
    by = reviewer(services, by, tried)
    decides = role.may(Role.REVIEWER)
    holder = reviewer(services, name, f"{tried} that decides") if decides else named(name, tried)
    if holder.casefold() == ENVIRONMENT.casefold():
        raise RefusedError(tried, f"{ENVIRONMENT} is the name of the environment's token", "Give a person's name")
    token = PREFIX + secrets.token_urlsafe(RANDOM_BYTES)
    now = services.clock.now()
    with services.database.begin() as connection:
        token_id = rows.add(connection, hash_of(token), holder, role, by, now, now + timedelta(days=days))
        made = rows.token_by_id(connection, token_id)
    assert made is not None
    log.info("token made", token_id=token_id, role=role.value)
    return token, made


def list_tokens(services: Deciding) -> Sequence[TokenRow]:
    """Every token that was ever made, the newest first. They are the record of who was let in, and by whom."""
    with services.database.begin() as connection:
        return rows.all_tokens(connection)


def revoke_token(services: Deciding, token_id: int, *, by: str, note: str) -> TokenRow:
    """Revoke a token: from the next request on it is unknown.

    Raises:
        NotFoundError: there is no such token.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it is revoked already, or no name or reason is given.
    """
    tried = f"Revoking token {token_id}"
    by, why = reviewer(services, by, tried), reason_of(note, tried)
    with services.database.begin() as connection:
        is_revoked_now = rows.revoke(connection, token_id, by, why, services.clock.now())
        found = rows.token_by_id(connection, token_id)
    if found is None:
        raise NotFoundError(tried, "there is no such token", "`list-pipeline tokens list` shows them")
    if not is_revoked_now:
        raise RefusedError(tried, f"{found.revoked_by} revoked it before", "Nothing is left to do")
    log.info("token revoked", token_id=token_id)
    return found


def principal_of(services: Deciding, token: str) -> Principal | None:
    """Whose token this is; None: nobody's who may come in. A token is found by its hash, so that no comparison takes longer
    the more of it is right."""
    if _is_of_environment(services.settings, token):
        return Principal(ENVIRONMENT, Role.OPERATOR, ENVIRONMENT, None)
    if not is_token(token):
        return None
    now = services.clock.now()
    with services.database.begin() as connection:
        found = rows.usable(connection, hash_of(token), now)
        if found is None:
            return None
        rows.note_use(connection, found.token_id, now, now - TOKENS.seen_every)
    return Principal(found.name, found.role, f"token {found.token_id}", found.token_id)


def wait_before_next(services: Deciding, principal: Principal | None) -> int | None:
    """Count a request, and say how many seconds its caller has to wait first; None: it may go on.

    Those who are not known are counted together. That keeps nobody out who has a token.
    """
    now = services.clock.now()
    caller, allowed = (principal.caller, TOKENS.requests) if principal else (_UNKNOWN, TOKENS.unknown)
    with services.database.begin() as connection:
        return wait_s(rows.count_request(connection, caller, now), allowed, now)


def check_environment(settings: Settings) -> None:
    """Whether API_TOKEN, where it is set, is long enough to be no guess.

    Raises:
        ConfigurationError: it is too short.
    """
    token = settings.api_token.get_secret_value() if settings.api_token else ""
    if token and len(token) < TOKENS.shortest:
        raise ConfigurationError(
            "Reading API_TOKEN", f"it is shorter than {TOKENS.shortest} characters", "`openssl rand -hex 32` makes one"
        )


def _is_of_environment(settings: Settings, token: str) -> bool:
    wanted = settings.api_token.get_secret_value() if settings.api_token else ""
    return len(wanted) >= TOKENS.shortest and secrets.compare_digest(hash_of(wanted), hash_of(token))
