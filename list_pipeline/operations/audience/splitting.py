"""Dividing a new audience over the campaign lists: looked at, planned for approval, and taken back.

Belongs here: the facts of a division out of our rows, the plan with its ranges, its gate and its question. Does not belong
here: the division (``core.audience``), and carrying the plan out (``operations.plans.corrections``).

A plan is made of our rows as the last look at Mailjet left them; whoever may wait looks first. Before anything is changed, the
lists, the sends and everybody in the plan are looked at again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.audience.audience import Audience, SplitSummary, restriction_words
from list_pipeline.core.audience.division import (
    Batch,
    FirstMail,
    ScheduledRound,
    divide,
    first_mails,
    items_of,
    pause_in_days,
    ranges_of,
)
from list_pipeline.core.audience.gate import judge_split
from list_pipeline.core.campaigns.cycles import open_cycle
from list_pipeline.core.campaigns.missing_rounds import usual_pause
from list_pipeline.core.errors import RefusedError
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.gate import GateDecision
from list_pipeline.core.plans.last_look import must_stay
from list_pipeline.core.plans.plan import PlanItem, PlanKind, PlanStatus, content_hash
from list_pipeline.core.wording import count_text, date_text
from list_pipeline.operations.access import Correcting, Deciding, Telling
from list_pipeline.operations.campaigns.automations import automations_now
from list_pipeline.operations.campaigns.before_changes import follow_sends, frozen_lists, lists_kept_still
from list_pipeline.operations.campaigns.discovery import cycle_now
from list_pipeline.operations.drift.mass_changes import tell_about_mass_changes
from list_pipeline.operations.membership.sync import sync
from list_pipeline.operations.messages.gate_alerts import tell_gate_alert
from list_pipeline.operations.people import reason_of, reviewer
from list_pipeline.operations.plans.asked_plans import Asked, take_back_asked
from list_pipeline.operations.plans.corrections import Correction
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.rebalancing.plan_and_execute import policy_of
from list_pipeline.operations.reviews.reminders import next_sends
from list_pipeline.storage import audience_batches
from list_pipeline.storage.campaigns import sent_campaigns
from list_pipeline.storage.membership import audience as audience_rows
from list_pipeline.storage.membership import members, queue
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.plans.plan_rows import StoredPlan

log = structlog.get_logger(__name__)

_VERSION = "split-1"
_TRIED = "Dividing a new audience"
_SHOWN_PLANS = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for. ``total``: so many, the oldest first; None: all. ``start``: the first day (UTC) that may be proposed
    for a first mail; None: tomorrow."""

    total: int | None = None
    start: date | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """How an audience would be divided now.

    Attributes:
        shown: the identity of this proposal: whoever asks for exactly what was shown gives it back.
        gate: what the gate says of it. open_plan: another plan that waits, or is about to be carried out; None: there is none.
    """

    audience: Audience
    summary: SplitSummary
    batches: tuple[Batch, ...]
    items: tuple[PlanItem, ...]
    gate: GateDecision
    open_plan: int | None

    @property
    def shown(self) -> str:
        """See above."""
        return content_hash(None, PlanKind.SPLIT, None, _version(self.batches), self.items)

    @property
    def why_not(self) -> tuple[str, str] | None:
        """Why no plan can be made of it, and what to do instead, in words; None: one can."""
        if self.open_plan is not None:
            return (
                f"plan {self.open_plan} divides an audience already, and is not carried out yet",
                f"Decide on that one first: `list-pipeline reject {self.open_plan} --by NAME` ends it",
            )
        if not self.summary.asked:
            return "there is nobody to divide", "`list-pipeline audience` says who is not taken, and why"
        if not self.items:
            return f"nobody can join a list now: {self.summary.restriction}", "Ask again when that is over"
        if self.gate.refused:
            words = " ".join(check.words.rstrip(".") for check in self.gate.failed_checks if check.name != "asked")
            return f"its gate refuses it: {words}", "Look at the checks"
        return None


@dataclass(frozen=True, slots=True)
class Split:
    """A plan that waits for approval. ``content_hash``: by which it is approved."""

    plan_id: int
    content_hash: str
    proposal: Proposal


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """A plan that divides an audience, with its ranges."""

    plan: StoredPlan
    batches: tuple[Batch, ...]


def look_first(services: Correcting) -> None:
    """Bring our rows up to date: sends that began or are programmed, and who came, left or unsubscribed.

    Raises:
        IntegrationError: Mailjet did not say.
    """
    follow_sends(services)
    sync(services)
    tell_about_mass_changes(services)


