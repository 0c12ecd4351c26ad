"""Mail operators that stand out at a wrap-up: an outage, or a refusal, seen half an hour after the launch.

Belongs here: what was found, in words, and how it is kept. Does not belong here: the test itself, which is that of the
maintenance (``core.incidents``), and reading the bounces (``operations.campaign_stages``).

Nothing follows for a contact: that is for the maintenance, which reads the failures whole and anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, FailureEvent
from list_pipeline.core.campaign_stages.wrapup import SendCounts, runs_away
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import POOL, Group, GroupKind
from list_pipeline.core.incidents.policy import INCIDENTS, IncidentPolicy
from list_pipeline.core.incidents.statements import unusual_text
from list_pipeline.core.observations import MessageStatus
from list_pipeline.core.wording import count_text

_REASONS_TOLD = 3


class Look(StrEnum):
    """What came of looking for operators that stand out."""

    TOO_FEW = "too_few"
    """So few messages bounced hard by the counters that no group can stand out: nothing was read."""
    READ = "read"
    """The bounces were read, and the groups tested."""
    UNREAD = "unread"
    """They could not be read: it is not known."""


@dataclass(frozen=True, slots=True)
class UnusualGroup:
    """A group in which more established contacts bounced hard than dead addresses explain.

    Attributes:
        attempted: its established contacts (delivered to before) that were tried by then. hard: those that bounced hard.
        expected: how many hard bounces are usual of so many.
        reasons: how many of all its contacts bounced hard for each reason.
    """

    group: Group
    attempted: int
    hard: int
    expected: float
    reasons: Mapping[BounceReason, int]

    @property
    def where(self) -> str:
        """The group as the end of a sentence, by its name."""
        return "domains whose mail operator is not known" if self.group == POOL else self.group.name

    @property
    def where_unnamed(self) -> str:
        """The same without the name of a domain, which others chose: operators have names of ours."""
        return "a single domain" if self.group.kind is GroupKind.DOMAIN else self.where

    def text(self, *, named: bool = True) -> str:
        """What was found, without a full stop: ``12 of 80 contacts that worked before bounced hard at Google, where fewer than
        one is usual (user unknown 12)``."""
        reasons = Counter(self.reasons).most_common(_REASONS_TOLD)
        why = ", ".join(f"{reason.value.replace('_', ' ')} {count:,}" for reason, count in reasons)
        where = self.where if named else self.where_unnamed
        return f"{unusual_text(where, self.hard, self.attempted, self.expected)} ({why})"

    def as_json(self) -> dict[str, Any]:
        """It as it is kept."""
        return {
            "kind": self.group.kind.value,
            "name": self.group.name,
            "attempted": self.attempted,
            "hard": self.hard,
            "expected": self.expected,
            "reasons": {reason.value: count for reason, count in self.reasons.items()},
        }

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> UnusualGroup:
        """A group that was kept."""
        return cls(
            Group(GroupKind(kept["kind"]), kept["name"]),
            int(kept["attempted"]),
            int(kept["hard"]),
            float(kept["expected"]),
            {BounceReason(reason): int(count) for reason, count in kept["reasons"].items()},
        )


@dataclass(frozen=True, slots=True)
class EarlyIncidents:
    """The operators and domains that stand out at a wrap-up.

    Attributes:
        looked_at: when (UTC). why: why it is not known, without a full stop; empty where it is.
        requests: what reading cost.
    """

    looked_at: datetime
    look: Look
    groups: tuple[UnusualGroup, ...] = ()
    why: str = ""
    requests: int = 0

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, for people; never nothing."""
        if self.look is Look.UNREAD:
            return (f"Whether a mail operator stands out is not known: {self.why}.",)
        found = tuple(f"{one.text()}." for one in self.groups)
        return found or ("No mail operator or domain stands out by its hard bounces.",)

    @property
    def where(self) -> str:
        """The groups in one phrase: the only one, or the first and how many more."""
        first, *more = self.groups
        return f"{first.where} and {count_text(len(more), 'more group')}" if more else first.where


def is_alarm(counts: SendCounts, early: EarlyIncidents | None) -> bool:
    """Whether somebody has to look before the next round is sent: bounces run away, of all messages or at a group."""
    return runs_away(counts) or (early is not None and bool(early.groups))


def is_worth_reading(counts: SendCounts, policy: IncidentPolicy = INCIDENTS) -> bool:
    """Whether so many messages bounced hard that a group can stand out at all: below that, no request is made."""
    return counts.hard_bounced >= policy.least_hard


def failed_so_far(events: Iterable[FailureEvent], as_of: datetime) -> tuple[frozenset[int], frozenset[int]]:
    """The contacts that bounced hard by an instant (UTC), and those of whom Mailjet has not tried the message, or will not."""
    hard, not_tried = set[int](), set[int]()
    for event in events:
        if event.bounce_class is BounceClass.NOT_EVIDENCE or event.status is MessageStatus.QUEUED:
            not_tried.add(event.contact_id)
        elif event.bounce_class is BounceClass.HARD and event.occurred_at <= as_of:
            hard.add(event.contact_id)
    return frozenset(hard), frozenset(not_tried)


def unusual_groups(incidents: Iterable[Incident], events: Iterable[FailureEvent]) -> tuple[UnusualGroup, ...]:
    """The groups of the incidents that were found, the one with the most hard bounces first."""
    reason_of = {event.contact_id: event.reason for event in events if event.bounce_class is BounceClass.HARD}
    found = (
        UnusualGroup(
            one.group,
            one.attempted,
            one.hard_bounces,
            one.expected,
            Counter(reason_of[contact_id] for contact_id in one.contact_ids),
        )
        for one in incidents
    )
    return tuple(sorted(found, key=lambda one: (-one.hard, one.group)))


def unexplained(events: Iterable[FailureEvent]) -> int:
    """How many messages ended as hard bounces of which Mailjet does not say yet why: its bounce log comes later."""
    return sum(
        event.status is MessageStatus.HARD_BOUNCED and event.bounce_class is BounceClass.UNKNOWN for event in events
    )
