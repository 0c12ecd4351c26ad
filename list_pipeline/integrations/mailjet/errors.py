"""Errors that only Mailjet's client raises, beside those of ``core.errors``.

Belongs here: the types, and what a caller may conclude from each. Does not belong here: when they are raised.
"""

from __future__ import annotations

from list_pipeline.core.errors import IncompleteDataError, PermanentError, TransientError, UnavailableError


class UnreadableAnswerError(TransientError):
    """There was an answer, and it is not what was asked for: HTML, half a JSON text, a missing part, a wrong type.

    Nothing may be concluded from it, least of all that there are no rows.
    """


class UnreadableFieldError(UnreadableAnswerError):
    """One part of one row is not what it should be. ``problem`` names the part and what is wrong with it, and no value."""

    def __init__(self, tried: str, problem: str, next_step: str) -> None:
        super().__init__(tried, problem, next_step)
        self.problem = problem


class OutcomeUnknownError(UnavailableError):
    """A request that changes something went out, and its answer was lost or says nothing: it may have been carried out.

    The client never repeats such a request. Read back what is there before posting again.
    """

    may_have_arrived = True


class TooLargeError(PermanentError):
    """A request was refused because it is too large. The same in parts may be accepted."""


class JobTimeoutError(UnavailableError):
    """A bulk job did not end within the time allowed. It may still be running: nothing may be compensated yet."""


class CountersMissingError(IncompleteDataError):
    """Mailjet has no counters of a campaign (yet). That is not the same as zero messages."""
