"""DNS: which host takes the mail of a domain, and the texts that it publishes.

Belongs here: asking, and telling an answer from the lack of one. Does not belong here: whom to ask about and how often
(``operations.bounces.mail_hosts``), and who runs a host (``core.incidents.operators``).

"Nobody takes mail for it" is an answer of DNS (no such domain, a null MX of RFC 7505, or neither a mail host nor an address,
RFC 5321 5.1). A time-out, a refusal and a failing server are no answer: nothing is known then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdatatype
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.core.urls import DNS_OF_THIS_MACHINE, dns_servers

_TIMEOUT_S = 2.0
"""Longest wait for the answer to one question."""


@dataclass(frozen=True, slots=True)
class MailHostAnswer:
    """What DNS says about a domain; ``host`` is there exactly where it was found: the name, lower case."""

    outcome: MailHost
    host: str | None = None


UNKNOWN_HOST = MailHostAnswer(MailHost.UNKNOWN)
_NONE = MailHostAnswer(MailHost.NONE)


class MailHostResolver:
    """Asks DNS servers for mail hosts."""

    def __init__(self, servers: str, timeout_s: float = _TIMEOUT_S) -> None:
        """
        Args:
            servers: ``system``, or addresses with or without a port, separated by commas.
            timeout_s: longest wait for the answer to one question, in seconds.

        Raises:
            ValueError: an address cannot be one of a server.
        """
        of_machine = servers.strip() == DNS_OF_THIS_MACHINE
        self._resolver = dns.resolver.Resolver(configure=of_machine)
        if not of_machine:
            found = dns_servers(servers)
            self._resolver.nameservers = [address for address, _ in found]
            self._resolver.nameserver_ports = {address: port for address, port in found if port is not None}
        self._resolver.lifetime = timeout_s
        # A silent server leaves time for the next.
        self._resolver.timeout = timeout_s / max(1, len(self._resolver.nameservers))

    def ask(self, domain: str) -> MailHostAnswer:
        """The host that takes the mail of a domain before others. Never fails: without an answer it is unknown."""
        if not domain:
            return UNKNOWN_HOST
        try:
            name = dns.name.from_text(domain)
            hosts = [one for one in self._asked(name, dns.rdatatype.MX) if isinstance(one, MX)]
            if hosts:
                first = min(hosts, key=lambda one: (one.preference, one.exchange.to_text()))
                host = first.exchange.to_text(omit_final_dot=True).casefold()
                return MailHostAnswer(MailHost.FOUND, host) if host not in ("", ".", "@") else _NONE
            # Without a mail host the domain's own address takes the mail.
            if self._asked(name, dns.rdatatype.A) or self._asked(name, dns.rdatatype.AAAA):
                return MailHostAnswer(MailHost.FOUND, domain.casefold().rstrip("."))
        except dns.resolver.NXDOMAIN:
            return _NONE
        except (dns.exception.DNSException, OSError, UnicodeError):
            return UNKNOWN_HOST
        return _NONE

    def texts(self, name: str) -> tuple[str, ...] | None:
        """The TXT records of a name, each with its parts joined; None: DNS gave no answer. Never fails."""
        try:
            found = self._asked(dns.name.from_text(name), dns.rdatatype.TXT)
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.exception.DNSException, OSError, UnicodeError):
            return None
        return tuple(b"".join(one.strings).decode("utf-8", "replace") for one in found if isinstance(one, TXT))

    def _asked(self, name: dns.name.Name, kind: dns.rdatatype.RdataType) -> Sequence[dns.rdata.Rdata]:
        answer = self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False)
        return list(answer.rrset or ())
