"""What a receiver's text says: statements of one kind in many wordings, and which of two wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from list_pipeline.core.bounces.diagnostics import TextEvidence, read_diagnostic

USER, DOMAIN, INACTIVE = TextEvidence.NO_SUCH_USER, TextEvidence.NO_SUCH_DOMAIN, TextEvidence.MAILBOX_INACTIVE
FULL, MAYBE = TextEvidence.MAILBOX_FULL, TextEvidence.MAYBE_NO_SUCH_USER
PASSING, SENDER = TextEvidence.TEMPORARY, TextEvidence.SENDER_SIDE

SAID = {
    USER: """
        550 5.1.1 <someone@example.com>... User unknown
        550 No such user here
        550-5.1.1 The email account that you tried to reach does not exist.
        550 sorry, no mailbox here by that name
        550 Recipient not found
        550 The address was not recognised
        550 this mailbox could not be located
        550 <x@example.com> mailbox does not exist
        550 Requested mail action aborted, mailbox not found
        550 Not our customer
        550 Recipient address rejected: not in recipient list
        550 User not a member of this domain
        550 this account is not valid any more
        551 user has moved, no forwarding address
        551 User not local; please try forwarding
        501 5.1.3 Invalid address
        550 that person no longer works at the company
        550 Empfänger unbekannt
        550 Unbekannter Benutzer
        550 Postfach existiert nicht
        550 Adresse du destinataire inconnue
        550 Usuario desconocido
        550 Utente sconosciuto
        550 5.1.1 Mail refused - recipient unknown
        553 5.3.0 <x@example.com>... Addressee unknown, relay=[192.0.2.1]
        550 5.1.1 example
        550 5.1.10
        550 x@example.com:user not exist
        The email address wasn't found at the destination domain.
        550-"The recipient cannot be verified."
        554 Sorry, no valid recipients (#5.1.3)
        Recipient user name info not unique. Several matches found in Domino Directory.
        550 x@example.com has left our organisation
        550 delivery is not possible, mailbox retired
        550 Please remove this address from your list, it does not exist
        554 delivery error: dd x@example.com is no longer valid. [-20]
        550 User email address is marked as invalid
        550 The recipient may contain a non-existent account [xyz. IP: 192.0.2.1]
        550 User unknown. For explanation visit https://example.com/errors?ip=192.0.2.1&c=hi
        550 5.1.1 User Unknown (in reply to RCPT TO command)
        550 The e-mail address you have specified is not registered
    """,
    DOMAIN: """
        NXDOMAIN
        550 5.1.2 Host unknown
        550 Unknown host
        550 no such domain
        Host or domain name not found. Name service error for name=example.invalid type=A: Host not found
        unrouteable mail domain "example.invalid"
        553 5.1.2 Invalid host name
        550 the domain name does not exist
        550 5.4.4
        null MX
        550 5.4.310 DNS domain gone.example does not exist
        550 This domain is not hosted here
        550 we do not host this domain
        550 Recipient address rejected: NO-DOMAIN.
        550 Invalid DNS MX or A/AAAA resource record
    """,
    INACTIVE: """
        550 5.2.1 The email account that you tried to reach is disabled
        550 user suspended
        550 mailbox disabled
        550 Account has been disabled or discontinued
        550 Recipient address rejected: Inactive
        550 inactive user
        550 <x@example.com>: Account closed due to inactivity
        550 5.2.1 This mailbox has been blocked due to inactivity
        550 this mailbox has expired
        551 <x@example.com> is a deactivated mailbox
        550 This address no longer accepts mail
        550 User status is locked
        550 Konto gesperrt
        550 5.2.1
        550 mailbox hibernated
        550 The owner of this mailbox has not logged in for a year
        550 this address does not receive mail
        550 mailbox marked as inactive
        550 unable to deliver: account has been archived
    """,
    FULL: """
        552 5.2.2 Mailbox full
        552 Requested mail action aborted: exceeded storage allocation
        550 the user's mailbox is full
        452 4.2.2 over quota
        552 User has exhausted allowed storage space
        552 mailbox size limit exceeded
        550 not enough space in the mailbox
        550 Postfach ist voll
        550 La boîte du destinataire est pleine
        550 5.1.1 Recipient overquota
        550 quota violation for this user
        554 user has used all of his space
        452-4.2.2 The recipient's inbox is out of storage space
        550 The customer's mailbox is currently full
    """,
    MAYBE: """
        550 5.4.1 Recipient address rejected: Access denied
        550 5.4.1 [x@example.com]: Recipient address rejected: Access denied [mail.example.com]
        550 Requested action not taken: mailbox unavailable
        554 delivery error: dd This user doesn't have an example.com account
        550 <x@example.com> recipient rejected
        550 5.1.0 Address rejected.
    """,
    PASSING: """
        451 4.1.1 User unknown, try again later
        450 User unknown in local table
        550 Requested action not taken: mailbox unavailable, please try again later
        550 mailbox temporarily disabled
        421 Service not available
        550 5.2.1 The user is receiving mail at a rate that prevents additional messages from being delivered
        450 4.7.3 Organization queue quota exceeded
        550 verification in progress
        550 Utilisateur temporairement inconnu
        550 Empfänger vorübergehend nicht gefunden
        550 destinatario temporaneamente sconosciuto
        550 5.1.1 vorübergehend nicht verfügbar
        550 LDAP lookup failed; user unknown
        550 Database error: user not found
        554 5.1.2 DNS Soft Error: SERVFAIL
        550 5.4.4 DNS server failure
        550 mailbox locked by another process
        550 user suspended until midnight
        Undeliverable email: recipient server down
        connect to mail.example.com: No route to host
        550 host unreachable; user unknown
        550 could not connect to the directory; user unknown
    """,
    SENDER: """
        550 5.7.1 User unknown: your IP is on a blacklist
        550 Sender address rejected: user unknown
        550 Too many invalid recipients
        550 relaying denied for <x@example.com>
        550 5.1.1 User unknown: rejected due to policy
        554 5.7.1 found in a DNSBL
        554 Message not allowed - [299]
        550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy
        550 mail content denied
        550 You are not allowed to connect
        550 Connections not accepted from servers without a PTR
        550 Message rejected as spam, user unknown
        550 from: domain is invalid
        450 User unknown (greylisted)
        550 Access denied
        550 this message has an attachment that is not permitted
        550 Rejected: 192.0.2.1 is listed at work.drbl.example.net
        failed,5.1.1 (bad destination mailbox address),smtp;553 Relaying disallowed
        550 sender user unknown
        550 5.4.1 <x@example.com>: Sender address rejected: Access denied
        550 5.4.1 Recipient address rejected: Access denied; your IP is on a block list
        501 5.1.7 Invalid address
        550-Verification failed for <bounces@example.net> 550-Unrouteable address
        550 Callout verification failed: 550 <news@example.net>: user unknown
        550 5.7.1 domain of return address does not exist
        554 Sorry, your envelope address is unknown
        550 5.1.1 Originator unknown
        550 5.6.0 Message has invalid recipients in header
        550 Reply-To address not valid
        550 Your e-mail address is unknown to the recipient
        550 Adresse IP invalide
        550 Ihre IP-Adresse ist ungültig
        550 Dirección IP inválida
        550 Indirizzo IP sconosciuto
        550 Versenderadresse ungültig
        550 Rückadresse ungültig
        550 Adresse emettrice invalide
        550 dirección del emisor inválida
        550 adresse de provenance inexistante
        550 5.1.1 rejected, abuse
        550 5.1.1 bulk mail rejected
        550 5.1.1 Unwanted mail; user unknown
        550 5.1.1 Werbung unerwünscht
        550 5.1.1 courrier indésirable
        550 cannot resolve your address; host not found
        554 5.7.1 hostname not found
        <unknown[192.0.2.7]>: unknown host
        550 e-mail deleted by filter
        Email invalid format: missing Date header
        502 unrecognized command
        550 command not recognized
        554 no valid certificate found
        550 From domain does not resolve
        550 SC-001 Unfortunately, messages from 192.0.2.1 weren't sent.
        550 mailing list closed to non-members
        550 the account you use to send does not exist
        554 DT:SPM mx1
        550 Directory harvest attack: unknown user
        550 come back later, many unknown users
        550 this mail looks like a bounce to a non-existent user
        535 user not found; login failed
        550 a link in the message points to a nonexistent domain
        550 originating server not found
        550 invalid client
        550 charset unknown
        550 your country is unknown to us
        550 no external mail for this user
        550 the user has opted out, address unknown
        550 not accepting mails from here, user unknown
        552 maximum fixed size
        554 mail server permanently rejected message (#5.3.0)
        541 5.4.1 Mail rejected by destination domain
        550 list closed for non members
        550 You're not on the recipient's list of approved contacts
        552 5.3.4 size limit exceeded
    """,
    None: """
        550
        554 Transaction failed
        550 permanent failure
        250 2.0.0 OK
        554 5.0.0 Service unavailable
        550 <user.unknown@no-such-user.example.com> please look at our help pages
        550 thank you, the user is fine
        550 <bounce@example.net>: unknown
        550 news@example.net not found
        554 5.1.0 <news@example.net>: not valid
        550 <news@example.net> is not listed as a contact of this user
    """,
}  # fmt: skip
EVERY = [(line.strip(), said) for said, texts in SAID.items() for line in texts.strip().splitlines()]


@pytest.mark.parametrize(("text", "said"), EVERY, ids=[text[:60] for text, _ in EVERY])
def test_a_statement_is_recognised_by_its_kind(text: str, said: TextEvidence | None) -> None:
    assert read_diagnostic(text) is said


@pytest.mark.parametrize("empty", [None, "", " ", "\n\t", "550"])
def test_no_words_say_nothing(empty: str | None) -> None:
    assert read_diagnostic(empty) is None


def test_an_endless_text_is_read_only_at_its_beginning() -> None:
    assert read_diagnostic("x " * 100_000 + "user unknown") is None


BLAMES = [text for text, said in EVERY if said is SENDER and "553" not in text]
DEAD = [text for text, said in EVERY if said in (USER, DOMAIN, INACTIVE, MAYBE) and "5.4.1" not in text]


@given(
    st.sampled_from(DEAD),
    st.sampled_from(["blacklisted", "spam", "low reputation", "DMARC policy", "your IP was listed"]),
)
def test_whoever_speaks_of_the_sender_says_nothing_about_the_mailbox(text: str, blame: str) -> None:
    assert read_diagnostic(f"{text}: {blame}") is SENDER
    assert read_diagnostic(f"{blame}; {text}") is SENDER


@given(st.sampled_from(DEAD), st.sampled_from(["try again later", "temporarily", "4.2.0", "the mailbox is full"]))
def test_what_passes_is_never_a_dead_address(text: str, passing: str) -> None:
    assert read_diagnostic(f"{text} {passing}") in (PASSING, FULL)


@given(st.sampled_from(EVERY), st.sampled_from([str.upper, str.lower, lambda text: text.replace(" ", "\r\n ")]))
def test_neither_case_nor_line_ends_matter(case: tuple[str, TextEvidence | None], change: object) -> None:
    text, said = case
    assert read_diagnostic(change(text)) is said  # type: ignore[operator]


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    assert read_diagnostic(text) in (*TextEvidence, None)


def test_an_unknown_recipient_counts_more_than_a_refusal_only_where_the_code_says_it_too() -> None:
    assert read_diagnostic("550 5.1.1 Mail refused - recipient unknown") is USER
    assert read_diagnostic("550 Mail refused - recipient unknown") is SENDER


@pytest.mark.parametrize(("spaces", "said"), [(0, USER), (1, None)])
def test_no_more_than_the_first_four_thousand_characters_are_read(spaces: int, said: TextEvidence | None) -> None:
    assert read_diagnostic(" " * spaces + "user unknown".rjust(4_000)) is said
