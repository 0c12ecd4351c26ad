"""What a month cost at each domain: mails, failures, and who was suppressed. No contact is named.

Belongs here: counting in sets. Does not belong here: who runs the mail of a domain (``core.incidents.operators``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import SENDER_CLASSES, BounceClass
from list_pipeline.storage.database import fetch_all, sql_list, sql_word
from list_pipeline.storage.history import IS_SUMMARISED


@dataclass(frozen=True, slots=True)
class DomainLoss:
    """The figures of one domain in a span; ``domain`` is None where it is not known any more.

    Attributes:
        mailed: mails to its contacts, by campaigns that were sent in the span.
        hard, soft, sender: those of them that failed for good, for a while, and for the sender's fault.
        suppressed: contacts that were suppressed in the span; ``taken_back``: those of them who were let in again and are not
            suppressed anew (a redo suppresses once more whom an undo let in).
    """

    domain: str | None
    mailed: int = 0
    hard: int = 0
    soft: int = 0
    sender: int = 0
    suppressed: int = 0
    taken_back: int = 0


_DOMAIN = "case when c.is_anonymised then null else c.domain end"


def losses(connection: Connection, start: datetime, end: datetime) -> tuple[DomainLoss, ...]:
    """The figures of each domain in a span (UTC, without its end). Failures are those of the last complete reading."""
    found = fetch_all(
        connection,
        f"""
        with sent as (
            select s.id, f.sweep from campaign_schedule s
            left join lateral (select sweep from bounce_fetch where campaign_id = s.id and is_complete
                               order by fetched_at desc limit 1) f on true
            where coalesce(s.send_start_at, s.send_end_at) >= :start and coalesce(s.send_start_at, s.send_end_at) < :end),
        mailed as (
            select {_DOMAIN} as domain, count(*) as mailed,
                   count(*) filter (where b.bounce_class = {sql_word(BounceClass.HARD)}) as hard,
                   count(*) filter (where b.bounce_class = {sql_word(BounceClass.SOFT)}) as soft,
                   count(*) filter (where b.bounce_class in {sql_list(*sorted(SENDER_CLASSES))}) as sender
            from sent join campaign_recipient r on r.campaign_id = sent.id
            left join contact_list_membership c using (contact_id)
            left join bounce_event b on b.campaign_id = sent.id and b.sweep = sent.sweep and b.contact_id = r.contact_id
                 and not b.is_contradictory
            group by 1),
        gone as (
            select {_DOMAIN} as domain, count(distinct h.contact_id) as suppressed,
                   count(distinct h.contact_id) - count(distinct h.contact_id) filter (where h.reinstated_at is null)
                       as taken_back
            from contact_suppression_history h left join contact_list_membership c using (contact_id)
            where h.suppressed_at >= :start and h.suppressed_at < :end group by 1)
        select coalesce(m.domain, g.domain) as domain, coalesce(mailed, 0) as mailed, coalesce(hard, 0) as hard,
               coalesce(soft, 0) as soft, coalesce(sender, 0) as sender, coalesce(suppressed, 0) as suppressed,
               coalesce(taken_back, 0) as taken_back
        from mailed m full join gone g on m.domain = g.domain
        """,
        start=start,
        end=end,
    )
    return tuple(DomainLoss(**row) for row in found)


def sent_in(connection: Connection, start: datetime, end: datetime) -> tuple[int, ...]:
    """The campaigns that were sent in a span (UTC, without its end)."""
    found = fetch_all(
        connection,
        """select id from campaign_schedule
           where coalesce(send_start_at, send_end_at) >= :start and coalesce(send_start_at, send_end_at) < :end""",
        start=start,
        end=end,
    )
    return tuple(int(row["id"]) for row in found)


def first_month(connection: Connection) -> datetime | None:
    """When the first campaign was sent of which more than a summary is left; None: none was."""
    found = fetch_all(
        connection,
        f"""select min(coalesce(s.send_start_at, s.send_end_at)) as at from campaign_schedule s
            where s.recipient_count is not null and not {IS_SUMMARISED}""",
    )
    at: datetime | None = found[0]["at"]
    return at
