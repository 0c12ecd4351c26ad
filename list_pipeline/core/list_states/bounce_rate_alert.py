"""The alert about a campaign that bounced a lot: from figures to the Slack message.

Belongs here: what the message says, and from how many recipients on a rate is news. Does not belong here: what a rate makes
of a list's state (``core.list_states.machines``).
"""

from __future__ import annotations

from dataclasses import dataclass

from list_pipeline.core.list_states.machines import CLEANUP_ABOVE_PERCENT
from list_pipeline.core.messages.slack_blocks import SlackMessage, compose, context, fields, header, section, untrusted
from list_pipeline.core.wording import limit_text, percent_text

FEWEST_RECIPIENTS = 200
"""Of fewer recipients nobody is called: below, the reports call a rate uncertain too, and three bounces of twenty people
would be an alert. The list needs its clean-up all the same."""

_TITLE = "📮 A List Bounces A Lot"


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


def bounce_message(found: Bounced) -> SlackMessage:
    """The message about one maintenance's finding; who was suppressed stands in its report."""
    what = compose(
        "*{percent}* of the recipients of {campaign} bounced on {list}; people are told above {limit}.",
        percent=percent_text(found.percent),
        campaign=found.campaign_key,
        list=found.list_label,
        limit=limit_text(CLEANUP_ABOVE_PERCENT),
    )
    why = compose(
        "That many are rarely contacts alone: find out where they came from, and whether one receiver refuses us, before "
        "the list is sent to again."
    )
    return SlackMessage(
        untrusted(f"{_TITLE}: {percent_text(found.percent)} after {found.campaign_key}.", 1_500),
        [
            header(_TITLE),
            section([what, why]),
            fields(
                [
                    ("Recipients", f"{found.recipients:,}"),
                    ("Hard bounces", f"{found.hard:,}"),
                    ("Soft bounces", f"{found.soft:,}"),
                ]
            ),
            context([compose("Who was suppressed in the end stands in the report of this maintenance.")]),
        ],
    )
