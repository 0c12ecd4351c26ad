"""What is shown of a contact: its id and a masked form. Addresses in free text do not survive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.masking import mask_address, redact_addresses, redact_foreign_text


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("jane.doe@example.com", "j***@e***.com"),
        ("j@sub.example.org", "j***@s***.org"),
        ("jane@localhost", "j***@l***"),
        ("", "?***@?***"),
    ],
)
def test_a_masked_address_shows_two_letters_and_the_ending(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@pytest.mark.parametrize(
    "text",
    [
        "550 5.1.1 <jane.doe@example.com>: no such user",
        'refused for "jane doe"@example.com',
        "https://example.net/unsubscribe?who=jane%40example.com",
        "rcpt=jane@example.com;smtp;550",
        "mailto:jane+tag@example.co.uk",
        "jäne@exämple.com",
        "bounce+jane=example.com@relay.example.net",
        "o'jane@example.com is refused",
        "jane/sales@example.com is refused",
        "who=jane%2540example.com",
        "jane&#64;example.com and jane＠example.com",
        '{"to": "jane\\u0040example.com"}',
        "{'to': 'jane@example.com'}",
        "quoted-printable: jane=40example.com",
        "=?utf-8?Q?jane=40example.com?= is refused",
        "=?utf-8?B?amFuZUBleGFtcGxlLmNvbQ==?= is refused",
        "=?no-such-charset?B?amFuZUBleGFtcGxlLmNvbQ==?=",
        "jane_at_example.com is refused",
        "jane-at-example.com and jane.at.example.com",
        "return path bounces+jane=example.com",
        "relayed for jane@[192.168.1.1]",
        "jane@[IPv6:2001:db8::1] is refused",
        "jane[@]example.com and jane(@)example.com",
        "(jane)@example.com is refused",
        "'jane'@example.com is refused",
        "jane @ example.com is refused",
        "jane@ example.com, jane @example.com",
    ],
)
def test_no_address_in_free_text_survives(text: str) -> None:
    redacted = redact_addresses(text)
    assert "[address]" in redacted
    assert "jane" not in redacted
    assert "jäne" not in redacted


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe at example.com is refused",
        "refused: jane (at) example [dot] com",
        "jane [at] mail.example.org",
        "jane @ example.com",
        "<jane.doe AT example dot com>",
        "plain: jane@example.com",
    ],
)
def test_an_address_that_a_stranger_spelled_out_does_not_survive(text: str) -> None:
    redacted = redact_foreign_text(text)
    assert "[address]" in redacted
    assert "jane" not in redacted
    assert "example" not in redacted


def test_an_ordinary_at_is_no_address() -> None:
    for text in (
        "rows=400",
        "page=404",
        "rows=40 of 400.5",
        "started_at_least once",
        "key=mj.nl",
        "a=b",
        "=?utf-8?Q?Hello?=",
    ):
        assert redact_addresses(text) == text
    for text in ("Letter at 9 o'clock", "Meet us at the fair", "looked at it. Then left", "sent at 2026-11-20"):
        assert redact_foreign_text(text) == text


def test_the_masked_form_stays_in_quotes_and_brackets() -> None:
    for text in ("contact 5 (j***@e***.com)", "'j***@e***.com'", "5: j***@l***"):
        assert redact_addresses(text) == text


@pytest.mark.parametrize(
    "text", ["a" * 200_000, "a.b/c=" * 40_000, "x'" * 100_000, "a_at_" * 40_000, "a+b=" * 40_000, "=?" * 90_000]
)
def test_a_long_text_without_an_address_is_searched_at_once(text: str) -> None:
    assert redact_foreign_text(text) == text


@given(
    st.text(max_size=30),
    st.from_regex(r"[a-z0-9._+-]{1,20}@[a-z0-9-]{1,20}\.(?:com|org|test)", fullmatch=True),
    st.text(max_size=30),
)
def test_an_address_is_gone_whatever_stands_around_it(before: str, address: str, after: str) -> None:
    assert address not in redact_addresses(f"{before} {address} {after}")


def test_text_without_an_address_stays_as_it_is() -> None:
    text = "421 4.7.0 try again later, see RFC 5321"
    assert redact_addresses(text) == text
