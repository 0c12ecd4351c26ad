"""Dagster's own storage in PostgreSQL, with connections that are used again.

Dagster opens a connection for every statement and closes it: 765 for one maintenance, which was more than half of what Dagster
itself cost (8.8 s of CPU, with a pool 3.0 s). dagster.yaml names this class; all but the connections is Dagster's.

Belongs here: which connections Dagster's storage has. Does not belong here: those to our own tables (``storage.database``).
"""

from __future__ import annotations

from typing import Any, cast

from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.utils import create_pg_engine, get_token_provider_from_config, pg_url_from_config
from sqlalchemy.pool import QueuePool

KEPT = 2
"""Connections that a process keeps open. More are opened when threads need them at once, and closed after use, as before."""
RECYCLE_S = 600
"""Seconds after which a connection is opened anew, so that none outlives what a proxy in between allows."""


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
            # A server that was started again closed them all: the first to be used would fail.
            pool_pre_ping=True,
            pool_use_lifo=True,
        )
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
