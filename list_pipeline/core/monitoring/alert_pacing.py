"""When people are told about failed runs: the first failure of a job at once, a job that fails again and again in groups.

Belongs here: the rule. Does not belong here: reading runs (``defs.monitoring.run_failures``) and posting
(``operations.monitoring.alerts``).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from list_pipeline.core.monitoring.policy import MONITORING


def may_tell(told_at: Sequence[datetime], now: datetime) -> bool:
    """Whether another message about a job's failures may go out now. Failures that are not told yet wait for the next one.

    The pause doubles with every message of the last 24 hours, so that a job that fails every 30 s makes some ten messages
    a day and not 2,880, each of them with everything that happened since the one before.

    Args:
        told_at: when messages about failures of this job went out (UTC), in any order.
    """
    recent = [at for at in told_at if now - at < MONITORING.memory]
    if not recent:
        return True
    pause: timedelta = min(MONITORING.first_pause * 2 ** min(len(recent) - 1, 20), MONITORING.longest_pause)
    return now - max(recent) >= pause
