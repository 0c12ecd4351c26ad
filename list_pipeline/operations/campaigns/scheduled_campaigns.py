"""Campaigns that Mailjet is going to send: found among its programmed drafts, followed, and offered for their
validation.

Belongs here: the schedule before the send, and when a validation is due. Does not belong here: sends (``discovery``),
and the validation itself (``operations.validation``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaigns import odd_sends as rules
from list_pipeline.core.campaigns.next_campaign import NextCampaign
from list_pipeline.core.campaigns.odd_sends import ScheduledSend
from list_pipeline.core.errors import NotFoundError, RemoteNotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListIds, ListRole
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.observations import DraftSeen, DraftStatus, RowKind, UnreadableRow
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs import run_keys
from list_pipeline.core.runs.limits import VALIDATION_RUNS, Outlook, RunSeen
from list_pipeline.core.validation.policy import VALIDATION
from list_pipeline.core.validation.rules import validation_due_at
from list_pipeline.core.validation.schedule_changes import OwnSchedule
from list_pipeline.core.wording import instant_text
from list_pipeline.integrations.mailjet.errors import UnreadableFieldError
from list_pipeline.operations import unreadable_rows
from list_pipeline.operations.access import ReadingMailjet, Storing
from list_pipeline.operations.campaigns import odd_sends
from list_pipeline.storage import launches as launch_rows
from list_pipeline.storage.campaigns import scheduled_campaigns, sent_campaigns
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.membership import members
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.unreadable_rows import no_rounds
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation import results as validation_rows
from list_pipeline.storage.validation.results import StoredValidation

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Schedule:
    """The result of a look at Mailjet's programmed drafts: partition keys, and in words the drafts that are none of ours."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ToValidate:
    """A campaign that wants a validation now, with the key under which it is asked for. ``why`` is said to people."""

    campaign_key: str
    run_key: str
    why: str


def key_of_campaign(services: Storing, number: int) -> str:
    """The key of the campaign with a number, as the HTTP service shows it.

    Raises:
        NotFoundError: there is no such campaign.
    """
    with services.database.begin() as connection:
        key = scheduled_campaigns.key_by_number(connection, number)
    if key is None:
        raise NotFoundError(f"Reading campaign {number}", "there is no such campaign", "List them first")
    return key


def discover_upcoming(services: ReadingMailjet) -> Schedule:
    """Take over Mailjet's programmed drafts into the campaign schedule: one request, and one for each draft of ours.

    A draft that is not programmed any more is retired with a flag, unless it was cancelled by a block of ours. One that is
    missing among the others is asked for by itself first: a page may lack it. One that cannot be read costs the others nothing:
    it stays as it is known, or nobody moves between lists while it may be a round. A known one that goes to a segment by now,
    or is part of an A/B test, is followed all the same: its list is mailed at its time, and is validated and frozen for it.
    One whose schedule a launch change of ours changed since the drafts were read stays as that change left it.
    """
    looked_at = services.clock.now()
    shown, result = services.mailjet.drafts.programmed(), Schedule()
    standing = _standing(services)
    lacking = _lacking(services, standing - {draft.draft_id for draft in shown})
    spoilt = [draft for draft in shown if draft.problem]
    drafts = (*(draft for draft in shown if not draft.problem), *lacking.programmed)
    found: list[tuple[DraftSeen, ListRole, datetime]] = []
    parts, elsewhere = set(), set()
    for draft in drafts:
        role, why = _place(draft, services.list_ids)
        if role is None:
            elsewhere.add(draft.draft_id)
        elif why:
            parts.add(draft.draft_id)
        if role is None or (why and draft.draft_id not in standing):
            result.ignored.append(f"Mailjet draft {draft.draft_id}: {why}")
            continue
        try:
            found.append((draft, role, services.mailjet.drafts.scheduled_for(draft.draft_id)))
        except RemoteNotFoundError:
            log.info("a draft was sent or taken back while it was looked at", draft=draft.draft_id)
        except UnreadableFieldError as error:
            spoilt.append(replace(draft, problem=f"its schedule: {error.problem}"))
    now = services.clock.now()
    with services.database.begin() as connection:
        sent_campaigns.lock_schedule(connection)
        known = {each.draft_id: each for each in scheduled_campaigns.not_sent_yet(connection)}
        ours = {
            **block_rows.own_schedules(connection),
            **dict.fromkeys(launch_rows.campaigns_changing(connection, looked_at), OwnSchedule.CHANGING),
        }
        sent = scheduled_campaigns.drafts_already_sent(connection, [draft.draft_id for draft, _, _ in found])
        for draft, role, scheduled_at in found:
            each = known.get(draft.draft_id)
            # What we blocked stays blocked: a part of a list is no new schedule of the whole campaign.
            is_left = draft.draft_id in parts and (
                each is None or each.retired_at is not None or each.campaign_id in ours
            )
            if draft.draft_id not in sent and not is_left:
                _follow(connection, each, draft, role, scheduled_at, ours, now, result)
        _note_unreadable(connection, spoilt, services.list_ids, known, now)
        not_to_be_told = lacking.begun | lacking.unread | elsewhere
        if all(draft.draft_id > 0 for draft in spoilt):
            # One without an id may be any that was not shown.
            programmed = ({draft.draft_id for draft in (*drafts, *spoilt)} | lacking.unread) - elsewhere
            _note_not_started(connection, known, not_to_be_told | {draft.draft_id for draft in spoilt}, ours, now)
            _retire(connection, known, programmed, lacking.begun, ours, now, result)
        sizes = {role: size.mailable for role, size in members.stored_sizes(connection).items()}
        scheduled_campaigns.expect(connection, {role: sizes[role] for role in CAMPAIGN_LISTS}, now)
    log.info("schedule read", new=len(result.new), changed=len(result.changed), retired=len(result.retired))
    return result


