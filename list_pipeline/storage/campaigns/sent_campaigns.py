"""Campaigns, cycles and their figures. Who was mailed: ``recipients``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.bounces.policy import BOUNCES
from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, SentRound, content_of
from list_pipeline.core.campaigns.eligibility import SENT_STATUSES, CampaignStatus
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.monitoring.stuck_sessions import LockName
from list_pipeline.core.observations import SendCounters, SendSeen
from list_pipeline.core.plans.plan import MAINTENANCE_PLANS, PlanStatus, Sweep
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import (
    execute,
    fetch_all,
    fetch_one,
    fetch_row,
    fetch_scalar,
    sql_list,
    sql_word,
    to_json,
)
from list_pipeline.storage.stuck_sessions import hold


@dataclass(frozen=True, slots=True)
class Campaign:
    """A row of ``campaign_schedule``: one send of one round. ``recipients_doubted``: what is recorded was tried to be proven,
    and was not."""

    campaign_id: int
    key: str
    name: str
    round_number: int
    cycle_id: int | None
    cycle_number: int | None
    list_id: int
    mailjet_campaign_id: int | None
    status: CampaignStatus
    scheduled_at: datetime
    send_started_at: datetime | None
    send_ended_at: datetime | None
    recipient_count: int | None
    recipients_source: str | None
    recipients_proven_at: datetime | None
    recipients_doubted: bool

    @property
    def recipients_known(self) -> bool:
        """Whether it is proven who was mailed. What is recorded without proof is not known."""
        return self.recipients_proven_at is not None

    @property
    def list_role(self) -> ListRole:
        """The campaign list that this round is sent to."""
        return CAMPAIGN_LISTS[self.round_number - 1]

    @property
    def sent_at(self) -> datetime:
        """Time zero: the end of sending, else its start, else the scheduled time."""
        return self.send_ended_at or self.send_started_at or self.scheduled_at


_FAILED, _APPROVED = sql_word(RunStatus.FAILED), sql_word(PlanStatus.APPROVED)
_OF_A_MAINTENANCE = sql_list(*MAINTENANCE_PLANS)
"""The plans that a maintenance waits for, and its message asks about. A quarantine that waits asks by itself."""
_ALONE, _COMPLETE = sql_word(ClosedReason.OUT_OF_ORDER), sql_word(ClosedReason.COMPLETE)
_COMPLETED = sql_word(CampaignStatus.COMPLETED)
_TO_BE_SENT = sql_list(CampaignStatus.SCHEDULED, CampaignStatus.READY, CampaignStatus.BLOCKED)

_SELECT = """
    select s.id as campaign_id, s.campaign_key as key, s.campaign_name as name, s.round_number, s.cycle_id,
           c.number as cycle_number, s.list_id, s.mailjet_campaign_id, s.status,
           (s.scheduled_date + s.scheduled_time) at time zone 'UTC' as scheduled_at,
           s.send_start_at as send_started_at, s.send_end_at as send_ended_at, s.recipient_count, s.recipients_source,
           s.recipients_proven_at, s.recipients_proven_at is null and s.recipients_tried_at is not null as recipients_doubted
    from campaign_schedule s left join cycle c using (cycle_id)
