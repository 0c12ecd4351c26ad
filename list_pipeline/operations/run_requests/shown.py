"""Requests as people see them: what was asked for, by whom, and what became of it.

Does not belong here: asking (``asking``, ``corrections``), and carrying out (``carrying_out``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.plans.plan import PlanStatus, Sweep
from list_pipeline.core.run_requests import RequestKind, RequestOutcome, outcome_of
from list_pipeline.operations.access import Storing
from list_pipeline.operations.views.pages import MaskedContact, Page, masked_contacts
from list_pipeline.storage import run_requests as rows
from list_pipeline.storage.plans import plan_rows
from list_pipeline.storage.run_requests import RunRequest

MOST_CONTACTS_SHOWN = 20
_STILL_OPEN = (PlanStatus.PLANNED, PlanStatus.PENDING_REVIEW, PlanStatus.APPROVED)


@dataclass(frozen=True, slots=True)
class RequestShown:
    """A request. Instants are UTC.

    Attributes:
        contacts: the first of those that it is about, masked; ``contacts_in_all``: how many there are.
        started_at: when a run had it; None: none yet.
        outcome, words, plans: what became of a correction, and the plans that it made. Of a maintenance and a weekly check
            their own rows say it.
    """

    number: int
    kind: RequestKind
    campaign: str | None
    week: str | None
    sweep: Sweep | None
    contacts: tuple[MaskedContact, ...]
    contacts_in_all: int
    note: str
    despite_complaint: bool
    requested_at: datetime
    requested_by: str
    started_at: datetime | None
    ended_at: datetime | None
    outcome: RequestOutcome | None
    words: str
    plans: tuple[int, ...]
    maintenance_log_id: int | None
    health_check_id: int | None


def request_of(services: Storing, request_id: int) -> RunRequest:
    """A request as it is stored.

    Raises:
        NotFoundError: there is no such request.
    """
    with services.database.begin() as connection:
        found = rows.request_by_id(connection, request_id)
    if found is None:
        raise NotFoundError(
            f"Reading request {request_id}",
            "there is no such request",
            "The answer to what was asked for has its number",
        )
    return found


def request_shown(services: Storing, request_id: int) -> RequestShown:
    """A request, and what became of it.

    Raises:
        NotFoundError: there is no such request.
    """
    return _shown(services, request_of(services, request_id))


def requests_page(services: Storing, *, after: int, limit: int, kind: RequestKind | None = None) -> Page[RequestShown]:
    """Requests, the latest first."""
    with services.database.begin() as connection:
        found = rows.requests_page(connection, after=after, most=limit + 1, kind=kind)
    shown = found[:limit]
    return Page(tuple(_shown(services, one) for one in shown), shown[-1].request_id if len(found) > limit else None)


def _as_it_is_now(services: Storing, one: RunRequest) -> tuple[RequestOutcome | None, str]:
    """The outcome of a request, which went on after its run where a person decided on its plan; and the words about it."""
    if one.outcome is not RequestOutcome.WAITS or not one.plan_ids:
        return one.outcome, one.words
    with services.database.begin() as connection:
        plans = [plan_rows.existing_plan(connection, plan_id) for plan_id in one.plan_ids]
    if any(plan.status in _STILL_OPEN for plan in plans):
        return one.outcome, one.words
    said = ", ".join(f"plan {plan.plan_id} was {plan.status.value}" for plan in plans)
    words = f"{said[:1].upper()}{said[1:]}."
    if any(plan.status is PlanStatus.SUPERSEDED for plan in plans):
        return RequestOutcome.INCOMPLETE, f"{words} What was left of it is another plan."
    executed = [plan.status is PlanStatus.EXECUTED for plan in plans]
    if not any(executed):
        return RequestOutcome.REFUSED, words
    return outcome_of(executed), words


def _shown(services: Storing, one: RunRequest) -> RequestShown:
    is_week = one.kind is RequestKind.HEALTH_CHECK
    outcome, words = _as_it_is_now(services, one)
    return RequestShown(
        number=one.request_id,
        kind=one.kind,
        campaign=None if is_week else one.partition_key,
        week=one.partition_key if is_week else None,
        sweep=one.sweep,
        contacts=masked_contacts(services, one.contact_ids[:MOST_CONTACTS_SHOWN]) if one.contact_ids else (),
        contacts_in_all=len(one.contact_ids),
        note=one.note,
        despite_complaint=one.despite_complaint,
        requested_at=one.requested_at,
        requested_by=one.requested_by,
        started_at=one.started_at,
        ended_at=one.ended_at,
        outcome=outcome,
        words=words,
        plans=one.plan_ids,
        maintenance_log_id=one.log_id,
        health_check_id=one.check_id,
    )
