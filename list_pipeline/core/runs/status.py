"""How a run stands: its statuses, and the truthful one from what became of its plans."""

from __future__ import annotations

from enum import StrEnum


class RunStatus(StrEnum):
    """How a maintenance run ended; ``running`` until it did."""

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"
    PENDING_REVIEW = "pending_review"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    READ_ONLY = "read_only"


def run_status(
    *,
    planned: int,
    confirmed: int,
    skipped: int = 0,
    failed: int = 0,
    waiting: int = 0,
    rejected: int = 0,
    read_only: bool = False,
    rolled_back: bool = False,
) -> RunStatus:
    """How a run ended, from the numbers of its plan items.

    Success when every planned item is confirmed, also when nothing was planned; partial when some are; failed when
    none are. An item that was found to need nothing any more (``skipped``: erased, or already there) is settled, and
    one that a person rejected is no longer planned. While nothing was executed, what waits makes the run pending.

    Raises:
        ValueError: a number is negative, or there are more outcomes than items.
    """
    outcomes = (confirmed, skipped, failed, waiting, rejected)
    if min(planned, *outcomes) < 0 or sum(outcomes) > planned:
        raise ValueError("the outcomes of a run do not fit its plan")
    if rolled_back:
        return RunStatus.ROLLED_BACK
    if read_only and planned:
        return RunStatus.READ_ONLY
    wanted = planned - rejected
    if rejected and not wanted:
        return RunStatus.REJECTED
    if confirmed + skipped == wanted:
        return RunStatus.SUCCESS
    if confirmed:
        return RunStatus.PARTIAL_SUCCESS
    return RunStatus.PENDING_REVIEW if waiting and not failed else RunStatus.FAILED
