"""Who was mailed by a campaign: read from its messages, and known only when they agree with Mailjet's counters.

Our own rows of the list are no proof, also where their number is the same: one contact may have left and another come. What
is not proven is not recorded, nothing is planned on it, and it is read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.campaigns.recipients import reading_problem
from list_pipeline.core.campaigns.same_mailing import earlier_rounds, later_rounds
from list_pipeline.core.errors import IncompleteDataError, RemoteNotFoundError
from list_pipeline.core.observations import MessageSeen, MessageStatus, RowKind, SendCounters, UnreadableRow
from list_pipeline.core.reviews.questions import MAILED_TWICE
from list_pipeline.core.told_events.events import EventKind
from list_pipeline.core.wording import count_text, ids_text
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.storage import engagement
from list_pipeline.storage.campaigns import recipients as recipient_rows
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.engagement import Sign
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""How often a reading that is not whole is repeated at once; after that the next synchronisation or attempt does."""


@dataclass(slots=True)
class Recorded:
    """The keys of campaigns whose recipients are known now, and in words why those of others are not."""

    known: list[str] = field(default_factory=list)
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def findings(self) -> list[str]:
        """A sentence for each campaign of which it is not known who was mailed."""
        return [f"It is not known who was mailed by campaign {key}: {why}" for key, why in self.unknown.items()]


def record_recipients(services: ReadingMailjet, progress: Progress = logged) -> Recorded:
    """Record who was mailed by every campaign of which it is not proven yet: one request for the counters, and one for each
    thousand messages.

    Of what an earlier version read from messages the number is compared with the counters once; what one took from our rows of
    the list is read.
    """
    now, result = services.clock.now(), Recorded()
    with services.database.begin() as connection:
        waiting = recipient_rows.recipients_missing(
            connection,
            young_since=now - CAMPAIGNS.recipients_read_often,
            tried_before=now - CAMPAIGNS.recipients_read_again,
        )
    for campaign in waiting:
        is_young = now - campaign.sent_at < CAMPAIGNS.sending_takes
        try:
            problem = _record(services, campaign, 1 if is_young else ATTEMPTS, progress)
        except (IncompleteDataError, RemoteNotFoundError) as error:
            # One campaign that Mailjet cannot tell about must not keep the others from being maintained.
            problem = error.happened
        if not problem:
            result.known.append(campaign.key)
            continue
        log.warning("recipients not recorded yet", campaign=campaign.key, problem=problem)
        if not is_young:
            result.unknown[campaign.key] = problem
    return result


def know_recipients(
    services: ReadingMailjet, campaign: Campaign, progress: Progress = logged, attempts: int = ATTEMPTS
) -> Campaign:
    """The campaign with its recipients, read now where they are not known yet. Without a request where they are.

    Args:
        attempts: how often a reading that is not whole is made at once.

    Raises:
        IncompleteDataError: what was read does not agree with what Mailjet counts; nothing was recorded.
    """
    with services.database.begin() as connection:
        campaign = sent_campaigns.campaign_by_key(connection, campaign.key)
    if campaign.recipients_known:
        return campaign
    try:
        problem = _record(services, campaign, attempts, progress)
    except IncompleteDataError as error:
        problem = error.happened
    if problem:
        raise _unknown(campaign, problem)
    with services.database.begin() as connection:
        return sent_campaigns.campaign_by_key(connection, campaign.key)


def check_recipients(services: ReadingMailjet, campaign: Campaign, failed: frozenset[int]) -> None:
    """Read who was mailed once more where contacts failed who are not among the recipients: then these were not all.

    Args:
        failed: contacts to whom a message of the campaign failed.

    Raises:
        IncompleteDataError: the messages do not show them either, or could not be read whole.
    """

    def lacking() -> int:
        with services.database.begin() as connection:
            return len(failed - recipient_rows.recipients_among(connection, campaign.campaign_id, sorted(failed)))

    if not lacking():
        return
    with services.database.begin() as connection:
        recipient_rows.doubt_recipients(connection, campaign.campaign_id, services.clock.now())
    log.warning("recipients are read again", campaign=campaign.key)
    know_recipients(services, campaign)
    if left := lacking():
        with services.database.begin() as connection:
            recipient_rows.doubt_recipients(connection, campaign.campaign_id, services.clock.now())
        raise _unknown(campaign, f"messages to {left} contacts failed that are not among the messages that were read")


def require_known(connection: Connection, key: str, tried: str) -> Campaign:
    """A campaign whose recipients are known.

    Raises:
        IncompleteDataError: they are not; nothing may be planned on them.
    """
    campaign = sent_campaigns.campaign_by_key(connection, key)
    if not campaign.recipients_known:
        raise IncompleteDataError(
            tried, "it is not known who was mailed", "Nothing was planned; read it first: run the maintenance again"
        )
    return campaign


def _unknown(campaign: Campaign, problem: str) -> IncompleteDataError:
    return IncompleteDataError(
        f"Reading who was mailed by campaign {campaign.key}",
        problem,
        "Nothing was planned or changed; it is read again by the next attempt",
    )


