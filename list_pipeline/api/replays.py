"""Other rules asked about campaigns that are over: ``/api/replay``, and beside the present ones: ``/api/shadows``."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query

from list_pipeline.api.common import Limit, Model, Reader, shown_as
from list_pipeline.api.problems import ProblemError
from list_pipeline.operations.replay.document import ReplayDocument, document_of
from list_pipeline.operations.replay.replay import CAMPAIGNS, ReplayRequest, replay
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.shadow import ShadowShown, shadows

MOST_SHADOWS = 20
_SHADOW: dict[str, Any] = {
    "number": 1,
    "figures": {"grace_days": "90"},
    "campaigns": 12,
    "startedAt": "2026-11-01T10:00:00Z",
    "startedBy": "Ada",
    "reason": "a longer grace",
    "endedAt": None,
    "endedBy": None,
    "endedWhy": None,
    "found": {"campaigns": 1, "judged": 120, "more": 0, "moreGood": 0, "fewer": 2, "held": 0},
    "words": ["Shadow policy, campaign 1 of 12: nothing of it is carried out."],
    "differences": [],
    "differencesInAll": 0,
}


class Replay(Model):
    """Rule sets over the same campaigns, with a page of the contacts that they judge differently."""

    model_config = shown_as(
        replay={"campaigns": [], "ruleSets": [], "differences": [], "leftOut": 0, "readings": 0}, nextAfter=None
    )

    replay: ReplayDocument
    next_after: int | None


class Shadows(Model):
    """The latest shadow policies, the newest first."""

    model_config = shown_as(shadows=[_SHADOW])

    shadows: tuple[ShadowShown, ...]


def router(services: Services) -> APIRouter:
    """The routes, on the services of the process."""
    routes = APIRouter(prefix="/api", tags=["replay"])

    @routes.get("/replay")
    def replayed(
        _: Reader,
        campaigns: Annotated[int, Query(ge=1, le=CAMPAIGNS, description="So many of the latest campaigns.")] = 6,
        sent_from: Annotated[date | None, Query(alias="from", description="Sent on this day (UTC) or later.")] = None,
        sent_to: Annotated[date | None, Query(alias="to", description="Sent on this day (UTC) or earlier.")] = None,
        rules: Annotated[tuple[str, ...], Query(max_length=20, description="Rule sets; none: the usual ones.")] = (),
        change: Annotated[tuple[str, ...], Query(alias="set", max_length=20, description="As grace_days=90.")] = (),
        after: Annotated[int, Query(ge=0, le=10**6, description="Differences from here on.")] = 0,
        limit: Limit = 50,
    ) -> Replay:
        request = ReplayRequest(campaigns, sent_from, sent_to, rules=rules, changes=_changes(change))
        found = document_of(replay(services, request))
        page = found.differences[after : after + limit]
        is_last = after + limit >= len(found.differences)
        return Replay(replay=replace(found, differences=page), next_after=None if is_last else after + limit)

    @routes.get("/shadows")
    def all_shadows(_: Reader, latest: Annotated[int, Query(ge=1, le=MOST_SHADOWS)] = 1, limit: Limit = 50) -> Shadows:
        return Shadows(shadows=tuple(one.shown(limit) for one in shadows(services, latest)))

    return routes


def _changes(given: tuple[str, ...]) -> dict[str, str]:
    changes: dict[str, str] = {}
    for one in given:
        name, equals, value = (part.strip() for part in one.partition("="))
        if not (name and equals and value) or name in changes:
            raise ProblemError(422, "`set` is a figure and its value, as grace_days=90, each figure once")
        changes[name] = value
    return changes
