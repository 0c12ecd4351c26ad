"""Running totals for a monitor.

Belongs here: SQL over those rows. Does not belong here: which figures there are (``core.monitoring.exported``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.monitoring.exported import Increments, TotalKey
from list_pipeline.storage.database import execute, fetch_all, to_json


def add(connection: Connection, increments: Increments) -> None:
    """Add to the totals, in one statement. Rows are locked until the transaction ends, so it should be near its end."""
    if not increments:
        return
    rows = [
        {"metric": key.metric, "labels": list(key.labels), "part": key.part, "value": value}
        for key, value in increments.values.items()
    ]
    execute(
        connection,
        """
        insert into monitor_total as total (metric, labels, part, value)
        select metric, labels, part, value
        from jsonb_to_recordset(cast(:rows as jsonb)) as told (metric text, labels text[], part text, value double precision)
        order by metric, labels, part
        on conflict (metric, labels, part) do update set value = total.value + excluded.value
        """,
        rows=to_json(rows),
    )


def all_totals(connection: Connection) -> tuple[tuple[TotalKey, float], ...]:
    """Every total."""
    found = fetch_all(connection, "select metric, labels, part, value from monitor_total order by metric, labels, part")
    return tuple((TotalKey(row["metric"], tuple(row["labels"]), row["part"]), float(row["value"])) for row in found)
