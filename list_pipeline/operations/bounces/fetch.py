"""Bounces: reading both of Mailjet's sources, reconciling them with its counters, and keeping the events.

The receivers' own words are read too, where they can matter, and only what they mean is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from types import MappingProxyType

import structlog
from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import (
    BounceClass,
    BounceReason,
    FailureEvent,
    count_by_class,
)
from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.bounces.sources import ReconciledBounces, counted_by_status, reconcile
from list_pipeline.core.errors import IncompleteDataError, IntegrationError, LateLogError, RemoteNotFoundError
from list_pipeline.core.incidents.own_faults import spread
from list_pipeline.core.monitoring.complaints import ComplaintRate, complaint_rate, complaints_of
from list_pipeline.core.observations import (
    BounceSeen,
    MessageEventSeen,
    MessageSeen,
    MessageStatus,
    RowKind,
    SendCounters,
    UnreadableRow,
)
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.integrations.mailjet.errors import UnreadableFieldError
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import Observing, ReadingMailjet, Storing
from list_pipeline.operations.bounces.mail_hosts import operators_of
from list_pipeline.operations.campaigns.discovery import sent_id
from list_pipeline.operations.campaigns.recipients import ATTEMPTS, check_recipients, know_recipients
from list_pipeline.operations.membership.sync import learn_contacts
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.storage import bounces as bounce_rows
from list_pipeline.storage import unreadable_rows as unreadable_row_storage
from list_pipeline.storage.bounces import StoredFetch
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign
from list_pipeline.storage.history import require_kept
from list_pipeline.storage.membership import members

log = structlog.get_logger(__name__)

FAILED_STATUSES = (
    MessageStatus.HARD_BOUNCED,
    MessageStatus.SOFT_BOUNCED,
    MessageStatus.BLOCKED,
    MessageStatus.SPAM,
    MessageStatus.DEFERRED,
    MessageStatus.QUEUED,
    MessageStatus.BOUNCE,
)
"""What is not delivered. A message that is still being tried is among them: it must not pass for a delivery."""


HISTORY_RETRY_AFTER = timedelta(days=1)
"""A past campaign whose bounces could not be read whole is read again after this time, not with every sync."""

FAILURE_EVENTS = frozenset({"bounced", "blocked"})
"""Events of a message's history whose comment is the receiver's refusal."""

_NO_TEXTS: Mapping[int, str] = MappingProxyType({})
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class BounceData:
    """A campaign's failures as one sweep saw them."""

    fetch: StoredFetch
    events: tuple[FailureEvent, ...]
    log_is_late: bool = False


@dataclass(frozen=True, slots=True)
class BounceAnalysis:
    """The failures by class and by reason; contradictory events are counted apart."""

    by_class: Mapping[str, int]
    by_reason: Mapping[str, int]
    contradictions: int
    complaints: ComplaintRate | None


@dataclass(frozen=True, slots=True)
class BounceSources:
    """Both of Mailjet's sources about a campaign as they were read, and its counters, which were read before them."""

    campaign: Campaign
    counters: SendCounters
    bounces: Sequence[BounceSeen]
    messages: Sequence[MessageSeen]

    def together(self, texts: Mapping[int, str] = _NO_TEXTS) -> ReconciledBounces:
        """One event a contact. ``texts``: the receivers' words by contact id, where they are known."""
        campaign = self.campaign
        return reconcile(
            self.bounces,
            self.messages,
            self.counters,
            campaign_id=campaign.campaign_id,
            mailjet_campaign_id=sent_id(campaign),
            sent_at=campaign.send_started_at or campaign.sent_at,
            texts=texts,
            recipients=campaign.recipient_count if campaign.recipients_known else None,
        )


def read_sources(services: ReadingMailjet, campaign: Campaign) -> BounceSources:
    """Read both sources. Nothing is stored.

    It costs a request for the counters, one for each of seven statuses of messages, up to two for the bounce log, and one for
    each further thousand rows.

    Raises:
        IncompleteDataError, RemoteNotFoundError, TransientError: they cannot be read now.
    """
    mailjet, mailjet_id = services.mailjet, sent_id(campaign)
    # One second earlier, because Mailjet's FromTS means "later than"; without it only today's rows come.
    since = (campaign.send_started_at or campaign.sent_at) - timedelta(seconds=1)
    # Counted first: what is counted then is shown by the messages, which are read after it.
    counters = mailjet.send_counters(mailjet_id)
    bounces = mailjet.bounces(mailjet_id, since=since)
    pages = mailjet.messages(mailjet_id, since=since, statuses=FAILED_STATUSES, counted=counted_by_status(counters))
    return BounceSources(campaign, counters, bounces, tuple(members.iterate(pages)))


