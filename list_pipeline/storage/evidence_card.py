"""What is stored of one contact, read for its evidence card: a fixed number of statements, whatever its history.

Belongs here: reading. Does not belong here: what follows from it (``core.evidence_card``). No address leaves this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.erasure import KeptOff
from list_pipeline.core.evidence_card.facts import (
    ErasedPerson,
    KeptFromMail,
    Known,
    Mailing,
    Outcome,
    PlannedFor,
    Question,
    Reading,
    Summary,
    Suppression,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.evidence import SPAM_COMPLAINT_FLAG
from list_pipeline.core.plans.journal import UNSETTLED, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.quarantine.life import QuarantineReason, QuarantineState
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import FINDINGS, ReviewKind, ReviewStatus
from list_pipeline.storage.bounces import StoredReading, readings_of
from list_pipeline.storage.database import fetch_all, fetch_one, sql_list, sql_word
from list_pipeline.storage.membership.members import LIST_FLAG
from list_pipeline.storage.plans.plan_rows import EVIDENCE, GATE

_CONFIRMED, _COMPENSATED = sql_word(StepState.CONFIRMED), sql_word(StepState.COMPENSATED)
_FAILED, _SKIPPED = sql_word(StepState.FAILED), sql_word(StepState.SKIPPED)


def known(connection: Connection, contact_id: int) -> Known | None:
    """Our row of a contact with its lists; None: there is none."""
    row = fetch_one(
        connection,
        f"""
        select {", ".join(f"m.{flag}" for flag in LIST_FLAG.values())}, m.is_unsubscribed, m.is_excluded, m.is_complaining,
               m.is_anonymised, m.queued_at,
               greatest((select max(l.unsubscribed_at) from list_membership l
                         where l.contact_id = m.contact_id and l.is_unsubscribed),
                        (select k.unsubscribed_at from kept_unsubscription k
                         where k.contact_id = m.contact_id and k.taken_back_at is null)) as unsubscribed_at,
               array(select u.problem from unreadable_row u where u.contact_id = m.contact_id and u.ended_at is null
                     order by u.unreadable_row_id) as unreadable,
               array(select o.contact_id from contact_list_membership o where o.address_key = m.address_key
                       and o.contact_id <> m.contact_id and not o.is_anonymised and not m.is_anonymised
                     order by o.contact_id) as other_ids,
               array(select distinct because from erased_person e cross join unnest(e.kept_off_because) because
                     where e.address_key = m.address_key and not m.is_anonymised order by because) as kept_off_because,
               q.reason as kept_reason, q.started_at as kept_since, q.ends_at as kept_until
        from contact_list_membership m
        left join quarantine q on q.contact_id = m.contact_id and q.state = {sql_word(QuarantineState.ACTIVE)}
        where m.contact_id = :contact
        """,
        contact=contact_id,
    )
    if row is None:
        return None
    return Known(
        lists=tuple(role for role, flag in LIST_FLAG.items() if row[flag]),
        is_unsubscribed=row["is_unsubscribed"],
        unsubscribed_at=row["unsubscribed_at"],
        is_excluded=row["is_excluded"],
        is_complaining=row["is_complaining"],
        is_anonymised=row["is_anonymised"],
        unreadable=tuple(map(str, row["unreadable"])),
        queued_at=row["queued_at"],
        other_ids=tuple(map(int, row["other_ids"])),
        kept_off_because=tuple(map(KeptOff, row["kept_off_because"])),
        quarantine=KeptFromMail(QuarantineReason(row["kept_reason"]), row["kept_since"], row["kept_until"])
        if row["kept_reason"]
        else None,
    )


def erased(connection: Connection, *, contact_id: int | None = None, address: str | None = None) -> ErasedPerson | None:
    """What is kept of an erased person, known by the id or by the address; None: nobody was erased."""
    row = fetch_one(
        connection,
        """
        select erased_at, kept_off_because from erased_person
        where pseudonym = contact_pseudonym(cast(:contact as bigint)) or address_key = address_key(cast(:address as text))
        order by erased_at desc limit 1
        """,
        contact=contact_id,
        address=address,
    )
    if row is None:
        return None
    return ErasedPerson(row["erased_at"], tuple(KeptOff(one) for one in row["kept_off_because"]))


def mailings(connection: Connection, contact_id: int) -> tuple[Mailing, ...]:
    """The campaigns that a contact was a recipient of or failed in, each with all its readings, oldest first."""
    found = fetch_all(
        connection,
        """
        select s.id, s.campaign_key, s.campaign_name, coalesce(s.send_start_at, s.send_end_at) as sent_at,
               bool_or(i.is_recipient) as is_recipient
        from (select campaign_id, true as is_recipient from campaign_recipient where contact_id = :contact
              union all select campaign_id, false from bounce_event where contact_id = :contact) i
        join campaign_schedule s on s.id = i.campaign_id
        where coalesce(s.send_start_at, s.send_end_at) is not null
        group by s.id order by sent_at, s.id
        """,
        contact=contact_id,
    )
    read = readings_of(connection, contact_id, [int(row["id"]) for row in found])
    return tuple(
        Mailing(
            campaign_id=int(row["id"]),
            key=row["campaign_key"],
            name=row["campaign_name"],
            sent_at=row["sent_at"],
            is_recipient=row["is_recipient"],
            readings=_readings(read, int(row["id"])),
        )
        for row in found
    )


def summary(connection: Connection, contact_id: int) -> Summary | None:
    """The counts of a contact's mailings that are summarised; None: none is."""
    row = fetch_one(
        connection,
        f"select {', '.join(Summary.__dataclass_fields__)} from contact_history where contact_id = :contact",
        contact=contact_id,
    )
    return Summary(**row) if row is not None else None


