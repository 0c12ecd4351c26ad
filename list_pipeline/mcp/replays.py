"""Tools about other rules: asked about campaigns that are over, and judging beside the present ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated

from pydantic import Field

from list_pipeline.mcp.arguments import Arguments, Limit
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.replay.document import ReplayDocument, document_of
from list_pipeline.operations.replay.replay import CAMPAIGNS, ReplayRequest
from list_pipeline.operations.replay.replay import replay as replayed
from list_pipeline.operations.suppression.shadow import ShadowShown
from list_pipeline.operations.suppression.shadow import shadows as states

_Word = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[\w.+%-]+$")]


class ReplayWanted(Arguments):
    """Which campaigns, and which rules."""

    campaigns: Annotated[int, Field(ge=1, le=CAMPAIGNS, description="So many of the latest campaigns.")] = 6
    sent_from: Annotated[date | None, Field(description="Sent on this day (UTC) or later.")] = None
    sent_to: Annotated[date | None, Field(description="Sent on this day (UTC) or earlier.")] = None
    rules: Annotated[
        tuple[_Word, ...], Field(max_length=20, description="Rule sets, as `ours`; none: the usual ones.")
    ] = ()
    change: Annotated[
        dict[_Word, _Word], Field(max_length=20, description='Figures of our policy, as {"grace_days": "90"}.')
    ] = Field(default_factory=dict)
    after: Annotated[int, Field(ge=0, le=10**6, description="`nextAfter` of the page before.")] = 0
    limit: Limit = 20


class Replay(Result):
    """Rule sets over the same campaigns, with a page of the contacts that they judge differently."""

    replay: ReplayDocument
    differences_in_all: int
    next_after: int | None


class ShadowsWanted(Arguments):
    """How many of the latest."""

    latest: Annotated[int, Field(ge=1, le=20)] = 1
    limit: Annotated[int, Field(ge=1, le=100, description="Differences of each, the latest.")] = 20


class Shadows(Result):
    """The latest shadow policies, the newest first."""

    shadows: tuple[ShadowShown, ...]


def replay(call: Call, asked: ReplayWanted) -> Replay:
    """Ask other rules about campaigns that are over: how many contacts each rule set would have removed, how many of those were
    reached later (regretted), how many it would have kept that failed again. `change` tries other figures of our own policy.
    Nothing is changed; this reads much and takes some seconds."""
    request = ReplayRequest(asked.campaigns, asked.sent_from, asked.sent_to, rules=asked.rules, changes=asked.change)
    found, end = document_of(replayed(call.services, request)), asked.after + asked.limit
    return Replay(
        replay=replace(found, differences=found.differences[asked.after : end]),
        differences_in_all=len(found.differences),
        next_after=end if end < len(found.differences) else None,
    )


def shadows(call: Call, asked: ShadowsWanted) -> Shadows:
    """Show the policies that were tried beside the present one on real campaigns, without being carried out, and on whom the
    two differ."""
    return Shadows(shadows=tuple(one.shown(asked.limit) for one in states(call.services, asked.latest)))


TOOLS = (reading(replay, "Other rules, asked about the past"), reading(shadows, "Shadow policies"))
