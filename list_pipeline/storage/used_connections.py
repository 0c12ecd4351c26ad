"""Whether a connection that a pool kept is used again without asking, or asked first.

Asking each time costs a way to the server and back for each transaction, of the three or four that a short one has.
"""

from __future__ import annotations

import select
import time
from typing import Any, Final

import psycopg
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

TRUSTED_FOR_S = 5.0
"""A connection that was used within so many seconds, and whose server sent nothing since, is used again without asking. A
server that ended a session, or ends itself, says so, which shows without a way to it and back."""

_USED_AT: Final = "used_at"


def note_use(_connection: object, record: ConnectionPoolEntry) -> None:
    """A connection was given back to the pool."""
    record.info[_USED_AT] = time.monotonic()


def make_sure(connection: psycopg.Connection[Any], record: ConnectionPoolEntry, dialect: Dialect) -> None:
    """A connection is taken from the pool.

    Raises:
        InvalidatePoolError: it is gone. The pool makes a new one, and trusts none that is as old.
    """
    used_at: float | None = record.info.get(_USED_AT)
    if used_at is None or (time.monotonic() - used_at < TRUSTED_FOR_S and _is_quiet(connection)):
        return
    driver: Any = connection
    try:
        dialect.do_ping(driver)
    except psycopg.Error:
        raise InvalidatePoolError from None


def _is_quiet(connection: psycopg.Connection[Any]) -> bool:
    """Whether nothing came from the server that nobody waited for, such as the word that it ended the session."""
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)
