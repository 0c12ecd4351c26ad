"""Campaigns sent before the product was there of which no figures are kept, and what was tried to get them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.campaigns.sent_campaigns import Campaign, campaigns_where
from list_pipeline.storage.database import execute, fetch_row

PAST = "past"
"""The name under which figures that were read long after a send stand among those of the looks at a campaign."""

_MISSING = """
    s.mailjet_campaign_id is not null and s.retired_at is null and coalesce(s.send_end_at, s.send_start_at) <= :sent_before
    and not s.has_figures
"""


def missing(
    connection: Connection, sent_before: datetime, tried_before: datetime, attempts: int, most: int
) -> tuple[Campaign, ...]:
    """Campaigns without any figures, the latest first.

    Args:
        sent_before: those that were sent by then (UTC). tried_before: those tried later are left out.
        attempts: those tried so often are given up. most: so many at most.
    """
    return campaigns_where(
        connection,
        f"""{_MISSING}
            and not exists (select 1 from past_metrics_attempt a
                            where a.campaign_id = s.id and (a.attempts >= :attempts or a.tried_at > :tried_before))
            order by coalesce(s.send_end_at, s.send_start_at) desc, s.id desc limit :most""",
        sent_before=sent_before,
        tried_before=tried_before,
        attempts=attempts,
        most=most,
    )


@dataclass(frozen=True, slots=True)
class PastMetricsCounts:
    """Campaigns by what is known of their figures.

    Attributes:
        read: they were read long after the send.
        missing: they are still to be read, now or when they are tried again. given_up: they cannot be read.
    """

    read: int
    missing: int
    given_up: int


def counts(connection: Connection, sent_before: datetime, attempts: int) -> PastMetricsCounts:
    """How many campaigns there are of each kind. The arguments are those of ``missing``."""
    row = fetch_row(
        connection,
        "how many figures of past campaigns are missing",
        f"""
        select (select count(*) from campaign_metrics where sweep = '{PAST}') as read,
               count(*) filter (where coalesce(a.attempts, 0) < :attempts) as missing,
               count(*) filter (where a.attempts >= :attempts) as given_up
        from campaign_schedule s left join past_metrics_attempt a on a.campaign_id = s.id where {_MISSING}
        """,
        sent_before=sent_before,
        attempts=attempts,
    )
    return PastMetricsCounts(int(row["read"]), int(row["missing"]), int(row["given_up"]))


def note_unread(connection: Connection, campaign_id: int, problem: str, now: datetime) -> None:
    """Count an attempt at the figures of a campaign that could not be read."""
    execute(
        connection,
        """
        insert into past_metrics_attempt as a (campaign_id, attempts, tried_at, problem) values (:id, 1, :now, :problem)
        on conflict (campaign_id) do update set attempts = a.attempts + 1, tried_at = excluded.tried_at,
            problem = excluded.problem
        """,
        id=campaign_id,
        now=now,
        problem=problem,
    )
