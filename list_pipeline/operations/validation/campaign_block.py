"""A blocked campaign: its schedule at Mailjet cancelled and set again, and a person who lets it go.

Belongs here: the journal of those changes, which is written before each request and read back after it, so that whoever
is killed in between is continued. Does not belong here: what blocks a campaign (``core.validation.rules``,
``operations.validation.validate``).

Only with BLOCK_CANCELS_SCHEDULE, and only while changes are allowed, is anything changed at Mailjet.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import ChangesStoppedError, PermanentError, RefusedError, RemoteNotFoundError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.messages import keys
from list_pipeline.core.observations import DraftStatus
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.validation.message import override_message
from list_pipeline.core.validation.schedule_changes import OPEN_CHANGES, ScheduleAction, ScheduleNote, ScheduleState
from list_pipeline.core.wording import instant_text
from list_pipeline.integrations.mailjet import MailjetClient, OutcomeUnknownError
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.scheduled_campaigns import due_since
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.storage import launches as launch_rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation import results as validation_rows
from list_pipeline.storage.validation.campaign_block import ScheduleChange
from list_pipeline.storage.validation.results import StoredValidation

log = structlog.get_logger(__name__)

ATTEMPTS = 3
"""So often a change of a schedule is posted when reading back shows no effect."""

_SKIPPED: Mapping[str, str] = {
    ScheduleNote.SENT: "Mailjet has begun to send it.",
    ScheduleNote.NOT_SCHEDULED: "It is not scheduled at Mailjet any more.",
    ScheduleNote.TOO_LATE: "The time that it was scheduled for has passed: schedule it again at Mailjet.",
    ScheduleNote.SCHEDULED_ALREADY: "Somebody scheduled it again at Mailjet.",
}


@dataclass(frozen=True, slots=True)
class LetGo:
    """A campaign that a person let go, and what Mailjet will do now, in a sentence."""

    campaign: UpcomingCampaign
    override_id: int
    fate: str


def why_left(services: Services) -> str | None:
    """Why the schedule of a blocked campaign is left alone, in words; None: it is cancelled."""
    if not services.settings.block_cancels_schedule:
        return "BLOCK_CANCELS_SCHEDULE is off"
    return change_block_reason(services)


def plan_cancellation(connection: Connection, campaign: UpcomingCampaign, now: datetime) -> None:
    """Write down that a blocked campaign's schedule is to be cancelled, unless it is cancelled already."""
    if campaign.draft_id is not None and block_rows.standing_cancellation(connection, campaign.campaign_id) is None:
        block_rows.plan_schedule_change(
            connection, campaign.campaign_id, campaign.draft_id, ScheduleAction.CANCEL, campaign.scheduled_at, now
        )


def plan_restoration(connection: Connection, campaign: UpcomingCampaign, now: datetime) -> bool:
    """Write down that what a block cancelled is to be scheduled again, for the same time; False: nothing was cancelled."""
    cancelled = block_rows.standing_cancellation(connection, campaign.campaign_id)
    if cancelled is None:
        return False
    block_rows.plan_schedule_change(
        connection, campaign.campaign_id, cancelled.draft_id, ScheduleAction.RESTORE, cancelled.scheduled_at, now
    )
    return True


def settle_schedule(services: Services, campaign_id: int) -> ScheduleChange | None:
    """Carry out the change of a campaign's schedule that is written down, or continue it; None: there is none.

    Raises:
        TransientError: Mailjet did not answer; the change stays open and is continued by the next call.
    """
    with services.database.begin() as connection:
        if block_rows.open_schedule_change(connection, campaign_id) is None:
            return None
    with block_rows.schedule_lock(services.database, campaign_id) as lock:

        def before_mutation() -> None:
            lock.check()
            if why := change_block_reason(services):
                raise ChangesStoppedError("Changing a schedule", why, "Switch changes on again and validate again")

        mailjet = services.mailjet_for_changes(before_mutation)
        try:
            with services.database.begin() as connection:
                change = block_rows.open_schedule_change(connection, campaign_id)
            if change is not None:
                _carry_out(services, mailjet, change)
        finally:
            services.mailjet.add_requests(mailjet)
            mailjet.close()
    with services.database.begin() as connection:
        return block_rows.latest_schedule_change(connection, campaign_id)


