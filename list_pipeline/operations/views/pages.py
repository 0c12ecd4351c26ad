"""Pages of what is stored, for whoever looks from outside: campaigns, plans, the ledger, checks, validations and questions.

Belongs here: which page, and what follows it. Does not belong here: the look of a page (the ways in), and a single campaign's
story (``campaign_story``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

from list_pipeline.core.campaigns.eligibility import CampaignStatus
from list_pipeline.core.errors import NotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.masking import mask_address
from list_pipeline.core.plans.plan import PlanKind, PlanStatus, Sweep
from list_pipeline.core.reviews.questions import ReviewKind, ReviewStatus
from list_pipeline.core.runs.status import RunStatus
from list_pipeline.core.validation.checklist import RuleResult, Severity
from list_pipeline.operations.access import Storing
from list_pipeline.storage import views
from list_pipeline.storage.membership import members
from list_pipeline.storage.validation import results
from list_pipeline.storage.views import CampaignRow, CheckRow, LogRow, PlanRow, QuestionRow, ValidationRow

T = TypeVar("T")
ERASED = "erased"
"""Stands where a masked address would, of a contact whose address is not known."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Entries, the newest first. ``next_after``: ``after`` of the next page; None: this is the last."""

    entries: tuple[T, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class MaskedContact:
    """A contact as people may see it: its id and a masked address, or ``erased``."""

    contact_id: int
    contact: str


@dataclass(frozen=True, slots=True)
class QuestionShown:
    """A question with a page of the contacts that it is about. ``next_after``: ``after`` of their next page."""

    question: QuestionRow
    contacts: tuple[MaskedContact, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True)
class ValidationShown:
    """A validation with what each rule found."""

    validation: ValidationRow
    left_because: str | None
    rules: tuple[RuleResult, ...]


def campaigns_page(
    services: Storing,
    *,
    after: int,
    limit: int,
    status: CampaignStatus | None = None,
    role: ListRole | None = None,
    cycle: int | None = None,
) -> Page[CampaignRow]:
    """Campaigns, those that were found last first."""
    return _page(
        services,
        lambda connection, most: views.campaigns(
            connection, after=after, most=most, status=status, role=role, cycle=cycle
        ),
        limit,
    )


def coming_campaigns(services: Storing, *, most: int) -> tuple[CampaignRow, ...]:
    """Campaigns that are still to be sent, the next one first; blocked ones too, as Mailjet may send them."""
    with services.database.begin() as connection:
        return tuple(views.coming_campaigns(connection, services.clock.now(), most=most))


def logs_page(
    services: Storing,
    *,
    after: int,
    limit: int,
    campaign: str | None = None,
    status: RunStatus | None = None,
    sweep: Sweep | None = None,
) -> Page[LogRow]:
    """Attempts of the ledger, the latest first."""
    return _page(
        services,
        lambda connection, most: views.logs(
            connection, after=after, most=most, campaign=campaign, status=status, sweep=sweep
        ),
        limit,
    )


def plans_page(
    services: Storing,
    *,
    after: int,
    limit: int,
    campaign: str | None = None,
    status: PlanStatus | None = None,
    kind: PlanKind | None = None,
) -> Page[PlanRow]:
    """Plans without their items, the latest first."""
    return _page(
        services,
        lambda connection, most: views.plans(
            connection, after=after, most=most, campaign=campaign, status=status, kind=kind
        ),
        limit,
    )


def checks_page(services: Storing, *, after: int, limit: int, status: RunStatus | None = None) -> Page[CheckRow]:
    """Weekly checks, the latest first."""
    return _page(
        services, lambda connection, most: views.checks(connection, after=after, most=most, status=status), limit
    )


def validations_page(
    services: Storing, *, after: int, limit: int, campaign: str | None = None, verdict: Severity | None = None
) -> Page[ValidationRow]:
    """Validations, the latest first."""
    return _page(
        services,
        lambda connection, most: views.validations(
            connection, after=after, most=most, campaign=campaign, verdict=verdict
        ),
        limit,
    )


def questions_page(
    services: Storing,
    *,
    after: int,
    limit: int,
    campaign: str | None = None,
    status: ReviewStatus | None = None,
    kind: ReviewKind | None = None,
    plan: int | None = None,
) -> Page[QuestionRow]:
    """Questions and findings, the latest first."""
    return _page(
        services,
        lambda connection, most: views.questions(
            connection, after=after, most=most, campaign=campaign, status=status, kind=kind, plan=plan
        ),
        limit,
    )


def question_shown(services: Storing, review_id: int, *, after: int = 0, limit: int = 50) -> QuestionShown:
    """One question with a page of its contacts, which come by ascending id.

    Args:
        after: the contact id that the page before ended with.

    Raises:
        NotFoundError: there is no such question.
    """
    with services.database.begin() as connection:
        found = views.question(connection, review_id)
    if found is None:
        raise NotFoundError(
            f"Reading question {review_id}", "there is no such question", "`list-pipeline reviews` lists what waits"
        )
    left = sorted(one for one in found.contact_ids if one > after)
    ids = left[:limit]
    return QuestionShown(found, masked_contacts(services, ids), ids[-1] if len(left) > limit else None)


def validation_shown(services: Storing, validation_id: int) -> ValidationShown:
    """One validation with what each rule found.

    Raises:
        NotFoundError: there is no such validation.
    """
    with services.database.begin() as connection:
        row = next(iter(views.validations(connection, after=validation_id + 1, most=1)), None)
        if row is None or row.number != validation_id:
            raise NotFoundError(
                f"Reading validation {validation_id}",
                "there is no such validation",
                "The list of validations has their numbers",
            )
        stored = results.existing_validation(connection, validation_id)
    return ValidationShown(row, stored.left_because, stored.results)


def masked_contacts(services: Storing, contact_ids: Sequence[int]) -> tuple[MaskedContact, ...]:
    """Contacts by id and masked address, in the order in which they are asked for."""
    with services.database.begin() as connection:
        found = members.addresses_of(connection, list(contact_ids))
    return tuple(MaskedContact(one, mask_address(found[one]) if one in found else ERASED) for one in contact_ids)


Row = TypeVar("Row", CampaignRow, LogRow, PlanRow, CheckRow, ValidationRow, QuestionRow)


def _page(services: Storing, read: Callable[[Connection, int], list[Row]], limit: int) -> Page[Row]:
    with services.database.begin() as connection:
        found = read(connection, limit + 1)
    shown = found[:limit]
    return Page(tuple(shown), shown[-1].number if len(found) > limit else None)