def audience_now(services: Deciding) -> Audience:
    """The new audience in figures. No request is made."""
    with services.database.begin() as connection:
        return audience_rows.audience(connection)


def splits(services: Deciding) -> tuple[SplitPlan, ...]:
    """The latest plans that divide an audience, the newest first."""
    with services.database.begin() as connection:
        numbers = audience_batches.latest_plans(connection, _SHOWN_PLANS)
        batches = audience_batches.of_plans(connection, numbers)
        return tuple(
            SplitPlan(plan_rows.existing_plan(connection, number), batches.get(number, ())) for number in numbers
        )


def batches_of(services: Deciding, plan: StoredPlan) -> tuple[Batch, ...]:
    """The ranges of a plan; none where it divides no audience."""
    if plan.kind is not PlanKind.SPLIT:
        return ()
    with services.database.begin() as connection:
        return audience_batches.of_plan(connection, plan.plan_id)


def propose(services: Deciding, wanted: Wanted = Wanted()) -> Proposal:
    """How the audience would be divided now. Nothing is written, and no request is made.

    Raises:
        RefusedError: fewer than one contact is asked for, or the first day is past.
    """
    with services.database.begin() as connection:
        return _proposal(services, connection, wanted)


def split(services: Telling, wanted: Wanted, *, by: str, note: str, shown: str | None = None) -> Split:
    """Plan the division of the new audience. The plan waits for a person, in every mode.

    Args:
        by: who asks, for the record. note: why. shown: of the proposal that the person saw; None: they saw none.

    Raises:
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: nobody is named, or no reason; another such plan is not carried out yet; nobody can join a list; or the
            division is another one by now than was shown.
    """
    by, note = reviewer(services, by, _TRIED), reason_of(note, _TRIED)
    with services.database.begin() as connection:
        audience_batches.begin_planning(connection)
        proposal = _proposal(services, connection, wanted)
        if why := proposal.why_not:
            raise RefusedError(_TRIED, *why)
        if shown is not None and shown != proposal.shown:
            raise RefusedError(
                _TRIED, "it would be divided otherwise by now than was shown", "Look again; nothing was planned"
            )
        plan = _save(services, connection, proposal, by, note)
    log.info("a new audience is to be divided", plan=plan.plan_id, contacts=len(proposal.items))
    tell_gate_alert(services, plan.plan_id)
    return Split(plan.plan_id, plan.content_hash, proposal)


def take_back(services: Correcting, plan_id: int, *, by: str, note: str, progress: Progress = logged) -> Correction:
    """Take a divided audience back: whoever joined a list by this plan leaves it, as far as that is right by now. They are new
    again to whoever divides the audience the next time; a maintenance does not enrol them.

    Raises:
        NotFoundError: there is no such plan, or nothing of it was done.
        NotAReviewerError: LIST_REVIEWERS names other people.
        RefusedError: it still waits, or lists may not be changed now.
        JobTimeoutError: a bulk job of it may still be running; nothing was taken back.
    """
    asked = Asked(
        PlanKind.SPLIT,
        f"the division of plan {plan_id}",
        "no plan with this number divides an audience",
        "`list-pipeline audience` shows those that do",
    )
    return take_back_asked(services, plan_id, asked, by=by, note=note, progress=progress)


def summary_of_left(summary: SplitSummary, left: Sequence[PlanItem]) -> SplitSummary:
    """The summary of what a person left of a plan."""
    counts = _counts(left)
    first, second, third = (
        size + counts.get(role, 0) for role, size in zip(CAMPAIGN_LISTS, summary.sizes, strict=True)
    )
    return replace(summary, target_sizes=(first, second, third))


def batches_of_left(connection: Connection, edited_plan_id: int, left: Sequence[PlanItem]) -> tuple[Batch, ...]:
    """The ranges of what a person left of a plan: counted anew, each with the first mail that its list had."""
    mails = {one.range.role: one.first_mail for one in audience_batches.of_plan(connection, edited_plan_id)}
    return tuple(Batch(one, mails[one.role]) for one in ranges_of(_counts(left)))


def gate_of(
    services: Deciding,
    connection: Connection,
    items: Sequence[PlanItem],
    summary: SplitSummary,
) -> GateDecision:
    """What the gate says of a division; nothing is written."""
    facts = members.facts_of(connection, [item.contact_id for item in items])
    return judge_split(
        items,
        summary,
        never_enrol=frozenset(contact_id for contact_id, flags in facts.items() if must_stay(flags)),
        flag_enabled=services.settings.list_management_enabled,
        automations=automations_now(services, connection),
        policy=policy_of(services),
    )


