"""What is stored of one contact, as the evidence card shows it.

Belongs here: frozen values, and what follows from them alone. Does not belong here: sentences (``sentences``), and asking the
rules again (``replay``). No address is in any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from list_pipeline.core.bounces.classes import FailureEvent
from list_pipeline.core.engagement import Engagement
from list_pipeline.core.erasure import KeptOff
from list_pipeline.core.incidents.groups import GroupKind
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import BY_HAND, IMPORTED, ItemAction, PlanKind, PlanStatus, Sweep
from list_pipeline.core.quarantine.life import QuarantineReason
from list_pipeline.core.reviews.approvals import Way
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.suppression.verdicts import Attempt, AttemptOutcome, SuppressionRule


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a campaign's failures, and the contact's in it; None: it had none there."""

    sweep: Sweep
    fetched_at: datetime
    is_complete: bool
    failure: FailureEvent | None


@dataclass(frozen=True, slots=True)
class Mailing:
    """A campaign that the contact was a recipient of, or failed in. ``sent_at``: the start of sending (UTC)."""

    campaign_id: int
    key: str
    name: str
    sent_at: datetime
    is_recipient: bool
    readings: tuple[Reading, ...] = ()

    def read_by(self, moment: datetime) -> Reading | None:
        """The reading that was believed at a moment: the latest complete one of then, else the latest; None: none was made."""
        made = [one for one in self.readings if one.fetched_at <= moment]
        return max(made, key=lambda one: (one.is_complete, one.fetched_at), default=None)

    @property
    def failure(self) -> FailureEvent | None:
        """The contact's failure in the reading that is believed now."""
        reading = self._last
        return reading.failure if reading is not None else None

    @property
    def was_delivered(self) -> bool:
        """Whether the campaign reached the contact: a recipient without any failure in a complete reading."""
        reading = self._last
        return self.is_recipient and reading is not None and reading.is_complete and reading.failure is None

    @property
    def _last(self) -> Reading | None:
        return max(self.readings, key=lambda one: (one.is_complete, one.fetched_at), default=None)

    def attempt_by(self, moment: datetime, *, held_by: GroupKind | None, is_rejected: bool) -> Attempt:
        """The campaign as the rules were told of it at a moment."""
        reading = self.read_by(moment)
        if reading is None or (reading.failure is None and not reading.is_complete):
            return Attempt(self.campaign_id, self.sent_at, AttemptOutcome.UNKNOWN)
        if reading.failure is None:
            return Attempt(self.campaign_id, self.sent_at, AttemptOutcome.DELIVERED)
        failed = AttemptOutcome.FAILED
        return Attempt(self.campaign_id, self.sent_at, failed, reading.failure, held_by, is_rejected)


class Outcome(StrEnum):
    """What became of what a plan intends for the contact. ``not_begun``: nothing was done, and nothing may be meant to be."""

    NOT_BEGUN = "not_begun"
    UNDER_WAY = "under_way"
    DONE = "done"
    TAKEN_BACK = "taken_back"
    FAILED = "failed"
    LEFT_OUT = "left_out"


@dataclass(frozen=True, slots=True)
class PlannedFor:
    """What one plan intends for the contact.

    Attributes:
        campaign: key of its campaign; None: it belongs to none.
        as_of: the moment that was judged for; None: not noted, or no plan of suppressions.
        decided_by: who let the plan through or turned it down, ``gate`` where that was nobody; None: nobody yet.
        decided_via: which way a person took; None: none did, or it is not known.
        requested_by, note: who asked for a correction, and why.
        gate: what the gate objected to, in sentences.
        is_waiting: nothing of it was begun, and a person has to decide on it, or has approved it.
        done_at: when its last step was confirmed or taken back.
    """

    plan_id: int
    campaign_id: int | None
    campaign: str | None
    kind: PlanKind
    sweep: Sweep | None
    status: PlanStatus
    policy_version: str
    created_at: datetime
    as_of: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    requested_by: str | None
    note: str | None
    withdrawn_by: str | None
    gate: tuple[str, ...]
    action: ItemAction
    from_role: ListRole | None
    to_role: ListRole | None
    rule: str
    is_held: bool
    confidence: float | None
    explanation: str
    is_flagged_as_complaining: bool
    outcome: Outcome
    done_at: datetime | None
    is_waiting: bool
    decided_via: Way | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What a person was asked about the contact, alone or with others."""

    review_id: int
    plan_id: int | None
    kind: ReviewKind
    status: ReviewStatus
    asked_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    note: str | None


@dataclass(frozen=True, slots=True)
class Suppression:
    """A row of the history of suppressions. ``is_redone``: who took it back was taken back themselves."""

    suppressed_at: datetime
    reason: str
    plan_id: int | None
    explanation: str
    reinstated_at: datetime | None
    reinstated_by: str | None
    is_redone: bool

    @property
    def stands(self) -> bool:
        """Whether nobody took it back for good."""
        return self.reinstated_at is None or self.is_redone


@dataclass(frozen=True, slots=True)
class KeptFromMail:
    """The contact's quarantine that goes on: why, since when and until when (UTC)."""

    reason: QuarantineReason
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Known:
    """Our row of the contact.

    ``unsubscribed_at``: where Mailjet says when. ``unreadable``: what of it cannot be read. ``other_ids``: contacts with the
    same address, since Mailjet gives one that comes back a new id. ``kept_off_because``: somebody with the address was erased,
    and the product puts the address on no campaign list. ``quarantine``: the one that goes on; None: there is none.
    """

    lists: tuple[ListRole, ...]
    is_unsubscribed: bool
    unsubscribed_at: datetime | None
    is_excluded: bool
    is_complaining: bool
    is_anonymised: bool
    unreadable: tuple[str, ...]
    queued_at: datetime
    other_ids: tuple[int, ...] = ()
    kept_off_because: tuple[KeptOff, ...] = ()
    quarantine: KeptFromMail | None = None

    @property
    def is_suppressed(self) -> bool:
        """Whether it is on the suppression list."""
        return ListRole.SUPPRESSION in self.lists

    @property
    def campaign_lists(self) -> tuple[ListRole, ...]:
        """The campaign lists that it is on."""
        return tuple(role for role in self.lists if role not in (ListRole.SUPPRESSION, ListRole.MASTER))