"""


def campaign_by_key(connection: Connection, key: str) -> Campaign:
    """The campaign of a partition key.

    Raises:
        NotFoundError: no campaign has this key.
    """
    row = fetch_one(connection, _SELECT + "where s.campaign_key = :key", key=key)
    if row is None:
        raise NotFoundError(
            f"Looking for the campaign {key!r}",
            "no campaign has this key",
            "Run the discovery first, or list the known keys with `list-pipeline campaigns`",
        )
    return _campaign(row)


def campaign_of_send(connection: Connection, mailjet_campaign_id: int) -> Campaign:
    """The campaign of a send that stands in our schedule."""
    statement = _SELECT + "where s.mailjet_campaign_id = :id"
    return _campaign(fetch_row(connection, f"the send {mailjet_campaign_id}", statement, id=mailjet_campaign_id))


def all_campaigns(connection: Connection) -> tuple[Campaign, ...]:
    """Every campaign, oldest first."""
    found = fetch_all(
        connection, _SELECT + "where s.retired_at is null order by coalesce(send_start_at, created_at), s.id"
    )
    return tuple(_campaign(row) for row in found)


def keys_after(connection: Connection, campaign_id: int) -> Mapping[str, int]:
    """The keys of the campaigns that were added after one, each with its id, in the order of their sends."""
    found = fetch_all(
        connection,
        """select campaign_key, id from campaign_schedule where id > :after and retired_at is null
           order by coalesce(send_start_at, created_at), id""",
        after=campaign_id,
    )
    return {str(row["campaign_key"]): int(row["id"]) for row in found}


@dataclass(frozen=True, slots=True)
class MaintenanceState:
    """A campaign with its latest post-campaign maintenance. ``log_id`` and ``log_status`` are None before the first.

    ``is_away``: the latest attempt met an unavailable Mailjet; ``waits``: how many did. ``has_approved_plan``: what a person
    let through is not carried out yet. ``changes_left``: changes that stand after an undo or a rollback, None where there was
    none.
    """

    campaign: Campaign
    log_id: int | None
    log_status: RunStatus | None
    attempt: int
    executed_at: datetime | None
    finished_at: datetime | None
    touched_at: datetime | None
    approved_plan_id: int | None
    has_approved_plan: bool
    decided_at: datetime | None
    waiting_plan_id: int | None
    gave_up: bool
    is_away: bool
    waits: int
    log_late_since: datetime | None
    changes_left: int | None

    @property
    def attempts_used(self) -> int:
        """The attempts that count: without those that met an unavailable Mailjet."""
        return self.attempt - self.waits

    @property
    def waits_for_log(self) -> bool:
        """Whether its latest attempt only waits for one of Mailjet's bounce sources."""
        is_late = BOUNCES.still_waits(self.log_late_since, self.finished_at)
        return is_late and self.log_status is RunStatus.FAILED and not self.gave_up

    @property
    def is_decided(self) -> bool:
        """Whether it waited for a person, none of its plans does any more, and it did not go on yet."""
        return self.log_status is RunStatus.PENDING_REVIEW and self.waiting_plan_id is None


_EVERY_SENT = """
    select id as campaign_id, cast(:sweep as text) as sweep from campaign_schedule where mailjet_campaign_id is not null
"""

_ENDED_WELL = sql_list(RunStatus.SUCCESS, RunStatus.PARTIAL_SUCCESS, RunStatus.REJECTED)
_FIRST, _ALL_LOOKS = sql_word(Sweep.H24), ", ".join(sql_word(sweep) for sweep in Sweep)

# The latter part has no row of the ledger yet. A later look follows a first one that ended well.
_OPEN_STATUSES = sql_list(RunStatus.RUNNING, RunStatus.PENDING_REVIEW, RunStatus.READ_ONLY, RunStatus.FAILED)
"""As the index of what is open says it."""
_OPEN = f"""
    select k.campaign_id, k.sweep from (
        select campaign_schedule_id as campaign_id, sweep from list_maintenance_log
        where is_latest and maintenance_type = 'post_campaign'
          and status in {_OPEN_STATUSES}
          and status = any(:statuses)
        union
        select s.id, w.sweep from campaign_schedule s cross join unnest(array[{_ALL_LOOKS}]) as w (sweep)
        where s.mailjet_campaign_id is not null and not s.is_looked_at and not s.begun_looks @> array[w.sweep]
          and coalesce(s.send_end_at, s.send_start_at, (s.scheduled_date + s.scheduled_time) at time zone 'UTC') >= :sent_since
    ) k
    where k.sweep = {_FIRST} or exists (
        select from list_maintenance_log f where f.campaign_schedule_id = k.campaign_id and f.sweep = {_FIRST}
           and f.maintenance_type = 'post_campaign' and f.is_latest and f.status in {_ENDED_WELL})
"""
_UNTOLD = f"""
    select campaign_schedule_id as campaign_id, sweep from list_maintenance_log
    where is_latest and maintenance_type = 'post_campaign' and status <> {sql_word(RunStatus.RUNNING)}
      and told_as is distinct from status and campaign_schedule_id is not null
    union
    select campaign_id, sweep from plan where status = 'pending_review' and campaign_id is not null and sweep is not null
       and kind in {_OF_A_MAINTENANCE}
"""
_GAVE_UP = f"""
    select campaign_schedule_id as campaign_id, sweep from list_maintenance_log
    where is_latest and maintenance_type = 'post_campaign' and status = {_FAILED}
      and status in {_OPEN_STATUSES}
    union
    select campaign_schedule_id, sweep from list_maintenance_log
    where is_latest and maintenance_type = 'post_campaign' and gave_up_at is not null
"""