def _note_unreadable(
    connection: Connection,
    spoilt: Sequence[DraftSeen],
    list_ids: ListIds,
    known: Mapping[int | None, UpcomingCampaign],
    now: datetime,
) -> None:
    settled = {*known, *no_rounds(connection, RowKind.DRAFT)}
    rows = [
        UnreadableRow(
            RowKind.DRAFT,
            draft.draft_id,
            draft.problem,
            list_id=draft.list_id,
            holds_moves=draft.draft_id not in settled
            and (draft.list_id is None or list_ids.role_of(draft.list_id) in CAMPAIGN_LISTS),
        )
        for draft in spoilt
    ]
    unreadable_rows.note_all(connection, RowKind.DRAFT, rows, now)


@dataclass(frozen=True, slots=True)
class _Lacking:
    """Known drafts that no page showed. ``begun``: sent since sends were looked at, which the next look at sends takes over.
    ``unread``: they cannot be read."""

    programmed: tuple[DraftSeen, ...]
    begun: frozenset[int]
    unread: frozenset[int]


def _standing(services: ReadingMailjet) -> frozenset[int]:
    """The drafts that stand in the schedule."""
    with services.database.begin() as connection:
        known = scheduled_campaigns.not_sent_yet(connection)
    return frozenset(each.draft_id for each in known if each.retired_at is None and each.draft_id is not None)


def _lacking(services: ReadingMailjet, draft_ids: AbstractSet[int]) -> _Lacking:
    found: list[DraftSeen] = []
    begun, unread = set(), set()
    for draft_id in sorted(draft_ids):
        try:
            draft = services.mailjet.drafts.one(draft_id)
        except RemoteNotFoundError:
            continue
        except UnreadableFieldError as error:
            log.warning("a draft cannot be read", draft=draft_id, problem=error.problem)
            unread.add(draft_id)
            continue
        if draft.status == DraftStatus.PROGRAMMED:
            log.warning("a programmed draft was missing among the others", draft=draft_id)
            found.append(draft)
        elif draft.status == DraftStatus.SENT:
            begun.add(draft_id)
    return _Lacking(tuple(found), frozenset(begun), frozenset(unread))


