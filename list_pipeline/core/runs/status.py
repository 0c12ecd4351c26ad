"""How a run stands: its statuses, which may follow which, and the truthful one from what became of its plans."""

from __future__ import annotations

from enum import StrEnum

from list_pipeline.core.life_cycles import LifeCycle, life_cycle


class RunStatus(StrEnum):
    """How a run stands: a maintenance, a weekly check or a validation. ``running`` until it ended or waits.

    ``rolled_back``: everything was taken back, by a person or, of a rebalancing that failed midway, by itself.
    ``partly_rolled_back``: some of it was, and some stands.
    """

    RUNNING = "running"
    SUCCESS = "success"
    PARTIAL_SUCCESS = "partial_success"
    FAILED = "failed"
    PENDING_REVIEW = "pending_review"
    REJECTED = "rejected"
    ROLLED_BACK = "rolled_back"
    PARTLY_ROLLED_BACK = "partly_rolled_back"
    READ_ONLY = "read_only"

    @property
    def is_open(self) -> bool:
        """Whether the run is at work, or goes on by itself or after a person's decision."""
        return self in OPEN

    @property
    def is_final(self) -> bool:
        """Whether the run ended well or as a person decided: it is not repeated."""
        return self in FINAL


OPEN = frozenset({RunStatus.RUNNING, RunStatus.PENDING_REVIEW, RunStatus.READ_ONLY})
TAKEN_BACK = frozenset({RunStatus.ROLLED_BACK, RunStatus.PARTLY_ROLLED_BACK})
FINAL = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL_SUCCESS, RunStatus.REJECTED}) | TAKEN_BACK

WEEKLY_STATUSES = frozenset({RunStatus.RUNNING, RunStatus.SUCCESS, RunStatus.FAILED})
"""The statuses that a weekly check can have: it waits for nobody, and changes nothing that could be taken back."""

_ANY_END = FINAL | {RunStatus.FAILED}
_RESTORED = frozenset({RunStatus.SUCCESS, RunStatus.PARTIAL_SUCCESS, RunStatus.REJECTED, RunStatus.FAILED})
"""What a run can be again when its undo was taken back."""

RUN_LIFE: LifeCycle[RunStatus] = life_cycle(
    "a run",
    {
        RunStatus.RUNNING: _ANY_END | {RunStatus.PENDING_REVIEW, RunStatus.READ_ONLY},
        # Looked at again while it waits or is stopped, it may come to the same once more.
        RunStatus.PENDING_REVIEW: _ANY_END | OPEN,
        RunStatus.READ_ONLY: _ANY_END | OPEN,
        # A run that was taken for dead lives, or the same row gets another attempt.
        RunStatus.FAILED: {RunStatus.RUNNING} | TAKEN_BACK,
        # The last attempt of a run that was taken for dead after some of it was done.
        RunStatus.PARTIAL_SUCCESS: {RunStatus.RUNNING} | TAKEN_BACK,
        RunStatus.SUCCESS: TAKEN_BACK,
        RunStatus.REJECTED: TAKEN_BACK,
        # More was taken back, or what was taken back was done again.
        RunStatus.ROLLED_BACK: {RunStatus.PARTLY_ROLLED_BACK} | _RESTORED,
        RunStatus.PARTLY_ROLLED_BACK: {RunStatus.ROLLED_BACK} | _RESTORED,
    },
)
"""Which status of a run may follow which."""


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


def status_after_undo(before: RunStatus, *, taken_back: int, left: int, withdrawn: int = 0) -> RunStatus:
    """How a run stands after changes of it were taken back, or were done again.

    Args:
        before: how it stood before the first undo.
        taken_back: changes that are taken back; ``left``: changes that stand, whatever the reason.
        withdrawn: plans that were not carried out to the end because of the undo.
    """
    if not taken_back and not withdrawn:
        # What was open then has another attempt now.
        return before if before in _RESTORED else RunStatus.FAILED
    return RunStatus.PARTLY_ROLLED_BACK if left else RunStatus.ROLLED_BACK
