"""One campaign from its schedule to its last decision: what was run, planned, asked and validated, and all of it in time.

Does not belong here: pages of many campaigns (``pages``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from list_pipeline.core.campaign_stages.early_incidents import EarlyIncidents
from list_pipeline.core.campaign_stages.times import Stage, StageState
from list_pipeline.core.campaign_stages.wrapup import Compared, SendCounts, compare
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.launches.changes import LaunchState
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.wording import instant_text
from list_pipeline.operations.access import Storing
from list_pipeline.storage import views
from list_pipeline.storage.campaign_stages import KeptReport, earlier_sends, early_incidents, kept_report, wrapup_counts
from list_pipeline.storage.views import (
    CampaignRow,
    LaunchRow,
    LogRow,
    OverrideRow,
    PlanRow,
    QuestionRow,
    StageRow,
    ValidationRow,
)

MOST_OF_A_KIND = 200
"""So many attempts, plans, questions and validations are shown, the latest; no campaign has had more."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of the timeline (UTC). ``by``: the person, or ``gate``; None: nobody in particular."""

    at: datetime
    what: str
    words: str
    by: str | None = None


@dataclass(frozen=True, slots=True)
class FirstFiguresOfSend:
    """The counts of a wrap-up, held against earlier sends.

    ``operators``: the mail operators that stood out; None: nobody looked.
    """

    counts: SendCounts
    compared: tuple[Compared, ...]
    operators: EarlyIncidents | None


@dataclass(frozen=True, slots=True)
class CampaignStory:
    """A campaign with everything about it, each kind with the latest first; ``timeline``: all of it, oldest first.

    ``wrapup``: what rules and advisors made of its first figures; ``first_figures``: these; None: it was not wrapped up.
    """

    campaign: CampaignRow
    timeline: tuple[Happened, ...]
    runs: tuple[LogRow, ...]
    plans: tuple[PlanRow, ...]
    questions: tuple[QuestionRow, ...]
    validations: tuple[ValidationRow, ...]
    stages: tuple[StageRow, ...]
    overrides: tuple[OverrideRow, ...]
    launches: tuple[LaunchRow, ...]
    wrapup: KeptReport | None
    first_figures: FirstFiguresOfSend | None


_VALIDATION = "pre_campaign_validation"
_WORK = {"post_campaign": "maintenance", _VALIDATION: "validation"}
_DECIDED = {
    PlanStatus.APPROVED: "approved",
    PlanStatus.EXECUTED: "approved",
    PlanStatus.REJECTED: "rejected",
    PlanStatus.EXPIRED: "left to lapse",
    PlanStatus.SUPERSEDED: "edited",
}
"""What was decided on a plan, as far as its state still says it."""


def campaign_story(services: Storing, key: str) -> CampaignStory:
    """Everything that is stored of a campaign.

    Raises:
        NotFoundError: there is no such campaign.
    """
    with services.database.begin() as connection:
        campaign = views.campaign(connection, key)
        if campaign is None:
            raise NotFoundError(
                f"Reading the campaign {key}", "no campaign has this key", "The list of campaigns has their keys"
            )
        story = CampaignStory(
            campaign,
            (),
            tuple(views.logs(connection, campaign=key, most=MOST_OF_A_KIND)),
            tuple(views.plans(connection, campaign=key, most=MOST_OF_A_KIND)),
            tuple(views.questions(connection, campaign=key, most=MOST_OF_A_KIND)),
            tuple(views.validations(connection, campaign=key, most=MOST_OF_A_KIND)),
            tuple(views.stages(connection, key)),
            tuple(views.overrides(connection, key)),
            tuple(views.launches(connection, key)),
            kept_report(connection, campaign.number),
            _first_figures(connection, campaign.number),
        )
    return replace(story, timeline=tuple(sorted(timeline_of(story), key=lambda one: one.at)))


def _first_figures(connection: Connection, campaign_id: int) -> FirstFiguresOfSend | None:
    counts = wrapup_counts(connection, campaign_id)
    if counts is None:
        return None
    compared = tuple(compare(counts, one) for one in earlier_sends(connection, campaign_id))
    return FirstFiguresOfSend(counts, compared, early_incidents(connection, campaign_id))


