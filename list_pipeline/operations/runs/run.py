"""The life of one maintenance: due, begun, failed or ended, with a row in the ledger from the first moment.

Belongs here: also its snapshots, the sizes of the lists before, between and after its changes, stored once each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.campaigns.eligibility import CampaignTimes, Eligibility, EligibilityVerdict, eligible
from list_pipeline.core.errors import (
    ChangesStoppedError,
    LateLogError,
    LockHeldError,
    StateChangedError,
    UnavailableError,
)
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.messages import keys
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.runs import run_keys
from list_pipeline.core.runs.limits import MAINTENANCE_RUNS, Outlook, RunSeen
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.access import Deciding, ReadingMailjet
from list_pipeline.operations.campaigns.discovery import campaign as find_campaign
from list_pipeline.operations.membership.sync import Sizes, count_sizes
from list_pipeline.operations.runs.attempts import (
    deadline_words,
    end_failed,
    end_waiting,
    fail_stale_runs,
    maintenance_limits,
)
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.stages import MAINTENANCE, recorded, timed
from list_pipeline.storage import safety
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.campaigns.sent_campaigns import Campaign, MaintenanceState
from list_pipeline.storage.messages import settled_among
from list_pipeline.storage.runs import attempts as attempt_rows
from list_pipeline.storage.runs import ledger
from list_pipeline.storage.runs.ledger import LogRow

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Maintenance:
    """One campaign's maintenance in one sweep, with its row in the ledger."""

    campaign: Campaign
    sweep: Sweep
    log: LogRow

    @property
    def is_over(self) -> bool:
        """True when this maintenance already ended: materializing again shows what was done and changes nothing."""
        return self.log.is_final


@dataclass(frozen=True, slots=True)
class Due:
    """A campaign that wants a run now. ``run_key`` differs for every attempt, because Dagster uses one up even by a
    failed run. ``why`` is said to people. ``goes_on``: it waited for a person or a setting, and waits no more."""

    campaign_key: str
    run_key: str
    attempt: int
    why: str
    goes_on: bool = False


