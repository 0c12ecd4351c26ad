"""The life of one maintenance: due, begun, failed or ended, with a row in the ledger from the first moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from list_pipeline.core.eligibility import CampaignTimes, eligible
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.plans import Sweep
from list_pipeline.operations.campaigns import campaign as find_campaign
from list_pipeline.operations.services import Services
from list_pipeline.storage import campaigns, maintenance
from list_pipeline.storage.campaigns import Campaign, MaintenanceState
from list_pipeline.storage.maintenance import LogRow

log = structlog.get_logger(__name__)

FIRST_RETRY_AFTER = timedelta(minutes=15)
"""Pause after the first failed attempt; it doubles with every further one."""

STALE_AFTER = timedelta(hours=1)
"""A row that says ``running`` for longer belongs to a run that died; the next one continues it."""


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
    failed run. ``why`` is said to people."""

    campaign_key: str
    run_key: str
    attempt: int
    why: str


def begin(services: Services, key: str, *, sweep: Sweep = Sweep.H24, run_id: str | None = None) -> Maintenance:
    """The maintenance of a campaign: the one that is under way or over, or a new attempt.

    Raises:
        NotFoundError: there is no such campaign, or it was not sent yet. Nothing was written.
    """
    campaign = find_campaign(services, key)
    now = services.clock.now()
    with services.database.begin() as connection:
        latest = maintenance.latest_log(connection, campaign.campaign_id, sweep.value)
        is_new_attempt = latest is None or (latest.status == "failed" and latest.run_id != run_id)
        if is_new_attempt:
            attempt = latest.attempt + 1 if latest else 1
            latest = maintenance.begin_log(connection, campaign.campaign_id, sweep.value, attempt, run_id, now)
            log.info("maintenance started", campaign=key, attempt=attempt, log_id=latest.log_id)
    if latest is None:
        raise AssertionError("the row was just written")
    return Maintenance(campaign, sweep, latest)


def current(services: Services, key: str, *, sweep: Sweep = Sweep.H24) -> Maintenance:
    """The maintenance of a campaign as it stands, without beginning an attempt; begins the first when there is none."""
    campaign = find_campaign(services, key)
    with services.database.begin() as connection:
        latest = maintenance.latest_log(connection, campaign.campaign_id, sweep.value)
    return Maintenance(campaign, sweep, latest) if latest else begin(services, key, sweep=sweep)


@contextmanager
def stage(services: Services, run: Maintenance, name: str) -> Iterator[None]:
    """Whatever fails in this block is written to the ledger under ``name``, ends the attempt, and is raised again."""
    try:
        yield
    except Exception as error:
        with services.database.begin() as connection:
            maintenance.add_error(connection, run.log.log_id, name, redact_addresses(str(error))[:1000])
            maintenance.end_log(connection, run.log.log_id, "failed", services.clock.now())
        log.exception("maintenance failed", campaign=run.campaign.key, stage=name, log_id=run.log.log_id)
        raise


def end(services: Services, run: Maintenance, status: str) -> None:
    """End an attempt with its truthful status. An ended one stays as it ended."""
    with services.database.begin() as connection:
        latest = maintenance.latest_log(connection, run.campaign.campaign_id, run.sweep.value)
        if latest is not None and not latest.is_final:
            maintenance.end_log(connection, latest.log_id, status, services.clock.now())
    log.info("maintenance completed", campaign=run.campaign.key, status=status, log_id=run.log.log_id)


def is_timely(services: Services, campaign: Campaign) -> bool:
    """Whether a campaign is at the age at which it is maintained by itself: not before its delay, and not a backfill.

    Outside that age the plan of a campaign waits for a person, whatever the mode: late bounces may be missing, or the lists
    may long have moved on.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        first_started_at: datetime = maintenance.begin_mode(connection, now)["first_started_at"]
    return eligible(
        _times(campaign),
        now,
        delay_hours=services.settings.list_maintenance_delay_hours,
        lookback_days=_lookback_days(services, now, first_started_at),
    ).is_eligible


def _times(campaign: Campaign) -> CampaignTimes:
    return CampaignTimes(
        campaign.key, campaign.status, campaign.send_ended_at, campaign.send_started_at, campaign.scheduled_at
    )


def _lookback_days(services: Services, now: datetime, first_started_at: datetime) -> float:
    """The look-back bounds what a first start takes up; what was sent since then never becomes too old."""
    lookback = timedelta(days=services.settings.list_maintenance_lookback_days)
    return (lookback + max(now - first_started_at, timedelta(0))) / timedelta(days=1)


def due(services: Services, *, sweep: Sweep = Sweep.H24) -> list[Due]:
    """Campaigns that want a run now, oldest first. Decided from the database alone.

    The later sweeps (72 h and 7 days, for late bounces) follow a first one that ended; without it there is nothing to add to.
    """
    now = services.clock.now()
    with services.database.begin() as connection:
        first_started_at: datetime = maintenance.begin_mode(connection, now)["first_started_at"]
        states = campaigns.maintenance_states(connection, sweep.value)
        first_sweep = campaigns.maintenance_states(connection, Sweep.H24.value)
    if sweep is not Sweep.H24:
        ended = {
            state.campaign.key
            for state in first_sweep
            if state.log_status in ("success", "partial_success", "rejected")
        }
        states = tuple(state for state in states if state.campaign.key in ended)
    found = (_due(services, state, now, first_started_at, sweep) for state in states)
    return [one for one in found if one is not None]


def unreported(services: Services, *, sweep: Sweep = Sweep.H24) -> list[Due]:
    """Campaigns whose maintenance waits, failed or only looked, and that nobody was told about yet."""
    with services.database.begin() as connection:
        states = campaigns.maintenance_states(connection, sweep.value)
    return [
        Due(
            state.campaign.key,
            f"report:{state.campaign.key}:{sweep.value}:{state.attempt}:{state.log_status}",
            state.attempt,
            f"its maintenance is {state.log_status} and was not reported",
        )
        for state in states
        if state.log_status in ("pending_review", "failed", "read_only") and not state.is_reported
    ]


def _due(
    services: Services, state: MaintenanceState, now: datetime, first_started_at: datetime, sweep: Sweep
) -> Due | None:
    settings, campaign = services.settings, state.campaign
    verdict = eligible(
        _times(campaign),
        now,
        delay_hours=settings.list_maintenance_delay_hours if sweep is Sweep.H24 else sweep.hours,
        lookback_days=_lookback_days(services, now, first_started_at),
    )
    if not verdict.is_eligible:
        return None
    stem = f"{campaign.key}:{sweep.value}"
    if state.log_status is None:
        return Due(campaign.key, f"{stem}:1", 1, verdict.reason)
    if state.log_status == "failed" and state.attempt < settings.list_maintenance_max_attempts and state.finished_at:
        retry_at = state.finished_at + FIRST_RETRY_AFTER * 2 ** (state.attempt - 1)
        if now >= retry_at:
            attempt = state.attempt + 1
            return Due(campaign.key, f"{stem}:{attempt}", attempt, f"attempt {state.attempt} failed")
    if state.log_status == "running" and state.executed_at and now - state.executed_at >= STALE_AFTER:
        turn = int((now - state.executed_at) / STALE_AFTER)
        return Due(campaign.key, f"{stem}:{state.attempt}:resume-{turn}", state.attempt, "its run died")
    if state.log_status == "pending_review" and state.approved_plan_id is not None:
        plan = state.approved_plan_id
        return Due(campaign.key, f"{stem}:{state.attempt}:plan-{plan}", state.attempt, "a person decided on its plan")
    return None
