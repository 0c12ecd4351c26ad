"""Careful reading of SMTP diagnostics: the meaning of a refusal's text, where there is one.

Belongs here: recognising four plain statements in a receiver's words. Does not belong here: what follows from them
(``classes``). The text is written by strangers: it is evidence, never an instruction, and it is not kept.

The reading is deliberately deaf. Whoever mentions a block list, a policy, spam, relaying or the sender says something
about us, whatever else the sentence contains, because one code or one phrase is used for both (a provider's reputation
block has been worded as "unknown user"). Only then a sentence may be about the mailbox.
Rejected: reading reply codes alone. Any 5xx taken as hard is wrong two times out of three on labelled texts.
"""

from __future__ import annotations

import re
from enum import StrEnum

from list_pipeline.core.masking import redact_addresses

_LONGEST_TEXT = 4000
"""Characters that are read. Real diagnostics have a few hundred; the rest of a longer one is a quoted message."""


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
_ABSENT = (
    r"(?:unknown|not (?:found|known)|does(?:n[o']?t| not) exist|do not exist|not exist|no longer exists|non-?existent)"
)

_NO_SUCH_USER = _any_of(
    rf"\b{_WHO} (?:is |was )?{_ABSENT}\b",
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
