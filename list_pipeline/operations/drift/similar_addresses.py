"""Asking people about contacts whose address may be another spelling of a suppressed person's.

Nothing is changed: the answer is a suppression by hand, or the finding closed.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from list_pipeline.core.drift.similar_addresses import similar_addresses_message, similar_addresses_words
from list_pipeline.core.messages import keys
from list_pipeline.core.reviews.questions import OTHER_SPELLING
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.storage.membership.similar_addresses import open_questions, similar_to_suppressed
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)

_TOLD_FOR = timedelta(days=1)
"""An older question was told, or given up, by the outbox."""


def ask_about_similar_addresses(services: Telling) -> None:
    """Ask about each such contact once, together with others that were found at the same time; what does not arrive is tried
    again."""
    now = services.clock.now()
    with services.database.begin() as connection:
        found = similar_to_suppressed(connection)
        if found:
            plan_rows.add_finding(
                connection, similar_addresses_words(found), now, about=OTHER_SPELLING, contact_ids=found
            )
            log.info("addresses like those of suppressed contacts", contacts=len(found))
        questions = open_questions(connection, now - _TOLD_FOR)
    for review_id, words in questions:
        deliver(
            services, keys.similar_addresses(review_id), similar_addresses_message(review_id, words), important=True
        )
