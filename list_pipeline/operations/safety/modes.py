"""The operating mode: how much the product may do by itself."""

from __future__ import annotations

from typing import Literal

from list_pipeline.core.plans.gate import Mode, ModeState, graduate
from list_pipeline.core.wording import utc_text
from list_pipeline.operations.access import Deciding
from list_pipeline.operations.safety.restore_guard import must_reconcile, why_stopped
from list_pipeline.settings import OperatingMode
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.runs import ledger


def operating_mode(services: Deciding) -> Mode:
    """The mode now: set by a setting, else by a person, else by age and approvals."""
    now = services.clock.now()
    with services.database.begin() as connection:
        state = ledger.begin_mode(connection, now)
        approved = plan_rows.approved_operations(connection)
    by_setting = services.settings.list_management_mode
    chosen = state["set_mode"] if by_setting is OperatingMode.GRADUATED else by_setting.value
    if state["set_mode"] == Mode.READ_ONLY.value:
        # A person who says stop is heard whatever the setting says: this is how a run in progress is stopped.
        chosen = Mode.READ_ONLY.value
    if must_reconcile(services):
        # Plans are made and reported, and taken up again by themselves when a person has accepted what Mailjet shows.
        chosen = Mode.READ_ONLY.value
    return graduate(ModeState(state["first_started_at"], approved, Mode(chosen) if chosen else None), now)


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
        ledger.note_switch(connection, services.settings.list_management_enabled, by, services.clock.now())


def change_block_reason(services: Deciding) -> str | None:
    """Why no list may be changed now, in words, or None when one may."""
    if not services.settings.list_management_enabled:
        return "LIST_MANAGEMENT_ENABLED is off"
    with services.database.begin() as connection:
        switched_off_at = ledger.begin_mode(connection, services.clock.now())["switched_off_at"]
    if switched_off_at is not None:
        return f"LIST_MANAGEMENT_ENABLED was found off at {utc_text(switched_off_at, seconds=True)} UTC"
    if because := why_stopped(services):
        return f"the lists have to be reconciled first: {because}"
    if operating_mode(services) is Mode.READ_ONLY:
        return "the mode is read_only"
    return None
