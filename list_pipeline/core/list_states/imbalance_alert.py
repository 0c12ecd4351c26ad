"""The alert about lists that are far apart: from figures to the Slack message.

Belongs here: what the message says. Does not belong here: when lists are far apart (``core.list_states.machines``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from list_pipeline.core.list_states.machines import SEVERE_IMBALANCE_PERCENT
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose, context, fields, header, section, untrusted
from list_pipeline.core.wording import limit_text, percent_text

_TITLE = "⚖️ The Campaign Lists Are Far Apart"


@dataclass(frozen=True, slots=True)
class Imbalance:
    """Lists out of balance after a campaign.

    Attributes:
        deviation_percent: largest distance from the mean, in percent of it.
        sizes: mailable contacts of each campaign list when the rebalancing was planned.
        moves, enrolments: what the plan would do. ``deferred``: what the open cycle forbids now.
        waits: a person has to decide first.
    """

    campaign_key: str
    deviation_percent: float
    sizes: Mapping[ListRole, int]
    moves: int
    enrolments: int
    deferred: int
    waits: bool


def imbalance_message(found: Imbalance) -> SlackMessage:
    """The message about one maintenance's finding; what was really moved stands in its report."""
    what = compose(
        "After {campaign} the three lists deviate by *{deviation}* from their mean; people are told above {limit}.",
        campaign=found.campaign_key,
        deviation=percent_text(found.deviation_percent),
        limit=limit_text(SEVERE_IMBALANCE_PERCENT),
    )
    plan = compose(
        "The rebalancing plans {moves} moves and {enrolments} enrolments"
        + (", and waits for a person." if found.waits else "."),
        moves=f"{found.moves:,}",
        enrolments=f"{found.enrolments:,}",
    )
    lines = [what, plan]
    if found.deferred:
        lines.append(compose("{count} more are deferred until the open cycle closes.", count=f"{found.deferred:,}"))
    return SlackMessage(
        untrusted(f"{_TITLE}: {percent_text(found.deviation_percent)} after {found.campaign_key}.", 1_500),
        [
            header(_TITLE),
            section(lines),
            fields([(role.label, f"{size:,} mailable") for role, size in found.sizes.items()]),
            context([compose("What was moved in the end stands in the report of this maintenance.")]),
        ],
    )
