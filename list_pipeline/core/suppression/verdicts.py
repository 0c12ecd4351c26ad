"""The vocabulary of the suppression rules: what they are told about a contact, and the verdict they give.

Belongs here: frozen values, and what can be said about each by itself. Does not belong here: the rules
(``rules``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.bounces.classes import BounceClass, FailureEvent, FailureEvidence, failure_evidence
from list_pipeline.core.incidents.contacts import Incident
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.incidents.operators import MailHost
from list_pipeline.core.plans.evidence import SPAM_COMPLAINT_FLAG, ContactFlag


class AttemptOutcome(StrEnum):
    """The end of one past message to a contact."""

    DELIVERED = "delivered"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One campaign that a contact was a recipient of.

    ``sent_at`` is the start of sending (UTC). ``event`` is there exactly when the attempt failed. ``held_by``: the failure was
    part of an incident of the contact's mail operator or domain, and says nothing about the contact by itself.
    ``is_rejected``: a person rejected to suppress the contact for it.
    """

    campaign_id: int
    sent_at: datetime
    outcome: AttemptOutcome
    event: FailureEvent | None = None
    held_by: GroupKind | None = None
    is_rejected: bool = False

    def __post_init__(self) -> None:
        if self.sent_at.tzinfo is None:
            raise ValueError("an attempt's instant must be timezone-aware")
        if (self.outcome is AttemptOutcome.FAILED) != (self.event is not None):
            raise ValueError("an attempt has an event exactly when it failed")
        if self.event is not None and self.event.campaign_id != self.campaign_id:
            raise ValueError("an attempt's event belongs to the attempt's campaign")


@dataclass(frozen=True, slots=True)
class CountedDeliveries:
    """How many messages reached a contact, ever, by Mailjet's count when we saw it first (``counted_at``, UTC)."""

    count: int
    counted_at: datetime

    def __post_init__(self) -> None:
        if self.counted_at.tzinfo is None:
            raise ValueError("the instant of a count must be timezone-aware")

    def before(self, sent_at: datetime, others_at: Iterable[datetime] = ()) -> int:
        """Those that are surely older than a send. A server may accept a message and return it afterwards, so that one of those
        counted since may be that send's own.

        Args:
            sent_at: the start of the send (UTC).
            others_at: the starts of the contact's other sends that may have reached it; those in between are taken off too.
        """
        if self.counted_at <= sent_at:
            return self.count
        since = 1 + sum(sent_at < one <= self.counted_at for one in others_at)
        return max(self.count - since, 0)


@dataclass(frozen=True, slots=True)
class PastInAll:
    """A contact's other campaigns in all, also those that no rule looks at any more: how many reached it, and the start of the
    first (UTC); None: there is none."""

    deliveries: int
    first_sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reach:
    """How a domain answers. ``answered_at``: the start of the last send in which anybody at the domain, or at its mail operator
    where that is known, was delivered to or refused by a server (UTC); None: nobody, as far back as it matters."""

    answered_at: datetime | None
    mail_host: MailHost = MailHost.UNKNOWN


@dataclass(frozen=True, slots=True)
class ContactFacts:
    """Our knowledge of a contact at the moment of judging.

    ``is_known``: False when there is no row; the rest then says nothing. ``is_unreadable``: what Mailjet shows of it cannot be
    read. ``campaigns_count``: campaigns the contact was a recipient of, this one included. Being unsubscribed or excluded
    changes no verdict: neither hides a dead address. ``domain_reached_at``: the start of the last send that reached anybody at
    the contact's domain (UTC); None: nobody ever, or not known. ``reach``: how the contact's domain answers, for contacts whose
    failure asks for it; None: not known. ``address_worked_at``: the latest open or click that shows that the address works
    (``core.engagement``, UTC); None: none is known. ``deliveries``: those before our own readings; None: not known.
    """

    is_known: bool = True
    is_recipient: bool = True
    in_suppression_list: bool = False
    is_unsubscribed: bool = False
    is_excluded: bool = False
    is_anonymised: bool = False
    is_unreadable: bool = False
    is_complaining: bool = False
    campaigns_count: int = 1
    domain_reached_at: datetime | None = None
    reach: Reach | None = None
    address_worked_at: datetime | None = None
    deliveries: CountedDeliveries | None = None


@dataclass(frozen=True, slots=True)
class CampaignContext:
    """The facts about the campaign itself that the rules need.

    ``domain_of``: contact id to the domain that received the message; ``sent_at``: the start of sending (UTC), as that of an
    ``Attempt``; ``incidents``: the groups whose hard bounces are taken for the group's fault.
    """

    campaign_id: int
    recipients: int
    domain_of: Mapping[int, str]
    sent_at: datetime
    incidents: tuple[Incident, ...] = ()