def timeline_of(story: CampaignStory) -> Iterator[Happened]:
    """The moments of a campaign, in no order."""
    campaign = story.campaign
    if campaign.sent_at is not None:
        yield Happened(campaign.sent_at, "sent", f"Sent to {campaign.list.label}.")
    else:
        yield Happened(campaign.scheduled_at, "scheduled", f"To be sent to {campaign.list.label}.")
    for validation in story.validations:
        words = f"Validated: {validation.verdict.value}{', blocking' if validation.is_blocking else ''}."
        yield Happened(validation.validated_at, "validated", words)
    for let_go in story.overrides:
        yield Happened(let_go.at, "let_go", "Let go in spite of what its validation found.", let_go.by)
    for launch in story.launches:
        yield from _of_launch(launch)
    if story.wrapup is not None:
        yield Happened(story.wrapup.written_at, "wrapped_up", story.wrapup.report.summary)
    for stage in story.stages:
        yield from _of_stage(stage)
    for run in story.runs:
        # A validation has no look after the send, though its row has the name of the first.
        look = "" if run.kind == _VALIDATION else f" ({run.sweep})"
        name = f"Attempt {run.attempt} at the {_WORK.get(run.kind, run.kind)}{look}"
        yield Happened(run.executed_at, "run_begun", f"{name} began.")
        if run.finished_at is not None:
            # An undo changes the status later; it stands in the timeline as a plan of its own.
            ended = run.status_before_undo or run.status
            yield Happened(run.finished_at, "run_ended", f"{name}: {ended.value.replace('_', ' ')}.")
    for plan in story.plans:
        yield from _of_plan(plan)
    for one in story.questions:
        yield Happened(one.asked_at, "asked", one.summary)
        if one.decided_at is not None:
            yield Happened(one.decided_at, "answered", f"Question {one.number}: {one.status.value}.", one.decided_by)


def _of_launch(launch: LaunchRow) -> Iterator[Happened]:
    name = f"Launch change {launch.number} ({launch.action.value})"
    to = f" for {instant_text(launch.wanted_at)}" if launch.wanted_at is not None else ""
    yield Happened(launch.asked_at, "launch_asked", f"{name} was asked for{to}.", launch.asked_by)
    if launch.decided_at is not None:
        did = "rejected" if launch.state is LaunchState.REJECTED else "approved"
        yield Happened(launch.decided_at, "launch_decided", f"{name} was {did}.", launch.decided_by)
    if launch.ended_at is not None and launch.state is not LaunchState.REJECTED:
        words = f"{name}: {launch.state.value}. {launch.words}".rstrip()
        yield Happened(launch.ended_at, "launch_ended", words)


def _of_stage(stage: StageRow) -> Iterator[Happened]:
    if stage.state is StageState.SKIPPED:
        yield Happened(stage.noted_at, "stage_skipped", f"Nobody was told of the {stage.stage.label}: {stage.reason}.")
    elif stage.told_at is None:
        yield Happened(
            stage.noted_at, "stage_told", f"The {stage.stage.label} is being told; its message has not arrived."
        )
    elif stage.stage is not Stage.PREFLIGHT:
        # The preflight is told by its validation, which stands here already.
        yield Happened(stage.told_at, "stage_told", f"People were told of the {stage.stage.label}.")


def _of_plan(plan: PlanRow) -> Iterator[Happened]:
    name = f"Plan {plan.number} ({plan.kind.value}, revision {plan.revision})"
    apart = f", and {plan.held:,} that wait by themselves" if plan.held else ""
    # Some plans are written down with their decision, whose instant was taken a little earlier.
    made_at = min(plan.created_at, plan.decided_at or plan.created_at)
    yield Happened(made_at, "planned", f"{name} with {plan.changes - plan.held:,} changes{apart}.", plan.requested_by)
    if plan.decided_at is not None:
        yield Happened(
            plan.decided_at, "decided", f"{name} was {_DECIDED.get(plan.status, 'decided on')}.", plan.decided_by
        )
    if plan.executed_at is not None:
        yield Happened(plan.executed_at, "executed", f"{name} was carried out.")
