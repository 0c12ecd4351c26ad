"""The five lists as our rows have them: sizes, who may be mailed, who is in quarantine, where each is in its states.

Belongs here: what a person sees first. Does not belong here: sizes as Mailjet counts them (``cached_reads``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.lists import ALL_LISTS, CAMPAIGN_LISTS, ListRole
from list_pipeline.core.rebalancing.balance import deviation_percent
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.list_states.history import states
from list_pipeline.storage import views
from list_pipeline.storage.membership.data_versions import list_rows


@dataclass(frozen=True, slots=True)
class StateShown:
    """Where a list is in one of its two machines, and since when (UTC)."""

    machine: str
    state: str
    since: datetime


@dataclass(frozen=True, slots=True)
class ListShown:
    """One list, in contacts. ``mailable`` counts those in quarantine as present; ``last_synced_at`` None: never."""

    list: ListRole
    label: str
    raw: int
    mailable: int
    unsubscribed: int
    excluded: int
    quarantined: int
    last_synced_at: datetime | None
    states: tuple[StateShown, ...]


@dataclass(frozen=True, slots=True)
class ListsShown:
    """The five lists, and how far the campaign lists are apart, in percent of their mean (None: they are empty)."""

    lists: tuple[ListShown, ...]
    deviation_percent: float | None


def lists_shown(services: Deciding) -> ListsShown:
    """The five lists as our rows have them. No request is made."""
    noted = states(services)
    with services.database.begin() as connection:
        rows, quarantined = list_rows(connection), views.quarantined_on_lists(connection)
    found = tuple(
        ListShown(
            role,
            role.label,
            rows[role]["raw"],
            rows[role]["mailable"],
            rows[role]["unsubscribed"],
            rows[role]["excluded"],
            quarantined.get(role, 0),
            rows[role]["last_synced_at"],
            tuple(StateShown(one.machine, one.state, one.since) for one in noted if one.list_role is role),
        )
        for role in ALL_LISTS
    )
    first, second, third = (one.mailable for one in found if one.list in CAMPAIGN_LISTS)
    return ListsShown(found, deviation_percent((first, second, third)))