def _place(draft: DraftSeen, list_ids: ListIds) -> tuple[ListRole | None, str]:
    """The campaign list of a draft, and why it is none of ours by itself; both where it goes to a part of such a list."""
    role = list_ids.role_of(draft.list_id) if draft.list_id else None
    if role not in CAMPAIGN_LISTS:
        return None, "for a list that is none of the three campaign lists"
    if draft.segmentation_id:
        return role, "for a segment of a list only, so it is no round of a cycle"
    if draft.is_ab_test:
        return role, "part of an A/B test, so it goes to a part of its list; asked about when it is sent"
    return role, ""


def _follow(
    connection: Connection,
    known: UpcomingCampaign | None,
    draft: DraftSeen,
    role: ListRole,
    scheduled_at: datetime,
    ours: Mapping[int, OwnSchedule],
    now: datetime,
    result: Schedule,
) -> None:
    if known is None:
        if key := _insert(connection, draft, role, scheduled_at, now):
            result.new.append(key)
        return
    own = ours.get(known.campaign_id)
    if own is OwnSchedule.CHANGING:
        return
    is_back = known.retired_at is not None or own is OwnSchedule.CANCELLED
    if is_back or (known.scheduled_at, known.list_id) != (scheduled_at, draft.list_id):
        after = ScheduledSend(known.name, role, scheduled_at)
        odd_sends.note(
            connection,
            known.campaign_id,
            [rules.rescheduled(odd_sends.as_scheduled(connection, known), after, now)],
            now,
        )
        # Scheduled again by somebody after our block: that is a new schedule, and it is validated like any other.
        block_rows.reverse_cancellation(connection, known.campaign_id, now)
        scheduled_campaigns.follow_draft(connection, known.campaign_id, draft, role, scheduled_at, now)
        result.changed.append(known.key)


def _insert(
    connection: Connection, draft: DraftSeen, role: ListRole, scheduled_at: datetime, now: datetime
) -> str | None:
    """The key of the campaign of a draft that was not known; None: somebody else just took it over."""
    key = upcoming_key(draft, role, scheduled_at)
    name = redact_addresses(draft.title or draft.subject).strip() or f"Draft {draft.draft_id}"
    is_new = scheduled_campaigns.insert_draft(
        connection, draft, key=key, name=name, role=role, scheduled_at=scheduled_at, now=now
    )
    return key if is_new else None


def take_over_own(
    connection: Connection, draft: DraftSeen, role: ListRole, scheduled_at: datetime, now: datetime
) -> int | None:
    """Take over a draft that a launch change of ours gave an instant (UTC): nobody is told that somebody moved it.

    Returns:
        The number of its campaign; None: Mailjet sends it already, and the look at sends has taken it over.
    """
    sent_campaigns.lock_schedule(connection)
    known = scheduled_campaigns.by_draft(connection, draft.draft_id)
    if known is not None:
        block_rows.reverse_cancellation(connection, known.campaign_id, now)
        scheduled_campaigns.follow_draft(connection, known.campaign_id, draft, role, scheduled_at, now)
        return known.campaign_id
    if draft.draft_id in scheduled_campaigns.drafts_already_sent(connection, [draft.draft_id]):
        return None
    _insert(connection, draft, role, scheduled_at, now)
    made = scheduled_campaigns.by_draft(connection, draft.draft_id)
    return None if made is None else made.campaign_id


def _note_not_started(
    connection: Connection,
    known: Mapping[int | None, UpcomingCampaign],
    begun: AbstractSet[int],
    ours: Mapping[int, OwnSchedule],
    now: datetime,
) -> None:
    """Write down which campaigns should have begun; the sends were looked at right before."""
    for draft_id, each in known.items():
        if each.retired_at is None and draft_id not in begun and each.campaign_id not in ours:
            row = scheduled_campaigns.campaign_by_id(connection, each.campaign_id)
            if row.mailjet_campaign_id is None:
                found = rules.not_started(odd_sends.as_scheduled(connection, row), now)
                odd_sends.note(connection, row.campaign_id, [found], now)


