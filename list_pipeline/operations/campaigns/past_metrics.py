"""The figures of campaigns that were sent before the product was there: read once, so that later ones can be held against them.

Belongs here: which are read, how many at once, and what counts as an attempt. Does not belong here: what is compared
(``core.campaign_stages.wrapup``), and the figures of the looks after a send (``discovery.collect_metrics``).

They were counted long after the send: delivery and bounces are compared with any other, opens and clicks with none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.campaigns.recipients import counters_problem
from list_pipeline.core.errors import (
    CircuitOpenError,
    IncompleteDataError,
    RateLimitedError,
    RemoteNotFoundError,
    TransientError,
)
from list_pipeline.core.observations import SendCounters
from list_pipeline.integrations.mailjet.errors import UnreadableAnswerError
from list_pipeline.operations.access import Deciding, Observing
from list_pipeline.operations.campaigns.discovery import rates_of, sent_id
from list_pipeline.storage.campaigns import past_metrics as past_rows
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.past_metrics import PastMetricsCounts
from list_pipeline.storage.campaigns.sent_campaigns import Campaign

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class PastMetrics:
    """What a run read.

    Attributes:
        read: keys of the campaigns whose figures are known now.
        unread: why those of others are not, by key.
        counts: of all campaigns, after it.
    """

    read: tuple[str, ...]
    unread: dict[str, str]
    counts: PastMetricsCounts
    requests: int


def past_metrics_counts(services: Deciding) -> PastMetricsCounts:
    """How many figures of past campaigns are read, missing and given up."""
    with services.database.begin() as connection:
        return past_rows.counts(connection, _sent_before(services), CAMPAIGNS.past_metrics_attempts)


def is_due(services: Deciding) -> bool:
    """Whether there are figures to be read now. No request is made."""
    return bool(_missing(services, most=1))


def collect_past_metrics(services: Observing) -> PastMetrics:
    """Read the figures of past campaigns that have none, the latest first: one request each, at most a hundred.

    What cannot be read is tried again a day later, three times in all.

    Raises:
        IntegrationError: Mailjet does not answer. What was read by then is kept; the next run goes on.
    """
    before, read, unread = services.mailjet.requests_made, list[str](), dict[str, str]()
    for campaign in _missing(services, CAMPAIGNS.past_metrics_at_once):
        try:
            counters = services.mailjet.send_counters(sent_id(campaign))
            problem = _problem(counters, campaign)
        except (IncompleteDataError, RemoteNotFoundError, UnreadableAnswerError) as error:
            problem = error.happened
        except (RateLimitedError, CircuitOpenError):
            raise
        except TransientError as error:
            # The next run begins with the others: one campaign that Mailjet never answers about must not stand before them.
            _note_unread(services, campaign, error.happened)
            raise
        if problem:
            _note_unread(services, campaign, problem)
            unread[campaign.key] = problem
            continue
        with services.database.begin() as connection:
            sent_campaigns.save_metrics(
                connection, campaign, past_rows.PAST, counters, rates_of(counters), services.clock.now()
            )
        read.append(campaign.key)
    found = past_metrics_counts(services)
    log.info("figures of past campaigns read", read=len(read), unread=len(unread), missing=found.missing)
    return PastMetrics(tuple(read), unread, found, services.mailjet.requests_made - before)


def _problem(counters: SendCounters, campaign: Campaign) -> str:
    """Why counters are not those of a whole campaign; empty where they are."""
    if not counters.total:
        return "Mailjet counts no message of it any more"
    return counters_problem(counters, (campaign.recipient_count or 0) if campaign.recipients_known else 0)


def _missing(services: Deciding, most: int) -> tuple[Campaign, ...]:
    with services.database.begin() as connection:
        return past_rows.missing(
            connection,
            _sent_before(services),
            services.clock.now() - CAMPAIGNS.past_metrics_again,
            CAMPAIGNS.past_metrics_attempts,
            most,
        )


def _sent_before(services: Deciding) -> datetime:
    # A younger one gets its figures by its own maintenance.
    return services.clock.now() - timedelta(days=services.settings.list_maintenance_lookback_days)


def _note_unread(services: Deciding, campaign: Campaign, problem: str) -> None:
    log.warning("the figures of a past campaign cannot be read", campaign=campaign.key, problem=problem)
    with services.database.begin() as connection:
        past_rows.note_unread(connection, campaign.campaign_id, problem, services.clock.now())
