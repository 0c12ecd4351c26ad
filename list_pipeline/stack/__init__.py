"""The embedded servers of demo, tests and ``make dev``: PostgreSQL, Redis and the sandbox, for one checkout.

Belongs here: starting, finding and stopping them, and the settings that point the product at them. Does not belong
here: anything that production needs; there ``DATABASE_URL`` and ``REDIS_URL`` are given.

One supervisor process owns the servers, so that they outlive whoever asked for them first. Its files lie under
``.stack`` in the checkout, or in ``LIST_PIPELINE_STACK_DIR``; ports are free loopback ports chosen at each start.

The embedded PostgreSQL runs without fsync: it survives the death of any process, but not a power cut. It is for
rehearsals and tests only.
"""

from __future__ import annotations

from list_pipeline.stack.control import start, status, stop
from list_pipeline.stack.databases import recreate_database
from list_pipeline.stack.dev import dev_is_running
from list_pipeline.stack.environment import environment
from list_pipeline.stack.state import StackError, StackUrls

__all__ = [
    "StackError",
    "StackUrls",
    "dev_is_running",
    "environment",
    "recreate_database",
    "start",
    "status",
    "stop",
]
