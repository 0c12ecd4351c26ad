"""Looks after the product's own work and tells people: failed runs at once, what is overdue, slow or asks for a rollback daily.

Belongs here: who is told what and how often. Does not belong here: the rules (``core``), and Dagster's runs themselves
(``defs.monitoring.run_failures``). Every message goes through the outbox, so a failure of Slack loses none; a failure
of the database itself can only be read in the log, since the outbox is in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from list_pipeline.core.messages import keys
from list_pipeline.core.messages.keys import MessageKey
from list_pipeline.core.messages.slack_blocks import SlackMessage
from list_pipeline.core.monitoring.alert_pacing import may_tell
from list_pipeline.core.monitoring.freshness import Freshness, also_overdue_when_never_done
from list_pipeline.core.monitoring.messages import (
    FailedRun,
    failure_message,
    overdue_message,
    slow_message,
    trigger_message,
)
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.monitoring.rollback_triggers import TriggerResult
from list_pipeline.operations.messages.outbox import Delivery, deliver, post, queue
from list_pipeline.operations.monitoring.figures import Metrics, measured
from list_pipeline.operations.monitoring.rollback_triggers import triggers
from list_pipeline.operations.services import Services
from list_pipeline.storage import safety
from list_pipeline.storage.messages import Outgoing
from list_pipeline.storage.monitoring import job_runs
from list_pipeline.storage.monitoring.job_runs import EndedRun

log = structlog.get_logger(__name__)

# Failed runs


def note_ended(services: Services, ended: Sequence[EndedRun]) -> None:
    """Copy runs that ended into our table, each once. A failed one is named in the log as well."""
    with services.database.begin() as connection:
        for one in ended:
            job_runs.note(connection, one, services.clock.now())
    for one in ended:
        if one.error is not None:
            log.error("a run failed", run_id=one.run_id, workflow=one.job, partition=one.partition_key, error=one.error)


def unknown_among(services: Services, run_ids: Sequence[str]) -> frozenset[str]:
    """The runs that are not in our table yet."""
    with services.database.begin() as connection:
        return frozenset(run_ids) - job_runs.known_among(connection, run_ids)


def tell_failures(services: Services) -> tuple[Delivery, ...]:
    """Tell what nobody was told about: the first failure of a job at once, further ones in groups with growing pauses.

    A failed maintenance that has a report is told by that.
    """
    now, sent = services.clock.now(), []
    with services.database.begin() as connection:
        by_job: dict[str, list[EndedRun]] = defaultdict(list)
        for one in job_runs.untold(connection):
            by_job[one.job].append(one)
        due = {
            job: found
            for job, found in by_job.items()
            if may_tell(job_runs.told_times(connection, job, now - MONITORING.memory), now)
        }
    for job, found in due.items():
        message = failure_message(job, [_shown(services, one) for one in found])
        key = keys.run_failure(found[-1].run_id)
        with services.database.begin() as connection:
            row = queue(services, connection, Outgoing(key, message.text, message.blocks, is_important=True))
            # In the same transaction: nothing is marked that is not in the outbox, and nothing is in it twice.
            job_runs.mark_told(connection, [one.run_id for one in found], key, now)
        sent.append(post(services, row))
    return tuple(sent)


def _shown(services: Services, one: EndedRun) -> FailedRun:
    base = services.settings.dagster_url
    url = f"{base}/runs/{one.run_id}" if base else None
    return FailedRun(one.run_id, one.job, one.partition_key, one.error or "", url)


# What is looked at every hour


@dataclass(frozen=True, slots=True)
class Watched:
    """The findings, and the delivery of the messages about them."""

    figures: Metrics
    triggers: tuple[TriggerResult, ...]
    freshness: tuple[Freshness, ...]
    told: tuple[Delivery, ...]


def look(services: Services, freshness: Sequence[Freshness]) -> Watched:
    """Look at the figures, the triggers and what is scheduled, and tell each finding once a day (UTC)."""
    figures = measured(services)
    judged, fresh = triggers(services, figures), _with_never_done(services, freshness)
    today = services.clock.now().astimezone(UTC).date()
    messages: dict[MessageKey, tuple[SlackMessage, bool]] = {}
    for result in judged:
        if result.is_hit:
            log.error("a rollback trigger was hit", trigger=result.trigger.value, found=result.words)
            messages[keys.rollback_trigger(result.trigger, today)] = trigger_message(result), True
    for one in fresh:
        if one.is_overdue:
            log.warning("scheduled work is overdue", workflow=one.job, found=one.words)
            messages[keys.overdue(one.job, today)] = overdue_message(one), True
    lately = measured(services, 1).slow
    if lately:
        messages[keys.slow_runs(today)] = slow_message(lately, 1), False
    told = tuple(deliver(services, key, message, important=serious) for key, (message, serious) in messages.items())
    return Watched(figures, judged, fresh, told)


def _with_never_done(services: Services, freshness: Sequence[Freshness]) -> tuple[Freshness, ...]:
    now = services.clock.now()
    with services.database.begin() as connection:
        first: datetime = safety.begin_mode(connection, now)["first_started_at"]
    return tuple(also_overdue_when_never_done(one, first, now) for one in freshness)
