"""Who runs the mail of the account's domains: the table of operators, and DNS for the custom domains where it may be asked.

Belongs here: whom to ask about, how many and how long, and what is kept. Does not belong here: DNS
(``integrations.mail_hosts``) and the table (``core.incidents.operators``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

import structlog
from sqlalchemy import Connection

from list_pipeline.core.incidents.operators import MailHost, Operators
from list_pipeline.operations.access import Storing
from list_pipeline.storage import mail_hosts as host_rows

if TYPE_CHECKING:
    from list_pipeline.integrations.mail_hosts import MailHostAnswer

log = structlog.get_logger(__name__)

ASKED_PER_RUN = 500
"""Most domains of one campaign that are asked about in a run; the others follow in later ones."""
_LONGEST = timedelta(seconds=30)
"""No further question is asked after this time."""
_KNOWN_FOR = timedelta(days=30)
"""An answer is asked for again after this time: companies change their host rarely."""
_FRESH_FOR = timedelta(days=1)
"""The same where a contact is judged by it."""


class AsksDns(Protocol):
    """Somebody who knows mail hosts."""

    def ask(self, domain: str) -> MailHostAnswer: ...


class AskingDns(Storing, Protocol):
    """Rows, and DNS where a resolver is set."""

    @property
    def mail_hosts(self) -> AsksDns | None:
        """None: DNS is not asked."""


def operators_of(connection: Connection) -> Operators:
    """Who runs the mail of a domain, by the table and by what DNS said."""
    return Operators(host_rows.known_hosts(connection))


def learn_operators(services: AskingDns, campaign_id: int, sweep: str) -> int:
    """Ask DNS about the custom domains of a campaign that it was not asked about lately; returns how many answered.

    Without a resolver nothing is asked. What is not answered stays unknown, and keeps nobody waiting.
    """
    if services.mail_hosts is None:
        return 0
    with services.database.begin() as connection:
        missing = host_rows.to_ask(connection, campaign_id, sweep, services.clock.now() - _KNOWN_FOR)
    return _ask(services, missing)


def mail_hosts_of(connection: Connection, domains: Collection[str]) -> Mapping[str, MailHost]:
    """What DNS said about each of some domains."""
    told = host_rows.answers_about(connection, domains)
    return {
        domain: MailHost.UNKNOWN if domain not in told else MailHost.NONE if told[domain] is None else MailHost.FOUND
        for domain in domains
    }


def ask_again(services: AskingDns, campaign_id: int, sweep: str, domains: Collection[str]) -> None:
    """Ask DNS about domains by which contacts are judged, where the answer is older than a day."""
    if services.mail_hosts is None or not domains:
        return
    with services.database.begin() as connection:
        old = host_rows.to_ask(connection, campaign_id, sweep, services.clock.now() - _FRESH_FOR)
    _ask(services, [domain for domain in old if domain in domains])


def _ask(services: AskingDns, domains: Iterable[str]) -> int:
    resolver, table = services.mail_hosts, Operators()
    begun = services.clock.now()
    asked = answered = 0
    for domain in domains:
        if resolver is None or asked == ASKED_PER_RUN or services.clock.now() - begun >= _LONGEST:
            break
        if table.of(domain) is not None:
            continue
        asked += 1
        answer = resolver.ask(domain)
        if answer.outcome is MailHost.UNKNOWN:
            continue
        answered += 1
        with services.database.begin() as connection:
            host_rows.keep(connection, domain, answer.host, services.clock.now())
    if asked:
        log.info("mail hosts looked up", asked=asked, answered=answered)
    return answered
