"""The figures of a day's review, counted in the database, and the table that keeps them.

Belongs here: SQL over plans, their items, questions to people, advisors' records and the history of suppressions. Does not
belong here: what the counts mean (``core.monitoring.decision_review``).

Everything is read as of an instant: what was decided or taken back after it is not seen, so that a past day can be counted
again. A row says who decided last; where somebody decided twice on the same plan, only the second decision is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from list_pipeline.core.advice import AdviceOutcome
from list_pipeline.core.monitoring.decision_review import (
    Advice,
    Consulted,
    DayFigures,
    DecidedGroup,
    Decider,
    FalseSuppressions,
    KeptFailures,
    PersonsDecision,
)
from list_pipeline.core.plans.plan import PlanKind, PlanStatus
from list_pipeline.core.quarantine.life import BY_ITSELF
from list_pipeline.storage.database import execute, fetch_all, fetch_row, to_json


@dataclass(frozen=True, slots=True)
class Span:
    """From an instant on, before another (UTC)."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Cuts:
    """The marks of an advisor's hand in an item: the rules' own confidences, by borderline rule, and where doubt begins."""

    own_confidence: Mapping[str, float]
    doubt_below: float

    @property
    def parameters(self) -> dict[str, Any]:
        """For the statements."""
        return {"own": to_json(dict(self.own_confidence)), "doubt": self.doubt_below}


@dataclass(frozen=True, slots=True)
class DecidedItem:
    """One contact's item as the review lists it, without an address. ``decided_by``: a name, only where a person decided."""

    contact_id: int
    plan_id: int
    kind: str
    action: str
    rule: str
    confidence: float | None
    advice: Advice
    decider: Decider
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class KeptReview:
    """A row of the table."""

    day: date
    reviewed_at: datetime
    run_id: str | None
    figures: DayFigures


_ADVICE_ON_ITEM = """
    case when p.record_id is null then 'none'
         when p.kind = 'suppression' and cast(:own as jsonb) ? i.rule and i.action = 'monitor' then 'softened'
         when p.kind = 'suppression' and cast(:own as jsonb) ? i.rule and i.action = 'suppress' and not i.is_held
             then case when i.confidence < (cast(:own as jsonb) ->> i.rule)::double precision then 'lowered'
                       else 'no_objection' end
         when p.kind = 'rebalancing' and p.plan_confidence < :doubt then 'doubted'
         when p.kind = 'rebalancing' and p.plan_confidence is not null then 'no_objection'
         else 'none' end
"""
"""An advisor asks for more care with borderline contacts only; a rule's own confidence is what the policy gave."""

_RECORD = """
    left join lateral (
        select a.record_id, a.confidence as plan_confidence from agent_record a
        where a.campaign_id = p.campaign_id and a.sweep = p.sweep and a.asked_at < :end
          and a.agent = case p.kind when 'suppression' then 'optimization' when 'rebalancing' then 'rebalancing' end
          and a.outcome in ('accepted', 'trimmed')
        order by a.record_id desc limit 1) advice on true
"""
"""The advisor's answer about a plan, where it counts."""