def _carry_out(services: Services, mailjet: MailjetClient, change: ScheduleChange) -> None:
    attempts = change.attempts
    while True:
        # Read first, also before the first request: a run before this one may have sent it and not seen the answer.
        status, programmed_for = status_and_time(mailjet, change.draft_id)
        settled = _settled(services, change, attempts, status, programmed_for)
        if settled is not None:
            _settle(services, change, *settled)
            return
        if attempts >= ATTEMPTS:
            _settle(services, change, ScheduleState.FAILED, f"no effect after {attempts} attempts")
            return
        with services.database.begin() as connection:
            at = programmed_for or change.scheduled_at
            block_rows.submitting(connection, change.schedule_change_id, attempts, at, services.clock.now())
        attempts += 1
        try:
            if change.action is ScheduleAction.CANCEL:
                mailjet.drafts.cancel_schedule(change.draft_id)
            else:
                mailjet.drafts.schedule(change.draft_id, change.scheduled_at)
        except (OutcomeUnknownError, RemoteNotFoundError) as error:
            log.warning("a schedule is read back", draft=change.draft_id, action=change.action, error=str(error))
        except ChangesStoppedError as error:
            _settle(services, change, ScheduleState.FAILED, error.happened)
            return
        except PermanentError as error:
            _settle(services, change, ScheduleState.FAILED, redact_addresses(error.happened)[:300])
            return


def status_and_time(mailjet: MailjetClient, draft_id: int) -> tuple[int, datetime | None]:
    """A draft's status, and when it is sent; None: it is not programmed."""
    try:
        draft = mailjet.drafts.one(draft_id)
    except RemoteNotFoundError:
        return DraftStatus.DELETED, None
    if draft.status != DraftStatus.PROGRAMMED:
        return draft.status, None
    try:
        return draft.status, mailjet.drafts.scheduled_for(draft_id)
    except RemoteNotFoundError:
        # Sent or taken back between the two requests; its status tells which.
        return mailjet.drafts.one(draft_id).status, None


def _settled(
    services: Services, change: ScheduleChange, attempts: int, status: int, programmed_for: datetime | None
) -> tuple[ScheduleState, ScheduleNote | None] | None:
    """The end state and a note, or None: it is still to be posted."""
    if status == DraftStatus.SENT:
        return ScheduleState.SKIPPED, ScheduleNote.SENT
    if change.action is ScheduleAction.CANCEL:
        if programmed_for is not None:
            return None
        if attempts:
            return ScheduleState.CONFIRMED, None
        return ScheduleState.SKIPPED, ScheduleNote.NOT_SCHEDULED
    if programmed_for is not None:
        is_ours = attempts > 0 and programmed_for == change.scheduled_at
        if is_ours:
            return ScheduleState.CONFIRMED, None
        return ScheduleState.SKIPPED, ScheduleNote.SCHEDULED_ALREADY
    if change.scheduled_at <= services.clock.now():
        return ScheduleState.SKIPPED, ScheduleNote.TOO_LATE
    return None


def _settle(services: Services, change: ScheduleChange, state: ScheduleState, note: str | None) -> None:
    now = services.clock.now()
    with services.database.begin() as connection:
        block_rows.settle_schedule_change(connection, change.schedule_change_id, state, note, now)
        is_confirmed = state is ScheduleState.CONFIRMED
        if is_confirmed and change.action is ScheduleAction.CANCEL:
            scheduled_campaigns.thaw(connection, change.campaign_id)
        is_scheduled = is_confirmed or note == ScheduleNote.SCHEDULED_ALREADY
        if is_scheduled and change.action is ScheduleAction.RESTORE:
            block_rows.reverse_cancellation(connection, change.campaign_id, now)
            freeze_if_due(connection, scheduled_campaigns.campaign_by_id(connection, change.campaign_id), now)
    level = log.error if state is ScheduleState.FAILED else log.info
    words = {"action": change.action.value, "state": state.value, "note": note}
    level("schedule changed", campaign_id=change.campaign_id, **words)


def freeze_if_due(connection: Connection, campaign: UpcomingCampaign, now: datetime) -> None:
    """Freeze the list of a campaign that Mailjet is going to send, from the due time of its validation on.

    A look by hand days before the send freezes nothing.
    """
    if now >= due_since(campaign) and block_rows.standing_cancellation(connection, campaign.campaign_id) is None:
        scheduled_campaigns.freeze(connection, campaign.campaign_id, now)