def _retire(
    connection: Connection,
    known: Mapping[int | None, UpcomingCampaign],
    programmed: set[int],
    begun: AbstractSet[int],
    ours: Mapping[int, OwnSchedule],
    now: datetime,
    result: Schedule,
) -> None:
    gone = []
    for draft_id, each in known.items():
        if each.retired_at is not None or draft_id in programmed:
            continue
        is_missed = each.scheduled_at + VALIDATION.missed_after < now
        # What should have begun may just be on its way from the drafts to the campaigns.
        is_taken_back = each.scheduled_at > now and each.campaign_id not in ours and draft_id not in begun
        if is_missed or is_taken_back:
            gone.append(each)
        if is_taken_back:
            taken = rules.taken_back(odd_sends.as_scheduled(connection, each), now)
            odd_sends.note(connection, each.campaign_id, [taken], now)
    scheduled_campaigns.retire(connection, [each.campaign_id for each in gone], now)
    result.retired.extend(each.key for each in gone)


def upcoming_key(draft: DraftSeen, role: ListRole, scheduled_at: datetime) -> str:
    """The partition key of a campaign that was scheduled first: day, round and draft as they were planned at first.

    It stays when the campaign is moved, and when it is sent: a key names a campaign and describes it only once.
    """
    return f"{scheduled_at:%Y-%m-%d}-r{role.round_number}-d{draft.draft_id}"


def upcoming_campaigns(services: Storing) -> tuple[tuple[UpcomingCampaign, StoredValidation | None], ...]:
    """The campaigns that are still to be sent, by their time, each with its latest validation."""
    with services.database.begin() as connection:
        return tuple(
            (each, validation_rows.latest_validation(connection, each.campaign_id))
            for each in scheduled_campaigns.not_sent_yet(connection)
            if each.retired_at is None
        )


def next_campaign(connection: Connection, now: datetime) -> NextCampaign | None:
    """The campaign that Mailjet is to send next after an instant (UTC); a schedule that a block of ours took back is none.
    None: nothing is scheduled."""
    for each in scheduled_campaigns.not_sent_yet(connection):
        is_off = each.retired_at is not None or each.scheduled_at <= now
        if not is_off and block_rows.standing_cancellation(connection, each.campaign_id) is None:
            return NextCampaign(each.key, each.list_role, each.scheduled_at, each.status)
    return None


def to_validate(services: Storing) -> list[ToValidate]:
    """Campaigns that want a validation now, the next one first. Decided from the database.

    One validation a schedule, from its due time on; one that died or failed is tried again until the send. What was blocked
    or let go and not settled at Mailjet is continued.
    """
    now = services.clock.now()
    found = []
    with services.database.begin() as connection:
        for each in scheduled_campaigns.not_sent_yet(connection):
            validation = validation_rows.latest_validation(connection, each.campaign_id)
            is_open = block_rows.open_schedule_change(connection, each.campaign_id) is not None
            why, since = _why(each, validation, is_open, now)
            row = ledger.latest_log(connection, each.campaign_id, Sweep.H24.value, ledger.VALIDATION)
            seen = RunSeen(row.status, row.attempt, row.touched_at, row.finished_at) if row is not None else None
            if since is None or VALIDATION_RUNS.outlook(seen, now) in (Outlook.AT_WORK, Outlook.PAUSES):
                continue
            attempt = row.attempt + 1 if row is not None else 1
            key = run_keys.validation(each.key, each.scheduled_since or since, attempt, since, now)
            found.append(ToValidate(each.key, key, why))
    return found


def _why(
    campaign: UpcomingCampaign, validation: StoredValidation | None, is_open: bool, now: datetime
) -> tuple[str, datetime | None]:
    """Why a campaign wants a validation now, and since when; None: it wants none."""
    if is_open or (validation is not None and validation.finished_at is None):
        return "its validation was not settled", validation.validated_at if validation else now
    if campaign.retired_at is not None or campaign.scheduled_at <= now:
        return "", None
    since = due_since(campaign)
    if now < since or (validation is not None and validation.validated_at >= since):
        return "", None
    return f"it is sent at {instant_text(campaign.scheduled_at)}", since


def due_since(campaign: UpcomingCampaign) -> datetime:
    """From when on (UTC) the validation of a campaign counts: its due time, or when it was scheduled, if that was later."""
    due_at = validation_due_at(campaign.scheduled_at)
    return max(due_at, campaign.scheduled_since) if campaign.scheduled_since is not None else due_at
