"""Mass changes: judged at the end of each complete sync, out of what it saw; no request is made for it.

A list that was changed by more than is ordinary is frozen for rebalancing in the same transaction, and a question is written.
An incomplete sync does not come here: what it saw is judged by the next complete one.

Belongs here: the order of judging. Does not belong here: how much is ordinary (``core.drift.mass_changes``), telling people
(``operations.drift.mass_changes``), and their answer (``operations.reviews.mass_changes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from list_pipeline.core.drift.mass_change_message import question_text
from list_pipeline.core.drift.mass_changes import (
    MASS_CHANGES,
    MassChangeFigures,
    MassChangeKind,
    MassChangeStatus,
    candidates,
    figures,
    is_mass,
    together,
    with_history,
)
from list_pipeline.core.lists import ListRole
from list_pipeline.core.plans.plan import PlanStatus
from list_pipeline.core.reviews.questions import ReviewStatus
from list_pipeline.operations.people import NOBODY
from list_pipeline.storage import drift as drift_rows
from list_pipeline.storage import mass_changes as rows
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage import safety
from list_pipeline.storage.membership import sync as sync_rows
from list_pipeline.storage.plans import plan_rows

log = structlog.get_logger(__name__)

_DAY = timedelta(days=1)


def judge(connection: Connection, sizes: Mapping[ListRole, int], now: datetime) -> None:
    """Judge what came and went since the last complete sync; before this one is noted.

    Args:
        sizes: contacts on each list, in our rows, which are up to date.
    """
    if rows.is_quiet(connection):
        return
    drift_rows.one_writer(connection)
    last = sync_rows.last_finished(connection)
    stopped_since = safety.continuity(connection).must_reconcile_since
    # What a restored database does not know of its own work is asked about once, by whoever stopped all changes.
    is_asked = stopped_since is not None and (last is None or last <= stopped_since)
    since = now - MASS_CHANGES.window
    rows.explain(connection, all_of_it=is_asked)
    rows.add_to_open(connection, since, now)
    _end_what_is_over(connection, now)
    days = max((now - last) // _DAY, 1) if last else 1
    noticed = candidates(figures(rows.counts(connection, since), sizes))
    found = tuple(
        judged
        for one in noticed
        if (judged := with_history(one, noticed, _history(connection, one, since), days)) is not None
    )
    if found:
        _ask(connection, found, since, now)
    rows.forget(connection, now - MASS_CHANGES.kept)


def list_is_gone(connection: Connection, role: ListRole, list_id: int, now: datetime) -> None:
    """A list that our rows are of is no longer at Mailjet, as a sync that cannot go on found out."""
    drift_rows.one_writer(connection)
    known = sync_rows.sync_states(connection).get(role)
    is_told = any(
        one.status is MassChangeStatus.OPEN and (one.figures.role, one.figures.kind) == (role, MassChangeKind.LIST_GONE)
        for one in rows.mass_changes(connection, since=now)
    )
    if known is None or is_told or known["mailjet_list_id"] not in (None, list_id):
        return
    size = int(known["raw_count"])
    _ask(connection, (MassChangeFigures(role, MassChangeKind.LIST_GONE, size, size),), now, now)


def _history(connection: Connection, one: MassChangeFigures, until: datetime) -> tuple[int, ...]:
    return rows.by_day(connection, one.role, one.kind, until - MASS_CHANGES.history, until)


def _ask(connection: Connection, found: tuple[MassChangeFigures, ...], since: datetime, now: datetime) -> None:
    matter = rows.save(connection, found, since, now)
    rows.ask(connection, matter, question_text(matter, found), now)
    log.warning(
        "a mass change was found",
        matter=matter,
        changes=[f"{one.contacts} of {one.size_before} {one.kind.value} {one.role.value}" for one in found],
    )


def _expire_repair(connection: Connection, one: rows.MassChange, now: datetime) -> None:
    """Let a repair lapse that waits for a person, and that nobody needs any more."""
    if one.repair_plan_id is None or one.is_repaired:
        return
    waiting = plan_rows.existing_plan(connection, one.repair_plan_id)
    if waiting.status is PlanStatus.PENDING_REVIEW:
        plan_rows.decide(connection, waiting.plan_id, PlanStatus.PENDING_REVIEW, PlanStatus.EXPIRED, NOBODY, now)
        why = "nobody needs it any more"
        review_rows.decide_about_plan(connection, waiting.plan_id, ReviewStatus.EXPIRED, NOBODY, why, now)


def _end_what_is_over(connection: Connection, now: datetime) -> None:
    """End what somebody took back by hand, and what a plan put right. A list that is gone is back once a sync is complete."""
    touched = set()
    open_ones = [one for one in rows.mass_changes(connection, since=now) if one.status is MassChangeStatus.OPEN]
    for one in open_ones:
        same_matter = [replace(it.figures, contacts=it.remaining) for it in open_ones if it.matter == one.matter]
        is_back = not is_mass(together(same_matter, one.figures), one.figures.ordinary)
        if not one.is_repaired and not is_back:
            continue
        status = MassChangeStatus.REPAIRED if one.is_repaired else MassChangeStatus.RESOLVED
        why = "its repair was carried out" if one.is_repaired else "taken back at Mailjet"
        rows.close(connection, [one.mass_change_id], status, NOBODY, why, now)
        _expire_repair(connection, one, now)
        touched.add(one.matter)
        log.info("a mass change is over", matter=one.matter, list=one.figures.role.value, why=why)
    still_open = {one.matter for one in rows.mass_changes(connection, since=now) if one.status is MassChangeStatus.OPEN}
    for matter in touched - still_open:
        rows.close_question(connection, matter, ReviewStatus.RESOLVED, NOBODY, "nothing of it is left", now)