def fetch_bounces(services: Observing, campaign: Campaign, sweep: Sweep) -> BounceData:
    """The failures of a campaign: the stored ones, or read now and stored. Who was mailed is read first where it is not known.

    Raises:
        LateLogError: one of Mailjet's two sources is late; it is read again within hours.
        IncompleteDataError: what was read, three times over, is fewer than Mailjet counts, or otherwise unusable. It is
            stored as incomplete and read again by the next attempt; nothing may be decided on it.
        HistorySummarisedError: only a summary is left of the campaign.
    """
    with services.database.begin() as connection:
        require_kept(connection, f"Reading the bounces of campaign {campaign.key}", [campaign.campaign_id])
    campaign = know_recipients(services, campaign)
    data = stored_bounces(services, campaign, sweep) or _read_whole(services, campaign, sweep)
    check_recipients(services, campaign, frozenset(event.contact_id for event in data.events if event.in_message_log))
    return data


def _read_whole(services: Observing, campaign: Campaign, sweep: Sweep) -> BounceData:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            data = _read(services, campaign, sweep, services.settings.bounce_texts_max)
        except IncompleteDataError:
            if attempt == ATTEMPTS:
                raise
            continue
        if data.fetch.is_complete or data.log_is_late:
            break
    if data.log_is_late:
        raise LateLogError(
            f"Reading the bounces of campaign {campaign.key}",
            " ".join(problem.rstrip(".") for problem in data.fetch.problems),
            "It waits for Mailjet's log, and nothing was changed; it is read again within an hour",
        )
    if not data.fetch.is_complete:
        raise IncompleteDataError(
            f"Reading the bounces of campaign {campaign.key}",
            " ".join(problem.rstrip(".") for problem in data.fetch.problems),
            "Nothing was changed; run the maintenance again later",
        )
    by_class = count_by_class(data.events)
    log.info(
        "bounce data collected",
        campaign=campaign.key,
        bounces=len(data.events),
        hard=by_class[BounceClass.HARD],
        soft=by_class[BounceClass.SOFT],
    )
    return data


def stored_bounces(services: Storing, campaign: Campaign, sweep: Sweep) -> BounceData | None:
    """A complete reading that is stored, or None.

    Raises:
        HistorySummarisedError: only a summary is left of the campaign.
    """
    with services.database.begin() as connection:
        require_kept(connection, f"Looking at the bounces of campaign {campaign.key}", [campaign.campaign_id])
        fetch = bounce_rows.fetch_of(connection, campaign.campaign_id, sweep.value)
        if fetch is None or not fetch.is_complete:
            return None
        return BounceData(fetch, bounce_rows.events_of(connection, campaign.campaign_id, sweep.value))


def load_history(services: Observing, progress: Progress = logged) -> int:
    """Read the bounces of past campaigns that were never read, oldest first, and return how many campaigns that were.

    Campaigns that are about to be maintained are left to their own run: their T+24 h reading is not taken early.
    """
    settings, now = services.settings, services.clock.now()
    limit = now - timedelta(days=settings.list_maintenance_lookback_days)
    with services.database.begin() as connection:
        # A campaign within the maintenance look-back gets its own run; older ones are only remembered.
        found = bounce_rows.campaigns_without_fetch(connection, limit, now - HISTORY_RETRY_AFTER)
    for row in found:
        with services.database.begin() as connection:
            campaign = sent_campaigns.campaign_by_key(connection, row["campaign_key"])
        progress(f"reading the bounces of {campaign.key}")
        try:
            # Nothing is decided on a past campaign by itself, so nobody's words are asked for.
            data = _read(services, campaign, Sweep.D7, texts_max=0)
        except (IncompleteDataError, RemoteNotFoundError, UnreadableFieldError) as error:
            # Its attempts stay unknown, which resets and counts nothing; the other campaigns go on.
            log.warning("a past campaign's bounces cannot be read", campaign=campaign.key, error=str(error))
            continue
        if not data.fetch.is_complete:
            log.warning(
                "a past campaign's bounces are incomplete", campaign=campaign.key, problems=len(data.fetch.problems)
            )
    return len(found)


