"""Who was mailed and what failed, over years: a partition a year, and a summary of what is older than it is kept.

Does not belong here: the statements (``storage.history``), and what stays (``core.suppression.remembered``).
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from list_pipeline.core.errors import LockHeldError
from list_pipeline.core.retention import RETENTION, HistoryWork, RetentionPolicy, SummarisedHistory
from list_pipeline.operations.access import Forgetting
from list_pipeline.storage import history as rows

log = structlog.get_logger(__name__)

_MONTH = timedelta(days=365.25 / 12)


def tend_history(services: Forgetting, *, dry_run: bool = False, policy: RetentionPolicy = RETENTION) -> HistoryWork:
    """Close a year, and summarise what is older than ``HISTORY_KEPT_MONTHS``. Each is one transaction; killed midway, nothing
    was done. Nobody is kept waiting: where somebody works with mailings all the time, the next run tries again.

    Args:
        dry_run: count only.
    """
    try:
        moved = _close(services, dry_run, policy)
        summarised = _summarise(services, dry_run)
    except LockHeldError as error:
        log.warning("the history is left as it is", problem=error.happened)
        return HistoryWork(problem=str(error))
    with services.database.begin() as connection:
        if not dry_run:
            rows.keep_statistics(connection)
    return HistoryWork(moved is not None, moved or 0, summarised)


def _close(services: Forgetting, dry_run: bool, policy: RetentionPolicy) -> int | None:
    """Rows that were moved for a new span; None: none is due."""
    now = services.clock.now()
    with services.database.begin() as connection:
        span = rows.span_to_close(connection, now - policy.span, now - policy.longest_span)
        if span is None or dry_run:
            return None if span is None else 0
        moved = rows.close_span(connection, span)
    log.info("a span of the history is closed", first=span.first, end=span.end, moved=moved)
    return moved


def _summarise(services: Forgetting, dry_run: bool) -> SummarisedHistory | None:
    months, now = services.settings.history_kept_months, services.clock.now()
    if not months:
        return None
    with services.database.begin() as connection:
        end = rows.old_end(connection, now - months * _MONTH)
        if end is None:
            return None
        if dry_run:
            return rows.count_old_history(connection, end)
        done = rows.summarise(connection, end, now)
    log.info("old history is summarised", campaigns=done.campaigns, mailings=done.mailings, kept=done.mailings_kept)
    return done
