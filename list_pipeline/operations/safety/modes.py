"""The operating mode: how much the product may do by itself."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, RowMapping

from list_pipeline.core.safety.modes import GRADUATION, Mode, ModeState, chosen_mode, graduate
from list_pipeline.core.wording import utc_text
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.safety.confirmed_lists import why_unconfirmed
from list_pipeline.operations.safety.restore_guard import stop_reason
from list_pipeline.settings import OperatingMode, Settings
from list_pipeline.storage import safety
from list_pipeline.storage.plans import plan_rows


def operating_mode(services: Deciding) -> Mode:
    """The mode now: set by a setting, else by a person, else by age and approvals."""
    now = services.clock.now()
    with services.database.begin() as connection:
        return _mode(connection, safety.begin_mode(connection, now), services.settings, now)


def _mode(connection: Connection, row: RowMapping, settings: Settings, now: datetime) -> Mode:
    by_setting, by_person = settings.list_management_mode, row["set_mode"]
    chosen = chosen_mode(
        None if by_setting is OperatingMode.GRADUATED else Mode(by_setting.value),
        Mode(by_person) if by_person else None,
        must_wait=safety.continuity(connection).is_stopped or why_unconfirmed(connection, settings) is not None,
    )
    approved = plan_rows.approved_operations(connection, GRADUATION.approved_operations)
    return graduate(ModeState(row["first_started_at"], approved, chosen), now)


def note_flag(services: Deciding, *, by: Literal["sensor", "command"]) -> None:
    """Note how whatever starts now finds LIST_MANAGEMENT_ENABLED, so that it reaches the runs in progress.

    A process cannot see that the environment of another changed. Called by each tick of a sensor and at the start of a
    command that changes lists, never by a run in progress.

    Args:
        by: the sensors have the deployment's environment: they note the switch off and on. A command has the environment of
            whoever typed it, where the variable may just be missing: it notes the switch off, and on again only what a
            command had noted.
    """
    with services.database.begin() as connection:
        safety.note_switch(connection, services.settings.list_management_enabled, by, services.clock.now())


def change_block_reason(services: Deciding) -> str | None:
    """Why no list may be changed now, in words, or None when one may.

    Asked before each changing request, so all of it is read in one transaction, as of one moment.
    """
    if not services.settings.list_management_enabled:
        return "LIST_MANAGEMENT_ENABLED is off"
    now = services.clock.now()
    with services.database.begin() as connection:
        row = safety.begin_mode(connection, now)
        if row["switched_off_at"] is not None:
            return f"LIST_MANAGEMENT_ENABLED was found off at {utc_text(row['switched_off_at'], seconds=True)} UTC"
        if because := stop_reason(safety.continuity(connection), now):
            return f"the lists have to be reconciled first: {because}"
        if because := why_unconfirmed(connection, services.settings):
            return because
        if _mode(connection, row, services.settings, now) is Mode.READ_ONLY:
            return "the mode is read_only"
    return None
