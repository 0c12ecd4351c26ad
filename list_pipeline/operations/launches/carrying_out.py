"""Launch changes carried out: read again, posted, read back. Whoever is killed in between is continued.

Each request is written down in a transaction of its own before it goes out. A schedule may be set, moved or cancelled again
where reading back shows no effect. A send is posted once, ever: after that only reading back says what became of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import (
    ChangesStoppedError,
    PermanentError,
    RefusedError,
    TransientError,
)
from list_pipeline.core.launches.changes import TO_CARRY_OUT, WITH_INSTANT, LaunchAction, LaunchState
from list_pipeline.core.launches.effects import Effect, effect_of, no_effect
from list_pipeline.core.launches.policy import LAUNCHES
from list_pipeline.core.launches.rules import OFF, what_changed, why_stale
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.observations import DraftSeen
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.runs import run_keys
from list_pipeline.core.validation.checklist import Severity
from list_pipeline.core.wording import names_text
from list_pipeline.integrations.mailjet import OutcomeUnknownError
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.campaigns.scheduled_campaigns import take_over_own
from list_pipeline.operations.launches.deciding import launch_of, retire_unsent
from list_pipeline.operations.launches.looking import circumstances, read_content, require_on, role_of
from list_pipeline.operations.launches.telling import queue_news
from list_pipeline.operations.messages.outbox import post
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.campaign_block import status_and_time
from list_pipeline.operations.validation.validate import Validation, validate
from list_pipeline.storage import launches as rows
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.launches import Launch
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation.campaign_block import ScheduleLock

log = structlog.get_logger(__name__)

_LONGEST_WORDS = 1_000


@dataclass(frozen=True, slots=True)
class LaunchRun:
    """A launch change that wants a run, with the key under which it is asked for."""

    launch_id: int
    run_key: str


def to_carry_out(services: Deciding) -> Sequence[LaunchRun]:
    """Launch changes that were approved and are not at their end. While nothing may be changed only those are among them whose
    request went out, or may have: they are read back, and not posted again.

    One that was decided at the command line is carried out there, and left alone for as long as a turn takes.
    """
    now = services.clock.now()
    may_change = services.settings.launches_from_here and change_block_reason(services) is None
    with services.database.begin() as connection:
        found = rows.to_carry_out(connection)
    return [
        LaunchRun(one.launch_id, run_keys.launch(one.launch_id, one.decided_at, now))
        for one in found
        if one.decided_at is not None
        and (may_change or one.state is LaunchState.SUBMITTING)
        and (one.decided_via is not Way.COMMAND or now - one.decided_at >= run_keys.LAUNCH_TURNS.every)
    ]


def carry_out(services: Services, launch_id: int) -> Launch:
    """Carry a launch change out that was approved, or continue it. One that is over stays as it ended.

    Returns:
        The launch change at its end: ``confirmed`` by what Mailjet shows, ``refused``, ``expired`` or ``failed``.

    Raises:
        NotFoundError: there is no such launch change.
        RefusedError: nobody approved it, or launch changes are off.
        ChangesStoppedError: nothing may be changed now; it is carried out when changes may go on, unless it expires.
        LockHeldError: another process carries it out now.
        TransientError: Mailjet does not answer; it stays open and is continued by the next call.
    """
    tried = f"Carrying out launch change {launch_id}"
    with rows.launch_lock(services.database, launch_id) as lock:
        launch = launch_of(services, launch_id)
        if launch.state is LaunchState.WAITING:
            raise RefusedError(tried, "nobody has approved it", f"`list-pipeline launch approve {launch_id} HASH`")
        if launch.state not in TO_CARRY_OUT:
            return launch
        if launch.state is LaunchState.APPROVED:
            if services.clock.now() >= launch.expires_at:
                return _end(services, launch, Effect(LaunchState.EXPIRED, ""))
            _require_allowed(services, tried)
            if launch.action is LaunchAction.SEND:
                launch = _validated(services, launch)
        if launch.state not in TO_CARRY_OUT:
            return launch
        with _schedule_lock(services, launch):
            return _carry_out(services, lock, launch, tried)


@contextmanager
def _schedule_lock(services: Services, launch: Launch) -> Iterator[None]:
    """A block may change the schedule of the same campaign: one after the other."""
    if launch.campaign_id is None:
        yield
        return
    with block_rows.schedule_lock(services.database, launch.campaign_id):
        yield


def _require_allowed(services: Deciding, tried: str) -> None:
    require_on(services, tried)
    if (stopped := change_block_reason(services)) is not None:
        raise ChangesStoppedError(tried, stopped, "It is carried out when changes may go on, unless it expires")


def _why_not_allowed(services: Deciding) -> str:
    """Why nothing may be asked of Mailjet now, as the end of a sentence; empty: it may."""
    if not services.settings.launches_from_here:
        return OFF[0]
    return change_block_reason(services) or ""


# Before the request


def _validated(services: Services, launch: Launch) -> Launch:
    """A send whose list and content were validated right now; one that is not to be made is refused, and its end comes back."""
    problem, draft = _as_approved(services, launch)
    if draft is None:
        return _end(services, launch, Effect(LaunchState.REFUSED, problem))
    role, now = role_of(services, draft), services.clock.now()
    assert role is not None
    with services.database.begin() as connection:
        campaign_id = take_over_own(connection, draft, role, now.replace(microsecond=0), now)
        rows.in_campaign(connection, launch.launch_id, campaign_id)
        if campaign_id is not None:
            key = scheduled_campaigns.campaign_by_id(connection, campaign_id).key
    if campaign_id is None:
        return _end(services, launch, Effect(LaunchState.REFUSED, "Mailjet has begun to send it."))
    launch = launch_of(services, launch.launch_id)
    found = validate(services, key)
    if found.is_continued:
        # What an earlier run left open says nothing about the present content.
        found = validate(services, key)
    if why := _why_blocked(found):
        return _end(services, launch, Effect(LaunchState.REFUSED, why))
    return launch


def _why_blocked(found: Validation) -> str:
    critical = [each.words for each in found.results if each.severity is Severity.CRITICAL]
    if found.stored.is_blocking:
        return f"Its validation blocks it: {' '.join(critical)} Nothing was sent."
    if found.campaign.status is CampaignStatus.BLOCKED:
        return "A person blocked its campaign. Nothing was sent."
    return ""


def _as_approved(services: Services, launch: Launch) -> tuple[str, DraftSeen | None]:
    """The draft, where it is as it was approved and may still be changed; else why not, as a sentence."""
    again = "Look at it and ask again."
    try:
        draft, content = read_content(
            services.mailjet, launch.action, launch.draft_id, launch.wanted_at, f"Reading draft {launch.draft_id}"
        )
    except RefusedError as error:
        return f"{error.happened[:1].upper()}{error.happened[1:]}. {again}", None
    if content.hash != launch.content_hash:
        changed = names_text(what_changed(launch.content, content)) or "something about it"
        return f"{changed[:1].upper()}{changed[1:]} changed since it was asked for: nothing was done. {again}", None
    with services.database.begin() as connection:
        beside = circumstances(connection, draft, role_of(services, draft), launch.launch_id)
        refusal = why_stale(content, draft, beside, services.clock.now())
    if refusal is not None:
        return f"{refusal.happened[:1].upper()}{refusal.happened[1:]}. {refusal.next_step}.", None
    return "", draft


# The request, and what became of it


def _carry_out(services: Services, lock: ScheduleLock, launch: Launch, tried: str) -> Launch:
    refused = ""
    while True:
        if launch.state is LaunchState.SUBMITTING:
            effect = _effect(services, launch, is_refused=bool(refused))
            if effect is None and (
                refused or launch.action is LaunchAction.SEND or launch.attempts >= LAUNCHES.attempts
            ):
                effect = no_effect(launch.action, launch.attempts, refused)
            if effect is not None:
                return _end(services, launch, effect)
        problem, draft = _as_approved(services, launch)
        if draft is None:
            is_begun = launch.state is LaunchState.SUBMITTING
            state = LaunchState.FAILED if is_begun else LaunchState.REFUSED
            return _end(services, launch, Effect(state, problem, is_begun and launch.action is LaunchAction.CANCEL))
        if launch.state is LaunchState.APPROVED:
            _require_allowed(services, tried)
        elif why := _why_not_allowed(services):
            # Left open, nobody could tell what becomes of the schedule, and whoever looks at Mailjet would wait for it.
            return _end(services, launch, no_effect(launch.action, launch.attempts, why))
        with services.database.begin() as connection:
            rows.submitting(connection, launch.launch_id, launch.attempts, services.clock.now())
            launch = launch_of(services, launch.launch_id, connection)
        refused = _posted(services, lock, launch, tried)


def _posted(services: Services, lock: ScheduleLock, launch: Launch, tried: str) -> str:
    """Post the request of a launch change. Why it was certainly not accepted, in words; empty: it was, or nobody knows.

    Raises:
        TransientError: of a change of a schedule, which is posted again later; of a send it is the reason that comes back.
    """

    def before_mutation() -> None:
        lock.check()
        _require_allowed(services, tried)

    is_send = launch.action is LaunchAction.SEND
    client = (
        services.mailjet_for_one_request(before_mutation) if is_send else services.mailjet_for_changes(before_mutation)
    )
    try:
        match launch.action:
            case LaunchAction.SEND:
                client.drafts.send(launch.draft_id)
            case LaunchAction.CANCEL:
                client.drafts.cancel_schedule(launch.draft_id)
            case LaunchAction.SCHEDULE | LaunchAction.MOVE:
                assert launch.wanted_at is not None
                is_move = launch.action is LaunchAction.MOVE
                change = client.drafts.reschedule if is_move else client.drafts.schedule
                change(launch.draft_id, launch.wanted_at)
    except OutcomeUnknownError as error:
        log.warning("a launch change is read back", launch=launch.launch_id, error=str(error))
    except (PermanentError, RefusedError) as error:
        # Also where Mailjet does not know it: whether it is gone, sent or taken back, reading back tells.
        return redact_addresses(error.happened)
    except TransientError as error:
        if not is_send:
            raise
        return redact_addresses(error.happened)
    finally:
        services.mailjet.add_requests(client)
        client.close()
    return ""


def _effect(services: Services, launch: Launch, *, is_refused: bool) -> Effect | None:
    """What Mailjet shows of a launch change that was posted; None: nothing. The effect of a send is waited for."""
    assert launch.submitting_at is not None
    until = launch.submitting_at + LAUNCHES.effect_within
    while True:
        status, programmed_for = status_and_time(services.mailjet, launch.draft_id)
        found = effect_of(launch.action, launch.wanted_at, launch.submitting_at, status, programmed_for)
        is_awaited = launch.action is LaunchAction.SEND and not is_refused and services.clock.now() < until
        if found is not None or not is_awaited:
            return found
        services.clock.sleep(LAUNCHES.looked_every.total_seconds())


def _end(services: Services, launch: Launch, effect: Effect) -> Launch:
    """Write the end of a launch change, let our schedule follow, and tell people."""
    is_confirmed = effect.state is LaunchState.CONFIRMED
    draft = None
    if is_confirmed and launch.action in WITH_INSTANT:
        draft = services.mailjet.drafts.one(launch.draft_id)
    words = redact_addresses(effect.words)[:_LONGEST_WORDS]
    now = services.clock.now()
    with services.database.begin() as connection:
        rows.end(connection, launch.launch_id, effect.state, words, now)
        if draft is not None and launch.wanted_at is not None:
            campaign_id = take_over_own(connection, draft, launch.list_role, launch.wanted_at, now)
            rows.in_campaign(connection, launch.launch_id, campaign_id or launch.campaign_id)
        if is_confirmed and launch.action is LaunchAction.CANCEL and launch.campaign_id is not None:
            scheduled_campaigns.retire(connection, [launch.campaign_id], now)
        if effect.state in (LaunchState.REFUSED, LaunchState.EXPIRED):
            retire_unsent(connection, services, launch)
        ended = launch_of(services, launch.launch_id, connection)
        message = queue_news(services, connection, ended, is_critical=effect.is_critical)
    post(services, message)
    level = log.error if effect.state is LaunchState.FAILED else log.info
    level("a launch change ended", launch=launch.launch_id, action=launch.action.value, state=effect.state.value)
    return ended
