"""A DNS server on this machine that answers what a test says, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

SILENCE = "silence"
FAILURE = "failure"
"""What is said instead of records: nothing at all, or that the server fails."""


@dataclass
class DnsServer:
    """``zone``: records by name, e.g. ``{"one.example": {"MX": ["10 mx.one.example."]}}``; a name that is not there does not
    exist. ``asked``: the questions, in order."""

    zone: Mapping[str, Mapping[str, list[str]] | str]
    address: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def answer(self, wire: bytes) -> bytes | None:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        name, kind = question.name.to_text(omit_final_dot=True).casefold(), dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind))
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA
        records = self.zone.get(name)
        if records == SILENCE:
            return None
        if records == FAILURE:
            response.set_rcode(dns.rcode.SERVFAIL)
        elif records is None:
            response.set_rcode(dns.rcode.NXDOMAIN)
        elif not isinstance(records, str) and records.get(kind):
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *records[kind]))
        return response.to_wire()


@contextmanager
def dns_server(zone: Mapping[str, Mapping[str, list[str]] | str]) -> Iterator[DnsServer]:
    """Answers on a free port of the loopback address; ``address`` is the value of the setting."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("127.0.0.1", 0))
        server = DnsServer(zone, f"127.0.0.1:{own.getsockname()[1]}")

        def serve() -> None:
            while True:
                wire, sender = own.recvfrom(4096)
                if not wire:
                    return
                if (answer := server.answer(wire)) is not None:
                    own.sendto(answer, sender)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", own.getsockname())
            thread.join(timeout=5)
