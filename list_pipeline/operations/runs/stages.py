"""A stage of a run, whatever its kind: seen to live while it works, its failure written down where the run keeps it.

Belongs here: the mechanism. Does not belong here: what a kind of run writes (each has a ``RunRecord``), and what follows a
stage that is done (the workflows call that themselves).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Protocol

import structlog

from list_pipeline.operations.follow_up import follow_up
from list_pipeline.operations.services import Services

log = structlog.get_logger(__name__)

HEARTBEAT_EVERY = timedelta(minutes=1)
"""A run that asks Mailjet for something notes this often that it lives."""


class RunRecord(Protocol):
    """Where a run of some kind writes down how it fares."""

    def heartbeat(self) -> None:
        """The run lives."""

    def failed(self, stage: str, error: Exception) -> None:
        """A stage of it failed, or was stopped."""


@contextmanager
def recorded(services: Services, record: RunRecord, stage: str) -> Iterator[None]:
    """A stage: as long as it asks Mailjet for something, its run is seen to live; what fails in it is written down and raised
    again. A record that cannot be written hides no error of the stage, and makes no failure of a success."""
    around, services.heartbeat = services.heartbeat, _now_and_then(services, record)
    try:
        yield
    except Exception as error:
        follow_up("writing a failure down", partial(record.failed, stage, error), stage=stage)
        raise
    finally:
        services.heartbeat = around
    follow_up("noting a sign of life", record.heartbeat, stage=stage)


def _now_and_then(services: Services, record: RunRecord) -> Callable[[], None]:
    last = services.clock.now()

    def beat() -> None:
        nonlocal last
        if services.clock.now() - last >= HEARTBEAT_EVERY:
            last = services.clock.now()
            follow_up("noting a sign of life", record.heartbeat)

    return beat