def _read(services: ReadingMailjet, campaign: Campaign, sweep: Sweep, texts_max: int) -> BounceData:
    mailjet, mailjet_id = services.mailjet, sent_id(campaign)
    before, now = mailjet.requests_made, services.clock.now()
    sources = read_sources(services, campaign)
    bounces, messages, found = sources.bounces, sources.messages, sources.together()
    log_is_late = bool(found.late_log) and now - campaign.sent_at <= BOUNCES.late_log_until
    unread: tuple[str, ...] = ()
    if found.is_complete and texts_max and not log_is_late:
        texts, unread = _read_words(services, campaign, found.events, messages, texts_max)
        if texts:
            found = sources.together(texts)
    findings = learn_contacts(services, [event.contact_id for event in found.events])
    fetch = StoredFetch(
        campaign_id=campaign.campaign_id,
        sweep=sweep.value,
        fetched_at=services.clock.now(),
        is_complete=found.is_complete and not log_is_late,
        problems=[*found.problems, *([found.late_log] if log_is_late else [])],
        warnings=[*found.warnings, *findings, *unread],
        rows_read=found.rows_read,
        duplicates=found.duplicates_count,
        requests=mailjet.requests_made - before,
    )
    with services.database.begin() as connection:
        _note_unreadable(connection, mailjet_id, bounces, messages, fetch.fetched_at)
        if not bounce_rows.save_fetch(connection, fetch, found.events):
            # Another run read the same campaign at the same time and was first: what is stored counts.
            stored = bounce_rows.fetch_of(connection, campaign.campaign_id, sweep.value)
            if stored is not None:
                return BounceData(stored, bounce_rows.events_of(connection, campaign.campaign_id, sweep.value))
        elif fetch.is_complete:
            members.count_bounces(connection, campaign.campaign_id, sweep.value, services.clock.now())
    return BounceData(fetch, found.events, log_is_late and found.is_complete)


def _note_unreadable(
    connection: Connection,
    mailjet_id: int,
    bounces: Sequence[BounceSeen],
    messages: Sequence[MessageSeen],
    now: datetime,
) -> None:
    """Keep which rows of both logs could not be read, and end those that can be read again."""
    rows = [
        *(UnreadableRow(RowKind.BOUNCE, one.row_id, one.problem, one.contact_id, mailjet_id) for one in bounces),
        *(UnreadableRow(RowKind.MESSAGE, one.message_id, one.problem, one.contact_id, mailjet_id) for one in messages),
    ]
    read = {
        kind: [row.row_id for row in rows if row.kind is kind and not row.problem]
        for kind in (RowKind.BOUNCE, RowKind.MESSAGE)
    }
    for kind, ids in read.items():
        unreadable_row_storage.end_of_log(connection, kind, mailjet_id, ids, now)
    unreadable_rows.note(connection, rows, now)


def _read_words(
    services: ReadingMailjet,
    campaign: Campaign,
    events: Sequence[FailureEvent],
    messages: Sequence[MessageSeen],
    most: int,
) -> tuple[Mapping[int, str], tuple[str, ...]]:
    """The receivers' words by contact id, for at most so many of the failures that they can matter for, and warnings.

    The texts are for this reading only: they are neither stored nor logged. A text that cannot be read is a warning and
    its contact is judged without it.
    """
    failed = _failed_by_contact(messages)
    asked = [
        (event.contact_id, message_id)
        for event in _open_questions(services, campaign, events)
        if (message_id := _message_of(event, failed)) is not None
    ]
    asked += _sampled(services, events, failed, {contact_id for contact_id, _ in asked}, most - len(asked))
    texts: dict[int, str] = {}
    unread, reason = 0, ""
    for number, (contact_id, message_id) in enumerate(asked[:most]):
        try:
            words = last_refusal(services.mailjet.message_history(message_id))
        except (IncompleteDataError, RemoteNotFoundError, UnreadableFieldError) as error:
            unread, reason = unread + 1, error.happened
            continue
        except IntegrationError as error:
            # Mailjet itself failed. The words are an extra: asking on would open the circuit that the next steps need.
            unread, reason = unread + len(asked[number:most]), error.happened
            break
        if words:
            texts[contact_id] = words
    warnings = []
    if unread:
        log.warning("receivers' words not read", campaign=campaign.key, failures=unread, reason=reason)
        warnings.append(f"The receivers' words of {unread} failures could not be read: they are judged without them.")
    if len(asked) > most:
        warnings.append(
            f"The receivers' words of {len(asked) - most} failures were not asked for: BOUNCE_TEXTS_MAX is {most}."
        )
    return texts, tuple(warnings)


