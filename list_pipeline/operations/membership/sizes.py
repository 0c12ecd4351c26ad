"""The sizes of the five lists as Mailjet counts them.

Belongs here: counting in six requests, however large the lists are. Does not belong here: keeping the sizes of a
maintenance (``operations.runs.snapshots``).
"""

from __future__ import annotations

from collections.abc import Mapping

from list_pipeline.core.lists import ALL_LISTS, ListRole
from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership.sync import list_sizes

Sizes = Mapping[ListRole, tuple[int, int]]
"""Raw and mailable size of each list. Raw counts everybody; mailable leaves out unsubscribed and excluded contacts."""


def count_sizes(services: ReadingMailjet) -> Sizes:
    """The sizes as Mailjet counts them now, in six requests: one for all raw sizes and one a list for the mailable ones."""
    raw = list_sizes(services)
    return {
        role: (
            raw[role],
            min(
                raw[role],
                services.mailjet.count_recipients(services.list_ids[role], unsubscribed=False, excluded=False),
            ),
        )
        for role in ALL_LISTS
    }
