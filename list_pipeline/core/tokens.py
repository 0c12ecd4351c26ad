"""Tokens of the HTTP service: what one looks like, what its role may do, and how often it may ask.

Does not belong here: where tokens are kept (``storage.tokens``), and who may make them (``operations.tokens``).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PREFIX = "lp_"
"""How a token begins, so that one that stands where it should not is recognised."""
RANDOM_BYTES = 32
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


class Role(StrEnum):
    """What a caller may do; each may do what those before it may."""

    READER = "reader"
    """Sees everything that is shown: contacts by id and masked address."""
    OPERATOR = "operator"
    """Starts work that decides nothing by itself: a maintenance, a look at the lists."""
    REVIEWER = "reviewer"
    """Decides on what waits; LIST_REVIEWERS has to name the person, where it names anybody."""
    ADMINISTRATOR = "administrator"
    """Also sets the mode."""

    def may(self, needed: Role) -> bool:
        """Whether this role covers another one."""
        ranks = tuple(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as the token says and nobody types.

    Attributes:
        caller: the name under which requests are counted.
        token_id: None where the token is that of the environment.
    """

    name: str
    role: Role
    caller: str
    token_id: int | None


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """The limits of tokens; documented in docs/api.md.

    Attributes:
        days, most_days: for how long a token is made, unless something else is asked for, and at most.
        requests: requests of one token in a minute.
        unknown: refused attempts of all who are not known, in a minute; beyond it they are told to wait.
        seen_every: how exactly the last use of a token is noted.
        shortest: characters that ``API_TOKEN`` needs.
    """

    days: int = 90
    most_days: int = 366
    requests: int = 120
    unknown: int = 60
    seen_every: timedelta = timedelta(hours=1)
    shortest: int = 32


TOKENS = TokenPolicy()


def is_token(text: str) -> bool:
    """Whether a text looks like one of our tokens; nothing else needs to be looked up."""
    return _TOKEN.fullmatch(text) is not None


def hash_of(token: str) -> str:
    """What is kept of a token: SHA-256 as 64 hexadecimal digits. 256 random bits need no slower one."""
    return hashlib.sha256(token.encode()).hexdigest()


def minute_of(now: datetime) -> datetime:
    """The beginning of the minute in which requests are counted together."""
    return now.replace(second=0, microsecond=0)


def wait_s(requests: int, allowed: int, now: datetime) -> int | None:
    """Seconds until a caller may ask again, at least one; None: it may ask now.

    Args:
        requests: of the present minute, this one among them.
    """
    if requests <= allowed:
        return None
    return max(1, 60 - now.second)
