"""The validation before a campaign is sent: read, judge, write down, block or make ready, tell people.

Belongs here: the order of these, and what the rules are given. Does not belong here: the rules
(``core.validation.rules``), when a validation is due (``operations.campaigns.scheduled_campaigns``), and the schedule
of a blocked campaign (``campaign_block``).

A validation that was written is never made twice: whoever finds one whose consequences are not settled continues it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection

from list_pipeline.agents.health import assess
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import IntegrationError, OvertakenError, RefusedError, RemoteNotFoundError
from list_pipeline.core.health.assessment import HealthAssessment, HealthPolicy
from list_pipeline.core.health.figures import SendFigures
from list_pipeline.core.lists import ListRole
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.messages import keys
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs.limits import VALIDATION_RUNS
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.block import BY_VALIDATION, blocks, status_after
from list_pipeline.core.validation.campaign_setup import judge_setup
from list_pipeline.core.validation.checklist import Part, RuleResult, Severity, verdict
from list_pipeline.core.validation.message import ValidationNews, failed_message, validation_message
from list_pipeline.core.validation.own_changes import net_change
from list_pipeline.core.validation.rules import Presence, ValidationFacts, validate_list
from list_pipeline.core.validation.sending_domain import judge_domain
from list_pipeline.core.wording import duration_text, instant_text
from list_pipeline.operations.advice.advisors import keep_record, model_access
from list_pipeline.operations.campaigns.discovery import cycle_of_draft, discover
from list_pipeline.operations.campaigns.scheduled_campaigns import discover_upcoming
from list_pipeline.operations.health.assessments import figures_of_lists
from list_pipeline.operations.list_states import history as state_history
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.rebalancing.plan_and_execute import policy_of
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import carrying_context, follow_up, recorded
from list_pipeline.operations.validation.campaign_block import (
    fate,
    freeze_if_due,
    plan_cancellation,
    plan_restoration,
    settle_schedule,
    tell_override,
    why_left,
)
from list_pipeline.operations.validation.campaign_setup import read_campaign
from list_pipeline.storage.advice import AdvicePartition
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.campaigns.scheduled_campaigns import UpcomingCampaign
from list_pipeline.storage.membership import members, queue
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.validation import campaign_block as block_rows
from list_pipeline.storage.validation import results as validation_rows
from list_pipeline.storage.validation.results import StoredValidation

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Validation:
    """A validation of a campaign with what follows from it. ``fate``: what Mailjet will do, in a sentence.

    ``is_continued``: it was made by a run that died before it was settled.
    """

    campaign: UpcomingCampaign
    stored: StoredValidation
    fate: str
    is_continued: bool = False

    @property
    def results(self) -> Sequence[RuleResult]:
        """Every rule, in order."""
        return self.stored.results


def validate(services: Services, key: str, *, run_id: str | None = None) -> Validation:
    """Validate the list of a campaign that is scheduled, or continue a validation that was not settled.

    Raises:
        NotFoundError: there is no such campaign.
        OvertakenError: it was sent already, or is not scheduled at Mailjet any more.
        RefusedError: it is being validated by another run.
        ListPipelineError: the list could not be read. That is written down and told, and nothing is decided on it.
    """
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
    if (continued := _continue(services, campaign)) is not None:
        return continued
    discover(services)
    discover_upcoming(services)
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
    _require_upcoming(services, campaign)
    log_id = _begin(services, campaign, run_id)
    try:
        with recorded(services, _LedgerRecord(services, campaign.key, log_id), "validation"):
            facts, results = _judged(services, campaign)
            validation_id = _save(services, key, log_id, facts, results)
            made = _finish(services, key, validation_id)
    except Exception as error:
        why = redact_addresses(str(error))[:1000]
        follow_up(
            "telling of a failed validation", lambda: _tell_failure(services, campaign, log_id, why), campaign=key
        )
        raise
    _note_list_state(services, made.stored)
    return made


def _begin(services: Services, campaign: UpcomingCampaign, run_id: str | None) -> int:
    """The row of a new validation; that of a run that died is ended, since it left nothing to continue.

    Raises:
        RefusedError: another run validates this campaign now. Nothing was written.
        StateChangedError: another process begins a validation of this campaign at this moment.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        latest = ledger.latest_log(connection, campaign.campaign_id, Sweep.H24.value, ledger.VALIDATION)
        if latest is not None and latest.status is RunStatus.RUNNING:
            is_ours = run_id is not None and latest.run_id == run_id
            if not is_ours and not VALIDATION_RUNS.is_stale(latest.touched_at, now):
                raise RefusedError(
                    f"Validating the list of campaign {campaign.key}",
                    f"another run does so now; its last sign of life was at {instant_text(latest.touched_at)}",
                    "Look at what it finds, or repeat this when it has given no sign of life for "
                    f"{duration_text(VALIDATION_RUNS.stale_after)}",
                )
            ledger.end_log(connection, latest.log_id, latest.status, RunStatus.FAILED, now)
            ledger.note_timed_out(connection, latest.log_id, now)
        attempt = latest.attempt + 1 if latest is not None else 1
        log_id = ledger.begin_validation(connection, campaign.campaign_id, Sweep.H24.value, attempt, run_id, now)
        freeze_if_due(connection, campaign, now)
    return log_id


