"""What a policy replay reads: the readings of past campaigns, and what became of contacts afterwards. It writes nothing.

Does not belong here: what the rules are told about a contact, which is read as a plan reads it (``bounces``, ``incidents``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.plans.evidence import SPAM_COMPLAINT_FLAG
from list_pipeline.core.plans.plan import PlanKind, Sweep
from list_pipeline.core.replay.comparison import Later
from list_pipeline.storage.database import Database, execute, fetch_all, in_parts, sql_word, to_json

_HARD, _SUPPRESSION = sql_word(BounceClass.HARD), sql_word(PlanKind.SUPPRESSION)


@contextmanager
def unchanging(database: Database) -> Iterator[Connection]:
    """A transaction in which PostgreSQL refuses every write, and that sees everything as it is when it begins."""
    with database.begin() as connection:
        execute(connection, "set transaction isolation level repeatable read, read only")
        yield connection


@dataclass(frozen=True, slots=True)
class JudgedReading:
    """A complete reading of a campaign's failures. ``planned_as_of``: the moment that its plan was decided for (UTC); None:
    there is no plan, or it was not noted. ``suppressed``: contacts that were really suppressed after the campaign, whatever
    became of that since."""

    campaign_id: int
    key: str
    sent_at: datetime
    recipients: int
    sweep: Sweep
    fetched_at: datetime
    planned_as_of: datetime | None
    suppressed: int


def readings(
    connection: Connection,
    *,
    campaigns: int,
    sent_from: date | None = None,
    sent_to: date | None = None,
    until_campaign: int | None = None,
) -> tuple[JudgedReading, ...]:
    """The complete readings of the last campaigns whose recipients are proven, by campaign, oldest first.

    Args:
        campaigns: of so many campaigns at the most, the latest ones.
        sent_from, sent_to: first and last day of their sends (UTC).
        until_campaign: of this campaign and those sent before it.
    """
    found = fetch_all(
        connection,
        f"""
        with chosen as (
            select s.id, s.campaign_key, coalesce(s.send_start_at, s.send_end_at) as sent_at, s.recipient_count
            from campaign_schedule s
            where s.recipients_proven_at is not null and s.retired_at is null
              and exists (select 1 from bounce_fetch f where f.campaign_id = s.id and f.is_complete)
              and (cast(:first as date) is null
                   or coalesce(s.send_start_at, s.send_end_at) >= cast(:first as date)::timestamp at time zone 'UTC')
              and (cast(:last as date) is null
                   or coalesce(s.send_start_at, s.send_end_at) < (cast(:last as date) + 1)::timestamp at time zone 'UTC')
              and (cast(:until as integer) is null or coalesce(s.send_start_at, s.send_end_at) <= (
                  select coalesce(send_start_at, send_end_at) from campaign_schedule where id = :until))
            order by sent_at desc, s.id desc limit :campaigns)
        select c.id as campaign_id, c.campaign_key as key, c.sent_at, coalesce(c.recipient_count, 0) as recipients, f.sweep,
               f.fetched_at, cast(p.summary ->> 'as_of' as timestamptz) as planned_as_of,
               (select count(distinct h.contact_id) from contact_suppression_history h join list_maintenance_log l
                   on l.id = h.maintenance_log_id where l.campaign_schedule_id = c.id) as suppressed
        from chosen c join bounce_fetch f on f.campaign_id = c.id and f.is_complete
        left join plan p on p.campaign_id = c.id and p.sweep = f.sweep and p.kind = {_SUPPRESSION} and p.revision = 1
        order by c.sent_at, c.id, f.fetched_at
        """,
        campaigns=campaigns,
        first=sent_from,
        last=sent_to,
        until=until_campaign,
    )
    return tuple(JudgedReading(**{**row, "sweep": Sweep(row["sweep"])}) for row in found)


def flagged_as_complaining(connection: Connection, campaign_id: int, sweep: str) -> frozenset[int]:
    """The contacts that a plan suppressed because Mailjet flagged them as complaining. The flag has no date of its own."""
    found = fetch_all(
        connection,
        f"""
        select distinct i.contact_id from plan p join plan_item i using (plan_id)
        where p.campaign_id = :campaign and p.sweep = :sweep and p.kind = {_SUPPRESSION}
          and i.evidence @> cast(:flag as jsonb)
        """,
        campaign=campaign_id,
        sweep=sweep,
        flag=to_json([asdict(SPAM_COMPLAINT_FLAG)]),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def judgeable(connection: Connection, contact_ids: Collection[int]) -> frozenset[int]:
    """The contacts among these of which we have a row, and that were not erased."""
    found = fetch_all(
        connection,
        "select contact_id from contact_list_membership where contact_id = any(:ids) and not is_anonymised",
        ids=list(contact_ids),
    )
    return frozenset(int(row["contact_id"]) for row in found)


def later_of(connection: Connection, contact_ids: Sequence[int]) -> Mapping[int, Later]:
    """What became of contacts: the last sends that reached each, and that it bounced hard in, of those read whole, and its last
    open or click."""
    sent = f"""
        select r.contact_id, max(coalesce(s.send_start_at, s.send_end_at)) filter (where e.contact_id is null) as reached_at,
               max(coalesce(s.send_start_at, s.send_end_at))
                   filter (where e.bounce_class = {_HARD} and not e.is_contradictory) as hard_at
        from campaign_recipient r join campaign_schedule s on s.id = r.campaign_id join lateral (
            select sweep from bounce_fetch where campaign_id = s.id and is_complete order by fetched_at desc limit 1
        ) f on true
        left join bounce_event e on e.campaign_id = s.id and e.sweep = f.sweep and e.contact_id = r.contact_id
        where r.contact_id = any(:ids) group by r.contact_id
        """
    engaged = """
        select contact_id, max(greatest(last_open_at, last_click_at, last_prefetch_at)) as engaged_at
        from contact_engagement where contact_id = any(:ids) group by contact_id
        """
    statement = f"""
        select contact_id, f.reached_at, f.hard_at, e.engaged_at
        from ({sent}) f full join ({engaged}) e using (contact_id)
        """
    return {
        int(row["contact_id"]): Later(row["reached_at"], row["hard_at"], row["engaged_at"])
        for part in in_parts(contact_ids)
        for row in fetch_all(connection, statement, ids=part)
    }