def maintenance_states(connection: Connection, sweep: str) -> tuple[MaintenanceState, ...]:
    """Every sent campaign with the state of its maintenance, oldest first. Reads all that were ever sent: for people, never for
    a sensor."""
    return _states(connection, _EVERY_SENT, sweep=sweep)[Sweep(sweep)]


def open_states(
    connection: Connection, sent_since: datetime, *, only_looked_at_too: bool
) -> Mapping[Sweep, tuple[MaintenanceState, ...]]:
    """The campaigns that may want a run, with the state of their maintenance, oldest first, by look: whose latest attempt is at
    work, waits, was only looked at or failed, and which had none yet. A later look only where the first one ended well.

    Args:
        sent_since: campaigns without an attempt that were sent before (UTC) are left out.
        only_looked_at_too: those that were only looked at count as open.
    """
    statuses = [RunStatus.RUNNING, RunStatus.PENDING_REVIEW, RunStatus.FAILED]
    wanted = [*statuses, RunStatus.READ_ONLY] if only_looked_at_too else statuses
    return _states(connection, _OPEN, sent_since=sent_since, statuses=[status.value for status in wanted])


def any_only_looked_at(connection: Connection) -> bool:
    """Whether the latest attempt at any campaign ended with looking, because nothing might be changed."""
    sql = f"""select 1 from list_maintenance_log where is_latest and maintenance_type = 'post_campaign'
              and status in {_OPEN_STATUSES} and status = {sql_word(RunStatus.READ_ONLY)} limit 1"""
    return fetch_one(connection, sql) is not None


def untold_states(connection: Connection) -> Mapping[Sweep, tuple[MaintenanceState, ...]]:
    """The campaigns whose maintenance may have to be reported: it ended or waits as nobody is known to have been told, or a
    plan of it waits for a person."""
    return _states(connection, _UNTOLD)


def failed_states(connection: Connection) -> Mapping[Sweep, tuple[MaintenanceState, ...]]:
    """The campaigns whose latest attempt failed, or was given up."""
    return _states(connection, _GAVE_UP)


def note_told(connection: Connection, told: Mapping[int, RunStatus]) -> None:
    """People were told of these attempts, each with the status that it had; looked for again when it has another one."""
    execute(
        connection,
        """update list_maintenance_log l set told_as = g.status
           from jsonb_each_text(cast(:told as jsonb)) as g (id, status) where l.id = cast(g.id as integer)""",
        told=to_json({str(log_id): status.value for log_id, status in told.items()}),
    )


def _states(connection: Connection, which: str, **parameters: Any) -> Mapping[Sweep, tuple[MaintenanceState, ...]]:
    """Campaigns with the states of looks at them, oldest first.

    Args:
        which: SQL that chooses ``campaign_id`` and ``sweep``.
    """
    found = fetch_all(
        connection,
        f"""
        select q.*, k.sweep, l.id as log_id, l.status as log_status, coalesce(l.attempt, 0) as attempt, l.executed_at,
               l.finished_at, greatest(l.touched_at, j.submitting_at) as touched_at,
               p.plan_id as approved_plan_id, coalesce(p.status = {_APPROVED}, false) as has_approved_plan,
               p.decided_at, w.plan_id as waiting_plan_id,
               l.gave_up_at is not null as gave_up, coalesce(l.away_at is not null and l.status = {_FAILED}, false) as is_away,
               coalesce(l.waits, 0) as waits, l.log_late_since, l.changes_left
        from ({which}) k join ({_SELECT}) q on q.campaign_id = k.campaign_id
        left join lateral (
            select id, status, attempt, executed_at, finished_at, touched_at, gave_up_at, away_at, log_late_since, changes_left,
                   count(*) filter (where away_at is not null and status = {_FAILED}) over () as waits
            from list_maintenance_log
            where campaign_schedule_id = q.campaign_id and maintenance_type = 'post_campaign' and sweep = k.sweep
            order by attempt desc limit 1) l on true
        left join lateral (
            select max(plan_id) as plan_id from plan
            where campaign_id = q.campaign_id and sweep = k.sweep and status = 'pending_review'
              and kind in {_OF_A_MAINTENANCE}) w on true
        left join lateral (
            select max(b.submitting_at) as submitting_at from mailjet_job b join plan using (plan_id)
            where plan.campaign_id = q.campaign_id and plan.sweep = k.sweep) j on true
        left join lateral (
            select plan_id, status, decided_at from plan
            where campaign_id = q.campaign_id and sweep = k.sweep and executed_at is null
               and (status in ('approved', 'rejected') and decided_by <> 'gate' or status = 'expired')
            order by plan_id desc limit 1) p on true
        where q.mailjet_campaign_id is not null
        order by coalesce(q.send_ended_at, q.send_started_at), q.campaign_id
        """,
        **parameters,
    )
    names = Campaign.__dataclass_fields__
    states: dict[Sweep, list[MaintenanceState]] = {sweep: [] for sweep in Sweep}
    for row in found:
        states[Sweep(row["sweep"])].append(
            MaintenanceState(
                campaign=_campaign({name: row[name] for name in names}),
                **{
                    name: row[name]
                    for name in MaintenanceState.__dataclass_fields__
                    if name not in ("campaign", "log_status")
                },
                log_status=RunStatus(row["log_status"]) if row["log_status"] is not None else None,
            )
        )
    return {sweep: tuple(rows) for sweep, rows in states.items()}


