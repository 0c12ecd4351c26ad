"""A domain that is gone, and shows it by giving no answer: no connection, or no host that takes mail.

Belongs here: when that is evidence. Does not belong here: what an answering server says (``rules``), and asking DNS.

One failure without an answer is a fault on the way, and Mailjet counts it as its own. It is evidence only when it lasts, nobody
in the account got any answer there meanwhile, and DNS, where it was asked, does not name a host. Contacts of a mail operator
share its servers: while others there are answered, the fault is none of the domain's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvent, RelatedTo
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.core.suppression.past import Hit, Past, days_between
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import AttemptOutcome, Reach

UNANSWERED = frozenset({BounceReason.CONNECTION_ISSUE, BounceReason.NO_MAIL_HOST})
"""Failures without an answer of any server."""
_SAYS_NOTHING = frozenset({BounceClass.NOT_EVIDENCE, BounceClass.UNKNOWN})


def unanswered(past: Past, reach: Reach | None, policy: SuppressionPolicy) -> tuple[FailureEvent, ...]:
    """The failures, oldest first, that show that the domain is gone, as the disputed hard bounces that they are; empty: they
    do not, or not yet.

    Args:
        past: the failure with the contact's other attempts.
        reach: None: not known, and then nothing is shown.
        policy: the figures.
    """
    streak = lasting_streak(past, policy)
    if not streak or reach is None or reach.mail_host is MailHost.FOUND:
        return ()
    if reach.answered_at is not None and reach.answered_at >= streak[0].sent_at:
        return ()
    return tuple(_as_hard(one.event) for one in streak)


def lasting_streak(past: Past, policy: SuppressionPolicy) -> Sequence[Hit]:
    """The last failures of a contact without an answer, oldest first, where they are enough to ask how others at its domain
    were answered; else empty."""
    streak = _streak(past, policy)
    is_enough = (
        len(streak) >= policy.unreachable_rounds
        and days_between(streak[0].sent_at, past.now.sent_at) >= policy.unreachable_days
        and not past.delivered_after()
    )
    return streak if is_enough else ()


def _streak(past: Past, policy: SuppressionPolicy) -> Sequence[Hit]:
    """The last failures without an answer, with nothing else between that says something, oldest first, as far back as a hit is
    remembered."""
    if past.now.event.reason not in UNANSWERED or past.now.event.is_contradictory:
        return ()
    streak = [past.now]
    for attempt in past.earlier():
        if past.days_since(attempt) > policy.hit_forgotten_days or attempt.outcome is AttemptOutcome.DELIVERED:
            break
        failure = attempt.event
        if failure is None or failure.is_contradictory or failure.bounce_class in _SAYS_NOTHING:
            continue
        if failure.reason not in UNANSWERED:
            break
        if attempt.held_by in (None, GroupKind.DOMAIN):
            streak.append(Hit(attempt.sent_at, failure))
    return tuple(reversed(streak))


def _as_hard(event: FailureEvent) -> FailureEvent:
    found = replace(
        event.classification, bounce_class=BounceClass.HARD, related_to=RelatedTo.DOMAIN, is_disputed=True, advice=""
    )
    return replace(event, classification=found)
