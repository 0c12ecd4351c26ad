"""What became of the stages of campaigns, and the state of their messages as the schedule shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.campaign_stages.assessment_report import SendReport
from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents, Look, UnusualGroup
from list_pipeline.core.campaign_stages.times import Stage, StageState, StageTime
from list_pipeline.core.campaign_stages.wrapup import Earlier, Other, SendCounts
from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.messages.delivery import UNSUCCESSFUL, DeliveryState
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.monitoring.exported import (
    STAGE_ARRIVED,
    STAGE_DELIVERIES,
    STAGE_FAILED,
    STAGE_SKIPPED,
    STAGES,
    Increments,
)
from list_pipeline.storage.database import execute, fetch_all, fetch_one, sql_list, sql_word, to_json
from list_pipeline.storage.monitoring import totals

WRAPUP = Stage.WRAPUP.value
"""The name under which the figures of a wrap-up stand among those of the looks at a campaign."""


@dataclass(frozen=True, slots=True)
class StagedCampaign:
    """A campaign with what its stages need. Instants in UTC.

    Attributes:
        launch_at: when Mailjet is to begin, or began.
        known_since: since when this launch stands in the schedule; None: not kept.
        began_at: when Mailjet began to send; None: it has not.
        done: the stages that were told or skipped for this launch.
    """

    campaign_id: int
    key: str
    launch_at: datetime
    known_since: datetime | None
    began_at: datetime | None
    done: frozenset[Stage]


def under_way(connection: Connection, launched_after: datetime) -> tuple[StagedCampaign, ...]:
    """The campaigns that were begun after an instant (UTC), or are not begun and were to be after it; the next one first.

    One that Mailjet refused and a person sends days later is among them: when it was to begin says nothing about it.
    """
    found = fetch_all(
        connection,
        """
        select s.id as campaign_id, s.campaign_key as key,
               (s.scheduled_date + s.scheduled_time) at time zone 'UTC' as launch_at, s.scheduled_since as known_since,
               s.send_start_at as began_at,
               array(select g.stage from campaign_stage g where g.campaign_id = s.id
                     and g.launch_at = (s.scheduled_date + s.scheduled_time) at time zone 'UTC') as done
        from campaign_schedule s
        where (s.mailjet_draft_id is not null or s.send_start_at is not null) and s.retired_at is null
          and coalesce(s.send_start_at, (s.scheduled_date + s.scheduled_time) at time zone 'UTC') > :after
        order by 2, 1
        """,
        after=launched_after,
    )
    return tuple(
        StagedCampaign(
            int(row["campaign_id"]),
            row["key"],
            row["launch_at"],
            row["known_since"],
            row["began_at"],
            frozenset(Stage(each) for each in row["done"]),
        )
        for row in found
    )


def note(
    connection: Connection,
    campaign_id: int,
    launch_at: datetime,
    time: StageTime,
    now: datetime,
    *,
    message_key: MessageKey | None = None,
    reason: str | None = None,
) -> bool:
    """Write down that a stage was told, by its message, or skipped, with why. False: it was before, or by somebody else now."""
    is_new = bool(
        execute(
            connection,
            """
            insert into campaign_stage (campaign_id, stage, launch_at, due_at, state, reason, message_key, noted_at)
            values (:campaign, :stage, :launch, :due, :state, :reason, :key, :now) on conflict do nothing
            """,
            campaign=campaign_id,
            stage=time.stage.value,
            launch=launch_at,
            due=time.due_at,
            state=(StageState.TOLD if message_key is not None else StageState.SKIPPED).value,
            reason=reason,
            key=message_key,
            now=now,
        )
    )
    if is_new and message_key is None:
        skipped = Increments()
        skipped.count(STAGES, time.stage.value, STAGE_SKIPPED)
        totals.add(connection, skipped)
    elif is_new and message_key is not None:
        # The message of a validation is posted before its stage is written down.
        count_end(connection, message_key)
    return is_new


def count_end(connection: Connection, message_key: str) -> None:
    """Count that the message of a stage arrived, or that an attempt at it failed; nothing for any other message.

    What is scheduled when one of its stages is due already can be told from then on only: that is no delay of ours.
    """
    row = fetch_one(
        connection,
        f"""
        select g.stage, n.state, n.sent_at,
               greatest(g.due_at, case when g.launch_at = (s.scheduled_date + s.scheduled_time) at time zone 'UTC'
                                       then s.scheduled_since end) as due_at
        from campaign_stage g join notification n using (message_key) join campaign_schedule s on s.id = g.campaign_id
        where message_key = :key and n.state in {sql_list(DeliveryState.SENT, *UNSUCCESSFUL)}
        """,
        key=message_key,
    )
    if row is None:
        return
    ended, stage = Increments(), str(row["stage"])
    if row["state"] == DeliveryState.SENT:
        # A validation by hand may tell of its stage before it is due.
        ended.observe(STAGE_DELIVERIES, max((row["sent_at"] - row["due_at"]).total_seconds(), 0.0), stage)
        ended.count(STAGES, stage, STAGE_ARRIVED)
    else:
        ended.count(STAGES, stage, STAGE_FAILED)
    totals.add(connection, ended)


def is_announced(connection: Connection, campaign_id: int, launch_at: datetime) -> bool:
    """Whether people were told of a launch (UTC) of a campaign, by whichever stage."""
    sql = f"""select 1 from campaign_stage where campaign_id = :id and launch_at = :at
              and state = {sql_word(StageState.TOLD)} limit 1"""
    return fetch_one(connection, sql, id=campaign_id, at=launch_at) is not None


def follow_deliveries(connection: Connection, campaign_ids: Collection[int]) -> None:
    """Let ``notification_status`` of these campaigns say what became of the messages of their stages, the latest launch's."""
    execute(
        connection,
        f"""
        update campaign_schedule s set notification_status = f.status
        from (
            select campaign_id, jsonb_object_agg(stage, jsonb_strip_nulls(jsonb_build_object(
                       'sent', coalesce(n.state = {sql_word(DeliveryState.SENT)}, false),
                       'timestamp', coalesce(n.sent_at, l.noted_at), 'status', l.reason))) as status
            from (select distinct on (campaign_id, stage) * from campaign_stage where campaign_id = any(:ids)
                  order by campaign_id, stage, campaign_stage_id desc) l
            left join notification n using (message_key, campaign_id)
            group by campaign_id) f
        where s.id = f.campaign_id and s.notification_status is distinct from f.status
        """,
        ids=list(campaign_ids),
    )


