"""Telling the stages of campaigns when they are due. What decides stands in the database, which follows Mailjet right before.

A stage is written down with its message in one transaction, so that of two processes one tells it, and a crash loses nothing:
what was not posted is in the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection

from list_pipeline.core.campaign_stages.messages import (
    LaunchFacts,
    Standing,
    confirmation_message,
    prelaunch_message,
    warning_message,
)
from list_pipeline.core.campaign_stages.policy import STAGES
from list_pipeline.core.campaign_stages.times import (
    BEFORE_LAUNCH,
    Stage,
    StageState,
    StageTime,
    Timing,
    confirmation,
    stages_before,
    why_skipped,
    wrapup,
)
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.runs import run_keys
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.validation.rules import validation_due_at
from list_pipeline.operations.access import Deciding, Observing, Storing, Telling
from list_pipeline.operations.campaigns.discovery import discover
from list_pipeline.operations.campaigns.odd_sends import can_be_mailed
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming, due_since
from list_pipeline.operations.messages.outbox import post, queue
from list_pipeline.operations.reviews.reminders import waiting_plans
from list_pipeline.storage import campaign_stages as stage_rows
from list_pipeline.storage.campaign_stages import StagedCampaign
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.messages import Outgoing, StoredMessage
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation import results as validation_rows
from list_pipeline.storage.validation.results import StoredValidation

log = structlog.get_logger(__name__)

_MESSAGES: Mapping[Stage, Callable[[LaunchFacts], SlackMessage]] = {
    Stage.PRELAUNCH: prelaunch_message,
    Stage.LAUNCH_WARNING: warning_message,
    Stage.LAUNCH_CONFIRMATION: confirmation_message,
}
"""The stages that are a message and nothing else."""


@dataclass(frozen=True, slots=True)
class StageDone:
    """A stage that was told or skipped now. ``why``: of one that was skipped."""

    campaign_key: str
    stage: Stage
    state: StageState
    why: str = ""


def look_at_launches(services: Observing) -> bool:
    """Look at Mailjet right before people are told of a launch, and while one should begin; else nothing is asked.

    What was moved or taken back a minute ago is then not told for its old time, and a confirmation does not wait for the next
    ordinary look.

    Returns:
        Whether Mailjet was asked: one request for sends and one for drafts, and one for each draft of ours.

    Raises:
        TransientError, PermanentError: Mailjet cannot be read. What is known may be told all the same.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        campaigns = stage_rows.under_way(connection, now - STAGES.looked_back)
        wanted = any(
            (_is_beginning(one, now) or _tells_before_launch(one, now))
            and block_rows.standing_cancellation(connection, one.campaign_id) is None
            for one in campaigns
        )
    if wanted:
        # The sends first: what began is no draft any more, and would look taken back.
        discover(services)
        discover_upcoming(services)
    return wanted


def _is_beginning(campaign: StagedCampaign, now: datetime) -> bool:
    is_expected = campaign.launch_at <= now < campaign.launch_at + CAMPAIGNS.not_started_after
    return campaign.began_at is None and is_expected


def _tells_before_launch(campaign: StagedCampaign, now: datetime) -> bool:
    return campaign.began_at is None and any(
        time.stage in _MESSAGES and time.stage not in campaign.done and time.timing(now) is Timing.DUE
        for time in _times(campaign)
    )