def campaigns_where(connection: Connection, condition: str, **parameters: Any) -> tuple[Campaign, ...]:
    """The campaigns for which a condition on ``campaign_schedule s`` holds, with the order it names.

    Args:
        condition: SQL from after ``where`` on; values come as parameters.
    """
    return tuple(_campaign(row) for row in fetch_all(connection, f"{_SELECT} where {condition}", **parameters))


def _campaign(row: RowMapping | dict[str, Any]) -> Campaign:
    return Campaign(**{**row, "status": CampaignStatus(row["status"])})


def lists_of_rounds(rounds: Iterable[RowMapping]) -> frozenset[ListRole]:
    """The campaign lists of rows with a ``round_number``."""
    return frozenset(CAMPAIGN_LISTS[int(row["round_number"]) - 1] for row in rounds)


def lists_being_sent(connection: Connection, *, sent_before: datetime | None = None) -> frozenset[ListRole]:
    """Campaign lists that are not changed now: being sent, or validated for a campaign that Mailjet is about to send.

    The discovery, which whoever changes lists runs first, writes what ends a freeze.

    Args:
        sent_before: lists that Mailjet is to begin to send before this instant count too, validated or not.
    """
    found = fetch_all(
        connection,
        f"""
        select distinct round_number from campaign_schedule where retired_at is null
           and (status = {sql_word(CampaignStatus.LAUNCHING)} or frozen_at is not null and status in {_TO_BE_SENT}
                or mailjet_campaign_id is null and status in {_TO_BE_SENT}
                   and (scheduled_date + scheduled_time) at time zone 'UTC' <= cast(:sent_before as timestamptz))
        """,
        sent_before=sent_before,
    )
    return lists_of_rounds(found)


def lists_in_sending(connection: Connection) -> frozenset[ListRole]:
    """Campaign lists that Mailjet is sending to right now."""
    found = fetch_all(
        connection,
        f"""select distinct round_number from campaign_schedule
            where retired_at is null and status = {sql_word(CampaignStatus.LAUNCHING)}""",
    )
    return lists_of_rounds(found)


def thaw_missed(connection: Connection, missed_before: datetime) -> int:
    """End the freeze of what was sent, and of what Mailjet should have begun to send before an instant and did not."""
    return execute(
        connection,
        f"""
        update campaign_schedule set frozen_at = null
        where frozen_at is not null
          and (status in {sql_list(*SENT_STATUSES)} or retired_at is not null
               or mailjet_campaign_id is null
                  and (scheduled_date + scheduled_time) at time zone 'UTC' < cast(:before as timestamptz))
        """,
        before=missed_before,
    )


def lock_schedule(connection: Connection) -> None:
    """Until the end of the transaction nobody else takes sends or drafts over into the schedule."""
    hold(connection, LockName.TAKE_OVER)


def insert_send(
    connection: Connection,
    send: SendSeen,
    *,
    key: str,
    name: str,
    role: ListRole,
    list_name: str,
    status: CampaignStatus,
    now: datetime,
    is_segment: bool = False,
) -> int:
    """Add a send that Mailjet showed to the schedule and return its id. It is ignored no more if it was."""
    execute(connection, "delete from ignored_send where mailjet_campaign_id = :id", id=send.mailjet_campaign_id)
    when = send.send_started_at or send.created_at or now
    return int(
        fetch_scalar(
            connection,
            """
            insert into campaign_schedule (campaign_key, campaign_name, round_number, scheduled_date, scheduled_time,
                list_name, list_id, mailjet_draft_id, mailjet_campaign_id, subject, sender_name, sender_email, status,
                send_start_at, send_end_at, is_segment, created_at, updated_at)
            values (:key, :name, :round, :day, :clock, :list_name, :list_id, :draft, :mailjet_id, :subject, :sender_name,
                :sender_email, :status, :started, :ended, :is_segment, :now, :now)
            returning id
            """,
            key=key,
            name=name,
            round=role.round_number,
            day=_day(when),
            clock=_clock(when),
            list_name=list_name,
            list_id=send.list_id,
            draft=send.draft_id,
            mailjet_id=send.mailjet_campaign_id,
            subject=send.subject,
            sender_name=send.sender_name,
            sender_email=send.sender_email,
            status=status,
            started=send.send_started_at,
            ended=send.send_ended_at,
            is_segment=is_segment,
            now=now,
        )
    )


