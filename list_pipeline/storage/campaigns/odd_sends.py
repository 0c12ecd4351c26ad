"""What is needed to hold a send against what was scheduled and expected, and the findings about it.

Does not belong here: what is odd (``core.campaigns.odd_sends``), and the schedule as such (``scheduled_campaigns``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaigns.eligibility import SENT_STATUSES
from list_pipeline.storage.campaigns.recipients import recipients_by_membership
from list_pipeline.storage.campaigns.sent_campaigns import Campaign, campaigns_where
from list_pipeline.storage.database import execute, fetch_all, fetch_one, fetch_scalar, sql_list


@dataclass(frozen=True, slots=True)
class ToldFinding:
    """A finding about a campaign that people are told of."""

    review_id: int
    about: str
    campaign_id: int
    campaign_key: str
    words: str


def findings_among(connection: Connection, abouts: Collection[str], since: datetime) -> tuple[ToldFinding, ...]:
    """Findings about any of these things since an instant, oldest first."""
    found = fetch_all(
        connection,
        """
        select i.review_id, i.details ->> 'about' as about, i.campaign_id, s.campaign_key, i.summary as words
        from review_item i join campaign_schedule s on s.id = i.campaign_id
        where i.kind = 'finding' and i.details ->> 'about' = any(:abouts) and i.created_at >= :since order by i.review_id
        """,
        abouts=list(abouts),
        since=since,
    )
    return tuple(ToldFinding(**row) for row in found)


def is_noted(connection: Connection, campaign_id: int, about: str, words: str) -> bool:
    """Whether a finding about a campaign was written in these words before, whatever became of it."""
    return bool(
        fetch_scalar(
            connection,
            """select exists (select 1 from review_item where campaign_id = :campaign and details ->> 'about' = :about
                              and summary = :words)""",
            campaign=campaign_id,
            about=about,
            words=words,
        )
    )


def to_compare(connection: Connection, since: datetime) -> tuple[Campaign, ...]:
    """Campaigns that ended since an instant and whose number of recipients was not compared yet. Of one to a segment no
    number is expected; what was sent before this product began to work is left alone."""
    return campaigns_where(
        connection,
        f"""s.status in {sql_list(*SENT_STATUSES)} and s.send_end_at >= :since and s.recipients_compared_at is null
            and not s.is_segment and s.mailjet_campaign_id is not null and s.retired_at is null
            and s.send_start_at >= (select first_started_at from mode_state) order by s.send_end_at, s.id""",
        since=since,
    )


def note_compared(connection: Connection, campaign_id: int, now: datetime) -> None:
    """The number of a campaign's recipients was held against the one expected."""
    execute(
        connection, "update campaign_schedule set recipients_compared_at = :now where id = :id", id=campaign_id, now=now
    )


def expected(connection: Connection, campaign: Campaign) -> tuple[int, datetime] | None:
    """How many a campaign was to reach by its validation, and when that was; None: its list was not validated."""
    row = fetch_one(
        connection,
        """
        select (l.before_state ->> 'actual')::int as actual, v.validated_at
        from campaign_validation v join list_maintenance_log l on l.id = v.log_id
        where v.campaign_id = :campaign and v.list_role = :role and l.before_state ->> 'actual' is not null
        order by v.validation_id desc limit 1
        """,
        campaign=campaign.campaign_id,
        role=campaign.list_role.value,
    )
    return None if row is None else (int(row["actual"]), row["validated_at"])


def on_list(connection: Connection, campaign: Campaign) -> int | None:
    """How many could be mailed on a campaign's list when its sending began, as far as our rows tell; None: they were read last
    before the list was in this role, or never."""
    read = fetch_scalar(
        connection,
        "select count(*) from sync_state where list_role = :role and mailjet_list_id = :list",
        role=campaign.list_role.value,
        list=campaign.list_id,
    )
    if not read or campaign.send_started_at is None:
        return None
    return len(recipients_by_membership(connection, campaign.list_role, campaign.send_started_at))
