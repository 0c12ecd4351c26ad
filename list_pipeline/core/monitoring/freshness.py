"""How fresh the results of scheduled work are, as people are told.

Belongs here: the words, and what counts as overdue before anything was done. Does not belong here: how old a result may become
and whether it is older now: the freshness policies of the assets (``defs.common``), which Dagster's daemon judges.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from list_pipeline.core.wording import duration_text, instant_text


@dataclass(frozen=True, slots=True)
class Freshness:
    """A result of scheduled work. ``name`` in our words, ``job``: what makes it, ``limit``: how old it may become.

    ``done_at``: when it was last made, None for never. ``is_overdue``: it is older than that.
    """

    name: str
    job: str
    limit: timedelta
    done_at: datetime | None
    is_overdue: bool

    @property
    def words(self) -> str:
        """The finding as a sentence, times in UTC."""
        done = f"last done at {instant_text(self.done_at)}" if self.done_at else "never done yet"
        state = "is overdue" if self.is_overdue else "is fresh"
        return f"The {self.name} {state}: {done}; it may be {duration_text(self.limit)} old."


def also_overdue_when_never_done(found: Freshness, first_started_at: datetime, now: datetime) -> Freshness:
    """The finding, where what was never done is overdue once the product has been there for longer than the limit."""
    if found.done_at is not None:
        return found
    return replace(found, is_overdue=now - first_started_at > found.limit)