def update_send(connection: Connection, send: SendSeen, *, status: CampaignStatus, now: datetime) -> None:
    """Refresh the times and the status of a known send; COMPLETED is left alone.

    BLOCKED is not: it is about a send to come. What Mailjet sent all the same has to be maintained like any other.
    """
    execute(
        connection,
        f"""
        update campaign_schedule set send_start_at = :started, send_end_at = :ended, updated_at = :now,
               status = case when status = {_COMPLETED} then status else :status end
        where mailjet_campaign_id = :id
          and (send_start_at, send_end_at, status) is distinct from
              (cast(:started as timestamptz), cast(:ended as timestamptz),
               case when status = {_COMPLETED} then status else :status end)
        """,
        started=send.send_started_at,
        ended=send.send_ended_at,
        now=now,
        status=status,
        id=send.mailjet_campaign_id,
    )


def ignore_send(connection: Connection, send: SendSeen, reason: str, now: datetime) -> bool:
    """Note a send that is none of ours. True when it is noted for the first time."""
    return bool(
        execute(
            connection,
            """
            insert into ignored_send (mailjet_campaign_id, list_id, reason, first_seen_at)
            values (:id, :list_id, :reason, :now) on conflict (mailjet_campaign_id) do nothing
            """,
            id=send.mailjet_campaign_id,
            list_id=send.list_id,
            reason=reason,
            now=now,
        )
    )


_OF_CYCLE = "cycle_id is not null and mailjet_campaign_id is not null"
_SENT_AT = "coalesce(send_start_at, send_end_at)"


def all_cycles(connection: Connection) -> tuple[Cycle, ...]:
    """Every cycle with its rounds, oldest first."""
    return _cycles(connection, "true")


def recent_cycles(connection: Connection, since: datetime) -> tuple[Cycle, ...]:
    """The cycles that decide where a send since an instant (UTC) belongs, with their rounds, oldest first; for such sends and
    everything as of then or later they are as good as all.

    These are the ones that were open or had a round since then, and all that began since the latest one before it that had
    the round of each list; the one with the highest number, from which the next is numbered; and the latest complete ones, from
    which the usual rhythm is known.
    """
    # Step by step, and each by an index: in one statement PostgreSQL takes a third of all cycles for what began since then.
    bound = fetch_scalar(
        connection,
        f"""
        select min(at) from (
            select cast(:since as timestamptz) as at
            union all
            (select opened_at from cycle where opened_at <= :since and closed_reason is distinct from {_ALONE}
             order by opened_at desc limit 1)
            union all
            select last.opened_at from unnest(array[1, 2, 3]) as r (round_number) cross join lateral (
                select c.opened_at from campaign_schedule s join cycle c using (cycle_id)
                where {_OF_CYCLE} and s.round_number = r.round_number and {_SENT_AT} <= :since
                  and c.closed_reason is distinct from {_ALONE}
                order by {_SENT_AT} desc limit 1) last
        ) bounds
        """,
        since=since,
    )
    ids = fetch_all(
        connection,
        f"""
        select cycle_id from cycle where closed_at is null
        union select cycle_id from cycle where closed_at >= :since
        union select cycle_id from cycle where opened_at >= :bound
        union (select cycle_id from cycle order by number desc limit 1)
        union (select cycle_id from cycle where closed_reason = {_COMPLETE} order by opened_at desc limit :rhythm)
        union select cycle_id from campaign_schedule where {_OF_CYCLE} and {_SENT_AT} >= :since
        """,
        since=since,
        bound=bound,
        rhythm=CAMPAIGNS.rhythm_cycles,
    )
    return _cycles(connection, "cycle_id = any(:ids)", ids=[int(row["cycle_id"]) for row in ids])


