"""How long records are kept that nothing rests on any more.

Campaigns, their figures, the ledger, plans, journal and histories are kept for good; whom they name, an erasure removes. Who
was mailed and what failed is kept for years, and summarised then.

Belongs here: the figures, and the kinds of records. Does not belong here: the statements (``storage.retention``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from list_pipeline.core.wording import count_text, date_text


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
    span: timedelta = timedelta(days=365)
    """Who was mailed in so long a time stands in one partition. A contact is looked up in all of them: they are few."""
    longest_span: timedelta = timedelta(days=548)
    """A longer one, as after the change to partitions, is divided."""


RETENTION = RetentionPolicy()

LEAST_HISTORY_MONTHS = 18
"""The rules look back 400 days from a failure, and a replay or a report asks about the half year before."""

LEAST_DAYS = 14
"""No setting may be shorter, in days."""


@dataclass(frozen=True, slots=True)
class SummarisedHistory:
    """What became of the mailings and failures of campaigns that are older than they are kept.

    Attributes:
        campaigns: campaigns that are summarised now, and were not before.
        sent_until: when the last of them was sent (UTC).
        mailings, failures: rows of these campaigns and of those summarised before.
        mailings_kept, failures_kept: those that stay, because a rule can still ask for them.
        contacts: contacts that they were sent to, each with a row of counts.
    """

    campaigns: int
    sent_until: datetime
    mailings: int
    mailings_kept: int
    failures: int
    failures_kept: int
    contacts: int


@dataclass(frozen=True, slots=True)
class HistoryWork:
    """What was done, or would be, about who was mailed and what failed.

    Attributes:
        closed: whether the campaigns so far became a partition of their own. ``moved``: rows that were moved for it.
        summarised: None: nothing was old enough, or history is kept for good.
        problem: why nothing was done although it should have been; empty: nothing was in the way.
    """

    closed: bool = False
    moved: int = 0
    summarised: SummarisedHistory | None = None
    problem: str = ""


_NO_WORK = HistoryWork()


@dataclass(frozen=True, slots=True)
class Removed:
    """What a clean-up removed, or would remove.

    Attributes:
        rows: rows by kind; of the advisors' records only the texts go.
        erased: contacts that were erased on the way, because Mailjet erased them or an older log brought their ids back.
        is_all: False: there is more, which the next one removes.
        failures: a sentence about each contact that was to be erased and could not be.
        history: about who was mailed and what failed.
    """

    rows: Mapping[OldRecord, int]
    erased: int
    is_all: bool
    is_dry_run: bool
    failures: tuple[str, ...] = ()
    history: HistoryWork = _NO_WORK


def history_sentences(work: HistoryWork, *, is_dry_run: bool) -> list[str]:
    """What was done about the history, or would be, in sentences for people; none where there was nothing to do."""
    said = []
    would = "would " if is_dry_run else ""
    if work.closed:
        moved = f", {count_text(work.moved, 'row')} moved" if work.moved else ""
        said.append(f"The campaigns so far {would}become a partition of their own{moved}.")
    if (done := work.summarised) is not None:
        said.append(
            f"{count_text(done.campaigns, 'campaign')} sent until {date_text(done.sent_until)} {would}become a summary: of "
            f"{done.mailings:,} mailings to {count_text(done.contacts, 'contact')} {done.mailings_kept:,} stay, of "
            f"{done.failures:,} failures {done.failures_kept:,}; the rest {would}become counts."
        )
    if work.problem:
        said.append(f"The history is left as it is. {work.problem}")
    return said


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