def begin(services: Services, key: str, *, sweep: Sweep = Sweep.H24, run_id: str | None = None) -> Maintenance:
    """The maintenance of a campaign: the one that is under way or over, or a new attempt.

    Raises:
        NotFoundError: there is no such campaign, or it was not sent yet. Nothing was written.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        campaign = find_campaign(connection, key)
        latest = ledger.latest_log(connection, campaign.campaign_id, sweep.value)
        is_ours = latest is not None and run_id is not None and latest.run_id == run_id
    if latest is not None and latest.status is RunStatus.RUNNING and not is_ours:
        # Nobody waits for the sensor's tick to learn that the run before died.
        fail_stale_runs(services)
    with services.database.begin() as connection:
        latest = ledger.latest_log(connection, campaign.campaign_id, sweep.value)
        if latest is not None and latest.waits_for_log and not is_ours:
            latest = ledger.go_on_after_waiting(connection, latest.log_id, run_id, now)
            log.info("maintenance goes on after waiting for the bounce log", campaign=key, log_id=latest.log_id)
        # Assets of one run share its attempt; whoever comes without a run, or with another, tries anew.
        if latest is None or (
            not is_ours and (latest.status is RunStatus.FAILED or (latest.is_final and latest.gave_up))
        ):
            attempt = latest.attempt + 1 if latest else 1
            # Another process may have begun the same attempt at this moment: both work on it, and the lock keeps order.
            latest = ledger.begin_log(connection, campaign.campaign_id, sweep.value, attempt, run_id, now)
            attempt_rows.resolve_given_up(connection, campaign.campaign_id, attempt, now)
            log.info("maintenance started", campaign=key, attempt=attempt, log_id=latest.log_id)
        elif not latest.is_final or (is_ours and latest.timed_out):
            latest = ledger.touch_log(connection, latest.log_id, run_id, now)
    return Maintenance(campaign, sweep, latest)


def current(services: Services, key: str, *, sweep: Sweep = Sweep.H24) -> Maintenance:
    """The maintenance of a campaign as it stands, without beginning an attempt; begins the first when there is none."""
    with services.database.begin() as connection:
        campaign = find_campaign(connection, key)
        latest = ledger.latest_log(connection, campaign.campaign_id, sweep.value)
    return Maintenance(campaign, sweep, latest) if latest else begin(services, key, sweep=sweep)


@contextmanager
def stage(services: Services, run: Maintenance, name: str) -> Iterator[None]:
    """A stage of a maintenance: measured, its log entries marked as its own, its failure in the ledger and raised again.

    Nothing else happens on leaving it: what follows a stage is called by the workflow.
    """
    key, sweep, log_id = run.campaign.key, run.sweep.value, run.log.log_id
    with (
        timed(services, MAINTENANCE, name, campaign=key, sweep=sweep, log_id=log_id),
        recorded(services, _LedgerRecord(services, run), name),
    ):
        yield


@dataclass(frozen=True, slots=True)
class _LedgerRecord:
    """How a maintenance fares, in its row of the ledger."""

    services: Services
    run: Maintenance

    def heartbeat(self) -> None:
        """The run lives; a row that was ended for the lack of a sign of life runs again, unless another attempt took over."""
        with self.services.database.begin() as connection:
            ledger.touch_log(connection, self.run.log.log_id, None, self.services.clock.now())

    def failed(self, stage: str, error: Exception) -> None:
        """The attempt ends as failed; stopped by a person or a setting, it is due again, where it stopped, as soon as lists
        may be changed."""
        if isinstance(error, LockHeldError):
            # Another run works on it: this one gives way, and the shared row is the other's to end.
            return
        services, log_id, now = self.services, self.run.log.log_id, self.services.clock.now()
        is_stopped = isinstance(error, ChangesStoppedError)
        with services.database.begin() as connection:
            row = ledger.touch_log(connection, log_id, None, now)
            ledger.add_error(connection, log_id, stage, redact_addresses(str(error))[:1000])
            if row.status.is_open and is_stopped:
                ledger.end_log(connection, log_id, row.status, RunStatus.READ_ONLY, now)
            elif row.status.is_open and isinstance(error, LateLogError):
                end_waiting(services, connection, row, now)
            elif row.status.is_open:
                end_failed(services, connection, row, now, is_away=isinstance(error, UnavailableError))
        if not is_stopped:
            log.error("maintenance failed", campaign=self.run.campaign.key, stage=stage, log_id=log_id, exc_info=error)


def end(services: Services, run: Maintenance, status: RunStatus) -> None:
    """End an attempt with its truthful status, or let it wait. An ended one stays as it ended; one that was taken for
    dead gets the end that it asks for.

    Raises:
        StateChangedError: another process ended it, or another attempt took over. Nothing was overwritten.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        row = ledger.touch_log(connection, run.log.log_id, None, now)
        if row.timed_out and ledger.has_later_attempt(connection, row.log_id):
            raise StateChangedError(
                f"Ending attempt {row.attempt} at the maintenance of {run.campaign.key} as {status.value}",
                "it gave no sign of life, and another attempt took over",
                "Look at the newer attempt: it continues the same plans",
            )
        if status is RunStatus.FAILED and row.status is RunStatus.RUNNING:
            end_failed(services, connection, row, now)
        elif row.status.is_open:
            ledger.end_log(connection, row.log_id, row.status, status, now)
        counted = ledger.log_by_id(connection, run.log.log_id)
    log.info(
        "maintenance completed",
        campaign=run.campaign.key,
        status=status.value,
        suppressed=counted["contacts_suppressed"] if counted is not None else None,
        rebalanced=counted["contacts_rebalanced"] if counted is not None else None,
        log_id=run.log.log_id,
    )


def resume(services: Services, run: Maintenance) -> None:
    """An attempt that waited for a person, or was stopped, works again; the time it waited does not count towards its
    deadline. One that works already goes on.

    Raises:
        StateChangedError: another process moved it on at the same moment, or a person undid it meanwhile.
    """
    with services.database.begin() as connection:
        row = ledger.attempt_of(connection, run.log.log_id)
        if row.status in TAKEN_BACK:
            raise StateChangedError(
                f"Going on with the maintenance of {run.campaign.key}",
                f"it was undone meanwhile ({row.status.replace('_', ' ')})",
                "Nothing more of it is done; `list-pipeline redo` takes the undo back",
            )
        if row.status in (RunStatus.PENDING_REVIEW, RunStatus.READ_ONLY):
            ledger.reopen_log(connection, row.log_id, row.status, services.clock.now())


def deadline_of(services: Services, run: Maintenance) -> datetime:
    """The instant (UTC) from which on an attempt begins no further change: ``LIST_MAINTENANCE_DEADLINE_MINUTES`` after it
    began, or after a person's decision let it go on. A resume of the same attempt does not move it."""
    with services.database.begin() as connection:
        since = ledger.working_since(connection, run.log.log_id)
    return since + timedelta(minutes=services.settings.list_maintenance_deadline_minutes)


def is_past_deadline(services: Services, run: Maintenance) -> bool:
    """Whether an attempt's time is over: what was begun is brought to its end, nothing more is begun."""
    return services.clock.now() >= deadline_of(services, run)


def note_deadline(services: Services, run: Maintenance, stage_name: str, count: int) -> None:
    """Write down that a stage, or so many contacts of it, were not begun because the time was over."""
    words, now = deadline_words(services), services.clock.now()
    with services.database.begin() as connection:
        ledger.note_deadline(connection, run.log.log_id, stage_name, words, count, now)
    log.warning("the deadline passed", campaign=run.campaign.key, stage=stage_name, count=count)


