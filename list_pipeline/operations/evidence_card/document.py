"""The evidence card as a document for machines: its sentences, and everything that is stored beside them.

Does not belong here: what stands on a card (``card``), and how a way in shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.engagement import Engagement
from list_pipeline.core.evidence_card.card import EvidenceCard, Section, answer, headline, sections
from list_pipeline.core.evidence_card.facts import (
    ErasedPerson,
    Known,
    Mailing,
    OnlyTold,
    PlannedFor,
    Question,
    Siblings,
    Summary,
    Suppression,
)
from list_pipeline.core.evidence_card.replay import OtherVerdict


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored of a contact, and what the rules say of it again; the fields are those of the card and its record."""

    masked: str | None
    verdict: PlannedFor | None
    would_have_changed: tuple[OtherVerdict, ...]
    would_change: tuple[OtherVerdict, ...]
    not_replayed: str | None
    others: tuple[Siblings, ...]
    known: Known | None
    last_delivered_at: datetime | None
    engagement: Engagement
    only_told: tuple[OnlyTold, ...]
    summary: Summary | None
    campaigns: tuple[Mailing, ...]
    plans: tuple[PlannedFor, ...]
    questions: tuple[Question, ...]
    suppressions: tuple[Suppression, ...]


@dataclass(frozen=True, slots=True)
class CardDocument:
    """Why a contact is where it is. ``answer``: in two sentences; ``sections``: the card; ``stored``: None: it is erased."""

    contact_id: int | None
    headline: str
    answer: tuple[str, ...]
    sections: tuple[Section, ...]
    erased: ErasedPerson | None
    stored: Stored | None


def document_of(card: EvidenceCard, *, full: bool = False) -> CardDocument:
    """The document of a card.

    Args:
        full: the sections have everything that is stored, not the latest of each kind only.
    """
    return CardDocument(
        card.contact_id, headline(card), answer(card), sections(card, full=full), card.erased, _stored(card)
    )


def _stored(card: EvidenceCard) -> Stored | None:
    record = card.record
    if record is None:
        return None
    last = record.last_delivery
    return Stored(
        masked=card.masked,
        verdict=record.verdict,
        would_have_changed=card.changed,
        would_change=card.ahead,
        not_replayed=card.not_replayed,
        others=card.siblings,
        known=record.known,
        last_delivered_at=last.sent_at if last is not None else None,
        engagement=record.engagement,
        only_told=record.only_told,
        summary=record.summary,
        campaigns=record.mailings,
        plans=record.plans,
        questions=record.questions,
        suppressions=record.suppressions,
    )
