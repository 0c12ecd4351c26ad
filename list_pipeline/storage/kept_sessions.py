"""Whether statements of one connection reach one session of the server, which locks and temporary tables of a session rest on.

A pooler in transaction mode hands sessions around: the lock of one client is then the lock of whoever gets its session, who is
told that it is free, because a session may take its own lock again; and what one wrote into a temporary table, another reads.
"""

from __future__ import annotations

import uuid

from sqlalchemy import Connection, text

from list_pipeline.core.errors import ConfigurationError

_NAME = text("select current_setting('list_pipeline.session', true)")


def require_kept_session(connection: Connection, tried: str) -> None:
    """Give the session of a connection a name of its own, and make sure that it is ours and stays.

    Args:
        connection: in autocommit; one that nobody used as a session before.

    Raises:
        ConfigurationError: it is not, or does not.
    """
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


def name_of_session(connection: Connection) -> str:
    """The name of the session that a statement reaches now; empty for one that got none."""
    return str(connection.execute(_NAME).scalar() or "")
