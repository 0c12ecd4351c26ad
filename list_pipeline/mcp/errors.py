"""Errors of tools: what was tried, what happened and what to do next, as an answer that a model can act on.

What is inside stays there: an error that nobody foresaw is logged by its kind and answered without its words.
"""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from pydantic import ValidationError

from list_pipeline.core.errors import (
    ConfigurationError,
    ListPipelineError,
    LockHeldError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from list_pipeline.mcp.results import clean

log = structlog.get_logger(__name__)

_MOST_PROBLEMS = 10


class RoleMissingError(RefusedError):
    """The token's role does not cover the tool."""


class CallerUnknownError(RefusedError):
    """No token that is known came with the call."""


class TooLongError(RefusedError):
    """Arguments, or an answer, are longer than they may be."""

    def __init__(self, tool: str, what: str, characters: int, most: int) -> None:
        super().__init__(
            f"Calling {tool}",
            f"{what} would have {characters:,} characters, more than {most:,}",
            "Ask for less at once",
        )


def words_of(error: ListPipelineError) -> str:
    """An error of ours in its three parts, a line each."""
    if isinstance(error, NotFoundError | RefusedError):
        return _lines(error.tried, error.happened, error.next_step)
    log.error("a tool failed", error=str(error))
    if isinstance(error, TransientError | ConfigurationError | LockHeldError):
        return _lines(error.tried, "it is not possible now", "Call the tool again in a minute; the log says more")
    return _lines(error.tried, "it failed", "The log of the server says why")


def words_of_unforeseen(error: Exception, tool: str) -> str:
    """An error that nobody foresaw; its own words may hold anything, and are left out."""
    log.error("a tool failed", kind=type(error).__name__)
    return _lines(f"Calling {tool}", "it failed", "The log of the server says why")


def words_of_invalid(error: ValidationError, tool: str) -> str:
    """What is wrong with arguments. What was sent is not sent back: it may be an address."""
    found = [f"{_place(one['loc'])}: {one['msg']}" for one in error.errors(include_input=False, include_url=False)]
    left = len(found) - _MOST_PROBLEMS
    more = [f"and {left} more"] if left > 0 else []
    problems = "; ".join([*found[:_MOST_PROBLEMS], *more])
    return _lines(f"Calling {tool}", f"the arguments are not as they should be: {problems}", "Correct them")


def _lines(tried: str, happened: str, next_step: str) -> str:
    return "\n".join((f"Tried: {clean(tried)}.", f"Happened: {clean(happened)}.", f"Next: {clean(next_step)}."))


def _place(parts: Sequence[int | str]) -> str:
    # The name of an argument that does not exist is what somebody sent, too.
    return clean(".".join(map(str, parts)))[:100] or "arguments"
