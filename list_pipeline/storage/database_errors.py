"""Errors of the PostgreSQL driver, reduced to what may be shown: SQLSTATE, table, column and constraint.

Its texts hold values of rows: the DETAIL of a violated constraint, the CONTEXT of a COPY, the message about a value that does
not parse. Dagster's event log, our log, the ledger and Sentry keep the texts of errors with their causes, so the boundary
stands here, in front of all of them, and the driver's error is not kept as the cause.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from list_pipeline.core.errors import ConfigurationError, PermanentError, TransientError

_PASSING_CLASSES = ("08", "40", "53", "57")
"""Classes of SQLSTATE that pass by themselves: connection lost, transaction rolled back for another one, resources used up,
operator's intervention, a time limit too. https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_TOO_LATE = frozenset({"55P03", "25P03", "25P04"})
"""Limits of ours: a lock was waited for, or a transaction was idle or open, for too long, as when the process was stopped."""
_READ_ONLY = "25006"
"""The server takes no writes: the other one of a pair while they change places, or one whose disk is full."""
_NO_PRIVILEGE = "42501"

_CHECK_URL = "Check DATABASE_URL"
_Known = Sequence[tuple[tuple[str, ...], str, str]]
_CONFIGURED_WRONG: _Known = (
    (("password authentication failed", "no password supplied", "28p01"), "the user or password is refused", _CHECK_URL),
    (("role .* does not exist",), "there is no such user", _CHECK_URL),
    (("database .* does not exist",), "there is no such database", "Create it, or check DATABASE_URL"),
    (("database .* is not currently accepting connections",), "that database takes no connections", _CHECK_URL),
    (("definition of service .* not found",), "the service that it names is described nowhere", "Check pg_service.conf"),
    (("permission denied for database",), "the user may not open it", "Grant it CONNECT on the database"),
    (("no pg_hba.conf entry",), "it does not let this user in from here", "Add it to pg_hba.conf, or check DATABASE_URL"),
    (("does not support ssl",), "it does not offer TLS, which is asked for", "Switch ssl on at the server: plain text is "
     "for this machine only"),
    (("certificate",), "a certificate of TLS cannot be read or does not fit", "Check sslmode and sslrootcert"),
    (("invalid .*value", "invalid port", "invalid percent"), "a part of the URL cannot be understood", _CHECK_URL),
)  # fmt: skip
"""Words of the driver and the server, in English, what is said of them, and what to do. They pass only when somebody does
something. While a connection is made the driver keeps no SQLSTATE."""
_PASSING: _Known = (
    (("too many clients", "too many connections", "remaining connection slots"), "it has no connection left",
     "Try again; if it stays, raise max_connections or find out who holds them"),
    (("starting up", "shutting down", "recovery mode", "system is not"), "it is starting or stopping",
     "Try again in a minute"),
    (("failed to resolve host", "could not translate host"), "the name of its host is not known",
     "Check DATABASE_URL and the network"),
)  # fmt: skip


class DatabaseUnavailableError(TransientError):
    """PostgreSQL does not answer, not in time, or not now."""


class StatementFailedError(PermanentError):
    """PostgreSQL refused a statement: a rule of the schema is violated, or the schema is another one than the program's."""


def connection_problem(tried: str, said: str) -> DatabaseUnavailableError | ConfigurationError:
    """The error for a connection that was not made.

    Args:
        said: the words of the driver, which are not shown: they may name users, and are in the server's language.
    """
    words = said.lower()
    for known, happened, next_step in _CONFIGURED_WRONG:
        if any(re.search(one, words) for one in known):
            return ConfigurationError(tried, happened, next_step)
    for known, happened, next_step in _PASSING:
        if any(one in words for one in known):
            return DatabaseUnavailableError(tried, happened, next_step)
    return DatabaseUnavailableError(tried, "the server does not answer", "Check DATABASE_URL and that PostgreSQL runs")


@contextmanager
def plain_errors(tried: str) -> Iterator[None]:
    """Turn the driver's errors into ours while a block runs.

    Args:
        tried: what the block does, in words that may be shown.

    Raises:
        DatabaseUnavailableError: the connection broke, or PostgreSQL gave the statement up; it may work later.
        StatementFailedError: PostgreSQL refused it.
    """
    try:
        yield
    except DBAPIError as error:
        raise _typed(tried, error.orig) from None
    except psycopg.Error as error:
        # COPY goes past SQLAlchemy.
        raise _typed(tried, error) from None


def _typed(tried: str, error: BaseException | None) -> DatabaseUnavailableError | StatementFailedError:
    if not isinstance(error, psycopg.Error):
        return StatementFailedError(tried, f"the driver failed ({type(error).__name__})", "Report it with the log")
    state = error.sqlstate
    if state is None:
        if isinstance(error, psycopg.OperationalError):
            return DatabaseUnavailableError(tried, "the connection broke", "Check that PostgreSQL runs, and try again")
        return StatementFailedError(
            tried, f"the driver refused a value ({type(error).__name__})", "Report it with the log"
        )
    what = f"PostgreSQL says {type(error).__name__} ({state}){_place(error)}"
    if state == _READ_ONLY:
        return DatabaseUnavailableError(
            tried,
            f"{what}: the server takes no writes now",
            "Try again; if it stays, DATABASE_URL names a copy that takes none, or the disk is full",
        )
    if state == _NO_PRIVILEGE:
        return StatementFailedError(
            tried, what, "Nothing of it was written. Let the user of DATABASE_URL own the schema list_pipeline"
        )
    if state.startswith(_PASSING_CLASSES) or state in _TOO_LATE:
        return DatabaseUnavailableError(tried, what, "Try again; if it stays, look at PostgreSQL's log")
    if state.startswith("42"):
        return StatementFailedError(
            tried, what, "Run `list-pipeline migrate`: the schema is not the one of this version"
        )
    return StatementFailedError(tried, what, "Nothing of it was written. PostgreSQL's log names the row")


def _place(error: psycopg.Error) -> str:
    diagnostic = error.diag
    named = (
        ("table", diagnostic.table_name),
        ("column", diagnostic.column_name),
        ("constraint", diagnostic.constraint_name),
    )
    return "".join(f", {kind} {name}" for kind, name in named if name)
