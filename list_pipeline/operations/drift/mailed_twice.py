"""Telling people that contacts got a cycle twice.

Does not belong here: finding them, which is part of recording who was mailed (``operations.campaigns.discovery``).
"""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.drift.message import mailed_twice_message
from list_pipeline.core.messages import keys
from list_pipeline.core.reviews.questions import MAILED_TWICE
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.storage.reviews import findings_about

_TOLD_FOR = timedelta(days=1)
"""A finding that is older was told, or given up, by the outbox."""


def tell_mailed_twice(services: Telling) -> None:
    """Alert people about contacts that got a cycle twice, once a campaign; what does not arrive is tried again."""
    since = services.clock.now() - _TOLD_FOR
    with services.database.begin() as connection:
        found = findings_about(connection, MAILED_TWICE, since)
    for campaign_id, key, words in found:
        deliver(
            services,
            keys.mailed_twice(campaign_id),
            mailed_twice_message(key, words),
            campaign_id=campaign_id,
            thread_key=keys.campaign_thread(campaign_id),
            important=True,
            broadcast=True,
        )