def _require_upcoming(services: Services, campaign: UpcomingCampaign) -> None:
    tried = f"Validating the list of campaign {campaign.key}"
    if campaign.mailjet_campaign_id is not None:
        raise OvertakenError(tried, "it was sent already", "Its maintenance looks at the list after the send")
    if campaign.retired_at is not None:
        raise OvertakenError(tried, "it is not scheduled at Mailjet any more", "Schedule it there first")


def _continue(services: Services, campaign: UpcomingCampaign) -> Validation | None:
    """Settle what an earlier run left open; None: nothing was."""
    with services.database.begin() as connection:
        latest = validation_rows.latest_validation(connection, campaign.campaign_id)
        is_open = block_rows.open_schedule_change(connection, campaign.campaign_id) is not None
        override = block_rows.latest_override(connection, campaign.campaign_id)
    if latest is None or (latest.finished_at is not None and not is_open):
        return None
    if latest.finished_at is None:
        log_id = latest.log_id
        if log_id is not None:
            with services.database.begin() as connection:
                ledger.touch_log(connection, log_id, None, services.clock.now())
        finished = _finish(services, campaign.key, latest.validation_id)
        _note_list_state(services, finished.stored)
        return replace(finished, is_continued=True)
    settle_schedule(services, campaign.campaign_id)
    is_let_go = override is not None and override["overridden_at"] >= latest.validated_at
    words = tell_override(services, campaign.key) if is_let_go else fate(services, campaign, latest)
    return Validation(campaign, latest, words, is_continued=True)


@dataclass(frozen=True, slots=True)
class _LedgerRecord:
    """How a validation fares, in its row of the ledger."""

    services: Services
    campaign_key: str
    log_id: int

    def heartbeat(self) -> None:
        """The run lives; a row that was ended for the lack of a sign of life runs again, unless another attempt took over."""
        with self.services.database.begin() as connection:
            ledger.touch_log(connection, self.log_id, None, self.services.clock.now())

    def failed(self, stage: str, error: Exception) -> None:
        """The attempt failed."""
        log.error("validation failed", campaign=self.campaign_key, log_id=self.log_id, exc_info=error)
        now = self.services.clock.now()
        with self.services.database.begin() as connection:
            ledger.add_error(connection, self.log_id, stage, redact_addresses(str(error))[:1000])
            row = ledger.attempt_of(connection, self.log_id)
            if row.status.is_open:
                ledger.end_log(connection, self.log_id, row.status, RunStatus.FAILED, now)


def _tell_failure(services: Services, campaign: UpcomingCampaign, log_id: int, why: str) -> None:
    """People are told once a schedule that nobody looked at its list; what was judged is told by the validation itself."""
    with services.database.begin() as connection:
        if validation_rows.is_judged(connection, log_id):
            return
    deliver(
        services,
        keys.validation_failure(campaign.campaign_id, campaign.scheduled_since or campaign.scheduled_at),
        failed_message(campaign.key, campaign.name, campaign.scheduled_at, why),
        campaign_id=campaign.campaign_id,
        log_id=log_id,
    )


def _note_list_state(services: Services, stored: StoredValidation) -> None:
    """The list is validated or blocked; what blocks its campaign for another reason says nothing about it. A fault in noting
    it changes nothing about the validation: it is logged."""
    is_unfit = any(each.severity is Severity.CRITICAL and each.rule.part is Part.LIST for each in stored.results)
    note = state_history.note_blocked if stored.is_blocking and is_unfit else state_history.note_validated
    follow_up(
        "noting the state of the list",
        lambda: note(services, stored.list_role, stored.campaign_id),
        campaign=stored.campaign_id,
    )


