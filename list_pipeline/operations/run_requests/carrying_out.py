"""Corrections that were asked for over HTTP, carried out by a run; their row says what became of them.

Does not belong here: asking for them (``corrections``), and the corrections themselves (``operations.plans``,
``operations.quarantine``, ``operations.verdict_imports``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import structlog

from list_pipeline.core.errors import ListPipelineError, NotFoundError, RefusedError, StateChangedError
from list_pipeline.core.masking import redact_addresses
from list_pipeline.core.plans.plan import Sweep
from list_pipeline.core.run_requests import CORRECTIONS, RequestKind, RequestOutcome, outcome_of
from list_pipeline.core.verdict_imports.files import ImportFile, ImportRow, Said
from list_pipeline.operations.access import Deciding, Storing
from list_pipeline.operations.plans.corrections import Correction
from list_pipeline.operations.plans.redo import redo_maintenance
from list_pipeline.operations.plans.single_contacts import reinstate
from list_pipeline.operations.plans.taken_back import state_of
from list_pipeline.operations.plans.undo import undo_maintenance
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.quarantine.release import release_by_hand
from list_pipeline.operations.run_requests.shown import request_of
from list_pipeline.operations.services import Services
from list_pipeline.operations.verdict_imports.importing import suppress_listed
from list_pipeline.storage import run_requests as rows
from list_pipeline.storage.run_requests import RunRequest

log = structlog.get_logger(__name__)

_LONGEST_WORDS = 1_000
DIED = "Its run ended before it was done. What was begun goes on by itself; ask again for the rest."


@dataclass(frozen=True, slots=True)
class _Done:
    outcome: RequestOutcome
    words: str
    plan_ids: tuple[int, ...] = ()


def carry_out_request(services: Services, request_id: int, progress: Progress = logged) -> RunRequest:
    """Carry a correction out that was asked for, and write what became of it. One that ended stays as it ended.

    Raises:
        NotFoundError: there is no such request, or it is no correction.
        ListPipelineError: it was refused, or failed; that stands in its row.
    """
    wanted = request_of(services, request_id)
    if wanted.kind not in CORRECTIONS:
        raise NotFoundError(
            f"Carrying out request {request_id}", "it asks for no correction", "Its job in Dagster does the work"
        )
    if wanted.ended_at is not None:
        return wanted
    with services.database.begin() as connection:
        rows.note_started(connection, request_id, services.clock.now())
    try:
        done = _WORK[wanted.kind](services, wanted, progress)
    except ListPipelineError as error:
        is_refused = isinstance(error, RefusedError | NotFoundError)
        outcome = RequestOutcome.REFUSED if is_refused else RequestOutcome.FAILED
        _end(services, request_id, _Done(outcome, str(error)))
        raise
    _end(services, request_id, done)
    log.info("a correction that was asked for ended", request=request_id, outcome=done.outcome.value)
    return request_of(services, request_id)


def unended_corrections(services: Storing) -> Sequence[int]:
    """Corrections that were begun and did not end: whoever knows their runs says whether these are at work."""
    with services.database.begin() as connection:
        return rows.unended_corrections(connection)


def note_died(services: Deciding, request_id: int) -> None:
    """The run of a correction ended without a word; what it began is continued by the sensor of corrections."""
    try:
        _end(services, request_id, _Done(RequestOutcome.FAILED, DIED))
    except StateChangedError:
        # It ended well right before its run did; that stands.
        log.debug("a correction ended with its run", request=request_id)


def _end(services: Storing, request_id: int, done: _Done) -> None:
    words = redact_addresses(done.words)[:_LONGEST_WORDS]
    with services.database.begin() as connection:
        rows.end_correction(connection, request_id, done.outcome, words, done.plan_ids, services.clock.now())


def _undo(services: Services, wanted: RunRequest, progress: Progress) -> _Done:
    key, sweep = _campaign_of(wanted)
    made = undo_maintenance(
        services,
        key,
        by=wanted.requested_by,
        note=wanted.note,
        sweep=sweep,
        despite_complaint=wanted.despite_complaint,
        progress=progress,
    )
    return _stands(services, key, sweep, made, "There is nothing to take back.")


def _redo(services: Services, wanted: RunRequest, progress: Progress) -> _Done:
    key, sweep = _campaign_of(wanted)
    made = redo_maintenance(services, key, by=wanted.requested_by, note=wanted.note, sweep=sweep, progress=progress)
    return _stands(services, key, sweep, made, "There is nothing to do again.")


def _reinstate(services: Services, wanted: RunRequest, progress: Progress) -> _Done:
    (contact_id,) = wanted.contact_ids
    return _corrected(
        [
            reinstate(
                services,
                contact_id,
                by=wanted.requested_by,
                note=wanted.note,
                despite_complaint=wanted.despite_complaint,
                progress=progress,
            )
        ]
    )


def _release(services: Services, wanted: RunRequest, progress: Progress) -> _Done:
    (contact_id,) = wanted.contact_ids
    return _corrected(
        [release_by_hand(services, contact_id, by=wanted.requested_by, note=wanted.note, progress=progress)]
    )


def _suppress(services: Services, wanted: RunRequest, progress: Progress) -> _Done:
    listed = (ImportRow(line, str(one), Said.LISTED) for line, one in enumerate(wanted.contact_ids, start=1))
    found = suppress_listed(
        services,
        ImportFile(tuple(listed), has_verdicts=False),
        by=wanted.requested_by,
        note=wanted.note,
        progress=progress,
    )
    if found.plan_id is None:
        return _Done(RequestOutcome.NOTHING, "Nobody of them is left to suppress.")
    if found.correction is None:
        failed = " ".join(check.words for check in found.gate.failed_checks)
        return _Done(RequestOutcome.WAITS, f"Plan {found.plan_id} waits for a person. {failed}", (found.plan_id,))
    return _corrected([found.correction])


_WORK: Mapping[RequestKind, Callable[[Services, RunRequest, Progress], _Done]] = {
    RequestKind.UNDO: _undo,
    RequestKind.REDO: _redo,
    RequestKind.REINSTATE: _reinstate,
    RequestKind.RELEASE: _release,
    RequestKind.SUPPRESS: _suppress,
}


def _campaign_of(wanted: RunRequest) -> tuple[str, Sweep]:
    if wanted.partition_key is None or wanted.sweep is None:
        raise ValueError(f"request {wanted.request_id} names no maintenance")
    return wanted.partition_key, wanted.sweep


def _stands(services: Services, key: str, sweep: Sweep, made: Sequence[Correction], nothing: str) -> _Done:
    done = _corrected(made)
    lines = state_of(services, key, sweep).lines
    return replace(done, words=" ".join((*lines, done.words)) if made else nothing)


def _corrected(made: Sequence[Correction]) -> _Done:
    words = " ".join(
        f"{one.facts.what}: {one.facts.done} of {one.facts.planned} done, "
        f"{sum(map(len, one.refused.values()))} left as they are."
        for one in made
    )
    outcome = outcome_of(one.facts.is_complete for one in made)
    return _Done(outcome, words, tuple(one.plan_id for one in made if one.plan_id is not None))
