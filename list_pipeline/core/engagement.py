"""Opens and clicks: whose they are, and which of them show that an address works.

Machines open and click too. A mail program may fetch a message before anybody looks (Apple's Mail Privacy Protection fetches
every one), an image proxy fetches when somebody looks (Gmail, Yahoo), and a scanner in front of the mailbox follows every link
before the message reaches it. So there are two questions with two answers:

- *Does the address work?* A fetch by the mail program shows it as well as a person does: only a message that lies in a mailbox
  is fetched from it. A scanner shows nothing, because it works in front of the mailbox, for addresses too that nobody has.
- *Does somebody read?* Neither a fetch beforehand nor a scanner says so.

What calls itself nothing, or something that nobody knows, counts as a person: it can only keep a contact.

Belongs here: these answers. Does not belong here: what follows for a contact (``core.suppression.rules``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class TakenBy(StrEnum):
    """Who opened or clicked."""

    PERSON = "person"
    PREFETCH = "prefetch"
    SCANNER = "scanner"


_PREFETCH = re.compile(r"mozilla/5\.0", re.IGNORECASE)
"""All that Apple's Mail Privacy Protection says of itself; no program that a person uses says so little."""

_SCANNER = re.compile(
    r"barracuda|proofpoint|mimecast|trend ?micro|forcepoint|fireeye|ironport|symantec|messagelabs|cloudmark|sophos|vade"
    r"|safelinks|bingpreview|headlesschrome|phantomjs|python-requests|python-urllib|aiohttp|httpx|go-http-client|okhttp"
    r"|apache-httpclient|libwww|java/\d|curl/|wget/|scrapy|node-fetch|axios|\bbot\b|\w+bot\b|crawler|spider|scanner"
    r"|link ?check|virustotal|urlscan",
    re.IGNORECASE,
)
"""Words by which programs that follow links for safety, and tools, call themselves."""


def taken_by(agent: str) -> TakenBy:
    """Who it was, by the name that the program gave itself (its user agent)."""
    named = agent.strip()
    if _PREFETCH.fullmatch(named):
        return TakenBy.PREFETCH
    return TakenBy.SCANNER if _SCANNER.search(named) else TakenBy.PERSON


@dataclass(frozen=True, slots=True)
class Engagement:
    """The latest signs of a contact (UTC); None: none is known.

    ``prefetched_at``: its mail program fetched a message before anybody looked.
    """

    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    prefetched_at: datetime | None = None

    @property
    def address_worked_at(self) -> datetime | None:
        """The latest sign that the address works; None: there is none."""
        return _latest(self.opened_at, self.clicked_at, self.prefetched_at)

    @property
    def read_at(self) -> datetime | None:
        """The latest sign that somebody reads; None: there is none."""
        return _latest(self.opened_at, self.clicked_at)


def _latest(*instants: datetime | None) -> datetime | None:
    return max((one for one in instants if one is not None), default=None)