def fate(services: Services, campaign: UpcomingCampaign, blocked: StoredValidation | None = None) -> str:
    """Mailjet's behaviour with a campaign, in a sentence. ``blocked``: the validation that blocks it; None: it is let go."""
    with services.database.begin() as connection:
        change = block_rows.latest_schedule_change(connection, campaign.campaign_id)
        cancelled = block_rows.standing_cancellation(connection, campaign.campaign_id)
        is_sent_here = launch_rows.is_being_sent(connection, campaign.campaign_id)
    at = f"at {instant_text(campaign.scheduled_at)}"
    state = change.state if change is not None else None
    note = change.note or "" if change is not None else ""
    if campaign.mailjet_campaign_id is not None:
        return _SKIPPED[ScheduleNote.SENT]
    if is_sent_here:
        return (
            "It is sent from here once nothing blocks it, and is not scheduled at Mailjet: nothing was sent."
            if blocked is not None
            else "It is sent from here now."
        )
    if change is not None and state in OPEN_CHANGES:
        doing = "Cancelling" if change.action is ScheduleAction.CANCEL else "Restoring"
        return f"{doing} its schedule at Mailjet is not confirmed yet: look there whether it is sent {at}."
    if cancelled is not None and blocked is not None:
        return f"Its schedule at Mailjet was cancelled: it is not sent {at} unless it is let go."
    if cancelled is not None:
        why = f" ({note})" if state is ScheduleState.FAILED and note else ""
        return (
            _SKIPPED.get(note) or f"Its schedule at Mailjet is cancelled and was not restored{why}: schedule it there."
        )
    if blocked is None:
        restored = change is not None and (change.action, state) == (ScheduleAction.RESTORE, ScheduleState.CONFIRMED)
        return (
            f"Its schedule at Mailjet was restored: Mailjet sends it {at}." if restored else f"Mailjet sends it {at}."
        )
    if blocked.left_because:
        return f"Mailjet will still send it {at}: {blocked.left_because}. Cancel it at Mailjet to stop it."
    if state is ScheduleState.SKIPPED:
        return _SKIPPED.get(note, "Its schedule at Mailjet was left alone.")
    why = f" ({note})" if note else ""
    return (
        f"Its schedule could not be cancelled{why}: Mailjet will still send it {at}. Cancel it at Mailjet to stop it."
    )


def override(services: Services, key: str, *, by: str, note: str) -> LetGo:
    """Let a blocked campaign go: a person's decision, written down with what was found, and never asked about again for
    this time of sending. What a block cancelled is scheduled again for the same time, if that is still to come.

    Args:
        by: who decides, for the record; a name, no address. note: why.

    Raises:
        NotFoundError: there is no such campaign.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: there is no reason, it is not blocked, or it was sent.
        ChangesStoppedError: its schedule was cancelled, and nothing may be changed now. Nothing was written.
    """
    tried = f"Letting campaign {key} go"
    name = reviewer(services, by, tried)
    why = reason_of(note, tried, "there is no reason", "Say why it may be sent in spite of what was found")
    discover(services)
    now = services.clock.now()
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key, for_update=True)
        if campaign.mailjet_campaign_id is not None:
            raise RefusedError(tried, "Mailjet has begun to send it", "Nothing needs to be done")
        cancelled = block_rows.standing_cancellation(connection, campaign.campaign_id)
        is_begun = block_rows.open_schedule_change(connection, campaign.campaign_id) is not None
        if campaign.status is not CampaignStatus.BLOCKED and cancelled is None and not is_begun:
            raise RefusedError(tried, f"it is {campaign.status.value.lower()}, not blocked", "Nothing needs to be done")
        if cancelled is not None and (stopped := change_block_reason(services)):
            raise ChangesStoppedError(tried, stopped, "Switch changes on again, or schedule it at Mailjet yourself")
        validation = validation_rows.latest_validation(connection, campaign.campaign_id)
        previous = block_rows.latest_override(connection, campaign.campaign_id)
        if campaign.status is CampaignStatus.BLOCKED or previous is None:
            seen = validation.results if validation is not None else ()
            override_id = block_rows.save_override(
                connection,
                campaign_id=campaign.campaign_id,
                scheduled_at=campaign.scheduled_at,
                by=name,
                note=why,
                rules=[result.rule for result in seen if result.severity is Severity.CRITICAL],
                now=now,
            )
        else:
            # The first attempt died before its schedule was set again.
            override_id = int(previous["override_id"])
        if campaign.status is not CampaignStatus.READY:
            scheduled_campaigns.set_status(
                connection, campaign.campaign_id, campaign.status, CampaignStatus.READY, None, now
            )
        if not plan_restoration(connection, campaign, now):
            freeze_if_due(connection, campaign, now)
    settle_schedule(services, campaign.campaign_id)
    if is_begun and cancelled is None:
        # A cancellation was under way when the person decided: it is settled first, and then taken back.
        with services.database.begin() as connection:
            plan_restoration(connection, campaign, services.clock.now())
        settle_schedule(services, campaign.campaign_id)
    state_history.note_overridden(services, campaign.list_role, campaign.campaign_id)
    words = tell_override(services, key)
    log.info("blocked campaign let go", campaign=key, override=override_id)
    return LetGo(campaign, override_id, words)


def tell_override(services: Services, key: str) -> str:
    """Tell people about the latest override of a campaign, once; what Mailjet will do now, in a sentence."""
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
        found = block_rows.latest_override(connection, campaign.campaign_id)
    words = fate(services, campaign)
    if found is not None:
        message = override_message(key, campaign.name, found["overridden_by"], found["note"], words)
        deliver(
            services,
            keys.override(found["override_id"]),
            message,
            campaign_id=campaign.campaign_id,
            thread_key=keys.campaign_thread(campaign.campaign_id),
        )
    return words
