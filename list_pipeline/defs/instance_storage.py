"""Dagster's own storage in PostgreSQL, with connections that are used again.

Dagster opens a connection for every statement and closes it: 765 for one maintenance, which was more than half of what Dagster
itself cost (8.8 s of CPU, with a pool 3.0 s). dagster.yaml names this class; all but the connections is Dagster's.

Belongs here: which connections Dagster's storage has. Does not belong here: those to our own tables (``storage.database``).
"""

from __future__ import annotations

import time
from typing import Any, cast

from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

KEPT = 2
"""Connections that a process keeps open. More are opened when threads need them at once, and closed after use, as before."""
UNUSED_S = 1.0
"""A connection that was not used for so many seconds is tried before it is used again: a server that was started again closed
them all, and takes longer than that to start. Tried each time, that was two of five statements of a run."""
RECYCLE_S = 600
"""Seconds after which a connection is opened anew, so that none outlives what a proxy in between allows."""


def _note_use(_: Any, record: ConnectionPoolEntry) -> None:
    record.info["used_at"] = time.monotonic()


def _try_unused(connection: Any, record: ConnectionPoolEntry, _: Any) -> None:
    """Have the pool open another one where this connection is closed."""
    used_at = record.info.get("used_at")
    if used_at is None or time.monotonic() - used_at < UNUSED_S:
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    except connection.Error as error:
        raise DisconnectionError from error


class PooledPostgresStorage(DagsterPostgresStorage):
    """Dagster's storage in PostgreSQL; its three parts share the connections of their process."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: Any = None,
        token_provider: Any = None,
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data, token_provider)
        engine = create_pg_engine(
            self.postgres_url,
            token_provider,
            isolation_level="AUTOCOMMIT",
            poolclass=QueuePool,
            pool_size=KEPT,
            max_overflow=-1,
            pool_recycle=RECYCLE_S,
            pool_use_lifo=True,
        )
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", _try_unused)
        for part in (self._run_storage, self._event_log_storage, self._schedule_storage):
            # No setting of Dagster's reaches its engines, and each makes one without a pool.
            cast(Any, part)._engine = engine
        # Dagster disposes of this part first, which has nothing of its own to dispose of, and never of the whole.
        cast(Any, self._run_storage).dispose = engine.dispose

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> PooledPostgresStorage:
        """As Dagster makes it from ``dagster.yaml``."""
        return cls(
            inst_data=inst_data,
            postgres_url=pg_url_from_config(config_value),
            should_autocreate_tables=config_value.get("should_autocreate_tables", True),
            token_provider=get_token_provider_from_config(config_value),
        )
