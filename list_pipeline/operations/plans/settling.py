"""What became of bulk jobs: waited for, read back from the lists, and written to the journal.

A job ends when Mailjet says so, when the lists show that everything it was to do is done, or when a person declares it
dead. One whose answer was lost is looked for as long as it may run.

Belongs here: the end of a job and of its steps. Does not belong here: which job comes when and the requests that post it
(``execution``), whether a step is in effect (``read_back``), and what follows for steps that are not (``core.plans.job_end``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import IntegrationError, RemoteNotFoundError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import JobSeen
from list_pipeline.core.plans.job_end import (
    LeftUndone,
    left_undone,
    not_to_be_begun,
    pause_before_repeating,
    state_after_lost_answer,
)
from list_pipeline.core.plans.journal import JobState, StepNote, StepState
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.reviews.questions import ReviewKind
from list_pipeline.core.wording import count_text
from list_pipeline.integrations.mailjet import JobTimeoutError, MailjetClient
from list_pipeline.operations.access import Changing
from list_pipeline.operations.plans.concurrent_edits import ConcurrentEdits
from list_pipeline.operations.plans.read_back import Effect, ReadBack
from list_pipeline.operations.progress import Progress
from list_pipeline.storage import reviews as review_rows
from list_pipeline.storage.lock import MutationLock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import bulk_jobs, journal, plan_rows
from list_pipeline.storage.plans.bulk_jobs import Job
from list_pipeline.storage.plans.journal import Step

log = structlog.get_logger(__name__)

SETTLE_SECONDS = 20.0
"""How long a job whose id was lost gets to take effect before it is looked for, twice over."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """A job of which Mailjet says that it ended, and how."""

    job: Job
    state: JobState
    error: str | None


class Settling:
    """Ends the bulk jobs of one plan. Its requests are those of the client that carries the plan out.

    Args:
        lists: reads the lists back. edits: finds who was erased meanwhile.
        progress: told in words how far it is.
    """

    def __init__(
        self,
        services: Changing,
        plan_id: int,
        lock: MutationLock,
        mailjet: MailjetClient,
        lists: ReadBack,
        edits: ConcurrentEdits,
        progress: Progress,
    ) -> None:
        self._services = services
        self._plan_id = plan_id
        self._lock = lock
        self._mailjet = mailjet
        self._lists = lists
        self._edits = edits
        self._progress = progress

    def resume(self) -> None:
        """Bring the jobs of an earlier run to their end, and find what came late of those of which nothing is known."""
        with self._lock.writing() as connection:
            jobs = bulk_jobs.open_jobs(connection, self._plan_id)
        accepted = [job for job in jobs if job.mailjet_job_id is not None]
        for job in accepted:
            self._progress(f"picking up Mailjet's job {job.mailjet_job_id} of an earlier run")
        if accepted:
            self.finish(accepted)
        for job in jobs:
            if job.mailjet_job_id is None:
                self.settle_lost(job)
        self._find_late_effects()
        self._end_lost()

    def stop(self, note: StepNote) -> None:
        """Skip, with ``note``, what is planned of changes of which nothing was done, and find out what became of what was
        submitted. Nothing is posted.

        Raises:
            JobTimeoutError: a job of the plan may still be running.
        """
        self.resume()
        with self._lock.writing() as connection:
            if journal.steps_without_answer(connection, self._plan_id) and self._may_take_effect(connection):
                raise self._still_at_work(f"Taking plan {self._plan_id} back", "; ask for it again then")
            # What a job left undone was given back to be posted again: it is not. The rest of a half-done change is skipped
            # with the transaction that writes its reversal; without one, it is brought to its end.
            planned = not_to_be_begun(journal.steps_of(connection, self._plan_id))
            journal.settle_steps(connection, planned, StepState.SKIPPED, self._services.clock.now(), note)

    def look_before_repeating(self, steps: Sequence[Step]) -> Sequence[Step]:
        """Before a step is posted again: wait, ever longer, and look whether it took effect late. Returns what is missing."""
        pause = pause_before_repeating(steps)
        if not pause:
            return steps
        self._services.clock.sleep(pause)
        sizes = self._lists.sizes()
        effect = self._lists.effect_of(steps, sizes)
        with self._lock.writing() as connection:
            now = self._services.clock.now()
            journal.settle_steps(connection, effect.confirmed, StepState.CONFIRMED, now, StepNote.TOOK_EFFECT_LATE)
            members.refresh_flags(connection, now, sorted({step.contact_id for step in steps}))
        return effect.missing

    def finish(self, jobs: Sequence[Job]) -> bool:
        """Wait for jobs that Mailjet accepted, and settle what they did: the lists are read back once for all of them.

        Args:
            jobs: oldest first.

        Returns:
            Whether all of them did all that they were to do.

        Raises:
            JobTimeoutError: Mailjet does not say of a job that it ended, and not everything is done; people are told of it. The
                others are settled.
        """
        ended: list[_Ended] = []
        forgotten: list[Job] = []
        endless: list[tuple[Job, JobTimeoutError]] = []
        for job in jobs:
            try:
                ended.append(self._end_of(job))
            except RemoteNotFoundError:
                forgotten.append(job)
            except JobTimeoutError as error:
                endless.append((job, error))
        is_all_done, waits = self._settle_together(ended)
        for job in forgotten:
            # Mailjet has forgotten the job: what it did is read from the lists all the same.
            is_all_done = self.settle_lost(job) and is_all_done
        for job, timed_out in endless:
            if not self._is_in_effect(job.job_id, job.sizes_before):
                self._name_endless(job)
                raise timed_out
            # Mailjet never says that the job ended, and everything it was to do is done.
            self._settle(job.job_id, job.sizes_before, JobState.FINISHED, "Mailjet did not say that it ended")
        if waits is not None:
            raise waits
        return is_all_done

    def _end_of(self, job: Job) -> _Ended:
        """How a job ended, as Mailjet says: when it does."""
        assert job.mailjet_job_id is not None
        seen = self._mailjet.wait_for_job(job.mailjet_job_id)
        error = None
        if seen.is_failed or seen.error or seen.has_error_file:
            error = f"{seen.status}: {seen.error or 'no text'}; {self._refused(job.mailjet_job_id, seen)}"
            log.warning("a bulk job reported errors", job=job.mailjet_job_id, error=error)
        return _Ended(job, JobState.FAILED if seen.is_failed else JobState.FINISHED, error)

    def _settle_together(self, ended: Sequence[_Ended]) -> tuple[bool, JobTimeoutError | None]:
        """Settle jobs with what one reading of the lists shows. Whether everything was done, and why it has to be waited for.

        "Completed" may mean that nothing changed: only the lists themselves tell.
        """
        if not ended:
            return True, None
        with self._lock.writing() as connection:
            steps = {one.job.job_id: bulk_jobs.steps_of_job(connection, one.job.job_id) for one in ended}
        # What the first was to add, and all that came after it, stands behind the entries of before.
        before = ended[0].job.sizes_before
        effect = self._lists.effect_of([step for group in steps.values() for step in group], before)
        confirmed = set(effect.confirmed)
        waits: JobTimeoutError | None = None
        for one in ended:
            group = steps[one.job.job_id]
            own = Effect(
                [step for step in group if step in confirmed], [step for step in group if step not in confirmed]
            )
            try:
                self._settle(one.job.job_id, before, one.state, one.error, own)
            except JobTimeoutError as error:
                waits = error
        return not effect.missing, waits

    def settle_lost(self, job: Job) -> bool:
        """A job of which nothing is known: give it time, look twice, and plan what is not there again.

        That uses up no attempt, and nobody is given up because of it: it may still take effect (``_find_late_effects``).

        Returns:
            Whether everything it was to do is done.
        """
        with self._lock.writing() as connection:
            steps = bulk_jobs.steps_of_job(connection, job.job_id)
        effect = Effect([], steps)
        for _ in range(2):
            self._services.clock.sleep(SETTLE_SECONDS)
            effect = self._lists.effect_of(steps, job.sizes_before)
            if not effect.missing:
                break
        state = state_after_lost_answer(effect.missing)
        self._settle(job.job_id, job.sizes_before, state, "the answer to its submission was lost", effect)
        return not effect.missing

    def settle_dead(self, job: Job, words: str) -> None:
        """A person said that a job is dead: what it did is read from the lists, and the rest is planned again."""
        if job.state is JobState.LOST:
            with self._lock.writing() as connection:
                bulk_jobs.job_ended(connection, job.job_id, JobState.FAILED, words, self._services.clock.now())
            return
        self._settle(job.job_id, job.sizes_before, JobState.FAILED, words)

    def leave_out(self, steps: Sequence[Step], erased: Collection[int]) -> list[Step]:
        """Skip the steps of erased contacts, and return the others."""
        with self._lock.writing() as connection:
            gone = [step for step in steps if step.contact_id in erased]
            journal.settle_steps(connection, gone, StepState.SKIPPED, self._services.clock.now(), StepNote.CONTACT_GONE)
        return [step for step in steps if step.contact_id not in erased]

    def give_back(self, job_id: int, steps: Sequence[Step], error: str) -> None:
        """Mailjet accepted nothing of a job: its steps are as they were, and still to be done."""
        now = self._services.clock.now()
        with self._lock.writing() as connection:
            bulk_jobs.job_ended(connection, job_id, JobState.FAILED, error, now)
            journal.give_back(connection, steps, now)

    def _find_late_effects(self) -> None:
        """What a job of which nothing is known did since the last look. Costs nothing where there is no such job."""
        with self._lock.writing() as connection:
            steps = journal.steps_without_answer(connection, self._plan_id)
        if not steps:
            return
        effect = self._lists.effect_of(steps, self._lists.sizes())
        now = self._services.clock.now()
        with self._lock.writing() as connection:
            journal.settle_steps(connection, effect.confirmed, StepState.CONFIRMED, now, StepNote.TOOK_EFFECT_LATE)
            members.refresh_flags(connection, now, sorted({step.contact_id for step in steps}))
        if effect.confirmed:
            log.info("a bulk job took effect late", plan=self._plan_id, steps=len(effect.confirmed))

    def _end_lost(self) -> None:
        """Jobs of which nothing is known are over when they may run no longer: what is missing then had no effect."""
        with self._lock.writing() as connection:
            if self._may_take_effect(connection):
                return
            hours = EXECUTION.job_may_run.total_seconds() / 3600
            words = f"it was looked for for {hours:g} hours"
            if bulk_jobs.end_lost_jobs(connection, self._plan_id, words, self._services.clock.now()):
                steps = journal.steps_without_answer(connection, self._plan_id)
                journal.note_steps(connection, steps, StepNote.HAD_NO_EFFECT)
                log.warning("lost bulk jobs are over", plan=self._plan_id, steps_without_effect=len(steps))

    def open_job(self, job_id: int) -> Job:
        """A job of the plan that has not ended."""
        with self._lock.writing() as connection:
            (job,) = (one for one in bulk_jobs.open_jobs(connection, self._plan_id) if one.job_id == job_id)
        return job

    def _settle(
        self,
        job_id: int,
        before: Mapping[str, int],
        state: JobState,
        error: str | None,
        effect: Effect | None = None,
    ) -> None:
        """End a job with what it did. ``effect``: where that was just read."""
        with self._lock.writing() as connection:
            steps = bulk_jobs.steps_of_job(connection, job_id)
            contacts = sorted({step.contact_id for step in steps})
            addresses = members.addresses_of(connection, contacts)
        effect = effect or self._lists.effect_of(steps, before)
        with self._lock.writing() as connection:
            known = members.raw_size(connection, ListRole.MASTER)
        # An erased contact whom a newcomer replaced in the count of master is among those whom the job did not change.
        missing = {step.contact_id for step in effect.missing}
        erased = self._edits.erased_among(contacts, known, self._lists.latest, bool(missing))
        for contact_id in erased & addresses.keys():
            self._edits.undo_creation(contact_id, addresses[contact_id])
        if erased:
            self.leave_out(steps, erased)
            effect = Effect(
                [step for step in effect.confirmed if step.contact_id not in erased],
                [step for step in effect.missing if step.contact_id not in erased],
            )
        now = self._services.clock.now()
        with self._lock.writing() as connection:
            if state is JobState.LOST:
                bulk_jobs.job_lost(connection, job_id, error or "nothing is known of it")
                journal.settle_steps(connection, effect.confirmed, StepState.CONFIRMED, now)
                journal.give_back(connection, effect.missing, now, StepNote.ANSWER_LOST)
                left = LeftUndone(effect.missing, (), waits=False)
            else:
                left = left_undone(effect.missing, may_take_effect=self._may_take_effect(connection))
                bulk_jobs.job_ended(connection, job_id, state, error, now)
                journal.settle_steps(connection, effect.confirmed, StepState.CONFIRMED, now)
                journal.settle_steps(connection, left.again, StepState.PLANNED, now, StepNote.HAD_NO_EFFECT)
                last_state, last_note = left.last_state
                journal.settle_steps(connection, left.given_up, last_state, now, last_note)
            # Over, or forgotten by Mailjet: either way nobody has to find out any more whether it ever ends.
            review_rows.resolve_job(connection, job_id, "the bulk job is over", now)
            members.refresh_flags(connection, now, sorted({step.contact_id for step in steps}))
        if effect.missing:
            log.warning("steps had no effect", job=job_id, again=len(left.again), given_up=len(left.given_up))
        if left.waits:
            raise self._still_at_work(f"Changing contacts of plan {self._plan_id}")

    def _refused(self, mailjet_job_id: int, seen: JobSeen) -> str:
        """The number of contacts in the error file, in words. The lists decide; an unreadable file stops no settling."""
        if not seen.has_error_file:
            return "no error file"
        try:
            return f"{count_text(len(self._mailjet.job_errors(mailjet_job_id)), 'contact')} in the error file"
        except IntegrationError as error:
            return f"the error file could not be read ({type(error).__name__})"

    def _is_in_effect(self, job_id: int, before: Mapping[str, int]) -> bool:
        with self._lock.writing() as connection:
            steps = bulk_jobs.steps_of_job(connection, job_id)
        return not self._lists.effect_of(steps, before).missing

    def _name_endless(self, job: Job) -> None:
        """Tell people once of a job that does not end: only they can find out whether it ever will."""
        with self._lock.writing() as connection:
            plan = plan_rows.plan_by_id(connection, self._plan_id)
            plan_rows.add_review_item(
                connection,
                campaign_id=plan.campaign_id if plan else None,
                plan_id=self._plan_id,
                kind=ReviewKind.FINDING,
                summary=(
                    f"Mailjet's bulk job {job.mailjet_job_id} does not end, and what it was to do is not done. It is looked at "
                    f"again by itself. Where Mailjet says that it is dead: `list-pipeline job-is-dead {job.mailjet_job_id}`"
                ),
                details={"bulk_job": job.job_id},
                now=self._services.clock.now(),
            )

    def _may_take_effect(self, connection: Connection) -> bool:
        return bulk_jobs.may_take_effect(connection, self._plan_id, self._services.clock.now() - EXECUTION.job_may_run)

    def _still_at_work(self, tried: str, then: str = "") -> JobTimeoutError:
        hours = EXECUTION.job_may_run.total_seconds() / 3600
        return JobTimeoutError(
            tried,
            "a bulk job was posted and its answer lost, so it may still take effect",
            f"It is looked for again by itself, for {hours:g} hours{then}",
        )
