"""The replay of many campaigns with any rule sets and figures, as behind the command `list-pipeline replay`."""

from datetime import date

import dagster as dg
from pydantic import Field

from list_pipeline.core.errors import RefusedError
from list_pipeline.core.replay.statements import headline
from list_pipeline.defs.common import launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.defs.replay.shown import differences_metadata, replay_metadata
from list_pipeline.operations.replay.replay import ReplayRequest, replay
from list_pipeline.operations.services import Services


class ReplayPolicy(dg.Config):
    """What is to be replayed. Everything may be left as it is."""

    campaigns: int | None = Field(
        default=None, description="So many of the latest campaigns; 12, or all of the days that are named."
    )
    sent_from: str = Field(default="", description="Only campaigns sent on this day (UTC) or later, e.g. 2026-09-01.")
    sent_to: str = Field(default="", description="Only campaigns sent on this day (UTC) or earlier.")
    rules: list[str] = Field(
        default=[], description="Names of rule sets (docs/policy.md); none: ours and those of other tools."
    )
    figures: dict[str, str] = Field(
        default={}, description='Figures of our policy to try, e.g. {"grace_days": "90"}; docs/policy.md names them.'
    )


def _day(given: str, name: str) -> date | None:
    try:
        return date.fromisoformat(given.strip()) if given.strip() else None
    except ValueError:
        raise RefusedError("Replaying the policy", f"{name} is no day", "Write it as 2026-09-01") from None


@dg.op(
    description=(
        "Asks rule sets what they would have done in campaigns that are over, and shows it as metadata. Nothing is changed, "
        "Mailjet is not asked."
    )
)
def show_replay(context: dg.OpExecutionContext, config: ReplayPolicy, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        request = ReplayRequest(
            campaigns=config.campaigns,
            sent_from=_day(config.sent_from, "sent_from"),
            sent_to=_day(config.sent_to, "sent_to"),
            rules=tuple(config.rules),
            changes=config.figures,
        )
        found = replay(services, request, context.log.info)
    context.log.info(headline(found))
    context.add_output_metadata({**replay_metadata(found), **differences_metadata(found, found.differences)})


@launched_job(
    description=(
        "What other rules, or our own with other figures, would have done in campaigns that are over: open the Launchpad, "
        "change what you want to try, and read the metadata of the step. Nothing is changed."
    ),
)
def replay_policy() -> None:
    show_replay()