def _record(services: ReadingMailjet, campaign: Campaign, attempts: int, progress: Progress) -> str:
    """Prove what is recorded, or read and record it; the last reading's problem, empty when it is known now."""
    if campaign.mailjet_campaign_id is None or campaign.send_started_at is None:
        return "it was not sent yet"
    problem = ""
    for attempt in range(1, attempts + 1):
        try:
            problem = _read_and_save(
                services, campaign, campaign.mailjet_campaign_id, campaign.send_started_at, progress
            )
        except IncompleteDataError as error:
            problem = error.happened
        if not problem:
            return ""
        log.info("messages and counters do not agree", campaign=campaign.key, attempt=attempt, problem=problem)
    with services.database.begin() as connection:
        recipient_rows.note_recipients_tried(connection, campaign.campaign_id, services.clock.now())
    return problem


def _read_and_save(
    services: ReadingMailjet, campaign: Campaign, mailjet_id: int, started_at: datetime, progress: Progress
) -> str:
    counters = services.mailjet.send_counters(mailjet_id)
    with services.database.begin() as connection:
        on_list = recipient_rows.recipients_by_membership(connection, campaign.list_role, started_at)
        # A number that agrees proves messages that were read. Our rows of a list, which the first versions recorded, may hold
        # one who left for one who came.
        stored = campaign.recipient_count if campaign.recipients_source == recipient_rows.FROM_MESSAGES else None
        if stored and not campaign.recipients_doubted and counters.total == stored:
            recipient_rows.prove_recipients(connection, campaign.campaign_id, services.clock.now())
            return ""
    progress(f"reading the messages of {campaign.key}: {counters.total}")
    messages = _messages(services, mailjet_id, started_at, counters)
    problem = reading_problem(counters, len(messages), len(on_list))
    if not problem:
        # An erased contact and one that cannot be told are counted and named by nobody.
        mailed = {message.contact_id for message in messages.values() if message.contact_id > 0}
        with services.database.begin() as connection:
            now = services.clock.now()
            unreadable_rows.note(connection, _unreadable(messages, mailjet_id), now)
            recipient_rows.save_recipients(connection, campaign.campaign_id, mailed, now)
            engagement.note(connection, signs_of(messages.values(), started_at))
            note_mailed_twice(connection, [mailjet_id], now)
    return problem


def signs_of(messages: Iterable[MessageSeen], started_at: datetime) -> Iterator[Sign]:
    """The opens and clicks that the message log shows of itself, dated by the arrival of their messages: when somebody looked
    is not in it, and it was not before.

    Args:
        started_at: when the send began (UTC): the date of a message that carries none.
    """
    for message in messages:
        if message.contact_id <= 0 or message.problem:
            continue
        for kind in _SIGNS.get(message.status, ()):
            at = message.arrived_at or started_at
            yield Sign(message.contact_id, message.mailjet_campaign_id, kind, at)


_SIGNS: Mapping[MessageStatus, tuple[EventKind, ...]] = {
    MessageStatus.OPENED: (EventKind.OPEN,),
    MessageStatus.CLICKED: (EventKind.OPEN, EventKind.CLICK),
}
"""Nobody clicks without opening."""


def _unreadable(messages: Mapping[int, MessageSeen], mailjet_id: int) -> list[UnreadableRow]:
    """The messages that could not be read; one that does not say to whom it went leaves open who got the round."""
    return [
        UnreadableRow(RowKind.MESSAGE, one.message_id, one.problem, one.contact_id, mailjet_id)
        for one in messages.values()
    ]


def note_mailed_twice(connection: Connection, sends: Iterable[int], now: datetime) -> None:
    """Write down who got the same mailing twice with these sends or with later ones. It must not happen; when it happened all
    the same, people are told to whom.

    Args:
        sends: by their ids at Mailjet; those whose recipients were recorded, or that were put into another cycle.
    """
    cycles = sent_campaigns.all_cycles(connection)
    concerned = {each for send in sends for each in (send, *later_rounds(cycles, send))}
    for send in sorted(concerned):
        if not (earlier := earlier_rounds(cycles, send)):
            continue
        campaign = sent_campaigns.campaign_of_send(connection, send)
        if not (twice := recipient_rows.mailed_twice(connection, campaign.campaign_id, earlier)):
            continue
        log.error("contacts got a mailing twice", campaign=campaign.key, contacts=len(twice))
        words = f"{count_text(len(twice), 'contact')} got the cycle of {campaign.key} a second time with it: {ids_text(twice)}"
        plan_rows.add_finding(
            connection, words, now, campaign_id=campaign.campaign_id, about=MAILED_TWICE, contact_ids=twice
        )


def _messages(
    services: ReadingMailjet, mailjet_id: int, started_at: datetime, counters: SendCounters
) -> Mapping[int, MessageSeen]:
    # One second earlier, because Mailjet's FromTS means "later than"; without it only today's rows come.
    since = started_at - timedelta(seconds=1)
    pages = services.mailjet.messages(mailjet_id, since=since, counted={None: counters.total})
    return {message.message_id: message for message in members.iterate(pages)}
