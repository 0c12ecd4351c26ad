"""What our rows know about a campaign's set-up: the campaign before it, and who saw a test of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.storage.database import execute, fetch_one


@dataclass(frozen=True, slots=True)
class SentBefore:
    """A campaign that was sent. ``draft_id``: of its draft at Mailjet; None: not known."""

    campaign_key: str
    round_number: int
    is_of_this_cycle: bool
    subject: str
    sender_email: str
    draft_id: int | None


@dataclass(frozen=True, slots=True)
class StoredTest:
    """A person's word that they saw a test of some content."""

    content_hash: str
    tested_by: str
    tested_at: datetime


def sent_before(connection: Connection, campaign_id: int, cycle: int | None) -> SentBefore | None:
    """The latest campaign of a cycle, by its number, else the latest of all; None: none was sent yet."""
    row = fetch_one(
        connection,
        """
        select s.campaign_key, s.round_number, coalesce(c.number = :cycle, false) as is_of_this_cycle, s.subject,
               s.sender_email, s.mailjet_draft_id as draft_id
        from campaign_schedule s left join cycle c using (cycle_id)
        where s.mailjet_campaign_id is not null and s.send_start_at is not null and s.id <> :campaign
        order by 3 desc, s.send_start_at desc limit 1
        """,
        campaign=campaign_id,
        cycle=cycle,
    )
    return None if row is None else SentBefore(**row)


def latest_test(connection: Connection, campaign_id: int) -> StoredTest | None:
    """The newest word about a campaign's test."""
    row = fetch_one(
        connection,
        """select content_hash, tested_by, tested_at from campaign_test where campaign_id = :campaign
           order by tested_at desc, campaign_test_id desc limit 1""",
        campaign=campaign_id,
    )
    return None if row is None else StoredTest(**row)


def save_test(connection: Connection, campaign_id: int, content_hash: str, by: str, note: str, now: datetime) -> None:
    """Write down that a person saw a test of a content; of one that was seen before, the newest word counts."""
    execute(
        connection,
        """
        insert into campaign_test (campaign_id, content_hash, tested_by, tested_at, note)
        values (:campaign, :hash, :by, :now, :note)
        on conflict (campaign_id, content_hash) do update set tested_by = excluded.tested_by, tested_at = excluded.tested_at,
            note = excluded.note
        """,
        campaign=campaign_id,
        hash=content_hash,
        by=by,
        now=now,
        note=note,
    )
