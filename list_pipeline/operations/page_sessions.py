"""Browsers that are signed in on the pages: begun with a token, recognised at each request, ended by the person or by time.

A session is its token's: whoever revokes that ends all of them with the next request. A person whom an authenticating proxy
names needs none. Does not belong here: making and revoking tokens (``tokens``).
"""

from __future__ import annotations

import secrets

import structlog

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.tokens import SESSION_LIFE, Principal, Role, hash_of, is_secret, people_of_proxy
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.people import named, reviewer
from list_pipeline.operations.tokens import ENVIRONMENT
from list_pipeline.storage import page_sessions as rows

log = structlog.get_logger(__name__)

_SECRET_BYTES = 32


def new_secret() -> str:
    """A secret for a cookie, which nobody can guess."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def begin_session(services: Deciding, principal: Principal) -> str:
    """Sign a browser in.

    Args:
        principal: whose token was given.

    Returns:
        The secret for its cookie, which is kept nowhere.

    Raises:
        RefusedError: the token is the environment's, which belongs to a program, or one for the calendar's feed alone.
    """
    if not principal.role.may(Role.READER):
        raise RefusedError(
            "Signing in",
            f"this token has the role {principal.role.value}, which reads the feed of the calendar and nothing else",
            "Use a token of your own: `list-pipeline tokens create`",
        )
    if principal.token_id is None:
        raise RefusedError(
            "Signing in",
            f"{ENVIRONMENT} belongs to a program, not to a person",
            "Use a token of your own: `list-pipeline tokens create`",
        )
    secret, now = new_secret(), services.clock.now()
    with services.database.begin() as connection:
        rows.add(connection, hash_of(secret), principal.token_id, now, now + SESSION_LIFE)
    log.info("signed in", token_id=principal.token_id)
    return secret


def principal_of_session(services: Deciding, secret: str) -> Principal | None:
    """Whose browser this is; None: nobody's who may come in."""
    if not is_secret(secret):
        return None
    with services.database.begin() as connection:
        found = rows.token_of(connection, hash_of(secret), services.clock.now())
    return Principal(found.name, found.role, f"token {found.token_id}", found.token_id) if found is not None else None


def end_session(services: Deciding, secret: str) -> None:
    """Sign a browser out."""
    if is_secret(secret):
        with services.database.begin() as connection:
            rows.end(connection, hash_of(secret), services.clock.now())


def principal_of_proxy(services: Deciding, login: str) -> Principal | None:
    """Whom an authenticating proxy names; None: nobody whom PROXY_PEOPLE names.

    Args:
        login: what the proxy calls the person.

    Raises:
        NotAReviewerError: the role is one that decides, and LIST_REVIEWERS names other people.
        RefusedError: the name that PROXY_PEOPLE gives is nobody's.
    """
    people = services.settings.proxy_people
    found = people_of_proxy(people.get_secret_value()).get(login.strip().casefold()) if people is not None else None
    if found is None:
        return None
    name, role = found
    tried = "Letting in a person whom the proxy names"
    name = reviewer(services, name, tried) if role.may(Role.REVIEWER) else named(name, tried)
    return Principal(name, role, f"proxy {name}", None)