_DECIDED = f"""
    with chosen as materialized (
        select p.plan_id, p.kind, p.status, p.created_at, p.decided_at, p.decided_by, p.withdrawn_at,
               p.gate ->> 'outcome' as outcome,
               p.gate -> 'waiting' as waiting, p.created_at >= :start as planned_today, advice.record_id,
               advice.plan_confidence
        from plan p {_RECORD}
        where p.created_at < :end
          and (p.created_at >= :start or p.decided_at >= :start and p.decided_at < :end
               or exists (select 1 from review_item r
                          where r.plan_id = p.plan_id and r.decided_at >= :start and r.decided_at < :end))
    ), waiting as (
        select c.plan_id, cast(w.contact_id as bigint) as contact_id
        from chosen c cross join lateral jsonb_array_elements_text(c.waiting) w (contact_id)
    ), question as (
        select distinct on (q.plan_id, q.contact_id) q.* from (
            select r.plan_id, coalesce(r.contact_id, cast(held.contact_id as bigint)) as contact_id, r.decided_by, r.decided_at
            from review_item r join chosen c using (plan_id)
            left join lateral jsonb_array_elements_text(r.details -> 'contact_ids') held (contact_id)
                on r.contact_id is null
            where r.status in ('approved', 'rejected', 'expired', 'withdrawn') and r.decided_at < :end
              and (r.kind = 'incident' or r.kind = 'plan' and r.contact_id is not null)) q
        where q.contact_id is not null order by q.plan_id, q.contact_id, q.decided_at desc
    ), judged as (
        select p.plan_id, p.kind, p.planned_today, i.contact_id, i.rule, i.confidence,
               case when i.is_held then 'hold' else i.action end as action, {_ADVICE_ON_ITEM} as advice,
               case when i.action in ('monitor', 'keep') then 'policy'
                    when q.decided_by = 'nobody' then 'nobody'
                    when q.decided_by is not null then 'person'
                    when p.kind = 'rollback' or p.kind = 'release' and p.decided_by = '{BY_ITSELF}' then 'gate'
                    when not i.is_held and w.contact_id is null and p.outcome in ('approved', 'needs_review')
                         and (p.decided_by is distinct from 'gate' or p.decided_at < :end) then 'gate'
                    when p.decided_at < :end and p.decided_by = 'nobody' then 'nobody'
                    when p.decided_at < :end and p.decided_by <> 'gate'
                         and (not i.is_held or p.status in ('rejected', 'expired')) then 'person'
                    when p.outcome in ('refused', 'read_only') or p.withdrawn_at < :end then 'stopped'
                    else 'waiting' end as decider,
               coalesce(q.decided_by, p.decided_by) as decided_by,
               q.decided_at as asked_alone_at, p.decided_at as plan_decided_at, p.created_at,
               p.decided_by = 'gate' as is_decided_by_gate
        from chosen p join plan_item i using (plan_id)
        left join question q on q.plan_id = i.plan_id and q.contact_id = i.contact_id
        left join waiting w on w.plan_id = i.plan_id and w.contact_id = i.contact_id
        where p.status <> 'superseded' or q.contact_id is not null
    ), decided as (
        select j.*, case j.decider
                   when 'gate' then case when j.is_decided_by_gate then j.plan_decided_at else j.created_at end >= :start
                   when 'person' then coalesce(j.asked_alone_at, j.plan_decided_at) >= :start
                   when 'nobody' then coalesce(j.asked_alone_at, j.plan_decided_at) >= :start
                   else false end as decided_today
        from judged j
    )
"""
"""Every item of the plans that were made or decided on in a span, with who had decided on it at the span's end.

A question about a single contact outweighs its plan's decision. Of a plan that a person edited, only who was left out is
among them: the others are decided on with the plan that came of it. What the gate let through while the rest of its plan waited
(complaints) has no instant of its own: it was judged when the plan was made.
"""


def decided_groups(connection: Connection, span: Span, cuts: Cuts) -> tuple[DecidedGroup, ...]:
    """The contacts of the plans that were made or decided on in a span, counted by what they have in common."""
    found = fetch_all(
        connection,
        _DECIDED
        + """
        select kind, action, rule, confidence, decider, advice, planned_today, decided_today, count(*) as contacts
        from decided where planned_today or decided_today group by 1, 2, 3, 4, 5, 6, 7, 8 order by 1, 2, 3, 4, 5, 6, 7, 8
        """,
        start=span.start,
        end=span.end,
        **cuts.parameters,
    )
    return tuple(
        DecidedGroup(**{**row, "decider": Decider(row["decider"]), "advice": Advice(row["advice"])}) for row in found
    )


