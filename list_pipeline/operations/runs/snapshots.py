"""Snapshots of a maintenance: the sizes of the lists before, between and after its changes, stored once each.

Belongs here: which phase is stored, and where. Does not belong here: counting (``operations.membership.sizes``).
"""

from __future__ import annotations

from typing import Any

from list_pipeline.operations.access import ReadingMailjet
from list_pipeline.operations.membership.sizes import Sizes, count_sizes
from list_pipeline.operations.runs.run import Maintenance
from list_pipeline.storage.runs import ledger


def take_snapshot(services: ReadingMailjet, run: Maintenance, phase: str) -> Sizes:
    """The sizes in a phase (``before``, ``middle`` or ``after``): the stored ones, or counted at Mailjet now.

    One request for all raw sizes and one a list for the mailable ones, however large the lists are.
    """
    campaign_id, sweep = run.campaign.campaign_id, run.sweep.value
    with services.database.begin() as connection:
        stored = ledger.snapshot(connection, campaign_id, sweep, phase)
    if stored:
        return stored
    sizes = count_sizes(services)
    with services.database.begin() as connection:
        ledger.save_snapshot(connection, campaign_id, sweep, phase, sizes, services.clock.now())
        if phase in ("before", "after"):
            ledger.fill_log(connection, run.log.log_id, **{f"{phase}_state": as_state(sizes)})
    return sizes


def as_state(sizes: Sizes) -> dict[str, Any]:
    """Sizes for a JSON column: raw and mailable per list."""
    return {role.value: {"raw": raw, "mailable": mailable} for role, (raw, mailable) in sizes.items()}
