"""Quarantines: who is kept from mail, why, until when, and what became of it.

That our exclusion stands is the journal's to say; these rows follow it, and what happened to the contact since (``follow``).

Belongs here: their rows, and whether a contact is in quarantine, for the statements of others. Does not belong here: who is put
there (``core.quarantine``), and the exclusion itself (``plans.journal``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.journal import StepAction, StepState
from list_pipeline.core.plans.plan import TURNED_DOWN, ItemAction, PlanStatus
from list_pipeline.core.quarantine.life import QUARANTINE_LIFE, QuarantineReason, QuarantineState
from list_pipeline.storage.database import (
    copy_rows,
    execute,
    fetch_all,
    fetch_scalar,
    in_parts,
    left_for,
    look_again_after,
    sql_list,
    sql_word,
)

_PLANNED, _ACTIVE = sql_word(QuarantineState.PLANNED), sql_word(QuarantineState.ACTIVE)
_OPEN = sql_list(QuarantineState.PLANNED, QuarantineState.ACTIVE)
_NOT_DONE = sql_list(StepState.SKIPPED, StepState.FAILED)
_QUARANTINE, _EXCLUDE = sql_word(ItemAction.QUARANTINE), sql_word(StepAction.EXCLUDE)


def is_active(contact_id: str) -> str:
    """SQL: whether a contact is in quarantine, so that the exclusion it has is ours, for a while, and it counts as present.

    Args:
        contact_id: the column, a constant.
    """
    return f"exists (select from quarantine qu where qu.contact_id = {contact_id} and qu.state = {_ACTIVE})"


def is_excluded_for_good(contact: str) -> str:
    """SQL: whether a contact is excluded, and not by a quarantine, which ends: who is in one is present.

    Args:
        contact: alias of ``contact_list_membership``, a constant.
    """
    return f"({contact}.is_excluded and not {is_active(f'{contact}.contact_id')})"


def may_be_taken_back(change: str) -> str:
    """SQL: whether a change is no quarantine, or one that goes on: the exclusion of one that is over is not ours to lift.

    Args:
        change: alias of ``change``, a constant.
    """
    return f"({change}.kind <> {_QUARANTINE} or {is_active(f'{change}.contact_id')})"


def was_active(contact_id: str, at: str) -> str:
    """SQL: whether a contact was in quarantine at an instant, and so not mailed. The arguments are constants."""
    return f"""exists (select from quarantine qu where qu.contact_id = {contact_id} and qu.started_at <= {at}
                        and (qu.ended_at is null or qu.ended_at > {at}))"""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A quarantine as it stands. ``change_id``: the change that set the exclusion; None while it is planned. ``campaign``:
    key of the campaign after which it began; None: a person asked for it. Instants are UTC."""

    contact_id: int
    plan_id: int
    campaign_id: int | None
    campaign: str | None
    reason: QuarantineReason
    state: QuarantineState
    planned_at: datetime
    ends_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    change_id: int | None
    released_by: str | None


_ROWS = f"""
    select q.contact_id, q.plan_id, q.campaign_id, s.campaign_key as campaign, q.reason, q.state, q.planned_at, q.ends_at,
           q.started_at, q.ended_at, c.change_id,
           (select p.requested_by from change r join plan p using (plan_id)
            where r.reverses_change_id = c.change_id and q.state = {sql_word(QuarantineState.RELEASED)}
            order by r.change_id desc limit 1) as released_by
    from quarantine q left join campaign_schedule s on s.id = q.campaign_id
    left join change c on c.plan_id = q.plan_id and c.contact_id = q.contact_id and c.kind = {_QUARANTINE}
"""


def _quarantine(row: RowMapping) -> Quarantine:
    words = {"reason": QuarantineReason(row["reason"]), "state": QuarantineState(row["state"])}
    return Quarantine(**{**row, **words})


