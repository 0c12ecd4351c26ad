"""The tool about who is kept from mail for a while."""

from __future__ import annotations

from list_pipeline.mcp.arguments import AfterContact, Arguments, Limit
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.quarantine.release import QuarantinedContact, quarantined_page


class QuarantinedWanted(Arguments):
    """Which page."""

    after: AfterContact = 0
    limit: Limit = 20


class Quarantined(Result):
    """Who is in quarantine or waits for it, by contact id."""

    quarantined: tuple[QuarantinedContact, ...]
    next_after: int | None


def quarantined(call: Call, asked: QuarantinedWanted) -> Quarantined:
    """List the contacts that are in quarantine, which means kept from mail for some days, or wait for it: why, since when,
    until when, and the number of the plan behind it."""
    found = quarantined_page(call.services, after=asked.after, limit=asked.limit)
    return Quarantined(quarantined=found.entries, next_after=found.next_after)


TOOLS = (reading(quarantined, "Who is in quarantine"),)
