"""The alert about a campaign that bounced a lot: from figures to the Slack message.

Belongs here: what the message says, and from how many recipients on a rate is news. Does not belong here: what a rate makes
of a list's state (``core.list_states.machines``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.list_states.policy import LIST_STATES
from list_pipeline.core.messages.alert import AlertLevel, alert
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose
from list_pipeline.core.wording import limit_text, percent_text


@dataclass(frozen=True, slots=True)
class Bounced:
    """The bounces of one campaign as they were read. ``list_label``: the list that it was sent to. Counts are contacts."""

    campaign_key: str
    list_label: str
    recipients: int
    hard: int
    soft: int

    @property
    def percent(self) -> float:
        """Contacts that bounced, hard or soft, in percent of the recipients."""
        return 100 * (self.hard + self.soft) / self.recipients


def bounce_message(bounced: Bounced) -> SlackMessage:
    """The message about the bounces of one campaign; who was suppressed stands in the report of its maintenance."""
    return alert(
        "A List Bounces A Lot",
        [
            compose(
                "*{percent}* of the recipients of {campaign} bounced on {list}; people are told above {limit}.",
                percent=percent_text(bounced.percent),
                campaign=bounced.campaign_key,
                list=bounced.list_label,
                limit=limit_text(LIST_STATES.bounces_cleanup_percent),
            )
        ],
        level=AlertLevel.WARNING,
        facts=[
            ("Recipients", f"{bounced.recipients:,}"),
            ("Hard bounces", f"{bounced.hard:,}"),
            ("Soft bounces", f"{bounced.soft:,}"),
        ],
        what_to_do=[
            compose(
                "So many bounces rarely come from the contacts alone. Before the list is sent to again, find out where "
                "these contacts came from, and whether one receiver refuses our mail."
            )
        ],
        small_print=[compose("Who was suppressed in the end stands in the report of this maintenance.")],
    )