def _sampled(
    services: Storing,
    events: Sequence[FailureEvent],
    failed: Mapping[int, Sequence[MessageSeen]],
    asked: Collection[int],
    most: int,
) -> list[tuple[int, int]]:
    """Undisputed hard bounces whose words are read besides, spread over the mail operators, with the message of each."""
    if most <= 0:
        return []
    with services.database.begin() as connection:
        domains = members.domains_of(connection, [event.contact_id for event in events])
        operators = operators_of(connection)
    chosen = [event for event in spread(events, domains, operators) if event.contact_id not in asked]
    found = ((event.contact_id, _message_of(event, failed)) for event in chosen)
    with_message = ((contact_id, number) for contact_id, number in found if number is not None)
    return list(islice(with_message, min(most, BOUNCES.words_sampled)))


def _open_questions(services: Storing, campaign: Campaign, events: Sequence[FailureEvent]) -> list[FailureEvent]:
    """The failures for which words can matter: disputed ones first, then those of which Mailjet gives no state that is known,
    then soft ones that may complete a pattern, then refused access, which may be an unknown user; the latest first within
    each."""
    soft = {
        event.contact_id: event.reason for event in events if event.counts and event.bounce_class is BounceClass.SOFT
    }
    with services.database.begin() as connection:
        repeated = bounce_rows.failed_before(
            connection,
            soft,
            SuppressionPolicy().soft_attempts - 1,
            except_campaign=campaign.campaign_id,
            as_of=services.clock.now(),
        )
    ranked = []
    for event in events:
        if event.is_contradictory:
            continue
        if event.classification.is_disputed:
            ranked.append((0, event))
        elif event.reason is BounceReason.UNCLASSIFIED and event.status is not MessageStatus.UNKNOWN:
            ranked.append((1, event))
        elif event.contact_id in repeated:
            ranked.append((2, event))
        elif event.reason is BounceReason.ACCESS_DENIED:
            ranked.append((3, event))
    ranked.sort(key=lambda pair: (pair[0], -pair[1].occurred_at.timestamp(), pair[1].contact_id))
    return [event for _, event in ranked]


def _failed_by_contact(messages: Sequence[MessageSeen]) -> Mapping[int, Sequence[MessageSeen]]:
    """The messages that failed, by contact id."""
    found: dict[int, list[MessageSeen]] = {}
    for row in messages:
        if row.status in FAILED_STATUSES:
            found.setdefault(row.contact_id, []).append(row)
    return found


def _message_of(event: FailureEvent, failed: Mapping[int, Sequence[MessageSeen]]) -> int | None:
    """The message that failed so: the one with the event's state before others, the latest before earlier ones.

    Args:
        failed: as of ``_failed_by_contact``.
    """
    own = failed.get(event.contact_id)
    if not own:
        return None
    return max(
        own, key=lambda row: (row.state_id == event.state_id, row.arrived_at or _NEVER, row.message_id)
    ).message_id


def last_refusal(history: Sequence[MessageEventSeen]) -> str:
    """The text of a message's last event where that is a failure; empty where there is none, or something came after."""
    if not history:
        return ""
    _, last = max(enumerate(history), key=lambda pair: (pair[1].occurred_at or _NEVER, pair[0]))
    return last.comment if last.event_type in FAILURE_EVENTS else ""


def analyse(data: BounceData, recipients: int) -> BounceAnalysis:
    """Failures by class and reason."""
    certain = [event for event in data.events if not event.is_contradictory]
    by_class = count_by_class(certain)
    by_reason = Counter(event.reason.value for event in certain)
    return BounceAnalysis(
        by_class={bounce_class.value: count for bounce_class, count in by_class.items()},
        by_reason=dict(by_reason.most_common()),
        contradictions=len(data.events) - len(certain),
        complaints=complaint_rate(complaints_of(certain), recipients),
    )
