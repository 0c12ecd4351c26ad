"""What the earlier campaigns of a contact say about a failure: an earlier hit, a soft streak, a delivery, a long silence.

Belongs here: finding them in a contact's attempts. Does not belong here: what follows (``rules``).

Distances are days between the UTC dates of the sends. Failures come minutes or days after them, so that weekly campaigns would
be 13 or 14 days apart by chance, and a Sunday's send moves by an hour with the clocks. What we did wrong, what Mailjet did not
try, what is unknown and what happened in an incident says nothing about a mailbox: it is stepped over, and the attempts around
it are consecutive. Evidence ages: what lies too far back is as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvent
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome


def days_between(earlier: datetime, later: datetime) -> int:
    """The days from the UTC date of one instant to that of another; negative where the second is earlier."""
    return (later.astimezone(UTC).date() - earlier.astimezone(UTC).date()).days


@dataclass(frozen=True, slots=True)
class Hit:
    """A failure and the start of the send that it belongs to (UTC)."""

    sent_at: datetime
    event: FailureEvent


@dataclass(frozen=True, slots=True)
class Past:
    """A failure with the attempts of other campaigns, oldest first, as they were known when it was judged."""

    now: Hit
    attempts: Sequence[Attempt]

    def _earlier(self) -> Iterator[Attempt]:
        """The attempts that were sent before the failure, the latest first."""
        return (one for one in reversed(self.attempts) if one.sent_at <= self.now.event.occurred_at)

    def _days_since(self, attempt: Attempt) -> int:
        return days_between(attempt.sent_at, self.now.sent_at)

    def delivered_after(self) -> bool:
        """Whether a campaign that was sent after the failure reached the contact."""
        since = self.now.event.occurred_at
        return any(one.outcome is AttemptOutcome.DELIVERED and one.sent_at > since for one in self.attempts)

    def delivered_within(self, days: int) -> bool:
        """Whether a campaign of the last days before the failure's send reached the contact."""
        return any(one.outcome is AttemptOutcome.DELIVERED and self._days_since(one) <= days for one in self._earlier())

    def earlier_hit(self, policy: SuppressionPolicy) -> Hit | None:
        """The latest earlier hard bounce that makes this one a second hit: old enough, and not forgotten."""
        for attempt in self._earlier():
            if attempt.outcome is AttemptOutcome.DELIVERED:
                return None
            hit = attempt.event
            if hit is None or not hit.counts or hit.bounce_class is not BounceClass.HARD or attempt.in_incident:
                continue
            is_apart = hit.occurred_at + timedelta(days=policy.second_hit_apart_days) <= self.now.event.occurred_at
            if is_apart and policy.second_hit_days <= self._days_since(attempt) <= policy.hit_forgotten_days:
                return Hit(attempt.sent_at, hit)
        return None

    def hit_behind_block(self) -> FailureEvent | None:
        """The latest undisputed hard bounce of an earlier campaign, where a preblock (and nothing else) followed; None: there
        is none that counts, or the address worked afterwards."""
        if self.now.event.reason is not BounceReason.PREBLOCKED:
            return None
        for attempt in self._earlier():
            if attempt.outcome is AttemptOutcome.DELIVERED or attempt.is_rejected:
                # A person who said no to it, then or since, is not asked about each further block.
                return None
            hit = attempt.event
            if hit is None or not hit.counts or hit.bounce_class is not BounceClass.HARD:
                continue
            if not hit.classification.is_disputed and not attempt.in_incident:
                return hit
        return None

    def soft_streak(self, policy: SuppressionPolicy) -> tuple[Hit, ...]:
        """The last consecutive failures for this one's reason, oldest first, within the last rounds of the contact and days.

        A delivery ends it, and so does a failure of the contact's for another reason; a later delivery leaves this one alone.
        """
        if self.delivered_after():
            return (self.now,)
        streak = [self.now]
        for rounds, attempt in enumerate(self._earlier(), start=2):
            too_old = rounds > policy.soft_rounds or self._days_since(attempt) > policy.soft_days
            if too_old or attempt.outcome is AttemptOutcome.DELIVERED:
                break
            failure = attempt.event
            if failure is None or not failure.counts or attempt.in_incident:
                continue
            if failure.bounce_class is not BounceClass.SOFT or failure.reason is not self.now.event.reason:
                break
            streak.append(Hit(attempt.sent_at, failure))
        return tuple(reversed(streak))

    def days_without_attempt(self) -> int | None:
        """The days since the contact was last mailed, whatever became of it; None: no earlier mail is known. What Mailjet did
        not try is no mail."""
        for attempt in self._earlier():
            if attempt.event is None or attempt.event.bounce_class is not BounceClass.NOT_EVIDENCE:
                return self._days_since(attempt)
        return None
