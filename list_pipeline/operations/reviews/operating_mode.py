"""A person sets the operating mode: a decision like others, with a name, a history and a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from list_pipeline.core.messages import keys
from list_pipeline.core.reviews.messages import mode_message
from list_pipeline.core.safety.modes import Mode
from list_pipeline.core.tokens import Role
from list_pipeline.operations.access import Deciding, Storing, Telling
from list_pipeline.operations.messages.outbox import deliver
from list_pipeline.operations.people import in_own_words, named, reviewer
from list_pipeline.operations.safety.modes import operating_mode
from list_pipeline.storage import safety

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ModeChange:
    """A mode that a person set, at an instant (UTC). ``mode``: None: given back to age and approvals."""

    mode: Mode | None
    by: str
    note: str | None
    at: datetime


def mode_history(services: Storing, most: int) -> tuple[ModeChange, ...]:
    """The latest changes of the mode by persons, the newest first."""
    with services.database.begin() as connection:
        found = safety.mode_changes(connection, most)
    return tuple(
        ModeChange(Mode(one["mode"]) if one["mode"] else None, one["changed_by"], one["note"], one["changed_at"])
        for one in found
    )


def role_for(wanted: Mode | None) -> Role:
    """The least role that sets a mode (None: gives it back): whoever starts work may stop changes."""
    return Role.OPERATOR if wanted is Mode.READ_ONLY else Role.ADMINISTRATOR


def mode_meanwhile(services: Deciding, wanted: Mode | None, present: str) -> Mode | None:
    """The mode in force, where it is another one than somebody looked at before they wanted one; else None.

    Stopping is never refused because somebody looked at another mode.
    """
    now = operating_mode(services)
    return now if wanted is not Mode.READ_ONLY and now.value != present else None


def choose_mode(services: Telling, mode: Mode | None, *, by: str, note: str = "") -> Mode:
    """Set the mode, or give it back to the setting and the graduation with None, and tell people.

    Whoever has a name may stop changes (``read_only``): on a bad day nobody should have to look for a reviewer first. What
    lets the product do more is for reviewers.

    Args:
        by: who decides. note: why.

    Returns:
        The mode in force after that.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody is named.
    """
    tried = f"Setting the mode to {mode.value if mode is not None else 'graduated'}"
    by = named(by, tried) if mode is Mode.READ_ONLY else reviewer(services, by, tried)
    why = in_own_words(note) or None
    with services.database.begin() as connection:
        number = safety.set_mode(connection, mode.value if mode is not None else None, by, services.clock.now(), why)
    now = operating_mode(services)
    log.warning(
        "a person set the mode", mode=mode.value if mode is not None else "graduated", by=by, in_force=now.value
    )
    deliver(services, keys.mode_changed(number), mode_message(mode, now, by, why), important=True)
    return now
