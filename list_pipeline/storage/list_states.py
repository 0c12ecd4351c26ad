"""States of the campaign lists: the present ones, the history of transitions, and the facts that events are derived from.

Belongs here: reading and writing those rows. Does not belong here: which events follow (``core.list_states.events``)
and where they lead (``core.list_states.machines``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.list_states.bounce_rate_alert import Bounced
from list_pipeline.core.list_states.events import AttemptSeen, Happened, MaintenanceSeen, PlanSeen
from list_pipeline.core.list_states.machines import MACHINES, ListEvent, StateChange
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.gate import GateOutcome
from list_pipeline.core.plans.plan import PlanKind, PlanStatus, Sweep
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_row, fetch_scalar
from list_pipeline.storage.plans import outcomes as outcome_rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan


@dataclass(frozen=True, slots=True)
class ListStateRow:
    """Where a list is in one machine, and since when."""

    list_role: ListRole
    machine: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class TransitionRow:
    """One transition. ``at``: when it happened; ``noted_at``: when it was written. Both UTC."""

    history_id: int
    list_role: ListRole
    machine: str
    from_state: str
    to_state: str
    event: ListEvent
    event_key: str
    campaign_key: str | None
    sweep: str | None
    week: date | None
    run_id: str | None
    reason: str
    at: datetime
    noted_at: datetime


def lock_states(connection: Connection, now: datetime) -> dict[tuple[ListRole, str], str]:
    """The present state of each list in each machine, kept from others until the transaction ends. Missing rows are begun."""
    locked = "select * from list_state order by list_role, machine for update"
    found = fetch_all(connection, locked)
    if len(found) < len(CAMPAIGN_LISTS) * len(MACHINES):
        for role in CAMPAIGN_LISTS:
            for machine in MACHINES.values():
                execute(
                    connection,
                    """insert into list_state (list_role, machine, state, since) values (:role, :machine, :state, :now)
                       on conflict (list_role, machine) do nothing""",
                    role=role.value,
                    machine=machine.name,
                    state=machine.initial.value,
                    now=now,
                )
        found = fetch_all(connection, locked)
    return {(ListRole(row["list_role"]), row["machine"]): row["state"] for row in found}


def states(connection: Connection) -> tuple[ListStateRow, ...]:
    """The present states, in the order of the lists."""
    found = fetch_all(connection, "select list_role, machine, state, since from list_state order by list_role, machine")
    return tuple(ListStateRow(ListRole(row["list_role"]), row["machine"], row["state"], row["since"]) for row in found)


def noted_keys(connection: Connection, keys: Sequence[str]) -> frozenset[tuple[str, str]]:
    """The events among these that are in the history already: list and key."""
    found = fetch_all(
        connection,
        "select distinct list_role, event_key from list_state_history where event_key = any(:keys)",
        keys=list(keys),
    )
    return frozenset((row["list_role"], row["event_key"]) for row in found)


def was_sent_later(connection: Connection, role: ListRole, at: datetime) -> bool:
    """Whether a campaign that was sent to the list after an instant is noted already."""
    return bool(
        fetch_scalar(
            connection,
            "select exists (select 1 from list_state_history where list_role = :role and event = 'sent' and at > :at)",
            role=role.value,
            at=at,
        )
    )


def add_transition(
    connection: Connection,
    happened: Happened,
    step: StateChange,
    *,
    run_id: str | None,
    week: date | None,
    now: datetime,
) -> None:
    """Write one transition and the state it led to."""
    role = happened.role.value
    execute(
        connection,
        """
        insert into list_state_history (list_role, machine, from_state, to_state, event, event_key, campaign_id, sweep, week,
               run_id, reason, at, noted_at)
        values (:role, :machine, :from_state, :to_state, :event, :key, :campaign, :sweep, :week, :run, :reason, :at, :now)
        """,
        role=role,
        machine=step.machine,
        from_state=step.from_state,
        to_state=step.to_state,
        event=step.event.value,
        key=happened.key,
        campaign=happened.campaign_id,
        sweep=happened.sweep,
        week=week,
        run=run_id,
        reason=step.reason or happened.reason,
        at=happened.at,
        now=now,
    )
    if step.from_state != step.to_state:
        execute(
            connection,
            "update list_state set state = :state, since = :at where list_role = :role and machine = :machine",
            state=step.to_state,
            at=happened.at,
            role=role,
            machine=step.machine,
        )


_HISTORY = """
    select h.history_id, h.list_role, h.machine, h.from_state, h.to_state, h.event, h.event_key,
           s.campaign_key, h.sweep, h.week, h.run_id, h.reason, h.at, h.noted_at
    from list_state_history h left join campaign_schedule s on s.id = h.campaign_id