def plan(
    connection: Connection,
    plan_id: int,
    campaign_id: int | None,
    reasons: Mapping[int, QuarantineReason],
    ends_at: datetime,
    now: datetime,
) -> None:
    """Write down who a plan keeps from mail, together with the plan."""
    written = copy_rows(
        connection,
        "quarantine",
        ("plan_id", "contact_id", "campaign_id", "reason", "state", "planned_at", "ends_at"),
        (
            (plan_id, contact_id, campaign_id, reason.value, QuarantineState.PLANNED.value, now, ends_at)
            for contact_id, reason in sorted(reasons.items())
        ),
    )
    look_again_after(connection, written, "quarantine")


def follow(connection: Connection, now: datetime) -> Mapping[QuarantineState, int]:
    """Let the rows follow the journal and the contacts: begun, not begun, lifted by us or by others, suppressed, erased.
    Repeating changes nothing.

    Returns:
        How many came to which state.
    """
    return {
        state: execute(
            connection,
            f"""update quarantine q set state = {sql_word(state)}, {_SET[state]}
                from plan p, change c join change_step s using (change_id)
                     left join contact_list_membership m on m.contact_id = c.contact_id
                where p.plan_id = q.plan_id and c.plan_id = q.plan_id and c.contact_id = q.contact_id
                  and c.kind = {_QUARANTINE} and s.action = {_EXCLUDE}
                  and q.state in {left_for(QUARANTINE_LIFE, state)} and ({condition})""",
            **({"now": now} if ":now" in _SET[state] else {}),
        )
        for state, condition in _FOLLOWS.items()
    } | {QuarantineState.DROPPED: _drop(connection, now)}


_LIFTING = f"""exists (
    select from change r join change_step t using (change_id)
    where r.reverses_change_id = c.change_id and t.state not in {_NOT_DONE})"""
_SET = {
    QuarantineState.ACTIVE: "started_at = s.changed_at",
    QuarantineState.RELEASED: "ended_at = s.changed_at",
    **dict.fromkeys((QuarantineState.CONFIRMED, QuarantineState.LIFTED, QuarantineState.GONE), "ended_at = :now"),
}
# In this order: what was begun may have ended since.
_FOLLOWS = {
    QuarantineState.ACTIVE: f"s.state in {sql_list(StepState.CONFIRMED, StepState.COMPENSATED)}",
    QuarantineState.RELEASED: f"s.state = {sql_word(StepState.COMPENSATED)}",
    QuarantineState.GONE: "m.contact_id is null or m.is_anonymised",
    QuarantineState.CONFIRMED: "m.in_suppression_list and m.is_excluded",
    QuarantineState.LIFTED: f"not m.is_excluded and not {_LIFTING}",
}


def _drop(connection: Connection, now: datetime) -> int:
    """What was planned and is not begun any more: its plan was turned down, or the contact was left out."""
    return execute(
        connection,
        f"""update quarantine q set state = {sql_word(QuarantineState.DROPPED)}, ended_at = :now
            from plan p where p.plan_id = q.plan_id and q.state in {left_for(QUARANTINE_LIFE, QuarantineState.DROPPED)}
              and (p.status in {sql_list(*TURNED_DOWN, PlanStatus.SUPERSEDED)} and not exists (
                       select from change c join change_step s using (change_id)
                       where c.plan_id = q.plan_id and c.contact_id = q.contact_id and s.state not in {_NOT_DONE})
                   or exists (select from change c join change_step s using (change_id)
                              where c.plan_id = q.plan_id and c.contact_id = q.contact_id and s.state in {_NOT_DONE}))""",
        now=now,
    )


def open_of(connection: Connection) -> tuple[Quarantine, ...]:
    """The quarantines that are planned or go on, those that end first before the others."""
    found = fetch_all(connection, f"{_ROWS} where q.state in {_OPEN} order by q.ends_at, q.contact_id")
    return tuple(map(_quarantine, found))


def of_contact(connection: Connection, contact_id: int) -> tuple[Quarantine, ...]:
    """The quarantines of a contact, the latest first."""
    found = fetch_all(
        connection,
        f"{_ROWS} where q.contact_id = :contact order by q.planned_at desc, q.plan_id desc",
        contact=contact_id,
    )
    return tuple(map(_quarantine, found))


def of_campaign(connection: Connection, campaign_id: int) -> tuple[Quarantine, ...]:
    """The quarantines after a campaign, by contact id."""
    found = fetch_all(
        connection, f"{_ROWS} where q.campaign_id = :campaign order by q.contact_id, q.plan_id", campaign=campaign_id
    )
    return tuple(map(_quarantine, found))


