"""Which sends were one mailing for who got them: nobody may get it twice.

Belongs here: what counts as the same mailing. Does not belong here: who was mailed (``storage.campaigns.recipients``), and
which send belongs to which cycle (``cycles``).

The cycle alone does not tell, and was not enough: an extra mailing that was taken for a round, or a wrong answer to the
question about it, splits one content over two cycles. Whoever was moved between their lists got the same letter twice, and both
cycles look innocent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, SentRound
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.lists import ListRole


def earlier_rounds(
    cycles: Iterable[Cycle], mailjet_campaign_id: int, max_wait: timedelta = CAMPAIGNS.round_wait
) -> frozenset[int]:
    """The sends before this one that were the same mailing, by their ids at Mailjet; empty for a send that is in no cycle.

    They are the earlier rounds of its cycle, and sends of the same content to another list, within the time that a cycle waits,
    where one of the two cycles ended without all its rounds or holds more than one content. A subject that every plain cycle
    has says nothing, and neither does the same list again: that is asked about (``RoundDoubt.RESENT``).
    """
    return _mailing(cycles, mailjet_campaign_id, max_wait)[0]


def later_rounds(cycles: Iterable[Cycle], mailjet_campaign_id: int) -> frozenset[int]:
    """The sends for which this one is among the earlier rounds."""
    return _mailing(cycles, mailjet_campaign_id, CAMPAIGNS.round_wait)[1]


@dataclass(frozen=True, slots=True)
class _Round:
    """A send and where it stands."""

    cycle: Cycle
    role: ListRole
    sent: SentRound

    @property
    def order(self) -> tuple[datetime, int]:
        return self.sent.at, self.sent.mailjet_campaign_id

    def is_same_mailing(self, other: _Round, max_wait: timedelta) -> bool:
        if other.cycle is self.cycle:
            return True
        return (
            other.sent.content == self.sent.content != ""
            and other.role is not self.role
            and abs(self.sent.at - other.sent.at) < max_wait
            and not (_is_plain(self.cycle) and _is_plain(other.cycle))
        )


def _mailing(
    cycles: Iterable[Cycle], mailjet_campaign_id: int, max_wait: timedelta
) -> tuple[frozenset[int], frozenset[int]]:
    """The sends before and after one that were the same mailing: each is compared with it once, of years of sends too."""
    rounds = [_Round(cycle, role, sent) for cycle in cycles for role, sent in cycle.sent.items()]
    own = next((one for one in rounds if one.sent.mailjet_campaign_id == mailjet_campaign_id), None)
    if own is None:
        return frozenset(), frozenset()
    same = [one for one in rounds if own.is_same_mailing(one, max_wait)]
    return (
        frozenset(one.sent.mailjet_campaign_id for one in same if one.order < own.order),
        frozenset(one.sent.mailjet_campaign_id for one in same if one.order > own.order),
    )


def _is_plain(cycle: Cycle) -> bool:
    """Whether nothing speaks against that its sends are the rounds of one content."""
    return cycle.closed_reason in (None, ClosedReason.COMPLETE) and len(cycle.contents) <= 1
