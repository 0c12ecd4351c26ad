"""What a maintenance run found and did, as the report needs to know it.

Belongs here: the facts, with their units. Does not belong here: how they are put into words (``reports``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from list_pipeline.core.advice import AdviceSource
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans import RunStatus, Urgency


@dataclass(frozen=True, slots=True)
class SuppressionFacts:
    """Numbers of contacts by reason code. Whatever was planned and is neither confirmed nor failed is still open."""

    planned: Mapping[str, int] = field(default_factory=dict)
    confirmed: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    held_for_review: int = 0

    @property
    def planned_total(self) -> int:
        """Contacts that were to be suppressed."""
        return sum(self.planned.values())

    @property
    def confirmed_total(self) -> int:
        """Contacts of which Mailjet's lists show that they are suppressed."""
        return sum(self.confirmed.values())

    @property
    def failed_total(self) -> int:
        """Contacts whose suppression failed."""
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class RebalancingFacts:
    """Numbers of contacts. ``certificate`` is the sentence that says why fewer moves would not do.

    ``not_begun``: why nothing was planned although nothing says that the lists are balanced; empty when it was.
    """

    moves_planned: int = 0
    moves_confirmed: int = 0
    enrolments_planned: int = 0
    enrolments_confirmed: int = 0
    deferred: int = 0
    certificate: str = ""
    not_begun: str = ""

    @property
    def planned(self) -> int:
        """Moves and enrolments planned."""
        return self.moves_planned + self.enrolments_planned

    @property
    def confirmed(self) -> int:
        """Moves and enrolments that the lists show."""
        return self.moves_confirmed + self.enrolments_confirmed


@dataclass(frozen=True, slots=True)
class ListChange:
    """One list before and after, in contacts. ``after`` is None as long as it was not read."""

    role: ListRole
    raw_before: int
    mailable_before: int
    raw_after: int | None = None
    mailable_after: int | None = None


@dataclass(frozen=True, slots=True)
class SenderFault:
    """Refusals that concern us and not the contact: how many, and what to do about them."""

    reason: str
    contacts: int
    advice: str = ""


@dataclass(frozen=True, slots=True)
class StageErrors:
    """Errors of one stage of the run; counts only, since error texts may hold what must not be shown."""

    stage: str
    count: int


@dataclass(frozen=True, slots=True)
class AttemptFacts:
    """Which attempt this was, and what is left when it failed. ``next_at`` (UTC) is None when there is none by itself.

    ``confirmed``, ``failed`` and ``open`` count the changes of all plans of this maintenance, whichever attempt made them;
    ``half_done`` are those of the open ones that were begun.
    """

    number: int
    most: int
    next_at: datetime | None = None
    gave_up: bool = False
    passed_deadline: bool = False
    confirmed: int = 0
    failed: int = 0
    open: int = 0
    half_done: int = 0

    @property
    def urgency(self) -> Urgency:
        """How soon a person is needed for this attempt alone."""
        return Urgency.CRITICAL if self.gave_up else Urgency.LOW


@dataclass(frozen=True, slots=True)
class MaintenanceLinks:
    """Where details are. ``app_url`` and the run's link are None when no base is configured."""

    log_id: int
    partition: str
    run_id: str = ""
    app_url: str | None = None
    run_url: str | None = None


@dataclass(frozen=True, slots=True)
class MaintenanceFacts:
    """What a maintenance run found and did. Instants are UTC, rates and deviations percent, the rest counts."""

    status: RunStatus
    mode: str
    campaign_name: str
    round_number: int
    list_role: ListRole
    sent_at: datetime | None
    recipients: int
    links: MaintenanceLinks
    bounces: Mapping[str, int] = field(default_factory=dict)
    suppression: SuppressionFacts = field(default_factory=SuppressionFacts)
    rebalancing: RebalancingFacts = field(default_factory=RebalancingFacts)
    sender_faults: Sequence[SenderFault] = ()
    not_evidence: int = 0
    unknown: int = 0
    lists: Sequence[ListChange] = ()
    deviation_before: float | None = None
    deviation_after: float | None = None
    mailjet_requests: int | None = None
    complaint_rate: float | None = None
    errors: Sequence[StageErrors] = ()
    executive_summary: str = ""
    summary_source: AdviceSource = AdviceSource.POLICY
    suppression_rationale: str = ""
    expected_impact: str = ""
    next_campaign: str = ""
    review_reason: str = ""
    attempt: AttemptFacts | None = None
    judged_as_of: datetime | None = None
