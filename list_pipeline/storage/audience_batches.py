"""The ranges of plans that divide a new audience: each with its list, the day of its first mail, and how many were enrolled.

Belongs here: SQL. Does not belong here: the division (``core.audience``), and who is in a range, which the items of the plan
say.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection

from list_pipeline.core.audience.division import Batch, FirstMail, Range, ScheduledRound
from list_pipeline.core.lists import ListRole
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_scalar, sql_list, sql_word
from list_pipeline.storage.stuck_sessions import hold


def begin_planning(connection: Connection) -> None:
    """Until the end of the transaction nobody else plans the division of an audience."""
    hold(connection, LockName.DIVIDE_AUDIENCE)


def open_plan(connection: Connection) -> int | None:
    """The plan that divides an audience and is not carried out yet; None: there is none."""
    found = fetch_scalar(
        connection,
        f"""select max(plan_id) from plan where kind = {sql_word(PlanKind.SPLIT)}
            and status in {sql_list(PlanStatus.PLANNED, PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED)}""",
    )
    return None if found is None else int(found)


def save(connection: Connection, plan_id: int, batches: Sequence[Batch]) -> None:
    """Write the ranges of a plan, with the plan."""
    for one in batches:
        campaign = one.first_mail.campaign
        execute(
            connection,
            """
            insert into audience_batch (plan_id, number, list_role, first_place, last_place, planned, first_mail_on,
                   first_mail_at, campaign_id)
            values (:plan, :number, :role, :first, :last, :planned, :on, :at, :campaign)
            """,
            plan=plan_id,
            number=one.range.number,
            role=one.range.role,
            first=one.range.first,
            last=one.range.last,
            planned=one.range.contacts,
            on=one.first_mail.on,
            at=campaign.at if campaign is not None else None,
            campaign=campaign.campaign_id if campaign is not None else None,
        )


def of_plans(connection: Connection, plan_ids: Collection[int]) -> Mapping[int, tuple[Batch, ...]]:
    """The ranges of plans, in order; a plan that has none is missing."""
    rows = fetch_all(
        connection,
        """
        select b.plan_id, b.number, b.list_role, b.first_place, b.last_place, b.first_mail_on, b.first_mail_at, b.enrolled,
               b.campaign_id, s.campaign_key
        from audience_batch b left join campaign_schedule s on s.id = b.campaign_id
        where b.plan_id = any(:plans) order by b.plan_id, b.number
        """,
        plans=list(plan_ids),
    )
    found: dict[int, list[Batch]] = defaultdict(list)
    for row in rows:
        campaign = None
        if row["first_mail_at"] is not None:
            # Of a campaign whose row is gone, the time it had is left.
            key = row["campaign_key"] or "no longer known"
            campaign = ScheduledRound(int(row["campaign_id"] or 0), key, row["first_mail_at"])
        place = Range(row["number"], ListRole(row["list_role"]), row["first_place"], row["last_place"])
        found[row["plan_id"]].append(Batch(place, FirstMail(row["first_mail_on"], campaign), row["enrolled"]))
    return {plan_id: tuple(batches) for plan_id, batches in found.items()}


def of_plan(connection: Connection, plan_id: int) -> tuple[Batch, ...]:
    """The ranges of one plan, in order; none where it divides no audience."""
    return of_plans(connection, [plan_id]).get(plan_id, ())


def note_enrolled(connection: Connection, plan_id: int) -> bool:
    """Write down how many of each range are on its list by a plan, as its journal says; who was there already was put there by
    somebody else, and whoever was taken back is not counted.

    Args:
        plan_id: the plan, or a correction that takes it back.

    Returns:
        Whether there is such a plan.
    """
    touched = execute(
        connection,
        f"""
        update audience_batch b set enrolled = (
            select count(*) from change c join change_step s using (change_id)
            where c.plan_id = b.plan_id and c.kind = {sql_word(ItemAction.ENROL)} and s.list_role = b.list_role
              and s.action = {sql_word(StepAction.ADD)} and s.state = {sql_word(StepState.CONFIRMED)}
              and s.note is distinct from {sql_word(StepNote.WAS_THERE_ALREADY)})
        where b.plan_id = :plan or b.plan_id in (
            select o.plan_id from change c join change o on o.change_id = c.reverses_change_id where c.plan_id = :plan)
        """,
        plan=plan_id,
    )
    return touched > 0


def latest_plans(connection: Connection, most: int) -> tuple[int, ...]:
    """The plans that divide an audience, the latest first."""
    found = fetch_all(
        connection,
        f"select plan_id from plan where kind = {sql_word(PlanKind.SPLIT)} order by plan_id desc limit :most",
        most=most,
    )
    return tuple(int(row["plan_id"]) for row in found)


def newcomers_of(connection: Connection, campaign_ids: Collection[int]) -> Mapping[int, str]:
    """The ranges that get their first mail with each campaign, in words such as ``1-400 of plan 12``; a campaign with none is
    missing. It is the first one to the list of a range whose launch, planned or real, lies after that plan was carried out."""
    found = fetch_all(
        connection,
        """
        with launches as (
            select id, list_name as list_role,
                   coalesce(send_start_at, (scheduled_date + scheduled_time) at time zone 'UTC') as at
            from campaign_schedule where retired_at is null)
        select n.id,
               string_agg(b.first_place || '-' || b.last_place || ' of plan ' || b.plan_id, ', ' order by b.plan_id) as words
        from audience_batch b join plan p using (plan_id)
        cross join lateral (select l.id from launches l where l.list_role = b.list_role and l.at >= p.executed_at
                            order by l.at, l.id limit 1) n
        where b.enrolled > 0 and n.id = any(:campaigns) group by n.id
        """,
        campaigns=list(campaign_ids),
    )
    return {int(row["id"]): str(row["words"]) for row in found}
