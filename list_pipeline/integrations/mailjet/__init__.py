"""Mailjet's REST API v3, typed. ``MailjetClient`` is the way in; everything else is how it works."""

from list_pipeline.integrations.mailjet.changes import JobItemError
from list_pipeline.integrations.mailjet.client import MailjetClient
from list_pipeline.integrations.mailjet.errors import (
    CountersMissingError,
    JobTimeoutError,
    OutcomeUnknownError,
    TooLargeError,
    UnreadableAnswerError,
)
from list_pipeline.integrations.mailjet.paging import PAGE

__all__ = [
    "PAGE",
    "CountersMissingError",
    "JobItemError",
    "JobTimeoutError",
    "MailjetClient",
    "OutcomeUnknownError",
    "TooLargeError",
    "UnreadableAnswerError",
]
