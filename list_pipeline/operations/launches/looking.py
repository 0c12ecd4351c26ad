"""A look at a draft before anything is asked for, and right before it is carried out: what it is, and what stands against it.

Does not belong here: the rules (``core.launches.rules``), and writing anything down (``asking``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaign_stages.calendar import EntryKind
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import RefusedError, RemoteNotFoundError
from list_pipeline.core.foreign_text import id_in
from list_pipeline.core.launches.changes import WITH_INSTANT, LaunchAction
from list_pipeline.core.launches.policy import LAUNCHES
from list_pipeline.core.launches.rules import (
    OFF,
    Circumstances,
    LaunchContent,
    Refusal,
    collision_words,
    expires_at,
    hash_of_body,
    hash_of_sender,
    sender_words,
    why_refused,
)
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.core.observations import DraftSeen
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.wording import count_text, instant_text
from list_pipeline.integrations.mailjet import MailjetClient
from list_pipeline.integrations.mailjet.errors import UnreadableFieldError
from list_pipeline.operations.access import Deciding, ReadingMailjet
from list_pipeline.operations.campaign_stages.calendar import window
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.campaign_setup import programmed_for
from list_pipeline.storage import launches as rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.membership import members
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation import results as validation_rows
from list_pipeline.storage.validation.results import StoredValidation

_TIMEOUT_S = 10.0
"""Whoever asks over HTTP looks at the screen."""
_MOST_FINDINGS = 5
_MOST_AROUND = 5
_SHOWN_OF_CALENDAR = (EntryKind.ROUND, EntryKind.FREEZE, EntryKind.MAINTENANCE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody thinks of.

    Attributes:
        target: a campaign's key, or the number of a draft at Mailjet.
        at: the instant (UTC), where the action has one.
    """

    action: LaunchAction
    target: str
    at: datetime | None = None

    @property
    def tried(self) -> str:
        """As errors begin."""
        what = f"draft {self.target}" if self.target.isdigit() else self.target
        return f"{self.action.gerund} {what}"


@dataclass(frozen=True, slots=True)
class LaunchLook:
    """A launch change as it is shown before it is asked for. Instants in UTC.

    Attributes:
        campaign: None: the draft stands in no schedule of ours. role: None: it goes to none of the three lists.
        expected: contacts on its list that can be mailed now; None: nobody knows.
        notes: what the last validation found, and what is around the instant, as sentences.
        expires_at: until when it could be decided. refusal: why it cannot be asked for; None: it can.
        stopped_because: why nothing may be changed now, whoever approves; None: something may.
    """

    content: LaunchContent
    draft: DraftSeen
    campaign: UpcomingCampaign | None
    role: ListRole | None
    sender: str
    expected: int | None
    notes: tuple[str, ...]
    expires_at: datetime
    refusal: Refusal | None
    stopped_because: str | None

    @property
    def name(self) -> str:
        """What its draft is called, without addresses."""
        return redact_foreign_text(self.draft.title or self.draft.subject) or f"Draft {self.draft.draft_id}"

    @property
    def subject(self) -> str:
        """Its subject, without addresses."""
        return redact_foreign_text(self.draft.subject)


def require_on(services: Deciding, tried: str) -> None:
    """Launch changes are switched on.

    Raises:
        RefusedError: they are not.
    """
    if not services.settings.launches_from_here:
        raise RefusedError(tried, *OFF)


def look(services: Services, wanted: Wanted, *, at_once: bool = False) -> LaunchLook:
    """Look at a draft, and at what stands around the instant that somebody thinks of: three requests.

    Args:
        at_once: somebody waits before a screen: no request waits for an allowance or is repeated.

    Raises:
        NotFoundError: no campaign has this key.
        RefusedError: launch changes are off; the campaign was sent; or the draft is gone or cannot be read.
        TransientError: Mailjet does not answer now.
    """
    require_on(services, wanted.tried)
    draft_id = _draft_of(services, wanted)
    with _mailjet(services, at_once=at_once) as mailjet:
        draft, content = read_content(mailjet, wanted.action, draft_id, wanted.at, wanted.tried)
    now, role = services.clock.now(), role_of(services, draft)
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.by_draft(connection, draft_id)
        refusal = why_refused(content, draft, circumstances(connection, draft, role), now)
        expected = _expected(connection, role)
        validation = (
            validation_rows.latest_validation(connection, campaign.campaign_id) if campaign is not None else None
        )
        collisions = _collisions(connection, content, campaign, role, now)
    notes = (*_of_validation(wanted.action, validation), *collisions, *_around(services, content, campaign, role, now))
    return LaunchLook(
        content,
        draft,
        campaign,
        role,
        sender_words(draft),
        expected,
        notes,
        expires_at(content, now),
        refusal,
        change_block_reason(services),
    )


@contextmanager
def _mailjet(services: Services, *, at_once: bool) -> Iterator[MailjetClient]:
    if not at_once:
        yield services.mailjet
        return
    with services.mailjet_at_once(_TIMEOUT_S) as own:
        yield own


def _draft_of(services: Deciding, wanted: Wanted) -> int:
    number = id_in(wanted.target)
    if number is not None:
        return number
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, wanted.target)
    if campaign.mailjet_campaign_id is not None:
        raise RefusedError(wanted.tried, "Mailjet has begun to send it", "Nothing here stops it any more")
    if campaign.draft_id is None:
        raise RefusedError(wanted.tried, "no draft of it is known", "Do it at Mailjet")
    return campaign.draft_id