"""


def history(
    connection: Connection, role: ListRole | None = None, limit: int | None = None
) -> tuple[TransitionRow, ...]:
    """Transitions in the order in which they were noted: of one list or all, the latest ``limit`` of them or all."""
    found = fetch_all(
        connection,
        f"""
        select * from ({_HISTORY} where cast(:role as text) is null or h.list_role = :role
                       order by h.history_id desc limit :limit) latest
        order by history_id
        """,
        role=role.value if role is not None else None,
        limit=limit,
    )
    return tuple(_transition(row) for row in found)


def _transition(row: RowMapping) -> TransitionRow:
    values = {name: row[name] for name in TransitionRow.__dataclass_fields__}
    return TransitionRow(**{**values, "list_role": ListRole(row["list_role"]), "event": ListEvent(row["event"])})


def populated_lists(connection: Connection) -> frozenset[ListRole]:
    """Campaign lists that our rows know somebody on."""
    return frozenset(
        role
        for role in CAMPAIGN_LISTS
        if fetch_scalar(
            connection,
            "select exists (select 1 from list_membership where list_role = :role and left_at is null)",
            role=role.value,
        )
    )


def last_validation(connection: Connection, role: ListRole, campaign_id: int) -> tuple[int, str | None]:
    """The number of noted outcomes of a campaign's validations, and the key of the latest."""
    row = fetch_one(
        connection,
        """select count(*) as noted, (array_agg(event_key order by history_id desc))[1] as latest from list_state_history
           where list_role = :role and machine = 'lifecycle' and event_key like :stem""",
        role=role.value,
        stem=f"campaign:{campaign_id}:validation:%",
    )
    return (int(row["noted"]), row["latest"]) if row is not None else (0, None)


def maintained(connection: Connection, since: datetime) -> tuple[tuple[int, Sweep], ...]:
    """Campaign and sweep of every maintenance that gave a sign of life since an instant, or of which nothing was noted."""
    found = fetch_all(
        connection,
        """
        select campaign_schedule_id as campaign_id, sweep from list_maintenance_log l
        where maintenance_type = 'post_campaign' and campaign_schedule_id is not null
        group by campaign_schedule_id, sweep
        having max(greatest(executed_at, touched_at, finished_at)) >= :since
            or not exists (select 1 from list_state_history h
                           where h.campaign_id = l.campaign_schedule_id and h.sweep = l.sweep)
            or bool_or(status = any(:back)) and not exists (
                           select 1 from list_state_history h where h.campaign_id = l.campaign_schedule_id
                           and h.sweep = l.sweep and h.event = any(:taken_back))
        order by min(executed_at), campaign_schedule_id
        """,
        since=since,
        back=[status.value for status in TAKEN_BACK],
        taken_back=[ListEvent.UNDONE.value, ListEvent.ROLLED_BACK.value],
    )
    return tuple((int(row["campaign_id"]), Sweep(row["sweep"])) for row in found)


def sends_since(connection: Connection, since: datetime) -> tuple[tuple[int, ListRole, datetime], ...]:
    """Campaigns whose sending began since an instant, oldest first: id, list, when it began."""
    found = fetch_all(
        connection,
        """select id, round_number, send_start_at from campaign_schedule
           where retired_at is null and mailjet_campaign_id is not null and send_start_at >= :since
           order by send_start_at, id""",
        since=since,
    )
    return tuple((int(row["id"]), CAMPAIGN_LISTS[row["round_number"] - 1], row["send_start_at"]) for row in found)


def bounced(connection: Connection, campaign_id: int, sweep: Sweep) -> Bounced:
    """The bounces of a campaign as a sweep read them, counted as ``seen_maintenance`` counts them."""
    row = fetch_row(
        connection,
        f"campaign {campaign_id}",
        """
        select s.campaign_key, s.round_number, coalesce(s.recipient_count, 0) as recipients,
               count(*) filter (where e.bounce_class = 'hard') as hard,
               count(*) filter (where e.bounce_class = 'soft') as soft
        from campaign_schedule s
        left join (bounce_event e join campaign_recipient using (campaign_id, contact_id))
               on e.campaign_id = s.id and e.sweep = :sweep and not e.is_contradictory
        where s.id = :campaign group by s.id
        """,
        campaign=campaign_id,
        sweep=sweep.value,
    )
    label = CAMPAIGN_LISTS[row["round_number"] - 1].label
    return Bounced(row["campaign_key"], label, int(row["recipients"]), int(row["hard"]), int(row["soft"]))


