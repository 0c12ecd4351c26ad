"""What earlier looks at a campaign left to the later ones: who was rejected, asked about, taken back or suppressed in them.

Does not belong here: the plans themselves (``plan_rows``), and what follows for a contact (``core.suppression``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import Connection

from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.suppression.verdicts import AskedAbout, SuppressionRule
from list_pipeline.storage.database import (
    fetch_all,
    fetch_scalar,
    sql_word,
)


def _undo_stands(withdrawn: str) -> str:
    """SQL: the undo that withdrew a row stands; no redo came after it, or another undo after that one.

    Args:
        withdrawn: alias of the row, of a plan or of a question. The plan's alias is ``p``.
    """
    return f"""not exists (
        select 1 from plan d where d.campaign_id = p.campaign_id and d.sweep = p.sweep and d.kind = {sql_word(PlanKind.REDO)}
          and d.created_at >= {withdrawn}.withdrawn_at and not exists (
              select 1 from plan u where u.campaign_id = p.campaign_id and u.sweep = p.sweep
                and u.kind = {sql_word(PlanKind.UNDO)} and u.created_at > d.created_at))"""


def rejected_contacts(connection: Connection, campaign_id: int) -> frozenset[int]:
    """Contacts whose suppression after a campaign a person rejected, with its plan or by itself, or ended with an undo that
    nobody took back. What lapsed with its plan is judged anew."""
    return frozenset(contact_id for _, contact_id in rejected_after(connection, [campaign_id]))


def rejected_after(connection: Connection, campaign_ids: Collection[int]) -> frozenset[tuple[int, int]]:
    """The same of several campaigns: campaign and contact of each."""
    found = fetch_all(
        connection,
        f"""
        select p.campaign_id, i.contact_id from plan p join plan_item i using (plan_id)
        where p.campaign_id = any(:campaigns) and p.kind = 'suppression' and i.action = 'suppress'
          and (p.status = 'rejected' or p.status = 'withdrawn' and {_undo_stands("p")})
        union
        select p.campaign_id, coalesce(r.contact_id, cast(held.contact_id as bigint)) as contact_id
        from review_item r join plan p using (plan_id)
        left join lateral jsonb_array_elements_text(r.details -> 'contact_ids') held (contact_id) on r.contact_id is null
        where p.campaign_id = any(:campaigns) and p.kind = 'suppression'
          and (r.status = 'rejected' or r.status = 'withdrawn' and p.status <> 'expired' and {_undo_stands("r")})
          and (r.kind = 'incident' or r.kind = 'plan' and r.contact_id is not null)
        """,
        campaigns=list(campaign_ids),
    )
    return frozenset((int(row["campaign_id"]), int(row["contact_id"])) for row in found)


def asked_contacts(connection: Connection, campaign_id: int, except_sweep: Sweep) -> Mapping[int, AskedAbout]:
    """Contacts about whose suppression people were asked after the other looks at a campaign, with their plan or by
    themselves, and have not decided; what was begun already is left out."""
    found = fetch_all(
        connection,
        f"""
        select distinct on (i.contact_id) i.contact_id, i.rule, i.is_held from plan p join plan_item i using (plan_id)
        where p.campaign_id = :campaign and p.kind = {sql_word(PlanKind.SUPPRESSION)} and p.sweep <> :sweep
          and i.action = {sql_word(ItemAction.SUPPRESS)}
          and not exists (select 1 from change c where c.plan_id = p.plan_id and c.contact_id = i.contact_id)
          and (p.status = {sql_word(PlanStatus.PENDING_REVIEW)} and not i.is_held or exists (
              select 1 from review_item r where r.plan_id = p.plan_id and r.status = {sql_word(ReviewStatus.OPEN)}
                and (r.kind = {sql_word(ReviewKind.PLAN)} and r.contact_id = i.contact_id
                     or r.kind = {sql_word(ReviewKind.INCIDENT)} and r.details -> 'contact_ids' @> to_jsonb(i.contact_id))))
        order by i.contact_id, p.plan_id desc
        """,
        campaign=campaign_id,
        sweep=except_sweep,
    )
    return {int(row["contact_id"]): AskedAbout(SuppressionRule(row["rule"]), bool(row["is_held"])) for row in found}


def waits_after_another_look(connection: Connection, campaign_id: int, kind: PlanKind, sweep: Sweep) -> bool:
    """Whether a plan of this kind after another look at a campaign waits for a person."""
    return bool(
        fetch_scalar(
            connection,
            f"""select exists (select 1 from plan where campaign_id = :campaign and kind = :kind and sweep <> :sweep
                              and status = {sql_word(PlanStatus.PENDING_REVIEW)})""",
            campaign=campaign_id,
            kind=kind,
            sweep=sweep,
        )
    )


def taken_back_contacts(connection: Connection, campaign_id: int) -> frozenset[int]:
    """Contacts whose suppression after a campaign a person took back: undone and not done again, or reinstated."""
    found = fetch_all(
        connection,
        """
        select distinct c.contact_id from plan p join change c using (plan_id) join change_step s using (change_id)
        where p.campaign_id = :campaign and p.kind in ('suppression', 'redo') and c.kind = 'suppress'
          and s.state = 'compensated' and not exists (
              select 1 from change u join change_step t using (change_id)
              where u.reverses_change_id = c.change_id and t.state = 'compensated')
        """,
        campaign=campaign_id,
    )
    return frozenset(int(row["contact_id"]) for row in found)


def suppressed_in_sweeps(connection: Connection, campaign_id: int, except_sweep: Sweep | None) -> int:
    """Contacts suppressed after a campaign in its other sweeps, or in all of them, complaints not counted."""
    return int(
        fetch_scalar(
            connection,
            """
            select count(distinct i.contact_id) from plan p join plan_item i using (plan_id)
            join change ch on ch.plan_id = p.plan_id and ch.contact_id = i.contact_id
            join change_step st on st.change_id = ch.change_id and st.ordinal = 1 and st.state = 'confirmed'
            where p.campaign_id = :campaign and p.kind in ('suppression', 'redo')
              and p.sweep is distinct from cast(:sweep as text)
              and i.action = 'suppress' and i.reason <> 'complaint'
            """,
            campaign=campaign_id,
            sweep=except_sweep,
        )
    )