def complete(connection: Connection, now: datetime) -> None:
    """Campaigns that were wrapped up are completed once Mailjet has sent them."""
    execute(
        connection,
        f"""
        update campaign_schedule s set status = {sql_word(CampaignStatus.COMPLETED)}, updated_at = :now
        where s.status = {sql_word(CampaignStatus.SENT)}
          and exists (select 1 from campaign_stage g where g.campaign_id = s.id and g.stage = {sql_word(Stage.WRAPUP)}
                      and g.state = {sql_word(StageState.TOLD)})
        """,
        now=now,
    )


def earlier_sends(connection: Connection, campaign_id: int) -> tuple[Earlier, ...]:
    """The sends against which one is held: the latest earlier round of its cycle, and the last one to its list before that
    cycle; each with the figures of its wrap-up, else the first that were counted later. Those without any are left out."""
    found = fetch_all(
        connection,
        f"""
        with me as (select * from campaign_schedule where id = :id),
        others as (
            (select 1 as place, '{Other.ROUND_BEFORE}' as other, s.* from campaign_schedule s, me
             where s.cycle_id = me.cycle_id and s.id <> me.id and s.send_start_at < me.send_start_at
             order by s.send_start_at desc limit 1)
            union all
            (select 2, '{Other.SAME_LIST}', s.* from campaign_schedule s, me
             where s.round_number = me.round_number and s.cycle_id is distinct from me.cycle_id
               and s.send_start_at < me.send_start_at
             order by s.send_start_at desc limit 1))
        select o.place, o.other, o.campaign_name as name, m.*
        from others o join lateral (
            select * from campaign_metrics m where m.campaign_schedule_id = o.id
            order by m.sweep = '{WRAPUP}' desc, m.collected_at limit 1) m on true
        order by o.place
        """,
        id=campaign_id,
    )
    return tuple(Earlier(Other(row["other"]), str(row["name"]), counts_of(row)) for row in found)


