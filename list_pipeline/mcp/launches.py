"""Tools about launch changes: a draft scheduled, moved, cancelled or sent; looked at, asked for, decided by a reviewer."""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, Field

from list_pipeline.core.launches.changes import LaunchAction, LaunchState
from list_pipeline.core.launches.rules import utc_second
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.tokens import Role
from list_pipeline.mcp.arguments import Arguments, ContentHash, KeyFilter, Number, Page, Reason
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, deciding, reading, starting
from list_pipeline.operations.launches import asking
from list_pipeline.operations.launches import deciding as decisions
from list_pipeline.operations.launches.looking import Wanted, look
from list_pipeline.operations.launches.shown import (
    LaunchShown,
    LookShown,
    launch_shown,
    launches_page,
    look_shown,
    shown,
)

Hash = Annotated[
    ContentHash, Field(description="Its `contentHash`, or its first 8 characters or more, as it was shown to you.")
]


class LaunchesWanted(Page):
    """Which launch changes."""

    state: Annotated[LaunchState | None, Field(description="`waiting`: those that wait for a reviewer.")] = None
    campaign: KeyFilter = None


class Launches(Result):
    """A page of launch changes."""

    launches: tuple[LaunchShown, ...]
    next_after: int | None


class LaunchWanted(Arguments):
    """Which launch change."""

    number: Number


class Launch(Result):
    """A launch change."""

    launch: LaunchShown


class Thought(Arguments):
    """What the person thinks of doing with a draft."""

    action: LaunchAction
    target: Annotated[
        str,
        Field(
            min_length=1,
            max_length=100,
            pattern=r"^[\w.:-]+$",
            description="A campaign's key, or the number of a draft at Mailjet.",
        ),
    ]
    at: Annotated[
        AwareDatetime | None, Field(description="The instant with its zone: for `schedule` and `move` only.")
    ] = None

    @property
    def wanted(self) -> Wanted:
        """As the operations take it."""
        return Wanted(self.action, self.target, utc_second(self.at) if self.at is not None else None)


class Asked(Thought):
    """What the person asks for: exactly the look whose hash is given, and why."""

    content_hash: Hash
    reason: Reason


class Look(Result):
    """A launch change before it is asked for."""

    look: LookShown


class Approval(Arguments):
    """An approval of exactly one launch change."""

    number: Number
    content_hash: Hash
    note: Annotated[str, Field(max_length=500, description="What the person says to it, for the record.")] = ""


class Rejection(Arguments):
    """A rejection of exactly one launch change."""

    number: Number
    content_hash: Hash
    reason: Reason


def launches(call: Call, asked: LaunchesWanted) -> Launches:
    """List launch changes, the latest first: a draft that is to be scheduled, moved, cancelled or sent from here, who asked,
    who decided, and what became of it. With state `waiting` it waits for a reviewer."""
    found = launches_page(
        call.services, after=asked.after, limit=asked.limit, state=asked.state, campaign=asked.campaign
    )
    return Launches(launches=found.entries, next_after=found.next_after)


def launch(call: Call, asked: LaunchWanted) -> Launch:
    """Show one launch change: what it does, what was found beside it, and its `contentHash`, which deciding on it needs."""
    return Launch(launch=launch_shown(call.services, asked.number))


def look_at_launch(call: Call, asked: Thought) -> Look:
    """Look at what scheduling, moving, cancelling or sending a draft would mean: subject, list, expected recipients, the last
    validation, collisions, whether it is refused, and the `contentHash` to ask for it with. Changes nothing. Show this to the
    person before `ask_for_launch`."""
    return Look(look=look_shown(look(call.services, asked.wanted, at_once=True)))


def ask_for_launch(call: Call, asked: Asked) -> Launch:
    """Ask for a launch change that the person saw with `look_at_launch`. It waits for a reviewer, and nothing is changed before
    one approves; a cancellation that a reviewer asks for is carried out at once. Only when the person asked for exactly that:
    mail that was sent cannot be called back."""
    made = asking.ask_for_launch(
        call.services,
        asked.wanted,
        by=call.who.name,
        note=asked.reason,
        content_hash=asked.content_hash,
        may_decide=call.who.role.may(Role.REVIEWER),
        way=Way.MCP,
        at_once=True,
    )
    return Launch(launch=shown(made))


def approve_launch(call: Call, asked: Approval) -> Launch:
    """Approve a launch change that waits: a run carries it out at Mailjet within a minute. Only when the person whose token
    this is said so after seeing exactly this one."""
    done = decisions.approve_launch(
        call.services,
        asked.number,
        by=call.who.name,
        content_hash=asked.content_hash,
        note=asked.note,
        way=Way.MCP,
    )
    return Launch(launch=shown(done))


def reject_launch(call: Call, asked: Rejection) -> Launch:
    """Turn a launch change down, or take an approval back while nothing was asked of Mailjet. Only when the person whose token
    this is said so."""
    done = decisions.reject_launch(
        call.services,
        asked.number,
        by=call.who.name,
        note=asked.reason,
        content_hash=asked.content_hash,
        way=Way.MCP,
    )
    return Launch(launch=shown(done))


TOOLS = (
    reading(launches, "Launch changes"),
    reading(launch, "A launch change"),
    reading(look_at_launch, "Look at a launch change"),
    starting(ask_for_launch, "Ask for a launch change", is_destructive=True, is_idempotent=False),
    deciding(approve_launch, "Approve a launch change", is_destructive=True),
    deciding(reject_launch, "Reject a launch change", is_destructive=False),
)
