"""Tools about the operating mode: how much the product does by itself. Whoever may start work may stop changes; to loosen needs
an administrator."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.safety.modes import Mode
from list_pipeline.mcp.arguments import Arguments, Nothing, Reason
from list_pipeline.mcp.errors import RoleMissingError
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading, starting
from list_pipeline.operations.reviews.operating_mode import choose_mode, mode_meanwhile, role_for
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode


class ModeNow(Result):
    """The mode in force. ``no_change_because``: why no list is changed now; None: lists may be changed."""

    mode: Mode
    no_change_because: str | None


class ModeWanted(Arguments):
    """The mode to set; ``graduated`` gives it back to age and approvals."""

    mode: Literal["read_only", "approval_required", "auto", "graduated"]
    present: Annotated[Mode, Field(description="The mode in force as `mode` shows it; another one refuses the change.")]
    reason: Reason


def mode(call: Call, asked: Nothing) -> ModeNow:
    """Show the operating mode: `read_only` changes nothing, `approval_required` lets each plan wait for a person, `auto` lets
    plans through whose gate objects to nothing; and why no list may be changed now."""
    del asked
    return ModeNow(mode=operating_mode(call.services), no_change_because=change_block_reason(call.services))


def set_mode(call: Call, asked: ModeWanted) -> ModeNow:
    """Set the operating mode, when the person whose token this is said so. `read_only` stops every change at once, also that of
    a run in progress; any other mode needs the role administrator."""
    tried = f"Setting the mode to {asked.mode}"
    wanted = None if asked.mode == "graduated" else Mode(asked.mode)
    if not call.who.role.may(role_for(wanted)):
        raise RoleMissingError(
            tried, f"it needs the role administrator, and this token's is {call.who.role.value}", "Ask an administrator"
        )
    if (meanwhile := mode_meanwhile(call.services, wanted, asked.present.value)) is not None:
        raise RefusedError(
            tried, f"the mode is {meanwhile.value} by now", "Look at it with `mode`, and ask the person again"
        )
    now = choose_mode(call.services, wanted, by=call.who.name, note=asked.reason)
    return ModeNow(mode=now, no_change_because=change_block_reason(call.services))


TOOLS = (
    reading(mode, "Operating mode"),
    starting(set_mode, "Set the operating mode", is_destructive=True, is_idempotent=False),
)
