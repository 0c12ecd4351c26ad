"""The events of a list's machines that a maintenance led to, derived from its stored rows.

Belongs here: from the ledger, the plans and the journal to events in their order. Does not belong here: what an event leads
to (``list_states``) and reading the facts (``storage.list_states``).

Events are derived and not only announced: whatever died between two stages, the next look at the stored truth finds the
same events in the same order, and what was noted before is known by its key. So a run that was killed and run again leaves
the history of one that was not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from list_pipeline.core.list_states.machines import ListEvent, balance_event, bounce_event
from list_pipeline.core.lists import CAMPAIGN_LISTS, ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.runs.status import TAKEN_BACK, RunStatus


@dataclass(frozen=True, slots=True)
class AttemptSeen:
    """One attempt in the ledger. ``gave_up``: the last one, and it failed."""

    number: int
    begun_at: datetime
    status: RunStatus
    ended_at: datetime | None = None
    gave_up: bool = False


@dataclass(frozen=True, slots=True)
class PlanSeen:
    """The stored facts of a suppression or rebalancing plan.

    Attributes:
        is_needed: it would change something (suppressions), or the balance demanded it (rebalancing).
        waited: the gate put it before people.
        begun_at: when its journal was opened; None while nothing of it was begun.
        confirmed, failed, skipped: its changes in the journal by outcome; taken back later counts as confirmed.
        is_repaired: rebalancing: it reaches the goal.
    """

    made_at: datetime
    is_needed: bool
    status: PlanStatus
    waited: bool = False
    decided_at: datetime | None = None
    begun_at: datetime | None = None
    executed_at: datetime | None = None
    confirmed: int = 0
    failed: int = 0
    skipped: int = 0
    deviation_percent: float | None = None
    is_repaired: bool = True
    roles: frozenset[ListRole] = frozenset()
    """The campaign lists that it gives to or takes from."""

    @property
    def was_begun(self) -> bool:
        """Whether changes were begun before the plan was closed; later ones are people's decisions on single contacts."""
        return self.begun_at is not None and (self.executed_at is None or self.begun_at <= self.executed_at)

    @property
    def was_refused(self) -> bool:
        """Whether a person rejected it, or nobody decided in time."""
        return self.status in (PlanStatus.REJECTED, PlanStatus.EXPIRED)


