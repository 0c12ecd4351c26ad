"""Reads what the check-list asks of a campaign's set-up and of its sender's domain, and keeps who saw a test of it.

What cannot be read is not known, and never ends the validation: a key that may not see senders, say, would keep the list from
being looked at for ever.

Belongs here: which requests are made for it. Does not belong here: the rules (``core.validation.campaign_setup``,
``core.validation.sending_domain``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import IntegrationError, RefusedError, RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import DraftSeen, DraftStatus
from list_pipeline.core.validation.campaign_setup import EarlierCampaign, OtherSend, SeenTest, SetupFacts
from list_pipeline.core.validation.mail_body import MailBody, content_hash
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.validation.sending_domain import DomainFacts, dmarc_policy
from list_pipeline.integrations.mailjet.client import MailjetClient
from list_pipeline.operations.campaigns.discovery import cycle_of_draft
from list_pipeline.operations.people import in_own_words, reviewer
from list_pipeline.operations.services import Services
from list_pipeline.storage import launches as launch_rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation import campaign_setup as setup_rows
from list_pipeline.storage.validation.campaign_setup import SentBefore

log = structlog.get_logger(__name__)


def read_campaign(
    services: Services, campaign: UpcomingCampaign, mailjet: MailjetClient
) -> tuple[SetupFacts, DomainFacts]:
    """A campaign's set-up and its sender's domain. Never fails for Mailjet's or DNS' sake.

    Args:
        mailjet: a client of its own, since the list is read meanwhile and its requests are counted.
    """
    setup = _setup(services, campaign, mailjet)
    return setup, _domain(services, setup.draft.sender_email if setup.draft is not None else "", mailjet)


def _setup(services: Services, campaign: UpcomingCampaign, mailjet: MailjetClient) -> SetupFacts:
    """A campaign's set-up as Mailjet and our rows have it: seven requests, one more for each draft to the same people."""
    with services.database.begin() as connection:
        cycle = cycle_of_draft(connection, campaign.list_role, campaign.subject, services.clock.now())
        joins = cycle.number if campaign.list_role not in cycle.sent else None
        before = setup_rows.sent_before(connection, campaign.campaign_id, joins)
        taken_back = block_rows.standing_cancellation(connection, campaign.campaign_id)
        is_sent_here = launch_rows.is_being_sent(connection, campaign.campaign_id)
    facts = SetupFacts(
        scheduled_at=campaign.scheduled_at,
        is_taken_back=taken_back is not None,
        is_sent_here=is_sent_here,
        allowed_senders=services.settings.allowed_senders(),
        wants_test=services.settings.require_test_send,
        earlier=None if before is None else _earlier(before, None),
    )
    try:
        return _read(services, campaign, before, facts, mailjet)
    except IntegrationError as error:
        log.warning("the set-up of a campaign cannot be read", campaign=campaign.key, error=type(error).__name__)
        return replace(facts, unread=error.happened)


def _read(
    services: Services,
    campaign: UpcomingCampaign,
    before: SentBefore | None,
    facts: SetupFacts,
    mailjet: MailjetClient,
) -> SetupFacts:
    draft = _draft(mailjet, campaign.draft_id)
    if draft is None:
        return facts
    body = _content(mailjet, draft.draft_id)
    if before is not None and before.is_of_this_cycle:
        facts = replace(facts, earlier=_earlier(before, _content(mailjet, before.draft_id)))
    present = content_hash(draft.subject, draft.sender_email, body) if body is not None else ""
    with services.database.begin() as connection:
        test = _test(connection, campaign.campaign_id, present)
    return replace(
        facts,
        draft=draft,
        programmed_for=programmed_for(mailjet, draft),
        sender=mailjet.senders.standing(draft.sender_email) if draft.sender_email else None,
        body=body,
        others=_others(services, campaign, mailjet),
        test=test,
    )


