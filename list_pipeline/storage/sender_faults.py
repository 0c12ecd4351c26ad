"""The failures that are the sender's fault, counted by domain and cause.

Belongs here: counting in sets over the stored failures. Does not belong here: operators and trends (``core.sender_faults``).
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from list_pipeline.core.bounces.classes import SENDER_CLASSES, BounceReason
from list_pipeline.core.sender_faults.listing import CAMPAIGNS_COMPARED, CampaignFaults, FaultCount
from list_pipeline.storage.database import fetch_all, fetch_one
from list_pipeline.storage.history import IS_SUMMARISED
from list_pipeline.storage.told_events import TOLD

_SENDER = sorted(each.value for each in SENDER_CLASSES)


def faults_of(connection: Connection, campaign_id: int, sweep: str) -> CampaignFaults | None:
    """The sender's faults of a campaign as one sweep read them; None where that sweep read nothing or it was not sent."""
    return next(iter(_counted(connection, "s.id = :campaign and f.sweep = :sweep", campaign_id, sweep)), None)


def faults_before(connection: Connection, campaign_id: int) -> Sequence[CampaignFaults]:
    """The sender's faults of the latest ``CAMPAIGNS_COMPARED`` campaigns that were sent before another and read whole."""
    return _counted(
        connection,
        """coalesce(s.send_start_at, s.send_end_at) < (
               select coalesce(send_start_at, send_end_at) from campaign_schedule where id = :campaign)
           and s.recipient_count > 0 and f.is_complete and not exists (
               select 1 from bounce_fetch later where later.campaign_id = f.campaign_id and later.is_complete
               and (later.fetched_at, later.sweep) > (f.fetched_at, f.sweep))""",
        campaign_id,
    )


def last_reading(connection: Connection, key: str | None) -> tuple[str, str] | None:
    """Key and sweep of the reading that is believed, a complete one before a later part of one: of a campaign by its key, or
    else of the campaign sent last of those that were read. None: nothing was read."""
    row = fetch_one(
        connection,
        """
        select s.campaign_key, f.sweep from campaign_schedule s join bounce_fetch f on f.campaign_id = s.id
        where (cast(:key as text) is null or s.campaign_key = :key) and f.sweep <> :told
        order by coalesce(s.send_start_at, s.send_end_at) desc nulls last, s.id desc, f.is_complete desc, f.fetched_at desc
        limit 1
        """,
        key=key,
        told=TOLD,
    )
    return None if row is None else (str(row["campaign_key"]), str(row["sweep"]))


def _counted(connection: Connection, which: str, campaign_id: int, sweep: str | None = None) -> list[CampaignFaults]:
    found = fetch_all(
        connection,
        f"""
        with looked_at as materialized (
            select s.id, f.sweep, coalesce(s.send_start_at, s.send_end_at) as sent_at, coalesce(s.recipient_count, 0) as mailed
            from campaign_schedule s join bounce_fetch f on f.campaign_id = s.id
            where coalesce(s.send_start_at, s.send_end_at) is not null and not {IS_SUMMARISED} and {which}
            order by sent_at desc, s.id desc limit :campaigns
        )
        select l.id, l.sent_at, l.mailed, e.reason, count(e.contact_id) as contacts,
               case when c.is_anonymised then null else c.domain end as domain
        from looked_at l left join bounce_event e on e.campaign_id = l.id and e.sweep = l.sweep
             and e.bounce_class = any(:sender) and not e.is_contradictory
        left join contact_list_membership c on c.contact_id = e.contact_id
        group by l.id, l.sent_at, l.mailed, e.reason, 6 order by l.sent_at, l.id, e.reason, 6
        """,
        campaign=campaign_id,
        campaigns=CAMPAIGNS_COMPARED,
        sender=_SENDER,
        **({} if sweep is None else {"sweep": sweep}),
    )
    campaigns: dict[int, list[FaultCount]] = {}
    heads = {}
    for row in found:
        heads[row["id"]] = (row["sent_at"], int(row["mailed"]))
        faults = campaigns.setdefault(row["id"], [])
        # A campaign without any fault is one row without a cause: it counts as a campaign all the same.
        if row["reason"] is not None:
            faults.append(FaultCount(row["domain"], BounceReason(row["reason"]), int(row["contacts"])))
    return [CampaignFaults(*heads[campaign_id], faults) for campaign_id, faults in campaigns.items()]
