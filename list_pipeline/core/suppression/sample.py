"""A small random share of would-be suppressions is tested first: whether the rules are right shows in a mailing.

Belongs here: who is drawn, and the verdict of who is. Does not belong here: keeping them from mail until the mailing that
counts (``core.quarantine``), and what the mailings showed (``core.monitoring.decision_review``).

Whoever is suppressed is never mailed again, so nobody sees a wrong suppression but by chance. A random sample shows the share
of wrong ones among all, and its interval, at the price of so many more hard bounces.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import replace

from list_pipeline.core.suppression.verdicts import SuppressionRule, Verdict, VerdictAction

_PARTS = 1 << 64


def is_drawn(contact_id: int, campaign_id: int, percent: float) -> bool:
    """Whether a contact is in the sample of a campaign: the same whenever it is asked, and in no pattern over contacts and
    campaigns.

    Args:
        percent: the share of the sample, from 0 to 100.
    """
    digest = hashlib.sha256(f"{campaign_id}:{contact_id}".encode("ascii")).digest()
    return int.from_bytes(digest[:8], "big") < percent / 100 * _PARTS


def draw(
    verdicts: Iterable[Verdict], campaign_id: int, percent: float, tested_before: Collection[int]
) -> frozenset[int]:
    """The contacts in the sample of a campaign among those that would be suppressed.

    Nobody is drawn twice: whoever fails in the test is suppressed by it. Complaints are never drawn, because nobody may be
    mailed after one, and what is held is tested by its next mailing anyway.

    Args:
        percent: the share of the sample, from 0 to 100. tested_before: contacts that were drawn once.
    """
    return frozenset(
        verdict.contact_id
        for verdict in verdicts
        if verdict.action is VerdictAction.SUPPRESS
        and verdict.rule is not SuppressionRule.COMPLAINT
        and verdict.contact_id not in tested_before
        and is_drawn(verdict.contact_id, campaign_id, percent)
    )


def watch_drawn(verdicts: Iterable[Verdict], drawn: Collection[int]) -> tuple[Verdict, ...]:
    """The verdicts, with those of the sample watched that would be suppressed: the next mailing tests them. Who complains is
    suppressed all the same."""
    return tuple(
        replace(
            verdict,
            action=VerdictAction.MONITOR,
            rule=SuppressionRule.TESTED_FIRST,
            confidence=None,
            explanation="Tested first, drawn at random to see how many suppressions are right: "
            f"{verdict.explanation.removeprefix('Suppressed: ')}",
        )
        if verdict.contact_id in drawn
        and verdict.action is VerdictAction.SUPPRESS
        and verdict.rule is not SuppressionRule.COMPLAINT
        else verdict
        for verdict in verdicts
    )
