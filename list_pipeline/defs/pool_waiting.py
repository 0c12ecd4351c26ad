"""A run that waits for its turn in a pool sleeps meanwhile.

Dagster's executor asks how long it is until the next look at the pool, and is told nought whatever is left, because
``InstanceConcurrencyContext.interval_to_next_pending_claim_check`` takes the least of nought and of what is left. So each run
that waits turns round in its loop, with all of a processor, until the other one has changed its lists.

Belongs here: that one answer. Does not belong here: which pools there are, and how many may be in one (``common``,
dagster.yaml).
"""

from __future__ import annotations

import time

from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext

LONGEST_S = 1.0
"""A run that is cancelled while it sleeps notices after so long."""


def until_next_look(self: InstanceConcurrencyContext) -> float:
    """Seconds until a pool is looked at again, for a run of which nothing else can be done; nought when it is time.

    Dagster looks after one second, then ever more seldom, 15 s at the most.
    """
    due = min(self._pending_timeouts.values(), default=0.0)
    return min(max(due - time.time(), 0.0), LONGEST_S)


def sleep_while_waiting() -> None:
    """Let every run of this process sleep while it waits for a pool."""
    setattr(InstanceConcurrencyContext, "interval_to_next_pending_claim_check", until_next_look)  # noqa: B010 - typed as Dagster's own
