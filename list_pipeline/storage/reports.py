"""Reports as they are kept: in the ledger beside what the advisors said, and in the row of a week.

Belongs here: how a report is read and written as JSON. Does not belong here: the rows that hold it (``storage.runs.ledger``,
``storage.weekly``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.reports.facts import StoredReport
from list_pipeline.storage.database import fetch_scalar
from list_pipeline.storage.json_columns import JsonColumn

REPORT: JsonColumn[StoredReport] = JsonColumn("a report", StoredReport)
"""How a report is read and written: ``ai_assessments`` of the ledger under ``reporting``, ``weekly_report`` of a week."""


def kept_report(connection: Connection, log_id: int) -> StoredReport | None:
    """The report of a maintenance, or None where none was written."""
    kept = fetch_scalar(
        connection, "select ai_assessments -> 'reporting' from list_maintenance_log where id = :id", id=log_id
    )
    return REPORT.read(kept) if kept else None
