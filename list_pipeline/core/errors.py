"""The exception tree of the product, drawn once.

    ListPipelineError
    |-- ConfigurationError         a setting is missing or wrong; names the variable
    |-- NotFoundError              a campaign, plan, list or contact that does not exist
    |-- RefusedError               asked for something that a safety rule forbids
    |   |-- ChangesStoppedError    a person or a setting stopped changes; what is half done goes on later
    |   |-- HistorySummarisedError so old that only a summary is left
    |   |-- IllegalTransitionError no such step leads from where something is in its life
    |   `-- StateChangedError      somebody else moved it on since it was read; nothing was overwritten
    |-- IncompleteDataError        data was read but cannot be trusted to be whole; nothing was decided on it
    |   `-- LateLogError           one of Mailjet's two bounce sources is late; it is waited for
    |-- LockHeldError              another process is changing the lists
    |-- MissingRowError            a row of ours that must be there is not (storage.database)
    |-- UnreadableRowError         a row of ours does not hold what its column is for (storage.database)
    `-- IntegrationError           another service failed; subclasses live beside each client
        |-- PermanentError         repeating the same request cannot help; StatementFailedError of PostgreSQL too
        |   |-- AuthenticationError
        |   `-- RemoteNotFoundError
        `-- TransientError         repeating later may help
            `-- UnavailableError   the service is away or busy: nothing is wrong with what was asked, and waiting helps
                |-- RateLimitedError
                `-- CircuitOpenError   not even tried: the service failed too often just now

A message says what was tried, what happened and what to do next. It never carries an address or a secret.
"""

from __future__ import annotations


class ListPipelineError(Exception):
    """Base of every error that the product raises on purpose."""

    def __init__(self, tried: str, happened: str, next_step: str) -> None:
        """Build the message out of its three parts; each is a phrase without a final stop."""
        super().__init__(f"{tried}: {happened}. {next_step}.")
        self.tried = tried
        self.happened = happened
        self.next_step = next_step


class ConfigurationError(ListPipelineError):
    """A setting is missing or wrong."""


class NotFoundError(ListPipelineError):
    """Something named by the caller does not exist on our side."""


class RefusedError(ListPipelineError):
    """A safety rule forbids what was asked for."""


class ChangesStoppedError(RefusedError):
    """Changes were stopped by a person or a setting. Not a failure: what is half done is continued when they may go on."""


class OvertakenError(RefusedError):
    """What was asked for has no object any more: the world went on between the asking and the doing. Nothing was done."""


class IllegalTransitionError(RefusedError):
    """A status that may not follow the present one, or an event that a machine does not know in its state."""


class StateChangedError(RefusedError):
    """A row is no longer as it was read: somebody else moved it on. Nothing was overwritten."""


class HistorySummarisedError(RefusedError):
    """The rows of so old a campaign are summarised: what was asked for would be worked out from a part of them."""


class IncompleteDataError(ListPipelineError):
    """A reading is not whole. An error is never an empty set: nothing may be decided on it."""


class LateLogError(IncompleteDataError):
    """One of Mailjet's two bounce sources does not show yet what the other does. Not a fault: it is read again within hours."""


class LockHeldError(ListPipelineError):
    """Another process holds the lock under which lists are changed."""


class IntegrationError(ListPipelineError):
    """A service outside failed."""


class PermanentError(IntegrationError):
    """The error of a request that would fail again."""


class AuthenticationError(PermanentError):
    """The service refused our credentials."""


class RemoteNotFoundError(PermanentError):
    """The service does not know the object."""


class TransientError(IntegrationError):
    """The error of a request that may succeed later."""


class UnavailableError(TransientError):
    """The service is away, busy, or still at work on what it accepted. Waiting helps, so it counts as no failed attempt."""


class RateLimitedError(UnavailableError):
    """The service asked us to slow down."""

    def __init__(self, tried: str, happened: str, next_step: str, retry_after_s: float | None = None) -> None:
        super().__init__(tried, happened, next_step)
        self.retry_after_s = retry_after_s


class CircuitOpenError(UnavailableError):
    """Not tried: the service failed too often just now."""
