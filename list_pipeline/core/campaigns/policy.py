"""The figures of campaigns and their cycles. What follows from them stands in ``cycles`` and ``eligibility``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class CampaignPolicy:
    """Our own figures; the ages at which a campaign is due are settings."""

    round_wait: timedelta = timedelta(days=21)
    """A cycle waits this long after its last send for a missing round: three weekly rounds."""
    same_list_again_after: timedelta = timedelta(hours=20)
    """A list that is sent again sooner got a second part of something, such as an A/B test, and no round. Less than a day: who
    sends daily may end one cycle with a list and begin the next one with it."""
    sending_takes: timedelta = timedelta(hours=24)
    """A send whose end Mailjet does not tell counts as sent after this time."""
    changes_end_within: timedelta = timedelta(hours=2)
    """What was begun before the deadline of a maintenance is at its end so long after it: two waves of bulk jobs, each tried
    three times for up to twenty minutes. No change begins when a send to one of its lists is nearer than that."""
    recipients_read_often: timedelta = timedelta(days=10)
    """Who was mailed is read with every synchronisation until this age, if it is not known: until the last look is over."""
    recipients_read_again: timedelta = timedelta(days=1)
    """Who was mailed by an older campaign is read again after this time, if it is not known."""

    past_metrics_attempts: int = 3
    """The figures of a campaign from before the first start are asked for so often, until they can be read ..."""
    past_metrics_again: timedelta = timedelta(days=1)
    """... and so long after an attempt at the earliest."""
    past_metrics_at_once: int = 100
    """Those of so many campaigns are asked for in a run at most, one request each."""

    not_started_after: timedelta = timedelta(minutes=30)
    """A scheduled campaign that Mailjet has not begun to send so long after its time is told: Mailjet begins within minutes,
    and shows it within a few more."""
    started_early_by: timedelta = timedelta(minutes=5)
    """A send that began earlier than this before its time was not begun by its schedule."""
    near_send: timedelta = timedelta(hours=24)
    """A campaign that is taken back or moved is news when its old or its new time is nearer than this."""
    recipients_off_percent: int = 5
    """Recipients are far from the number expected beyond so many percent of it ..."""
    recipients_off_contacts: int = 10
    """... and beyond so many contacts: on a small list single ones are many percent."""
    counters_settle: timedelta = timedelta(minutes=10)
    """Mailjet's counters may lag behind the end of a send for so long; what is far off by then is told."""

    rhythm_cycles: int = 6
    """The account's usual pause between two rounds is the median of so many complete cycles, the latest ones."""
    rhythm_pauses: int = 4
    """From fewer pauses no rhythm is known, and no round is late."""
    late_percent: int = 150
    """The next round is late when the pause is longer than so many percent of the usual one ..."""
    late_at_least: timedelta = timedelta(days=1)
    """... and longer than the usual one by so much."""


CAMPAIGNS = CampaignPolicy()