def untimely(services: Services, campaign: Campaign, sweep: Sweep) -> str | None:
    """Why a campaign is outside the age at which a sweep runs by itself, in words: before its delay, or a backfill. None: it
    is at that age.

    What that means for its plans: ``core.safety.modes.mode_at_age``.
    """
    age = _age(services, campaign, sweep)
    return None if age.is_eligible else age.reason


def is_backfill(services: Deciding, campaign: Campaign, sweep: Sweep) -> bool:
    """Whether a campaign is older than the age at which a sweep runs by itself."""
    return _age(services, campaign, sweep).verdict is Eligibility.TOO_OLD


def known_until(services: Deciding, campaign: Campaign, sweep: Sweep, fetched_at: datetime) -> datetime:
    """The moment (UTC) that a plan is decided for: when its bounces were read, and for a backfill the moment at which the
    look would have been due: what became known later is not used to suppress anybody."""
    due_at = _age(services, campaign, sweep).due_at
    if due_at is None or not is_backfill(services, campaign, sweep):
        return fetched_at
    return min(fetched_at, due_at)


def _age(services: Deciding, campaign: Campaign, sweep: Sweep) -> EligibilityVerdict:
    delay = delay_hours(services, sweep)
    lookback = services.settings.list_maintenance_lookback_days + delay / 24
    return eligible(_times(campaign), services.clock.now(), delay_hours=delay, lookback_days=lookback)


def delay_hours(services: Deciding, sweep: Sweep) -> float:
    """Hours after the end of sending at which a look at a campaign is due."""
    return services.settings.list_maintenance_delay_hours if sweep is Sweep.H24 else sweep.hours


def _times(campaign: Campaign) -> CampaignTimes:
    return CampaignTimes(
        campaign.key, campaign.status, campaign.send_ended_at, campaign.send_started_at, campaign.scheduled_at
    )


def lookback_days(services: Deciding, now: datetime, first_started_at: datetime) -> float:
    """How many days back a send is taken up by itself: the look-back bounds what a first start takes up, and what was sent
    since then never becomes too old."""
    lookback = timedelta(days=services.settings.list_maintenance_lookback_days)
    return (lookback + max(now - first_started_at, timedelta(0))) / timedelta(days=1)


def due(services: Services, *, sweep: Sweep = Sweep.H24) -> list[Due]:
    """The campaigns that want a run of one look now; as ``due_by_look``."""
    return due_by_look(services)[sweep]


def due_by_look(services: Services) -> Mapping[Sweep, list[Due]]:
    """Campaigns that want a run now, by look, oldest first; none while list management is switched off. Decided from the
    database: read are the campaigns whose look is open, not those that ended.

    Each is to be planned on the state that the one before left, so nothing younger is offered while an older campaign of the
    same sweep is at work. One that failed, waits for a person or gave up holds nobody up.

    The later sweeps (72 h and 7 days, for late bounces) follow a first one that ended; without it there is nothing to add to.
    """
    if not services.settings.list_management_enabled:
        return {sweep: [] for sweep in Sweep}
    now = services.clock.now()
    with services.database.begin() as connection:
        first_started_at: datetime = safety.begin_mode(connection, now)["first_started_at"]
        were_looked_at = sent_campaigns.any_only_looked_at(connection)
    # While nothing may be changed, what was only looked at stays so, however much of it there is.
    mode = operating_mode(services) if were_looked_at else Mode.READ_ONLY
    with services.database.begin() as connection:
        sent_since = now - timedelta(days=lookback_days(services, now, first_started_at))
        states = sent_campaigns.open_states(connection, sent_since, only_looked_at_too=mode is not Mode.READ_ONLY)
    return {sweep: _due_of(services, states[sweep], now, first_started_at, sweep, mode) for sweep in Sweep}


def _due_of(
    services: Services,
    states: Sequence[MaintenanceState],
    now: datetime,
    first_started_at: datetime,
    sweep: Sweep,
    mode: Mode,
) -> list[Due]:
    found = []
    for state in states:
        if (
            state.log_status is RunStatus.RUNNING
            and state.touched_at
            and not MAINTENANCE_RUNS.is_stale(state.touched_at, now)
        ):
            break
        if (one := _due(services, state, now, first_started_at, sweep, mode)) is not None:
            found.append(one)
    return found


def unreported(services: Services, *, sweep: Sweep = Sweep.H24) -> list[Due]:
    """The campaigns of one look whose message did not reach people; as ``unreported_by_look``."""
    return unreported_by_look(services)[sweep]


