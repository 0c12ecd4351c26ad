"""Tools about campaigns: all of them page by page, and the story of one."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.lists import ListRole
from list_pipeline.mcp.arguments import Arguments, Key, Limit, Page
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.reviews import QuestionEntry, entry_of
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.views.campaign_story import Happened
from list_pipeline.operations.views.campaign_story import campaign_story as story_of
from list_pipeline.operations.views.pages import campaigns_page
from list_pipeline.storage.views import CampaignRow, LogRow, PlanRow, ValidationRow


class CampaignsWanted(Page):
    """Which campaigns."""

    status: CampaignStatus | None = None
    on_list: Annotated[ListRole | None, Field(alias="list", description="The list that it is sent to.")] = None
    cycle: Annotated[int | None, Field(ge=1, le=10**6)] = None


class Campaigns(Result):
    """A page of campaigns."""

    campaigns: tuple[CampaignRow, ...]
    next_after: int | None


class StoryWanted(Arguments):
    """Which campaign."""

    key: Key
    limit: Limit = 40


class Story(Result):
    """A campaign with the latest of everything about it; ``…_in_all``: how many there are."""

    campaign: CampaignRow
    timeline: tuple[Happened, ...]
    timeline_in_all: int
    runs: tuple[LogRow, ...]
    plans: tuple[PlanRow, ...]
    questions: tuple[QuestionEntry, ...]
    questions_in_all: int
    validations: tuple[ValidationRow, ...]


def campaigns(call: Call, asked: CampaignsWanted) -> Campaigns:
    """List campaigns, the latest first, with their list, round, cycle, recipients and the state of their maintenance. Start
    here for a campaign's key."""
    found = campaigns_page(
        call.services,
        after=asked.after,
        limit=asked.limit,
        status=asked.status,
        role=asked.on_list,
        cycle=asked.cycle,
    )
    return Campaigns(campaigns=found.entries, next_after=found.next_after)


def campaign_story(call: Call, asked: StoryWanted) -> Story:
    """Tell one campaign from its schedule to the last decision: when it was sent, each attempt at its maintenance, its plans
    with their content hashes, what people were asked and answered, and its validations."""
    found, most = story_of(call.services, asked.key), asked.limit
    return Story(
        campaign=found.campaign,
        timeline=found.timeline[-most:],
        timeline_in_all=len(found.timeline),
        runs=found.runs[:most],
        plans=found.plans[:most],
        questions=tuple(map(entry_of, found.questions[:most])),
        questions_in_all=len(found.questions),
        validations=found.validations[:most],
    )


TOOLS = (reading(campaigns, "Campaigns"), reading(campaign_story, "Story of a campaign"))