def _readings(read: Mapping[int, Sequence[StoredReading]], campaign_id: int) -> tuple[Reading, ...]:
    return tuple(
        Reading(Sweep(one.sweep), one.fetched_at, one.is_complete, one.failure) for one in read.get(campaign_id, ())
    )


def plans(connection: Connection, contact_id: int) -> tuple[PlannedFor, ...]:
    """Every plan with an item of a contact, with what became of the item, in the order in which they were made."""
    found = fetch_all(
        connection,
        f"""
        select p.plan_id, p.campaign_id, s.campaign_key, p.kind, p.sweep, p.status, p.policy_version, p.created_at,
               p.decided_at, p.decided_by, p.decided_via, p.requested_by, p.note, p.withdrawn_by, p.gate,
               case when p.kind = {sql_word(PlanKind.SUPPRESSION)} then cast(p.summary ->> 'as_of' as timestamptz) end as as_of,
               i.action, i.from_role, i.to_role, i.rule, i.is_held, i.confidence, i.explanation, i.evidence,
               t.*, exists (select 1 from contact_waiting w where w.contact_id = :contact and w.plan_id = p.plan_id)
                    as is_waiting
        from plan p join plan_item i on i.plan_id = p.plan_id and i.contact_id = :contact
        left join campaign_schedule s on s.id = p.campaign_id
        left join lateral (
            select count(*) as steps, bool_or(x.state = {_COMPENSATED}) as taken_back, bool_or(x.state = {_FAILED}) as failed,
                   bool_or(x.state in {sql_list(*UNSETTLED)}) as open, bool_and(x.state = {_SKIPPED}) as left_out,
                   max(x.changed_at) filter (where x.state in ({_CONFIRMED}, {_COMPENSATED})) as done_at
            from change c join change_step x using (change_id)
            where c.plan_id = p.plan_id and c.contact_id = :contact) t on true
        order by p.created_at, p.plan_id
        """,
        contact=contact_id,
    )
    return tuple(_plan(row) for row in found)