def decided_items(connection: Connection, span: Span, cuts: Cuts, limit: int) -> tuple[DecidedItem, ...]:
    """The decided contacts one by one, at most ``limit``: suppressions and what people decided first, what stays last."""
    found = fetch_all(
        connection,
        _DECIDED
        + """
        select contact_id, plan_id, kind, action, rule, confidence, advice, decider,
               case when decider = 'person' then decided_by end as decided_by
        from decided where planned_today or decided_today
        order by case when action in ('suppress', 'hold', 'restore', 'remove') or advice in ('softened', 'lowered') then 0
                      when decider = 'person' then 1 when action in ('move', 'enrol') then 2 else 3 end, plan_id, contact_id
        limit :limit
        """,
        start=span.start,
        end=span.end,
        limit=limit,
        **cuts.parameters,
    )
    return tuple(
        DecidedItem(**{**row, "decider": Decider(row["decider"]), "advice": Advice(row["advice"])}) for row in found
    )


def consulted(connection: Connection, span: Span) -> tuple[Consulted, ...]:
    """The questions that were put to advisors in a span, or would have been."""
    found = fetch_all(
        connection,
        """
        select agent, outcome, confidence, requests, cost_usd, latency_ms,
               (select coalesce(sum(value::bigint), 0) from jsonb_each_text(tokens)) as tokens
        from agent_record where asked_at >= :start and asked_at < :end order by record_id
        """,
        start=span.start,
        end=span.end,
    )
    return tuple(
        Consulted(
            agent=row["agent"],
            outcome=AdviceOutcome(row["outcome"]),
            confidence=row["confidence"],
            requests=int(row["requests"]),
            tokens=int(row["tokens"]),
            cost_usd=None if row["cost_usd"] is None else float(row["cost_usd"]),
            latency_ms=row["latency_ms"],
        )
        for row in found
    )


def peoples_decisions(connection: Connection, span: Span, cuts: Cuts) -> tuple[PersonsDecision, ...]:
    """People's decisions in a span on plans that the policy made, and expiries: of plans, and of single questions.

    Questions that were closed together with their plan are that one decision. What people asked for themselves (an undo, a
    reinstatement) is no answer to the policy: what an undo ended was approved where somebody had decided, and is no decision
    where nobody had.
    """
    found = fetch_all(
        connection,
        f"""
        with p as (
            select p.*, advice.record_id, advice.plan_confidence from plan p {_RECORD}
            where p.kind in ('suppression', 'rebalancing', 'repair')
        )
        select p.kind, case when p.status in ('rejected', 'expired') then p.status else 'approved' end as status,
               true as is_whole_plan,
               case when p.record_id is null or p.plan_confidence is null then 'none'
                    when p.plan_confidence < :doubt then 'doubted' else 'no_objection' end as advice,
               (select count(*) from plan_item i where i.plan_id = p.plan_id and i.action not in ('monitor', 'keep')
                  and not i.is_held) as contacts
        from p where p.decided_at >= :start and p.decided_at < :end and p.decided_by <> 'gate' and p.status <> 'superseded'
        union all
        select p.kind, case when r.status = 'withdrawn' then 'approved' else r.status end, false,
               coalesce((select {_ADVICE_ON_ITEM} from plan_item i
                         where i.plan_id = p.plan_id and i.contact_id = r.contact_id), 'none'),
               case when r.contact_id is not null then 1
                    else jsonb_array_length(coalesce(r.details -> 'contact_ids', '[]')) end
        from review_item r join p using (plan_id)
        where r.decided_at >= :start and r.decided_at < :end
          and r.status in ('approved', 'rejected', 'expired', 'withdrawn')
          and (r.kind = 'incident' or r.kind = 'plan' and r.contact_id is not null)
          and not (p.status in ('rejected', 'expired') and p.decided_at is not distinct from r.decided_at)
        """,
        start=span.start,
        end=span.end,
        **cuts.parameters,
    )
    return tuple(
        PersonsDecision(
            kind=PlanKind(row["kind"]),
            status=PlanStatus(row["status"]),
            is_whole_plan=row["is_whole_plan"],
            advice=Advice(row["advice"]),
            contacts=row["contacts"],
        )
        for row in found
    )