@dataclass(frozen=True, slots=True)
class ErasedPerson:
    """What is kept of somebody who was erased. It says nothing about the time before."""

    erased_at: datetime
    kept_off_because: tuple[KeptOff, ...]


@dataclass(frozen=True, slots=True)
class Siblings:
    """Hard bounces in a campaign among those that share the contact's domain or operator, itself included.

    ``operator``: its name, or that of the pool; empty for a domain, which is not named because it may name a person. ``of``:
    the recipients at the domain; at the operator those alone that were delivered to before.
    """

    kind: GroupKind
    hard: int
    of: int
    operator: str = ""


@dataclass(frozen=True, slots=True)
class OnlyTold:
    """A failure that Mailjet told of and that no reading of the campaign shows; nothing is decided on it."""

    campaign_id: int
    failure: FailureEvent


@dataclass(frozen=True, slots=True)
class Summary:
    """The counts of the contact's mailings that are so old that they are summarised. Some of them are among its campaigns all
    the same: the last delivery, failures since, the last hard bounce.

    ``campaigns``: mailings; of the rest it is not known what became. ``last_sent_at``: the start of the last of them (UTC).
    """

    campaigns: int
    delivered: int
    hard: int
    soft: int
    other: int
    first_sent_at: datetime
    last_sent_at: datetime


@dataclass(frozen=True, slots=True)
class Record:
    """Everything that is stored of a contact. ``mailings``: oldest first; ``plans`` in the order in which they were made.

    ``known``: None where we have no row of it, and Mailjet reported something about it all the same. ``engagement``: its latest
    opens and clicks. ``signs_since``: when opens and clicks were first told at all (UTC); None: never, and nobody can say.
    ``only_told``: what Mailjet told of failures that no reading shows. ``summary``: what is left of its oldest mailings; None:
    all are among ``mailings``.
    """

    contact_id: int
    known: Known | None
    mailings: tuple[Mailing, ...] = ()
    plans: tuple[PlannedFor, ...] = ()
    questions: tuple[Question, ...] = ()
    suppressions: tuple[Suppression, ...] = ()
    engagement: Engagement = field(default_factory=Engagement)
    signs_since: datetime | None = None
    only_told: tuple[OnlyTold, ...] = ()
    summary: Summary | None = None

    @property
    def is_suppressed(self) -> bool:
        """Whether it is on the suppression list."""
        return self.known is not None and self.known.is_suppressed

    @property
    def standing_suppression(self) -> Suppression | None:
        """The latest suppression by us that nobody took back, of a contact that is on the suppression list."""
        if not self.is_suppressed:
            return None
        return next((one for one in reversed(self.suppressions) if one.stands), None)

    @property
    def verdict(self) -> PlannedFor | None:
        """What decides where the contact stands: what suppressed it, else what waits, else the latest verdict; None: there is
        none, as of a contact that never failed. A later look that found the question of an earlier one says nothing itself."""
        verdicts = [one for one in self.plans if one.kind is PlanKind.SUPPRESSION or one.rule in (BY_HAND, IMPORTED)]
        suppressing = [one for one in verdicts if one.action is ItemAction.SUPPRESS]
        if (standing := self.standing_suppression) is not None:
            behind = [one for one in verdicts if one.plan_id == standing.plan_id]
            # A redo carries out what an earlier plan decided.
            return next(reversed(behind or suppressing), None)
        if self.is_suppressed:
            # Somebody else did it: no verdict of ours is behind it.
            return None
        latest = next(reversed([one for one in suppressing if one.is_waiting] or verdicts), None)
        if latest is None or latest.rule != SuppressionRule.ASKED_ALREADY:
            return latest
        asked = [one for one in suppressing if one.campaign_id == latest.campaign_id]
        return next(reversed(asked), latest)

    @property
    def last_delivery(self) -> Mailing | None:
        """The latest campaign that reached it."""
        return next((one for one in reversed(self.mailings) if one.was_delivered), None)

    @property
    def failures(self) -> tuple[Mailing, ...]:
        """The campaigns in which it failed, oldest first."""
        return tuple(one for one in self.mailings if one.failure is not None)

    def mailing(self, campaign_id: int | None) -> Mailing | None:
        """One of its campaigns."""
        return next((one for one in self.mailings if one.campaign_id == campaign_id), None)

    def failed_in(self) -> Sequence[int]:
        """The campaigns in one of whose readings it failed."""
        return [one.campaign_id for one in self.mailings if any(each.failure for each in one.readings)]
