"""The operating mode: ``/api/mode``. Whoever may start work may stop changes; to loosen needs an administrator."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter

from list_pipeline.api.common import Model, Note, Operator, Reader, shown_as
from list_pipeline.api.problems import ProblemError
from list_pipeline.core.safety.modes import Mode
from list_pipeline.operations.reviews.operating_mode import choose_mode, role_for
from list_pipeline.operations.safety.modes import change_block_reason, operating_mode
from list_pipeline.operations.services import Services


class ModeNow(Model):
    """The mode in force. ``no_change_because``: why no list is changed now, None where lists may be changed."""

    model_config = shown_as(mode="read_only", noChangeBecause="the mode is read_only")

    mode: Mode
    no_change_because: str | None


class ModeWanted(Model):
    """The mode to set; ``graduated`` gives it back to age and approvals."""

    model_config = shown_as(mode="read_only", note="an odd campaign")

    mode: Literal["read_only", "approval_required", "auto", "graduated"]
    note: Note = ""


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/mode", tags=["mode"])

    @routes.get("")
    def mode(_: Reader) -> ModeNow:
        return ModeNow(mode=operating_mode(services), no_change_because=change_block_reason(services))

    @routes.post("", description="Any operator may set read_only; the other modes are for administrators.")
    def set_mode(asked: ModeWanted, who: Operator) -> ModeNow:
        wanted = None if asked.mode == "graduated" else Mode(asked.mode)
        if not who.role.may(role_for(wanted)):
            raise ProblemError(403, "Stopping is open to you; any other mode needs a token with the role administrator")
        now = choose_mode(services, wanted, by=who.name, note=asked.note)
        return ModeNow(mode=now, no_change_because=change_block_reason(services))

    return routes
