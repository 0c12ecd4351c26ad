"""Who may decide, and why: a person with a name, one of LIST_REVIEWERS where it names some, and a reason for the record.

One check for every way in that changes something, whether as a command, a job or an approval: a decision that is checked in one
place only is not checked.
"""

from __future__ import annotations

import unicodedata

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.foreign_text import REPLACEMENT, tamed
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.operations.access import Deciding

NOBODY = "nobody"
"""Who decided on what was left unanswered for too long."""

_NO_PERSON = frozenset({"", "gate", NOBODY})
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")
"""Characters that count as printable and show nothing."""
_LONGEST_NAME = 100
_LONGEST_REASON = 500
_LONGEST_READ = 10 * _LONGEST_REASON


class NotAReviewerError(RefusedError):
    """Decisions are for the people whom LIST_REVIEWERS names, and this is none of them."""


def named(by: str, tried: str) -> str:
    """The name of a person, for the record.

    Raises:
        RefusedError: it is nobody's name, no text that can be shown, or an address.
    """
    name = by.strip()
    # As it looks: a name in wide letters, or in circles, is read as the same name.
    looks = unicodedata.normalize("NFKC", name).strip().casefold()
    is_shown = name.isprintable() and not _BLANK & set(name) and any(map(str.isalnum, looks))
    is_nobody = looks in _NO_PERSON or not is_shown or len(name) > _LONGEST_NAME
    if is_nobody or "@" in name or redact_foreign_text(name) != name:
        raise RefusedError(tried, "a person has to be named", "Say who asks for it: a name, and no address")
    return name


def in_own_words(note: str | None) -> str:
    """What a person wrote, for the record: without addresses and control characters, at most 500 characters; empty where
    nothing of it is to be seen."""
    text = redact_foreign_text(tamed((note or "").strip(), _LONGEST_READ))[:_LONGEST_REASON]
    is_shown = any(unicodedata.category(one)[0] not in "CZ" and one not in _BLANK | {REPLACEMENT} for one in text)
    return text if is_shown else ""


def reason_of(
    note: str,
    tried: str,
    missing: str = "no reason is given",
    next_step: str = "Say why in a few words, without an address: --note",
) -> str:
    """Why a person decides, for the record: ``in_own_words``.

    Args:
        missing, next_step: what is said where there is none.

    Raises:
        RefusedError: it is empty, or has no letter and no digit.
    """
    why = in_own_words(note)
    if not any(map(str.isalnum, why)):
        raise RefusedError(tried, missing, next_step)
    return why


def reviewer(services: Deciding, by: str, tried: str) -> str:
    """The name of somebody who may decide, for the record.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it is nobody's name, or an address.
    """
    name, allowed = named(by, tried), services.settings.reviewers
    if allowed and name.casefold() not in allowed:
        raise NotAReviewerError(
            tried, "LIST_REVIEWERS names other people", "Let one of them decide, or have the setting changed"
        )
    return name
