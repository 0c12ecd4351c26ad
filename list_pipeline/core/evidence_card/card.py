"""The evidence card put together.

Belongs here: its parts, and its sections in the order in which people read them. Does not belong here: the sentences
(``sentences``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.evidence_card.facts import ErasedPerson, Record, Siblings
from list_pipeline.core.evidence_card.replay import OtherVerdict
from list_pipeline.core.evidence_card.sentences import (
    decision_lines,
    delivery_lines,
    erased_lines,
    failure_lines,
    mail_line,
    other_verdict_line,
    sibling_line,
    standing_line,
)

_SHOWN = 3
"""Entries of a kind on a card that is not asked for in full."""


@dataclass(frozen=True, slots=True)
class EvidenceCard:
    """Why a contact is where it is.

    Attributes:
        contact_id: Mailjet's; None: only an address was known of somebody who is erased.
        masked: the masked address; None: it is not known, or is not to be shown.
        record: what is stored of it; None: it is erased, and ``erased`` says when.
        changed: what would have changed the verdict; ``ahead``: what from now on would.
        not_replayed: why that cannot be said; None: it can.
        siblings: others at its domain and operator in the campaign of the verdict.
    """

    contact_id: int | None
    masked: str | None = None
    record: Record | None = None
    erased: ErasedPerson | None = None
    changed: tuple[OtherVerdict, ...] = ()
    ahead: tuple[OtherVerdict, ...] = ()
    not_replayed: str | None = None
    siblings: tuple[Siblings, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A title and its lines."""

    title: str
    lines: tuple[str, ...]


def headline(card: EvidenceCard) -> str:
    """Who it is, in one line."""
    if card.contact_id is None:
        return "A person who was erased"
    return f"Contact {card.contact_id}{f' ({card.masked})' if card.masked else ''}"


def answer(card: EvidenceCard) -> tuple[str, ...]:
    """Why the contact is where it is, and whether it gets mail: the first thing that people read."""
    if card.erased is not None:
        return erased_lines(card.erased)
    record = _record(card)
    return (standing_line(record), mail_line(record.known))


def sections(card: EvidenceCard, *, full: bool = False) -> tuple[Section, ...]:
    """The rest of the card; sections without lines are left out.

    Args:
        full: everything that is stored, not the latest of each kind only.
    """
    if card.erased is not None:
        return ()
    record = _record(card)
    most = None if full else _SHOWN
    changed = [other_verdict_line(one) for one in card.changed]
    if card.not_replayed is not None:
        changed.append(card.not_replayed)
    if record.verdict is not None and not changed and not card.ahead:
        changed.append("No single other fact.")
    named = (
        ("What would have changed it", changed if full else changed[:_SHOWN]),
        ("What would change it from here", [other_verdict_line(one) for one in card.ahead]),
        ("Failures", _latest(failure_lines(record, in_full=full), most)),
        ("Others in the same campaign", [sibling_line(one) for one in card.siblings]),
        ("Deliveries", delivery_lines(record)),
        ("Plans and decisions", _latest(decision_lines(record), most)),
    )
    return tuple(Section(title, tuple(lines)) for title, lines in named if lines)


def _latest(lines: list[str], most: int | None) -> list[str]:
    """The latest first, and how many more there are."""
    ordered = lines[::-1]
    if most is None or len(ordered) <= most:
        return ordered
    return [*ordered[:most], f"and {len(ordered) - most:,} earlier"]


def _record(card: EvidenceCard) -> Record:
    if card.record is None:
        raise ValueError("a card is of somebody who is erased, or of a contact with a record")
    return card.record
