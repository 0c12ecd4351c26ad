"""What stays of a contact's past when it is summarised: the attempts that a rule can still ask for.

Belongs here: which attempts these are. Does not belong here: how old a past is that is summarised (``core.retention``), and the
rules (``rules``, ``past``), whose verdicts on later campaigns are the same with what stays as with everything.

Every rule walks back from a failure and stops at the last delivery, or steps over what it meets. What lies before the last
delivery is never reached, and of what is not known only the number of rounds counts, up to the rounds of a soft streak.
"""

from __future__ import annotations

from collections.abc import Iterable

from list_pipeline.core.bounces.classes import BounceClass
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome

KEPT_UNKNOWN = SuppressionPolicy().soft_rounds
"""Attempts without a known end that stay, the latest ones: no streak looks at more rounds."""


def remembered(attempts: Iterable[Attempt]) -> tuple[Attempt, ...]:
    """The attempts that stay, oldest first: the last delivery, every failure since, the latest six since of which it is not
    known what became; and the last hard bounce and the last complaint, however old, because they explain where a contact is.

    Args:
        attempts: all of one contact's that are old enough.
    """
    ordered = sorted(attempts, key=lambda one: (one.sent_at, one.campaign_id))
    places = {outcome: [n for n, one in enumerate(ordered) if one.outcome is outcome] for outcome in AttemptOutcome}
    delivered = max(places[AttemptOutcome.DELIVERED], default=-1)
    stays = {n for n in places[AttemptOutcome.FAILED] if n > delivered} | ({delivered} - {-1})
    stays |= set([n for n in places[AttemptOutcome.UNKNOWN] if n > delivered][-KEPT_UNKNOWN:])
    for bounce_class in (BounceClass.HARD, BounceClass.COMPLAINT):
        stays |= set([n for n in places[AttemptOutcome.FAILED] if _is(ordered[n], bounce_class)][-1:])
    return tuple(ordered[n] for n in sorted(stays))


def _is(attempt: Attempt, bounce_class: BounceClass) -> bool:
    event = attempt.event
    return event is not None and event.bounce_class is bounce_class and not event.is_contradictory
