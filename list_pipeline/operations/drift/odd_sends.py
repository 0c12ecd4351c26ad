"""Telling people about sends that went wrong or fit no cycle, and about rounds that do not come.

Does not belong here: finding them, which is part of looking at sends (``operations.campaigns``).
"""

from __future__ import annotations

from datetime import timedelta

from list_pipeline.core.campaigns.odd_sends import OddSend
from list_pipeline.core.drift.message import (
    cycle_ended_message,
    mailed_twice_message,
    missing_round_message,
    odd_send_message,
    round_doubt_message,
)
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.reviews.questions import CYCLE_CLOSED, MAILED_TWICE, MISSING_ROUND, ROUND_DOUBT
from list_pipeline.operations.access import Reconciling, Telling
from list_pipeline.operations.campaigns.odd_sends import compare_recipients, note_missing_round
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.storage.campaigns.odd_sends import ToldFinding, findings_among

_TOLD_FOR = timedelta(days=1)
"""A finding that is older was told, or given up, by the outbox."""

_ABOUT = (MAILED_TWICE, ROUND_DOUBT, MISSING_ROUND, CYCLE_CLOSED, *OddSend)


def watch_sends(services: Reconciling, *, asks_mailjet: bool) -> None:
    """After sends were looked at: hold recipients against the number expected, look for missing rounds, and tell people.

    Args:
        asks_mailjet: drafts were looked at too, so that it is known which round is coming; and Mailjet is asked for the
            counters of a send whose recipients are not known yet, one request each.
    """
    compare_recipients(services, asks=asks_mailjet)
    if asks_mailjet:
        note_missing_round(services)
    tell_about_sends(services)


def tell_about_sends(services: Telling) -> None:
    """Alert people about sends that went otherwise than scheduled, reached contacts twice, or fit no cycle, and about rounds
    that are missing, once each; what does not arrive is tried again."""
    since = services.clock.now() - _TOLD_FOR
    with services.database.begin() as connection:
        found = findings_among(connection, _ABOUT, since)
    for one in found:
        key, message = _message(one)
        deliver(
            services,
            key,
            message,
            campaign_id=one.campaign_id,
            thread_key=keys.campaign_thread(one.campaign_id),
            important=True,
            broadcast=True,
        )


def _message(one: ToldFinding) -> tuple[MessageKey, SlackMessage]:
    if one.about == MAILED_TWICE:
        return keys.mailed_twice(one.review_id), mailed_twice_message(one.campaign_key, one.words)
    if one.about == ROUND_DOUBT:
        return keys.round_doubt(one.campaign_id), round_doubt_message(one.campaign_key, one.words)
    if one.about == MISSING_ROUND:
        return keys.missing_round(one.review_id), missing_round_message(one.campaign_key, one.words)
    if one.about == CYCLE_CLOSED:
        return keys.cycle_ended(one.review_id), cycle_ended_message(one.campaign_key, one.words)
    return keys.odd_send(one.review_id), odd_send_message(OddSend(one.about), one.campaign_key, one.words)
