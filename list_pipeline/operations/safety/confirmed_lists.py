"""Whether the five configured lists are those that a person confirmed: until then no list is changed, in any mode.

Belongs here: what stands in the way of a change, read from rows only, because it is asked before each. Does not belong here:
judging the lists, telling and confirming (``operations.five_lists``, ``operations.reviews.confirmed_lists``).
"""

from __future__ import annotations

from sqlalchemy import Connection

from list_pipeline.core.errors import ConfigurationError
from list_pipeline.core.five_lists.confirmation import NamedList, NamedLists, differences, waiting_words
from list_pipeline.core.lists import ListIds
from list_pipeline.settings import Settings
from list_pipeline.storage import five_lists


def why_unconfirmed(connection: Connection, settings: Settings) -> str | None:
    """Why the five lists wait for a person, and what to do, in words; None when they are confirmed."""
    try:
        configured = settings.list_ids()
    except ConfigurationError:
        # Said by whoever needs the lists; without them nothing can be changed.
        return None
    found = changed_since_confirmed(connection, configured)
    return waiting_words(found) if found else None


def changed_since_confirmed(connection: Connection, configured: ListIds) -> tuple[str, ...]:
    """How the five lists differ from those that were confirmed last, a phrase each; empty when they are confirmed."""
    confirmed = five_lists.confirmation(connection)
    return differences(confirmed.lists if confirmed else None, present_lists(connection, configured))


def present_lists(connection: Connection, configured: ListIds) -> NamedLists:
    """The configured lists, with the names that the last sync saw under these ids."""
    seen = five_lists.read_last(connection)
    return {
        role: seen[role] if role in seen and seen[role].list_id == list_id else NamedList(list_id, None)
        for role, list_id in configured.by_role().items()
    }
