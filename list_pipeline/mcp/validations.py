"""Tools about validations of lists before their campaigns."""

from __future__ import annotations

from list_pipeline.core.validation.checklist import RuleResult, Severity
from list_pipeline.mcp.arguments import Arguments, KeyFilter, Number, Page
from list_pipeline.mcp.results import Result
from list_pipeline.mcp.tools import Call, reading
from list_pipeline.operations.views.pages import validation_shown, validations_page
from list_pipeline.storage.views import ValidationRow


class ValidationsWanted(Page):
    """Which validations."""

    campaign: KeyFilter = None
    verdict: Severity | None = None


class Validations(Result):
    """A page of validations."""

    validations: tuple[ValidationRow, ...]
    next_after: int | None


class ValidationWanted(Arguments):
    """Which validation."""

    number: Number


class Validation(Result):
    """A validation with what each rule found. ``left_because``: why it was given up; None: it was not."""

    validation: ValidationRow
    left_because: str | None
    rules: tuple[RuleResult, ...]


def validations(call: Call, asked: ValidationsWanted) -> Validations:
    """List validations, the latest first: before each launch the list of a campaign is validated, and a campaign that would
    mail the suppressed is blocked."""
    found = validations_page(
        call.services, after=asked.after, limit=asked.limit, campaign=asked.campaign, verdict=asked.verdict
    )
    return Validations(validations=found.entries, next_after=found.next_after)


def validation(call: Call, asked: ValidationWanted) -> Validation:
    """Show one validation: what each rule found, and what to do about it."""
    found = validation_shown(call.services, asked.number)
    return Validation(validation=found.validation, left_because=found.left_because, rules=found.rules)


TOOLS = (reading(validations, "Validations"), reading(validation, "A validation"))