def _judged(services: Services, campaign: UpcomingCampaign) -> tuple[ValidationFacts, tuple[RuleResult, ...]]:
    """What was read of the list, and the whole check-list. The campaign itself is looked at while the list is read."""
    with (
        services.mailjet_beside() as own,
        ThreadPoolExecutor(max_workers=1, thread_name_prefix="setup") as beside,
    ):
        looking = beside.submit(carrying_context(read_campaign), services, campaign, own)
        facts = _facts(services, campaign)
        setup, domain = looking.result()
        services.mailjet.add_requests(own)
    return facts, (
        *validate_list(facts, policy_of(services), HealthPolicy()),
        *judge_setup(setup),
        *judge_domain(domain),
    )


# What the rules are given


def _facts(services: Services, campaign: UpcomingCampaign) -> ValidationFacts:
    role, presence = campaign.list_role, _presence(services, campaign.list_id)
    if presence is not Presence.EXISTS:
        with services.database.begin() as connection:
            synced_at = scheduled_campaigns.last_synced_at(connection, role)
        return ValidationFacts(role, presence, services.clock.now(), last_synced_at=synced_at)
    # Equal numbers can hide an exchange: who is unsubscribed and excluded is read whole.
    sync(services, thorough=True)
    now = services.clock.now()
    with services.database.begin() as connection:
        mailable = {each: size.mailable for each, size in members.stored_sizes(connection).items()}
    last, health = _health(services, campaign, mailable)
    with services.database.begin() as connection:
        expected, since = _expected(connection, campaign)
        cycle = cycle_of_draft(connection, role, campaign.subject, now)
        return ValidationFacts(
            role=role,
            presence=presence,
            now=now,
            state=validation_rows.list_state(connection, role, cycle),
            expected=expected,
            movement=validation_rows.movement(connection, role, since) if since is not None else None,
            last_synced_at=scheduled_campaigns.last_synced_at(connection, role),
            sizes=queue.balance_sizes(connection),
            last_send=last,
            health=health,
            sent_in_open_cycle=cycle.sent,
            recipients_unknown=cycle.unrecorded,
        )


def _presence(services: Services, list_id: int) -> Presence:
    try:
        found = services.mailjet.contact_list(list_id)
    except RemoteNotFoundError:
        return Presence.MISSING
    return Presence.DELETED if found.is_deleted else Presence.EXISTS


def _expected(connection: Connection, campaign: UpcomingCampaign) -> tuple[int | None, datetime | None]:
    """How many would be mailed if nobody but us had touched the list: its size when the send was scheduled or the list last
    maintained, whichever is later, corrected by our own changes since; and since when."""
    known: list[tuple[int, datetime]] = []
    if campaign.expected is not None and campaign.expected_at is not None:
        known.append((campaign.expected, campaign.expected_at))
    maintained = validation_rows.last_maintained(connection, campaign.list_role)
    if maintained is not None:
        known.append(maintained)
    if not known:
        return None, None
    size, since = max(known, key=lambda each: each[1])
    return size + net_change(campaign.list_role, validation_rows.own_changes(connection, since)), since


def _health(
    services: Services, campaign: UpcomingCampaign, mailable: dict[ListRole, int]
) -> tuple[SendFigures | None, HealthAssessment]:
    """The list's last campaign, and its health by the advisor or, without a usable answer, by the rules."""
    now, role = services.clock.now(), campaign.list_role
    figures = next(each for each in figures_of_lists(services, mailable, now) if each.role is role)
    partition = AdvicePartition(campaign.campaign_id, Sweep.H24)
    made = assess(model_access(services, partition, since=now), figures)
    # Only the question is kept: the campaign's own assessment is made after the send.
    keep_record(
        services,
        partition,
        made.recorded,
        made.opinion,
        subject=f"{role.label} before the send",
        confidence=made.assessment.confidence,
    )
    return figures.last, made.assessment


# What follows


