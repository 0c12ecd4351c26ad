"""Telling people about mass changes: that one was found, and that nothing of it is open any more.

Does not belong here: finding them, which is a part of each sync (``operations.membership.mass_changes``).
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from list_pipeline.core.drift.mass_change_message import ended_message, mass_change_message
from list_pipeline.core.drift.mass_changes import MassChangeStatus
from list_pipeline.core.messages import keys
from list_pipeline.operations.access import Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import NOBODY
from list_pipeline.storage import mass_changes as rows

_TOLD_FOR = timedelta(days=1)
"""What is older was told, or given up, by the outbox."""


def tell_about_mass_changes(services: Telling) -> None:
    """Alert people to each matter once, and say once when nothing of it is open any more."""
    since = services.clock.now() - _TOLD_FOR
    with services.database.begin() as connection:
        found = rows.mass_changes(connection, since=since)
    for matter, group in groupby(sorted(found, key=lambda one: one.matter), key=lambda one: one.matter):
        members = list(group)
        told = keys.mass_change(matter)
        if any(one.found_at >= since for one in members):
            message = mass_change_message(matter, [one.figures for one in members])
            deliver(services, told, message, important=True)
        closed = [one for one in members if one.status is not MassChangeStatus.OPEN]
        if len(closed) < len(members):
            continue
        last = max(closed, key=lambda one: (one.closed_by != NOBODY, one.mass_change_id))
        message = ended_message(
            matter, [(one.figures, one.status) for one in closed], last.closed_by or NOBODY, last.note
        )
        deliver(services, keys.mass_change_ended(matter), message, thread_key=told)
