"""What a run needs, imported and built once. Each run is a fork of the process that did.

Nothing may be opened here that two processes must not share: no connection, no thread.
"""

from __future__ import annotations

import gc

import dagster_postgres  # noqa: F401 - where runs are stored
from dagster._core.execution import api as _execution  # noqa: F401
from dagster._grpc import impl as _runs  # noqa: F401

import list_pipeline.defs.instance_storage  # noqa: F401
from list_pipeline.definitions import defs

for _job in defs.get_repository_def().get_all_jobs():
    # Each is put together when it is first asked for.
    _ = _job.get_job_index()

# What is there is there for good: no run walks it again, and its pages stay shared.
gc.freeze()
