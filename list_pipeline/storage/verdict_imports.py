"""What is known of the contacts of a file, in sets; and what imports did lately.

Belongs here: SQL. Does not belong here: what follows from it (``core.verdict_imports``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.plans.journal import StepState
from list_pipeline.core.plans.plan import ItemAction, PlanKind, PlanStatus
from list_pipeline.storage.database import fetch_all, fetch_scalar, in_parts, sql_list, sql_word


def contacts_with(connection: Connection, addresses: Sequence[str]) -> Mapping[str, tuple[int, ...]]:
    """The contacts that have each of some addresses, by the address in lower case; one that nobody has is missing, and so are
    erased contacts."""
    found: dict[str, list[int]] = {}
    for part in in_parts(sorted({address.lower() for address in addresses})):
        for row in fetch_all(
            connection,
            """select lower(email) as address, contact_id from contact_list_membership
               where lower(email) = any(:addresses) and not is_anonymised order by contact_id""",
            addresses=part,
        ):
            found.setdefault(row["address"], []).append(int(row["contact_id"]))
    return {address: tuple(ids) for address, ids in found.items()}


def known_ids(connection: Connection, contact_ids: Sequence[int]) -> frozenset[int]:
    """Those of some contacts that we have a row of."""
    return frozenset(
        int(row["contact_id"])
        for part in in_parts(contact_ids)
        for row in fetch_all(
            connection,
            "select contact_id from contact_list_membership where contact_id = any(:ids)",
            ids=part,
        )
    )


def suppressed_since(connection: Connection, since: datetime) -> int:
    """Contacts that imports suppressed since an instant (UTC) and nobody took back, and those of imports that wait."""
    return int(
        fetch_scalar(
            connection,
            f"""
            select count(distinct i.contact_id) from plan p join plan_item i using (plan_id)
            where p.kind = {sql_word(PlanKind.IMPORT)} and i.action = {sql_word(ItemAction.SUPPRESS)}
              and (p.status = {sql_word(PlanStatus.PENDING_REVIEW)}
                   or p.created_at >= :since and p.status in {sql_list(PlanStatus.APPROVED, PlanStatus.EXECUTED)}
                       and not exists (select 1 from change c join change_step s using (change_id)
                                       where c.plan_id = p.plan_id and c.contact_id = i.contact_id
                                         and s.state = {sql_word(StepState.COMPENSATED)}))
            """,
            since=since,
        )
    )
