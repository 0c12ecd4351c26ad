"""The command that says why a contact is where it is. No address is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from list_pipeline.cli.common import Contact, give, opened_services, say

if TYPE_CHECKING:
    from list_pipeline.core.evidence_card.card import EvidenceCard


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(why)


def why(
    contact: Contact,
    full: Annotated[
        bool, typer.Option("--full", help="Everything that is stored, not the latest of each kind.")
    ] = False,
) -> None:
    """Say why a contact is where it is: its last verdict, what that rests on, what would have changed it, and who decided
    what. The address is masked; nothing is changed, and Mailjet is not asked."""
    from list_pipeline.core.evidence_card.card import answer, headline, sections
    from list_pipeline.operations.evidence_card.card import evidence_card

    with opened_services() as services:
        card = evidence_card(services, contact)
    say(headline(card))
    for line in answer(card):
        say(line)
    for section in sections(card, full=full):
        say("")
        say(section.title)
        for line in section.lines:
            say(f"- {line}")
    give({"contact_id": card.contact_id, "answer": answer(card), "erased": card.erased, **_stored(card)})


def _stored(card: EvidenceCard) -> dict[str, Any]:
    """Everything that is stored, for machines, whatever was asked for."""
    record = card.record
    if record is None:
        return {}
    verdict, last = record.verdict, record.last_delivery
    return {
        "masked": card.masked,
        "verdict": verdict,
        "would_have_changed": card.changed,
        "would_change": card.ahead,
        "not_replayed": card.not_replayed,
        "others": card.siblings,
        "known": record.known,
        "last_delivered_at": last.sent_at if last is not None else None,
        "engagement": record.engagement,
        "only_told": record.only_told,
        "campaigns": record.mailings,
        "plans": record.plans,
        "questions": record.questions,
        "suppressions": record.suppressions,
    }
