"""A new audience and its division as people and machines may see them: numbers, days and lists, and nobody's address.

Does not belong here: counting and planning (``splitting``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from list_pipeline.core.audience.audience import Audience, NotTaken
from list_pipeline.core.audience.division import Batch
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.operations.audience.splitting import Proposal, SplitPlan


@dataclass(frozen=True, slots=True)
class BatchShown:
    """A range of a new audience.

    Attributes:
        places: which places of its queue, such as ``401-800``. planned: how many these are; enrolled: how many are on the list
            by the plan; None: it was not carried out.
        first_mail_on: the day (UTC) of the first mail. is_proposed: no campaign is scheduled for the list, so the day is a
            proposal; else ``first_mail_at`` and ``campaign`` say when and with which.
        words: all of it in a sentence.
    """

    number: int
    list: ListRole
    places: str
    planned: int
    enrolled: int | None
    first_mail_on: date
    first_mail_at: datetime | None
    campaign: str | None
    is_proposed: bool
    words: str


@dataclass(frozen=True, slots=True)
class NotTakenShown:
    """How many contacts of the master list are no part of the new audience, and why."""

    why: NotTaken
    contacts: int
    words: str


@dataclass(frozen=True, slots=True)
class ProposalShown:
    """How a new audience would be divided now.

    Attributes:
        waiting: those asked for who have no place now; ``restriction``: why.
        pause_days: the days between rounds that are proposed; ``is_usual_pause``: they are the account's own.
        shown: whoever asks for exactly this division gives it back. refused_because: why no plan can be made of it; None: one
            can.
    """

    asked: int
    divided: int
    waiting: int
    restriction: str
    sizes: tuple[int, int, int]
    target_sizes: tuple[int, int, int]
    pause_days: int
    is_usual_pause: bool
    batches: tuple[BatchShown, ...]
    shown: str
    refused_because: str | None


@dataclass(frozen=True, slots=True)
class SplitShown:
    """A plan that divides a new audience."""

    plan: int
    status: PlanStatus
    content_hash: str
    created_at: datetime
    requested_by: str | None
    note: str | None
    batches: tuple[BatchShown, ...]


def batches_shown(batches: Sequence[Batch]) -> tuple[BatchShown, ...]:
    """Ranges as they are shown."""
    return tuple(map(_batch, batches))


def not_taken_shown(left: Mapping[NotTaken, int]) -> tuple[NotTakenShown, ...]:
    """Who is not taken, as it is shown."""
    return tuple(NotTakenShown(why, contacts, why.words) for why, contacts in left.items())


def proposal_shown(proposal: Proposal) -> ProposalShown:
    """A proposal as it is shown."""
    summary = proposal.summary
    return ProposalShown(
        asked=summary.asked,
        divided=len(proposal.items),
        waiting=summary.waiting,
        restriction=summary.restriction,
        sizes=summary.sizes,
        target_sizes=summary.target_sizes,
        pause_days=summary.pause_days,
        is_usual_pause=summary.is_usual_pause,
        batches=batches_shown(proposal.batches),
        shown=proposal.shown,
        refused_because=proposal.why_not[0] if proposal.why_not is not None else None,
    )


def split_shown(one: SplitPlan) -> SplitShown:
    """A plan as it is shown."""
    plan = one.plan
    return SplitShown(
        plan=plan.plan_id,
        status=plan.status,
        content_hash=plan.content_hash,
        created_at=plan.created_at,
        requested_by=plan.requested_by,
        note=plan.note,
        batches=batches_shown(one.batches),
    )


def lines_of(audience: Audience) -> tuple[str, ...]:
    """An audience in sentences."""
    return tuple(f"{line}." for line in audience.lines)


def lines_of_proposal(proposal: Proposal) -> tuple[str, ...]:
    """A proposal in sentences: its ranges, what it does to the lists, what its gate says, and why no plan can be made of it."""
    found = [*(one.words for one in proposal.batches), *proposal.summary.remarks]
    failed = [check.words for check in proposal.gate.failed_checks]
    why = [f"No plan can be made now: {proposal.why_not[0]}."] if proposal.why_not is not None else []
    return (*(f"{line}." for line in found), *failed, *why)


def _batch(one: Batch) -> BatchShown:
    campaign = one.first_mail.campaign
    return BatchShown(
        number=one.range.number,
        list=one.range.role,
        places=one.range.places,
        planned=one.range.contacts,
        enrolled=one.enrolled,
        first_mail_on=one.first_mail.on,
        first_mail_at=campaign.at if campaign is not None else None,
        campaign=campaign.key if campaign is not None else None,
        is_proposed=campaign is None,
        words=f"{one.words}.",
    )
