"""Makes a database ready for the product: its schema, the instant from which the careful first days count, and the five
lists that an earlier version worked with."""

from __future__ import annotations

import structlog

from list_pipeline.operations.access import Deciding
from list_pipeline.operations.five_lists.look import adopt
from list_pipeline.storage import migrations, safety

log = structlog.get_logger(__name__)


def prepare(services: Deciding) -> list[str]:
    """Apply missing migrations, note the first start, and return the names of what was applied."""
    applied = migrations.migrate(services.database)
    with services.database.begin() as connection:
        safety.begin_mode(connection, services.clock.now())
    adopt(services)
    log.info("database ready", migrations_applied=len(applied))
    return applied
