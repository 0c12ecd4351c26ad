"""How much the product may do by itself."""

from __future__ import annotations

from list_pipeline.core.gate import Mode, ModeState, graduate
from list_pipeline.operations.services import Services
from list_pipeline.settings import OperatingMode
from list_pipeline.storage import maintenance, plans


def operating_mode(services: Services) -> Mode:
    """The mode now: set by a setting, else by a person, else by age and approvals."""
    now = services.clock.now()
    with services.database.begin() as connection:
        state = maintenance.begin_mode(connection, now)
        approved = plans.approved_operations(connection)
    by_setting = services.settings.list_management_mode
    chosen = state["set_mode"] if by_setting is OperatingMode.GRADUATED else by_setting.value
    if state["set_mode"] == Mode.READ_ONLY.value:
        # A person who says stop is heard whatever the setting says: this is how a run in progress is stopped.
        chosen = Mode.READ_ONLY.value
    return graduate(ModeState(state["first_started_at"], approved, Mode(chosen) if chosen else None), now)


def may_change(services: Services) -> str | None:
    """Why no list may be changed now, in words, or None when one may."""
    if not services.settings.list_management_enabled:
        return "LIST_MANAGEMENT_ENABLED is off"
    if operating_mode(services) is Mode.READ_ONLY:
        return "the mode is read_only"
    return None
