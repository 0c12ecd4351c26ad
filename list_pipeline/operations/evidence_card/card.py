"""Why a contact is where it is: reads what is stored of it, and changes nothing.

Belongs here: finding the person, and putting the card together. Does not belong here: what the rules are told again
(``replayed``), and any sentence (``core.evidence_card``).
"""

from __future__ import annotations

from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.engagement import Engagement
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.evidence_card.card import EvidenceCard
from list_pipeline.core.evidence_card.facts import OnlyTold, Record
from list_pipeline.core.foreign_text import id_in
from list_pipeline.operations.evidence_card.replayed import replay
from list_pipeline.operations.plans.single_contacts import contact_of
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.operations.views.masked_items import masked_address
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage import engagement
from list_pipeline.storage import evidence_card as rows

log = structlog.get_logger(__name__)


def evidence_card(services: Services, named: str) -> EvidenceCard:
    """The card of the contact that a person names by id or address; the address is in no message and in no log.

    Raises:
        NotFoundError: neither we nor the record of erasures know that contact.
        RefusedError: several contacts have that address.
    """
    wanted = named.strip()
    typed = id_in(wanted)
    try:
        contact_id = typed if typed is not None else contact_of(services, wanted)
    except NotFoundError:
        with services.database.begin() as connection:
            erased = rows.erased(connection, address=wanted) if "@" in wanted else None
        if erased is None:
            raise
        return EvidenceCard(None, erased=erased)
    with services.database.begin() as connection:
        record = _record(connection, contact_id, services.clock.now())
        if record is None:
            erased = rows.erased(connection, contact_id=contact_id)
            if erased is None:
                raise NotFoundError(
                    f"Looking for contact {contact_id}",
                    "we have no row of it",
                    "Run `list-pipeline sync`, compare the number with the one in Mailjet, or give the address",
                )
            return EvidenceCard(contact_id, erased=erased)
        told = replay(connection, record, policy_of(services), services.clock.now())
    log.debug("evidence card", contact_id=contact_id)
    return EvidenceCard(
        contact_id,
        masked=masked_address(services, contact_id),
        record=record,
        changed=told.changed,
        ahead=told.ahead,
        not_replayed=told.not_replayed,
        siblings=told.siblings,
    )


def _record(connection: Connection, contact_id: int, now: datetime) -> Record | None:
    """None: nothing is stored under this id."""
    known = rows.known(connection, contact_id)
    plans, mailings = rows.plans(connection, contact_id), rows.mailings(connection, contact_id)
    if known is None and not plans and not mailings:
        return None
    return Record(
        contact_id,
        known,
        mailings=mailings,
        summary=rows.summary(connection, contact_id),
        plans=plans,
        questions=rows.questions(connection, contact_id, [one.plan_id for one in plans]),
        suppressions=rows.suppressions(connection, contact_id),
        engagement=engagement.engagement_of(connection, [contact_id], now).get(contact_id, Engagement()),
        signs_since=engagement.recorded_since(connection),
        only_told=tuple(
            OnlyTold(campaign_id, failure) for campaign_id, failure in bounce_rows.only_told_of(connection, contact_id)
        ),
    )
