"""Tools about a new audience: who it is, how it would be divided over the campaign lists, and the plan that does it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from list_pipeline.mcp.arguments import MOST, Arguments, Nothing, Reason
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, deciding, reading
from list_pipeline.operations.audience.shown import (
    BatchShown,
    NotTakenShown,
    ProposalShown,
    SplitShown,
    batches_shown,
    not_taken_shown,
    proposal_shown,
    split_shown,
)
from list_pipeline.operations.audience.splitting import Wanted, audience_now, propose, split, splits

Total = Annotated[int | None, Field(ge=1, le=MOST, description="How many, the oldest first; null: all.")]
Start = Annotated[
    date | None, Field(description="The first day (UTC) to propose where no campaign is scheduled; null: tomorrow.")
]


class NewAudience(Result):
    """The new audience in figures, and the plans that divide one, the latest first."""

    contacts: int
    oldest_at: datetime | None
    newest_at: datetime | None
    not_taken: tuple[NotTakenShown, ...]
    plans: tuple[SplitShown, ...]


class DivisionWanted(Arguments):
    """Which division."""

    total: Total = None
    start: Start = None


class Division(Result):
    """How the audience would be divided now."""

    division: ProposalShown


class AudienceToSplit(Arguments):
    """Which division is planned, and why."""

    shown: Annotated[
        str, Field(pattern=r"^[0-9a-f]{64}$", description="`shown` of the division that the person saw (`division`).")
    ]
    reason: Reason
    total: Total = None
    start: Start = None


class SplitPlanned(Result):
    """The plan that waits for a person."""

    plan: int
    content_hash: str
    batches: tuple[BatchShown, ...]


def audience(call: Call, asked: Nothing) -> NewAudience:
    """Show the new audience: contacts of the master list that may join a campaign list for the first time, how many, since
    when, who is not taken and why; and the plans that divide one over the lists, with their ranges."""
    found = audience_now(call.services)
    return NewAudience(
        contacts=found.contacts,
        oldest_at=found.oldest_at,
        newest_at=found.newest_at,
        not_taken=not_taken_shown(found.left),
        plans=tuple(map(split_shown, splits(call.services))),
    )


def division(call: Call, asked: DivisionWanted) -> Division:
    """Show how the new audience would be divided over the three campaign lists now: contiguous ranges, the oldest first, each
    with its list and the day of its first mail, scheduled or proposed. Nothing is planned."""
    return Division(division=proposal_shown(propose(call.services, Wanted(asked.total, asked.start))))


def split_audience(call: Call, asked: AudienceToSplit) -> SplitPlanned:
    """Plan the division of the new audience over the campaign lists. Only when the person whose token this is said so after
    seeing what `division` showed. It becomes a plan that always waits for a person: `approve_plan` with its own content hash.
    """
    made = split(
        call.services, Wanted(asked.total, asked.start), by=call.who.name, note=asked.reason, shown=asked.shown
    )
    return SplitPlanned(plan=made.plan_id, content_hash=made.content_hash, batches=batches_shown(made.proposal.batches))


TOOLS = (
    reading(audience, "The new audience"),
    reading(division, "How a new audience would be divided"),
    deciding(split_audience, "Divide a new audience", is_destructive=False),
)
