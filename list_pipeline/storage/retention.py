"""Removing old records, a bounded number at a time, and none for which somebody or something still waits.

Belongs here: what is old and waited for by nobody, in SQL. Does not belong here: how old that is (``core.retention``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.retention import OldRecord
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.storage.database import execute, fetch_scalar, sql_list, sql_word

DECIDED = f"""
    not exists (select 1 from review_item q where q.campaign_id = r.campaign_id
                and (q.status = {sql_word(ReviewStatus.OPEN)}
                     or q.status = {sql_word(ReviewStatus.APPROVED)} and q.executed_at is null and q.contact_id is not null))
    and not exists (select 1 from plan p where p.campaign_id = r.campaign_id
                    and (p.status = {sql_word(PlanStatus.PENDING_REVIEW)}
                         or p.status = {sql_word(PlanStatus.APPROVED)} and p.executed_at is null))
"""
"""Nobody is asked about the campaign of the record ``r``, and nothing that was decided about it is still to be done."""

_OLD: Mapping[OldRecord, str] = {
    # A message about a question that stands for long (which lists, which round) is not sent anew: its row is how we know.
    OldRecord.MESSAGES: f"""
        select r.ctid from notification r
        where r.created_at < :before
          and r.state in {sql_list(DeliveryState.SENT, DeliveryState.SKIPPED, DeliveryState.EXPIRED)}
          and r.message_key not like 'lists:%' and {DECIDED}
          and not exists (select 1 from campaign_schedule s where s.id = r.campaign_id and s.round_doubt is not null)
          and not exists (select 1 from job_run j where j.told_in = r.message_key and j.noted_at >= :before)
    """,
    # The newest of each job says when it last ran.
    OldRecord.RUN_ERRORS: """
        select r.ctid from job_run r
        where r.noted_at < :before and (r.status = 'success' or r.told_in is not null)
          and exists (select 1 from job_run n where n.job = r.job and n.noted_at > r.noted_at)
    """,
    OldRecord.ADVICE_TEXTS: f"""
        select r.ctid from agent_record r
        where r.asked_at < :before and (r.prompt <> '' or r.answer is not null) and {DECIDED}
    """,
    OldRecord.REQUESTS: "select r.ctid from mailjet_request r where r.allowed_at < :before",
}

_REMOVE: Mapping[OldRecord, str] = {
    OldRecord.MESSAGES: "delete from notification",
    OldRecord.RUN_ERRORS: "delete from job_run",
    # Opinion, verdict, tokens and cost stay: they are figures of the daily review.
    OldRecord.ADVICE_TEXTS: "update agent_record set prompt = '', answer = null",
    OldRecord.REQUESTS: "delete from mailjet_request",
}


def count_old(connection: Connection, kind: OldRecord, before: datetime) -> int:
    """How many records of a kind are older than an instant (UTC) and waited for by nobody."""
    return int(fetch_scalar(connection, f"select count(*) from ({_OLD[kind]}) old", before=before))


def remove_old(connection: Connection, kind: OldRecord, before: datetime, limit: int) -> int:
    """Remove so many of them at most, and return how many."""
    return execute(
        connection,
        f"{_REMOVE[kind]} where ctid = any(array({_OLD[kind]} limit :limit for update skip locked))",
        before=before,
        limit=limit,
    )
