"""The tool about who did what."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from list_pipeline.mcp.arguments import Arguments, KeyFilter, Limit
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.views.audit import audit_page
from list_pipeline.storage.audit import AuditRow


class AuditWanted(Arguments):
    """Which entries."""

    cursor: Annotated[
        str | None, Field(min_length=1, max_length=200, description="`nextCursor` of the page before.")
    ] = None
    limit: Limit = 20
    by: Annotated[str | None, Field(min_length=1, max_length=100, description="Only of this person.")] = None
    campaign: KeyFilter = None
    since: Annotated[AwareDatetime | None, Field(description="An instant with its offset from UTC.")] = None


class Audit(Result):
    """What people did."""

    entries: tuple[AuditRow, ...]
    next_cursor: str | None


def audit(call: Call, asked: AuditWanted) -> Audit:
    """Show who decided what and why, the latest first: approvals, rejections, corrections, changes of the mode, tokens."""
    found = audit_page(
        call.services,
        limit=asked.limit,
        cursor=asked.cursor,
        by=asked.by,
        campaign=asked.campaign,
        since=asked.since,
    )
    return Audit(entries=found.entries, next_cursor=found.next_cursor)


TOOLS = (reading(audit, "Who did what"),)
