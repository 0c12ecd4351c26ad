"""The new audience: contacts of the master list that may join a campaign list for the first time, and why others may not.

Belongs here: SQL over all of them at once. Does not belong here: the newcomers of a maintenance (``queue``, whose conditions
these are), and the division (``core.audience``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.audience.audience import Audience, NotTaken
from list_pipeline.core.plans.plan import PlanKind
from list_pipeline.storage.database import fetch_all, sql_word
from list_pipeline.storage.membership.queue import (
    HAS_SUPPRESSED_ADDRESS,
    IN_MASTER_ALONE,
    WAS_LISTED_DESPITE_SPLITS,
    is_planned,
)
from list_pipeline.storage.unreadable_rows import UNREADABLE_CONTACTS

_WHY_NOT = f"""case
    when in_suppression_list or {HAS_SUPPRESSED_ADDRESS}
        or exists (select 1 from suppressed_address s where s.address_key = c.address_key) then {sql_word(NotTaken.SUPPRESSED)}
    when is_unsubscribed then {sql_word(NotTaken.UNSUBSCRIBED)}
    when is_complaining then {sql_word(NotTaken.COMPLAINED)}
    when is_excluded then {sql_word(NotTaken.EXCLUDED)}
    when c.contact_id in ({UNREADABLE_CONTACTS}) then {sql_word(NotTaken.UNREADABLE)}
    when {is_planned(PlanKind.SPLIT, PlanKind.REBALANCING)} then {sql_word(NotTaken.PLANNED)}
    when {WAS_LISTED_DESPITE_SPLITS} then {sql_word(NotTaken.WAS_LISTED)}
end"""
_JUDGED = f"""
    select contact_id, queued_at, {_WHY_NOT} as why_not from contact_list_membership c
    where {IN_MASTER_ALONE} and not is_anonymised
"""


def audience(connection: Connection) -> Audience:
    """The new audience in figures."""
    found = fetch_all(
        connection,
        f"""select why_not, count(*) as contacts, min(queued_at) as oldest_at, max(queued_at) as newest_at
            from ({_JUDGED}) judged group by why_not""",
    )
    rows = {row["why_not"]: row for row in found}
    new = rows.get(None)
    left = {why: int(rows[why.value]["contacts"]) for why in NotTaken if why.value in rows}
    if new is None:
        return Audience(0, None, None, left)
    return Audience(int(new["contacts"]), new["oldest_at"], new["newest_at"], left)


def queued(connection: Connection, limit: int) -> tuple[int, ...]:
    """The contacts of the new audience, the oldest first; at most so many."""
    found = fetch_all(
        connection,
        f"select contact_id from ({_JUDGED}) judged where why_not is null order by queued_at, contact_id limit :limit",
        limit=limit,
    )
    return tuple(int(row["contact_id"]) for row in found)
