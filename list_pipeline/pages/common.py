"""What the pages have in common: numbers in paths and queries, who may decide.

The bounds are those of the JSON routes, which is another way in and no import of this one.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.foreign_text import LARGEST_COUNT
from list_pipeline.core.tokens import Role
from list_pipeline.operations.people import NotAReviewerError
from list_pipeline.pages.rendering import Visitor

ENTRIES = 50
"""Entries of one page of a list."""

Number = Annotated[int, Path(ge=1, le=LARGEST_COUNT)]
ContactId = Annotated[int, Path(ge=1, le=10**18 - 1)]
Key = Annotated[str, Path(min_length=1, max_length=100, pattern=r"^[\w.:-]+$")]
KeyFilter = Annotated[str | None, Query(max_length=100, pattern=r"^[\w.:-]*$")]
After = Annotated[int, Query(ge=0, le=LARGEST_COUNT)]
ContactAfter = Annotated[int, Query(ge=0, le=10**18 - 1)]
Told = Annotated[str, Query(max_length=30, pattern=r"^[a-z_]*$")]
"""What was done before this page was shown, as a code; anything else says nothing."""


def visitor_of(request: Request) -> Visitor:
    """Who looks; the guard let nobody else in."""
    found: Visitor = request.state.visitor
    return found


def form_of(request: Request) -> dict[str, str]:
    """The fields of the form, which the guard has read."""
    found: dict[str, str] = request.state.form
    return found


Form = Annotated[dict[str, str], Depends(form_of)]
Visiting = Annotated[Visitor, Depends(visitor_of)]


def decider(visitor: Visitor, tried: str) -> str:
    """The name of a visitor who may decide.

    Raises:
        NotAReviewerError: the role is none that decides.
    """
    if not visitor.may_decide:
        raise NotAReviewerError(
            tried,
            f"{visitor.principal.name} has the role {visitor.principal.role.value}",
            f"A token with the role {Role.REVIEWER.value} may decide",
        )
    return visitor.principal.name


def is_late(error: ListPipelineError) -> bool:
    """Whether a decision was refused because things are not as they were shown, and not because of who decides."""
    return not isinstance(error, NotAReviewerError)
