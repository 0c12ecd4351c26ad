"""The tool about the five lists: their sizes and states, as the last look at Mailjet left them."""

from __future__ import annotations

from list_pipeline.mcp.arguments import Nothing
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.views.lists import ListShown, lists_shown


class Lists(Result):
    """The five lists. ``deviation_percent``: how far the campaign lists are apart; None: they are empty."""

    lists: tuple[ListShown, ...]
    deviation_percent: float | None


def lists(call: Call, asked: Nothing) -> Lists:
    """Show the five lists (master, three campaign lists, suppression): how many contacts each has, how many of them get mail,
    unsubscribed, are excluded or in quarantine, and how far the campaign lists are apart in percent of their mean. Contacts in
    quarantine count as mailable."""
    del asked
    found = lists_shown(call.services)
    return Lists(lists=found.lists, deviation_percent=found.deviation_percent)


TOOLS = (reading(lists, "Lists and sizes"),)
