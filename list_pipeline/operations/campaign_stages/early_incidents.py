"""Mail operators that stand out half an hour after a launch: the bounces so far are read and judged as in the maintenance, and
what was found is kept. Looked at once for a campaign.

Belongs here: whether and what is read, what it costs, and keeping it. Does not belong here: the test (``core.incidents``).

Requests: none where fewer than three messages bounced hard. Else ten for the counters and both sources, and one for each
further thousand rows of a status or of the bounce log; and where it is not known yet who was mailed, which the maintenance
would else read, one and one for each thousand messages.
"""

from __future__ import annotations

import structlog

from list_pipeline.core.campaign_stages.early_incidents import (
    EarlyIncidents,
    Look,
    failed_so_far,
    is_worth_reading,
    unexplained,
    unusual_groups,
)
from list_pipeline.core.campaign_stages.wrapup import SendCounts
from list_pipeline.core.errors import IncompleteDataError, IntegrationError
from list_pipeline.core.incidents.contacts import incidents_of
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.wording import count_text
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.bounces.fetch import read_sources
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.operations.campaigns.recipients import know_recipients
from list_pipeline.operations.suppression.incidents import count_earlier, judge_counts
from list_pipeline.storage import campaign_stages as stage_rows
from list_pipeline.storage import incidents as incident_rows
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.membership import members

log = structlog.get_logger(__name__)


def look_early(services: ReadingMailjet, campaign: Campaign, counts: SendCounts) -> EarlyIncidents | None:
    """The operators that stand out in a send so far; asked again, what was found then. No failure of Mailjet is raised: what
    cannot be read is not known.

    Returns:
        None: the wrap-up was told before anybody looked.
    """
    with services.database.begin() as connection:
        kept = stage_rows.early_incidents(connection, campaign.campaign_id)
        is_told = stage_rows.is_wrapped_up(connection, campaign.campaign_id)
    if kept is not None or is_told:
        return kept
    found = _look(services, campaign, counts)
    if found.look is Look.UNREAD:
        log.warning("mail operators were not looked at", campaign=campaign.key, why=found.why)
    with services.database.begin() as connection:
        return stage_rows.keep_early_incidents(connection, campaign.campaign_id, found)


def _look(services: ReadingMailjet, campaign: Campaign, counts: SendCounts) -> EarlyIncidents:
    before, now = services.mailjet.requests_made, services.clock.now()
    policy = SuppressionPolicy().incidents
    if not is_worth_reading(counts, policy):
        return EarlyIncidents(now, Look.TOO_FEW)

    def unread(why: str) -> EarlyIncidents:
        return EarlyIncidents(now, Look.UNREAD, (), why.rstrip("."), services.mailjet.requests_made - before)

    try:
        # Once: while Mailjet is sending its counters run ahead, and the maintenance reads it again.
        campaign = know_recipients(services, campaign, attempts=1)
        found = read_sources(services, campaign).together()
    except (IncompleteDataError, IntegrationError) as error:
        return unread(error.happened)
    if not found.is_complete:
        return unread(" ".join(found.problems))
    hard, not_tried = failed_so_far(found.events, now)
    count_earlier(services, campaign.campaign_id, now, policy)
    with services.database.begin() as connection:
        operators = operators_of(connection)
        domains = incident_rows.established_so_far(connection, campaign.campaign_id, hard, not_tried)
        past = incident_rows.past_counts(connection, campaign.campaign_id)
        domain_of = members.domains_of(connection, sorted(hard))
    tested, _ = judge_counts(domains, past, policy, operators)
    groups = unusual_groups(incidents_of(found.events, domain_of, tested, operators, now), found.events)
    if not groups and (unclear := unexplained(found.events)) >= policy.least_hard:
        return unread(f"Mailjet does not say yet why {count_text(unclear, 'message')} bounced hard")
    return EarlyIncidents(now, Look.READ, groups, requests=services.mailjet.requests_made - before)
