"""Noting what is odd about sends, where the schedule and Mailjet's sends are looked at anyway.

Belongs here: gathering what the rules need, and writing findings, each once. Does not belong here: the rules
(``core.campaigns.odd_sends``, ``core.campaigns.missing_rounds``), and telling people (``operations.drift.odd_sends``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaigns import odd_sends as rules
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.campaigns.missing_rounds import missing_round
from list_pipeline.core.campaigns.odd_sends import Oddity, OddSend, ScheduledSend
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.errors import IncompleteDataError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.reviews.questions import MISSING_ROUND
from list_pipeline.core.wording import instant_text
from list_pipeline.operations.access import ReadingMailjet, Storing
from list_pipeline.storage import campaign_stages as stage_rows
from list_pipeline.storage import quarantine as quarantine_rows
from list_pipeline.storage.campaigns import closings, rounds, scheduled_campaigns, sent_campaigns
from list_pipeline.storage.campaigns import odd_sends as odd_rows
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)


def as_scheduled(connection: Connection, campaign: UpcomingCampaign) -> ScheduledSend:
    """A campaign as it stands in our schedule, and whether people were told of that."""
    return ScheduledSend(
        campaign.name,
        campaign.list_role,
        campaign.scheduled_at,
        is_blocked=campaign.status is CampaignStatus.BLOCKED,
        is_announced=stage_rows.is_announced(connection, campaign.campaign_id, campaign.scheduled_at),
    )


_HAPPENS_AGAIN = frozenset({OddSend.TAKEN_BACK, OddSend.RESCHEDULED})
"""Seen once, when our row follows: a campaign that is moved to and fro is moved in the same words again."""


def note(connection: Connection, campaign_id: int, found: Iterable[Oddity | None], now: datetime) -> None:
    """Write down what is odd about a campaign. What goes on being so is not written again in the same words."""
    for one in found:
        if one is None:
            continue
        if one.kind not in _HAPPENS_AGAIN and odd_rows.is_noted(connection, campaign_id, one.kind, one.words):
            continue
        plan_rows.add_finding(connection, one.words, now, campaign_id=campaign_id, about=one.kind)
        log.warning("a send went otherwise than scheduled", campaign_id=campaign_id, kind=one.kind.value)


def note_start(
    connection: Connection, scheduled: UpcomingCampaign, role: ListRole, started_at: datetime, now: datetime
) -> None:
    """A campaign that stood in the schedule has begun to be sent: write down what is odd about that."""
    note(connection, scheduled.campaign_id, rules.odd_start(as_scheduled(connection, scheduled), role, started_at), now)


def note_elsewhere(connection: Connection, draft_id: int, where: str, started_at: datetime, now: datetime) -> None:
    """A send that is no round of ours has begun: write it down where its draft stood in the schedule."""
    scheduled = scheduled_campaigns.by_draft(connection, draft_id)
    if scheduled is not None:
        found = rules.odd_place(as_scheduled(connection, scheduled), where, started_at)
        note(connection, scheduled.campaign_id, [found], now)


def compare_recipients(services: ReadingMailjet, *, asks: bool) -> None:
    """Hold the recipients of sends that ended against the number expected, once a send.

    Expected is the number of the validation, else what could be mailed on the list when the sending began.

    Args:
        asks: ask Mailjet for its counters where it is not known yet who was mailed: one request a send, mostly once.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        waiting = odd_rows.to_compare(connection, now - CAMPAIGNS.sending_takes)
    for campaign in waiting:
        mailed = _mailed(services, campaign, asks=asks)
        if mailed is None:
            continue
        with services.database.begin() as connection:
            found = _off(connection, campaign, mailed)
            if found is None or campaign.recipients_known or now - campaign.sent_at >= CAMPAIGNS.counters_settle:
                note(connection, campaign.campaign_id, [found], now)
                odd_rows.note_compared(connection, campaign.campaign_id, now)


def _mailed(services: ReadingMailjet, campaign: Campaign, *, asks: bool) -> int | None:
    """How many messages a campaign had; None: that is not known now."""
    if campaign.recipients_known:
        return campaign.recipient_count
    if not asks or campaign.mailjet_campaign_id is None:
        return None
    try:
        return services.mailjet.send_counters(campaign.mailjet_campaign_id).total
    except IncompleteDataError:
        return None


def _off(connection: Connection, campaign: Campaign, mailed: int) -> Oddity | None:
    found = expected_recipients(connection, campaign)
    if found is None:
        return None
    return rules.recipients_off(campaign.name, campaign.list_role, mailed, found.contacts, found.known_by)


@dataclass(frozen=True, slots=True)
class Expected:
    """How many contacts a send was to reach, and by what that is known, in words."""

    contacts: int
    known_by: str


def expected_recipients(connection: Connection, campaign: Campaign) -> Expected | None:
    """How many a send was to reach: the number of its validation, else what could be mailed on its list when the sending
    began; None: neither is known."""
    validated = odd_rows.expected(connection, campaign)
    if validated is not None:
        # Who was in quarantine counted as present there, and was not mailed.
        kept = quarantine_rows.kept_from(connection, campaign.list_role, campaign.sent_at)
        return Expected(max(validated[0] - kept, 0), f"its validation at {instant_text(validated[1])}")
    count = odd_rows.on_list(connection, campaign)
    return None if count is None else Expected(count, "our rows of its list")


def can_be_mailed(connection: Connection, role: ListRole, now: datetime) -> int | None:
    """How many a send to a list would reach that began now, as our rows have it; None: the list was never read."""
    if scheduled_campaigns.last_synced_at(connection, role) is None:
        return None
    mailable = members.stored_sizes(connection)[role].mailable
    return max(mailable - quarantine_rows.kept_from(connection, role, now), 0)


def note_missing_round(services: Storing) -> None:
    """Write down that a round of the open cycle is missing: once, until another round of it is sent, or a person closes the
    cycle and opens it again."""
    now = services.clock.now()
    with services.database.begin() as connection:
        sent_campaigns.lock_schedule(connection)
        cycles = sent_campaigns.recent_cycles(connection, now)
        coming = {one.list_role for one in scheduled_campaigns.not_sent_yet(connection) if one.retired_at is None}
        found = missing_round(cycles, coming, now, doubted=bool(rounds.doubted(connection)))
        if found is None:
            return
        first = min(found.cycle.sent.values(), key=lambda sent: sent.at).mailjet_campaign_id
        campaign_id = sent_campaigns.campaign_of_send(connection, first).campaign_id
        if rounds.is_asked_about(
            connection,
            campaign_id,
            MISSING_ROUND,
            found.cycle.last_sent_at,
            missing_rounds=[role.round_number for role in found.cycle.missing],
            reopened_at=closings.last_reopened(connection),
        ):
            return
        words = f"{found.words}. If it will not come: `list-pipeline close-cycle --by NAME --note WHY`"
        plan_rows.add_finding(
            connection,
            words,
            now,
            campaign_id=campaign_id,
            about=MISSING_ROUND,
            missing_rounds=[role.round_number for role in found.missing],
        )
    log.warning("a round is missing", cycle=found.cycle.number, lists=[role.value for role in found.missing])