def follow_stages(services: Telling) -> list[StageDone]:
    """Tell each stage that is due, and write down which ones it is too late for.

    Returns:
        What was told or skipped now, by launch and stage.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        campaigns = stage_rows.under_way(connection, now - STAGES.looked_back)
    done = []
    for campaign in campaigns:
        for time in _times(campaign):
            if time.stage not in campaign.done and (one := _follow(services, campaign, time, now)) is not None:
                done.append(one)
    with services.database.begin() as connection:
        stage_rows.complete(connection, now)
        stage_rows.follow_deliveries(connection, [one.campaign_id for one in campaigns])
    return done


@dataclass(frozen=True, slots=True)
class ToWrapUp:
    """A campaign whose wrap-up is due, with the key under which a run is asked for."""

    campaign_key: str
    run_key: str


def to_wrap_up(services: Storing) -> list[ToWrapUp]:
    """The campaigns whose wrap-up is due and was not made. No request is made."""
    now, found = services.clock.now(), []
    with services.database.begin() as connection:
        for campaign in stage_rows.under_way(connection, now - STAGES.looked_back):
            if campaign.began_at is None or Stage.WRAPUP in campaign.done:
                continue
            time = wrapup(campaign.began_at)
            if time.timing(now) is Timing.DUE:
                found.append(ToWrapUp(campaign.key, run_keys.wrapup(campaign.key, time.due_at, now)))
    return found


def _times(campaign: StagedCampaign) -> tuple[StageTime, ...]:
    # What was never scheduled, but sent by hand at once, has nothing before its launch.
    before = tuple(stages_before(campaign.launch_at)) if campaign.known_since is not None else ()
    if campaign.began_at is None:
        return before
    return (*before, confirmation(campaign.began_at), wrapup(campaign.began_at))


def _follow(services: Telling, campaign: StagedCampaign, time: StageTime, now: datetime) -> StageDone | None:
    is_past = campaign.began_at is not None and time.stage in BEFORE_LAUNCH
    timing = Timing.TOO_LATE if is_past else time.timing(now)
    if timing is Timing.NOT_YET:
        # Nothing is read of what is not due: no validation counts before the preflight is.
        return None
    with services.database.begin() as connection:
        row = scheduled_campaigns.campaign_by_id(connection, campaign.campaign_id)
        validation = _validation(connection, row)
        if time.stage is Stage.PREFLIGHT and validation is not None:
            # Its message is that of the validation.
            return _noted(connection, row, time, now, validation)
        why = ""
        if timing is Timing.TOO_LATE:
            why = why_skipped(time, campaign.known_since, campaign.began_at)
        elif block_rows.standing_cancellation(connection, row.campaign_id) is not None:
            why = "its validation took its schedule back"
        if why:
            if not stage_rows.note(connection, row.campaign_id, row.scheduled_at, time, now, reason=why):
                return None
            log.warning("a stage was skipped", campaign=row.key, stage=time.stage.value, why=why)
            return StageDone(row.key, time.stage, StageState.SKIPPED, why)
        if time.stage not in _MESSAGES:
            # The validation is under way, or is tried again until the launch; so is the wrap-up until the maintenance.
            return None
        message = _told(services, connection, row, time, validation, now)
    if message is None:
        return None
    delivery = post(services, message)
    log.info("a stage was told", campaign=row.key, stage=time.stage.value, state=delivery.state.value)
    return StageDone(row.key, time.stage, StageState.TOLD)


def _validation(connection: Connection, campaign: UpcomingCampaign) -> StoredValidation | None:
    """The validation that holds for the present launch of a campaign; None: there is none yet."""
    found = validation_rows.latest_validation(connection, campaign.campaign_id)
    if found is None or found.finished_at is None or found.validated_at < due_since(campaign):
        return None
    return found if found.scheduled_at == campaign.scheduled_at else None


def _noted(
    connection: Connection, campaign: UpcomingCampaign, time: StageTime, now: datetime, validation: StoredValidation
) -> StageDone | None:
    is_new = stage_rows.note(
        connection,
        campaign.campaign_id,
        campaign.scheduled_at,
        time,
        now,
        message_key=keys.validation(validation.validation_id),
        reason=_standing(validation).value,
    )
    return StageDone(campaign.key, time.stage, StageState.TOLD) if is_new else None


def _standing(validation: StoredValidation | None) -> Standing:
    if validation is None:
        return Standing.NOT_VALIDATED
    if validation.is_blocking:
        return Standing.BLOCKED
    return Standing.READY if validation.verdict is Severity.PASSED else Standing.READY_WITH_WARNINGS


def _told(
    services: Deciding,
    connection: Connection,
    campaign: UpcomingCampaign,
    time: StageTime,
    validation: StoredValidation | None,
    now: datetime,
) -> StoredMessage | None:
    """The message of a stage, in the outbox with the row that says so; None: somebody else told it."""
    key = keys.campaign_stage(campaign.campaign_id, time.stage.value, campaign.scheduled_at)
    if not stage_rows.note(connection, campaign.campaign_id, campaign.scheduled_at, time, now, message_key=key):
        return None
    begins = time.stage is Stage.LAUNCH_CONFIRMATION
    facts = LaunchFacts(
        campaign_key=campaign.key,
        name=campaign.name,
        list_label=campaign.list_role.label,
        subject=campaign.subject,
        launch_at=time.due_at if begins else campaign.scheduled_at,
        expected=can_be_mailed(connection, campaign.list_role, now),
        standing=_standing(validation),
        validated_at=validation.validated_at if validation is not None else None,
        preflight_at=validation_due_at(campaign.scheduled_at),
        waiting_plans=0 if begins else _waiting_plans(services, connection, campaign),
        mailjet_campaign_id=campaign.mailjet_campaign_id,
    )
    message = _MESSAGES[time.stage](facts)
    outgoing = Outgoing(
        key,
        message.text,
        message.blocks,
        campaign_id=campaign.campaign_id,
        thread_key=keys.campaign_thread(campaign.campaign_id),
        is_important=time.stage is Stage.LAUNCH_WARNING
        and facts.standing in (Standing.BLOCKED, Standing.NOT_VALIDATED),
        is_broadcast=True,
    )
    return queue(services, connection, outgoing, message.details)


def _waiting_plans(services: Deciding, connection: Connection, campaign: UpcomingCampaign) -> int:
    """The plans that wait for a person and concern the list of a campaign."""
    return sum(
        1
        for one in waiting_plans(services, connection)
        if one.time.next_send is not None and one.time.next_send.campaign_id == campaign.campaign_id
    )
