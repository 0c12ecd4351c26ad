"""Launch changes as people see them: what waits, all of them page by page, and one.

Does not belong here: looking at a draft (``looking``), and deciding (``deciding``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.launches.messages import what_is_asked
from list_pipeline.core.lists import ListRole
from list_pipeline.core.masking import redact_foreign_text
from list_pipeline.operations.access import Deciding, Storing
from list_pipeline.operations.launches.deciding import launch_of
from list_pipeline.operations.launches.looking import LaunchLook
from list_pipeline.operations.views.pages import Page
from list_pipeline.storage import launches as rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.launches import Launch


@dataclass(frozen=True, slots=True)
class LaunchShown:
    """A launch change. Instants are UTC, None where something did not happen.

    Attributes:
        campaign: the key of its campaign; None: its draft stands in no schedule of ours. draft: Mailjet's number of it.
        what: what is asked for, as a sentence without its full stop.
        sender: without the address. expected: contacts that could be mailed when it was asked for.
        programmed_for: when Mailjet was to send it by then; wanted_at: the instant that is asked for.
        notes: what was shown beside it, as sentences. expires_at: until when it can be decided and carried out.
        submitting_at: when its latest request to Mailjet was written down. words: what became of it.
    """

    number: int
    action: LaunchAction
    state: LaunchState
    what: str
    campaign: str | None
    draft: int
    list: ListRole
    subject: str
    sender: str
    expected: int | None
    programmed_for: datetime | None
    wanted_at: datetime | None
    notes: tuple[str, ...]
    content_hash: str
    asked_by: str
    asked_at: datetime
    note: str
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision_note: str | None
    submitting_at: datetime | None
    ended_at: datetime | None
    words: str


@dataclass(frozen=True, slots=True)
class LookShown:
    """A launch change as it is shown before it is asked for, and the hash with which that is done. Instants are UTC.

    Attributes:
        campaign, draft, list, sender, expected, programmed_for, wanted_at, notes: as ``LaunchShown``; list None: none of the
            three.
        name: what the draft is called. expires_at: until when it could be decided.
        refused_because, next_step: why it cannot be asked for, and what to do instead; None and empty: it can.
        stopped_because: why nothing may be changed now, whoever approves; None: something may.
    """

    action: LaunchAction
    what: str
    campaign: str | None
    draft: int
    name: str
    subject: str
    sender: str
    list: ListRole | None
    expected: int | None
    programmed_for: datetime | None
    wanted_at: datetime | None
    notes: tuple[str, ...]
    content_hash: str
    expires_at: datetime
    refused_because: str | None
    next_step: str
    stopped_because: str | None


def look_shown(found: LaunchLook) -> LookShown:
    """A look as people see it."""
    content = found.content
    return LookShown(
        action=content.action,
        what=what_is_asked(content.action, content.draft_id, content.programmed_for, content.wanted_at),
        campaign=found.campaign.key if found.campaign is not None else None,
        draft=content.draft_id,
        name=found.name,
        subject=found.subject,
        sender=found.sender,
        list=found.role,
        expected=found.expected,
        programmed_for=content.programmed_for,
        wanted_at=content.wanted_at,
        notes=found.notes,
        content_hash=content.hash,
        expires_at=found.expires_at,
        refused_because=found.refusal.happened if found.refusal is not None else None,
        next_step=found.refusal.next_step if found.refusal is not None else "",
        stopped_because=found.stopped_because,
    )


def shown(one: Launch) -> LaunchShown:
    """A stored launch change as people see it."""
    return LaunchShown(
        number=one.launch_id,
        action=one.action,
        state=one.state,
        what=what_is_asked(one.action, one.draft_id, one.programmed_for, one.wanted_at),
        campaign=one.campaign,
        draft=one.draft_id,
        list=one.list_role,
        subject=redact_foreign_text(one.subject),
        sender=one.sender,
        expected=one.expected,
        programmed_for=one.programmed_for,
        wanted_at=one.wanted_at,
        notes=one.notes,
        content_hash=one.content_hash,
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        note=one.note,
        expires_at=one.expires_at,
        decided_by=one.decided_by,
        decided_at=one.decided_at,
        decision_note=one.decision_note,
        submitting_at=one.submitting_at,
        ended_at=one.ended_at,
        words=one.words,
    )


def launch_shown(services: Storing, launch_id: int) -> LaunchShown:
    """One launch change.

    Raises:
        NotFoundError: there is no such launch change.
    """
    return shown(launch_of(services, launch_id))


def launches_page(
    services: Storing,
    *,
    after: int,
    limit: int,
    state: LaunchState | None = None,
    campaign: str | None = None,
) -> Page[LaunchShown]:
    """Launch changes, the latest first."""
    with services.database.begin() as connection:
        found = rows.page(connection, after=after, most=limit + 1, state=state, campaign=campaign)
    most = found[:limit]
    return Page(tuple(map(shown, most)), most[-1].launch_id if len(found) > limit else None)


def open_launches(services: Storing) -> tuple[LaunchShown, ...]:
    """Launch changes that wait for a reviewer, or are to be carried out; the one that expires first is the first."""
    with services.database.begin() as connection:
        found = rows.page(connection, only_open=True)
    return tuple(map(shown, sorted(found, key=lambda one: one.expires_at)))


def launch_offers(services: Deciding, key: str) -> tuple[LaunchAction, ...]:
    """What can be asked for about a campaign, as our rows are now: nothing where launch changes are off, or it was sent."""
    if not services.settings.launches_from_here:
        return ()
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
    if campaign.mailjet_campaign_id is not None or campaign.draft_id is None:
        return ()
    if campaign.retired_at is not None:
        return (LaunchAction.SCHEDULE, LaunchAction.SEND)
    return (LaunchAction.MOVE, LaunchAction.CANCEL)
