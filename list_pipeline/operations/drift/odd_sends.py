"""Telling people about sends that went wrong or fit no cycle.

Does not belong here: finding them, which is part of looking at sends (``operations.campaigns.discovery``).
"""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.drift.message import mailed_twice_message, round_doubt_message
from list_pipeline.core.messages import keys
from list_pipeline.core.reviews.questions import MAILED_TWICE, ROUND_DOUBT
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.storage.reviews import findings_about

_TOLD_FOR = timedelta(days=1)
"""A finding that is older was told, or given up, by the outbox."""


def tell_about_sends(services: Telling) -> None:
    """Alert people about contacts that got a cycle twice and about sends that fit no cycle, once a campaign; what does not
    arrive is tried again."""
    since = services.clock.now() - _TOLD_FOR
    with services.database.begin() as connection:
        twice = findings_about(connection, MAILED_TWICE, since)
        doubts = findings_about(connection, ROUND_DOUBT, since)
    found = [(number, keys.mailed_twice(number), mailed_twice_message(key, words)) for number, key, words in twice]
    found += [(number, keys.round_doubt(number), round_doubt_message(key, words)) for number, key, words in doubts]
    for campaign_id, message_key, message in found:
        deliver(
            services,
            message_key,
            message,
            campaign_id=campaign_id,
            thread_key=keys.campaign_thread(campaign_id),
            important=True,
            broadcast=True,
        )
