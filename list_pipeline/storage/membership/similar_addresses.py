"""Contacts whose address may be another spelling of a suppressed person's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.reviews.questions import OTHER_SPELLING
from list_pipeline.storage.database import fetch_all

_HAS_SPELLING = "not {0}.is_anonymised and position('@' in {0}.email) > 1 and {0}.email not like '+%'"


def similar_to_suppressed(connection: Connection) -> tuple[int, ...]:
    """The contacts who can be mailed, or wait in the master list, and whose address is like that of a suppressed contact but
    for a plus alias or dots; those who were asked about before are left out."""
    found = fetch_all(
        connection,
        f"""
        with asked as (
            select cast(jsonb_array_elements_text(details -> 'contact_ids') as bigint) as contact_id
            from review_item where kind = 'finding' and details ->> 'about' = :about)
        select distinct n.contact_id
        from contact_list_membership s
        join contact_list_membership n on address_spelling(n.email) = address_spelling(s.email)
        where s.in_suppression_list and {_HAS_SPELLING.format("s")} and {_HAS_SPELLING.format("n")}
          and lower(n.email) <> lower(s.email)
          and (n.in_master_list or n.in_campaign_list_1 or n.in_campaign_list_2 or n.in_campaign_list_3)
          and not n.in_suppression_list and not n.is_excluded and not n.is_unsubscribed
          and n.contact_id not in (select contact_id from asked)
        order by 1
        """,
        about=OTHER_SPELLING,
    )
    return tuple(int(row["contact_id"]) for row in found)


def open_questions(connection: Connection, since: datetime) -> tuple[tuple[int, str], ...]:
    """The open questions about such contacts that were raised since an instant, with their words, oldest first."""
    found = fetch_all(
        connection,
        """
        select review_id, summary from review_item
        where kind = 'finding' and status = 'open' and details ->> 'about' = :about and created_at >= :since
        order by review_id
        """,
        about=OTHER_SPELLING,
        since=since,
    )
    return tuple((int(row["review_id"]), str(row["summary"])) for row in found)