def _domain(services: Services, sender_email: str, mailjet: MailjetClient) -> DomainFacts:
    """The sender's domain as Mailjet's check and DNS have it: one request, and one question to DNS where that is asked."""
    domain = sender_email.rpartition("@")[2].casefold()
    if not domain:
        return DomainFacts(unread="the draft names no sender")
    asks_dns = services.mail_hosts is not None
    records = services.mail_hosts.texts(f"_dmarc.{domain}") if services.mail_hosts is not None else None
    facts = DomainFacts(domain, dmarc=None if records is None else dmarc_policy(records), asks_dns=asks_dns)
    try:
        seen = mailjet.senders.domain(domain)
    except RemoteNotFoundError:
        return replace(facts, unread="Mailjet has no sender of this domain")
    except IntegrationError as error:
        log.warning("the domain of a sender cannot be read", error=type(error).__name__)
        return replace(facts, unread=error.happened)
    return replace(facts, spf=seen.spf, dkim=seen.dkim, checked_at=seen.checked_at)


def _earlier(before: SentBefore, body: MailBody | None) -> EarlierCampaign:
    return EarlierCampaign(
        before.campaign_key, before.round_number, before.is_of_this_cycle, before.subject, before.sender_email, body
    )


def _draft(mailjet: MailjetClient, draft_id: int | None) -> DraftSeen | None:
    if draft_id is None:
        return None
    try:
        return mailjet.drafts.one(draft_id)
    except RemoteNotFoundError:
        return None


def _content(mailjet: MailjetClient, draft_id: int | None) -> MailBody | None:
    if draft_id is None:
        return None
    try:
        return mailjet.drafts.content(draft_id)
    except RemoteNotFoundError:
        return None


def programmed_for(mailjet: MailjetClient, draft: DraftSeen) -> datetime | None:
    """When a draft is sent (UTC); None: it is not programmed, or was sent or taken back while it was looked at."""
    if draft.status != DraftStatus.PROGRAMMED:
        return None
    try:
        return mailjet.drafts.scheduled_for(draft.draft_id)
    except RemoteNotFoundError:
        return None


def _others(services: Services, campaign: UpcomingCampaign, mailjet: MailjetClient) -> Sequence[OtherSend]:
    """Other drafts that are programmed for the same list or for everybody, around the same time."""
    same_people = {campaign.list_id, services.list_ids[ListRole.MASTER]}
    found = []
    for draft in mailjet.drafts.programmed():
        if draft.problem or draft.draft_id == campaign.draft_id or draft.list_id not in same_people:
            continue
        at = programmed_for(mailjet, draft)
        if at is not None and abs(at - campaign.scheduled_at) <= VALIDATION.collision_window:
            found.append(OtherSend(draft.title or draft.subject or f"draft {draft.draft_id}", at))
    return sorted(found, key=lambda each: each.at)


def _test(connection: Connection, campaign_id: int, present: str) -> SeenTest | None:
    stored = setup_rows.latest_test(connection, campaign_id)
    return None if stored is None else SeenTest(stored.tested_by, stored.tested_at, stored.content_hash == present)


def keep_test(services: Services, key: str, *, by: str, note: str = "") -> None:
    """Write down that a person saw a test of a campaign's present content.

    Args:
        by: who saw it; a name, no address. note: what else is to be kept of it.

    Raises:
        NotFoundError: there is no such campaign.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it has no draft at Mailjet, or was sent.
    """
    tried = f"Noting that a test of campaign {key} was seen"
    name = reviewer(services, by, tried)
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
    if campaign.mailjet_campaign_id is not None:
        raise RefusedError(tried, "Mailjet has begun to send it", "Nothing needs to be done")
    draft = _draft(services.mailjet, campaign.draft_id)
    if draft is None:
        raise RefusedError(tried, "its draft is not there at Mailjet", "Schedule the campaign again at Mailjet")
    body = services.mailjet.drafts.content(draft.draft_id)
    present = content_hash(draft.subject, draft.sender_email, body)
    with services.database.begin() as connection:
        setup_rows.save_test(connection, campaign.campaign_id, present, name, in_own_words(note), services.clock.now())
    log.info("a test was seen", campaign=key, by=name)