def read_content(
    mailjet: MailjetClient, action: LaunchAction, draft_id: int, wanted_at: datetime | None, tried: str
) -> tuple[DraftSeen, LaunchContent]:
    """A draft as it is at Mailjet now, and what a content hash covers of it: three requests.

    Raises:
        RefusedError: it is gone, or cannot be read.
        TransientError: Mailjet does not answer now.
    """
    try:
        draft = mailjet.drafts.one(draft_id)
        at = programmed_for(mailjet, draft)
        body = mailjet.drafts.content(draft_id)
    except RemoteNotFoundError:
        raise RefusedError(tried, "there is no such draft at Mailjet", "Look at the drafts there") from None
    except UnreadableFieldError as error:
        raise RefusedError(tried, f"it cannot be read: {error.problem}", "Look at the draft at Mailjet") from None
    return draft, LaunchContent(
        action,
        draft_id,
        draft.list_id,
        draft.segmentation_id,
        draft.subject,
        hash_of_sender(draft),
        hash_of_body(body),
        at,
        wanted_at if action in WITH_INSTANT else None,
    )


def role_of(services: ReadingMailjet, draft: DraftSeen) -> ListRole | None:
    """The campaign list that a draft goes to; None: it goes to none of the three."""
    role = services.list_ids.role_of(draft.list_id) if draft.list_id else None
    return role if role in CAMPAIGN_LISTS else None


def circumstances(
    connection: Connection, draft: DraftSeen, role: ListRole | None, own: int | None = None
) -> Circumstances:
    """What stands beside a draft in our rows.

    Args:
        own: the launch change that is looked at, which does not stand in its own way.
    """
    campaign = scheduled_campaigns.by_draft(connection, draft.draft_id)
    is_blocked = campaign is not None and campaign.status is CampaignStatus.BLOCKED and campaign.retired_at is None
    is_changing = campaign is not None and block_rows.open_schedule_change(connection, campaign.campaign_id) is not None
    open_launch = rows.open_of_draft(connection, draft.draft_id)
    return Circumstances(
        role,
        is_blocked,
        is_changing,
        open_launch if open_launch != own else None,
        rows.send_posted_at(connection, draft.draft_id),
    )


def _expected(connection: Connection, role: ListRole | None) -> int | None:
    sizes = members.stored_sizes(connection)
    if role is None or scheduled_campaigns.last_synced_at(connection, role) is None or role not in sizes:
        return None
    return sizes[role].mailable


def _of_validation(action: LaunchAction, found: StoredValidation | None) -> tuple[str, ...]:
    if found is None:
        then = "right before it is sent" if action is LaunchAction.SEND else "when it is due, once it is scheduled"
        return () if action is LaunchAction.CANCEL else (f"It was never validated; its list is validated {then}.",)
    wrong = [each for each in found.results if each.severity is not Severity.PASSED]
    head = f"Its last validation, at {instant_text(found.validated_at)}"
    if not wrong:
        return (f"{head}, found nothing wrong.",)
    blocks = ", and blocks it" if found.is_blocking else ""
    words = tuple(f"{each.severity.value.capitalize()}: {each.words}" for each in wrong[:_MOST_FINDINGS])
    more = len(wrong) - len(words)
    return (
        f"{head}, found {count_text(len(wrong), 'problem')}{blocks}:",
        *words,
        *((f"And {more} more: `list-pipeline validate`.",) if more else ()),
    )


def _instant(content: LaunchContent, now: datetime) -> datetime | None:
    """When it would be sent; None: it would not be."""
    return {
        LaunchAction.CANCEL: None,
        LaunchAction.SEND: now,
        LaunchAction.SCHEDULE: content.wanted_at,
        LaunchAction.MOVE: content.wanted_at,
    }[content.action]


def _collisions(
    connection: Connection,
    content: LaunchContent,
    campaign: UpcomingCampaign | None,
    role: ListRole | None,
    now: datetime,
) -> tuple[str, ...]:
    at = _instant(content, now)
    if at is None or role is None:
        return ()
    others = [
        (each.key, each.list_role, each.scheduled_at)
        for each in scheduled_campaigns.not_sent_yet(connection)
        if each.retired_at is None and (campaign is None or each.campaign_id != campaign.campaign_id)
    ]
    return collision_words(others, role, at)


def _around(
    services: Deciding,
    content: LaunchContent,
    campaign: UpcomingCampaign | None,
    role: ListRole | None,
    now: datetime,
) -> tuple[str, ...]:
    """What the calendar has around the instant: other sends, freezes of the list, and maintenances."""
    at = _instant(content, now)
    if at is None or at - now > LAUNCHES.longest_ahead or at < now - LAUNCHES.near:
        return ()
    begins, ends = at - LAUNCHES.around, at + LAUNCHES.around
    shown = window(services, begins.date(), (ends.date() - begins.date()).days + 1)
    own = campaign.key if campaign is not None else None
    found = [
        f"{entry.title}: {instant_text(entry.at)}" + (f" to {instant_text(entry.until)}." if entry.until else ".")
        for entry in shown.entries
        if entry.kind in _SHOWN_OF_CALENDAR
        and entry.overlaps(begins, ends)
        and (own is None or entry.campaign != own)
        and (entry.kind is not EntryKind.FREEZE or entry.list is role)
    ]
    return tuple(found[:_MOST_AROUND])
