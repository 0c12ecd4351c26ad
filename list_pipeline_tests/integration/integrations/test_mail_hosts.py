"""Asking DNS for mail hosts, on a real server of this machine: an answer, and the lack of one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.integrations.mail_hosts import MailHostAnswer, MailHostResolver
from list_pipeline_tests.integration.dns_server import FAILURE, SILENCE, DnsServer, dns_server

ZONE = {
    "hosted.example": {"MX": ["20 zz.backup.example.", "10 b.HOST.example.", "10 a.host.example."]},
    "own.example": {"A": ["192.0.2.1"]},
    "six.example": {"AAAA": ["2001:db8::1"]},
    "no-mail.example": {"MX": ["0 ."]},
    "empty.example": {"TXT": ['"nothing"']},
    "silent.example": SILENCE,
    "broken.example": FAILURE,
}


@pytest.fixture
def server() -> Iterator[DnsServer]:
    with dns_server(ZONE) as made:
        yield made


@pytest.mark.parametrize(
    ("domain", "answer"),
    [
        ("hosted.example", MailHostAnswer(MailHost.FOUND, "a.host.example")),
        ("HOSTED.example.", MailHostAnswer(MailHost.FOUND, "a.host.example")),
        ("own.example", MailHostAnswer(MailHost.FOUND, "own.example")),
        ("six.example", MailHostAnswer(MailHost.FOUND, "six.example")),
        ("no-mail.example", MailHostAnswer(MailHost.NONE)),
        ("empty.example", MailHostAnswer(MailHost.NONE)),
        ("never-registered.example", MailHostAnswer(MailHost.NONE)),
        ("broken.example", MailHostAnswer(MailHost.UNKNOWN)),
        ("silent.example", MailHostAnswer(MailHost.UNKNOWN)),
        ("", MailHostAnswer(MailHost.UNKNOWN)),
        ("a..b", MailHostAnswer(MailHost.UNKNOWN)),
        ("x" * 64 + ".example", MailHostAnswer(MailHost.UNKNOWN)),
    ],
)
def test_an_answer_is_told_from_the_lack_of_one(server: DnsServer, domain: str, answer: MailHostAnswer) -> None:
    assert MailHostResolver(server.address, timeout_s=0.3).ask(domain) == answer


def test_a_server_that_is_not_there_is_no_answer() -> None:
    assert MailHostResolver("127.0.0.1:1", timeout_s=0.3).ask("hosted.example").outcome is MailHost.UNKNOWN


def test_the_next_server_is_asked_where_the_first_is_silent(server: DnsServer) -> None:
    resolver = MailHostResolver(f"127.0.0.2:1, {server.address}", timeout_s=3)
    assert resolver.ask("hosted.example").host == "a.host.example"


def test_addresses_may_have_a_port_and_be_of_the_sixth_version() -> None:
    resolver = MailHostResolver("192.0.2.53, 192.0.2.54:5353, 2001:db8::53, [2001:db8::54]:5353")._resolver
    assert [str(one) for one in resolver.nameservers] == ["192.0.2.53", "192.0.2.54", "2001:db8::53", "2001:db8::54"]
    assert resolver.nameserver_ports == {"192.0.2.54": 5353, "2001:db8::54": 5353}


def test_what_is_no_address_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="addresses of DNS servers"):
        MailHostResolver("no-address")
