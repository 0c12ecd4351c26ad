"""A receiver's words: what they mean, where they mean something, and what of them may be kept and shown to an advisor.

Belongs here: recognising four plain statements in a refusal's text, and the closed vocabulary that is left of it. Does
not belong here: what follows from a statement (``classes``).

The text is written by a stranger's server, which may quote the recipient and may try to speak to whoever reads it. Only
words that refusals of mail are made of survive, in their order, so that neither a person nor an instruction can: there
is no verb in the imperative among them, no "you" and no word about prompts, roles or lists of contacts. Rejected: the
text with addresses, hosts and links taken out, because what is left of it can still be a sentence to a model.

The reading is deliberately deaf. Whoever mentions a block list, a policy, spam, relaying or the sender says something
about us, whatever else the sentence contains, because one code or one phrase is used for both (a provider's reputation
block has been worded as "unknown user"). Only then a sentence may be about the mailbox. Rejected: reading reply codes
alone. Any 5xx taken as hard is wrong two times out of three on labelled texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from list_pipeline.core.masking import redact_addresses, redact_foreign_text

LONGEST = 200
"""Characters of the result."""
_LONGEST_TEXT = 4_000
"""Characters that are read. Real diagnostics have a few hundred; the rest of a longer one is a quoted message."""
_MOST_CODES = 2
"""Different codes of a kind that are kept: a refusal has one or two, and codes in a row could spell a number."""

_WHOSE = """
    account address addresses alias client destination domain gateway host inbox ip mailbox mailfolder mx name
    network recipient recipients relay relaying sender server storage user users
"""
"""Whose failure it is."""
_ABSENT = """
    bad cannot deactivated deleted disabled discontinued exist exists expired found illegal inactive invalid known
    listed local locked lookup longer missing moved no non nonexistent not null nxdomain resolve suspended such
    unable unavailable undeliverable unknown unreachable unresolvable unrouteable unverified valid
"""
"""That nobody is there."""
_PASSING = """
    again available busy capacity connection connections currently deferred delayed disk enough exceeded full
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
    accepted an and been by connect deliver delivered delivery dns does email error failed failure for from has
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
_BLOCK_LIST_NAME = re.compile(r"spamhaus|spamcop|barracuda|invaluement|sorbs|uribl|surbl|hostkarma", re.IGNORECASE)
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


class TextEvidence(StrEnum):
    """A statement that was recognised in a diagnostic text."""

    NO_SUCH_USER = "no_such_user"
    NO_SUCH_DOMAIN = "no_such_domain"
    MAILBOX_FULL = "mailbox_full"
    SENDER_SIDE = "sender_side"


def _any_of(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


_SENDER_SIDE = _any_of(
    r"\bspam",
    r"junk ?mail",
    r"black ?list",
    r"block ?list",
    r"blocked",
    r"\bban(?:ned)?\b",
    r"\bd?n?s?[rx]bl\b",
    r"reputation",
    r"\bs3150\b",
    r"\bspf\b",
    r"\bdkim\b",
    r"\bdmarc\b",
    r"unsolicited",
    r"unauthenticated",
    r"polic(?:y|ies)",
    r"relay",
    r"gateway",
    r"rcpthosts",
    r"access denied",
    r"refused",
    r"\bsender\b",
    r"mail from",
    r"client host",
    r"\byour (?:ip|host|server|domain)\b",
    r"virus",
    r"malware",
    r"content",
    r"forg(?:ed|ery)",
    r"rate limit",
    r"too many",
    r"\b5\.7\.(?:2\d|[56]\d\d)\b",
)

_TEMPORARY = _any_of(
    r"\b4\.\d{1,2}\.\d{1,3}\b",
    r"^\W*4[2-5]\d[\s-]",
    r"[;:] ?4[2-5]\d[\s-]",
    r"try (?:it )?again",
    r"temporar",
    r"deferred",
    r"delayed",
    r"will be retried",
    r"timed? ?out",
)

_MAILBOX_FULL = _any_of(
    r"quota",
    r"(?:mailbox|mailfolder|account|inbox|storage) (?:is |are )?full",
    r"\b[45]\.2\.2\b",
    r"(?:not |does not have )enough (?:storage )?space",
    r"bo[iî]te .{0,30}pleine",
)

_WHO = (
    r"(?:user(?: ?name| account)?|recipient(?: address)?|addressee|mailbox"
    r"|e?-?mail(?:box)? (?:account|address)|account|address)"
)
_IS_ABSENT = (
    r"(?:unknown|not (?:found|known)|does(?:n[o']?t| not) exist|do not exist|not exist|no longer exists|non-?existent)"
)

_NO_SUCH_USER = _any_of(
    rf"\b{_WHO} (?:is |was )?{_IS_ABSENT}\b",
    rf"\b(?:unknown|no such|non-?existent)(?: local)? {_WHO}\b",
    r"\b(?:invalid|not a valid) (?:recipient|user|mailbox)\b",
    r"account that you tried to reach does not exist",
    r"no mailbox (?:here )?by that name",
    r"can(?:no|')t find user's mailbox",
    r"no such address",
    r"unknown or illegal (?:user|alias)",
    r"unknown local[- ]part",
    r"bad destination mailbox address",
    r"not listed in (?:public name|domino directory)",
    r"does not have an account here",
    r"(?:utilisateur|destinataire) (?:inconnu|invalide|inexistant)",
    r"empf(?:ä|ae|a)nger unbekannt",
    r"(?:usuario|destinat[aá]rio|utente) (?:desconocido|desconhecido|sconosciuto|inexistente)",
)

_NO_SUCH_DOMAIN = _any_of(
    r"\bnxdomain\b",
    r"no such domain",
    r"domain (?:name )?does(?:n't| not) exist",
    r"\bnull mx\b",
)

_ADDRESS_TOKEN = re.compile(r"[<(\[\"']*\[address\][>)\]\"'.]*")
_SPACE = re.compile(r"\s+")


def read_diagnostic(text: str | None) -> TextEvidence | None:
    """The meaning of a receiver's refusal, or None when nothing in it can be relied on.

    Args:
        text: an SMTP diagnostic in any language and length, with or without codes; addresses in it are ignored.
    """
    if not text:
        return None
    redacted = _ADDRESS_TOKEN.sub(" ", redact_addresses(text[:_LONGEST_TEXT]))
    plain = _SPACE.sub(" ", redacted.casefold().replace("’", "'")).strip()
    if _SENDER_SIDE.search(plain):
        return TextEvidence.SENDER_SIDE
    if _MAILBOX_FULL.search(plain):
        return TextEvidence.MAILBOX_FULL
    if _TEMPORARY.search(plain):
        return None
    if _NO_SUCH_DOMAIN.search(plain):
        return TextEvidence.NO_SUCH_DOMAIN
    return TextEvidence.NO_SUCH_USER if _NO_SUCH_USER.search(plain) else None