def unreported_by_look(services: Services) -> Mapping[Sweep, list[Due]]:
    """Campaigns whose maintenance ended or waits and whose message did not reach people yet, by look.

    One that waited is no news once a person decided: it goes on by itself, and a report now would end it before it did. That
    people were told is noted, so that it is not looked up again before the status is another one.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        ended = [
            (sweep, state, keys.maintenance_report(state.log_id, state.log_status, state.waiting_plan_id))
            for sweep, states in sent_campaigns.untold_states(connection).items()
            for state in states
            if state.log_id is not None and state.log_status not in (None, RunStatus.RUNNING) and not state.is_decided
        ]
        told = settled_among(connection, [key for _, _, key in ended])
        over = {
            state.log_id: state.log_status
            for _, state, key in ended
            # While a plan waits the next news may come without another status.
            if key in told
            and state.waiting_plan_id is None
            and state.log_id is not None
            and state.log_status is not None
        }
        if over:
            sent_campaigns.note_told(connection, over)
    found: dict[Sweep, list[Due]] = {sweep: [] for sweep in Sweep}
    for sweep, state, message_key in ended:
        if message_key in told or state.log_status is None or state.finished_at is None:
            continue
        key = run_keys.report(
            state.campaign.key,
            sweep.value,
            state.attempt,
            state.log_status,
            state.waiting_plan_id,
            state.finished_at,
            now,
        )
        found[sweep].append(
            Due(state.campaign.key, key, state.attempt, f"its maintenance is {state.log_status}, unreported")
        )
    return found


def _due(
    services: Services,
    state: MaintenanceState,
    now: datetime,
    first_started_at: datetime,
    sweep: Sweep,
    mode: Mode,
) -> Due | None:
    campaign = state.campaign

    def due_as(attempt: int, since: datetime | None, why: str, reason: str = "") -> Due:
        key = run_keys.maintenance(campaign.key, sweep.value, attempt, since, now, reason)
        return Due(campaign.key, key, attempt, why, goes_on=bool(reason))

    attempt, limits = state.attempt, maintenance_limits(services)
    if state.is_decided and (plan_id := state.approved_plan_id) is not None:
        return due_as(attempt, state.decided_at, f"a person decided on its plan {plan_id}", run_keys.decided(plan_id))
    verdict = eligible(
        _times(campaign),
        now,
        delay_hours=delay_hours(services, sweep),
        lookback_days=lookback_days(services, now, first_started_at),
    )
    if not verdict.is_eligible and not (state.is_away and state.has_approved_plan):
        # What a person decided on goes on at any age, and waits for Mailjet; nothing else of a past campaign does by itself.
        return None
    if state.log_status is None:
        return due_as(1, verdict.due_at, verdict.reason)
    if state.log_status is RunStatus.READ_ONLY and mode is not Mode.READ_ONLY:
        why = "lists may be changed again since it was only looked at"
        return due_as(attempt, state.finished_at, why, run_keys.resumed(mode.value, state.finished_at))
    if state.waits_for_log and state.finished_at is not None:
        retry_at = state.finished_at + BOUNCES.log_read_again
        why = "one of Mailjet's bounce sources was late"
        return due_as(attempt, retry_at, why, run_keys.log_read_again(state.finished_at)) if now >= retry_at else None
    if state.log_status is RunStatus.FAILED and state.finished_at is not None:
        if state.is_away:
            look_at = limits.next_look_at(state.finished_at, state.waits)
            why = "Mailjet was away, or still at work on a bulk job"
            return due_as(attempt + 1, look_at, why) if now >= look_at else None
        used = state.attempts_used
        seen = RunSeen(state.log_status, used, state.finished_at, state.finished_at)
        if limits.outlook(seen, now) is Outlook.DUE_AGAIN:
            retry_at = limits.next_attempt_at(state.finished_at, used)
            return due_as(attempt + 1, retry_at, f"attempt {attempt} failed")
    return None


def take_snapshot(services: ReadingMailjet, run: Maintenance, phase: str) -> Sizes:
    """The sizes in a phase (``before``, ``middle`` or ``after``): the stored ones, or counted at Mailjet now.

    One request for all raw sizes and one a list for the mailable ones, however large the lists are.
    """
    campaign_id, sweep = run.campaign.campaign_id, run.sweep.value
    with services.database.begin() as connection:
        stored = ledger.snapshot(connection, campaign_id, sweep, phase)
    if stored:
        return stored
    sizes = count_sizes(services)
    with services.database.begin() as connection:
        ledger.save_snapshot(connection, campaign_id, sweep, phase, sizes, services.clock.now())
        if phase in ("before", "after"):
            ledger.fill_log(connection, run.log.log_id, **{f"{phase}_state": as_state(sizes)})
    return sizes


def as_state(sizes: Sizes) -> dict[str, Any]:
    """Sizes for a JSON column: raw and mailable per list."""
    return {role.value: {"raw": raw, "mailable": mailable} for role, (raw, mailable) in sizes.items()}
