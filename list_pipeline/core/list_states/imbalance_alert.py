"""The alert about lists that are far apart: from figures to the Slack message.

Belongs here: what the message says. Does not belong here: when lists are far apart (``core.list_states.machines``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.lists import ListRole
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose
from list_pipeline.core.wording import WAITS, limit_text, percent_text


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


def imbalance_message(imbalance: Imbalance) -> SlackMessage:
    """The message about the lists before one maintenance; what was really moved stands in its report."""
    lines = [
        compose(
            "After {campaign} the three lists deviate by *{deviation}* from their mean; people are told above {limit}.",
            campaign=imbalance.campaign_key,
            deviation=percent_text(imbalance.deviation_percent),
            limit=limit_text(LIST_STATES.severe_imbalance_percent),
        ),
        compose(
            "The rebalancing plans {moves} moves and {enrolments} enrolments{waits}.",
            moves=f"{imbalance.moves:,}",
            enrolments=f"{imbalance.enrolments:,}",
            waits=f", and {WAITS}" if imbalance.waits else "",
        ),
    ]
    if imbalance.deferred:
        lines.append(compose("{count} more are deferred until the open cycle closes.", count=f"{imbalance.deferred:,}"))
    return alert(
        "The Campaign Lists Are Far Apart",
        lines,
        level=AlertLevel.WARNING,
        facts=[(role.label, f"{size:,} mailable") for role, size in imbalance.sizes.items()],
        small_print=[compose("What was moved in the end stands in the report of this maintenance.")],
    )
