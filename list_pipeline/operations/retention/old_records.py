"""The daily clean-up: old records in bounded batches, contacts that are still to be erased, and old history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import structlog

from list_pipeline.core.retention import RETENTION, OldRecord, Removed, RetentionPolicy, cutoffs
from list_pipeline.operations.access import Forgetting
from list_pipeline.operations.erasure.rows import erase_again, follow_erasures
from list_pipeline.operations.retention.history import tend_history
from list_pipeline.storage import retention as rows

log = structlog.get_logger(__name__)


def remove_old_records(services: Forgetting, *, dry_run: bool = False, policy: RetentionPolicy = RETENTION) -> Removed:
    """Remove what is old and waited for by nobody. Killed midway, the next one goes on.

    Args:
        dry_run: count only.
    """
    settings = services.settings
    before = cutoffs(
        services.clock.now(),
        messages_days=settings.messages_kept_days,
        errors_days=settings.errors_kept_days,
        advice_days=settings.advice_texts_kept_days,
        policy=policy,
    )
    if dry_run:
        with services.database.begin() as connection:
            counted = {kind: rows.count_old(connection, kind, at) for kind, at in before.items()}
        return Removed(counted, 0, is_all=True, is_dry_run=True, history=tend_history(services, dry_run=True))
    removed, is_all = _remove(services, before, policy)
    followed, again = follow_erasures(services), erase_again(services)
    history = tend_history(services)
    erased = len(followed.reports) + len(again.reports)
    log.info("old records removed", erased=erased, is_all=is_all, **{kind.value: n for kind, n in removed.items()})
    return Removed(
        removed, erased, is_all, is_dry_run=False, failures=(*followed.failures, *again.failures), history=history
    )


def _remove(
    services: Forgetting, before: Mapping[OldRecord, datetime], policy: RetentionPolicy
) -> tuple[dict[OldRecord, int], bool]:
    removed = dict.fromkeys(before, 0)
    is_all = True
    for kind, at in before.items():
        for _ in range(policy.batches):
            with services.database.begin() as connection:
                gone = rows.remove_old(connection, kind, at, policy.rows_at_once)
            removed[kind] += gone
            if gone < policy.rows_at_once:
                break
        else:
            is_all = False
    return removed, is_all