def _save(services: Services, key: str, log_id: int, facts: ValidationFacts, results: Sequence[RuleResult]) -> int:
    """Write the validation and what it means for the campaign, with a change of its schedule, in one transaction."""
    left, now = why_left(services), services.clock.now()
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key, for_update=True)
        critical = {result.rule for result in results if result.severity is Severity.CRITICAL}
        let_go = block_rows.overridden_rules(connection, campaign.campaign_id, campaign.scheduled_at)
        is_blocking = blocks(results, let_go)
        is_cancelled = block_rows.standing_cancellation(connection, campaign.campaign_id) is not None
        validation_id = validation_rows.save_validation(
            connection,
            campaign_id=campaign.campaign_id,
            log_id=log_id,
            role=facts.role,
            scheduled_at=campaign.scheduled_at,
            verdict=verdict(results),
            is_blocking=is_blocking,
            left_because=left if is_blocking and not is_cancelled else None,
            results=results,
            now=now,
        )
        status = status_after(campaign.status, campaign.blocked_by, is_blocking=is_blocking)
        if status is not campaign.status:
            by = BY_VALIDATION if status is CampaignStatus.BLOCKED else None
            scheduled_campaigns.set_status(connection, campaign.campaign_id, campaign.status, status, by, now)
        if is_blocking and left is None:
            plan_cancellation(connection, campaign, now)
        elif is_cancelled and status is not CampaignStatus.BLOCKED:
            plan_restoration(connection, campaign, now)
        ledger.fill_log(connection, log_id, **_ledger(facts, results))
    log.info(
        "list validated",
        campaign=key,
        list=facts.role.label,
        verdict=verdict(results).value,
        blocked=is_blocking,
        critical=sorted(rule.value for rule in critical),
        warnings=sorted(each.rule.value for each in results if each.severity is Severity.WARNING),
    )
    return validation_id


def _ledger(facts: ValidationFacts, results: Sequence[RuleResult]) -> dict[str, Any]:
    """The validation as its row in the ledger has it."""
    issues = [
        {"severity": each.severity.value, "rule": each.rule.value, "message": each.words, "action": each.action}
        for each in results
        if each.severity is not Severity.PASSED
    ]
    mailable = facts.state.mailable if facts.state is not None else None
    known = mailable is not None and facts.expected is not None
    return {
        "before_state": {
            "list": facts.role.value,
            "list_exists": facts.presence is Presence.EXISTS,
            "actual": mailable,
            "expected": facts.expected,
            "discrepancy": (mailable or 0) - (facts.expected or 0) if known else None,
            "size_match": next(r.severity is Severity.PASSED for r in results if r.rule.value == "list_size"),
            "issues": issues,
        },
        "ai_assessments": {
            "health_status": facts.health.status.value if facts.health is not None else None,
            "ai_assessment": facts.health.rationale if facts.health is not None else None,
        },
    }


def _finish(services: Services, key: str, validation_id: int) -> Validation:
    """Change the schedule at Mailjet where that was written down, tell people, and end the validation."""
    with services.database.begin() as connection:
        stored = validation_rows.existing_validation(connection, validation_id)
    try:
        settle_schedule(services, stored.campaign_id)
    except IntegrationError:
        # People learn of the block at once, and that nobody knows yet whether Mailjet will send.
        _tell(services, key, stored, keys.validation_not_confirmed(validation_id))
        raise
    words = _tell(services, key, stored, keys.validation(validation_id))
    with services.database.begin() as connection:
        now = services.clock.now()
        validation_rows.finish_validation(connection, validation_id, now)
        if stored.log_id is not None:
            row = ledger.attempt_of(connection, stored.log_id)
            if row.status.is_open:
                ledger.end_log(connection, row.log_id, row.status, RunStatus.SUCCESS, now)
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
        finished = validation_rows.existing_validation(connection, validation_id)
    return Validation(campaign, finished, words)


def _tell(services: Services, key: str, stored: StoredValidation, message_key: MessageKey) -> str:
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
    words = fate(services, campaign, stored if stored.is_blocking else None)
    news = ValidationNews(
        campaign_key=key,
        campaign_name=campaign.name,
        list_label=stored.list_role.label,
        scheduled_at=stored.scheduled_at,
        results=stored.results,
        is_blocking=stored.is_blocking,
        fate=words,
        log_id=stored.log_id,
    )
    deliver(
        services,
        message_key,
        validation_message(news),
        campaign_id=stored.campaign_id,
        log_id=stored.log_id,
        thread_key=keys.campaign_thread(stored.campaign_id),
        important=stored.is_blocking,
        broadcast=stored.is_blocking,
    )
    return words


def stored_validation(services: Services, key: str) -> Validation | None:
    """The latest validation of a campaign with what Mailjet will do now; None before the first.

    Raises:
        NotFoundError: there is no such campaign.
    """
    with services.database.begin() as connection:
        campaign = scheduled_campaigns.campaign_by_key(connection, key)
        stored = validation_rows.latest_validation(connection, campaign.campaign_id)
    if stored is None:
        return None
    return Validation(campaign, stored, fate(services, campaign, stored if stored.is_blocking else None))
