"""How long records are kept that nothing rests on any more.

Campaigns, their figures, the ledger, plans, journal and histories are kept for good; whom they name, an erasure removes.

Belongs here: the figures, and the kinds of records. Does not belong here: the statements (``storage.retention``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class OldRecord(StrEnum):
    """A kind of records that are removed when they are old and nothing waits for them."""

    MESSAGES = "messages"
    RUN_ERRORS = "run_errors"
    ADVICE_TEXTS = "advice_texts"
    REQUESTS = "requests"


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """The first three are what the environment sets where nothing else is said; all are our own figures.

    A fortnight is the least: triggers and reports look a week back, and the last sweep of a campaign comes after a week.
    """

    messages: timedelta = timedelta(days=90)
    run_errors: timedelta = timedelta(days=30)
    advice_texts: timedelta = timedelta(days=90)
    requests: timedelta = timedelta(days=2)
    """The limiter counts one minute of them; a person who looks at a bad day needs two days."""
    dagster_runs: timedelta = timedelta(days=30)
    partition_runs: timedelta = timedelta(days=365)
    """Runs of a campaign, a week or a day: what the UI shows of that partition goes with its run."""
    newest_runs: int = 10
    """So many runs of each job are kept, whatever their age."""
    rows_at_once: int = 1000
    """One transaction deletes so many rows at most ..."""
    batches: int = 200
    """... and one run of the job makes so many transactions of each kind; the rest is removed on the next day."""
    runs_at_once: int = 500
    """One run of the job deletes so many runs of Dagster at most."""


RETENTION = RetentionPolicy()

LEAST_DAYS = 14
"""No setting may be shorter, in days."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What a clean-up removed, or would remove.

    Attributes:
        rows: rows by kind; of the advisors' records only the texts go.
        erased: contacts that were erased on the way, because Mailjet erased them or an older log brought their ids back.
        is_all: False: there is more, which the next one removes.
        failures: a sentence about each contact that was to be erased and could not be.
    """

    rows: Mapping[OldRecord, int]
    erased: int
    is_all: bool
    is_dry_run: bool
    failures: tuple[str, ...] = ()


def cutoffs(
    now: datetime, *, messages_days: int, errors_days: int, advice_days: int, policy: RetentionPolicy = RETENTION
) -> Mapping[OldRecord, datetime]:
    """The instant (UTC) before which records of each kind are old."""
    return {
        OldRecord.MESSAGES: now - timedelta(days=messages_days),
        OldRecord.RUN_ERRORS: now - timedelta(days=errors_days),
        OldRecord.ADVICE_TEXTS: now - timedelta(days=advice_days),
        OldRecord.REQUESTS: now - policy.requests,
    }
