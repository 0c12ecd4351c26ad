"""The figures of campaigns and their cycles. What follows from them stands in ``cycles`` and ``eligibility``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class CampaignPolicy:
    """Our own figures; the ages at which a campaign is due are settings."""

    round_wait: timedelta = timedelta(days=21)
    """A cycle waits this long after its last send for a missing round: three weekly rounds."""
    same_list_again_after: timedelta = timedelta(hours=48)
    """A list that is sent again sooner got a second part of something, such as an A/B test, and no round: between two rounds to
    one list lie those to the two others."""
    sending_takes: timedelta = timedelta(hours=24)
    """A send whose end Mailjet does not tell counts as sent after this time."""
    changes_end_within: timedelta = timedelta(hours=2)
    """What was begun before the deadline of a maintenance is at its end so long after it: two waves of bulk jobs, each tried
    three times for up to twenty minutes. No change begins when a send to one of its lists is nearer than that."""
    recipients_read_often: timedelta = timedelta(days=10)
    """Who was mailed is read with every synchronisation until this age, if it is not known: until the last look is over."""
    recipients_read_again: timedelta = timedelta(days=1)
    """Who was mailed by an older campaign is read again after this time, if it is not known."""


CAMPAIGNS = CampaignPolicy()
