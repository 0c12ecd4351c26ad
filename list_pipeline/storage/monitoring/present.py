"""What is so now, as a monitor asks for it every quarter of a minute: sizes, queues, last successes.

Belongs here: SQL over rows of every kind, each statement bounded by few rows or an index. Does not belong here: what is counted
as it happens (``totals``), and which figures there are (``core.monitoring.exported``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection

from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.delivery import UNSENT
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.request_rate import WINDOW
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.storage.database import fetch_all, fetch_row, fetch_scalar, sql_list, sql_word


class Queue(StrEnum):
    """Where something waits."""

    MESSAGES = "messages"
    """For Slack, or whatever takes them."""
    REVIEWS = "reviews"
    """For a person."""
    APPROVED = "approved"
    """Plans and contacts that somebody approved and that are to be carried out."""
    MAINTENANCES = "maintenances"
    """Attempts that began and did not end."""
    REQUESTED = "requested"
    """Runs that were asked for over HTTP and that no run has taken up."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How much waits, and since when (UTC); None when nothing does."""

    many: int
    since: datetime | None


_QUEUES: Mapping[Queue, str] = {
    Queue.MESSAGES: f"select count(*) as many, min(created_at) as since from notification where state in {sql_list(*UNSENT)}",
    Queue.REVIEWS: f"""
        select count(*) as many, min(created_at) as since from review_item where status = {sql_word(ReviewStatus.OPEN)}""",
    Queue.APPROVED: f"""
        select count(*) as many, min(since) as since from (
            select decided_at as since from review_item
            where status = {sql_word(ReviewStatus.APPROVED)} and executed_at is null and contact_id is not null
            union all
            select decided_at from plan where status = {sql_word(PlanStatus.APPROVED)} and executed_at is null) approved""",
    Queue.MAINTENANCES: f"""
        select count(*) as many, min(executed_at) as since from list_maintenance_log
        where status = {sql_word(RunStatus.RUNNING)}""",
    Queue.REQUESTED: """
        select count(*) as many, min(requested_at) as since from run_request where started_at is null""",
}


def queues(connection: Connection) -> Mapping[Queue, Waiting]:
    """Every queue, empty ones too."""
    found = {}
    for queue, statement in _QUEUES.items():
        row = fetch_row(connection, f"the queue of {queue.value}", statement)
        found[queue] = Waiting(int(row["many"]), row["since"])
    return found


def maintenances(connection: Connection) -> Mapping[str, int]:
    """Attempts in the ledger by status."""
    found = fetch_all(connection, "select status, count(*) as many from list_maintenance_log group by status")
    return {str(row["status"]): int(row["many"]) for row in found}


def changed_contacts(connection: Connection) -> tuple[int, int]:
    """Contacts that maintenances suppressed and moved, ever."""
    row = fetch_row(
        connection,
        "the changed contacts",
        """select coalesce(sum(contacts_suppressed), 0) as suppressed, coalesce(sum(contacts_rebalanced), 0) as moved
           from list_maintenance_log""",
    )
    return int(row["suppressed"]), int(row["moved"])


def list_sizes(connection: Connection) -> Mapping[ListRole, tuple[int, int]]:
    """Raw and mailable contacts of each list at its last snapshot, whether of a maintenance or of a week."""
    found = fetch_all(
        connection,
        """
        select distinct on (list_role) list_role, raw_count, mailable_count from (
            select list_role, raw_count, mailable_count, taken_at from list_snapshot
            union all
            select list_role, raw_count, mailable_count, taken_at from weekly_list_snapshot) seen
        order by list_role, taken_at desc
        """,
    )
    return {ListRole(row["list_role"]): (int(row["raw_count"]), int(row["mailable_count"])) for row in found}


def bounce_percents(connection: Connection) -> Mapping[int, float]:
    """Bounce rate in percent of the last campaign of each round whose figures are known."""
    found = fetch_all(
        connection,
        """
        select distinct on (s.round_number) s.round_number, m.bounce_rate
        from campaign_metrics m join campaign_schedule s on s.id = m.campaign_schedule_id
        where m.bounce_rate is not null
        order by s.round_number, s.send_end_at desc nulls last, m.collected_at desc
        """,
    )
    return {int(row["round_number"]): float(row["bounce_rate"]) for row in found}


def last_successes(connection: Connection) -> Mapping[str, datetime]:
    """When each job last ended well (UTC)."""
    found = fetch_all(
        connection, "select job, max(noted_at) as at from job_run where status = 'success' group by job order by job"
    )
    return {str(row["job"]): row["at"] for row in found}


def requests_of_last_minute(connection: Connection, now: datetime) -> int:
    """Requests to Mailjet that all processes were allowed in the last 60 s."""
    statement = "select count(*) from mailjet_request where allowed_at > :after and allowed_at <= :now"
    return int(fetch_scalar(connection, statement, after=now - WINDOW, now=now))
