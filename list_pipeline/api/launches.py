"""Launch changes: a draft scheduled, moved, cancelled or sent from here: ``/api/launches``.

First a look, which shows what would be done with a content hash; then it is asked for with that hash, and a reviewer decides. A
run carries out what was approved: ``/api/launches/{number}`` says what became of it.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from list_pipeline.api.common import (
    After,
    ContentHash,
    KeyFilter,
    Limit,
    Model,
    Note,
    Number,
    Operator,
    Reader,
    Reason,
    Reviewer,
    shown_as,
)
from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.launches.rules import utc_second
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.tokens import Role
from list_pipeline.operations.launches import asking, deciding
from list_pipeline.operations.launches.looking import Wanted, look
from list_pipeline.operations.launches.shown import (
    LaunchShown,
    LookShown,
    launch_shown,
    launches_page,
    look_shown,
    shown,
)
from list_pipeline.operations.services import Services

_HASH = "0badc0de" * 8
_COMMON: dict[str, Any] = {
    "action": "move",
    "what": "Move draft 44101 from 2026-12-01 09:00 UTC to 2026-12-01 11:00 UTC",
    "campaign": "2026-12-01-r1-d44101",
    "draft": 44101,
    "subject": "Letter 3",
    "sender": "News, at sender.example",
    "list": "campaign_1",
    "expected": 1164,
    "programmedFor": "2026-12-01T09:00:00Z",
    "wantedAt": "2026-12-01T11:00:00Z",
    "notes": ["Its last validation, at 2026-12-01 05:45 UTC, found nothing wrong."],
    "contentHash": _HASH,
    "expiresAt": "2026-12-01T09:00:00Z",
}
_LOOK: dict[str, Any] = _COMMON | {
    "name": "Letter 3, round 1",
    "refusedBecause": None,
    "nextStep": "",
    "stoppedBecause": None,
}
_LAUNCH: dict[str, Any] = _COMMON | {
    "number": 7,
    "state": "waiting",
    "askedBy": "Ada",
    "askedAt": "2026-11-30T10:00:00Z",
    "note": "the landing page is late",
    "decidedBy": None,
    "decidedAt": None,
    "decisionNote": None,
    "submittingAt": None,
    "endedAt": None,
    "words": "",
}

Target = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[\w.:-]+$",
        description="A campaign's key, or the number of a draft at Mailjet.",
    ),
]
At = Annotated[
    AwareDatetime | None, Field(description="The instant, with its zone: to schedule and to move. Whole seconds count.")
]


class Thought(Model):
    """What somebody thinks of doing with a draft."""

    model_config = shown_as(action="move", target="2026-12-01-r1-d44101", at="2026-12-01T11:00:00Z")

    action: LaunchAction
    target: Target
    at: At = None

    @property
    def wanted(self) -> Wanted:
        """As the operations take it."""
        return Wanted(self.action, self.target, utc_second(self.at) if self.at is not None else None)


class Asked(Thought):
    """What is asked for: exactly the look whose hash is sent, and why."""

    model_config = shown_as(
        action="move",
        target="2026-12-01-r1-d44101",
        at="2026-12-01T11:00:00Z",
        contentHash="0badc0de",
        note="the landing page is late",
    )

    content_hash: ContentHash
    note: Reason


class Approval(Model):
    """An approval of exactly the launch change that was shown."""

    model_config = shown_as(contentHash="0badc0de", note="agreed")

    content_hash: ContentHash
    note: Note = ""


class Rejection(Model):
    """A rejection, or the end of an approval that was not carried out yet."""

    model_config = shown_as(note="not before the press release")

    note: Reason
    content_hash: ContentHash | None = None


class Look(Model):
    """A launch change as it is shown before it is asked for."""

    model_config = shown_as(look=_LOOK)

    look: LookShown


class Launch(Model):
    """A launch change."""

    model_config = shown_as(launch=_LAUNCH)

    launch: LaunchShown


class Launches(Model):
    """Launch changes, the latest first."""

    model_config = shown_as(launches=[_LAUNCH], nextAfter=None)

    launches: tuple[LaunchShown, ...]
    next_after: int | None


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api/launches", tags=["launches"])

    @routes.get("")
    def launches(
        _: Reader,
        after: After = 0,
        limit: Limit = 50,
        state: LaunchState | None = None,
        campaign: KeyFilter = None,
    ) -> Launches:
        found = launches_page(services, after=after, limit=limit, state=state, campaign=campaign)
        return Launches(launches=found.entries, next_after=found.next_after)

    @routes.post("/look", description="Reads the draft at Mailjet, and changes nothing.")
    def looked(thought: Thought, _: Operator) -> Look:
        return Look(look=look_shown(look(services, thought.wanted, at_once=True)))

    @routes.post(
        "",
        status_code=202,
        description="It waits for a reviewer; a cancellation that a reviewer asks for is approved with that.",
    )
    def ask(asked: Asked, who: Operator) -> Launch:
        made = asking.ask_for_launch(
            services,
            asked.wanted,
            by=who.name,
            note=asked.note,
            content_hash=asked.content_hash,
            may_decide=who.role.may(Role.REVIEWER),
            way=Way.HTTP,
            at_once=True,
        )
        return Launch(launch=shown(made))

    @routes.get("/{number}")
    def launch(number: Number, _: Reader) -> Launch:
        return Launch(launch=launch_shown(services, number))

    @routes.post("/{number}/approve", status_code=202)
    def approve(number: Number, asked: Approval, who: Reviewer) -> Launch:
        done = deciding.approve_launch(
            services, number, by=who.name, content_hash=asked.content_hash, note=asked.note, way=Way.HTTP
        )
        return Launch(launch=shown(done))

    @routes.post("/{number}/reject")
    def reject(number: Number, asked: Rejection, who: Reviewer) -> Launch:
        done = deciding.reject_launch(
            services, number, by=who.name, note=asked.note, content_hash=asked.content_hash, way=Way.HTTP
        )
        return Launch(launch=shown(done))

    return routes
