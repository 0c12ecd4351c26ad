"""The figures of a span for its digest, and the digests that were made.

Does not belong here: which figures matter (``core.digest``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.digest.periods import Period
from list_pipeline.core.messages.delivery import DeliveryState
from list_pipeline.core.monitoring.latency import WHOLE_RUN
from list_pipeline.core.reviews.questions import FINDINGS, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_row, fetch_scalar, sql_list, sql_word

_NO_PERSON = ("gate", "nobody")
"""Who decides where no person does."""
_ASKED = f"status = {sql_word(ReviewStatus.OPEN)} and kind not in {sql_list(*FINDINGS)}"
"""What waits for a decision: news is read and closed, as in the weekly check."""


def make(connection: Connection, period: Period, due_at: datetime, now: datetime) -> bool:
    """Write down within the caller's transaction that a digest is made. False: it was made before."""
    return bool(
        execute(
            connection,
            "insert into digest (period, due_at, made_at) values (:period, :due_at, :now) on conflict do nothing",
            period=period,
            due_at=due_at,
            now=now,
        )
    )


def to_email(connection: Connection, after: datetime, most_attempts: int) -> RowMapping | None:
    """The oldest digest of after an instant that was not e-mailed, counted as tried; None for none."""
    return fetch_one(
        connection,
        """
        update digest set email_attempts = email_attempts + 1 where (period, due_at) = (
            select period, due_at from digest where emailed_at is null and made_at > :after and email_attempts < :most
            order by due_at, period limit 1 for update skip locked)
        returning period, due_at
        """,
        after=after,
        most=most_attempts,
    )


def emailed(connection: Connection, period: Period, due_at: datetime, now: datetime) -> None:
    """Mailjet took the e-mail."""
    execute(
        connection,
        "update digest set emailed_at = :now where period = :period and due_at = :due_at",
        period=period,
        due_at=due_at,
        now=now,
    )


def maintenances(connection: Connection, start: datetime, end: datetime) -> Mapping[str, int]:
    """Attempts that ended in a span, by status."""
    found = fetch_all(
        connection,
        f"""select status, count(*) as many from list_maintenance_log
            where finished_at >= :start and finished_at < :end and status <> {sql_word(RunStatus.RUNNING)} group by status""",
        start=start,
        end=end,
    )
    return {str(row["status"]): int(row["many"]) for row in found}


def counts(connection: Connection, start: datetime, end: datetime) -> RowMapping:
    """Contacts suppressed and moved, decisions of people, validations, questions that wait now, lost messages, requests."""
    return fetch_row(
        connection,
        "the figures of a digest",
        f"""
        select
          (select coalesce(sum(contacts_suppressed), 0) from list_maintenance_log
           where finished_at >= :start and finished_at < :end) as suppressed,
          (select coalesce(sum(contacts_rebalanced), 0) from list_maintenance_log
           where finished_at >= :start and finished_at < :end) as moved,
          (select count(*) from plan where decided_at >= :start and decided_at < :end
           and lower(decided_by) <> all(:no_person))
          + (select count(*) from review_item r left join plan p using (plan_id)
             where r.decided_at >= :start and r.decided_at < :end
             and lower(coalesce(r.decided_by, 'nobody')) <> all(:no_person)
             and (r.decided_at, r.decided_by) is distinct from (p.decided_at, p.decided_by)) as decided,
          (select count(*) from campaign_validation where validated_at >= :start and validated_at < :end) as validated,
          (select count(*) from campaign_validation where validated_at >= :start and validated_at < :end and is_blocking)
           as blocked,
          (select count(*) from review_item where {_ASKED}) as waiting,
          (select min(created_at) from review_item where {_ASKED}) as oldest,
          (select count(*) from notification where created_at >= :start and created_at < :end and emailed_at is null
           and state = {sql_word(DeliveryState.EXPIRED)}) as lost,
          (select coalesce(sum(requests), 0) from work_timing where finished_at >= :start and finished_at < :end
           and stage = :whole) as requests
        """,
        start=start,
        end=end,
        no_person=list(_NO_PERSON),
        whole=WHOLE_RUN,
    )


def made(connection: Connection, period: Period) -> datetime | None:
    """The end of the latest span of which a digest was made."""
    found: datetime | None = fetch_scalar(connection, "select max(due_at) from digest where period = :p", p=period)
    return found