def false_suppressions(connection: Connection, span: Span) -> FalseSuppressions:
    """The suppressions by rule in a span, and what people had made of them by its end.

    Reviewed is what a person approved, with its plan or by itself, or took back. A suppression that was undone and done again
    counts once, as the one that was done again. Who complained may well open a message since: that is no error. Tested are
    those who were drawn and released in the span, and of whom the first mailing afterwards shows something about the mailbox.
    """
    row = fetch_row(
        connection,
        "the suppressions that were taken back",
        """
        with tested as (
            select n.failure from quarantine q join lateral (
                select coalesce(b.bounce_class, 'none') as failure
                from campaign_recipient r join campaign_schedule c on c.id = r.campaign_id
                join lateral (select sweep from bounce_fetch where campaign_id = c.id and is_complete
                              order by fetched_at desc limit 1) f on true
                left join bounce_event b on b.campaign_id = c.id and b.sweep = f.sweep and b.contact_id = r.contact_id
                where r.contact_id = q.contact_id and c.send_start_at >= q.ended_at and c.send_start_at < :end
                  and (b.bounce_class is null or b.bounce_class in ('hard', 'soft')) and b.is_contradictory is not true
                order by c.send_start_at limit 1) n on true
            where q.reason = 'tested_sample' and q.state = 'released' and q.ended_at >= :start and q.ended_at < :end
        ), question as (
            select r.plan_id, coalesce(r.contact_id, cast(held.contact_id as bigint)) as contact_id
            from review_item r
            left join lateral jsonb_array_elements_text(r.details -> 'contact_ids') held (contact_id) on r.contact_id is null
            where r.plan_id is not null and r.status in ('approved', 'withdrawn') and r.decided_at < :end
              and r.decided_by <> 'nobody'
              and (r.kind = 'incident' or r.kind = 'plan' and r.contact_id is not null)
        ), suppressed as (
            select h.reinstated_at < :end as is_back,
                   p.status in ('approved', 'executed', 'withdrawn') and p.decided_by not in ('gate', 'nobody')
                       and p.decided_at < :end
                       or exists (select 1 from question q where q.plan_id = c.plan_id and q.contact_id = c.contact_id)
                       as is_approved,
                   exists (select 1 from change rc join plan rp on rp.plan_id = rc.plan_id
                           where rc.reverses_change_id = h.change_id and rp.kind = 'undo') as is_undone,
                   h.reason <> 'complaint' and (exists (
                       select 1 from contact_engagement e where e.contact_id = h.contact_id
                       and greatest(e.last_open_at, e.last_click_at, e.last_prefetch_at) > h.suppressed_at
                       and greatest(e.last_open_at, e.last_click_at, e.last_prefetch_at) < :end)
                   or exists (
                       select 1 from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id
                       join lateral (select sweep from bounce_fetch where campaign_id = s.id and is_complete
                                     order by fetched_at desc limit 1) f on true
                       where r.contact_id = h.contact_id and coalesce(s.send_start_at, s.send_end_at) > h.suppressed_at
                         and coalesce(s.send_start_at, s.send_end_at) < :end and not exists (
                             select 1 from bounce_event b where b.campaign_id = s.id and b.sweep = f.sweep
                               and b.contact_id = h.contact_id))) as has_worked
            from contact_suppression_history h
            left join change c on c.change_id = h.change_id left join plan p on p.plan_id = c.plan_id
            where h.suppressed_at >= :start and h.suppressed_at < :end and h.reason <> 'manual'
              and not exists (select 1 from change u join change d on d.reverses_change_id = u.change_id
                              join plan dp on dp.plan_id = d.plan_id and dp.kind = 'redo' and dp.executed_at < :end
                              join change_step t on t.change_id = u.change_id and t.state = 'compensated'
                              where u.reverses_change_id = h.change_id)
        )
        select count(*) as suppressed, count(*) filter (where is_approved or is_back) as reviewed,
               count(*) filter (where is_back) as reinstated, count(*) filter (where is_back and is_undone) as undone,
               count(*) filter (where has_worked and is_back is not true) as worked,
               (select count(distinct (p.campaign_id, i.contact_id)) from plan p join plan_item i using (plan_id)
                left join review_item r on r.plan_id = p.plan_id and r.status = 'rejected' and r.decided_by <> 'nobody'
                     and (r.contact_id = i.contact_id
                          or r.contact_id is null and r.details -> 'contact_ids' @> to_jsonb(i.contact_id))
                where p.kind = 'suppression' and i.action = 'suppress' and i.rule <> 'complaint'
                  and (p.status = 'rejected' and p.decided_by <> 'nobody' and not i.is_held
                       and p.decided_at >= :start and p.decided_at < :end
                       or r.decided_at >= :start and r.decided_at < :end)) as rejected,
               (select count(*) from tested) as tested,
               (select count(*) from tested where failure = 'none') as tested_delivered
        from suppressed
        """,
        start=span.start,
        end=span.end,
    )
    return FalseSuppressions(**{name: int(value) for name, value in row.items()})


