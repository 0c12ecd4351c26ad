"""What is shown of a contact: its id and a masked form. Addresses in free text do not survive."""

from __future__ import annotations

from base64 import b64encode, encodebytes
from hashlib import sha256

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
        "jane(of sales)@example.com and jane@(shop)example.com",
        '"jane\\"doe"@example.com is refused',
        "jane&#64example.com and jane&#x40example.com",
        "jane&period;doe&commat;example&period;com",
        "utf-8;jane\\x{40}example\\x{2E}com and jane\\x40example.com and jane\\100example.com",
        "jane+AEA-example.com",
        "quoted-printable at the end of a line: jane=\r\n=40example.com",
        "quoted-printable at the end of a line: ja=\nne=40exam=\nple.com",
        "=?utf-8?Q?jane?= =?utf-8?Q?=40example.com?= is refused",
        "=?utf-8?Q?jane?=\r\n =?utf-8?B?QGV4YW1wbGUuY29t?= is refused",
        "=?utf-8*en?B?amFuZUBleGFtcGxlLmNvbQ==?= is refused",
        "=?utf-8?Q?jane =40example.com?= is refused",
        "https://example.net/out?u=amFuZUBleGFtcGxlLmNvbQ==&x=1",
        "https://example.net/out/6a616e65406578616d706c652e636f6d",
        "SRS0=HHH=TT=example.com=jane and srs1+HHH=fw.net==HHH=TT=example.com=jane",
        "IMCEAINVALID-jane+40example+2Ecom is refused",
        "jane_at_example_dot_com and jane-at-my-example-dot-com",
        "/G=jane/S=Doe/O=Example/C=US/ is unknown",
        "C=US; A= ; P=Example; S=jane is unknown",
        "/O=EXAMPLE/OU=FIRST GROUP/cn=Recipients/cn=jane",
        "jane[.]doe[@]example[.]com",
        "jane&amp;#64;example.com and jane&amp;amp;commat;example.com",
        "jane&#65312;example.com and jane&#xFF20;example.com and jane\\uff20example.com",
        "jane%EF%BC%A0example.com",
        "jane=40example=2Ecom is refused",
        "=6A=61=6E=65=40=65=78=61=6D=70=6C=65=2E=63=6F=6D is refused",
        "jane<b>@</b>example.com, jane@<wbr>example.com and jane<!-- -->@example.com",
        'jane<span class="x">@</span>example.com',
        "jane@<http://example.com|example.com>",
    ],
)
def test_no_address_in_free_text_survives(text: str) -> None:
    redacted = redact_addresses(text)
    assert "[address]" in redacted
    assert "jane" not in redacted
    assert "jäne" not in redacted


@pytest.mark.parametrize(
    "packed",
    [
        b64encode("jäne@example.com".encode("latin-1")).decode(),
        b64encode("jane@example.com".encode("utf-16-le")).decode(),
        b64encode(b64encode(b64encode(b"jane@example.com"))).decode(),
        b64encode(b"jane@example.com".hex().encode()).decode(),
        b64encode(b"who=jane%40example.com").decode(),
        encodebytes(b"Dear Jane, this letter goes to jane@example.com, and to nobody else in the world.")
        .decode()
        .strip(),
    ],
)
def test_no_packed_address_survives(packed: str) -> None:
    assert redact_addresses(f"out?u={packed}&x=1") == "out?u=[address]&x=1"
    assert redact_addresses(f"attached:\n{packed}\n") == "attached:\n[address]\n"


def test_bytes_that_are_no_text_are_no_address() -> None:
    # Any bytes can be read as Latin 1; these look like an address among other signs.
    noise = b64encode(b"\xe9\x01\xff\xfe\x9a@\xe9\xe8.\xe0\xe1\xe2\x03\xff").decode()
    hashes = " ".join(sha256(str(number).encode()).hexdigest() for number in range(300))
    words = "\n".join(["maintenancewasdonebyus"] * 3)
    for text in (noise, hashes, words, b64encode(b"a letter to everybody").decode()):
        assert redact_addresses(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "jane.doe at example.com is refused",
        "jane @ example . com",
        "refused: jane (at) example [dot] com",
        "jane [at] mail.example.org",
        "jane @ example.com",
        "<jane.doe AT example dot com>",
        "plain: jane@example.com",
        "jane <at> example.com, jane #at# example.com, jane{at}example.com, jane -at- example.com",
        "jane[at]example[.]com",
        "jane(a)example.com and jane(ät)example.de",
        "jane%example.com and jane!example.com",
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
        "=?utf-8?Q?Hello?= =?utf-8?B?d29ybGQ=?=",
        "deadbeef40404040 and contact_list_membership and 0040_0041",
        "CN=list,O=Example,C=US",
        "/C=US/O=Example/OU=Mail",
        "a=1;p=2;i=3",
        "&lt;b&gt; &amp; &#60;i&#62; C:\\1000 and A&period;B",
        "20 % off. Look at this: 3+40 and page=40",
        "looked_at_dot_matrix and a_dot_product",
    ):
        assert redact_addresses(text) == text
    for text in ("Letter at 9 o'clock", "Meet us at the fair", "looked at it. Then left", "sent at 2026-11-20"):
        assert redact_foreign_text(text) == text


def test_the_masked_form_stays_in_quotes_and_brackets() -> None:
    for text in ("contact 5 (j***@e***.com)", "'j***@e***.com'", "5: j***@l***"):
        assert redact_addresses(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "a.b/c=" * 40_000,
        "x'" * 100_000,
        "a_at_" * 40_000,
        "a+b=" * 40_000,
        "=?" * 90_000,
        "c=a/" * 40_000,
        "-a-at-" * 40_000,
        '"\\' * 90_000,
        "a(b)" * 50_000,
        "a[a] " * 40_000,
        "&#6" * 60_000,
        "&amp;" * 40_000,
        "a=40" * 50_000,
        "=40=4" * 40_000,
        "<b>" * 60_000,
        "<a b" * 40_000,
        f"{'Q' * 20}\n" * 9_000,
        "\\\\u" * 60_000,
    ],
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
