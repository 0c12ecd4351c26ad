"""What is shown of a contact: its id and a masked form. Addresses in free text do not survive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.masking import mask_address, redact_addresses


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
    ],
)
def test_no_address_in_free_text_survives(text: str) -> None:
    redacted = redact_addresses(text)
    assert "[address]" in redacted
    assert "jane" not in redacted
    assert "jäne" not in redacted


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
