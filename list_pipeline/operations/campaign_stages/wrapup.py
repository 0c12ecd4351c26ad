"""The wrap-up of a send: its first figures are read, kept, held against earlier sends, and told. Mailjet is only read.

Figures and report are kept before anything is told, and the stage is written down with its message, so that a wrap-up that is
made twice asks nobody twice and tells one thing once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaign_stages.assessment import FirstFigures
from list_pipeline.core.campaign_stages.assessment_report import SendReport
from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents, is_alarm
from list_pipeline.core.campaign_stages.times import Stage, StageTime, Timing, wrapup
from list_pipeline.core.campaign_stages.wrapup import Compared, SendCounts, compare, runs_away
from list_pipeline.core.campaign_stages.wrapup_message import WrapupFacts, wrapup_message
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.messages import keys
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaign_stages.advice import send_report
from list_pipeline.operations.campaign_stages.early_incidents import look_early
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.campaigns.discovery import rates_of, sent_id
from list_pipeline.operations.campaigns.odd_sends import expected_recipients
from list_pipeline.operations.campaigns.scheduled_campaigns import next_campaign
from list_pipeline.operations.messages.outbox import Delivery, post, queue
from list_pipeline.operations.services import Services
from list_pipeline.storage import campaign_stages as stage_rows
from list_pipeline.storage.campaigns import scheduled_campaigns, sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.messages import Outgoing, StoredMessage

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Wrapup:
    """The wrap-up of a campaign.

    Attributes:
        early: the mail operators that stand out; None: nobody looked.
        delivery: of its message; None: it was told before.
    """

    campaign_key: str
    counts: SendCounts
    compared: tuple[Compared, ...]
    early: EarlyIncidents | None
    report: SendReport
    delivery: Delivery | None

    @property
    def runs_away(self) -> bool:
        """Whether bounces run away."""
        return runs_away(self.counts)


def wrap_up(services: Services, key: str) -> Wrapup:
    """Wrap a campaign up, once; asked again, what was found then. The requests are one for the counters, and those of
    ``early_incidents`` where enough messages bounced hard.

    Raises:
        NotFoundError: there is no such campaign.
        RefusedError: Mailjet has not begun to send it, or it is too early, or too late.
        TransientError, IncompleteDataError: its counters cannot be read now.
    """
    tried = f"Wrapping up the campaign {key}"
    with services.database.begin() as connection:
        campaign = find_campaign(connection, key)
        row = scheduled_campaigns.campaign_by_id(connection, campaign.campaign_id)
        known = stage_rows.wrapup_counts(connection, campaign.campaign_id)
    if campaign.send_started_at is None:
        raise RefusedError(tried, "Mailjet has not begun to send it", "Try again half an hour after its launch")
    time = wrapup(campaign.send_started_at)
    timing = time.timing(services.clock.now())
    if timing is Timing.NOT_YET:
        raise RefusedError(
            tried, "it began less than half an hour ago", "Try again later; the sensor does it by itself"
        )
    if timing is Timing.TOO_LATE and known is None:
        what_to_do = "Its maintenance tells the figures of the day after: see maintenance_report"
        raise RefusedError(tried, "first figures cannot be read any more a day after the launch", what_to_do)
    counts = known or _read(services, campaign)
    early = look_early(services, campaign, counts)
    with services.database.begin() as connection:
        compared = tuple(compare(counts, one) for one in stage_rows.earlier_sends(connection, campaign.campaign_id))
        coming = next_campaign(connection, services.clock.now())
        expected = expected_recipients(connection, campaign)
    figures = FirstFigures(
        campaign.list_role.label,
        counts,
        compared,
        is_sending=campaign.status is CampaignStatus.LAUNCHING,
        next_at=coming.at if coming is not None else None,
        early=early,
    )
    # Between two transactions: the advisors take their time, and nothing may be locked meanwhile.
    report = send_report(services, campaign.campaign_id, figures, time.due_at)
    facts = WrapupFacts(
        campaign_key=campaign.key,
        name=campaign.name,
        list_label=campaign.list_role.label,
        began_at=campaign.send_started_at,
        is_sending=figures.is_sending,
        counts=counts,
        expected=expected.contacts if expected is not None else None,
        compared=compared,
        next_campaign=coming,
        report=report,
        early=early,
    )
    with services.database.begin() as connection:
        message = _told(services, connection, campaign.campaign_id, row.scheduled_at, time, facts)
    delivery = post(services, message) if message is not None else None
    with services.database.begin() as connection:
        stage_rows.complete(connection, services.clock.now())
        stage_rows.follow_deliveries(connection, [campaign.campaign_id])
    log.info("a campaign was wrapped up", campaign=key, alarm=is_alarm(counts, early), told=delivery is not None)
    return Wrapup(key, counts, compared, early, report, delivery)


def _read(services: Services, campaign: Campaign) -> SendCounts:
    counters = services.mailjet.send_counters(sent_id(campaign))
    with services.database.begin() as connection:
        return stage_rows.counts_of(
            sent_campaigns.save_metrics(
                connection, campaign, stage_rows.WRAPUP, counters, rates_of(counters), services.clock.now()
            )
        )


def _told(
    services: Deciding,
    connection: Connection,
    campaign_id: int,
    launch_at: datetime,
    time: StageTime,
    facts: WrapupFacts,
) -> StoredMessage | None:
    """The message in the outbox, with the row that says so; None: it was told before."""
    key = keys.campaign_stage(campaign_id, Stage.WRAPUP.value, launch_at)
    if not stage_rows.note(connection, campaign_id, launch_at, time, services.clock.now(), message_key=key):
        return None
    message = wrapup_message(facts)
    outgoing = Outgoing(
        key,
        message.text,
        message.blocks,
        campaign_id=campaign_id,
        thread_key=keys.campaign_thread(campaign_id),
        is_important=is_alarm(facts.counts, facts.early),
        is_broadcast=True,
    )
    return queue(services, connection, outgoing, message.details)
