"""A failure as the evidence of a decision: what of it is stored beside a plan's item.

Belongs here: the stored form of one failure, without address and text. Does not belong here: the event itself
(``core.bounces.classes``), and the other kinds of evidence (``core.plans.evidence``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from list_pipeline.core.bounces.classes import BounceClass, BounceReason, DecidedBy, FailureEvent
from list_pipeline.core.observations import MessageStatus


@dataclass(frozen=True, slots=True)
class FailureEvidence:
    """One failure that a decision rests on, as it was when it was decided.

    Attributes:
        campaign_id: ours.
        occurred_at: an aware instant in UTC.
        decided_by: what settled its class; None where that was not kept when it was written.
        counts: it could count against the contact.
        server_words: known words of the receiver (``core.bounces.smtp_vocabulary``); empty where none is known.
    """

    campaign_id: int
    occurred_at: datetime
    bounce_class: BounceClass
    reason: BounceReason
    state_id: int | None
    is_permanent: bool | None
    status: MessageStatus | None
    is_disputed: bool
    in_bounce_log: bool
    in_message_log: bool
    is_contradictory: bool
    counts: bool
    server_words: str = ""
    decided_by: DecidedBy | None = None
    kind: Literal["failure"] = "failure"


def failure_evidence(event: FailureEvent) -> FailureEvidence:
    """An event as evidence."""
    return FailureEvidence(
        campaign_id=event.campaign_id,
        occurred_at=event.occurred_at,
        bounce_class=event.bounce_class,
        reason=event.reason,
        state_id=event.state_id,
        is_permanent=event.is_permanent,
        status=event.status,
        is_disputed=event.classification.is_disputed,
        decided_by=event.classification.decided_by,
        in_bounce_log=event.in_bounce_log,
        in_message_log=event.in_message_log,
        is_contradictory=event.is_contradictory,
        counts=event.counts,
        server_words=event.server_words,
    )
