"""Shadow mode from the Launchpad, as behind the commands `list-pipeline shadow`."""

import dagster as dg
from pydantic import Field

from list_pipeline.defs import metadata as md
from list_pipeline.defs.common import launched_job
from list_pipeline.defs.failures import clear_failures
from list_pipeline.operations.services import Services
from list_pipeline.operations.suppression.plan_and_execute import policy_of
from list_pipeline.operations.suppression.shadow import CAMPAIGNS, ShadowState, shadows, start_shadow, stop_shadow


class StartShadow(dg.Config):
    """Figures that judge beside the present policy."""

    figures: dict[str, str] = Field(
        description='The figures that are to be different, e.g. {"grace_days": "90"}; docs/policy.md names them.'
    )
    campaigns: int = Field(default=CAMPAIGNS, description="After so many campaigns it ends by itself.")
    by: str = Field(description="Who wants it: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")


class StopShadow(dg.Config):
    """A person's decision that enough was seen."""

    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(description="Why, in a few words and without addresses.")


@dg.op(description="Lets changed figures judge beside the present policy. No list is changed by it.")
def begin_shadow(context: dg.OpExecutionContext, config: StartShadow, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        start_shadow(
            services,
            policy_of(services),
            config.figures,
            campaigns=config.campaigns,
            by=config.by,
            note=config.note,
        )
        (found,) = shadows(services, 1)
    context.add_output_metadata(shadow_metadata(found))


@dg.op(description="Ends the changed policy that judges beside the present one. What it found stays.")
def end_shadow(context: dg.OpExecutionContext, config: StopShadow, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        found = stop_shadow(services, by=config.by, note=config.note)
    context.add_output_metadata(shadow_metadata(found))


@dg.op(description="Shows the latest changed policy beside the present one. Nothing is changed, Mailjet is not asked.")
def look_at_shadow(context: dg.OpExecutionContext, services: dg.ResourceParam[Services]) -> None:
    with clear_failures():
        found = shadows(services, 1)
    context.add_output_metadata(
        shadow_metadata(found[0])
        if found
        else {"state": md.text("No changed policy ever judged beside the present one.")}
    )


def shadow_metadata(state: ShadowState) -> dict[str, dg.MetadataValue]:
    """Where it is, how the two compare, and contact by contact where they differ."""
    place, compared = state.lines
    return {
        "state": md.text(place),
        "compared": md.text(compared),
        "started": md.text(f"by {state.shadow.started_by}: {state.shadow.reason}"),
        **md.counts(
            {
                "suppressed_more": state.figures.more,
                "suppressed_fewer": state.figures.fewer,
                "more_and_reached_since": state.figures.more_good,
            }
        ),
        "who and why": md.table(
            [
                {
                    "contact": one.difference.contact_id,
                    "campaign": one.campaign,
                    "present policy": f"{one.difference.present_action}: {one.difference.present_rule}",
                    "shadow policy": f"{one.difference.shadow_action}: {one.difference.shadow_rule}",
                }
                for one in state.differences
            ]
        ),
    }


@launched_job(
    description=(
        "Let the policy with other figures judge beside the present one for some campaigns: open the Launchpad, fill in "
        "figures, your name and why. Nothing of it is carried out; the reports say where the two differ."
    ),
)
def start_shadow_policy() -> None:
    begin_shadow()


@launched_job(description="End the changed policy that judges beside the present one. What it found stays.")
def stop_shadow_policy() -> None:
    end_shadow()


@launched_job(
    description="What the changed policy beside the present one would have done otherwise so far: the metadata of the step."
)
def show_shadow_policy() -> None:
    look_at_shadow()