class VerdictAction(StrEnum):
    """The action on a contact. ``hold``: would be suppressed, but a person looks first."""

    SUPPRESS = "suppress"
    HOLD = "hold"
    MONITOR = "monitor"
    KEEP = "keep"


class SuppressionRule(StrEnum):
    """The rule that decided; the first four are the reasons under which a contact can be suppressed."""

    COMPLAINT = "complaint"
    HARD_BOUNCE = "hard_bounce"
    SECOND_HIT = "second_hit"
    SOFT_PATTERN = "soft_bounce_pattern"
    FIRST_DISPUTED_HIT = "first_disputed_hit"
    FIRST_HIT = "first_hit"
    SOFT_STREAK = "soft_streak"
    SINGLE_SOFT = "single_soft_bounce"
    NEW_CONTACT = "new_contact"
    DELIVERED_SINCE = "delivered_since"
    ENGAGED_SINCE = "engaged_since"
    SENDER_FAULT = "sender_fault"
    NOT_EVIDENCE = "not_evidence"
    UNKNOWN = "unknown_bounce"
    CONTRADICTION = "contradiction"
    NOT_KNOWN_YET = "not_known_yet"
    ALREADY_SUPPRESSED = "already_suppressed"
    ANONYMISED = "anonymised"
    UNREADABLE_ROW = "unreadable_row"
    NOT_A_RECIPIENT = "not_a_recipient"
    FACTS_UNKNOWN = "facts_unknown"
    REJECTED_BY_PERSON = "rejected_by_person"
    TAKEN_BACK_BY_PERSON = "taken_back_by_person"
    ASKED_ALREADY = "asked_already"
    TESTED_FIRST = "tested_first"


BORDERLINE_RULES = frozenset({SuppressionRule.SECOND_HIT, SuppressionRule.SOFT_PATTERN})
"""Rules about which an advisor may be asked: patterns are a matter of degree, facts are not."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The decision about one contact.

    ``bounce_type`` is the reason code of the failure, e.g. ``user_unknown``; ``bounce_count`` the failures it rests on.
    ``confidence`` belongs to the rule (share from 0 to 1; None where nothing would be changed). ``events`` are the
    failures it rests on, oldest first. ``explanation`` is one sentence for a marketer.
    """

    contact_id: int
    action: VerdictAction
    rule: SuppressionRule
    policy_version: str
    explanation: str
    bounce_class: BounceClass | None = None
    bounce_type: str | None = None
    bounce_count: int = 0
    confidence: float | None = None
    events: tuple[FailureEvent, ...] = ()
    flagged_as_complaining: bool = False

    @property
    def is_borderline(self) -> bool:
        """Whether an advisor may be asked about it: patterns are a matter of degree, facts are not."""
        return self.action is VerdictAction.SUPPRESS and self.rule in BORDERLINE_RULES

    @property
    def evidence(self) -> tuple[FailureEvidence | ContactFlag, ...]:
        """The failures it rests on, oldest first, then the contact's flag. No address is in it."""
        seen = tuple(failure_evidence(event) for event in self.events)
        return (*seen, SPAM_COMPLAINT_FLAG) if self.flagged_as_complaining else seen

    @property
    def has_evidence(self) -> bool:
        """Whether it rests on a failure that counts or on a complaint."""
        return self.flagged_as_complaining or any(event.counts for event in self.events)

    @property
    def is_permanent_hard(self) -> bool:
        """Whether the latest failure is a hard bounce that leaves no doubt."""
        return bool(self.events) and self.events[-1].is_permanent_hard

    def more_careful(self, confidence: float | None = None, monitor: bool = False, said: str = "") -> Verdict:
        """The verdict after an advisor's opinion, which can only soften it.

        A confidence above the rule's own changes nothing. Only a borderline suppression can become monitoring. What the
        advisor ``said`` about this contact stands behind the rule's own explanation, marked as the advisor's.

        Raises:
            ValueError: the confidence is no share from 0 to 1.
        """
        if confidence is not None and not 0 <= confidence <= 1:
            raise ValueError("a confidence is a share from 0 to 1")
        if not self.is_borderline or self.confidence is None:
            return self
        lowered = self.confidence if confidence is None else min(self.confidence, confidence)
        explanation = self.explanation
        if monitor:
            what = explanation.removeprefix("Suppressed: ")
            explanation = f"Watched, because the advisor doubts that it should be suppressed: {what}"
        return replace(
            self,
            confidence=lowered,
            action=VerdictAction.MONITOR if monitor else self.action,
            explanation=f"{explanation} Advisor: {said}" if said else explanation,
        )


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """A suppression after the same campaign on which a person was asked to decide, and has not. ``is_held``: because of an
    incident."""

    rule: SuppressionRule
    is_held: bool
