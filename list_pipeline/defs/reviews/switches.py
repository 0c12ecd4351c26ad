"""Letting a blocked campaign go and setting the operating mode, as jobs for people.

The same operations as behind the command line. Configuration names campaigns and people, never an address.
"""

from enum import Enum

import dagster as dg
from pydantic import Field

from list_pipeline.core.safety.modes import Mode
from list_pipeline.defs.common import launched_job
from list_pipeline.defs.failures import clear_failures, refusal
from list_pipeline.operations.reviews.operating_mode import choose_mode
from list_pipeline.operations.services import Services
from list_pipeline.operations.validation.campaign_block import override


class UnblockCampaign(dg.Config):
    """A person's word that a blocked campaign may go."""

    campaign_key: str = Field(description="The campaign's partition key, as the message names it.")
    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(description="Why it may go all the same, in a few words and without addresses.")
    is_sure: bool = Field(
        default=False,
        description="true: Mailjet may send it in spite of what its validation found. Sent mail cannot be called back.",
    )


class ModeAnswer(Enum):
    """The operating modes, and giving the mode back."""

    read_only = "read_only"
    approval_required = "approval_required"
    auto = "auto"
    graduated = "graduated"


class SetMode(dg.Config):
    """A person's decision on the operating mode."""

    mode: ModeAnswer = Field(
        description="read_only: nothing is changed, everybody with a name may say so. approval_required: every plan waits for "
        "a person. auto: what passes every check runs by itself. graduated: the setting and the graduation decide again."
    )
    by: str = Field(description="Who decides: your name, and no address.")
    note: str = Field(default="", description="Why, in a few words and without addresses.")


@dg.op(description="Lets a blocked campaign go; a schedule that the block cancelled is set again for the same time.")
def write_unblocking(
    context: dg.OpExecutionContext, config: UnblockCampaign, services: dg.ResourceParam[Services]
) -> None:
    if not config.is_sure:
        raise refusal(
            f"Letting {config.campaign_key} go: nothing was done, because is_sure is not set. Mailjet may send it in spite of "
            "what its validation found. If it is to go all the same, launch the job again with is_sure: true."
        )
    with clear_failures():
        done = override(services, config.campaign_key, by=config.by, note=config.note)
    context.log.info(f"{config.campaign_key} was let go. {done.fate}")


@launched_job(
    description=(
        "Let a blocked campaign go in spite of what its validation found. Look at pre_campaign_validation or at the message in "
        "Slack first, then fill in the campaign, your name, why, and is_sure in the Launchpad. No list is changed."
    ),
)
def unblock_campaign() -> None:
    write_unblocking()


@dg.op(description="Writes the operating mode down and tells people.")
def write_mode(context: dg.OpExecutionContext, config: SetMode, services: dg.ResourceParam[Services]) -> None:
    mode = None if config.mode is ModeAnswer.graduated else Mode(config.mode.value)
    with clear_failures():
        now = choose_mode(services, mode, by=config.by, note=config.note)
    context.log.info(f"In force is {now.value}.")


@launched_job(
    description=(
        "Set the operating mode, e.g. read_only to stop every change of lists at once. Fill in the mode and your name in the "
        "Launchpad, and launch. What is half done is brought to its end when lists may be changed again."
    ),
)
def set_mode() -> None:
    write_mode()