def kept_failures(connection: Connection, until: datetime) -> KeptFailures:
    """Who stayed after a hard bounce in a campaign, judged before an instant (UTC), and what the next campaign to each showed.

    What Mailjet did not try shows nothing, and neither does a campaign whose failures were not read whole. Who was drawn to be
    tested did not stay by a rule.
    """
    row = fetch_row(
        connection,
        "the contacts that were kept after a hard bounce",
        """
        with kept as (
            select distinct on (p.campaign_id, i.contact_id) p.campaign_id, i.contact_id, i.action
            from plan p join plan_item i using (plan_id)
            where p.kind = 'suppression' and i.bounce_class = 'hard' and i.rule <> 'tested_first' and p.created_at < :until
              -- What the next campaign showed is not kept of them.
              and not exists (select 1 from summarised_campaign d where d.campaign_id = p.campaign_id)
            order by p.campaign_id, i.contact_id, p.plan_id desc
        ), next as (
            select k.contact_id, n.failure from kept k join campaign_schedule s on s.id = k.campaign_id
            left join lateral (
                select coalesce(b.bounce_class, 'none') as failure
                from campaign_recipient r join campaign_schedule c on c.id = r.campaign_id
                join lateral (select sweep from bounce_fetch where campaign_id = c.id and is_complete
                              order by fetched_at desc limit 1) f on true
                left join bounce_event b on b.campaign_id = c.id and b.sweep = f.sweep and b.contact_id = r.contact_id
                where r.contact_id = k.contact_id and c.send_start_at > s.send_start_at and c.send_start_at < :until
                  and b.bounce_class is distinct from 'not_evidence' and b.is_contradictory is not true
                order by c.send_start_at limit 1
            ) n on true
            where k.action in ('monitor', 'keep')
        )
        select count(*) as kept, count(failure) as mailed_again, count(*) filter (where failure = 'hard') as failed_again
        from next
        """,
        until=until,
    )
    return KeptFailures(**{name: int(value) for name, value in row.items()})


def keep(connection: Connection, figures: DayFigures, run_id: str | None, now: datetime) -> None:
    """Write a day's review; one that was written before is replaced."""
    execute(
        connection,
        """
        insert into decision_review (day, reviewed_at, run_id, figures) values (:day, :now, :run, cast(:figures as jsonb))
        on conflict (day) do update set reviewed_at = excluded.reviewed_at, run_id = excluded.run_id,
                                        figures = excluded.figures
        """,
        day=figures.day,
        now=now,
        run=run_id,
        figures=to_json(figures.as_json()),
    )


def kept(connection: Connection, first: date, last: date) -> Sequence[KeptReview]:
    """The reviews from one day to another, both included, oldest first; days that nobody reviewed are missing."""
    found = fetch_all(
        connection,
        "select day, reviewed_at, run_id, figures from decision_review where day between :first and :last order by day",
        first=first,
        last=last,
    )
    return [KeptReview(**{**row, "figures": DayFigures.from_json(row["figures"])}) for row in found]