def wrapup_counts(connection: Connection, campaign_id: int) -> SendCounts | None:
    """The figures of a campaign's wrap-up, where it was made."""
    row = fetch_one(
        connection,
        f"select * from campaign_metrics where campaign_schedule_id = :id and sweep = '{WRAPUP}'",
        id=campaign_id,
    )
    return counts_of(row) if row is not None else None


def keep_report(connection: Connection, campaign_id: int, report: SendReport, now: datetime) -> SendReport:
    """Keep the report of a wrap-up; returned is the one that counts, which another process may have kept before."""
    execute(
        connection,
        """
        insert into wrapup_report (campaign_id, written_at, report) values (:id, :now, cast(:report as jsonb))
        on conflict do nothing
        """,
        id=campaign_id,
        now=now,
        report=to_json(report.as_json()),
    )
    kept = kept_report(connection, campaign_id)
    return kept.report if kept is not None else report


@dataclass(frozen=True, slots=True)
class KeptReport:
    """The report of a wrap-up, and when it was written (UTC)."""

    written_at: datetime
    report: SendReport


def kept_report(connection: Connection, campaign_id: int) -> KeptReport | None:
    """The report of a campaign's wrap-up, where it was made."""
    row = fetch_one(connection, "select written_at, report from wrapup_report where campaign_id = :id", id=campaign_id)
    return KeptReport(row["written_at"], SendReport.of_json(row["report"])) if row is not None else None


def keep_early_incidents(connection: Connection, campaign_id: int, found: EarlyIncidents) -> EarlyIncidents:
    """Keep what was found of mail operators at a wrap-up; returned is what counts, which another process may have kept."""
    execute(
        connection,
        """
        insert into early_incident_look (campaign_id, looked_at, look, why, requests, groups)
        values (:id, :at, :look, :why, :requests, cast(:groups as jsonb)) on conflict do nothing
        """,
        id=campaign_id,
        at=found.looked_at,
        look=found.look.value,
        why=found.why,
        requests=found.requests,
        groups=to_json([one.as_json() for one in found.groups]),
    )
    return early_incidents(connection, campaign_id) or found


def early_incidents(connection: Connection, campaign_id: int) -> EarlyIncidents | None:
    """What was found of mail operators at the wrap-up of a campaign; None: nobody looked."""
    row = fetch_one(connection, "select * from early_incident_look where campaign_id = :id", id=campaign_id)
    if row is None:
        return None
    groups = tuple(UnusualGroup.of_json(one) for one in row["groups"])
    return EarlyIncidents(row["looked_at"], Look(row["look"]), groups, str(row["why"]), int(row["requests"]))


def is_wrapped_up(connection: Connection, campaign_id: int) -> bool:
    """Whether the wrap-up of a campaign was told, or skipped, for any of its launches."""
    sql = f"select 1 from campaign_stage where campaign_id = :id and stage = '{WRAPUP}' limit 1"
    return fetch_one(connection, sql, id=campaign_id) is not None


def counts_of(row: Mapping[str, Any] | RowMapping) -> SendCounts:
    """The counts of a row of ``campaign_metrics``."""
    return SendCounts(
        processed=int(row["processed"]),
        delivered=int(row["delivered"]),
        hard_bounced=int(row["hard_bounces"]),
        soft_bounced=int(row["soft_bounces"]),
        blocked=int(row["blocked"]),
        deferred=int(row["deferred"]),
        queued=int(row["queued"]),
        opened=int(row["opened"]),
        clicked=int(row["clicked"]),
        unsubscribed=int(row["unsubscribed"]),
        complained=int(row["complained"]),
        collected_at=row["collected_at"],
        is_early=row["sweep"] == WRAPUP,
    )
