"""The tool about one contact: why it is where it is. An address is an argument only; it stands in no answer and in no log."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from list_pipeline.core.evidence_card.card import answer, headline, sections
from list_pipeline.core.evidence_card.facts import Outcome
from list_pipeline.core.foreign_text import LONGEST_ADDRESS
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.mcp.arguments import Arguments, Limit
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.plans.as_shown import hashes_of


class ContactWanted(Arguments):
    """Who is looked for."""

    contact: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_ADDRESS,
            description="Mailjet's number of the contact as text, or its address. The address is logged nowhere.",
        ),
    ]
    full: Annotated[bool, Field(description="Everything that is stored, not the latest of each kind.")] = False
    limit: Limit = 30


class SectionShown(Result):
    """A title and the first of its lines."""

    title: str
    lines: tuple[str, ...]
    lines_in_all: int


class PlanOfContact(Result):
    """What a plan intends, or intended, for the contact."""

    number: int
    kind: PlanKind
    status: PlanStatus
    content_hash: str
    action: ItemAction
    rule: str
    outcome: Outcome


class ContactCard(Result):
    """The evidence card. ``plans``: the latest first; ``contact_id`` None: only an address was known of somebody erased."""

    contact_id: int | None
    headline: str
    answer: tuple[str, ...]
    sections: tuple[SectionShown, ...]
    plans: tuple[PlanOfContact, ...]


def contact(call: Call, asked: ContactWanted) -> ContactCard:
    """Explain one contact: why it is suppressed, in quarantine or mailed, what would have changed that, its failures and
    deliveries, and who decided what. The contact is named by its number or its address; addresses are shown masked. `plans`
    holds the content hashes that reinstating or releasing it needs."""
    card = evidence_card(call.services, asked.contact)
    plans = card.record.plans[::-1][: asked.limit] if card.record is not None else ()
    hashes = hashes_of(call.services, [one.plan_id for one in plans])
    return ContactCard(
        contact_id=card.contact_id,
        headline=headline(card),
        answer=answer(card),
        sections=tuple(
            SectionShown(title=one.title, lines=one.lines[: asked.limit], lines_in_all=len(one.lines))
            for one in sections(card, full=asked.full)
        ),
        plans=tuple(
            PlanOfContact(
                number=one.plan_id,
                kind=one.kind,
                status=one.status,
                content_hash=hashes[one.plan_id],
                action=one.action,
                rule=one.rule,
                outcome=one.outcome,
            )
            for one in plans
        ),
    )


TOOLS = (reading(contact, "A contact"),)