def _counts(items: Sequence[PlanItem]) -> dict[ListRole, int]:
    return dict(Counter(item.to_role for item in items if item.to_role is not None))


def _version(batches: Sequence[Batch]) -> str:
    """What a division is beside its items: its days."""
    return "|".join((_VERSION, *(one.words for one in batches)))


def _proposal(services: Deciding, connection: Connection, wanted: Wanted) -> Proposal:
    today = services.clock.now().date()
    if wanted.total is not None and wanted.total < 1:
        raise RefusedError(_TRIED, f"{wanted.total} contacts are asked for", "Ask for one or more")
    if wanted.start is not None and wanted.start < today:
        raise RefusedError(_TRIED, f"{date_text(wanted.start)} is past", f"Give a day from {date_text(today)} on")
    audience = audience_rows.audience(connection)
    asked = audience.contacts if wanted.total is None else min(wanted.total, audience.contacts)
    cycle = cycle_now(connection, services.clock.now())
    sent = frozenset[ListRole]() if cycle.sent.issuperset(CAMPAIGN_LISTS) else cycle.sent
    kept_still, frozen = lists_kept_still(services, connection, cycle), frozen_lists(services, connection)
    joinable = (
        frozenset[ListRole]() if ListRole.MASTER in frozen else frozenset(CAMPAIGN_LISTS) - sent - kept_still - frozen
    )
    division = divide(queue.balance_sizes(connection), asked, joinable)
    items = items_of(division, audience_rows.queued(connection, division.contacts) if division.contacts else ())
    mails, pause_days, is_usual = _first_mails(services, connection, wanted.start or today + timedelta(days=1), sent)
    batches = tuple(Batch(one, mails[one.role]) for one in division.ranges)
    restriction = restriction_words(sent, kept_still, frozen)
    summary = SplitSummary(
        audience=audience.contacts,
        asked=asked,
        sizes=division.sizes,
        target_sizes=division.target_sizes,
        waiting=division.waiting,
        restriction=restriction if division.waiting else "",
        pause_days=pause_days,
        is_usual_pause=is_usual,
        left=audience.left,
    )
    gate = gate_of(services, connection, items, summary)
    return Proposal(audience, summary, batches, items, gate, audience_batches.open_plan(connection))


def _first_mails(
    services: Deciding, connection: Connection, start: date, sent: frozenset[ListRole]
) -> tuple[dict[ListRole, FirstMail], int, bool]:
    cycles = sent_campaigns.all_cycles(connection)
    usual, opened = usual_pause(cycles), open_cycle(cycles, services.clock.now())
    scheduled: dict[ListRole, ScheduledRound] = {}
    for one in sorted(next_sends(services, connection), key=lambda each: each.at):
        scheduled.setdefault(one.role, ScheduledRound(one.campaign_id, one.key, one.at))
    pause_days = pause_in_days(usual)
    last_sent_on = opened.last_sent_at.date() if opened is not None and sent else None
    return dict(first_mails(scheduled, start, pause_days, sent, last_sent_on)), pause_days, usual is not None


def _save(services: Deciding, connection: Connection, proposal: Proposal, by: str, note: str) -> StoredPlan:
    now = services.clock.now()
    plan = plan_rows.save_plan(
        connection,
        campaign_id=None,
        kind=PlanKind.SPLIT,
        sweep=None,
        # Asked for again after it was rejected, the same division is another plan.
        content_hash=content_hash(
            None, PlanKind.SPLIT, None, f"{_version(proposal.batches)}.{now.isoformat()}", proposal.items
        ),
        policy_version=_VERSION,
        status=PlanStatus.PLANNED,
        summary=proposal.summary,
        items=proposal.items,
        now=now,
        requested_by=by,
        note=note,
    )
    plan_rows.set_gate(connection, plan, PlanStatus.PENDING_REVIEW, proposal.gate.record, now, None)
    audience_batches.save(connection, plan.plan_id, proposal.batches)
    ranges = "; ".join(one.words for one in proposal.batches)
    summary = (
        f"A new audience of {count_text(len(proposal.items), 'contact')} would be divided over the lists: {ranges}"
    )
    plan_rows.ask_about_plan(connection, plan, summary, now)
    return plan
