"""Whether statements of one connection reach one session of the server, which locks and temporary tables of a session rest on.

A pooler in transaction mode hands sessions around: the lock of one client is then the lock of whoever gets its session, who is
told that it is free, because a session may take its own lock again; and what one wrote into a temporary table, another reads.
"""

from __future__ import annotations

import uuid
from typing import Any, cast

import psycopg
from psycopg import sql
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, text

from list_pipeline.core.errors import ConfigurationError

_NAME = text("select current_setting('list_pipeline.session', true)")
_KEPT = "kept_session"
"""Where a connection of the pool notes the name of its session, while nobody uses it as one."""
_EMPTIED = sql.SQL("""
    discard temporary; reset all; select pg_advisory_unlock_all();
    select set_config('list_pipeline.session', {}, false)
""")


def require_kept_session(connection: Connection, tried: str) -> None:
    """Give the session of a connection a name of its own, and make sure that it is ours and stays.

    Args:
        connection: in autocommit; one that nobody used as a session before, or that was given back (``give_back``).

    Raises:
        ConfigurationError: it is not, or does not.
    """
    known = connection.info.pop(_KEPT, None)
    if known is not None and name_of_session(connection) == known:
        return
    mine = uuid.uuid4().hex
    before = name_of_session(connection)
    connection.execute(text("select set_config('list_pipeline.session', :mine, false)"), {"mine": mine})
    after = {name_of_session(connection) for _ in range(3)}
    if before or after != {mine}:
        raise ConfigurationError(
            tried,
            "DATABASE_URL leads to a pooler that does not keep sessions (such as PgBouncer with pool_mode = transaction), "
            "behind which no lock holds",
            "Connect to PostgreSQL itself, or to a pool in session mode",
        )


def give_back(connection: Connection) -> bool:
    """Empty the session of a connection, so that whoever gets it next finds no lock, table or setting of ours; and note its
    name, so that it need not be looked at closely again.

    A new connection costs both sides some ten milliseconds, and the server forgets with the old one what it had read of its
    catalogue.

    Returns:
        False: it cannot be emptied, because it is gone, or in a transaction.
    """
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    if driver.info.transaction_status != TransactionStatus.IDLE:
        return False
    name = uuid.uuid4().hex
    try:
        # Without parameters the driver sends all of it at once.
        driver.execute(_EMPTIED.format(sql.Literal(name)))
    except psycopg.Error:
        return False
    connection.info[_KEPT] = name
    return True


def name_of_session(connection: Connection) -> str:
    """The name of the session that a statement reaches now; empty for one that got none."""
    return str(connection.execute(_NAME).scalar() or "")
