"""The states of the campaign lists: noted after each stage of a maintenance, each weekly check and each validation.

Belongs here: deriving what happened from what is stored, following it through both machines, telling people about lists
that are far apart or bounce a lot. Does not belong here: the machines (``core.list_states.machines``) and what follows
from the stored truth (``core.list_states.events``).

Nothing decides on these states; they show people where a list is. Noting twice notes nothing new, and what a killed run did
not note, the next call does: ``catch_up`` also for maintenances that nobody runs again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.list_states.bounce_rate_alert import bounce_message
from list_pipeline.core.list_states.events import Happened, events_of
from list_pipeline.core.list_states.imbalance_alert import Imbalance, imbalance_message
from list_pipeline.core.list_states.machines import MACHINES, ListEvent, advance
from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.messages import keys
from list_pipeline.core.plans.plan import PlanKind, PlanStatus, Sweep
from list_pipeline.operations.access import Deciding, Storing, Telling
from list_pipeline.operations.messages.outbox import post, queue
from list_pipeline.storage import list_states as state_rows
from list_pipeline.storage import safety
from list_pipeline.storage.campaigns import scheduled_campaigns
from list_pipeline.storage.list_states import ListStateRow, TransitionRow
from list_pipeline.storage.messages import Outgoing, StoredMessage
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)


CATCH_UP_DAYS = 8
"""Maintenances that gave a sign of life within these days are looked at again: the last look at a campaign is after 7."""


@dataclass(frozen=True, slots=True)
class Transition:
    """A transition that was noted just now. ``event``: what happened, also where the state did not expect it."""

    list_role: ListRole
    machine: str
    from_state: str
    to_state: str
    event: ListEvent
    at: datetime
    campaign_id: int | None
    sweep: str | None


def note(services: Telling, campaign_id: int, sweep: Sweep, *, run_id: str | None = None) -> list[Transition]:
    """Note what happened in a maintenance so far, from what is stored about it, and tell people about lists that are far
    apart or bounce a lot.

    A failure of Slack fails nothing; the messages stay in the outbox.

    Returns:
        What was new; noted again at once: nothing.
    """
    with services.database.begin() as connection:
        seen = state_rows.seen_maintenance(connection, campaign_id, sweep)
        noted = _follow(connection, services, events_of(seen), run_id=run_id)
        alerts = _queue_alerts(connection, services, noted, campaign_id, sweep)
    for alert in alerts:
        post(services, alert)
    return noted


def note_validated(
    services: Storing, role: ListRole, campaign_id: int, *, run_id: str | None = None
) -> list[Transition]:
    """The validation before a campaign found nothing critical: the list is VALIDATED. Also called with warnings.

    Idempotent: the same outcome of the same campaign, twice in a row, is noted once; another outcome in between is noted.

    Args:
        role: the campaign list that will be sent to.
        campaign_id: row of ``campaign_schedule``.
    """
    return _note_validation(services, role, campaign_id, ListEvent.VALIDATED, run_id)


def note_blocked(services: Storing, role: ListRole, campaign_id: int, *, run_id: str | None = None) -> list[Transition]:
    """The validation before a campaign found something critical: the list is BLOCKED until it is valid, overridden, or sent
    to all the same. Idempotent like ``note_validated``."""
    return _note_validation(services, role, campaign_id, ListEvent.VALIDATION_FAILED, run_id)


def note_overridden(
    services: Storing, role: ListRole, campaign_id: int, *, run_id: str | None = None
) -> list[Transition]:
    """A person lets a blocked campaign through: the list counts as VALIDATED. Idempotent like ``note_validated``."""
    return _note_validation(services, role, campaign_id, ListEvent.OVERRIDDEN, run_id)


def note_monitored(services: Storing, role: ListRole, week: date, *, run_id: str | None = None) -> list[Transition]:
    """The weekly check of a week looked at a list: noted once a list and week, and changes no state.

    Args:
        week: the Monday that the partition is named by.
    """
    at = services.clock.now()
    happened = Happened(role, ListEvent.MONITORED, at, f"week:{week.isoformat()}:monitored")
    with services.database.begin() as connection:
        return _follow(connection, services, [happened], run_id=run_id, week=week)


def _note_validation(
    services: Storing, role: ListRole, campaign_id: int, event: ListEvent, run_id: str | None
) -> list[Transition]:
    now = services.clock.now()
    with services.database.begin() as connection:
        state_rows.lock_states(connection, now)
        noted, latest = state_rows.last_validation(connection, role, campaign_id)
        if latest is not None and latest.endswith(f":{event.value}"):
            return []
        key = f"campaign:{campaign_id}:validation:{noted + 1}:{event.value}"
        return _follow(connection, services, [Happened(role, event, now, key, campaign_id)], run_id=run_id)


def catch_up(services: Deciding) -> list[Transition]:
    """Note what no run noted: sends since the first start, and maintenances that died and are not run again, that a person
    took back, or that are older than these states. Called with every synchronisation."""
    now = services.clock.now()
    with services.database.begin() as connection:
        # Nobody may note something in between that is younger than what is put in order here.
        state_rows.lock_states(connection, now)
        first_started_at: datetime = safety.begin_mode(connection, now)["first_started_at"]
        sent = [
            Happened(role, ListEvent.SENT, at, f"campaign:{campaign_id}:sent", campaign_id)
            for campaign_id, role, at in state_rows.sends_since(connection, first_started_at)
        ]
        looked_at = state_rows.maintained(connection, now - timedelta(days=CATCH_UP_DAYS))
        happened = [
            each
            for campaign_id, sweep in looked_at
            for each in events_of(state_rows.seen_maintenance(connection, campaign_id, sweep))
        ]
        # Stable: what happened at one instant stays in the order of its maintenance.
        in_order = sorted([*sent, *happened], key=lambda each: each.at)
        noted = _follow(connection, services, in_order, is_round=True)
        for campaign_id, sweep in looked_at:
            own = [one for one in noted if (one.campaign_id, one.sweep) == (campaign_id, sweep.value)]
            _queue_alerts(connection, services, own, campaign_id, sweep)
    return noted


def states(services: Deciding) -> tuple[ListStateRow, ...]:
    """Where each campaign list is in both machines, after catching up."""
    catch_up(services)
    with services.database.begin() as connection:
        return state_rows.states(connection)


def history(services: Storing, role: ListRole | None = None, *, limit: int | None = None) -> tuple[TransitionRow, ...]:
    """The transitions of a list, or of all, in the order in which they were noted; the latest ``limit`` of them or all."""
    with services.database.begin() as connection:
        return state_rows.history(connection, role, limit)


def _follow(
    connection: Connection,
    services: Storing,
    happened: Sequence[Happened],
    *,
    run_id: str | None = None,
    week: date | None = None,
    is_round: bool = False,
) -> list[Transition]:
    """Follow what was not noted yet through both machines. ``is_round``: also see who is on the lists when nothing is new."""
    now = services.clock.now()
    if not is_round and not _new(connection, happened):
        return []
    current = state_rows.lock_states(connection, now)
    # Looked at again under the lock: another run may have noted the same meanwhile.
    new = _new(connection, [*_populated(connection, current, now), *happened])
    noted: list[Transition] = []
    for each in new:
        if each.event is ListEvent.SENT and state_rows.was_sent_later(connection, each.role, each.at):
            # A past campaign that is maintained now: the list is where the later one brought it.
            continue
        for machine in MACHINES.values():
            if each.event not in machine.events:
                continue
            step = advance(machine.name, current[each.role, machine.name], each.event)
            state_rows.add_transition(connection, each, step, run_id=run_id, week=week, now=now)
            current[each.role, machine.name] = step.to_state
            noted.append(
                Transition(
                    each.role,
                    machine.name,
                    step.from_state,
                    step.to_state,
                    each.event,
                    each.at,
                    each.campaign_id,
                    each.sweep,
                )
            )
            if step.event is ListEvent.UNEXPECTED:
                log.warning("a list needs attention", list=each.role.label, machine=machine.name, why=step.reason)
    for one in noted:
        if one.from_state != one.to_state:
            log.info(
                "list state changed",
                list=one.list_role.label,
                machine=one.machine,
                state=one.to_state,
                because=one.event.value,
            )
    return noted


def _new(connection: Connection, happened: Sequence[Happened]) -> list[Happened]:
    """The events that are not in the history, each once."""
    known = set(state_rows.noted_keys(connection, [each.key for each in happened]))
    found = []
    for each in happened:
        if (each.role.value, each.key) not in known:
            known.add((each.role.value, each.key))
            found.append(each)
    return found


def _populated(connection: Connection, current: dict[tuple[ListRole, str], str], now: datetime) -> Iterable[Happened]:
    if all(current[role, "lifecycle"] != "created" for role in CAMPAIGN_LISTS):
        return []
    seen = state_rows.populated_lists(connection)
    return [
        Happened(role, ListEvent.POPULATED, now, "populated")
        for role in CAMPAIGN_LISTS
        if role in seen and current[role, "lifecycle"] == "created"
    ]


# What people are told. Each message stands by itself: the thread of a campaign begins with its report.


def _queue_alerts(
    connection: Connection, services: Deciding, noted: Sequence[Transition], campaign_id: int, sweep: Sweep
) -> list[StoredMessage]:
    """Put into the outbox what people are to be told of these transitions, each once a maintenance."""
    # What is derived of the past, they were told by the reports of that time.
    since = services.clock.now() - LIST_STATES.told_within
    found = {one.event for one in noted if one.at >= since}
    queued = [
        tell(connection, services, campaign_id, sweep)
        for event, tell in (
            (ListEvent.BOUNCES_HIGH, _queue_bounces),
            (ListEvent.SEVERE_IMBALANCE_FOUND, _queue_imbalance),
        )
        if event in found
    ]
    return [row for row in queued if row is not None]


def _queue_bounces(connection: Connection, services: Deciding, campaign_id: int, sweep: Sweep) -> StoredMessage | None:
    bounced = state_rows.bounced(connection, campaign_id, sweep)
    if bounced.recipients < LIST_STATES.alert_recipients:
        return None
    message = bounce_message(bounced)
    key = keys.bounce_rate(campaign_id, sweep)
    return queue(services, connection, Outgoing(key, message.text, message.blocks, campaign_id=campaign_id))


def _queue_imbalance(
    connection: Connection, services: Deciding, campaign_id: int, sweep: Sweep
) -> StoredMessage | None:
    plan = plan_rows.current_plan(connection, campaign_id, PlanKind.REBALANCING, sweep)
    if plan is None:
        return None
    summary = plan.rebalancing_summary
    if summary.deviation_before_percent is None:
        # Empty lists are not apart.
        return None
    message = imbalance_message(
        Imbalance(
            campaign_key=scheduled_campaigns.campaign_by_id(connection, campaign_id).key,
            deviation_percent=summary.deviation_before_percent,
            sizes=dict(zip(CAMPAIGN_LISTS, summary.sizes, strict=True)),
            moves=summary.move_count,
            enrolments=summary.enrolment_count,
            deferred=summary.deferred_count,
            waits=plan.status is PlanStatus.PENDING_REVIEW,
        )
    )
    key = keys.imbalance(campaign_id, sweep)
    return queue(services, connection, Outgoing(key, message.text, message.blocks, campaign_id=campaign_id))
