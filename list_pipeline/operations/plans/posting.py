"""Hands bulk jobs in, several of them before the first is waited for, and has them settled together.

What is looked at before a job (the lists' sizes, and with them whether somebody was erased) holds for all jobs that are handed
in within seconds of it; with a slow Mailjet that is one. What proves a step is the same as for a single job: who is there
afterwards.

Belongs here: the requests that post jobs, and what their refusal or a lost answer means for the steps. Does not belong here:
which groups come when (``execution``), which step of a group is posted (``core.plans.posting``), the end of a job
(``settling``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from sqlalchemy import Connection

from list_pipeline.core.errors import ListPipelineError
from list_pipeline.core.lists import ListRole
from list_pipeline.core.observations import MemberAction
from list_pipeline.core.plans.journal import StepAction, StepNote, StepState
from list_pipeline.core.plans.policy import EXECUTION
from list_pipeline.core.plans.posting import begun_and_unreadable, lacking_address, what_is_posted
from list_pipeline.integrations.mailjet import MailjetClient, OutcomeUnknownError, TooLargeError
from list_pipeline.operations.access import Changing
from list_pipeline.operations.plans.concurrent_edits import ConcurrentEdits
from list_pipeline.operations.plans.read_back import ReadBack
from list_pipeline.operations.plans.settling import Settling
from list_pipeline.operations.progress import Progress
from list_pipeline.storage.lock import MutationLock
from list_pipeline.storage.membership import members
from list_pipeline.storage.plans import bulk_jobs, journal
from list_pipeline.storage.plans.bulk_jobs import Job
from list_pipeline.storage.plans.journal import Step

log = structlog.get_logger(__name__)

_MEMBER_ACTIONS = {
    StepAction.ADD: MemberAction.ADD,
    StepAction.REMOVE: MemberAction.REMOVE,
    StepAction.UNSUB: MemberAction.UNSUBSCRIBE,
}


@dataclass(frozen=True, slots=True)
class Posted:
    """What became of groups of steps.

    Attributes:
        batches: how many of the groups were dealt with; the others were not looked at.
        is_all_done: every job did all that it was to do.
        was_too_large: Mailjet refused a job for its size; from now on there are fewer contacts in one.
    """

    batches: int
    is_all_done: bool
    was_too_large: bool


class JobPosting:
    """Posts jobs of one plan. Its requests are those of the client that carries the plan out.

    Args:
        lists: reads the lists back. edits: finds who was erased or unsubscribed meanwhile. settling: ends the jobs.
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
        settling: Settling,
        progress: Progress,
    ) -> None:
        self._services = services
        self._plan_id = plan_id
        self._lock = lock
        self._mailjet = mailjet
        self._lists = lists
        self._edits = edits
        self._settling = settling
        self._progress = progress
        self._unanswered = 0
        """Bulk jobs in a row whose answer was lost."""
        self.most = services.settings.mailjet_job_contacts
        """Contacts in one job, fewer once Mailjet said that a job was too large."""
        self.unreadable: frozenset[int] = frozenset()
        """Changes that were begun and whose contact cannot be read any more: the rest waits until it can."""

    def post(self, batches: Sequence[Sequence[Step]], *, first: int, of: int) -> Posted:
        """Hand in a job for each group of steps, as long as what was looked at before the first holds, then settle all of them.

        Args:
            first: the number of the first group among ``of``, for people.

        Raises:
            RefusedError: changes were switched off. PermanentError: Mailjet refused a job; nothing of it was accepted.
            TransientError: Mailjet or the lock failed, or a job does not end; run again to continue.
            What was handed in before is settled all the same, or left to the next run.
        """
        handed_in: list[Job] = []
        dealt_with, most, is_all_done = 0, self.most, True
        looked_at, before = self._services.clock.now(), dict[str, int]()
        try:
            for batch in batches:
                if before and self._services.clock.now() - looked_at >= EXECUTION.lists_looked_at_again:
                    break
                self._progress(f"bulk job {first + dealt_with} of {of}: {_describe(batch)}")
                dealt_with += 1
                steps, addresses, known = self._ready(self._settling.look_before_repeating(batch))
                if not steps:
                    continue
                if not before:
                    looked_at, before = self._services.clock.now(), self._lists.sizes()
                steps = self._without_erased(steps, known, before)
                if steps:
                    job = self._hand_in(steps, addresses, before)
                    is_all_done = is_all_done and job is not None
                    handed_in += [job] if job else []
                if self.most < most:
                    break
        except ListPipelineError as error:
            self._settle_all_the_same(handed_in)
            raise error
        if handed_in:
            # A job takes about a second at least: looked at sooner it would have to be looked at once more.
            self._services.clock.sleep(self._services.settings.mailjet_job_poll_seconds)
            is_all_done = self._settling.finish(handed_in) and is_all_done
        return Posted(dealt_with, is_all_done, was_too_large=self.most < most)

    def _settle_all_the_same(self, handed_in: Sequence[Job]) -> None:
        """Before an error ends the run: what was handed in is brought to its end where that can be done, else by the next run.
        The error that ends the run is the one to be told."""
        try:
            self._settling.finish(handed_in)
        except ListPipelineError as error:
            log.warning("bulk jobs are left to the next run", jobs=len(handed_in), error=str(error))

    def _ready(self, steps: Sequence[Step]) -> tuple[Sequence[Step], Mapping[int, str], int]:
        """The steps of a group that are to be posted, the addresses of contacts, and our size of the master list."""
        contacts = sorted({step.contact_id for step in steps})
        with self._lock.writing() as connection:
            now = self._services.clock.now()
            addresses = members.addresses_of(connection, contacts)
            places = members.places_of(connection, contacts)
            known = members.raw_size(connection, ListRole.MASTER)
            is_on = partial(_is_on, places)
            waiting = self._begun_and_unreadable(connection, lacking_address(steps, is_on, addresses))
            begun_with = [step.contact_id for step in waiting]
            known_all_the_same = (
                members.addresses_of(connection, begun_with, despite_entries=True) if begun_with else {}
            )
            found = what_is_posted(steps, is_on, addresses, waiting, known_all_the_same)
            self.unreadable |= found.unreadable
            journal.settle_steps(connection, found.gone, StepState.SKIPPED, now, StepNote.CONTACT_GONE)
            journal.settle_steps(connection, found.absent, StepState.SKIPPED, now, StepNote.NOT_A_MEMBER)
            journal.note_steps(connection, found.there, StepNote.WAS_THERE_ALREADY)
        return found.posted, {**known_all_the_same, **addresses}, known

    def _begun_and_unreadable(self, connection: Connection, lacking: Sequence[Step]) -> list[Step]:
        if not lacking:
            # As for nearly every job: the whole plan's steps are not read for nothing.
            return []
        facts = members.facts_of(connection, [step.contact_id for step in lacking])
        # A job whose answer was lost may have done something, and may do it still.
        begun = (
            *journal.steps_of(connection, self._plan_id, StepState.CONFIRMED),
            *journal.steps_without_answer(connection, self._plan_id),
        )
        return begun_and_unreadable(
            lacking,
            {step.change_id for step in begun},
            {contact_id for contact_id, row in facts.items() if row["is_unreadable"]},
        )

    def _without_erased(self, steps: Sequence[Step], known: int, before: Mapping[str, int]) -> Sequence[Step]:
        erased = self._edits.erased_among(sorted({step.contact_id for step in steps}), known, before)
        return self._settling.leave_out(steps, erased) if erased else steps

    def _hand_in(self, steps: Sequence[Step], addresses: Mapping[int, str], before: Mapping[str, int]) -> Job | None:
        """The job that Mailjet accepted, or None: it was too large, or its answer was lost and it is looked for."""
        contacts = sorted({step.contact_id for step in steps})
        exclude = next((step.action is StepAction.EXCLUDE for step in steps if step.list_role is None), None)
        actions = {step.list_role: _MEMBER_ACTIONS[step.action] for step in steps if step.list_role is not None}
        with self._lock.writing() as connection:
            job_id, begun = bulk_jobs.begin_job(
                connection,
                self._plan_id,
                steps,
                {role.value: action.value for role, action in actions.items()},
                len(contacts),
                before,
                self._lock.fence,
                self._services.clock.now(),
            )
        try:
            mailjet_job_id = self._mailjet.submit_job(
                actions={self._services.list_ids[role]: action for role, action in actions.items()},
                emails=[addresses[contact_id] for contact_id in contacts],
                exclude=exclude,
            )
        except ListPipelineError as error:
            if isinstance(error, TooLargeError) and len(contacts) > 1:
                self._settling.give_back(job_id, begun, str(error))
                self.most = max(len(contacts) // 2, 1)
                log.warning("a bulk job was too large", job=job_id, contacts=len(contacts), from_now_on=self.most)
                return None
            if not isinstance(error, OutcomeUnknownError):
                # Refused, or it never left: nothing was accepted, so the steps are as they were and still to be done.
                self._settling.give_back(job_id, begun, str(error))
                raise
            log.warning("the answer to a bulk job was lost", job=job_id)
            if self._settling.settle_lost(self._settling.open_job(job_id)):
                self._unanswered = 0
                return None
            self._unanswered += 1
            if self._unanswered >= EXECUTION.posts_without_answer:
                # Nothing is wrong with the contacts: a later run looks again, and posts what is missing then.
                raise
            return None
        self._unanswered = 0
        with self._lock.writing() as connection:
            bulk_jobs.job_submitted(connection, job_id, begun, mailjet_job_id, self._services.clock.now())
        self._edits.note_unsubscribed(steps)
        return self._settling.open_job(job_id)


def _is_on(places: Mapping[int, Sequence[Mapping[str, Any]]], step: Step) -> bool:
    return any(place["list"] == step.list_role for place in places[step.contact_id])


def _describe(steps: Sequence[Step]) -> str:
    contacts = len({step.contact_id for step in steps})
    parts = {f"{step.action} {step.list_role.label if step.list_role else 'in campaigns'}" for step in steps}
    return f"{contacts} contacts, {', '.join(sorted(parts))}"
