"""Which sends were one mailing for who got them: nobody may get it twice.

Belongs here: what counts as the same mailing. Does not belong here: who was mailed (``storage.campaigns.recipients``), and
which send belongs to which cycle (``cycles``).

The cycle alone does not tell, and was not enough: an extra mailing that was taken for a round, or a wrong answer to the
question about it, splits one content over two cycles. Whoever was moved between their lists got the same letter twice, and both
cycles look innocent.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from list_pipeline.core.campaigns.cycles import ClosedReason, Cycle, SentRound
from list_pipeline.core.campaigns.policy import CAMPAIGNS
from list_pipeline.core.lists import ListRole


def earlier_rounds(
    cycles: Iterable[Cycle], mailjet_campaign_id: int, max_wait: timedelta = CAMPAIGNS.round_wait
) -> frozenset[int]:
    """The sends before this one that were the same mailing, by their ids at Mailjet; empty for a send that is in no cycle.

    They are the earlier rounds of its cycle, and sends of the same content to another list, within the time that a cycle waits,
    where one of the two cycles ended without all its rounds. A subject that every complete cycle has says nothing, and
    neither does the same list again: that is asked about (``RoundDoubt.RESENT``).
    """
    known = list(cycles)
    own = next(((cycle, role, sent) for cycle, role, sent in _rounds(known) if _is(sent, mailjet_campaign_id)), None)
    if own is None:
        return frozenset()
    cycle, role, this = own
    return frozenset(
        sent.mailjet_campaign_id
        for other, other_role, sent in _rounds(known)
        if _order(sent) < _order(this)
        and (
            other is cycle
            or (
                sent.content == this.content != ""
                and other_role is not role
                and this.at - sent.at < max_wait
                and (_is_cut_short(cycle) or _is_cut_short(other))
            )
        )
    )


def later_rounds(cycles: Iterable[Cycle], mailjet_campaign_id: int) -> frozenset[int]:
    """The sends for which this one is among the earlier rounds."""
    known = list(cycles)
    return frozenset(
        sent.mailjet_campaign_id
        for _, _, sent in _rounds(known)
        if mailjet_campaign_id in earlier_rounds(known, sent.mailjet_campaign_id)
    )


def _rounds(cycles: Iterable[Cycle]) -> Iterable[tuple[Cycle, ListRole, SentRound]]:
    return ((cycle, role, sent) for cycle in cycles for role, sent in cycle.sent.items())


def _is(sent: SentRound, mailjet_campaign_id: int) -> bool:
    return sent.mailjet_campaign_id == mailjet_campaign_id


def _order(sent: SentRound) -> tuple[datetime, int]:
    return sent.at, sent.mailjet_campaign_id


def _is_cut_short(cycle: Cycle) -> bool:
    return cycle.closed_reason not in (None, ClosedReason.COMPLETE)