def active_among(connection: Connection, contact_ids: Sequence[int]) -> frozenset[int]:
    """The contacts among these that are in quarantine."""
    return _among(connection, contact_ids, f"state = {_ACTIVE}")


def taken_among(connection: Connection, campaign_id: int | None, contact_ids: Sequence[int]) -> frozenset[int]:
    """The contacts among these that are in quarantine or waiting for it, or were after the same campaign."""
    return _among(
        connection, contact_ids, f"(state in {_OPEN} or campaign_id = cast(:campaign as integer))", campaign=campaign_id
    )


def drawn_among(connection: Connection, contact_ids: Sequence[int], campaign_id: int | None = None) -> frozenset[int]:
    """The contacts among these that were drawn once to be tested by a mailing, or after one campaign and not dropped since."""
    return _among(
        connection,
        contact_ids,
        f"""reason = {sql_word(QuarantineReason.TESTED_SAMPLE)}
            and (cast(:campaign as integer) is null
                 or campaign_id = :campaign and state <> {sql_word(QuarantineState.DROPPED)})""",
        campaign=campaign_id,
    )


def _among(
    connection: Connection, contact_ids: Sequence[int], condition: str, **parameters: int | None
) -> frozenset[int]:
    """The contacts among these with a quarantine of which a condition holds, a constant."""
    return frozenset(
        int(row["contact_id"])
        for part in in_parts(contact_ids)
        for row in fetch_all(
            connection,
            f"select distinct contact_id from quarantine where contact_id = any(:ids) and {condition}",
            ids=part,
            **parameters,
        )
    )


def due(connection: Connection, now: datetime) -> tuple[int, ...]:
    """The contacts whose quarantine is over and whose exclusion we may lift. Who complained is not mailed again by anything
    but a person's word."""
    found = fetch_all(
        connection,
        f"""select q.contact_id from quarantine q join contact_list_membership m using (contact_id)
            where q.state = {_ACTIVE} and q.ends_at <= :now and not m.is_complaining and not m.in_suppression_list
            order by q.contact_id""",
        now=now,
    )
    return tuple(int(row["contact_id"]) for row in found)


def over_in_plan(connection: Connection, plan_id: int, now: datetime) -> tuple[int, ...]:
    """The contacts of a plan that were to be kept from mail until an instant that has passed."""
    found = fetch_all(
        connection,
        f"""select contact_id from quarantine where plan_id = :plan and state = {_PLANNED} and ends_at <= :now
            order by contact_id""",
        plan=plan_id,
        now=now,
    )
    return tuple(int(row["contact_id"]) for row in found)


def present_on(connection: Connection) -> Mapping[str, int]:
    """Contacts in quarantine on each list and subscribed there, by the list's role: Mailjet does not count them among those
    that it would mail, and here they are present."""
    found = fetch_all(
        connection,
        f"""select l.list_role, count(*) as contacts from quarantine q join list_membership l using (contact_id)
            where q.state = {_ACTIVE} and l.left_at is null and not l.is_unsubscribed
            group by l.list_role order by l.list_role""",
    )
    return {str(row["list_role"]): int(row["contacts"]) for row in found}


def kept_from(connection: Connection, role: ListRole, at: datetime) -> int:
    """Contacts of a list that were in quarantine when a send to it began (UTC)."""
    return int(
        fetch_scalar(
            connection,
            f"""select count(*) from list_membership l where l.list_role = :role
                and (l.subscribed_at is null or l.subscribed_at <= :at) and (l.left_at is null or l.left_at > :at)
                and {was_active("l.contact_id", ":at")}""",
            role=role.value,
            at=at,
        )
    )


def count_after(connection: Connection, campaign_id: int) -> int:
    """Contacts put in quarantine after a campaign so far, those that wait for a decision among them."""
    return int(
        fetch_scalar(
            connection,
            f"""select count(distinct contact_id) from quarantine where campaign_id = :campaign
                and state <> {sql_word(QuarantineState.DROPPED)}""",
            campaign=campaign_id,
        )
    )
