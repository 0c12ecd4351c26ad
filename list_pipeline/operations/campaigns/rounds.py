"""A person rules on a send: whether it is a round, and of which cycle.

Does not belong here: which sends are doubted (``core.campaigns.cycles``), and what waits for the ruling
(``before_changes``).
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from list_pipeline.core.campaigns.cycles import Cycle, RoundRuling, assign_again
from list_pipeline.core.errors import NotFoundError
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.discovery import note_doubts
from list_pipeline.operations.campaigns.recipients import note_mailed_twice
from list_pipeline.operations.people import in_own_words, reviewer
from list_pipeline.storage.campaigns import closings, rounds, sent_campaigns

log = structlog.get_logger(__name__)


def rule_on_round(services: Deciding, key: str, ruling: RoundRuling, *, by: str, note: str = "") -> tuple[Cycle, ...]:
    """Take what a person says a send is, and put the sends since then into cycles anew. Sends that do not fit
    any more are asked about.

    Args:
        key: the campaign of the send. by: the person's name, no address.

    Returns:
        All cycles as they are now, oldest first.

    Raises:
        NotFoundError: there is no such campaign, or it was not sent.
        RefusedError: nobody is named; or the send cannot be a round of the cycle before it. Nothing was written.
    """
    tried = f"Ruling on campaign {key}"
    name = reviewer(services, by, tried)
    now = services.clock.now()
    with services.database.begin() as connection:
        sent_campaigns.lock_schedule(connection)
        campaign = sent_campaigns.campaign_by_key(connection, key)
        known = {send.mailjet_campaign_id: send for send in rounds.sends(connection)}
        if campaign.mailjet_campaign_id not in known:
            raise NotFoundError(tried, "it was not sent yet", "Rule on it when it was sent")
        ruled = replace(known[campaign.mailjet_campaign_id], ruling=ruling)
        known[ruled.mailjet_campaign_id] = ruled
        closed = closings.standing(connection)
        assignment, kept = assign_again(
            sent_campaigns.all_cycles(connection), known.values(), ruled, now, closings=closed
        )
        rounds.rule(connection, ruled.mailjet_campaign_id, ruling, name, in_own_words(note), now)
        rounds.replace_cycles(connection, kept, assignment.cycles)
        note_doubts(connection, assignment, now)
        note_mailed_twice(connection, assignment.placed, now)
    log.info("a person ruled on a send", campaign=key, ruling=ruling.value, by=name)
    return assignment.cycles
