"""The clock as a value that is passed in. Implementations live in ``list_pipeline.clock``: this layer never asks the time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """One clock for every process: the system's, or the sandbox's virtual one."""

    def now(self) -> datetime:
        """The present instant, timezone-aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait. A virtual clock moves forward instead of waiting."""
        ...
