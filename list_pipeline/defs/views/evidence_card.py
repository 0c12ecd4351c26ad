"""The evidence card of a contact in Dagster, as behind the command `list-pipeline why`."""

import dagster as dg
from pydantic import Field

from list_pipeline.core.evidence_card.card import EvidenceCard, answer, sections
from list_pipeline.core.masking import redact_addresses
from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.evidence_card.card import evidence_card
from list_pipeline.operations.services import Services


class ExplainContact(dg.Config):
    """Whom the card is about."""

    contact_id: int = Field(
        description="The contact's number at Mailjet. Not its address, which Dagster would keep: `list-pipeline why` takes one."
    )


@dg.op(
    description="Reads what is stored of one contact, and shows it as metadata. Nothing is changed, Mailjet is not asked."
)
def show_evidence_card(
    context: dg.OpExecutionContext, config: ExplainContact, services: dg.ResourceParam[Services]
) -> None:
    with clear_failures():
        card = evidence_card(services, str(config.contact_id))
    context.log.info(redact_addresses(f"Contact {config.contact_id}: {' '.join(answer(card))}"))
    context.add_output_metadata(card_metadata(card))


def card_metadata(card: EvidenceCard) -> dict[str, dg.MetadataValue]:
    """The answer, and the sections of the whole card, each under its title."""
    shown = {"contact": md.text(card.masked)} if card.masked else {}
    return {
        "answer": md.text(" ".join(answer(card))),
        **shown,
        **{section.title: md.lines(section.lines) for section in sections(card, full=True)},
    }


@launched_job(
    description=(
        "Explain why a contact is where it is: its last verdict, what would have changed it, failures, deliveries, plans and "
        "decisions. Open the Launchpad and fill in the number; the answer is the metadata of the step. Nothing is changed."
    ),
)
def explain_contact() -> None:
    show_evidence_card()
