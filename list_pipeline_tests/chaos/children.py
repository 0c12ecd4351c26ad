"""What the child processes of the campaign do: the product at work, as sensor and run would have it, on a shared clock.

Belongs here: the body of a child. Does not belong here: starting and killing children (``scene``). A child is forked from
a server that imported everything once, so that it works after some milliseconds.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.monitoring import stuck_sessions
from list_pipeline.core.monitoring.policy import MONITORING
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.operations.campaigns import discovery
from list_pipeline.operations.drift.odd_sends import tell_about_sends
from list_pipeline.operations.drift.reconciliation import reconcile
from list_pipeline.operations.maintenance import workflow
from list_pipeline.operations.messages.outbox import send_waiting
from list_pipeline.operations.plans.corrections import carry_out_correction
from list_pipeline.operations.plans.waiting_repairs import to_carry_out
from list_pipeline.operations.reports.maintenance_report import notify
from list_pipeline.operations.reviews.decisions import expire_overdue
from list_pipeline.operations.runs.attempts import fail_stale_runs
from list_pipeline.operations.runs.run import begin, current, due, stage, unreported
from list_pipeline.operations.safety.modes import note_flag
from list_pipeline.operations.services import Services
from list_pipeline.operations.synchronisation import synchronise
from list_pipeline.settings import Settings
from list_pipeline.storage.campaigns.sent_campaigns import all_campaigns
from list_pipeline_tests.chaos.clock import SharedClock

SAID_NO = 3
"""Exit status of a child that ended with an error of the product: said in words, and nothing was left to chance."""


BETWEEN_ROUNDS_S = 65 * 60.0
"""A run that died is taken up after an hour; a failed one after a quarter, and then half of an hour."""


@dataclass(frozen=True)
class Order:
    """What a child is to do. ``files`` begins the names of its log (.log) and result (.json)."""

    work: str
    settings: Mapping[str, Any]
    clock: Path
    files: Path
    silent_s: float | None = None
    """Seconds of silence after which it takes the holder of a lock for stuck, where these are not the product's."""


def tend(services: Services, tag: str) -> list[str]:
    """One round of the sensors: what is due is synchronised and maintained, what nobody heard of is reported, what waits in the
    outbox is sent."""
    done: list[str] = []
    note_flag(services, by="sensor")
    if not services.settings.list_management_enabled:
        return done
    discovery.discover(services)
    fail_stale_runs(services)
    failed: ListPipelineError | None = None
    for sweep in Sweep:
        for one in due(services, sweep=sweep):
            try:
                done.append(_maintain(services, one.campaign_key, f"{tag}:{one.run_key}", sweep))
            except ListPipelineError as error:
                # A run that fails is one run: the other sensor tells people about it.
                failed = error
        for one in unreported(services, sweep=sweep):
            run = current(services, one.campaign_key, sweep=sweep)
            notify(services, run, workflow.write_report_and_states(services, run))
            done.append("reported")
    done += [f"message {one.state}" for one in send_waiting(services)]
    if failed is not None:
        raise failed
    return done


def tick(services: Services, tag: str) -> list[str]:
    """What the sensor notes before it starts anything."""
    note_flag(services, by="sensor")
    discovery.discover(services)
    return fail_stale_runs(services)


def tend_until_quiet(services: Services, tag: str) -> list[str]:
    """Rounds of the sensors until one has nothing to do, with the pauses after which a dead or failed run is due again."""
    done: list[str] = []
    for number in range(8):
        made = tend(services, f"{tag}.{number}")
        if not made:
            return done
        done += made
        services.clock.sleep(BETWEEN_ROUNDS_S)
    raise AssertionError(f"the sensors always find something to do: {done}")


def live(services: Services, tag: str) -> list[str]:
    """A round of everything that starts by itself within an hour: the synchronisation, the sensors, corrections that wait."""
    done: list[str] = []
    failed: ListPipelineError | None = None
    try:
        synchronise(services, progress=_quiet)
        tell_about_sends(services)
    except ListPipelineError as error:
        failed = error
    for one in to_carry_out(services):
        try:
            done.append(f"correction {carry_out_correction(services, one.plan_id, _quiet).facts.done}")
        except ListPipelineError as error:
            failed = error
    done += tend(services, tag)
    if failed is not None:
        raise failed
    return done


def night(services: Services, tag: str) -> list[str]:
    """What runs once a day."""
    expired = expire_overdue(services)
    return [
        *(f"expired {one}" for one in expired),
        *(f"repair {one}" for one in reconcile(services, progress=_quiet).proposals),
    ]


def by_hand(services: Services, tag: str) -> list[str]:
    """The command line: the newest campaign is maintained, whatever its state."""
    with services.database.begin() as connection:
        newest = max(all_campaigns(connection), key=lambda one: one.key)
    return [_maintain(services, newest.key, tag)]


def _maintain(services: Services, key: str, run_id: str, sweep: Sweep = Sweep.H24) -> str:
    """A run's steps in their order: its row begins before the synchronisation, as in Dagster."""
    run = begin(services, key, sweep=sweep, run_id=run_id)
    with stage(services, run, "membership_sync"):
        synchronise(services, progress=_quiet)
    return str(workflow.maintain(services, key, sweep=sweep, run_id=run_id, progress=_quiet).report.facts.status)


WORK: Mapping[str, Callable[[Services, str], list[str]]] = {
    "tend": tend,
    "tend_until_quiet": tend_until_quiet,
    "by_hand": by_hand,
    "tick": tick,
    "live": live,
    "night": night,
}


def _quiet(_: str) -> None:
    """Progress that nobody reads."""


def run(order: Order) -> None:
    """The child: does its work, writes what came of it, and ends with 0, or ``SAID_NO``, or 1 for anything else."""
    log = os.open(order.files.with_suffix(".log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    if order.silent_s is not None:
        stuck_sessions.MONITORING = replace(
            MONITORING, transaction_silent_s=order.silent_s, holder_silent=timedelta(seconds=order.silent_s)
        )
    status = 0
    result: dict[str, object] = {}
    clock = SharedClock(order.clock)
    try:
        with Services(Settings(**order.settings), clock) as services:
            result = {"done": WORK[order.work](services, order.files.name)}
    except ListPipelineError as error:
        traceback.print_exc()
        status, result = SAID_NO, {"error": str(error), "kind": type(error).__name__}
    except Exception as error:  # noqa: BLE001 - the end of this process: whoever started it judges
        traceback.print_exc()
        status, result = 1, {"error": str(error), "kind": type(error).__name__}
    draft = order.files.with_suffix(".draft")
    draft.write_text(json.dumps(result))
    draft.replace(order.files.with_suffix(".json"))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
