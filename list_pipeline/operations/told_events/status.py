"""How the receiving of told events fares: what came, what could not be used, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from list_pipeline.operations.access import Storing
from list_pipeline.storage import engagement, told_figures
from list_pipeline.storage.told_figures import Aside, DayCount


@dataclass(frozen=True, slots=True)
class Status:
    """``counts``: by kind and outcome in the days that were asked for. ``has_signs``: an open or click was ever told."""

    counts: tuple[DayCount, ...]
    aside: Aside
    has_signs: bool


def status(services: Storing, days: int) -> Status:
    """What came in so many days, today included."""
    since = services.clock.now() - timedelta(days=days - 1)
    with services.database.begin() as connection:
        return Status(
            told_figures.counts_since(connection, since),
            told_figures.aside(connection),
            engagement.recorded_since(connection) is not None,
        )
