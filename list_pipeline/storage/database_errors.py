"""Errors of the PostgreSQL driver, reduced to what may be shown: SQLSTATE, table, column and constraint.

Its texts hold values of rows: the DETAIL of a violated constraint, the CONTEXT of a COPY, the message about a value that does
not parse. Dagster's event log, our log, the ledger and Sentry keep the texts of errors with their causes, so the boundary
stands here, in front of all of them, and the driver's error is not kept as the cause.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from list_pipeline.core.errors import PermanentError, TransientError

_PASSING_CLASSES = ("08", "40", "53", "57")
"""Classes of SQLSTATE that pass by themselves: connection lost, transaction rolled back for another one, resources used up,
operator's intervention, a time limit too. https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_TOO_LATE = frozenset({"55P03", "25P03", "25P04"})
"""Limits of ours: a lock was waited for, or a transaction was idle or open, for too long, as when the process was stopped."""


class DatabaseUnavailableError(TransientError):
    """PostgreSQL does not answer, not in time, or not now."""


class StatementFailedError(PermanentError):
    """PostgreSQL refused a statement: a rule of the schema is violated, or the schema is another one than the program's."""


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
