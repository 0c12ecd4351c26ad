"""What of a receiver's words may be kept and shown to an advisor.

Belongs here: the closed vocabulary that is left of a refusal's text. Does not belong here: what the text says
(``diagnostics``).

The text is written by a stranger's server, which may quote the recipient and may try to speak to whoever reads it. Only
words that refusals of mail are made of survive, in their order, so that neither a person nor an instruction can: there
is no verb in the imperative among them, no "you" and no word about prompts, roles or lists of contacts. Rejected: the
text with addresses, hosts and links taken out, because what is left of it can still be a sentence to a model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from list_pipeline.core.masking import redact_foreign_text

LONGEST = 200
"""Characters of the result."""
_LONGEST_TEXT = 4_000
"""Characters that are read. Real diagnostics have a few hundred; the rest of a longer one is a quoted message."""
_MOST_CODES = 2
"""Different codes of a kind that are kept: a refusal has one or two, and codes in a row could spell a number."""

_WHOSE = """
    account address addresses alias client customer destination domain gateway host inbox ip mailbox mailfolder member
    mx name network recipient recipients relay relaying sender server storage user users
"""
"""Whose failure it is."""
_ABSENT = """
    activated bad cannot closed deactivated deleted disabled discontinued exist exists expired found illegal inactive
    invalid known
    listed local locked lookup longer missing moved no non nonexistent not null nxdomain resolve suspended such
    unable unavailable undeliverable unknown unreachable unresolvable unrouteable unverified valid verified
"""
"""That nobody is there."""
_PASSING = """
    again available busy capacity connection connections currently deferred delayed disk enough exceeded exhausted full
    greylist greylisted greylisting hours insufficient later limit limited minutes out over overloaded overquota
    permanent permanently quota resources retried retry seconds size space temporarily temporary timed timeout
    transient try
"""
"""That it is full, or passes."""
_SENDER = """
    abuse access authenticated authentication authorized banned blacklist blacklisted blocked blocklist
    blocklisted bulk complaints content denied dkim dmarc dnsbl forged forgery junk junkmail malware many poor
    rate rbl rcpthosts refused reputation spam spammer spf suspicious tls too unauthenticated unauthorized
    unsolicited virus
"""
"""That the sender is meant."""
_REST = """
    accepted accepts allowed an and been by connect deliver delivered delivery dns does email error failed failure for from has
    have here in is it mail maximum message messages of on or permitted policy prohibited reach reason rejected
    required restricted sending sent table temp that this violation was with
"""
"""The rest of such a sentence."""
VOCABULARY = frozenset(f"{_WHOSE} {_ABSENT} {_PASSING} {_SENDER} {_REST}".split())
"""All words that can survive, lower case."""

_REPLY_CODES_TEXT = """
    421 422 431 432 441 442 446 447 449 450 451 452 454 455 458 459 471 500 501 502 503 504 510 511 512 513 515
    517 521 522 523 525 530 531 533 534 535 538 541 542 543 544 546 547 550 551 552 553 554 555 556 557 571
"""
_REPLY_CODES = frozenset(_REPLY_CODES_TEXT.split())
_ENHANCED = re.compile(r"[245]\.\d{1,2}\.\d{1,3}")
_BLOCK_LIST_NAME = re.compile(
    r"spamhaus|spamcop|barracuda|invaluement|sorbs|uribl|surbl|hostkarma|cobion|cloudmark|proofpoint|symantec|antispam|\bd[nr]s?bl",
    re.IGNORECASE,
)
"""Block lists are named by their hosts and links, which are dropped; that it was one is evidence about the sender."""
_BLOCK_LIST = re.compile(r"\b(?:black|block)[ -]?list(?:ed|s)?\b", re.IGNORECASE)
_HOST_OR_LINK = re.compile(r"[^\W_]\.[^\W\d_]|:/|:[0-9a-f]*:", re.IGNORECASE)
"""A dot inside a word, the scheme of a link, an address of the sixth version; a dot that ends a sentence stands before a
space."""
_NEGATION = re.compile(r"n['’]t\b", re.IGNORECASE)
_PIECE = re.compile(r"\d+(?:\.\d+)+|[a-z0-9]+")


def server_words(text: str) -> str:
    """The known words and codes of a receiver's text in their order, at most ``LONGEST`` characters.

    Applied to its own result it changes nothing. Empty when nothing is left.
    """
    kept: list[str] = []
    codes: dict[bool, set[str]] = {True: set(), False: set()}
    left = LONGEST
    for piece in _pieces(text[:_LONGEST_TEXT]):
        if piece not in VOCABULARY:
            seen = codes["." in piece]
            if piece in seen or len(seen) == _MOST_CODES:
                continue
            seen.add(piece)
        elif kept and kept[-1] == piece:
            continue
        if len(piece) + bool(kept) > left:
            break
        left -= len(piece) + bool(kept)
        kept.append(piece)
    return " ".join(kept)


def _pieces(text: str) -> Iterator[str]:
    """Words of the vocabulary and codes. Token by token, which keeps the reading linear in endless tokens."""
    named = " ".join("blocklist" if _BLOCK_LIST_NAME.search(token) else token for token in text.split())
    plain = _NEGATION.sub(" not", _BLOCK_LIST.sub("blocklist", named))
    for token in redact_foreign_text(plain).replace("[address]", " ").split():
        if _HOST_OR_LINK.search(token):
            continue
        pieces = _PIECE.findall(token.casefold())
        numbers = [piece for piece in pieces if piece[0].isdigit()]
        # A number that is no code makes its neighbours suspicious too: parts of a telephone number look like codes.
        are_codes = all(piece in _REPLY_CODES or _ENHANCED.fullmatch(piece) for piece in numbers)
        yield from (piece for piece in pieces if piece in VOCABULARY or (are_codes and piece[0].isdigit()))
