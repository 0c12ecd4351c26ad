"""Every figure of the suppression policy and of the safety gate, in one frozen object.

Belongs here: numbers with their units, and the version under which a decision was taken. Does not belong here: what
follows from a number (``rules`` and ``gate``), and the figures of a rebalancing (``core.rebalancing``).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache

from list_pipeline.core.incidents.policy import INCIDENTS, IncidentPolicy
from list_pipeline.core.monitoring.complaints import COMPLAINT_ALERT_PERCENT, COMPLAINT_TARGET_PERCENT

POLICY_REVISION = "2026-12d"
"""Raised when a *rule* changes; a changed *figure* shows in the version by itself."""


@dataclass(frozen=True, slots=True)
class SuppressionPolicy:
    """The figures by which a contact is suppressed and a plan is let through.

    The defaults are the product's policy; settings may turn ``cap_percent``. Confidences belong to the rule that
    decided, are shares from 0 to 1, and are not probabilities that somebody measured.
    """

    # Soft pattern: the industry's old agreement is three consecutive bounces over more than 14 days.
    soft_attempts: int = 3
    """Fewest consecutive attempts that failed softly for the same reason."""
    soft_campaigns: int = 3
    """Fewest different campaigns among them."""
    soft_span_days: int = 14
    """Fewest days from the send of the first of these failures to that of the last."""
    soft_recency_days: int = 30
    """Most days from the send of the last of these failures to the moment of judging."""
    soft_days: int = 180
    """Failures of campaigns that were sent more days before are not counted with this one ..."""
    soft_rounds: int = 6
    """... and neither are those before the contact's last so many campaigns, this one included. Our own figures: an address
    that is full once in a season is in use."""
    min_campaigns: int = 2
    """A contact that was in fewer campaigns is new: never suppressed for a soft pattern."""

    second_hit_days: int = 7
    """Fewest days between the sends of two hits. Provider incidents last hours, so a week is another occasion."""
    second_hit_apart_days: int = 1
    """Fewest whole days between the two failures themselves: one that comes late may fall into the same incident."""
    hit_forgotten_days: int = 400
    """Most days between them: a first hit is forgotten after that. Our own figure: who is mailed once a year is still known."""
    grace_days: int = 180
    """The first undisputed hard bounce of a contact that was delivered to within so many days is a first hit only: a provider's
    fault that strikes few of its addresses cannot be told from dead ones. 0: it suppresses at once."""
    unreachable_rounds: int = 3
    """Fewest campaigns without any answer of a domain before its contacts are taken for gone ..."""
    unreachable_days: int = 60
    """... and fewest days from the send of the first to that of the last: companies move their mail, and some hosts need weeks.
    After as many days Mailjet's block of an address that bounced hard before counts too ..."""
    blocked_rounds: int = 2
    """... in as many campaigns."""
    silence_days: int = 365
    """A verdict names it when the contact had not been mailed for so many days."""

    cap_percent: float = 10.0
    """Most suppressions in percent of the campaign's recipients, all its sweeps together, complaints not counted."""

    confidence_hard: float = 0.99
    confidence_complaint: float = 1.0
    confidence_soft_pattern: float = 0.90
    confidence_second_hit: float = 0.80

    automatic_confidence: float = 0.85
    """At this confidence and above an item needs no person."""
    review_confidence: float = 0.70
    """From here up to ``automatic_confidence`` only permanent hard bounces need no person; below, the plan waits."""

    complaint_target_percent: float = COMPLAINT_TARGET_PERCENT
    """Complaint rate to stay under (Google and Yahoo, 2024)."""
    complaint_alert_percent: float = COMPLAINT_ALERT_PERCENT
    """Complaint rate never to reach (Google and Yahoo, 2024)."""

    incidents: IncidentPolicy = INCIDENTS
    """The figures by which incidents are told."""

    def __post_init__(self) -> None:
        counts = (
            self.soft_attempts,
            self.soft_campaigns,
            self.min_campaigns,
            self.unreachable_rounds,
            self.blocked_rounds,
        )
        if min(counts) < 1:
            raise ValueError("a policy's counts must be at least 1")
        days = (
            self.soft_span_days,
            self.soft_recency_days,
            self.second_hit_days,
            self.second_hit_apart_days,
            self.grace_days,
            self.unreachable_days,
            self.silence_days,
        )
        if min(days) < 0:
            raise ValueError("a policy's days must not be negative")
        if self.soft_days < self.soft_span_days or self.soft_rounds < self.soft_attempts:
            raise ValueError("a policy's soft streak must have room for its pattern")
        if self.hit_forgotten_days < self.second_hit_days:
            raise ValueError("a policy must not forget a hit before it can count")
        if not 0 < self.cap_percent <= 100:
            raise ValueError("a policy's cap must be above 0 and at most 100 percent")
        if not 0 <= self.complaint_target_percent <= self.complaint_alert_percent <= 100:
            raise ValueError("the complaint target must not exceed the complaint alert")
        confidences = (
            self.confidence_hard,
            self.confidence_complaint,
            self.confidence_soft_pattern,
            self.confidence_second_hit,
        )
        if not all(0 <= confidence <= 1 for confidence in confidences):
            raise ValueError("a confidence is a share from 0 to 1")
        if not 0 <= self.review_confidence <= self.automatic_confidence <= 1:
            raise ValueError("the review band must lie below the automatic one")

    @property
    def version(self) -> str:
        """Revision of the rules and a digest of the figures, e.g. ``2026-11-1a2b3c4d``.

        Part of a plan's identity: a plan that was approved under other figures is another plan.
        """
        return _version(self)


@cache
def _version(policy: SuppressionPolicy) -> str:
    """Computed once a policy: every verdict of a plan names it."""
    figures = json.dumps(asdict(policy), sort_keys=True, separators=(",", ":"))
    return f"{POLICY_REVISION}-{hashlib.sha256(figures.encode()).hexdigest()[:8]}"