def _cycles(connection: Connection, which: str, **parameters: Any) -> tuple[Cycle, ...]:
    rounds: dict[int, dict[ListRole, SentRound]] = {}
    for row in fetch_all(
        connection,
        f"""
        select cycle_id, round_number, mailjet_campaign_id, {_SENT_AT} as sent_at, subject
        from campaign_schedule where {_OF_CYCLE} and {which} order by round_number
        """,
        **parameters,
    ):
        role = CAMPAIGN_LISTS[int(row["round_number"]) - 1]
        rounds.setdefault(row["cycle_id"], {})[role] = SentRound(
            row["mailjet_campaign_id"], row["sent_at"], content_of(row["subject"])
        )
    return tuple(
        Cycle(
            row["number"],
            rounds.get(row["cycle_id"], {}),
            row["opened_at"],
            row["closed_at"],
            ClosedReason(row["closed_reason"]) if row["closed_reason"] else None,
        )
        for row in fetch_all(connection, f"select * from cycle where {which} order by opened_at, number", **parameters)
    )


def save_cycles(connection: Connection, cycles: Iterable[Cycle]) -> None:
    """Write cycles by their number, and which campaigns belong to them."""
    for cycle in cycles:
        cycle_id = fetch_scalar(
            connection,
            """
            insert into cycle (number, opened_at, closed_at, closed_reason) values (:number, :opened, :closed, :reason)
            on conflict (number) do update set opened_at = excluded.opened_at, closed_at = excluded.closed_at,
                closed_reason = excluded.closed_reason
            returning cycle_id
            """,
            number=cycle.number,
            opened=cycle.opened_at,
            closed=cycle.closed_at,
            reason=cycle.closed_reason.value if cycle.closed_reason else None,
        )
        execute(
            connection,
            """update campaign_schedule set cycle_id = :cycle
               where mailjet_campaign_id = any(:ids) and cycle_id is distinct from :cycle""",
            cycle=cycle_id,
            ids=[sent.mailjet_campaign_id for sent in cycle.sent.values()],
        )


def save_metrics(
    connection: Connection,
    campaign: Campaign,
    sweep: str,
    counters: SendCounters,
    rates: dict[str, float | None],
    now: datetime,
) -> dict[str, Any]:
    """Write the figures of a campaign once per sweep, and return them; a second write changes nothing."""
    execute(
        connection,
        """
        insert into campaign_metrics (campaign_schedule_id, sweep, mailjet_campaign_id, processed, delivered, bounced,
            hard_bounces, soft_bounces, blocked, deferred, queued, opened, clicked, unsubscribed, complained,
            delivery_rate, bounce_rate, hard_bounce_rate, soft_bounce_rate, open_rate, click_rate, collected_at,
            send_start_at, send_end_at)
        values (:campaign, :sweep, :mailjet_id, :processed, :delivered, :bounced, :hard, :soft, :blocked, :deferred,
            :queued, :opened, :clicked, :unsubscribed, :complained, :delivery_rate, :bounce_rate, :hard_bounce_rate,
            :soft_bounce_rate, :open_rate, :click_rate, :now, :started, :ended)
        on conflict (campaign_schedule_id, sweep) do nothing
        """,
        campaign=campaign.campaign_id,
        sweep=sweep,
        mailjet_id=campaign.mailjet_campaign_id,
        processed=counters.total,
        delivered=counters.sent,
        bounced=counters.hard_bounced + counters.soft_bounced,
        hard=counters.hard_bounced,
        soft=counters.soft_bounced,
        blocked=counters.blocked,
        deferred=counters.deferred,
        queued=counters.queued,
        opened=counters.opened,
        clicked=counters.clicked,
        unsubscribed=counters.unsubscribed,
        complained=counters.spam,
        now=now,
        started=campaign.send_started_at,
        ended=campaign.send_ended_at,
        **rates,
    )
    what = f"the figures of campaign {campaign.key}"
    return dict(fetch_row(connection, what, _METRICS, id=campaign.campaign_id, sweep=sweep))


_METRICS = "select * from campaign_metrics where campaign_schedule_id = :id and sweep = :sweep"


def metrics(connection: Connection, campaign_id: int, sweep: str) -> dict[str, Any] | None:
    """The stored figures of a campaign, or None."""
    row = fetch_one(connection, _METRICS, id=campaign_id, sweep=sweep)
    return dict(row) if row is not None else None


def _day(instant: datetime) -> date:
    return instant.date()


def _clock(instant: datetime) -> time:
    return instant.time().replace(microsecond=0)
