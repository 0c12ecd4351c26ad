"""Who may come in over HTTP: what a token looks like, what its role may do, how often it may ask, how long a browser stays
signed in.

Does not belong here: where tokens are kept (``storage.tokens``), and who may make them (``operations.tokens``).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

PREFIX = "lp_"
"""How a token begins, so that one that stands where it should not is recognised."""
RANDOM_BYTES = 32
FEED_PATH = "/api/calendar.ics"
"""The feed of the calendar. Calendar clients send no header: a token made for the feed alone may stand in its address, as
``token``. Any other token is not known there: it would be passed on with the address."""
_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


class Role(StrEnum):
    """What a caller may do; each may do what those before it may."""

    CALENDAR = "calendar"
    """Reads the feed of the calendar, and nothing else: its token stands in an address, which is easily passed on."""
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

SESSION_LIFE = timedelta(hours=12)
"""For how long a browser stays signed in on the pages: a working day. Never longer than its token is good for. Documented in
docs/pages.md."""
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


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


def is_secret(text: str) -> bool:
    """Whether a text looks like the secret of a session; nothing else needs to be looked up."""
    return _SECRET.fullmatch(text) is not None


def form_token(secret: str, name: str) -> str:
    """What each form of a browser carries, so that no other site can send one: made of the secret in its cookie, which no other
    site can read, and of the person's name."""
    return hashlib.sha256(f"form:{name}:{secret}".encode()).hexdigest()


def people_of_proxy(text: str) -> Mapping[str, tuple[str, Role]]:
    """Who an authenticating proxy may let in: how it calls them (case-folded), with their name and role.

    Args:
        text: ``login=Name:role`` for each, separated by commas.

    Raises:
        ValueError: a part is none of that, its role sees no page, or a login comes twice; the message quotes no login.
    """
    people: dict[str, tuple[str, Role]] = {}
    for number, part in enumerate((one.strip() for one in text.split(",") if one.strip()), 1):
        login, _, known_as = part.partition("=")
        name, _, role = known_as.rpartition(":")
        login, name, role = login.strip().casefold(), name.strip(), role.strip()
        if not login or not name or role not in tuple(Role) or role == Role.CALENDAR or login in people:
            raise ValueError(f"entry {number} is not like login=Name:reviewer, or its login comes twice")
        people[login] = name, Role(role)
    return people