def _plan(row: RowMapping) -> PlannedFor:
    gate = GATE.read(row["gate"]) if row["gate"] else None
    return PlannedFor(
        plan_id=int(row["plan_id"]),
        campaign_id=row["campaign_id"],
        campaign=row["campaign_key"],
        kind=PlanKind(row["kind"]),
        sweep=Sweep(row["sweep"]) if row["sweep"] else None,
        status=PlanStatus(row["status"]),
        policy_version=row["policy_version"],
        created_at=row["created_at"],
        as_of=row["as_of"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        decided_via=Way(row["decided_via"]) if row["decided_via"] else None,
        requested_by=row["requested_by"],
        note=row["note"],
        withdrawn_by=row["withdrawn_by"],
        gate=tuple(check.words for check in gate.checks if not check.passed) if gate is not None else (),
        action=ItemAction(row["action"]),
        from_role=ListRole(row["from_role"]) if row["from_role"] else None,
        to_role=ListRole(row["to_role"]) if row["to_role"] else None,
        rule=row["rule"],
        is_held=row["is_held"],
        confidence=row["confidence"],
        explanation=row["explanation"],
        is_flagged_as_complaining=SPAM_COMPLAINT_FLAG in EVIDENCE.read(row["evidence"]),
        outcome=_outcome(row),
        done_at=row["done_at"],
        is_waiting=row["is_waiting"],
    )


def _outcome(row: RowMapping) -> Outcome:
    if not row["steps"]:
        return Outcome.NOT_BEGUN
    for column, outcome in (
        ("taken_back", Outcome.TAKEN_BACK),
        ("open", Outcome.UNDER_WAY),
        ("failed", Outcome.FAILED),
        ("left_out", Outcome.LEFT_OUT),
    ):
        if row[column]:
            return outcome
    return Outcome.DONE


def questions(connection: Connection, contact_id: int, plan_ids: Sequence[int]) -> tuple[Question, ...]:
    """What people were asked about a contact, alone, as one of an incident, or with one of the given plans; oldest first. Of
    what was withdrawn, by whom and when that was counts as the decision."""
    found = fetch_all(
        connection,
        f"""
        select r.review_id, r.plan_id, r.kind, r.status, r.created_at, r.note,
               coalesce(r.withdrawn_at, r.decided_at) as decided_at, coalesce(r.withdrawn_by, r.decided_by) as decided_by
        from review_item r
        where r.kind not in {sql_list(*FINDINGS)} and r.plan_id = any(:plans)
          and (r.contact_id = :contact or r.contact_id is null and (
                   r.kind = {sql_word(ReviewKind.PLAN)} or r.details -> 'contact_ids' @> to_jsonb(cast(:contact as bigint))))
        order by r.created_at, r.review_id
        """,
        contact=contact_id,
        plans=list(plan_ids),
    )
    return tuple(
        Question(
            review_id=int(row["review_id"]),
            plan_id=row["plan_id"],
            kind=ReviewKind(row["kind"]),
            status=ReviewStatus(row["status"]),
            asked_at=row["created_at"],
            decided_at=row["decided_at"],
            decided_by=row["decided_by"],
            note=row["note"],
        )
        for row in found
    )


def suppressions(connection: Connection, contact_id: int) -> tuple[Suppression, ...]:
    """The history of a contact's suppressions, oldest first."""
    found = fetch_all(
        connection,
        f"""
        select h.suppressed_at, h.reason, c.plan_id, coalesce(h.ai_rationale, '') as explanation, h.reinstated_at,
               h.reinstated_by, exists (
                   select 1 from change u join change_step s using (change_id)
                   where u.reverses_change_id = h.change_id and s.state = {_COMPENSATED}) as is_redone
        from contact_suppression_history h left join change c using (change_id)
        where h.contact_id = :contact order by h.suppressed_at, h.id
        """,
        contact=contact_id,
    )
    return tuple(Suppression(**row) for row in found)
