"""What the earlier campaigns of a contact say about a failure: an earlier hit, a soft streak, a delivery, a long silence.

Belongs here: finding them in a contact's attempts. Does not belong here: what follows (``rules``).

Distances are days between the UTC dates of the sends. Failures come minutes or days after them, so that weekly campaigns would
be 13 or 14 days apart by chance, and a Sunday's send moves by an hour with the clocks. What we did wrong, what Mailjet did not
try, what is unknown and what happened in an incident says nothing about a mailbox: it is stepped over, and the attempts around
it are consecutive. An incident speaks only together with what came after it: the address is refused again while others of its
group are reached, or nobody at its whole domain is. Evidence ages: what lies too far back is as if it had not been.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvent
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.suppression.policy import SuppressionPolicy
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, CountedDeliveries


def days_between(earlier: datetime, later: datetime) -> int:
    """The days from the UTC date of one instant to that of another; negative where the second is earlier."""
    return (later.astimezone(UTC).date() - earlier.astimezone(UTC).date()).days


@dataclass(frozen=True, slots=True)
class Hit:
    """A failure and the start of the send that it belongs to (UTC)."""

    sent_at: datetime
    event: FailureEvent


def _shows_mailbox(attempt: Attempt) -> bool:
    """Whether an attempt of our own readings says how the mailbox was before it went: reached, or failing for a time. A hard
    bounce takes no grace from the next one, also where that comes too soon to be a second hit."""
    event = attempt.event
    if event is None:
        return attempt.outcome is AttemptOutcome.DELIVERED
    return event.counts and event.bounce_class is not BounceClass.HARD


@dataclass(frozen=True, slots=True)
class Past:
    """A failure with the attempts of other campaigns, oldest first, as they were known when it was judged.

    ``held_by``: the failure is part of an incident. ``domain_reached_at``: the start of the last send that reached anybody at
    the contact's domain; None: nobody ever, or not known. ``deliveries``: Mailjet's count of those before our own readings.
    """

    now: Hit
    attempts: Sequence[Attempt]
    held_by: GroupKind | None = None
    domain_reached_at: datetime | None = None
    deliveries: CountedDeliveries | None = None

    def earlier(self) -> Iterator[Attempt]:
        """The attempts that were sent before the failure, the latest first."""
        return (one for one in reversed(self.attempts) if one.sent_at <= self.now.event.occurred_at)

    def days_since(self, attempt: Attempt) -> int:
        """The days from the send of an earlier attempt to that of the failure."""
        return days_between(attempt.sent_at, self.now.sent_at)

    def delivered_after(self) -> bool:
        """Whether a campaign that was sent after the failure reached the contact."""
        since = self.now.event.occurred_at
        return any(one.outcome is AttemptOutcome.DELIVERED and one.sent_at > since for one in self.attempts)

    def has_grace(self, policy: SuppressionPolicy) -> bool:
        """Whether a campaign of the days before the failure's send that the policy names reached the contact; at the first
        start, whether any did by Mailjet's count."""
        return self._is_graced(self.now.sent_at, self.earlier(), policy)

    def _had_grace(self, attempt: Attempt, policy: SuppressionPolicy) -> bool:
        """The same for an earlier failure."""
        before = (one for one in self.attempts if one.sent_at < attempt.sent_at)
        return self._is_graced(attempt.sent_at, before, policy)

    def _is_graced(self, sent_at: datetime, before: Iterable[Attempt], policy: SuppressionPolicy) -> bool:
        """Whether the address worked lately by what we read ourselves, and where that says nothing yet, by Mailjet's count.

        The count does not say when: it holds for as many days around the moment that it was read as a delivery would.
        """
        if policy.grace_days <= 0:
            return False
        own = [one for one in before if _shows_mailbox(one)]
        counted = self.deliveries
        if own or counted is None:
            return any(
                one.outcome is AttemptOutcome.DELIVERED and days_between(one.sent_at, sent_at) <= policy.grace_days
                for one in own
            )
        is_recent = abs(days_between(counted.counted_at, sent_at)) <= policy.grace_days
        reached = [one.sent_at for one in self.attempts if one.outcome is not AttemptOutcome.FAILED]
        return is_recent and counted.before(sent_at, reached) > 0

    def earlier_hit(self, policy: SuppressionPolicy) -> Hit | None:
        """The latest earlier hard bounce that makes this one a second hit: old enough, and not forgotten."""
        for attempt in self.earlier():
            if attempt.outcome is AttemptOutcome.DELIVERED:
                return None
            hit = attempt.event
            if hit is None or not hit.counts or hit.bounce_class is not BounceClass.HARD:
                continue
            if attempt.held_by is not None and not self._counts_again(attempt, hit):
                continue
            is_apart = hit.occurred_at + timedelta(days=policy.second_hit_apart_days) <= self.now.event.occurred_at
            if is_apart and policy.second_hit_days <= self.days_since(attempt) <= policy.hit_forgotten_days:
                return Hit(attempt.sent_at, hit)
        return None

    def _counts_again(self, attempt: Attempt, hit: FailureEvent) -> bool:
        """Whether a hard bounce in an incident is an earlier hit all the same: at a domain that is gone, or because the address
        is refused again while its group is as usual, both times without doubt."""
        if self.is_domain_gone_since(attempt):
            return True
        doubted = hit.classification.is_disputed or self.now.event.classification.is_disputed
        return self.held_by is None and not doubted

    def is_domain_gone_since(self, attempt: Attempt) -> bool:
        """Whether an incident of the domain alone goes on: nobody there was reached in that campaign or since. A mail operator
        that many domains share is never taken for gone."""
        reached = self.domain_reached_at
        return attempt.held_by is GroupKind.DOMAIN and reached is not None and reached < attempt.sent_at

    def is_domain_gone(self, policy: SuppressionPolicy) -> bool:
        """Whether the contact's domain was gone already long enough before the failure to be another occasion."""
        return any(
            self.is_domain_gone_since(one) and self.days_since(one) >= policy.second_hit_days for one in self.earlier()
        )

    def hit_behind_block(self, policy: SuppressionPolicy) -> FailureEvent | None:
        """The latest undisputed hard bounce of an earlier campaign, where a preblock (and nothing else) followed; None: there
        is none that counts, it was only a first hit and the block is no other occasion, or the address worked afterwards."""
        if self.now.event.reason is not BounceReason.PREBLOCKED:
            return None
        for attempt in self.earlier():
            if attempt.outcome is AttemptOutcome.DELIVERED or attempt.is_rejected:
                # A person who said no to it, then or since, is not asked about each further block.
                return None
            hit = attempt.event
            if hit is None or not hit.counts or hit.bounce_class is not BounceClass.HARD:
                continue
            says_nothing = attempt.held_by is not None and not self.is_domain_gone_since(attempt)
            if not (hit.classification.is_disputed or says_nothing):
                is_apart = self.days_since(attempt) >= policy.second_hit_days
                return hit if is_apart or not self._had_grace(attempt, policy) else None
        return None

    def hit_blocked_for_long(self, policy: SuppressionPolicy) -> FailureEvent | None:
        """The latest hard bounce, disputed or not, since which Mailjet did not try in as many campaigns and days as the policy
        names; None: there is none, it belongs to an incident, or something else was said since."""
        if self.now.event.reason is not BounceReason.PREBLOCKED:
            return None
        blocked = 1
        for attempt in self.earlier():
            if attempt.outcome is AttemptOutcome.DELIVERED or attempt.is_rejected:
                return None
            hit = attempt.event
            if hit is not None and hit.reason is BounceReason.PREBLOCKED:
                blocked += 1
            elif hit is not None and hit.counts:
                is_long = blocked >= policy.blocked_rounds and self.days_since(attempt) >= policy.unreachable_days
                is_own = hit.bounce_class is BounceClass.HARD and attempt.held_by is None
                return hit if is_long and is_own else None
        return None

    def soft_streak(self, policy: SuppressionPolicy) -> tuple[Hit, ...]:
        """The last consecutive failures for this one's reason, oldest first, within the last rounds of the contact and days.

        A delivery ends it, and so does a failure of the contact's for another reason; a later delivery leaves this one alone.
        """
        if self.delivered_after():
            return (self.now,)
        streak = [self.now]
        for rounds, attempt in enumerate(self.earlier(), start=2):
            too_old = rounds > policy.soft_rounds or self.days_since(attempt) > policy.soft_days
            if too_old or attempt.outcome is AttemptOutcome.DELIVERED:
                break
            failure = attempt.event
            if failure is None or not failure.counts or attempt.held_by is not None:
                continue
            if failure.bounce_class is not BounceClass.SOFT or failure.reason is not self.now.event.reason:
                break
            streak.append(Hit(attempt.sent_at, failure))
        return tuple(reversed(streak))

    def days_without_attempt(self) -> int | None:
        """The days since the contact was last mailed, whatever became of it; None: no earlier mail is known. What Mailjet did
        not try is no mail."""
        for attempt in self.earlier():
            if attempt.event is None or attempt.event.bounce_class is not BounceClass.NOT_EVIDENCE:
                return self.days_since(attempt)
        return None