def seen_maintenance(connection: Connection, campaign_id: int, sweep: Sweep) -> MaintenanceSeen:
    """Everything that is stored about a maintenance and that an event follows from."""
    campaign = fetch_row(
        connection,
        f"campaign {campaign_id}",
        """
        select s.round_number, coalesce(s.recipient_count, 0) as recipients,
               coalesce(s.send_start_at, s.send_end_at, (s.scheduled_date + s.scheduled_time) at time zone 'UTC') as sent_at,
               f.fetched_at,
               (select count(*) from bounce_event e join campaign_recipient using (campaign_id, contact_id)
                where e.campaign_id = s.id and e.sweep = :sweep and e.bounce_class in ('hard', 'soft')
                  and not e.is_contradictory) as bounced,
               (select max(coalesce(p.withdrawn_at, p.executed_at)) from plan p where p.campaign_id = s.id
                and p.sweep = :sweep and (p.kind = 'undo' or p.status = 'withdrawn')) as undone_at,
               (select max(p.executed_at) from plan p
                where p.campaign_id = s.id and p.sweep = :sweep and p.kind = 'rollback') as rolled_back_at
        from campaign_schedule s
        left join bounce_fetch f on f.campaign_id = s.id and f.sweep = :sweep and f.is_complete
        where s.id = :campaign
        """,
        campaign=campaign_id,
        sweep=sweep.value,
    )
    attempts = fetch_all(
        connection,
        """
        select attempt, executed_at, status, finished_at, gave_up_at is not null as gave_up, log_late_since
        from list_maintenance_log
        where campaign_schedule_id = :campaign and maintenance_type = 'post_campaign' and sweep = :sweep order by attempt
        """,
        campaign=campaign_id,
        sweep=sweep.value,
    )
    suppression, rebalancing = plan_rows.maintenance_plans(connection, campaign_id, sweep)
    return MaintenanceSeen(
        campaign_id=campaign_id,
        sweep=sweep.value,
        role=CAMPAIGN_LISTS[campaign["round_number"] - 1],
        sent_at=campaign["sent_at"],
        attempts=[
            AttemptSeen(row["attempt"], row["executed_at"], RunStatus(row["status"]), _ended_at(row), row["gave_up"])
            for row in attempts
        ],
        fetched_at=campaign["fetched_at"],
        recipients=int(campaign["recipients"]),
        bounced=int(campaign["bounced"]),
        suppression=_plan(connection, suppression),
        rebalancing=_plan(connection, rebalancing),
        undone_at=campaign["undone_at"],
        rolled_back_at=campaign["rolled_back_at"],
    )


def _plan(connection: Connection, plan: StoredPlan | None) -> PlanSeen | None:
    if plan is None:
        return None
    outcomes = outcome_rows.outcomes(connection, plan.plan_id)
    begun_at = fetch_scalar(connection, "select min(created_at) from change where plan_id = :plan", plan=plan.plan_id)
    if plan.kind is PlanKind.SUPPRESSION:
        is_needed = bool(
            fetch_scalar(
                connection,
                "select exists (select 1 from plan_item where plan_id = :plan and action = 'suppress')",
                plan=plan.plan_id,
            )
        )
        roles: frozenset[ListRole] = frozenset()
        deviation, is_repaired = None, True
    else:
        summary = plan.rebalancing_summary
        is_needed, deviation, is_repaired = summary.triggered, summary.deviation_before_percent, summary.is_repaired
        touched = fetch_all(
            connection,
            """select from_role as role from plan_item where plan_id = :plan and from_role is not null
               union select to_role from plan_item where plan_id = :plan and to_role is not null""",
            plan=plan.plan_id,
        )
        roles = frozenset(ListRole(row["role"]) for row in touched)
    return PlanSeen(
        made_at=plan.created_at,
        is_needed=is_needed,
        status=PlanStatus(plan.status),
        waited=plan.gate is not None and plan.gate.outcome is GateOutcome.NEEDS_REVIEW,
        decided_at=plan.decided_at,
        begun_at=begun_at,
        executed_at=plan.executed_at,
        confirmed=outcomes.confirmed + outcomes.reversed,
        failed=outcomes.failed,
        skipped=outcomes.skipped,
        deviation_percent=deviation,
        is_repaired=is_repaired,
        roles=roles,
    )


def _ended_at(row: RowMapping) -> datetime | None:
    """When an attempt ended; None while it only waits for one of Mailjet's bounce sources, for then it goes on."""
    is_late = BOUNCES.still_waits(row["log_late_since"], row["finished_at"])
    waits = is_late and row["status"] == RunStatus.FAILED and not row["gave_up"]
    return None if waits else row["finished_at"]
