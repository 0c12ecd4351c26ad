"""Carries out the journal of one plan in bulk jobs, wave by wave.

One engine for suppressions, moves, enrolments and corrections, in the three waves of ``core.plans.waves``; each is read back
from the lists themselves before the next. A run that dies at any point and is run again continues here:
what was submitted is waited for, what may have been is read back first.

Belongs here: which jobs are posted in which order. Does not belong here: who is changed and why (the plan), which step may be
posted when (``core.plans.waves``), the requests that post them (``posting``), what became of a job (``settling``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

import structlog

from list_pipeline.core.errors import ChangesStoppedError, UnavailableError
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.plan import ItemAction, PlanStatus
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.plans.posting import in_flight_together
from list_pipeline.core.plans.waves import (
    FIRST_WAVE,
    SECOND_WAVE,
    THIRD_WAVE,
    WAVES,
    jobs_of_wave,
    not_posted_any_more,
)
from list_pipeline.core.wording import count_text
from list_pipeline.integrations.mailjet import JobTimeoutError, MailjetClient
from list_pipeline.operations.access import Changing
from list_pipeline.operations.membership.sync import refresh_contacts
from list_pipeline.operations.plans.concurrent_edits import ConcurrentEdits
from list_pipeline.operations.plans.posting import JobPosting
from list_pipeline.operations.plans.read_back import ReadBack
from list_pipeline.operations.plans.sends_meanwhile import SendsMeanwhile
from list_pipeline.operations.plans.settling import Settling
from list_pipeline.operations.progress import Progress, logged
from list_pipeline.operations.safety.modes import change_block_reason
from list_pipeline.operations.stages import logged_with
from list_pipeline.storage.lock import MutationLock, mutation_lock
from list_pipeline.storage.plans import bulk_jobs, journal, plan_rows
from list_pipeline.storage.plans.bulk_jobs import Job
from list_pipeline.storage.plans.journal import Step

log = structlog.get_logger(__name__)


def carry_out(
    services: Changing,
    plan_id: int,
    lock: MutationLock,
    progress: Progress = logged,
    deadline: datetime | None = None,
    sends_looked_at: datetime | None = None,
) -> None:
    """Bring every open step of a plan to an end: confirmed, failed after three attempts, or skipped with a reason.

    Args:
        lock: held by the caller until everything is settled.
        progress: told in words how far it is.
        deadline: from here on (UTC) no further change is begun: what was not begun fails with the note ``deadline``, what
            was begun is brought to its end, because half a change is the worst state to stop in.
        sends_looked_at: when the caller asked Mailjet about sends and judged the plan by them (UTC); None: it is asked first.

    Raises:
        RefusedError: changes were switched off; what was submitted stays in the journal and is picked up later.
        PermanentError: Mailjet refused a job; nothing of it was accepted, and it is still to be done when that is repaired.
        UnreadableMeanwhileError: contacts that were begun with cannot be read any more; the rest is done.
        TransientError: Mailjet or the lock failed; run again to continue.
    """
    with logged_with(plan=plan_id):
        execution = _Execution(services, plan_id, lock, progress, deadline, sends_looked_at=sends_looked_at)
        execution.run()
        if execution.waiting_for_sends:
            raise _waits(plan_id, execution.waiting_for_sends)
        if execution.waiting_for_contacts:
            raise UnreadableMeanwhileError(
                f"Moving {count_text(execution.waiting_for_contacts, 'contact')} of plan {plan_id}",
                "what Mailjet shows of them cannot be read any more, so they cannot be taken off the list they leave",
                "The rest is done; they go on by themselves when that can be read: `list-pipeline unreadable` shows what to "
                "mend",
            )


class UnreadableMeanwhileError(UnavailableError):
    """Contacts in the middle of a change cannot be read any more; everything else of the plan is done."""


def finish_half_done(services: Changing, progress: Progress = logged, *, besides: int | None = None) -> int:
    """Bring what others left half done to its end, before anything new is changed: a contact that was added and not yet removed
    stands on two lists, and is mailed twice. Nothing that was not begun is begun. Where there is none it costs two statements.

    The lock is taken here; whoever holds it calls it before. Nothing happens while lists may not be changed.

    Args:
        besides: a plan of the maintenance that the caller goes on with itself, in its own order.

    Returns:
        How many contacts.

    Raises:
        LockHeldError: somebody else is at work.
        TransientError: Mailjet or the lock failed; run again to continue.
    """
    posted_before = services.clock.now() - EXECUTION.job_may_run
    with services.database.begin() as connection:
        is_lost = bool(bulk_jobs.plans_with_lost_jobs(connection, posted_before))
        found = journal.half_done(connection, besides=besides)
    if not (is_lost or found) or change_block_reason(services):
        return 0
    if is_lost:
        settle_lost_jobs(services, progress, posted_before=posted_before)
    with mutation_lock(services.database, services.clock, "finishing what was left half done") as lock:
        with services.database.begin() as connection:
            # Whoever held the lock before may have done all of it.
            found = journal.half_done(connection, besides=besides)
        _finish_begun(services, found, lock, progress)
    return sum(map(len, found.values()))


def finish_begun(services: Changing, plan_id: int, lock: MutationLock, progress: Progress) -> None:
    """Bring the half-done changes of one plan to their end, under a lock that the caller holds. Nothing of it is begun.

    Raises:
        UnavailableError: some of them wait for what is known of a send. Those that cannot be read any more, maybe for long,
            wait without an error: nobody else has to wait for them.
        TransientError: Mailjet or the lock failed; run again to continue.
    """
    with services.database.begin() as connection:
        found = {one: ids for one, ids in journal.half_done(connection).items() if one == plan_id}
    if waiting := _finish_begun(services, found, lock, progress):
        raise _waits(plan_id, waiting)


def _finish_begun(
    services: Changing, found: Mapping[int, Sequence[int]], lock: MutationLock, progress: Progress
) -> int:
    """Returns how many changes wait for what is known of a send."""
    contacts = sorted({contact_id for ids in found.values() for contact_id in ids})
    if contacts:
        progress(f"finishing {count_text(len(contacts), 'half-done change')} of an earlier run first")
        refresh_contacts(services, contacts)
    waiting = 0
    for plan_id, ids in found.items():
        with logged_with(plan=plan_id):
            only = _to_finish(services, plan_id, ids, lock)
            if not only:
                continue
            execution = _Execution(services, plan_id, lock, progress, None, only)
            execution.run()
            waiting += execution.waiting_for_sends
    return waiting


def _to_finish(services: Changing, plan_id: int, contact_ids: Sequence[int], lock: MutationLock) -> frozenset[int]:
    """Those contacts of a plan whose changes may be brought to their end: of one that an undo withdrew only those of which
    something is certainly done. What a lost job may have done is looked for, and not posted once more."""
    with services.database.begin() as connection:
        is_withdrawn = plan_rows.existing_plan(connection, plan_id).status is PlanStatus.WITHDRAWN
    if not is_withdrawn:
        return frozenset(contact_ids)
    with suppress(JobTimeoutError):
        stop_and_settle(services, plan_id, lock, StepNote.UNDONE)
    with services.database.begin() as connection:
        done = journal.steps_of(connection, plan_id, StepState.CONFIRMED)
    return frozenset(contact_ids) & {step.contact_id for step in done}


def _waits(plan_id: int, changes: int) -> UnavailableError:
    return UnavailableError(
        f"Moving {count_text(changes, 'contact')} of plan {plan_id}",
        "a send began or is near, and it is not known yet who was mailed by it, or what a lost bulk job did",
        "They stand as they are, and go on by themselves when that is known",
    )


def stop_and_settle(services: Changing, plan_id: int, lock: MutationLock, note: StepNote) -> None:
    """Begin nothing more of a plan, and find out what became of what was submitted: before a plan is taken back.

    What was planned of changes that nothing was done of is skipped with ``note``. Nothing is posted.

    Raises:
        JobTimeoutError: a bulk job of the plan may still be running; nothing may be taken back yet.
        TransientError: Mailjet or the lock failed; run again.
    """
    _Execution(services, plan_id, lock, logged, None).settle_only(lambda settling: settling.stop(note))


def settle_dead(services: Changing, job: Job, lock: MutationLock, words: str) -> None:
    """End a job that a person declared dead; its steps are confirmed where the lists show them, else planned again."""
    _Execution(services, job.plan_id, lock, logged, None).settle_only(lambda settling: settling.settle_dead(job, words))


def settle_lost_jobs(services: Changing, progress: Progress = logged, *, posted_before: datetime | None = None) -> int:
    """Find what bulk jobs did whose answer was lost, and end those that may run no longer. Nothing is posted. Where there is no
    such job it costs one statement. The lock is taken here.

    Args:
        posted_before: only plans with a job posted before this instant (UTC).

    Returns:
        How many plans were looked at.

    Raises:
        LockHeldError: somebody else is at work.
        TransientError: Mailjet or the lock failed; run again to continue.
    """
    with services.database.begin() as connection:
        if not bulk_jobs.plans_with_lost_jobs(connection, posted_before):
            return 0
    with mutation_lock(services.database, services.clock, "looking for bulk jobs whose answer was lost") as lock:
        with services.database.begin() as connection:
            found = bulk_jobs.plans_with_lost_jobs(connection, posted_before)
        for plan_id, status in found.items():
            progress(f"looking for what lost bulk jobs of plan {plan_id} did")
            # One that is still at work keeps nobody else from going on.
            with suppress(JobTimeoutError):
                if status in (PlanStatus.APPROVED, PlanStatus.EXECUTED):
                    _Execution(services, plan_id, lock, progress, None).settle_only(Settling.resume)
                else:
                    # Taken back while it was not known whether there was anything to take back.
                    stop_and_settle(services, plan_id, lock, StepNote.UNDONE)
    return len(found)


class _Execution:
    def __init__(
        self,
        services: Changing,
        plan_id: int,
        lock: MutationLock,
        progress: Progress,
        deadline: datetime | None,
        only: frozenset[int] | None = None,
        sends_looked_at: datetime | None = None,
    ) -> None:
        self._only = only
        """The contacts that something may be done with; None: all of the plan."""
        self._services = services
        self._plan_id = plan_id
        self._lock = lock
        self._progress = progress
        self._deadline = deadline
        self._mailjet: MailjetClient = services.mailjet_for_changes(self._before_mutation)
        self._lists = ReadBack(services, self._mailjet)
        self._edits = ConcurrentEdits(services, self._mailjet, plan_id, lock, self._lists.look_again)
        self._sends = SendsMeanwhile(services, plan_id, lock, only, deadline, sends_looked_at)
        self._settling = Settling(services, plan_id, lock, self._mailjet, self._lists, self._edits, progress)
        self._posting = JobPosting(
            services, plan_id, lock, self._mailjet, self._lists, self._edits, self._settling, progress
        )

    def _before_mutation(self) -> None:
        """Right before each changing request: is the lock still ours, and may we still?"""
        self._lock.check()
        if why := change_block_reason(self._services):
            raise ChangesStoppedError(
                "Changing a list", why, "Switch it on again and run the maintenance again to continue"
            )

    def run(self) -> None:
        try:
            self._settling.resume()
            if self._waves():
                # Who was mailed while leaving a list goes back there; a job created an erased contact again.
                self._waves()
            self._edits.settle_reversed()
        finally:
            self._close()

    @property
    def waiting_for_sends(self) -> int:
        """Changes that cannot go on before more is known of a send."""
        return len(self._sends.held)

    @property
    def waiting_for_contacts(self) -> int:
        """Changes that cannot go on before their contact can be read."""
        return len(self._posting.unreadable)

    @property
    def _held(self) -> frozenset[int]:
        return self._sends.held | self._posting.unreadable

    def _waves(self) -> bool:
        """Post what is planned, wave by wave, and say whether anything is still planned."""
        steps: Sequence[Step] = ()
        for wave in WAVES:
            if wave is SECOND_WAVE and self._has_enrolled():
                self._edits.reverse_unsubscribed([])
            if wave is THIRD_WAVE:
                self._edits.unsubscribe_where_added()
                self._sends.return_mailed()
            while True:
                steps, batches = self._batches(wave)
                if not batches:
                    break
                self._post_all(wave, batches)
        return any(step.state is StepState.PLANNED and step.change_id not in self._held for step in steps)

    def _post_all(self, wave: Sequence[StepAction], batches: Sequence[Sequence[Step]]) -> None:
        """Post the jobs of a wave, several in flight at once; ends early where the steps have to be read again."""
        together, dealt_with = 1, 0
        while dealt_with < len(batches):
            flight = in_flight_together(batches[dealt_with:], together)
            if wave is FIRST_WAVE and (self._is_too_late() or self._sends.forbid_beginning()):
                return
            leaving = [step for batch in flight for step in batch]
            if wave is SECOND_WAVE and (self._edits.reverse_unsubscribed(leaving) or self._sends.turn_round()):
                return
            posted = self._posting.post(flight, first=dealt_with + 1, of=len(batches))
            if posted.was_too_large:
                return
            dealt_with += posted.batches
            # The first of a wave goes alone, and so does the next one after any that did not do all of its work.
            together = EXECUTION.jobs_in_flight if posted.is_all_done else 1

    def settle_only(self, settle: Callable[[Settling], None]) -> None:
        """Settle something, and post nothing."""
        try:
            settle(self._settling)
        finally:
            self._close()

    def _close(self) -> None:
        # Its requests count with those of the reading client: one number for the run.
        self._services.mailjet.add_requests(self._mailjet)
        self._mailjet.close()

    def _is_too_late(self) -> bool:
        """Past the deadline: whatever was not begun fails, and a person is asked about it."""
        now = self._services.clock.now()
        if self._deadline is None or now < self._deadline:
            return False
        with self._lock.writing() as connection:
            given_up = journal.fail_unstarted(connection, self._plan_id, StepNote.DEADLINE, now)
        if given_up:
            log.warning("the deadline passed", plan=self._plan_id, contacts=given_up)
        # Steps of changes that were begun stay, and are posted in spite of the deadline.
        return given_up > 0

    def _batches(self, wave: Sequence[StepAction]) -> tuple[Sequence[Step], list[list[Step]]]:
        """The steps of the plan, and the planned ones of a wave in groups that one job can carry out; where nothing is planned
        any more, neither.

        With the wave at its end, what follows a failed step is skipped, and left out of the steps.
        """
        with self._lock.writing() as connection:
            if not journal.is_any(connection, self._plan_id, StepState.PLANNED):
                return (), []
            steps: Sequence[Step] = journal.steps_of(connection, self._plan_id)
            batches = jobs_of_wave(steps, wave, self._posting.most, self._may_go_on)
            if not batches:
                skipped = not_posted_any_more(steps)
                now = self._services.clock.now()
                journal.settle_steps(connection, skipped, StepState.SKIPPED, now, StepNote.EARLIER_STEP_NOT_DONE)
                left_out = set(skipped)
                steps = [step for step in steps if step not in left_out]
        return steps, batches

    def _has_enrolled(self) -> bool:
        with self._lock.writing() as connection:
            return journal.is_any(connection, self._plan_id, StepState.CONFIRMED, ItemAction.ENROL)

    def _may_go_on(self, step: Step) -> bool:
        return (self._only is None or step.contact_id in self._only) and step.change_id not in self._held