@dataclass(frozen=True, slots=True)
class MaintenanceSeen:
    """The stored facts of the maintenance of one campaign in one sweep.

    Attributes:
        role: the list that the campaign was sent to.
        fetched_at: when its bounces were read whole. ``bounced``: contacts that bounced, hard or soft.
        undone_at: when a person took it back; ``rolled_back_at``: when its rebalancing was taken back by itself.
    """

    campaign_id: int
    sweep: str
    role: ListRole
    sent_at: datetime
    attempts: Sequence[AttemptSeen]
    fetched_at: datetime | None = None
    recipients: int = 0
    bounced: int = 0
    suppression: PlanSeen | None = None
    rebalancing: PlanSeen | None = None
    undone_at: datetime | None = None
    rolled_back_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a list. ``key`` makes it one: noted again, it is the same."""

    role: ListRole
    event: ListEvent
    at: datetime
    key: str
    campaign_id: int | None = None
    sweep: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, order=True)
class _Placed:
    at: datetime
    attempt: int
    happened: Happened = field(compare=False)


def events_of(seen: MaintenanceSeen) -> list[Happened]:
    """Everything that happened to the lists in a maintenance so far, in order. Later calls only ever add to it, but for the
    end of an attempt, which is whatever the ledger says now."""
    stem = f"campaign:{seen.campaign_id}"
    sent = Happened(seen.role, ListEvent.SENT, seen.sent_at, f"{stem}:sent", seen.campaign_id)
    if not seen.attempts:
        return [sent]
    placed: list[_Placed] = []

    def happened(event: ListEvent, at: datetime, name: str, role: ListRole = seen.role) -> Happened:
        return Happened(role, event, at, f"{stem}:{seen.sweep}:{name}", seen.campaign_id, seen.sweep)

    attempts = sorted(seen.attempts, key=lambda attempt: attempt.number)
    for attempt in attempts:
        begun = happened(ListEvent.BEGUN, attempt.begun_at, f"{attempt.number}:begun")
        placed.append(_Placed(attempt.begun_at, attempt.number, begun))
    at = attempts[0].begun_at
    for name, event, stored_at, role in _steps(seen):
        # What was read or planned before the attempt counts from its begin, and no step precedes the one before it.
        at = max(at, stored_at)
        number = max(each.number for each in attempts if each.begun_at <= at)
        placed.append(_Placed(at, number, happened(event, at, name, role)))
    for attempt in attempts:
        is_last = attempt is attempts[-1]
        for event, ended_at, name in _ends(seen, attempt, is_last=is_last):
            # The last step of an attempt may bear the instant of its end, and stands before it.
            ended = max(ended_at, at) if is_last else ended_at
            placed.append(_Placed(ended, attempt.number, happened(event, ended, f"{attempt.number}:{name}")))
    # What bears one instant stays in the order in which it was placed: begin, steps, end.
    return [sent, *(each.happened for each in sorted(placed))]


_Found = tuple[str, ListEvent, datetime]
"""Name of a step, what it led to, when. The name is the same whatever it led to: people who go on with single contacts
afterwards change counts, and what was noted stays."""


def _steps(seen: MaintenanceSeen) -> Iterator[tuple[str, ListEvent, datetime, ListRole]]:
    """The steps in the order of the workflow; each happens once, in whichever attempt."""
    own = seen.role
    if seen.fetched_at is None:
        return
    yield "bounces", bounce_event(seen.bounced, seen.recipients), seen.fetched_at, own
    if seen.suppression is None:
        return
    for name, event, at in _of_suppression(seen.suppression):
        yield name, event, at, own
    plan = seen.rebalancing
    if plan is None:
        return
    if plan.is_needed:
        for name, event, at in _of_rebalancing(plan, is_rolled_back=seen.rolled_back_at is not None):
            yield name, event, at, own
    else:
        yield "rebalancing_planned", ListEvent.BALANCED, plan.made_at, own
    if plan.executed_at is not None and plan.confirmed and seen.rolled_back_at is None:
        for role in CAMPAIGN_LISTS:
            # The list of the campaign has events of its own where it was rebalanced.
            if role in plan.roles and not (role is own and plan.is_needed):
                yield "rebalanced_along", ListEvent.REBALANCED_ALONG, plan.executed_at, role


def _of_suppression(plan: PlanSeen) -> Iterator[_Found]:
    if not plan.is_needed:
        yield "suppression_planned", ListEvent.NOTHING_TO_CLEAN, plan.made_at
        return
    yield "suppression_planned", ListEvent.CLEANUP_NEEDED, plan.made_at
    if plan.waited:
        yield "suppression_waits", ListEvent.CLEANUP_WAITS, plan.made_at
    if plan.was_begun:
        yield "suppression_begun", ListEvent.CLEANING_BEGUN, plan.begun_at or plan.made_at
    if plan.was_refused:
        yield "suppression_ended", ListEvent.CLEANUP_REFUSED, plan.decided_at or plan.made_at
    elif plan.executed_at is not None:
        is_done = not plan.failed and bool(plan.confirmed or plan.skipped)
        event = ListEvent.CLEANED if is_done else ListEvent.CLEANED_IN_PART
        yield "suppression_ended", event, plan.executed_at


def _of_rebalancing(plan: PlanSeen, *, is_rolled_back: bool) -> Iterator[_Found]:
    yield "rebalancing_planned", balance_event(True, plan.deviation_percent), plan.made_at
    if plan.waited:
        yield "rebalancing_waits", ListEvent.REBALANCING_WAITS, plan.made_at
    if plan.was_begun:
        yield "rebalancing_begun", ListEvent.REBALANCING_BEGUN, plan.begun_at or plan.made_at
    if plan.was_refused:
        yield "rebalancing_ended", ListEvent.REBALANCING_REFUSED, plan.decided_at or plan.made_at
    elif plan.executed_at is not None and not is_rolled_back:
        is_done = not plan.failed and plan.is_repaired
        event = ListEvent.REBALANCED if is_done else ListEvent.REBALANCED_IN_PART
        yield "rebalancing_ended", event, plan.executed_at


_ENDED = {
    RunStatus.SUCCESS: ListEvent.COMPLETED,
    # Decided by a person: nothing failed, and nothing is left to do.
    RunStatus.REJECTED: ListEvent.COMPLETED,
    RunStatus.PARTIAL_SUCCESS: ListEvent.COMPLETED_IN_PART,
}


def _ends(seen: MaintenanceSeen, attempt: AttemptSeen, *, is_last: bool) -> Iterator[tuple[ListEvent, datetime, str]]:
    """The event of an attempt's end by its row in the ledger; none while it runs or waits for a person."""
    at = attempt.ended_at
    if at is None:
        return
    if attempt.status is RunStatus.FAILED or (attempt.status is RunStatus.PARTIAL_SUCCESS and attempt.gave_up):
        yield ListEvent.FAILED, at, "failed"
    elif attempt.status in _ENDED:
        event = _ENDED[attempt.status]
        yield event, at, event.value
        yield ListEvent.CACHE_UPDATED, at, "cache_updated"
    elif attempt.status is RunStatus.READ_ONLY:
        # It may be stopped and let go on several times.
        yield ListEvent.ONLY_LOOKED_AT, at, f"only_looked_at:{at.isoformat()}"
    elif attempt.status in TAKEN_BACK and is_last:
        if seen.undone_at is None:
            yield ListEvent.ROLLED_BACK, max(at, seen.rolled_back_at or at), "rolled_back"
        else:
            yield ListEvent.UNDONE, max(at, seen.undone_at), "undone"
